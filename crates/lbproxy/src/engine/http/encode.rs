//! Writing a head: start line, fields in the sender's order and case, framing fields from the typed framing alone.
//!
//! Invariant: Content-Length, Transfer-Encoding, Connection and (without an upgrade) Upgrade never leave as they
//! came; each is written where the sender had it, or at the end, with the value that the framing has.

use super::{
    framing::{Facts, Framing, passes_upgrade, tokens},
    message::{Head, HeaderId, Version},
};

/// What is written about the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transport {
    pub framing: Framing,
    /// The receiver may use the connection again.
    pub keep_alive: bool,
    /// Say `keep-alive` although the version implies it: the other side speaks HTTP/1.0.
    pub say_keep_alive: bool,
    /// The message asks for or grants an upgrade.
    pub upgrade: bool,
    /// Content-Length of a body that does not follow (HEAD, 304).
    pub announced: Option<u64>,
    /// The same for `Transfer-Encoding: chunked`.
    pub announced_chunked: bool,
}

impl Transport {
    /// A request towards a server.
    pub fn request(facts: &Facts, keep_alive: bool) -> Transport {
        Transport {
            framing: facts.framing,
            keep_alive,
            say_keep_alive: false,
            upgrade: facts.upgrade,
            announced: facts.announced,
            announced_chunked: facts.announced_chunked,
        }
    }

    /// A response towards a client that speaks `client`.
    pub fn response(facts: &Facts, keep_alive: bool, client: Version) -> Transport {
        Transport {
            framing: facts.framing,
            keep_alive,
            say_keep_alive: client < Version::H11,
            upgrade: facts.upgrade,
            announced: facts.announced,
            announced_chunked: facts.announced_chunked,
        }
    }

    /// The token that Connection must hold, by the sender's version (RFC 9112 section 9.3).
    fn persistence(&self, version: Version) -> Option<&'static [u8]> {
        if self.upgrade {
            return Some(b"upgrade");
        }
        let implied = version >= Version::H11;
        match (self.framing == Framing::Tunnel, self.keep_alive) {
            (true, _) => None,
            (_, true) if !implied || self.say_keep_alive => Some(b"keep-alive"),
            (_, false) if implied => Some(b"close"),
            _ => None,
        }
    }

    fn length(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(n) => Some(n),
            Framing::None => self.announced,
            _ => None,
        }
    }
}

/// Appends the whole head, empty line included, to `out`.
pub fn head(head: &Head, transport: &Transport, out: &mut Vec<u8>) {
    start_line(head, out);
    let mut todo = Todo { length: true, coding: true, connection: true, te: true };
    let is_request = head.is_request();
    for slot in head.slots() {
        let (name, value) = (head.bytes(slot.name), head.bytes(slot.value));
        match slot.id {
            HeaderId::ContentLength => todo.write_length(transport, name, out),
            HeaderId::TransferEncoding => todo.write_coding(transport, name, out),
            HeaderId::Connection => todo.write_connection(head, transport, name, out),
            HeaderId::Upgrade if !transport.upgrade => {}
            HeaderId::Upgrade if is_request => upgrade(name, value, out),
            HeaderId::Te if is_request => todo.write_te(head, name, out),
            _ => field(name, value, out),
        }
    }
    todo.write_length(transport, b"content-length", out);
    todo.write_coding(transport, b"transfer-encoding", out);
    todo.write_connection(head, transport, b"connection", out);
    out.extend_from_slice(b"\r\n");
}

/// Bytes that HAProxy counts for a head in `%B`, `%U` and the byte counters: start line, names and values, and
/// its own bookkeeping of 21 bytes.
pub fn counted_bytes(head: &Head) -> u64 {
    const START_LINE: usize = 20;
    const END_OF_HEADERS: usize = 1;
    let line = match head.is_request() {
        true => head.method().len() + head.uri().len(),
        false => 3 + head.reason().len(),
    };
    let skipped = |id| matches!(id, HeaderId::Connection);
    let fields: usize = head
        .slots()
        .iter()
        .filter(|s| !skipped(s.id))
        .map(|s| head.bytes(s.name).len() + head.bytes(s.value).len())
        .sum();
    (START_LINE + head.version_text().len() + line + fields + END_OF_HEADERS) as u64
}

