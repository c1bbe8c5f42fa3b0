//! Keys of stick tables (manual 11.1, `type`) and how samples become them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::engine::sample::{Type, Value};

/// Longest text when no length is given, bytes.
pub const LEN_DEFAULT: usize = 32;

/// `type` of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KeyType {
    #[default]
    Ip,
    Ipv6,
    Integer,
    /// Longest text, bytes.
    String(usize),
    /// Length in bytes.
    Binary(usize),
}

impl KeyType {
    /// As `show table` names it.
    pub const fn name(self) -> &'static str {
        match self {
            KeyType::Ip => "ip",
            KeyType::Ipv6 => "ipv6",
            KeyType::Integer => "integer",
            KeyType::String(_) => "string",
            KeyType::Binary(_) => "binary",
        }
    }

    /// The type that an expression's value must cast to.
    pub const fn sample_type(self) -> Type {
        match self {
            KeyType::Ip => Type::Ipv4,
            KeyType::Ipv6 => Type::Ipv6,
            KeyType::Integer => Type::Sint,
            KeyType::String(_) => Type::Str,
            KeyType::Binary(_) => Type::Bin,
        }
    }
}

/// One key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Key {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Integer(u32),
    Text(Box<[u8]>),
    Binary(Box<[u8]>),
}

impl Key {
    /// The key that a sample makes; an empty text makes none.
    pub fn of(kind: KeyType, value: Value<'_>) -> Option<Key> {
        Some(match (kind, value.cast(kind.sample_type())?) {
            (KeyType::Ip, Value::V4(a)) => Key::V4(a),
            (KeyType::Ipv6, Value::V6(a)) => Key::V6(a),
            (KeyType::Integer, Value::Int(n)) => Key::Integer(n as u32),
            (KeyType::String(max), Value::Str(t)) => {
                let cut = t.get(..max).unwrap_or(&t);
                (!cut.is_empty()).then(|| Key::Text(cut.into()))?
            }
            (KeyType::Binary(len), Value::Bin(b)) if !b.is_empty() => {
                let mut block = vec![0; len];
                block.iter_mut().zip(b.iter()).for_each(|(to, from)| *to = *from);
                Key::Binary(block.into())
            }
            _ => return None,
        })
    }

    /// The key that a word of a command names (`clear table … key`).
    pub fn parse(kind: KeyType, text: &str) -> Option<Key> {
        match kind {
            KeyType::Ip => text.parse().ok().map(Key::V4),
            KeyType::Ipv6 => match text.parse().ok()? {
                IpAddr::V4(a) => Some(Key::V6(a.to_ipv6_mapped())),
                IpAddr::V6(a) => Some(Key::V6(a)),
            },
            KeyType::Integer => text.parse().ok().map(Key::Integer),
            KeyType::String(_) => Key::of(kind, Value::str(text.as_bytes())),
            KeyType::Binary(_) => {
                let bytes = crate::engine::pattern::unhex(text.as_bytes())?;
                Key::of(kind, Value::Bin(bytes.into()))
            }
        }
    }

    /// The key of a client's address.
    pub fn of_ip(kind: KeyType, ip: IpAddr) -> Option<Key> {
        Key::of(kind, Value::addr(ip))
    }

    /// As a sample again (`sc_key`).
    pub fn value(&self) -> Value<'static> {
        match self {
            Key::V4(a) => Value::V4(*a),
            Key::V6(a) => Value::V6(*a),
            Key::Integer(n) => Value::Int(i64::from(*n)),
            Key::Text(t) => Value::Str(t.to_vec().into()),
            Key::Binary(b) => Value::Bin(b.to_vec().into()),
        }
    }
}

/// As `show table` prints it: binary keys in upper-case hexadecimal digits.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::V4(a) => write!(f, "{a}"),
            Key::V6(a) => write!(f, "{a}"),
            Key::Integer(n) => write!(f, "{n}"),
            Key::Text(t) => write!(f, "{}", t.escape_ascii()),
            Key::Binary(b) => b.iter().try_for_each(|x| write!(f, "{x:02X}")),
        }
    }
}
