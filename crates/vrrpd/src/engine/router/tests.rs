//! Routers on a simulated network: a virtual clock, real packets, loss, delay and reordering from a seed.

mod behaviour;
mod explore;
mod haste;
mod orders;
mod sim;
mod spoof;
mod stall;

use proptest::prelude::*;
use sim::{Fault, Lan, Setup};

use super::*;
use crate::engine::{instance::State, wire::Version};

const SECOND: u64 = 1_000;

fn pair(version: Version) -> Lan {
    Lan::new(
        &[Setup { priority: 101, ..Setup::new(version) }, Setup { priority: 100, ..Setup::new(version) }],
        1,
    )
}

#[test]
fn of_two_the_higher_priority_becomes_master_after_its_down_timer() {
    for version in [Version::V2, Version::V3] {
        let mut lan = pair(version);
        lan.run_ms(3_604);
        assert!(lan.masters().is_empty(), "{version:?}: three intervals and the skew of 101");
        lan.run_ms(10);
        assert_eq!(lan.masters(), [0]);
        lan.run_ms(60 * SECOND);
        assert_eq!(lan.masters(), [0]);
        assert_eq!(lan.became_master(1), 0, "the backup never moved");
    }
}

#[test]
fn when_the_master_dies_silently_the_backup_takes_over_within_its_down_timer() {
    let mut lan = pair(Version::V2);
    lan.run_ms(10 * SECOND);
    lan.fault(Fault::Crash(0));
    lan.run_ms(2_500);
    assert!(lan.masters().is_empty());
    lan.run_ms(1_200);
    assert_eq!(lan.masters(), [1]);
}

#[test]
fn priority_0_makes_the_backup_wait_for_the_skew_only() {
    let mut lan = pair(Version::V2);
    lan.run_ms(10 * SECOND);
    lan.fault(Fault::Stop(0));
    lan.run_ms(600);
    assert!(lan.masters().is_empty(), "the skew of priority 100 is 609 ms");
    lan.run_ms(20);
    assert_eq!(lan.masters(), [1]);
}

#[test]
fn the_better_router_preempts_when_it_returns() {
    let mut lan = pair(Version::V2);
    lan.run_ms(10 * SECOND);
    lan.fault(Fault::Crash(0));
    lan.run_ms(10 * SECOND);
    assert_eq!(lan.masters(), [1]);
    lan.fault(Fault::Boot(0));
    lan.run_ms(3_500);
    assert_eq!(lan.masters(), [1], "lower priority adverts are discarded, the down timer still has to run");
    lan.run_ms(200);
    assert_eq!(lan.masters(), [0]);
}

#[test]
fn with_nopreempt_the_working_master_stays() {
    let base = Setup { preempt: false, ..Setup::new(Version::V2) };
    let mut lan = Lan::new(&[Setup { priority: 150, ..base }, Setup { priority: 100, ..base }], 1);
    lan.run_ms(10 * SECOND);
    lan.fault(Fault::Crash(0));
    lan.run_ms(10 * SECOND);
    lan.fault(Fault::Boot(0));
    lan.run_ms(60 * SECOND);
    assert_eq!(lan.masters(), [1]);
}

#[test]
fn at_a_cold_start_with_tiny_intervals_the_higher_wins_in_the_end() {
    let base = Setup { interval_ms: 10, ..Setup::new(Version::V3) };
    for seed in 0..50 {
        let mut lan = Lan::new(&[Setup { priority: 101, ..base }, Setup { priority: 100, ..base }], seed);
        lan.network.delay_ms = (0, 3);
        lan.run_ms(200);
        assert_eq!(lan.masters(), [0], "seed {seed}");
    }
}

#[test]
fn equal_priorities_end_with_the_greater_address_and_never_swap_again() {
    for version in [Version::V2, Version::V3] {
        let mut lan = Lan::new(&[Setup::new(version), Setup::new(version)], 7);
        lan.run_ms(20 * SECOND);
        assert_eq!(lan.masters(), [1], "10.0.0.2 is greater than 10.0.0.1");
        lan.fault(Fault::Crash(1));
        lan.run_ms(10 * SECOND);
        lan.fault(Fault::Boot(1));
        lan.run_ms(30 * SECOND);
        assert_eq!(lan.masters(), [0], "a backup never preempts an equal");
    }
}

