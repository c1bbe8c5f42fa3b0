//! Encodings: hexadecimal, base64, percent.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose as b64};

use super::{ArgType, Args, Converter, Ctx, Type, Value};

const CHUNKS: &[ArgType] = &[ArgType::Str, ArgType::Int, ArgType::Int];

pub(super) const CONVERTERS: &[Converter] = &[
    row!("b64dec", &[], 0, Str, Bin, "Decodes base64.", |v, _, _| b64::STANDARD
        .decode(v.into_text())
        .ok()
        .map(|d| Value::Bin(d.into()))),
    row!("base2", &[], 0, Bin, Str, "Eight binary digits per byte.", base2),
    row!("base64", &[], 0, Bin, Str, "Encodes in base64.", |v, _, _| Some(Value::string(
        b64::STANDARD.encode(data(v)?)
    ))),
    row!(
        "be2dec",
        CHUNKS,
        2,
        Bin,
        Str,
        "Groups of bytes as decimal numbers, most significant byte first.",
        |v, a, _| decimal(v, a, false)
    ),
    row!("be2hex", CHUNKS, 0, Bin, Str, "Groups of bytes as hexadecimal digits.", be2hex),
    row!("hex", &[], 0, Bin, Str, "Two hexadecimal digits per byte.", |v, _, _| Some(Value::string(hex(
        &data(v)?
    )))),
    row!("hex2i", &[], 0, Str, Sint, "A number from hexadecimal digits.", |v, _, _| hex2i(&v.into_text())
        .map(Value::Int)),
    row!(
        "le2dec",
        CHUNKS,
        2,
        Bin,
        Str,
        "Groups of bytes as decimal numbers, least significant byte first.",
        |v, a, _| decimal(v, a, true)
    ),
    row!("ub64dec", &[], 0, Str, Bin, "Decodes base64 of the URL alphabet, without padding.", |v, _, _| {
        b64::URL_SAFE_NO_PAD.decode(v.into_text().trim_ascii_end()).ok().map(|d| Value::Bin(d.into()))
    }),
    row!(
        "ub64enc",
        &[],
        0,
        Bin,
        Str,
        "Encodes in base64 of the URL alphabet, without padding.",
        |v, _, _| Some(Value::string(b64::URL_SAFE_NO_PAD.encode(data(v)?)))
    ),
    row!("url_dec", &[ArgType::Int], 0, Str, Str, "Decodes percent signs, and `+` in a query.", url_dec),
    row!("url_enc", &[ArgType::Str], 0, Str, Str, "Encodes what a query may not hold.", |v, _, _| Some(
        Value::string(url_encode(&v.into_text()))
    )),
];

fn data(v: Value<'_>) -> Option<Cow<'_, [u8]>> {
    match v {
        Value::Bin(b) | Value::Str(b) => Some(b),
        _ => None,
    }
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

fn push_hex(out: &mut Vec<u8>, b: u8) {
    let digit = |n: u8| DIGITS.get(usize::from(n)).copied().unwrap_or(b'0');
    out.extend([digit(b >> 4), digit(b & 15)]);
}

fn hex(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() * 2);
    data.iter().for_each(|&b| push_hex(&mut out, b));
    out
}

fn base2<'c>(v: Value<'c>, _: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let mut out = Vec::new();
    for b in data(v)?.iter() {
        out.extend((0..8).rev().map(|i| b'0' + (b >> i & 1)));
    }
    Some(Value::string(out))
}

fn hex2i(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok().and_then(|t| u64::from_str_radix(t, 16).ok()).map(|n| n as i64)
}

/// Groups of bytes; the last may be short, unless it is to be cut.
fn groups<'d>(data: &'d [u8], a: Args<'_>) -> impl Iterator<Item = &'d [u8]> {
    let size = a.int(1).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let cut = a.int(2).unwrap_or(0) != 0 && size > 0;
    let size = if size == 0 { data.len().max(1) } else { size };
    data.chunks(size).filter(move |c| !cut || c.len() == size)
}

fn be2hex<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let data = data(v)?;
    let parts: Vec<Vec<u8>> = groups(&data, a).map(hex).collect();
    Some(Value::string(parts.join(a.bytes(0).unwrap_or(b""))))
}

fn decimal<'c>(v: Value<'c>, a: Args<'c>, little: bool) -> Option<Value<'c>> {
    let data = data(v)?;
    let number = |c: &[u8]| {
        let fold = |n: u64, b: &u8| n << 8 | u64::from(*b);
        if little { c.iter().rev().fold(0, fold) } else { c.iter().fold(0, fold) }
    };
    let parts: Vec<Vec<u8>> = groups(&data, a).map(|c| number(c).to_string().into_bytes()).collect();
    Some(Value::string(parts.join(a.bytes(0).unwrap_or(b""))))
}

/// A malformed percent sign has no decoded form.
fn url_dec<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let mut in_query = a.int(0).unwrap_or(0) != 0;
    let text = v.into_text();
    if !text.iter().any(|b| matches!(b, b'%' | b'+')) {
        return Some(Value::Str(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(b) = bytes.next() {
        match b {
            b'+' if in_query => out.push(b' '),
            b'?' => {
                in_query = true;
                out.push(b);
            }
            b'%' => {
                let digit = |b: Option<u8>| b.and_then(|b| (b as char).to_digit(16));
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                out.push((high << 4 | low) as u8);
            }
            _ => out.push(b),
        }
    }
    Some(Value::string(out))
}

/// RFC 3986 section 2.3: unreserved characters stay.
fn url_encode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &b in text {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            out.push(b);
        } else {
            out.push(b'%');
            push_hex(&mut out, b);
        }
    }
    out
}
