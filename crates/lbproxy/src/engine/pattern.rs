//! Patterns: what a sample is compared with (manual 7.1), for ACLs and maps.
//!
//! Owns: the match methods, the sets of patterns built for them, and maps from patterns to values. Invariants: a
//! set is immutable; a match allocates nothing but, for long values compared without case, one folded copy; few
//! patterns are compared one by one, many are looked up.

pub mod address;
pub mod integer;
pub mod list;
pub mod regex;
pub mod text;

use std::{borrow::Cow, sync::Arc};

pub use self::regex::Regex;
use self::{address::Nets, integer::Range, list::Live, text::Texts};
use super::sample::{Type, Value};

/// How a sample is compared (`-m`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Found,
    Bool,
    Int,
    Ip,
    Bin,
    Len,
    Str,
    Beg,
    Sub,
    Dir,
    Dom,
    End,
    Reg,
}

impl Method {
    pub const ALL: &[Method] = &[
        Method::Found,
        Method::Bool,
        Method::Int,
        Method::Ip,
        Method::Bin,
        Method::Len,
        Method::Str,
        Method::Beg,
        Method::Sub,
        Method::Dir,
        Method::Dom,
        Method::End,
        Method::Reg,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Method::Found => "found",
            Method::Bool => "bool",
            Method::Int => "int",
            Method::Ip => "ip",
            Method::Bin => "bin",
            Method::Len => "len",
            Method::Str => "str",
            Method::Beg => "beg",
            Method::Sub => "sub",
            Method::Dir => "dir",
            Method::Dom => "dom",
            Method::End => "end",
            Method::Reg => "reg",
        }
    }

    pub fn find(name: &str) -> Option<Method> {
        Method::ALL.iter().copied().find(|m| m.name() == name)
    }

    /// The method that a sample's type has without `-m`; texts and binaries of unsuffixed fetches have none
    /// unless the criterion is an ACL keyword.
    pub const fn of(kind: Type) -> Option<Method> {
        match kind {
            Type::Bool => Some(Method::Bool),
            Type::Sint => Some(Method::Int),
            Type::Addr | Type::Ipv4 | Type::Ipv6 => Some(Method::Ip),
            Type::Str | Type::Meth => Some(Method::Str),
            Type::Bin | Type::Any | Type::Same => None,
        }
    }

    /// Whether samples of a type can be compared this way (manual 7.1, compatibility matrix).
    pub const fn takes(self, kind: Type) -> bool {
        match self {
            Method::Found => true,
            Method::Bool | Method::Int => {
                kind.casts_to(Type::Sint) && !matches!(kind, Type::Addr | Type::Ipv4 | Type::Ipv6)
            }
            Method::Ip => {
                matches!(kind, Type::Any | Type::Same | Type::Addr | Type::Ipv4 | Type::Ipv6 | Type::Str)
            }
            Method::Bin => matches!(kind, Type::Any | Type::Same | Type::Str | Type::Bin),
            _ => true,
        }
    }

    /// Whether patterns must be given.
    pub const fn needs_patterns(self) -> bool {
        !matches!(self, Method::Found | Method::Bool)
    }
}

/// Why a pattern is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadPattern {
    #[error("`{0}` is no number, range such as 10:20, or operator (eq, ge, gt, le, lt)")]
    Integer(String),
    #[error("`{0}` is no address or network such as 10.0.0.0/8")]
    Address(String),
    #[error("`{0}` is no even number of hexadecimal digits")]
    Hex(String),
    #[error("{0}")]
    Regex(String),
}

/// A set of patterns of one method.
#[derive(Clone, Debug)]
pub struct Patterns {
    pub method: Method,
    set: Set,
    /// The lists that they come from, where these can be changed.
    live: Option<Arc<Live>>,
}

#[derive(Clone, Debug)]
enum Set {
    None,
    Ints(Vec<Range>),
    Nets(Nets),
    Texts(Texts),
    Regexes(Vec<Regex>),
}

