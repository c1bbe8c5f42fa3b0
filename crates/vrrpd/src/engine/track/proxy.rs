//! `track_proxy`: whether a proxy on this host can do its work, judged from what it tells (`common::health`).
//!
//! Owns: the verdict. Death counts at once; silence only when it is confirmed: the process is stopped, or it let a
//! ping go unanswered for the whole hang time-out although none of its threads had to wait for a processor. Invariants:
//! our own stalls are never held against the proxy; a proxy that has not told everything about itself does not
//! count; what is down comes up again only by beats in time. Leaves to others: connections and `/proc`
//! (`shell::proxy`), what the verdict does to an instance (`track`).

mod doubt;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use common::health::{BEAT, Message, Phase, Side};

use super::{Effect, Status};
use crate::engine::{Time, plan::ProxyPlan};
use doubt::Doubt;

/// The word in keepalived.conf.
pub const NAME: &str = "track_proxy";
/// Name of the proxy that is looked for without configuration.
pub const LOCAL: &str = "local";
/// Taken off a priority, this leaves 1 whatever other weights add: nobody has a million of them.
pub(crate) const LOWEST: i32 = -1_000_000;
/// Two beats and a little: a healthy process is not that late on an idle host.
const SILENCE: Duration = Duration::from_millis(2 * BEAT.as_millis() as u64 + 10);
/// Time between two looks at a process that is in doubt.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// A timer that fires later than this was held up by our own process.
const LATE: Duration = Duration::from_millis(20);
/// Names of frontends and backends that are remembered of a proxy.
const NAMES_MAX: usize = 16_384;

/// What happens to a tracked proxy. `slot` tells connections apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A connection was made.
    Met {
        slot: u8,
        /// As we see it; `None` where it lives out of our sight.
        pid: Option<u32>,
    },
    Told {
        slot: u8,
        message: Message,
    },
    /// The connection ended.
    Lost {
        slot: u8,
    },
    /// The process ended.
    Died {
        slot: u8,
    },
    Inspected {
        slot: u8,
        found: Inspection,
    },
    /// Nobody listens where the configuration says.
    Absent,
}

/// What `/proc` says of a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inspection {
    Gone,
    /// By a signal (state T of proc(5)).
    Stopped,
    /// For each thread: how long it has waited for a processor since it began, nanoseconds.
    Running(Vec<(u32, u64)>),
    /// It cannot be looked at.
    Unknown,
}

/// What the shell is to do, or to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Look at the process, and tell [`Event::Inspected`].
    Inspect {
        slot: u8,
        pid: Option<u32>,
    },
    Ping {
        slot: u8,
        number: u64,
    },
    Changed(Status, Cause),
}

/// Why a proxy counts as it does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cause {
    Ready,
    /// Nobody listens on its socket.
    Absent,
    Died,
    /// By a signal.
    Stopped,
    /// It is silent, although it could run.
    Silent,
    /// A worker thread has not answered for so long.
    WorkerHangs {
        ms: u32,
    },
    NotReady,
    Draining,
    Stopping,
    /// This backend is required, and none of its servers can take work.
    NoServer(String),
    /// This backend is required, and the proxy has none of this name.
    NoBackend(String),
}

/// keepalived.conf gives a weight, or nothing: then a proxy that is down leaves the instance priority 1, never
/// FAULT, so that when all proxies are sick somebody still holds the address.
pub fn effect(status: Status, weight: i16) -> Effect {
    match (status, weight) {
        (Status::Down, 0) => Effect::Weight(LOWEST),
        (Status::Up, 1..) | (Status::Down, ..=-1) => Effect::Weight(i32::from(weight)),
        _ => Effect::Weight(0),
    }
}

/// One tracked proxy: all processes that answer for it. While one is replaced by the next there are two.
#[derive(Clone, Debug)]
pub struct Proxy {
    plan: ProxyPlan,
    peers: BTreeMap<u8, Peer>,
    /// Why there is none, once there was one or should be one.
    missing: Option<Cause>,
    status: Status,
    cause: Cause,
    pings: u64,
    actions: VecDeque<Action>,
}

