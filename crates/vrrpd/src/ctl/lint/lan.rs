//! The hosts of a lint on a simulated network, with the real engines on a virtual clock.
//!
//! Invariants: nothing here knows what is right; packets arrive a millisecond later and none is lost; a script ends
//! at once as its host says. IPv4 only: adverts over IPv6 are not simulated.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use common::health::{Message, Phase};

use crate::{
    engine::{
        Time,
        instance::{Instance, State},
        plan::{Path, Plan, Target},
        router::{Action, Event, Link, Router, Socket, Way},
        track::{
            proxy::{self, Inspection},
            script,
        },
    },
    shell::words,
};

/// A packet's way through the network, or a script's run.
const DELAY: Duration = Duration::from_millis(1);
/// Events of one run of the clock; beyond it something goes round in circles, and what was reached counts.
const EVENTS_MAX: usize = 500_000;

/// What goes wrong on one host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// The watched thing behind this target of the plan.
    Watched(Target),
    /// An interface loses its link.
    Link(String),
    /// The host, or its daemon, dies without a word.
    Host,
}

#[derive(Debug)]
struct Host {
    plan: Arc<Plan>,
    router: Option<Router>,
    /// Name by index - 2.
    interfaces: Vec<String>,
    own: Vec<Ipv4Addr>,
    down: BTreeSet<String>,
    failing: BTreeSet<usize>,
    kernel: BTreeSet<(u32, IpAddr)>,
    open: BTreeSet<Socket>,
    /// Why it dropped adverts.
    complaints: BTreeSet<String>,
}

enum Due {
    Packet { to: usize, socket: Socket, bytes: Vec<u8> },
    Exit { host: usize, script: usize },
}

pub(super) struct Lan {
    hosts: Vec<Host>,
    now: Time,
    queue: VecDeque<(Time, Due)>,
}

impl Lan {
    /// All hosts on, and everything on them well.
    pub(super) fn new(plans: &[Arc<Plan>]) -> Lan {
        let hosts = (0..plans.len()).map(|h| host(plans, h)).collect();
        let mut lan = Lan { hosts, now: Duration::from_secs(1_000), queue: VecDeque::new() };
        (0..plans.len()).for_each(|h| lan.boot(h));
        lan
    }

    fn boot(&mut self, h: usize) {
        let host = &self.hosts[h];
        let (plan, links) = (host.plan.clone(), host.interfaces.len());
        self.hosts[h].router = Some(Router::new(plan.clone()));
        for at in 0..links {
            self.link(h, at);
            let address = IpAddr::V4(self.hosts[h].own[at]);
            self.give(h, Event::Address { link: at as u32 + 2, address, prefix: 24 });
        }
        for pattern in 0..plan.patterns.len() {
            self.give(h, Event::Processes { pattern, count: 1, first: true });
        }
        for index in 0..plan.files.len() {
            self.give(h, Event::File { index, value: 0 });
        }
        self.give(h, Event::Start);
    }

    fn link(&mut self, h: usize, at: usize) {
        let name = self.hosts[h].interfaces[at].clone();
        let running = !self.hosts[h].down.contains(&name);
        let mac = Some([2, 0, 0, at as u8, 0, h as u8]);
        self.give(h, Event::Link(Link { index: at as u32 + 2, name, running, mac, mtu: 1_500 }));
    }

