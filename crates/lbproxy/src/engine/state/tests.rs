use std::sync::Arc;

use super::*;
use crate::engine::check::{InitState, Status, Verdict};

/// `app` with a checked server `s1` (rise 2, fall 2), a backup `s2`, and `s5` that tracks `s1`.
fn app() -> (Arc<BackendState>, Vec<Arc<ServerState>>) {
    let r = Registry::new(1);
    let b = r.backend("app");
    let s: Vec<_> = ["s1", "s2", "s5"].iter().map(|n| r.server("app", n)).collect();
    let config =
        ServerConfig { weight: 1, check: Some((2, 2)), dynamic_weights: true, ..ServerConfig::default() };
    s[0].configure(config.clone(), 0);
    s[1].configure(ServerConfig { backup: true, ..config.clone() }, 0);
    let track = Some(Arc::downgrade(&s[0]));
    s[2].configure(ServerConfig { track, check: None, ..config }, 0);
    b.set_members(&s, false, 0);
    (b, s)
}

fn report(status: Status, code: u16, info: &str) -> CheckReport {
    CheckReport { status, code, info: info.into(), duration_ms: 1 }
}

fn texts(c: &Change) -> Vec<&str> {
    c.log.iter().map(|l| l.text.as_str()).collect()
}

fn status(s: &ServerState) -> String {
    s.snapshot(1_000).status
}

fn pass(s: &ServerState) -> Change {
    s.check_done(Verdict::Passed, report(Status::L7Ok, 200, ""), 1_000)
}

fn fail(s: &ServerState) -> Change {
    s.check_done(Verdict::Failed, report(Status::L7Sts, 500, "Internal Server Error"), 1_000)
}

#[test]
fn a_new_server_is_up_and_falls_at_its_first_failure() {
    let (_, s) = app();
    assert_eq!((status(&s[0]), status(&s[2])), ("UP 1/2".into(), "UP 1/2".into()));
    let c = s[0].check_done(Verdict::Failed, report(Status::L4Con, 0, "Connection refused"), 1_000);
    assert_eq!(
        texts(&c),
        [
            "Server app/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check \
             duration: 1ms. 1 active and 1 backup servers left. 0 sessions active, 0 requeued, 0 remaining in \
             queue.",
            "Server app/s5 is DOWN via app/s1. 0 active and 1 backup servers left. Running on backup. 0 \
             sessions active, 0 requeued, 0 remaining in queue.",
        ]
    );
    assert_eq!((status(&s[0]), status(&s[2])), ("DOWN".into(), "DOWN".into()));
    let snap = s[0].snapshot(3_000);
    assert_eq!((snap.down_transitions, snap.downtime_ms, snap.failed_checks), (1, 2_000, 0));
}

/// The sequence 200, 404, 500, 200 with `disable-on-404`, as HAProxy 2.6 and 3.5 showed and logged it.
#[test]
fn health_rises_falls_and_stops_with_the_words_of_haproxy() {
    let (_, s) = app();
    pass(&s[1]);
    pass(&s[0]);
    assert_eq!(status(&s[0]), "UP");
    let c = s[0].check_done(Verdict::Conditional, report(Status::L7OkCond, 404, ""), 1_000);
    assert_eq!(
        texts(&c),
        [
            "Server app/s1 is stopping, reason: Layer7 check conditionally passed, code: 404, check duration: \
             1ms. 1 active and 1 backup servers online. 0 sessions requeued, 0 total in queue.",
            "Server app/s5 is stopping via app/s1. 0 active and 1 backup servers online. Running on backup. 0 \
             sessions requeued, 0 total in queue.",
        ]
    );
    assert_eq!(status(&s[0]), "NOLB");
    assert!(!s[0].is_usable() && s[0].accepts_persistent());
    assert!(fail(&s[0]).log.is_empty());
    assert_eq!(status(&s[0]), "NOLB 1/2");
    let c = fail(&s[0]);
    assert!(texts(&c)[0].starts_with(
        "Server app/s1 is DOWN, reason: Layer7 wrong status, code: 500, info: \"Internal Server Error\", \
         check duration: 1ms. 0 active and 1 backup servers left. Running on backup. 0 sessions active"
    ));
    assert!(pass(&s[0]).log.is_empty());
    assert_eq!(status(&s[0]), "DOWN 1/2");
    let c = pass(&s[0]);
    assert!(texts(&c)[0].starts_with(
        "Server app/s1 is UP, reason: Layer7 check passed, code: 200, check duration: 1ms. 1 active and 1"
    ));
    assert_eq!(status(&s[0]), "UP");
    assert_eq!(s[0].snapshot(1_000).failed_checks, 2);
}

