//! `random(draws)`: the least loaded of a few servers drawn by weight.

use super::Choice;

/// Draws at most; the choice converges towards `leastconn` long before.
const DRAWS_MAX: u32 = 64;

pub(super) fn pick(of: &Choice<'_>, draws: u32, seed: u64) -> Option<u32> {
    let all = *of.table.sums.last()?;
    let mut seed = seed;
    let mut best: Option<(u32, u64, u64)> = None;
    for _ in 0..draws.clamp(1, DRAWS_MAX) {
        seed = next(seed);
        // The high half of the product is uniform over 0..all without a division.
        let point = ((u128::from(seed) * u128::from(all)) >> 64) as u64;
        let at = of.table.sums.partition_point(|&s| s <= point);
        let Some(&ix) = of.table.set.get(at) else { continue };
        if !of.is_free(ix) || !of.is_within_factor(ix) {
            continue;
        }
        let (load, weight) = (of.load(ix) + 1, of.weight(ix));
        if best.is_none_or(|(_, l, w)| load * w < l * weight) {
            best = Some((ix, load, weight));
        }
    }
    best.map(|b| b.0).or_else(|| {
        let from = next(seed) as usize % of.table.set.len().max(1);
        let (head, tail) = of.table.set.split_at_checked(from)?;
        tail.iter().chain(head).copied().find(|&ix| of.is_free(ix))
    })
}

/// SplitMix64: one step of a generator whose every output is well mixed.
fn next(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
