//! keepalived's behaviours of one router, one test each: what it does, in which order, when.

use std::time::Duration;

use super::{
    sim::{ETH0, Setup, instance, link, own, vip},
    *,
};
use crate::engine::{
    instance::{Fault, Note as Own, Told},
    plan::{GroupPlan, ScriptPlan, Target, Watch},
    track::script::{Action as Scripted, Exit},
    wire::{self, Auth, Dialect, GROUP_V4, ip},
};

/// One router with a hand on its clock.
struct Bench {
    router: Router,
    now: Time,
}

const SOCKET: Socket =
    Socket { link: ETH0, way: Way::Multicast(IpAddr::V4(GROUP_V4)), protocol: wire::PROTOCOL };

fn base() -> InstancePlan {
    instance(&Setup::new(Version::V2), "VI_1", 51, &[100])
}

fn plan_of(instances: Vec<InstancePlan>) -> Plan {
    Plan { instances: instances.into_iter().map(Arc::new).collect(), ..Plan::default() }
}

fn script(name: &str) -> ScriptPlan {
    ScriptPlan {
        name: name.into(),
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(2),
        rise: 1,
        fall: 1,
        init_fail: false,
        pattern: None,
        refused: false,
    }
}

fn watching(weight: i16) -> Plan {
    let mut one = base();
    one.watches = vec![Watch { target: Target::Script(0), weight, reverse: false }];
    Plan { scripts: vec![script("chk")], ..plan_of(vec![one]) }
}

impl Bench {
    /// Started, on an interface that is up and has an address.
    fn new(plan: Plan) -> Bench {
        let mut b = Bench::cold(plan);
        b.give(Event::Link(link(true)));
        b.give(Event::Address { link: ETH0, address: own(0), prefix: 24 });
        b.give(Event::Start);
        b
    }

    fn cold(plan: Plan) -> Bench {
        Bench { router: Router::new(Arc::new(plan)), now: Time::from_secs(10) }
    }

    fn give(&mut self, event: Event<'_>) -> Vec<Action> {
        self.router.handle(event, self.now);
        std::iter::from_fn(|| self.router.poll_action()).collect()
    }

    /// Time passes; every deadline in between is kept.
    fn pass_ms(&mut self, ms: u64) -> Vec<Action> {
        let end = self.now + Duration::from_millis(ms);
        let mut actions = Vec::new();
        while let Some(at) = self.router.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            actions.extend(self.give(Event::Timeout));
        }
        self.now = end;
        actions
    }

    fn hear(&mut self, from: usize, priority: u8) -> Vec<Action> {
        let dialect = self.router.plan().instances[0].dialect.clone();
        self.hear_as(from, priority, &dialect)
    }

    fn hear_as(&mut self, from: usize, priority: u8, dialect: &Dialect) -> Vec<Action> {
        let (IpAddr::V4(source), group) = (own(from), GROUP_V4) else { unreachable!() };
        let message = dialect.encode(priority, own(from), IpAddr::V4(group));
        let packet = ip::wrap(&message, source, group, wire::TTL, 1);
        self.give(Event::Packet { socket: SOCKET, bytes: &packet })
    }

    fn state(&self) -> State {
        self.router.instances()[0].state()
    }

    /// How long until the instance's own deadline.
    fn due_ms(&self) -> u64 {
        self.router.instances()[0].deadline().map_or(0, |at| (at - self.now).as_millis() as u64)
    }

    fn master(plan: Plan) -> Bench {
        let mut b = Bench::new(plan);
        b.pass_ms(4_000);
        assert_eq!(b.state(), State::Master);
        b
    }
}

fn sent(actions: &[Action]) -> Vec<u8> {
    let priority = |a: &Action| match a {
        Action::Send { parcel, .. } => Some(parcel.bytes[22]),
        _ => None,
    };
    actions.iter().filter_map(priority).collect()
}

fn announced(actions: &[Action]) -> usize {
    actions.iter().filter(|a| matches!(a, Action::Announce { .. })).count()
}

fn told(actions: &[Action]) -> Vec<Told> {
    let of = |a: &Action| match a {
        Action::Notify { told, .. } => Some(*told),
        _ => None,
    };
    actions.iter().filter_map(of).collect()
}

