//! HTTP/1 sessions: one client connection, request after request.
//!
//! Owns: the loop over requests and the wait between them. Invariants: between requests a connection holds no
//! buffer and no record; everything of a request lives in a [`Record`] from the thread's pool and in a future that
//! exists only while the request does. The steps of a request are in the files below: `request` reads its head,
//! `route` chooses backend and server, `exchange` moves both messages, `answer` is what the proxy says itself,
//! `finish` counts and logs.

mod answer;
mod exchange;
mod finish;
mod forwarded;
mod observe;
mod refuse;
mod relay;
mod request;
mod route;
mod rules;
mod stats;
mod stick;
mod timeouts;
mod world;

use std::{cell::RefCell, future::poll_fn, sync::Arc, task::Poll};

use super::{
    buffer::Buf,
    pool::ServerConn,
    stream::Io,
    worker::{Client, Interrupt, Session, Stage},
};
use answer::Answer;
pub(super) use relay::relay;
pub(super) use rules::{admits, log_failed};

use crate::{
    compile::plan::Backend,
    engine::{
        conn::Addr,
        cookie,
        http::{Head, body::Body, framing::Facts},
        queue,
        sample::var::Vars,
        session::Failure,
        state::{BackendState, ServerState},
        txn::Txn,
    },
};

/// Records kept for reuse, per thread.
const RECORDS_MAX: usize = 256;

/// Serves a connection until it ends.
pub async fn serve(mut of: Box<Client>) {
    let Client { session, io: client } = &mut *of;
    let session = &*session;
    let mut held: Option<Buf> = None;
    let mut memory = Memory::default();
    let mut number = 0;
    let mut idle_us = 0;
    loop {
        let arrived = match held.take() {
            Some(buf) => Arrived::Bytes(buf),
            None => wait_for_request(session, client, number).await,
        };
        let next = match arrived {
            Arrived::Bytes(buf) => Box::pin(one(session, client, buf, (number, idle_us), &mut memory)).await,
            // A connection that never said anything is a failed request, one between requests just ends.
            Arrived::Nothing(failure) if number == 0 => {
                Box::pin(nothing(session, client, failure)).await;
                Next::Close
            }
            Arrived::Nothing(_) | Arrived::Ended => Next::Close,
        };
        match next {
            Next::Again(buf) => held = buf,
            Next::Close => break,
            Next::Linger => {
                answer::linger(session, client).await;
                break;
            }
        }
        number += 1;
        idle_us = session.worker.clock.now_us();
    }
    if let Some(buf) = held {
        session.installed.buffers.put(buf);
    }
    if session.frontend.tcp.nolinger || session.frontend.http.nolinger {
        client.set_abort_on_close();
    }
    if client.is_tls() {
        // The close alert is a courtesy; a peer that does not take it at once is not waited for.
        poll_fn(|cx| {
            let _ = client.poll_shutdown(cx);
            Poll::Ready(())
        })
        .await;
    }
}

/// What lives as long as the session, from request to request.
#[derive(Debug, Default)]
struct Memory {
    kept: Option<Box<Kept>>,
    /// Variables; between requests only those of the session (`sess.`).
    vars: Option<Vars>,
}

/// What came of waiting for a request.
enum Arrived {
    Bytes(Buf),
    Nothing(Failure),
    /// The process stops, or an administrator ended it.
    Ended,
}

/// What becomes of the connection after a request.
enum Next {
    /// The next request; its first bytes may be here already.
    Again(Option<Buf>),
    Close,
    /// Close, but let the client take the last bytes first.
    Linger,
}

/// A server connection that belongs to this session alone (`http-reuse never`, PROXY header).
#[derive(Debug)]
struct Kept {
    backend: usize,
    server: usize,
    conn: ServerConn,
}

