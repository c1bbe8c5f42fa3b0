//! What the proxy writes about traffic: the line, its timers, its flags, where it goes.

use e2e::daemon::Program;
use e2e::stage::{ORIGIN, PATIENCE, Stage};
use e2e::syslog::Syslog;

e2e::with_both_proxies!(
    a_custom_format_is_filled_in,
    captured_headers_stand_in_the_line,
    dontlognull_says_nothing_of_empty_connections,
    formats_and_targets_of_the_log,
    the_http_line_has_every_field,
    the_tcp_line_has_every_field,
    timeouts_and_aborts_have_their_flags,
);

const LOG: &str = "global\n    log 127.0.0.1:514 local2\n";

/// The part of a syslog line after its header.
fn message(line: &str) -> &str {
    line.split_once("]: ").map_or(line, |(_, m)| m)
}

fn number(text: &str) -> i64 {
    text.trim_start_matches('+').parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}

fn the_http_line_has_every_field(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origin = stage.origin("o", 80).unwrap();
    let config = format!(
        "{LOG}frontend web\n    bind :8080\n    log global\n    option httplog\n    default_backend app\n\
         backend app\n    server s {ORIGIN}:80\n"
    );
    stage.start(&config, 8080).unwrap();
    assert_eq!(stage.get(8080, "/path?delay=50").unwrap().status, 200);
    let line = stage.log.wait_for("/path", PATIENCE).unwrap();
    assert!(line.starts_with("<150>"), "local2.info: {line}");
    let (header, rest) = line.split_once("]: ").unwrap();
    let (_, tag) = header.rsplit_once(' ').unwrap();
    assert!(tag.starts_with("haproxy["), "the tag is the program's name and process: {line}");
    // 10.9.0.2:PORT [DATE] web app/s Tq/Tw/Tc/Tr/Ta 200 BYTES - - ---- 1/1/0/0/0 0/0 "REQUEST"
    let words: Vec<&str> = rest.trim_end().splitn(12, ' ').collect();
    assert!(
        words[0].starts_with("10.9.0.2:") && words[1].starts_with('[') && words[1].ends_with(']'),
        "{rest}"
    );
    assert_eq!(words[1].len(), "[06/Feb/2009:12:14:14.655]".len(), "{rest}");
    assert_eq!(&words[2..4], ["web", "app/s"]);
    let timers: Vec<i64> = words[4].split('/').map(number).collect();
    assert_eq!(timers.len(), 5, "{rest}");
    assert!(
        timers.iter().all(|t| *t >= 0) && timers[3] >= 50 && timers[4] >= timers[3],
        "TR/Tw/Tc/Tr/Ta: {rest}"
    );
    assert_eq!(words[5], "200");
    assert!(number(words[6]) > 20, "{rest}");
    assert_eq!(&words[7..10], ["-", "-", "----"]);
    assert_eq!(words[10], "1/1/0/0/0");
    assert_eq!(words[11], "0/0 \"GET /path?delay=50 HTTP/1.1\"");
}

fn the_tcp_line_has_every_field(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origin = stage
        .raw_origin(90, |mut c| {
            let got = c.bytes.exactly(4).unwrap();
            c.bytes.send(got).unwrap();
        })
        .unwrap();
    let config = format!(
        "{LOG}listen raw\n    bind :8090\n    mode tcp\n    log global\n    option tcplog\n    server s {ORIGIN}:90\n"
    );
    stage.start(&config, 8090).unwrap();
    let mut client = stage.connect(8090).unwrap();
    client.send("ping").unwrap();
    assert_eq!(client.to_end().unwrap(), b"ping");
    drop(client);
    let line = stage.log.wait_for("10.9.0.2:", PATIENCE).unwrap();
    // 10.9.0.2:PORT [DATE] raw raw/s Tw/Tc/Tt BYTES -- 1/1/0/0/0 0/0
    let words: Vec<&str> = message(&line).trim_end().split(' ').collect();
    assert_eq!(&words[2..4], ["raw", "raw/s"], "{line}");
    assert_eq!(words[4].split('/').map(number).filter(|t| *t >= 0).count(), 3, "{line}");
    assert_eq!(&words[5..], ["4", "--", "1/1/0/0/0", "0/0"], "{line}");
}

