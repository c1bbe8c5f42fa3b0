//! What a stall of our own loop does: a stopped process, a suspended host, a machine that was too busy.
//!
//! Invariants: adverts that we could not hear do not count against the master; a master whose peers must have
//! given it up lets go of the addresses before it says or announces anything. Leaves to others: noticing the
//! stall (`router`), and reading what waits in the sockets before timers are served (shell).

use std::time::Duration;

use super::{Action, Instance, Note, State};
use crate::engine::Time;

impl Instance {
    pub(super) fn late(&mut self, late: Duration, now: Time) {
        // What waits in the sockets may be older than what its sender says now.
        if late >= self.master_interval / 2 {
            self.takeover.bar(now + self.master_interval);
        }
        match self.state {
            State::Backup => self.late_as_backup(late, now),
            State::Master => self.late_as_master(late, now),
            State::Init | State::Fault => {}
        }
    }

    /// The time in which we did not listen is given back, and one more interval to be heard in.
    fn late_as_backup(&mut self, late: Duration, now: Time) {
        if late < self.master_interval / 4 {
            return;
        }
        let fresh = now + (late + self.master_interval).min(self.down_interval());
        if self.down_at.is_some_and(|at| at < fresh) && !self.thawed {
            self.note(Note::Late(late));
            self.down_at = Some(fresh);
        }
    }

    /// The best peer waits `down_adverts` intervals and next to no skew since our last advert.
    fn late_as_master(&mut self, late: Duration, now: Time) {
        let interval = self.plan.dialect.interval;
        let silent = now.saturating_sub(self.sent_at);
        if late < interval || silent <= interval * self.plan.down_adverts {
            return;
        }
        self.note(Note::Frozen(silent));
        self.become_backup(now);
        if self.grouped {
            self.act(Action::Yielded);
        }
        self.thawed = true;
        // Whoever took our place says so within an interval; if nobody did, nobody else holds the address.
        self.down_at = Some(now + interval + self.skew(self.priority()));
    }
}
