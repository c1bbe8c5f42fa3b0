//! What is forwarded, read again by ourselves and by hyper, is one and the same request.
//!
//! Requests are made from pieces that parsers are known to differ about, taken through the parser, the framing, the
//! head writer and the body machine as a stream would, and the bytes that come out are read twice: by the same code
//! and by hyper's server. Both must see what the proxy saw: method, target, fields but those of framing, body, and
//! where the next request begins.

use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use lbproxy::engine::http::{
    Head, HeaderId,
    body::Body,
    encode::{self, Transport},
    framing::{self, Policy},
    parse::{self, Limits, Outcome},
};
use proptest::prelude::*;

/// A request as somebody read it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Seen {
    method: String,
    target: String,
    /// Names in lower case; without those that say how the message is framed.
    fields: Vec<(String, Vec<u8>)>,
    /// Content, without trailers.
    body: Vec<u8>,
}

/// What a stream does with a request at the front of `raw`.
struct Forwarded {
    seen: Seen,
    bytes: Vec<u8>,
    /// Bytes of `raw` that belong to it.
    used: usize,
    closes: bool,
}

fn forward(raw: &[u8], limits: &Limits) -> Option<Forwarded> {
    let mut head = Head::default();
    let Ok(Outcome::Complete(n)) = parse::request(raw, limits, &mut head) else { return None };
    let facts = framing::request(&head, Policy::default()).ok()?;
    let mut bytes = Vec::new();
    encode::head(&head, &Transport::request(&facts, facts.keep_alive && !facts.insecure), &mut bytes);
    let mut body = Body::new(facts.framing);
    let mut rest = raw[n..].to_vec();
    let passed = body.pass(&mut rest).ok()?;
    if !body.is_done() {
        return None;
    }
    let written = &rest[..passed.write];
    bytes.extend_from_slice(written);
    let chunked = facts.framing == framing::Framing::Chunked;
    let seen = seen(&head, if chunked { content(written) } else { written.to_vec() });
    Some(Forwarded { seen, bytes, used: n + passed.read, closes: facts.insecure || !facts.keep_alive })
}

fn seen(head: &Head, body: Vec<u8>) -> Seen {
    let framing = [HeaderId::ContentLength, HeaderId::TransferEncoding, HeaderId::Connection, HeaderId::Te];
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let fields = head
        .slots()
        .iter()
        .filter(|s| !framing.contains(&s.id) && s.id != HeaderId::Upgrade)
        .map(|s| (text(head.bytes(s.name)).to_lowercase(), head.bytes(s.value).to_vec()))
        .collect();
    Seen { method: text(head.method()), target: text(head.uri()), fields, body }
}

/// The content of canonical chunks.
fn content(mut chunks: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let eol = chunks.windows(2).position(|w| w == b"\r\n").expect("a size ends with CRLF");
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..eol]).unwrap(), 16).unwrap();
        if size == 0 {
            return out;
        }
        out.extend_from_slice(&chunks[eol + 2..eol + 2 + size]);
        chunks = &chunks[eol + 4 + size..];
    }
}

/// What hyper's server sees in these bytes, and whether it refuses to read on.
fn by_hyper(bytes: &[u8]) -> (Vec<Seen>, bool) {
    let all = Arc::new(Mutex::new(Vec::new()));
    let service = {
        let all = Arc::clone(&all);
        service_fn(move |request: Request<Incoming>| {
            let all = Arc::clone(&all);
            async move {
                let framing = ["content-length", "transfer-encoding", "connection", "te", "upgrade"];
                let fields = request.headers().iter().filter(|(n, _)| !framing.contains(&n.as_str()));
                let mut seen = Seen {
                    method: request.method().to_string(),
                    target: request.uri().to_string(),
                    fields: fields.map(|(n, v)| (n.to_string(), v.as_bytes().to_vec())).collect(),
                    body: Vec::new(),
                };
                seen.body = request.into_body().collect().await?.to_bytes().to_vec();
                all.lock().unwrap().push(seen);
                Ok::<_, hyper::Error>(Response::new(Empty::<Bytes>::new()))
            }
        })
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answers = runtime.block_on(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let connection = hyper::server::conn::http1::Builder::new()
            .half_close(true)
            .serve_connection(TokioIo::new(server), service);
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let _ = connection.await;
        let mut answers = Vec::new();
        let _ = client.read_to_end(&mut answers).await;
        answers
    });
    let refused = String::from_utf8_lossy(&answers).contains("HTTP/1.1 400");
    let seen = all.lock().unwrap().clone();
    (seen, refused)
}

/// Everything that leaves for one connection of a client, with what each request was taken for.
fn forward_all(raw: &[u8], limits: &Limits) -> (Vec<Seen>, Vec<u8>) {
    let (mut at, mut all, mut out) = (0, Vec::new(), Vec::new());
    while let Some(f) = forward(&raw[at..], limits) {
        at += f.used;
        all.push(f.seen);
        out.extend_from_slice(&f.bytes);
        if f.closes {
            break;
        }
    }
    (all, out)
}

