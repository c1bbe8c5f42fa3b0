//! Who of the workers owes an answer, and for how long.
//!
//! Invariant: a worker is asked again only after it has answered, so its queue never holds two beats.

use std::time::{Duration, Instant};

/// The beats that the workers were asked for last, by worker.
#[derive(Debug)]
pub(super) struct Pulse {
    workers: Vec<(u64, Instant)>,
}

impl Pulse {
    pub(super) fn new(workers: usize, now: Instant) -> Pulse {
        Pulse { workers: vec![(0, now); workers] }
    }

    pub(super) fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Asks those that have answered (`answered`: the last number of each); `send` says whether the worker is still
    /// there to be asked. Gives the longest that one owes its answer.
    pub(super) fn ask(
        &mut self,
        answered: impl Iterator<Item = u64>,
        now: Instant,
        mut send: impl FnMut(usize, u64) -> bool,
    ) -> Duration {
        let mut late = Duration::ZERO;
        for (worker, (answered, asked)) in answered.zip(&mut self.workers).enumerate() {
            if answered < asked.0 {
                late = late.max(now.saturating_duration_since(asked.1));
            } else if send(worker, asked.0 + 1) {
                *asked = (asked.0 + 1, now);
            }
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_worker_is_told_until_it_answers_and_is_not_asked_twice() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut pulse = Pulse::new(2, begin);
        let mut asked = Vec::new();
        let mut ask = |answered: [u64; 2], ms| {
            let late = pulse.ask(answered.into_iter(), at(ms), |w, n| {
                asked.push((w, n));
                true
            });
            late.as_millis()
        };
        assert_eq!(ask([0, 0], 0), 0);
        assert_eq!(ask([1, 0], 50), 50);
        assert_eq!(ask([2, 0], 100), 100);
        assert_eq!(ask([3, 1], 150), 0);
        assert_eq!(asked, [(0, 1), (1, 1), (0, 2), (0, 3), (0, 4), (1, 2)]);
    }

    #[test]
    fn a_worker_that_has_gone_owes_nothing() {
        let now = Instant::now();
        let mut pulse = Pulse::new(1, now);
        pulse.ask([0].into_iter(), now, |_, _| false);
        let later = now + Duration::from_secs(9);
        assert_eq!(pulse.ask([0].into_iter(), later, |_, _| false), Duration::ZERO);
    }
}