fn noted(actions: &[Action], what: Own) -> bool {
    actions.iter().any(|a| matches!(a, Action::Note { note: Note::Own(n), .. } if *n == what))
}

#[test]
fn state_master_is_a_hint_and_a_start_is_a_backup_that_waits() {
    let mut b = Bench::cold(plan_of(vec![base()]));
    b.give(Event::Link(link(true)));
    b.give(Event::Address { link: ETH0, address: own(0), prefix: 24 });
    let actions = b.give(Event::Start);
    assert!(noted(&actions, Own::EnteringBackup(true)));
    assert_eq!(told(&actions), [Told::Backup]);
    assert_eq!(b.due_ms(), 3_609);
}

#[test]
fn skew_counts_in_seconds_in_version_2_and_in_intervals_in_version_3() {
    let mut v2 = base();
    v2.dialect.interval = Duration::from_secs(10);
    assert_eq!(Bench::new(plan_of(vec![v2])).due_ms(), 30_609);
    let mut v3 = instance(&Setup::new(Version::V3), "VI_1", 51, &[100]);
    v3.dialect.interval = Duration::from_millis(500);
    assert_eq!(Bench::new(plan_of(vec![v3])).due_ms(), 1_804);
}

#[test]
fn the_advert_leaves_before_the_address_is_added_and_before_gratuitous_arp() {
    let mut b = Bench::new(plan_of(vec![base()]));
    let actions = b.pass_ms(3_610);
    let at = |f: fn(&Action) -> bool| actions.iter().position(f).unwrap();
    let advert = at(|a| matches!(a, Action::Send { .. }));
    let address = at(|a| matches!(a, Action::AddAddress { .. }));
    let arp = at(|a| matches!(a, Action::Announce { .. }));
    assert!(advert < address && address < arp);
    assert_eq!(announced(&actions), 5);
    assert_eq!(told(&actions), [Told::Master]);
    assert_eq!(announced(&b.pass_ms(4_990)), 0);
    assert_eq!(announced(&b.pass_ms(20)), 5, "again after garp_master_delay");
    assert_eq!(announced(&b.pass_ms(60_000)), 0);
}

#[test]
fn two_addresses_are_announced_alternately() {
    let mut b = Bench::new(plan_of(vec![instance(&Setup::new(Version::V2), "VI_1", 51, &[100, 101])]));
    let actions = b.pass_ms(3_610);
    let order: Vec<IpAddr> = actions
        .iter()
        .filter_map(|a| if let Action::Announce { address, .. } = a { Some(*address) } else { None })
        .collect();
    assert_eq!(order.len(), 10);
    assert_eq!(order[..4], [vip(100).address, vip(101).address, vip(100).address, vip(101).address]);
}

#[test]
fn garp_interval_spaces_the_frames_on_an_interface() {
    let mut b = Bench::new(Plan {
        gaps: Gaps { garp: Duration::from_millis(100), gna: Duration::ZERO },
        ..plan_of(vec![base()])
    });
    assert_eq!(announced(&b.pass_ms(3_610)), 1);
    assert_eq!(announced(&b.pass_ms(100)), 1);
    assert_eq!(announced(&b.pass_ms(1_000)), 3);
}

#[test]
fn garp_master_refresh_repeats_while_master() {
    let mut one = base();
    one.garp.refresh = Duration::from_secs(10);
    let mut b = Bench::master(plan_of(vec![one]));
    b.pass_ms(6_000);
    assert_eq!(announced(&b.pass_ms(30_000)), 3);
}

#[test]
fn a_backup_discards_a_lower_priority_and_its_timer_runs_on() {
    let mut b = Bench::new(plan_of(vec![base()]));
    b.hear(1, 200);
    b.pass_ms(1_000);
    let actions = b.hear(1, 90);
    assert!(noted(&actions, Own::LowerDiscarded { from: own(1), theirs: 90 }));
    assert_eq!(b.due_ms(), 2_609);
}