#[test]
fn the_address_owner_is_master_at_once_and_again_after_its_return() {
    let owner = Setup { priority: 255, ..Setup::new(Version::V3) };
    let mut lan = Lan::new(&[owner, Setup::new(Version::V3)], 3);
    lan.run_ms(5);
    assert_eq!(lan.masters(), [0]);
    lan.fault(Fault::Crash(0));
    lan.run_ms(10 * SECOND);
    assert_eq!(lan.masters(), [1]);
    lan.fault(Fault::Boot(0));
    lan.run_ms(20);
    assert_eq!(lan.masters(), [0]);
}

#[test]
fn of_three_the_next_best_follows_each_time() {
    let base = Setup::new(Version::V2);
    let lan = |p| Setup { priority: p, ..base };
    let mut lan = Lan::new(&[lan(100), lan(150), lan(200)], 5);
    lan.run_ms(10 * SECOND);
    assert_eq!(lan.masters(), [2]);
    lan.fault(Fault::Crash(2));
    lan.run_ms(10 * SECOND);
    assert_eq!(lan.masters(), [1]);
    lan.fault(Fault::Stop(1));
    lan.run_ms(10 * SECOND);
    assert_eq!(lan.masters(), [0]);
}

#[test]
fn unicast_peers_elect_like_multicast_ones() {
    let base = Setup { unicast: true, ..Setup::new(Version::V3) };
    let mut lan = Lan::new(&[Setup { priority: 120, ..base }, base, Setup { priority: 90, ..base }], 9);
    lan.run_ms(10 * SECOND);
    assert_eq!(lan.masters(), [0]);
    lan.fault(Fault::Crash(0));
    lan.run_ms(10 * SECOND);
    assert_eq!(lan.masters(), [1]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever happened before, once the last fault is over there is exactly one master, and it is the best
    /// of those that run (with preemption; without, it is any one).
    #[test]
    fn after_the_last_fault_exactly_one_master(
        seed: u64,
        v3: bool,
        unicast: bool,
        preempt: bool,
        priorities in proptest::collection::vec(prop_oneof![Just(100u8), 1u8..=254, Just(255)], 2..4),
        faults in proptest::collection::vec((0u8..7, 0usize..3, 1u64..6_000), 0..12),
        loss in 0u32..40,
        delay in 0u64..40,
    ) {
        let base = Setup { unicast, preempt, ..Setup::new(if v3 { Version::V3 } else { Version::V2 }) };
        let setups: Vec<Setup> = priorities.iter().map(|&p| Setup { priority: p, ..base }).collect();
        let mut lan = Lan::new(&setups, seed);
        lan.network.loss_percent = loss;
        lan.network.delay_ms = (0, delay);
        for (kind, host, wait) in faults {
            lan.run_ms(wait);
            let host = host % setups.len();
            lan.fault(match kind {
                0 => Fault::Crash(host),
                1 => Fault::Boot(host),
                2 => Fault::Stop(host),
                3 => Fault::LinkDown(host),
                4 => Fault::LinkUp(host),
                5 => Fault::Freeze(host, wait),
                _ => Fault::VipRemoved(host),
            });
        }
        for host in 0..setups.len() {
            lan.fault(Fault::Boot(host));
            lan.fault(Fault::LinkUp(host));
        }
        lan.network.loss_percent = 0;
        lan.network.delay_ms = (0, 1);
        lan.run_ms(15_000);
        prop_assert_eq!(lan.masters().len(), 1, "priorities {:?}", priorities);
        if preempt {
            let best = (0..setups.len()).map(|h| priorities[h]).max().unwrap();
            prop_assert_eq!(priorities[lan.masters()[0]], best);
        }
        for host in 0..setups.len() {
            prop_assert_eq!(lan.holds_vip(host), lan.masters().contains(&host), "address and state agree");
        }
    }
}

#[test]
fn a_seed_gives_the_same_run_twice() {
    let run = |seed| {
        let mut lan = pair(Version::V2);
        lan.network.loss_percent = 30;
        lan.seed(seed);
        lan.run_ms(60 * SECOND);
        (lan.state(0), lan.state(1), lan.sent(0), lan.sent(1))
    };
    assert_eq!(run(42), run(42));
    assert_eq!(run(1).0, State::Master);
}
