//! Texts that name proxies and servers.

use super::{Args, Converter, Ctx, Type, Value};
use crate::engine::sample::{Fact, Subject};

pub(super) const CONVERTERS: &[Converter] = &[
    row!("fe_exists", &[], 0, Str, Bool, "Whether a frontend of that name exists.", |v, _, c| Some(
        Value::Bool(matches!(c.world.proxy(&v.into_text()), Some(Subject::Frontend(_))))
    )),
    row!("nbsrv", &[], 0, Str, Sint, "Usable servers of the backend of that name.", nbsrv),
    row!("srv_is_up", &[], 0, Str, Bool, "Whether the server `backend/server` is up.", |v, _, c| server(
        v,
        c,
        Fact::ServerIsUp
    )?
    .cast(Type::Bool)),
    row!(
        "srv_queue",
        &[],
        0,
        Str,
        Sint,
        "Requests in the queue of the server `backend/server`.",
        |v, _, c| server(v, c, Fact::ServerQueue)
    ),
];

fn nbsrv<'c>(v: Value<'c>, _: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let of = c.world.proxy(&v.into_text()).filter(|s| matches!(s, Subject::Backend(_)))?;
    c.world.number(Fact::NbSrv, of).map(Value::Int)
}

fn server<'c>(v: Value<'c>, c: &'c Ctx<'_>, fact: Fact) -> Option<Value<'c>> {
    let of = c.world.server(&v.into_text())?;
    c.world.number(fact, of).map(Value::Int)
}
