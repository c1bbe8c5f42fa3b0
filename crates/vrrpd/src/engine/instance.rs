//! The state machine of one virtual router: RFC 9568 section 6.4 for version 3, RFC 3768 section 6.4 for
//! version 2, and what keepalived adds (FAULT, weights, `nopreempt`, `preempt_delay`).
//!
//! Owns: state, priority, timers, counters. Invariants ([`Instance::check_invariants`]): a backup has a down
//! timer and no advert timer, a master the other way round, and only a master holds the addresses; nobody is
//! master with a fault. Leaves to others: packets (`wire`), where faults and weights come from (`router`),
//! members of sync groups (`sync_group`).

use std::{collections::VecDeque, net::IpAddr, sync::Arc, time::Duration};

use super::{
    Time,
    plan::InstancePlan,
    wire::{Advert, Version},
};

/// The states of RFC 9568 section 6.3, and keepalived's FAULT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not started, waiting for the first result of an unweighted script, or stopped.
    Init,
    Backup,
    Master,
    Fault,
}

/// Why an instance cannot take part. Several may hold at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// The interface does not exist.
    NoInterface,
    InterfaceDown,
    /// The interface has no address that adverts could come from.
    NoAddress,
    /// An unweighted tracker failed: index into the plan's watches.
    Watch(usize),
    /// Another member of the sync group is in FAULT.
    Group,
}

/// What happens to an instance.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Event {
    /// Take part (RFC 9568 section 6.4.1). Faults and weights known so far were told before.
    Start,
    /// Leave for good (section 6.4.3: Shutdown).
    Stop,
    /// A deadline came.
    Timeout,
    /// An advert that passed the receive checks.
    Heard(Advert),
    Fault(Fault),
    Clear(Fault),
    /// The sum of all weights now.
    Weight(i32),
    /// How many unweighted trackers have not reported yet.
    Waiting(usize),
    /// The address that adverts come from.
    Source(Option<IpAddr>),
    /// Somebody else removed a virtual address from the interface.
    AddressLost(IpAddr),
    /// The sync group takes over.
    GroupMaster,
    /// Another member of the sync group lost mastership.
    GroupBackup,
}

/// What an instance wants done, in this order.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Action {
    /// Send an advert with this priority.
    Send(u8),
    AddAddresses,
    RemoveAddresses,
    /// Gratuitous ARP for every address, this many times.
    Announce(u32),
    /// Run the notify scripts.
    Notify(Told),
    /// The down timer of a grouped instance expired: the group decides.
    WantMaster,
    /// A grouped instance yielded to a better router.
    Yielded,
    Note(Note),
}

/// What notify scripts are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    Master,
    Backup,
    Fault,
    Stop,
    Deleted,
    Priority,
    MasterRxLowerPri,
}

/// Facts for people; the words are the shell's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Note {
    /// `true`: on start.
    EnteringBackup(bool),
    EnteringMaster,
    EnteringFault,
    Faulty(Fault),
    AdvertTimeout,
    Priority {
        from: u8,
        to: u8,
    },
    HigherHeard {
        from: IpAddr,
        theirs: u8,
        ours: u8,
    },
    EqualHeard {
        from: IpAddr,
        priority: u8,
    },
    LowerHeard {
        from: IpAddr,
        theirs: u8,
        ours: u8,
    },
    LowerDiscarded {
        from: IpAddr,
        theirs: u8,
    },
    MasterIs(IpAddr),
    Preempting {
        delay: Duration,
    },
    AddressLost(IpAddr),
    OwnerKeepsPriority,
    SentZero,
    ZeroHeard(IpAddr),
    IntervalLearnt(Duration),
}

/// keepalived's counters (SIGUSR2), per instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    pub adverts_received: u64,
    pub adverts_sent: u64,
    pub became_master: u64,
    pub released_master: u64,
    pub length_errors: u64,
    pub ttl_errors: u64,
    pub type_errors: u64,
    pub interval_errors: u64,
    pub address_list_errors: u64,
    pub version_errors: u64,
    pub checksum_errors: u64,
    pub auth_type_errors: u64,
    pub auth_mismatches: u64,
    pub auth_failures: u64,
    pub zero_received: u64,
    pub zero_sent: u64,
}