#[derive(Clone, Debug)]
struct Peer {
    pid: Option<u32>,
    phase: Phase,
    /// Has told everything once.
    complete: bool,
    backends: BTreeMap<String, bool>,
    /// When it last said anything.
    heard: Time,
    late: Duration,
    doubt: Option<Doubt>,
    hangs: Option<Cause>,
}

impl Proxy {
    pub fn new(plan: ProxyPlan) -> Proxy {
        Proxy {
            plan,
            peers: BTreeMap::new(),
            missing: None,
            status: Status::Unknown,
            cause: Cause::Absent,
            pings: 0,
            actions: VecDeque::new(),
        }
    }

    /// What is known stays. One that was only found and is gone is forgotten: whoever replaced it by something else
    /// says so by a reload.
    pub fn reconfigure(&mut self, plan: ProxyPlan) {
        self.plan = plan;
        if self.plan.socket.is_none() && self.peers.is_empty() {
            self.missing = None;
        }
        self.settle();
    }

    pub fn plan(&self) -> &ProxyPlan {
        &self.plan
    }

    pub fn status(&self) -> Status {
        self.status
    }

    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Processes that answer for it now, as far as they can be seen.
    pub fn pids(&self) -> impl Iterator<Item = u32> + '_ {
        self.peers.values().filter_map(|p| p.pid)
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub fn handle(&mut self, event: Event, now: Time) {
        match event {
            Event::Met { slot, pid } => {
                self.peers.insert(slot, Peer::new(pid, now));
            }
            Event::Told { slot, message } => {
                if let Some(peer) = self.peers.get_mut(&slot) {
                    peer.told(message, now);
                    self.doubt_slowness(slot, now);
                }
            }
            // Its death, if it is one, comes by another way; else silence begins.
            Event::Lost { slot } => self.lost(slot, now),
            Event::Died { slot } => self.remove(slot, Cause::Died),
            Event::Inspected { slot, found } => self.inspected(slot, found, now),
            Event::Absent => {
                if self.peers.is_empty() && self.missing.is_none() {
                    self.missing = Some(Cause::Absent);
                }
            }
        }
        self.settle();
    }

    /// Called when the deadline came.
    pub fn timeout(&mut self, now: Time) {
        for slot in self.peers.keys().copied().collect::<Vec<_>>() {
            let Some(peer) = self.peers.get_mut(&slot) else { continue };
            let Some(due) = peer.due().filter(|due| *due <= now) else { continue };
            if now - due > LATE {
                // It was us who were held up, and what it said meanwhile waits to be read.
                peer.excuse(now - due + BEAT);
                continue;
            }
            match &mut peer.doubt {
                Some(doubt) => doubt.look(now),
                None => peer.doubt = Some(Doubt::silence(now)),
            }
            self.inspect(slot, true);
        }
        self.settle();
    }

    pub fn deadline(&self) -> Option<Time> {
        self.peers.values().filter_map(Peer::due).min()
    }

    fn inspect(&mut self, slot: u8, ping: bool) {
        let Some(peer) = self.peers.get(&slot) else { return };
        self.actions.push_back(Action::Inspect { slot, pid: peer.pid });
        if ping {
            self.pings += 1;
            self.actions.push_back(Action::Ping { slot, number: self.pings });
        }
    }

    fn lost(&mut self, slot: u8, now: Time) {
        let Some(peer) = self.peers.get_mut(&slot) else { return };
        match peer.phase {
            Phase::Stopping => self.remove(slot, Cause::Stopping),
            Phase::Draining => self.remove(slot, Cause::Draining),
            // Out of sight, or never introduced: the end of the connection is all that we shall learn.
            _ if peer.pid.is_none() || !peer.complete => self.remove(slot, Cause::Died),
            _ => {
                peer.doubt.get_or_insert(Doubt::silence(now));
                self.inspect(slot, false);
            }
        }
    }

    fn remove(&mut self, slot: u8, cause: Cause) {
        if let Some(peer) = self.peers.remove(&slot)
            && peer.complete
        {
            self.missing = Some(cause);
        }
    }

    /// A beat said that a worker owes an answer.
    fn doubt_slowness(&mut self, slot: u8, now: Time) {
        let Some(peer) = self.peers.get_mut(&slot) else { return };
        if peer.late >= SILENCE && peer.doubt.is_none() && peer.hangs.is_none() {
            peer.doubt = Some(Doubt::slowness(now));
            self.inspect(slot, false);
        }
    }