#[test]
fn a_master_answers_a_lower_priority_at_once_with_gratuitous_arp() {
    let mut b = Bench::master(plan_of(vec![base()]));
    let actions = b.hear(1, 90);
    assert_eq!((sent(&actions), announced(&actions)), (vec![100], 5));
    assert_eq!(b.due_ms(), 100, "once more when the other has surely let go");
    assert_eq!(announced(&b.pass_ms(100)), 1);
    assert_eq!(b.due_ms(), 900);
    let mut quiet = base();
    quiet.answer_lower = false;
    let mut b = Bench::master(plan_of(vec![quiet]));
    let actions = b.hear(1, 90);
    assert_eq!((sent(&actions), announced(&actions)), (vec![], 0), "lower_prio_no_advert");
}

#[test]
fn a_master_answers_priority_0_at_once() {
    let mut b = Bench::master(plan_of(vec![base()]));
    assert_eq!(sent(&b.hear(1, 0)), [100]);
    assert_eq!(b.due_ms(), 1_000);
}

#[test]
fn among_equals_the_greater_address_wins() {
    let mut b = Bench::master(plan_of(vec![base()]));
    b.hear(1, 100);
    assert_eq!(b.state(), State::Backup, "10.0.0.2 > 10.0.0.1");
    let mut b = Bench::cold(plan_of(vec![base()]));
    b.give(Event::Link(link(true)));
    b.give(Event::Address { link: ETH0, address: own(8), prefix: 24 });
    b.give(Event::Start);
    b.pass_ms(4_000);
    b.hear(1, 100);
    assert_eq!(b.state(), State::Master);
}

#[test]
fn version_3_learns_the_masters_interval_and_forgets_it_as_master() {
    let own_plan = instance(&Setup::new(Version::V3), "VI_1", 51, &[100]);
    let fast = Dialect { interval: Duration::from_millis(100), ..own_plan.dialect.clone() };
    let mut b = Bench::new(plan_of(vec![own_plan]));
    b.hear_as(1, 200, &fast);
    assert_eq!(b.due_ms(), 360, "3 * 100 ms and 156/256 of 100 ms");
    b.pass_ms(365);
    assert_eq!(b.state(), State::Master);
    assert_eq!(b.due_ms(), 995, "its own second again");
}

#[test]
fn version_2_drops_adverts_with_another_interval_and_says_so_once() {
    let mut b = Bench::new(plan_of(vec![base()]));
    let slow = Dialect { interval: Duration::from_secs(3), ..base().dialect };
    b.pass_ms(1_000);
    let dropped = |actions: &[Action]| {
        actions.iter().any(|a| matches!(a, Action::Note { note: Note::Dropped { .. }, .. }))
    };
    assert!(dropped(&b.hear_as(1, 200, &slow)));
    assert!(!dropped(&b.hear_as(1, 200, &slow)));
    assert_eq!(b.due_ms(), 2_609, "the timer was not restarted");
    assert_eq!(b.router.instances()[0].counters.interval_errors, 2);
}

#[test]
fn a_wrong_password_is_counted_and_dropped() {
    let mut one = base();
    one.dialect.auth = Auth::pass(b"right");
    let mut b = Bench::new(plan_of(vec![one.clone()]));
    b.hear_as(1, 200, &Dialect { auth: Auth::pass(b"wrong"), ..one.dialect.clone() });
    assert_eq!(b.router.instances()[0].counters.auth_failures, 1);
    b.hear_as(1, 200, &one.dialect);
    assert_eq!(b.router.instances()[0].master(), Some((own(1), 200)));
}

#[test]
fn of_two_owners_one_yields_for_good() {
    let mut one = base();
    one.priority = 255;
    let mut b = Bench::new(plan_of(vec![one]));
    b.pass_ms(1);
    assert_eq!(b.state(), State::Master, "an owner does not wait");
    b.hear(1, 255);
    assert_eq!((b.state(), b.due_ms()), (State::Backup, 3_003), "the greater address stays, without a fight");
}

#[test]
fn our_own_advert_looped_back_is_not_answered() {
    let mut b = Bench::master(plan_of(vec![base()]));
    assert_eq!(b.hear(0, 100), []);
    assert_eq!(b.state(), State::Master);
}

