//! JSON: strings to be put into it, values taken out of it.

use super::{Arg, ArgType, Args, Converter, Ctx, Type, Value};
use crate::engine::sample::query;

pub(super) const CONVERTERS: &[Converter] = &[
    row!(
        "json",
        &[ArgType::Str],
        0,
        Str,
        Str,
        "Escapes for a JSON string; the argument says how the input is encoded.",
        json
    ),
    row!("json_query", &[ArgType::Str; 2], 1, Str, Any, "The value at a path in a JSON text.", json_query),
];

fn json_query<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let Arg::Query(path) = a.get(0)? else { return None };
    query::find(&v.into_text(), path, a.bytes(1).is_some())
}

fn json<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let code = a.bytes(0).unwrap_or(b"ascii");
    let text = v.into_text();
    let mut out = Vec::with_capacity(text.len() + 8);
    if code == b"ascii" {
        text.iter().for_each(|&b| escape(u32::from(b), &mut out));
        return Some(Value::string(out));
    }
    let silent = code.ends_with(b"s");
    let permissive = code.starts_with(b"utf8p");
    let mut rest: &[u8] = &text;
    while !rest.is_empty() {
        let (c, len, error) = decode(rest, permissive);
        rest = rest.get(len..).unwrap_or(b"");
        match (error || c > 0xffff, silent) {
            (false, _) => escape(c, &mut out),
            (true, true) => {}
            (true, false) => return None,
        }
    }
    Some(Value::string(out))
}

/// The first character, its length, and whether it is in error. An overlong form is an error unless allowed.
fn decode(bytes: &[u8], permissive: bool) -> (u32, usize, bool) {
    let Some(&first) = bytes.first() else { return (0, 1, true) };
    let (len, start) = match first {
        0..=0x7f => return (u32::from(first), 1, false),
        0xc0..=0xdf => (2, first & 0x1f),
        0xe0..=0xef => (3, first & 0x0f),
        0xf0..=0xf7 => (4, first & 0x07),
        _ => return (0, 1, true),
    };
    let mut c = u32::from(start);
    for i in 1..len {
        match bytes.get(i) {
            Some(b) if b & 0xc0 == 0x80 => c = c << 6 | u32::from(b & 0x3f),
            _ => return (0, i, true),
        }
    }
    let least = [0, 0, 0x80, 0x800, 0x1_0000].get(len).copied().unwrap_or(0);
    let overlong = c < least && !permissive;
    (c, len, overlong || (0xd800..0xe000).contains(&c) || c > 0x10_ffff)
}

fn escape(c: u32, out: &mut Vec<u8>) {
    match c {
        0x22 => out.extend_from_slice(br#"\""#),
        0x5c => out.extend_from_slice(br"\\"),
        0x2f => out.extend_from_slice(br"\/"),
        0x08 => out.extend_from_slice(br"\b"),
        0x0c => out.extend_from_slice(br"\f"),
        0x0a => out.extend_from_slice(br"\n"),
        0x0d => out.extend_from_slice(br"\r"),
        0x09 => out.extend_from_slice(br"\t"),
        0x20..=0x7e => out.push(c as u8),
        _ => out.extend_from_slice(format!("\\u{c:04x}").as_bytes()),
    }
}
