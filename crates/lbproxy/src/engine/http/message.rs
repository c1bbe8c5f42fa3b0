//! The head of an HTTP message, for every version of HTTP.
//!
//! A head owns its bytes in one arena: first the bytes as received, then what edits added. Pieces are ranges of
//! the arena, so that order, case and bytes of the headers stay as the sender wrote them, an edit moves nothing,
//! and an HTTP/2 head (decoded fields) fits without a detour through text. A head is reused from message to
//! message: `clear` keeps its memory.
//!
//! Invariants: every piece lies within the arena; names and values hold no CR, LF or NUL (the parsers and the
//! editing functions refuse them). Framing headers are left to `body` and `encode`.

use std::ops::Range;

use super::parse::Reject;

/// Protocol version of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Version {
    H10,
    #[default]
    H11,
    H2,
    H3,
}

macro_rules! header_ids {
    ($($id:ident = $name:literal,)*) => {
        /// The header fields that the proxy itself looks at, known by number after parsing.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum HeaderId { $($id,)* Other }

        impl HeaderId {
            /// Recognises a field name, whatever its case.
            pub fn of(name: &[u8]) -> HeaderId {
                let first = name.first().map_or(0, |b| b | 0x20);
                $(if name.len() == $name.len() && Some(first) == $name.as_bytes().first().copied()
                    && name.eq_ignore_ascii_case($name.as_bytes()) { return HeaderId::$id; })*
                HeaderId::Other
            }
        }
    };
}

header_ids! {
    Host = "host",
    Cookie = "cookie",
    Connection = "connection",
    ContentLength = "content-length",
    TransferEncoding = "transfer-encoding",
    Upgrade = "upgrade",
    Expect = "expect",
    Te = "te",
    Trailer = "trailer",
    KeepAlive = "keep-alive",
    SetCookie = "set-cookie",
    CacheControl = "cache-control",
    XForwardedFor = "x-forwarded-for",
    Authorization = "authorization",
    ProxyConnection = "proxy-connection",
    ContentType = "content-type",
}

/// A range of the arena.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Piece {
    pub off: u32,
    pub len: u32,
}

impl Piece {
    pub const fn new(off: usize, len: usize) -> Piece {
        Piece { off: off as u32, len: len as u32 }
    }

    fn range(self) -> Range<usize> {
        self.off as usize..self.off as usize + self.len as usize
    }
}

/// One header field.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub id: HeaderId,
    pub name: Piece,
    pub value: Piece,
}

/// A request or response head.
#[derive(Clone, Debug, Default)]
pub struct Head {
    arena: Vec<u8>,
    slots: Vec<Slot>,
    pub version: Version,
    /// Response status; 0 in a request.
    pub status: u16,
    method: Piece,
    /// Request target as received or rewritten; for HTTP/2 the path with query (authority stands in Host).
    uri: Piece,
    reason: Piece,
    /// The version as the sender wrote it, where it is none of [`Version`] (relaxed parsing only); else empty.
    odd_version: Piece,
    /// Why the strict parser would have refused it (relaxed parsing only).
    pub tolerated: Option<Reject>,
}