#[test]
fn adverts_of_other_virtual_routers_are_not_heard() {
    let mut b = Bench::master(plan_of(vec![base()]));
    let other = Dialect { vrid: 52, ..base().dialect };
    assert_eq!(b.hear_as(1, 200, &other), []);
    assert_eq!(b.state(), State::Master);
}

#[test]
fn preempt_delay_runs_from_the_first_worse_advert_and_then_the_down_timer() {
    let mut one = instance(&Setup::new(Version::V3), "VI_1", 51, &[100]);
    one.dialect.interval = Duration::from_millis(100);
    one.preempt_delay = Duration::from_secs(1);
    let mut b = Bench::new(plan_of(vec![one]));
    let mut taken = 0;
    for tick in 0..20 {
        b.hear(1, 50);
        b.pass_ms(100);
        if b.state() == State::Master {
            taken = tick;
            break;
        }
    }
    assert_eq!(taken, 12, "1 s of delay, then 0.36 s since the last advert that counted at 0.9 s");
}

#[test]
fn a_master_that_resigns_does_not_wait_for_preempt_delay() {
    let mut one = base();
    one.preempt_delay = Duration::from_secs(100);
    let mut b = Bench::new(plan_of(vec![one]));
    b.hear(1, 50);
    b.hear(1, 0);
    b.pass_ms(615);
    assert_eq!(b.state(), State::Master);
}

#[test]
fn a_positive_weight_starts_unadded_and_a_change_moves_the_timer_by_the_skew() {
    let mut b = Bench::new(watching(50));
    assert_eq!(b.due_ms(), 3_609);
    let actions = b.give(Event::Exited { script: "chk", exit: Exit::Code(0) });
    assert!(noted(&actions, Own::Priority { from: 100, to: 150 }));
    assert_eq!(b.due_ms(), 3_414, "the skew is 106 instead of 156 of 256");
}

#[test]
fn a_weight_that_is_lost_shows_in_the_next_advert_and_forces_no_election() {
    let mut b = Bench::new(watching(2));
    b.give(Event::Exited { script: "chk", exit: Exit::Code(0) });
    b.pass_ms(4_000);
    let due = b.due_ms();
    let actions = b.give(Event::Exited { script: "chk", exit: Exit::Code(1) });
    assert_eq!((sent(&actions), b.state(), b.due_ms()), (vec![], State::Master, due));
    assert_eq!(sent(&b.pass_ms(1_000)), [100]);
}

#[test]
fn priorities_clamp_and_the_sum_beyond_is_kept() {
    let mut one = base();
    let watch = |at, weight| Watch { target: Target::Script(at), weight, reverse: false };
    one.watches = vec![watch(0, 200), watch(1, -60)];
    let mut b = Bench::new(Plan { scripts: vec![script("up"), script("down")], ..plan_of(vec![one]) });
    b.give(Event::Exited { script: "up", exit: Exit::Code(0) });
    assert_eq!(b.router.instances()[0].priority(), 254);
    b.give(Event::Exited { script: "down", exit: Exit::Code(1) });
    assert_eq!(b.router.instances()[0].priority(), 240, "300 - 60, not 254 - 60");
}

#[test]
fn an_owner_keeps_priority_255_whatever_its_trackers_say() {
    let mut plan = watching(-50);
    Arc::get_mut(&mut plan.instances[0]).unwrap().priority = 255;
    let mut b = Bench::new(plan);
    b.pass_ms(1);
    assert_eq!(b.state(), State::Master);
    let actions = b.give(Event::Exited { script: "chk", exit: Exit::Code(1) });
    assert!(noted(&actions, Own::OwnerKeepsPriority));
    assert_eq!(b.router.instances()[0].priority(), 255);
}

#[test]
fn an_unweighted_script_is_awaited_then_its_failure_is_fault() {
    let mut b = Bench::new(watching(0));
    b.pass_ms(1_900);
    assert_eq!(b.state(), State::Init, "no result yet");
    let actions = b.give(Event::Exited { script: "chk", exit: Exit::Code(0) });
    assert!(noted(&actions, Own::EnteringBackup(false)));
    b.pass_ms(4_000);
    assert_eq!(b.state(), State::Master);
    let actions = b.give(Event::Exited { script: "chk", exit: Exit::Code(1) });
    assert_eq!((sent(&actions), told(&actions), b.state()), (vec![0], vec![Told::Fault], State::Fault));
    assert!(actions.iter().any(|a| matches!(a, Action::RemoveAddress { .. })));
    b.pass_ms(2_000);
    b.give(Event::Exited { script: "chk", exit: Exit::Code(0) });
    assert_eq!((b.state(), b.due_ms()), (State::Backup, 3_609), "a full down timer");
}

