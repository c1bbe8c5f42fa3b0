//! Persistence by cookie (manual 4.2, `cookie`): which server a client's cookie names, and what client and server
//! get to see of it.
//!
//! Owns the reading and editing of `Cookie` and `Set-Cookie`, the dates of `maxidle` and `maxlife`, and the two
//! characters of the termination flags (8.5). Equal with HAProxy 3.5 byte by byte in what it writes; that a response
//! is cacheable, which `nocache` asks, is decided in `cookie::cacheable`. Left to others: whether the named server
//! takes the request (`shell::queue`).

mod cacheable;
mod parse;

#[cfg(test)]
mod tests;

use std::{hash::Hasher, net::IpAddr};

use super::http::{Head, HeaderId};

/// What the proxy does with the cookie.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Only looked at.
    #[default]
    Passive,
    Insert,
    Rewrite,
    Prefix,
}

/// The `cookie` line of a backend.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spec {
    pub name: String,
    pub mode: Mode,
    pub indirect: bool,
    pub nocache: bool,
    pub postonly: bool,
    pub preserve: bool,
    pub httponly: bool,
    pub secure: bool,
    /// Values are computed from address and key ([`dynamic_value`]), not configured.
    pub dynamic: bool,
    pub domains: Vec<String>,
    /// Seconds; 0: none.
    pub maxidle_s: u32,
    pub maxlife_s: u32,
    pub attrs: Vec<String>,
}

/// Dates further ahead than this are not believed.
const FUTURE_MAX_S: i64 = 86_400;

/// What the client's cookies said; kept until the response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// Third character of the termination flags: `N I D V E O`, `-` when the backend does nothing with cookies.
    pub flag: u8,
    /// Index of the named server, if it may serve.
    pub server: Option<usize>,
    /// Seconds since the epoch; 0: the cookie had none.
    last_seen_s: i64,
    first_seen_s: i64,
}

impl Default for Found {
    fn default() -> Found {
        Found { flag: b'-', server: None, last_seen_s: 0, first_seen_s: 0 }
    }
}

/// What a cookie's value names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Named {
    /// A server that may serve.
    Usable(usize),
    /// A server that is down.
    Down,
    Unknown,
}

impl Spec {
    /// Whether flags are logged and cookies touched; `cookie NAME` alone only looks.
    fn acts(&self) -> bool {
        self.mode != Mode::Passive || self.indirect
    }

    /// Reads the request's cookies, chooses a server, and takes out of them what the server shall not see. `lookup`
    /// says what a value names.
    pub fn on_request(&self, req: &mut Head, now_s: u64, mut lookup: impl FnMut(&[u8]) -> Named) -> Found {
        let mut found = Found { flag: b'N', ..Found::default() };
        let name = self.name.as_bytes();
        let mut removed_any = false;
        for i in 0..req.len() {
            let Some(slot) = req.slots().get(i).copied().filter(|s| s.id == HeaderId::Cookie) else {
                continue;
            };
            let value = req.bytes(slot.value);
            if memchr::memmem::find(value, name).is_none() && !parse::is_loose(value) {
                continue;
            }
            let mut edited = parse::Edited::default();
            for c in parse::cookies(value) {
                if c.name != name || !c.has_value {
                    edited.keep(&c);
                    continue;
                }
                if found.flag != b'V' {
                    self.judge(c.value, now_s as i64, &mut found, &mut lookup);
                }
                match self.mode {
                    Mode::Insert if self.indirect => edited.remove(),
                    Mode::Prefix => edited.replace(&c, after_prefix(c.value).unwrap_or(c.value)),
                    _ => edited.replace(&c, c.value),
                }
            }
            match edited.finish(value) {
                parse::Outcome::Same => {}
                parse::Outcome::Empty => {
                    // An impossible value marks the field for removal below: fields cannot hold it otherwise.
                    removed_any |= req.set_value_at(i, EMPTIED);
                }
                parse::Outcome::New(v) => {
                    req.set_value_at(i, &v);
                }
            }
        }
        if removed_any {
            req.retain(|id, _, v| !(id == HeaderId::Cookie && v == EMPTIED));
        }
        if !self.acts() {
            found.flag = b'-';
        }
        found
    }

    /// Judges one value of the cookie.
    fn judge(&self, value: &[u8], now_s: i64, found: &mut Found, lookup: &mut impl FnMut(&[u8]) -> Named) {
        let server = match self.mode {
            Mode::Prefix => value.split(|&b| b == b'~').next().unwrap_or(value),
            _ => {
                let mut parts = value.split(|&b| b == b'|');
                let server = parts.next().unwrap_or(value);
                found.last_seen_s = parts.next().and_then(read_date).unwrap_or(0);
                found.first_seen_s = parts.next().and_then(read_date).unwrap_or(0);
                server
            }
        };
        let outside = |seen: i64, max_s: u32| {
            max_s > 0 && seen > 0 && (now_s - seen > i64::from(max_s) || seen - now_s > FUTURE_MAX_S)
        };
        let expired = outside(found.last_seen_s, self.maxidle_s);
        if expired || outside(found.first_seen_s, self.maxlife_s) {
            *found = Found { flag: if expired { b'E' } else { b'O' }, ..Found::default() };
            return;
        }
        (found.flag, found.server) = match lookup(server) {
            Named::Usable(ix) => (b'V', Some(ix)),
            Named::Down => (b'D', None),
            Named::Unknown => (b'I', None),
        };
    }