impl Patterns {
    /// Builds a set; an error comes with the index of the word at fault. For integers, words such as `ge` are
    /// operators for those that follow.
    pub fn build<S: AsRef<[u8]>>(
        method: Method,
        no_case: bool,
        words: &[S],
    ) -> Result<Patterns, (usize, BadPattern)> {
        let lossy = |w: &[u8]| String::from_utf8_lossy(w).into_owned();
        let set = match method {
            Method::Found | Method::Bool => Set::None,
            Method::Int | Method::Len => Set::Ints(integer::parse(words)?),
            Method::Ip => {
                let mut nets = Nets::default();
                for (i, w) in words.iter().enumerate() {
                    let bad = || (i, BadPattern::Address(lossy(w.as_ref())));
                    nets.add(w.as_ref(), i).ok_or_else(bad)?;
                }
                Set::Nets(nets)
            }
            Method::Bin => {
                let mut list = Vec::with_capacity(words.len());
                for (i, w) in words.iter().enumerate() {
                    list.push(unhex(w.as_ref()).ok_or_else(|| (i, BadPattern::Hex(lossy(w.as_ref()))))?);
                }
                Set::Texts(Texts::new(Method::Bin, no_case, list))
            }
            Method::Reg => {
                let mut list = Vec::with_capacity(words.len());
                for (i, w) in words.iter().enumerate() {
                    list.push(
                        Regex::new(&lossy(w.as_ref()), no_case).map_err(|e| (i, BadPattern::Regex(e)))?,
                    );
                }
                Set::Regexes(list)
            }
            _ => Set::Texts(Texts::new(method, no_case, words.iter().map(|w| w.as_ref().to_vec()).collect())),
        };
        Ok(Patterns { method, set, live: None })
    }

    /// The same patterns, which follow the lists that they were built of.
    pub fn with_lists(mut self, live: Arc<Live>) -> Patterns {
        self.live = Some(live);
        self
    }

    /// Whether the value matches any pattern.
    pub fn matches(&self, value: &Value<'_>) -> bool {
        match self.method {
            Method::Found => true,
            Method::Bool => value.to_int().is_some_and(|n| n != 0),
            _ => self.find(value).is_some(),
        }
    }

    /// Index of the pattern that the value matches: the first, except that prefixes and networks prefer the
    /// longest.
    pub fn find(&self, value: &Value<'_>) -> Option<usize> {
        if let Some(now) = self.live.as_ref().and_then(|l| l.changed()) {
            return now.patterns.find(value);
        }
        match &self.set {
            Set::None => None,
            Set::Ints(list) => {
                let n = match self.method {
                    Method::Len => text_of(value).len() as i64,
                    _ => value.to_int()?,
                };
                list.iter().position(|r| r.holds(n))
            }
            Set::Nets(nets) => nets.find(value.to_ip()?),
            Set::Texts(texts) if self.method == Method::Bin => match value {
                Value::Str(b) | Value::Bin(b) | Value::Meth(b) => texts.find(b),
                _ => None,
            },
            Set::Texts(texts) => texts.find(&text_of(value)),
            Set::Regexes(list) => {
                let text = text_of(value);
                list.iter().position(|r| r.is_match(&text))
            }
        }
    }
}

/// The value as text, without a copy where it is one.
fn text_of<'v>(value: &'v Value<'_>) -> Cow<'v, [u8]> {
    match value {
        Value::Str(b) | Value::Meth(b) => Cow::Borrowed(b),
        Value::Bin(b) => Cow::Borrowed(b.split(|&c| c == 0).next().unwrap_or(b)),
        other => {
            let mut out = Vec::new();
            other.write_text(&mut out);
            Cow::Owned(out)
        }
    }
}

/// Bytes from hexadecimal digits.
pub fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks_exact(2).map(|p| Some(digit(*p.first()?)? << 4 | digit(*p.get(1)?)?)).collect()
}

/// A map: patterns with a value each, read from a file (manual 7.3.1, `map`).
#[derive(Clone, Debug)]
pub struct Map {
    /// The file's name, by which commands find it.
    pub name: String,
    patterns: Patterns,
    values: Vec<Value<'static>>,
    live: Arc<Live>,
}

impl Map {
    pub fn new(name: &str, patterns: Patterns, values: Vec<Value<'static>>, live: Arc<Live>) -> Map {
        Map { name: name.to_owned(), patterns, values, live }
    }

    /// The value of a key, without a copy as long as the map is as it was read.
    pub fn get<'m>(&'m self, key: &Value<'_>) -> Option<Value<'m>> {
        if let Some(now) = self.live.changed() {
            return now.values.get(now.patterns.find(key)?).cloned();
        }
        match self.values.get(self.patterns.find(key)?)? {
            Value::Str(text) => Some(Value::str(text)),
            other => Some(other.clone()),
        }
    }

    /// Hands the expression that matches, and its value, to `then`.
    pub fn with_regex<R>(&self, text: &[u8], then: impl FnOnce(&Regex, &Value<'static>) -> R) -> Option<R> {
        let now = self.live.changed();
        let (patterns, values) = match &now {
            Some(now) => (&now.patterns, &now.values),
            None => (&self.patterns, &self.values),
        };
        let i = patterns.find(&Value::str(text))?;
        match &patterns.set {
            Set::Regexes(list) => Some(then(list.get(i)?, values.get(i)?)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
