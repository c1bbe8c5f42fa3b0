//! The IPv4 header around an advert: written by us, since keepalived's packets are matched byte by byte, and
//! read back because a raw socket delivers it.
//!
//! Leaves the message to `wire.rs`. Over IPv6 the kernel writes the header and control messages carry the hop
//! limit, so nothing is needed here.

use std::net::{IpAddr, Ipv4Addr};

use pnet_packet::{
    ip::IpNextHeaderProtocol,
    ipv4::{self, Ipv4Packet, MutableIpv4Packet},
};

use super::{PROTOCOL, Received};

/// Precedence "internetwork control", as routing protocols use.
const DSCP: u8 = 0xc0 >> 2;
/// Header without options.
const HEADER_BYTES: usize = 20;

/// The whole packet. `id` is the sender's running number.
pub fn wrap(message: &[u8], source: Ipv4Addr, destination: Ipv4Addr, ttl: u8, id: u16) -> Vec<u8> {
    wrap_as(PROTOCOL, message, source, destination, ttl, id)
}

pub(super) fn wrap_as(
    protocol: u8,
    message: &[u8],
    source: Ipv4Addr,
    destination: Ipv4Addr,
    ttl: u8,
    id: u16,
) -> Vec<u8> {
    let total = HEADER_BYTES + message.len();
    let mut bytes = vec![0; total];
    if let Some(mut p) = MutableIpv4Packet::new(&mut bytes) {
        p.set_version(4);
        p.set_header_length((HEADER_BYTES / 4) as u8);
        p.set_dscp(DSCP);
        p.set_total_length(total as u16);
        p.set_identification(id);
        p.set_ttl(ttl);
        p.set_next_level_protocol(IpNextHeaderProtocol(protocol));
        p.set_source(source);
        p.set_destination(destination);
        p.set_payload(message);
        let sum = ipv4::checksum(&p.to_immutable());
        p.set_checksum(sum);
    }
    bytes
}

/// What a raw IPv4 socket delivered. `None` if it is no complete IPv4 packet of ours.
pub fn unwrap(bytes: &[u8]) -> Option<Received<'_>> {
    unwrap_as(PROTOCOL, bytes).map(|(_, received)| received)
}

/// The header apart from the rest.
pub(super) fn unwrap_as(protocol: u8, bytes: &[u8]) -> Option<(&[u8], Received<'_>)> {
    let p = Ipv4Packet::new(bytes)?;
    let start = usize::from(p.get_header_length()) * 4;
    let end = usize::from(p.get_total_length());
    if p.get_version() != 4 || start < HEADER_BYTES || p.get_next_level_protocol().0 != protocol {
        return None;
    }
    let received = Received {
        source: IpAddr::V4(p.get_source()),
        destination: IpAddr::V4(p.get_destination()),
        ttl: p.get_ttl(),
        message: bytes.get(start..end)?,
    };
    Some((bytes.get(..start)?, received))
}