fn timeouts_and_aborts_have_their_flags(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _slow = stage.origin("slow", 80).unwrap();
    let _cut = stage
        .raw_origin(81, |mut c| {
            let _head = c.bytes.head();
            let _ = c.bytes.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        })
        .unwrap();
    let _junk = stage
        .raw_origin(82, |mut c| {
            let _head = c.bytes.head();
            let _ = c.bytes.send("this is no HTTP\r\n\r\n");
        })
        .unwrap();
    let config = format!(
        "{LOG}defaults\n    mode http\n    log global\n    option httplog\n    timeout connect 300ms\n\
         \x20   timeout client 2s\n    timeout server 400ms\n    timeout http-request 500ms\n    retries 0\n\
         frontend web\n    bind :8080\n    use_backend cut if {{ path_beg /cut }}\n    use_backend junk if {{ path_beg /junk }}\n\
         \x20   use_backend dead if {{ path_beg /dead }}\n    http-request deny if {{ path_beg /deny }}\n    default_backend slow\n\
         backend slow\n    server s {ORIGIN}:80\nbackend cut\n    server s {ORIGIN}:81\nbackend junk\n    server s {ORIGIN}:82\n\
         backend dead\n    server s {ORIGIN}:9\n"
    );
    stage.start(&config, 8080).unwrap();
    let flags = |target: &str, status: u16, flags: &str| {
        let answer = stage.get(8080, target).unwrap_or_else(|e| panic!("{target}: {e}"));
        assert_eq!(answer.status, status, "{target}");
        let line = stage.log.wait_for(&format!("\"GET {target} "), PATIENCE).unwrap();
        assert!(
            line.contains(&format!(" {status} ")) && line.contains(&format!(" {flags} ")),
            "{target}: {line}"
        );
    };
    flags("/late?delay=3000", 504, "sH--");
    flags("/junk", 502, "PH--");
    flags("/dead", 503, "SC--");
    flags("/deny", 403, "PR--");
    // The server ends in the middle of a body: the client gets what there was.
    let mut client = stage.connect(8080).unwrap();
    assert!(client.get("/cut", "").is_err(), "the body is not complete");
    let line = stage.log.wait_for("\"GET /cut ", PATIENCE).unwrap();
    assert!(line.contains(" 200 ") && line.contains(" SD-- "), "{line}");
    // Half a request, then nothing.
    let mut client = stage.connect(8080).unwrap();
    client.send("GET /half HTTP/1.1\r\nHost:").unwrap();
    assert_eq!(client.response("GET").unwrap().status, 408);
    let line = stage.log.wait_for(" 408 ", PATIENCE).unwrap();
    assert!(line.contains(" cR-- ") && line.contains("<BADREQ>"), "{line}");
    // No HTTP at all.
    let mut client = stage.connect(8080).unwrap();
    client.send("nonsense\r\n\r\n").unwrap();
    assert_eq!(client.response("GET").unwrap().status, 400);
    let line = stage.log.wait_for(" 400 ", PATIENCE).unwrap();
    assert!(line.contains(" PR-- ") && line.contains("<BADREQ>"), "{line}");
    // The client goes away while the server thinks.
    let mut client = stage.connect(8080).unwrap();
    client.send("GET /gone?delay=300 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    e2e::wait::until_true("the server is asked", PATIENCE, || !_slow.requests_for("/gone").is_empty())
        .unwrap();
    drop(client);
    let line = stage.log.wait_for("\"GET /gone", PATIENCE).unwrap();
    assert!(line.contains(" CH-- ") || line.contains(" CD-- ") || line.contains(" ---- "), "{line}");
}

fn captured_headers_stand_in_the_line(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origin = stage.origin("o", 80).unwrap();
    let config = format!(
        "{LOG}listen web\n    bind :8080\n    log global\n    option httplog\n\
         \x20   capture request header User-Agent len 8\n    capture request header X-None len 5\n\
         \x20   capture response header X-Origin len 5\n    capture cookie S len 20\n    server s {ORIGIN}:80\n"
    );
    stage.start(&config, 8080).unwrap();
    stage
        .connect(8080)
        .unwrap()
        .get("/c", "User-Agent: browser/1.0\r\nCookie: S=42\r\nConnection: close\r\n")
        .unwrap();
    let line = stage.log.wait_for("\"GET /c ", PATIENCE).unwrap();
    assert!(line.contains(" {browser/|} {o} \"GET /c HTTP/1.1\""), "{line}");
    assert!(line.contains(" S=42 - "), "{line}");
}

fn a_custom_format_is_filled_in(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origin = stage.origin("o", 80).unwrap();
    let config = format!(
        "{LOG}frontend web\n    bind :8080\n    log global\n    capture request header X-A len 9\n\
         \x20   log-format \"c=%ci f=%f b=%b s=%s st=%ST m=%HM p=%HP q=%{{+Q}}HQ v=%HV x=%[capture.req.hdr(0),upper] si=%si:%sp e=%%\"\n\
         \x20   default_backend app\nbackend app\n    server s {ORIGIN}:80\n"
    );
    stage.start(&config, 8080).unwrap();
    stage.connect(8080).unwrap().get("/a/b?c=d", "X-A: hello\r\nConnection: close\r\n").unwrap();
    let line = stage.log.wait_for("c=10.9.0.2", PATIENCE).unwrap();
    let wanted =
        "c=10.9.0.2 f=web b=app s=s st=200 m=GET p=/a/b q=\"?c=d\" v=HTTP/1.1 x=HELLO si=10.9.0.3:80 e=%";
    let got = message(&line).trim_end().to_string();
    assert_eq!(got, wanted);
}

fn dontlognull_says_nothing_of_empty_connections(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origin = stage.origin("o", 80).unwrap();
    let config = format!(
        "{LOG}listen web\n    bind :8080\n    log global\n    option httplog\n    option dontlognull\n    server s {ORIGIN}:80\n"
    );
    stage.start(&config, 8080).unwrap();
    for _ in 0..3 {
        drop(stage.connect(8080).unwrap());
    }
    stage.get(8080, "/said").unwrap();
    stage.log.wait_for("/said", PATIENCE).unwrap();
    let traffic: Vec<String> = stage.log.lines().into_iter().filter(|l| l.contains("10.9.0.2:")).collect();
    assert_eq!(traffic.len(), 1, "{traffic:#?}");
}

fn formats_and_targets_of_the_log(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origin = stage.origin("o", 80).unwrap();
    let old = Syslog::udp(&stage.proxy, "127.0.0.1:1514").unwrap();
    let new = Syslog::udp(&stage.proxy, "127.0.0.1:1515").unwrap();
    let raw = Syslog::unix(&stage.proxy, "/run/raw.sock").unwrap();
    let config = format!(
        "global\n    log-send-hostname here\n\
         listen web\n    bind :8080\n    option httplog\n    log 127.0.0.1:1514 format rfc3164 local1 notice\n\
         \x20   log 127.0.0.1:1514 format rfc3164 local1\n    log 127.0.0.1:1515 format rfc5424 local3\n\
         \x20   log /run/raw.sock format raw local4\n    log stdout format raw local0\n    log-tag mytag\n    server s {ORIGIN}:80\n"
    );
    stage.start(&config, 8080).unwrap();
    stage.get(8080, "/x").unwrap();
    let line = old.wait_for("\"GET /x ", PATIENCE).unwrap();
    // <142>Mon dd hh:mm:ss here mytag[PID]: …
    assert!(
        line.starts_with("<142>") && line[5..].get(15..).is_some_and(|r| r.starts_with(" here mytag[")),
        "{line}"
    );
    let line = new.wait_for("\"GET /x ", PATIENCE).unwrap();
    // <158>1 2026-01-01T00:00:00.123456+00:00 here mytag PID - - …
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!((words[0], words[2], words[3]), ("<158>1", "here", "mytag"), "{line}");
    assert!(words[1].contains('T') && words[4].parse::<u32>().is_ok(), "{line}");
    assert_eq!(&words[5..7], ["-", "-"], "{line}");
    let line = raw.wait_for("\"GET /x ", PATIENCE).unwrap();
    assert!(line.starts_with("10.9.0.2:"), "{line}");
    let line = stage.daemon.as_ref().unwrap().wait_for_line("\"GET /x ", PATIENCE).unwrap();
    assert!(line.starts_with("10.9.0.2:"), "{line}");
}
