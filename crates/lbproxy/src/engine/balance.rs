//! Which server gets the next request: what `balance`, `hash-type` and `hash-balance-factor` say, and the choice.
//!
//! Owns the specification, the key that a request offers, and [`Lb`], which keeps an immutable [`Table`] of the
//! usable servers and exchanges it when the backend's epoch says that a weight or a health changed. Choosing takes
//! no lock. Each algorithm stands in a file of its own below. Invariant: a server that is down, drained or of
//! weight 0 is never chosen, even from a table that is older than its fall. Left to others: persistence
//! (`cookie`), slots and waiting (`queue`), sample expressions (`sample`).

mod first;
pub mod hash;
mod hashed;
mod key;
mod leastconn;
mod random;
mod ring;
mod roundrobin;
pub mod schedule;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use arc_swap::{ArcSwap, Guard};

pub use self::key::Key;
use self::ring::Ring;
use super::state::{BackendState, ServerState};

/// The algorithm of a backend with its arguments (manual 4.2, `balance`).
#[derive(Clone, PartialEq, Debug)]
pub enum Algorithm {
    RoundRobin,
    StaticRr,
    LeastConn,
    First,
    /// `random(draws)`: the least loaded of that many servers.
    Random {
        draws: u32,
    },
    /// `source`, `uri`, `url_param`, `hdr()`, `rdp-cookie`, `hash`.
    Hash(HashOn),
}

impl Default for Algorithm {
    fn default() -> Algorithm {
        Algorithm::Random { draws: 2 }
    }
}

/// What a hashing algorithm hashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HashOn {
    Source,
    /// `len` and `depth` 0: no limit.
    Uri {
        whole: bool,
        path_only: bool,
        len: u32,
        depth: u32,
    },
    UrlParam {
        name: String,
        check_post: bool,
    },
    Header {
        name: String,
        use_domain_only: bool,
    },
    RdpCookie {
        name: String,
    },
    /// `hash <expression>`: the stream evaluates it and hands the value over in [`Key::sample`].
    Sample,
}

/// First word of `hash-type`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HashMethod {
    #[default]
    MapBased,
    Consistent,
}

/// Second word of `hash-type`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HashFunction {
    #[default]
    Sdbm,
    Djb2,
    Wt6,
    Crc32,
    None,
}

/// `hash-type`. With `consistent` and no function given, compile sets sdbm and avalanche (manual 4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HashType {
    pub method: HashMethod,
    pub function: HashFunction,
    pub avalanche: bool,
}

/// `hash-preserve-affinity`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Affinity {
    #[default]
    Always,
    MaxConn,
    MaxQueue,
}

/// What compile hands over of a backend's balancing.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Spec {
    pub algorithm: Algorithm,
    pub hash: HashType,
    /// `hash-balance-factor` in percent; 0: off.
    pub balance_factor: u32,
    pub affinity: Affinity,
}

/// A server as balancing sees it.
#[derive(Clone, Debug)]
pub struct Member {
    /// `id` of the server: its place on the ring and its turn with `first`.
    pub id: u32,
    pub state: Arc<ServerState>,
}

/// What choosing came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pick {
    /// This one. A hashed one may be full: then the request waits for it (`queue`).
    Server(usize),
    /// All that could serve are full: wait in the backend's queue.
    Full,
    /// Nobody can serve.
    None,
}

/// The chooser of a backend.
pub struct Lb {
    spec: Spec,
    members: Box<[Member]>,
    backend: Arc<BackendState>,
    allbackups: bool,
    table: ArcSwap<Table>,
    /// Turns taken, by all threads together.
    turn: AtomicUsize,
    /// Held by the thread that builds the next table; the others go on with the old one.
    building: Mutex<()>,
}

impl fmt::Debug for Lb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lb").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// The usable servers at one epoch, arranged for the algorithm.
#[derive(Debug, Default)]
struct Table {
    epoch: u64,
    /// Indexes of the usable servers: the active ones, or backups when there is none.
    set: Box<[u32]>,
    /// Turn order: of `roundrobin`, `static-rr`, of map-based hashes, and of requests without a key.
    order: Box<[u32]>,
    ring: Ring,
    /// Sums of weights up to and including each entry of `set`, for `random`.
    sums: Box<[u64]>,
}

impl Lb {
    /// `members` in the order of the plan's servers: a [`Pick::Server`] is an index into it.
    pub fn new(spec: Spec, members: Vec<Member>, backend: Arc<BackendState>, allbackups: bool) -> Lb {
        Lb {
            spec,
            members: members.into_boxed_slice(),
            backend,
            allbackups,
            table: ArcSwap::default(),
            turn: AtomicUsize::new(0),
            building: Mutex::new(()),
        }
    }

    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Whether weights changed at run time count at once (`set weight`, slow start).
    pub fn is_dynamic(&self) -> bool {
        self.spec.is_dynamic()
    }

    /// Chooses a server. `avoid` is one that just failed; it is chosen only if it is the last.
    pub fn pick(&self, key: &Key<'_>, avoid: Option<usize>) -> Pick {
        let table = self.current();
        let of = Choice { lb: self, table: &table, avoid: avoid.map(|a| a as u32), all: None.into() };
        let found = match &self.spec.algorithm {
            Algorithm::RoundRobin | Algorithm::StaticRr => roundrobin::pick(&of),
            Algorithm::LeastConn => leastconn::pick(&of),
            Algorithm::First => first::pick(&of),
            Algorithm::Random { draws } => random::pick(&of, *draws, key.seed),
            Algorithm::Hash(on) => match key::hash_of(on, &self.spec.hash, key) {
                Some(h) if self.spec.hash.method == HashMethod::MapBased => hashed::pick_mapped(&of, h),
                Some(h) => hashed::pick_on_ring(&of, h),
                None => roundrobin::pick(&of),
            },
        };
        match found {
            Some(ix) => Pick::Server(ix as usize),
            None => of.instead(),
        }
    }

