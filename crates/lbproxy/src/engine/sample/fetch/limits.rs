//! Time-outs and retries of a stream as rules left them, beside those of its proxies (manual 7.3.2).

use super::{Ctx, Fetch, Scope, Type, Value};
use crate::engine::{
    sample::{Fact, Subject},
    txn::Overrides,
};

/// A row whose value a rule may have changed; else that of the proxy.
macro_rules! current {
    ($name:literal, $scope:ident, $field:ident, $fact:ident, $doc:literal) => {
        row!($name, &[], 0, Sint, $scope, $doc, |c, _, _| current(c, |o| o.$field, Fact::$fact))
    };
}

pub(super) const FETCHES: &[Fetch] = &[
    row!("be_max_retries", &[], 0, Sint, BACKEND, "`retries` of the backend.", |c, _, _| fact(
        c,
        Fact::Retries
    )),
    current!("cur_client_timeout", FRONTEND, client_ms, ClientTimeout, "Client time-out of the stream, ms."),
    current!(
        "cur_connect_timeout",
        BACKEND,
        connect_ms,
        ConnectTimeout,
        "Connect time-out of the stream, ms."
    ),
    current!("cur_max_retries", BACKEND, retries, Retries, "Retries of the stream."),
    current!("cur_queue_timeout", BACKEND, queue_ms, QueueTimeout, "Queue time-out of the stream, ms."),
    current!("cur_server_timeout", BACKEND, server_ms, ServerTimeout, "Server time-out of the stream, ms."),
    current!("cur_tarpit_timeout", FRONTEND, tarpit_ms, TarpitTimeout, "Tarpit time-out of the stream, ms."),
    current!("cur_tunnel_timeout", BACKEND, tunnel_ms, TunnelTimeout, "Tunnel time-out of the stream, ms."),
    row!("fe_tarpit_timeout", &[], 0, Sint, FRONTEND, "`timeout tarpit` of the frontend, ms.", |c, _, _| c
        .world
        .number(Fact::TarpitTimeout, Subject::Frontend(None))
        .map(Value::Int)),
];

fn fact<'c>(c: &Ctx<'_>, fact: Fact) -> Option<Value<'c>> {
    c.world.number(fact, Subject::None).map(Value::Int)
}

fn current<'c>(c: &Ctx<'_>, changed: fn(&Overrides) -> Option<u32>, proxy: Fact) -> Option<Value<'c>> {
    match changed(&c.txn.overrides) {
        Some(n) => Some(Value::Int(n.into())),
        None => fact(c, proxy),
    }
}
