//! VRRP advertisements on the wire: version 2 (RFC 3768 section 5) and version 3 (RFC 9568 section 5).
//!
//! Owns: encoding, decoding with every receive check that needs the packet and the instance's parameters only,
//! and the checksums. Invariants: decoding never panics and never allocates more than the packet carries;
//! what `encode` writes, `decode` with the same parameters accepts.
//! Leaves to others: who is master (`engine::instance`), sockets (`shell::socket`). The IP header is in
//! `wire/ip.rs`, gratuitous ARP in `wire/arp.rs`, its counterpart of IPv6 in `wire/ndp.rs`, the `#[packet]` types
//! in `wire/packet.rs`.

pub mod ah;
pub mod arp;
pub mod ip;
pub mod ndp;
mod packet;
pub mod seal;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use packet::{MutableVrrpPacket, VrrpPacket};
use pnet_packet::Packet;
pub use seal::Seal;

/// The IP protocol number of VRRP (RFC 9568 section 5.1.1.4).
pub const PROTOCOL: u8 = 112;
/// Adverts carry this TTL, and one received by multicast must still have it (RFC 9568 section 5.1.1.3).
pub const TTL: u8 = 255;
/// The group that adverts go to by default (RFC 9568 section 5.1.1.2).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// The IPv6 group (RFC 9568 section 5.1.2.2).
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);
/// An Ethernet frame that announces an address.
pub type Frame = Vec<u8>;
/// The count of addresses is one byte.
pub const ADDRESSES_MAX: usize = 255;
/// Version 3 carries the interval as 12 bits of hundredths of a second.
pub const INTERVAL_V3_MAX: Duration = Duration::from_millis(40_950);
/// The type of an advertisement; there is no other.
const ADVERTISEMENT: u8 = 1;
/// Bytes of authentication data at the end of each version 2 packet.
const AUTH_BYTES: usize = 8;

/// The protocol version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Version {
    V2,
    V3,
}

impl Version {
    pub const fn number(self) -> u8 {
        match self {
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }
}

/// How adverts are authenticated. RFC 3768 removed version 2's kinds, keepalived added one; its users have them.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    None,
    /// A password in clear, cut to eight bytes and padded with zeros.
    Pass([u8; AUTH_BYTES]),
    /// The authentication header around the message, with this password.
    Header(Vec<u8>),
    /// `auth_hmac`: a trailer behind the message.
    Seal(Arc<Seal>),
}

impl Auth {
    /// The password as keepalived puts it on the wire: its first eight bytes.
    pub fn pass(word: &[u8]) -> Auth {
        let mut bytes = [0; AUTH_BYTES];
        for (to, from) in bytes.iter_mut().zip(word) {
            *to = *from;
        }
        Auth::Pass(bytes)
    }

    const fn code(&self) -> u8 {
        match self {
            Auth::None | Auth::Seal(_) => 0,
            Auth::Pass(_) => 1,
            Auth::Header(_) => 2,
        }
    }
}

impl fmt::Debug for Auth {
    /// A password never reaches a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Auth::None => "None",
            Auth::Pass(_) => "Pass(********)",
            Auth::Header(_) => "Header(********)",
            Auth::Seal(_) => "Seal(********)",
        })
    }
}

/// What the checksum of a version 3 packet over IPv4 covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Checksum {
    /// With the pseudo header (RFC 5798 section 5.2.8): keepalived's default.
    #[default]
    Pseudo,
    /// The VRRP message alone (RFC 9568 section 5.2.8): `v3_checksum_as_v2`.
    Plain,
}

/// What both ends of a virtual router must agree upon.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dialect {
    pub version: Version,
    pub vrid: u8,
    pub auth: Auth,
    pub checksum: Checksum,
    /// Our own interval; version 2 drops adverts with another one (RFC 3768 section 7.1).
    pub interval: Duration,
    /// The advertised addresses, in the order of the configuration.
    pub addresses: Vec<IpAddr>,
}

impl Dialect {
    /// The IP protocol that adverts travel under.
    pub fn protocol(&self) -> u8 {
        if matches!(self.auth, Auth::Header(_)) { ah::PROTOCOL_AH } else { PROTOCOL }
    }

    /// Signs a message with this sequence number, if adverts are signed at its end.
    pub fn seal(&self, message: &mut Vec<u8>, source: IpAddr, destination: IpAddr, sequence: u64) {
        let Auth::Seal(seal) = &self.auth else { return };
        let Some(trailer) = seal.trailer(message, source, sequence) else { return };
        message.extend_from_slice(&trailer);
        // Over IPv6 the checksum is the kernel's at the receiver, over all that follows the header.
        if source.is_ipv6() {
            let sum = self.sum(message, source, destination);
            if let Some(mut p) = MutableVrrpPacket::new(message) {
                p.set_checksum(sum);
            }
        }
    }

