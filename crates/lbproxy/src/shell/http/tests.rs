//! Requests through a worker over real sockets, byte by byte.

mod said;

use std::{io::Write as _, sync::atomic::Ordering::SeqCst, time::Duration};

use crate::shell::{
    harness::{Client, Origin, Proxy},
    runtime::{Which, WorkerCommand},
};

const DEFAULTS: &str = "defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 2s
";

fn proxy(extra_front: &str, extra_back: &str, origin: &Origin) -> Proxy {
    Proxy::start(&format!(
        "{DEFAULTS}
frontend f
  bind 127.0.0.1:1
  log @LOG@ local0
  option httplog
{extra_front}
  default_backend b
backend b
{extra_back}
  server s {}
",
        origin.address
    ))
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A log line with every timer that was reached shown as 0: how long things take is nobody's promise.
fn untimed(line: &str) -> String {
    let zero = |t: &str| if t.starts_with('-') { t.to_owned() } else { "0".to_owned() };
    let mut timers_seen = false;
    let word = |w: &str| match !timers_seen
        && w.matches('/').count() >= 2
        && !w.contains(|c: char| c.is_alphabetic())
    {
        true => {
            timers_seen = true;
            w.split('/').map(zero).collect::<Vec<_>>().join("/")
        }
        false => w.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_request_passes_with_its_bytes_order_and_case() {
    let o = Origin::fixed(OK);
    let p = proxy("", "", &o);
    let mut c = p.connect();
    c.send(b"GET /a?b HTTP/1.1\r\nHOST: x\r\nX-Two:  v \r\nx-tWo: w\r\n\r\n");
    assert_eq!(c.until("ok"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(o.requests(), ["GET /a?b HTTP/1.1\r\nHOST: x\r\nX-Two: v\r\nx-tWo: w\r\n\r\n"]);
    let line = untimed(&p.log_line());
    assert!(line.contains("] f b/s 0/0/0/0/0 200 51 - - ---- 1/1/0/0/0 0/0 \"GET /a?b HTTP/1.1\""), "{line}");
}

#[test]
fn a_session_keeps_both_connections() {
    let o = Origin::fixed(OK);
    let p = proxy("", "", &o);
    let mut c = p.connect();
    for _ in 0..5 {
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        c.until("ok");
    }
    assert_eq!(o.accepted.load(SeqCst), 1);
}

#[test]
fn the_first_request_of_a_session_opens_its_own_connection_unless_always() {
    for (reuse, want) in [("safe", 3), ("always", 1), ("never", 3)] {
        let o = Origin::fixed(OK);
        let p = proxy("", &format!("  http-reuse {reuse}"), &o);
        for _ in 0..3 {
            let mut c = p.connect();
            for _ in 0..2 {
                c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
                c.until("ok");
            }
            c.0.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(c.rest(), "");
        }
        assert_eq!(o.accepted.load(SeqCst), want, "{reuse}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let o = Origin::start(|req, c| {
        let path = req.split(' ').nth(1).unwrap_or("");
        write!(c, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len()).is_ok()
    });
    let p = proxy("", "", &o);
    let mut c = p.connect();
    c.send(b"POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nConnection: close\r\n\r\n");
    let all = c.rest();
    let bodies: Vec<_> = all.match_indices("\r\n\r\n").map(|(i, _)| &all[i + 4..i + 6]).collect();
    assert_eq!(bodies, ["/1", "/2", "/3"]);
    assert!(all.contains("Content-Length: 2\r\nconnection: close\r\n\r\n/3"));
    assert_eq!(o.requests()[0], "POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
}

#[test]
fn chunked_bodies_pass_both_ways_without_extensions_and_with_trailers() {
    let o = Origin::fixed(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: v\r\n\r\n",
    );
    let p = proxy("", "", &o);
    let mut c = p.connect();
    c.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3 ;x=y\r\nab");
    std::thread::sleep(Duration::from_millis(50));
    c.send(b"c\r\n0\r\n\r\n");
    let got = c.until("T: v\r\n\r\n");
    assert_eq!(got, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n");
    assert_eq!(o.requests(), ["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]);
}

#[test]
fn long_bodies_arrive_whole_in_both_directions() {
    let o = Origin::start(|req, c| {
        let body = req.split("\r\n\r\n").nth(1).unwrap_or("").to_owned();
        write!(c, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).is_ok()
    });
    let p = proxy("", "", &o);
    let body: String = (0..3_000_000u32).map(|i| char::from(b'a' + (i % 1009 % 23) as u8)).collect();
    let mut c = p.connect();
    let mut writer = Client(c.0.try_clone().unwrap());
    let sent = body.clone();
    let t = std::thread::spawn(move || {
        writer.send(
            format!("POST / HTTP/1.1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", sent.len())
                .as_bytes(),
        );
        writer.send(sent.as_bytes());
    });
    let got = c.rest();
    t.join().unwrap();
    let (head, answer) = got.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(answer == body, "{} bytes of {}", answer.len(), body.len());
}

#[test]
fn refused_requests_get_the_page_and_the_flags() {
    let o = Origin::fixed(OK);
    let p = proxy("", "", &o);
    for (raw, status, line) in [
        (&b"GET /\r\n\r\n"[..], "HTTP/1.1 400 Bad request\r\n", "f f/<NOSRV> -1/-1/-1/-1/0 400 "),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.1 422 Unprocessable", "422 "),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 ", "400 "),
    ] {
        let got = p.exchange(raw);
        assert!(got.starts_with(status) && got.contains("cache-control: no-cache\r\n"), "{got}");
        let logged = untimed(&p.log_line());
        assert!(logged.contains(line) && logged.contains(" PR-- "), "{logged}");
    }
    assert!(o.requests().is_empty());
}

#[test]
fn a_dead_server_is_503_and_keeps_the_client() {
    let o = Origin::fixed(OK);
    let p = Proxy::start(&format!(
        "{DEFAULTS}
listen f
  bind 127.0.0.1:1
  log @LOG@ local0
  option httplog
  retries 1
  timeout connect 50ms
  server dead 127.0.0.1:1
  server s {} disabled
",
        o.address
    ));
    let mut c = p.connect();
    c.send(b"GET / HTTP/1.1\r\n\r\n");
    let got = c.until("</html>\n");
    assert!(got.starts_with("HTTP/1.1 503 Service Unavailable\r\ncontent-length: "), "{got}");
    assert!(!got.contains("close"), "{got}");
    let line = untimed(&p.log_line());
    assert!(line.contains(" SC-- ") && line.contains("/1 0/0 "), "{line}");
}

#[test]
fn bad_answers_are_502() {
    for (raw, flags) in [
        (&b"junk junk\r\n\r\n"[..], "PH"),
        (b"", "SH"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "PH"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "PH"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "PH"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "PH"),
    ] {
        let o = Origin::start(move |_, c| {
            c.write_all(raw).unwrap();
            false
        });
        let p = proxy("", "", &o);
        let mut c = p.connect();
        c.send(b"GET / HTTP/1.1\r\n\r\n");
        let got = c.until("</html>\n");
        assert!(got.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{got}");
        let line = untimed(&p.log_line());
        assert!(
            line.contains(&format!(" {flags}-- "))
                && line.contains("/0/0/-1/")
                && line.contains(" 502 0 - - "),
            "{line}"
        );
    }
}

#[test]
fn an_answer_cut_short_closes_the_client() {
    let o = Origin::start(|_, c| {
        c.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nabc").unwrap();
        false
    });
    let p = proxy("", "", &o);
    let got = p.exchange(b"GET / HTTP/1.1\r\n\r\n");
    assert!(got.ends_with("\r\n\r\nabc"), "{got}");
    assert!(p.log_line().contains(" SD-- "));
}

#[test]
fn informational_answers_pass_and_100_continue_works() {
    let o = Origin::start(|_, c| {
        c.write_all(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .is_ok()
    });
    let p = proxy("", "", &o);
    let mut c = p.connect();
    c.send(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(
        c.until("0\r\n\r\n"),
        "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    );
    let mut c = p.connect();
    c.send(b"GET / HTTP/1.0\r\n\r\n");
    assert!(c.rest().starts_with("HTTP/1.1 200 OK\r\n"), "HTTP/1.0 knows no informational answers");
}

#[test]
fn an_upgrade_becomes_a_tunnel() {
    let l = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = l.local_addr().unwrap();
    let t = std::thread::spawn(move || {
        let mut c = Client(l.accept().unwrap().0);
        let head = c.until("\r\n\r\n");
        assert!(head.contains("Connection: upgrade\r\nUpgrade: foo\r\n"), "{head}");
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nhello");
        assert_eq!(c.until("ping"), "earlyping");
        c.send(b"pong");
        assert_eq!(c.rest(), "bye");
        c.send(b"last");
    });
    let o = Origin::fixed(OK);
    let p = Proxy::start(&format!(
        "{DEFAULTS}\nlisten f\n  bind 127.0.0.1:1\n  timeout tunnel 10s\n  server s {address}\n"
    ));
    drop(o);
    let mut c = p.connect();
    c.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nearly");
    let got = c.until("hello");
    assert_eq!(got, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nhello");
    c.send(b"ping");
    assert_eq!(c.until("pong"), "pong");
    c.send(b"bye");
    c.0.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(c.rest(), "last", "half-closed: the other direction lives on");
    t.join().unwrap();
}

#[test]
fn head_and_304_have_no_body() {
    let o = Origin::start(|req, c| {
        let answer: &[u8] = match req.starts_with("HEAD") {
            true => b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n",
            false => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 30\r\n\r\n",
        };
        c.write_all(answer).is_ok()
    });
    let p = proxy("", "", &o);
    let mut c = p.connect();
    c.send(b"HEAD / HTTP/1.1\r\n\r\n");
    assert_eq!(c.until("\r\n\r\n"), "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n");
    c.send(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(c.until("\r\n\r\n"), "HTTP/1.1 304 Not Modified\r\nContent-Length: 30\r\n\r\n");
    assert_eq!(o.accepted.load(SeqCst), 1);
}

#[test]
fn time_outs_answer_as_haproxy_does() {
    let slow = Origin::start(|_, _| {
        std::thread::sleep(Duration::from_millis(700));
        true
    });
    let p = proxy(
        "  timeout http-request 150ms\n  timeout http-keep-alive 100ms",
        "  timeout server 150ms",
        &slow,
    );
    let got = p.exchange(b"GET / HT");
    assert!(got.starts_with("HTTP/1.1 408 Request Time-out\r\n"), "{got}");
    assert!(p.log_line().contains(" cR-- "));
    let mut c = p.connect();
    c.send(b"GET / HTTP/1.1\r\n\r\n");
    let got = c.until("</html>\n");
    assert!(got.starts_with("HTTP/1.1 504 Gateway Time-out\r\n"), "{got}");
    let line = untimed(&p.log_line());
    assert!(line.contains(" sH-- ") && line.contains(" 504 "), "{line}");
    assert_eq!(c.rest(), "", "an idle connection ends without a word");
}

#[test]
fn server_close_and_httpclose() {
    let o = Origin::fixed(OK);
    let p = proxy("", "  option http-server-close", &o);
    let mut c = p.connect();
    for _ in 0..2 {
        c.send(b"GET / HTTP/1.1\r\n\r\n");
        assert!(!c.until("ok").contains("close"));
    }
    assert_eq!(o.accepted.load(SeqCst), 2);
    assert!(o.requests()[0].contains("connection: close\r\n"));
    let o = Origin::fixed(OK);
    let p = proxy("  option httpclose", "", &o);
    let got = p.exchange(b"GET / HTTP/1.1\r\n\r\n");
    assert!(got.contains("connection: close\r\n\r\nok"), "{got}");
}

#[test]
fn a_connection_that_died_idle_does_not_cost_the_request() {
    let o = Origin::start(|req, c| {
        c.write_all(OK).unwrap();
        req.contains("/keep")
    });
    let p = proxy("", "", &o);
    let mut c = p.connect();
    for _ in 0..3 {
        c.send(b"GET / HTTP/1.1\r\n\r\n");
        c.until("ok");
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(o.accepted.load(SeqCst), 3);
}

#[test]
fn forwarded_for_and_rules_and_switching() {
    let o = Origin::fixed(OK);
    let p = proxy(
        "  option forwardfor header X-Client\n  http-request set-header X-A %[path]\n  http-request deny deny_status 429 if { path_beg -i /No }\n  http-request redirect location /there code 301 if { path /go }",
        "  http-response set-header X-B c",
        &o,
    );
    let mut c = p.connect();
    c.send(b"GET /yes HTTP/1.1\r\n\r\n");
    assert!(c.until("ok").contains("\r\nX-B: c\r\n"));
    assert!(o.requests()[0].contains("X-A: /yes\r\nX-Client: 127.0.0.1\r\n"), "{}", o.requests()[0]);
    p.log_line();
    c.send(b"GET /nO HTTP/1.1\r\n\r\n");
    assert!(c.until("</html>\n").starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
    let line = untimed(&p.log_line());
    assert!(line.contains(" f f/<NOSRV> ") && line.contains(" PR-- "), "{line}");
    c.send(b"GET /go HTTP/1.1\r\n\r\n");
    assert!(c.until("\r\n\r\n").contains("location: /there\r\n"));
    assert!(p.log_line().contains(" LR-- "));
}

#[test]
fn cookies_stick() {
    let a = Origin::fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nAA");
    let b = Origin::fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nBB");
    let p = Proxy::start(&format!(
        "{DEFAULTS}
listen f
  bind 127.0.0.1:1
  balance roundrobin
  cookie SRV insert indirect nocache
  server a {} cookie ca
  server b {} cookie cb
",
        a.address, b.address
    ));
    let got = p.exchange(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(got.contains("set-cookie: SRV=c"), "{got}");
    for _ in 0..3 {
        let got = p.exchange(b"GET / HTTP/1.1\r\nConnection: close\r\nCookie: x=y; SRV=cb\r\n\r\n");
        assert!(got.ends_with("BB"), "{got}");
    }
    assert!(b.requests().iter().any(|r| r.contains("Cookie: x=y\r\n")), "{:?}", b.requests());
}

#[test]
fn tcp_mode_relays_and_half_closes() {
    let l = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = l.local_addr().unwrap();
    let t = std::thread::spawn(move || {
        let mut c = Client(l.accept().unwrap().0);
        c.send(b"banner");
        assert_eq!(c.rest(), "hello");
        c.send(b"bye");
    });
    let p = Proxy::start(&format!(
        "{DEFAULTS}\nlisten f\n  mode tcp\n  log @LOG@ local0\n  option tcplog\n  bind 127.0.0.1:1\n  server s {address}\n"
    ));
    let mut c = p.connect();
    assert_eq!(c.until("banner"), "banner");
    c.send(b"hello");
    c.0.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(c.rest(), "bye");
    t.join().unwrap();
    let line = untimed(&p.log_line());
    assert!(line.contains(" f f/s 0/0/") && line.contains(" 9 -- 1/1/0/0/0 0/0"), "{line}");
}

#[test]
fn the_stats_page_asks_for_its_password_and_is_served() {
    let o = Origin::fixed(OK);
    let p = proxy("  stats enable\n  stats uri /st\n  stats realm R\n  stats auth u:p", "", &o);
    let mut c = p.connect();
    c.send(b"GET /st HTTP/1.1\r\n\r\n");
    let got = c.until("</html>\n");
    assert!(got.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{got}");
    assert!(got.contains("www-authenticate: Basic realm=\"R\"\r\n"), "{got}");
    let got = p.exchange(b"GET /st;csv HTTP/1.1\r\nConnection: close\r\nAuthorization: Basic dTpw\r\n\r\n");
    assert!(got.contains("\r\n\r\n# pxname,svname,qcur") && got.contains("\nb,s,"), "{got}");
    assert!(o.requests().is_empty());
}

#[test]
fn error_files_and_denied_answers_follow_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("503.http");
    std::fs::write(&file, "HTTP/1.0 503 Gone fishing\r\nX-Own: y\r\nConnection: close\r\n\r\nback soon")
        .unwrap();
    let p = Proxy::start(&format!(
        "{DEFAULTS}\nlisten f\n  bind 127.0.0.1:1\n  errorfile 503 {}\n",
        file.display()
    ));
    let got = p.exchange(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(got.starts_with("HTTP/1.") && got.contains(" 503 Gone fishing\r\nX-Own: y\r\n"), "{got}");
    assert!(got.ends_with("\r\n\r\nback soon"), "{got}");
}

#[test]
fn a_full_server_makes_requests_wait_and_the_queue_time_out_answers() {
    let slow = Origin::start(|_, c| {
        std::thread::sleep(Duration::from_millis(400));
        c.write_all(OK).is_ok()
    });
    let p = Proxy::start(&format!(
        "{DEFAULTS}
listen f
  bind 127.0.0.1:1
  log @LOG@ local0
  option httplog
  timeout queue 100ms
  server s {} maxconn 1
",
        slow.address
    ));
    let mut first = p.connect();
    first.send(b"GET /1 HTTP/1.1\r\n\r\n");
    std::thread::sleep(Duration::from_millis(100));
    let mut second = p.connect();
    second.send(b"GET /2 HTTP/1.1\r\n\r\n");
    let got = second.until("</html>\n");
    assert!(got.starts_with("HTTP/1.1 503 "), "{got}");
    let line = p.log_line();
    assert!(line.contains(" f/<NOSRV> ") && line.contains(" sQ-- ") && line.contains(" 0/1 "), "{line}");
    first.until("ok");
}

#[test]
fn early_answers_reach_a_client_that_still_sends() {
    let l = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = l.local_addr().unwrap();
    let t = std::thread::spawn(move || {
        let mut c = Client(l.accept().unwrap().0);
        c.until("\r\n\r\n");
        c.send(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno");
    });
    let p = Proxy::start(&format!("{DEFAULTS}\nlisten f\n  bind 127.0.0.1:1\n  server s {address}\n"));
    let mut c = p.connect();
    c.send(b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
    assert!(c.until("\r\n\r\nno").starts_with("HTTP/1.1 413 No\r\n"));
    t.join().unwrap();
}

#[test]
fn a_worker_drains_and_tells_and_ends_streams() {
    let slow = Origin::start(|_, c| {
        std::thread::sleep(Duration::from_millis(300));
        c.write_all(OK).is_ok()
    });
    let p = proxy("", "", &slow);
    let mut busy = p.connect();
    busy.send(b"GET / HTTP/1.1\r\n\r\n");
    let mut killed = p.connect();
    killed.send(b"GET / HTTP/1.1\r\n\r\n");
    let mut idle = p.connect();
    std::thread::sleep(Duration::from_millis(100));
    let sessions = {
        let (reply, answer) = tokio::sync::oneshot::channel();
        p.tell(WorkerCommand::Sessions { reply });
        answer.blocking_recv().unwrap()
    };
    assert_eq!(sessions.len(), 3, "{sessions:?}");
    let one = sessions.iter().find(|s| s.src == killed.0.local_addr().unwrap().to_string()).unwrap();
    assert_eq!(
        (&*one.frontend, &*one.backend, &*one.server, one.phase),
        ("f", "b", "s", "waiting for response")
    );
    p.tell(WorkerCommand::Shutdown { which: Which::Stream(one.id) });
    assert_eq!(killed.rest(), "");
    p.tell(WorkerCommand::Drain);
    assert!(busy.until("ok").contains("connection: close\r\n"), "a draining process keeps no connection");
    assert_eq!(busy.rest(), "");
    idle.0.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(idle.rest(), "");
    assert!(std::net::TcpStream::connect(p.address(0)).is_err(), "nobody listens any more");
}