    fn inspected(&mut self, slot: u8, found: Inspection, now: Time) {
        let Some(peer) = self.peers.get_mut(&slot) else { return };
        let waits = match found {
            Inspection::Gone => return self.remove(slot, Cause::Died),
            Inspection::Stopped if peer.doubt.is_some() => {
                peer.hangs = Some(Cause::Stopped);
                return;
            }
            Inspection::Running(waits) => waits,
            Inspection::Stopped | Inspection::Unknown => Vec::new(),
        };
        let Some(doubt) = &mut peer.doubt else { return };
        if doubt.confirmed(waits, self.plan.hang_timeout, now) && peer.hangs.is_none() {
            let ms = u32::try_from(peer.late.as_millis()).unwrap_or(u32::MAX);
            peer.hangs = Some(if doubt.is_silence() { Cause::Silent } else { Cause::WorkerHangs { ms } });
        }
    }

    /// Looks at all peers again and says if the verdict changed. One that can do its work is enough.
    fn settle(&mut self) {
        let mut verdict: Option<Cause> = None;
        for peer in self.peers.values().filter(|p| p.complete) {
            match peer.hindrance(&self.plan.require) {
                None => {
                    verdict = Some(Cause::Ready);
                    break;
                }
                Some(cause) => verdict = verdict.or(Some(cause)),
            }
        }
        let (status, cause) = match verdict.or_else(|| self.missing.clone()) {
            Some(Cause::Ready) => (Status::Up, Cause::Ready),
            Some(cause) => (Status::Down, cause),
            None => (Status::Unknown, Cause::Absent),
        };
        if status != self.status {
            self.actions.push_back(Action::Changed(status, cause.clone()));
        }
        (self.status, self.cause) = (status, cause);
    }
}

impl Peer {
    fn new(pid: Option<u32>, now: Time) -> Peer {
        Peer {
            pid,
            phase: Phase::Starting,
            complete: false,
            backends: BTreeMap::new(),
            heard: now,
            late: Duration::ZERO,
            doubt: None,
            hangs: None,
        }
    }

    fn told(&mut self, message: Message, now: Time) {
        self.heard = now;
        // It speaks: whatever was doubted about its silence is settled.
        if self.doubt.as_ref().is_some_and(Doubt::is_silence) {
            self.doubt = None;
        }
        match message {
            Message::Phase(phase) => self.phase = phase,
            Message::Complete => self.complete = true,
            Message::Beat { late_ms, .. } => {
                self.late = Duration::from_millis(late_ms.into());
                if self.late < SILENCE {
                    (self.doubt, self.hangs) = (None, None);
                }
            }
            Message::Able { side: Side::Backend, name, able } => {
                if self.backends.len() < NAMES_MAX || self.backends.contains_key(&name) {
                    self.backends.insert(name, able.any());
                }
            }
            Message::Gone { side: Side::Backend, name } => {
                self.backends.remove(&name);
            }
            Message::Hello { .. } | Message::Pong(_) | Message::Able { .. } | Message::Gone { .. } => {}
        }
    }

    /// When it has to be looked at next.
    fn due(&self) -> Option<Time> {
        if !self.complete {
            return None;
        }
        let silent = self.heard + SILENCE;
        Some(self.doubt.as_ref().map_or(silent, Doubt::look_at))
    }

    /// Takes our own absence out of its silence.
    fn excuse(&mut self, held_up: Duration) {
        self.heard += held_up;
        if let Some(doubt) = &mut self.doubt {
            doubt.excuse(held_up);
        }
    }

    /// What keeps it from its work.
    fn hindrance(&self, required: &[String]) -> Option<Cause> {
        if let Some(cause) = &self.hangs {
            return Some(cause.clone());
        }
        match self.phase {
            Phase::Starting => return Some(Cause::NotReady),
            Phase::Draining => return Some(Cause::Draining),
            Phase::Stopping => return Some(Cause::Stopping),
            Phase::Ready => {}
        }
        required.iter().find_map(|name| match self.backends.get(name) {
            Some(true) => None,
            Some(false) => Some(Cause::NoServer(name.clone())),
            None => Some(Cause::NoBackend(name.clone())),
        })
    }
}

#[cfg(test)]
mod tests;
