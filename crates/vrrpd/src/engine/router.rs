//! The VRRP router: all instances, groups and trackers of a host, and what ties them to its interfaces.
//!
//! Owns: the engines of one plan, the table of links, which addresses we hold, which sockets are needed, the
//! pace of gratuitous ARP. Invariants: an address is held only by an instance that is master; a socket is open
//! for exactly the links and ways that an instance with a source needs. Leaves to others: every effect
//! (the shell performs the actions in order), what notify scripts are (the shell's commands).

mod addresses;
mod announce;
mod links;
mod order;
mod packets;
mod reload;
mod standing;
mod trackers;
mod vocabulary;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use announce::Announcer;
pub use announce::Gaps;
pub use links::{Link, Links};
use trackers::Trackers;
pub use vocabulary::{Action, Event, Note, Order, Parcel, Socket, Tracked, Way, Who};

use super::{
    Time,
    instance::{self, Instance, State, Told},
    plan::{AddressPlan, InstancePlan, Plan},
    sync_group::SyncGroup,
    track::{process, proxy, script},
    wire::{self, Verdict},
};

/// Distinct complaints about packets that are remembered per instance, so that each is said once.
const COMPLAINTS_MAX: usize = 32;

/// Senders whose sequence numbers are remembered per instance; all of them know the key.
const SENDERS_MAX: usize = 32;
/// A wake-up that is later than this was a stall; what it means depends on an instance's interval.
const LATE_MIN: Duration = Duration::from_millis(1);

/// The engines of one host.
#[derive(Debug)]
pub struct Router {
    plan: Arc<Plan>,
    instances: Vec<Instance>,
    extras: Vec<Extra>,
    trackers: Trackers,
    groups: Vec<SyncGroup>,
    links: Links,
    sockets: BTreeSet<Socket>,
    /// The instances that a packet is for, by socket and virtual router.
    routes: BTreeMap<(Socket, u8), Vec<usize>>,
    /// Removals that the kernel has not reported yet, so that they are not taken for somebody else's.
    leaving: Vec<(u32, IpAddr)>,
    announcer: Announcer,
    /// When instances start: `None` before [`Event::Start`] and after they did.
    start_at: Option<Time>,
    /// A stall was told to the instances and the timers that it held up are not served yet.
    late: bool,
    /// When the loop is looked at next: a stall between two deadlines would not show otherwise.
    pulse_at: Option<Time>,
    /// What the calendar said, and when.
    wall: (Duration, Time),
    actions: VecDeque<Action>,
}

/// What the router keeps beside an instance.
#[derive(Clone, Debug, Default)]
struct Extra {
    held: Vec<(u32, AddressPlan)>,
    packet_id: u16,
    /// The last sequence number of ours, and the last of each sender.
    sequence: u64,
    sequences: Vec<(IpAddr, u64)>,
    complaints: Vec<(IpAddr, Verdict)>,
    /// Addresses that others removed a short time ago; a few for each address at most.
    fights: Vec<(IpAddr, Time)>,
    /// The sender whose address list was looked at last.
    checked: Option<IpAddr>,
    /// What an operator wants.
    order: Option<Order>,
}

