//! Stick tables (manual 11.1): entries by key, each with the data that its table stores, until they expire.
//!
//! Owns [`Table`] and its entries. A table is cut into shards, each behind a lock that is held for a look-up, and
//! every entry's data stand behind a lock of their own, so that only requests of one key meet. Entries that are
//! tracked neither expire nor are purged. Invariants: never more than `size` entries; an expired entry is never
//! found; `now_ms` is passed in and one clock serves all callers. What is tracked by whom stands in `track`, what
//! is stored in `data`, how values become keys in `key`.

pub mod data;
pub mod key;
pub mod track;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

pub use data::{Column, DataType, Layout};
pub use key::{Key, KeyType};
pub use track::{Track, Tracks};

use super::state::lock;

/// Shards of a large table; a power of two.
const SHARDS: usize = 16;
/// Tables up to this size have one shard, so that exactly their oldest entry goes when they are full.
const ONE_SHARD_MAX: u64 = 4_096;
/// Expired entries that one operation takes away at most.
const PURGE_MAX: usize = 32;
/// Shards looked at for an old entry to give way to a new one.
const LOOKED_AT: usize = SHARDS;

/// A table as configured.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Spec {
    /// The proxy's name, or `section/table` in a peers section.
    pub name: String,
    pub key: KeyType,
    /// Most entries.
    pub size: u64,
    /// Time without an update after which an entry is gone; `None`: never.
    pub expire_ms: Option<u64>,
    pub nopurge: bool,
    /// Servers are remembered by address, not by name.
    pub by_address: bool,
    pub layout: Layout,
}

/// One table.
#[derive(Debug)]
pub struct Table {
    pub spec: Spec,
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    used: AtomicUsize,
    turn: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    entries: HashMap<Key, Arc<Entry>>,
    /// Entries by the moment of their expiry as it was when they were filed; one that was touched since is filed
    /// anew when its turn comes.
    order: BTreeMap<(u64, u64), Arc<Entry>>,
}

/// One line of a table.
#[derive(Debug)]
pub struct Entry {
    pub key: Key,
    /// Streams and sessions that track it.
    trackers: AtomicU32,
    /// When it was updated last.
    touched_ms: AtomicU64,
    gone: AtomicU32,
    data: Mutex<data::Values>,
}

impl Entry {
    pub fn trackers(&self) -> u32 {
        self.trackers.load(Relaxed)
    }

    /// Milliseconds since the last update.
    pub fn idle_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.touched_ms.load(Relaxed))
    }
}

impl Table {
    pub fn new(spec: Spec) -> Table {
        let shards = if spec.size > ONE_SHARD_MAX { SHARDS } else { 1 };
        Table {
            spec,
            shards: std::iter::repeat_with(Mutex::default).take(shards).collect(),
            hasher: RandomState::new(),
            used: AtomicUsize::new(0),
            turn: AtomicU64::new(0),
        }
    }

    /// Whether a table of that specification would hold the same: then its entries outlive a reload.
    pub fn is_same(&self, spec: &Spec) -> bool {
        self.spec == *spec
    }

    /// Entries now, those included that expired and were not yet taken away.
    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    fn shard(&self, key: &Key) -> Option<&Mutex<Shard>> {
        self.shards.get(self.hasher.hash_one(key) as usize & (self.shards.len() - 1))
    }

    /// The entry of a key. Looking does not put its expiry off.
    pub fn find(&self, key: &Key, now_ms: u64) -> Option<Arc<Entry>> {
        let shard = lock(self.shard(key)?);
        shard.entries.get(key).filter(|e| !self.is_expired(e, now_ms)).cloned()
    }

    /// The entry of a key, made when there is none. `None`: the table is full and nothing may give way.
    pub fn find_or_make(&self, key: Key, now_ms: u64) -> Option<Arc<Entry>> {
        let at = self.shard(&key)?;
        {
            let mut shard = lock(at);
            self.purge(&mut shard, now_ms, PURGE_MAX);
            if let Some(found) = shard.entries.get(&key) {
                found.touched_ms.store(now_ms, Relaxed);
                return Some(found.clone());
            }
        }
        if self.used() as u64 >= self.spec.size && !self.make_room(at, now_ms) {
            return None;
        }
        let entry = Arc::new(Entry {
            key: key.clone(),
            trackers: AtomicU32::new(0),
            touched_ms: AtomicU64::new(now_ms),
            gone: AtomicU32::new(0),
            data: Mutex::new(self.spec.layout.blank()),
        });
        let mut shard = lock(at);
        // Another thread may have been faster.
        if let Some(found) = shard.entries.get(&key) {
            return Some(found.clone());
        }
        let order = (self.expiry(&entry), self.turn.fetch_add(1, Relaxed));
        shard.order.insert(order, entry.clone());
        shard.entries.insert(key, entry.clone());
        self.used.fetch_add(1, Relaxed);
        Some(entry)
    }