    pub(super) fn fail(&mut self, h: usize, failure: &Failure) {
        match failure {
            Failure::Host => {
                let host = &mut self.hosts[h];
                host.router = None;
                host.kernel.clear();
            }
            Failure::Link(name) | Failure::Watched(Target::Interface(name)) => {
                self.hosts[h].down.insert(name.clone());
                if let Some(at) = self.hosts[h].interfaces.iter().position(|i| i == name) {
                    self.link(h, at);
                }
            }
            Failure::Watched(Target::Script(script)) => drop(self.hosts[h].failing.insert(*script)),
            Failure::Watched(Target::Process(index)) => {
                if let Some(pattern) = self.hosts[h].plan.processes.get(*index).map(|p| p.pattern) {
                    self.give(h, Event::Processes { pattern, count: 0, first: false });
                }
            }
            Failure::Watched(Target::Proxy(index)) => {
                let Some(name) = self.hosts[h].plan.proxies.get(*index).map(|p| p.name.clone()) else {
                    return;
                };
                let told = |message| proxy::Event::Told { slot: 0, message };
                for event in [
                    proxy::Event::Met { slot: 0, pid: Some(1) },
                    told(Message::Phase(Phase::Ready)),
                    told(Message::Complete),
                    proxy::Event::Died { slot: 0 },
                ] {
                    self.give(h, Event::Proxy { name: &name, event });
                }
            }
            Failure::Watched(Target::File(index)) => self.give(h, Event::File { index: *index, value: 254 }),
        }
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..EVENTS_MAX {
            let timer = self.hosts.iter().filter_map(|h| h.router.as_ref()?.deadline()).min();
            let arrival = self.queue.front().map(|(at, _)| *at);
            let Some(next) = [timer, arrival].into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(next);
            while self.queue.front().is_some_and(|(at, _)| *at <= self.now) {
                match self.queue.pop_front() {
                    Some((_, Due::Packet { to, socket, bytes })) => {
                        self.give(to, Event::Packet { socket, bytes: &bytes });
                    }
                    Some((_, Due::Exit { host, script })) => self.exit(host, script),
                    None => break,
                }
            }
            for h in 0..self.hosts.len() {
                let due = self.hosts[h].router.as_ref().and_then(Router::deadline);
                if due.is_some_and(|at| at <= self.now) {
                    self.give(h, Event::Timeout);
                }
            }
        }
        self.now = end;
    }

    fn exit(&mut self, h: usize, script: usize) {
        let code = i32::from(self.hosts[h].failing.contains(&script));
        let Some(name) = self.hosts[h].plan.scripts.get(script).map(|s| s.name.clone()) else { return };
        self.give(h, Event::Exited { script: &name, exit: script::Exit::Code(code) });
    }

    fn give(&mut self, h: usize, event: Event<'_>) {
        let now = self.now;
        let Some(router) = self.hosts[h].router.as_mut() else { return };
        router.handle(event, now);
        while let Some(action) = self.hosts[h].router.as_mut().and_then(Router::poll_action) {
            self.perform(h, action);
        }
    }

    fn perform(&mut self, h: usize, action: Action) {
        match action {
            Action::Open(socket) => drop(self.hosts[h].open.insert(socket)),
            Action::Close(socket) => drop(self.hosts[h].open.remove(&socket)),
            Action::Send { socket, parcel } => self.send(h, socket, parcel.destination, &parcel.bytes),
            Action::AddAddress { link, address } => {
                self.hosts[h].kernel.insert((link, address.address));
                let (address, prefix) = (address.address, address.prefix);
                self.give(h, Event::Address { link, address, prefix });
            }
            Action::RemoveAddress { link, address } => {
                let address = address.address;
                let there = self.hosts[h].kernel.remove(&(link, address));
                self.give(
                    h,
                    if there {
                        Event::AddressGone { link, address }
                    } else {
                        Event::NotRemoved { link, address }
                    },
                );
            }
            Action::Script { index, what: script::Action::Run } => {
                self.queue.push_back((self.now + DELAY, Due::Exit { host: h, script: index }));
            }
            Action::Proxy { index, what: proxy::Action::Inspect { slot, .. } } => {
                let Some(name) = self.hosts[h].plan.proxies.get(index).map(|p| p.name.clone()) else {
                    return;
                };
                let event = proxy::Event::Inspected { slot, found: Inspection::Unknown };
                self.give(h, Event::Proxy { name: &name, event });
            }
            Action::Note { instance, note } => {
                let plan = self.hosts[h].plan.clone();
                if let Some(i) = plan.instances.get(instance) {
                    let (_, text) = words::note(&plan, i, &note);
                    if text.starts_with("dropped") {
                        self.hosts[h].complaints.insert(text);
                    }
                }
            }
            _ => {}
        }
    }

