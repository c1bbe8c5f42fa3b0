//! `fast_takeover`: a backup follows a falling master at once instead of waiting for the rest of its down timer.
//!
//! Owns: who else speaks for this virtual router, and how often haste has been used. Invariants: haste needs
//! the very master that is followed to say itself that it goes (priority 0) or is worse than we are; never when
//! a better router than we is known, since that one would move the address a second time; a dip that was over
//! before the standard timers would have seen it is followed once, and then not again for a growing while; in
//! the long run at most one hasty move each [`REFILL`]. Leaves to others: the standard timers (`election`).

use std::{net::IpAddr, time::Duration};

use crate::engine::Time;

/// Routers that are remembered; beyond it the one heard longest ago goes.
const ROUTERS_MAX: usize = 16;
/// How long a router that was heard counts as present. Backups are silent, so this is not short.
const MEMORY: Duration = Duration::from_secs(3_600);
/// The whole range of priorities is spread over this, where the standard spreads it over a second or an interval.
const SPREAD: Duration = Duration::from_millis(25);
/// Hasty moves that may follow each other without a pause.
const STORE: u32 = 8;
/// One more is allowed after each such time.
const REFILL: Duration = Duration::from_secs(10);
/// After a dip the standard timers count this long; the double after the next, and so on.
const PENALTY: Duration = Duration::from_secs(60);
const PENALTY_DOUBLINGS_MAX: u32 = 4;
/// After this long without a dip the next one counts as the first.
const FORGIVEN: Duration = Duration::from_secs(3_600);

/// How to answer a master that falls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Haste {
    Standard,
    /// Take over after this long.
    After(Duration),
}

/// The master that falls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Falling {
    pub source: IpAddr,
    /// Its priority until now.
    pub before: u8,
    /// After this time of silence a better router would have preempted it.
    pub election: Duration,
}

/// What an instance knows for this decision.
#[derive(Clone, Debug)]
pub(super) struct Takeover {
    routers: Vec<Heard>,
    /// Hasty moves left, and when the count was brought up to date.
    left: u32,
    filled_at: Time,
    /// Haste is not allowed before.
    barred_until: Time,
    /// The dip that made us master: when it was followed.
    followed_at: Option<Time>,
    dips: u32,
    dipped_at: Time,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    source: IpAddr,
    priority: u8,
    at: Time,
}

impl Takeover {
    pub(super) fn new() -> Takeover {
        Takeover {
            routers: Vec::new(),
            left: STORE,
            filled_at: Time::ZERO,
            barred_until: Time::ZERO,
            followed_at: None,
            dips: 0,
            dipped_at: Time::ZERO,
        }
    }

    /// A router spoke. Priority 0 says nothing of how good it is when it comes back.
    pub(super) fn heard(&mut self, source: IpAddr, priority: u8, now: Time) {
        self.routers.retain(|r| r.at + MEMORY > now);
        match self.routers.iter_mut().find(|r| r.source == source) {
            Some(known) => {
                known.at = now;
                if priority > 0 {
                    known.priority = priority;
                }
            }
            None => {
                if self.routers.len() >= ROUTERS_MAX
                    && let Some(oldest) =
                        (0..self.routers.len()).min_by_key(|i| self.routers.get(*i).map(|r| r.at))
                {
                    self.routers.swap_remove(oldest);
                }
                self.routers.push(Heard { source, priority, at: now });
            }
        }
    }

    /// The answer to a master that said it falls. `ours` is our priority now.
    pub(super) fn haste(&mut self, falling: Falling, ours: u8, now: Time) -> Haste {
        self.refill(now);
        if self.left == 0 || now < self.barred_until {
            return Haste::Standard;
        }
        let others = self.routers.iter().filter(|r| r.source != falling.source && r.at + MEMORY > now);
        // One that is better than the master was would have taken its place by now, were it there.
        let mut others =
            others.filter(|r| r.priority <= falling.before || r.at + falling.election > now).peekable();
        if others.peek().is_none() {
            return Haste::After(Duration::ZERO);
        }
        if others.any(|r| r.priority >= ours) {
            return Haste::Standard;
        }
        Haste::After(SPREAD * (256 - u32::from(ours)) / 256)
    }