    /// An update: the entry's time begins anew.
    pub fn touch(&self, entry: &Entry, now_ms: u64) {
        entry.touched_ms.store(now_ms, Relaxed);
    }

    /// Milliseconds until the entry expires; `None`: it does not.
    pub fn expires_in_ms(&self, entry: &Entry, now_ms: u64) -> Option<u64> {
        let at = entry.touched_ms.load(Relaxed) + self.spec.expire_ms?;
        Some(at.saturating_sub(now_ms))
    }

    /// Takes an entry away, unless somebody tracks it.
    pub fn remove(&self, key: &Key) -> bool {
        let Some(at) = self.shard(key) else { return false };
        let mut shard = lock(at);
        if shard.entries.get(key).is_none_or(|e| e.trackers() > 0) {
            return false;
        }
        if let Some(e) = shard.entries.remove(key) {
            // Its place in the order is found to be empty when its turn comes.
            e.gone.store(1, Relaxed);
            self.used.fetch_sub(1, Relaxed);
        }
        true
    }

    /// Every entry that has not expired.
    pub fn entries(&self, now_ms: u64) -> Vec<Arc<Entry>> {
        let mut all = Vec::with_capacity(self.used());
        for shard in &self.shards {
            let mut shard = lock(shard);
            self.purge(&mut shard, now_ms, usize::MAX);
            all.extend(shard.entries.values().cloned());
        }
        all.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        all
    }

    /// Takes away what has expired; to be called now and then for tables that nobody writes to.
    pub fn expire(&self, now_ms: u64) {
        for shard in &self.shards {
            self.purge(&mut lock(shard), now_ms, usize::MAX);
        }
    }

    fn expiry(&self, entry: &Entry) -> u64 {
        entry.touched_ms.load(Relaxed) + self.spec.expire_ms.unwrap_or(0)
    }

    fn is_expired(&self, entry: &Entry, now_ms: u64) -> bool {
        self.spec.expire_ms.is_some() && entry.trackers() == 0 && self.expiry(entry) <= now_ms
    }

    fn purge(&self, shard: &mut Shard, now_ms: u64, most: usize) {
        if self.spec.expire_ms.is_none() {
            return;
        }
        for _ in 0..most {
            let Some(first) = shard.order.first_entry() else { return };
            if first.key().0 > now_ms {
                return;
            }
            let entry = first.remove();
            if entry.gone.load(Relaxed) != 0 {
                continue;
            }
            if self.is_expired(&entry, now_ms) {
                self.drop_entry(shard, &entry);
            } else {
                self.file_again(shard, entry, now_ms);
            }
        }
    }

    /// A tracked entry is looked at again when it would expire if it were let go now.
    fn file_again(&self, shard: &mut Shard, entry: Arc<Entry>, now_ms: u64) {
        let at = match entry.trackers() {
            0 => self.expiry(&entry),
            _ => now_ms + self.spec.expire_ms.unwrap_or(0),
        };
        shard.order.insert((at.max(now_ms + 1), self.turn.fetch_add(1, Relaxed)), entry);
    }

    fn drop_entry(&self, shard: &mut Shard, entry: &Entry) {
        if shard.entries.remove(&entry.key).is_some() {
            entry.gone.store(1, Relaxed);
            self.used.fetch_sub(1, Relaxed);
        }
    }

    /// Makes the oldest entry give way, of the own shard or else of the next one that has any.
    fn make_room(&self, own: &Mutex<Shard>, now_ms: u64) -> bool {
        if self.spec.nopurge {
            self.expire(now_ms);
            return (self.used() as u64) < self.spec.size;
        }
        let others = self.shards.iter().filter(|s| !std::ptr::eq(*s, own));
        std::iter::once(own).chain(others).take(LOOKED_AT).any(|s| self.drop_oldest(&mut lock(s)))
    }

    fn drop_oldest(&self, shard: &mut Shard) -> bool {
        for _ in 0..shard.order.len() {
            let Some(((filed, _), entry)) = shard.order.pop_first() else { return false };
            if entry.gone.load(Relaxed) != 0 {
                continue;
            }
            let expiry = self.expiry(&entry);
            if entry.trackers() > 0 || expiry > filed {
                // In use, or used since it was filed.
                let at = expiry.max(filed + 1);
                shard.order.insert((at, self.turn.fetch_add(1, Relaxed)), entry);
                continue;
            }
            self.drop_entry(shard, &entry);
            return true;
        }
        false
    }
}
