//! The types a sample can have, its values, and the casts between them (manual 7.1, compatibility matrix).
//!
//! A value borrows from the stream where it can; what had to be computed is owned. Casts never fail loudly: a
//! value that has no meaning in the other type is absent, and an absent sample matches nothing.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What kind of value an expression gives. The names are those of `-dKsmp`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    Any,
    /// Of a converter's output: the type that came in.
    Same,
    Bool,
    Sint,
    /// IPv4 or IPv6, known only when the sample is there.
    Addr,
    Ipv4,
    Ipv6,
    Str,
    Bin,
    Meth,
}

impl Type {
    pub const fn name(self) -> &'static str {
        match self {
            Type::Any => "any",
            Type::Same => "same",
            Type::Bool => "bool",
            Type::Sint => "sint",
            Type::Addr => "addr",
            Type::Ipv4 => "ipv4",
            Type::Ipv6 => "ipv6",
            Type::Str => "str",
            Type::Bin => "bin",
            Type::Meth => "meth",
        }
    }

    /// Whether a value of this type can be made into one of type `to` at all.
    pub const fn casts_to(self, to: Type) -> bool {
        use Type::*;
        match (self, to) {
            (Any | Same, _) | (_, Any | Same) => true,
            (Bool, Bool | Sint | Str | Bin) => true,
            (Bool, _) => false,
            (Sint, Meth) => false,
            (Sint, _) => true,
            (Addr | Ipv4 | Ipv6, Bool | Meth) => false,
            (Ipv6, Sint) => false,
            (Addr | Ipv4 | Ipv6, _) => true,
            (Str, _) => true,
            (Bin, Str | Bin | Meth) => true,
            (Bin, _) => false,
            (Meth, Str | Bin | Meth) => true,
            (Meth, _) => false,
        }
    }
}

/// A sample: a typed value, borrowed from the stream or owned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    Bool(bool),
    Int(i64),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Str(Cow<'a, [u8]>),
    Bin(Cow<'a, [u8]>),
    /// An HTTP method by its name.
    Meth(Cow<'a, [u8]>),
}

impl<'a> Value<'a> {
    pub fn str(bytes: &'a [u8]) -> Value<'a> {
        Value::Str(Cow::Borrowed(bytes))
    }

    pub fn bin(bytes: &'a [u8]) -> Value<'a> {
        Value::Bin(Cow::Borrowed(bytes))
    }

    pub fn string(text: impl Into<Vec<u8>>) -> Value<'static> {
        Value::Str(Cow::Owned(text.into()))
    }

    pub fn addr(ip: IpAddr) -> Value<'static> {
        match ip {
            IpAddr::V4(a) => Value::V4(a),
            IpAddr::V6(a) => Value::V6(a),
        }
    }

    pub fn kind(&self) -> Type {
        match self {
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Sint,
            Value::V4(_) => Type::Ipv4,
            Value::V6(_) => Type::Ipv6,
            Value::Str(_) => Type::Str,
            Value::Bin(_) => Type::Bin,
            Value::Meth(_) => Type::Meth,
        }
    }

    pub fn into_owned(self) -> Value<'static> {
        let own = |b: Cow<'a, [u8]>| Cow::Owned(b.into_owned());
        match self {
            Value::Bool(b) => Value::Bool(b),
            Value::Int(n) => Value::Int(n),
            Value::V4(a) => Value::V4(a),
            Value::V6(a) => Value::V6(a),
            Value::Str(b) => Value::Str(own(b)),
            Value::Bin(b) => Value::Bin(own(b)),
            Value::Meth(b) => Value::Meth(own(b)),
        }
    }

    /// Casts to `to`; absent where the value has no meaning there.
    pub fn cast(self, to: Type) -> Option<Value<'a>> {
        match to {
            Type::Any | Type::Same => Some(self),
            Type::Bool => self.to_int().map(|n| Value::Bool(n != 0)),
            Type::Sint => self.to_int().map(Value::Int),
            Type::Addr => self.to_ip().map(Value::addr),
            Type::Ipv4 => match self.to_ip()? {
                IpAddr::V4(a) => Some(Value::V4(a)),
                IpAddr::V6(a) => embedded_v4(a).map(Value::V4),
            },
            Type::Ipv6 => match self.to_ip()? {
                IpAddr::V4(a) => Some(Value::V6(a.to_ipv6_mapped())),
                IpAddr::V6(a) => Some(Value::V6(a)),
            },
            Type::Str => Some(Value::Str(self.into_text())),
            Type::Bin => Some(Value::Bin(self.into_binary())),
            Type::Meth => match self {
                Value::Str(b) | Value::Bin(b) | Value::Meth(b) => Some(Value::Meth(b)),
                _ => None,
            },
        }
    }

    /// The bytes that `-m str` and the string converters see. A binary value ends at its first NUL byte, which
    /// is where HAProxy's strings end (manual 7.1.3).
    pub fn into_text(self) -> Cow<'a, [u8]> {
        match self {
            Value::Bin(b) => match memchr::memchr(0, &b) {
                None => b,
                Some(n) => cut(b, n),
            },
            Value::Str(b) | Value::Meth(b) => b,
            other => {
                let mut out = Vec::new();
                other.write_text(&mut out);
                Cow::Owned(out)
            }
        }
    }

    fn into_binary(self) -> Cow<'a, [u8]> {
        match self {
            Value::Bool(b) => Cow::Owned(i64::from(b).to_be_bytes().to_vec()),
            Value::Int(n) => Cow::Owned(n.to_be_bytes().to_vec()),
            Value::V4(a) => Cow::Owned(a.octets().to_vec()),
            Value::V6(a) => Cow::Owned(a.octets().to_vec()),
            Value::Str(b) | Value::Bin(b) | Value::Meth(b) => b,
        }
    }

    /// Appends the value as text, binary values with all their bytes.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        use std::io::Write;
        // Writing to a vector cannot fail.
        let _ = match self {
            Value::Bool(b) => out.write_all(if *b { b"1" } else { b"0" }),
            Value::Int(n) => out.write_all(itoa::Buffer::new().format(*n).as_bytes()),
            Value::V4(a) => write!(out, "{a}"),
            Value::V6(a) => write_v6(out, *a),
            Value::Str(b) | Value::Bin(b) | Value::Meth(b) => out.write_all(b),
        };
    }

    /// The value as a number. A text is read as HAProxy reads it: an optional sign and digits up to the first
    /// other character; a text without a digit is 0, an empty one no number.
    pub fn to_int(&self) -> Option<i64> {
        match self {
            Value::Bool(b) => Some(i64::from(*b)),
            Value::Int(n) => Some(*n),
            Value::V4(a) => Some(i64::from(u32::from(*a))),
            Value::Str(b) => Some(leading_int(b)).filter(|_| !b.is_empty()),
            Value::V6(_) | Value::Bin(_) | Value::Meth(_) => None,
        }
    }

    /// The value as an address.
    pub fn to_ip(&self) -> Option<IpAddr> {
        match self {
            Value::V4(a) => Some(IpAddr::V4(*a)),
            Value::V6(a) => Some(IpAddr::V6(*a)),
            Value::Int(n) => Some(IpAddr::V4(Ipv4Addr::from(*n as u32))),
            Value::Str(b) => parse_ip(b),
            Value::Bool(_) | Value::Bin(_) | Value::Meth(_) => None,
        }
    }
}

