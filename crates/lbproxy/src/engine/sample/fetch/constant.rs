//! Constants written in the configuration, variables, and conditions as samples.

use std::net::IpAddr;

use super::{ArgType, Args, Ctx, Cursor, Fetch, Scope, Type, Value};
use crate::engine::{rule::Truth, sample::Arg};

pub(super) const FETCHES: &[Fetch] = &[
    Fetch {
        name: "acl",
        args: &[ArgType::Acl; 12],
        required: 1,
        out: Type::Bool,
        scope: Scope::ANYWHERE,
        doc: "Whether all the named ACLs hold (`!` negates).",
        run: acl,
    },
    Fetch {
        name: "always_false",
        args: &[],
        required: 0,
        out: Type::Bool,
        scope: Scope::ANYWHERE,
        doc: "Never holds.",
        run: |_, _, _| Some(Value::Bool(false)),
    },
    Fetch {
        name: "always_true",
        args: &[],
        required: 0,
        out: Type::Bool,
        scope: Scope::ANYWHERE,
        doc: "Always holds.",
        run: |_, _, _| Some(Value::Bool(true)),
    },
    Fetch {
        name: "bin",
        args: &[ArgType::Str],
        required: 1,
        out: Type::Bin,
        scope: Scope::ANYWHERE,
        doc: "Bytes given in hexadecimal digits.",
        run: bin,
    },
    Fetch {
        name: "bool",
        args: &[ArgType::Str],
        required: 1,
        out: Type::Bool,
        scope: Scope::ANYWHERE,
        doc: "A boolean: `true`, `false`, `1` or `0`.",
        run: boolean,
    },
    Fetch {
        name: "env",
        args: &[ArgType::Str],
        required: 1,
        out: Type::Str,
        scope: Scope::ANYWHERE,
        doc: "The value an environment variable had when the configuration was read.",
        run: text,
    },
    Fetch {
        name: "int",
        args: &[ArgType::Int],
        required: 1,
        out: Type::Sint,
        scope: Scope::ANYWHERE,
        doc: "An integer.",
        run: |_, a, _| a.int(0).map(Value::Int),
    },
    Fetch {
        name: "ipv4",
        args: &[ArgType::Ipv4],
        required: 1,
        out: Type::Ipv4,
        scope: Scope::ANYWHERE,
        doc: "An IPv4 address.",
        run: address,
    },
    Fetch {
        name: "ipv6",
        args: &[ArgType::Ipv6],
        required: 1,
        out: Type::Ipv6,
        scope: Scope::ANYWHERE,
        doc: "An IPv6 address.",
        run: address,
    },
    Fetch {
        name: "meth",
        args: &[ArgType::Str],
        required: 1,
        out: Type::Meth,
        scope: Scope::ANYWHERE,
        doc: "An HTTP method.",
        run: |_, a, _| a.bytes(0).map(|b| Value::Meth(b.into())),
    },
    Fetch {
        name: "str",
        args: &[ArgType::Str],
        required: 1,
        out: Type::Str,
        scope: Scope::ANYWHERE,
        doc: "A text.",
        run: text,
    },
    Fetch {
        name: "var",
        args: &[ArgType::Var, ArgType::Str],
        required: 1,
        out: Type::Any,
        scope: Scope::ANYWHERE,
        doc: "The value of a variable, or the default in the second argument.",
        run: var,
    },
];

fn text<'c>(_: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    a.bytes(0).map(Value::str)
}

/// The digits were turned into bytes when the configuration was compiled.
fn bin<'c>(_: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    a.bytes(0).map(Value::bin)
}

fn boolean<'c>(_: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let text = a.bytes(0)?;
    Some(Value::Bool(text.eq_ignore_ascii_case(b"true") || text == b"1"))
}

fn address<'c>(_: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    match a.get(0)? {
        Arg::Ip(IpAddr::V4(ip)) => Some(Value::V4(*ip)),
        Arg::Ip(IpAddr::V6(ip)) => Some(Value::V6(*ip)),
        _ => None,
    }
}

fn var<'c>(ctx: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    a.var(0)?.get(ctx).or_else(|| a.bytes(1).map(Value::str))
}

fn acl<'c>(ctx: &'c Ctx<'_>, a: Args<'c>, c: &mut Cursor) -> Option<Value<'c>> {
    for arg in a.0 {
        let Arg::Acl(acl) = arg else { continue };
        match acl.test(ctx) {
            Truth::Yes => {}
            Truth::No => return Some(Value::Bool(false)),
            Truth::NotYet => {
                c.unsettled = true;
                return None;
            }
        }
    }
    Some(Value::Bool(true))
}
