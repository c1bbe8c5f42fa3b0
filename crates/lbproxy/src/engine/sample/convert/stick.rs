//! Looking up a key in a stick table (manual 7.3.1, `in_table`, `table_*`).
//!
//! A key that is not there counts as 0; looking does not put its expiry off. What counts up or clears makes the
//! entry where there is none.

use std::sync::Arc;

use super::{ArgType, Args, Converter, Ctx, Type, Value};
use crate::engine::{
    sample::Arg,
    stick::{DataType as D, Entry, Key, Table},
};

const T: &[ArgType] = &[ArgType::Table];
const IT: &[ArgType] = &[ArgType::Int, ArgType::Table];
const TI: &[ArgType] = &[ArgType::Table, ArgType::Int];

pub(super) const CONVERTERS: &[Converter] = &[
    row!("in_table", T, 0, Any, Bool, "Whether the key is in a table.", in_table),
    row!(
        "table_bytes_in_rate",
        T,
        0,
        Any,
        Sint,
        "Bytes received in the last period.",
        read::<{ D::BytesInRate as u8 }>
    ),
    row!(
        "table_bytes_out_rate",
        T,
        0,
        Any,
        Sint,
        "Bytes sent in the last period.",
        read::<{ D::BytesOutRate as u8 }>
    ),
    row!(
        "table_clr_gpc",
        IT,
        1,
        Any,
        Sint,
        "Clears a counter of the array, and what it was.",
        clear_array::<{ D::Gpc as u8 }>
    ),
    row!(
        "table_clr_gpc0",
        T,
        0,
        Any,
        Sint,
        "Clears the first counter, and what it was.",
        clear::<{ D::Gpc0 as u8 }>
    ),
    row!(
        "table_clr_gpc1",
        T,
        0,
        Any,
        Sint,
        "Clears the second counter, and what it was.",
        clear::<{ D::Gpc1 as u8 }>
    ),
    row!("table_conn_cnt", T, 0, Any, Sint, "Connections so far.", read::<{ D::ConnCnt as u8 }>),
    row!("table_conn_cur", T, 0, Any, Sint, "Connections now.", read::<{ D::ConnCur as u8 }>),
    row!(
        "table_conn_rate",
        T,
        0,
        Any,
        Sint,
        "Connections in the last period.",
        read::<{ D::ConnRate as u8 }>
    ),
    row!("table_expire", TI, 0, Any, Sint, "Milliseconds until the entry expires.", expire),
    row!("table_glitch_cnt", T, 0, Any, Sint, "Protocol oddities so far.", read::<{ D::GlitchCnt as u8 }>),
    row!(
        "table_glitch_rate",
        T,
        0,
        Any,
        Sint,
        "Protocol oddities in the last period.",
        read::<{ D::GlitchRate as u8 }>
    ),
    row!("table_gpc", IT, 1, Any, Sint, "A counter of the array.", read_array::<{ D::Gpc as u8 }>),
    row!("table_gpc0", T, 0, Any, Sint, "The first general counter.", read::<{ D::Gpc0 as u8 }>),
    row!(
        "table_gpc0_rate",
        T,
        0,
        Any,
        Sint,
        "Increments of the first counter in the last period.",
        read::<{ D::Gpc0Rate as u8 }>
    ),
    row!("table_gpc1", T, 0, Any, Sint, "The second general counter.", read::<{ D::Gpc1 as u8 }>),
    row!(
        "table_gpc1_rate",
        T,
        0,
        Any,
        Sint,
        "Increments of the second counter in the last period.",
        read::<{ D::Gpc1Rate as u8 }>
    ),
    row!(
        "table_gpc_rate",
        IT,
        1,
        Any,
        Sint,
        "Increments of a counter of the array in the last period.",
        read_array::<{ D::GpcRate as u8 }>
    ),
    row!("table_gpt", IT, 1, Any, Sint, "A tag of the array.", read_array::<{ D::Gpt as u8 }>),
    row!("table_gpt0", T, 0, Any, Sint, "The first general tag.", read::<{ D::Gpt0 as u8 }>),
    row!("table_http_err_cnt", T, 0, Any, Sint, "Request errors so far.", read::<{ D::HttpErrCnt as u8 }>),
    row!(
        "table_http_err_rate",
        T,
        0,
        Any,
        Sint,
        "Request errors in the last period.",
        read::<{ D::HttpErrRate as u8 }>
    ),
    row!(
        "table_http_fail_cnt",
        T,
        0,
        Any,
        Sint,
        "Response failures so far.",
        read::<{ D::HttpFailCnt as u8 }>
    ),
    row!(
        "table_http_fail_rate",
        T,
        0,
        Any,
        Sint,
        "Response failures in the last period.",
        read::<{ D::HttpFailRate as u8 }>
    ),
    row!("table_http_req_cnt", T, 0, Any, Sint, "Requests so far.", read::<{ D::HttpReqCnt as u8 }>),
    row!(
        "table_http_req_rate",
        T,
        0,
        Any,
        Sint,
        "Requests in the last period.",
        read::<{ D::HttpReqRate as u8 }>
    ),
    row!("table_idle", TI, 0, Any, Sint, "Milliseconds since the entry was updated.", idle),
    row!(
        "table_inc_gpc",
        IT,
        1,
        Any,
        Sint,
        "Adds one to a counter of the array.",
        increment_array::<{ D::Gpc as u8 }>
    ),
    row!("table_inc_gpc0", T, 0, Any, Sint, "Adds one to the first counter.", increment::<{ D::Gpc0 as u8 }>),
    row!(
        "table_inc_gpc1",
        T,
        0,
        Any,
        Sint,
        "Adds one to the second counter.",
        increment::<{ D::Gpc1 as u8 }>
    ),
    row!(
        "table_kbytes_in",
        T,
        0,
        Any,
        Sint,
        "Kilobytes received so far.",
        kilobytes::<{ D::BytesInCnt as u8 }>
    ),
    row!(
        "table_kbytes_out",
        T,
        0,
        Any,
        Sint,
        "Kilobytes sent so far.",
        kilobytes::<{ D::BytesOutCnt as u8 }>
    ),
    row!(
        "table_server_id",
        T,
        0,
        Any,
        Sint,
        "Number of the remembered server.",
        read::<{ D::ServerId as u8 }>
    ),
    row!("table_sess_cnt", T, 0, Any, Sint, "Sessions so far.", read::<{ D::SessCnt as u8 }>),
    row!("table_sess_rate", T, 0, Any, Sint, "Sessions in the last period.", read::<{ D::SessRate as u8 }>),
    row!("table_trackers", T, 0, Any, Sint, "Who track the key, and who asks.", trackers),
];