#[test]
fn scripts_run_at_start_and_each_interval() {
    let mut b = Bench::cold(watching(2));
    let runs = |actions: &[Action]| {
        actions.iter().filter(|a| matches!(a, Action::Script { what: Scripted::Run, .. })).count()
    };
    assert_eq!(runs(&b.give(Event::Start)), 1);
    b.give(Event::Exited { script: "chk", exit: Exit::Code(0) });
    assert_eq!(runs(&b.pass_ms(1_999)), 0);
    assert_eq!(runs(&b.pass_ms(1)), 1);
}

#[test]
fn a_link_that_goes_down_is_fault_without_a_last_advert() {
    let mut b = Bench::master(plan_of(vec![base()]));
    let actions = b.give(Event::Link(link(false)));
    assert_eq!((sent(&actions), told(&actions)), (vec![], vec![Told::Fault]));
    assert!(actions.iter().any(|a| matches!(a, Action::RemoveAddress { .. })));
    b.give(Event::Link(link(true)));
    assert_eq!((b.state(), b.due_ms()), (State::Backup, 3_609));
    let mut careless = base();
    careless.track_primary = false;
    let mut b = Bench::master(plan_of(vec![careless]));
    b.give(Event::Link(link(false)));
    assert_eq!(b.state(), State::Master, "dont_track_primary");
}

#[test]
fn no_address_on_the_interface_is_fault_and_a_virtual_one_does_not_count() {
    let mut b = Bench::cold(plan_of(vec![base()]));
    b.give(Event::Link(link(true)));
    b.give(Event::Address { link: ETH0, address: vip(100).address, prefix: 24 });
    b.give(Event::Start);
    assert_eq!(b.router.instances()[0].faults(), [Fault::NoAddress]);
    b.give(Event::Address { link: ETH0, address: own(0), prefix: 24 });
    assert_eq!(b.state(), State::Backup);
    b.give(Event::AddressGone { link: ETH0, address: own(0) });
    assert_eq!(b.state(), State::Fault);
}

#[test]
fn an_interface_that_is_missing_may_come_later() {
    let mut b = Bench::cold(plan_of(vec![base()]));
    b.give(Event::Start);
    assert_eq!(b.router.instances()[0].faults(), [Fault::NoInterface]);
    b.give(Event::Link(link(true)));
    b.give(Event::Address { link: ETH0, address: own(0), prefix: 24 });
    assert_eq!(b.state(), State::Backup);
    b.pass_ms(4_000);
    b.give(Event::LinkGone(ETH0));
    assert_eq!(b.state(), State::Fault);
}

#[test]
fn a_tracked_interface_is_fault_without_weight_and_priority_with_one() {
    let watch = |weight| Watch { target: Target::Interface("eth1".into()), weight, reverse: false };
    let eth1 = |up| Link { index: 3, name: "eth1".into(), ..link(up) };
    let mut one = base();
    one.watches = vec![watch(0)];
    let mut b = Bench::cold(plan_of(vec![one.clone()]));
    b.give(Event::Link(eth1(true)));
    b.give(Event::Link(link(true)));
    b.give(Event::Address { link: ETH0, address: own(0), prefix: 24 });
    b.give(Event::Start);
    assert_eq!(b.state(), State::Backup);
    b.give(Event::Link(eth1(false)));
    assert_eq!(b.router.instances()[0].faults(), [Fault::Watch(0)]);
    one.watches = vec![watch(-30)];
    let mut b = Bench::new(plan_of(vec![one]));
    assert_eq!(b.router.instances()[0].priority(), 70, "an interface that does not exist is down");
    b.give(Event::Link(eth1(true)));
    assert_eq!(b.router.instances()[0].priority(), 100);
}

