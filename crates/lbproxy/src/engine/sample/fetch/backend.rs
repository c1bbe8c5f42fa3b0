//! Backends, frontends and servers: their names, loads and states (manual 7.3.2).

use super::{ArgType, Args, Ctx, Fetch, Scope, Type, Value};
use crate::engine::{
    conn::Addr,
    sample::{Arg, Fact, Subject},
};

const BE: &[ArgType] = &[ArgType::Backend];
const FE: &[ArgType] = &[ArgType::Frontend];
const SRV: &[ArgType] = &[ArgType::Server];

pub(super) const FETCHES: &[Fetch] = &[
    row!("avg_queue", BE, 0, Sint, RUNTIME, "Queued requests per usable server of a backend.", |c, a, _| be(
        c,
        a,
        Fact::AvgQueue
    )),
    row!("bc_dst", &[], 0, Addr, ANSWERED, "Address of the server connection.", |c, _, _| c
        .txn
        .server_dst
        .ip()
        .map(Value::addr)),
    row!("bc_dst_port", &[], 0, Sint, ANSWERED, "Port of the server connection.", |c, _, _| port(
        &c.txn.server_dst
    )),
    row!("bc_src", &[], 0, Addr, ANSWERED, "Our address towards the server.", |c, _, _| c
        .txn
        .server_src
        .ip()
        .map(Value::addr)),
    row!("bc_src_port", &[], 0, Sint, ANSWERED, "Our port towards the server.", |c, _, _| port(
        &c.txn.server_src
    )),
    row!("be_conn", BE, 0, Sint, RUNTIME, "Streams of a backend now.", |c, a, _| be(c, a, Fact::BackendConn)),
    row!(
        "be_conn_free",
        BE,
        0,
        Sint,
        RUNTIME,
        "Free connections of a backend's servers, -1 for no limit.",
        |c, a, _| be(c, a, Fact::BackendConnFree)
    ),
    row!(
        "be_connect_timeout",
        &[],
        0,
        Sint,
        BACKEND,
        "`timeout connect` of the backend, ms.",
        |c, _, _| own(c, Fact::ConnectTimeout)
    ),
    row!("be_id", &[], 0, Sint, BACKEND, "Numeric id of the backend.", |c, a, _| be(c, a, Fact::BackendId)),
    row!("be_name", &[], 0, Str, BACKEND, "Name of the backend.", |c, _, _| c
        .names
        .backend
        .map(|n| Value::str(n.as_bytes()))),
    row!("be_queue_timeout", &[], 0, Sint, BACKEND, "`timeout queue` of the backend, ms.", |c, _, _| own(
        c,
        Fact::QueueTimeout
    )),
    row!("be_server_timeout", &[], 0, Sint, BACKEND, "`timeout server` of the backend, ms.", |c, _, _| own(
        c,
        Fact::ServerTimeout
    )),
    row!("be_sess_rate", BE, 0, Sint, RUNTIME, "New streams of a backend in the last second.", |c, a, _| be(
        c,
        a,
        Fact::BackendSessRate
    )),
    row!("be_tarpit_timeout", &[], 0, Sint, BACKEND, "`timeout tarpit` of the backend, ms.", |c, _, _| own(
        c,
        Fact::TarpitTimeout
    )),
    row!("be_tunnel_timeout", &[], 0, Sint, BACKEND, "`timeout tunnel` of the backend, ms.", |c, _, _| own(
        c,
        Fact::TunnelTimeout
    )),
    row!(
        "connslots",
        BE,
        0,
        Sint,
        RUNTIME,
        "Free connections and queue places of a backend, -1 for no limit.",
        |c, a, _| be(c, a, Fact::ConnSlots)
    ),
    row!("fe_conn", FE, 0, Sint, RUNTIME, "Sessions of a frontend now.", |c, a, _| fe(
        c,
        a,
        Fact::FrontendConn
    )),
    row!(
        "fe_req_rate",
        FE,
        0,
        Sint,
        RUNTIME,
        "HTTP requests of a frontend in the last second.",
        |c, a, _| fe(c, a, Fact::FrontendReqRate)
    ),
    row!(
        "fe_sess_rate",
        FE,
        0,
        Sint,
        RUNTIME,
        "New sessions of a frontend in the last second.",
        |c, a, _| fe(c, a, Fact::FrontendSessRate)
    ),
    row!("nbsrv", BE, 0, Sint, RUNTIME, "Usable servers of a backend.", |c, a, _| be(c, a, Fact::NbSrv)),
    row!(
        "queue",
        BE,
        0,
        Sint,
        RUNTIME,
        "Requests in the queues of a backend and its servers.",
        |c, a, _| be(c, a, Fact::Queue)
    ),
    row!("srv_conn", SRV, 1, Sint, RUNTIME, "Streams of a server now.", |c, a, _| srv(
        c,
        a,
        Fact::ServerConn
    )),
    row!(
        "srv_conn_free",
        SRV,
        1,
        Sint,
        RUNTIME,
        "Free connections of a server, -1 for no limit.",
        |c, a, _| srv(c, a, Fact::ServerConnFree)
    ),
    row!("srv_id", &[], 0, Sint, SERVER, "Numeric id of the server.", |c, _, _| c
        .world
        .number(Fact::ServerId, Subject::CurrentServer)
        .map(Value::Int)),
    row!("srv_is_up", SRV, 1, Bool, RUNTIME, "Whether a server is up.", |c, a, _| srv(
        c,
        a,
        Fact::ServerIsUp
    )?
    .cast(Type::Bool)),
    row!("srv_iweight", SRV, 1, Sint, RUNTIME, "Weight of a server as configured.", |c, a, _| srv(
        c,
        a,
        Fact::ServerInitialWeight
    )),
    row!("srv_name", &[], 0, Str, SERVER, "Name of the server.", |c, _, _| c
        .names
        .server
        .map(|n| Value::str(n.as_bytes()))),
    row!("srv_queue", SRV, 1, Sint, RUNTIME, "Requests in the queue of a server.", |c, a, _| srv(
        c,
        a,
        Fact::ServerQueue
    )),
    row!("srv_sess_rate", SRV, 1, Sint, RUNTIME, "New streams of a server in the last second.", |c, a, _| {
        srv(c, a, Fact::ServerSessRate)
    }),
    row!("srv_uweight", SRV, 1, Sint, RUNTIME, "Weight of a server as users see it.", |c, a, _| srv(
        c,
        a,
        Fact::ServerUserWeight
    )),
    row!("srv_weight", SRV, 1, Sint, RUNTIME, "Weight of a server in effect now.", |c, a, _| srv(
        c,
        a,
        Fact::ServerWeight
    )),
];