    /// The table of the current epoch, or an older one while another thread builds it.
    fn current(&self) -> Guard<Arc<Table>> {
        let table = self.table.load();
        if table.epoch == self.backend.epoch() {
            return table;
        }
        let first = table.epoch == 0;
        drop(table);
        let held = match first {
            // The very first requests wait for the table: there is no older one.
            true => Some(super::state::lock(&self.building)),
            false => self.building.try_lock().ok(),
        };
        if held.is_some() && self.table.load().epoch != self.backend.epoch() {
            self.table.store(Arc::new(self.build()));
        }
        self.table.load()
    }

    fn build(&self) -> Table {
        // Read first: a change that comes while we build makes the table stale at once.
        let epoch = self.backend.epoch();
        let usable = |backup: bool| {
            let these = self.members.iter().enumerate().filter(move |(_, m)| m.state.is_backup() == backup);
            these.filter(|(_, m)| m.state.is_usable()).map(|(i, _)| i as u32)
        };
        let mut set: Vec<u32> = usable(false).collect();
        if set.is_empty() {
            set = usable(true).take(if self.allbackups { usize::MAX } else { 1 }).collect();
        }
        if self.spec.algorithm == Algorithm::First {
            set.sort_by_key(|&i| self.members.get(i as usize).map_or(0, |m| m.id));
        }
        let member = |i: u32| self.members.get(i as usize);
        let weights: Vec<u32> = set.iter().map(|&i| member(i).map_or(0, |m| m.state.eweight())).collect();
        let order = match self.spec.uses_map() {
            true => schedule::map(&weights),
            false => schedule::smooth(&weights),
        };
        let order = order.iter().filter_map(|&o| set.get(o as usize).copied()).collect();
        let ring = match self.spec.uses_ring() {
            true => Ring::new(set.iter().zip(&weights).map(|(&i, &w)| (i, member(i).map_or(0, |m| m.id), w))),
            false => Ring::default(),
        };
        let sums = weights.iter().scan(0u64, |sum, &w| {
            *sum += u64::from(w);
            Some(*sum)
        });
        let sums = sums.collect();
        Table { epoch, set: set.into_boxed_slice(), order, ring, sums }
    }
}

impl Spec {
    /// Whether weights changed at run time count at once.
    pub fn is_dynamic(&self) -> bool {
        match self.algorithm {
            Algorithm::StaticRr => false,
            Algorithm::Hash(_) => self.hash.method == HashMethod::Consistent,
            _ => true,
        }
    }

    /// Whether a request waits for the server of its key rather than go to another one.
    pub fn keeps_to_its_server(&self) -> bool {
        matches!(self.algorithm, Algorithm::Hash(_))
    }

    fn uses_map(&self) -> bool {
        !self.is_dynamic()
    }

    fn uses_ring(&self) -> bool {
        matches!(self.algorithm, Algorithm::Hash(_)) && self.hash.method == HashMethod::Consistent
    }
}

/// One choice: what the algorithms look at.
struct Choice<'a> {
    lb: &'a Lb,
    table: &'a Table,
    avoid: Option<u32>,
    /// Streams on and waiting for all servers, once somebody asked.
    all: std::cell::Cell<Option<u64>>,
}

impl Choice<'_> {
    fn state(&self, ix: u32) -> Option<&ServerState> {
        self.lb.members.get(ix as usize).map(|m| &*m.state)
    }

    /// Whether it can serve at all, were it not full.
    fn is_open(&self, ix: u32) -> bool {
        self.avoid != Some(ix) && self.state(ix).is_some_and(ServerState::is_usable)
    }

    /// Whether it can serve now.
    fn is_free(&self, ix: u32) -> bool {
        self.is_open(ix) && self.state(ix).is_some_and(|s| !s.is_full())
    }

    /// The next turn, counted over all threads.
    fn turn(&self) -> usize {
        self.lb.turn.fetch_add(1, Relaxed)
    }

    /// Streams on and waiting for a server.
    fn load(&self, ix: u32) -> u64 {
        self.state(ix).map_or(0, |s| u64::from(s.sessions.now()) + u64::from(s.queued.now()))
    }

    fn weight(&self, ix: u32) -> u64 {
        self.state(ix).map_or(0, |s| u64::from(s.eweight()))
    }

    /// `hash-balance-factor`: whether the server's share of all streams, this one included, is not yet used up.
    fn is_within_factor(&self, ix: u32) -> bool {
        let factor = u64::from(self.lb.spec.balance_factor);
        let (Some(&all_weights), true) = (self.table.sums.last(), factor > 0) else { return true };
        let sum = || self.table.set.iter().map(|&i| self.load(i)).sum();
        let all: u64 = self.all.get().unwrap_or_else(sum);
        self.all.set(Some(all));
        let share = ((all + 1) * factor * self.weight(ix)).div_ceil(100 * all_weights.max(1));
        self.load(ix) < share.max(1)
    }

    /// What remains when nobody was found: the avoided server if it is the last, a place in the queue, or nothing.
    fn instead(&self) -> Pick {
        let mut open = self.table.set.iter().filter(|&&i| self.state(i).is_some_and(ServerState::is_usable));
        let Some(&one) = open.next() else { return Pick::None };
        match (self.avoid == Some(one) && open.next().is_none(), self.state(one)) {
            (true, Some(s)) if !s.is_full() => Pick::Server(one as usize),
            _ => Pick::Full,
        }
    }
}
