//! Pieces of texts and binaries: bytes, fields, words, parameters, parts of a Host header.

use std::borrow::Cow;

use super::{ArgType, Args, Converter, Ctx, Type, Value};

pub(super) const CONVERTERS: &[Converter] = &[
    row!(
        "bytes",
        &[ArgType::IntOrVar, ArgType::IntOrVar],
        1,
        Bin,
        Bin,
        "Bytes from an offset, at most a length.",
        bytes
    ),
    row!(
        "field",
        &[ArgType::Int, ArgType::Str, ArgType::Int],
        2,
        Str,
        Str,
        "A field between delimiters; several delimiters enclose empty fields.",
        |v, a, _| pick(v, a, false)
    ),
    row!("host_only", &[], 0, Str, Str, "The host of a Host header, in lower case.", host_only),
    row!(
        "language",
        &[ArgType::Str, ArgType::Str],
        1,
        Str,
        Str,
        "The preferred one of the given languages.",
        language
    ),
    row!(
        "param",
        &[ArgType::Str, ArgType::Str],
        1,
        Str,
        Str,
        "Value of a parameter in `name=value` pairs.",
        param
    ),
    row!("port_only", &[], 0, Str, Sint, "The port of a Host header, 0 for none.", port_only),
    row!(
        "word",
        &[ArgType::Int, ArgType::Str, ArgType::Int],
        2,
        Str,
        Str,
        "A word between delimiters; several delimiters count as one.",
        |v, a, _| pick(v, a, true)
    ),
];

/// A part of a text, without a copy where it was borrowed.
pub(super) fn part(text: Cow<'_, [u8]>, from: usize, to: usize) -> Value<'_> {
    match text {
        Cow::Borrowed(b) => Value::str(b.get(from..to).unwrap_or(b"")),
        Cow::Owned(mut v) => {
            v.truncate(to);
            v.drain(..from.min(v.len()));
            Value::string(v)
        }
    }
}

fn bytes<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let Value::Bin(data) = v else { return None };
    // What lies outside is empty, not missing.
    let from = usize::try_from(a.int_or_var(0, c)?).unwrap_or(usize::MAX).min(data.len());
    let to = match a.get(1) {
        None => data.len(),
        Some(_) => from.saturating_add(usize::try_from(a.int_or_var(1, c)?).unwrap_or(0)).min(data.len()),
    };
    match part(data, from, to) {
        Value::Str(b) => Some(Value::Bin(b)),
        other => Some(other),
    }
}

/// `field` and `word`: which one, counted from either end, and how many from there on in that direction.
fn pick<'c>(v: Value<'c>, a: Args<'c>, words: bool) -> Option<Value<'c>> {
    let (index, delimiters, count) = (a.int(0)?, a.bytes(1)?, a.int(2).unwrap_or(1));
    let text = v.into_text();
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut start = 0;
    for end in (0..=text.len()).filter(|&i| text.get(i).is_none_or(|b| delimiters.contains(b))) {
        if !words || end > start {
            spans.push((start, end));
        }
        start = end + 1;
    }
    let nth = usize::try_from(index.unsigned_abs().checked_sub(1)?).ok()?;
    let more = if count <= 0 { usize::MAX } else { usize::try_from(count).ok()? - 1 };
    let last = spans.len().checked_sub(1)?;
    let (first, end) = if index > 0 {
        (nth, nth.saturating_add(more).min(last))
    } else {
        let at = last.checked_sub(nth)?;
        (at.saturating_sub(more), at)
    };
    let (from, to) = (spans.get(first)?.0, spans.get(end)?.1);
    Some(part(text, from, to))
}

/// Where the host ends: before the port, past the brackets of an IPv6 address.
fn host_end(text: &[u8]) -> usize {
    let from = if text.first() == Some(&b'[') { memchr::memchr(b']', text).unwrap_or(0) } else { 0 };
    text.get(from..).and_then(|t| memchr::memchr(b':', t)).map_or(text.len(), |i| i + from)
}

fn host_only<'c>(v: Value<'c>, _: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let text = v.into_text();
    let end = host_end(&text);
    match part(text, 0, end) {
        Value::Str(b) if b.iter().any(u8::is_ascii_uppercase) => Some(Value::string(b.to_ascii_lowercase())),
        other => Some(other),
    }
}

fn port_only<'c>(v: Value<'c>, _: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let text = v.into_text();
    let port = text.get(host_end(&text) + 1..).unwrap_or(b"");
    Some(Value::Int(std::str::from_utf8(port).ok().and_then(|p| p.parse::<u16>().ok()).map_or(0, i64::from)))
}

fn param<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let (name, delimiter) = (a.bytes(0)?, a.bytes(1).and_then(|d| d.first().copied()).unwrap_or(b'&'));
    let text = v.into_text();
    let mut start = 0;
    for pair in text.split(|&b| b == delimiter) {
        if let Some(rest) = pair.strip_prefix(name) {
            match rest.first() {
                None => return Some(Value::str(b"")),
                Some(b'=') => {
                    let (from, to) = (start + name.len() + 1, start + pair.len());
                    return Some(part(text, from, to));
                }
                Some(_) => {}
            }
        }
        start += pair.len() + 1;
    }
    None
}

/// RFC 9110 section 12.5.4. The list's entries are compared with the whole tag first, then with its language.
fn language<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let known = |tag: &[u8]| a.bytes(0)?.split(|&b| b == b';').find(|k| *k == tag);
    let text = v.into_text();
    let mut best: Option<(u32, &'c [u8])> = None;
    for entry in text.split(|&b| b == b',') {
        let mut parts = entry.split(|&b| b == b';');
        let tag = parts.next().unwrap_or(b"").trim_ascii();
        let q = parts.find_map(|p| p.trim_ascii().strip_prefix(b"q=")).map_or(1_000, quality);
        let base = tag.split(|&b| b == b'-').next().unwrap_or(tag);
        let Some(found) = known(tag).or_else(|| known(base)) else { continue };
        if q > 0 && best.is_none_or(|(b, _)| q > b) {
            best = Some((q, found));
        }
    }
    best.map(|(_, l)| l).or_else(|| a.bytes(1)).map(Value::str)
}

/// A q-factor in thousandths.
fn quality(text: &[u8]) -> u32 {
    let text = text.trim_ascii();
    let whole = text.first().map_or(0, |b| u32::from(b.saturating_sub(b'0')).min(1));
    let digits = text.get(2..).unwrap_or(b"").iter().take(3).take_while(|b| b.is_ascii_digit());
    let (mut fraction, mut scale) = (0, 100);
    for d in digits {
        fraction += u32::from(d - b'0') * scale;
        scale /= 10;
    }
    (whole * 1_000 + fraction).min(1_000)
}
