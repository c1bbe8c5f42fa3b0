//! The `#[packet]` types of VRRP and the checksum arithmetic of the Internet.
//!
//! Owns: field positions, nothing else. Invariant: a packet view exists only over enough bytes for its fixed
//! part (`new` answers `None` otherwise), so the generated accessors stay inside.

// The accessors that pnet generates index the buffer whose length `new` has checked.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, missing_debug_implementations)]
#![allow(unreachable_pub, unused)]

use std::net::{Ipv4Addr, Ipv6Addr};

use pnet_macros::Packet;
use pnet_macros_support::types::{u4, u16be};
use pnet_packet::{Packet, ip::IpNextHeaderProtocol, util};

/// The fixed part of both versions; `timing` is authentication type and interval in version 2, four reserved
/// bits and the interval in version 3.
#[derive(Packet)]
pub struct Vrrp {
    pub version: u4,
    pub kind: u4,
    pub vrid: u8,
    pub priority: u8,
    pub count: u8,
    pub timing: u16be,
    pub checksum: u16be,
    #[payload]
    pub body: Vec<u8>,
}

impl VrrpPacket<'_> {
    /// What follows the fixed part: the addresses, then version 2's authentication data.
    pub fn body(&self) -> &[u8] {
        self.payload()
    }
}

/// Word of the message that holds the checksum itself.
const CHECKSUM_WORD: usize = 3;

/// RFC 1071 over the message, its checksum field taken as zero.
pub fn checksum(message: &[u8]) -> u16 {
    util::checksum(message, CHECKSUM_WORD)
}

/// The same with the IPv4 pseudo header (RFC 5798 section 5.2.8).
pub fn checksum_with_pseudo_header(message: &[u8], source: Ipv4Addr, destination: Ipv4Addr) -> u16 {
    let protocol = IpNextHeaderProtocol(super::PROTOCOL);
    util::ipv4_checksum(message, CHECKSUM_WORD, &[], &source, &destination, protocol)
}

/// The same with the IPv6 pseudo header (RFC 8200 section 8.1).
pub fn checksum_v6(message: &[u8], source: Ipv6Addr, destination: Ipv6Addr) -> u16 {
    let protocol = IpNextHeaderProtocol(super::PROTOCOL);
    util::ipv6_checksum(message, CHECKSUM_WORD, &[], &source, &destination, protocol)
}
