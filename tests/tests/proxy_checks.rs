//! Health checks on the wire, what they say, and what a change of health does to traffic.

use e2e::client::Client;
use e2e::daemon::Program;
use e2e::origin::{RawConnection, RawOrigin};
use e2e::stage::{ORIGIN, PATIENCE, Stage};
use e2e::wait;
use std::sync::{Arc, Mutex};

e2e::with_both_proxies!(
    a_disappearing_page_stops_a_server_without_losing_its_clients,
    a_drained_server_keeps_the_clients_that_name_it,
    a_full_queue_refuses_or_redispatches,
    a_queue_moves_on_when_its_server_goes,
    a_tcp_script_says_where_it_stopped,
    an_http_check_is_one_request_of_known_bytes,
    checks_can_speak_the_proxy_protocol,
    dynamic_cookies_name_the_address,
    sessions_end_with_their_server_when_asked_to,
    tracking_servers_follow,
);

const SOCKET: &str = "/run/stats.sock";

/// Settings, then these sections.
fn config(sections: &str) -> String {
    format!("global\n    log 127.0.0.1:514 local0\n    stats socket {SOCKET} level admin\n{sections}")
}

/// An origin that sends a banner, then records what it is sent.
fn banner(stage: &Stage, port: u16, text: &'static str) -> (RawOrigin, Arc<Mutex<String>>) {
    let seen = Arc::new(Mutex::new(String::new()));
    let kept = seen.clone();
    let speak = move |mut c: RawConnection| {
        let _ = c.bytes.send(text);
        while let Ok(b) = c.bytes.exactly(1) {
            kept.lock().unwrap().push_str(&String::from_utf8_lossy(&b));
        }
    };
    (stage.raw_origin(port, speak).unwrap(), seen)
}

