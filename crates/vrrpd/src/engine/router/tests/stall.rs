//! Stalls of one router's own loop: a stopped process, a suspended host.

use super::*;

fn calm_pair() -> Lan {
    let mut lan = pair(Version::V2);
    lan.run_ms(20 * SECOND);
    assert_eq!(lan.masters(), [0]);
    lan
}

#[test]
fn a_backup_that_was_frozen_does_not_take_over_from_a_master_that_lives() {
    for queued in [true, false] {
        for ms in [1_000, 3_000, 3_700, 5_000, 20_000] {
            let mut lan = calm_pair();
            lan.network.frozen_hosts_lose_packets = !queued;
            lan.fault(Fault::Freeze(1, ms));
            lan.run_ms(ms + 20 * SECOND);
            assert_eq!((lan.masters(), lan.became_master(1)), (vec![0], 0), "{ms} ms, queued {queued}");
        }
    }
}

#[test]
fn a_backup_that_was_frozen_while_the_master_died_takes_over_within_a_down_timer() {
    let mut lan = calm_pair();
    lan.fault(Fault::Freeze(1, 8 * SECOND));
    lan.run_ms(100);
    lan.fault(Fault::Crash(0));
    lan.run_ms(8 * SECOND);
    let rest = lan.until_ms(10 * SECOND, |lan| lan.state(1) == State::Master);
    assert!(rest <= 3_700, "{rest} ms");
}

#[test]
fn a_master_that_was_frozen_lets_go_before_it_speaks_and_returns_by_a_new_election() {
    for queued in [true, false] {
        let mut lan = calm_pair();
        lan.network.frozen_hosts_lose_packets = !queued;
        lan.fault(Fault::Freeze(0, 10 * SECOND));
        lan.run_ms(9_990);
        assert_eq!(lan.state(1), State::Master);
        let said = lan.sent(0);
        lan.run_ms(20);
        assert_eq!(lan.masters(), [1], "it stepped back");
        assert!(!lan.holds_vip(0));
        assert_eq!(lan.sent(0), said, "and said nothing");
        let back = lan.until_ms(20 * SECOND, |lan| lan.masters() == [0]);
        assert!((2_500..5_000).contains(&back), "{back} ms");
    }
}

#[test]
fn a_frozen_master_whose_place_nobody_took_is_master_again_after_an_interval() {
    let mut lan = calm_pair();
    lan.fault(Fault::Crash(1));
    lan.fault(Fault::Freeze(0, 10 * SECOND));
    lan.run_ms(10_010);
    assert!(lan.masters().is_empty());
    let back = lan.until_ms(20 * SECOND, |lan| lan.masters() == [0]);
    assert!(back < 1_700, "{back} ms");
}

#[test]
fn a_master_that_was_late_for_less_than_its_peers_wait_stays() {
    let mut lan = calm_pair();
    lan.fault(Fault::Freeze(0, 2_500));
    lan.run_ms(60 * SECOND);
    assert_eq!((lan.masters(), lan.became_master(0), lan.became_master(1)), (vec![0], 1, 0));
}

#[test]
fn old_news_in_the_sockets_of_a_frozen_backup_does_not_make_it_hurry() {
    let base = Setup { weight: 2, fast: true, ..Setup::new(Version::V2) };
    let mut lan = Lan::new(&[Setup { priority: 101, ..base }, Setup { priority: 100, ..base }], 1);
    lan.run_ms(20 * SECOND);
    lan.fault(Fault::Freeze(1, 8 * SECOND));
    lan.run_ms(500);
    lan.fault(Fault::Check(0, false));
    lan.run_ms(500);
    lan.fault(Fault::Check(0, true));
    lan.run_ms(30 * SECOND);
    assert_eq!((lan.masters(), lan.became_master(1)), (vec![0], 0));
}
