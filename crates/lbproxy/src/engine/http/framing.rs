//! Framing: how long a body is and whether the connection outlives the message (RFC 9112 sections 6 and 9).
//!
//! Owns: the typed framing that is derived once from a parsed head and from which alone the framing fields are
//! written again. Invariant: nothing downstream looks at Content-Length, Transfer-Encoding or Connection text.

use super::{
    message::{Head, HeaderId, Version, is_token},
    parse::Reject,
};

/// How the length of a body is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Framing {
    /// No body at all.
    #[default]
    None,
    /// Exactly that many bytes.
    Length(u64),
    Chunked,
    /// A response that ends with its connection.
    UntilClose,
    /// Bytes both ways until both sides have closed (101, CONNECT).
    Tunnel,
}

/// What a head says about its own transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    pub framing: Framing,
    /// The sender is willing to keep the connection (RFC 9112 section 9.3).
    pub keep_alive: bool,
    /// Content-Length stood beside Transfer-Encoding, or HTTP/1.0 used Transfer-Encoding: close afterwards.
    pub insecure: bool,
    /// `Connection: upgrade` with an `Upgrade` field.
    pub upgrade: bool,
    /// Length announced where no body follows (HEAD, 304), to be forwarded as information.
    pub announced: Option<u64>,
    /// The same for `chunked`.
    pub announced_chunked: bool,
    pub is_head: bool,
    pub is_connect: bool,
}

/// What the configuration lets pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    /// `h1-accept-payload-with-any-method`: bodies of GET, HEAD and DELETE in HTTP/1.0.
    pub payload_with_any_method: bool,
    /// `h1-do-not-close-on-insecure-transfer-encoding`: Content-Length beside Transfer-Encoding ends no connection.
    pub keep_insecure: bool,
    /// `option accept-unsafe-violations-in-http-response`: an empty or repeated Transfer-Encoding is overlooked.
    pub accept_unsafe: bool,
}

/// Derives the facts of a request head (RFC 9112 section 6.3).
///
/// # Errors
/// [`Reject`] when the length of the body has no one meaning.
pub fn request(head: &Head, policy: Policy) -> Result<Facts, Reject> {
    let raw = Raw::read(head).map_err(|()| Reject::ContentLength)?;
    let method = head.method();
    let mut facts = Facts {
        keep_alive: raw.keep_alive(head.version),
        upgrade: raw.upgrade && raw.upgrade_field,
        is_head: method == b"HEAD",
        is_connect: method == b"CONNECT",
        ..Facts::default()
    };
    facts.framing = match raw.coding() {
        Coding::None => match raw.length {
            Some(0) | None => Framing::None,
            Some(n) => Framing::Length(n),
        },
        Coding::Chunked => Framing::Chunked,
        // A coding before `chunked` is a valid message that the proxy does not process (422 in HAProxy).
        Coding::OthersThenChunked => return Err(Reject::CodedRequest),
        Coding::Invalid => return Err(Reject::TransferEncoding),
    };
    facts.announced = raw.length.filter(|_| facts.framing == Framing::None && !facts.is_connect);
    if facts.framing == Framing::Chunked {
        facts.insecure = head.version < Version::H11 || raw.length.is_some() && !policy.keep_insecure;
    }
    if facts.is_connect && facts.framing != Framing::None {
        return Err(Reject::ConnectBody);
    }
    if head.version < Version::H11 && facts.framing != Framing::None && !policy.payload_with_any_method {
        return refuse_unexpected(method).map(|()| facts);
    }
    Ok(facts)
}

/// Servers of HTTP/1.0 may not look for a body here, and would take it for the next request (manual 3.1,
/// `h1-accept-payload-with-any-method`).
#[cold]
fn refuse_unexpected(method: &[u8]) -> Result<(), Reject> {
    match method {
        b"GET" | b"HEAD" | b"DELETE" => Err(Reject::UnexpectedBody),
        _ => Ok(()),
    }
}

