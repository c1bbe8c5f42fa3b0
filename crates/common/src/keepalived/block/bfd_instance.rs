//! `bfd_instance`: a session of RFC 5880.

use std::net::IpAddr;

use super::{Entry, Row, row, set};
use crate::{keepalived::model::BfdInstance, source::At};

/// RFC 5880 section 4.1 carries intervals in 32 bits of microseconds; a minute is more than enough.
const INTERVAL_MAX_US: u64 = 60_000_000;

pub(super) const KEYWORDS: &[Row<BfdInstance>] = &[
    row("checker", (0, 0), "Send events to the checker process only.", |b, _| b.checker = true),
    row("hoplimit", (1, 1), "IPv6 hop limit sent.", |b, e| {
        set(&mut b.ttl, e.number(0, 1..=255).map(|n| n.value))
    }),
    row("idle_tx", (1, 1), "Transmit interval while not up.", |b, e| set(&mut b.idle_tx_us, interval(e))),
    row("max_hops", (1, 1), "Largest accepted TTL loss; 255 no check.", |b, e| {
        set(&mut b.max_hops, e.number(0, -1..=255).map(|n| n.value))
    }),
    row("min_rx", (1, 1), "Required minimum receive interval.", |b, e| set(&mut b.min_rx_us, interval(e))),
    row("min_tx", (1, 1), "Desired minimum transmit interval.", |b, e| set(&mut b.min_tx_us, interval(e))),
    row("multihop", (0, 1), "Use port 4784.", |b, e| b.multihop = e.flag(0).unwrap_or(false)),
    row("multiplier", (1, 1), "Missed packets until down.", |b, e| {
        set(&mut b.multiplier, e.number(0, 1..=255).map(|n| n.value))
    }),
    row("neighbor_ip", (1, 1), "Peer (also neighbour_ip).", |b, e| set(&mut b.neighbor_ip, ip(e))),
    row("neighbour_ip", (1, 1), "The same as neighbor_ip.", |b, e| set(&mut b.neighbor_ip, ip(e))),
    row("passive", (0, 0), "Do not begin the session.", |b, _| b.passive = true),
    row("source_ip", (1, 1), "Local address.", |b, e| set(&mut b.source_ip, ip(e))),
    row("ttl", (1, 1), "IPv4 TTL sent.", |b, e| set(&mut b.ttl, e.number(0, 1..=255).map(|n| n.value))),
    row("vrrp", (0, 0), "Send events to the VRRP process only.", |b, _| b.vrrp = true),
    row("weight", (1, 2), "Default tracking weight.", |b, e| {
        if let Some((w, r)) = e.weight(0, 253) {
            (b.weight, b.reverse) = (w.value, r == Some(true));
        }
    }),
];

fn ip(e: &mut Entry<'_>) -> Option<At<IpAddr>> {
    let word = e.word(0)?;
    e.address(word)
}

/// Milliseconds with up to three decimals.
fn interval(e: &mut Entry<'_>) -> Option<u32> {
    e.milliseconds_us(0, 1..=INTERVAL_MAX_US).and_then(|n| u32::try_from(n.value).ok())
}
