//! Everything that vrrpd knows of itself at one moment, as data: what `vrrpctl`, the metrics and watchers show.
//!
//! Invariants: made from the engines only; members are never renamed or taken away, since programs read them
//! (`vrrpctl status --json`).

use serde::{Deserialize, Serialize};

use crate::{
    engine::{
        Time,
        instance::{Counters, Instance, State},
        plan::Watch,
        router::Router,
        track::{Effect, Status},
    },
    shell::words,
};

/// One moment.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
#[serde(default)]
pub struct Snapshot {
    pub program: String,
    pub host: String,
    /// Seconds since 1970.
    pub time_s: f64,
    pub instances: Vec<InstanceView>,
    pub groups: Vec<GroupView>,
    pub trackers: Vec<TrackerView>,
    pub bfd: Vec<BfdView>,
}

/// A `vrrp_instance`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
#[serde(default)]
pub struct InstanceView {
    pub name: String,
    /// `INIT`, `BACKUP`, `MASTER` or `FAULT`.
    pub state: String,
    /// Seconds in this state.
    pub since_s: f64,
    pub interface: String,
    pub vrid: u8,
    pub version: u8,
    pub base_priority: u8,
    /// What adverts carry.
    pub priority: u8,
    pub advert_interval_s: f64,
    pub preempt: bool,
    /// Where our adverts come from.
    pub source: Option<String>,
    /// The master that a backup follows.
    pub master: Option<String>,
    pub master_priority: Option<u8>,
    pub addresses: Vec<AddressView>,
    /// Why it is in FAULT.
    pub faults: Vec<String>,
    /// Trackers without a first result that it waits for.
    pub waiting: usize,
    pub watches: Vec<WatchView>,
    /// What an operator ordered: `handover`, `stop`, or nothing.
    pub order: Option<String>,
    pub counters: CounterView,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
#[serde(default)]
pub struct AddressView {
    pub address: String,
    pub interface: String,
    pub held: bool,
}

/// The use of a tracker by an instance.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
#[serde(default)]
pub struct WatchView {
    pub kind: String,
    pub name: String,
    /// `up`, `down` or `unknown`.
    pub status: String,
    pub weight: i16,
    /// What it does now: `+2`, `-10`, `fault`, `lowest`, `waiting`, or nothing.
    pub effect: String,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
#[serde(default)]
pub struct GroupView {
    pub name: String,
    pub members: Vec<String>,
}

/// Something watched that is not an interface.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
#[serde(default)]
pub struct TrackerView {
    pub kind: String,
    pub name: String,
    pub status: String,
    /// In words.
    pub detail: String,
}

/// A BFD session.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
#[serde(default)]
pub struct BfdView {
    pub name: String,
    pub neighbor: String,
    /// `AdminDown`, `Down`, `Init` or `Up`.
    pub state: String,
    pub diagnostic: u8,
    pub received: u64,
    pub sent: u64,
}

/// The counters that the text dump shows, by the names that metrics use.
pub type CounterView = std::collections::BTreeMap<String, u64>;

/// `wall` is the time since 1970 and `now` the engine's time of the same moment.
pub fn snapshot(router: &Router, host: &str, wall: Time, now: Time) -> Snapshot {
    let plan = router.plan();
    let instances = router.instances().iter().enumerate().map(|(at, i)| instance(router, at, i, now));
    let name_of = |i: &usize| plan.instances.get(*i).map(|p| p.name.clone()).unwrap_or_default();
    Snapshot {
        program: format!("vrrpd {}", env!("CARGO_PKG_VERSION")),
        host: host.to_owned(),
        time_s: wall.as_secs_f64(),
        instances: instances.collect(),
        groups: plan
            .groups
            .iter()
            .map(|g| GroupView { name: g.name.clone(), members: g.members.iter().map(name_of).collect() })
            .collect(),
        trackers: trackers(router),
        bfd: Vec::new(),
    }
}

fn instance(router: &Router, at: usize, i: &Instance, now: Time) -> InstanceView {
    let p = i.plan();
    InstanceView {
        name: p.name.clone(),
        state: words::state(i.state()).to_owned(),
        since_s: now.saturating_sub(i.last_transition()).as_secs_f64(),
        interface: p.interface.clone(),
        vrid: p.dialect.vrid,
        version: p.dialect.version.number(),
        base_priority: p.priority,
        priority: i.priority(),
        advert_interval_s: p.dialect.interval.as_secs_f64(),
        preempt: p.preempt,
        source: i.source().map(|a| a.to_string()),
        master: i.master().filter(|_| i.state() == State::Backup).map(|(a, _)| a.to_string()),
        master_priority: i.master().filter(|_| i.state() == State::Backup).map(|(_, p)| p),
        addresses: p
            .addresses
            .iter()
            .map(|a| AddressView {
                address: format!("{}/{}", a.address, a.prefix),
                interface: a.interface.clone(),
                held: router.holds(at, a.address),
            })
            .collect(),
        faults: i.faults().iter().map(|f| words::cause(router.plan(), p, *f)).collect(),
        waiting: i.waiting(),
        watches: p.watches.iter().map(|w| watch(router, w)).collect(),
        order: router.order(at).map(|o| o.word().to_owned()),
        counters: counters(&i.counters),
    }
}

fn watch(router: &Router, w: &Watch) -> WatchView {
    let (kind, name) = words::target(router.plan(), &w.target);
    let effect = match router.effect(w) {
        Effect::Fault => "fault".to_owned(),
        Effect::Waiting => "waiting".to_owned(),
        Effect::Weight(0) => String::new(),
        Effect::Weight(n) if n < -1_000 => "lowest".to_owned(),
        Effect::Weight(n) => format!("{n:+}"),
    };
    let status = word(router.status(&w.target));
    WatchView { kind: kind.to_owned(), name, status: status.to_owned(), weight: w.weight, effect }
}

fn trackers(router: &Router) -> Vec<TrackerView> {
    let view = |kind: &str, name: &str, status: Status, detail: String| TrackerView {
        kind: kind.to_owned(),
        name: name.to_owned(),
        status: word(status).to_owned(),
        detail,
    };
    let scripts = router.scripts().iter().map(|s| {
        let p = s.plan();
        let running = if s.is_running() { "; runs now" } else { "" };
        let detail =
            format!("every {} s, rise {}, fall {}{running}", p.interval.as_secs_f64(), p.rise, p.fall);
        view("script", &p.name, s.status(), detail)
    });
    let proxies = router.proxies().iter().map(|p| {
        let pids: Vec<String> = p.pids().map(|pid| pid.to_string()).collect();
        let process = if pids.is_empty() { String::new() } else { format!(" (pid {})", pids.join(", ")) };
        let detail = words::proxy(&p.plan().name, p.cause()) + &process;
        view("proxy", &p.plan().name, p.status(), detail)
    });
    let processes = router.processes().iter().map(|p| {
        let running = p.count().map_or("not counted yet".to_owned(), |n| format!("{n} running"));
        view("process", &p.plan().name, p.status(), running)
    });
    scripts.chain(processes).chain(proxies).collect()
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Unknown => "unknown",
        Status::Up => "up",
        Status::Down => "down",
    }
}

fn counters(c: &Counters) -> CounterView {
    [
        ("adverts_received", c.adverts_received),
        ("adverts_sent", c.adverts_sent),
        ("became_master", c.became_master),
        ("released_master", c.released_master),
        ("length_errors", c.length_errors),
        ("ttl_errors", c.ttl_errors),
        ("type_errors", c.type_errors),
        ("interval_errors", c.interval_errors),
        ("address_list_errors", c.address_list_errors),
        ("version_errors", c.version_errors),
        ("checksum_errors", c.checksum_errors),
        ("auth_type_errors", c.auth_type_errors),
        ("auth_mismatches", c.auth_mismatches),
        ("auth_failures", c.auth_failures),
        ("priority_zero_received", c.zero_received),
        ("priority_zero_sent", c.zero_sent),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
