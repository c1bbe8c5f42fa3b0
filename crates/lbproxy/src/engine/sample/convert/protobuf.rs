//! Fields of protocol buffers and of gRPC messages (protobuf.dev, "Encoding").

use super::{Arg, ArgType, Args, Converter, Ctx, Type, Value};

pub(super) const CONVERTERS: &[Converter] = &[
    row!("protobuf", &[ArgType::Str; 2], 1, Bin, Any, "A field of a protocol buffer.", protobuf),
    row!("ungrpc", &[ArgType::Str; 2], 1, Bin, Any, "A field of a gRPC message.", ungrpc),
];

/// How the bytes of a field become a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Number {
    Varint,
    /// Zigzag.
    Signed,
    Fixed32 {
        signed: bool,
    },
    Fixed64,
    Float,
    Double,
}

fn number(name: &[u8]) -> Option<Number> {
    Some(match name {
        b"int32" | b"int64" | b"uint32" | b"uint64" | b"bool" | b"enum" => Number::Varint,
        b"sint32" | b"sint64" => Number::Signed,
        b"fixed32" => Number::Fixed32 { signed: false },
        b"sfixed32" => Number::Fixed32 { signed: true },
        b"fixed64" | b"sfixed64" => Number::Fixed64,
        b"float" => Number::Float,
        b"double" => Number::Double,
        _ => return None,
    })
}

/// Whether a type of that name is one of a number.
pub(crate) fn is_number(name: &[u8]) -> bool {
    number(name).is_some()
}

/// The path of a field, `48.59.1`; `None` when a part is no field number.
pub(crate) fn path(text: &[u8]) -> Option<Vec<u64>> {
    let text = std::str::from_utf8(text).ok()?;
    text.split('.').map(|p| p.parse().ok().filter(|n| (1..1 << 29).contains(n))).collect()
}

fn varint(data: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for i in 0..10u32 {
        let (b, rest) = data.split_first()?;
        *data = rest;
        n |= u64::from(b & 0x7f).checked_shl(7 * i).unwrap_or(0);
        if b & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

/// The next field: number, wire type, the bytes of its value.
fn field<'d>(data: &mut &'d [u8]) -> Option<(u64, u64, &'d [u8])> {
    let tag = varint(data)?;
    let (id, wire) = (tag >> 3, tag & 7);
    let len = match wire {
        0 => {
            let mut rest = *data;
            varint(&mut rest)?;
            data.len() - rest.len()
        }
        1 => 8,
        2 => usize::try_from(varint(data)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (value, rest) = data.split_at_checked(len)?;
    *data = rest;
    Some((id, wire, value))
}

/// Every part of the path but the last must be a message of its own.
fn find<'d>(data: &'d [u8], path: &[u64]) -> Option<(u64, &'d [u8])> {
    let (wanted, deeper) = path.split_first()?;
    let mut rest = data;
    while !rest.is_empty() {
        let (id, wire, value) = field(&mut rest)?;
        if id != *wanted {
            continue;
        }
        if deeper.is_empty() {
            return Some((wire, value));
        }
        return if wire == 2 { find(value, deeper) } else { None };
    }
    None
}

fn little_endian(value: &[u8]) -> u64 {
    value.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
}

fn as_number(wire: u64, mut value: &[u8], kind: Number) -> Option<i64> {
    Some(match (wire, kind) {
        (0, Number::Varint) => varint(&mut value)? as i64,
        (0, Number::Signed) => {
            let n = varint(&mut value)?;
            (n >> 1) as i64 ^ -((n & 1) as i64)
        }
        (1, Number::Fixed64) => little_endian(value) as i64,
        (1, Number::Double) => f64::from_bits(little_endian(value)) as i64,
        (5, Number::Fixed32 { signed: true }) => i64::from(little_endian(value) as u32 as i32),
        (5, Number::Fixed32 { signed: false }) => little_endian(value) as i64,
        (5, Number::Float) => f32::from_bits(little_endian(value) as u32) as i64,
        _ => return None,
    })
}

fn extract<'c>(data: &[u8], a: Args<'c>) -> Option<Value<'c>> {
    let (wire, value) = match a.get(0)? {
        Arg::Path(path) => find(data, path)?,
        _ => return None,
    };
    match a.bytes(1) {
        None => Some(Value::Bin(value.to_vec().into())),
        Some(name) => as_number(wire, value, number(name)?).map(Value::Int),
    }
}

fn protobuf<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let Value::Bin(data) = v else { return None };
    extract(&data, a)
}

/// Messages come one behind the other, each behind a byte of flags and its length in four.
fn ungrpc<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let Value::Bin(data) = v else { return None };
    let mut rest: &[u8] = &data;
    while let Some((head, behind)) = rest.split_at_checked(5) {
        let len = head.get(1..)?.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        let message = behind.get(..len)?;
        if let Some(found) = extract(message, a) {
            return Some(found);
        }
        rest = behind.get(len..)?;
    }
    None
}
