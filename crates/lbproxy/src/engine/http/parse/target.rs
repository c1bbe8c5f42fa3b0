//! The request target and what must agree with it: its form, its authority, `Host`, the handshake of WebSocket.
//!
//! Owns: which targets are taken (RFC 9112 section 3.2), that `Host` has one meaning (RFC 9110 section 7.2), and
//! the one spelling that goes on: default ports and user information stand in the way of comparing, so an authority
//! with an empty or default port loses it, in the target and in `Host`, as HAProxy writes them.

use super::{
    super::{
        framing,
        message::{Head, HeaderId},
    },
    Reject,
};

/// Bytes of a `Sec-WebSocket-Key`: 16 of them in base64 (RFC 6455 section 4.1).
const WEBSOCKET_KEY_BYTES: usize = 24;

/// All checks of a request head beyond its grammar. `relaxed`: `option accept-unsafe-violations-in-http-request`
/// (manual 4.2), which lets bytes beyond ASCII and `#` in the target pass and compares no authorities.
pub(super) fn check(head: &mut Head, relaxed: bool) -> Result<(), Reject> {
    check_form(head, relaxed)?;
    check_host(head, relaxed)?;
    if relaxed { Ok(()) } else { check_upgrade(head) }
}

/// RFC 9112 section 3.2: the four forms of a target, each with the methods that may use it.
fn check_form(head: &Head, relaxed: bool) -> Result<(), Reject> {
    let uri = head.uri();
    if !relaxed && !uri.iter().all(|&b| is_clean(b)) {
        return Err(Reject::Target);
    }
    match (uri.first(), head.method()) {
        (_, b"CONNECT") => match authority_parts(uri) {
            Some((_, Some(port))) if !port.is_empty() => Ok(()),
            Some(_) if relaxed => Ok(()),
            _ => Err(Reject::Target),
        },
        (Some(b'/'), _) => Ok(()),
        (Some(b'*'), b"OPTIONS") if uri == b"*" => Ok(()),
        _ => match absolute(uri) {
            Some((_, authority)) if relaxed || !authority.is_empty() => Ok(()),
            _ => Err(Reject::Target),
        },
    }
}

/// A byte that every server reads alike in a target: visible ASCII, and no fragment, which never goes over the wire.
pub(super) const fn is_clean(b: u8) -> bool {
    b > b' ' && b < 0x7f && b != b'#'
}

/// Scheme and authority of an absolute-form target.
fn absolute(uri: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memmem::find(uri, b"://")?;
    let (scheme, rest) = (uri.get(..colon)?, uri.get(colon + 3..)?);
    let is_scheme = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.first()?.is_ascii_alphabetic() || !scheme.iter().all(is_scheme) {
        return None;
    }
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    Some((scheme, rest.get(..end)?))
}

/// The authority without user information, which only the target may hold (RFC 3986 section 3.2.1).
fn without_user(authority: &[u8]) -> Option<&[u8]> {
    let Some(at) = memchr::memchr(b'@', authority) else { return Some(authority) };
    let rest = authority.get(at + 1..)?;
    memchr::memchr(b'@', rest).is_none().then_some(rest)
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
        let (host, rest) = authority.split_at_checked(end)?;
        if !host.iter().all(|&b| in_reg_name(b)) {
            return None;
        }
        (host, rest)
    };
    match rest.split_first() {
        None => Some((host, None)),
        Some((b':', port)) if port.len() <= 5 && port.iter().all(u8::is_ascii_digit) => {
            Some((host, Some(port)))
        }
        _ => None,
    }
}

/// RFC 3986 section 3.2.2, less the comma: joined repetitions of a field must not look like one host.
const fn in_reg_name(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\'')
        || matches!(b, b'(' | b')' | b'*' | b'+' | b';' | b'=')
}

/// The port that a scheme implies, so that `a` and `a:80` are one host.
fn default_port(scheme: &[u8]) -> &'static [u8] {
    match scheme {
        s if s.eq_ignore_ascii_case(b"https") => b"443",
        s if s.eq_ignore_ascii_case(b"http") => b"80",
        _ => b"",
    }
}

