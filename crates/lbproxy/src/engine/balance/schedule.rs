//! Turn orders: which server is next, as a list that is walked round and round.
//!
//! `smooth` serves `roundrobin`: a server of weight w comes w times per round, its turns as far apart as they can
//! be. `map` serves `static-rr` and map-based hashing and equals HAProxy's map, so that hashes lead to the same
//! servers. Both are bounded by [`ENTRIES_MAX`]; heavier farms have their weights scaled down.

/// Entries of a list at most.
pub const ENTRIES_MAX: u64 = 65_536;

/// Steps that building a list by comparing all servers may take; beyond it `smooth` merges by due times.
const STEPS_MAX: u64 = 8_000_000;

/// Divides the weights by what they share, and scales them down when their sum is beyond the bound.
fn reduced(weights: &[u32]) -> Vec<u32> {
    let gcd = weights.iter().fold(0, |a, &b| gcd(a, b)).max(1);
    let sum: u64 = weights.iter().map(|&w| u64::from(w / gcd)).sum();
    let scale = |w: u32| match w / gcd {
        0 => 0,
        w if sum <= ENTRIES_MAX => w,
        w => (u64::from(w) * ENTRIES_MAX / sum).max(1) as u32,
    };
    weights.iter().map(|&w| scale(w)).collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The smooth order of servers of these weights, as indexes into `weights`.
pub fn smooth(weights: &[u32]) -> Box<[u32]> {
    let w = reduced(weights);
    let total: i64 = w.iter().map(|&x| i64::from(x)).sum();
    if total as u64 * w.len() as u64 > STEPS_MAX {
        return by_due_time(&w, total);
    }
    let mut credit = vec![0i64; w.len()];
    let mut out = Vec::with_capacity(total as usize);
    for _ in 0..total {
        let mut best: Option<(usize, i64, u32)> = None;
        for (i, (c, &x)) in credit.iter_mut().zip(&w).enumerate() {
            *c += i64::from(x);
            // Of equal credits the heavier server, then the first one.
            if x > 0 && best.is_none_or(|(_, bc, bx)| (*c, x) > (bc, bx)) {
                best = Some((i, *c, x));
            }
        }
        let Some((i, ..)) = best else { break };
        if let Some(c) = credit.get_mut(i) {
            *c -= total;
        }
        out.push(i as u32);
    }
    out.into_boxed_slice()
}

/// The k-th of w turns is due in the middle of the k-th w-th of the round.
fn by_due_time(w: &[u32], total: i64) -> Box<[u32]> {
    let mut due: Vec<(u64, u32, u32)> = Vec::with_capacity(total as usize);
    for (i, &x) in w.iter().enumerate() {
        let turns = (0..u64::from(x)).map(|k| (2 * k + 1) * (total as u64) * 1024 / (2 * u64::from(x)));
        due.extend(turns.map(|t| (t, u32::MAX - x, i as u32)));
    }
    due.sort_unstable();
    due.into_iter().map(|d| d.2).collect()
}

/// HAProxy's map: each server collects its weight at every step, and the first one among those that have collected
/// most whole rounds is taken and pays one round.
pub fn map(weights: &[u32]) -> Box<[u32]> {
    let w = reduced(weights);
    let total: i64 = w.iter().map(|&x| i64::from(x)).sum();
    let mut score = vec![0i64; w.len()];
    let mut out = Vec::with_capacity(total as usize);
    for _ in 0..total {
        let mut best: Option<(usize, i64)> = None;
        for (i, (s, &x)) in score.iter_mut().zip(&w).enumerate() {
            if x == 0 {
                continue;
            }
            *s += i64::from(x);
            let rounds = (*s + total) / total;
            if best.is_none_or(|(_, b)| rounds > b) {
                best = Some((i, rounds));
            }
        }
        let Some((i, _)) = best else { break };
        if let Some(s) = score.get_mut(i) {
            *s -= total;
        }
        out.push(i as u32);
    }
    out.into_boxed_slice()
}