fn start_line(head: &Head, out: &mut Vec<u8>) {
    let version = head.version_text();
    if head.is_request() {
        for part in [head.method(), b" ", head.uri(), b" ", version, b"\r\n"] {
            out.extend_from_slice(part);
        }
    } else {
        let mut digits = itoa::Buffer::new();
        let status = digits.format(head.status).as_bytes();
        for part in [version, b" ", status, b" ", head.reason(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
}

fn field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// The protocols that may be asked for; nothing where none is left.
fn upgrade(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    if tokens(value).all(passes_upgrade) {
        return field(name, value, out);
    }
    let mut before: &[u8] = b": ";
    for protocol in tokens(value).filter(|p| passes_upgrade(p)) {
        if before == b": " {
            out.extend_from_slice(name);
        }
        out.extend_from_slice(before);
        out.extend_from_slice(protocol);
        before = b", ";
    }
    if before != b": " {
        out.extend_from_slice(b"\r\n");
    }
}

/// Framing fields still to be written; each is written once, where the first of its name stood.
struct Todo {
    length: bool,
    coding: bool,
    connection: bool,
    te: bool,
}

impl Todo {
    /// The transfer codings that the sender takes are between it and the proxy; only `trailers` goes on, since
    /// trailers do (RFC 9110 section 10.1.4).
    fn write_te(&mut self, head: &Head, name: &[u8], out: &mut Vec<u8>) {
        let trailers = |v: &[u8]| tokens(v).any(|t| t == b"trailers");
        if std::mem::take(&mut self.te) && head.values(HeaderId::Te, b"").any(trailers) {
            field(name, b"trailers", out);
        }
    }

    fn write_length(&mut self, t: &Transport, name: &[u8], out: &mut Vec<u8>) {
        if let (true, Some(n)) = (std::mem::take(&mut self.length), t.length()) {
            field(name, itoa::Buffer::new().format(n).as_bytes(), out);
        }
    }

    fn write_coding(&mut self, t: &Transport, name: &[u8], out: &mut Vec<u8>) {
        if std::mem::take(&mut self.coding) && (t.framing == Framing::Chunked || t.announced_chunked) {
            field(name, b"chunked", out);
        }
    }

    /// Tokens of the sender that say nothing of persistence stay, as HAProxy leaves them: taking them away would
    /// let a client strip fields that others rely on.
    fn write_connection(&mut self, head: &Head, t: &Transport, name: &[u8], out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.connection) {
            return;
        }
        let ours = t.persistence(head.version);
        let mut written = false;
        let mut token = |text: &[u8], out: &mut Vec<u8>| {
            if written {
                out.extend_from_slice(b", ");
            } else {
                out.extend_from_slice(name);
                out.extend_from_slice(b": ");
                written = true;
            }
            out.extend_from_slice(text);
        };
        for value in head.values(HeaderId::Connection, b"") {
            for text in tokens(value).filter(|t| !says_persistence(t)) {
                token(text, out);
            }
        }
        if let Some(ours) = ours {
            token(ours, out);
        }
        if written {
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn says_persistence(token: &[u8]) -> bool {
    [&b"close"[..], b"keep-alive", b"upgrade"].iter().any(|w| token.eq_ignore_ascii_case(w))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::http::{framing, parse};

    fn request(raw: &str, keep_alive: bool) -> String {
        let mut h = Head::default();
        parse::request(raw.as_bytes(), &parse::Limits::default(), &mut h).unwrap();
        let facts = framing::request(&h, framing::Policy::default()).unwrap();
        let mut out = Vec::new();
        head(&h, &Transport::request(&facts, keep_alive), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn response(raw: &str, keep_alive: bool, client: Version) -> String {
        let mut h = Head::default();
        parse::response(raw.as_bytes(), &parse::Limits::default(), &mut h).unwrap();
        let facts = framing::response(&h, &Facts::default(), framing::Policy::default()).unwrap();
        let mut out = Vec::new();
        head(&h, &Transport::response(&facts, keep_alive, client), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn framing_fields_are_written_from_the_framing_in_their_place() {
        let raw = "POST / HTTP/1.1\r\nHost: a\r\nCONTENT-Length: 003, 3\r\nContent-Length: 3\r\nX: y\r\n\r\n";
        assert_eq!(request(raw, true), "POST / HTTP/1.1\r\nHost: a\r\nCONTENT-Length: 3\r\nX: y\r\n\r\n");
        let raw = "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: Chunked\r\n\r\n";
        assert_eq!(request(raw, true), "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    }

    #[test]
    fn persistence_is_said_as_the_versions_need() {
        let c = |raw: &str, keep| request(raw, keep);
        assert_eq!(c("GET / HTTP/1.0\r\n\r\n", true), "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
        assert_eq!(c("GET / HTTP/1.1\r\n\r\n", false), "GET / HTTP/1.1\r\nconnection: close\r\n\r\n");
        let raw = "GET / HTTP/1.1\r\nConnection: X-A, close\r\nX-A: 1\r\n\r\n";
        assert_eq!(c(raw, true), "GET / HTTP/1.1\r\nConnection: X-A\r\nX-A: 1\r\n\r\n");
        let r10 = "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n";
        let r11 = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(
            response(r10, true, Version::H11),
            "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nconnection: keep-alive\r\n\r\n"
        );
        assert_eq!(response(r10, false, Version::H11), r10);
        assert_eq!(response(r11, true, Version::H11), r11);
        assert_eq!(
            response(r11, true, Version::H10),
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nconnection: keep-alive\r\n\r\n"
        );
        assert_eq!(
            response(r11, false, Version::H10),
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nconnection: close\r\n\r\n"
        );
    }

    #[test]
    fn upgrade_passes_only_when_the_connection_asks_for_it() {
        let raw = "GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n";
        assert_eq!(request(raw, true), "GET / HTTP/1.1\r\n\r\n");
        let raw = "GET / HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: foo\r\n\r\n";
        assert_eq!(request(raw, true), "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n");
        let raw = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n";
        assert_eq!(response(raw, false, Version::H11), raw);
    }

    #[test]
    fn codings_of_the_hop_and_http2_do_not_go_on() {
        let raw = "GET / HTTP/1.1\r\nTE: gzip;q=0.5 , trailers\r\nTE: deflate\r\n\r\n";
        assert_eq!(request(raw, true), "GET / HTTP/1.1\r\nTE: trailers\r\n\r\n");
        assert_eq!(request("GET / HTTP/1.1\r\nTE: trailers;q=0.5\r\n\r\n", true), "GET / HTTP/1.1\r\n\r\n");
        let raw = "GET / HTTP/1.1\r\nConnection: upgrade, HTTP2-Settings\r\nUpgrade: h2c, foo\r\n\r\n";
        assert_eq!(
            request(raw, true),
            "GET / HTTP/1.1\r\nConnection: HTTP2-Settings, upgrade\r\nUpgrade: foo\r\n\r\n"
        );
        let raw = "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n";
        assert_eq!(request(raw, true), "GET / HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn what_a_head_request_would_have_brought_is_announced() {
        let mut h = Head::default();
        let raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        parse::response(raw, &parse::Limits::default(), &mut h).unwrap();
        let asked = Facts { is_head: true, ..Facts::default() };
        let facts = framing::response(&h, &asked, framing::Policy::default()).unwrap();
        assert_eq!(facts.framing, Framing::None);
        let mut out = Vec::new();
        head(&h, &Transport::response(&facts, true, Version::H11), &mut out);
        assert_eq!(out, raw);
    }

    #[test]
    fn no_length_on_204() {
        assert_eq!(
            response("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", true, Version::H11),
            "HTTP/1.1 204 No Content\r\n\r\n"
        );
    }

    /// The figures are what HAProxy 3.5 logs for these answers.
    #[test]
    fn bytes_are_counted_as_in_haproxy() {
        for (raw, want) in [
            ("HTTP/1.0 200 OK\r\nServer: x\r\n\r\n", 41),
            ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\n", 49),
            ("HTTP/1.1 204 No Content\r\n\r\n", 42),
        ] {
            let mut h = Head::default();
            parse::response(raw.as_bytes(), &parse::Limits::default(), &mut h).unwrap();
            assert_eq!(counted_bytes(&h), want, "{raw}");
        }
    }
}
