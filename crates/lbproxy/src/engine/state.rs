//! What a reload must carry, by stable id and outside the plan: health, weights, queues, session counts, counters.
//!
//! The plan is replaced as a whole; the states it points to are found again by id and live on. Numbers that
//! several threads change are atomics; what is counted is per thread (`stats`).

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
};

use super::stats::PerThread;

/// A number of things in use now, with the most there ever were.
#[derive(Debug, Default)]
pub struct Gauge {
    now: AtomicU32,
    max: AtomicU32,
    /// Since start, never cleared (`stot` is a counter; this is for rates).
    total: AtomicU64,
}

impl Gauge {
    /// One more; gives the number including this one.
    pub fn enter(&self) -> u32 {
        let n = self.now.fetch_add(1, Relaxed) + 1;
        if n > self.max.load(Relaxed) {
            self.max.fetch_max(n, Relaxed);
        }
        n
    }

    /// One less.
    pub fn leave(&self) -> u32 {
        self.now.fetch_sub(1, Relaxed) - 1
    }

    /// One more, unless that were more than `limit` (0: no limit).
    pub fn try_enter(&self, limit: u32) -> bool {
        if limit == 0 {
            self.enter();
            return true;
        }
        let n = self.now.fetch_add(1, Relaxed) + 1;
        if n > limit {
            self.now.fetch_sub(1, Relaxed);
            return false;
        }
        if n > self.max.load(Relaxed) {
            self.max.fetch_max(n, Relaxed);
        }
        true
    }

    pub fn now(&self) -> u32 {
        self.now.load(Relaxed)
    }

    pub fn max(&self) -> u32 {
        self.max.load(Relaxed)
    }

    pub fn clear_max(&self) {
        self.max.store(self.now(), Relaxed);
    }

    pub fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }
}

/// Lives as long as a frontend of that name does, over reloads.
#[derive(Debug)]
pub struct FrontendState {
    pub counters: PerThread,
    pub sessions: Gauge,
}

/// Lives as long as a backend of that name does, over reloads.
#[derive(Debug)]
pub struct BackendState {
    pub counters: PerThread,
    pub sessions: Gauge,
    pub queued: Gauge,
}

/// Lives as long as a server of that backend and name does, over reloads.
#[derive(Debug)]
pub struct ServerState {
    pub counters: PerThread,
    /// Streams on this server now: what `maxconn` limits and `leastconn` compares.
    pub sessions: Gauge,
    pub queued: Gauge,
}

/// Every state of the process, by stable id: `frontend`, `backend`, `backend/server`.
#[derive(Debug, Default)]
pub struct Registry {
    /// Worker threads, for the counters.
    threads: usize,
    frontends: Mutex<HashMap<String, Arc<FrontendState>>>,
    backends: Mutex<HashMap<String, Arc<BackendState>>>,
    servers: Mutex<HashMap<String, Arc<ServerState>>>,
}

impl Registry {
    pub fn new(threads: usize) -> Registry {
        Registry { threads, ..Registry::default() }
    }

    /// The state of a frontend, made when its name is new.
    pub fn frontend(&self, name: &str) -> Arc<FrontendState> {
        find(&self.frontends, name, || FrontendState {
            counters: PerThread::new(self.threads),
            sessions: Gauge::default(),
        })
    }

    /// The state of a backend, made when its name is new.
    pub fn backend(&self, name: &str) -> Arc<BackendState> {
        find(&self.backends, name, || BackendState {
            counters: PerThread::new(self.threads),
            sessions: Gauge::default(),
            queued: Gauge::default(),
        })
    }

    /// The state of a server, made when backend and name are new.
    pub fn server(&self, backend: &str, name: &str) -> Arc<ServerState> {
        find(&self.servers, &format!("{backend}/{name}"), || ServerState {
            counters: PerThread::new(self.threads),
            sessions: Gauge::default(),
            queued: Gauge::default(),
        })
    }
}

/// A poisoned map is still a map: its entries are whole, since they are only inserted.
fn find<T>(map: &Mutex<HashMap<String, Arc<T>>>, id: &str, make: impl FnOnce() -> T) -> Arc<T> {
    let mut map = map.lock().unwrap_or_else(|e| e.into_inner());
    map.entry(id.to_owned()).or_insert_with(|| Arc::new(make())).clone()
}
