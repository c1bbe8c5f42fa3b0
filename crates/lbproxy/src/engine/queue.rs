//! Who waits for a server: one queue per server and one per backend, in order of priority, then of arrival.
//!
//! A stream that found no slot enters a [`Ticket`]; whoever gives a slot back ([`release`]) or makes room otherwise
//! ([`wake`]) takes the slot in the waiter's name and grants it. Invariants: a granted slot is either used or given
//! back by [`leave`]; nobody waits while a slot is free (the waiter counts itself before it looks again, the
//! releaser gives back before it looks for waiters, all sequentially consistent). Bounded by the streams of the
//! process, and per server by `maxqueue`. Left to others: `timeout queue` (the stream), waking of tasks beyond
//! calling their `Waker` (`shell::queue`).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    task::Waker,
};

use super::state::{BackendState, ServerState, lock};

/// Order of waiting: class first (`set-priority-class`, lower goes first), then time of arrival plus
/// `set-priority-offset`, then arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Rank {
    class: i16,
    at_ms: i64,
    number: u64,
}

/// The waiters of a backend and its servers.
#[derive(Debug, Default)]
pub(crate) struct Line {
    general: Queue,
    /// By `uid` of the server.
    of_servers: HashMap<u32, Queue>,
    last_number: u64,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<Rank, Arc<Ticket>>,
    /// How many have left it, for the positions that logs print.
    left: u64,
}

/// How important a waiter is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Priority {
    /// -2047 to 2047, lower goes first.
    pub class: i16,
    /// Milliseconds added to the time of arrival.
    pub offset_ms: i32,
}

/// What a waiter gets.
#[derive(Clone, Debug)]
pub enum Grant {
    /// A slot of this server, already counted in its sessions.
    Slot(Arc<ServerState>),
    /// The server it waited for is gone: choose again.
    Again,
}

/// Where a waiter stood, for `%sq` and `%bq` of the log: how many had to be served up to it, in each queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Positions {
    pub server: u32,
    pub backend: u32,
}

/// A place in a queue.
#[derive(Debug)]
pub struct Ticket {
    rank: Rank,
    /// `uid` of the server it waits for; `None`: for any of the backend.
    server: Option<u32>,
    left_before: u64,
    cell: Mutex<Cell>,
}

#[derive(Debug, Default)]
struct Cell {
    grant: Option<Grant>,
    waker: Option<Waker>,
    position: u32,
}

impl Ticket {
    /// The grant, once; until then `waker` is called when it comes.
    pub fn poll(&self, waker: &Waker) -> Option<Grant> {
        let mut c = lock(&self.cell);
        if c.grant.is_none() && !c.waker.as_ref().is_some_and(|w| w.will_wake(waker)) {
            c.waker = Some(waker.clone());
        }
        c.grant.take()
    }

    /// Where it stood when it was granted or left.
    pub fn positions(&self) -> Positions {
        let position = lock(&self.cell).position;
        match self.server {
            Some(_) => Positions { server: position, backend: 0 },
            None => Positions { server: 0, backend: position },
        }
    }

    fn give(&self, grant: Grant, left_now: u64) {
        let waker = {
            let mut c = lock(&self.cell);
            c.grant = Some(grant);
            c.position = self.position(left_now);
            c.waker.take()
        };
        if let Some(w) = waker {
            w.wake();
        }
    }

    fn position(&self, left_now: u64) -> u32 {
        (left_now.wrapping_sub(self.left_before) as u32).saturating_add(1)
    }
}

/// Waits for a slot of `server`, or of any server of the backend. The caller polls the ticket, and ends with
/// [`leave`] if it gives up.
pub fn enter(
    backend: &BackendState,
    server: Option<&ServerState>,
    priority: Priority,
    now_ms: u64,
) -> Arc<Ticket> {
    let ticket = {
        let mut line = lock(&backend.line);
        line.last_number += 1;
        let rank = Rank {
            class: priority.class,
            at_ms: (now_ms as i64).saturating_add(i64::from(priority.offset_ms)),
            number: line.last_number,
        };
        let queue = match server {
            Some(s) => line.of_servers.entry(s.uid).or_default(),
            None => &mut line.general,
        };
        let ticket = Arc::new(Ticket {
            rank,
            server: server.map(|s| s.uid),
            left_before: queue.left,
            cell: Mutex::default(),
        });
        queue.waiting.insert(rank, ticket.clone());
        match server {
            Some(s) => s.queued.enter(),
            None => backend.queued.enter(),
        };
        ticket
    };
    // Between the failed attempt and our counting a slot may have become free, and nobody knew of us then.
    match server {
        Some(s) => wake(s),
        None => backend.members().iter().for_each(|s| wake(s)),
    }
    ticket
}