#[test]
fn an_address_that_somebody_else_removes_is_put_back_at_once_and_yielded_after_repeated_fights() {
    let mut b = Bench::master(plan_of(vec![base()]));
    for _ in 0..5 {
        let actions = b.give(Event::AddressGone { link: ETH0, address: vip(100).address });
        let put_back = actions.iter().filter(|a| matches!(a, Action::AddAddress { .. })).count();
        assert_eq!((put_back, b.state()), (1, State::Master));
    }
    let actions = b.give(Event::AddressGone { link: ETH0, address: vip(100).address });
    assert_eq!((sent(&actions), told(&actions)), (vec![0], vec![Told::Backup]));
    assert_eq!(b.due_ms(), 609);
    let mut untracked = base();
    untracked.addresses[0].tracked = false;
    let mut b = Bench::master(plan_of(vec![untracked]));
    b.give(Event::AddressGone { link: ETH0, address: vip(100).address });
    assert_eq!(b.state(), State::Master, "no_track");
}

#[test]
fn our_own_removal_told_late_is_not_taken_for_somebody_elses() {
    let mut b = Bench::master(plan_of(vec![base()]));
    b.hear(1, 200);
    b.hear(1, 0);
    b.pass_ms(700);
    assert_eq!(b.state(), State::Master);
    b.give(Event::AddressGone { link: ETH0, address: vip(100).address });
    assert_eq!(b.state(), State::Master, "that was the removal of a moment ago");
    let actions = b.give(Event::AddressGone { link: ETH0, address: vip(100).address });
    assert!(actions.iter().any(|a| matches!(a, Action::AddAddress { .. })), "this one was not ours");
}

#[test]
fn a_stale_virtual_address_is_removed_at_start() {
    let mut b = Bench::cold(plan_of(vec![base()]));
    b.give(Event::Link(link(true)));
    b.give(Event::Address { link: ETH0, address: own(0), prefix: 24 });
    b.give(Event::Address { link: ETH0, address: vip(100).address, prefix: 32 });
    let actions = b.give(Event::Start);
    assert!(actions.contains(&Action::RemoveAddress { link: ETH0, address: vip(100) }));
}

#[test]
fn a_stop_sends_priority_0_before_the_address_goes() {
    let mut b = Bench::master(plan_of(vec![base()]));
    let actions = b.give(Event::Stop);
    let zero = actions.iter().position(|a| matches!(a, Action::Send { .. })).unwrap();
    let gone = actions.iter().position(|a| matches!(a, Action::RemoveAddress { .. })).unwrap();
    assert!(sent(&actions) == [0] && zero < gone);
    assert_eq!((told(&actions), actions.last()), (vec![Told::Stop], Some(&Action::Stopped)));
    assert_eq!(b.router.deadline(), None);
}

#[test]
fn startup_delay_holds_the_instances() {
    let mut b = Bench::new(Plan { startup_delay: Duration::from_secs(20), ..plan_of(vec![base()]) });
    b.pass_ms(19_990);
    assert_eq!(b.state(), State::Init);
    b.pass_ms(20);
    assert_eq!(b.state(), State::Backup);
}

#[test]
fn a_reload_of_the_same_changes_nothing() {
    let mut b = Bench::master(plan_of(vec![base()]));
    let due = b.due_ms();
    let actions = b.give(Event::Reload(Arc::new(plan_of(vec![base()]))));
    assert_eq!((actions, b.state(), b.due_ms()), (vec![Action::Reloaded], State::Master, due));
}

#[test]
fn a_reload_touches_only_the_addresses_that_differ() {
    let mut b = Bench::master(plan_of(vec![instance(&Setup::new(Version::V2), "VI_1", 51, &[100, 101])]));
    let new = instance(&Setup { priority: 90, ..Setup::new(Version::V2) }, "VI_1", 51, &[101, 102]);
    let actions = b.give(Event::Reload(Arc::new(plan_of(vec![new]))));
    assert!(actions.contains(&Action::RemoveAddress { link: ETH0, address: vip(100) }));
    assert!(actions.contains(&Action::AddAddress { link: ETH0, address: vip(102) }));
    let touched = |a: &&Action| matches!(a, Action::RemoveAddress { .. } | Action::AddAddress { .. });
    assert_eq!(actions.iter().filter(touched).count(), 2);
    assert_eq!(announced(&actions), 10, "both addresses, since one is new");
    assert_eq!((told(&actions), sent(&actions), b.state()), (vec![], vec![], State::Master));
    assert_eq!(sent(&b.pass_ms(1_000)), [90]);
}

