//! How many events a second may have (`rate-limit sessions`, `maxconnrate`, `maxsessrate`): a count over the last
//! second, estimated as HAProxy does from the second that runs and a share of the one before.
//!
//! Taken only where a limit is set; the lock is held for a few instructions.

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use super::state::lock;

/// The period of the limit, ms.
const PERIOD_MS: u64 = 1_000;
/// A limit that nobody has set at run time.
const NOT_SET: u32 = u32::MAX;

/// Counts events against a limit.
#[derive(Debug)]
pub struct RateLimit {
    window: Mutex<Window>,
    /// `set rate-limit …`; [`NOT_SET`]: as configured.
    changed: AtomicU32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    period: u64,
    current: u32,
    previous: u32,
}

impl Default for RateLimit {
    fn default() -> RateLimit {
        RateLimit { window: Mutex::default(), changed: AtomicU32::new(NOT_SET) }
    }
}

impl RateLimit {
    /// Events per second, 0: no limit.
    pub fn limit(&self, configured: u32) -> u32 {
        match self.changed.load(Relaxed) {
            NOT_SET => configured,
            n => n,
        }
    }

    /// Sets the limit at run time; 0: none.
    pub fn set(&self, limit: u32) {
        self.changed.store(limit.min(NOT_SET - 1), Relaxed);
    }

    /// Takes one event now, or gives the milliseconds after which it is worth asking again.
    pub fn take(&self, configured: u32, now_ms: u64) -> Result<(), u64> {
        let limit = self.limit(configured);
        if limit == 0 {
            return Ok(());
        }
        let mut w = lock(&self.window);
        w.advance(now_ms / PERIOD_MS);
        let into_ms = now_ms % PERIOD_MS;
        let before = u64::from(w.previous) * (PERIOD_MS - into_ms) / PERIOD_MS;
        if u64::from(w.current) + before < u64::from(limit) {
            w.current += 1;
            return Ok(());
        }
        // Either the second before fades, or this one has to end first.
        let wait = match u64::from(w.previous) {
            p if p > 0 && w.current < limit => PERIOD_MS.div_ceil(p),
            _ => PERIOD_MS - into_ms,
        };
        Err(wait.clamp(1, PERIOD_MS))
    }
}

impl Window {
    fn advance(&mut self, period: u64) {
        match period.saturating_sub(self.period) {
            0 => {}
            1 => *self = Window { period, current: 0, previous: self.current },
            _ => *self = Window { period, current: 0, previous: 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_takes_as_many_as_the_limit_and_the_next_ones_wait_for_it_to_fade() {
        let r = RateLimit::default();
        assert!((0..10).all(|_| r.take(10, 5_000).is_ok()));
        assert_eq!(r.take(10, 5_400), Err(600));
        assert!(r.take(10, 6_000).is_err(), "the second before still counts whole");
        let taken = (0..1_000).filter(|ms| r.take(10, 6_000 + ms).is_ok()).count();
        assert!((9..=10).contains(&taken), "{taken}");
        assert!(r.take(10, 9_000).is_ok());
    }

    #[test]
    fn a_limit_set_at_run_time_counts_before_the_configured_one_and_zero_is_none() {
        let r = RateLimit::default();
        assert!((0..100).all(|_| r.take(0, 1).is_ok()));
        r.set(1);
        assert!(r.take(0, 5_000).is_ok() && r.take(0, 5_001).is_err());
        r.set(0);
        assert!(r.take(3, 5_002).is_ok());
        assert_eq!(r.limit(3), 0);
    }
}