fn be<'c>(c: &'c Ctx<'_>, a: Args<'c>, fact: Fact) -> Option<Value<'c>> {
    let ix = match a.get(0) {
        Some(Arg::Backend(ix)) => *ix,
        _ => None,
    };
    c.world.number(fact, Subject::Backend(ix)).map(Value::Int)
}

fn fe<'c>(c: &'c Ctx<'_>, a: Args<'c>, fact: Fact) -> Option<Value<'c>> {
    let ix = match a.get(0) {
        Some(Arg::Frontend(ix)) => *ix,
        _ => None,
    };
    c.world.number(fact, Subject::Frontend(ix)).map(Value::Int)
}

fn srv<'c>(c: &'c Ctx<'_>, a: Args<'c>, fact: Fact) -> Option<Value<'c>> {
    match a.get(0)? {
        Arg::Server(backend, ix) => c.world.number(fact, Subject::Server(*backend, *ix)).map(Value::Int),
        _ => None,
    }
}

fn own<'c>(c: &'c Ctx<'_>, fact: Fact) -> Option<Value<'c>> {
    c.world.number(fact, Subject::Backend(None)).map(Value::Int)
}

fn port<'c>(addr: &Addr) -> Option<Value<'c>> {
    addr.ip().map(|_| Value::Int(i64::from(addr.port())))
}
