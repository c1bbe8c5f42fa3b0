//! The state of a backend: how many of its servers can be used, since when, and its queue.

use std::{
    fmt,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    },
};

use super::{Gauge, LastRefused, ServerState, lock};
use crate::engine::{queue::Line, stats::PerThread};

/// Whether rules may choose a backend: as the configuration says, or as a command said last.
const AS_CONFIGURED: u8 = 0;
const PUBLISHED: u8 = 1;
const UNPUBLISHED: u8 = 2;

/// Lives as long as a backend of that name does, over reloads.
pub struct BackendState {
    /// Changed by `publish backend` and `unpublish backend`.
    offer: AtomicU8,
    pub name: Arc<str>,
    pub counters: PerThread,
    pub sessions: Gauge,
    /// The last response that was refused.
    pub refused: LastRefused,
    /// Requests in the backend's own queue (`qcur` of its row); those waiting for one server count there.
    pub queued: Gauge,
    /// Rises whenever a server's weight or usability changes; tables built for another epoch are stale.
    epoch: AtomicU64,
    /// Who waits, for the backend and for each of its servers.
    pub(crate) line: Mutex<Line>,
    members: Mutex<Vec<Weak<ServerState>>>,
    availability: Mutex<Availability>,
    allbackups: AtomicBool,
    listen: AtomicBool,
}

#[derive(Debug, Default)]
struct Availability {
    down: bool,
    last_change_ms: u64,
    down_transitions: u32,
    downtime_ms: u64,
}

/// Usable servers of a backend and the sums of their weights.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    pub active: u32,
    pub backup: u32,
    pub active_weight: u32,
    pub backup_weight: u32,
    /// Servers of any state.
    pub servers: u32,
}

impl Counts {
    /// Whether the backend can serve.
    pub fn any(&self) -> bool {
        self.active + self.backup > 0
    }
}

impl fmt::Debug for BackendState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendState").field("name", &self.name).finish_non_exhaustive()
    }
}

impl BackendState {
    /// Whether rules may choose it.
    pub fn is_published(&self, configured: bool) -> bool {
        match self.offer.load(Relaxed) {
            PUBLISHED => true,
            UNPUBLISHED => false,
            _ => configured,
        }
    }

    /// `publish backend`, `unpublish backend`.
    pub fn publish(&self, published: bool) {
        self.offer.store(if published { PUBLISHED } else { UNPUBLISHED }, Relaxed);
    }

    pub(super) fn new(name: &str, counters: PerThread) -> BackendState {
        BackendState {
            offer: AtomicU8::new(AS_CONFIGURED),
            name: name.into(),
            counters,
            sessions: Gauge::default(),
            refused: LastRefused::default(),
            queued: Gauge::default(),
            epoch: AtomicU64::new(1),
            line: Mutex::default(),
            members: Mutex::default(),
            availability: Mutex::default(),
            allbackups: AtomicBool::new(false),
            listen: AtomicBool::new(false),
        }
    }

    pub fn epoch(&self) -> u64 {
        self.epoch.load(Relaxed)
    }

    /// Makes every table built so far stale.
    pub(crate) fn touch(&self) {
        self.epoch.fetch_add(1, Relaxed);
    }

    /// Says which servers belong to the backend now, in the plan's order, after they were configured. To be called
    /// whenever a plan comes into force.
    pub fn set_members(&self, servers: &[Arc<ServerState>], allbackups: bool, now_ms: u64) {
        self.allbackups.store(allbackups, Relaxed);
        *lock(&self.members) = servers.iter().map(Arc::downgrade).collect();
        self.touch();
        let up = self.counts().any() || servers.is_empty();
        let mut a = lock(&self.availability);
        if a.last_change_ms == 0 || a.down == up {
            a.last_change_ms = now_ms;
        }
        a.down = !up;
    }

    /// Says whether it is the back of a `listen` section, which messages call a proxy.
    pub fn set_listen(&self, listen: bool) {
        self.listen.store(listen, Relaxed);
    }

    /// What messages call it.
    pub(super) fn kind_word(&self) -> &'static str {
        if self.listen.load(Relaxed) { "proxy" } else { "backend" }
    }

    /// What can be used now.
    pub fn counts(&self) -> Counts {
        let mut c = Counts::default();
        for s in lock(&self.members).iter().filter_map(Weak::upgrade) {
            c.servers += 1;
            if !s.is_usable() {
                continue;
            }
            let (n, w) = match s.is_backup() {
                false => (&mut c.active, &mut c.active_weight),
                true => (&mut c.backup, &mut c.backup_weight),
            };
            *n += 1;
            *w += s.weight_shown();
        }
        c
    }

    /// The servers that the current plan names.
    pub fn members(&self) -> Vec<Arc<ServerState>> {
        lock(&self.members).iter().filter_map(Weak::upgrade).collect()
    }

    /// Whether the server may take a request that waits for any server: a usable one, and a backup only while no
    /// active one is usable (then the first, or all with `option allbackups`).
    pub(crate) fn may_serve(&self, server: &ServerState) -> bool {
        if !server.is_usable() {
            return false;
        }
        if !server.is_backup() {
            return true;
        }
        let members = lock(&self.members);
        let mut usable = members.iter().filter_map(Weak::upgrade).filter(|s| s.is_usable());
        let all = self.allbackups.load(Relaxed);
        let mut first_backup = None;
        let active = usable.any(|s| {
            if first_backup.is_none() && s.is_backup() {
                first_backup = Some(s.uid);
            }
            !s.is_backup()
        });
        !active && (all || first_backup == Some(server.uid))
    }

    /// Whether it has a usable server, or needs none (`UP` of its row).
    pub fn is_up(&self) -> bool {
        let c = self.counts();
        c.any() || c.servers == 0
    }

    /// Takes note of a change of its servers; `true` when the last usable one has just gone.
    pub(super) fn settle(&self, now_ms: u64) -> bool {
        self.touch();
        let up = self.counts().any();
        let mut a = lock(&self.availability);
        if a.down != up {
            return false;
        }
        if up {
            a.downtime_ms += now_ms.saturating_sub(a.last_change_ms);
        } else {
            a.down_transitions += 1;
        }
        a.down = !up;
        a.last_change_ms = now_ms;
        !up
    }

    /// Milliseconds since it last came up or went down (`lastchg`).
    pub fn since_change_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(lock(&self.availability).last_change_ms)
    }

    /// Times it went down (`chkdown`), and for how long in all, milliseconds (`downtime`).
    pub fn downs(&self, now_ms: u64) -> (u32, u64) {
        let a = lock(&self.availability);
        let running = if a.down { now_ms.saturating_sub(a.last_change_ms) } else { 0 };
        (a.down_transitions, a.downtime_ms + running)
    }

    /// Requests that wait anywhere in the backend.
    pub fn queued_in_all(&self) -> u32 {
        let of_servers: u32 =
            lock(&self.members).iter().filter_map(Weak::upgrade).map(|s| s.queued.now()).sum();
        self.queued.now() + of_servers
    }

    /// `clear counters all`.
    pub fn clear_downs(&self) {
        let mut a = lock(&self.availability);
        (a.down_transitions, a.downtime_ms) = (0, 0);
    }
}
