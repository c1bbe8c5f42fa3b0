//! Actions on stick tables (manual 4.4): tracking, general counters and tags.

use std::sync::Arc;

use super::Number;
use crate::engine::{
    sample::{Ctx, Expr},
    stick::{DataType, Key, Table, track::Event},
};

/// A change of what is tracked, or of a tracked entry.
#[derive(Clone, Debug)]
pub enum Change {
    Track {
        slot: usize,
        key: Expr,
        table: Arc<Table>,
        /// For the whole session, not for the stream alone.
        session: bool,
    },
    /// Adds to a general counter, and to its rate.
    Count { slot: usize, what: DataType, index: usize, by: Number },
    /// Sets a tag.
    Set { slot: usize, what: DataType, index: usize, to: Number },
}

impl Change {
    pub(super) fn run(&self, ctx: &Ctx<'_>) {
        match self {
            Change::Track { slot, key, table, session } => track(ctx, *slot, key, table, *session),
            Change::Count { slot, what, index, by } => {
                let found = ctx.txn.tracked.get(&ctx.conn.tracked, *slot);
                if let (Some((table, entry)), Some(n)) = (found, word(by, ctx)) {
                    table.count_up(&entry, *what, *index, n, ctx.now_ms);
                }
            }
            Change::Set { slot, what, index, to } => {
                let found = ctx.txn.tracked.get(&ctx.conn.tracked, *slot);
                if let (Some((table, entry)), Some(n)) = (found, word(to, ctx)) {
                    table.set(&entry, *what, *index, n, ctx.now_ms);
                }
            }
        }
    }
}

fn track(ctx: &Ctx<'_>, slot: usize, key: &Expr, table: &Arc<Table>, session: bool) {
    let tracks = if session { &ctx.conn.tracked } else { &ctx.txn.tracked };
    if tracks.has(slot) {
        return;
    }
    let Some(key) = key.eval(ctx).and_then(|v| Key::of(table.spec.key, v)) else { return };
    let Some(entry) = table.find_or_make(key, ctx.now_ms) else { return };
    tracks.begin(slot, table.clone(), entry, ctx.now_ms);
    // The request, or the answer, was there before the rule was reached.
    if ctx.req.is_some() && !ctx.responding {
        tracks.note_in(slot, Event::Request, ctx.now_ms);
    }
    if let Some(res) = ctx.res.as_ref().filter(|_| ctx.responding)
        && let Some(event) = Event::of_status(res.status)
    {
        tracks.note_in(slot, event, ctx.now_ms);
    }
}

/// Counters and tags hold 32 bits.
fn word(number: &Number, ctx: &Ctx<'_>) -> Option<u64> {
    u32::try_from(number.eval(ctx)?).ok().map(u64::from)
}
