//! What the threads of the process share, and the words they exchange.
//!
//! A [`Runtime`] is one loaded configuration: plan, TLS material, log sinks. Workers hold the current one by
//! `Arc`; a reload sends each worker the next one, and connections keep the one they began with. Nothing here is
//! consulted per request except through the `Arc` a worker already holds.

use std::{sync::Arc, time::Instant};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot};

use super::{health::Life, log, tls};
use crate::{
    compile::plan::{FrontendIx, Plan},
    engine::{
        sample::time::Zone,
        state::{Gauge, Registry},
    },
};

/// What every thread of the process holds: made once, before any thread starts.
#[derive(Debug)]
pub struct Shared {
    /// The configuration that new connections are served with. Workers keep their own `Arc` of it.
    pub runtime: ArcSwap<Runtime>,
    /// States by stable id; the plans point into it.
    pub registry: Registry,
    /// One queue per worker, by thread number.
    pub workers: Vec<mpsc::UnboundedSender<WorkerCommand>>,
    /// To the main thread, which owns listeners and privileges.
    pub process: mpsc::UnboundedSender<ProcessCommand>,
    /// Where workers hand their log lines over.
    pub log: Arc<log::Hub>,
    /// The machine's time zone, for dates in log lines.
    pub zone: Arc<Zone>,
    /// Client connections of the process: what the global `maxconn` limits.
    pub connections: Gauge,
    /// What watchers of the process's health are told.
    pub life: Life,
    pub started: Instant,
    /// Wall clock at start, microseconds since the epoch.
    pub started_us: u64,
}

/// What `admin` asks of the main thread.
#[derive(Debug)]
pub enum ProcessCommand {
    /// Load the configuration files again; the answer is what there is to say.
    Reload { reply: oneshot::Sender<Result<String, String>> },
    /// As SIGUSR1.
    Drain,
    /// As SIGTERM.
    Quit,
}

/// One loaded configuration.
#[derive(Debug)]
pub struct Runtime {
    pub plan: Plan,
    /// Certificates and keys of `bind … ssl` and `server … ssl`.
    pub tls: tls::Store,
    /// Opened destinations of `log` lines.
    pub log: Arc<log::Sinks>,
    /// Counts reloads, from 1.
    pub generation: u64,
    /// What was said when it was loaded, a line each (`show startup-logs`).
    pub said: String,
}

/// A listening socket for one worker. TCP listeners are made one per worker (SO_REUSEPORT); inherited
/// descriptors and Unix sockets are shared, each worker holding a duplicate.
#[derive(Debug)]
pub struct WorkerListener {
    pub frontend: FrontendIx,
    /// Index into the frontend's binds.
    pub bind: usize,
    /// Identity over reloads: the same key means the same socket, which is kept.
    pub key: u64,
    pub fd: std::os::fd::OwnedFd,
}

/// A listener that a worker already has, and where it stands in the new plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeptListener {
    pub key: u64,
    pub frontend: FrontendIx,
    /// Index into the frontend's binds.
    pub bind: usize,
}

/// What `process` and `admin` tell a worker.
#[derive(Debug)]
pub enum WorkerCommand {
    /// Serve new connections with this configuration; listeners whose key is not in `keep` are closed after what
    /// waits in their queues has been accepted.
    Install { runtime: Arc<Runtime>, listeners: Vec<WorkerListener>, keep: Vec<KeptListener> },
    /// Stop accepting on a frontend's listeners, or begin again (`disable/enable frontend`).
    Pause { frontend: FrontendIx, paused: bool },
    /// Stop accepting, end idle connections, and leave when the last stream has ended (SIGUSR1).
    Drain,
    /// Leave now (SIGTERM, SIGINT).
    Quit,
    /// Show life: store this number ([`Life::answer`]).
    Beat(u64),
    /// Describe the streams of this worker (`show sess`).
    Sessions { reply: oneshot::Sender<Vec<SessionInfo>> },
    /// End streams (`shutdown session`, `shutdown sessions server`).
    Shutdown { which: Which },
}

/// Which streams to end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Which {
    Stream(u64),
    Frontend(String),
    /// Backend and server name.
    Server(String, String),
}

/// A stream as `show sess` prints it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SessionInfo {
    pub id: u64,
    pub proto: &'static str,
    pub src: String,
    pub frontend: String,
    pub backend: String,
    pub server: String,
    pub age_s: u64,
    pub thread: u16,
    /// The phase in words for people.
    pub phase: &'static str,
}