fn sorted(mut all: Vec<Seen>) -> Vec<Seen> {
    // hyper keeps the order of equal names only.
    all.iter_mut().for_each(|s| s.fields.sort_by(|a, b| a.0.cmp(&b.0)));
    all
}

fn check(raw: &[u8]) -> Result<(), TestCaseError> {
    let limits = Limits::default();
    let (meant, out) = forward_all(raw, &limits);
    let (again, canonical) = forward_all(&out, &limits);
    prop_assert_eq!(&again, &meant, "read again: {}", out.escape_ascii());
    prop_assert_eq!(&canonical, &out, "written again");
    // hyper may refuse what is only strange (quotes in a target, chunks in HTTP/1.0); it may not read it otherwise.
    let (theirs, refused) = by_hyper(&out);
    let ours = if refused { meant.get(..theirs.len()).unwrap_or(&[]) } else { &meant };
    prop_assert_eq!(sorted(theirs), sorted(ours.to_vec()), "hyper: {}", out.escape_ascii());
    Ok(())
}

fn line_end() -> impl Strategy<Value = &'static str> {
    prop_oneof![12 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("\r\r\n"), 1 => Just("\r\n ")]
}

fn start_line() -> impl Strategy<Value = String> {
    let method = prop_oneof![4 => Just("GET"), 4 => Just("POST"), 1 => Just("HEAD"), 1 => Just("DELETE"), 1 => Just("M-X")];
    let target = prop_oneof![
        6 => "/[a-z?=&%;]{0,12}",
        1 => Just("http://a/x".to_owned()),
        1 => Just("http://a:80".to_owned()),
        1 => "/[ -~]{0,8}",
    ];
    let version = prop_oneof![8 => Just("HTTP/1.1"), 1 => Just("HTTP/1.0"), 1 => Just("HTTP/1.3"), 1 => Just("HTTP/2.0"), 1 => Just("")];
    (method, prop_oneof![8 => Just(" "), 1 => Just("  "), 1 => Just("\t")], target, version)
        .prop_map(|(m, gap, t, v)| format!("{m}{gap}{t} {v}"))
}

fn field() -> impl Strategy<Value = String> {
    let length = prop_oneof![Just("3"), Just("0"), Just("03"), Just("3, 3"), Just("+3"), Just("4"), Just("")];
    let coding = prop_oneof![3 => Just("chunked"), 1 => Just("Chunked"), 1 => Just("gzip, chunked"), 1 => Just("\x0bchunked"), 1 => Just("identity")];
    prop_oneof![
        3 => length.prop_map(|v| format!("Content-Length: {v}")),
        3 => coding.prop_map(|v| format!("Transfer-Encoding: {v}")),
        1 => Just("transfer-encoding : chunked".to_owned()),
        1 => Just("Connection: close, X-A".to_owned()),
        1 => Just("TE: gzip, trailers".to_owned()),
        1 => Just("Host: a".to_owned()),
        4 => "[A-Za-z-]{1,8}:[ \t]{0,2}[ -~]{0,12}",
        1 => "[ -~]{0,10}",
    ]
}

fn body() -> impl Strategy<Value = String> {
    let chunk = prop_oneof![
        6 => Just("3\r\nabc\r\n"),
        1 => Just("003;a=b\r\nabc\r\n"),
        1 => Just("3\nabc\r\n"),
        1 => Just("3 \r\nabc\r\n"),
    ];
    let end = prop_oneof![6 => Just("0\r\n\r\n"), 1 => Just("0\r\nT: v \r\n\r\n"), 1 => Just("00;x\r\n\r\n"), 1 => Just("0\n\n")];
    prop_oneof![
        3 => Just(String::new()),
        3 => Just("abc".to_owned()),
        4 => (proptest::collection::vec(chunk, 0..3), end).prop_map(|(c, e)| c.concat() + e),
    ]
}

fn request() -> impl Strategy<Value = String> {
    let fields = proptest::collection::vec((field(), line_end()), 0..5);
    (start_line(), line_end(), fields, body()).prop_map(|(line, end, fields, body)| {
        let fields: String = fields.into_iter().map(|(f, e)| f + e).collect();
        format!("{line}{end}Host: a\r\n{fields}\r\n{body}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_forwarded_is_read_alike(raw in proptest::collection::vec(request(), 1..3)) {
        check(raw.concat().as_bytes())?;
    }

    /// The same for any bytes behind a good beginning.
    #[test]
    fn whatever_follows_a_good_beginning(
        raw in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b':'), Just(b'0'), Just(b' '), any::<u8>()], 0..60),
    ) {
        let start = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
        check(&[&start[..], &raw].concat())?;
        check(&[&b"GET / HTTP/1.1\r\n"[..], &raw, b"\r\n\r\n"].concat())?;
    }
}

/// The strategies make what they are for: requests that pass, and such that do not.
#[test]
fn some_of_the_requests_pass() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let made = (0..500).map(|_| request().new_tree(&mut runner).unwrap().current());
    let passed = made.filter(|r| forward(r.as_bytes(), &Limits::default()).is_some()).count();
    assert!((50..450).contains(&passed), "{passed} of 500 pass");
}
