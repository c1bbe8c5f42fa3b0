//! The request line and its parts (manual 7.3.6).

use std::net::IpAddr;

use super::{ArgType, Args, Ctx, Cursor, Fetch, Scope, Type, Value};
use crate::engine::{
    balance::hash,
    http::{Head, HeaderId, Version},
    sample::value::parse_ip,
};

pub(super) const FETCHES: &[Fetch] = &[
    row!("base", &[], 0, Str, REQUEST, "Host and path.", |c, _, _| base(c, false)),
    row!("base32", &[], 0, Sint, REQUEST, "32-bit hash of host and path.", base32),
    row!("base32+src", &[], 0, Bin, REQUEST, "`base32` and the client's address.", |c, _, _| with_src(
        c,
        hash_of(&base(c, false)?)
    )),
    row!("baseq", &[], 0, Str, REQUEST, "Host, path and query.", |c, _, _| base(c, true)),
    row!("path", &[], 0, Str, REQUEST, "Path of the request, without its query.", path),
    row!("pathq", &[], 0, Str, REQUEST, "Path of the request with its query.", pathq),
    row!(
        "query",
        &[ArgType::Str],
        0,
        Str,
        REQUEST,
        "Query of the request, without the question mark (unless `with_qm`).",
        query
    ),
    row!("url", &[], 0, Str, REQUEST, "Request target as received.", |c, _, _| Some(Value::str(
        c.req.as_deref()?.uri()
    ))),
    row!("url32", &[], 0, Sint, REQUEST, "32-bit hash of host and request target.", |c, _, _| Some(
        Value::Int(i64::from(hash_of(&url_base(c)?)))
    )),
    row!("url32+src", &[], 0, Bin, REQUEST, "`url32` and the client's address.", |c, _, _| with_src(
        c,
        hash_of(&url_base(c)?)
    )),
    row!("url_ip", &[], 0, Ipv4, REQUEST, "Address in an absolute request target.", url_ip),
    row!("url_port", &[], 0, Sint, REQUEST, "Port in an absolute request target.", url_port),
];

fn path<'c>(c: &'c Ctx<'_>, _: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    Some(c.req.as_deref()?.path()).filter(|p| !p.is_empty()).map(Value::str)
}

fn pathq<'c>(c: &'c Ctx<'_>, _: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    Some(c.req.as_deref()?.path_and_query()).filter(|p| !p.is_empty()).map(Value::str)
}

fn query<'c>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let uri = c.req.as_deref()?.uri();
    let mark = memchr::memchr(b'?', uri)?;
    let from = if a.bytes(0) == Some(b"with_qm") && mark + 1 < uri.len() { mark } else { mark + 1 };
    uri.get(from..).map(Value::str)
}

/// Host (without changing its case) and path; a version without Host gives the path alone.
fn base<'c>(c: &'c Ctx<'_>, with_query: bool) -> Option<Value<'c>> {
    let head = c.req.as_deref()?;
    let path = if with_query { head.path_and_query() } else { head.path() };
    if path.is_empty() {
        return None;
    }
    match head.known(HeaderId::Host) {
        None | Some(b"") => Some(Value::str(path)),
        Some(host) => Some(Value::string([host, path].concat())),
    }
}

fn url_base<'c>(c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let head = c.req.as_deref()?;
    let host = head.known(HeaderId::Host).unwrap_or(b"");
    Some(Value::string([host, head.uri()].concat()))
}

fn base32<'c>(c: &'c Ctx<'_>, _: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    Some(Value::Int(i64::from(hash_of(&base(c, false)?))))
}

fn hash_of(value: &Value<'_>) -> u32 {
    match value {
        Value::Str(b) => hash::avalanche(hash::sdbm(b)),
        _ => 0,
    }
}

fn with_src<'c>(c: &'c Ctx<'_>, hash: u32) -> Option<Value<'c>> {
    let mut out = hash.to_be_bytes().to_vec();
    match c.txn.src(c.conn).ip()? {
        IpAddr::V4(a) => out.extend(a.octets()),
        IpAddr::V6(a) => out.extend(a.octets()),
    }
    Some(Value::Bin(out.into()))
}

/// Host and port of an absolute or authority-form target.
fn authority(head: &Head) -> Option<&[u8]> {
    let uri = head.uri();
    let rest = match memchr::memmem::find(uri, b"://") {
        Some(i) if uri.first() != Some(&b'/') => uri.get(i + 3..)?,
        _ if head.method() == b"CONNECT" => uri,
        _ => return None,
    };
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    rest.get(..end)
}

fn url_ip<'c>(c: &'c Ctx<'_>, _: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let authority = authority(c.req.as_deref()?)?;
    let host = authority.get(..memchr::memchr(b':', authority).unwrap_or(authority.len()))?;
    parse_ip(host).filter(IpAddr::is_ipv4).map(Value::addr)
}

fn url_port<'c>(c: &'c Ctx<'_>, _: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let head = c.req.as_deref()?;
    let authority = authority(head)?;
    let port = match memchr::memrchr(b':', authority) {
        Some(i) => std::str::from_utf8(authority.get(i + 1..)?).ok()?.parse::<u16>().ok()?,
        None if head.uri().starts_with(b"https") => 443,
        None => 80,
    };
    Some(Value::Int(i64::from(port)))
}

/// `1.1`, as `req.ver` and `res.ver` print it.
pub(in crate::engine::sample) fn version(v: Version) -> &'static str {
    match v {
        Version::H10 => "1.0",
        Version::H11 => "1.1",
        Version::H2 => "2.0",
        Version::H3 => "3.0",
    }
}
