//! What an advert does to an instance: RFC 9568 sections 6.4.2 (backup) and 6.4.3 (master).
//!
//! Invariants: nothing here is reached by a packet that failed a receive check; a fault or the wait for first
//! results makes deaf. Leaves to others: how states are entered (`lifecycle`).

use super::{
    Action, Advert, HEAL_DELAY, INTERVAL_MIN, Instance, Note, OWNER, State, Told, Version,
    takeover::{Falling, Haste},
};
use crate::engine::Time;

impl Instance {
    pub(super) fn heard(&mut self, advert: &Advert, now: Time) {
        if advert.priority == 0 {
            self.counters.zero_received += 1;
        }
        self.takeover.heard(advert.source, advert.priority, now);
        match self.state {
            State::Backup => self.heard_as_backup(advert, now),
            State::Master => self.heard_as_master(advert, now),
            State::Init | State::Fault => {}
        }
    }

    /// RFC 9568 section 6.4.2.
    pub(super) fn heard_as_backup(&mut self, advert: &Advert, now: Time) {
        if advert.priority == 0 {
            self.note(Note::ZeroHeard(advert.source));
            self.preempt_at = None;
            self.down_at = Some(now + self.skew(self.priority()));
            self.hurry(advert, now);
            return;
        }
        if advert.priority >= self.priority() {
            self.preempt_at = None;
        } else if self.thawed && self.plan.preempt {
            // Somebody serves while we were away: the election is the standard one, from its beginning.
            self.thawed = false;
            self.down_at = Some(now + self.down_interval());
        } else if self.plan.preempt && self.preemption_is_due(now) {
            // Not restarting the timer is what makes the better router take over.
            self.note(Note::LowerDiscarded { from: advert.source, theirs: advert.priority });
            self.hurry(advert, now);
            return;
        }
        self.follow(advert, now);
    }

    /// Fast take-over: the very master that we follow says that it goes, or is now worse than we are.
    fn hurry(&mut self, advert: &Advert, now: Time) {
        let Some((source, before)) = self.master.filter(|(source, _)| *source == advert.source) else {
            return;
        };
        let (ours, theirs) = (self.priority(), advert.priority);
        let may = theirs == 0 || (self.plan.preempt && self.plan.preempt_delay.is_zero());
        // An equal or better one is not followed twice for the same fall.
        self.master = Some((source, theirs));
        let falls = if theirs == 0 { before > 0 } else { before >= ours };
        if !self.plan.fast_takeover || !may || !falls {
            return;
        }
        let falling = Falling { source, before, election: self.down_interval() * 3 };
        let Haste::After(delay) = self.takeover.haste(falling, ours, now) else { return };
        self.takeover.used(theirs > 0, now);
        self.note(Note::FastTakeover { from: source, theirs, ours });
        self.down_at = self.down_at.map(|at| at.min(now + delay));
        if delay.is_zero() {
            self.take_over(now);
        }
    }

    /// `preempt_delay` runs from the first advert of a worse master.
    pub(super) fn preemption_is_due(&mut self, now: Time) -> bool {
        if self.plan.preempt_delay.is_zero() {
            return true;
        }
        if self.preempt_at.is_none() {
            self.note(Note::Preempting { delay: self.plan.preempt_delay });
        }
        *self.preempt_at.get_or_insert(now + self.plan.preempt_delay) <= now
    }

    /// Accepts the sender as master.
    pub(super) fn follow(&mut self, advert: &Advert, now: Time) {
        if self.plan.dialect.version == Version::V3 && self.master_interval != advert.interval {
            self.master_interval = advert.interval.max(INTERVAL_MIN);
            self.note(Note::IntervalLearnt(self.master_interval));
        }
        if self.master.map(|(a, _)| a) != Some(advert.source) {
            self.note(Note::MasterIs(advert.source));
        }
        self.master = Some((advert.source, advert.priority));
        self.thawed = false;
        self.down_at = Some(now + self.down_interval());
    }

    /// RFC 9568 section 6.4.3.
    pub(super) fn heard_as_master(&mut self, advert: &Advert, now: Time) {
        let ours = self.priority();
        if ours == OWNER && self.plan.owner_ignores {
            return;
        }
        if advert.priority == 0 {
            self.advertise(now);
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
            let standard = self.down_interval() * 2 - self.master_interval;
            self.takeover.returned(standard, now);
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
            self.advertise(now);
            self.announce(self.plan.garp.lower_repeat, self.plan.garp.lower_delay, now);
        }
        // The loser may have announced the address after we did, and has no reason to speak again.
        if self.plan.garp.lower_repeat > 0 {
            self.heal_at = Some(now + HEAL_DELAY);
        }
    }
}
