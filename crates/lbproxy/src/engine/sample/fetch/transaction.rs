//! What is kept of a stream to its end: captures, timers, counts, ids (manual 7.3.2, 7.3.6).

use super::{ArgType, Args, Ctx, Cursor, Fetch, Scope, Type, Value, client::unit};
use crate::engine::txn::Timers;

macro_rules! timer {
    ($name:literal, $scope:ident, $field:ident, $doc:literal) => {
        row!($name, &[], 0, Sint, $scope, $doc, |c, _, _| Some(Value::Int(i64::from(c.txn.timers.$field))))
    };
}

pub(super) const FETCHES: &[Fetch] = &[
    timer!("bc.timer.connect", ANSWERED, connect_ms, "Milliseconds to connect to the server."),
    row!(
        "bc_be_queue",
        &[],
        0,
        Sint,
        ANSWERED,
        "Requests served before this one in the backend's queue.",
        |c, _, _| Some(Value::Int(i64::from(c.txn.backend_queue)))
    ),
    row!(
        "bc_http_major",
        &[],
        0,
        Sint,
        ANSWERED,
        "Major version of HTTP on the server connection.",
        |c, _, _| c.res.as_deref().map(|h| Value::Int(if h.version == crate::engine::http::Version::H2 {
            2
        } else {
            1
        }))
    ),
    row!("bc_reused", &[], 0, Bool, ANSWERED, "Whether the server connection was used before.", |c, _, _| {
        Some(Value::Bool(c.txn.server_reused))
    }),
    row!(
        "bc_srv_queue",
        &[],
        0,
        Sint,
        ANSWERED,
        "Requests served before this one in the server's queue.",
        |c, _, _| Some(Value::Int(i64::from(c.txn.server_queue)))
    ),
    row!("bytes_in", &[], 0, Sint, TRANSACTION, "Bytes received from the client.", |c, _, _| Some(
        Value::Int(c.txn.bytes_in as i64)
    )),
    row!("bytes_out", &[], 0, Sint, TRANSFER, "Bytes received from the server.", |c, _, _| Some(Value::Int(
        c.txn.bytes_out as i64
    ))),
    row!(
        "capture.req.hdr",
        &[ArgType::Int],
        1,
        Str,
        TRANSACTION,
        "A captured request header, by its number.",
        |c, a, _| slot(&c.txn.request_captures, a)
    ),
    row!("capture.req.method", &[], 0, Str, TRANSACTION, "Method of the request as received.", |c, _, _| {
        line_part(c, 0)
    }),
    row!("capture.req.uri", &[], 0, Str, TRANSACTION, "Target of the request as received.", |c, _, _| {
        line_part(c, 1)
    }),
    row!(
        "capture.req.ver",
        &[],
        0,
        Str,
        TRANSACTION,
        "Version of the request as received, such as HTTP/1.1.",
        |c, _, _| line_part(c, 2)
    ),
    row!(
        "capture.res.hdr",
        &[ArgType::Int],
        1,
        Str,
        ANSWERED,
        "A captured response header, by its number.",
        |c, a, _| slot(&c.txn.response_captures, a)
    ),
    row!(
        "capture.res.ver",
        &[],
        0,
        Str,
        TRANSACTION,
        "Version of the response, such as HTTP/1.1.",
        response_version
    ),
    row!(
        "fc.timer.total",
        &[],
        0,
        Sint,
        FRONTEND,
        "Milliseconds since the connection was accepted.",
        |c, _, _| Some(Value::Int(i64::from(c.txn.timers.total_ms)))
    ),
    row!(
        "http_first_req",
        &[],
        0,
        Bool,
        TRANSACTION,
        "Whether it is the first request of its connection.",
        |c, _, _| Some(Value::Bool(c.txn.number == 0))
    ),
    row!("last_rule_file", &[], 0, Str, RUNTIME, "File of the rule that ended a rule set.", |c, _, _| Some(
        Value::str(place(c)?.0.as_bytes())
    )),
    row!("last_rule_line", &[], 0, Sint, RUNTIME, "Line of the rule that ended a rule set.", |c, _, _| Some(
        Value::Int(place(c)?.1.into())
    )),
    row!("prio_class", &[], 0, Sint, RUNTIME, "Priority class in queues.", |c, _, _| Some(Value::Int(
        i64::from(c.txn.priority_class)
    ))),
    row!("prio_offset", &[], 0, Sint, RUNTIME, "Priority offset in queues, ms.", |c, _, _| Some(Value::Int(
        i64::from(c.txn.priority_offset_ms)
    ))),
    row!("req.bytes_in", &[], 0, Sint, TRANSACTION, "Bytes received from the client.", |c, _, _| Some(
        Value::Int(c.txn.bytes_in as i64)
    )),
    timer!("req.timer.hdr", REQUEST, request_ms, "Milliseconds to receive the request's head."),
    timer!("req.timer.idle", REQUEST, idle_ms, "Milliseconds of idleness before the request."),
    timer!("req.timer.queue", ANSWERED, wait_ms, "Milliseconds in queues."),
    row!(
        "req.timer.tq",
        &[],
        0,
        Sint,
        REQUEST,
        "Milliseconds from accept to the end of the request's head.",
        |c, _, _| Some(Value::Int(i64::from(tq(&c.txn.timers))))
    ),
    row!(
        "request_date",
        &[ArgType::Str],
        0,
        Sint,
        TRANSACTION,
        "When the request began, in s, ms or us since the epoch.",
        |c, a, _| unit(c.txn.request_date_us, a)
    ),
    row!("res.bytes_in", &[], 0, Sint, TRANSFER, "Bytes received from the server.", |c, _, _| Some(
        Value::Int(c.txn.bytes_out as i64)
    )),
    timer!("res.timer.data", TRANSFER, data_ms, "Milliseconds to transfer the data."),
    timer!("res.timer.hdr", RESPONSE, response_ms, "Milliseconds to the end of the response's head."),
    row!("txn.conn_retries", &[], 0, Sint, ANSWERED, "Retries of the connection to a server.", |c, _, _| {
        Some(Value::Int(i64::from(c.txn.retries)))
    }),
    row!("txn.id32", &[], 0, Sint, RUNTIME, "Number of the stream, 32 bits.", |c, _, _| Some(Value::Int(
        i64::from(c.txn.id as u32)
    ))),
    row!(
        "txn.redispatched",
        &[],
        0,
        Bool,
        ANSWERED,
        "Whether the request was given to another server.",
        |c, _, _| Some(Value::Bool(c.txn.redispatched))
    ),
    row!("txn.sess_term_state", &[], 0, Str, RUNTIME, "Termination state, two characters.", |c, _, _| Some(
        Value::string([c.txn.cause.as_char() as u8, c.txn.phase.as_char() as u8])
    )),
    timer!(
        "txn.timer.total",
        TRANSACTION,
        active_ms,
        "Milliseconds from the request's first byte to now or the end."
    ),
    row!("txn.timer.user", &[], 0, Sint, TRANSACTION, "Milliseconds as the user saw them.", |c, _, _| Some(
        Value::Int(i64::from(user(&c.txn.timers)))
    )),
    row!("unique-id", &[], 0, Str, ANYWHERE, "The unique id of the request.", |c, _, _| c
        .txn
        .unique_id
        .as_deref()
        .map(Value::str)),
    row!("wait_end", &[], 0, Bool, RUNTIME, "Holds when inspection ends.", wait_end),
];

