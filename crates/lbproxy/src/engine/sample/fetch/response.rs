//! The response and what came of it (manual 7.3.6).

use super::{Fetch, Scope, Type, Value};

pub(super) const FETCHES: &[Fetch] = &[
    row!("res.cache_hit", &[], 0, Bool, SERVER, "Whether the response came from a cache.", |_, _, _| Some(
        Value::Bool(false)
    )),
    row!(
        "res.cache_name",
        &[],
        0,
        Str,
        SERVER,
        "Name of the cache that the response came from.",
        |_, _, _| None
    ),
    row!("res.comp", &[], 0, Bool, ANSWERED, "Whether the proxy compressed the response.", |_, _, _| Some(
        Value::Bool(false)
    )),
    row!(
        "res.comp_algo",
        &[],
        0,
        Str,
        ANSWERED,
        "Algorithm with which the proxy compressed the response.",
        |_, _, _| None
    ),
    row!("server_status", &[], 0, Sint, ANSWERED, "Status as the server sent it.", |c, _, _| status(
        c.txn.server_status
    )),
    row!("status", &[], 0, Sint, ANSWERED, "Status of the response.", |c, _, _| match c.res.as_deref() {
        Some(head) => status(head.status),
        None => status(c.txn.status),
    }),
    row!("txn.status", &[], 0, Sint, ANSWERED, "Status that the client gets.", |c, _, _| status(
        c.txn.status
    )),
];

fn status<'c>(code: u16) -> Option<Value<'c>> {
    (code > 0).then(|| Value::Int(i64::from(code)))
}
