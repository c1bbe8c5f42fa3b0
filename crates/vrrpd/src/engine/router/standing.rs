//! What links, addresses and trackers come to for each instance: its source, its faults, its weight.
//!
//! Invariants: everything is looked at again after each change, so that no difference is kept; weights are told
//! before the end of a fault, and beginnings of faults before everything. Leaves to others: what a tracker says
//! (`track`, `trackers`), what an instance makes of it (`instance`).

use std::net::{IpAddr, Ipv6Addr};

use super::{Link, Router};
use crate::engine::{
    Time,
    instance::{self, Fault},
    plan::{InstancePlan, Path, Peer},
    track::Effect,
};

impl Router {
    /// Carries out what trackers want, and looks at every instance again if one of them changed.
    pub(super) fn drain_trackers(&mut self, now: Time) {
        let actions = &mut self.actions;
        if self.trackers.drain(|a| actions.push_back(a)) {
            self.refresh_all(now);
        }
    }

    /// Brings every instance up to date with links and trackers.
    pub(super) fn refresh_all(&mut self, now: Time) {
        for index in 0..self.instances.len() {
            self.refresh(index, now);
        }
        self.refresh_groups(now);
        self.refresh_sockets();
    }

    pub(super) fn refresh(&mut self, index: usize, now: Time) {
        let Some(plan) = self.plan.instances.get(index).cloned() else { return };
        let link = self.links.by_name(&plan.interface);
        let up = link.is_some_and(|l| l.running);
        let source = link.and_then(|l| self.source_of(&plan, l));
        let mut events = vec![instance::Event::Source(source)];
        let mut fault = |what: Fault, holds: bool| {
            events.push(if holds { instance::Event::Fault(what) } else { instance::Event::Clear(what) });
        };
        // The worst first: what follows from it need not be said.
        fault(Fault::NoInterface, link.is_none());
        fault(Fault::InterfaceDown, link.is_some() && !up && plan.track_primary);
        let peerless = matches!(&plan.path, Path::Unicast { peers, .. } if peers.is_empty());
        fault(Fault::NoPeer, peerless);
        fault(Fault::NoAddress, link.is_some() && source.is_none());
        let (mut weight, mut waiting) = (self.weight_of_order(index), 0);
        for (at, watch) in plan.watches.iter().enumerate() {
            let effect = self.trackers.effect(watch, &self.links);
            match effect {
                Effect::Weight(w) => weight += w,
                Effect::Waiting => waiting += 1,
                Effect::Fault => {}
            }
            fault(Fault::Watch(at), effect == Effect::Fault);
        }
        // Weights before the end of a fault, so that the timers that follow count with them; faults first of
        // all, so that nobody starts in between.
        let (ends, begins): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|e| matches!(e, instance::Event::Clear(_)));
        for event in begins {
            self.tell(index, event, now);
        }
        self.tell(index, instance::Event::Weight(weight), now);
        self.tell(index, instance::Event::Waiting(waiting), now);
        for event in ends {
            self.tell(index, event, now);
        }
    }

    pub(super) fn refresh_groups(&mut self, now: Time) {
        for group in 0..self.groups.len() {
            for member in self.members(group) {
                let faulty = self.groups.get(group).is_some_and(|g| g.others_faulty(member, &self.instances));
                let event = if faulty {
                    instance::Event::Fault(Fault::Group)
                } else {
                    instance::Event::Clear(Fault::Group)
                };
                self.tell(member, event, now);
            }
        }
    }

    pub(super) fn members(&self, group: usize) -> Vec<usize> {
        self.groups.get(group).map(|g| g.plan().members.clone()).unwrap_or_default()
    }

    /// The address that adverts come from. A virtual address is never our own.
    pub(super) fn source_of(&self, plan: &InstancePlan, link: &Link) -> Option<IpAddr> {
        if let Some(source) = plan.source
            && (!plan.track_source || self.links.has(link.index, source))
        {
            return Some(source);
        }
        if plan.source.is_some() {
            return None;
        }
        let v6 = plan.is_v6();
        let fits_path = |a: &Ipv6Addr| match &plan.path {
            // RFC 9568 section 5.1.2.1: adverts to the group come from the link-local address.
            Path::Multicast { .. } => a.is_unicast_link_local(),
            Path::Unicast { peers, .. } => {
                let local = |p: &Peer| matches!(p.address, IpAddr::V6(p) if p.is_unicast_link_local());
                a.is_unicast_link_local() == peers.iter().all(local)
            }
        };
        self.links.addresses(link.index).find(|a| {
            let fits = match a {
                IpAddr::V4(_) => !v6,
                IpAddr::V6(a) => v6 && fits_path(a),
            };
            fits && !self.plan.instances.iter().any(|i| i.addresses.iter().any(|v| v.address == *a))
        })
    }
}
