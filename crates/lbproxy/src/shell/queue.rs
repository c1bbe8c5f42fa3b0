//! From a request to a slot on a server: persistence, balancing, then waiting if all are full.
//!
//! [`assign`] never blocks; what it cannot decide at once it hands back as a [`Waiting`], a future that a stream
//! races against `timeout queue` and the client's leaving. Dropping it gives up the place, or the slot if one was
//! just granted. The order of waiting is `engine::queue`'s.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    compile::plan::{Backend, ServerIx},
    engine::{
        balance::{Affinity, Key, Pick},
        queue::{self, Grant, Positions, Priority, Ticket},
        state::{BackendState, ServerState},
    },
};

/// What became of a request.
#[derive(Debug)]
pub enum Assigned {
    /// It has a slot of this server; [`release`] gives it back.
    Slot(ServerIx),
    /// It has to wait; then [`Waiting::server_of`] says where, or [`assign`] is to be asked again.
    Wait(Waiting),
    /// The queue of its server is full, and it may not go elsewhere (503, `SQ`).
    QueueFull(ServerIx),
    /// No server can serve it (503, `SC`).
    None,
}

/// Attempts to take a slot that others snatched before the request queues.
const SNATCHED_MAX: usize = 4;

/// Finds a slot. `persistent` is the server that cookie, `use-server` or a stick rule names; it is used even while
/// it drains, and with `option persist` even while it is down. `avoid` is one that just failed.
pub fn assign(
    backend: &Backend,
    key: &Key<'_>,
    persistent: Option<ServerIx>,
    avoid: Option<ServerIx>,
    priority: Priority,
    now_ms: u64,
) -> Assigned {
    // Manual 5.2, `maxqueue`: what a full queue sends away goes to another server only with `option redispatch`.
    let may_move = backend.redispatch != 0;
    if let Some((ix, s)) = persistent.and_then(|ix| Some((ix, &backend.servers.get(ix)?.state)))
        && (s.accepts_persistent() || backend.persist)
    {
        if s.try_take() {
            return Assigned::Slot(ix);
        }
        if !s.is_queue_full() {
            return Assigned::Wait(Waiting::new(&backend.state, Some((ix, s)), priority, now_ms));
        }
        if !may_move {
            return Assigned::QueueFull(ix);
        }
    }
    let mut avoid = avoid;
    for _ in 0..SNATCHED_MAX {
        match backend.lb.pick(key, avoid) {
            Pick::Server(ix) => {
                let Some(server) = backend.servers.get(ix) else { return Assigned::None };
                if server.state.try_take() {
                    return Assigned::Slot(ix);
                }
                let keeps = backend.lb.spec().keeps_to_its_server();
                if server.state.is_queue_full() {
                    let stays = backend.lb.spec().affinity == Affinity::Always;
                    if keeps && stays && !may_move {
                        return Assigned::QueueFull(ix);
                    }
                    avoid = Some(ix);
                } else if keeps {
                    let s = Some((ix, &server.state));
                    return Assigned::Wait(Waiting::new(&backend.state, s, priority, now_ms));
                }
            }
            Pick::Full => break,
            Pick::None => return Assigned::None,
        }
    }
    Assigned::Wait(Waiting::new(&backend.state, None, priority, now_ms))
}

/// Gives back the slot of a server when the stream has done with it.
pub fn release(backend: &Backend, server: ServerIx) {
    if let Some(s) = backend.servers.get(server) {
        queue::release(&s.state);
    }
}

/// A place in a queue; resolves when a slot is granted or the server waited for has gone.
#[derive(Debug)]
pub struct Waiting {
    backend: Arc<BackendState>,
    server: Option<Arc<ServerState>>,
    server_ix: Option<ServerIx>,
    ticket: Arc<Ticket>,
    done: bool,
}

impl Waiting {
    fn new(
        backend: &Arc<BackendState>,
        server: Option<(ServerIx, &Arc<ServerState>)>,
        priority: Priority,
        now_ms: u64,
    ) -> Waiting {
        Waiting {
            ticket: queue::enter(backend, server.map(|(_, s)| &**s), priority, now_ms),
            backend: backend.clone(),
            server: server.map(|(_, s)| s.clone()),
            server_ix: server.map(|(ix, _)| ix),
            done: false,
        }
    }

    /// The server it waits for; `None`: any of the backend.
    pub fn server(&self) -> Option<ServerIx> {
        self.server_ix
    }

    /// The positions for `%sq` and `%bq`, valid once it resolved; before, after [`Waiting::give_up`].
    pub fn positions(&self) -> Positions {
        self.ticket.positions()
    }

    /// Leaves the queue and says where it stood.
    pub fn give_up(mut self) -> Positions {
        self.leave();
        self.positions()
    }

    fn leave(&mut self) {
        if !std::mem::replace(&mut self.done, true) {
            queue::leave(&self.backend, self.server.as_deref(), &self.ticket);
        }
    }

    /// The server of a grant in this plan; `None`: ask [`assign`] again. A slot of a server that the plan no longer
    /// has is given back.
    pub fn server_of(backend: &Backend, grant: Grant) -> Option<ServerIx> {
        match grant {
            Grant::Again => None,
            Grant::Slot(s) => {
                let ix = backend.servers.iter().position(|x| x.state.uid == s.uid);
                if ix.is_none() {
                    queue::release(&s);
                }
                ix
            }
        }
    }
}

impl Future for Waiting {
    type Output = Grant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Grant> {
        match self.ticket.poll(cx.waker()) {
            Some(grant) => {
                self.done = true;
                Poll::Ready(grant)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.leave();
    }
}
