//! The message of either direction: method, versions, body (manual 7.3.6).

use super::{ArgType, Args, Ctx, Cursor, Fetch, Scope, Type, Value, request::version};
use crate::engine::{
    http::{Head, HeaderId},
    sample::{Arg, list},
};

pub(super) const FETCHES: &[Fetch] = &[
    row!("method", &[], 0, Meth, TRANSACTION, "Method of the request.", method),
    row!("req.body", &[], 0, Bin, REQUEST, "The part of the request's body that has arrived.", |c, _, _| {
        request_body(c).map(Value::bin)
    }),
    row!(
        "req.body_len",
        &[],
        0,
        Sint,
        REQUEST,
        "Length of the part of the request's body that has arrived.",
        |c, _, _| Some(Value::Int(request_body(c)?.len() as i64))
    ),
    row!(
        "req.body_param",
        &[ArgType::Str, ArgType::Str],
        0,
        Bin,
        REQUEST,
        "A parameter of a form in the request's body.",
        body_param
    ),
    row!(
        "req.body_size",
        &[],
        0,
        Sint,
        REQUEST,
        "Length of the request's body as announced, or of what has arrived.",
        |c, _, _| body_size(c, c.req.as_deref()?, !c.responding)
    ),
    row!("req.proto_http", &[], 0, Bool, TRANSACTION, "Whether the request is valid HTTP.", proto_http),
    row!("req.ver", &[], 0, Str, TRANSACTION, "Version of the request, such as 1.1.", request_version),
    row!("req_proto_http", &[], 0, Bool, TRANSACTION, "Old spelling of `req.proto_http`.", proto_http),
    row!("req_ver", &[], 0, Str, TRANSACTION, "Old spelling of `req.ver`.", request_version),
    row!(
        "res.body",
        &[],
        0,
        Bin,
        RESPONSE,
        "The part of the response's body that has arrived.",
        |c, _, _| response_body(c).map(Value::bin)
    ),
    row!(
        "res.body_len",
        &[],
        0,
        Sint,
        RESPONSE,
        "Length of the part of the response's body that has arrived.",
        |c, _, _| Some(Value::Int(response_body(c)?.len() as i64))
    ),
    row!(
        "res.body_size",
        &[],
        0,
        Sint,
        RESPONSE,
        "Length of the response's body as announced, or of what has arrived.",
        |c, _, _| body_size(c, c.res.as_deref()?, c.responding)
    ),
    row!("res.ver", &[], 0, Str, ANSWERED, "Version of the response, such as 1.1.", |c, _, _| Some(
        Value::str(version(c.res.as_deref()?.version).as_bytes())
    )),
    row!("resp_ver", &[], 0, Str, ANSWERED, "Old spelling of `res.ver`.", |c, _, _| Some(Value::str(
        version(c.res.as_deref()?.version).as_bytes()
    ))),
];

/// From the request while it is there, from the kept request line in logs.
fn method<'c>(c: &'c Ctx<'_>, _: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let method = match c.req.as_deref() {
        Some(head) => head.method(),
        None => c.txn.request_line.split(|&b| b == b' ').next()?,
    };
    Some(method).filter(|m| !m.is_empty()).map(|m| Value::Meth(m.into()))
}

fn request_version<'c>(c: &'c Ctx<'_>, _: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    if let Some(head) = c.req.as_deref() {
        return Some(Value::str(version(head.version).as_bytes()));
    }
    let at = memchr::memrchr(b' ', &c.txn.request_line)?;
    c.txn.request_line.get(at + 1..)?.strip_prefix(b"HTTP/").map(Value::str)
}

/// In HTTP rules the request has been parsed, so it is; before that the bytes in the buffer decide.
fn proto_http<'c>(c: &'c Ctx<'_>, _: Args<'c>, cursor: &mut Cursor) -> Option<Value<'c>> {
    if c.req.is_some() {
        return Some(Value::Bool(true));
    }
    let data = c.body.unwrap_or(b"");
    let Some(end) = memchr::memchr(b'\n', data) else {
        cursor.unsettled = c.more;
        return Some(Value::Bool(false));
    };
    let line = data.get(..end).unwrap_or(data).trim_ascii_end();
    Some(Value::Bool(
        line.ends_with(b"HTTP/1.1") || line.ends_with(b"HTTP/1.0") || line.ends_with(b"HTTP/2.0"),
    ))
}

fn request_body<'c>(c: &'c Ctx<'_>) -> Option<&'c [u8]> {
    if c.responding || c.req.is_none() { None } else { Some(c.body.unwrap_or(b"")) }
}

fn response_body<'c>(c: &'c Ctx<'_>) -> Option<&'c [u8]> {
    if c.responding { Some(c.body.unwrap_or(b"")) } else { None }
}

fn body_size<'c>(c: &'c Ctx<'_>, head: &Head, own: bool) -> Option<Value<'c>> {
    let announced = head
        .known(HeaderId::ContentLength)
        .and_then(|v| std::str::from_utf8(v).ok())
        .and_then(|v| v.trim().parse::<i64>().ok());
    Some(Value::Int(announced.unwrap_or(if own { c.body.map_or(0, <[u8]>::len) as i64 } else { 0 })))
}

fn body_param<'c>(c: &'c Ctx<'_>, a: Args<'c>, cursor: &mut Cursor) -> Option<Value<'c>> {
    let body = request_body(c)?;
    let no_case = matches!(a.get(1), Some(Arg::Str(s)) if &**s == b"i");
    while let Some((name, value, next)) = list::next_param(body, cursor.offset, b'&') {
        cursor.offset = next;
        let same = match a.bytes(0) {
            None => true,
            Some(wanted) if no_case => name.eq_ignore_ascii_case(wanted),
            Some(wanted) => name == wanted,
        };
        if let (true, Some(value)) = (same, value) {
            cursor.again = cursor.each;
            return Some(Value::bin(value));
        }
    }
    None
}