/// Waits for the first byte. The buffer is taken when something can be read and given back otherwise.
async fn wait_for_request(session: &Session, client: &mut Io, number: u32) -> Arrived {
    let t = &session.frontend.timeouts;
    session.slot().set_idle();
    let ms = match number {
        0 => {
            session.slot().stage.set(Stage::Request);
            [t.http_request, t.client, 0]
        }
        _ => [t.http_keep_alive, t.http_request, t.client],
    };
    session.arm_in(ms.into_iter().find(|&ms| ms > 0).unwrap_or(0));
    let buffers = &session.installed.buffers;
    poll_fn(|cx| {
        let mut buf = buffers.take();
        match client.poll_read(cx, &mut buf) {
            Poll::Ready(Ok(n)) if n > 0 => return Poll::Ready(Arrived::Bytes(buf)),
            Poll::Ready(_) => {
                buffers.put(buf);
                return Poll::Ready(Arrived::Nothing(Failure::RequestAborted));
            }
            Poll::Pending => buffers.put(buf),
        }
        match session.interrupt() {
            Some(Interrupt::TimedOut) => Poll::Ready(Arrived::Nothing(Failure::RequestTimeout)),
            Some(Interrupt::Killed(_)) => Poll::Ready(Arrived::Ended),
            None if number > 0 && session.worker.is_draining() => Poll::Ready(Arrived::Ended),
            None => Poll::Pending,
        }
    })
    .await
}

/// Serves one request whose first bytes are in `buf`.
async fn one(
    session: &Session,
    client: &mut Io,
    buf: Buf,
    (number, idle_us): (u32, u64),
    memory: &mut Memory,
) -> Next {
    let mut stream = Stream::new(session, client, number);
    stream.up = Some(buf);
    stream.times.idle_us = idle_us;
    stream.remember(memory);
    let end = stream.run(&mut memory.kept).await;
    let next = stream.finish(end, memory).await;
    stream.retire(memory);
    next
}

/// A connection on which no request came.
async fn nothing(session: &Session, client: &mut Io, failure: Failure) {
    let mut stream = Stream::new(session, client, 0);
    stream.silent = true;
    stream.times.first_byte_us = (session.conn.accept_ms * 1_000).max(1);
    let mut memory = Memory::default();
    stream.finish(Err(End::Failed(failure)), &mut memory).await;
    stream.retire(&mut memory);
}

/// Why a stream ended without a forwarded answer.
#[derive(Debug)]
enum End {
    Failed(Failure),
    /// The proxy answered itself.
    Answered(answer::Answer),
    /// Close without a word (`silent-drop`, `reject`).
    Dropped,
}

impl From<Failure> for End {
    fn from(f: Failure) -> End {
        End::Failed(f)
    }
}

/// What a request needs in memory, reused from request to request.
#[derive(Debug, Default)]
pub struct Record {
    req: Head,
    res: Head,
    txn: Txn,
    /// Where heads are written before they are put before their bodies.
    scratch: Vec<u8>,
}

/// The records of one thread that are not in use.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "a record is handed over by its pointer, never moved")]
pub struct Records(RefCell<Vec<Box<Record>>>);

impl Records {
    fn take(&self) -> Box<Record> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    fn put(&self, mut record: Box<Record>) {
        let mut list = self.0.borrow_mut();
        if list.len() < RECORDS_MAX {
            record.txn.reset();
            record.req.clear();
            record.res.clear();
            list.push(record);
        }
    }
}

/// A place among the streams of a backend.
#[derive(Debug)]
struct InBackend(Arc<BackendState>);

impl Drop for InBackend {
    fn drop(&mut self) {
        self.0.sessions.leave();
    }
}

/// A slot of a server; whoever waits for one gets it afterwards.
#[derive(Debug)]
struct OnServer(Arc<ServerState>);

impl Drop for OnServer {
    fn drop(&mut self) {
        queue::release(&self.0);
    }
}

/// Points of time of a request, microseconds on the worker's clock; 0 where not reached.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    /// When waiting for the request began: accept and handshake, or the end of the previous answer.
    idle_us: u64,
    first_byte_us: u64,
    head_us: u64,
    assigned_us: u64,
    connected_us: u64,
    response_us: u64,
}

/// How far the request has been sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Up {
    Sending,
    /// Everything is out (in a tunnel: the client's end, too).
    Done,
    /// The server takes nothing more; its answer may still come.
    Broken,
}

/// How far the answer has been received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Down {
    Head,
    Body,
    Done,
}

