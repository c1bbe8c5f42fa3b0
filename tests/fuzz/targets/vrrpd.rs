//! What must hold for any packet: it is an advert or is dropped for a reason, and what is encoded is decoded.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use vrrpd::engine::wire::{Auth, Cast, Checksum, Dialect, Received, Version};

/// VRRP packets of both versions, over IPv4 and IPv6. The first byte chooses how they are received.
pub(crate) fn vrrp_packet(data: &[u8]) {
    let (&how, message) = data.split_first().unwrap_or((&0, &[]));
    let (source, destination): (IpAddr, IpAddr) = match how & 1 {
        0 => (Ipv4Addr::new(10, 0, 0, 1).into(), Ipv4Addr::new(224, 0, 0, 18).into()),
        _ => (Ipv6Addr::LOCALHOST.into(), Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12).into()),
    };
    let version = if how & 2 == 0 { Version::V2 } else { Version::V3 };
    let dialect = Dialect {
        version,
        vrid: 51,
        auth: if how & 4 == 0 { Auth::None } else { Auth::pass(b"1111") },
        checksum: if how & 8 == 0 { Checksum::Pseudo } else { Checksum::Plain },
        interval: Duration::from_secs(1),
        addresses: vec![source],
    };
    let cast = if how & 16 == 0 { Cast::Multicast } else { Cast::Unicast { ttl_min: 1, ttl_max: 255 } };
    let received = Received { source, destination, ttl: 255, message };
    let _ = received.vrid();
    if let Ok(advert) = dialect.decode(&received, cast) {
        let again = dialect.encode(advert.priority, source, destination);
        let echo = Received { message: &again, ..received };
        let advert_again = dialect.decode(&echo, cast).expect("what we send we take");
        assert_eq!(advert_again.priority, advert.priority);
    }
}