/// Shortens without copying.
fn cut(bytes: Cow<'_, [u8]>, len: usize) -> Cow<'_, [u8]> {
    match bytes {
        Cow::Borrowed(b) => Cow::Borrowed(b.get(..len).unwrap_or(b)),
        Cow::Owned(mut v) => {
            v.truncate(len);
            Cow::Owned(v)
        }
    }
}

/// Reads an address written out in full; nothing may follow.
pub fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The IPv4 address inside a v4-mapped, v4-compatible or 6to4 address (manual 7.1.6).
pub fn embedded_v4(a: Ipv6Addr) -> Option<Ipv4Addr> {
    let o = a.octets();
    let low = Ipv4Addr::new(o[12], o[13], o[14], o[15]);
    let zeros = |r: std::ops::Range<usize>| o.get(r).is_some_and(|s| s.iter().all(|&b| b == 0));
    if zeros(0..10) && ((o[10], o[11]) == (0xff, 0xff) || (o[10], o[11]) == (0, 0)) {
        return Some(low);
    }
    (o[0] == 0x20 && o[1] == 0x02).then(|| Ipv4Addr::new(o[2], o[3], o[4], o[5]))
}

/// An IPv6 address as the C library prints it.
fn write_v6(out: &mut Vec<u8>, a: Ipv6Addr) -> std::io::Result<()> {
    use std::io::Write;
    write!(out, "{a}")
}

/// An optional sign and the digits that follow; saturates.
pub fn leading_int(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let mut n: i64 = 0;
    for d in digits.iter().take_while(|d| d.is_ascii_digit()).map(|d| i64::from(d - b'0')) {
        n = match n.checked_mul(10).and_then(|n| if negative { n.checked_sub(d) } else { n.checked_add(d) }) {
            Some(n) => n,
            None => return if negative { i64::MIN } else { i64::MAX },
        };
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_value_as_text_ends_at_its_first_nul() {
        assert_eq!(&*Value::bin(b"ab\0c").into_text(), b"ab");
        assert_eq!(&*Value::bin(b"abc").into_text(), b"abc");
    }

    #[test]
    fn texts_become_numbers_up_to_the_first_other_character_and_saturate() {
        for (text, n) in [
            (&b"12ab"[..], 12),
            (b"-7", -7),
            (b"+7", 7),
            (b"x", 0),
            (b"9223372036854775807", i64::MAX),
            (b"9223372036854775808", i64::MAX),
            (b"-9223372036854775808", i64::MIN),
            (b"-99999999999999999999", i64::MIN),
        ] {
            assert_eq!(Value::str(text).to_int(), Some(n), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn an_ipv6_address_is_an_ipv4_one_only_when_it_embeds_one() {
        let v4 = |t: &'static str| Value::str(t.as_bytes()).cast(Type::Ipv4);
        assert_eq!(v4("::ffff:1.2.3.4"), Some(Value::V4(Ipv4Addr::new(1, 2, 3, 4))));
        assert_eq!(v4("2002:102:304::"), Some(Value::V4(Ipv4Addr::new(1, 2, 3, 4))));
        assert_eq!(v4("fe80::1"), None);
    }
}
