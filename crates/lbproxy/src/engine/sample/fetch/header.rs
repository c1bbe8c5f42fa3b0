//! Header fields of request and response, credentials (manual 7.3.6).
//!
//! `hdr` sees each comma-separated element, `fhdr` each whole field. In an ACL every value is tried; elsewhere
//! the last one counts unless an occurrence is given.

use base64::Engine as _;

use super::{ArgType, Args, Ctx, Cursor, Fetch, Scope, Type, Value};
use crate::engine::{
    http::{Head, HeaderId, message::Slot},
    sample::{
        Arg, list,
        value::{leading_int, parse_ip},
    },
};

const NAME: &[ArgType] = &[ArgType::Name];
const NAME_OCC: &[ArgType] = &[ArgType::Name, ArgType::Int];
const USERS: &[ArgType] = &[ArgType::UserList];

pub(super) const FETCHES: &[Fetch] = &[
    row!(
        "hdr",
        NAME_OCC,
        0,
        Str,
        MESSAGE,
        "Value of a header field of the direction that runs.",
        |c, a, k| element(c.head(c.responding)?, a, k).map(Value::str)
    ),
    row!("hdr_cnt", NAME, 0, Sint, REQUEST, "Old spelling of `req.hdr_cnt`.", |c, a, _| count(
        c.req.as_deref()?,
        a,
        true
    )),
    row!("hdr_ip", NAME_OCC, 0, Addr, REQUEST, "Old spelling of `req.hdr_ip`.", |c, a, k| ip(
        c.req.as_deref()?,
        a,
        k
    )),
    row!("hdr_val", NAME_OCC, 0, Sint, REQUEST, "Old spelling of `req.hdr_val`.", |c, a, k| Some(
        Value::Int(leading_int(element(c.req.as_deref()?, a, k)?))
    )),
    row!("http_auth", USERS, 1, Bool, REQUEST, "Whether user and password are in the list.", http_auth),
    row!("http_auth_bearer", NAME, 0, Str, REQUEST, "The token of a Bearer authorization.", bearer),
    row!(
        "http_auth_group",
        USERS,
        1,
        Str,
        REQUEST,
        "User whose password is right, for matching against groups.",
        http_auth_group
    ),
    row!("http_auth_pass", &[], 0, Str, REQUEST, "Password of a Basic authorization.", |c, _, _| basic(c)
        .map(|(_, p)| Value::string(p))),
    row!("http_auth_type", &[], 0, Str, REQUEST, "Scheme of the authorization.", |c, _, _| {
        list::authorization(credentials(c)?).map(|(s, _)| Value::str(s))
    }),
    row!("http_auth_user", &[], 0, Str, REQUEST, "User of a Basic authorization.", |c, _, _| basic(c)
        .map(|(u, _)| Value::string(u))),
    row!("req.fhdr", NAME_OCC, 0, Str, REQUEST, "Whole value of a request header field.", |c, a, k| field(
        c.req.as_deref()?,
        a,
        k
    )
    .map(Value::str)),
    row!("req.fhdr_cnt", NAME, 0, Sint, REQUEST, "Number of request header fields of a name.", |c, a, _| {
        count(c.req.as_deref()?, a, false)
    }),
    row!("req.hdr", NAME_OCC, 0, Str, REQUEST, "Element of a request header field.", |c, a, k| element(
        c.req.as_deref()?,
        a,
        k
    )
    .map(Value::str)),
    row!(
        "req.hdr_cnt",
        NAME,
        0,
        Sint,
        REQUEST,
        "Number of elements in request header fields of a name.",
        |c, a, _| count(c.req.as_deref()?, a, true)
    ),
    row!(
        "req.hdr_ip",
        NAME_OCC,
        0,
        Addr,
        REQUEST,
        "Address in an element of a request header field.",
        |c, a, k| ip(c.req.as_deref()?, a, k)
    ),
    row!(
        "req.hdr_names",
        &[ArgType::Str],
        0,
        Str,
        REQUEST,
        "Names of the request's header fields.",
        |c, a, _| Some(names(c.req.as_deref()?, a))
    ),
    row!(
        "req.hdr_val",
        NAME_OCC,
        0,
        Sint,
        REQUEST,
        "Number in an element of a request header field.",
        |c, a, k| Some(Value::Int(leading_int(element(c.req.as_deref()?, a, k)?)))
    ),
    row!(
        "req.hdrs",
        &[],
        0,
        Bin,
        REQUEST,
        "All header fields of the request as text, with the empty line.",
        |c, _, _| Some(block(c.req.as_deref()?))
    ),
    row!("res.fhdr", NAME_OCC, 0, Str, RESPONSE, "Whole value of a response header field.", |c, a, k| field(
        c.res.as_deref()?,
        a,
        k
    )
    .map(Value::str)),
    row!(
        "res.fhdr_cnt",
        NAME,
        0,
        Sint,
        RESPONSE,
        "Number of response header fields of a name.",
        |c, a, _| count(c.res.as_deref()?, a, false)
    ),
    row!("res.hdr", NAME_OCC, 0, Str, RESPONSE, "Element of a response header field.", |c, a, k| element(
        c.res.as_deref()?,
        a,
        k
    )
    .map(Value::str)),
    row!(
        "res.hdr_cnt",
        NAME,
        0,
        Sint,
        RESPONSE,
        "Number of elements in response header fields of a name.",
        |c, a, _| count(c.res.as_deref()?, a, true)
    ),
    row!(
        "res.hdr_ip",
        NAME_OCC,
        0,
        Addr,
        RESPONSE,
        "Address in an element of a response header field.",
        |c, a, k| ip(c.res.as_deref()?, a, k)
    ),
    row!(
        "res.hdr_names",
        &[ArgType::Str],
        0,
        Str,
        RESPONSE,
        "Names of the response's header fields.",
        |c, a, _| Some(names(c.res.as_deref()?, a))
    ),
    row!(
        "res.hdr_val",
        NAME_OCC,
        0,
        Sint,
        RESPONSE,
        "Number in an element of a response header field.",
        |c, a, k| Some(Value::Int(leading_int(element(c.res.as_deref()?, a, k)?)))
    ),
    row!(
        "res.hdrs",
        &[],
        0,
        Bin,
        RESPONSE,
        "All header fields of the response as text, with the empty line.",
        |c, _, _| Some(block(c.res.as_deref()?))
    ),
    row!("shdr", NAME_OCC, 0, Str, RESPONSE, "Old spelling of `res.hdr`.", |c, a, k| element(
        c.res.as_deref()?,
        a,
        k
    )
    .map(Value::str)),
    row!("shdr_cnt", NAME, 0, Sint, RESPONSE, "Old spelling of `res.hdr_cnt`.", |c, a, _| count(
        c.res.as_deref()?,
        a,
        true
    )),
    row!("shdr_ip", NAME_OCC, 0, Addr, RESPONSE, "Old spelling of `res.hdr_ip`.", |c, a, k| ip(
        c.res.as_deref()?,
        a,
        k
    )),
    row!("shdr_val", NAME_OCC, 0, Sint, RESPONSE, "Old spelling of `res.hdr_val`.", |c, a, k| Some(
        Value::Int(leading_int(element(c.res.as_deref()?, a, k)?))
    )),
];

