//! Cookies of request and response (manual 7.3.6).

use super::{ArgType, Args, Cursor, Fetch, Scope, Type, Value};
use crate::engine::{
    http::{Head, HeaderId},
    sample::{list, value::leading_int},
};

const NAME: &[ArgType] = &[ArgType::Str];

pub(super) const FETCHES: &[Fetch] = &[
    row!("cook", NAME, 0, Str, REQUEST, "Old spelling of `req.cook`.", |c, a, k| sent(
        c.req.as_deref()?,
        a,
        k
    )
    .map(Value::str)),
    row!("cook_cnt", NAME, 0, Sint, REQUEST, "Old spelling of `req.cook_cnt`.", |c, a, _| Some(Value::Int(
        sent_all(c.req.as_deref()?, a).count() as i64
    ))),
    row!("cook_val", NAME, 0, Sint, REQUEST, "Old spelling of `req.cook_val`.", |c, a, k| Some(Value::Int(
        leading_int(sent(c.req.as_deref()?, a, k)?)
    ))),
    row!("cookie", NAME, 0, Str, MESSAGE, "A cookie of the direction that runs.", |c, a, k| {
        if c.responding { set(c.res.as_deref()?, a, k) } else { sent(c.req.as_deref()?, a, k) }
            .map(Value::str)
    }),
    row!("req.cook", NAME, 0, Str, REQUEST, "Value of a cookie the client sent.", |c, a, k| sent(
        c.req.as_deref()?,
        a,
        k
    )
    .map(Value::str)),
    row!(
        "req.cook_cnt",
        NAME,
        0,
        Sint,
        REQUEST,
        "Number of cookies of a name the client sent.",
        |c, a, _| Some(Value::Int(sent_all(c.req.as_deref()?, a).count() as i64))
    ),
    row!(
        "req.cook_names",
        &[ArgType::Str],
        0,
        Str,
        REQUEST,
        "Names of the cookies the client sent.",
        |c, a, _| join(Cookies::of(c.req.as_deref()?).map(|(n, _)| n), a)
    ),
    row!(
        "req.cook_val",
        NAME,
        0,
        Sint,
        REQUEST,
        "Value of a cookie the client sent, as a number.",
        |c, a, k| Some(Value::Int(leading_int(sent(c.req.as_deref()?, a, k)?)))
    ),
    row!("res.cook", NAME, 0, Str, RESPONSE, "Value of a cookie the server set.", |c, a, k| set(
        c.res.as_deref()?,
        a,
        k
    )
    .map(Value::str)),
    row!(
        "res.cook_cnt",
        NAME,
        0,
        Sint,
        RESPONSE,
        "Number of cookies of a name the server set.",
        |c, a, _| Some(Value::Int(set_all(c.res.as_deref()?, a).count() as i64))
    ),
    row!(
        "res.cook_names",
        &[ArgType::Str],
        0,
        Str,
        RESPONSE,
        "Names of the cookies the server set.",
        |c, a, _| join(set_pairs(c.res.as_deref()?).map(|(n, _)| n), a)
    ),
    row!(
        "res.cook_val",
        NAME,
        0,
        Sint,
        RESPONSE,
        "Value of a cookie the server set, as a number.",
        |c, a, k| Some(Value::Int(leading_int(set(c.res.as_deref()?, a, k)?)))
    ),
    row!("scook", NAME, 0, Str, RESPONSE, "Old spelling of `res.cook`.", |c, a, k| set(
        c.res.as_deref()?,
        a,
        k
    )
    .map(Value::str)),
    row!("scook_cnt", NAME, 0, Sint, RESPONSE, "Old spelling of `res.cook_cnt`.", |c, a, _| Some(
        Value::Int(set_all(c.res.as_deref()?, a).count() as i64)
    )),
    row!("scook_val", NAME, 0, Sint, RESPONSE, "Old spelling of `res.cook_val`.", |c, a, k| Some(
        Value::Int(leading_int(set(c.res.as_deref()?, a, k)?))
    )),
];

/// All `name=value` of the request's Cookie fields.
#[derive(Clone)]
struct Cookies<'c, I> {
    fields: I,
    current: Option<(&'c [u8], usize)>,
}

impl<'c> Cookies<'c, ()> {
    fn of(head: &'c Head) -> Cookies<'c, impl Iterator<Item = &'c [u8]> + Clone> {
        let fields = head.slots().iter().filter(|s| s.id == HeaderId::Cookie).map(|s| head.bytes(s.value));
        Cookies { fields, current: None }
    }
}

impl<'c, I: Iterator<Item = &'c [u8]>> Iterator for Cookies<'c, I> {
    type Item = (&'c [u8], &'c [u8]);
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((field, at)) = self.current {
                if let Some((name, value, next)) = list::next_cookie(field, at) {
                    self.current = Some((field, next));
                    return Some((name, value));
                }
                self.current = None;
            }
            self.current = Some((self.fields.next()?, 0));
        }
    }
}

fn set_pairs(head: &Head) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    head.slots()
        .iter()
        .filter(|s| s.id == HeaderId::SetCookie)
        .filter_map(|s| list::set_cookie(head.bytes(s.value)))
}

fn sent_all<'c>(head: &'c Head, a: Args<'c>) -> impl Iterator<Item = &'c [u8]> + Clone {
    let wanted = a.bytes(0);
    Cookies::of(head).filter(move |(n, _)| wanted.is_none_or(|w| *n == w)).map(|(_, v)| v)
}

fn set_all<'c>(head: &'c Head, a: Args<'c>) -> impl Iterator<Item = &'c [u8]> + Clone {
    let wanted = a.bytes(0);
    set_pairs(head).filter(move |(n, _)| wanted.is_none_or(|w| *n == w)).map(|(_, v)| v)
}

fn sent<'c>(head: &'c Head, a: Args<'c>, cursor: &mut Cursor) -> Option<&'c [u8]> {
    choose(sent_all(head, a), a, cursor)
}

fn set<'c>(head: &'c Head, a: Args<'c>, cursor: &mut Cursor) -> Option<&'c [u8]> {
    choose(set_all(head, a), a, cursor)
}

/// Each in turn for ACLs; else the last of the name, or the first cookie when no name is given.
fn choose<'c>(
    mut values: impl Iterator<Item = &'c [u8]>,
    a: Args<'c>,
    cursor: &mut Cursor,
) -> Option<&'c [u8]> {
    if cursor.each {
        let found = values.nth(cursor.index);
        cursor.index += 1;
        cursor.again = found.is_some();
        return found;
    }
    if a.bytes(0).is_none() { values.next() } else { values.last() }
}

fn join<'c>(names: impl Iterator<Item = &'c [u8]>, a: Args<'_>) -> Option<Value<'c>> {
    let delimiter = a.bytes(0).and_then(|d| d.first().copied()).unwrap_or(b',');
    let mut out = Vec::new();
    for (i, name) in names.enumerate() {
        if i > 0 {
            out.push(delimiter);
        }
        out.extend_from_slice(name);
    }
    Some(Value::string(out))
}