/// Derives the facts of a response head, given what it answers (RFC 9112 section 6.3).
///
/// # Errors
/// [`Reject`] when the length of the body has no one meaning, or a WebSocket is granted without its key.
pub fn response(head: &Head, asked: &Facts, policy: Policy) -> Result<Facts, Reject> {
    let mut raw = Raw::read(head).map_err(|()| Reject::ContentLength)?;
    if policy.accept_unsafe {
        raw.overlook();
    }
    let status = head.status;
    if status == 101 && !policy.accept_unsafe {
        check_websocket(head)?;
    }
    let mut facts = Facts {
        keep_alive: raw.keep_alive(head.version),
        upgrade: raw.upgrade && raw.upgrade_field,
        ..Facts::default()
    };
    if status == 101 || asked.is_connect && (200..300).contains(&status) {
        facts.framing = Framing::Tunnel;
    } else if status < 200 || status == 204 {
        facts.framing = Framing::None;
    } else if matches!(raw.coding(), Coding::Invalid | Coding::OthersThenChunked) {
        return Err(Reject::TransferEncoding);
    } else if asked.is_head || status == 304 {
        facts.framing = Framing::None;
        facts.announced = raw.length.filter(|_| raw.coding() == Coding::None);
        facts.announced_chunked = raw.coding() == Coding::Chunked;
        facts.insecure = raw.is_insecure(head.version, policy);
    } else if raw.coding() == Coding::Chunked {
        facts.framing = Framing::Chunked;
        facts.insecure = raw.is_insecure(head.version, policy);
    } else if let Some(n) = raw.length {
        facts.framing = if n == 0 { Framing::None } else { Framing::Length(n) };
        facts.announced = Some(n).filter(|&n| n == 0);
    } else {
        facts.framing = Framing::UntilClose;
        facts.keep_alive = false;
    }
    if facts.insecure {
        facts.keep_alive = false;
    }
    Ok(facts)
}

/// RFC 6455 section 4.2.2: who grants a WebSocket answers to the key.
#[cold]
fn check_websocket(head: &Head) -> Result<(), Reject> {
    let websocket = |v: &[u8]| tokens(v).any(|t| t.eq_ignore_ascii_case(b"websocket"));
    let answered = head.header(b"sec-websocket-accept").is_some_and(|v| !v.is_empty());
    match head.values(HeaderId::Upgrade, b"").any(websocket) && !answered {
        true => Err(Reject::WebSocketKey),
        false => Ok(()),
    }
}

/// What the Transfer-Encoding fields amount to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Coding {
    None,
    Chunked,
    OthersThenChunked,
    Invalid,
}

/// The framing fields as found, before they are weighed against one another.
#[derive(Default)]
struct Raw {
    length: Option<u64>,
    /// Codings over all Transfer-Encoding fields: how many, how many `chunked`, is the last one `chunked`.
    codings: u32,
    chunked: u32,
    chunked_last: bool,
    bad_coding: bool,
    bad_token: bool,
    empty: u32,
    close: bool,
    keep: bool,
    upgrade: bool,
    upgrade_field: bool,
}

impl Raw {
    fn read(head: &Head) -> Result<Raw, ()> {
        let mut raw = Raw::default();
        for slot in head.slots() {
            let value = || head.bytes(slot.value);
            match slot.id {
                HeaderId::ContentLength => raw.add_length(value())?,
                HeaderId::TransferEncoding => raw.add_coding(value()),
                HeaderId::Connection => raw.add_connection(value()),
                HeaderId::Upgrade => {
                    raw.upgrade_field |= !head.is_request() || tokens(value()).any(passes_upgrade)
                }
                _ => {}
            }
        }
        Ok(raw)
    }

    fn keep_alive(&self, version: Version) -> bool {
        !self.close && (version >= Version::H11 || self.keep)
    }

    /// The sender cannot be trusted with the boundaries of messages (RFC 9112 section 6.1).
    fn is_insecure(&self, version: Version, policy: Policy) -> bool {
        let both = self.length.is_some() && !policy.keep_insecure;
        self.coding() == Coding::Chunked && (version < Version::H11 || both)
    }

    /// An empty Transfer-Encoding counts as none, several `chunked` as one.
    fn overlook(&mut self) {
        self.bad_coding = self.bad_token;
        if self.chunked > 0 && self.chunked + self.empty >= self.codings {
            (self.codings, self.chunked, self.chunked_last) = (1, 1, true);
        } else if self.empty == self.codings {
            self.codings = 0;
        }
    }

    fn add_connection(&mut self, value: &[u8]) {
        for token in tokens(value) {
            self.close |= token.eq_ignore_ascii_case(b"close");
            self.keep |= token.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade |= token.eq_ignore_ascii_case(b"upgrade");
        }
    }

    /// Repeated equal values are one value; anything else is refused (RFC 9112 section 6.3, rule 5).
    fn add_length(&mut self, value: &[u8]) -> Result<(), ()> {
        let n = length(value).ok_or(())?;
        if self.length.is_some_and(|l| l != n) {
            return Err(());
        }
        self.length = Some(n);
        Ok(())
    }