/// The fields of the name in the first argument, or all.
fn fields<'c>(head: &'c Head, a: Args<'c>) -> impl Iterator<Item = &'c [u8]> + Clone {
    let name = a.header(0);
    let same = move |s: &&Slot| match name {
        None => true,
        Some((HeaderId::Other, n)) => s.id == HeaderId::Other && head.bytes(s.name).eq_ignore_ascii_case(n),
        Some((id, _)) => s.id == id,
    };
    head.slots().iter().filter(same).map(|s| head.bytes(s.value))
}

/// Which value is wanted: `Ok(n)` counts from the first (0), `Err(n)` from the last.
fn occurrence(a: Args<'_>) -> Result<usize, usize> {
    match a.int(1) {
        Some(n) if n > 0 => Ok(usize::try_from(n - 1).unwrap_or(usize::MAX)),
        Some(n) if n < 0 => Err(usize::try_from(-(n + 1)).unwrap_or(usize::MAX)),
        _ => Err(0),
    }
}

/// The wanted one of `values`, or the cursor's next where each is asked for.
fn choose<'c>(
    mut values: impl Iterator<Item = &'c [u8]> + Clone,
    a: Args<'_>,
    cursor: &mut Cursor,
) -> Option<&'c [u8]> {
    if cursor.each && a.int(1).unwrap_or(0) == 0 {
        let found = values.nth(cursor.index);
        cursor.index += 1;
        cursor.again = found.is_some();
        return found;
    }
    match occurrence(a) {
        Ok(n) => values.nth(n),
        Err(0) => values.last(),
        Err(back) => {
            let n = values.clone().count().checked_sub(back + 1)?;
            values.nth(n)
        }
    }
}

