//! Texts: case, trimming, joining, comparing, substituting.

use std::borrow::Cow;

use super::{ArgType, Args, Converter, Ctx, Type, Value};
use crate::engine::{crypt::equal, pattern::regex::expand};

pub(super) const CONVERTERS: &[Converter] = &[
    row!(
        "add_item",
        &[ArgType::Str, ArgType::Var, ArgType::Str],
        2,
        Str,
        Str,
        "Appends delimiter, variable and suffix where that makes sense.",
        add_item
    ),
    row!(
        "concat",
        &[ArgType::Str, ArgType::Var, ArgType::Str],
        1,
        Str,
        Str,
        "Appends a text, a variable, a text.",
        concat
    ),
    row!("cut_crlf", &[], 0, Str, Str, "Cuts at the first CR or LF.", cut_crlf),
    row!(
        "has_ctl",
        &[ArgType::Str],
        0,
        Bin,
        Bool,
        "Whether it holds control characters of the mask.",
        has_ctl
    ),
    row!("length", &[], 0, Str, Sint, "Length in bytes.", |v, _, _| Some(Value::Int(
        v.into_text().len() as i64
    ))),
    row!("lower", &[], 0, Str, Str, "Lower case (ASCII).", |v, _, _| Some(map_bytes(
        v,
        u8::to_ascii_lowercase
    ))),
    row!("ltrim", &[ArgType::Str], 1, Str, Str, "Removes leading characters of a set.", |v, a, _| trim(
        v, a, true
    )),
    row!(
        "regsub",
        &[ArgType::Regex, ArgType::Str, ArgType::Str],
        2,
        Str,
        Str,
        "Replaces what a regular expression matches.",
        regsub
    ),
    row!("reverse", &[], 0, Str, Str, "The bytes in opposite order.", |v, _, _| Some(Value::string(
        v.into_text().iter().rev().copied().collect::<Vec<u8>>()
    ))),
    row!("reverse_dom", &[], 0, Str, Str, "The labels of a domain name in opposite order.", reverse_dom),
    row!("rtrim", &[ArgType::Str], 1, Str, Str, "Removes trailing characters of a set.", |v, a, _| trim(
        v, a, false
    )),
    row!(
        "secure_memcmp",
        &[ArgType::Var],
        1,
        Bin,
        Bool,
        "Whether it equals a variable, compared in constant time.",
        secure_memcmp
    ),
    row!(
        "strcmp",
        &[ArgType::Var],
        1,
        Str,
        Sint,
        "Order relative to a variable: negative, 0, positive.",
        strcmp
    ),
    row!("upper", &[], 0, Str, Str, "Upper case (ASCII).", |v, _, _| Some(map_bytes(
        v,
        u8::to_ascii_uppercase
    ))),
];

/// Copies only when a byte changes.
fn map_bytes<'c>(v: Value<'c>, f: fn(&u8) -> u8) -> Value<'c> {
    match v.into_text() {
        Cow::Borrowed(b) if b.iter().all(|c| f(c) == *c) => Value::str(b),
        Cow::Borrowed(b) => Value::string(b.iter().map(f).collect::<Vec<u8>>()),
        Cow::Owned(mut b) => {
            b.iter_mut().for_each(|c| *c = f(c));
            Value::string(b)
        }
    }
}

fn trim<'c>(v: Value<'c>, a: Args<'c>, left: bool) -> Option<Value<'c>> {
    let set = a.bytes(0)?;
    let text = v.into_text();
    let is_other = |b: &u8| !set.contains(b);
    let (from, to) = match left {
        true => (text.iter().position(is_other).unwrap_or(text.len()), text.len()),
        false => (0, text.iter().rposition(is_other).map_or(0, |i| i + 1)),
    };
    Some(super::slice::part(text, from, to))
}

fn cut_crlf<'c>(v: Value<'c>, _: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let text = v.into_text();
    let end = text.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(text.len());
    Some(super::slice::part(text, 0, end))
}

fn concat<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let mut out = v.into_text().into_owned();
    out.extend_from_slice(a.bytes(0).unwrap_or(b""));
    if let Some(value) = a.var(1).and_then(|v| v.get(c)) {
        value.write_text(&mut out);
    }
    out.extend_from_slice(a.bytes(2).unwrap_or(b""));
    Some(Value::string(out))
}

fn add_item<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let mut out = v.into_text().into_owned();
    let value = a.var(1).and_then(|v| v.get(c));
    let suffix = a.bytes(2).unwrap_or(b"");
    if !out.is_empty() && (value.is_some() || !suffix.is_empty()) {
        out.extend_from_slice(a.bytes(0).unwrap_or(b""));
    }
    if let Some(value) = value {
        value.write_text(&mut out);
    }
    out.extend_from_slice(suffix);
    Some(Value::string(out))
}

fn regsub<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let (regex, template) = (a.regex(0)?, a.bytes(1)?);
    let global = a.bytes(2).is_some_and(|f| f.contains(&b'g'));
    let text = v.into_text();
    let (mut out, mut from) = (Vec::with_capacity(text.len()), 0);
    while from <= text.len()
        && let Some(groups) = regex.groups(&text, from)
    {
        let Some((start, end)) = groups.first().copied().flatten() else { break };
        out.extend_from_slice(text.get(from..start)?);
        expand(template, &text, &groups, &mut out);
        from = end;
        if !global {
            break;
        }
        // An empty match must move on, else it is found again for ever.
        if end == start {
            out.extend(text.get(end));
            from += 1;
        }
    }
    out.extend_from_slice(text.get(from..).unwrap_or(b""));
    Some(Value::string(out))
}

fn reverse_dom<'c>(v: Value<'c>, _: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let text = v.into_text();
    let name = text.strip_suffix(b".").unwrap_or(&text);
    let labels: Vec<&[u8]> = name.split(|&b| b == b'.').rev().collect();
    if labels.iter().any(|l| l.is_empty()) {
        return None;
    }
    Some(Value::string(labels.join(&b'.')))
}

/// The mask was made a number when the configuration was compiled: one bit per character below 0x20, bit 32 for
/// DEL; without one all but TAB count.
fn has_ctl<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let mask = a.int(0).unwrap_or(0x1_ffff_fdff) as u64;
    let Value::Bin(data) = v else { return None };
    let hit = data.iter().any(|&b| match b {
        0..=31 => mask >> b & 1 == 1,
        127 => mask >> 32 & 1 == 1,
        _ => false,
    });
    Some(Value::Bool(hit))
}

fn strcmp<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let other = a.var(0)?.get(c)?.into_text();
    let text = v.into_text();
    let differing = text.iter().zip(other.iter()).find(|(x, y)| x != y);
    let order = match differing {
        Some((x, y)) => i64::from(*x) - i64::from(*y),
        None => (text.len() as i64 - other.len() as i64).signum(),
    };
    Some(Value::Int(order))
}

fn secure_memcmp<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let other = a.var(0)?.get(c)?.cast(Type::Bin)?;
    let (Value::Bin(x), Value::Bin(y)) = (v, other) else { return None };
    Some(Value::Bool(equal(&x, &y)))
}
