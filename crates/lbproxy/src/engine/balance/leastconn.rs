//! `leastconn`: the fewest streams, running and queued, per weight; servers of equal load take turns.

use super::Choice;

/// Compares `(load + 1) / weight`, so that of idle servers the heavier one comes first. Each choice looks at all
/// usable servers.
pub(super) fn pick(of: &Choice<'_>) -> Option<u32> {
    let set = &of.table.set;
    let n = set.len();
    let start = if n > 1 { of.turn() % n } else { 0 };
    let mut best: Option<(u32, u64, u64)> = None;
    for i in 0..n {
        let at = start + i;
        let Some(&ix) = set.get(if at < n { at } else { at - n }) else { continue };
        if !of.is_free(ix) {
            continue;
        }
        let (load, weight) = (of.load(ix) + 1, of.weight(ix));
        if best.is_none_or(|(_, l, w)| load * w < l * weight) {
            best = Some((ix, load, weight));
        }
    }
    best.map(|b| b.0)
}
