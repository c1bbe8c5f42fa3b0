//! A client connection from accept to close: PROXY protocol, TLS handshake, then the session of its mode.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::{Installed, Kill, Slot, SlotGuard, Stage, Worker};
use crate::{
    compile::plan::{Bind, Frontend, Mode},
    engine::{
        conn::{Addr, ConnError, ConnInfo, TlsInfo},
        proxy_protocol::{self, Parsed, Reason},
        state::{FrontendState, ListenerState},
        stats::{Counter, Counters},
        stick::{Tracks, track::Event},
    },
    shell::{http, runtime::Shared, stream::Io, tcp, timer::NEVER, tls::HandshakeError},
};

/// Time that PROXY protocol and TLS handshake may take where no client time-out is set.
const HANDSHAKE_MAX_MS: u32 = 60_000;

/// The places that a connection holds in the process and in its frontend.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) shared: Arc<Shared>,
    pub(super) frontend: Arc<FrontendState>,
    /// With `option socket-stats`.
    pub(super) listener: Option<Arc<ListenerState>>,
}

impl Drop for Places {
    fn drop(&mut self) {
        self.frontend.sessions.leave();
        if let Some(l) = &self.listener {
            l.sessions.leave();
        }
        self.shared.connections.leave();
    }
}

/// What a client connection is, for everything that serves it.
#[derive(Debug)]
pub struct Session {
    pub worker: Rc<Worker>,
    pub installed: Rc<Installed>,
    pub frontend: Arc<Frontend>,
    pub conn: ConnInfo,
    entry: SlotGuard,
    places: Places,
}

/// A client connection and all that is known of it, in one piece of memory.
#[derive(Debug)]
pub struct Client {
    pub session: Session,
    pub io: Io,
}

/// Why a wait ended before what was waited for came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interrupt {
    TimedOut,
    Killed(Kill),
}

impl Session {
    pub fn slot(&self) -> &Slot {
        &self.entry.slot
    }

    pub fn now_ms(&self) -> u64 {
        self.worker.clock.now_ms()
    }

    fn bind(&self) -> Option<&Arc<Bind>> {
        self.frontend.binds.get(self.conn.listener as usize)
    }

    fn needs_handshake(&self) -> bool {
        self.bind().is_some_and(|b| b.accept_proxy || b.tls.is_some())
    }

    /// The counters of this frontend and thread.
    pub fn counters(&self) -> &Counters {
        self.frontend.state.counters.at(self.worker.thread)
    }

    /// The counters of the listener, where they are kept apart.
    pub fn listener_counters(&self) -> Option<&Counters> {
        self.places.listener.as_ref().map(|l| l.counters.at(self.worker.thread))
    }

    /// Counts something of the client's side.
    pub fn count(&self, which: fn(&Counters) -> &Counter) {
        which(self.counters()).inc();
        if let Some(l) = self.listener_counters() {
            which(l).inc();
        }
    }

    /// Arms the time-out: `ms` from now, 0 for none.
    pub fn arm_in(&self, ms: u32) {
        let at = if ms == 0 { NEVER } else { self.now_ms() + u64::from(ms) };
        self.worker.arm(self.slot(), at);
    }

    pub fn arm_at(&self, deadline_ms: u64) {
        self.worker.arm(self.slot(), deadline_ms);
    }

    /// An order to end, or the time-out.
    pub fn interrupt(&self) -> Option<Interrupt> {
        match self.slot().killed() {
            Some(k) => Some(Interrupt::Killed(k)),
            None if self.slot().timer.expired(self.now_ms()) => Some(Interrupt::TimedOut),
            None => None,
        }
    }

    /// Waits for `work`, unless interrupted.
    pub async fn unless_interrupted<T>(&self, work: impl Future<Output = T>) -> Result<T, Interrupt> {
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(v) => Poll::Ready(Ok(v)),
            Poll::Pending => match self.interrupt() {
                Some(i) => Poll::Ready(Err(i)),
                None => Poll::Pending,
            },
        })
        .await
    }
}

/// What the session counts in stick tables ends with it.
impl Drop for Session {
    fn drop(&mut self) {
        if !self.conn.tracked.is_empty() {
            self.conn.tracked.release(self.now_ms());
        }
    }
}

/// Starts the task of a connection.
pub(super) fn spawn(
    worker: &Rc<Worker>,
    installed: Rc<Installed>,
    frontend: Arc<Frontend>,
    bind: usize,
    io: Io,
    (src, dst): (Addr, Addr),
    places: Places,
) {
    let id = worker.new_id();
    let accept_ms = worker.clock.now_ms();
    let conn = ConnInfo {
        src,
        dst,
        frontend: frontend.ix as u32,
        listener: bind as u32,
        thread: worker.thread,
        accept_date_us: worker.clock.wall_us(),
        accept_ms,
        handshake_ms: 0,
        tls: None,
        proxy_tlvs: None,
        id,
        error: ConnError::default(),
        tracked: Tracks::default(),
    };
    let entry = worker.enter(Slot::new(installed.clone(), frontend.ix, id, accept_ms, src));
    let session = Session { worker: worker.clone(), installed, frontend, conn, entry, places };
    let client = Box::new(Client { session, io });
    tokio::task::spawn_local(Steps { worker: worker.clone(), work: serve(client) });
}

pin_project! {
    /// The task of a connection: what every step of it begins with, then the step.
    struct Steps<F> {
        worker: Rc<Worker>,
        #[pin]
        work: F,
    }
}

impl<F: Future<Output = ()>> Future for Steps<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.worker.begin_step();
        this.work.poll(cx)
    }
}

