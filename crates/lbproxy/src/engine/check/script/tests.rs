//! Scripts against canned servers: outcomes as HAProxy 3.5 showed them for the same answers.

use super::*;
use crate::engine::sample::NoWorld;

/// What the server does after the connection stands.
enum Server<'a> {
    /// Sends this, once something was sent to it or at once, then closes.
    Answer(&'a str),
    /// Sends this and stays.
    Stay(&'a str),
    Reset,
    Refuse,
}

/// Nothing around the check.
fn alone() -> Around<'static> {
    Around { names: Names::default(), world: &NoWorld, unique_id: None, now_us: 0, seed: 0 }
}

fn run(spec: &Spec, server: &Server<'_>) -> (Outcome, Vec<String>) {
    let program = Program::new(spec);
    let mut run = Run::new(&program, spec, None, alone());
    let mut sent = Vec::new();
    let mut told = false;
    let mut action = run.next_action();
    for _ in 0..50 {
        action = match action {
            Action::Done(o) => return (o, sent),
            Action::Connect(t) => {
                if matches!(server, Server::Refuse) || t.port == Some(1) {
                    let refused = Failure::Connection("refused".into());
                    return (run.failed(&refused), sent);
                }
                told = false;
                run.transport_ready();
                run.connected()
            }
            Action::Send(b) => {
                sent.push(String::from_utf8_lossy(&b).into_owned());
                run.sent()
            }
            Action::Receive => match server {
                Server::Answer(a) | Server::Stay(a) if !told && !a.is_empty() => {
                    told = true;
                    run.received(a.as_bytes())
                }
                Server::Answer(_) => run.received(b""),
                Server::Stay(_) => return (run.failed(&Failure::Timeout), sent),
                _ => return (run.failed(&Failure::Connection("reset".into())), sent),
            },
        };
    }
    panic!("the script does not end");
}

fn http(steps: Vec<Step>) -> Spec {
    Spec { script: Script::Http(steps), ..Spec::default() }
}

fn tcp(steps: Vec<Step>) -> Spec {
    Spec { script: Script::Tcp(steps), ..Spec::default() }
}

fn want(what: What) -> Step {
    Step::Expect(expect(what))
}

fn not(what: What) -> Step {
    Step::Expect(Expect { negated: true, ..expect(what) })
}

fn text(s: &str) -> What {
    What::String(s.into())
}

fn re(s: &str) -> regex::bytes::Regex {
    regex::bytes::Regex::new(s).unwrap()
}

fn send(s: &str) -> Step {
    Step::Send(Send::Bytes { bytes: s.into(), comment: None })
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Foo: a, bar ,c\r\n\r\nhello";

#[test]
fn http_answers_and_what_is_said_of_them() {
    use Server::{Answer, Stay};
    use Status::*;
    let head = |name: NameMatch, value: &str, full: bool| {
        want(What::Header { name, value: Some((NameMatch::Exact(value.into()), full)) })
    };
    let exact = || NameMatch::Exact("x-foo".into());
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    let found = "HTTP/1.1 302 F\r\nContent-Length: 0\r\n\r\n";
    let empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let cases: Vec<(Vec<Step>, Server<'_>, Status, u16, &str)> = vec![
        (vec![], Answer(OK), L7Ok, 200, ""),
        (vec![], Answer("HTTP/1.1 500 Oops Dude\r\n\r\n"), L7Sts, 500, "Oops Dude"),
        (
            vec![],
            Answer("HTTP/1.1 500\r\n\r\n"),
            L7Sts,
            500,
            "TCPCHK did not match content(status codes) at step 2",
        ),
        (vec![], Answer("HTTP/1.1 302 Found\r\n\r\n"), L7Ok, 302, ""),
        (vec![], Answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), L7Sts, 100, "Continue"),
        (vec![], Answer("garbage\r\n\r\n"), SockErr, 0, ""),
        (vec![], Stay("HTTP/1.1 200"), L7Tout, 0, ""),
        (vec![], Stay(""), L7Tout, 0, ""),
        (vec![], Server::Reset, SockErr, 0, "reset"),
        (vec![], Server::Refuse, L4Con, 0, "refused"),
        (vec![want(What::Status(vec![(200, 205), (301, 301)]))], Answer(found), L7Sts, 302, "F"),
        (vec![not(What::Status(vec![(200, 200)]))], Answer(OK), L7Sts, 200, "OK"),
        (vec![want(What::Rstatus(re("^3")))], Answer(OK), L7Sts, 200, "OK"),
        (vec![want(text("ell"))], Answer(OK), L7Ok, 200, ""),
        (vec![want(text("zzz"))], Answer(OK), L7Rsp, 200, "HTTP content check did not match"),
        (vec![not(text("ell"))], Answer(OK), L7Rsp, 200, "HTTP check matched unwanted content"),
        (vec![want(What::Rstring(re("h.*o$")))], Answer(OK), L7Ok, 200, ""),
        (
            vec![want(text("ell"))],
            Answer(empty),
            L7Rsp,
            200,
            "HTTP content check could not find a response body",
        ),
        (vec![want(text("hello"))], Answer(chunked), L7Ok, 200, ""),
        (vec![want(text("hello"))], Answer("HTTP/1.0 200 OK\r\n\r\nhello"), L7Ok, 200, ""),
        (vec![want(text("hello"))], Stay("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhel"), L7Tout, 0, ""),
        (vec![head(exact(), "bar", false)], Answer(OK), L7Ok, 200, ""),
        (vec![head(exact(), "baz", false)], Answer(OK), L7Sts, 200, "OK"),
        (vec![head(exact(), "a, bar ,c", true)], Answer(OK), L7Ok, 200, ""),
        (vec![head(NameMatch::Begin("X-F".into()), "c", false)], Answer(OK), L7Ok, 200, ""),
        (
            vec![want(What::Status(vec![(200, 200)])), want(text("zz"))],
            Answer(OK),
            L7Rsp,
            200,
            "HTTP content check did not match",
        ),
    ];
    for (steps, server, status, code, info) in cases {
        let asked = format!("{steps:?}");
        let (o, _) = run(&http(steps), &server);
        assert_eq!((o.status, o.code, o.info.as_str()), (status, code, info), "{asked}");
    }
}