fn an_http_check_is_one_request_of_known_bytes(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = heads.clone();
    let _origin = stage.raw_origin(81, move |mut c: RawConnection| {
        if let Ok(head) = c.bytes.head() {
            kept.lock().unwrap().push(head.to_lowercase());
        }
        let _ = c.bytes.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    stage
        .start(
            &config(&format!(
                "listen a\n    bind :8080\n    option httpchk\n    server s {ORIGIN}:81 check inter 100ms\n\
                 backend b\n    option httpchk\n    http-check send meth GET uri /h ver HTTP/1.1 hdr Host x\n\
                 \x20   server s {ORIGIN}:81 check inter 100ms\n"
            )),
            8080,
        )
        .unwrap();
    let wanted = ["options / http/1.0\r\n\r\n", "get /h http/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"];
    wait::until_true("both requests come", PATIENCE, || {
        let heads = heads.lock().unwrap();
        wanted.iter().all(|w| heads.iter().any(|h| h.trim_end() == w.trim_end()))
    })
    .unwrap_or_else(|e| panic!("{e}: {:?}", heads.lock().unwrap()));
}

fn a_tcp_script_says_where_it_stopped(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let (_origin, seen) = banner(&stage, 81, "-ERR\r\n");
    let script = "    option tcp-check\n    timeout check 1s\n    tcp-check connect\n\
                  \x20   tcp-check send PING\\r\\n\n    tcp-check expect string +PONG\n";
    stage
        .start(
            &config(&format!(
                "listen web\n    bind :8080\n    log global\n{script}    server s {ORIGIN}:81 check inter 1s\n"
            )),
            8080,
        )
        .unwrap();
    let line = stage.log.wait_for("Server web/s is DOWN", PATIENCE).unwrap();
    let why =
        "reason: Layer7 timeout, info: \" at step 3 of tcp-check (expect string '+PONG')\", check duration: ";
    assert!(line.contains(why), "{line}");
    assert!(seen.lock().unwrap().starts_with("PING\r\n"));
}

fn checks_can_speak_the_proxy_protocol(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let (_origin, seen) = banner(&stage, 81, "hello");
    stage
        .start(
            &config(&format!(
                "listen web\n    bind :8080\n    option tcp-check\n    tcp-check expect string hello\n\
                 \x20   server s {ORIGIN}:81 check inter 200ms check-send-proxy\n"
            )),
            8080,
        )
        .unwrap();
    wait::until_true("a PROXY line comes", PATIENCE, || seen.lock().unwrap().contains("\r\n")).unwrap();
    let line = seen.lock().unwrap().clone();
    assert!(line.starts_with(&format!("PROXY TCP4 10.9.0.1 {ORIGIN} ")), "{line}");
}

fn tracking_servers_follow(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let origin = stage.origin("s1", 81).unwrap();
    stage
        .start(
            &config(&format!(
                "listen web\n    bind :8080\n    log global\n    server a {ORIGIN}:81 check inter 100ms fall 1\n\
                 \x20   server b {ORIGIN}:81 track web/a\n"
            )),
            8080,
        )
        .unwrap();
    drop(origin);
    let line = stage.log.wait_for("Server web/b is DOWN via web/a.", PATIENCE).unwrap();
    assert!(line.contains("0 active and 0 backup servers left."), "{line}");
    stage.log.wait_for("proxy web has no server available!", PATIENCE).unwrap();
    let answer = stage.command(SOCKET, "set server web/a state maint").unwrap();
    assert_eq!(answer.trim(), "");
    stage.log.wait_for("Server web/b was DOWN and now enters maintenance via web/a.", PATIENCE).unwrap();
    assert!(stage.command(SOCKET, "show stat").unwrap().contains("MAINT (via web/a)"));
}

fn a_disappearing_page_stops_a_server_without_losing_its_clients(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let s1 = stage.origin("s1", 81).unwrap();
    let _s2 = stage.origin("s2", 82).unwrap();
    stage
        .start(
            &config(&format!(
                "listen web\n    bind :8080\n    log global\n    option httpchk GET /health\n\
                 \x20   http-check disable-on-404\n    cookie S insert indirect\n\
                 \x20   server s1 {ORIGIN}:81 check inter 100ms cookie one\n\
                 \x20   server s2 {ORIGIN}:82 check inter 100ms cookie two\n"
            )),
            8080,
        )
        .unwrap();
    s1.set_status(404);
    let line = stage.log.wait_for("Server web/s1 is stopping", PATIENCE).unwrap();
    assert!(
        line.contains("reason: Layer7 check conditionally passed, code: 404, check duration: "),
        "{line}"
    );
    for _ in 0..4 {
        assert_eq!(stage.get(8080, "/").unwrap().text(), "s2\n", "no new clients");
    }
    let kept = stage.connect(8080).unwrap().get("/", "Cookie: S=one\r\n").unwrap();
    assert_eq!((kept.status, kept.text().as_str()), (404, "s1\n"), "those who name it stay");
}

fn a_drained_server_keeps_the_clients_that_name_it(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _s1 = stage.origin("s1", 81).unwrap();
    let _s2 = stage.origin("s2", 82).unwrap();
    stage
        .start(
            &config(&format!(
                "listen web\n    bind :8080\n    log global\n    cookie S insert indirect\n\
                 \x20   server s1 {ORIGIN}:81 cookie one\n    server s2 {ORIGIN}:82 cookie two\n"
            )),
            8080,
        )
        .unwrap();
    stage.command(SOCKET, "set server web/s1 state drain").unwrap();
    stage
        .log
        .wait_for("Server web/s1 enters drain state. 1 active and 0 backup servers online.", PATIENCE)
        .unwrap();
    for _ in 0..4 {
        assert_eq!(stage.get(8080, "/").unwrap().text(), "s2\n");
    }
    let named = |stage: &Stage| stage.connect(8080).unwrap().get("/", "Cookie: S=one\r\n").unwrap().text();
    assert_eq!(named(&stage), "s1\n");
    stage.command(SOCKET, "set server web/s1 state maint").unwrap();
    assert_eq!(named(&stage), "s2\n", "maintenance is for everybody");
    stage.command(SOCKET, "set server web/s1 state ready").unwrap();
    assert_eq!(named(&stage), "s1\n");
}

fn a_queue_moves_on_when_its_server_goes(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let s1 = stage.origin("s1", 81).unwrap();
    let _s2 = stage.origin("s2", 82).unwrap();
    stage
        .start(
            &config(&format!(
                "listen web\n    bind :8080\n    log global\n    option redispatch\n    timeout queue 15s\n\
                 \x20   cookie S insert indirect\n    http-reuse never\n\
                 \x20   server s1 {ORIGIN}:81 cookie one maxconn 1\n    server s2 {ORIGIN}:82 cookie two\n"
            )),
            8080,
        )
        .unwrap();
    let ask = |target: &str| -> Client {
        let mut c = stage.connect(8080).unwrap();
        c.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\nCookie: S=one\r\nConnection: close\r\n\r\n"))
            .unwrap();
        c
    };
    let _busy = ask("/?delay=8000");
    wait::until_true("s1 is full", PATIENCE, || !s1.requests_for("/?delay").is_empty()).unwrap();
    let mut waits = ask("/waits");
    let queued = || stage.command(SOCKET, "show stat").unwrap();
    wait::until_true("one waits for s1", PATIENCE, || queued().contains("\nweb,s1,1,1,1,")).unwrap();
    stage.command(SOCKET, "set server web/s1 state maint").unwrap();
    let line = stage.log.wait_for("Server web/s1 is going DOWN for maintenance.", PATIENCE).unwrap();
    assert!(
        line.contains(
            "1 active and 0 backup servers left. 1 sessions active, 1 requeued, 0 remaining in queue."
        ),
        "{line}"
    );
    assert_eq!(waits.response("GET").unwrap().text(), "s2\n");
}

fn a_full_queue_refuses_or_redispatches(program: Program) {
    for (option, status, body) in
        [("no option redispatch", 503, None), ("option redispatch", 200, Some("s2\n"))]
    {
        let mut stage = Stage::new(program).unwrap();
        let s1 = stage.origin("s1", 81).unwrap();
        let _s2 = stage.origin("s2", 82).unwrap();
        stage
            .start(
                &config(&format!(
                    "listen web\n    bind :8080\n    log global\n    option httplog\n    {option}\n    timeout queue 15s\n\
                     \x20   cookie S insert indirect\n    http-reuse never\n\
                     \x20   server s1 {ORIGIN}:81 cookie one maxconn 1 maxqueue 1\n    server s2 {ORIGIN}:82 cookie two\n"
                )),
                8080,
            )
            .unwrap();
        let ask = |target: &str| -> Client {
            let mut c = stage.connect(8080).unwrap();
            c.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\nCookie: S=one\r\nConnection: close\r\n\r\n"))
                .unwrap();
            c
        };
        let _busy = ask("/?delay=8000");
        wait::until_true("s1 is full", PATIENCE, || !s1.requests_for("/?delay").is_empty()).unwrap();
        let _waits = ask("/waits");
        let queued = || stage.command(SOCKET, "show stat").unwrap();
        wait::until_true("one waits for s1", PATIENCE, || queued().contains("\nweb,s1,1,1,1,")).unwrap();
        let answer = ask("/third").response("GET").unwrap();
        assert_eq!(answer.status, status, "{option}");
        match body {
            Some(b) => assert_eq!(answer.text(), b),
            None => {
                let line = stage.log.wait_for("/third", PATIENCE).unwrap();
                assert!(line.contains(" 503 ") && line.contains(" SQVN "), "{line}");
            }
        }
    }
}

fn sessions_end_with_their_server_when_asked_to(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let s1 = stage.origin("s1", 81).unwrap();
    stage
        .start(
            &config(&format!(
                "listen web\n    bind :8080\n    log global\n    option httplog\n\
                 \x20   server s1 {ORIGIN}:81 on-marked-down shutdown-sessions\n"
            )),
            8080,
        )
        .unwrap();
    let mut slow = stage.connect(8080).unwrap();
    slow.send("GET /?delay=15000 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    wait::until_true("the request is there", PATIENCE, || !s1.requests_for("/?delay").is_empty()).unwrap();
    stage.command(SOCKET, "set server web/s1 health down").unwrap();
    stage.log.wait_for("Server web/s1 is DOWN, changed from CLI.", PATIENCE).unwrap();
    let line = stage.log.wait_for("/?delay", PATIENCE).unwrap();
    assert!(line.contains(" DH-- ") || line.contains(" D"), "{line}");
}

fn dynamic_cookies_name_the_address(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _s1 = stage.origin("s1", 81).unwrap();
    let text = config(&format!(
        "listen web\n    bind :8080\n    dynamic-cookie-key secret\n    cookie S insert indirect dynamic\n\
         \x20   server s1 {ORIGIN}:81\n"
    ));
    stage.start(&text, 8080).unwrap();
    // A hash of key, address and port: the same in every proxy with the same key.
    assert_eq!(stage.get(8080, "/").unwrap().header("set-cookie"), Some(DYNAMIC));
}

/// For key `secret`, address 10.9.0.3, port 81.
const DYNAMIC: &str = "S=6687078f1bd952c3; path=/";