/// Walks over comma-separated elements without allocating.
#[derive(Clone)]
struct Elements<'c, I> {
    fields: I,
    current: Option<(&'c [u8], usize)>,
}

impl<'c, I: Iterator<Item = &'c [u8]>> Iterator for Elements<'c, I> {
    type Item = &'c [u8];
    fn next(&mut self) -> Option<&'c [u8]> {
        loop {
            if let Some((field, at)) = self.current {
                if let Some((element, next)) = list::next_element(field, at) {
                    self.current = Some((field, next));
                    return Some(element);
                }
                self.current = None;
            }
            self.current = Some((self.fields.next()?, 0));
        }
    }
}

fn field<'c>(head: &'c Head, a: Args<'c>, cursor: &mut Cursor) -> Option<&'c [u8]> {
    choose(fields(head, a), a, cursor)
}

fn element<'c>(head: &'c Head, a: Args<'c>, cursor: &mut Cursor) -> Option<&'c [u8]> {
    choose(Elements { fields: fields(head, a), current: None }, a, cursor)
}

fn count<'c>(head: &'c Head, a: Args<'c>, elements: bool) -> Option<Value<'c>> {
    let n = if elements {
        Elements { fields: fields(head, a), current: None }.count()
    } else {
        fields(head, a).count()
    };
    Some(Value::Int(n as i64))
}

/// An address; an IPv4 one perhaps with a port behind (manual 7.3.6, `req.hdr_ip`; HAProxy takes no brackets). Where
/// each is asked for, elements that hold none are passed over.
fn ip<'c>(head: &'c Head, a: Args<'c>, cursor: &mut Cursor) -> Option<Value<'c>> {
    loop {
        cursor.again = false;
        let text = element(head, a, cursor)?;
        match node_address(text) {
            Some(ip) => return Some(ip),
            None if cursor.again => {}
            None => return None,
        }
    }
}

fn node_address<'c>(text: &[u8]) -> Option<Value<'c>> {
    if let Some(ip) = parse_ip(text) {
        return Some(Value::addr(ip));
    }
    let colon = memchr::memchr(b':', text)?;
    let ip = parse_ip(text.get(..colon)?).filter(|ip| ip.is_ipv4())?;
    let port = text.get(colon + 1..)?;
    std::str::from_utf8(port).ok()?.parse::<u16>().ok().map(|_| Value::addr(ip))
}

fn names<'c>(head: &Head, a: Args<'_>) -> Value<'c> {
    let delimiter = a.bytes(0).and_then(|d| d.first().copied()).unwrap_or(b',');
    let mut out = Vec::new();
    for (i, (name, _)) in head.headers().enumerate() {
        if i > 0 {
            out.push(delimiter);
        }
        out.extend(name.to_ascii_lowercase());
    }
    Value::string(out)
}

fn block<'c>(head: &Head) -> Value<'c> {
    let mut out = Vec::new();
    for (name, value) in head.headers() {
        out.extend(name.to_ascii_lowercase());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Value::Bin(out.into())
}

fn credentials<'c>(c: &'c Ctx<'_>) -> Option<&'c [u8]> {
    c.req.as_deref()?.known(HeaderId::Authorization)
}

/// User and password of a Basic authorization.
fn basic(c: &Ctx<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, data) = list::authorization(credentials(c)?)?;
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let mut user = base64::engine::general_purpose::STANDARD.decode(data).ok()?;
    let colon = memchr::memchr(b':', &user)?;
    let pass = user.split_off(colon + 1);
    user.truncate(colon);
    Some((user, pass))
}

fn bearer<'c>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let value = match a.header(0) {
        Some((_, name)) => c.req.as_deref()?.header(name)?,
        None => credentials(c)?,
    };
    let (scheme, token) = list::authorization(value)?;
    scheme.eq_ignore_ascii_case(b"bearer").then(|| Value::str(token))
}

fn http_auth<'c>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let Arg::UserList(users) = a.get(0)? else { return None };
    let (user, password) = basic(c)?;
    Some(Value::Bool(users.check(&user, &password)))
}

fn http_auth_group<'c>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let Arg::UserList(users) = a.get(0)? else { return None };
    let (user, pass) = basic(c)?;
    users.check(&user, &pass).then(|| Value::string(user))
}