    /// Haste was used. `dip`: the master only said that it is worse, so it may say the contrary soon.
    pub(super) fn used(&mut self, dip: bool, now: Time) {
        self.left = self.left.saturating_sub(1);
        self.followed_at = dip.then_some(now);
    }

    /// A better router took over from us. `short`: within this time since the hasty move it was no outage that
    /// the standard timers would have followed.
    pub(super) fn returned(&mut self, short: Duration, now: Time) {
        let Some(since) = self.followed_at.take() else { return };
        if now >= since + short {
            return;
        }
        if now > self.dipped_at + FORGIVEN {
            self.dips = 0;
        }
        self.barred_until = now + PENALTY * (1 << self.dips.min(PENALTY_DOUBLINGS_MAX));
        self.dips = self.dips.saturating_add(1);
        self.dipped_at = now;
    }

    /// What waits in the sockets after a stall is old news.
    pub(super) fn bar(&mut self, until: Time) {
        self.barred_until = self.barred_until.max(until);
    }

    fn refill(&mut self, now: Time) {
        while self.left < STORE && self.filled_at + REFILL <= now {
            self.left += 1;
            self.filled_at += REFILL;
        }
        if self.left == STORE {
            self.filled_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const THIRD: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 3));
    const FALLING: Falling = Falling { source: MASTER, before: 103, election: Duration::from_secs(11) };
    const SHORT: Duration = Duration::from_secs(6);

    fn at(s: u64) -> Time {
        Time::from_secs(s)
    }

    fn alone() -> Takeover {
        let mut t = Takeover::new();
        t.heard(MASTER, 103, at(100));
        t
    }

    #[test]
    fn alone_at_once_among_others_by_priority_and_never_before_a_better_one() {
        let mut t = alone();
        assert_eq!(t.haste(FALLING, 102, at(100)), Haste::After(Duration::ZERO));
        t.heard(THIRD, 90, at(100));
        let Haste::After(better) = t.haste(FALLING, 200, at(100)) else { panic!() };
        let Haste::After(worse) = t.haste(FALLING, 100, at(100)) else { panic!() };
        assert!(Duration::ZERO < better && better < worse && worse < SPREAD);
        assert_eq!(t.haste(FALLING, 80, at(100)), Haste::Standard);
        assert_eq!(t.haste(FALLING, 80, at(100 + 3_601)), Haste::After(Duration::ZERO), "memory ends");
        let mut t = alone();
        t.heard(THIRD, 150, at(100));
        assert_eq!(t.haste(FALLING, 102, at(105)), Haste::Standard, "it may be about to preempt");
        assert_eq!(t.haste(FALLING, 102, at(120)), Haste::After(Duration::ZERO), "it would have preempted");
    }

    #[test]
    fn a_dip_is_followed_once_and_real_outages_always() {
        let mut t = alone();
        for outage in 0..20 {
            let now = at(1_000 + outage * 20);
            assert_eq!(t.haste(FALLING, 102, now), Haste::After(Duration::ZERO));
            t.used(true, now);
            t.returned(SHORT, now + Duration::from_secs(8));
        }
        let now = at(2_000);
        t.used(true, now);
        t.returned(SHORT, now + Duration::from_secs(4));
        assert_eq!(t.haste(FALLING, 102, now + Duration::from_secs(30)), Haste::Standard);
        let later = now + Duration::from_secs(70);
        assert_eq!(t.haste(FALLING, 102, later), Haste::After(Duration::ZERO));
        t.used(true, later);
        t.returned(SHORT, later + Duration::from_secs(4));
        assert_eq!(t.haste(FALLING, 102, later + Duration::from_secs(100)), Haste::Standard, "doubled");
    }

    #[test]
    fn haste_runs_out_when_the_master_never_rests() {
        let mut t = alone();
        let hasty = (0..600u64).filter(|s| {
            let now = at(1_000 + s);
            let yes = t.haste(FALLING, 102, now) != Haste::Standard;
            if yes {
                t.used(false, now);
            }
            yes
        });
        assert!(hasty.count() <= STORE as usize + 60);
    }

    #[test]
    fn the_table_of_routers_is_bounded() {
        let mut t = alone();
        for host in 0..200u8 {
            t.heard(IpAddr::from([10, 0, 1, host]), 1, at(101));
        }
        assert_eq!(t.routers.len(), ROUTERS_MAX);
    }
}