/// `Tq = Th + Ti + TR` (manual 8.4), -1 when the request did not arrive.
pub(in crate::engine) fn tq(t: &Timers) -> i32 {
    if t.request_ms < 0 { -1 } else { t.handshake_ms.max(0) + t.idle_ms.max(0) + t.request_ms }
}

/// `Tu`: the total time without the idle time before the request.
pub(in crate::engine) fn user(t: &Timers) -> i32 {
    if t.total_ms < 0 { -1 } else { t.total_ms - t.idle_ms.max(0) }
}

fn slot<'c>(slots: &'c [Option<Vec<u8>>], a: Args<'c>) -> Option<Value<'c>> {
    slots.get(usize::try_from(a.int(0)?).ok()?)?.as_deref().map(Value::str)
}

/// Method, target or version of the request line as received; the version comes as `HTTP/1.1`.
pub(in crate::engine) fn request_line_part(line: &[u8], part: u8) -> Option<&[u8]> {
    let first = memchr::memchr(b' ', line)?;
    let last = memchr::memrchr(b' ', line)
        .filter(|&l| l > first && line.get(l + 1..).is_some_and(|v| v.starts_with(b"HTTP/")));
    match part {
        0 => line.get(..first),
        1 => line.get(first + 1..last.unwrap_or(line.len())),
        _ => line.get(last? + 1..),
    }
}

fn line_part<'c>(c: &'c Ctx<'_>, part: u8) -> Option<Value<'c>> {
    request_line_part(&c.txn.request_line, part).map(Value::str)
}

fn response_version<'c>(c: &'c Ctx<'_>, _: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    Some(Value::str(match c.res.as_deref()?.version {
        crate::engine::http::Version::H10 => b"HTTP/1.0",
        _ => b"HTTP/1.1",
    }))
}

fn place<'c>(c: &'c Ctx<'_>) -> Option<(&'c str, u32)> {
    c.world.place(c.txn.last_rule?)
}

/// Nothing to wait for any more: the delay is over or the data complete.
fn wait_end<'c>(c: &'c Ctx<'_>, _: Args<'c>, cursor: &mut Cursor) -> Option<Value<'c>> {
    cursor.unsettled = c.more;
    (!c.more).then_some(Value::Bool(true))
}
