//! What a reload must carry, by stable id and outside the plan: health, weights, queues, session counts, counters.
//!
//! The plan is replaced as a whole; the states it points to are found again by id and live on. Numbers that
//! several threads change are atomics; what is counted is per thread (`stats`). Servers and their health stand in
//! `state::server` and `state::change`, backends in `state::backend`. Architecture invariant: what a request reads
//! on its way is one relaxed load; locks are taken by health checks, administration and the queue only.

mod backend;
mod change;
mod command;
mod refused;
mod server;

#[cfg(test)]
mod tests;

pub use backend::{BackendState, Counts};
pub use change::{Change, LogLine, ServerName, Severity};
pub use command::{AddrChange, CommandError, HealthWord, StateWord};
pub use refused::{Events, LastRefused, Refused};
pub use server::{
    CheckReport, OpState, Saved, ServerConfig, ServerSnapshot, ServerState, WEIGHT_SCALE, admin, check_state,
};

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{
            AtomicBool, AtomicU32, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
};

use super::{
    rate_limit::RateLimit,
    sample::Value,
    stats::{PerThread, Process},
    stick::{self, Table},
};

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
        let n = self.now.fetch_add(1, SeqCst) + 1;
        self.top(n);
        n
    }

    fn top(&self, n: u32) {
        if n > self.max.load(Relaxed) {
            self.max.fetch_max(n, Relaxed);
        }
    }

    /// One less.
    pub fn leave(&self) -> u32 {
        self.now.fetch_sub(1, SeqCst).wrapping_sub(1)
    }

    /// One more, unless that were more than `limit` (0: no limit).
    pub fn try_enter(&self, limit: u32) -> bool {
        if limit == 0 {
            self.enter();
            return true;
        }
        // Looking first keeps a full server's cache line shared, and a failed attempt invisible to the others.
        let mut n = self.now.load(SeqCst);
        while n < limit {
            match self.now.compare_exchange_weak(n, n + 1, SeqCst, SeqCst) {
                Ok(_) => {
                    self.top(n + 1);
                    return true;
                }
                Err(seen) => n = seen,
            }
        }
        false
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
    /// The last request that was refused.
    pub refused: LastRefused,
    /// `rate-limit sessions`.
    pub session_rate: RateLimit,
    /// `set maxconn frontend`; [`NOT_SET`]: as configured.
    maxconn: AtomicU32,
    /// Taken out of service at run time (`disable frontend`).
    paused: AtomicBool,
    /// Closed for good (`shutdown frontend`).
    stopped: AtomicBool,
}

/// Counts of one listener, kept where `option socket-stats` asks for it.
#[derive(Debug)]
pub struct ListenerState {
    pub counters: PerThread,
    pub sessions: Gauge,
}

/// A number that nobody has set at run time.
const NOT_SET: u32 = u32::MAX;

impl FrontendState {
    fn new(counters: PerThread) -> FrontendState {
        FrontendState {
            counters,
            sessions: Gauge::default(),
            refused: LastRefused::default(),
            session_rate: RateLimit::default(),
            maxconn: AtomicU32::new(NOT_SET),
            paused: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        }
    }

    /// Most sessions at once, 0: no limit.
    pub fn maxconn(&self, configured: u32) -> u32 {
        match self.maxconn.load(Relaxed) {
            NOT_SET => configured,
            n => n,
        }
    }

    /// `set maxconn frontend`.
    pub fn set_maxconn(&self, n: u32) {
        self.maxconn.store(n, Relaxed);
    }

