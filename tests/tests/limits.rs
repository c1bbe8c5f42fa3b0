//! What a client may cost: the limits of docs/LIMITS.md that can be reached from outside, and that nobody who keeps
//! within them notices.

use std::time::Duration;

use e2e::client::Client;
use e2e::daemon::Program;
use e2e::stage::{ORIGIN, Stage};

e2e::with_both_proxies!(
    bodies_that_are_waited_for_come_in_time,
    heads_beyond_the_limits_are_refused,
    heads_that_never_end_are_answered_in_time,
    more_pipelined_requests_than_a_buffer_holds_are_all_answered,
    waiting_clients_cost_a_buffer_at_most,
);

fn stage(program: Program, options: &str) -> (Stage, e2e::origin::Origin) {
    stage_with(program, options, "")
}

fn stage_with(program: Program, options: &str, rules: &str) -> (Stage, e2e::origin::Origin) {
    let mut stage = Stage::new(program).unwrap();
    let origin = stage.origin("o", 80).unwrap();
    let config = format!(
        "defaults\n    mode http\n    timeout connect 5s\n    timeout client 20s\n    timeout server 20s\n{options}\
         listen web\n    bind :8080\n{rules}    server o {ORIGIN}:80\n"
    );
    stage.start(&format!("global\n    nbthread 1\n{config}"), 8080).unwrap();
    (stage, origin)
}

fn heads_beyond_the_limits_are_refused(program: Program) {
    let (stage, _origin) = stage(program, "");
    let status = |fields: String| {
        let mut client = stage.connect(8080).unwrap();
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).unwrap();
        client.response("GET").unwrap().status
    };
    assert_eq!(status(format!("X: {}\r\n", "y".repeat(8_000))), 200);
    // Older HAProxy says 400 here.
    let too_long = if program == Program::Haproxy { [400, 431] } else { [431, 431] };
    assert!(
        too_long.contains(&status(format!("X: {}\r\n", "y".repeat(17_000)))),
        "tune.bufsize, tune.maxrewrite"
    );
    assert_eq!(status("X: y\r\n".repeat(99)), 200);
    assert_eq!(status("X: y\r\n".repeat(100)), 400, "tune.http.maxhdr counts the first line");
}

/// Who waits for a body before a server is asked waits for a bounded time: `timeout http-request`, or the client's.
fn bodies_that_are_waited_for_come_in_time(program: Program) {
    for (options, rules) in [
        ("    timeout http-request 500ms\n", "    option http-buffer-request\n"),
        ("    timeout client 500ms\n", "    option http-buffer-request\n"),
        ("", "    http-request wait-for-body time 500ms\n"),
    ] {
        let (stage, origin) = stage_with(program, options, rules);
        let mut client = stage.connect(8080).unwrap();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").unwrap();
        assert_eq!(client.response("POST").unwrap().status, 408, "{options}{rules}");
        assert_eq!((origin.served(), origin.connections()), (0, 0), "{options}{rules}");
    }
}

/// Somebody who sends a little now and then does not get more time for it.
fn heads_that_never_end_are_answered_in_time(program: Program) {
    let (stage, origin) = stage(program, "    timeout http-request 1s\n");
    let mut client = stage.connect(8080).unwrap();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n").unwrap();
    // Twenty seconds of it: as long as the client's own time-out, which each byte would begin anew.
    let sent = (0..100).take_while(|i| {
        std::thread::sleep(Duration::from_millis(200));
        client.send(format!("X-{i}: y\r\n")).is_ok()
    });
    assert!(sent.count() < 100, "the connection ends");
    assert_eq!((origin.served(), origin.connections()), (0, 0));
}

fn more_pipelined_requests_than_a_buffer_holds_are_all_answered(program: Program) {
    const REQUESTS: usize = 1_500;
    let (stage, origin) = stage(program, "");
    let stream = stage.client.tcp_connect("10.9.0.1:8080").unwrap();
    let mut writer = stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        use std::io::Write;
        (0..REQUESTS).for_each(|i| write!(writer, "GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap());
    });
    let mut client = Client::over(stream);
    for i in 0..REQUESTS {
        assert_eq!(client.response("GET").unwrap().status, 200, "{i}");
    }
    sender.join().unwrap();
    let targets: Vec<String> = origin.requests().into_iter().map(|r| r.target).collect();
    assert_eq!(targets, (0..REQUESTS).map(|i| format!("/{i}")).collect::<Vec<_>>(), "each once, in order");
}

fn waiting_clients_cost_a_buffer_at_most(program: Program) {
    const CLIENTS: u64 = 400;
    let (stage, _origin) = stage(program, "");
    let open = |bytes: &str| -> Vec<Client> {
        let one = |_| {
            let mut client = stage.connect(8080).unwrap();
            client.send(bytes).unwrap();
            client
        };
        (0..CLIENTS).map(one).collect()
    };
    let ask = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let before = memory_kib(&stage);
    let mut idle = open(ask);
    idle.iter_mut().for_each(|c| assert_eq!(c.response("GET").unwrap().status, 200));
    let with_idle = memory_kib(&stage);
    let slow = open(&format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "y".repeat(2_000)));
    // The proxy has read them once a request that was sent after them is answered.
    assert_eq!(stage.get(8080, "/").unwrap().status, 200);
    let with_slow = memory_kib(&stage);
    drop((idle, slow));
    let each = |more: u64, less: u64| more.saturating_sub(less) / CLIENTS;
    // A connection that waits between requests holds no buffer; one in the middle of a head holds one of
    // tune.bufsize and what belongs to it. (Kernel buffers are no memory of the process.)
    // What is built for debugging has larger tasks.
    let task = if program.path().unwrap().components().any(|c| c.as_os_str() == "debug") { 24 } else { 8 };
    assert!(each(with_idle, before) <= task, "{} KiB for an idle connection", each(with_idle, before));
    assert!(each(with_slow, with_idle) <= 20 + task, "{} KiB for a slow one", each(with_slow, with_idle));
}

fn memory_kib(stage: &Stage) -> u64 {
    std::thread::sleep(Duration::from_millis(300));
    let pid = stage.daemon.as_ref().unwrap().pid();
    let text = stage.proxy.read(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let pss = text.lines().find_map(|l| l.strip_prefix("Pss:")).unwrap();
    pss.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Limits that HAProxy has not, or has elsewhere.
#[test]
fn chunk_lines_and_trailers_are_bounded() {
    let (stage, origin) = stage(Program::Lbproxy, "");
    let status = |body: String| {
        let mut client = stage.connect(8080).unwrap();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        let _ = client.send(body);
        client.response("POST").unwrap().status
    };
    assert_eq!(status(format!("3;a={}\r\nabc\r\n0\r\n\r\n", "b".repeat(4_000))), 200);
    assert_eq!(status(format!("3;a={}\r\nabc\r\n0\r\n\r\n", "b".repeat(5_000))), 400);
    assert_eq!(status(format!("0\r\nT: {}\r\n\r\n", "v".repeat(8_000))), 200);
    assert_eq!(status(format!("0\r\nT: {}\r\n\r\n", "v".repeat(9_000))), 400);
    assert_eq!(status(format!("{}3\r\nabc\r\n0\r\n\r\n", "0".repeat(20))), 400);
    assert_eq!(origin.served(), 2);
}
