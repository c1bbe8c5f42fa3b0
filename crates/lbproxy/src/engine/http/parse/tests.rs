//! What is taken and what is refused, byte by byte. The verdicts are those of HAProxy 3.5 except where a comment
//! says that the stricter reading was taken.

use proptest::prelude::*;

use super::*;

fn parse(raw: &[u8]) -> Result<Head, Reject> {
    let mut head = Head::default();
    match request(raw, &Limits::default(), &mut head)? {
        Outcome::Complete(n) => {
            assert_eq!(n, raw.len(), "the whole input is one head");
            Ok(head)
        }
        Outcome::Partial => panic!("partial: {}", String::from_utf8_lossy(raw)),
    }
}

fn verdict(raw: &[u8]) -> Result<(), Reject> {
    let mut head = Head::default();
    request(raw, &Limits::default(), &mut head).map(|_| ())
}

#[test]
fn order_case_and_bytes_of_fields_stay() {
    let h =
        parse(b"GET /a?b HTTP/1.1\r\nHOST: x\r\nX-Two:  \tv w \t\r\nx-tWo: \x80\r\nEmpty:\r\n\r\n").unwrap();
    assert_eq!((h.method(), h.uri(), h.version), (&b"GET"[..], &b"/a?b"[..], Version::H11));
    let all: Vec<_> = h.headers().collect();
    let want: [(&[u8], &[u8]); 4] =
        [(b"HOST", b"x"), (b"X-Two", b"v w"), (b"x-tWo", b"\x80"), (b"Empty", b"")];
    assert_eq!(all, want);
}

#[test]
fn requests_that_are_taken() {
    for raw in [
        &b"GET / HTTP/1.1\nHost: a\n\n"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"\r\n\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET  /a  HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a HTTP/1.2\r\nHost: a\r\n\r\n",
        b"GET http://a/y HTTP/1.1\r\nHost: A\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        b"GET /\"<>\\^`{|} HTTP/1.1\r\nHost: a\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert!(parse(raw).is_ok(), "{} {:?}", String::from_utf8_lossy(raw), verdict(raw));
    }
}

#[test]
fn requests_that_are_refused_each_for_its_reason() {
    let cases: &[(&[u8], Reject)] = &[
        (b"GET /\r\n\r\n", Reject::StartLine),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Reject::Host),
        (b"GET http://x/y HTTP/1.1\r\nHost: a\r\n\r\n", Reject::Host),
        (b"GET http://a:81/y HTTP/1.1\r\nHost: a\r\n\r\n", Reject::Host),
        (b"GET http://u@v@a/y HTTP/1.1\r\nHost: a\r\n\r\n", Reject::Target),
        (b"GET http://u@a/y HTTP/1.1\r\nHost: u@a\r\n\r\n", Reject::Host),
        (b"GET http:///y HTTP/1.1\r\nHost: \r\n\r\n", Reject::Target),
        (b"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", Reject::Host),
        (b"CONNECT a:8443 HTTP/1.1\r\nHost: a\r\n\r\n", Reject::Host),
        (b"CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", Reject::Target),
        (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Reject::Target),
        (b"GET /a\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", Reject::Target),
        (b"GET /a\x80 HTTP/1.1\r\nHost: a\r\n\r\n", Reject::StartLine),
        // The stricter reading: only the HTTP/2 preface may say 2.0, and 0.9 has no version at all.
        (b"GET /a HTTP/2.0\r\nHost: a\r\n\r\n", Reject::Version),
        (b"GET /a HTTP/0.9\r\nHost: a\r\n\r\n", Reject::Version),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", Reject::Version),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", Reject::HeaderField),
        (b"GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n", Reject::HeaderField),
        (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", Reject::Fold),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", Reject::HeaderField),
        // The stricter reading: RFC 9110 section 5.5 calls other control characters invalid too.
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n", Reject::HeaderField),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", Reject::HeaderField),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX\x80: a\r\n\r\n", Reject::HeaderField),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX(: a\r\n\r\n", Reject::HeaderField),
        (b"GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", Reject::HeaderField),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", Reject::Host),
        (b"CONNECT /a HTTP/1.1\r\nHost: b:443\r\n\r\n", Reject::Target),
        (b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", Reject::Target),
        (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", Reject::Target),
        (b"G<T / HTTP/1.1\r\nHost: a\r\n\r\n", Reject::StartLine),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Reject::Host),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Reject::Host),
        (b"GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", Reject::Host),
        (b"GET / http/1.1\r\nHost: a\r\n\r\n", Reject::Version),
        (b"GET /\tx HTTP/1.1\r\nHost: a\r\n\r\n", Reject::StartLine),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", Reject::StartLine),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Reject::Http2),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            Reject::WebSocketKey,
        ),
    ];
    for (raw, want) in cases {
        assert_eq!(verdict(raw), Err(*want), "{}", String::from_utf8_lossy(raw));
    }
}