/// Gives up: takes the ticket out of its queue, or gives back the slot it was just granted.
pub fn leave(backend: &BackendState, server: Option<&ServerState>, ticket: &Ticket) {
    let removed = {
        let mut line = lock(&backend.line);
        let queue = match ticket.server {
            Some(uid) => line.of_servers.get_mut(&uid),
            None => Some(&mut line.general),
        };
        queue.is_some_and(|q| {
            let found = q.waiting.remove(&ticket.rank).is_some();
            if found {
                lock(&ticket.cell).position = ticket.position(q.left);
                match server {
                    Some(s) => s.queued.leave(),
                    None => backend.queued.leave(),
                };
            }
            found
        })
    };
    let granted = if removed { None } else { lock(&ticket.cell).grant.take() };
    if let Some(Grant::Slot(s)) = granted {
        release(&s);
    }
}

/// Gives a slot of the server back; whoever is next gets it.
pub fn release(server: &ServerState) {
    server.sessions.leave();
    if server.queued.now() > 0 || server.backend.queued.now() > 0 {
        wake(server);
    }
}

/// Grants free slots of the server to those who wait for it or for any.
pub fn wake(server: &ServerState) {
    let backend = &server.backend;
    while (server.queued.now() > 0 || backend.queued.now() > 0) && server.try_take_in_turn() {
        let Some(me) = server.arc() else { break };
        let next = lock(&backend.line).next(server);
        match next {
            Some((ticket, left)) => ticket.give(Grant::Slot(me), left),
            None => {
                server.sessions.leave();
                // Whoever entered since and found the slot taken by this very attempt would wait in vain.
                if !lock(&backend.line).has_waiter(server) {
                    break;
                }
            }
        }
    }
}

/// Sends all who wait for this server to choose again; tells how many there were.
pub fn evict(server: &ServerState) -> usize {
    let (gone, left) = {
        let mut line = lock(&server.backend.line);
        let Some(q) = line.of_servers.get_mut(&server.uid) else { return 0 };
        let gone = std::mem::take(&mut q.waiting);
        for _ in &gone {
            server.queued.leave();
        }
        (gone, q.left)
    };
    for t in gone.values() {
        t.give(Grant::Again, left);
    }
    gone.len()
}

impl Line {
    /// Takes out who is next for a free slot of this server.
    fn next(&mut self, server: &ServerState) -> Option<(Arc<Ticket>, u64)> {
        let own = self.of_servers.get(&server.uid).and_then(|q| q.waiting.first_key_value());
        let own = own.filter(|_| server.accepts_persistent()).map(|w| *w.0);
        let any = self.general.waiting.first_key_value().map(|w| *w.0);
        let any = any.filter(|_| server.backend.may_serve(server));
        let take_own = match (own, any) {
            (Some(o), Some(a)) => o <= a,
            (own, _) => own.is_some(),
        };
        let queue = match take_own {
            true => self.of_servers.get_mut(&server.uid)?,
            false => {
                any?;
                &mut self.general
            }
        };
        let (_, ticket) = queue.waiting.pop_first()?;
        let before = queue.left;
        queue.left += 1;
        match take_own {
            true => server.queued.leave(),
            false => server.backend.queued.leave(),
        };
        Some((ticket, before))
    }

    fn has_waiter(&self, server: &ServerState) -> bool {
        let own = self.of_servers.get(&server.uid).is_some_and(|q| !q.waiting.is_empty());
        (own && server.accepts_persistent())
            || (!self.general.waiting.is_empty() && server.backend.may_serve(server))
    }
}

#[cfg(test)]
mod tests;
