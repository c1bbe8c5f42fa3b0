//! How an instance enters and leaves its states, and what changes its priority on the way.
//!
//! Invariants: the address is added after the first advert and removed before anything else is told; a state is
//! entered with every timer of the old one stopped. Leaves to others: what adverts mean (`election`).

use std::time::Duration;

use super::{Action, Fault, Instance, Note, OWNER, OWNER_DELAY, State, Told, URGENT_GAP};
use crate::engine::Time;

impl Instance {
    pub(super) fn start(&mut self, now: Time) {
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

    pub(super) fn stop(&mut self, now: Time) {
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

    pub(super) fn fault(&mut self, fault: Fault, now: Time) {
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

    pub(super) fn enter_fault(&mut self, now: Time) {
        self.quiet();
        for fault in self.faults.clone() {
            self.note(Note::Faulty(fault));
        }
        self.note(Note::EnteringFault);
        self.enter(State::Fault, now);
        self.act(Action::Notify(Told::Fault));
    }

    /// Leaves FAULT, or the wait for first results, when nothing holds it any more.
    pub(super) fn recover(&mut self, now: Time) {
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
    pub(super) fn set_weight(&mut self, sum: i32, now: Time) {
        if sum == self.weight {
            return;
        }
        let before = self.priority();
        self.weight = sum;
        if self.plan.priority == OWNER {
            self.note(Note::OwnerKeepsPriority);
            return;
        }
        self.priority_changed(before, now);
    }

    pub(super) fn priority_changed(&mut self, before: u8, now: Time) {
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
        if self.plan.fast_takeover && self.advert_at.is_some() {
            let soon = self.sent_at + URGENT_GAP;
            if soon <= now {
                self.advertise(now);
            } else {
                self.advert_at = self.advert_at.map(|at| at.min(soon));
            }
        }
    }

    /// The down timer ran out: the turn is ours, or our group's.
    pub(super) fn take_over(&mut self, now: Time) {
        if self.grouped {
            // Asked again each interval until the other members want it too.
            self.down_at = Some(now + self.plan.dialect.interval);
            self.act(Action::WantMaster);
        } else {
            self.become_master(now);
        }
    }

    /// An advert now, and the next one an interval later.
    pub(super) fn advertise(&mut self, now: Time) {
        self.act(Action::Send(self.priority()));
        self.sent_at = now;
        self.advert_at = Some(now + self.plan.dialect.interval);
    }

    /// Advert first, so that the old master lets go of the address before caches move (RFC 9568 section 6.4.1).
    pub(super) fn become_master(&mut self, now: Time) {
        self.quiet();
        self.master = None;
        self.master_interval = self.plan.dialect.interval;
        self.counters.became_master += 1;
        self.advertise(now);
        self.note(Note::EnteringMaster);
        self.enter(State::Master, now);
        self.act(Action::AddAddresses);
        self.announce(self.plan.garp.master_repeat, self.plan.garp.master_delay, now);
        if !self.plan.garp.refresh.is_zero() {
            self.refresh_at = Some(now + self.plan.garp.refresh);
        }
        self.act(Action::Notify(Told::Master));
    }

    /// Gratuitous ARP now, and a second burst later; a burst that waited is replaced.
    pub(super) fn announce(&mut self, repeat: u32, delay: Duration, now: Time) {
        self.act(Action::Announce(repeat));
        self.burst_at = (!delay.is_zero()).then_some((now + delay, repeat));
    }

    pub(super) fn become_backup(&mut self, now: Time) {
        self.note(Note::EnteringBackup(false));
        self.leave_master();
        self.enter_backup(true, now);
    }

    pub(super) fn enter_backup(&mut self, yielded: bool, now: Time) {
        self.quiet();
        self.master = None;
        self.master_interval = self.plan.dialect.interval;
        self.enter(State::Backup, now);
        // The owner takes over at once; not so after it yielded to another owner, or the two would never rest.
        let owner = self.plan.priority == OWNER && !yielded;
        self.down_at = Some(now + if owner { OWNER_DELAY } else { self.down_interval() });
        self.act(Action::Notify(Told::Backup));
    }

    pub(super) fn leave_master(&mut self) {
        self.counters.released_master += 1;
        self.act(Action::RemoveAddresses);
    }

    /// Stops every timer.
    pub(super) fn quiet(&mut self) {
        self.down_at = None;
        self.advert_at = None;
        self.preempt_at = None;
        self.burst_at = None;
        self.refresh_at = None;
        self.heal_at = None;
        self.thawed = false;
    }

    pub(super) fn enter(&mut self, state: State, now: Time) {
        self.state = state;
        self.last_transition = now;
    }
}
