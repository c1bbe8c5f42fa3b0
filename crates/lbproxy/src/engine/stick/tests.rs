use std::{net::IpAddr, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::engine::{
    sample::Value,
    stick::track::{Event, Tracks},
};

fn table(size: u64, expire_ms: Option<u64>, store: &[(DataType, usize, u32)]) -> Arc<Table> {
    Arc::new(Table::new(Spec {
        name: "t".into(),
        key: KeyType::Integer,
        size,
        expire_ms,
        layout: Layout::new(store, 1),
        ..Spec::default()
    }))
}

fn make(t: &Table, key: u32, now_ms: u64) -> Arc<Entry> {
    t.find_or_make(Key::Integer(key), now_ms).unwrap()
}

#[test]
fn an_entry_expires_unless_it_is_updated_or_tracked() {
    let t = table(10, Some(100), &[(DataType::ConnCnt, 1, 1)]);
    let e = make(&t, 1, 0);
    assert_eq!(t.expires_in_ms(&e, 40), Some(60));
    t.add(&e, DataType::ConnCnt, 0, 1, 50);
    assert!(t.find(&Key::Integer(1), 149).is_some());
    assert!(t.find(&Key::Integer(1), 150).is_none());
    let tracks = Tracks::default();
    assert!(tracks.begin(0, t.clone(), make(&t, 2, 200), 200));
    t.expire(1_000);
    assert_eq!((t.used(), t.find(&Key::Integer(2), 1_000).is_some()), (1, true));
    tracks.release(1_000);
    t.expire(1_099);
    assert_eq!(t.used(), 1);
    t.expire(1_200);
    assert_eq!(t.used(), 0);
}

#[test]
fn a_full_table_loses_its_oldest_entry_unless_it_may_not() {
    let t = table(2, None, &[]);
    make(&t, 1, 0);
    make(&t, 2, 1);
    t.touch(&make(&t, 1, 2), 2);
    make(&t, 3, 3);
    assert!(t.find(&Key::Integer(2), 3).is_none() && t.find(&Key::Integer(1), 3).is_some());
    let full = Table::new(Spec { nopurge: true, ..t.spec.clone() });
    make(&full, 1, 0);
    make(&full, 2, 0);
    assert!(full.find_or_make(Key::Integer(3), 0).is_none());
}

#[test]
fn a_tracked_entry_gives_way_to_nobody() {
    let t = table(1, Some(10), &[]);
    let tracks = Tracks::default();
    tracks.begin(0, t.clone(), make(&t, 1, 0), 0);
    assert!(t.find_or_make(Key::Integer(2), 50).is_none());
    assert!(!t.remove(&Key::Integer(1)));
    tracks.release(50);
    assert!(t.find_or_make(Key::Integer(2), 50).is_some());
}

#[test]
fn a_rate_slides_from_one_period_into_the_next() {
    let t = table(4, None, &[(DataType::HttpReqRate, 1, 1_000)]);
    let e = make(&t, 1, 5_000);
    for ms in 0..10 {
        t.add(&e, DataType::HttpReqRate, 0, 1, 5_000 + ms * 100);
    }
    let rate = |at| t.read(&e, DataType::HttpReqRate, 0, at).unwrap();
    assert_eq!((rate(5_900), rate(6_500), rate(6_900), rate(8_000)), (10, 5, 1, 0));
}

#[test]
fn the_first_counters_of_an_array_answer_for_the_old_ones() {
    let t = table(4, None, &[(DataType::Gpc, 2, 1), (DataType::GpcRate, 2, 1_000), (DataType::Gpt, 1, 1)]);
    let e = make(&t, 1, 0);
    assert_eq!(t.count_up(&e, DataType::Gpc, 1, 5, 0), Some(5));
    assert_eq!(t.read(&e, DataType::Gpc1, 0, 0), Some(5));
    assert_eq!(t.read(&e, DataType::Gpc1Rate, 0, 0), Some(5));
    assert_eq!(t.set(&e, DataType::Gpt0, 0, 7, 0), Some(0));
    assert_eq!(t.read(&e, DataType::Gpt, 0, 0), Some(7));
    assert_eq!(t.read(&e, DataType::Gpc, 2, 0), None);
    assert_eq!(t.read(&e, DataType::ConnCnt, 0, 0), None);
}

#[test]
fn a_stream_counts_where_the_session_does_unless_it_tracks_itself() {
    let t = table(4, None, &[(DataType::ConnCur, 1, 1), (DataType::HttpErrCnt, 1, 1)]);
    let (session, stream) = (Tracks::default(), Tracks::default());
    session.begin(0, t.clone(), make(&t, 1, 0), 0);
    session.begin(1, t.clone(), make(&t, 2, 0), 0);
    stream.begin(1, t.clone(), make(&t, 3, 0), 0);
    assert!(!stream.begin(1, t.clone(), make(&t, 4, 0), 0), "the first rule counts");
    stream.note(&session, Event::RequestError, 0);
    let errors = |key| t.read(&make(&t, key, 0), DataType::HttpErrCnt, 0, 0);
    assert_eq!((errors(1), errors(2), errors(3)), (Some(1), Some(0), Some(1)));
    let current = |key| t.read(&make(&t, key, 0), DataType::ConnCur, 0, 0);
    assert_eq!(current(3), Some(1));
    stream.release(0);
    assert_eq!((current(3), current(1)), (Some(0), Some(1)));
}

#[test]
fn keys_are_cut_padded_and_cast_as_the_type_says() {
    let text = |t: &'static str| Value::str(t.as_bytes());
    assert_eq!(Key::of(KeyType::String(5), text("abcdefgh")).unwrap().to_string(), "abcde");
    assert_eq!(Key::of(KeyType::Binary(3), text("a")).unwrap().to_string(), "610000");
    assert_eq!(Key::of(KeyType::String(5), text("")), None);
    assert_eq!(Key::of(KeyType::Ip, text("x")), None);
    let ip: IpAddr = "1.2.3.4".parse().unwrap();
    assert_eq!(Key::of_ip(KeyType::Ipv6, ip).unwrap().to_string(), "::ffff:1.2.3.4");
    assert_eq!(Key::parse(KeyType::Ipv6, "1.2.3.4"), Key::of_ip(KeyType::Ipv6, ip));
}

#[test]
fn events_follow_the_status_of_the_server() {
    assert_eq!(Event::of_status(404), Some(Event::RequestError));
    assert_eq!(Event::of_status(503), Some(Event::ResponseFailure));
    assert_eq!((Event::of_status(501), Event::of_status(505), Event::of_status(200)), (None, None, None));
}

proptest! {
    /// Whatever happens, a table never holds more than it may, and what it says it holds it can show.
    #[test]
    fn a_table_never_outgrows_its_size(
        steps in prop::collection::vec((0u8..4, 0u32..40, 0u64..30), 1..300),
        size in 1u64..20,
    ) {
        let t = table(size, Some(50), &[]);
        let tracks = Tracks::default();
        let mut now = 0;
        for (what, key, pass) in steps {
            now += pass;
            match what {
                0 | 1 => drop(t.find_or_make(Key::Integer(key), now)),
                2 => drop(t.remove(&Key::Integer(key))),
                _ => {
                    if let Some(e) = t.find_or_make(Key::Integer(key), now) {
                        tracks.release(now);
                        tracks.begin(0, t.clone(), e, now);
                    }
                }
            }
            prop_assert!(t.used() as u64 <= size);
        }
        prop_assert_eq!(t.entries(now).len(), t.used());
    }
}
