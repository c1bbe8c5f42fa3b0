//! `fast_takeover` between whole routers: how soon, and that it never moves the address more than once there and
//! once back for an outage. A router without it stands for keepalived.

use super::*;

/// An advert of a new priority keeps ten milliseconds from the one before.
const AT_ONCE_MS: u64 = 12;

/// Base 101 and 100 with a check worth 2, as the two hosts of a pair have it.
fn pair(fast: [bool; 2]) -> Lan {
    let base = Setup { weight: 2, ..Setup::new(Version::V2) };
    let mut lan = Lan::new(
        &[Setup { priority: 101, fast: fast[0], ..base }, Setup { priority: 100, fast: fast[1], ..base }],
        1,
    );
    lan.run_ms(20 * SECOND);
    assert_eq!(lan.masters(), [0]);
    lan
}

fn moved(lan: &mut Lan, to: usize, most: u64) -> u64 {
    lan.until_ms(most, |lan| lan.masters() == [to])
}

#[test]
fn a_failed_check_moves_the_address_at_once_and_its_end_moves_it_back_by_the_standard_timers() {
    let mut lan = pair([true, true]);
    let before = lan.moves();
    lan.fault(Fault::Check(0, false));
    assert!(moved(&mut lan, 1, 100) <= AT_ONCE_MS);
    lan.run_ms(10 * SECOND);
    lan.fault(Fault::Check(0, true));
    let back = moved(&mut lan, 0, 10 * SECOND);
    assert!((2_500..3_700).contains(&back), "the hold is the down timer: {back} ms");
    lan.run_ms(60 * SECOND);
    assert_eq!(lan.moves() - before, 2);
}

#[test]
fn priority_0_moves_the_address_at_once() {
    let mut lan = pair([true, true]);
    lan.fault(Fault::Stop(0));
    assert!(moved(&mut lan, 1, 100) <= AT_ONCE_MS);
}

#[test]
fn keepalived_as_either_router_keeps_its_own_timers_and_nothing_flaps() {
    for fast in [[true, false], [false, true]] {
        let mut lan = pair(fast);
        let before = lan.moves();
        lan.fault(Fault::Check(0, false));
        let there = moved(&mut lan, 1, 10 * SECOND);
        // A backup of ours hears of the fall with the next advert of a master that does not hurry.
        assert!(there <= if fast[1] { 1_002 } else { 3_700 }, "{fast:?}: {there} ms");
        lan.run_ms(10 * SECOND);
        lan.fault(Fault::Check(0, true));
        assert!(moved(&mut lan, 0, 10 * SECOND) < 3_700);
        lan.run_ms(30 * SECOND);
        assert_eq!(lan.moves() - before, 2, "{fast:?}");
    }
}

#[test]
fn a_restart_within_300_ms_moves_once_and_back_once_and_the_next_one_not_at_all() {
    let mut lan = pair([true, true]);
    let before = lan.moves();
    lan.fault(Fault::Check(0, false));
    lan.run_ms(300);
    lan.fault(Fault::Check(0, true));
    lan.run_ms(20 * SECOND);
    assert_eq!((lan.masters(), lan.moves() - before), (vec![0], 2));
    for _ in 0..3 {
        lan.fault(Fault::Check(0, false));
        lan.run_ms(300);
        lan.fault(Fault::Check(0, true));
        lan.run_ms(10 * SECOND);
    }
    assert_eq!((lan.masters(), lan.moves() - before), (vec![0], 2), "repeated dips have the standard timers");
    lan.run_ms(120 * SECOND);
    lan.fault(Fault::Check(0, false));
    assert!(moved(&mut lan, 1, 100) <= AT_ONCE_MS, "after a calm haste is allowed again");
}

#[test]
fn a_check_that_fails_on_both_hosts_one_after_the_other_moves_there_and_back_and_rests() {
    let mut lan = pair([true, true]);
    let before = lan.moves();
    lan.fault(Fault::Check(0, false));
    lan.run_ms(5);
    lan.fault(Fault::Check(1, false));
    lan.run_ms(60 * SECOND);
    assert_eq!((lan.masters(), lan.moves() - before), (vec![0], 2));
}

/// Three routers, of which the middle one is foreign.
fn three(known: bool) -> Lan {
    let base = Setup { weight: -60, fast: true, ..Setup::new(Version::V2) };
    let mut lan = Lan::new(
        &[
            Setup { priority: 150, ..base },
            Setup { priority: 120, fast: false, ..base },
            Setup { priority: 100, ..base },
        ],
        3,
    );
    if known {
        lan.fault(Fault::LinkDown(0));
        lan.run_ms(10 * SECOND);
        lan.fault(Fault::LinkUp(0));
    }
    lan.run_ms(20 * SECOND);
    assert_eq!(lan.masters(), [0]);
    lan
}

#[test]
fn before_a_better_foreign_router_that_was_heard_the_standard_timers_count() {
    let mut lan = three(true);
    let before = lan.moves();
    lan.fault(Fault::Check(0, false));
    lan.run_ms(30 * SECOND);
    assert_eq!((lan.masters(), lan.moves() - before), (vec![1], 1));
}

#[test]
fn a_better_router_that_never_spoke_takes_its_place_by_the_standard_timers() {
    let mut lan = three(false);
    let before = lan.moves();
    lan.fault(Fault::Check(0, false));
    assert!(moved(&mut lan, 2, 100) <= AT_ONCE_MS, "somebody serves at once");
    lan.run_ms(30 * SECOND);
    assert_eq!((lan.masters(), lan.moves() - before), (vec![1], 2));
}

#[test]
fn of_several_hasty_backups_one_remains_at_once() {
    let base = Setup { weight: -60, fast: true, ..Setup::new(Version::V3) };
    let mut lan = Lan::new(
        &[Setup { priority: 150, ..base }, Setup { priority: 120, ..base }, Setup { priority: 119, ..base }],
        3,
    );
    lan.network.delay_ms = (0, 2);
    lan.run_ms(20 * SECOND);
    lan.fault(Fault::Check(0, false));
    let there = lan.until_ms(100, |lan| lan.masters() == [1] && lan.holds_vip(1) && !lan.holds_vip(2));
    assert!(there < 30, "{there} ms");
    lan.run_ms(60 * SECOND);
    assert_eq!(lan.masters(), [1]);
}

#[test]
fn nopreempt_does_not_follow_a_fall_but_does_follow_a_farewell() {
    let base = Setup { weight: 2, fast: true, preempt: false, ..Setup::new(Version::V2) };
    let mut lan = Lan::new(&[Setup { priority: 101, ..base }, Setup { priority: 100, ..base }], 1);
    lan.run_ms(20 * SECOND);
    lan.fault(Fault::Check(0, false));
    lan.run_ms(20 * SECOND);
    assert_eq!(lan.masters(), [0]);
    lan.fault(Fault::Stop(0));
    assert!(moved(&mut lan, 1, 100) <= AT_ONCE_MS);
}
