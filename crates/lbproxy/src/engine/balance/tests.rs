use std::{collections::HashMap, net::IpAddr, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::engine::{
    http::Head,
    state::{Registry, ServerConfig, StateWord},
};

/// A backend whose servers have these weights, all up.
fn farm(spec: Spec, weights: &[u32]) -> (Lb, Vec<Arc<ServerState>>) {
    let all: Vec<(u32, u32)> = weights.iter().enumerate().map(|(i, &w)| (i as u32 + 1, w)).collect();
    farm_of(spec, &all)
}

/// The same with ids.
fn farm_of(spec: Spec, servers: &[(u32, u32)]) -> (Lb, Vec<Arc<ServerState>>) {
    let r = Registry::new(1);
    let b = r.backend("b");
    let states: Vec<_> = servers
        .iter()
        .enumerate()
        .map(|(i, &(_, weight))| {
            let s = r.server("b", &format!("s{}", i + 1));
            let config =
                ServerConfig { weight, dynamic_weights: spec.is_dynamic(), ..ServerConfig::default() };
            s.configure(config, 0);
            s
        })
        .collect();
    b.set_members(&states, false, 0);
    let members = servers.iter().zip(&states).map(|(&(id, _), state)| Member { id, state: state.clone() });
    (Lb::new(spec, members.collect(), b, false), states)
}

fn algorithm(algorithm: Algorithm) -> Spec {
    Spec { algorithm, ..Spec::default() }
}

/// Server numbers, from 1, of `n` picks without a key.
fn picks(lb: &Lb, n: usize) -> String {
    let one = |_| match lb.pick(&Key::default(), None) {
        Pick::Server(i) => (i + 1).to_string(),
        other => format!("{other:?}"),
    };
    (0..n).map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn equal_weights_take_turns_in_the_order_of_the_configuration() {
    for a in [Algorithm::RoundRobin, Algorithm::StaticRr] {
        let (lb, _) = farm(algorithm(a), &[1, 1, 1]);
        assert_eq!(picks(&lb, 7), "1 2 3 1 2 3 1");
    }
}

/// What HAProxy 2.6 and 3.5 answered, one thread, one client.
#[test]
fn static_rr_walks_the_same_map_as_haproxy() {
    for (weights, want) in [
        (&[1, 2, 3][..], "1 3 2 3 2 3 1 3 2 3 2 3"),
        (&[3, 1], "1 1 1 2 1 1 1 2"),
        (&[5, 1, 1], "1 1 1 2 1 1 3 1 1 1 2 1 1 3"),
        (&[7, 3, 5], "1 2 3 1 1 3 1 2 3 1 1 3 1 2 3 1 2 3"),
        (&[1, 1, 1, 4], "1 4 2 4 3 4 4 1 4 2 4 3 4 4"),
        (&[100, 50, 1], "1 1 2 1 1 2 1 1 2 1 1 2"),
    ] {
        let (lb, _) = farm(algorithm(Algorithm::StaticRr), weights);
        assert_eq!(picks(&lb, want.split(' ').count()), want, "{weights:?}");
    }
}

/// The servers that HAProxy 2.6 and 3.5 chose for the header values `key0`, `key1`, …; weights 1, 2, 3.
#[test]
fn hashed_headers_lead_to_the_same_servers_as_with_haproxy() {
    use HashFunction::{Crc32, Djb2, Sdbm, Wt6};
    use HashMethod::{Consistent, MapBased};
    #[rustfmt::skip]
    let cases = [
        (MapBased, Sdbm, false, "3 2 3 1 3 2 3 2 3 1 1 3 2 3 2 3 1 3 2 3 3 2 3 2 3 1 3 2 3 2 2 3 2 3 1 3 2 3 2 3"),
        (MapBased, Sdbm, true, "3 2 1 3 2 2 3 3 3 1 2 2 3 2 3 1 1 2 3 2 2 2 3 2 2 2 1 2 1 3 3 2 3 2 2 3 2 2 1 3"),
        (MapBased, Djb2, false, "2 3 2 3 1 3 2 3 2 3 3 1 3 2 3 2 3 1 3 2 2 3 2 3 1 3 2 3 2 3 3 1 3 2 3 2 3 1 3 2"),
        (MapBased, Djb2, true, "3 1 3 1 3 3 3 3 1 2 3 3 3 2 3 2 1 1 2 3 3 3 2 2 3 3 2 3 1 3 2 1 1 2 3 1 3 3 2 2"),
        (MapBased, Wt6, false, "3 3 3 3 3 3 3 3 3 3 3 3 3 3 2 2 2 2 3 3 3 3 3 3 2 1 2 2 3 3 3 3 3 3 2 2 1 1 3 3"),
        (MapBased, Wt6, true, "3 1 2 3 3 2 3 3 2 2 1 2 2 3 1 1 2 2 2 3 2 2 3 2 3 1 3 2 2 3 3 3 3 1 3 2 2 3 2 2"),
        (MapBased, Crc32, false, "2 2 2 1 3 3 3 3 2 2 3 3 3 3 2 1 1 2 3 3 1 2 2 2 3 3 3 3 2 1 3 3 3 3 2 1 2 1 3 3"),
        (MapBased, Crc32, true, "3 2 1 3 2 2 3 3 1 3 3 3 3 3 2 2 3 2 2 3 3 3 2 2 2 2 2 2 2 1 1 1 2 3 1 3 1 2 1 3"),
        (Consistent, Sdbm, false, "1 1 1 1 1 1 1 1 1 1 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3"),
        (Consistent, Sdbm, true, "2 1 3 3 2 3 1 2 3 3 2 3 3 2 3 3 2 2 2 2 3 3 1 3 2 3 1 1 3 3 1 2 3 3 2 1 2 3 2 2"),
        (Consistent, Djb2, true, "2 1 3 3 3 3 3 3 3 2 2 2 3 2 2 2 2 2 3 3 3 1 1 1 3 2 2 1 2 3 3 3 3 1 2 1 2 3 2 3"),
        (Consistent, Wt6, false, "3 3 3 3 3 3 3 3 3 3 2 3 2 2 2 3 2 2 2 3 3 3 3 1 3 3 2 2 2 3 3 3 3 1 3 3 3 1 3 3"),
        (Consistent, Wt6, true, "2 3 3 1 3 3 1 2 3 3 3 2 3 3 1 1 1 1 1 1 3 1 1 3 2 3 2 3 2 1 3 3 2 2 3 3 3 2 1 2"),
        (Consistent, Crc32, false, "1 3 1 2 1 3 2 2 3 3 2 2 1 3 2 3 3 3 2 2 1 3 1 3 2 2 1 3 2 1 3 1 3 3 3 3 3 3 1 2"),
        (Consistent, Crc32, true, "2 3 3 3 2 3 2 1 3 3 3 2 1 3 2 2 2 3 2 3 3 2 1 3 2 2 1 2 1 3 2 3 2 1 3 3 3 2 3 1"),
    ];
    for (method, function, avalanche, want) in cases {
        let on = HashOn::Header { name: "X-K".into(), use_domain_only: false };
        let spec = Spec {
            algorithm: Algorithm::Hash(on),
            hash: HashType { method, function, avalanche },
            ..Spec::default()
        };
        let (lb, _) = farm(spec, &[1, 2, 3]);
        assert_eq!(hashed(&lb, 40), want, "{method:?} {function:?} {avalanche}");
    }
}

/// The same for other ids: `id 10`, `id 7` of weight 2, `id 300`.
#[test]
fn the_place_on_the_ring_depends_on_the_id() {
    let on = HashOn::Header { name: "X-K".into(), use_domain_only: false };
    let hash = HashType { method: HashMethod::Consistent, function: HashFunction::Sdbm, avalanche: true };
    let spec = Spec { algorithm: Algorithm::Hash(on), hash, ..Spec::default() };
    let (lb, _) = farm_of(spec, &[(10, 1), (7, 2), (300, 1)]);
    let want = "2 1 2 2 1 3 3 1 1 3 3 2 1 2 2 1 1 2 2 2 1 2 3 2 2 2 1 2 2 1 1 2 2 3 3 2 3 3 2 2";
    assert_eq!(hashed(&lb, 40), want);
}

fn hashed(lb: &Lb, n: usize) -> String {
    let one = |i| {
        let mut req = Head::default();
        assert!(req.add(b"x-k", format!("key{i}").as_bytes()));
        let key = Key { req: Some(&req), ..Key::default() };
        match lb.pick(&key, None) {
            Pick::Server(i) => (i + 1).to_string(),
            other => format!("{other:?}"),
        }
    };
    (0..n).map(one).collect::<Vec<_>>().join(" ")
}

/// Clients 127.0.7.1, 127.0.14.2, 127.0.21.3, …
#[test]
fn sources_lead_to_the_same_servers_as_with_haproxy() {
    let map = HashType::default();
    let ring = HashType { method: HashMethod::Consistent, avalanche: true, ..map };
    let mixed = HashType { avalanche: true, ..map };
    for (hash, want) in [
        (map, "3 2 3 1 3 2 3 2 3 1 3 2 3 2 3 1 3 2 3 2 3 1 3 2"),
        (ring, "1 1 3 2 1 3 1 2 3 3 1 1 1 2 3 3 2 1 3 2 3 1 3 3"),
        (mixed, "2 3 3 3 3 3 2 3 3 3 2 2 1 3 1 1 3 2 1 2 2 1 3 3"),
    ] {
        let spec = Spec { algorithm: Algorithm::Hash(HashOn::Source), hash, ..Spec::default() };
        let (lb, _) = farm(spec, &[1, 2, 3]);
        let one = |i: u8| {
            let src = Some(IpAddr::from([127, 0, (u16::from(i) * 7 % 256) as u8, i]));
            match lb.pick(&Key { src, ..Key::default() }, None) {
                Pick::Server(i) => (i + 1).to_string(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!((1..25).map(one).collect::<Vec<_>>().join(" "), want, "{hash:?}");
    }
}

/// `/urip/a?k=key0`, … and `/uri/key0`: what was sent to HAProxy after its path rewrite.
#[test]
fn parameters_lead_to_the_same_servers_as_with_haproxy() {
    let on = HashOn::UrlParam { name: "k".into(), check_post: false };
    let (lb, _) = farm(algorithm(Algorithm::Hash(on)), &[1, 2, 3]);
    let one = |i: u32| {
        let mut req = Head::default();
        assert!(req.set_uri(format!("/a?k=key{i}").as_bytes()));
        match lb.pick(&Key { req: Some(&req), ..Key::default() }, None) {
            Pick::Server(i) => (i + 1).to_string(),
            other => format!("{other:?}"),
        }
    };
    let want = "3 2 3 1 3 2 3 2 3 1 1 3 2 3 2 3 1 3 2 3 3 2 3 2";
    assert_eq!((0..24).map(one).collect::<Vec<_>>().join(" "), want);
}

#[test]
fn a_server_that_just_failed_is_avoided_unless_it_is_the_last() {
    for a in [Algorithm::RoundRobin, Algorithm::LeastConn, Algorithm::First, Algorithm::Random { draws: 2 }] {
        let (lb, s) = farm(algorithm(a.clone()), &[1, 1]);
        for seed in 0..20 {
            let key = Key { seed, ..Key::default() };
            assert_eq!(lb.pick(&key, Some(0)), Pick::Server(1), "{a:?}");
        }
        s[1].set_state(StateWord::Maint, 1);
        assert_eq!(lb.pick(&Key::default(), Some(0)), Pick::Server(0), "{a:?}");
        s[0].set_state(StateWord::Drain, 1);
        assert_eq!(lb.pick(&Key::default(), None), Pick::None, "{a:?}");
    }
}

#[test]
fn full_servers_are_passed_over_and_a_full_backend_says_so() {
    let (lb, s) = farm(algorithm(Algorithm::RoundRobin), &[1, 1, 1]);
    for x in &s {
        x.set_maxconn("1").unwrap();
    }
    assert!(s[0].try_take() && !s[0].try_take());
    assert_eq!(picks(&lb, 4), "2 3 2 3");
    assert!(s[1].try_take() && s[2].try_take());
    assert_eq!(lb.pick(&Key::default(), None), Pick::Full);
}

#[test]
fn backups_serve_only_when_no_active_server_can() {
    let r = Registry::new(1);
    let b = r.backend("b");
    let states: Vec<_> = [false, true, true]
        .iter()
        .enumerate()
        .map(|(i, &backup)| {
            let s = r.server("b", &i.to_string());
            s.configure(ServerConfig { weight: 1, backup, ..ServerConfig::default() }, 0);
            s
        })
        .collect();
    b.set_members(&states, false, 0);
    let members: Vec<_> =
        states.iter().enumerate().map(|(i, s)| Member { id: i as u32, state: s.clone() }).collect();
    let one = Lb::new(algorithm(Algorithm::RoundRobin), members.clone(), b.clone(), false);
    let all = Lb::new(algorithm(Algorithm::RoundRobin), members, b, true);
    assert_eq!((picks(&one, 3), picks(&all, 3)), ("1 1 1".into(), "1 1 1".into()));
    states[0].set_state(StateWord::Maint, 1);
    assert_eq!((picks(&one, 3), picks(&all, 4)), ("2 2 2".into(), "3 2 3 2".into()));
}

#[test]
fn least_connections_counts_per_weight_and_takes_turns_among_equals() {
    let (lb, s) = farm(algorithm(Algorithm::LeastConn), &[1, 1, 2]);
    let mut count = HashMap::new();
    for _ in 0..40 {
        let Pick::Server(i) = lb.pick(&Key::default(), None) else { panic!() };
        s[i].take_always();
        *count.entry(i).or_insert(0) += 1;
    }
    assert_eq!((count[&0], count[&1], count[&2]), (10, 10, 20));
}

#[test]
fn a_hashed_request_stays_with_its_full_server_unless_told_otherwise() {
    let on = HashOn::Source;
    let key = Key { src: Some("10.0.0.1".parse().unwrap()), ..Key::default() };
    for (affinity, stays) in [(Affinity::Always, true), (Affinity::MaxConn, false)] {
        let spec = Spec { algorithm: Algorithm::Hash(on.clone()), affinity, ..Spec::default() };
        let (lb, s) = farm(spec, &[1, 1, 1]);
        let Pick::Server(i) = lb.pick(&key, None) else { panic!() };
        s[i].set_maxconn("1").unwrap();
        s[i].take_always();
        assert_eq!(lb.pick(&key, None) == Pick::Server(i), stays, "{affinity:?}");
    }
}

#[test]
fn the_balance_factor_sends_a_hot_key_on() {
    let hash = HashType { method: HashMethod::Consistent, function: HashFunction::Sdbm, avalanche: true };
    let spec =
        Spec { algorithm: Algorithm::Hash(HashOn::Source), hash, balance_factor: 150, ..Spec::default() };
    let (lb, s) = farm(spec, &[1, 1, 1, 1]);
    let key = Key { src: Some("10.0.0.1".parse().unwrap()), ..Key::default() };
    for _ in 0..400 {
        let Pick::Server(i) = lb.pick(&key, None) else { panic!() };
        s[i].take_always();
    }
    let most = s.iter().map(|x| x.sessions.now()).max().unwrap();
    assert!((100..=151).contains(&most), "{most}");
}

#[test]
fn slow_start_and_weight_changes_shift_the_shares_at_once() {
    let (lb, s) = farm(algorithm(Algorithm::RoundRobin), &[10, 10]);
    s[0].set_weight("50%", 1).unwrap();
    let ones = picks(&lb, 30).split(' ').filter(|w| *w == "1").count();
    assert_eq!(ones, 10);
    s[0].set_weight("0", 1).unwrap();
    assert_eq!(picks(&lb, 3), "2 2 2");
}

proptest! {
    #[test]
    fn every_round_gives_each_server_its_weight_and_gaps_stay_even(
        weights in proptest::collection::vec(0u32..40, 1..12),
    ) {
        for list in [schedule::smooth(&weights), schedule::map(&weights)] {
            let g = weights.iter().fold(0, |a, &b| num(a, b)).max(1);
            for (i, &w) in weights.iter().enumerate() {
                let turns = list.iter().filter(|&&x| x as usize == i).count();
                prop_assert_eq!(turns as u32, w / g);
            }
        }
        let list = schedule::smooth(&weights);
        let total = list.len();
        for i in 0..weights.len() {
            let at: Vec<usize> = (0..total).filter(|&k| list[k] as usize == i).collect();
            for pair in at.windows(2) {
                // Never twice the fair distance apart, plus one turn for each other server.
                prop_assert!(pair[1] - pair[0] <= 2 * total.div_ceil(at.len()) + weights.len());
            }
        }
    }

    #[test]
    fn nobody_who_is_down_is_ever_chosen(
        ups in proptest::collection::vec(any::<bool>(), 1..9),
        seed in any::<u64>(),
        which in 0usize..6,
    ) {
        let ring = HashType { method: HashMethod::Consistent, avalanche: true, ..HashType::default() };
        let (algorithm, hash) = match which {
            0 => (Algorithm::RoundRobin, HashType::default()),
            1 => (Algorithm::LeastConn, HashType::default()),
            2 => (Algorithm::First, HashType::default()),
            3 => (Algorithm::Random { draws: 3 }, HashType::default()),
            4 => (Algorithm::Hash(HashOn::Source), HashType::default()),
            _ => (Algorithm::Hash(HashOn::Source), ring),
        };
        let (lb, s) = farm(Spec { algorithm, hash, ..Spec::default() }, &vec![3; ups.len()]);
        let first = lb.pick(&Key { seed, ..Key::default() }, None);
        prop_assert!(matches!(first, Pick::Server(_)), "all are up");
        for (x, up) in s.iter().zip(&ups) {
            if !up {
                x.set_state(StateWord::Maint, 1);
            }
        }
        let src = Some(IpAddr::from(seed.to_be_bytes().map(u16::from)));
        match lb.pick(&Key { seed, src, ..Key::default() }, None) {
            Pick::Server(i) => prop_assert!(ups[i]),
            Pick::None => prop_assert!(ups.iter().all(|u| !u)),
            Pick::Full => prop_assert!(false, "nobody is full"),
        }
    }
}

fn num(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { num(b, a % b) }
}

/// Farms beyond the bound on entries still give everybody a turn.
#[test]
fn a_large_farm_of_odd_weights_is_scaled_down_and_starves_nobody() {
    let weights: Vec<u32> = (0..3_000).map(|i| 1 + (i * 7919) % 256).collect();
    let list = schedule::smooth(&weights);
    assert!(list.len() as u64 <= schedule::ENTRIES_MAX + weights.len() as u64);
    let mut seen = vec![false; weights.len()];
    list.iter().for_each(|&i| seen[i as usize] = true);
    assert!(seen.iter().all(|&s| s));
}