    fn add_coding(&mut self, value: &[u8]) {
        for token in value.split(|&b| b == b',').map(<[u8]>::trim_ascii) {
            self.codings += 1;
            self.chunked_last = token.eq_ignore_ascii_case(b"chunked");
            self.chunked += u32::from(self.chunked_last);
            self.empty += u32::from(token.is_empty());
            // Parameters do not matter: a coding that is not `chunked` is not processed with them or without.
            let name = token.split(|&b| b == b';').next().unwrap_or(&[]).trim_ascii();
            self.bad_token |= !name.iter().all(|&b| is_token(b));
            self.bad_coding |= self.bad_token || name.is_empty();
        }
    }

    fn coding(&self) -> Coding {
        match (self.codings, self.chunked) {
            (0, _) => Coding::None,
            _ if self.bad_coding || !self.chunked_last => Coding::Invalid,
            (1, 1) => Coding::Chunked,
            (_, 1) => Coding::OthersThenChunked,
            _ => Coding::Invalid,
        }
    }
}

/// The one length that a Content-Length value says, repeated or not.
pub(super) fn length(value: &[u8]) -> Option<u64> {
    let mut items = value.split(|&b| b == b',').map(|item| decimal(item.trim_ascii()));
    let first = items.next()??;
    items.all(|n| n == Some(first)).then_some(first)
}

/// Whether a Transfer-Encoding value is `chunked` alone.
pub(super) fn is_chunked(value: &[u8]) -> bool {
    value.trim_ascii().eq_ignore_ascii_case(b"chunked")
}

/// Whether a protocol may be asked for through this proxy. HTTP/2 may not: the server would speak it past all rules
/// and logs, request after request, in what counts as one tunnel here.
pub(super) fn passes_upgrade(protocol: &[u8]) -> bool {
    !protocol.eq_ignore_ascii_case(b"h2c") && !protocol.eq_ignore_ascii_case(b"h2")
}

/// The most significant digits of a Content-Length; more cannot be a length that fits.
const LENGTH_DIGITS_MAX: usize = 19;

/// A decimal number of plain digits, nothing else.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let zeros = digits.iter().take_while(|&&b| b == b'0').count();
    let digits = digits.get(zeros..).unwrap_or(&[]);
    if digits.len() > LENGTH_DIGITS_MAX {
        return None;
    }
    digits.iter().try_fold(0u64, |n, &b| {
        b.is_ascii_digit().then(|| n.checked_mul(10)?.checked_add(u64::from(b - b'0')))?
    })
}

