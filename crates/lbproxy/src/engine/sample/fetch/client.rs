//! The client's connection: addresses, ports, times (manual 7.3.3).

use super::{ArgType, Args, Ctx, Cursor, Fetch, Scope, Type, Value};
use crate::engine::sample::{Fact, Subject};

pub(super) const FETCHES: &[Fetch] = &[
    row!(
        "accept_date",
        &[ArgType::Str],
        0,
        Sint,
        CLIENT,
        "When the connection was accepted, in s, ms or us since the epoch.",
        accept_date
    ),
    row!("dst", &[], 0, Addr, CLIENT, "Address the client connected to.", |c, _, _| c
        .conn
        .dst
        .ip()
        .map(Value::addr)),
    row!(
        "dst_conn",
        &[],
        0,
        Sint,
        CLIENT,
        "Connections on the listener the client came through.",
        |c, _, _| c.world.number(Fact::ListenerConn, Subject::None).map(Value::Int)
    ),
    row!("dst_port", &[], 0, Sint, CLIENT, "Port the client connected to.", |c, _, _| c
        .conn
        .dst
        .ip()
        .map(|_| Value::Int(i64::from(c.conn.dst.port())))),
    row!(
        "fc.timer.handshake",
        &[],
        0,
        Sint,
        CLIENT,
        "Milliseconds that PROXY protocol and TLS handshake took.",
        |c, _, _| Some(Value::Int(i64::from(c.conn.handshake_ms)))
    ),
    row!(
        "fc_dst",
        &[],
        0,
        Addr,
        CLIENT,
        "Address the client connected to, whatever rules changed.",
        |c, _, _| c.conn.dst.ip().map(Value::addr)
    ),
    row!(
        "fc_dst_port",
        &[],
        0,
        Sint,
        CLIENT,
        "Port the client connected to, whatever rules changed.",
        |c, _, _| c.conn.dst.ip().map(|_| Value::Int(i64::from(c.conn.dst.port())))
    ),
    row!(
        "fc_err",
        &[],
        0,
        Sint,
        CLIENT,
        "Number of the error of the client's connection, 0 for none.",
        |c, _, _| Some(Value::Int(i64::from(c.conn.error.0)))
    ),
    row!(
        "fc_err_name",
        &[],
        0,
        Str,
        CLIENT,
        "Short name of the error of the client's connection.",
        |c, _, _| Some(Value::str(c.conn.error.name().as_bytes()))
    ),
    row!(
        "fc_err_str",
        &[],
        0,
        Str,
        CLIENT,
        "The error of the client's connection in words.",
        |c, _, _| Some(Value::str(c.conn.error.message().as_bytes()))
    ),
    row!(
        "fc_http_major",
        &[],
        0,
        Sint,
        CLIENT,
        "Major version of HTTP on the client's connection.",
        fc_http_major
    ),
    row!("fc_src", &[], 0, Addr, CLIENT, "Address of the client, whatever rules changed.", |c, _, _| c
        .conn
        .src
        .ip()
        .map(Value::addr)),
    row!("fc_src_port", &[], 0, Sint, CLIENT, "Port of the client, whatever rules changed.", |c, _, _| c
        .conn
        .src
        .ip()
        .map(|_| Value::Int(i64::from(c.conn.src.port())))),
    row!("fe_client_timeout", &[], 0, Sint, FRONTEND, "`timeout client` of the frontend, ms.", |c, _, _| c
        .world
        .number(Fact::ClientTimeout, Subject::None)
        .map(Value::Int)),
    row!("fe_id", &[], 0, Sint, FRONTEND, "Numeric id of the frontend.", |c, _, _| c
        .world
        .number(Fact::FrontendId, Subject::None)
        .map(Value::Int)),
    row!("fe_name", &[], 0, Str, FRONTEND, "Name of the frontend.", |c, _, _| Some(Value::str(
        c.names.frontend.as_bytes()
    ))),
    row!("so_id", &[], 0, Sint, FRONTEND, "Numeric id of the listener.", |c, _, _| c
        .world
        .number(Fact::ListenerId, Subject::None)
        .map(Value::Int)),
    row!("so_name", &[], 0, Str, FRONTEND, "Name of the listener.", |c, _, _| c
        .names
        .listener
        .map(|n| Value::str(n.as_bytes()))),
    row!("src", &[], 0, Addr, CLIENT, "Source address of the client.", |c, _, _| c
        .txn
        .src(c.conn)
        .ip()
        .map(Value::addr)),
    row!("src_port", &[], 0, Sint, CLIENT, "Source port of the client.", |c, _, _| {
        let a = c.txn.src(c.conn);
        a.ip().map(|_| Value::Int(i64::from(a.port())))
    }),
];

/// Seconds, milliseconds or microseconds, by the word in the argument.
pub(super) fn unit(us: u64, a: Args<'_>) -> Option<Value<'static>> {
    let n = match a.bytes(0) {
        None | Some(b"s") => us / 1_000_000,
        Some(b"ms") => us / 1_000,
        Some(_) => us,
    };
    i64::try_from(n).ok().map(Value::Int)
}

fn accept_date<'c>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    unit(c.conn.accept_date_us, a)
}

fn fc_http_major<'c>(c: &'c Ctx<'_>, _: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    use crate::engine::http::Version;
    Some(Value::Int(match c.req.as_deref().map(|h| h.version) {
        Some(Version::H2) => 2,
        Some(Version::H3) => 3,
        _ => 1,
    }))
}
