//! Gratuitous ARP: the frame that moves a virtual address in the caches of hosts and the tables of switches.
//!
//! RFC 5227 section 3 calls it an ARP announcement. The bytes are keepalived's: a broadcast request in which
//! both addresses are the virtual one and the target hardware address is the broadcast.

use std::net::Ipv4Addr;

use pnet_base::MacAddr;
use pnet_packet::{
    arp::{ArpHardwareTypes, ArpOperations, MutableArpPacket},
    ethernet::{EtherTypes, MutableEthernetPacket},
};

/// Ethernet header and ARP over IPv4.
pub const FRAME_BYTES: usize = 14 + 28;

/// The frame that announces `address` at `mac`.
pub fn gratuitous(mac: [u8; 6], address: Ipv4Addr) -> [u8; FRAME_BYTES] {
    let mac = MacAddr::from(mac);
    let mut arp = [0; 28];
    if let Some(mut p) = MutableArpPacket::new(&mut arp) {
        p.set_hardware_type(ArpHardwareTypes::Ethernet);
        p.set_protocol_type(EtherTypes::Ipv4);
        p.set_hw_addr_len(6);
        p.set_proto_addr_len(4);
        p.set_operation(ArpOperations::Request);
        p.set_sender_hw_addr(mac);
        p.set_sender_proto_addr(address);
        p.set_target_hw_addr(MacAddr::broadcast());
        p.set_target_proto_addr(address);
    }
    let mut frame = [0; FRAME_BYTES];
    if let Some(mut p) = MutableEthernetPacket::new(&mut frame) {
        p.set_destination(MacAddr::broadcast());
        p.set_source(mac);
        p.set_ethertype(EtherTypes::Arp);
        p.set_payload(&arp);
    }
    frame
}