/// One request and its answer on their way.
struct Stream<'s> {
    session: &'s Session,
    client: &'s mut Io,
    record: Option<Box<Record>>,
    number: u32,
    /// Nothing ever arrived on this connection.
    silent: bool,
    times: Times,
    backend: Option<Arc<Backend>>,
    in_backend: Option<InBackend>,
    server: Option<usize>,
    on_server: Option<OnServer>,
    conn: Option<ServerConn>,
    /// The server connection was used before this request.
    reused: bool,
    asked: Facts,
    answered: Facts,
    /// What the client's persistence cookie said, and the server that it or a rule names.
    cookie: cookie::Found,
    named: Option<usize>,
    /// Keys that are remembered with the server once there is one.
    stores: stick::Stores,
    /// What a rule put in the place of the server's answer.
    replacement: Option<Answer>,

    up: Option<Buf>,
    up_body: Body,
    /// The body machine has begun to look at what is behind the head.
    body_begun: bool,
    /// Bytes at the front of `up` that are to be sent.
    up_ready: usize,
    up_state: Up,
    /// Where the request begins in `up` and how long it is there, while it can be sent again.
    replay: Option<(usize, usize)>,
    client_closed: bool,

    down: Option<Buf>,
    down_body: Body,
    down_ready: usize,
    down_state: Down,
    /// Something of an answer has been given to the client.
    began: bool,
    /// The answer to a refused request says of the connection what its page says, as in HAProxy.
    close_unsaid: bool,
    /// The log line was written already (`option logasap`).
    logged: bool,
    /// Counted bytes of an answer of our own, which logs do not show.
    own_bytes: u64,
    tunnel: bool,
    /// `mode tcp`: no messages at all.
    relayed: bool,
    keep_client: bool,
    keep_server: bool,
    /// The last read of each direction filled its buffer: more is waiting.
    up_full: bool,
    down_full: bool,
    /// Bytes of the answer's head looked at so far.
    down_seen: usize,
    client_deadline_ms: u64,
    server_deadline_ms: u64,
    /// From when on a client that has never been waited for is watched, too.
    watch_from_ms: u64,
}

impl<'s> Stream<'s> {
    fn new(session: &'s Session, client: &'s mut Io, number: u32) -> Stream<'s> {
        let now_us = session.worker.clock.now_us();
        let mut record = session.installed.records.take();
        record.txn.number = number;
        record.txn.request_date_us = session.worker.clock.wall_us();
        Stream {
            session,
            client,
            record: Some(record),
            number,
            silent: false,
            times: Times { first_byte_us: now_us, ..Times::default() },
            backend: None,
            in_backend: None,
            server: None,
            on_server: None,
            conn: None,
            reused: false,
            asked: Facts::default(),
            answered: Facts::default(),
            cookie: cookie::Found::default(),
            named: None,
            stores: stick::Stores::new(),
            replacement: None,
            up: None,
            up_body: Body::default(),
            body_begun: false,
            up_ready: 0,
            up_state: Up::Sending,
            replay: None,
            client_closed: false,
            down: None,
            down_body: Body::default(),
            down_ready: 0,
            down_state: Down::Head,
            began: false,
            close_unsaid: false,
            logged: false,
            own_bytes: 0,
            tunnel: false,
            relayed: false,
            keep_client: true,
            keep_server: true,
            up_full: false,
            down_full: false,
            down_seen: 0,
            client_deadline_ms: 0,
            server_deadline_ms: 0,
            watch_from_ms: 0,
        }
    }

    /// Takes up what earlier requests of the session left.
    fn remember(&mut self, memory: &mut Memory) {
        if let (Some(vars), Some(record)) = (memory.vars.take(), &mut self.record) {
            record.txn.vars = vars;
        }
    }

    /// Gives back what the request was lent, and leaves to the session what outlives it.
    fn retire(&mut self, memory: &mut Memory) {
        let pools = &self.session.installed;
        pools.buffers.put_option(&mut self.up);
        pools.buffers.put_option(&mut self.down);
        if let Some(mut record) = self.record.take() {
            record.txn.vars.end_transaction();
            memory.vars = Some(std::mem::take(&mut record.txn.vars));
            pools.records.put(record);
        }
    }

    /// The client's address, as rules may have changed it.
    fn src(&self) -> Addr {
        let own = &self.session.conn.src;
        self.record.as_ref().map_or(*own, |r| *r.txn.src(&self.session.conn))
    }

    /// The whole of a request: its head, its backend, its server, its answer.
    async fn run(&mut self, kept: &mut Option<Box<Kept>>) -> Result<(), End> {
        self.receive().await?;
        self.route().await?;
        self.prepare()?;
        self.attempts(kept).await
    }

    fn now_ms(&self) -> u64 {
        self.session.now_ms()
    }

    fn now_us(&self) -> u64 {
        self.session.worker.clock.now_us()
    }
}

#[cfg(test)]
mod tests;
