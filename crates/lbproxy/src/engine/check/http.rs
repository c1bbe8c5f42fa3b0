//! The HTTP of checks: requests written out, answers read from the bytes that have come so far.
//!
//! A check reads one short answer; it is parsed anew whenever more arrives, which is bounded by what a check keeps.

use super::HttpSend;
use crate::engine::sample::Ctx;

/// Header fields of an answer at most.
const FIELDS_MAX: usize = 100;

/// An answer, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub body: Vec<u8>,
    /// The body is whole.
    pub complete: bool,
}

pub(super) enum Parsed {
    Partial,
    Invalid,
    Answer(Answer),
}

/// The bytes of a request. The connection is not meant to last, which HTTP/1.1 has to be told unless the script says
/// something else.
pub(super) fn request(s: &HttpSend, state: Option<&str>, ctx: &mut Ctx<'_>) -> Vec<u8> {
    let uri = s.uri.render(ctx);
    let uri = if uri.is_empty() { b"/".to_vec() } else { uri };
    let mut out = [s.method.as_bytes(), b" ", &uri, b" ", s.version.as_bytes(), b"\r\n"].concat();
    let mut field = |name: &str, value: &[u8]| {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    };
    for (n, v) in &s.headers {
        // The framing is ours.
        if !["content-length", "transfer-encoding"].iter().any(|own| n.eq_ignore_ascii_case(own)) {
            field(n, &v.render(ctx));
        }
    }
    if let Some(state) = state {
        field("X-Haproxy-Server-State", state.as_bytes());
    }
    let body = s.body.render(ctx);
    if !body.is_empty() {
        field("Content-Length", body.len().to_string().as_bytes());
    }
    let says = s.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("connection"));
    if s.version.eq_ignore_ascii_case("HTTP/1.1") && !says {
        field("Connection", b"close");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&body);
    out
}

/// Reads the answer; `closed`: no more bytes will come.
pub(super) fn parse(bytes: &[u8], closed: bool) -> Parsed {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut res = httparse::Response::new(&mut fields);
    let head = match res.parse(bytes) {
        Ok(httparse::Status::Complete(n)) => n,
        Ok(httparse::Status::Partial) if !closed => return Parsed::Partial,
        Ok(httparse::Status::Partial) | Err(_) => return Parsed::Invalid,
    };
    let mut a = Answer {
        status: res.code.unwrap_or(0),
        reason: res.reason.unwrap_or("").to_owned(),
        headers: res.headers.iter().map(|h| (h.name.as_bytes().to_vec(), h.value.to_vec())).collect(),
        ..Answer::default()
    };
    let rest = bytes.get(head..).unwrap_or(&[]);
    let value = |name: &str| {
        let field = a.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
        field.map(|(_, v)| String::from_utf8_lossy(v).trim().to_owned())
    };
    let no_body = matches!(a.status, 100..=199 | 204 | 304);
    let chunked = value("transfer-encoding").is_some_and(|v| v.to_ascii_lowercase().ends_with("chunked"));
    let length = value("content-length").map(|v| v.parse::<usize>());
    (a.body, a.complete) = match length {
        _ if no_body => (Vec::new(), true),
        _ if chunked => match chunks(rest) {
            Some(read) => read,
            None => return Parsed::Invalid,
        },
        Some(Ok(n)) => match rest.get(..n) {
            Some(whole) => (whole.to_vec(), true),
            None => (rest.to_vec(), closed),
        },
        Some(Err(_)) => return Parsed::Invalid,
        None => (rest.to_vec(), closed),
    };
    a.complete |= closed;
    Parsed::Answer(a)
}

/// The data of the chunks that have come, and whether the last one has; `None` when they are malformed.
fn chunks(mut bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
    let mut body = Vec::new();
    loop {
        let (start, size) = match httparse::parse_chunk_size(bytes) {
            Ok(httparse::Status::Complete((start, size))) => (start, usize::try_from(size).ok()?),
            Ok(httparse::Status::Partial) => return Some((body, false)),
            Err(_) => return None,
        };
        if size == 0 {
            return Some((body, true));
        }
        let data = bytes.get(start..)?;
        let Some((chunk, rest)) = data.split_at_checked(size) else {
            body.extend_from_slice(data);
            return Some((body, false));
        };
        body.extend_from_slice(chunk);
        match rest {
            [b'\r', b'\n', next @ ..] => bytes = next,
            [] | [b'\r'] => return Some((body, false)),
            _ => return None,
        }
    }
}
