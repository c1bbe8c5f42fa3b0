//! `roundrobin` and `static-rr`: the table's turn order, walked by all threads together.

use super::Choice;

/// The next server in turn that is free. Servers that are not cost a turn each; after as many misses as there are
/// servers twice over, the rest is looked at once each.
pub(super) fn pick(of: &Choice<'_>) -> Option<u32> {
    let order = &of.table.order;
    let n = order.len();
    if n == 0 {
        return None;
    }
    let tries = n.min(2 * of.table.set.len());
    for _ in 0..tries {
        let ix = *order.get(of.turn() % n)?;
        if of.is_free(ix) {
            return Some(ix);
        }
    }
    of.table.set.iter().copied().find(|&ix| of.is_free(ix))
}
