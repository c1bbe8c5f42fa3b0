//! The HTTP/1 head parser: bytes to [`Head`], strictly (RFC 9112, RFC 9110).
//!
//! Owns: what is accepted and what is refused, one [`Reject`] per reason. httparse finds the tokens; the rules
//! above its grammar are here: folded lines, later minor versions, limits; in `target` the forms of the target and
//! its agreement with Host; in `relaxed` what is overlooked where the configuration says so; in `scan` where the
//! offending byte is.
//! Invariant: a head that came through can be written again without another parser reading it differently.

mod relaxed;
mod scan;
mod target;

use std::mem::MaybeUninit;

use super::message::{Head, HeaderId, Piece, Slot, Version};

/// Why a message is refused. Each one maps to a status, a counter and termination flags in `session`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reject {
    /// A start line that is none, HTTP/0.9 included.
    StartLine,
    /// A version this parser does not speak.
    Version,
    /// A byte that no header field may hold: NUL, bare CR, control characters, white space before the colon.
    HeaderField,
    /// A continuation line where there is nothing to continue.
    Fold,
    TooManyHeaders,
    /// The head does not fit the buffer.
    TooLong,
    /// Request target: control bytes, `#`, bytes beyond ASCII, or a form that the method does not allow.
    Target,
    /// `Host` is malformed, repeated with different values, or disagrees with the target.
    Host,
    /// Content-Length that is no number, or several that differ.
    ContentLength,
    /// Transfer-Encoding whose last coding is not the only `chunked`.
    TransferEncoding,
    /// A request with another coding before `chunked`: well-formed, not processed.
    CodedRequest,
    /// CONNECT with a body.
    ConnectBody,
    /// GET, HEAD or DELETE of HTTP/1.0 with a body, which old servers would read as the next request.
    UnexpectedBody,
    /// An upgrade to WebSocket without its key, or granted without the answer to it.
    WebSocketKey,
    /// A chunk header, extension or trailer that is not what RFC 9112 section 7.1 says.
    Chunk,
    /// An HTTP/2 connection preface on a listener without HTTP/2.
    Http2,
}

/// What the parser takes, as configured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most lines of a head, the first one included (`tune.http.maxhdr`).
    pub headers_max: usize,
    /// Most bytes of a head (`tune.bufsize` less `tune.maxrewrite`).
    pub head_bytes_max: usize,
    /// `option accept-unsafe-violations-in-http-request` (or `-response`).
    pub accept_unsafe: bool,
}

impl Limits {
    /// Most header fields.
    fn fields_max(&self) -> usize {
        self.headers_max.saturating_sub(1).max(1)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { headers_max: 101, head_bytes_max: 15_360, accept_unsafe: false }
    }
}

/// What became of an attempt to parse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The head takes that many bytes of the input, empty lines before it included.
    Complete(usize),
    /// More bytes are needed.
    Partial,
}

/// Header fields for which room is kept on the stack; larger limits allocate.
const STACK_HEADERS: usize = 128;

/// Parses a request head at the beginning of `raw`.
///
/// # Errors
/// [`Reject`] when no continuation of the bytes could be a head that is taken.
pub fn request(raw: &[u8], limits: &Limits, head: &mut Head) -> Result<Outcome, Reject> {
    match strict_request(raw, limits, head) {
        Err(reject) if limits.accept_unsafe => relaxed::take(raw, limits, head, reject, true),
        verdict => verdict,
    }
}

/// Parses a response head at the beginning of `raw`.
///
/// # Errors
/// [`Reject`] when no continuation of the bytes could be a head that is taken.
pub fn response(raw: &[u8], limits: &Limits, head: &mut Head) -> Result<Outcome, Reject> {
    match strict_response(raw, limits, head) {
        Err(reject) if limits.accept_unsafe => relaxed::take(raw, limits, head, reject, false),
        verdict => verdict,
    }
}

fn strict_request(raw: &[u8], limits: &Limits, head: &mut Head) -> Result<Outcome, Reject> {
    match tokenize_request(raw, limits, head) {
        Ok(Some(n)) => {
            target::check(head, false)?;
            Ok(Outcome::Complete(n))
        }
        Ok(None) if raw.len() >= limits.head_bytes_max => Err(Reject::TooLong),
        Ok(None) => Ok(Outcome::Partial),
        Err(e) => second_look(raw, limits, head, e, true),
    }
}

