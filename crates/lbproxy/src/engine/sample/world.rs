//! The process around a stream, as samples may ask for it: counts of proxies and servers, names, the time zone.
//!
//! The engine knows no plan; the shell answers through [`World`], with the proxies that serve the stream as the
//! current ones.

use std::fmt;

use super::{Value, time::Zone};

/// A number that the process knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fact {
    /// Connections of the process.
    ActConn,
    FrontendConn,
    FrontendSessRate,
    FrontendReqRate,
    FrontendId,
    BackendConn,
    BackendConnFree,
    BackendSessRate,
    BackendId,
    /// Usable servers of a backend.
    NbSrv,
    /// Free connection slots of a backend and its queue, -1 for no limit.
    ConnSlots,
    Queue,
    AvgQueue,
    ServerConn,
    ServerConnFree,
    ServerIsUp,
    ServerQueue,
    ServerSessRate,
    ServerId,
    ServerWeight,
    ServerInitialWeight,
    ServerUserWeight,
    /// Connections of the listener that the client came through.
    ListenerConn,
    ListenerId,
    /// Log lines of the frontend so far (`%lc`).
    FrontendLogCount,
    /// The process is stopping.
    Stopping,
    /// Timeouts of the current proxies, ms.
    ClientTimeout,
    ServerTimeout,
    TunnelTimeout,
    ConnectTimeout,
    QueueTimeout,
    TarpitTimeout,
    /// Connection retries of the backend.
    Retries,
}

/// Of which proxy or server; `None` is the one that serves the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    None,
    Frontend(Option<usize>),
    Backend(Option<usize>),
    Server(Option<usize>, usize),
    /// The server of the stream.
    CurrentServer,
}

/// What does not change while the process lives.
#[derive(Clone, Debug)]
pub struct ProcessFacts {
    pub hostname: String,
    pub zone: Zone,
    /// Wall clock at start, seconds.
    pub start_s: u64,
}

impl Default for ProcessFacts {
    fn default() -> ProcessFacts {
        ProcessFacts { hostname: String::new(), zone: Zone::utc(), start_s: 0 }
    }
}

/// Answers of the process. The defaults are those of a stream without a process around it.
pub trait World: fmt::Debug {
    fn number(&self, fact: Fact, of: Subject) -> Option<i64>;

    fn facts(&self) -> &ProcessFacts;

    /// Index of a backend or frontend by name, for names computed per request.
    fn proxy(&self, name: &[u8]) -> Option<Subject> {
        let _ = name;
        None
    }

    /// Index of a server by `backend/server` (or `server` in the current backend).
    fn server(&self, name: &[u8]) -> Option<Subject> {
        let _ = name;
        None
    }

    /// File and line of a rule's place.
    fn place(&self, place: u64) -> Option<(&str, u32)> {
        let _ = place;
        None
    }

    fn process_var(&self, name: &str) -> Option<Value<'static>> {
        let _ = name;
        None
    }

    fn set_process_var(&self, name: &str, value: Option<Value<'static>>) {
        let _ = (name, value);
    }
}

/// The world of a stream that stands alone, as in tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWorld;

static NO_FACTS: std::sync::LazyLock<ProcessFacts> = std::sync::LazyLock::new(ProcessFacts::default);

impl World for NoWorld {
    fn number(&self, _: Fact, _: Subject) -> Option<i64> {
        None
    }

    fn facts(&self) -> &ProcessFacts {
        &NO_FACTS
    }
}