/// The elements of a comma-separated list, without empty ones.
pub fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|t| !t.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn req(version: Version, fields: &[(&str, &str)]) -> Result<Facts, Reject> {
        let mut h = Head::default();
        assert!(h.set_method(b"POST") && h.set_uri(b"/"));
        h.version = version;
        for (n, v) in fields {
            assert!(h.add(n.as_bytes(), v.as_bytes()));
        }
        request(&h, Policy::default())
    }

    #[test]
    fn lengths_that_agree_are_one_and_others_are_refused() {
        let framing = |v: &[&str]| {
            let f: Vec<_> = v.iter().map(|v| ("Content-Length", *v)).collect();
            req(Version::H11, &f).map(|f| f.framing)
        };
        assert_eq!(framing(&["3", "3"]), Ok(Framing::Length(3)));
        assert_eq!(framing(&["3, 3"]), Ok(Framing::Length(3)));
        assert_eq!(framing(&["003"]), Ok(Framing::Length(3)));
        assert_eq!(framing(&[&format!("{:030}", 3)]), Ok(Framing::Length(3)));
        assert_eq!(framing(&["0"]), Ok(Framing::None));
        for bad in
            [&["3", "4"][..], &["+3"], &["-1"], &[""], &["3,"], &["3 3"], &["0x3"], &["18446744073709551616"]]
        {
            assert_eq!(framing(bad), Err(Reject::ContentLength), "{bad:?}");
        }
    }

    #[test]
    fn only_one_final_chunked_frames_a_request() {
        let te = |v: &[&str]| {
            let f: Vec<_> = v.iter().map(|v| ("Transfer-Encoding", *v)).collect();
            req(Version::H11, &f).map(|f| f.framing)
        };
        assert_eq!(te(&["chunked"]), Ok(Framing::Chunked));
        assert_eq!(te(&["Chunked"]), Ok(Framing::Chunked));
        for coded in ["gzip, chunked", "identity, chunked", "deflate;q=0.5, chunked"] {
            assert_eq!(te(&[coded]), Err(Reject::CodedRequest), "{coded}");
        }
        for bad in [
            &["chunked, gzip"][..],
            &["chunked, chunked"],
            &["chunked", "chunked"],
            &["identity"],
            &["chunked, identity"],
            &["gzip"],
            &[""],
            &["chunked,"],
            &["x chunked"],
            &["\"chunked\""],
            &["chunked;a=b"],
        ] {
            assert_eq!(te(bad), Err(Reject::TransferEncoding), "{bad:?}");
        }
    }

    #[test]
    fn content_length_beside_chunked_is_dropped_and_closes() {
        let f = req(Version::H11, &[("Content-Length", "3"), ("Transfer-Encoding", "chunked")]).unwrap();
        assert_eq!((f.framing, f.insecure, f.announced), (Framing::Chunked, true, None));
        let f = req(Version::H10, &[("Transfer-Encoding", "chunked")]).unwrap();
        assert!(f.insecure);
    }

    #[test]
    fn bodies_that_old_servers_would_not_look_for_are_refused() {
        let with = |method: &[u8], version, policy| {
            let mut h = Head::default();
            assert!(h.set_method(method) && h.set_uri(b"/") && h.add(b"Content-Length", b"3"));
            h.version = version;
            request(&h, policy).map(|f| f.framing)
        };
        let default = Policy::default();
        let any = Policy { payload_with_any_method: true, ..default };
        for method in [&b"GET"[..], b"HEAD", b"DELETE"] {
            assert_eq!(with(method, Version::H10, default), Err(Reject::UnexpectedBody));
            assert_eq!(with(method, Version::H10, any), Ok(Framing::Length(3)));
            assert_eq!(with(method, Version::H11, default), Ok(Framing::Length(3)));
        }
        assert_eq!(with(b"POST", Version::H10, default), Ok(Framing::Length(3)));
    }

    #[test]
    fn http2_cannot_be_asked_for_through_the_proxy() {
        let upgrade =
            |v: &str| req(Version::H11, &[("Connection", "upgrade"), ("Upgrade", v)]).unwrap().upgrade;
        assert!(upgrade("websocket") && upgrade("h2c, websocket"));
        assert!(!upgrade("h2c") && !upgrade("H2C, h2"));
    }

    #[test]
    fn a_websocket_is_granted_with_the_answer_to_its_key() {
        let mut h = Head::default();
        assert!(
            h.set_status(101, b"") && h.add(b"Connection", b"upgrade") && h.add(b"Upgrade", b"websocket")
        );
        assert_eq!(response(&h, &Facts::default(), Policy::default()), Err(Reject::WebSocketKey));
        assert!(h.add(b"Sec-WebSocket-Accept", b"x"));
        assert!(response(&h, &Facts::default(), Policy::default()).is_ok());
    }

    #[test]
    fn relaxed_responses_may_repeat_chunked_or_leave_it_empty() {
        let te = |value: &[u8]| {
            let mut h = Head::default();
            assert!(h.set_status(200, b"") && h.add(b"Transfer-Encoding", value));
            let policy = Policy { accept_unsafe: true, ..Policy::default() };
            response(&h, &Facts::default(), policy).map(|f| f.framing)
        };
        assert_eq!(te(b"chunked, chunked"), Ok(Framing::Chunked));
        assert_eq!(te(b"chunked,"), Ok(Framing::Chunked));
        assert_eq!(te(b""), Ok(Framing::UntilClose));
        assert_eq!(te(b"chunked, gzip"), Err(Reject::TransferEncoding));
        assert_eq!(te(b"chu nked"), Err(Reject::TransferEncoding));
    }

    #[test]
    fn persistence_follows_version_and_connection() {
        assert!(req(Version::H11, &[]).unwrap().keep_alive);
        assert!(!req(Version::H10, &[]).unwrap().keep_alive);
        assert!(req(Version::H10, &[("Connection", "x, Keep-Alive")]).unwrap().keep_alive);
        assert!(!req(Version::H11, &[("Connection", "keep-alive, close")]).unwrap().keep_alive);
    }

    #[test]
    fn bodyless_answers_are_known_by_status_and_method() {
        let mut h = Head::default();
        assert!(h.set_status(200, b"OK") && h.add(b"Content-Length", b"5"));
        let asked = Facts { is_head: true, ..Facts::default() };
        let f = response(&h, &asked, Policy::default()).unwrap();
        assert_eq!((f.framing, f.announced), (Framing::None, Some(5)));
        assert_eq!(response(&h, &Facts::default(), Policy::default()).unwrap().framing, Framing::Length(5));
        assert!(h.set_status(204, b"No Content"));
        let f = response(&h, &Facts::default(), Policy::default()).unwrap();
        assert_eq!((f.framing, f.announced), (Framing::None, None));
        assert!(h.set_status(101, b""));
        assert_eq!(response(&h, &Facts::default(), Policy::default()).unwrap().framing, Framing::Tunnel);
    }
}
