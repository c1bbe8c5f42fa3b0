//! Arguments of fetches and converters: the kinds a row declares, and the values that compile made of the words.
//!
//! Names are resolved when the configuration is compiled; a run-time argument never has to be looked up.

use std::{fmt, net::IpAddr, sync::Arc};

use super::{super::http::HeaderId, var::Var};
use crate::engine::{
    action::auth::UserList,
    pattern::{Map, Regex},
    stick::Table,
};

/// The kind of one argument, as a row declares it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgType {
    Int,
    Str,
    /// A header or cookie name, compared without case for headers.
    Name,
    /// An integer, or the name of a variable that holds one.
    IntOrVar,
    /// A text, or the name of a variable that holds one.
    StrOrVar,
    /// A variable with its scope.
    Var,
    Regex,
    /// A map file; the method of lookup is part of the converter's name.
    MapFile,
    Backend,
    Frontend,
    Server,
    UserList,
    Ipv4,
    Ipv6,
    /// Netmask or prefix length.
    Mask4,
    Mask6,
    /// A secret, the file of a public key, or a variable that holds one.
    Key,
    /// The names of ACLs.
    Acl,
    Table,
}

impl ArgType {
    /// As `-dKsmp` and `-dKcnv` print it.
    pub const fn name(self) -> &'static str {
        match self {
            ArgType::Int => "integer",
            ArgType::Regex => "regex",
            ArgType::Backend => "backend",
            ArgType::Frontend => "frontend",
            ArgType::Server => "server",
            ArgType::UserList => "user list",
            ArgType::Ipv4 => "IPv4 address",
            ArgType::Ipv6 => "IPv6 address",
            ArgType::Mask4 => "IPv4 mask",
            ArgType::Mask6 => "IPv6 mask",
            ArgType::Table => "table",
            _ => "string",
        }
    }
}

/// One argument with its value.
#[derive(Clone)]
pub enum Arg {
    /// An optional argument that was left out, with another after it.
    None,
    Int(i64),
    Str(Box<[u8]>),
    /// Field numbers from the outermost message inwards.
    Path(Box<[u64]>),
    /// A path into a JSON text.
    Query(Box<[super::query::Part]>),
    Name(HeaderId, Box<[u8]>),
    Var(Var),
    Regex(Arc<Regex>),
    Key(Arc<super::convert::jwt::Key>),
    Map(Arc<Map>),
    /// Indexes into the plan; `None` stands for the proxy that runs the rule.
    Backend(Option<usize>),
    Frontend(Option<usize>),
    /// Backend (or `None` for the current one) and server.
    Server(Option<usize>, usize),
    UserList(Arc<UserList>),
    Ip(IpAddr),
    /// Network masks as numbers.
    Mask4(u32),
    Mask6(u128),
    Acl(Arc<crate::engine::rule::Acl>),
    Table(Arc<Table>),
}

impl fmt::Debug for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arg::None => f.write_str("-"),
            Arg::Int(n) => write!(f, "{n}"),
            Arg::Str(s) | Arg::Name(_, s) => write!(f, "{:?}", String::from_utf8_lossy(s)),
            Arg::Path(p) => write!(f, "{p:?}"),
            Arg::Query(p) => write!(f, "{p:?}"),
            Arg::Var(v) => write!(f, "{v:?}"),
            Arg::Key(_) => f.write_str("key"),
            Arg::Regex(r) => write!(f, "{r:?}"),
            Arg::Map(m) => write!(f, "map {}", m.name),
            Arg::Backend(i) => write!(f, "backend {i:?}"),
            Arg::Frontend(i) => write!(f, "frontend {i:?}"),
            Arg::Server(b, s) => write!(f, "server {b:?}/{s}"),
            Arg::UserList(u) => write!(f, "userlist {}", u.name),
            Arg::Ip(a) => write!(f, "{a}"),
            Arg::Mask4(m) => write!(f, "{m:x}"),
            Arg::Mask6(m) => write!(f, "{m:x}"),
            Arg::Acl(_) => f.write_str("acl"),
            Arg::Table(t) => write!(f, "table {}", t.spec.name),
        }
    }
}

/// The arguments of one call, by position.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a>(pub &'a [Arg]);

impl<'a> Args<'a> {
    pub fn get(self, i: usize) -> Option<&'a Arg> {
        self.0.get(i).filter(|a| !matches!(a, Arg::None))
    }

    pub fn int(self, i: usize) -> Option<i64> {
        match self.get(i)? {
            Arg::Int(n) => Some(*n),
            _ => None,
        }
    }

    pub fn bytes(self, i: usize) -> Option<&'a [u8]> {
        match self.get(i)? {
            Arg::Str(s) | Arg::Name(_, s) => Some(s),
            _ => None,
        }
    }

    pub fn header(self, i: usize) -> Option<(HeaderId, &'a [u8])> {
        match self.get(i)? {
            Arg::Name(id, s) => Some((*id, s)),
            _ => None,
        }
    }

    pub fn regex(self, i: usize) -> Option<&'a Regex> {
        match self.get(i)? {
            Arg::Regex(r) => Some(r),
            _ => None,
        }
    }

    pub fn map(self, i: usize) -> Option<&'a Map> {
        match self.get(i)? {
            Arg::Map(m) => Some(m),
            _ => None,
        }
    }

    pub fn var(self, i: usize) -> Option<&'a Var> {
        match self.get(i)? {
            Arg::Var(v) => Some(v),
            _ => None,
        }
    }

    /// A text given as such or by a variable that holds one now.
    pub fn text_or_var(self, i: usize, ctx: &super::Ctx<'_>) -> Option<std::borrow::Cow<'a, [u8]>> {
        match self.get(i)? {
            Arg::Str(s) => Some(std::borrow::Cow::Borrowed(s)),
            Arg::Var(v) => Some(v.get(ctx)?.into_text()),
            _ => None,
        }
    }

    /// An integer given as such or by a variable that holds one now.
    pub fn int_or_var(self, i: usize, ctx: &super::Ctx<'_>) -> Option<i64> {
        match self.get(i)? {
            Arg::Int(n) => Some(*n),
            Arg::Var(v) => v.get(ctx)?.to_int(),
            _ => None,
        }
    }
}