    /// Edits the response's `Set-Cookie` fields; gives the fourth character of the termination flags:
    /// `N I P D R U`, or `-`. `server` is the one that answered, `cookie` its value, `None` if it has none.
    pub fn on_response(
        &self,
        found: &Found,
        server: usize,
        cookie: Option<&[u8]>,
        method: &[u8],
        now_s: u64,
        res: &mut Head,
    ) -> u8 {
        if !self.acts() {
            return b'-';
        }
        let direct = found.server == Some(server);
        let now_s = now_s as i64;
        let mut flag = self.on_set_cookies(direct, cookie, res);
        let kept_by_server = self.preserve && flag == b'P';
        if self.mode == Mode::Insert
            && !kept_by_server
            && (!direct || self.is_due(found, now_s))
            && (!self.postonly || method == b"POST")
        {
            let line = self.line(found, cookie, now_s);
            let private = self.nocache && cacheable::is_cacheable(method, res);
            res.add(b"set-cookie", &line);
            flag = if direct { b'U' } else { b'I' };
            if private {
                res.add(b"cache-control", b"private");
            }
        }
        flag
    }

    /// What the server itself set under this name.
    fn on_set_cookies(&self, direct: bool, cookie: Option<&[u8]>, res: &mut Head) -> u8 {
        let name = self.name.as_bytes();
        let mut flag = b'N';
        let mut removed_any = false;
        for i in 0..res.len() {
            let Some(slot) = res.slots().get(i).copied().filter(|s| s.id == HeaderId::SetCookie) else {
                continue;
            };
            let Some(c) = parse::set_cookie(res.bytes(slot.value), name) else { continue };
            flag = b'P';
            let hide = self.mode == Mode::Insert || (self.indirect && direct);
            let new = match (self.mode, cookie) {
                _ if self.preserve => continue,
                _ if hide => {
                    flag = b'D';
                    removed_any |= res.set_value_at(i, EMPTIED);
                    continue;
                }
                (Mode::Rewrite, Some(ours)) => [name, b"=", ours, c.after].concat(),
                (Mode::Prefix, Some(ours)) => [name, b"=", ours, b"~", c.value, c.after].concat(),
                _ => continue,
            };
            flag = b'R';
            res.set_value_at(i, &new);
        }
        if removed_any {
            res.retain(|id, _, v| !(id == HeaderId::SetCookie && v == EMPTIED));
        }
        flag
    }

    /// Whether the client's valid cookie needs another date, or to lose one.
    fn is_due(&self, found: &Found, now_s: i64) -> bool {
        let (last, first) = (found.last_seen_s, found.first_seen_s);
        ((self.maxidle_s > 0 || last > 0) && last < now_s) || ((self.maxlife_s > 0) != (first > 0))
    }

    /// The value of our `Set-Cookie`.
    fn line(&self, found: &Found, cookie: Option<&[u8]>, now_s: i64) -> Vec<u8> {
        let mut v = self.name.clone().into_bytes();
        v.push(b'=');
        match cookie {
            // The server has no cookie: one that named another server has to go.
            None => v.extend_from_slice(b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT"),
            Some(c) => {
                v.extend_from_slice(c);
                if self.maxidle_s > 0 || self.maxlife_s > 0 {
                    v.push(b'|');
                    write_date(now_s, &mut v);
                }
                if self.maxlife_s > 0 {
                    v.push(b'|');
                    let first = if found.first_seen_s > 0 { found.first_seen_s } else { now_s };
                    write_date(first, &mut v);
                }
            }
        }
        v.extend_from_slice(b"; path=/");
        for d in &self.domains {
            v.extend_from_slice(b"; domain=");
            v.extend_from_slice(d.as_bytes());
        }
        if self.httponly {
            v.extend_from_slice(b"; HttpOnly");
        }
        if self.secure {
            v.extend_from_slice(b"; Secure");
        }
        for a in &self.attrs {
            v.extend_from_slice(b"; ");
            v.extend_from_slice(a.as_bytes());
        }
        v
    }
}

/// Marks a field that is to go: no parser leaves surrounding white space in a value.
const EMPTIED: &[u8] = b"\t";

/// What follows the server's name and `~`.
fn after_prefix(value: &[u8]) -> Option<&[u8]> {
    memchr::memchr(b'~', value).and_then(|i| value.get(i + 1..))
}

/// Digits of dates: six bits each, as in base64.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A date: seconds since the epoch in units of four, five digits.
fn write_date(date_s: i64, out: &mut Vec<u8>) {
    let n = (date_s >> 2) as u64;
    for shift in [24, 18, 12, 6, 0] {
        out.extend(DIGITS.get((n >> shift) as usize & 63));
    }
}

fn read_date(digits: &[u8]) -> Option<i64> {
    if digits.len() < 5 {
        return None;
    }
    let n = digits.iter().take(5).try_fold(0i64, |n, d| {
        let six = DIGITS.iter().position(|x| x == d)?;
        Some(n << 6 | six as i64)
    })?;
    Some(n << 2)
}

/// The value that `dynamic` gives a server: a hash of key, address and port, 16 hexadecimal digits.
pub fn dynamic_value(key: &str, ip: IpAddr, port: u16) -> String {
    let mut h = twox_hash::XxHash64::with_seed(0);
    h.write(key.as_bytes());
    match ip {
        IpAddr::V4(a) => h.write(&a.octets()),
        IpAddr::V6(a) => h.write(&a.octets()),
    }
    h.write(&u32::from(port).to_be_bytes());
    format!("{:016x}", h.finish())
}
