//! The simulated network: hosts with a router each, packets in flight, and what can go wrong.

use std::{collections::BinaryHeap, net::Ipv4Addr, time::Duration};

use super::*;
use crate::engine::{
    plan::{Garp, Path, Peer, Target, Watch},
    wire::{Auth, Checksum, Dialect, GROUP_V4},
};

pub(super) const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 100));
/// The only interface of every host.
pub(super) const ETH0: u32 = 2;

/// How a host is configured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub version: Version,
    pub priority: u8,
    pub preempt: bool,
    pub interval_ms: u64,
    pub unicast: bool,
    pub fast: bool,
    /// Added to the priority while the host's proxy is well.
    pub weight: i16,
}

impl Setup {
    pub(super) fn new(version: Version) -> Setup {
        Setup {
            version,
            priority: 100,
            preempt: true,
            interval_ms: 1_000,
            unicast: false,
            fast: false,
            weight: 0,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// kill -9: nothing is sent, the address stays.
    Crash(usize),
    Boot(usize),
    Stop(usize),
    LinkDown(usize),
    LinkUp(usize),
    /// Nothing runs for so many milliseconds; packets wait.
    Freeze(usize, u64),
    VipRemoved(usize),
    /// What is tracked with a weight fails, or is well again; at first it is well.
    Check(usize, bool),
}

#[derive(Debug)]
pub(super) struct Network {
    pub loss_percent: u32,
    /// Least and most; packets may overtake each other.
    pub delay_ms: (u64, u64),
    /// A suspended host hears nothing; a stopped process finds everything in its sockets.
    pub frozen_hosts_lose_packets: bool,
}

#[derive(Debug)]
struct Host {
    setup: Setup,
    router: Option<Router>,
    link_up: bool,
    well: bool,
    frozen_until: Time,
    /// What the kernel holds.
    vip: bool,
    sent: u64,
    /// How often the address came to this host.
    moves: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct InFlight {
    // Reversed, since the heap gives the greatest first.
    at: std::cmp::Reverse<(Time, u64)>,
    to: usize,
    packet: Vec<u8>,
    multicast: bool,
}

#[derive(Debug)]
pub(super) struct Lan {
    hosts: Vec<Host>,
    now: Time,
    flight: BinaryHeap<InFlight>,
    count: u64,
    random: u64,
    pub network: Network,
}

impl Lan {
    pub(super) fn new(setups: &[Setup], seed: u64) -> Lan {
        let host = |s: &Setup| Host {
            setup: *s,
            router: None,
            link_up: true,
            well: true,
            frozen_until: Time::ZERO,
            vip: false,
            sent: 0,
            moves: 0,
        };
        let mut lan = Lan {
            hosts: setups.iter().map(host).collect(),
            // Not zero, so that nothing can rely on it.
            now: Duration::from_secs(1_000),
            flight: BinaryHeap::new(),
            count: 0,
            random: seed | 1,
            network: Network { loss_percent: 0, delay_ms: (0, 0), frozen_hosts_lose_packets: false },
        };
        (0..setups.len()).for_each(|h| lan.fault(Fault::Boot(h)));
        lan
    }

    pub(super) fn seed(&mut self, seed: u64) {
        self.random = seed | 1;
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Crash(h) => self.hosts[h].router = None,
            Fault::Boot(h) if self.hosts[h].router.is_none() => self.boot(h),
            Fault::Boot(_) => {}
            Fault::Stop(h) => {
                self.give(h, Event::Stop);
                self.hosts[h].router = None;
            }
            Fault::LinkDown(h) | Fault::LinkUp(h) => {
                self.hosts[h].link_up = matches!(fault, Fault::LinkUp(_));
                let link = self.link(h);
                self.give(h, Event::Link(link));
            }
            Fault::Freeze(h, ms) => self.hosts[h].frozen_until = self.now + Duration::from_millis(ms),
            Fault::VipRemoved(h) if self.hosts[h].vip => {
                self.hosts[h].vip = false;
                self.give(h, Event::AddressGone { link: ETH0, address: VIP });
            }
            Fault::VipRemoved(_) => {}
            Fault::Check(h, well) => {
                self.hosts[h].well = well;
                self.give(h, Event::Link(tracked(well)));
            }
        }
    }

    fn boot(&mut self, h: usize) {
        let plan = plan(&self.hosts[h].setup, h, self.hosts.len());
        self.hosts[h].router = Some(Router::new(Arc::new(plan)));
        let link = self.link(h);
        self.give(h, Event::Link(link));
        self.give(h, Event::Link(tracked(self.hosts[h].well)));
        self.give(h, Event::Address { link: ETH0, address: own(h), prefix: 24 });
        if self.hosts[h].vip {
            self.give(h, Event::Address { link: ETH0, address: VIP, prefix: 32 });
        }
        self.give(h, Event::Start);
    }

    fn link(&self, h: usize) -> Link {
        link(self.hosts[h].link_up)
    }

    /// Lets time pass, event by event.
    pub(super) fn run_ms(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        loop {
            let packet = self.flight.peek().map(|p| p.at.0.0);
            let timer = (0..self.hosts.len())
                .filter_map(|h| {
                    let host = &self.hosts[h];
                    Some(host.router.as_ref()?.deadline()?.max(host.frozen_until))
                })
                .min();
            let Some(next) = [packet, timer].into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(next);
            while self.flight.peek().is_some_and(|p| p.at.0.0 <= self.now) {
                let Some(p) = self.flight.pop() else { break };
                self.arrive(p);
            }
            for h in 0..self.hosts.len() {
                let host = &self.hosts[h];
                let due = host.router.as_ref().and_then(Router::deadline).is_some_and(|at| at <= self.now);
                if due && host.frozen_until <= self.now {
                    self.give(h, Event::Timeout);
                }
            }
        }
        self.now = end;
    }

    fn arrive(&mut self, mut p: InFlight) {
        let host = &self.hosts[p.to];
        if host.frozen_until > self.now && self.network.frozen_hosts_lose_packets {
            return;
        }
        if host.frozen_until > self.now {
            p.at.0.0 = host.frozen_until;
            self.flight.push(p);
            return;
        }
        if !host.link_up {
            return;
        }
        let way = if p.multicast { Way::Multicast(IpAddr::V4(GROUP_V4)) } else { Way::Unicast(own(p.to)) };
        let packet = p.packet;
        self.give(p.to, Event::Packet { socket: Socket { link: ETH0, way, protocol: 112 }, bytes: &packet });
    }

    pub(super) fn give(&mut self, h: usize, event: Event<'_>) {
        let now = self.now;
        let Some(router) = self.hosts[h].router.as_mut() else { return };
        router.handle(event, now);
        while let Some(action) = self.hosts[h].router.as_mut().and_then(Router::poll_action) {
            self.perform(h, action);
        }
    }

    fn perform(&mut self, h: usize, action: Action) {
        match action {
            Action::Send { parcel: Parcel { destination, bytes: packet, .. }, .. } => {
                self.hosts[h].sent += 1;
                if !self.hosts[h].link_up {
                    return;
                }
                for to in (0..self.hosts.len()).filter(|to| *to != h) {
                    if destination.is_multicast() || destination == own(to) {
                        self.fly(to, packet.clone(), destination.is_multicast());
                    }
                }
            }
            Action::AddAddress { address, .. } => {
                assert_eq!(address.address, VIP);
                self.hosts[h].vip = true;
                self.hosts[h].moves += 1;
                self.give(h, Event::Address { link: ETH0, address: VIP, prefix: 32 });
            }
            Action::RemoveAddress { .. } => {
                if std::mem::take(&mut self.hosts[h].vip) {
                    self.give(h, Event::AddressGone { link: ETH0, address: VIP });
                } else {
                    self.give(h, Event::NotRemoved { link: ETH0, address: VIP });
                }
            }
            _ => {}
        }
    }

    fn fly(&mut self, to: usize, packet: Vec<u8>, multicast: bool) {
        if self.next_random() % 100 < u64::from(self.network.loss_percent) {
            return;
        }
        let (least, most) = self.network.delay_ms;
        let delay_us = least * 1_000 + 50 + self.next_random() % ((most - least) * 1_000 + 1);
        self.count += 1;
        let at = std::cmp::Reverse((self.now + Duration::from_micros(delay_us), self.count));
        self.flight.push(InFlight { at, to, packet, multicast });
    }

    /// xorshift64.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    pub(super) fn state(&self, h: usize) -> State {
        self.hosts[h].router.as_ref().map_or(State::Init, |r| r.instances()[0].state())
    }

    pub(super) fn masters(&self) -> Vec<usize> {
        (0..self.hosts.len()).filter(|h| self.state(*h) == State::Master).collect()
    }

    pub(super) fn holds_vip(&self, h: usize) -> bool {
        self.hosts[h].vip
    }

    /// Whether packets come and go at this host now.
    pub(super) fn hears(&self, h: usize) -> bool {
        self.hosts[h].link_up && self.hosts[h].frozen_until <= self.now
    }

    pub(super) fn moves(&self) -> u64 {
        self.hosts.iter().map(|h| h.moves).sum()
    }

    /// The milliseconds until `done`, or all that were allowed.
    pub(super) fn until_ms(&mut self, most: u64, done: impl Fn(&Lan) -> bool) -> u64 {
        (0..most)
            .find(|_| {
                let now = done(self);
                if !now {
                    self.run_ms(1);
                }
                now
            })
            .unwrap_or(most)
    }

    pub(super) fn sent(&self, h: usize) -> u64 {
        self.hosts[h].sent
    }

    pub(super) fn became_master(&self, h: usize) -> u64 {
        self.hosts[h].router.as_ref().map_or(0, |r| r.instances()[0].counters.became_master)
    }
}

pub(super) fn own(h: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, h as u8 + 1))
}

