//! A doubt about a process, and when it is confirmed.
//!
//! Invariant: time in which a thread of the process waited for a processor for more than half of it proves
//! nothing, and begins the doubt anew.

use std::time::Duration;

use super::LOOK_AGAIN;
use crate::engine::Time;

#[derive(Clone, Debug)]
pub(super) struct Doubt {
    silence: bool,
    since: Time,
    look_at: Time,
    /// What the threads had waited when the doubt began.
    waits: Option<Vec<(u32, u64)>>,
}

impl Doubt {
    /// It says nothing any more.
    pub(super) fn silence(now: Time) -> Doubt {
        Doubt { silence: true, since: now, look_at: now + LOOK_AGAIN, waits: None }
    }

    /// It says itself that a worker does not answer.
    pub(super) fn slowness(now: Time) -> Doubt {
        Doubt { silence: false, ..Doubt::silence(now) }
    }

    pub(super) fn is_silence(&self) -> bool {
        self.silence
    }

    pub(super) fn look_at(&self) -> Time {
        self.look_at
    }

    pub(super) fn look(&mut self, now: Time) {
        self.look_at = now + LOOK_AGAIN;
    }

    pub(super) fn excuse(&mut self, held_up: Duration) {
        self.since += held_up;
        self.look_at += held_up;
    }

    /// Takes a look into account. `waits`: nanoseconds by thread; empty where it cannot be told.
    pub(super) fn confirmed(&mut self, waits: Vec<(u32, u64)>, after: Duration, now: Time) -> bool {
        let Some(before) = &self.waits else {
            self.waits = Some(waits);
            return false;
        };
        let passed = now.saturating_sub(self.since);
        if passed < after {
            return false;
        }
        let starved = waits.iter().any(|(thread, total)| {
            let then = before.iter().find(|(t, _)| t == thread).map_or(*total, |(_, w)| *w);
            Duration::from_nanos(total.saturating_sub(then)) * 2 >= passed
        });
        if starved {
            (self.since, self.waits) = (now, Some(waits));
        }
        !starved
    }
}
