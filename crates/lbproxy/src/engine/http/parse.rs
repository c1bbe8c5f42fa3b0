//! The HTTP/1 head parser: bytes to [`Head`], strictly (RFC 9112, RFC 9110).
//!
//! Owns: what is accepted and what is refused, one [`Reject`] per reason. httparse finds the tokens; the rules
//! above its grammar are here: forms of the target, agreement of target and Host, folded lines, limits.
//! Invariant: a head that came through can be written again without another parser reading it differently.

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
    /// An upgrade to WebSocket without its key.
    WebSocketKey,
    /// A chunk header, extension or trailer that is not what RFC 9112 section 7.1 says.
    Chunk,
    /// An HTTP/2 connection preface on a listener without HTTP/2.
    Http2,
}

/// What the parser takes, as configured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most header fields (`tune.http.maxhdr`).
    pub headers_max: usize,
    /// Most bytes of a head (`tune.bufsize` less `tune.maxrewrite`).
    pub head_bytes_max: usize,
    /// `option accept-unsafe-violations-in-http-request` (or `-response`): bytes beyond ASCII and `#` in the
    /// target pass.
    pub accept_unsafe: bool,
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
    match tokenize_request(raw, limits, head) {
        Ok(Some(n)) => {
            check_target(head, limits)?;
            check_host(head)?;
            check_upgrade(head)?;
            Ok(Outcome::Complete(n))
        }
        Ok(None) if raw.len() >= limits.head_bytes_max => Err(Reject::TooLong),
        Ok(None) => Ok(Outcome::Partial),
        Err(e) => second_look(raw, limits, head, e, true),
    }
}

/// Parses a response head at the beginning of `raw`.
///
/// # Errors
/// [`Reject`] when no continuation of the bytes could be a head that is taken.
pub fn response(raw: &[u8], limits: &Limits, head: &mut Head) -> Result<Outcome, Reject> {
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
    if limits.headers_max <= STACK_HEADERS {
        let mut room = [const { MaybeUninit::uninit() }; STACK_HEADERS];
        request_into(raw, room.get_mut(..limits.headers_max).unwrap_or_default(), head)
    } else {
        request_into(raw, &mut vec![MaybeUninit::uninit(); limits.headers_max], head)
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
    if limits.headers_max <= STACK_HEADERS {
        let mut room = [const { MaybeUninit::uninit() }; STACK_HEADERS];
        response_into(raw, room.get_mut(..limits.headers_max).unwrap_or_default(), head)
    } else {
        response_into(raw, &mut vec![MaybeUninit::uninit(); limits.headers_max], head)
    }
}

fn response_into<'b>(
    raw: &'b [u8],
    room: &mut [MaybeUninit<httparse::Header<'b>>],
    head: &mut Head,
) -> Tokenized {
    let mut parser = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
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
    let reason = parser.reason.unwrap_or("");
    head.set_response_pieces(status, piece(reason.as_bytes()), version);
    push_fields(head, parser.headers, piece);
    Ok(Some(n))
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
            check_target(head, limits)?;
            check_host(head)?;
            check_upgrade(head)?;
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

/// RFC 9112 section 3.2: the four forms of a target, each with the methods that may use it.
fn check_target(head: &mut Head, limits: &Limits) -> Result<(), Reject> {
    let uri = head.uri();
    let clean = |b: &u8| *b > b' ' && *b < 0x7f && *b != b'#';
    if !limits.accept_unsafe && !uri.iter().all(clean) {
        return Err(Reject::Target);
    }
    match (uri.first(), head.method()) {
        (_, b"CONNECT") => match authority_parts(uri) {
            Some((_, Some(port))) if !port.is_empty() => Ok(()),
            _ => Err(Reject::Target),
        },
        (Some(b'/'), _) => Ok(()),
        (Some(b'*'), b"OPTIONS") if uri == b"*" => Ok(()),
        _ => absolute(uri).map(|_| ()).ok_or(Reject::Target),
    }
}

/// Scheme and authority of an absolute-form target.
fn absolute(uri: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memmem::find(uri, b"://")?;
    let (scheme, rest) = (uri.get(..colon)?, uri.get(colon + 3..)?);
    let is_scheme = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.first()?.is_ascii_alphabetic() || !scheme.iter().all(is_scheme) {
        return None;
    }
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    (!authority.is_empty()).then_some((scheme, authority))
}

/// Host and port text of an authority, if it is well-formed (RFC 3986 section 3.2, without user information).
fn authority_parts(authority: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (host, rest) = if authority.first() == Some(&b'[') {
        let close = memchr::memchr(b']', authority)?;
        let inner = authority.get(1..close)?;
        let literal = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.' | b'%' | b'v' | b'V');
        if inner.is_empty() || !inner.iter().all(literal) {
            return None;
        }
        authority.split_at_checked(close + 1)?
    } else {
        let end = memchr::memchr(b':', authority).unwrap_or(authority.len());
        authority.split_at_checked(end)?
    };
    let name = |b: &u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\'')
            || matches!(b, b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b'[' | b']' | b':')
    };
    if !host.iter().all(name) {
        return None;
    }
    match rest.split_first() {
        None => Some((host, None)),
        Some((b':', port)) if port.len() <= 5 && port.iter().all(u8::is_ascii_digit) => {
            Some((host, Some(port)))
        }
        _ => None,
    }
}