#[test]
fn words_for_statuses_and_comments_of_expectations() {
    let with = |change: fn(&mut Expect)| {
        let mut e = expect(What::Status(vec![(201, 201)]));
        change(&mut e);
        run(&http(vec![Step::Expect(e)]), &Server::Answer(OK)).0
    };
    assert_eq!(with(|e| e.comment = Some("my comment".into())).info, "OK comment: my comment");
    assert_eq!(with(|e| e.error_status = Some("L7RSP".into())).status, Status::L7Rsp);
    let ok = with(|e| {
        e.negated = true;
        e.ok_status = Some("L7OKC".into());
    });
    assert_eq!(ok.status.verdict(), super::super::Verdict::Conditional);
    let mut gone = http(vec![]);
    gone.disable_on_404 = true;
    let o = run(&gone, &Server::Answer("HTTP/1.1 404 NF\r\n\r\n")).0;
    assert_eq!((o.status, o.code), (Status::L7OkCond, 404));
}

#[test]
fn requests_are_written_as_by_haproxy() {
    let request = |s: HttpSend| run(&http(vec![Step::Send(Send::Http(s))]), &Server::Answer(OK)).1.remove(0);
    assert_eq!(request(HttpSend::default()), "OPTIONS / HTTP/1.0\r\n\r\n");
    let full = HttpSend {
        method: "POST".into(),
        uri: "/y".into(),
        version: "HTTP/1.1".into(),
        headers: vec![("host".into(), "foo".into()), ("Content-Length".into(), "99".into())],
        body: "xyz".into(),
        comment: None,
    };
    assert_eq!(
        request(full),
        "POST /y HTTP/1.1\r\nhost: foo\r\nContent-Length: 3\r\nConnection: close\r\n\r\nxyz"
    );
    let mut hello = Spec { script: Script::SslHello, ..Spec::default() };
    hello.rise = 1;
    let program = Program::new(&hello);
    let mut r = Run::new(&program, &hello, None, alone());
    r.next_action();
    r.transport_ready();
    let Action::Send(b) = r.connected() else { panic!() };
    assert_eq!((b[..9].to_vec(), b.len()), (b"\x16\x03\x00\x00\x79\x01\x00\x00\x75".to_vec(), 126));
    assert!(b.ends_with(b"\x00\x3a\x01\x00"));
}

#[test]
fn several_exchanges_connect_anew_and_the_last_one_decides() {
    let steps = vec![
        Step::Connect(Connect::default()),
        Step::Send(Send::Http(HttpSend { uri: "/1".into(), ..HttpSend::default() })),
        want(What::Status(vec![(200, 200)])),
        Step::Connect(Connect::default()),
        Step::Send(Send::Http(HttpSend { uri: "/2".into(), ..HttpSend::default() })),
        want(What::Status(vec![(201, 201)])),
    ];
    let (o, sent) = run(&http(steps), &Server::Answer(OK));
    assert_eq!((o.status, sent.len()), (Status::L7Sts, 2));
    assert!(sent[1].starts_with("OPTIONS /2 HTTP/1.0\r\n"));
}

