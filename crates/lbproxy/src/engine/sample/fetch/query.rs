//! Parameters of the request's query string (manual 7.3.6, `urlp`).

use super::{ArgType, Args, Ctx, Cursor, Fetch, Scope, Type, Value};
use crate::engine::sample::{list, value::leading_int};

const ARGS: &[ArgType] = &[ArgType::Str, ArgType::Str, ArgType::Str];

pub(super) const FETCHES: &[Fetch] = &[
    row!("url_param", ARGS, 0, Str, REQUEST, "Other name of `urlp`.", |c, a, k| param(c, a, k)
        .map(Value::str)),
    row!("urlp", ARGS, 0, Str, REQUEST, "Value of a parameter of the query string.", |c, a, k| param(
        c, a, k
    )
    .map(Value::str)),
    row!("urlp_val", ARGS, 0, Sint, REQUEST, "Number in a parameter of the query string.", |c, a, k| Some(
        Value::Int(leading_int(param(c, a, k)?))
    )),
];

/// The parameters begin behind the first `?`, or behind the delimiter of the second argument.
fn param<'c>(c: &'c Ctx<'_>, a: Args<'c>, cursor: &mut Cursor) -> Option<&'c [u8]> {
    // Without a name HAProxy gives nothing, whatever the manual says.
    a.bytes(0)?;
    let uri = c.req.as_deref()?.uri();
    let delimiter = a.bytes(1).and_then(|d| d.first().copied()).unwrap_or(b'?');
    let start = memchr::memchr(delimiter, uri)? + 1;
    let query = uri.get(start..)?;
    let no_case = a.bytes(2) == Some(b"i");
    while let Some((name, value, next)) = list::next_param(query, cursor.offset, delimiter) {
        cursor.offset = next;
        let same = match a.bytes(0) {
            None => true,
            Some(wanted) if no_case => name.eq_ignore_ascii_case(wanted),
            Some(wanted) => name == wanted,
        };
        if let (true, Some(value)) = (same, value) {
            cursor.again = cursor.each;
            return Some(value);
        }
    }
    None
}