impl Router {
    pub fn new(plan: Arc<Plan>) -> Router {
        let mut router = Router {
            instances: Vec::new(),
            extras: vec![Extra::default(); plan.instances.len()],
            trackers: Trackers::new(&plan),
            groups: plan.groups.iter().cloned().map(SyncGroup::new).collect(),
            links: Links::default(),
            sockets: BTreeSet::new(),
            routes: BTreeMap::new(),
            leaving: Vec::new(),
            announcer: Announcer::new(plan.gaps),
            start_at: None,
            late: false,
            pulse_at: None,
            wall: (Duration::ZERO, Time::ZERO),
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
        self.notice_stall(&event, now);
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
                self.trackers.start(now);
                self.drain_trackers(now);
                self.timeout(now);
            }
            Event::Stop => self.stop(now),
            Event::Timeout => self.timeout(now),
            Event::Packet { socket, bytes } => self.packet(socket, bytes, now),
            Event::Wall(wall) => self.wall = (wall, now),
            Event::Message { socket, received } => self.message(socket, &received, now),
            Event::Proxy { name, event } => {
                self.trackers.proxy(name, event, now);
                self.drain_trackers(now);
            }
            Event::Order { instance, order } => self.ordered(instance, order, now),
            Event::Exited { script, exit } => {
                self.trackers.exited(script, exit);
                self.drain_trackers(now);
            }
            Event::Processes { pattern, count, first } => {
                self.trackers.counted(pattern, count, first, now);
                self.drain_trackers(now);
            }
            Event::File { index, value } => {
                self.trackers.read(index, value);
                self.drain_trackers(now);
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
        let others = [self.trackers.deadline(), self.start_at, self.announcer.deadline(), self.pulse_at];
        instances.chain(others.into_iter().flatten()).min()
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    pub fn proxies(&self) -> &[proxy::Proxy] {
        self.trackers.proxies()
    }

    pub fn scripts(&self) -> &[script::Script] {
        self.trackers.scripts()
    }

    pub fn processes(&self) -> &[process::Process] {
        self.trackers.processes()
    }

    pub fn links(&self) -> &Links {
        &self.links
    }

    /// Every address that is held, with its link.
    pub fn held(&self) -> impl Iterator<Item = (u32, &AddressPlan)> {
        self.extras.iter().flat_map(|e| e.held.iter().map(|(link, address)| (*link, address)))
    }

    /// The shortest time after which a peer takes over from one of our masters.
    pub fn patience_of_peers(&self) -> Option<std::time::Duration> {
        let masters = self.instances.iter().filter(|i| i.state() == State::Master);
        masters.map(Instance::down_interval).min()
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

    /// The time since 1970.
    fn wall(&self, now: Time) -> Duration {
        self.wall.0 + now.saturating_sub(self.wall.1)
    }

    /// Tells every instance when our own loop was held up, before whatever comes after.
    fn notice_stall(&mut self, event: &Event<'_>, now: Time) {
        let late = self.deadline().and_then(|at| now.checked_sub(at)).filter(|late| *late >= LATE_MIN);
        if let Some(late) = late.filter(|_| !self.late) {
            for index in 0..self.instances.len() {
                self.tell(index, instance::Event::Late(late), now);
            }
        }
        self.late = late.is_some() && !matches!(event, Event::Timeout);
    }

    fn timeout(&mut self, now: Time) {
        if self.start_at.is_some_and(|at| at <= now) {
            self.start_at = None;
            self.remove_stale();
            self.refresh_all(now);
            for index in 0..self.instances.len() {
                if self.may_start(index) {
                    self.tell(index, instance::Event::Start, now);
                }
            }
        }
        self.trackers.timeout(now);
        self.drain_trackers(now);
        for index in 0..self.instances.len() {
            let due = self.instances.get(index).and_then(Instance::deadline).is_some_and(|at| at <= now);
            if due {
                self.tell(index, instance::Event::Timeout, now);
            }
        }
        self.announce_due(now);
        if self.pulse_at.is_none_or(|at| at <= now) {
            self.pulse_at = self.pulse().map(|gap| now + gap);
        }
    }

    /// The shortest interval in which a backup expects to be woken by an advert.
    fn pulse(&self) -> Option<Duration> {
        let backups = self.instances.iter().filter(|i| i.state() == State::Backup);
        backups.map(Instance::master_interval).min()
    }

    fn stop(&mut self, now: Time) {
        self.trackers.stop();
        self.pulse_at = None;
        self.start_at = None;
        for index in 0..self.instances.len() {
            self.tell(index, instance::Event::Stop, now);
        }
        self.announcer = Announcer::new(self.plan.gaps);
        self.routes.clear();
        for socket in std::mem::take(&mut self.sockets) {
            self.actions.push_back(Action::Close(socket));
        }
        self.actions.push_back(Action::Stopped);
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
        let auth = self.plan.instances.get(index).map(|p| &p.dialect.auth);
        if let Some(extra) = self.extras.get_mut(index) {
            extra.complaints.clear();
            extra.checked = None;
            // An authentication header counts from one again after a restart; a trailer goes with the clock.
            if matches!(auth, Some(wire::Auth::Header(_))) {
                extra.sequences.clear();
            }
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
            Want::Send(priority) => self.send(index, priority, now),
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

#[cfg(test)]
mod tests;
