//! What the thread knows of one of its connections: when to wake it, what it was ordered, what it is doing.

use std::{cell::Cell, rc::Rc};

use super::{Installed, SessionInfo, Timer, TimerId, Which};
use crate::engine::conn::Addr;

/// An order to end, given from outside the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kill {
    /// An administrator ended it.
    Admin,
    /// Its server went down and is configured to take its sessions with it.
    ServerDown,
    /// The process stops: idle connections end.
    Drain,
}

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// PROXY protocol, TLS handshake.
    Handshake,
    /// Between requests.
    Idle,
    /// A request is arriving.
    Request,
    Queue,
    Connect,
    /// Waiting for the response.
    Response,
    Data,
    Tunnel,
    Tarpit,
}

impl Stage {
    /// In words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Stage::Handshake => "handshake",
            Stage::Idle => "idle",
            Stage::Request => "waiting for request",
            Stage::Queue => "queued",
            Stage::Connect => "connecting",
            Stage::Response => "waiting for response",
            Stage::Data => "transferring",
            Stage::Tunnel => "tunnel",
            Stage::Tarpit => "tarpitted",
        }
    }
}

/// One connection's entry in the thread's table.
#[derive(Debug)]
pub struct Slot {
    id: Cell<TimerId>,
    pub timer: Timer,
    killed: Cell<Option<Kill>>,
    pub stage: Cell<Stage>,
    /// Id of the connection, and since when it exists on the worker's clock.
    pub conn_id: u64,
    pub accept_ms: u64,
    pub src: Cell<Addr>,
    installed: Rc<Installed>,
    frontend: usize,
    pub backend: Cell<Option<u32>>,
    pub server: Cell<Option<u32>>,
}

impl Slot {
    pub fn new(installed: Rc<Installed>, frontend: usize, conn_id: u64, accept_ms: u64, src: Addr) -> Slot {
        Slot {
            id: Cell::new(TimerId { index: u32::MAX, generation: 0 }),
            timer: Timer::default(),
            killed: Cell::new(None),
            stage: Cell::new(Stage::Handshake),
            conn_id,
            accept_ms,
            src: Cell::new(src),
            installed,
            frontend,
            backend: Cell::new(None),
            server: Cell::new(None),
        }
    }

    pub fn id(&self) -> TimerId {
        self.id.get()
    }

    pub(super) fn set_id(&self, id: TimerId) {
        self.id.set(id);
    }

    /// Orders the connection to end and wakes it.
    pub fn kill(&self, kill: Kill) {
        if self.killed.get().is_none() {
            self.killed.set(Some(kill));
            self.timer.wake();
        }
    }

    pub fn killed(&self) -> Option<Kill> {
        self.killed.get()
    }

    /// Nothing is being served any more.
    pub fn set_idle(&self) {
        self.stage.set(Stage::Idle);
        self.backend.set(None);
        self.server.set(None);
    }

    pub(super) fn is(&self, which: &Which) -> bool {
        let plan = self.installed.plan();
        match which {
            Which::Stream(id) => self.conn_id == *id,
            Which::Frontend(name) => plan.frontends.get(self.frontend).is_some_and(|f| *f.name == **name),
            Which::Server(backend, server) => {
                let b = self.backend.get().and_then(|b| plan.backends.get(b as usize));
                let s = b.and_then(|b| Some((b, b.servers.get(self.server.get()? as usize)?)));
                s.is_some_and(|(b, s)| *b.name == **backend && *s.name == **server)
            }
        }
    }

    pub(super) fn describe(&self, thread: u16, now_ms: u64) -> SessionInfo {
        let plan = self.installed.plan();
        let frontend = plan.frontends.get(self.frontend);
        let backend = self.backend.get().and_then(|b| plan.backends.get(b as usize));
        let server = backend.and_then(|b| b.servers.get(self.server.get()? as usize));
        SessionInfo {
            id: self.conn_id,
            proto: match self.src.get() {
                Addr::Inet(a) if a.is_ipv6() => "tcpv6",
                Addr::Inet(_) => "tcpv4",
                Addr::Unix => "unix_stream",
            },
            src: match self.src.get() {
                Addr::Inet(a) => a.to_string(),
                Addr::Unix => "unix:1".to_owned(),
            },
            frontend: frontend.map_or_else(String::new, |f| f.name.to_string()),
            backend: backend.map_or_else(|| "<NONE>".to_owned(), |b| b.name.to_string()),
            server: server.map_or_else(|| "<none>".to_owned(), |s| s.name.to_string()),
            age_s: now_ms.saturating_sub(self.accept_ms) / 1_000,
            thread,
            phase: self.stage.get().words(),
        }
    }
}