#[test]
fn maintenance_and_drain_pass_on_to_those_who_track() {
    let (_, s) = app();
    pass(&s[0]);
    let c = s[0].set_state(StateWord::Drain, 1_000);
    assert_eq!(
        texts(&c),
        [
            "Server app/s1 enters drain state. 1 active and 1 backup servers online. 0 sessions requeued, 0 \
             total in queue.",
            "Server app/s5 enters drain state via app/s1. 0 active and 1 backup servers online. Running on \
             backup. 0 sessions requeued, 0 total in queue.",
        ]
    );
    assert_eq!((status(&s[0]), status(&s[2])), ("DRAIN".into(), "DRAIN".into()));
    let c = s[0].set_state(StateWord::Ready, 1_000);
    assert_eq!(texts(&c)[0], "Server app/s1 is UP (leaving forced drain).");
    assert_eq!(texts(&c)[1], "Server app/s5 is UP (leaving drain) via app/s1.");
    let c = s[0].set_state(StateWord::Maint, 1_000);
    assert!(texts(&c)[0].starts_with("Server app/s1 is going DOWN for maintenance. 1 active and 1 backup"));
    assert!(texts(&c)[1].starts_with("Server app/s5 is going DOWN for maintenance via app/s1. 0 active"));
    assert_eq!((status(&s[0]), status(&s[2])), ("MAINT".into(), "MAINT (via app/s1)".into()));
    assert_eq!(s[0].snapshot(1_000).report, None);
    assert!(!s[0].check_begins());
    let c = s[0].set_state(StateWord::Ready, 1_000);
    assert_eq!(texts(&c)[0], "Server app/s1 is UP/READY (leaving forced maintenance).");
    assert_eq!(texts(&c)[1], "Server app/s5 is UP/READY (leaving maintenance).");
    assert_eq!(status(&s[0]), "UP 1/2");
}

#[test]
fn maintenance_of_a_server_that_is_down_and_drain_out_of_maintenance() {
    let (_, s) = app();
    fail(&s[0]);
    let c = s[0].set_state(StateWord::Maint, 1_000);
    assert_eq!(
        texts(&c),
        [
            "Server app/s1 was DOWN and now enters maintenance.",
            "Server app/s5 was DOWN and now enters maintenance via app/s1.",
        ]
    );
    let c = s[0].set_state(StateWord::Drain, 1_000);
    assert_eq!(texts(&c)[0], "Server app/s1 is UP/DRAIN (leaving forced maintenance).");
    assert_eq!(texts(&c)[1], "Server app/s1 remains in forced drain mode.");
}

#[test]
fn the_last_server_to_go_is_an_emergency_said_once() {
    let (b, s) = app();
    fail(&s[0]);
    let c = fail(&s[1]);
    assert!(texts(&c)[0].starts_with("Backup Server app/s2 is DOWN, reason: Layer7 wrong status, code: 500"));
    assert_eq!(texts(&c)[1], "backend app has no server available!");
    assert_eq!(c.log[1].severity, Severity::Emergency);
    assert!(!b.is_up());
    assert_eq!(b.downs(2_000), (1, 1_000));
    pass(&s[1]);
    pass(&s[1]);
    assert!(b.is_up());
}

#[test]
fn health_set_by_hand_and_refusals() {
    let (_, s) = app();
    let c = s[0].set_health(HealthWord::Down, 1_000).unwrap();
    assert!(texts(&c)[0].starts_with("Server app/s1 is DOWN, changed from CLI. 1 active and 1 backup"));
    let c = s[0].set_health(HealthWord::Up, 1_000).unwrap();
    assert!(texts(&c)[0].starts_with("Server app/s1 is UP, changed from CLI. 1 active and 1 backup"));
    assert_eq!(status(&s[0]), "UP");
    assert_eq!(s[2].set_health(HealthWord::Up, 1_000), Err(CommandError::Tracking));
    for (word, error) in [
        ("foo", CommandError::WeightGarbage),
        ("300", CommandError::WeightRange),
        ("1x", CommandError::WeightTrailing),
        ("-5%", CommandError::WeightNegative),
        ("", CommandError::WeightMissing),
    ] {
        assert_eq!(s[0].set_weight(word, 0), Err(error), "{word}");
    }
    assert_eq!(s[0].set_maxconn("x"), Err(CommandError::MaxconnGarbage));
}

