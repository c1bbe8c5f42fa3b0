//! How the rows of stick tables look: which table and entry a row means, and what it takes from there.
//!
//! The slot (`S`) and the data (`W`) are parameters of the functions, so that a row is nothing but a pointer. Left to
//! others: the rows (`stick`), what entries hold (`engine::stick`).

use std::sync::Arc;

use super::{
    super::{Args, Ctx, Cursor, Value},
    ANY, D, SRC_OF,
};
use crate::engine::{
    sample::Arg,
    stick::{Entry, Key, Table},
};

/// A table, and the entry there if the key has one.
type Found = (Arc<Table>, Option<Arc<Entry>>);

/// Where a fetch looks: its table and entry. `make`: an address that is not there yet gets an entry.
pub(super) fn find(c: &Ctx<'_>, a: Args<'_>, slot: u8, before: usize, make: bool) -> Option<Found> {
    if slot == SRC_OF {
        let table = table(a, before)?;
        let key = Key::of_ip(table.spec.key, c.txn.src(c.conn).ip()?)?;
        let entry = match make {
            true => table.find_or_make(key, c.now_ms),
            false => table.find(&key, c.now_ms),
        };
        return Some((table, entry));
    }
    let (slot, next) = match slot {
        ANY => (usize::try_from(a.int(before)?).ok()?, before + 1),
        n => (usize::from(n), before),
    };
    let (own, entry) = c.txn.tracked.get(&c.conn.tracked, slot)?;
    match table(a, next) {
        Some(other) if !Arc::ptr_eq(&other, &own) => {
            let entry = other.find(&entry.key, c.now_ms);
            Some((other, entry))
        }
        _ => Some((own, Some(entry))),
    }
}

pub(super) fn table(a: Args<'_>, at: usize) -> Option<Arc<Table>> {
    match a.get(at)? {
        Arg::Table(t) => Some(t.clone()),
        _ => None,
    }
}

pub(super) fn what(index: u8) -> D {
    D::ALL.get(usize::from(index)).map_or(D::ServerId, |r| r.0)
}

pub(super) fn number(n: u64) -> Option<Value<'static>> {
    Some(Value::Int(i64::try_from(n).unwrap_or(i64::MAX)))
}

pub(super) fn get(c: &Ctx<'_>, found: Found, what: D, index: usize) -> Option<u64> {
    match found {
        (table, Some(e)) => table.read(&e, what, index, c.now_ms),
        (_, None) => Some(0),
    }
}

pub(super) fn index(a: Args<'_>) -> Option<usize> {
    usize::try_from(a.int(0)?).ok()
}

pub(super) fn read<'c, const S: u8, const W: u8>(
    c: &'c Ctx<'_>,
    a: Args<'c>,
    _: &mut Cursor,
) -> Option<Value<'c>> {
    number(get(c, find(c, a, S, 0, false)?, what(W), 0)?)
}

pub(super) fn read_array<'c, const S: u8, const W: u8>(
    c: &'c Ctx<'_>,
    a: Args<'c>,
    _: &mut Cursor,
) -> Option<Value<'c>> {
    number(get(c, find(c, a, S, 1, false)?, what(W), index(a)?)?)
}

pub(super) fn kilobytes<'c, const S: u8, const W: u8>(
    c: &'c Ctx<'_>,
    a: Args<'c>,
    _: &mut Cursor,
) -> Option<Value<'c>> {
    number(get(c, find(c, a, S, 0, false)?, what(W), 0)? >> 10)
}

pub(super) fn clear<'c, const S: u8, const W: u8>(
    c: &'c Ctx<'_>,
    a: Args<'c>,
    _: &mut Cursor,
) -> Option<Value<'c>> {
    let (table, entry) = find(c, a, S, 0, true)?;
    number(table.set(&*entry?, what(W), 0, 0, c.now_ms)?)
}

pub(super) fn clear_array<'c, const S: u8, const W: u8>(
    c: &'c Ctx<'_>,
    a: Args<'c>,
    _: &mut Cursor,
) -> Option<Value<'c>> {
    let (table, entry) = find(c, a, S, 1, true)?;
    number(table.set(&*entry?, what(W), index(a)?, 0, c.now_ms)?)
}

pub(super) fn increment<'c, const S: u8, const W: u8>(
    c: &'c Ctx<'_>,
    a: Args<'c>,
    _: &mut Cursor,
) -> Option<Value<'c>> {
    let (table, entry) = find(c, a, S, 0, true)?;
    number(table.count_up(&*entry?, what(W), 0, 1, c.now_ms)?)
}

pub(super) fn increment_array<'c, const S: u8, const W: u8>(
    c: &'c Ctx<'_>,
    a: Args<'c>,
    _: &mut Cursor,
) -> Option<Value<'c>> {
    let (table, entry) = find(c, a, S, 1, true)?;
    number(table.count_up(&*entry?, what(W), index(a)?, 1, c.now_ms)?)
}

pub(super) fn key<'c, const S: u8>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    find(c, a, S, 0, false)?.1.map(|e| e.key.value())
}

pub(super) fn tracked<'c, const S: u8>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    Some(Value::Bool(find(c, a, S, 0, false).is_some_and(|f| f.1.is_some())))
}

pub(super) fn trackers<'c, const S: u8>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let (_, entry) = find(c, a, S, 0, false)?;
    number(entry.map_or(0, |e| u64::from(e.trackers())))
}
