//! MQTT 3.1, 3.1.1 and 5.0: the packets CONNECT and CONNACK (OASIS standards, chapters 2 and 3).

use super::{ArgType, Args, Converter, Ctx, Type, Value};

pub(super) const CONVERTERS: &[Converter] = &[
    row!(
        "mqtt_field_value",
        &[ArgType::Str; 2],
        2,
        Bin,
        Bin,
        "Value of a field or property of an MQTT packet.",
        field_value
    ),
    row!("mqtt_is_valid", &[], 0, Bin, Bool, "Whether it is a sound MQTT packet.", is_valid),
];

/// What is read of a packet.
#[derive(Debug, Default)]
struct Packet<'d> {
    /// 1 for CONNECT, 2 for CONNACK.
    kind: u8,
    version: u8,
    flags: u8,
    /// CONNACK.
    reason: u8,
    protocol: &'d [u8],
    keep_alive: u16,
    client: &'d [u8],
    will_topic: Option<&'d [u8]>,
    will_payload: Option<&'d [u8]>,
    user: Option<&'d [u8]>,
    password: Option<&'d [u8]>,
    properties: &'d [u8],
    will_properties: &'d [u8],
}

/// The type of a packet by name or number.
pub(crate) fn packet_type(text: &[u8]) -> Option<u8> {
    match text.to_ascii_lowercase().as_slice() {
        b"connect" | b"1" => Some(1),
        b"connack" | b"2" => Some(2),
        _ => None,
    }
}

/// Fields of a type of packet; numbers are properties.
pub(crate) fn is_field(kind: u8, name: &[u8]) -> bool {
    const CONNECT: &[&[u8]] = &[
        b"flags",
        b"protocol_name",
        b"protocol_version",
        b"client_identifier",
        b"will_topic",
        b"will_payload",
        b"username",
        b"password",
        b"keepalive",
    ];
    const CONNACK: &[&[u8]] = &[b"flags", b"protocol_version", b"reason_code"];
    let known = if kind == 1 { CONNECT } else { CONNACK };
    known.contains(&name.to_ascii_lowercase().as_slice()) || property_id(name).is_some()
}

fn property_id(name: &[u8]) -> Option<u8> {
    let id = std::str::from_utf8(name).ok()?.parse().ok()?;
    property_kind(id).filter(|k| *k != Kind::Pair).map(|_| id)
}

fn byte(data: &mut &[u8]) -> Option<u8> {
    let (first, rest) = data.split_first()?;
    *data = rest;
    Some(*first)
}

fn take<'d>(data: &mut &'d [u8], len: usize) -> Option<&'d [u8]> {
    let (head, rest) = data.split_at_checked(len)?;
    *data = rest;
    Some(head)
}

fn big_endian(data: &mut &[u8], len: usize) -> Option<u64> {
    Some(take(data, len)?.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
}

/// A length before the bytes.
fn text<'d>(data: &mut &'d [u8]) -> Option<&'d [u8]> {
    let len = big_endian(data, 2)?;
    take(data, len as usize)
}

/// Section 2.2.3 (1.5.5 in 5.0): seven bits a byte, at most four bytes.
fn variable(data: &mut &[u8]) -> Option<usize> {
    let mut n = 0;
    for shift in [0, 7, 14, 21] {
        let b = byte(data)?;
        n |= usize::from(b & 0x7f) << shift;
        if b & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

/// How a property is written (5.0, table 2-4).
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number(usize),
    Variable,
    Text,
    Pair,
}

fn property_kind(id: u8) -> Option<Kind> {
    Some(match id {
        1 | 23 | 25 | 36 | 37 | 40 | 41 | 42 => Kind::Number(1),
        19 | 33 | 34 | 35 => Kind::Number(2),
        2 | 17 | 24 | 39 => Kind::Number(4),
        11 => Kind::Variable,
        3 | 8 | 9 | 18 | 21 | 22 | 26 | 28 | 31 => Kind::Text,
        38 => Kind::Pair,
        _ => return None,
    })
}

/// The next property: its identifier, and its value as text.
fn property(data: &mut &[u8]) -> Option<(u8, Vec<u8>)> {
    let id = byte(data)?;
    let value = match property_kind(id)? {
        Kind::Number(len) => big_endian(data, len)?.to_string().into_bytes(),
        Kind::Variable => variable(data)?.to_string().into_bytes(),
        Kind::Text => text(data)?.to_vec(),
        Kind::Pair => {
            text(data)?;
            text(data)?.to_vec()
        }
    };
    Some((id, value))
}

/// A list of properties with its length; each must be sound.
fn properties<'d>(data: &mut &'d [u8]) -> Option<&'d [u8]> {
    let len = variable(data)?;
    let all = take(data, len)?;
    let mut rest = all;
    while !rest.is_empty() {
        property(&mut rest)?;
    }
    Some(all)
}