/// The port that a scheme implies, so that `a` and `a:80` are one host.
fn default_port(scheme: &[u8]) -> &'static [u8] {
    match scheme {
        s if s.eq_ignore_ascii_case(b"https") => b"443",
        s if s.eq_ignore_ascii_case(b"http") => b"80",
        _ => b"",
    }
}

/// Equal authorities, whatever the case, and with a default port written or not.
fn same_authority(a: &[u8], b: &[u8], port: &[u8]) -> bool {
    let (Some((host_a, port_a)), Some((host_b, port_b))) = (authority_parts(a), authority_parts(b)) else {
        return false;
    };
    let plain = |p: Option<&'_ [u8]>| p.filter(|p| !p.is_empty() && *p != port).map(<[u8]>::to_vec);
    host_a.eq_ignore_ascii_case(host_b) && plain(port_a) == plain(port_b)
}

/// Exactly one meaning of the host: well-formed, not contradicting itself or the target (RFC 9112 section 3.2).
/// Repeated equal fields become one. In absolute form a default port is dropped, as HAProxy does.
fn check_host(head: &mut Head) -> Result<(), Reject> {
    let mut hosts = head.slots().iter().filter(|s| s.id == HeaderId::Host).map(|s| head.bytes(s.value));
    let Some(first) = hosts.next() else { return Ok(()) };
    let repeated = match hosts.next() {
        None => false,
        Some(second) if second == first && hosts.all(|h| h == first) => true,
        Some(_) => return Err(Reject::Host),
    };
    if authority_parts(first).is_none() {
        return Err(Reject::Host);
    }
    let uri = head.uri();
    if uri.first() != Some(&b'/') && uri != b"*" {
        agree_with_target(head)?;
    }
    if repeated {
        let mut seen = false;
        head.retain(|id, _, _| id != HeaderId::Host || !std::mem::replace(&mut seen, true));
    }
    Ok(())
}

#[cold]
fn agree_with_target(head: &mut Head) -> Result<(), Reject> {
    let host = head.known(HeaderId::Host).unwrap_or(b"").to_vec();
    let uri = head.uri().to_vec();
    let (scheme, authority): (&[u8], &[u8]) = match head.method() {
        b"CONNECT" => (b"", &uri),
        _ => absolute(&uri).ok_or(Reject::Target)?,
    };
    let port = match head.method() {
        b"CONNECT" => authority_parts(authority)
            .and_then(|p| p.1)
            .filter(|p| matches!(*p, b"443" | b"80"))
            .unwrap_or(b""),
        _ => default_port(scheme),
    };
    if !same_authority(&host, authority, port) {
        return Err(Reject::Host);
    }
    let Some((name, Some(written))) = authority_parts(authority) else { return Ok(()) };
    if !scheme.is_empty() && (written == port || written.is_empty()) {
        let rest = uri.get(scheme.len() + 3 + authority.len()..).unwrap_or(b"");
        let plain = [scheme, b"://", name, rest].concat();
        if !head.set_uri(&plain) {
            return Err(Reject::Target);
        }
    }
    Ok(())
}

/// A WebSocket handshake without its key cannot be answered (RFC 6455 section 4.2.1).
fn check_upgrade(head: &Head) -> Result<(), Reject> {
    let Some(protocol) = head.known(HeaderId::Upgrade) else { return Ok(()) };
    let asked = head
        .values(HeaderId::Connection, b"")
        .any(|v| super::framing::tokens(v).any(|t| t.eq_ignore_ascii_case(b"upgrade")));
    let websocket = asked && protocol.eq_ignore_ascii_case(b"websocket");
    if websocket && head.header(b"sec-websocket-key").is_none_or(<[u8]>::is_empty) {
        return Err(Reject::WebSocketKey);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
