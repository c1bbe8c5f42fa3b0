//! Real sockets on loopback, no clock asserted.

use std::{net::UdpSocket, sync::Arc, time::Duration};

use super::*;
use crate::compile::plan::{LogTarget, LogWire};

const NOON_US: u64 = 1_795_342_758_885_944;

fn target(format: LogWire) -> LogTarget {
    LogTarget {
        sink: 0,
        format,
        facility: 16,
        level_max: 7,
        level_min: 0,
        len: 1024,
        sample: Vec::new(),
        sample_size: 0,
    }
}

fn framed(format: LogWire, hostname: Option<&str>, sd: &[u8]) -> String {
    let target = target(format);
    let frame = wire::Frame { hostname: hostname.map(str::to_owned), tag: "lb".into(), pid: 7 };
    let mut stamps = wire::Stamps::new(Arc::new(Zone::utc()));
    stamps.advance(NOON_US);
    let line = wire::Line { target: &target, level: 6, tag: None, sd, message: b"hello" };
    let mut out = Vec::new();
    wire::write(&line, &frame, &stamps, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn each_format_frames_a_line_as_the_peer_does() {
    assert_eq!(framed(LogWire::Local, None, b""), "<134>Nov 22 10:19:18 lb[7]: hello\n");
    assert_eq!(framed(LogWire::Rfc3164, None, b""), "<134>Nov 22 10:19:18 localhost lb[7]: hello\n");
    assert_eq!(framed(LogWire::Rfc3164, Some("hh"), b""), "<134>Nov 22 10:19:18 hh lb[7]: hello\n");
    let date = "2026-11-22T10:19:18.885944+00:00";
    assert_eq!(framed(LogWire::Rfc5424, None, b""), format!("<134>1 {date} - lb 7 - - hello\n"));
    assert_eq!(
        framed(LogWire::Rfc5424, Some("hh"), b"[a@1 b=\"c\"]"),
        format!("<134>1 {date} hh lb 7 - [a@1 b=\"c\"] hello\n")
    );
    assert_eq!(framed(LogWire::Priority, None, b""), "<134>hello\n");
    assert_eq!(framed(LogWire::Short, None, b""), "<6>hello\n");
    assert_eq!(framed(LogWire::Timed, None, b""), format!("<6>{date} hello\n"));
    assert_eq!(framed(LogWire::Iso, None, b""), format!("{date} hello\n"));
    assert_eq!(framed(LogWire::Raw, None, b""), "hello\n");
}

#[test]
fn a_line_is_cut_at_the_target_s_length_with_its_line_end() {
    let mut t = target(LogWire::Raw);
    t.len = 4;
    let frame = wire::Frame::default();
    let stamps = wire::Stamps::new(Arc::new(Zone::utc()));
    let mut out = Vec::new();
    wire::write(
        &wire::Line { target: &t, level: 6, tag: None, sd: b"", message: b"hello" },
        &frame,
        &stamps,
        &mut out,
    );
    assert_eq!(out, b"hel\n");
}

#[test]
fn a_sample_takes_its_ranges_of_every_run() {
    let taken: Vec<u32> = (1..=8).filter(|n| in_sample(4, &[(1, 1), (3, 3)], *n)).collect();
    assert_eq!(taken, [1, 3, 5, 7]);
    assert!((1..9).all(|n| in_sample(0, &[], n)));
}

#[test]
fn lines_of_a_worker_arrive_in_order_and_levels_above_the_target_s_do_not() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let to = LogSink::Udp(receiver.local_addr().unwrap());
    let mut said = Vec::new();
    let sinks = Arc::new(Sinks { list: vec![Sink::open(&to, &mut said)], frame: wire::Frame::default() });
    assert!(said.is_empty(), "{said:?}");
    let mut t = target(LogWire::Raw);
    t.level_max = 6;
    let plan = LogPlan { targets: vec![t], ..LogPlan::default() };
    let hub = Arc::new(Hub::default());
    let thread = std::thread::spawn({
        let hub = hub.clone();
        move || run(&hub)
    });
    let mut logger = Logger::new(hub.clone(), Arc::new(Zone::utc()));
    for n in 0..200 {
        logger.send(&sinks, &plan, 6, b"", format!("line {n}").as_bytes(), NOON_US);
        logger.send(&sinks, &plan, 7, b"", b"debug", NOON_US);
    }
    drop(logger);
    for n in 0..200 {
        let mut buf = [0; 64];
        let len = receiver.recv(&mut buf).unwrap();
        assert_eq!(&buf[..len], format!("line {n}\n").as_bytes());
    }
    hub.close();
    thread.join().unwrap();
    assert_eq!(hub.dropped(), 0);
}
