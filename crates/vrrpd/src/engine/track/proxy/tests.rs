//! A proxy's life on a virtual clock.

use common::health::Able;

use super::*;

const HANG: Duration = Duration::from_secs(1);

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn plan(require: &[&str]) -> ProxyPlan {
    ProxyPlan {
        name: LOCAL.into(),
        socket: None,
        require: require.iter().map(|r| (*r).to_owned()).collect(),
        hang_timeout: HANG,
    }
}

fn told(proxy: &mut Proxy, message: Message, ms: u64) {
    proxy.handle(Event::Told { slot: 0, message }, at(ms));
}

fn beat(proxy: &mut Proxy, late_ms: u32, ms: u64) {
    told(proxy, Message::Beat { number: ms, late_ms }, ms);
}

/// A proxy with process 7 that introduced itself at `ms` and is in this phase.
fn met(phase: Phase, ms: u64) -> Proxy {
    let mut proxy = Proxy::new(plan(&[]));
    greet(&mut proxy, phase, ms);
    proxy
}

fn greet(proxy: &mut Proxy, phase: Phase, ms: u64) {
    proxy.handle(Event::Met { slot: 0, pid: Some(7) }, at(ms));
    told(proxy, Message::Hello { version: 1, pid: 7, workers: 2 }, ms);
    told(proxy, Message::Phase(phase), ms);
    let able = Able { servers: 0, of: 2 };
    told(proxy, Message::Able { side: Side::Backend, name: "empty".into(), able }, ms);
    let able = Able { servers: 1, of: 2 };
    told(proxy, Message::Able { side: Side::Backend, name: "app".into(), able }, ms);
    told(proxy, Message::Complete, ms);
}

fn drain(proxy: &mut Proxy) -> Vec<Action> {
    std::iter::from_fn(|| proxy.poll_action()).collect()
}

fn down(cause: Cause) -> Action {
    Action::Changed(Status::Down, cause)
}

/// Lets time pass until `ms`, answering every look with `found(now)`.
fn pass(proxy: &mut Proxy, ms: u64, found: impl Fn(Time) -> Inspection) -> Vec<Action> {
    let mut said = Vec::new();
    while let Some(due) = proxy.deadline().filter(|due| *due <= at(ms)) {
        proxy.timeout(due);
        for action in drain(proxy) {
            match action {
                Action::Inspect { slot, .. } => {
                    proxy.handle(Event::Inspected { slot, found: found(due) }, due);
                }
                other => said.push(other),
            }
        }
    }
    said.extend(drain(proxy));
    said.retain(|a| matches!(a, Action::Changed(..)));
    said
}

fn idle(_: Time) -> Inspection {
    Inspection::Running(vec![(7, 0), (8, 0)])
}

#[test]
fn nobody_there_is_no_verdict_until_one_was_found() {
    let mut proxy = Proxy::new(plan(&[]));
    assert_eq!((proxy.status(), proxy.deadline()), (Status::Unknown, None));
    proxy.handle(Event::Met { slot: 0, pid: Some(7) }, at(0));
    assert_eq!(proxy.status(), Status::Unknown, "it has told nothing yet");
    greet(&mut proxy, Phase::Ready, 1);
    assert_eq!(drain(&mut proxy), [Action::Changed(Status::Up, Cause::Ready)]);
}

#[test]
fn death_counts_at_once_and_the_next_one_only_when_it_is_ready() {
    let mut proxy = met(Phase::Ready, 0);
    drain(&mut proxy);
    proxy.handle(Event::Lost { slot: 0 }, at(10));
    proxy.handle(Event::Died { slot: 0 }, at(11));
    assert!(drain(&mut proxy).contains(&down(Cause::Died)));
    greet(&mut proxy, Phase::Starting, 500);
    assert_eq!((proxy.status(), proxy.cause()), (Status::Down, &Cause::NotReady));
    told(&mut proxy, Message::Phase(Phase::Ready), 900);
    assert_eq!(drain(&mut proxy), [Action::Changed(Status::Up, Cause::Ready)]);
}

#[test]
fn draining_counts_and_the_one_that_takes_over_is_enough() {
    let mut proxy = met(Phase::Ready, 0);
    told(&mut proxy, Message::Phase(Phase::Draining), 10);
    assert_eq!(proxy.cause(), &Cause::Draining);
    proxy.handle(Event::Met { slot: 1, pid: Some(9) }, at(20));
    for message in [Message::Phase(Phase::Ready), Message::Complete] {
        proxy.handle(Event::Told { slot: 1, message }, at(20));
    }
    assert_eq!(proxy.status(), Status::Up);
    proxy.handle(Event::Lost { slot: 0 }, at(30));
    assert_eq!(proxy.status(), Status::Up);
}

#[test]
fn a_stopped_process_is_seen_by_its_silence_within_a_fifth_of_a_second() {
    let mut proxy = met(Phase::Ready, 0);
    beat(&mut proxy, 0, 50);
    drain(&mut proxy);
    assert_eq!(pass(&mut proxy, 250, |_| Inspection::Stopped), [down(Cause::Stopped)]);
    beat(&mut proxy, 2_000, 2_000);
    assert_eq!(proxy.status(), Status::Down, "its workers have not shown yet that they live");
    beat(&mut proxy, 0, 2_050);
    assert_eq!(proxy.status(), Status::Up);
}