/// What is held here is held by every idle connection: it is kept small, and what only some need is boxed.
async fn serve(mut client: Box<Client>) {
    poll_fn(|cx| {
        client.session.slot().timer.set_waker(cx.waker());
        Poll::Ready(())
    })
    .await;
    if !admitted(&client, true) {
        return;
    }
    if client.session.needs_handshake() {
        match Box::pin(handshakes(&mut client.session, client.io)).await {
            Some(io) => client.io = io,
            None => return,
        }
    }
    if !admitted(&client, false) {
        return;
    }
    let session = &client.session;
    session.count(|c| &c.sessions);
    session.conn.tracked.note(&Tracks::default(), Event::Session, session.now_ms());
    match session.frontend.mode {
        Mode::Http => http::serve(client).await,
        Mode::Tcp => Box::pin(tcp::serve(client)).await,
    }
}

/// `tcp-request connection` rules before any handshake, `tcp-request session` rules after.
fn admitted(client: &Client, connection: bool) -> bool {
    let session = &client.session;
    let rules = &session.frontend.rules;
    let admits = http::admits(session, if connection { &rules.tcp_connection } else { &rules.tcp_session });
    if !admits {
        session.count(if connection { |c| &c.denied_connections } else { |c| &c.denied_sessions });
        client.io.set_abort_on_close();
    }
    admits
}

/// PROXY protocol, then TLS. `None` when the connection came to nothing.
async fn handshakes(session: &mut Session, mut io: Io) -> Option<Io> {
    let bind = session.bind().cloned()?;
    session.slot().stage.set(Stage::Handshake);
    let timeouts = &session.frontend.timeouts;
    let limit = [timeouts.client_hs, timeouts.client, HANDSHAKE_MAX_MS];
    session.arm_in(limit.into_iter().find(|&t| t > 0).unwrap_or(HANDSHAKE_MAX_MS));
    if bind.accept_proxy
        && let Err(error) = accept_proxy(session, &mut io).await
    {
        return failed(session, error);
    }
    if bind.tls.is_some() {
        match accept_tls(session, io).await {
            Ok((stream, info)) => {
                io = stream;
                session.conn.tls = Some(Box::new(info));
            }
            Err(error) => return failed(session, error),
        }
    }
    session.conn.handshake_ms = (session.now_ms() - session.conn.accept_ms) as u32;
    Some(io)
}

/// Counts and logs a connection that ends before it is a session. Whoever ended it is told nothing, and an order
/// to end it is no failure.
fn failed(session: &mut Session, error: Option<ConnError>) -> Option<Io> {
    session.count(|c| &c.request_errors);
    if let Some(error) = error {
        session.conn.error = error;
        session.conn.handshake_ms = (session.now_ms() - session.conn.accept_ms) as u32;
        http::log_failed(session);
    }
    None
}

/// # Errors
/// What the log says; nothing when somebody ended the connection.
async fn accept_tls(session: &Session, io: Io) -> Result<(Io, TlsInfo), Option<ConnError>> {
    let tls = &session.installed.runtime.tls;
    let acceptor = tls.acceptor(session.frontend.ix, session.conn.listener as usize).ok_or(None)?;
    let interrupted = |i| match i {
        Interrupt::TimedOut => Some(ConnError::TLS_TIMEOUT),
        Interrupt::Killed(_) => None,
    };
    let failure = |e: HandshakeError| {
        Some(match e {
            HandshakeError::Closed => ConnError::TLS_EMPTY,
            HandshakeError::Aborted(_) => ConnError::TLS_ABORT,
            HandshakeError::Certificate(_) | HandshakeError::Failure(_) => ConnError::TLS_HANDSHAKE,
        })
    };
    let Io::Plain(s) = io else { return Err(None) };
    let done = session.unless_interrupted(acceptor.accept(s)).await.map_err(interrupted)?;
    done.map(|(s, info)| (Io::Tls(s), info)).map_err(failure)
}

/// Reads the PROXY header, byte-exact: nothing behind it may be taken, since TLS begins there.
///
/// # Errors
/// What the log says; nothing when somebody ended the connection.
async fn accept_proxy(session: &mut Session, io: &mut Io) -> Result<(), Option<ConnError>> {
    let mut seen = Vec::with_capacity(proxy_protocol::V1_LINE_MAX);
    loop {
        match session.unless_interrupted(io.read_one(&mut seen)).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                let begun = !seen.is_empty();
                return Err(Some(if begun { ConnError::PROXY_TRUNCATED } else { ConnError::PROXY_EMPTY }));
            }
            Ok(Err(_)) => return Err(Some(ConnError::PROXY_ABORT)),
            Err(Interrupt::TimedOut) => return Err(Some(ConnError::PROXY_TIMEOUT)),
            Err(Interrupt::Killed(_)) => return Err(None),
        }
        match proxy_protocol::parse(&seen) {
            Parsed::Incomplete if seen.len() < proxy_protocol::V2_HEADER_MAX => {}
            Parsed::Invalid(Reason::NoHeader) => return Err(Some(ConnError::PROXY_NOT_HEADER)),
            Parsed::Incomplete | Parsed::Invalid(_) => return Err(Some(ConnError::PROXY_BAD_HEADER)),
            Parsed::Done { header, .. } => {
                if !header.tlvs.is_empty() {
                    session.conn.proxy_tlvs = Some(header.tlvs.into());
                }
                if let Some((src, dst)) = header.addrs {
                    (session.conn.src, session.conn.dst) = (src, dst);
                    session.slot().src.set(src);
                }
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of_future<A, F>(_: impl Fn(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_idle_connection_is_small() {
        let task = bytes_of_future(serve);
        assert!(task <= 384, "the task grew to {task} bytes: box what only some connections need");
        let rest = size_of::<Client>() + size_of::<Slot>();
        assert!(rest <= 384, "session and slot grew to {rest} bytes");
    }
}
