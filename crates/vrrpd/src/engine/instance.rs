//! The state machine of one virtual router: RFC 9568 section 6.4 for version 3, RFC 3768 section 6.4 for
//! version 2, and what keepalived adds (FAULT, weights, `nopreempt`, `preempt_delay`).
//!
//! Owns: state, priority, timers, counters. Invariants ([`Instance::check_invariants`]): a backup has a down
//! timer and no advert timer, a master the other way round, and only a master holds the addresses; nobody is
//! master with a fault. Leaves to others: packets (`wire`), where faults and weights come from (`router`),
//! members of sync groups (`sync_group`).

mod election;
mod lifecycle;
mod stall;
mod takeover;
mod vocabulary;

use std::{collections::VecDeque, net::IpAddr, sync::Arc, time::Duration};

use super::{
    Time,
    plan::InstancePlan,
    wire::{Advert, Version},
};
use takeover::Takeover;
pub use vocabulary::{Action, Counters, Event, Fault, Note, State, Told};

/// The greatest number of actions that may wait; a caller drains after each event, so a dozen is much.
const ACTIONS_MAX: usize = 64;
/// An owner does not wait (RFC 9568 section 6.4.1); one microsecond lets the start finish, as keepalived does it.
const OWNER_DELAY: Duration = Duration::from_micros(1);
/// A sender that claims an interval of nothing would have us take over at once.
const INTERVAL_MIN: Duration = Duration::from_millis(10);
/// The least gap between an advert and one that tells of a new priority.
const URGENT_GAP: Duration = Duration::from_millis(10);
/// From hearing a lesser master to announcing the addresses once more: the lesser one has let go by then.
const HEAL_DELAY: Duration = Duration::from_millis(100);
/// The priority that only an address owner has.
pub const OWNER: u8 = 255;

/// One virtual router on one interface.
#[derive(Clone, Debug)]
pub struct Instance {
    plan: Arc<InstancePlan>,
    state: State,
    started: bool,
    grouped: bool,
    faults: Vec<Fault>,
    waiting: usize,
    weight: i32,
    source: Option<IpAddr>,
    /// The interval that the down timer counts in: version 3 learns the master's.
    master_interval: Duration,
    master: Option<(IpAddr, u8)>,
    down_at: Option<Time>,
    advert_at: Option<Time>,
    preempt_at: Option<Time>,
    burst_at: Option<(Time, u32)>,
    refresh_at: Option<Time>,
    /// When the addresses are announced once more after two masters met.
    heal_at: Option<Time>,
    /// When the last advert left.
    sent_at: Time,
    /// We were master, were held up, and listen whether somebody took our place.
    thawed: bool,
    takeover: Takeover,
    last_transition: Time,
    actions: VecDeque<Action>,
    pub counters: Counters,
}