fn strict_response(raw: &[u8], limits: &Limits, head: &mut Head) -> Result<Outcome, Reject> {
    match tokenize_response(raw, limits, head) {
        Ok(Some(n)) => Ok(Outcome::Complete(n)),
        Ok(None) if raw.len() >= limits.head_bytes_max => Err(Reject::TooLong),
        Ok(None) => Ok(Outcome::Partial),
        Err(e) => second_look(raw, limits, head, e, false),
    }
}

/// Whether `raw` can hold a whole head, looking only at what arrived after the first `seen` bytes. It spares
/// parsing a slowly arriving head again and again.
pub fn may_be_complete(raw: &[u8], seen: usize) -> bool {
    let new = raw.get(seen.saturating_sub(3)..).unwrap_or(raw);
    memchr::memmem::find(new, b"\n\r\n").is_some() || memchr::memmem::find(new, b"\n\n").is_some()
}

/// httparse's verdict with what is needed for a second look.
type Tokenized = Result<Option<usize>, httparse::Error>;

fn tokenize_request(raw: &[u8], limits: &Limits, head: &mut Head) -> Tokenized {
    let most = limits.fields_max();
    if most <= STACK_HEADERS {
        let mut room = [const { MaybeUninit::uninit() }; STACK_HEADERS];
        request_into(raw, room.get_mut(..most).unwrap_or_default(), head)
    } else {
        request_into(raw, &mut vec![MaybeUninit::uninit(); most], head)
    }
}

fn request_into<'b>(
    raw: &'b [u8],
    room: &mut [MaybeUninit<httparse::Header<'b>>],
    head: &mut Head,
) -> Tokenized {
    let mut parser = httparse::Request::new(&mut []);
    let mut config = httparse::ParserConfig::default();
    config.allow_multiple_spaces_in_request_line_delimiters(true);
    let httparse::Status::Complete(n) = config.parse_request_with_uninit_headers(&mut parser, raw, room)?
    else {
        return Ok(None);
    };
    let piece = piece_in(raw);
    head.load(raw.get(..n).unwrap_or(raw));
    let version = if parser.version == Some(0) { Version::H10 } else { Version::H11 };
    let text = |t: Option<&str>| piece(t.unwrap_or("").as_bytes());
    head.set_request_pieces(text(parser.method), text(parser.path), version);
    push_fields(head, parser.headers, piece);
    Ok(Some(n))
}

fn tokenize_response(raw: &[u8], limits: &Limits, head: &mut Head) -> Tokenized {
    let most = limits.fields_max();
    if most <= STACK_HEADERS {
        let mut room = [const { MaybeUninit::uninit() }; STACK_HEADERS];
        response_into(raw, room.get_mut(..most).unwrap_or_default(), head)
    } else {
        response_into(raw, &mut vec![MaybeUninit::uninit(); most], head)
    }
}

fn response_into<'b>(
    raw: &'b [u8],
    room: &mut [MaybeUninit<httparse::Header<'b>>],
    head: &mut Head,
) -> Tokenized {
    let mut parser = httparse::Response::new(&mut []);
    let mut config = httparse::ParserConfig::default();
    config.allow_multiple_spaces_in_response_status_delimiters(true);
    let httparse::Status::Complete(n) = config.parse_response_with_uninit_headers(&mut parser, raw, room)?
    else {
        return Ok(None);
    };
    let piece = piece_in(raw);
    head.load(raw.get(..n).unwrap_or(raw));
    let version = if parser.version == Some(0) { Version::H10 } else { Version::H11 };
    let status = parser.code.unwrap_or(0);
    if status < 100 {
        return Err(httparse::Error::Status);
    }
    let reason = match parser.reason {
        Some(text) if !text.is_empty() => piece(text.as_bytes()),
        _ => foreign_reason(raw),
    };
    head.set_response_pieces(status, reason, version);
    push_fields(head, parser.headers, piece);
    Ok(Some(n))
}

