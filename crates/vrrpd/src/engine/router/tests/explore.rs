//! The model checker: every way in which two faults, at every telling moment, can hit two or three routers, and
//! a seeded walk through longer troubles. After the last fault is mended there is exactly one master within a
//! bounded time, it is the best, it alone holds the address; and never do two routers that hear each other
//! both stay master for longer than an advert takes to come.
//!
//! A run is told by its number; `VRRPD_REPLAY=number` runs that one walk alone.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::*;

/// What can go wrong with one router.
const TROUBLES: [fn(usize) -> Fault; 8] = [
    Fault::Crash,
    Fault::Stop,
    Fault::LinkDown,
    Fault::VipRemoved,
    |h| Fault::Freeze(h, 1_700),
    |h| Fault::Freeze(h, 6_300),
    |h| Fault::Check(h, false),
    |h| Fault::Check(h, true),
];
/// From one fault to the next: at once, after the skew, before the end of a down timer.
const GAPS_MS: [u64; 3] = [0, 900, 3_500];
/// From the last fault to exactly one master: a frozen router's rest, a down timer, and the second election of a
/// master that yields to a better one.
const CALM_MS: u64 = 16_000;
/// Two masters that hear each other: an interval until the next advert, its way, and what the step of looking adds.
const BOTH_MS: u64 = 1_200;
const STEP_MS: u64 = 100;

/// The routers of a run: priority and whether it has `fast_takeover`.
#[derive(Clone, Copy, Debug)]
struct Site {
    routers: &'static [(u8, bool)],
    version: Version,
    preempt: bool,
}

const SITES: [Site; 5] = [
    Site { routers: &[(101, true), (100, true)], version: Version::V2, preempt: true },
    Site { routers: &[(101, true), (100, false)], version: Version::V3, preempt: true },
    Site { routers: &[(100, true), (100, true)], version: Version::V3, preempt: true },
    Site { routers: &[(101, true), (100, true)], version: Version::V2, preempt: false },
    Site { routers: &[(102, true), (101, false), (100, true)], version: Version::V2, preempt: true },
];

/// One run, step by step.
struct Run {
    lan: Lan,
    site: Site,
    /// How long two connected masters have been seen together.
    both_ms: u64,
}

impl Run {
    fn new(site: Site, seed: u64) -> Run {
        let base = Setup { weight: 2, preempt: site.preempt, ..Setup::new(site.version) };
        let setups: Vec<Setup> =
            site.routers.iter().map(|&(priority, fast)| Setup { priority, fast, ..base }).collect();
        let mut lan = Lan::new(&setups, seed);
        lan.network.delay_ms = (0, 1);
        lan.run_ms(6 * SECOND);
        Run { lan, site, both_ms: 0 }
    }

    fn pass(&mut self, ms: u64) -> Result<(), String> {
        let mut rest = ms;
        while rest > 0 {
            let step = rest.min(STEP_MS);
            self.lan.run_ms(step);
            rest -= step;
            let talking = self.lan.masters().into_iter().filter(|h| self.lan.hears(*h)).count();
            // Adverts that get lost cannot end it.
            let counts = talking > 1 && self.lan.network.loss_percent == 0;
            self.both_ms = if counts { self.both_ms + step } else { 0 };
            if self.both_ms > BOTH_MS {
                return Err(format!("two masters that hear each other for {} ms", self.both_ms));
            }
        }
        Ok(())
    }

    /// Everything is mended; exactly one master must be left.
    fn settle(&mut self) -> Result<(), String> {
        let count = self.site.routers.len();
        for h in 0..count {
            self.lan.fault(Fault::Boot(h));
            self.lan.fault(Fault::LinkUp(h));
            self.lan.fault(Fault::Check(h, true));
        }
        self.lan.network.loss_percent = 0;
        self.lan.network.delay_ms = (0, 1);
        self.pass(CALM_MS)?;
        let masters = self.lan.masters();
        if masters.len() != 1 {
            return Err(format!("masters at the end: {masters:?}"));
        }
        let best = self.site.routers.iter().map(|r| r.0).max();
        if self.site.preempt && self.site.routers.get(masters[0]).map(|r| r.0) != best {
            return Err(format!("{} is not the best", masters[0]));
        }
        match (0..count).find(|h| self.lan.holds_vip(*h) != masters.contains(h)) {
            Some(h) => Err(format!("address and state of {h} differ")),
            None => Ok(()),
        }
    }
}

