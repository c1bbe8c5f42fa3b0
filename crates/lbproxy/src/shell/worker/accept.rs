//! A listening socket of this thread and the task that accepts from it.
//!
//! Invariants: a full frontend or process leaves connections in the kernel's queue instead of refusing them; a
//! listener that is closed first accepts what waited; after a reload it serves the next plan without a gap.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io,
    os::fd::OwnedFd,
    rc::Rc,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use socket2::SockRef;

use super::{Installed, Worker, WorkerListener, client};
use crate::{
    compile::plan::Frontend,
    engine::{conn::Addr, rate_limit::RateLimit},
    shell::{reactor::Reactor, sock::Sock, stream::Io},
};

/// How often a full frontend or process is looked at again while other threads may have freed a place.
const LIMIT_POLL: Duration = Duration::from_millis(5);
/// Pause after the process ran out of descriptors or memory.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// One listening socket.
#[derive(Debug)]
pub(super) struct Listening {
    socket: Socket,
    target: RefCell<Target>,
    paused: Cell<bool>,
    closed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    /// The address that clients called, where it is not the wildcard.
    fixed_dst: Option<Addr>,
}

/// Whom accepted connections are given to.
#[derive(Clone, Debug)]
struct Target {
    installed: Rc<Installed>,
    frontend: Arc<Frontend>,
    bind: usize,
}

#[derive(Debug)]
struct Socket {
    sock: Sock,
    reactor: Rc<Reactor>,
}

impl Listening {
    /// Takes the socket over and begins to accept.
    pub(super) fn start(
        worker: &Rc<Worker>,
        installed: &Rc<Installed>,
        listener: WorkerListener,
    ) -> io::Result<Rc<Listening>> {
        let frontend = installed.plan().frontends.get(listener.frontend).cloned();
        let frontend = frontend.ok_or_else(|| io::Error::other("it belongs to no frontend"))?;
        let socket = Socket::new(worker.reactor(), listener.fd)?;
        let listening = Rc::new(Listening {
            fixed_dst: socket.fixed_address(),
            socket,
            target: RefCell::new(Target { installed: installed.clone(), frontend, bind: listener.bind }),
            paused: Cell::new(false),
            closed: Cell::new(false),
            waker: RefCell::default(),
        });
        tokio::task::spawn_local(listening.clone().run(worker.clone()));
        Ok(listening)
    }

    pub(super) fn frontend(&self) -> usize {
        self.target.borrow().frontend.ix
    }

    /// Serves the next plan from now on.
    pub(super) fn retarget(&self, installed: Rc<Installed>, frontend: usize, bind: usize) {
        if let Some(f) = installed.plan().frontends.get(frontend).cloned() {
            *self.target.borrow_mut() = Target { installed, frontend: f, bind };
        }
    }

    /// A paused TCP socket refuses connections, as one that is closed does.
    pub(super) fn pause(&self, paused: bool) {
        if self.paused.replace(paused) != paused && !self.socket.sock.is_unix() {
            let sock = SockRef::from(&self.socket.sock);
            let done = match paused {
                true => sock.shutdown(std::net::Shutdown::Read),
                false => sock.listen(self.backlog()),
            };
            if let Err(e) = done {
                tracing::warn!(
                    "a listening socket does not {}: {e}",
                    if paused { "pause" } else { "resume" }
                );
            }
        }
        self.wake();
    }

