//! The ring of `hash-type consistent`: every server stands on it many times, a key belongs to the nearest stand.
//!
//! Where a server stands depends on its id alone, so a server that comes or goes moves only its own keys, and
//! several proxies with the same ids agree. Equal with HAProxy's ring.

use super::hash::avalanche;

/// Stands on the ring that one id owns at most; ids are that far apart.
const STANDS_MAX: u32 = 4_096;

/// Places on the ring, sorted, with the index of the server.
#[derive(Debug, Default)]
pub(super) struct Ring {
    stands: Box<[(u32, u32)]>,
}

impl Ring {
    /// `servers`: index, id and stands (effective weight in parts) of each.
    pub(super) fn new(servers: impl Iterator<Item = (u32, u32, u32)>) -> Ring {
        let mut stands: Vec<(u32, u32)> = Vec::new();
        for (ix, id, n) in servers {
            let base = id.wrapping_mul(STANDS_MAX);
            stands.extend((0..n.min(STANDS_MAX)).map(|j| (avalanche(base.wrapping_add(j)), ix)));
        }
        stands.sort_unstable();
        Ring { stands: stands.into_boxed_slice() }
    }

    /// Indexes of servers from the stand nearest to the hash onwards round the ring; a server appears once per
    /// stand.
    pub(super) fn from(&self, hash: u32) -> impl Iterator<Item = u32> {
        let n = self.stands.len();
        let at = move |i: usize| self.stands.get(if i < n { i } else { i - n });
        let next = self.stands.partition_point(|s| s.0 < hash);
        let next = if next < n { next } else { 0 };
        let prev = if next > 0 { next - 1 } else { n.saturating_sub(1) };
        let ahead = at(next).map_or(0, |s| s.0.wrapping_sub(hash));
        let behind = at(prev).map_or(0, |s| hash.wrapping_sub(s.0));
        let start = if behind <= ahead { prev } else { next };
        (0..n).filter_map(move |i| at((start + i) % n)).map(|s| s.1)
    }
}