/// Exactly one meaning of the host: well-formed, not contradicting itself or the target (RFC 9112 section 3.2).
/// Repeated equal fields become one.
fn check_host(head: &mut Head, relaxed: bool) -> Result<(), Reject> {
    let mut hosts = head.slots().iter().filter(|s| s.id == HeaderId::Host).map(|s| head.bytes(s.value));
    let first = hosts.next();
    if let Some(first) = first {
        let repeated = hosts.next();
        if repeated.into_iter().chain(hosts).any(|h| !h.eq_ignore_ascii_case(first)) {
            return Err(Reject::Host);
        }
        if authority_parts(first).is_none() {
            return Err(Reject::Host);
        }
        if repeated.is_some() {
            let mut seen = false;
            head.retain(|id, _, _| id != HeaderId::Host || !std::mem::replace(&mut seen, true));
        }
    }
    match head.uri() {
        [b'/', ..] | b"*" => Ok(()),
        _ if head.method() == b"CONNECT" => agree_with_authority(head, relaxed),
        _ => agree_with_absolute(head, relaxed),
    }
}

/// CONNECT names a port always, `Host` need not say 80 or 443 and loses it where it does.
#[cold]
fn agree_with_authority(head: &mut Head, relaxed: bool) -> Result<(), Reject> {
    let uri = head.uri().to_vec();
    let Some(host) = head.known(HeaderId::Host).map(<[u8]>::to_vec) else { return Ok(()) };
    let (Some((name, port)), Some((host_name, host_port))) = (authority_parts(&uri), authority_parts(&host))
    else {
        return Err(Reject::Host);
    };
    let port = port.unwrap_or(b"");
    let implied = matches!(port, b"80" | b"443");
    let same_port = match host_port {
        None | Some(b"") => implied,
        Some(p) => p == port,
    };
    let agree = same_port && name.eq_ignore_ascii_case(host_name);
    if !agree && !relaxed {
        return Err(Reject::Host);
    }
    match host_port {
        Some(p) if implied && p == port => replace_host(head, host_name),
        _ => Ok(()),
    }
}

#[cold]
fn agree_with_absolute(head: &mut Head, relaxed: bool) -> Result<(), Reject> {
    let uri = head.uri().to_vec();
    let (scheme, authority) = absolute(&uri).ok_or(Reject::Target)?;
    let bare = without_user(authority).ok_or(Reject::Target)?;
    let Some((name, port)) = authority_parts(bare) else {
        return if relaxed { Ok(()) } else { Err(Reject::Target) };
    };
    let implied = default_port(scheme);
    let is_implied = |p: Option<&[u8]>| p.is_none_or(|p| p.is_empty() || p == implied);
    let host = head.known(HeaderId::Host).map(<[u8]>::to_vec);
    if let Some(host) = host.as_deref().filter(|_| !relaxed) {
        let (host_name, host_port) = authority_parts(host).ok_or(Reject::Host)?;
        let same_port = port == host_port || is_implied(port) && is_implied(host_port);
        if !name.eq_ignore_ascii_case(host_name) || !same_port {
            return Err(Reject::Host);
        }
    }
    let begin = scheme.len() + 3;
    let rest = uri.get(begin + authority.len()..).unwrap_or(b"");
    let drop_port = port.is_some() && is_implied(port);
    let add_path = rest.is_empty() && head.method() != b"OPTIONS";
    if !drop_port && !add_path {
        return Ok(());
    }
    // User information stays where it is; only what follows the name changes.
    let kept = authority.len() - bare.len() + if drop_port { name.len() } else { bare.len() };
    let front = uri.get(..begin + kept).unwrap_or(&uri);
    let plain = [front, if add_path { b"/" } else { rest }].concat();
    if !head.set_uri(&plain) {
        return Err(Reject::Target);
    }
    if drop_port && host.is_some() && !relaxed {
        return replace_host(head, name);
    }
    Ok(())
}

fn replace_host(head: &mut Head, value: &[u8]) -> Result<(), Reject> {
    let at = head.slots().iter().position(|s| s.id == HeaderId::Host);
    match at.is_none_or(|at| head.set_value_at(at, value)) {
        true => Ok(()),
        false => Err(Reject::Host),
    }
}

/// A WebSocket handshake without its key cannot be answered (RFC 6455 section 4.2.1).
fn check_upgrade(head: &Head) -> Result<(), Reject> {
    if head.known(HeaderId::Upgrade).is_none() || !asks_for_websocket(head) {
        return Ok(());
    }
    match head.header(b"sec-websocket-key") {
        Some(key) if key.len() == WEBSOCKET_KEY_BYTES => Ok(()),
        _ => Err(Reject::WebSocketKey),
    }
}

/// `Connection: upgrade` with WebSocket among the protocols.
pub(super) fn asks_for_websocket(head: &Head) -> bool {
    let says = |id, word: &[u8]| {
        head.values(id, b"").any(|v| framing::tokens(v).any(|t| t.eq_ignore_ascii_case(word)))
    };
    says(HeaderId::Connection, b"upgrade") && says(HeaderId::Upgrade, b"websocket")
}
