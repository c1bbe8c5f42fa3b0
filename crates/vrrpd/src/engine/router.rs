//! The VRRP router: all instances, groups and trackers of a host, and what ties them to its interfaces.
//!
//! Owns: the engines of one plan, the table of links, which addresses we hold, which sockets are needed, the
//! pace of gratuitous ARP. Invariants: an address is held only by an instance that is master; a socket is open
//! for exactly the links and ways that an instance with a source needs. Leaves to others: every effect
//! (the shell performs the actions in order), what notify scripts are (the shell's commands).

mod announce;
mod links;
mod reload;

use std::{
    collections::{BTreeSet, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use announce::Announcer;
pub use links::{Link, Links};

use super::{
    Time,
    instance::{self, Fault, Instance, State, Told},
    plan::{AddressPlan, InstancePlan, Path, Plan, Target},
    sync_group::SyncGroup,
    track::{self, Effect, Status, script},
    wire::{self, Verdict, arp, ip},
};

/// What happens to a host.
#[derive(Debug)]
pub enum Event<'a> {
    /// An interface is there, or changed.
    Link(Link),
    LinkGone(u32),
    Address {
        link: u32,
        address: IpAddr,
        prefix: u8,
    },
    AddressGone {
        link: u32,
        address: IpAddr,
    },
    /// An address that we wanted removed was not there.
    NotRemoved {
        link: u32,
        address: IpAddr,
    },
    /// The links are known; begin.
    Start,
    /// Resign and go.
    Stop,
    Timeout,
    /// What a raw IPv4 socket delivered, IP header included.
    Packet {
        socket: Socket,
        bytes: &'a [u8],
    },
    /// A run of a script ended.
    Exited {
        script: &'a str,
        exit: script::Exit,
    },
    Reload(Arc<Plan>),
}

/// A raw socket that the shell keeps open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Socket {
    /// The kernel's index of the interface.
    pub link: u32,
    pub way: Way,
}

/// What a socket is bound to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Way {
    /// The multicast group that it joins.
    Multicast(IpAddr),
    /// Our own address.
    Unicast(IpAddr),
}

/// What the shell is to do, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    Open(Socket),
    Close(Socket),
    Send {
        socket: Socket,
        destination: IpAddr,
        packet: Vec<u8>,
    },
    AddAddress {
        link: u32,
        address: AddressPlan,
    },
    RemoveAddress {
        link: u32,
        address: AddressPlan,
    },
    /// Put this frame on the link.
    Announce {
        link: u32,
        address: IpAddr,
        frame: [u8; arp::FRAME_BYTES],
    },
    /// Run, terminate or kill this script of the plan.
    Script {
        index: usize,
        what: script::Action,
    },
    Notify {
        who: Who,
        told: Told,
        priority: u8,
    },
    Note {
        instance: usize,
        note: Note,
    },
    /// What follows speaks of the new plan; what came before, of the old one.
    Reloaded,
    Stopped,
}

/// Of whom scripts are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    Instance(usize),
    Group(usize),
}

/// Facts about an instance, for people.
#[derive(Clone, PartialEq, Debug)]
pub enum Note {
    Own(instance::Note),
    /// An advert was dropped. Said once per sender and verdict until the next transition.
    Dropped {
        from: IpAddr,
        verdict: Verdict,
    },
    AddressesDiffer {
        from: IpAddr,
    },
    Removed,
}

/// Distinct complaints about packets that are remembered per instance, so that each is said once.
const COMPLAINTS_MAX: usize = 32;

/// The engines of one host.
#[derive(Debug)]
pub struct Router {
    plan: Arc<Plan>,
    instances: Vec<Instance>,
    extras: Vec<Extra>,
    scripts: Vec<script::Script>,
    groups: Vec<SyncGroup>,
    links: Links,
    sockets: BTreeSet<Socket>,
    /// Removals that the kernel has not reported yet, so that they are not taken for somebody else's.
    leaving: Vec<(u32, IpAddr)>,
    announcer: Announcer,
    /// When instances start: `None` before [`Event::Start`] and after they did.
    start_at: Option<Time>,
    running: bool,
    actions: VecDeque<Action>,
}

