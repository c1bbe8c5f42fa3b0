//! The pace of announcements: `vrrp_garp_interval` and `vrrp_gna_interval` are the least gaps between two frames
//! of one kind on an interface.
//!
//! Invariant: without a gap nothing ever waits; with one, each interface has its own queue, bounded, from which
//! the oldest goes first.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::Duration,
};

use crate::engine::{Time, wire::Frame};

/// Frames waiting per interface; beyond it a burst is cut, since caches have long heard the address.
const WAITING_MAX: usize = 4_096;

#[derive(Clone, Debug)]
pub(super) struct Announcer {
    gaps: Gaps,
    /// By interface and whether it is IPv6.
    queues: BTreeMap<(u32, bool), Queue>,
}

/// The least gaps: of gratuitous ARP, and of unsolicited neighbour advertisements.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gaps {
    pub garp: Duration,
    pub gna: Duration,
}

#[derive(Clone, Debug, Default)]
struct Queue {
    frames: VecDeque<(IpAddr, Frame)>,
    free_at: Time,
}

impl Announcer {
    pub(super) fn new(gaps: Gaps) -> Announcer {
        Announcer { gaps, queues: BTreeMap::new() }
    }

    pub(super) fn set_gaps(&mut self, gaps: Gaps) {
        self.gaps = gaps;
    }

    pub(super) fn push(&mut self, link: u32, address: IpAddr, frame: Frame) {
        let queue = self.queues.entry((link, address.is_ipv6())).or_default();
        if queue.frames.len() < WAITING_MAX {
            queue.frames.push_back((address, frame));
        }
    }

    /// The next frame whose interface is free.
    pub(super) fn next_due(&mut self, now: Time) -> Option<(u32, IpAddr, Frame)> {
        for ((link, v6), queue) in &mut self.queues {
            if queue.free_at <= now
                && let Some((address, frame)) = queue.frames.pop_front()
            {
                queue.free_at = now + if *v6 { self.gaps.gna } else { self.gaps.garp };
                return Some((*link, address, frame));
            }
        }
        None
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.queues.values().filter(|q| !q.frames.is_empty()).map(|q| q.free_at).min()
    }
}