    /// Ends accepting once the queue is empty.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.wake();
    }

    /// As the configuration has it, else as much as the kernel allows.
    fn backlog(&self) -> i32 {
        let target = self.target.borrow();
        let own = target.frontend.binds.get(target.bind).and_then(|b| b.backlog);
        let wanted = own.unwrap_or(target.frontend.backlog);
        i32::try_from(wanted).ok().filter(|n| *n > 0).unwrap_or(i32::MAX)
    }

    fn wake(&self) {
        if let Some(w) = self.waker.borrow().as_ref() {
            w.wake_by_ref();
        }
    }

    async fn run(self: Rc<Listening>, worker: Rc<Worker>) {
        let mut in_a_row = 0;
        loop {
            let accepted = poll_fn(|cx| {
                *self.waker.borrow_mut() = Some(cx.waker().clone());
                if self.paused.get() && !self.closed.get() {
                    return Poll::Pending;
                }
                match self.socket.poll_accept(cx) {
                    Poll::Pending if self.closed.get() => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(r) => Poll::Ready(Some(r)),
                }
            })
            .await;
            match accepted {
                None => return,
                Some(Ok((io, src))) => self.serve(&worker, io, src).await,
                Some(Err(e)) if is_of_one_connection(&e) => {}
                Some(Err(e)) => {
                    tracing::warn!("cannot accept connections: {e}; trying again");
                    tokio::time::sleep(EXHAUSTED_PAUSE).await;
                }
            }
            in_a_row += 1;
            let most = self.target.borrow().installed.plan().global.tune.maxaccept.max(1);
            if in_a_row >= most {
                in_a_row = 0;
                let_others().await;
            }
        }
    }

    /// Hands an accepted connection to a task of its own, as soon as the limits allow.
    async fn serve(&self, worker: &Rc<Worker>, io: Io, src: Addr) {
        let target = self.target.borrow().clone();
        worker.begin_step();
        let global = &target.installed.plan().global;
        let (shared, frontend) = (worker.shared.clone(), &target.frontend);
        let rates = shared.registry.rates();
        self.at_rate(worker, &rates.connections, global.maxconnrate).await;
        self.at_rate(worker, &rates.sessions, global.maxsessrate).await;
        self.at_rate(worker, &frontend.state.session_rate, frontend.rate_limit).await;
        if frontend.binds.get(target.bind).is_some_and(|b| b.tls.is_some()) {
            self.at_rate(worker, &rates.tls, global.maxsslrate).await;
        }
        let configured = global.maxconn;
        while !worker.shared.connections.try_enter(worker.shared.registry.maxconn(configured)) {
            tokio::time::sleep(LIMIT_POLL).await;
        }
        let state = target.frontend.state.clone();
        while !state.sessions.try_enter(state.maxconn(target.frontend.maxconn)) {
            tokio::time::sleep(LIMIT_POLL).await;
        }
        let counters = state.counters.at(worker.thread);
        counters.connections.inc();
        let listener = target.frontend.listeners.get(target.bind).cloned();
        if let Some(l) = &listener {
            l.sessions.enter();
            l.counters.at(worker.thread).connections.inc();
        }
        let places = client::Places { shared: worker.shared.clone(), frontend: state, listener };
        let dst = self.fixed_dst.unwrap_or_else(|| local_address(&io));
        client::spawn(worker, target.installed, target.frontend, target.bind, io, (src, dst), places);
    }
}

impl Listening {
    /// Waits until the limit takes one more; what comes meanwhile waits in the kernel's queue.
    async fn at_rate(&self, worker: &Worker, rate: &RateLimit, configured: u32) {
        while let Err(ms) = rate.take(configured, worker.clock.now_ms()) {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            worker.clock.refresh();
        }
    }
}

/// Lets the tasks that are ready run first.
async fn let_others() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Socket {
    fn new(reactor: &Rc<Reactor>, fd: OwnedFd) -> io::Result<Socket> {
        let sock = socket2::Socket::from(fd);
        sock.set_nonblocking(true)?;
        let inet = sock.local_addr()?.as_socket().is_some();
        if inet {
            // Accepted sockets inherit it, which spares a system call for each.
            sock.set_tcp_nodelay(true)?;
        }
        let make = if inet { Sock::tcp } else { Sock::unix };
        Ok(Socket { sock: make(reactor, sock.into()), reactor: reactor.clone() })
    }

    fn poll_accept(&self, cx: &mut std::task::Context<'_>) -> Poll<io::Result<(Io, Addr)>> {
        let (fd, from) = std::task::ready!(self.sock.poll_accept(cx))?;
        let (make, src) = match from.filter(|_| !self.sock.is_unix()) {
            Some(a) => (Sock::tcp as fn(&Rc<Reactor>, OwnedFd) -> Sock, Addr::Inet(unmapped(a))),
            None => (Sock::unix as _, Addr::Unix),
        };
        Poll::Ready(Ok((Io::Plain(make(&self.reactor, fd)), src)))
    }

    fn fixed_address(&self) -> Option<Addr> {
        match self.sock.is_unix() {
            false => {
                let own = self.sock.local_addr();
                own.filter(|a| !a.ip().is_unspecified()).map(|a| Addr::Inet(unmapped(a)))
            }
            true => Some(Addr::Unix),
        }
    }
}

/// An IPv4 client of an IPv6 socket is an IPv4 client.
fn unmapped(a: std::net::SocketAddr) -> std::net::SocketAddr {
    (a.ip().to_canonical(), a.port()).into()
}

fn local_address(io: &Io) -> Addr {
    io.transport().local_addr().map_or(Addr::Unix, |a| Addr::Inet(unmapped(a)))
}

/// Errors of accept(2) that concern the connection that was to be accepted, not the listener.
fn is_of_one_connection(e: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(e.kind(), K::ConnectionAborted | K::ConnectionReset | K::Interrupted | K::WouldBlock)
        || matches!(e.raw_os_error(), Some(libc::EPROTO | libc::EPERM | libc::ENETDOWN | libc::EHOSTUNREACH))
}