/// A reason phrase with bytes beyond ASCII, which httparse checks and then keeps to itself.
#[cold]
fn foreign_reason(raw: &[u8]) -> Piece {
    let start = raw.iter().take_while(|&&b| b == b'\r' || b == b'\n').count();
    let line = raw.get(start..).unwrap_or(&[]);
    let line = line.get(..memchr::memchr(b'\n', line).unwrap_or(0)).unwrap_or(&[]).trim_ascii_end();
    let mut words = line.splitn(3, |&b| b == b' ').filter(|w| !w.is_empty());
    let (Some(_), Some(_), Some(reason)) = (words.next(), words.next(), words.next()) else {
        return Piece::default();
    };
    Piece::new(start + line.len() - reason.len(), reason.len())
}

/// Turns a slice that httparse returned into its place in `raw`.
fn piece_in(raw: &[u8]) -> impl Fn(&[u8]) -> Piece + use<> {
    let base = raw.as_ptr() as usize;
    // An empty slice may point anywhere; its place does not matter.
    move |s: &[u8]| {
        if s.is_empty() { Piece::default() } else { Piece::new(s.as_ptr() as usize - base, s.len()) }
    }
}

fn push_fields(head: &mut Head, fields: &[httparse::Header<'_>], piece: impl Fn(&[u8]) -> Piece) {
    for f in fields {
        let name = f.name.as_bytes();
        // httparse leaves white space after the value; RFC 9112 section 5.1 excludes it.
        head.push_slot(Slot {
            id: HeaderId::of(name),
            name: piece(name),
            value: piece(f.value.trim_ascii()),
        });
    }
}

/// What httparse refused may still be taken in one of two ways that need the bytes rewritten first: folded lines
/// (RFC 9112 section 5.2) and a later minor version (RFC 9110 section 2.5). Everything else is refused here.
#[cold]
fn second_look(
    raw: &[u8],
    limits: &Limits,
    head: &mut Head,
    error: httparse::Error,
    is_request: bool,
) -> Result<Outcome, Reject> {
    if is_request && raw.starts_with(b"PRI * HTTP/2.0\r\n") {
        return Err(Reject::Http2);
    }
    let Some(end) = head_end(raw) else {
        // The head is not whole, so a fold may be all that is wrong.
        return match error {
            httparse::Error::HeaderName if has_fold(raw) && raw.len() < limits.head_bytes_max => {
                Ok(Outcome::Partial)
            }
            e => Err(reject_of(e)),
        };
    };
    let whole = raw.get(..end).unwrap_or(raw);
    let mut copy = whole.to_vec();
    let unfolded = unfold(&mut copy)?;
    let dated = later_minor_version(&mut copy, is_request);
    if !unfolded && !dated {
        return Err(reject_of(error));
    }
    let again = match is_request {
        true => tokenize_request(&copy, limits, head),
        false => tokenize_response(&copy, limits, head),
    };
    match again {
        Ok(Some(_)) if is_request => {
            target::check(head, false)?;
            Ok(Outcome::Complete(end))
        }
        Ok(Some(_)) => Ok(Outcome::Complete(end)),
        Ok(None) => Err(Reject::StartLine),
        Err(e) => Err(reject_of(e)),
    }
}

fn reject_of(e: httparse::Error) -> Reject {
    match e {
        httparse::Error::HeaderName | httparse::Error::HeaderValue => Reject::HeaderField,
        httparse::Error::NewLine | httparse::Error::Token | httparse::Error::Status => Reject::StartLine,
        httparse::Error::TooManyHeaders => Reject::TooManyHeaders,
        httparse::Error::Version => Reject::Version,
    }
}

/// Where the head ends: behind its first empty line, empty lines at the beginning not counted.
fn head_end(raw: &[u8]) -> Option<usize> {
    let skip = raw.iter().take_while(|&&b| b == b'\r' || b == b'\n').count();
    let rest = raw.get(skip..)?;
    let crlf = memchr::memmem::find(rest, b"\n\r\n").map(|i| i + 3);
    let lf = memchr::memmem::find(rest, b"\n\n").map(|i| i + 2);
    let end = match (crlf, lf) {
        (Some(a), Some(b)) => a.min(b),
        (a, b) => a.or(b)?,
    };
    Some(skip + end)
}

fn has_fold(raw: &[u8]) -> bool {
    memchr::memmem::find(raw, b"\n ").is_some() || memchr::memmem::find(raw, b"\n\t").is_some()
}

/// Replaces each line break of a folded field with spaces, as HAProxy does. Tells whether there was one.
fn unfold(copy: &mut [u8]) -> Result<bool, Reject> {
    let start = copy.iter().take_while(|&&b| b == b'\r' || b == b'\n').count();
    let first_line = copy.get(start..).and_then(|r| memchr::memchr(b'\n', r)).map_or(0, |i| start + i);
    let mut found = false;
    for i in start..copy.len() {
        let folded = copy.get(i) == Some(&b'\n') && matches!(copy.get(i + 1), Some(b' ' | b'\t'));
        if !folded {
            continue;
        }
        if i == first_line {
            return Err(Reject::Fold);
        }
        found = true;
        if let Some(b) = copy.get_mut(i) {
            *b = b' ';
        }
        if let Some(b) = i.checked_sub(1).and_then(|p| copy.get_mut(p)).filter(|b| **b == b'\r') {
            *b = b' ';
        }
    }
    Ok(found)
}

/// HTTP/1.2 and later minor versions are read as HTTP/1.1 (RFC 9110 section 2.5). A response that claims a
/// major version of 2 or more over an HTTP/1 connection is read so too, as HAProxy does; a request is not.
fn later_minor_version(copy: &mut [u8], is_request: bool) -> bool {
    let start = copy.iter().take_while(|&&b| b == b'\r' || b == b'\n').count();
    let Some(line) = copy.get_mut(start..) else { return false };
    let eol = memchr::memchr(b'\n', line).unwrap_or(line.len());
    let Some(line) = line.get_mut(..eol) else { return false };
    let at = match is_request {
        true => memchr::memmem::rfind(line, b" HTTP/").map(|i| i + 6),
        false => line.starts_with(b"HTTP/").then_some(5),
    };
    let Some(version) = at.and_then(|at| line.get_mut(at..at + 3)) else { return false };
    match version {
        [b'1', b'.', minor @ b'2'..=b'9'] => {
            *minor = b'1';
            true
        }
        [major @ b'2'..=b'9', b'.', minor @ b'0'..=b'9'] if !is_request => {
            (*major, *minor) = (b'1', b'1');
            true
        }
        _ => false,
    }
}

/// Where the byte stands for which a message was refused, as HAProxy tells it in `show errors`: the byte itself where
/// one is wrong, the beginning of a value that is, or the end of the head where all of it together is.
#[cold]
pub fn locate(raw: &[u8], limits: &Limits, reject: Reject, is_request: bool) -> usize {
    let scanned = scan::scan(raw, is_request, scan::Mode::Strict, limits.fields_max());
    if let Some(at) = scanned.fault {
        return at;
    }
    let value = |id: HeaderId, wrong: &dyn Fn(&[u8], &[u8]) -> bool| {
        let mut values = scanned.fields.iter().filter_map(|f| {
            let of = raw.get(f.name.clone()).map(HeaderId::of) == Some(id);
            of.then(|| (f.value.start, raw.get(f.value.clone()).unwrap_or(b"")))
        });
        let first = values.next()?;
        let found = std::iter::once(first).chain(values).find(|v| wrong(first.1, v.1));
        found.map(|v| v.0).or(Some(first.0))
    };
    let found = match reject {
        Reject::Target => Some(scanned.words[1].start),
        Reject::Host => value(HeaderId::Host, &|first, v| !first.eq_ignore_ascii_case(v)),
        Reject::ContentLength => value(HeaderId::ContentLength, &|first, v| {
            super::framing::length(v).is_none_or(|n| super::framing::length(first) != Some(n))
        }),
        Reject::TransferEncoding => value(HeaderId::TransferEncoding, &|_, v| !super::framing::is_chunked(v)),
        Reject::TooLong => Some(raw.len()),
        _ => None,
    };
    found.unwrap_or(scanned.end)
}

#[cfg(test)]
mod tests;
