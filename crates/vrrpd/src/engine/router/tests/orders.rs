//! What operators order, and what a proxy's word does to an instance.

use std::time::Duration;

use common::health::{Message, Phase};

use super::{
    sim::{ETH0, Setup, instance, link, own},
    *,
};
use crate::engine::{
    plan::{GroupPlan, ProxyPlan, Target, Watch},
    track::proxy::{self, LOCAL},
};

fn plan(vrids: &[u8]) -> Plan {
    let of = |vrid: &u8| {
        let mut one = instance(&Setup::new(Version::V2), &format!("VI_{vrid}"), *vrid, &[*vrid]);
        one.watches = vec![Watch { target: Target::Proxy(0), weight: 0, reverse: false }];
        Arc::new(one)
    };
    let proxy = ProxyPlan {
        name: LOCAL.into(),
        socket: None,
        require: Vec::new(),
        hang_timeout: Duration::from_secs(1),
    };
    Plan { instances: vrids.iter().map(of).collect(), proxies: vec![proxy], ..Plan::default() }
}

struct Host {
    router: Router,
    now: Time,
}

impl Host {
    /// Ten seconds after its start: alone, so master of everything.
    fn master(plan: Plan) -> Host {
        let mut h = Host { router: Router::new(Arc::new(plan)), now: Time::from_secs(10) };
        h.give(Event::Link(link(true)));
        h.give(Event::Address { link: ETH0, address: own(0), prefix: 24 });
        h.give(Event::Start);
        h.pass_ms(10_000);
        h
    }

    fn give(&mut self, event: Event<'_>) {
        self.router.handle(event, self.now);
        while self.router.poll_action().is_some() {}
    }

    fn pass_ms(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(at) = self.router.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.give(Event::Timeout);
        }
        self.now = end;
    }

    fn order(&mut self, order: Option<Order>) {
        self.give(Event::Order { instance: 0, order });
    }

    fn tell(&mut self, event: proxy::Event) {
        self.give(Event::Proxy { name: LOCAL, event });
    }

    fn states(&self) -> Vec<State> {
        self.router.instances().iter().map(Instance::state).collect()
    }

    fn priority(&self) -> u8 {
        self.router.instances()[0].priority()
    }
}

#[test]
fn a_handover_leaves_priority_1_until_it_is_taken_back_and_the_address_where_nobody_takes_it() {
    let mut h = Host::master(plan(&[51]));
    let before = h.priority();
    h.order(Some(Order::Handover));
    assert_eq!((h.priority(), h.states()), (1, vec![State::Master]));
    h.give(Event::Reload(Arc::new(plan(&[51]))));
    assert_eq!(h.priority(), 1, "a reload forgot the order");
    h.order(None);
    assert_eq!(h.priority(), before);
}

#[test]
fn who_was_stopped_starts_only_when_told_to() {
    let mut h = Host::master(plan(&[51]));
    h.order(Some(Order::Stop));
    h.order(Some(Order::Stop));
    assert_eq!(h.states(), [State::Init]);
    h.pass_ms(60_000);
    h.give(Event::Link(link(false)));
    h.give(Event::Link(link(true)));
    h.pass_ms(60_000);
    assert_eq!(h.states(), [State::Init]);
    h.order(None);
    assert_eq!(h.states(), [State::Backup]);
    h.pass_ms(10_000);
    assert_eq!(h.states(), [State::Master]);
}

#[test]
fn members_of_a_group_are_ordered_together() {
    let group = GroupPlan { name: "G".into(), members: vec![0, 1] };
    let mut h = Host::master(Plan { groups: vec![group], ..plan(&[51, 52]) });
    assert_eq!(h.states(), [State::Master, State::Master]);
    h.order(Some(Order::Handover));
    assert!(h.router.instances().iter().all(|i| i.priority() == 1));
    h.order(Some(Order::Stop));
    assert_eq!(h.states(), [State::Init, State::Init]);
}

#[test]
fn a_dead_proxy_leaves_priority_1_and_the_address_until_the_next_one_is_ready() {
    let mut h = Host::master(plan(&[51]));
    let before = h.priority();
    let greet = |h: &mut Host, phase| {
        h.tell(proxy::Event::Met { slot: 0, pid: Some(7) });
        for message in [Message::Phase(phase), Message::Complete] {
            h.tell(proxy::Event::Told { slot: 0, message });
        }
    };
    greet(&mut h, Phase::Ready);
    assert_eq!(h.priority(), before);
    h.tell(proxy::Event::Died { slot: 0 });
    assert_eq!((h.priority(), h.states()), (1, vec![State::Master]), "somebody must hold the address");
    greet(&mut h, Phase::Starting);
    assert_eq!(h.priority(), 1);
    h.tell(proxy::Event::Told { slot: 0, message: Message::Phase(Phase::Ready) });
    assert_eq!(h.priority(), before);
}

#[test]
fn a_silent_proxy_is_looked_at_in_time() {
    let mut h = Host::master(plan(&[51]));
    h.tell(proxy::Event::Met { slot: 0, pid: Some(7) });
    for message in [Message::Phase(Phase::Ready), Message::Complete] {
        h.tell(proxy::Event::Told { slot: 0, message });
    }
    let due = h.router.deadline().unwrap();
    assert!(due <= h.now + Duration::from_millis(150));
    h.router.handle(Event::Timeout, due);
    let looks = std::iter::from_fn(|| h.router.poll_action())
        .filter(|a| matches!(a, Action::Proxy { what: proxy::Action::Inspect { pid: Some(7), .. }, .. }));
    assert_eq!(looks.count(), 1);
}