/// Runs all numbers, on as many threads as the machine has, and tells of the first that fails.
fn all(count: usize, run: impl Fn(usize) -> Result<(), String> + Sync) {
    let next = AtomicUsize::new(0);
    let failed = std::sync::Mutex::new(None);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || failed.lock().unwrap().is_some() {
                        return;
                    }
                    if let Err(why) = run(number) {
                        failed.lock().unwrap().get_or_insert((number, why));
                    }
                }
            });
        }
    });
    if let Some((number, why)) = failed.into_inner().unwrap() {
        panic!("run {number}: {why}");
    }
}

/// Two faults in every order, on every router, at every gap, mended after every gap.
fn explore(site: Site) {
    let faults = TROUBLES.len() * site.routers.len();
    let gaps = GAPS_MS.len();
    all(faults * gaps * faults * gaps, |number| {
        let (first, number) = (number % faults, number / faults);
        let (gap, number) = (GAPS_MS[number % gaps], number / gaps);
        let (second, number) = (number % faults, number / faults);
        let rest = GAPS_MS[number % gaps];
        let fault = |n: usize| TROUBLES[n % TROUBLES.len()](n / TROUBLES.len());
        let mut run = Run::new(site, 1);
        let mut go = || {
            run.lan.fault(fault(first));
            run.pass(gap)?;
            run.lan.fault(fault(second));
            run.pass(rest)?;
            run.settle()
        };
        go().map_err(|why| {
            format!(
                "{why}: {:?}, after {gap} ms {:?}, mended after {rest} ms; {site:?}",
                fault(first),
                fault(second)
            )
        })
    });
}

#[test]
fn two_faults_on_a_pair() {
    explore(SITES[0]);
}

#[test]
fn two_faults_on_a_pair_with_a_foreign_backup() {
    explore(SITES[1]);
}

#[test]
fn two_faults_on_equal_routers() {
    explore(SITES[2]);
}

#[test]
fn two_faults_on_a_pair_that_does_not_preempt() {
    explore(SITES[3]);
}

#[test]
fn two_faults_on_three_routers_of_which_the_middle_one_is_foreign() {
    explore(SITES[4]);
}

/// A longer walk: up to a dozen faults, loss, delay and reordering from the seed.
fn walk(seed: usize) -> Result<(), String> {
    let mut random = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut below = move |n: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % n
    };
    let site = SITES[below(SITES.len() as u64) as usize];
    let mut run = Run::new(site, seed as u64 + 1);
    run.lan.network.loss_percent = [0, 0, 10, 40][below(4) as usize];
    run.lan.network.delay_ms = (0, [1, 5, 40][below(3) as usize]);
    run.lan.network.frozen_hosts_lose_packets = below(2) == 0;
    for _ in 0..below(12) {
        let host = below(site.routers.len() as u64) as usize;
        let fault = match below(TROUBLES.len() as u64 + 2) as usize {
            n if n < TROUBLES.len() => TROUBLES[n](host),
            n if n == TROUBLES.len() => Fault::Boot(host),
            _ => Fault::LinkUp(host),
        };
        run.lan.fault(fault);
        run.pass(below(4_000)).map_err(|why| format!("{why}; {site:?}"))?;
    }
    run.settle().map_err(|why| format!("{why}; {site:?}"))
}

#[test]
fn ten_thousand_seeds() {
    if let Some(seed) = std::env::var("VRRPD_REPLAY").ok().and_then(|s| s.parse().ok()) {
        walk(seed).unwrap();
        return;
    }
    all(10_000, walk);
}
