//! Variables set on the way, and values passed on under a condition.

use super::{ArgType, Args, Converter, Ctx, Type, Value};
use crate::engine::{
    sample::{
        Fact, Subject,
        var::{Life, Var},
    },
    txn::{Cause, Txn},
};

pub(super) const CONVERTERS: &[Converter] = &[
    row!(
        "set-var",
        &[ArgType::Var, ArgType::Str, ArgType::Str, ArgType::Str, ArgType::Str],
        1,
        Any,
        Same,
        "Sets a variable, if the conditions hold, and passes the value on.",
        set_var
    ),
    row!("unset-var", &[ArgType::Var], 1, Any, Same, "Unsets a variable and passes the value on.", unset_var),
    row!(
        "when",
        &[ArgType::Str, ArgType::Acl, ArgType::Str, ArgType::Str],
        1,
        Any,
        Same,
        "Passes the value on if a condition holds, else nothing.",
        when
    ),
];

fn set_var<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let var = a.var(0)?;
    let value = v.clone().into_owned();
    if (1..a.0.len()).filter_map(|i| a.bytes(i)).all(|cond| holds(cond, var, c, &value)) {
        var.set(c, value);
    }
    Some(v)
}

/// A condition of `set-var` (manual 7.3.1).
pub(in crate::engine) fn holds(cond: &[u8], var: &Var, c: &Ctx<'_>, new: &Value<'_>) -> bool {
    let old = var.get(c);
    // Those of the process exist from the moment that the configuration names them.
    let exists = old.is_some() || var.life == Life::Process;
    let empty = matches!(new, Value::Str(b) | Value::Bin(b) | Value::Meth(b) if b.is_empty());
    let numbers = match (&old, new) {
        (Some(Value::Int(o)), Value::Int(n)) => Some((*o, *n)),
        _ => None,
    };
    match cond {
        b"ifexists" => exists,
        b"ifnotexists" => !exists,
        b"ifset" => old.is_some(),
        b"ifnotset" => old.is_none(),
        b"ifempty" => empty,
        b"ifnotempty" => !empty,
        b"ifgt" => numbers.is_none_or(|(o, n)| o > n),
        b"iflt" => numbers.is_none_or(|(o, n)| o < n),
        _ => true,
    }
}

fn unset_var<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    a.var(0)?.unset(c);
    Some(v)
}

/// An error in the sense of `dontlog-normal` (manual 8.3.4).
pub(in crate::engine) fn is_error(t: &Txn) -> bool {
    t.cause != Cause::None && t.cause != Cause::Local || t.redispatched || t.retries > 0 || t.status >= 500
}

fn when<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let word = a.bytes(0)?;
    let (negated, word) = match word.strip_prefix(b"!") {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let forwarded = c.names.server.is_some() && c.txn.server_dst != crate::engine::conn::Addr::Unix;
    let local = c.txn.cause == Cause::Local;
    let holds = match word {
        b"error" => is_error(c.txn),
        b"normal" => !is_error(c.txn),
        b"forwarded" => forwarded,
        b"processed" => forwarded || local,
        b"toapplet" => local,
        b"stopping" => c.world.number(Fact::Stopping, Subject::None).unwrap_or(0) != 0,
        b"acl" => match a.get(1)? {
            crate::engine::sample::Arg::Acl(acl) => acl.test(c) == crate::engine::rule::Truth::Yes,
            _ => false,
        },
        _ => false,
    };
    (holds != negated).then_some(v)
}
