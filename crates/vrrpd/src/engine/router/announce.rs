//! The pace of gratuitous ARP: `vrrp_garp_interval` is the least gap between two frames on an interface.
//!
//! Invariant: without a gap nothing ever waits; with one, each interface has its own queue, bounded, from which
//! the oldest goes first.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::Duration,
};

use crate::engine::{Time, wire::arp::FRAME_BYTES};

/// Frames waiting per interface; beyond it a burst is cut, since caches have long heard the address.
const WAITING_MAX: usize = 4_096;

type Frame = (IpAddr, [u8; FRAME_BYTES]);

#[derive(Clone, Debug)]
pub(super) struct Announcer {
    gap: Duration,
    queues: BTreeMap<u32, Queue>,
}

#[derive(Clone, Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    free_at: Time,
}

impl Announcer {
    pub(super) fn new(gap: Duration) -> Announcer {
        Announcer { gap, queues: BTreeMap::new() }
    }

    pub(super) fn set_gap(&mut self, gap: Duration) {
        self.gap = gap;
    }

    pub(super) fn push(&mut self, link: u32, address: IpAddr, frame: [u8; FRAME_BYTES]) {
        let queue = self.queues.entry(link).or_default();
        if queue.frames.len() < WAITING_MAX {
            queue.frames.push_back((address, frame));
        }
    }

    /// The next frame whose interface is free.
    pub(super) fn next_due(&mut self, now: Time) -> Option<(u32, IpAddr, [u8; FRAME_BYTES])> {
        for (link, queue) in &mut self.queues {
            if queue.free_at <= now
                && let Some((address, frame)) = queue.frames.pop_front()
            {
                queue.free_at = now + self.gap;
                return Some((*link, address, frame));
            }
        }
        None
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.queues.values().filter(|q| !q.frames.is_empty()).map(|q| q.free_at).min()
    }
}
