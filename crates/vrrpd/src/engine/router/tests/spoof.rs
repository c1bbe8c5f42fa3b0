//! Malformed and forged adverts: each is counted and said once, and none is acted on.

use std::sync::Arc;

use super::*;
use crate::engine::{
    instance::Counters,
    wire::{Auth, Dialect, GROUP_V4, PROTOCOL, Received, Seal, ip, seal},
};

const GROUP: IpAddr = IpAddr::V4(GROUP_V4);
const SOCKET: Socket = Socket { link: sim::ETH0, way: Way::Multicast(GROUP), protocol: PROTOCOL };
/// The calendar of the test.
const WALL: Duration = Duration::from_secs(1_800_000_000);

fn signed() -> Auth {
    Auth::Seal(Arc::new(Seal {
        keys: vec![(1, vec![7; 32])],
        active: 1,
        window: Some(Duration::from_secs(5)),
        mode: seal::Mode::Enforce,
    }))
}

/// A backup that follows 10.0.0.2, and what it takes to forge an advert to it.
struct Victim {
    router: Router,
    dialect: Dialect,
    now: Time,
}

impl Victim {
    fn new(auth: Auth) -> Victim {
        let mut plan = sim::instance(&Setup { fast: true, ..Setup::new(Version::V2) }, "VI_1", 51, &[100]);
        plan.dialect.auth = auth;
        let dialect = plan.dialect.clone();
        let plan = Plan { instances: vec![Arc::new(plan)], ..Plan::default() };
        let mut victim = Victim { router: Router::new(Arc::new(plan)), dialect, now: Time::from_secs(100) };
        victim.give(Event::Wall(WALL));
        victim.give(Event::Link(sim::link(true)));
        victim.give(Event::Address { link: sim::ETH0, address: sim::own(0), prefix: 24 });
        victim.give(Event::Start);
        let good = victim.message(150, 1);
        victim.hear(&good, 255);
        assert_eq!(victim.counters().adverts_received, 1);
        victim
    }

    fn give(&mut self, event: Event<'_>) {
        self.router.handle(event, self.now);
        while self.router.poll_action().is_some() {}
    }

    /// An advert of 10.0.0.2, signed at so many seconds of the calendar.
    fn message(&self, priority: u8, at: u64) -> Vec<u8> {
        let mut message = self.dialect.encode(priority, sim::own(1), GROUP);
        self.dialect.seal(&mut message, sim::own(1), GROUP, (WALL.as_secs() + at) << 32);
        message
    }

    fn hear(&mut self, message: &[u8], ttl: u8) {
        let (IpAddr::V4(from), IpAddr::V4(to)) = (sim::own(1), GROUP) else { unreachable!() };
        let bytes = ip::wrap(message, from, to, ttl, 1);
        self.give(Event::Packet { socket: SOCKET, bytes: &bytes });
    }

    fn counters(&self) -> Counters {
        self.router.instances()[0].counters
    }

    /// Hears a forgery, which must show in this counter alone and change nothing else.
    fn refuses(&mut self, message: &[u8], ttl: u8, counter: fn(&Counters) -> u64) {
        let (before, counted) = (self.router.instances()[0].clone(), self.counters());
        self.now += Duration::from_millis(100);
        self.hear(message, ttl);
        let after = &self.router.instances()[0];
        assert_eq!(
            (after.state(), after.deadline(), after.master()),
            (before.state(), before.deadline(), before.master())
        );
        assert_eq!(after.counters.adverts_received, counted.adverts_received);
        assert_eq!(counter(&after.counters), counter(&counted) + 1);
    }
}

#[test]
fn wrong_ttl_checksum_length_version_and_interval_are_counted_and_not_acted_on() {
    let mut v = Victim::new(Auth::None);
    let good = v.message(0, 2);
    v.refuses(&good, 254, |c| c.ttl_errors);
    let mut sum = good.clone();
    sum[2] ^= 1;
    v.refuses(&sum, 255, |c| c.checksum_errors);
    v.refuses(&good[..good.len() - 1], 255, |c| c.length_errors);
    let mut version = good.clone();
    version[0] = 0x31;
    v.refuses(&version, 255, |c| c.version_errors);
    let mut interval = good.clone();
    interval[5] = 9;
    v.refuses(&interval, 255, |c| c.interval_errors);
}

#[test]
fn another_virtual_router_and_our_own_address_are_nobodys() {
    let mut v = Victim::new(Auth::None);
    let before = (v.counters(), v.router.instances()[0].deadline());
    let other = Dialect { vrid: 52, ..v.dialect.clone() }.encode(255, sim::own(1), GROUP);
    v.hear(&other, 255);
    let own = v.dialect.encode(255, sim::own(0), GROUP);
    let (IpAddr::V4(from), IpAddr::V4(to)) = (sim::own(0), GROUP) else { unreachable!() };
    let looped = ip::wrap(&own, from, to, 255, 1);
    v.give(Event::Packet { socket: SOCKET, bytes: &looped });
    assert_eq!((v.counters(), v.router.instances()[0].deadline()), before);
}

#[test]
fn a_replayed_unsigned_or_wrongly_signed_farewell_does_not_make_a_backup_hurry() {
    let mut v = Victim::new(signed());
    let farewell = v.message(0, 2);
    v.refuses(&v.dialect.encode(0, sim::own(1), GROUP), 255, |c| c.invalid_signatures);
    let mut forged = farewell.clone();
    *forged.last_mut().unwrap() ^= 1;
    v.refuses(&forged, 255, |c| c.invalid_signatures);
    let old = v.message(0, 0);
    v.refuses(&old, 255, |c| c.replays);
    let future = v.message(0, 400);
    v.refuses(&future, 255, |c| c.replays);
    v.hear(&v.message(150, 2), 255);
    v.refuses(&farewell, 255, |c| c.replays);
    v.hear(&v.message(0, 3), 255);
    assert_eq!(v.router.instances()[0].state(), State::Master, "the true one does");
}

proptest! {
    /// No bytes make the router panic, and what does not pass the checks does not move its timers.
    #[test]
    fn noise_is_only_counted(bytes in proptest::collection::vec(any::<u8>(), 0..80), seal: bool) {
        let mut v = Victim::new(if seal { signed() } else { Auth::None });
        let before = v.router.instances()[0].deadline();
        v.give(Event::Packet { socket: SOCKET, bytes: &bytes });
        v.hear(&bytes, 255);
        let received = Received { source: sim::own(1), destination: GROUP, ttl: 255, message: &bytes };
        v.give(Event::Message { socket: SOCKET, received });
        prop_assert!(v.counters().adverts_received == 1);
        prop_assert_eq!(v.router.instances()[0].deadline(), before);
    }
}
