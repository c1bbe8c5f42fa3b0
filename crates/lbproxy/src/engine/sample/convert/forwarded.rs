//! The Forwarded header field and its nodes (RFC 7239).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{ArgType, Args, Converter, Ctx, Type, Value};

pub(super) const CONVERTERS: &[Converter] = &[
    row!("rfc7239_field", &[ArgType::Str], 1, Str, Str, "A parameter of a Forwarded header field.", field),
    row!("rfc7239_is_valid", &[], 0, Str, Bool, "Whether it is a sound Forwarded header field.", is_valid),
    row!("rfc7239_n2nn", &[], 0, Str, Any, "The name of a node of a Forwarded header field.", node_name),
    row!("rfc7239_n2np", &[], 0, Str, Any, "The port of a node of a Forwarded header field.", node_port),
    row!("rfc7239_nn", &[], 0, Any, Str, "An address or identifier as the name of a node.", to_name),
    row!("rfc7239_np", &[], 0, Any, Str, "A number or identifier as the port of a node.", to_port),
];

const PARAMETERS: [&[u8]; 4] = [b"proto", b"host", b"for", b"by"];

/// Whether a parameter of that name can be asked for.
pub(crate) fn is_parameter(name: &[u8]) -> bool {
    PARAMETERS.contains(&name)
}

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// One forwarded element, `name=value` between semicolons: the values in the order of [`PARAMETERS`].
fn parse(text: &[u8]) -> Option<[Option<Vec<u8>>; 4]> {
    let (mut found, mut rest) = ([const { None }; 4], text);
    loop {
        let equals = memchr::memchr(b'=', rest)?;
        let name = rest.get(..equals)?.to_ascii_lowercase();
        let at = PARAMETERS.iter().position(|p| *p == name)?;
        let (value, behind) = value(rest.get(equals + 1..)?)?;
        let sound = match at {
            0 => matches!(value.to_ascii_lowercase().as_slice(), b"http" | b"https"),
            1 => is_host(&value),
            _ => node(&value).is_some(),
        };
        let slot = found.get_mut(at).filter(|s| s.is_none() && sound)?;
        *slot = Some(value);
        match behind.split_first() {
            None => return Some(found),
            Some((b';', next)) => rest = next,
            Some(_) => return None,
        }
    }
}

/// A token or a quoted string, and what stands behind it.
fn value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|b| !is_token(*b)).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        return (!value.is_empty()).then(|| (value.to_vec(), rest));
    };
    let mut out = Vec::new();
    loop {
        let (b, behind) = rest.split_first()?;
        rest = behind;
        match b {
            b'"' => return Some((out, rest)),
            b'\\' => {
                let (escaped, behind) = rest.split_first()?;
                out.push(*escaped);
                rest = behind;
            }
            _ => out.push(*b),
        }
    }
}

fn is_host(text: &[u8]) -> bool {
    let (name, port) = match text.first() {
        Some(b'[') => match memchr::memchr(b']', text).and_then(|i| text.split_at_checked(i + 1)) {
            Some((v6, rest)) => (address6(v6).map(|_| v6), rest),
            None => (None, text),
        },
        _ => {
            let end = memchr::memchr(b':', text).unwrap_or(text.len());
            let (name, rest) = text.split_at_checked(end).unwrap_or((text, b""));
            (Some(name).filter(|n| !n.is_empty() && n.iter().all(|b| is_token(*b))), rest)
        }
    };
    let port_ok = match port.split_first() {
        None => true,
        Some((b':', digits)) => digits.iter().all(u8::is_ascii_digit) && digits.len() <= 5,
        Some(_) => false,
    };
    name.is_some() && port_ok
}

/// The name of a node.
enum Name {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Unknown,
    Obfuscated(Vec<u8>),
}

/// The port of a node.
enum Port {
    None,
    Number(u16),
    Obfuscated(Vec<u8>),
}

/// An identifier that hides who it is (RFC 7239 section 6.3).
fn is_obfuscated(text: &[u8]) -> bool {
    text.strip_prefix(b"_").is_some_and(is_identifier)
}

fn is_identifier(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
}

fn address6(text: &[u8]) -> Option<Ipv6Addr> {
    let inner = text.strip_prefix(b"[")?.strip_suffix(b"]")?;
    std::str::from_utf8(inner).ok()?.parse().ok()
}

/// RFC 7239 section 6.
fn node(text: &[u8]) -> Option<(Name, Port)> {
    let end = if text.first() == Some(&b'[') { memchr::memchr(b']', text)? + 1 } else { 0 };
    let colon = text.get(end..).and_then(|t| memchr::memchr(b':', t)).map(|i| i + end);
    let (name, port) = match colon {
        Some(i) => (text.get(..i)?, Some(text.get(i + 1..)?)),
        None => (text, None),
    };
    let name = match name {
        b"unknown" => Name::Unknown,
        n if n.first() == Some(&b'[') => Name::V6(address6(n)?),
        n if is_obfuscated(n) => Name::Obfuscated(n.to_vec()),
        n => Name::V4(std::str::from_utf8(n).ok()?.parse().ok()?),
    };
    let port = match port {
        None => Port::None,
        Some(p) if is_obfuscated(p) => Port::Obfuscated(p.to_vec()),
        Some(p) if p.len() <= 5 && p.iter().all(u8::is_ascii_digit) => {
            Port::Number(std::str::from_utf8(p).ok()?.parse().ok()?)
        }
        Some(_) => return None,
    };
    Some((name, port))
}

fn field<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let at = PARAMETERS.iter().position(|p| Some(*p) == a.bytes(0))?;
    let found = parse(&v.into_text())?;
    found.into_iter().nth(at)?.map(Value::string)
}

fn is_valid<'c>(v: Value<'c>, _: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    Some(Value::Bool(parse(&v.into_text()).is_some()))
}

fn node_name<'c>(v: Value<'c>, _: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    Some(match node(&v.into_text())?.0 {
        Name::V4(a) => Value::V4(a),
        Name::V6(a) => Value::V6(a),
        Name::Unknown => Value::str(b"unknown"),
        Name::Obfuscated(id) => Value::string(id),
    })
}

fn node_port<'c>(v: Value<'c>, _: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    match node(&v.into_text())?.1 {
        Port::None => None,
        Port::Number(n) => Some(Value::Int(n.into())),
        Port::Obfuscated(id) => Some(Value::string(id)),
    }
}

fn to_name<'c>(v: Value<'c>, _: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    Some(Value::string(match v {
        Value::V4(a) => a.to_string(),
        Value::V6(a) => format!("[{a}]"),
        Value::Str(s) if s.is_empty() => "unknown".to_owned(),
        Value::Str(s) if is_identifier(&s) => format!("_{}", String::from_utf8_lossy(&s)),
        _ => return None,
    }))
}

fn to_port<'c>(v: Value<'c>, _: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    Some(Value::string(match v {
        Value::Int(n) => u16::try_from(n).ok()?.to_string(),
        Value::Str(s) if is_identifier(&s) => format!("_{}", String::from_utf8_lossy(&s)),
        _ => return None,
    }))
}
