//! Unsolicited neighbour advertisements: what gratuitous ARP is for IPv4 (RFC 4861 section 7.2.6, RFC 9568
//! section 6.4.1).
//!
//! The bytes are keepalived's: from the virtual address itself to all nodes, with the override flag and the
//! target's link-layer address.

use std::net::Ipv6Addr;

use pnet_base::MacAddr;
use pnet_packet::{
    ethernet::{EtherTypes, MutableEthernetPacket},
    icmpv6::{
        self, Icmpv6Packet, Icmpv6Types, MutableIcmpv6Packet,
        ndp::{MutableNeighborAdvertPacket, NdpOption, NdpOptionTypes, NeighborAdvertFlags},
    },
    ip::IpNextHeaderProtocols,
    ipv6::MutableIpv6Packet,
};

/// Ethernet header, IPv6 header, advertisement with one option.
pub const FRAME_BYTES: usize = 14 + 40 + MESSAGE_BYTES;
const MESSAGE_BYTES: usize = 24 + 8;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// The multicast address of all nodes on Ethernet (RFC 2464 section 7).
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
/// RFC 4861 section 7.1.2: others are not believed.
const HOPS: u8 = 255;

/// The frame that announces `address` at `mac`.
pub fn unsolicited(mac: [u8; 6], address: Ipv6Addr) -> [u8; FRAME_BYTES] {
    let message = message(mac, address);
    let mut packet = [0; 40 + MESSAGE_BYTES];
    if let Some(mut p) = MutableIpv6Packet::new(&mut packet) {
        p.set_version(6);
        p.set_payload_length(MESSAGE_BYTES as u16);
        p.set_next_header(IpNextHeaderProtocols::Icmpv6);
        p.set_hop_limit(HOPS);
        p.set_source(address);
        p.set_destination(ALL_NODES);
        p.set_payload(&message);
    }
    let mut frame = [0; FRAME_BYTES];
    if let Some(mut p) = MutableEthernetPacket::new(&mut frame) {
        p.set_destination(MacAddr::from(ALL_NODES_MAC));
        p.set_source(MacAddr::from(mac));
        p.set_ethertype(EtherTypes::Ipv6);
        p.set_payload(&packet);
    }
    frame
}

fn message(mac: [u8; 6], address: Ipv6Addr) -> [u8; MESSAGE_BYTES] {
    let mut message = [0; MESSAGE_BYTES];
    if let Some(mut p) = MutableNeighborAdvertPacket::new(&mut message) {
        p.set_icmpv6_type(Icmpv6Types::NeighborAdvert);
        p.set_flags(NeighborAdvertFlags::Override);
        p.set_target_addr(address);
        p.set_options(&[NdpOption {
            option_type: NdpOptionTypes::TargetLLAddr,
            length: 1,
            data: mac.to_vec(),
        }]);
    }
    let sum = Icmpv6Packet::new(&message).map(|p| icmpv6::checksum(&p, &address, &ALL_NODES));
    if let (Some(sum), Some(mut p)) = (sum, MutableIcmpv6Packet::new(&mut message)) {
        p.set_checksum(sum);
    }
    message
}