#[test]
fn a_returning_server_warms_up_in_parts_of_a_sixteenth() {
    let r = Registry::new(1);
    let s = r.server("b", "s");
    let config = ServerConfig {
        weight: 10,
        maxconn: 50,
        slowstart_ms: 10_000,
        dynamic_weights: true,
        ..ServerConfig::default()
    };
    s.configure(config, 0);
    assert_eq!((s.weight_shown(), s.snapshot(0).status), (10, "no check".into()));
    s.set_state(StateWord::Maint, 100);
    let c = s.set_state(StateWord::Ready, 1_000);
    assert!(c.warming);
    assert_eq!((s.op(), s.weight_shown(), s.dynamic_maxconn()), (OpState::Starting, 1, 1));
    assert_eq!(s.tick(2_000), Some(3_000));
    assert_eq!((s.weight_shown(), s.dynamic_maxconn()), (2, 5));
    assert_eq!(s.snapshot(6_000).throttle_percent, Some(10));
    assert!(s.tick(6_000).is_some());
    assert_eq!((s.weight_shown(), s.dynamic_maxconn()), (6, 25));
    assert_eq!(s.tick(11_000), None);
    assert_eq!((s.op(), s.weight_shown(), s.dynamic_maxconn()), (OpState::Running, 10, 50));
}

#[test]
fn a_reload_keeps_what_was_set_at_run_time_and_takes_what_the_file_changed() {
    let r = Registry::new(1);
    let s = r.server("b", "s");
    let config = ServerConfig { weight: 10, maxconn: 5, check: Some((2, 3)), ..ServerConfig::default() };
    s.configure(ServerConfig { dynamic_weights: true, ..config.clone() }, 0);
    s.set_weight("7", 0).unwrap();
    s.set_state(StateWord::Drain, 0);
    s.check_done(Verdict::Failed, report(Status::L4Con, 0, ""), 10);
    s.configure(ServerConfig { dynamic_weights: true, maxconn: 9, ..config.clone() }, 20);
    assert_eq!((s.weights(), s.maxconn(), s.op()), ((7, 10), 9, OpState::Stopped));
    assert_eq!(s.snapshot(20).admin, admin::FDRAIN);
    s.configure(ServerConfig { weight: 3, ..config }, 30);
    assert_eq!(s.weights(), (3, 3));
}

#[test]
fn init_state_decides_what_the_first_check_does() {
    for (init, first, after_failure, after_pass) in [
        (InitState::Up, "UP 1/3", "DOWN", "UP"),
        (InitState::FullyUp, "UP", "UP 2/3", "UP"),
        (InitState::Down, "DOWN 1/2", "DOWN", "UP"),
        (InitState::FullyDown, "DOWN", "DOWN", "DOWN 1/2"),
    ] {
        for (ok, want) in [(false, after_failure), (true, after_pass)] {
            let r = Registry::new(1);
            let s = r.server("b", "s");
            let config = ServerConfig { weight: 1, check: Some((2, 3)), init, ..ServerConfig::default() };
            s.configure(config, 0);
            assert_eq!(status(&s), first);
            if ok {
                pass(&s)
            } else {
                fail(&s)
            };
            assert_eq!(status(&s), want, "{init:?} {ok}");
        }
    }
}

#[test]
fn minconn_grows_to_maxconn_with_the_load_of_the_backend() {
    let r = Registry::new(1);
    let s = r.server("b", "s");
    let config =
        ServerConfig { weight: 1, maxconn: 100, minconn: 10, fullconn: 1_000, ..ServerConfig::default() };
    s.configure(config, 0);
    for (busy, want) in [(0, 10), (100, 10), (500, 50), (1_000, 100), (2_000, 100)] {
        while s.backend.sessions.now() < busy {
            s.backend.sessions.enter();
        }
        assert_eq!(s.dynamic_maxconn(), want, "{busy}");
    }
}

#[test]
fn checks_are_logged_when_asked_for() {
    let r = Registry::new(1);
    let s = r.server("app", "s1");
    let config =
        ServerConfig { weight: 1, check: Some((2, 3)), log_health_checks: true, ..ServerConfig::default() };
    s.configure(config, 0);
    let c = pass(&s);
    assert_eq!(
        texts(&c),
        [
            "Health check for server app/s1 succeeded, reason: Layer7 check passed, code: 200, check duration: \
          1ms, status: 3/3 UP."
        ]
    );
    assert!(pass(&s).log.is_empty());
    let c = s.check_done(Verdict::Failed, report(Status::L4Con, 0, "Connection refused"), 10);
    assert_eq!(
        texts(&c),
        ["Health check for server app/s1 failed, reason: Layer4 connection problem, info: \"Connection \
          refused\", check duration: 1ms, status: 2/3 UP."]
    );
}

#[test]
fn sessions_end_with_their_server_and_backups_when_the_active_one_returns() {
    let r = Registry::new(1);
    let s = r.server("app", "s1");
    let config = ServerConfig {
        weight: 1,
        check: Some((1, 1)),
        on_marked_down_shutdown: true,
        on_marked_up_shutdown_backups: true,
        ..ServerConfig::default()
    };
    s.configure(config, 0);
    let c = fail(&s);
    assert_eq!((&*c.shutdown[0].backend, &*c.shutdown[0].server), ("app", "s1"));
    assert_eq!(&*pass(&s).shutdown_backups[0], "app");
}