/// What the router keeps beside an instance.
#[derive(Clone, Debug, Default)]
struct Extra {
    held: Vec<(u32, AddressPlan)>,
    packet_id: u16,
    complaints: Vec<(IpAddr, Verdict)>,
    /// The sender whose address list was looked at last.
    checked: Option<IpAddr>,
}

impl Router {
    pub fn new(plan: Arc<Plan>) -> Router {
        let mut router = Router {
            instances: Vec::new(),
            extras: vec![Extra::default(); plan.instances.len()],
            scripts: plan.scripts.iter().cloned().map(script::Script::new).collect(),
            groups: plan.groups.iter().cloned().map(SyncGroup::new).collect(),
            links: Links::default(),
            sockets: BTreeSet::new(),
            leaving: Vec::new(),
            announcer: Announcer::new(plan.garp_gap),
            start_at: None,
            running: false,
            actions: VecDeque::new(),
            plan,
        };
        router.instances =
            router.plan.instances.iter().enumerate().map(|(i, p)| router.new_instance(i, p)).collect();
        router
    }

    fn new_instance(&self, index: usize, plan: &Arc<InstancePlan>) -> Instance {
        Instance::new(plan.clone(), self.groups.iter().any(|g| g.holds(index)))
    }

    /// Takes one event. Never blocks; the work is bounded by the number of instances and addresses.
    pub fn handle(&mut self, event: Event<'_>, now: Time) {
        match event {
            Event::Link(link) => {
                self.links.put(link);
                self.refresh_all(now);
            }
            Event::LinkGone(link) => {
                self.links.remove(link);
                self.leaving.retain(|(l, _)| *l != link);
                for extra in &mut self.extras {
                    extra.held.retain(|(l, _)| *l != link);
                }
                self.refresh_all(now);
            }
            Event::Address { link, address, prefix } => {
                self.links.put_address(link, address, prefix);
                self.refresh_all(now);
            }
            Event::AddressGone { link, address } => self.address_gone(link, address, now),
            Event::NotRemoved { link, address } => {
                self.was_leaving(link, address);
            }
            Event::Start => {
                self.start_at = Some(now + self.plan.startup_delay);
                self.start_scripts(now);
                self.timeout(now);
            }
            Event::Stop => self.stop(now),
            Event::Timeout => self.timeout(now),
            Event::Packet { socket, bytes } => self.packet(socket, bytes, now),
            Event::Exited { script, exit } => {
                if let Some(s) = self.scripts.iter_mut().find(|s| s.plan().name == script) {
                    s.exited(exit);
                }
                self.drain_scripts(now);
            }
            Event::Reload(plan) => self.reload(plan, now),
        }
        #[cfg(debug_assertions)]
        self.check_invariants();
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Event::Timeout`] is due.
    pub fn deadline(&self) -> Option<Time> {
        let instances = self.instances.iter().filter_map(Instance::deadline);
        let scripts = self.scripts.iter().filter_map(|s| if self.running { s.deadline() } else { None });
        instances.chain(scripts).chain(self.start_at).chain(self.announcer.deadline()).min()
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    pub fn scripts(&self) -> &[script::Script] {
        &self.scripts
    }

    pub fn links(&self) -> &Links {
        &self.links
    }

    /// Whether an instance holds an address now.
    pub fn holds(&self, instance: usize, address: IpAddr) -> bool {
        self.extras.get(instance).is_some_and(|e| e.held.iter().any(|(_, a)| a.address == address))
    }

    /// Sets the counters of every instance to zero (keepalived's STATS_CLEAR).
    pub fn clear_counters(&mut self) {
        for instance in &mut self.instances {
            instance.counters = instance::Counters::default();
        }
    }

    fn timeout(&mut self, now: Time) {
        if self.start_at.is_some_and(|at| at <= now) {
            self.start_at = None;
            self.remove_stale();
            self.refresh_all(now);
            for index in 0..self.instances.len() {
                self.tell(index, instance::Event::Start, now);
            }
        }
        if self.running {
            self.scripts.iter_mut().for_each(|s| s.timeout(now));
            self.drain_scripts(now);
        }
        for index in 0..self.instances.len() {
            let due = self.instances.get(index).and_then(Instance::deadline).is_some_and(|at| at <= now);
            if due {
                self.tell(index, instance::Event::Timeout, now);
            }
        }
        self.announce_due(now);
    }

    fn stop(&mut self, now: Time) {
        self.running = false;
        self.start_at = None;
        for index in 0..self.instances.len() {
            self.tell(index, instance::Event::Stop, now);
        }
        self.announcer = Announcer::new(self.plan.garp_gap);
        for socket in std::mem::take(&mut self.sockets) {
            self.actions.push_back(Action::Close(socket));
        }
        self.actions.push_back(Action::Stopped);
    }

    fn start_scripts(&mut self, now: Time) {
        self.running = true;
        self.scripts.iter_mut().for_each(|s| s.start(now));
        self.drain_scripts(now);
    }

    fn drain_scripts(&mut self, now: Time) {
        let mut changed = false;
        for (index, s) in self.scripts.iter_mut().enumerate() {
            while let Some(what) = s.poll_action() {
                changed |= matches!(what, script::Action::Changed(..));
                self.actions.push_back(Action::Script { index, what });
            }
        }
        if changed {
            self.refresh_all(now);
        }
    }

    /// Brings every instance up to date with links and trackers.
    fn refresh_all(&mut self, now: Time) {
        for index in 0..self.instances.len() {
            self.refresh(index, now);
        }
        self.refresh_groups(now);
        self.refresh_sockets();
    }

    fn refresh(&mut self, index: usize, now: Time) {
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
        fault(Fault::NoAddress, link.is_some() && source.is_none());
        let (mut weight, mut waiting) = (0, 0);
        for (at, watch) in plan.watches.iter().enumerate() {
            let effect = track::effect(self.status(&watch.target), watch.weight, watch.reverse);
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

    fn refresh_groups(&mut self, now: Time) {
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

    fn members(&self, group: usize) -> Vec<usize> {
        self.groups.get(group).map(|g| g.plan().members.clone()).unwrap_or_default()
    }

    /// The address that adverts come from. A virtual address is never our own.
    fn source_of(&self, plan: &InstancePlan, link: &Link) -> Option<IpAddr> {
        if let Some(source) = plan.source
            && (!plan.track_source || self.links.has(link.index, source))
        {
            return Some(source);
        }
        if plan.source.is_some() {
            return None;
        }
        let v6 = plan.dialect.addresses.first().is_some_and(IpAddr::is_ipv6);
        self.links.addresses(link.index).find(|a| {
            let fits = match a {
                IpAddr::V4(_) => !v6,
                IpAddr::V6(a) => v6 && a.is_unicast_link_local(),
            };
            fits && !self.plan.instances.iter().any(|i| i.addresses.iter().any(|v| v.address == *a))
        })
    }

    fn status(&self, target: &Target) -> Status {
        match target {
            Target::Script(index) => self.scripts.get(*index).map_or(Status::Unknown, |s| s.status()),
            Target::Interface(name) => {
                track::interface::status(self.links.by_name(name).is_some_and(|l| l.running))
            }
        }
    }

    fn socket_of(&self, index: usize) -> Option<Socket> {
        let (plan, instance) = (self.plan.instances.get(index)?, self.instances.get(index)?);
        let link = self.links.by_name(&plan.interface)?.index;
        let source = instance.source()?;
        Some(Socket {
            link,
            way: match plan.path {
                Path::Multicast { group } => Way::Multicast(group),
                Path::Unicast { .. } => Way::Unicast(source),
            },
        })
    }

    fn refresh_sockets(&mut self) {
        let wanted: BTreeSet<Socket> = (0..self.instances.len()).filter_map(|i| self.socket_of(i)).collect();
        for gone in self.sockets.difference(&wanted) {
            self.actions.push_back(Action::Close(*gone));
        }
        for new in wanted.difference(&self.sockets) {
            self.actions.push_back(Action::Open(*new));
        }
        self.sockets = wanted;
    }

    /// Gives an event to an instance and carries out what it wants.
    fn tell(&mut self, index: usize, event: instance::Event, now: Time) {
        let Some(instance) = self.instances.get_mut(index) else { return };
        let before = instance.state();
        instance.handle(event, now);
        let after = instance.state();
        while let Some(action) = self.instances.get_mut(index).and_then(Instance::poll_action) {
            self.perform(index, action, now);
        }
        if before == after {
            return;
        }
        if let Some(extra) = self.extras.get_mut(index) {
            extra.complaints.clear();
            extra.checked = None;
        }
        for at in 0..self.groups.len() {
            let Some(group) = self.groups.get_mut(at) else { continue };
            if let Some(state) = group.transition(&self.instances) {
                let told = told(state);
                self.actions.push_back(Action::Notify { who: Who::Group(at), told, priority: 0 });
            }
        }
    }

    fn perform(&mut self, index: usize, action: instance::Action, now: Time) {
        use instance::Action as Want;
        match action {
            Want::Send(priority) => self.send(index, priority),
            Want::AddAddresses => self.add_addresses(index),
            Want::RemoveAddresses => self.remove_addresses(index),
            Want::Announce(repeat) => self.announce(index, repeat, now),
            Want::Notify(told) => {
                let priority = self.instances.get(index).map_or(0, Instance::priority);
                self.actions.push_back(Action::Notify { who: Who::Instance(index), told, priority });
            }
            Want::Note(note) => {
                self.actions.push_back(Action::Note { instance: index, note: Note::Own(note) });
            }
            Want::WantMaster => {
                for at in 0..self.groups.len() {
                    let Some(group) = self.groups.get_mut(at).filter(|g| g.holds(index)) else { continue };
                    if group.want(index, &self.instances) {
                        for member in self.members(at) {
                            self.tell(member, instance::Event::GroupMaster, now);
                        }
                    }
                }
            }
            Want::Yielded => {
                for at in 0..self.groups.len() {
                    let Some(group) = self.groups.get_mut(at).filter(|g| g.holds(index)) else { continue };
                    group.follow(index);
                    for member in self.members(at) {
                        self.tell(member, instance::Event::GroupBackup, now);
                    }
                }
            }
        }
    }

    fn send(&mut self, index: usize, priority: u8) {
        let Some(socket) = self.socket_of(index) else { return };
        let (Some(plan), Some(instance)) = (self.plan.instances.get(index), self.instances.get(index)) else {
            return;
        };
        let (Some(source), Some(extra)) = (instance.source(), self.extras.get_mut(index)) else { return };
        let (destinations, ttl): (Vec<IpAddr>, u8) = match &plan.path {
            Path::Multicast { group } => (vec![*group], wire::TTL),
            Path::Unicast { peers, ttl, .. } => (peers.iter().map(|p| p.address).collect(), *ttl),
        };
        for destination in destinations {
            let message = plan.dialect.encode(priority, source, destination);
            let packet = match (source, destination) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    extra.packet_id = extra.packet_id.wrapping_add(1).max(1);
                    ip::wrap(&message, from, to, ttl, extra.packet_id)
                }
                _ => message,
            };
            self.actions.push_back(Action::Send { socket, destination, packet });
        }
    }

    fn packet(&mut self, socket: Socket, bytes: &[u8], now: Time) {
        let Some(received) = ip::unwrap(bytes) else { return };
        let Some(vrid) = received.vrid() else { return };
        for index in 0..self.instances.len() {
            if self.socket_of(index) == Some(socket)
                && self.plan.instances.get(index).is_some_and(|p| p.dialect.vrid == vrid)
            {
                self.packet_for(index, &received, now);
            }
        }
    }

    fn packet_for(&mut self, index: usize, received: &wire::Received<'_>, now: Time) {
        let (Some(plan), Some(instance), Some(extra)) = (
            self.plan.instances.get(index).cloned(),
            self.instances.get_mut(index),
            self.extras.get_mut(index),
        ) else {
            return;
        };
        // Our own advert, looped back by a bridge or a switch: to answer it would never end.
        if instance.source() == Some(received.source) {
            return;
        }
        let verdict = match plan.path.cast(received.source) {
            Some(cast) => plan.dialect.decode(received, cast),
            None => Err(Verdict::NotPeer),
        };
        let from = received.source;
        match verdict {
            Ok(advert) => {
                instance.counters.adverts_received += 1;
                let look = !plan.trust_addresses || extra.checked != Some(from);
                if look && advert.addresses_differ {
                    instance.counters.address_list_errors += 1;
                    // The list is compared each time and said once per sender.
                    if extra.checked != Some(from) {
                        self.actions.push_back(Action::Note {
                            instance: index,
                            note: Note::AddressesDiffer { from },
                        });
                    }
                }
                extra.checked = Some(from);
                let good = advert.priority >= instance.priority();
                if good {
                    for group in &mut self.groups {
                        group.follow(index);
                    }
                }
                self.tell(index, instance::Event::Heard(advert), now);
            }
            Err(verdict) => {
                count(&mut instance.counters, verdict);
                let known = extra.complaints.contains(&(from, verdict));
                if !known && extra.complaints.len() < COMPLAINTS_MAX {
                    extra.complaints.push((from, verdict));
                    let note = Note::Dropped { from, verdict };
                    self.actions.push_back(Action::Note { instance: index, note });
                }
            }
        }
    }

    fn add_addresses(&mut self, index: usize) {
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

    fn remove_addresses(&mut self, index: usize) {
        let Some(extra) = self.extras.get_mut(index) else { return };
        let held = std::mem::take(&mut extra.held);
        self.actions.push_back(Action::Note { instance: index, note: Note::Removed });
        for (link, address) in held {
            self.remove_address(link, address);
        }
    }

    fn remove_address(&mut self, link: u32, address: AddressPlan) {
        self.leaving.push((link, address.address));
        self.actions.push_back(Action::RemoveAddress { link, address });
    }

    /// Virtual addresses that a run before us left behind would be held by two routers.
    fn remove_stale(&mut self) {
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
    fn was_leaving(&mut self, link: u32, address: IpAddr) -> bool {
        match self.leaving.iter().position(|l| *l == (link, address)) {
            Some(at) => {
                self.leaving.swap_remove(at);
                true
            }
            None => false,
        }
    }

    fn address_gone(&mut self, link: u32, address: IpAddr, now: Time) {
        self.links.remove_address(link, address);
        if !self.was_leaving(link, address) {
            for index in 0..self.instances.len() {
                let lost = self.extras.get(index).is_some_and(|e| {
                    e.held.iter().any(|(l, a)| *l == link && a.address == address && a.tracked)
                });
                if !lost {
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

    /// Queues gratuitous ARP for everything that the instance holds, address by address in each round.
    fn announce(&mut self, index: usize, repeat: u32, now: Time) {
        let Some(extra) = self.extras.get(index) else { return };
        for _ in 0..repeat {
            for (link, address) in &extra.held {
                let IpAddr::V4(v4) = address.address else { continue };
                if let Some(mac) = self.links.mac(*link) {
                    self.announcer.push(*link, address.address, arp::gratuitous(mac, v4));
                }
            }
        }
        self.announce_due(now);
    }

    fn announce_due(&mut self, now: Time) {
        while let Some((link, address, frame)) = self.announcer.next_due(now) {
            let held =
                self.extras.iter().any(|e| e.held.iter().any(|(l, a)| *l == link && a.address == address));
            // What waited for its turn may be another router's by now.
            if held {
                self.actions.push_back(Action::Announce { link, address, frame });
            }
        }
    }

    #[cfg(debug_assertions)]
    pub fn check_invariants(&self) {
        for (instance, extra) in self.instances.iter().zip(&self.extras) {
            instance.check_invariants();
            assert!(
                extra.held.is_empty() || instance.state() == State::Master,
                "addresses without mastership"
            );
        }
        assert_eq!(self.instances.len(), self.extras.len());
    }
}

fn told(state: State) -> Told {
    match state {
        State::Master => Told::Master,
        State::Backup => Told::Backup,
        State::Fault => Told::Fault,
        State::Init => Told::Stop,
    }
}

/// keepalived's counter for each verdict.
fn count(counters: &mut instance::Counters, verdict: Verdict) {
    let counter = match verdict {
        Verdict::Length => &mut counters.length_errors,
        Verdict::Ttl(_) => &mut counters.ttl_errors,
        Verdict::Version(_) => &mut counters.version_errors,
        Verdict::AuthType(_) => &mut counters.auth_type_errors,
        Verdict::AuthMismatch(_) => &mut counters.auth_mismatches,
        Verdict::AuthFailure => &mut counters.auth_failures,
        Verdict::Interval(_) => &mut counters.interval_errors,
        Verdict::Type(_) | Verdict::Cast | Verdict::NotPeer => &mut counters.type_errors,
        Verdict::Checksum => &mut counters.checksum_errors,
    };
    *counter += 1;
}

#[cfg(test)]
mod tests;
