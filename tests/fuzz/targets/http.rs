//! What must hold for any bytes that a client sends as HTTP/1: one reading of every message, by us and by others.
//!
//! [`http_forward`] takes requests through the parser, the framing, the head writer and the body machine as a stream
//! would, and reads what comes out twice: by the same code and by hyper's server.

use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use lbproxy::engine::http::{
    Head, HeaderId,
    body::Body,
    encode::{self, Transport},
    framing::{self, Policy},
    message::{valid_name, valid_value},
    parse::{self, Limits, Outcome},
};

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

/// What a stream does with a request at the front of its bytes.
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

/// What these bytes become on their way is one and the same for us and for hyper.
pub(crate) fn http_forward(raw: &[u8]) {
    let limits = Limits::default();
    let (meant, out) = forward_all(raw, &limits);
    let (again, canonical) = forward_all(&out, &limits);
    assert_eq!(&again, &meant, "read again: {}", out.escape_ascii());
    assert_eq!(&canonical, &out, "written again");
    // hyper may refuse what is only strange (quotes in a target, chunks in HTTP/1.0); it may not read it otherwise.
    let (theirs, refused) = by_hyper(&out);
    let ours = if refused { meant.get(..theirs.len()).unwrap_or(&[]) } else { &meant };
    assert_eq!(sorted(theirs), sorted(ours.to_vec()), "hyper: {}", out.escape_ascii());
}

/// Whether the first request in these bytes is forwarded whole.
pub(crate) fn passes(raw: &[u8]) -> bool {
    forward(raw, &Limits::default()).is_some()
}

/// Heads: no prefix of a head is another head, what is taken holds nothing that ends a line, the place of a fault
/// lies within the bytes, and what is written is read again as the same.
pub(crate) fn http_head(data: &[u8]) {
    let (&how, raw) = data.split_first().unwrap_or((&0, &[]));
    let limits = Limits { accept_unsafe: how & 1 == 1, headers_max: 20, head_bytes_max: 4096 };
    let read = if how & 2 == 0 { parse::request } else { parse::response };
    let is_request = how & 2 == 0;
    let mut head = Head::default();
    match read(raw, &limits, &mut head) {
        Ok(Outcome::Complete(n)) => {
            assert!((1..=raw.len()).contains(&n));
            assert!(head.len() < limits.headers_max);
            for (name, value) in head.headers() {
                assert!(valid_name(name), "{}", name.escape_ascii());
                assert!(!value.iter().any(|b| matches!(b, b'\r' | b'\n')));
                assert!(limits.accept_unsafe || valid_value(value));
            }
            let mut part = Head::default();
            for cut in (0..n).rev().take(40) {
                let earlier = read(&raw[..cut], &limits, &mut part);
                // HTTP/0.9 has no end but that of its line.
                assert!(limits.accept_unsafe || !matches!(earlier, Ok(Outcome::Complete(_))), "cut at {cut}");
            }
            if is_request && head.tolerated.is_none() {
                rewrite(&head);
            }
        }
        Ok(Outcome::Partial) => assert!(raw.len() < limits.head_bytes_max),
        Err(reject) => assert!(parse::locate(raw, &limits, reject, is_request) <= raw.len()),
    }
}

fn rewrite(head: &Head) {
    // `http://:` with `Host: :80` is taken and written without its empty port, as HAProxy does; nobody takes it then.
    if head.uri().windows(4).any(|w| w == b":///") {
        return;
    }
    let Ok(facts) = framing::request(head, Policy::default()) else { return };
    let mut bytes = Vec::new();
    encode::head(head, &Transport::request(&facts, facts.keep_alive), &mut bytes);
    let mut again = Head::default();
    let limits = Limits { head_bytes_max: bytes.len() + 1, ..Limits::default() };
    let outcome = parse::request(&bytes, &limits, &mut again);
    assert_eq!(outcome, Ok(Outcome::Complete(bytes.len())), "{}", bytes.escape_ascii());
    let facts_again = framing::request(&again, Policy::default()).expect("our own framing");
    assert_eq!(facts_again.framing, facts.framing);
    assert_eq!(seen(&again, Vec::new()), seen(head, Vec::new()));
}

/// Bodies: whatever the pieces they come in, the same bytes go on, and they are canonical.
pub(crate) fn http_body(data: &[u8]) {
    let (&step, input) = data.split_first().unwrap_or((&1, &[]));
    let whole = through(input, input.len().max(1));
    let pieces = through(input, usize::from(step).max(1));
    assert_eq!(whole.is_ok(), pieces.is_ok());
    let (Ok(whole), Ok(pieces)) = (whole, pieces) else { return };
    assert_eq!(whole, pieces);
    let (out, done) = whole;
    if done {
        assert_eq!(through(&out, 7), Ok((out.clone(), true)), "canonical");
    }
}

/// What goes on of a chunked body, and whether it came to its end.
fn through(input: &[u8], step: usize) -> Result<(Vec<u8>, bool), parse::Reject> {
    let mut body = Body::new(framing::Framing::Chunked);
    let (mut out, mut at) = (Vec::new(), 0);
    while at < input.len() && !body.is_done() {
        let mut piece = input[at..input.len().min(at + step)].to_vec();
        let passed = body.pass(&mut piece).inspect_err(|_| assert!(body.failed_at() < piece.len()))?;
        assert!(passed.write <= passed.read);
        out.extend_from_slice(&piece[..passed.write]);
        at += passed.read;
    }
    Ok((out, body.is_done()))
}