impl Instance {
    pub fn new(plan: Arc<InstancePlan>, grouped: bool) -> Instance {
        Instance {
            master_interval: plan.dialect.interval,
            plan,
            state: State::Init,
            started: false,
            grouped,
            faults: Vec::new(),
            waiting: 0,
            weight: 0,
            source: None,
            master: None,
            down_at: None,
            advert_at: None,
            preempt_at: None,
            burst_at: None,
            refresh_at: None,
            heal_at: None,
            sent_at: Time::ZERO,
            thawed: false,
            takeover: Takeover::new(),
            last_transition: Time::ZERO,
            actions: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Takes one event. Never blocks; the work is bounded by the number of faults.
    pub fn handle(&mut self, event: Event, now: Time) {
        match event {
            Event::Start => self.start(now),
            Event::Stop => self.stop(now),
            Event::Timeout => self.timeout(now),
            Event::Late(late) => self.late(late, now),
            Event::Heard(advert) => self.heard(&advert, now),
            Event::Fault(fault) => self.fault(fault, now),
            Event::Clear(fault) => {
                self.faults.retain(|f| *f != fault);
                self.recover(now);
            }
            Event::Weight(sum) => self.set_weight(sum, now),
            Event::Waiting(count) => {
                self.waiting = count;
                self.recover(now);
            }
            Event::Source(source) => self.source = source,
            Event::AddressLost(address) if self.state == State::Master => {
                self.note(Note::AddressLost(address));
                self.act(Action::Send(0));
                self.note(Note::SentZero);
                self.become_backup(now);
                // Everybody heard priority 0, so the election is one of skews and the best router wins it.
                self.down_at = Some(now + self.skew(self.priority()));
            }
            Event::GroupMaster if matches!(self.state, State::Backup) => self.become_master(now),
            Event::GroupBackup if self.state == State::Master => self.become_backup(now),
            Event::AddressLost(_) | Event::GroupMaster | Event::GroupBackup => {}
        }
        #[cfg(debug_assertions)]
        self.check_invariants();
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Event::Timeout`] is due.
    pub fn deadline(&self) -> Option<Time> {
        let burst = self.burst_at.map(|(at, _)| at);
        [self.down_at, self.advert_at, burst, self.refresh_at, self.heal_at].into_iter().flatten().min()
    }

    /// Puts a new plan of the same virtual router in; state and timers stay, so an election is not forced.
    pub fn reconfigure(&mut self, plan: Arc<InstancePlan>, grouped: bool, now: Time) {
        let before = self.priority();
        let own = self.plan.dialect.interval;
        self.grouped = grouped;
        // Watches are numbered by the plan, so faults of the old numbers mean nothing any more.
        self.faults.retain(|f| !matches!(f, Fault::Watch(_) | Fault::Group));
        self.plan = plan;
        if self.master_interval == own || self.plan.dialect.version == Version::V2 {
            self.master_interval = self.plan.dialect.interval;
        }
        self.priority_changed(before, now);
        if let Some(at) = self.advert_at {
            self.advert_at = Some(at.min(now + self.plan.dialect.interval));
        }
        if let Some(at) = self.down_at {
            self.down_at = Some(at.min(now + self.down_interval()));
        }
    }

    pub fn plan(&self) -> &Arc<InstancePlan> {
        &self.plan
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// The priority that adverts carry: base and weights, within 1..=254 (an owner's is fixed).
    pub fn priority(&self) -> u8 {
        match self.plan.priority {
            OWNER => OWNER,
            base => (i32::from(base) + self.weight).clamp(1, 254) as u8,
        }
    }

    /// Base and weights as they add up, kept beyond the bounds so that no weight gets lost.
    pub fn total_priority(&self) -> i32 {
        i32::from(self.plan.priority) + self.weight
    }

    pub fn source(&self) -> Option<IpAddr> {
        self.source
    }

    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// The master last heard, with its priority.
    pub fn master(&self) -> Option<(IpAddr, u8)> {
        self.master
    }

    pub fn master_interval(&self) -> Duration {
        self.master_interval
    }

    pub fn last_transition(&self) -> Time {
        self.last_transition
    }

    /// Master_Down_Interval: `down_adverts` intervals and the skew.
    pub fn down_interval(&self) -> Duration {
        self.master_interval * self.plan.down_adverts + self.skew(self.priority())
    }

    /// Skew_Time. Version 2 counts in seconds whatever the interval is (RFC 3768 section 6.1), version 3 in the
    /// master's interval (RFC 9568 section 6.1).
    fn skew(&self, priority: u8) -> Duration {
        let unit = match self.plan.dialect.version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => self.master_interval,
        };
        unit * (256 - u32::from(priority)) / 256
    }

    fn timeout(&mut self, now: Time) {
        if self.down_at.is_some_and(|at| at <= now) {
            self.note(Note::AdvertTimeout);
            self.take_over(now);
        }
        if let Some(at) = self.advert_at.filter(|at| *at <= now) {
            self.advertise(now);
            let next = at + self.plan.dialect.interval;
            self.advert_at = Some(if next > now { next } else { now + self.plan.dialect.interval });
        }
        if let Some((at, repeat)) = self.burst_at
            && at <= now
        {
            self.burst_at = None;
            self.act(Action::Announce(repeat));
        }
        if self.heal_at.is_some_and(|at| at <= now) {
            self.heal_at = None;
            self.act(Action::Announce(1));
        }
        if self.refresh_at.is_some_and(|at| at <= now) {
            self.act(Action::Announce(self.plan.garp.refresh_repeat));
            self.refresh_at = Some(now + self.plan.garp.refresh);
        }
    }

    fn note(&mut self, note: Note) {
        self.act(Action::Note(note));
    }

    fn act(&mut self, action: Action) {
        debug_assert!(self.actions.len() < ACTIONS_MAX, "actions are not drained");
        if let Action::Send(priority) = action {
            self.counters.adverts_sent += u64::from(priority != 0);
            self.counters.zero_sent += u64::from(priority == 0);
        }
        self.actions.push_back(action);
    }

    #[cfg(debug_assertions)]
    pub fn check_invariants(&self) {
        let state = self.state;
        assert_eq!(self.down_at.is_some(), state == State::Backup, "down timer in {state:?}");
        assert_eq!(self.advert_at.is_some(), state == State::Master, "advert timer in {state:?}");
        assert!(
            self.faults.is_empty() || !matches!(state, State::Master | State::Backup),
            "fault in {state:?}"
        );
        assert!(self.burst_at.is_none() || state == State::Master, "burst in {state:?}");
    }
}

#[cfg(test)]
mod tests;
