//! The virtual addresses of the host: which are held, added, removed, lost and announced.
//!
//! Invariants: an address is held only by an instance that is master; a removal of our own is never taken for
//! somebody else's. Leaves to others: the pace of announcements (`announce`), netlink (shell).

use std::{net::IpAddr, time::Duration};

use super::{Action, Note, Router};
use crate::engine::{
    Time, instance,
    plan::AddressPlan,
    wire::{arp, ndp},
};

/// An address that others remove more often than this within [`FIGHT`] is given up to them.
const FIGHTS_MAX: usize = 5;
const FIGHT: Duration = Duration::from_secs(60);

impl Router {
    pub(super) fn add_addresses(&mut self, index: usize) {
        let (Some(plan), Some(extra)) = (self.plan.instances.get(index), self.extras.get_mut(index)) else {
            return;
        };
        for address in &plan.addresses {
            let Some(link) = self.links.by_name(&address.interface).map(|l| l.index) else { continue };
            if !extra.held.iter().any(|(l, a)| *l == link && a == address) {
                extra.held.push((link, address.clone()));
                self.actions.push_back(Action::AddAddress { link, address: address.clone() });
            }
        }
    }

    pub(super) fn remove_addresses(&mut self, index: usize) {
        let Some(extra) = self.extras.get_mut(index) else { return };
        let held = std::mem::take(&mut extra.held);
        self.actions.push_back(Action::Note { instance: index, note: Note::Removed });
        for (link, address) in held {
            self.remove_address(link, address);
        }
    }

    pub(super) fn remove_address(&mut self, link: u32, address: AddressPlan) {
        self.leaving.push((link, address.address));
        self.actions.push_back(Action::RemoveAddress { link, address });
    }

    /// Virtual addresses that a run before us left behind would be held by two routers.
    pub(super) fn remove_stale(&mut self) {
        let mut stale: Vec<(u32, AddressPlan)> = Vec::new();
        for plan in &self.plan.instances {
            for address in &plan.addresses {
                let Some(link) = self.links.by_name(&address.interface).map(|l| l.index) else { continue };
                let Some(prefix) = self.links.prefix(link, address.address) else { continue };
                let held =
                    self.extras.iter().any(|e| e.held.iter().any(|(_, a)| a.address == address.address));
                if !held && prefix == address.prefix {
                    stale.push((link, address.clone()));
                }
            }
        }
        for (link, address) in stale {
            self.remove_address(link, address);
        }
    }

    /// Whether we removed this address ourselves; each removal is reported once.
    pub(super) fn was_leaving(&mut self, link: u32, address: IpAddr) -> bool {
        match self.leaving.iter().position(|l| *l == (link, address)) {
            Some(at) => {
                self.leaving.swap_remove(at);
                true
            }
            None => false,
        }
    }

    pub(super) fn address_gone(&mut self, link: u32, address: IpAddr, now: Time) {
        self.links.remove_address(link, address);
        if !self.was_leaving(link, address) {
            for index in 0..self.instances.len() {
                let lost = self.extras.get(index).is_some_and(|e| {
                    e.held.iter().any(|(l, a)| *l == link && a.address == address && a.tracked)
                });
                if !lost || self.put_back(index, link, address, now) {
                    continue;
                }
                if let Some(extra) = self.extras.get_mut(index) {
                    extra.held.retain(|(l, a)| *l != link || a.address != address);
                }
                self.tell(index, instance::Event::AddressLost(address), now);
            }
        }
        self.refresh_all(now);
    }

    /// Adds an address again that somebody else removed. `false`: that has happened too often, or its link is
    /// down, so that the instance has to yield.
    fn put_back(&mut self, index: usize, link: u32, address: IpAddr, now: Time) -> bool {
        let up = self.links.iter().any(|l| l.index == link && l.running);
        let Some(extra) = self.extras.get_mut(index) else { return false };
        extra.fights.retain(|(_, at)| now.saturating_sub(*at) < FIGHT);
        let fights = extra.fights.iter().filter(|(a, _)| *a == address).count();
        let held = extra.held.iter().find(|(l, a)| *l == link && a.address == address);
        let Some((_, plan)) = held.filter(|_| up && fights < FIGHTS_MAX).cloned() else { return false };
        extra.fights.push((address, now));
        self.actions.push_back(Action::Note { instance: index, note: Note::PutBack(address) });
        self.actions.push_back(Action::AddAddress { link, address: plan });
        let repeat = self.instances.get(index).map_or(0, |i| i.plan().garp.master_repeat);
        self.announce(index, repeat, now);
        true
    }

    /// Queues gratuitous ARP or neighbour advertisements for everything that the instance holds, address by address in each round.
    pub(super) fn announce(&mut self, index: usize, repeat: u32, now: Time) {
        let Some(extra) = self.extras.get(index) else { return };
        for _ in 0..repeat {
            for (link, address) in &extra.held {
                let Some(mac) = self.links.mac(*link) else { continue };
                let frame = match address.address {
                    IpAddr::V4(v4) => arp::gratuitous(mac, v4).to_vec(),
                    IpAddr::V6(v6) => ndp::unsolicited(mac, v6).to_vec(),
                };
                self.announcer.push(*link, address.address, frame);
            }
        }
        self.announce_due(now);
    }

    pub(super) fn announce_due(&mut self, now: Time) {
        while let Some((link, address, frame)) = self.announcer.next_due(now) {
            let held =
                self.extras.iter().any(|e| e.held.iter().any(|(l, a)| *l == link && a.address == address));
            // What waited for its turn may be another router's by now.
            if held {
                self.actions.push_back(Action::Announce { link, address, frame });
            }
        }
    }
}