impl Head {
    /// Empties it without giving memory back.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.slots.clear();
        self.version = Version::H11;
        self.status = 0;
        (self.method, self.uri, self.reason, self.odd_version) = Default::default();
        self.tolerated = None;
    }

    // ---- building, for the parsers ------------------------------------------------------------

    /// Copies the received bytes in as the arena's beginning; pieces are then offsets into `raw`.
    pub fn load(&mut self, raw: &[u8]) {
        self.clear();
        self.arena.extend_from_slice(raw);
    }

    pub fn set_request_pieces(&mut self, method: Piece, uri: Piece, version: Version) {
        (self.method, self.uri, self.version) = (method, uri, version);
    }

    pub fn set_response_pieces(&mut self, status: u16, reason: Piece, version: Version) {
        (self.status, self.reason, self.version) = (status, reason, version);
    }

    /// The version's own text, kept because no [`Version`] writes it.
    pub fn set_version_piece(&mut self, text: Piece) {
        self.odd_version = text;
    }

    pub fn push_slot(&mut self, slot: Slot) {
        self.slots.push(slot);
    }

    // ---- reading --------------------------------------------------------------------------------

    pub fn bytes(&self, p: Piece) -> &[u8] {
        self.arena.get(p.range()).unwrap_or(&[])
    }

    pub fn is_request(&self) -> bool {
        self.status == 0
    }

    pub fn method(&self) -> &[u8] {
        self.bytes(self.method)
    }

    pub fn uri(&self) -> &[u8] {
        self.bytes(self.uri)
    }

    pub fn reason(&self) -> &[u8] {
        self.bytes(self.reason)
    }

    /// The version as it is written in the first line of HTTP/1.
    pub fn version_text(&self) -> &[u8] {
        match (self.odd_version.len, self.version) {
            (1.., _) => self.bytes(self.odd_version),
            (_, Version::H10) => b"HTTP/1.0",
            _ => b"HTTP/1.1",
        }
    }

    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All fields in order, as `(name, value)`; values have no surrounding white space.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.slots.iter().map(|s| (self.bytes(s.name), self.bytes(s.value)))
    }

    /// The values of all fields of that name, in order. `id` makes it cheap for the known ones.
    pub fn values<'a>(&'a self, id: HeaderId, name: &'a [u8]) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.slots
            .iter()
            .filter(move |s| {
                s.id == id && (id != HeaderId::Other || self.bytes(s.name).eq_ignore_ascii_case(name))
            })
            .map(|s| self.bytes(s.value))
    }

    /// The first value of a known field.
    pub fn known(&self, id: HeaderId) -> Option<&[u8]> {
        self.slots.iter().find(|s| s.id == id).map(|s| self.bytes(s.value))
    }

    /// The first value of a field by name.
    pub fn header(&self, name: &[u8]) -> Option<&[u8]> {
        let id = HeaderId::of(name);
        let same = |s: &&Slot| {
            s.id == id && (id != HeaderId::Other || self.bytes(s.name).eq_ignore_ascii_case(name))
        };
        self.slots.iter().find(same).map(|s| self.bytes(s.value))
    }

    /// The path of the target with its query: the target itself in origin form, what follows the authority in
    /// absolute form; empty for `*` and authority form (manual 7.3.6, `pathq`).
    pub fn path_and_query(&self) -> &[u8] {
        let uri = self.uri();
        if uri.first() == Some(&b'/') {
            return uri;
        }
        let Some(i) = memchr::memmem::find(uri, b"://") else { return &[] };
        let rest = uri.get(i + 3..).unwrap_or(&[]);
        memchr::memchr(b'/', rest).and_then(|j| rest.get(j..)).unwrap_or(&[])
    }

    /// The path without its query (manual 7.3.6, `path`).
    pub fn path(&self) -> &[u8] {
        let p = self.path_and_query();
        memchr::memchr(b'?', p).and_then(|i| p.get(..i)).unwrap_or(p)
    }

    /// What follows the first `?`, without it.
    pub fn query(&self) -> &[u8] {
        let p = self.path_and_query();
        memchr::memchr(b'?', p).and_then(|i| p.get(i + 1..)).unwrap_or(&[])
    }

    // ---- editing ----------------------------------------------------------------------------------

    /// Appends bytes to the arena and names them.
    pub fn intern(&mut self, bytes: &[u8]) -> Piece {
        let off = self.arena.len();
        self.arena.extend_from_slice(bytes);
        Piece::new(off, bytes.len())
    }

    /// Appends a field. Refused (`false`) if name or value could be read as something else.
    pub fn add(&mut self, name: &[u8], value: &[u8]) -> bool {
        if !valid_name(name) || !valid_value(value) {
            return false;
        }
        let slot = Slot { id: HeaderId::of(name), name: self.intern(name), value: self.intern(value) };
        self.slots.push(slot);
        true
    }

    /// Inserts a field before all others (`http-request add-header` puts them last; rewrites may need first).
    pub fn add_first(&mut self, name: &[u8], value: &[u8]) -> bool {
        let ok = self.add(name, value);
        if ok {
            self.slots.rotate_right(1);
        }
        ok
    }

    /// Removes all fields of that name; tells how many there were.
    pub fn remove(&mut self, name: &[u8]) -> usize {
        let id = HeaderId::of(name);
        self.retain(|sid, n, _| !(sid == id && (id != HeaderId::Other || n.eq_ignore_ascii_case(name))))
    }

    /// Removes all fields of that name, then appends one.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        if !valid_name(name) || !valid_value(value) {
            return false;
        }
        self.remove(name);
        self.add(name, value)
    }

    /// Keeps the fields for which `keep(id, name, value)` holds; tells how many were removed.
    pub fn retain(&mut self, mut keep: impl FnMut(HeaderId, &[u8], &[u8]) -> bool) -> usize {
        let before = self.slots.len();
        let arena = &self.arena;
        let get = |p: Piece| arena.get(p.range()).unwrap_or(&[]);
        self.slots.retain(|s| keep(s.id, get(s.name), get(s.value)));
        before - self.slots.len()
    }

    /// Gives the field at `index` (as in [`Head::slots`]) another value.
    pub fn set_value_at(&mut self, index: usize, value: &[u8]) -> bool {
        if !valid_value(value) {
            return false;
        }
        let piece = self.intern(value);
        match self.slots.get_mut(index) {
            Some(s) => {
                s.value = piece;
                true
            }
            None => false,
        }
    }

    /// Gives the field at `index` another name and value.
    pub fn set_field_at(&mut self, index: usize, name: &[u8], value: &[u8]) -> bool {
        if !valid_name(name) || !valid_value(value) {
            return false;
        }
        let changed = Slot { id: HeaderId::of(name), name: self.intern(name), value: self.intern(value) };
        match self.slots.get_mut(index) {
            Some(slot) => {
                *slot = changed;
                true
            }
            None => false,
        }
    }

    pub fn set_method(&mut self, method: &[u8]) -> bool {
        let ok = valid_name(method);
        if ok {
            self.method = self.intern(method);
        }
        ok
    }

    /// Sets the whole request target.
    pub fn set_uri(&mut self, uri: &[u8]) -> bool {
        let ok = !uri.is_empty() && uri.iter().all(|&b| b > b' ' && b != 0x7f);
        if ok {
            self.uri = self.intern(uri);
        }
        ok
    }

    pub fn set_status(&mut self, status: u16, reason: &[u8]) -> bool {
        let ok = (100..=999).contains(&status) && valid_value(reason);
        if ok {
            self.status = status;
            self.reason = self.intern(reason);
        }
        ok
    }
}

