//! What only the machine itself shows; whole routers are tested in `router/tests`.

use proptest::prelude::*;

use super::*;
use crate::engine::{
    plan::{Garp, Path},
    wire::{Auth, Checksum, Dialect, GROUP_V4, Version},
};

fn plan(priority: u8) -> Arc<InstancePlan> {
    Arc::new(InstancePlan {
        name: "VI_1".into(),
        interface: "eth0".into(),
        dialect: Dialect {
            version: Version::V3,
            vrid: 51,
            auth: Auth::None,
            checksum: Checksum::Pseudo,
            interval: Duration::from_secs(1),
            addresses: Vec::new(),
        },
        priority,
        preempt: true,
        preempt_delay: Duration::ZERO,
        fast_takeover: true,
        down_adverts: 3,
        path: Path::Multicast { group: IpAddr::V4(GROUP_V4) },
        source: None,
        track_source: false,
        addresses: Vec::new(),
        garp: Garp {
            master_repeat: 5,
            master_delay: Duration::from_secs(5),
            lower_repeat: 5,
            lower_delay: Duration::from_secs(5),
            refresh: Duration::from_secs(60),
            refresh_repeat: 1,
        },
        answer_lower: true,
        answer_higher: true,
        owner_ignores: false,
        track_primary: true,
        trust_addresses: false,
        promote_secondaries: false,
        tell_priority: true,
        watches: Vec::new(),
    })
}

fn event() -> impl Strategy<Value = Event> {
    let fault = prop_oneof![
        Just(Fault::NoInterface),
        Just(Fault::InterfaceDown),
        Just(Fault::NoAddress),
        (0usize..3).prop_map(Fault::Watch),
        Just(Fault::Group),
    ];
    let heard = (any::<u8>(), 1u8..4, 0u64..50_000).prop_map(|(priority, host, ms)| {
        Event::Heard(Advert {
            source: IpAddr::from([10, 0, 0, host]),
            priority,
            interval: Duration::from_millis(ms),
            addresses_differ: false,
        })
    });
    prop_oneof![
        1 => Just(Event::Start),
        1 => Just(Event::Stop),
        4 => Just(Event::Timeout),
        1 => (1u64..20_000).prop_map(|ms| Event::Late(Duration::from_millis(ms))),
        8 => heard,
        1 => fault.clone().prop_map(Event::Fault),
        2 => fault.prop_map(Event::Clear),
        1 => (-600i32..600).prop_map(Event::Weight),
        1 => (0usize..2).prop_map(Event::Waiting),
        1 => (1u8..5).prop_map(|h| Event::Source(Some(IpAddr::from([10, 0, 0, h])))),
        1 => Just(Event::AddressLost(IpAddr::from([10, 0, 0, 100]))),
        1 => Just(Event::GroupMaster),
        1 => Just(Event::GroupBackup),
    ]
}

proptest! {
    /// `handle` checks the invariants after each event; here no sequence may break them, addresses must be
    /// added and removed in turn, and a deadline never lies in the past once it was served.
    #[test]
    fn no_sequence_of_events_breaks_the_machine(
        priority in 1u8..,
        grouped: bool,
        events in proptest::collection::vec((event(), 0u64..4_000), 0..120),
    ) {
        let mut i = Instance::new(plan(priority), grouped);
        let mut now = Duration::from_secs(5);
        let mut held = false;
        for (event, wait) in events {
            now += Duration::from_millis(wait);
            i.handle(event, now);
            while let Some(action) = i.poll_action() {
                match action {
                    Action::AddAddresses => {
                        prop_assert!(!held);
                        held = true;
                    }
                    Action::RemoveAddresses => {
                        prop_assert!(held);
                        held = false;
                    }
                    Action::Announce(_) => prop_assert!(held),
                    _ => {}
                }
            }
            prop_assert_eq!(held, i.state() == State::Master);
            if event == Event::Timeout {
                prop_assert!(i.deadline().is_none_or(|at| at > now));
            }
        }
    }
}

#[test]
fn faults_known_before_the_start_are_told_at_the_start() {
    let mut i = Instance::new(plan(100), false);
    i.handle(Event::Fault(Fault::InterfaceDown), Time::ZERO);
    assert_eq!(i.poll_action(), None);
    i.handle(Event::Start, Time::ZERO);
    assert_eq!(i.poll_action(), Some(Action::Note(Note::Faulty(Fault::InterfaceDown))));
    assert_eq!(i.state(), State::Fault);
}

#[test]
fn a_second_fault_is_told_and_both_must_go() {
    let mut i = Instance::new(plan(100), false);
    i.handle(Event::Start, Time::ZERO);
    i.handle(Event::Fault(Fault::Watch(0)), Time::ZERO);
    i.handle(Event::Fault(Fault::Watch(1)), Time::ZERO);
    i.handle(Event::Clear(Fault::Watch(0)), Time::ZERO);
    assert_eq!(i.state(), State::Fault);
    i.handle(Event::Clear(Fault::Watch(1)), Time::ZERO);
    assert_eq!(i.state(), State::Backup);
}

#[test]
fn adverts_keep_their_cadence_when_a_wake_up_is_late() {
    let mut i = Instance::new(plan(100), false);
    i.handle(Event::Start, Time::ZERO);
    let take_over = i.deadline().unwrap();
    i.handle(Event::Timeout, take_over);
    assert_eq!(i.deadline(), Some(take_over + Duration::from_secs(1)));
    i.handle(Event::Timeout, take_over + Duration::from_millis(1_005));
    assert_eq!(i.deadline(), Some(take_over + Duration::from_secs(2)));
    i.handle(Event::Timeout, take_over + Duration::from_millis(60_500));
    assert!(i.deadline().unwrap() > take_over + Duration::from_millis(60_500), "no burst after a stall");
}
