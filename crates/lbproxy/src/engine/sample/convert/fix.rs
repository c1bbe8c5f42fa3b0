//! The Financial Information eXchange protocol: fields `tag=value`, each ended by the byte 1.

use super::{ArgType, Args, Converter, Ctx, Type, Value};

pub(super) const CONVERTERS: &[Converter] = &[
    row!("fix_is_valid", &[], 0, Bin, Bool, "Whether it is a sound FIX message.", is_valid),
    row!("fix_tag_value", &[ArgType::Str], 1, Bin, Bin, "Value of a field of a FIX message.", tag_value),
];

const END: u8 = 1;
const VERSIONS: &[&[u8]] = &[b"FIX.4.0", b"FIX.4.1", b"FIX.4.2", b"FIX.4.3", b"FIX.4.4", b"FIXT.1.1"];
const NAMES: &[(&[u8], u32)] = &[
    (b"BeginString", 8),
    (b"BodyLength", 9),
    (b"CheckSum", 10),
    (b"MsgType", 35),
    (b"SenderCompID", 49),
    (b"TargetCompID", 56),
];

/// The number of a tag that is written as a name or a number.
pub(crate) fn tag(text: &[u8]) -> Option<u32> {
    match NAMES.iter().find(|(name, _)| *name == text) {
        Some((_, n)) => Some(*n),
        None => number(text),
    }
}

fn number(text: &[u8]) -> Option<u32> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if digits { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// A field and where the next one begins.
fn field(data: &[u8], at: usize) -> Option<(u32, &[u8], usize)> {
    let rest = data.get(at..)?;
    let end = memchr::memchr(END, rest)?;
    let text = rest.get(..end)?;
    let equals = memchr::memchr(b'=', text)?;
    let value = text.get(equals + 1..).filter(|v| !v.is_empty())?;
    Some((number(text.get(..equals)?)?, value, at + end + 1))
}

fn is_valid<'c>(v: Value<'c>, _: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let Value::Bin(data) = v else { return None };
    Some(Value::Bool(is_message(&data).is_some()))
}

/// BeginString, BodyLength and MsgType first, the length right, behind it the right checksum. Another message may
/// follow.
fn is_message(data: &[u8]) -> Option<()> {
    let (tag, version, at) = field(data, 0)?;
    let (length_tag, length, body) = field(data, at)?;
    let (type_tag, _, mut at) = field(data, body)?;
    if (tag, length_tag, type_tag) != (8, 9, 35) || !VERSIONS.contains(&version) {
        return None;
    }
    let end = body.checked_add(usize::try_from(number(length)?).ok()?)?;
    while at < end {
        at = field(data, at)?.2;
    }
    let (tag, sum, _) = field(data, end).filter(|_| at == end)?;
    let computed = data.get(..end)?.iter().fold(0u8, |n, b| n.wrapping_add(*b));
    (tag == 10 && sum.len() == 3 && number(sum)? == u32::from(computed)).then_some(())
}

fn tag_value<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let wanted = tag(a.bytes(0)?)?;
    let Value::Bin(data) = v else { return None };
    let mut at = 0;
    while let Some((tag, value, next)) = field(&data, at) {
        if tag == wanted {
            return Some(Value::Bin(value.to_vec().into()));
        }
        at = next;
    }
    None
}