/// RFC 9110 section 5.6.2: a token.
pub fn valid_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&b| is_token(b))
}

/// RFC 9110 section 5.5: no control character that a parser could take for the end of the line.
pub fn valid_value(value: &[u8]) -> bool {
    value.iter().all(|&b| b == b'\t' || (b >= b' ' && b != 0x7f))
}

/// RFC 9110 section 5.6.2: a character of a token.
#[inline]
pub const fn is_token(b: u8) -> bool {
    /// One bit per character of the lower half.
    const TOKENS: u128 = {
        let mut set = 0u128;
        let mut b = 0u8;
        while b < 128 {
            let sign = matches!(
                b,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
            if sign || b.is_ascii_alphanumeric() {
                set |= 1 << b;
            }
            b += 1;
        }
        set
    };
    b < 128 && TOKENS >> b & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editing_keeps_order_and_case_of_the_rest() {
        let mut h = Head::default();
        assert!(h.add(b"HOST", b"a") && h.add(b"X-One", b"1") && h.add(b"x-one", b"2"));
        assert!(h.set(b"X-oNe", b"3"));
        let all: Vec<_> = h.headers().collect();
        assert_eq!(all, [(&b"HOST"[..], &b"a"[..]), (b"X-oNe", b"3")]);
        assert_eq!(h.known(HeaderId::Host), Some(&b"a"[..]));
    }

    #[test]
    fn a_value_that_would_end_the_line_is_refused() {
        let mut h = Head::default();
        assert!(!h.add(b"X", b"a\r\nY: b") && !h.add(b"X Y", b"a") && !h.add(b"", b"a"));
        assert!(h.is_empty());
    }

    #[test]
    fn path_and_query_of_each_form_of_target() {
        let mut h = Head::default();
        for (uri, path, query) in [
            (&b"/a/b?c=d?e"[..], &b"/a/b"[..], &b"c=d?e"[..]),
            (b"http://h:80/x?y", b"/x", b"y"),
            (b"http://h", b"", b""),
            (b"*", b"", b""),
            (b"h:443", b"", b""),
        ] {
            assert!(h.set_uri(uri));
            assert_eq!((h.path(), h.query()), (path, query), "{}", String::from_utf8_lossy(uri));
        }
    }
}