/// The greatest number of actions that may wait; a caller drains after each event, so a dozen is much.
const ACTIONS_MAX: usize = 64;
/// An owner does not wait (RFC 9568 section 6.4.1); one microsecond lets the start finish, as keepalived does it.
const OWNER_DELAY: Duration = Duration::from_micros(1);
/// A sender that claims an interval of nothing would have us take over at once.
const INTERVAL_MIN: Duration = Duration::from_millis(10);
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
            Event::Heard(advert) => self.heard(&advert, now),
            Event::Fault(fault) => self.fault(fault, now),
            Event::Clear(fault) => {
                self.faults.retain(|f| *f != fault);
                self.recover(now);
            }
            Event::Weight(sum) => self.set_weight(sum),
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
        [self.down_at, self.advert_at, burst, self.refresh_at].into_iter().flatten().min()
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
        self.priority_changed(before);
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

    fn start(&mut self, now: Time) {
        if self.started {
            return;
        }
        self.started = true;
        if !self.faults.is_empty() {
            self.enter_fault(now);
        } else if self.waiting == 0 {
            self.note(Note::EnteringBackup(true));
            self.enter_backup(false, now);
        }
    }

    fn stop(&mut self, now: Time) {
        if self.state == State::Master {
            self.act(Action::Send(0));
            self.note(Note::SentZero);
            self.leave_master();
        }
        self.quiet();
        self.started = false;
        self.enter(State::Init, now);
        self.act(Action::Notify(Told::Stop));
    }

    fn timeout(&mut self, now: Time) {
        if self.down_at.is_some_and(|at| at <= now) {
            self.note(Note::AdvertTimeout);
            if self.grouped {
                // Asked again each interval until the other members want it too.
                self.down_at = Some(now + self.plan.dialect.interval);
                self.act(Action::WantMaster);
            } else {
                self.become_master(now);
            }
        }
        if let Some(at) = self.advert_at.filter(|at| *at <= now) {
            self.act(Action::Send(self.priority()));
            let next = at + self.plan.dialect.interval;
            self.advert_at = Some(if next > now { next } else { now + self.plan.dialect.interval });
        }
        if let Some((at, repeat)) = self.burst_at
            && at <= now
        {
            self.burst_at = None;
            self.act(Action::Announce(repeat));
        }
        if self.refresh_at.is_some_and(|at| at <= now) {
            self.act(Action::Announce(self.plan.garp.refresh_repeat));
            self.refresh_at = Some(now + self.plan.garp.refresh);
        }
    }

    fn heard(&mut self, advert: &Advert, now: Time) {
        if advert.priority == 0 {
            self.counters.zero_received += 1;
        }
        match self.state {
            State::Backup => self.heard_as_backup(advert, now),
            State::Master => self.heard_as_master(advert, now),
            State::Init | State::Fault => {}
        }
    }

    /// RFC 9568 section 6.4.2.
    fn heard_as_backup(&mut self, advert: &Advert, now: Time) {
        if advert.priority == 0 {
            self.note(Note::ZeroHeard(advert.source));
            self.preempt_at = None;
            self.down_at = Some(now + self.skew(self.priority()));
            return;
        }
        if advert.priority >= self.priority() {
            self.preempt_at = None;
        } else if self.plan.preempt && self.preemption_is_due(now) {
            // Not restarting the timer is what makes the better router take over.
            self.note(Note::LowerDiscarded { from: advert.source, theirs: advert.priority });
            return;
        }
        self.follow(advert, now);
    }

    /// `preempt_delay` runs from the first advert of a worse master.
    fn preemption_is_due(&mut self, now: Time) -> bool {
        if self.plan.preempt_delay.is_zero() {
            return true;
        }
        if self.preempt_at.is_none() {
            self.note(Note::Preempting { delay: self.plan.preempt_delay });
        }
        *self.preempt_at.get_or_insert(now + self.plan.preempt_delay) <= now
    }

    /// Accepts the sender as master.
    fn follow(&mut self, advert: &Advert, now: Time) {
        if self.plan.dialect.version == Version::V3 && self.master_interval != advert.interval {
            self.master_interval = advert.interval.max(INTERVAL_MIN);
            self.note(Note::IntervalLearnt(self.master_interval));
        }
        if self.master.map(|(a, _)| a) != Some(advert.source) {
            self.note(Note::MasterIs(advert.source));
        }
        self.master = Some((advert.source, advert.priority));
        self.down_at = Some(now + self.down_interval());
    }

    /// RFC 9568 section 6.4.3.
    fn heard_as_master(&mut self, advert: &Advert, now: Time) {
        let ours = self.priority();
        if ours == OWNER && self.plan.owner_ignores {
            return;
        }
        if advert.priority == 0 {
            self.act(Action::Send(ours));
            self.advert_at = Some(now + self.plan.dialect.interval);
            return;
        }
        let higher = advert.priority > ours;
        // The greater primary address wins among equals, compared as unsigned numbers in network order.
        let equal_wins = advert.priority == ours && self.source.is_none_or(|mine| advert.source > mine);
        if higher || equal_wins {
            self.note(match higher {
                true => Note::HigherHeard { from: advert.source, theirs: advert.priority, ours },
                false => Note::EqualHeard { from: advert.source, priority: ours },
            });
            if self.plan.answer_higher {
                self.act(Action::Send(ours));
            }
            self.become_backup(now);
            self.follow(advert, now);
            if self.grouped {
                self.act(Action::Yielded);
            }
            return;
        }
        self.note(Note::LowerHeard { from: advert.source, theirs: advert.priority, ours });
        self.act(Action::Notify(Told::MasterRxLowerPri));
        if self.plan.answer_lower {
            self.act(Action::Send(ours));
            self.advert_at = Some(now + self.plan.dialect.interval);
            self.announce(self.plan.garp.lower_repeat, self.plan.garp.lower_delay, now);
        }
    }

    fn fault(&mut self, fault: Fault, now: Time) {
        if self.faults.contains(&fault) {
            return;
        }
        self.faults.push(fault);
        if !self.started {
            return;
        }
        if self.state == State::Fault {
            self.note(Note::Faulty(fault));
            return;
        }
        if self.state == State::Master {
            if !matches!(fault, Fault::NoInterface | Fault::InterfaceDown) {
                self.act(Action::Send(0));
                self.note(Note::SentZero);
            }
            self.leave_master();
        }
        self.enter_fault(now);
    }

    fn enter_fault(&mut self, now: Time) {
        self.quiet();
        for fault in self.faults.clone() {
            self.note(Note::Faulty(fault));
        }
        self.note(Note::EnteringFault);
        self.enter(State::Fault, now);
        self.act(Action::Notify(Told::Fault));
    }

    /// Leaves FAULT, or the wait for first results, when nothing holds it any more.
    fn recover(&mut self, now: Time) {
        if self.started
            && self.faults.is_empty()
            && self.waiting == 0
            && matches!(self.state, State::Fault | State::Init)
        {
            self.note(Note::EnteringBackup(false));
            self.enter_backup(false, now);
        }
    }

    /// The effective priority moves the running down timer by the difference of the skews, so that a weight
    /// shows at once (RFC 9568 has no changing priorities; keepalived does so).
    fn set_weight(&mut self, sum: i32) {
        if sum == self.weight {
            return;
        }
        let before = self.priority();
        self.weight = sum;
        if self.plan.priority == OWNER {
            self.note(Note::OwnerKeepsPriority);
            return;
        }
        self.priority_changed(before);
    }

    fn priority_changed(&mut self, before: u8) {
        let after = self.priority();
        if before == after {
            return;
        }
        self.note(Note::Priority { from: before, to: after });
        if self.plan.tell_priority {
            self.act(Action::Notify(Told::Priority));
        }
        if let Some(at) = self.down_at {
            self.down_at = Some((at + self.skew(after)).saturating_sub(self.skew(before)));
        }
    }

    /// Advert first, so that the old master lets go of the address before caches move (RFC 9568 section 6.4.1).
    fn become_master(&mut self, now: Time) {
        self.quiet();
        self.master = None;
        self.master_interval = self.plan.dialect.interval;
        self.counters.became_master += 1;
        self.act(Action::Send(self.priority()));
        self.note(Note::EnteringMaster);
        self.enter(State::Master, now);
        self.advert_at = Some(now + self.plan.dialect.interval);
        self.act(Action::AddAddresses);
        self.announce(self.plan.garp.master_repeat, self.plan.garp.master_delay, now);
        if !self.plan.garp.refresh.is_zero() {
            self.refresh_at = Some(now + self.plan.garp.refresh);
        }
        self.act(Action::Notify(Told::Master));
    }

    /// Gratuitous ARP now, and a second burst later; a burst that waited is replaced.
    fn announce(&mut self, repeat: u32, delay: Duration, now: Time) {
        self.act(Action::Announce(repeat));
        self.burst_at = (!delay.is_zero()).then_some((now + delay, repeat));
    }

    fn become_backup(&mut self, now: Time) {
        self.note(Note::EnteringBackup(false));
        self.leave_master();
        self.enter_backup(true, now);
    }

    fn enter_backup(&mut self, yielded: bool, now: Time) {
        self.quiet();
        self.master = None;
        self.master_interval = self.plan.dialect.interval;
        self.enter(State::Backup, now);
        // The owner takes over at once; not so after it yielded to another owner, or the two would never rest.
        let owner = self.plan.priority == OWNER && !yielded;
        self.down_at = Some(now + if owner { OWNER_DELAY } else { self.down_interval() });
        self.act(Action::Notify(Told::Backup));
    }

    fn leave_master(&mut self) {
        self.counters.released_master += 1;
        self.act(Action::RemoveAddresses);
    }

    /// Stops every timer.
    fn quiet(&mut self) {
        self.down_at = None;
        self.advert_at = None;
        self.preempt_at = None;
        self.burst_at = None;
        self.refresh_at = None;
    }

    fn enter(&mut self, state: State, now: Time) {
        self.state = state;
        self.last_transition = now;
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