#[test]
fn folded_lines_are_unfolded_with_spaces() {
    let h = parse(b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\tc\r\nY: z\r\n\r\n").unwrap();
    assert_eq!(h.header(b"x"), Some(&b"a   b  \tc"[..]));
    assert_eq!(h.header(b"y"), Some(&b"z"[..]));
    let mut head = Head::default();
    let part = b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b";
    assert_eq!(request(part, &Limits::default(), &mut head), Ok(Outcome::Partial));
}

#[test]
fn equal_hosts_become_one_and_default_ports_go_in_absolute_form() {
    let h = parse(b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(h.values(HeaderId::Host, b"").count(), 1);
    let h = parse(b"GET http://a:80/y?z HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(h.uri(), b"http://a/y?z");
}

/// The spellings that HAProxy 3.5 sends on: target and Host for target and Host.
#[test]
fn absolute_targets_and_their_hosts_have_one_spelling() {
    for (method, uri, host, want_uri, want_host) in [
        ("GET", "http://u:p@a:80/x", "a:80", "http://u:p@a/x", "a"),
        ("GET", "http://a:8080/x", "a:8080", "http://a:8080/x", "a:8080"),
        ("GET", "https://a:443/x", "a", "https://a/x", "a"),
        ("GET", "https://a:80/x", "a:80", "https://a:80/x", "a:80"),
        ("GET", "http://a/x", "a:80", "http://a/x", "a:80"),
        ("GET", "http://a/x", "a:", "http://a/x", "a:"),
        ("GET", "http://a:/x", "a:80", "http://a/x", "a"),
        ("GET", "http://:", ":80", "http:///", ""),
        ("GET", "http://a:80", "a", "http://a/", "a"),
        ("GET", "http://a:81", "a:81", "http://a:81/", "a:81"),
        ("GET", "http://a:80?c=d", "a:80", "http://a?c=d", "a"),
        ("OPTIONS", "http://a", "a", "http://a", "a"),
        ("CONNECT", "a:80", "a:80", "a:80", "a"),
        ("CONNECT", "a:443", "a:443", "a:443", "a"),
        ("CONNECT", "a:443", "a:", "a:443", "a:"),
        ("CONNECT", "a:8443", "a:8443", "a:8443", "a:8443"),
    ] {
        let h = parse(format!("{method} {uri} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
        let got = (h.uri(), h.known(HeaderId::Host).unwrap());
        assert_eq!(got, (want_uri.as_bytes(), want_host.as_bytes()), "{method} {uri} {host}");
    }
}

fn relaxed(raw: &[u8]) -> Result<Head, Reject> {
    let mut head = Head::default();
    let limits = Limits { accept_unsafe: true, ..Limits::default() };
    match request(raw, &limits, &mut head)? {
        Outcome::Complete(_) => Ok(head),
        Outcome::Partial => panic!("partial: {}", raw.escape_ascii()),
    }
}

/// What HAProxy 3.5 takes with `option accept-unsafe-violations-in-http-request`, and what it does not.
#[test]
fn unsafe_violations_are_overlooked_where_the_configuration_says_so() {
    let host = |rest: &[u8]| [&b"GET / HTTP/1.1\r\nHost: a\r\n"[..], rest, b"\r\n\r\n"].concat();
    for dropped in [&b"X : a"[..], b"X\0: a", b"X\x80: a", b"X{: a", b"X\r: a"] {
        let h = relaxed(&host(dropped)).unwrap();
        assert_eq!((h.len(), h.tolerated), (1, Some(Reject::HeaderField)), "{}", dropped.escape_ascii());
    }
    assert_eq!(relaxed(&host(b"X: a\0b")).unwrap().header(b"x"), Some(&b"a\0b"[..]));
    let no_host = relaxed(b"GET / HTTP/1.1\r\n Host: a\r\n\r\n").unwrap();
    assert!(no_host.is_empty());
    for (line, version, text) in [
        (&b"GET /a#b HTTP/1.1"[..], Version::H11, &b"HTTP/1.1"[..]),
        (b"GET /a\x80 HTTP/1.1", Version::H11, b"HTTP/1.1"),
        (b"GET http://b/ HTTP/1.1", Version::H11, b"HTTP/1.1"),
        (b"CONNECT a HTTP/1.1", Version::H11, b"HTTP/1.1"),
        (b"GET / HTTP/2.0", Version::H11, b"HTTP/1.1"),
        (b"GET / RTSP/1.0", Version::H10, b"RTSP/1.0"),
        (b"GET / HTTP/1.10", Version::H10, b"HTTP/1.10"),
        (b"GET /", Version::H10, b"HTTP/1.0"),
        (b"GET\t/\tHTTP/1.1", Version::H11, b"HTTP/1.1"),
    ] {
        let h = relaxed(&[line, b"\r\nHost: a\r\n\r\n"].concat()).unwrap();
        assert_eq!((h.version, h.version_text()), (version, text), "{}", line.escape_ascii());
    }
    for still in [&b"X: a\rb"[..], b": a", b"nocolon", b"Host: b"] {
        assert!(relaxed(&host(still)).is_err(), "{}", still.escape_ascii());
    }
    for still in [
        &b"GET / http/1.1"[..],
        b"GET /a b HTTP/1.1",
        b"GET /\0 HTTP/1.1",
        b"CONNECT /a HTTP/1.1",
        b"GET a HTTP/1.1",
    ] {
        assert!(relaxed(&[still, b"\r\nHost: a\r\n\r\n"].concat()).is_err(), "{}", still.escape_ascii());
    }
    assert_eq!(relaxed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().tolerated, None);
}

/// The positions that HAProxy 3.5 shows for the same bytes.
#[test]
fn the_offending_byte_is_found() {
    let host = "GET / HTTP/1.1\r\nHost: a\r\n";
    let post = "POST / HTTP/1.1\r\nHost: a\r\n";
    for (raw, at) in [
        (format!("{host}X: a\rb\r\n\r\n"), 30),
        (format!("{host}X: a\0b\r\n\r\n"), 29),
        (format!("{host}X : a\r\n\r\n"), 26),
        (format!("{host}: a\r\n\r\n"), 25),
        (format!("{host}abc\r\n\r\n"), 28),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n".into(), 16),
        (format!("{post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n"), 61),
        (format!("{post}Content-Length: +2\r\n\r\n"), 42),
        (format!("{post}Transfer-Encoding: chunked, gzip\r\n\r\n"), 45),
        (format!("{post}Transfer-Encoding: gzip, chunked\r\n\r\n"), 62),
        ("GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n".into(), 6),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n".into(), 6),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n".into(), 4),
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n".into(), 30),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), 31),
        ("GET /\r\nHost: a\r\n\r\n".into(), 5),
        ("GET / HTTP/1.10\r\n\r\n".into(), 6),
        ("GET / HTTP/1.1 \r\n\r\n".into(), 14),
        ("\rGET / HTTP/1.1\r\n\r\n".into(), 1),
        ("G@T / HTTP/1.1\r\n\r\n".into(), 1),
    ] {
        let raw = raw.as_bytes();
        let reject = verdict(raw).err().or_else(|| {
            crate::engine::http::framing::request(&parse(raw).unwrap(), Default::default()).err()
        });
        let at_found = locate(raw, &Limits::default(), reject.unwrap(), true);
        assert_eq!(at_found, at, "{}", raw.escape_ascii());
    }
}

#[test]
fn limits_hold() {
    let mut head = Head::default();
    let many = [&b"GET / HTTP/1.1\r\n"[..], &b"X: a\r\n".repeat(102), b"\r\n"].concat();
    assert_eq!(request(&many, &Limits::default(), &mut head), Err(Reject::TooManyHeaders));
    let some = [&b"GET / HTTP/1.1\r\n"[..], &b"X: a\r\n".repeat(100), b"\r\n"].concat();
    assert_eq!(request(&some, &Limits::default(), &mut head), Ok(Outcome::Complete(some.len())));
    let long = [&b"GET / HTTP/1.1\r\nX: "[..], &b"a".repeat(20_000)].concat();
    assert_eq!(request(&long, &Limits::default(), &mut head), Err(Reject::TooLong));
    let wide = Limits { headers_max: 500, ..Limits::default() };
    assert_eq!(request(&many, &wide, &mut head), Ok(Outcome::Complete(many.len())));
}

#[test]
fn responses() {
    let mut h = Head::default();
    let mut go =
        |raw: &[u8]| response(raw, &Limits::default(), &mut h).map(|o| (o, h.status, h.reason().to_vec()));
    let ok = |n, s, r: &[u8]| Ok((Outcome::Complete(n), s, r.to_vec()));
    assert_eq!(go(b"HTTP/1.1 200 OK\r\n\r\n"), ok(19, 200, b"OK"));
    assert_eq!(go(b"HTTP/1.1 200\r\n\r\n"), ok(16, 200, b""));
    assert_eq!(go(b"HTTP/1.1  200 OK\r\n\r\n"), ok(20, 200, b"OK"));
    assert_eq!(go(b"HTTP/1.1 200 \x80 x\r\n\r\n"), ok(20, 200, b"\x80 x"));
    assert_eq!(go(b"HTTP/2.0 200 OK\r\n\r\n"), ok(19, 200, b"OK"));
    assert_eq!(go(b"HTTP/1.1 404 Not Found\nX: y\n z\n\n"), ok(32, 404, b"Not Found"));
    assert_eq!(go(b"HTTP/1.1 099 X\r\n\r\n"), Err(Reject::StartLine));
    assert_eq!(go(b"junk junk\r\n\r\n"), Err(Reject::Version));
    assert_eq!(go(b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n"), Err(Reject::HeaderField));
}

#[test]
fn a_slow_head_is_looked_at_only_when_it_may_be_whole() {
    let raw = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for seen in 0..raw.len() {
        assert!(may_be_complete(raw, seen), "{seen}");
    }
    assert!(!may_be_complete(&raw[..raw.len() - 1], 3));
}

proptest! {
    /// Cutting a request anywhere never turns it into another one: it is partial until its last byte.
    #[test]
    fn no_prefix_of_a_head_is_a_head(cut in 0usize..52) {
        let raw = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nA: b\r\n\r\n";
        let mut head = Head::default();
        prop_assert_eq!(request(&raw[..cut], &Limits::default(), &mut head), Ok(Outcome::Partial));
    }

    /// Arbitrary bytes are answered, never a panic; and what is taken holds no line break.
    #[test]
    fn arbitrary_bytes(raw in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b' '), Just(b':'), any::<u8>()], 0..200)) {
        let mut head = Head::default();
        let line = [&b"GET / HTTP/1.1\r\n"[..], &raw, b"\r\n\r\n"].concat();
        if let Ok(Outcome::Complete(_)) = request(&line, &Limits::default(), &mut head) {
            for (n, v) in head.headers() {
                prop_assert!(crate::engine::http::message::valid_name(n));
                prop_assert!(crate::engine::http::message::valid_value(v));
            }
        }
        let _ = request(&raw, &Limits::default(), &mut head);
        let _ = response(&raw, &Limits::default(), &mut head);
    }
}