fn parse(data: &[u8]) -> Option<Packet<'_>> {
    let mut rest = data;
    let kind = match byte(&mut rest)? {
        0x10 => 1,
        0x20 => 2,
        _ => return None,
    };
    let len = variable(&mut rest)?;
    // Another packet may follow.
    let mut rest = rest.get(..len)?;
    let mut packet = Packet { kind, ..Packet::default() };
    if kind == 1 {
        connect(&mut rest, &mut packet)?
    } else {
        connack(&mut rest, &mut packet)?
    };
    rest.is_empty().then_some(packet)
}

fn connect<'d>(rest: &mut &'d [u8], p: &mut Packet<'d>) -> Option<()> {
    p.protocol = text(rest)?;
    p.version = byte(rest)?;
    if !matches!((p.protocol, p.version), (b"MQTT", 4 | 5) | (b"MQIsdp", 3)) {
        return None;
    }
    p.flags = byte(rest)?;
    // Section 3.1.2.3: the lowest bit is reserved.
    if p.flags & 1 != 0 {
        return None;
    }
    p.keep_alive = big_endian(rest, 2)? as u16;
    if p.version == 5 {
        p.properties = properties(rest)?;
    }
    p.client = text(rest)?;
    if p.flags & 0x04 != 0 {
        if p.version == 5 {
            p.will_properties = properties(rest)?;
        }
        p.will_topic = Some(text(rest)?);
        p.will_payload = Some(text(rest)?);
    }
    if p.flags & 0x80 != 0 {
        p.user = Some(text(rest)?);
    }
    if p.flags & 0x40 != 0 {
        p.password = Some(text(rest)?);
    }
    Some(())
}

fn connack<'d>(rest: &mut &'d [u8], p: &mut Packet<'d>) -> Option<()> {
    p.flags = byte(rest)?;
    p.reason = byte(rest)?;
    // Section 3.2.2.1: bits 7 to 1 are reserved.
    if p.flags > 1 {
        return None;
    }
    // Only 5.0 has something behind the code.
    p.version = if rest.is_empty() { 4 } else { 5 };
    if p.version == 5 {
        p.properties = properties(rest)?;
    }
    Some(())
}

fn is_valid<'c>(v: Value<'c>, _: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let Value::Bin(data) = v else { return None };
    Some(Value::Bool(parse(&data).is_some()))
}

fn field_value<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let (kind, name) = (packet_type(a.bytes(0)?)?, a.bytes(1)?);
    let Value::Bin(data) = v else { return None };
    let p = parse(&data).filter(|p| p.kind == kind)?;
    let number = |n: u16| Some(n.to_string().into_bytes());
    let bytes = |b: Option<&[u8]>| b.map(<[u8]>::to_vec);
    let found = match name.to_ascii_lowercase().as_slice() {
        b"flags" => number(p.flags.into()),
        b"protocol_version" => number(p.version.into()),
        b"reason_code" => number(p.reason.into()),
        b"keepalive" => number(p.keep_alive),
        b"protocol_name" => bytes(Some(p.protocol)),
        b"client_identifier" => bytes(Some(p.client)),
        b"will_topic" => bytes(p.will_topic),
        b"will_payload" => bytes(p.will_payload),
        b"username" => bytes(p.user),
        b"password" => bytes(p.password),
        _ => property_of(&p, property_id(name)?),
    };
    Some(Value::Bin(found?.into()))
}

fn property_of(p: &Packet<'_>, wanted: u8) -> Option<Vec<u8>> {
    for mut list in [p.properties, p.will_properties] {
        while let Some((id, value)) = property(&mut list) {
            if id == wanted {
                return Some(value);
            }
        }
    }
    None
}