    /// Looks at the signature at a message's end: its sequence number, if there is one to be had.
    pub fn unseal(&self, received: &Received<'_>, wall: Duration) -> Result<Option<u64>, Verdict> {
        let Auth::Seal(seal) = &self.auth else { return Ok(None) };
        let length = self.length(received).ok_or(Verdict::Length)?;
        let (message, trailer) = received.message.split_at_checked(length).ok_or(Verdict::Length)?;
        seal.verify(message, trailer, received.source, wall)
    }

    /// Bytes of the message without what is behind it.
    fn length(&self, received: &Received<'_>) -> Option<usize> {
        let p = VrrpPacket::new(received.message)?;
        let address = if received.source.is_ipv6() { 16 } else { 4 };
        let tail = if p.get_version() == 2 { AUTH_BYTES } else { 0 };
        Some(VrrpPacket::minimum_packet_size() + usize::from(p.get_count()) * address + tail)
    }

    /// The message for one destination. The IP header is not part of it.
    pub fn encode(&self, priority: u8, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        let addresses = self.addresses.get(..ADDRESSES_MAX).unwrap_or(&self.addresses);
        let size = |a: &IpAddr| if a.is_ipv4() { 4 } else { 16 };
        let auth = if self.version == Version::V2 { AUTH_BYTES } else { 0 };
        let mut body = Vec::with_capacity(addresses.iter().map(size).sum::<usize>() + auth);
        for address in addresses {
            match address {
                IpAddr::V4(a) => body.extend_from_slice(&a.octets()),
                IpAddr::V6(a) => body.extend_from_slice(&a.octets()),
            }
        }
        if self.version == Version::V2 {
            match &self.auth {
                Auth::Pass(word) => body.extend_from_slice(word),
                _ => body.extend_from_slice(&[0; AUTH_BYTES]),
            }
        }
        let mut bytes = vec![0; VrrpPacket::minimum_packet_size() + body.len()];
        if let Some(mut p) = MutableVrrpPacket::new(&mut bytes) {
            p.set_version(self.version.number());
            p.set_kind(ADVERTISEMENT);
            p.set_vrid(self.vrid);
            p.set_priority(priority);
            p.set_count(addresses.len() as u8);
            p.set_timing(match self.version {
                Version::V2 => u16::from(self.auth.code()) << 8 | seconds(self.interval),
                Version::V3 => centiseconds(self.interval),
            });
            p.set_body(&body);
            let sum = self.sum(p.to_immutable().packet(), source, destination);
            p.set_checksum(sum);
        }
        bytes
    }

    /// The receive checks of RFC 3768 and RFC 9568 section 7.1, in keepalived's order, so that counters and
    /// messages agree with it. `pinned` is how the packet had to come.
    pub fn decode(&self, received: &Received<'_>, pinned: Cast) -> Result<Advert, Verdict> {
        let p = VrrpPacket::new(received.message).ok_or(Verdict::Length)?;
        let v6 = received.source.is_ipv6();
        let need = usize::from(p.get_count()) * if v6 { 16 } else { 4 };
        let tail = if p.get_version() == 2 { AUTH_BYTES } else { 0 };
        let list = p.body().get(..need).ok_or(Verdict::Length)?;
        let auth = p.body().get(need..need + tail).ok_or(Verdict::Length)?;
        let ttl_fits = match pinned {
            Cast::Multicast => received.ttl == TTL,
            Cast::Unicast { ttl_min, ttl_max } => (ttl_min..=ttl_max).contains(&received.ttl),
        };
        if !ttl_fits {
            return Err(Verdict::Ttl(received.ttl));
        }
        if p.get_version() != self.version.number() {
            return Err(Verdict::Version(p.get_version()));
        }
        let interval = self.check_timing(&p, auth)?;
        if p.get_kind() != ADVERTISEMENT {
            return Err(Verdict::Type(p.get_kind()));
        }
        if p.get_checksum() != self.sum(self.summed(received), received.source, received.destination) {
            return Err(Verdict::Checksum);
        }
        match pinned {
            Cast::Multicast if !received.destination.is_multicast() => return Err(Verdict::Cast),
            Cast::Unicast { .. } if received.destination.is_multicast() => return Err(Verdict::Cast),
            _ => {}
        }
        Ok(Advert {
            source: received.source,
            priority: p.get_priority(),
            interval,
            addresses_differ: !self.same_addresses(list, v6),
        })
    }