#[test]
fn silence_of_a_process_that_could_run_counts_after_the_hang_timeout() {
    let mut proxy = met(Phase::Ready, 0);
    drain(&mut proxy);
    assert_eq!(pass(&mut proxy, 1_000, idle), []);
    assert_eq!(pass(&mut proxy, 1_400, idle), [down(Cause::Silent)]);
}

#[test]
fn silence_of_a_process_that_waits_for_a_processor_does_not_count() {
    let mut proxy = met(Phase::Ready, 0);
    drain(&mut proxy);
    let starved = |now: Time| Inspection::Running(vec![(7, (now * 3 / 4).as_nanos() as u64), (8, 0)]);
    assert_eq!(pass(&mut proxy, 10_000, starved), []);
    beat(&mut proxy, 0, 10_001);
    assert_eq!(proxy.status(), Status::Up);
}

#[test]
fn any_word_ends_the_doubt_about_silence() {
    let mut proxy = met(Phase::Ready, 0);
    drain(&mut proxy);
    for round in 0..5 {
        assert_eq!(pass(&mut proxy, round * 900 + 890, idle), []);
        told(&mut proxy, Message::Pong(1), round * 900 + 895);
    }
}

#[test]
fn a_worker_that_hangs_counts_when_it_could_have_run() {
    let mut proxy = met(Phase::Ready, 0);
    drain(&mut proxy);
    let mut said = Vec::new();
    for ms in (50..=2_000).step_by(50) {
        beat(&mut proxy, ms as u32, ms);
        said.extend(pass(&mut proxy, ms + 49, idle));
    }
    assert!(
        matches!(said.as_slice(), [Action::Changed(Status::Down, Cause::WorkerHangs { .. })]),
        "{said:?}"
    );
    beat(&mut proxy, 0, 2_050);
    assert_eq!(proxy.status(), Status::Up);
}

#[test]
fn our_own_stall_is_not_held_against_the_proxy() {
    let mut proxy = met(Phase::Ready, 0);
    drain(&mut proxy);
    // Five seconds without us: the timer comes first, then everything that was said meanwhile.
    proxy.timeout(at(5_000));
    assert_eq!(drain(&mut proxy), [], "not even a look");
    assert!(proxy.deadline() > Some(at(5_000)));
    beat(&mut proxy, 0, 5_001);
    assert_eq!(proxy.deadline(), Some(at(5_001) + SILENCE));
}

#[test]
fn a_connection_that_ends_while_the_process_lives_is_silence() {
    let mut proxy = met(Phase::Ready, 0);
    drain(&mut proxy);
    proxy.handle(Event::Lost { slot: 0 }, at(10));
    assert_eq!(proxy.status(), Status::Up);
    let seen = drain(&mut proxy);
    assert_eq!(seen, [Action::Inspect { slot: 0, pid: Some(7) }]);
    proxy.handle(Event::Inspected { slot: 0, found: idle(at(10)) }, at(10));
    assert_eq!(pass(&mut proxy, 1_300, idle), [down(Cause::Silent)]);
}

#[test]
fn what_is_required_must_be_able() {
    let mut proxy = met(Phase::Ready, 0);
    proxy.reconfigure(plan(&["app"]));
    assert_eq!(proxy.status(), Status::Up);
    proxy.reconfigure(plan(&["app", "empty"]));
    assert_eq!(proxy.cause(), &Cause::NoServer("empty".into()));
    proxy.reconfigure(plan(&["missing"]));
    assert_eq!(proxy.cause(), &Cause::NoBackend("missing".into()));
    proxy.reconfigure(plan(&["app"]));
    let able = Able { servers: 0, of: 2 };
    told(&mut proxy, Message::Able { side: Side::Backend, name: "app".into(), able }, 20);
    assert_eq!(proxy.status(), Status::Down);
    told(&mut proxy, Message::Gone { side: Side::Backend, name: "app".into() }, 30);
    assert_eq!(proxy.cause(), &Cause::NoBackend("app".into()));
}

#[test]
fn a_configured_proxy_that_is_absent_is_down_and_a_found_one_is_forgotten_by_a_reload() {
    let mut named = Proxy::new(ProxyPlan { socket: Some("/run/p".into()), ..plan(&[]) });
    named.handle(Event::Absent, at(0));
    assert_eq!(drain(&mut named), [down(Cause::Absent)]);
    named.reconfigure(named.plan().clone());
    assert_eq!(named.status(), Status::Down);
    let mut found = met(Phase::Ready, 0);
    found.handle(Event::Died { slot: 0 }, at(5));
    assert_eq!(found.status(), Status::Down);
    found.reconfigure(plan(&[]));
    assert_eq!(found.status(), Status::Unknown);
}

#[test]
fn without_a_weight_a_proxy_that_is_down_leaves_the_lowest_priority_and_never_fault() {
    assert_eq!(effect(Status::Down, 0), Effect::Weight(LOWEST));
    assert_eq!(effect(Status::Up, 0), Effect::Weight(0));
    assert_eq!(effect(Status::Unknown, 0), Effect::Weight(0));
    assert_eq!(effect(Status::Down, -20), Effect::Weight(-20));
    assert_eq!(effect(Status::Down, 20), Effect::Weight(0));
    assert_eq!(effect(Status::Up, 20), Effect::Weight(20));
}