    pub fn is_paused(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// Gives what it was before.
    pub fn set_paused(&self, paused: bool) -> bool {
        self.paused.swap(paused, Relaxed)
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// Gives what it was before.
    pub fn set_stopped(&self) -> bool {
        self.stopped.swap(true, Relaxed)
    }
}

/// Most variables of the process; their names come from configuration and commands, not from traffic.
const PROCESS_VARS_MAX: usize = 65_536;

/// Every state of the process, by stable id: `frontend`, `frontend/address`, `backend`, `backend/server`.
#[derive(Debug, Default)]
pub struct Registry {
    /// Worker threads, for the counters.
    threads: usize,
    last_uid: AtomicU32,
    /// `set maxconn global`; 0: as configured.
    maxconn: AtomicU32,
    process: Process,
    refusals: Events,
    rates: Rates,
    /// Variables of the process (`proc.`).
    vars: RwLock<BTreeMap<String, Value<'static>>>,
    frontends: Mutex<HashMap<String, Arc<FrontendState>>>,
    listeners: Mutex<HashMap<String, Arc<ListenerState>>>,
    backends: Mutex<HashMap<String, Arc<BackendState>>>,
    servers: Mutex<HashMap<String, Arc<ServerState>>>,
    tables: Mutex<HashMap<String, Arc<Table>>>,
}

/// Limits on what the process takes in a second.
#[derive(Debug, Default)]
pub struct Rates {
    /// `maxconnrate`, `set rate-limit connections global`.
    pub connections: RateLimit,
    /// `maxsessrate`, `set rate-limit sessions global`.
    pub sessions: RateLimit,
    /// `maxsslrate`, `set rate-limit ssl-sessions global`.
    pub tls: RateLimit,
}

impl Registry {
    pub fn new(threads: usize) -> Registry {
        Registry { threads, ..Registry::default() }
    }

    /// The state of a frontend, made when its name is new.
    pub fn frontend(&self, name: &str) -> Arc<FrontendState> {
        find(&self.frontends, name, || FrontendState::new(PerThread::new(self.threads)))
    }

    /// The counts of a listener, made when frontend and address are new.
    pub fn listener(&self, frontend: &str, address: &str) -> Arc<ListenerState> {
        find(&self.listeners, &format!("{frontend}/{address}"), || ListenerState {
            counters: PerThread::new(self.threads),
            sessions: Gauge::default(),
        })
    }

    /// Counts refused messages.
    pub fn refusals(&self) -> &Events {
        &self.refusals
    }

    /// A variable of the process, by its name without `proc.`.
    pub fn process_var(&self, name: &str) -> Option<Value<'static>> {
        self.vars.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Sets a variable of the process, or removes it.
    pub fn set_process_var(&self, name: &str, value: Option<Value<'static>>) {
        let mut vars = self.vars.write().unwrap_or_else(PoisonError::into_inner);
        match value {
            Some(v) if vars.len() < PROCESS_VARS_MAX || vars.contains_key(name) => {
                vars.insert(name.to_owned(), v);
            }
            Some(_) => {}
            None => {
                vars.remove(name);
            }
        }
    }

    /// All variables of the process, by name.
    pub fn process_vars(&self) -> BTreeMap<String, Value<'static>> {
        self.vars.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Limits on the rates of the whole process.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Rates of the whole process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Most client connections of the process, 0: no limit.
    pub fn maxconn(&self, configured: u32) -> u32 {
        match self.maxconn.load(Relaxed) {
            0 => configured,
            n => n,
        }
    }

    /// `set maxconn global`; 0: as configured.
    pub fn set_maxconn(&self, n: u32) {
        self.maxconn.store(n, Relaxed);
    }

    /// The state of a backend, made when its name is new.
    pub fn backend(&self, name: &str) -> Arc<BackendState> {
        find(&self.backends, name, || BackendState::new(name, PerThread::new(self.threads)))
    }

    /// A stick table; entries outlive a reload unless what is stored changed.
    pub fn table(&self, spec: stick::Spec) -> Arc<Table> {
        let mut tables = lock(&self.tables);
        if let Some(old) = tables.get(&spec.name).filter(|t| t.is_same(&spec)) {
            return old.clone();
        }
        let table = Arc::new(Table::new(spec));
        tables.insert(table.spec.name.clone(), table.clone());
        table
    }

    /// The state of a server, made when backend and name are new.
    pub fn server(&self, backend: &str, name: &str) -> Arc<ServerState> {
        let of = self.backend(backend);
        find_arc(&self.servers, &format!("{backend}/{name}"), || {
            let uid = self.last_uid.fetch_add(1, Relaxed) + 1;
            Arc::new_cyclic(|me| ServerState::new(uid, of, name, PerThread::new(self.threads), me.clone()))
        })
    }
}

/// A poisoned map is still a map: its entries are whole, since they are only inserted.
fn find<T>(map: &Mutex<HashMap<String, Arc<T>>>, id: &str, make: impl FnOnce() -> T) -> Arc<T> {
    find_arc(map, id, || Arc::new(make()))
}

fn find_arc<T>(map: &Mutex<HashMap<String, Arc<T>>>, id: &str, make: impl FnOnce() -> Arc<T>) -> Arc<T> {
    lock(map).entry(id.to_owned()).or_insert_with(make).clone()
}

/// Takes a lock whose data are whole even after a panic of its holder.
pub(crate) fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(|e| e.into_inner())
}
