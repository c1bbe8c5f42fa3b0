//! Sets of sockets: new, kept, refused as a whole.

use std::{net::TcpListener, sync::Arc};

use super::*;
use crate::{
    process::access::Direct,
    shell::listen::{Place, Spec},
};

fn wanted(place: Place, owner: Owner) -> Wanted {
    let spec = Spec {
        place,
        backlog: 8,
        transparent: false,
        v6only: None,
        interface: None,
        defer_accept: false,
        tfo: false,
        mss: None,
        keepalive: false,
        rcvbuf: None,
        sndbuf: None,
    };
    Wanted { key: spec.key(0), spec, owner, place: common::source::Span::default() }
}

fn front(addr: &str, frontend: usize, bind: usize) -> Wanted {
    wanted(Place::Inet(addr.parse().unwrap()), Owner::Frontend(frontend, bind, Arc::from("f")))
}

fn prepare(l: &Listeners, wanted: &[Wanted]) -> Result<Prepared, Vec<String>> {
    l.prepare(wanted, 2, &mut Direct::default(), false, &SourceMap::new())
}

#[test]
fn each_worker_gets_a_socket_and_a_reload_keeps_what_stays_under_its_new_place() {
    let dir = tempfile::tempdir().unwrap();
    let unix = |frontend, bind| {
        let place = Place::Unix { path: dir.path().join("s"), mode: None, uid: None, gid: None };
        wanted(place, Owner::Frontend(frontend, bind, Arc::from("f")))
    };
    let mut l = Listeners::default();
    let p = prepare(&l, &[front("127.0.0.1:0", 0, 0), unix(0, 1)]).unwrap();
    assert_eq!(p.count(), 4);
    assert!(p.shares.iter().all(|s| s.new.len() == 2 && s.keep.is_empty()));
    l.commit(p.bound());
    let again = prepare(&l, &[unix(3, 0), front("127.0.0.1:0", 3, 1), front("127.0.0.2:0", 4, 0)]).unwrap();
    assert_eq!(again.count(), 2);
    let kept: Vec<_> = again.shares[1].keep.iter().map(|k| (k.frontend, k.bind)).collect();
    assert_eq!(kept, [(3, 0), (3, 1)]);
}

#[test]
fn one_socket_that_cannot_be_had_refuses_the_set_and_names_the_place() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = stranger.local_addr().unwrap().to_string();
    let mut l = Listeners::default();
    let before = prepare(&l, &[front("127.0.0.1:0", 0, 0)]).unwrap();
    l.commit(before.bound());
    let said = prepare(&l, &[front("127.0.0.3:0", 0, 0), front(&taken, 1, 0)]).unwrap_err();
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("for frontend f: protocol tcpv4: cannot bind socket (Address already in use)"));
    assert!(said[0].contains(&taken));
    // Nothing has changed: what was bound is still what is kept.
    assert_eq!(prepare(&l, &[front("127.0.0.1:0", 0, 0)]).unwrap().count(), 0);
}

#[test]
fn command_sockets_are_one_each_and_kept_like_others() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::Unix { path: dir.path().join("stats"), mode: Some(0o600), uid: None, gid: None };
    let stats = wanted(place, Owner::Stats(0));
    let mut l = Listeners::default();
    let p = prepare(&l, std::slice::from_ref(&stats)).unwrap();
    assert_eq!((p.stats.len(), p.stats_kept.len()), (1, 0));
    l.commit(p.bound());
    let p = prepare(&l, &[stats]).unwrap();
    assert_eq!((p.stats.len(), p.stats_kept.len()), (0, 1));
}