    /// To every host on the same network: one whose interface has the same name, or that has none of this name.
    fn send(&mut self, h: usize, from: Socket, destination: IpAddr, bytes: &[u8]) {
        let name = self.hosts[h].interfaces.get(from.link as usize - 2).cloned().unwrap_or_default();
        if self.hosts[h].down.contains(&name) {
            return;
        }
        let at = self.now + DELAY;
        for (to, host) in self.hosts.iter().enumerate().filter(|(to, _)| *to != h) {
            let known = host.interfaces.contains(&name);
            for socket in &host.open {
                let theirs = host.interfaces.get(socket.link as usize - 2).cloned().unwrap_or_default();
                let hears = match socket.way {
                    Way::Multicast(group) => group == destination && (!known || theirs == name),
                    Way::Unicast(own) => own == destination,
                };
                let protocol = bytes.get(9).is_some_and(|p| *p == socket.protocol);
                if hears && protocol && !host.down.contains(&theirs) {
                    let due = Due::Packet { to, socket: *socket, bytes: bytes.to_vec() };
                    self.queue.push_back((at, due));
                }
            }
        }
    }

    /// The hosts that hold an address.
    pub(super) fn holders(&self, address: IpAddr) -> Vec<usize> {
        (0..self.hosts.len()).filter(|h| self.hosts[*h].kernel.iter().any(|(_, a)| *a == address)).collect()
    }

    /// State and effective priority of an instance, if its daemon lives.
    pub(super) fn instance(&self, h: usize, index: usize) -> Option<(State, u8)> {
        let i: &Instance = self.hosts[h].router.as_ref()?.instances().get(index)?;
        Some((i.state(), i.priority()))
    }

    pub(super) fn complaints(&self, h: usize) -> &BTreeSet<String> {
        &self.hosts[h].complaints
    }
}

fn host(plans: &[Arc<Plan>], h: usize) -> Host {
    let plan = plans[h].clone();
    let mut interfaces: Vec<String> = Vec::new();
    let mut add = |name: &String| {
        if !interfaces.contains(name) {
            interfaces.push(name.clone());
        }
    };
    for i in &plan.instances {
        add(&i.interface);
        i.addresses.iter().for_each(|a| add(&a.interface));
        for w in &i.watches {
            if let Target::Interface(name) = &w.target {
                add(name);
            }
        }
    }
    let own = interfaces.iter().enumerate().map(|(at, name)| address(plans, h, at, name)).collect();
    Host {
        plan,
        router: None,
        interfaces,
        own,
        down: BTreeSet::new(),
        failing: BTreeSet::new(),
        kernel: BTreeSet::new(),
        open: BTreeSet::new(),
        complaints: BTreeSet::new(),
    }
}

/// The address of a host's interface: what the configuration says, or what the peers call it, or one that we make
/// up (198.18.0.0/15, RFC 2544), greater for later hosts.
fn address(plans: &[Arc<Plan>], h: usize, at: usize, name: &str) -> Ipv4Addr {
    let made_up = Ipv4Addr::new(198, 18, at as u8, h as u8 + 1);
    for i in plans[h].instances.iter().filter(|i| i.interface == name) {
        if let Some(IpAddr::V4(source)) = i.source {
            return source;
        }
        let Path::Unicast { peers, .. } = &i.path else { continue };
        let mut called: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for (other, plan) in plans.iter().enumerate().filter(|(other, _)| *other != h) {
            for theirs in plan.instances.iter().filter(|t| t.dialect.vrid == i.dialect.vrid) {
                if let Path::Unicast { peers, .. } = &theirs.path {
                    peers.iter().for_each(|p| *called.entry(p.address).or_insert(other) = other);
                }
            }
        }
        let mine = called.keys().find(|a| !peers.iter().any(|p| p.address == **a));
        if let Some(IpAddr::V4(mine)) = mine {
            return *mine;
        }
    }
    made_up
}
