//! The process: dates, names, random numbers (manual 7.3.2).

use super::{ArgType, Args, Ctx, Cursor, Fetch, Scope, Type, Value};
use crate::engine::sample::{Fact, Subject};

pub(super) const FETCHES: &[Fetch] = &[
    row!("act_conn", &[], 0, Sint, ANYWHERE, "Connections of the process now.", |c, _, _| c
        .world
        .number(Fact::ActConn, Subject::None)
        .map(Value::Int)),
    row!(
        "date",
        &[ArgType::Int, ArgType::Str],
        0,
        Sint,
        ANYWHERE,
        "The time, in seconds since the epoch (or ms, us), plus an offset in seconds.",
        date
    ),
    row!("date_us", &[], 0, Sint, ANYWHERE, "The microseconds of the time.", |c, _, _| Some(Value::Int(
        (c.now_us % 1_000_000) as i64
    ))),
    row!("hostname", &[], 0, Str, ANYWHERE, "The host's name.", |c, _, _| Some(Value::str(
        c.world.facts().hostname.as_bytes()
    ))),
    row!("nbproc", &[], 0, Sint, ANYWHERE, "Always 1.", |_, _, _| Some(Value::Int(1))),
    row!("pid", &[], 0, Sint, ANYWHERE, "Id of the process.", |c, _, _| Some(Value::Int(i64::from(
        c.names.pid
    )))),
    row!("proc", &[], 0, Sint, ANYWHERE, "Always 1.", |_, _, _| Some(Value::Int(1))),
    row!("quic_enabled", &[], 0, Bool, ANYWHERE, "Whether QUIC is served.", |_, _, _| Some(Value::Bool(
        false
    ))),
    row!(
        "rand",
        &[ArgType::Int],
        0,
        Sint,
        ANYWHERE,
        "A random number from 0 up to and without the range (2^32).",
        rand
    ),
    row!("stopping", &[], 0, Bool, RUNTIME, "Whether the process is stopping.", |c, _, _| c
        .world
        .number(Fact::Stopping, Subject::None)
        .map(|n| Value::Bool(n != 0))),
    row!("tgroup", &[], 0, Sint, ANYWHERE, "Number of the thread group, always 0.", |_, _, _| Some(
        Value::Int(0)
    )),
    row!("thread", &[], 0, Sint, ANYWHERE, "Number of the worker thread.", |c, _, _| Some(Value::Int(
        i64::from(c.conn.thread)
    ))),
    row!("uptime", &[], 0, Sint, ANYWHERE, "Seconds since the process started.", uptime),
    row!("uuid", &[ArgType::Int], 0, Str, ANYWHERE, "A random UUID, version 4 (RFC 9562).", uuid),
];

fn date<'c>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let now = i64::try_from(c.now_us).ok()?;
    let (scale, n) = match a.bytes(1) {
        Some(b"ms") => (1_000, now / 1_000),
        Some(b"us") => (1_000_000, now),
        _ => (1, now / 1_000_000),
    };
    Some(Value::Int(n.saturating_add(a.int(0).unwrap_or(0).saturating_mul(scale))))
}

/// The caller's random number is spread first, so that two `rand` in one rule set need not be equal when the
/// caller draws a new seed per evaluation, and a low-quality seed still gives all residues.
fn rand<'c>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let r = (c.seed ^ (c.seed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd) >> 32;
    let range = a.int(0).unwrap_or(1 << 32).max(1) as u64;
    Some(Value::Int((r.wrapping_mul(range.min(1 << 32)) >> 32) as i64))
}

fn uptime<'c>(c: &'c Ctx<'_>, _: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let start = c.world.facts().start_s;
    Some(Value::Int((c.now_us / 1_000_000).saturating_sub(start) as i64))
}

/// Version 4 takes its bits from chance, version 7 its first half from the clock.
fn uuid<'c>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    /// Spreads one drawn number over two.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut bits = u128::from(c.seed) << 64 | u128::from(c.seed.wrapping_mul(SPREAD).rotate_left(29));
    let version = a.int(0).unwrap_or(4);
    if version == 7 {
        bits = bits & (u128::MAX >> 48) | u128::from(c.now_us / 1_000) << 80;
    }
    bits = bits & !(0xf << 76) | (version as u128 & 0xf) << 76;
    bits = bits & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|r| hex.get(r).unwrap_or("").to_owned());
    Some(Value::string(parts.join("-")))
}