#[test]
fn a_reload_with_another_virtual_router_resigns_and_starts_the_new_one() {
    let mut b = Bench::master(plan_of(vec![base()]));
    let new = instance(&Setup::new(Version::V2), "VI_1", 52, &[100]);
    let actions = b.give(Event::Reload(Arc::new(plan_of(vec![new]))));
    assert_eq!(sent(&actions), [0]);
    assert_eq!(told(&actions), [Told::Deleted, Told::Backup]);
    let split = actions.iter().position(|a| *a == Action::Reloaded).unwrap();
    assert_eq!(told(&actions[..split]), [Told::Deleted], "told in the old plan's words");
    assert_eq!(b.state(), State::Backup);
}

#[test]
fn a_script_keeps_its_status_over_a_reload() {
    let mut b = Bench::new(watching(50));
    b.give(Event::Exited { script: "chk", exit: Exit::Code(0) });
    let actions = b.give(Event::Reload(Arc::new(watching(50))));
    assert_eq!(b.router.instances()[0].priority(), 150);
    assert!(!actions.iter().any(|a| matches!(a, Action::Note { note: Note::Own(Own::Priority { .. }), .. })));
}

#[test]
fn members_of_a_group_are_master_together() {
    let two = |vrid, vip| instance(&Setup::new(Version::V2), &format!("VI_{vrid}"), vrid, &[vip]);
    let group = GroupPlan { name: "G".into(), members: vec![0, 1] };
    let plan = Plan { groups: vec![group], ..plan_of(vec![two(51, 100), two(52, 101)]) };
    let mut b = Bench::new(plan);
    let second = Dialect { vrid: 52, ..two(52, 101).dialect };
    b.pass_ms(2_000);
    b.hear_as(1, 200, &second);
    b.pass_ms(2_000);
    let states = |b: &Bench| b.router.instances().iter().map(Instance::state).collect::<Vec<_>>();
    assert_eq!(states(&b), [State::Backup, State::Backup], "the second still hears a better master");
    let actions = b.pass_ms(4_000);
    assert_eq!(states(&b), [State::Master, State::Master]);
    assert!(
        actions.iter().any(|a| matches!(a, Action::Notify { who: Who::Group(0), told: Told::Master, .. }))
    );
    b.hear_as(1, 200, &second);
    assert_eq!(states(&b), [State::Backup, State::Backup], "one that yields takes the other along");
}

#[test]
fn a_fault_of_one_member_is_the_fault_of_all() {
    let mut first = instance(&Setup::new(Version::V2), "VI_1", 51, &[100]);
    first.watches = vec![Watch { target: Target::Interface("eth1".into()), weight: 0, reverse: false }];
    let second = instance(&Setup::new(Version::V2), "VI_2", 52, &[101]);
    let group = GroupPlan { name: "G".into(), members: vec![0, 1] };
    let mut b = Bench::new(Plan { groups: vec![group], ..plan_of(vec![first, second]) });
    let states = |b: &Bench| b.router.instances().iter().map(Instance::state).collect::<Vec<_>>();
    assert_eq!(states(&b), [State::Fault, State::Fault]);
    b.give(Event::Link(Link { index: 3, name: "eth1".into(), ..link(true) }));
    assert_eq!(states(&b), [State::Backup, State::Backup]);
}

#[test]
fn sockets_are_open_for_the_links_that_instances_use() {
    let mut b = Bench::cold(plan_of(vec![base()]));
    b.give(Event::Link(link(true)));
    let actions = b.give(Event::Address { link: ETH0, address: own(0), prefix: 24 });
    assert_eq!(actions, [Action::Open(SOCKET)]);
    assert!(b.give(Event::LinkGone(ETH0)).contains(&Action::Close(SOCKET)));
}
