//! Hashing algorithms: the key's server, even if the request has to wait for it, unless `hash-preserve-affinity`
//! or `hash-balance-factor` sends it on.

use super::{Affinity, Choice};

/// `hash-type map-based`.
pub(super) fn pick_mapped(of: &Choice<'_>, hash: u32) -> Option<u32> {
    let order = &of.table.order;
    let n = order.len();
    if n == 0 {
        return None;
    }
    let start = hash as usize % n;
    let tries = n.min(2 * of.table.set.len()).max(of.table.set.len());
    let found = (0..tries).filter_map(|i| order.get((start + i) % n).copied()).find(|&ix| suits(of, ix));
    found.or_else(|| of.table.set.iter().copied().find(|&ix| of.is_open(ix)))
}

/// `hash-type consistent`.
pub(super) fn pick_on_ring(of: &Choice<'_>, hash: u32) -> Option<u32> {
    let factor = of.lb.spec.balance_factor > 0;
    let suitable = |ix: u32| suits(of, ix) && (!factor || of.is_within_factor(ix));
    // A stand of a server that did not suit is met again and again: remembering the last one spares most of that.
    let mut last = None;
    let mut fresh = |ix: &u32| last.replace(*ix) != Some(*ix);
    let found = of.table.ring.from(hash).filter(|ix| fresh(ix)).find(|&ix| suitable(ix));
    found.or_else(|| of.table.ring.from(hash).find(|&ix| of.is_open(ix)))
}

fn suits(of: &Choice<'_>, ix: u32) -> bool {
    let Some(s) = of.state(ix) else { return false };
    of.is_open(ix)
        && match of.lb.spec.affinity {
            Affinity::Always => true,
            Affinity::MaxConn => !s.is_full(),
            Affinity::MaxQueue => !s.is_queue_full(),
        }
}