    /// A trailer is part of the sum over IPv6 only.
    fn summed<'a>(&self, received: &Received<'a>) -> &'a [u8] {
        match self.length(received) {
            Some(length) if matches!(self.auth, Auth::Seal(_)) && received.source.is_ipv4() => {
                received.message.get(..length).unwrap_or(received.message)
            }
            _ => received.message,
        }
    }

    /// Authentication and interval; both live in the same sixteen bits.
    fn check_timing(&self, p: &VrrpPacket<'_>, auth: &[u8]) -> Result<Duration, Verdict> {
        if self.version == Version::V3 {
            return Ok(Duration::from_millis(u64::from(p.get_timing() & 0x0fff) * 10));
        }
        let kind = (p.get_timing() >> 8) as u8;
        match &self.auth {
            _ if kind > 2 => return Err(Verdict::AuthType(kind)),
            a if kind != a.code() => return Err(Verdict::AuthMismatch(kind)),
            Auth::Pass(word) if !equal(auth, word) => return Err(Verdict::AuthFailure),
            _ => {}
        }
        let said = p.get_timing() & 0xff;
        if said != seconds(self.interval) {
            return Err(Verdict::Interval(Duration::from_secs(u64::from(said))));
        }
        Ok(self.interval)
    }

    fn sum(&self, message: &[u8], source: IpAddr, destination: IpAddr) -> u16 {
        match (self.version, self.checksum, source, destination) {
            (Version::V3, Checksum::Pseudo, IpAddr::V4(s), IpAddr::V4(d)) => {
                packet::checksum_with_pseudo_header(message, s, d)
            }
            // Over IPv6 there always is one (RFC 9568 section 5.2.8).
            (_, _, IpAddr::V6(s), IpAddr::V6(d)) => packet::checksum_v6(message, s, d),
            _ => packet::checksum(message),
        }
    }

    fn same_addresses(&self, list: &[u8], v6: bool) -> bool {
        let mine = self.addresses.iter();
        if v6 {
            list.as_chunks::<16>()
                .0
                .iter()
                .map(|a| IpAddr::from(*a))
                .collect::<Vec<_>>()
                .iter()
                .all(|a| self.addresses.contains(a))
                && list.len() == mine.len() * 16
        } else {
            list.as_chunks::<4>().0.iter().all(|a| self.addresses.contains(&IpAddr::from(*a)))
                && list.len() == mine.len() * 4
        }
    }
}

/// A packet as it came, without its IP header.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub ttl: u8,
    pub message: &'a [u8],
}

impl Received<'_> {
    /// The virtual router that the packet speaks of; enough to find the instance that decodes it.
    pub fn vrid(&self) -> Option<u8> {
        VrrpPacket::new(self.message).map(|p| p.get_vrid())
    }
}

/// How adverts have to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cast {
    Multicast,
    /// Routed unicast loses TTL, so only the configured bounds are checked (`unicast_peer`'s `min_ttl`).
    Unicast {
        ttl_min: u8,
        ttl_max: u8,
    },
}

/// An advert that passed the checks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advert {
    pub source: IpAddr,
    pub priority: u8,
    /// The sender's interval; version 3 backups adopt it (RFC 9568 section 6.4.2).
    pub interval: Duration,
    /// The address list is not ours. Said and counted, and the advert is accepted ("MAY", section 7.1).
    pub addresses_differ: bool,
}

/// Why a packet was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Length,
    Ttl(u8),
    Version(u8),
    AuthType(u8),
    AuthMismatch(u8),
    AuthFailure,
    Interval(Duration),
    Type(u8),
    Checksum,
    /// Multicast where unicast was agreed, or the other way round.
    Cast,
    /// `check_unicast_src`: the sender is no configured peer.
    NotPeer,
    /// `auth_hmac`: nothing behind the message, something else, a wrong signature.
    NoTrailer,
    BadTrailer,
    Signature,
    /// The sender's clock differs by this, in whole seconds.
    Stale(Duration),
    /// A sequence number that was seen.
    Replayed,
}

/// Version 2 carries whole seconds.
fn seconds(d: Duration) -> u16 {
    d.as_secs().min(255) as u16
}

/// Version 3 carries hundredths of a second in twelve bits.
fn centiseconds(d: Duration) -> u16 {
    (d.min(INTERVAL_V3_MAX).as_millis() / 10) as u16
}

/// Compares in constant time, so that the wire does not tell how much of a guess was right.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y)) == 0
}

#[cfg(test)]
mod tests;