fn table<'c>(a: Args<'c>, at: usize) -> Option<&'c Arc<Table>> {
    match a.get(at)? {
        Arg::Table(t) => Some(t),
        _ => None,
    }
}

fn find(v: Value<'_>, table: &Table, c: &Ctx<'_>) -> Option<Arc<Entry>> {
    table.find(&Key::of(table.spec.key, v)?, c.now_ms)
}

fn make(v: Value<'_>, table: &Table, c: &Ctx<'_>) -> Option<Arc<Entry>> {
    table.find_or_make(Key::of(table.spec.key, v)?, c.now_ms)
}

fn what(index: u8) -> D {
    D::ALL.get(usize::from(index)).map_or(D::ServerId, |r| r.0)
}

fn index(a: Args<'_>) -> Option<usize> {
    usize::try_from(a.int(0)?).ok()
}

fn number(n: u64) -> Option<Value<'static>> {
    Some(Value::Int(i64::try_from(n).unwrap_or(i64::MAX)))
}

fn get(v: Value<'_>, table: &Table, what: D, index: usize, c: &Ctx<'_>) -> Option<u64> {
    match find(v, table, c) {
        Some(e) => table.read(&e, what, index, c.now_ms),
        None => Some(0),
    }
}

fn in_table<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    Some(Value::Bool(find(v, table(a, 0)?, c).is_some()))
}

fn read<'c, const W: u8>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    number(get(v, table(a, 0)?, what(W), 0, c)?)
}

fn read_array<'c, const W: u8>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    number(get(v, table(a, 1)?, what(W), index(a)?, c)?)
}

fn kilobytes<'c, const W: u8>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    number(get(v, table(a, 0)?, what(W), 0, c)? >> 10)
}

fn clear<'c, const W: u8>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let table = table(a, 0)?;
    number(table.set(&*make(v, table, c)?, what(W), 0, 0, c.now_ms)?)
}

fn clear_array<'c, const W: u8>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let table = table(a, 1)?;
    number(table.set(&*make(v, table, c)?, what(W), index(a)?, 0, c.now_ms)?)
}

fn increment<'c, const W: u8>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let table = table(a, 0)?;
    number(table.count_up(&*make(v, table, c)?, what(W), 0, 1, c.now_ms)?)
}

fn increment_array<'c, const W: u8>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let table = table(a, 1)?;
    number(table.count_up(&*make(v, table, c)?, what(W), index(a)?, 1, c.now_ms)?)
}

/// HAProxy counts the look-up itself, too.
fn trackers<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    number(find(v, table(a, 0)?, c).map_or(0, |e| u64::from(e.trackers()) + 1))
}

fn expire<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let table = table(a, 0)?;
    match find(v, table, c) {
        Some(e) => number(table.expires_in_ms(&e, c.now_ms).unwrap_or(0)),
        None => a.int(1).map(Value::Int),
    }
}

fn idle<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    match find(v, table(a, 0)?, c) {
        Some(e) => number(e.idle_ms(c.now_ms)),
        None => a.int(1).map(Value::Int),
    }
}