#[test]
fn tcp_scripts_and_what_is_said_of_them() {
    use Server::{Answer, Stay};
    use Status::*;
    let port = |p| Step::Connect(Connect { port: Some(p), ..Connect::default() });
    let cases: Vec<(Vec<Step>, Server<'_>, Status, &str)> = vec![
        (vec![], Answer(""), L4Ok, ""),
        (vec![want(text("hello"))], Stay("hello"), L7Ok, "(tcp-check)"),
        (vec![want(text("hello"))], Stay("no"), L7Tout, " at step 1 of tcp-check (expect string 'hello')"),
        (vec![want(text("hello"))], Answer("nohel"), L7Rsp, "TCPCHK did not match content 'hello' at step 1"),
        (vec![want(text("hello"))], Answer(""), L7Rsp, "TCPCHK got an empty response at step 1"),
        (
            vec![want(text("hello"))],
            Server::Reset,
            SockErr,
            "reset at step 1 of tcp-check (expect string 'hello')",
        ),
        (
            vec![not(text("hello"))],
            Stay("xhello"),
            L7Rsp,
            "TCPCHK matched unwanted content 'hello' at step 1",
        ),
        (vec![not(text("hello"))], Answer("other"), L7Ok, "(tcp-check)"),
        (
            vec![want(What::Rstring(re("^h.*o")))],
            Answer("yes"),
            L7Rsp,
            "TCPCHK did not match content (regex) at step 1",
        ),
        (
            vec![not(What::Rstring(re("y")))],
            Stay("yes"),
            L7Rsp,
            "TCPCHK matched unwanted content (regex) at step 1",
        ),
        (
            vec![want(What::Binary(b"hi".to_vec()))],
            Answer("ho"),
            L7Rsp,
            "TCPCHK did not match content (binary) at step 1",
        ),
        (vec![want(What::Rbinary(re("^686[89]")))], Stay("hi"), L7Ok, "(tcp-check)"),
        (
            vec![want(What::Rbinary(re("^686[78]")))],
            Answer("hi"),
            L7Rsp,
            "TCPCHK did not match content (binary regex) at step 1",
        ),
        (
            vec![send("foo"), want(text("hello"))],
            Stay(""),
            L7Tout,
            " at step 2 of tcp-check (expect string 'hello')",
        ),
        (
            vec![Step::Comment("a phase".into()), send("PING"), want(text("+PONG"))],
            Stay(""),
            L7Tout,
            " at step 3 of tcp-check (expect string '+PONG')",
        ),
        (
            vec![send("PING"), want(text("+PONG")), send("X"), want(text("foo"))],
            Answer("+PONG\r\n"),
            L7Rsp,
            "TCPCHK got an empty response at step 4",
        ),
        (vec![send("QUIT")], Answer("x"), L7Ok, "(tcp-check)"),
        (vec![port(1)], Server::Refuse, L4Con, "refused at step 1 of tcp-check (connect port 1)"),
    ];
    for (steps, server, status, info) in cases {
        let asked = format!("{steps:?}");
        let (o, _) = run(&tcp(steps), &server);
        assert_eq!((o.status, o.info.as_str()), (status, info), "{asked}");
    }
    let comment = Connect { port: Some(1), comment: Some("zzz".into()), ..Connect::default() };
    let steps = vec![Step::Connect(Connect::default()), Step::Connect(comment)];
    let o = run(&tcp(steps), &Server::Answer("")).0;
    assert_eq!(o.info, "refused at step 2 of tcp-check (connect port 1) comment: 'zzz'");
}

#[test]
fn tls_hello_and_failures_below_the_script() {
    let hello = Spec { script: Script::SslHello, ..Spec::default() };
    assert_eq!(run(&hello, &Server::Stay("\u{15}\u{3}")).0.status, Status::L6Ok);
    assert_eq!(run(&hello, &Server::Stay("")).0.status, Status::L6Tout);
    assert_eq!(run(&hello, &Server::Answer("HTTP")).0.status, Status::L6Rsp);
    let tls = Spec { ssl: true, ..Spec::default() };
    let program = Program::new(&tls);
    let mut r = Run::new(&program, &tls, None, alone());
    assert!(matches!(r.next_action(), Action::Connect(t) if t.ssl));
    assert_eq!(r.failed(&Failure::Timeout).status, Status::L4Tout);
    r.transport_ready();
    assert_eq!(r.failed(&Failure::Timeout).status, Status::L6Tout);
    let o = r.failed(&Failure::Handshake);
    assert_eq!((o.status, o.info.as_str()), (Status::L6Rsp, "SSL handshake failure"));
    assert_eq!(r.connected(), Action::Done(Outcome { status: Status::L6Ok, ..Outcome::default() }));
}

proptest::proptest! {
    /// Whatever a server sends, in whatever pieces, a script comes to an end and keeps no more than it may.
    #[test]
    fn any_answer_ends_a_check(
        pieces in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 1..60), 0..8),
        kind in 0..3,
    ) {
        let spec = match kind {
            0 => http(vec![want(text("x"))]),
            1 => tcp(vec![want(What::Rbinary(re("00")))]),
            _ => Spec { script: Script::SslHello, ..Spec::default() },
        };
        let program = Program::new(&spec);
        let mut r = Run::new(&program, &spec, None, alone());
        r.next_action();
        let mut action = r.connected();
        if matches!(action, Action::Send(_)) {
            action = r.sent();
        }
        for p in &pieces {
            if matches!(action, Action::Done(_)) {
                break;
            }
            action = r.received(p);
        }
        if !matches!(action, Action::Done(_)) {
            action = r.received(b"");
        }
        proptest::prop_assert!(matches!(action, Action::Done(_)), "{action:?}");
    }
}