pub(super) fn link(up: bool) -> Link {
    Link { index: ETH0, name: "eth0".into(), running: up, mac: Some([2, 0, 0, 0, 0, 1]), mtu: 1_500 }
}

/// Stands for whatever is tracked with a weight: its state needs no timer.
fn tracked(well: bool) -> Link {
    Link { index: ETH0 + 1, name: "tracked".into(), ..link(well) }
}

pub(super) fn vip(last: u8) -> AddressPlan {
    AddressPlan {
        address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)),
        prefix: 32,
        interface: "eth0".into(),
        scope: 0,
        broadcast: None,
        label: None,
        peer: None,
        flags: 0,
        preferred_lft_s: None,
        tracked: true,
    }
}

pub(super) fn instance(s: &Setup, name: &str, vrid: u8, addresses: &[u8]) -> InstancePlan {
    let addresses: Vec<AddressPlan> = addresses.iter().map(|a| vip(*a)).collect();
    InstancePlan {
        name: name.into(),
        interface: "eth0".into(),
        dialect: Dialect {
            version: s.version,
            vrid,
            auth: Auth::None,
            checksum: Checksum::Pseudo,
            interval: Duration::from_millis(s.interval_ms),
            addresses: addresses.iter().map(|a| a.address).collect(),
        },
        priority: s.priority,
        preempt: s.preempt,
        preempt_delay: Duration::ZERO,
        fast_takeover: s.fast,
        down_adverts: 3,
        path: Path::Multicast { group: IpAddr::V4(GROUP_V4) },
        source: None,
        track_source: false,
        addresses,
        garp: Garp {
            master_repeat: 5,
            master_delay: Duration::from_secs(5),
            lower_repeat: 5,
            lower_delay: Duration::from_secs(5),
            refresh: Duration::ZERO,
            refresh_repeat: 1,
        },
        answer_lower: true,
        answer_higher: false,
        owner_ignores: false,
        track_primary: true,
        trust_addresses: false,
        promote_secondaries: false,
        tell_priority: false,
        watches: Vec::new(),
    }
}

fn plan(s: &Setup, h: usize, hosts: usize) -> Plan {
    let mut one = instance(s, "VI_1", 51, &[100]);
    if s.weight != 0 {
        let target = Target::Interface("tracked".into());
        one.watches = vec![Watch { target, weight: s.weight, reverse: false }];
    }
    if s.unicast {
        let peer = |p| Peer { address: own(p), ttl_min: 0, ttl_max: 255 };
        one.path = Path::Unicast {
            peers: (0..hosts).filter(|p| *p != h).map(peer).collect(),
            ttl: 255,
            known_only: true,
        };
    }
    Plan { instances: vec![Arc::new(one)], ..Plan::default() }
}
