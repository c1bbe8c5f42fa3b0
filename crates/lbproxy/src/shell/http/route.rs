//! From a request to a connection: backend, server, queue, idle or new connection, and what is tried again.

use std::{future::poll_fn, pin::Pin, task::Poll};

use super::{End, Failure, InBackend, Interrupt, Kept, OnServer, Stream, Up};
use crate::{
    compile::plan::{Backend, ConnectionMode, Reuse, SendProxy, Server},
    engine::{
        balance::{Algorithm, Key},
        http::encode::{self, Transport},
        queue::Priority,
        sample::{Type, Value},
        session::{Retry, RetryRules, RetryWord, is_idempotent},
        txn::Phase,
    },
    shell::{
        pool::{self, ConnectError, ServerConn},
        queue::{self, Assigned, Waiting},
        timer::NEVER,
        worker::Stage,
    },
};

impl Stream<'_> {
    /// Rules, then the backend.
    pub(super) async fn route(&mut self) -> Result<(), End> {
        self.frontend_rules().await?;
        let ix = self.switch().ok_or(Failure::NoServer)?;
        let backend = self.session.installed.plan().backends.get(ix).cloned().ok_or(Failure::NoServer)?;
        backend.state.sessions.enter();
        self.in_backend = Some(InBackend(backend.state.clone()));
        self.session.slot().backend.set(Some(ix as u32));
        let counters = backend.state.counters.at(self.session.worker.thread);
        counters.sessions.inc();
        counters.requests.inc();
        self.backend = Some(backend);
        if self.of_backend(|b| b.http.connection) == ConnectionMode::Close {
            self.keep_client = false;
        }
        self.backend_rules().await?;
        self.find_named_server();
        self.add_forwarded_for();
        Ok(())
    }

    /// Something of the backend, once it is chosen.
    pub(super) fn of_backend<T: Default>(&self, get: impl FnOnce(&Backend) -> T) -> T {
        self.backend.as_deref().map(get).unwrap_or_default()
    }

    /// Tries servers until one has answered or nothing is left to try.
    pub(super) async fn attempts(&mut self, kept: &mut Option<Box<Kept>>) -> Result<(), End> {
        let backend = self.backend.clone().ok_or(Failure::Internal)?;
        let mut avoid = None;
        let mut fresh = false;
        loop {
            if self.on_server.is_none() {
                self.choose(&backend, avoid).await?;
            }
            let server =
                self.server.and_then(|s| backend.servers.get(s)).cloned().ok_or(Failure::Internal)?;
            let opened = match self.reuse(&backend, &server, kept, std::mem::take(&mut fresh)) {
                true => Ok(()),
                false => Box::pin(self.connect(&backend, &server)).await,
            };
            self.observe_connection(&server, opened.as_ref().err().copied());
            let failure = match opened {
                Ok(()) => match self.exchange(&backend).await {
                    Ok(()) => {
                        self.observe_answer(&server, None);
                        return Ok(());
                    }
                    Err(Failure::Replaced) => {
                        self.conn = None;
                        return Err(self
                            .replacement
                            .take()
                            .map_or(End::Failed(Failure::Internal), End::Answered));
                    }
                    Err(f) => f,
                },
                Err(f) => f,
            };
            if self.is_stale_connection(failure) {
                self.rewind();
                fresh = true;
                continue;
            }
            self.observe_answer(&server, Some(failure));
            Box::pin(self.retry(&backend, &server, failure, &mut avoid)).await?;
        }
    }

    /// A connection that idled died before it answered: not the server's fault, and safe to repeat if the method
    /// allows it (RFC 9110 section 9.2.2).
    fn is_stale_connection(&self, failure: Failure) -> bool {
        let method = || self.record.as_ref().is_some_and(|r| is_idempotent(r.req.method()));
        self.reused && failure == Failure::NoResponse && !self.began && self.replay.is_some() && method()
    }

    /// Brings the request back to its beginning, for another server connection.
    fn rewind(&mut self) {
        self.conn = None;
        if let (Some((mark, len)), Some(up)) = (self.replay, &mut self.up) {
            up.rewind(mark);
            self.up_ready = len;
            self.up_state = Up::Sending;
        }
        if let Some(buf) = self.down.take() {
            self.session.installed.buffers.put(buf);
        }
        self.down_seen = 0;
    }

    /// Decides what follows a failed attempt; returns only when there is to be another one.
    async fn retry(
        &mut self,
        backend: &Backend,
        server: &Server,
        failure: Failure,
        avoid: &mut Option<usize>,
    ) -> Result<(), Failure> {
        let Some(word) = failure.retry_word() else { return Err(failure) };
        failure.verdict().tally.count(server.state.counters.at(self.session.worker.thread));
        failure.verdict().tally.count(backend.state.counters.at(self.session.worker.thread));
        let on = &backend.retry_on;
        let wanted = match word {
            RetryWord::ConnFailure => on.conn_failure,
            RetryWord::EmptyResponse => on.empty_response,
            RetryWord::JunkResponse => on.junk_response,
            RetryWord::ResponseTimeout => on.response_timeout,
            // Only statuses of the list become this failure.
            RetryWord::Status => true,
        };
        if !wanted || self.began || self.replay.is_none() {
            return Err(failure);
        }
        let rules = RetryRules {
            retries: self.retries(),
            redispatch: backend.redispatch,
            connect_timeout_ms: self.connect_ms(),
            takes_turns: self.named.is_none()
                && matches!(
                    backend.balance.algorithm,
                    Algorithm::RoundRobin | Algorithm::StaticRr | Algorithm::Random { .. }
                ),
        };
        let at_once = word == RetryWord::ConnFailure && failure != Failure::ConnectTimeout;
        let Some(txn) = self.record.as_mut().map(|r| &mut r.txn) else { return Err(Failure::Internal) };
        let next = rules.next(txn.retries, at_once);
        if next == Retry::GiveUp {
            return Err(failure);
        }
        txn.retries += 1;
        txn.redispatched |= next == Retry::Other;
        let thread = self.session.worker.thread;
        server.state.counters.at(thread).retries.inc();
        backend.state.counters.at(thread).retries.inc();
        self.rewind();
        if let Retry::Same { delay_ms } = next {
            return self.pause(delay_ms, failure).await;
        }
        server.state.counters.at(thread).redispatches.inc();
        backend.state.counters.at(thread).redispatches.inc();
        *avoid = Some(server.ix);
        self.on_server = None;
        Ok(())
    }

    /// Waits before the same server is tried again.
    async fn pause(&mut self, ms: u32, failure: Failure) -> Result<(), Failure> {
        if ms == 0 {
            return Ok(());
        }
        self.session.arm_in(ms);
        match self.session.unless_interrupted(std::future::pending::<()>()).await {
            Err(Interrupt::TimedOut) => Ok(()),
            _ => Err(failure),
        }
    }

    /// Writes the request's head before what is already here of its body.
    pub(super) fn prepare(&mut self) -> Result<(), Failure> {
        self.begin_body()?;
        let modes = [self.session.frontend.http.connection, self.of_backend(|b| b.http.connection)];
        // A server that might not know the coding of an HTTP/1.0 request must not read what follows as another one.
        self.keep_server = modes.iter().all(|m| *m == ConnectionMode::KeepAlive) && !self.asked.insecure;
        let (Some(record), Some(up)) = (&mut self.record, &mut self.up) else {
            return Err(Failure::Internal);
        };
        record.scratch.clear();
        let transport = Transport::request(&self.asked, self.keep_server);
        encode::head(&record.req, &transport, &mut record.scratch);
        if self.backend.as_ref().is_some_and(|b| b.http.adjust_case_server) {
            self.session.installed.plan().global.case_adjust.apply(&mut record.scratch);
        }
        up.prepend(&record.scratch);
        self.up_ready += record.scratch.len();
        self.replay = Some((up.mark(), self.up_ready));
        Ok(())
    }

    /// Chooses a server and takes a slot of it, waiting in a queue where need be.
    async fn choose(&mut self, backend: &Backend, avoid: Option<usize>) -> Result<(), Failure> {
        let mut named = self.named.filter(|s| Some(*s) != avoid);
        let sample = self.balance_sample(backend);
        loop {
            let priority = self.record.as_ref().map_or_else(Priority::default, |r| Priority {
                class: r.txn.priority_class as i16,
                offset_ms: r.txn.priority_offset_ms,
            });
            let key = Key { sample: sample.as_deref(), ..self.balance_key() };
            let ix = match queue::assign(backend, &key, named, avoid, priority, self.now_ms()) {
                Assigned::Slot(ix) => Some(ix),
                Assigned::None => return Err(Failure::NoServer),
                Assigned::QueueFull(ix) => {
                    self.server = Some(ix);
                    return Err(Failure::QueueFull);
                }
                Assigned::Wait(waiting) => Box::pin(self.wait_in_queue(backend, waiting)).await?,
            };
            match ix.and_then(|ix| backend.servers.get(ix)) {
                Some(server) => {
                    self.assign(server);
                    return Ok(());
                }
                None => named = None,
            }
        }
    }

    /// The value that `balance hash` hashes.
    fn balance_sample(&mut self, backend: &Backend) -> Option<Vec<u8>> {
        let expr = backend.balance_sample.as_ref()?;
        let value = self.with_context(false, |ctx| match expr.eval_as(ctx, Type::Bin) {
            Some(Value::Bin(bytes)) => Some(bytes.into_owned()),
            _ => None,
        });
        value.flatten()
    }

    fn balance_key(&self) -> Key<'_> {
        Key {
            src: self.src().ip(),
            req: self.record.as_ref().map(|r| &r.req),
            body: None,
            sample: None,
            seed: self.session.worker.random(),
        }
    }

    /// The slot has been taken already.
    fn assign(&mut self, server: &Server) {
        self.on_server = Some(OnServer(server.state.clone()));
        self.server = Some(server.ix);
        self.session.slot().server.set(Some(server.ix as u32));
        self.times.assigned_us = self.now_us();
        server.state.touch_session(self.now_ms());
        let thread = self.session.worker.thread;
        server.state.counters.at(thread).picked.inc();
        server.state.counters.at(thread).sessions.inc();
        if let Some(b) = &self.backend {
            b.state.counters.at(thread).picked.inc();
        }
    }

    /// Waits for a slot; `None` when it is better to choose again.
    async fn wait_in_queue(
        &mut self,
        backend: &Backend,
        mut waiting: Waiting,
    ) -> Result<Option<usize>, Failure> {
        self.session.slot().stage.set(Stage::Queue);
        self.session.arm_in(self.queue_ms());
        // Logs name the server that was waited for, also when the wait is in vain.
        self.server = waiting.server();
        let session = self.session;
        let granted = poll_fn(|cx| {
            if let Poll::Ready(grant) = Pin::new(&mut waiting).poll(cx) {
                return Poll::Ready(Ok(grant));
            }
            match session.interrupt() {
                Some(Interrupt::TimedOut) => return Poll::Ready(Err(Failure::QueueTimeout)),
                Some(Interrupt::Killed(k)) => return Poll::Ready(Err(k.into())),
                None => {}
            }
            match self.client_gone(cx, backend) {
                true => Poll::Ready(Err(Failure::ClientLeft(Phase::Queue))),
                false => Poll::Pending,
            }
        })
        .await;
        let (positions, granted) = match granted {
            Ok(grant) => (waiting.positions(), Ok(Waiting::server_of(backend, grant))),
            Err(failure) => {
                // The wait is over, and the log tells how long it was.
                self.times.assigned_us = self.now_us();
                (waiting.give_up(), Err(failure))
            }
        };
        if let Some(record) = &mut self.record {
            record.txn.server_queue += positions.server;
            record.txn.backend_queue += positions.backend;
        }
        granted
    }

    /// An idle connection where `http-reuse` allows one. `fresh` asks for a new one.
    fn reuse(
        &mut self,
        backend: &Backend,
        server: &Server,
        kept: &mut Option<Box<Kept>>,
        fresh: bool,
    ) -> bool {
        self.session.slot().stage.set(Stage::Connect);
        let thread = self.session.worker.thread;
        let Some(conn) =
            Some(()).filter(|()| !fresh).and_then(|()| self.idle_connection(backend, server, kept))
        else {
            return false;
        };
        server.state.counters.at(thread).connection_reuses.inc();
        backend.state.counters.at(thread).connection_reuses.inc();
        self.adopt(conn);
        true
    }

    /// A new connection, on which the request's head has been sent if the server takes it at once.
    async fn connect(&mut self, backend: &Backend, server: &Server) -> Result<(), Failure> {
        let thread = self.session.worker.thread;
        server.state.counters.at(thread).connect_attempts.inc();
        backend.state.counters.at(thread).connect_attempts.inc();
        let limit = self.connect_ms();
        let deadline = if limit == 0 { NEVER } else { self.now_ms() + u64::from(limit) };
        self.session.arm_at(deadline);
        let session = self.session;
        let head = self.lend_head();
        let connected = {
            let mut work = std::pin::pin!(pool::connect(session, backend, server, None, &head));
            poll_fn(|cx| {
                if let Poll::Ready(done) = work.as_mut().poll(cx) {
                    return Poll::Ready(done.map_err(Failure::from));
                }
                match session.interrupt() {
                    Some(Interrupt::TimedOut) => return Poll::Ready(Err(Failure::ConnectTimeout)),
                    Some(Interrupt::Killed(k)) => return Poll::Ready(Err(k.into())),
                    None => {}
                }
                match self.client_gone(cx, backend) {
                    true => Poll::Ready(Err(Failure::ClientLeft(Phase::Connect))),
                    false => Poll::Pending,
                }
            })
            .await
        };
        if let Some(record) = &mut self.record {
            record.scratch = head;
        }
        let (conn, sent) = connected?;
        self.adopt(conn);
        if let Some(up) = self.up.as_mut().filter(|_| sent > 0) {
            up.consume(sent);
            self.up_ready -= sent;
        }
        Ok(())
    }

    /// The request's head apart from the buffer, which the client may fill meanwhile; empty where it is not the
    /// next to be sent.
    fn lend_head(&mut self) -> Vec<u8> {
        let (Some(record), Some(up)) = (&mut self.record, &self.up) else { return Vec::new() };
        let next = up.data().get(..self.up_ready).is_some_and(|next| next.starts_with(&record.scratch));
        if !next {
            record.scratch.clear();
        }
        std::mem::take(&mut record.scratch)
    }

    fn adopt(&mut self, conn: ServerConn) {
        self.reused = conn.requests > 0;
        self.times.connected_us = self.now_us();
        if let Some(record) = &mut self.record {
            (record.txn.server_src, record.txn.server_dst) = (conn.src, conn.dst);
            record.txn.server_reused = self.reused;
        }
        self.conn = Some(conn);
        self.remember_server();
    }

    /// Whether the client has closed while nothing was being moved; what it sent meanwhile stays in its buffer.
    /// Only asked where `option abortonclose` makes that an abort.
    fn client_gone(&mut self, cx: &mut std::task::Context<'_>, backend: &Backend) -> bool {
        if !backend.abortonclose || self.client_closed {
            return self.client_closed && backend.abortonclose;
        }
        let Some(up) = self.up.as_mut().filter(|u| u.has_room()) else { return false };
        let body_done = self.up_body.is_done();
        match self.client.poll_read(cx, up) {
            Poll::Ready(Ok(0) | Err(_)) => self.client_closed = true,
            // Bytes of an unfinished body would have to be framed here; they are taken later instead, and for
            // pipelined requests one look per wake-up is enough.
            Poll::Ready(Ok(_)) if !body_done => self.client_closed = false,
            _ => {}
        }
        self.client_closed
    }

    fn idle_connection(
        &mut self,
        backend: &Backend,
        server: &Server,
        kept: &mut Option<Box<Kept>>,
    ) -> Option<ServerConn> {
        if let Some(own) = kept.take() {
            let same = own.backend == backend.ix && own.server == server.ix;
            if same && own.conn.io.is_quiet() {
                return Some(own.conn);
            }
        }
        if !is_shareable(backend, server) || !self.keep_server {
            return None;
        }
        /// Requests after which a connection has proven that its server keeps connections.
        const PROVEN: u32 = 2;
        let requests_min = match backend.http_reuse {
            Reuse::Never => return None,
            Reuse::Safe if self.number == 0 => return None,
            Reuse::Aggressive if self.number == 0 => PROVEN,
            _ => 0,
        };
        self.session.installed.idle.take(backend.ix, server.ix, requests_min)
    }

    /// Gives the server connection back, or closes it.
    pub(super) fn park(&mut self, kept: &mut Option<Box<Kept>>) {
        let Some(mut conn) = self.conn.take() else { return };
        let (Some(backend), Some(server)) = (self.backend.clone(), self.server) else { return };
        let Some(of) = backend.servers.get(server) else { return };
        if !self.keep_server {
            return;
        }
        conn.requests += 1;
        if of.max_reuse >= 0 && i64::from(conn.requests) > of.max_reuse {
            return;
        }
        if is_shareable(&backend, of) {
            self.session.installed.idle.put(backend.ix, server, conn, self.now_ms());
        } else if self.keep_client {
            *kept = Some(Box::new(Kept { backend: backend.ix, server, conn }));
        }
    }
}

/// Whether connections to this server carry nothing of their client (manual 4.2, `http-reuse`).
fn is_shareable(backend: &Backend, server: &Server) -> bool {
    backend.http_reuse != Reuse::Never && server.send_proxy == SendProxy::No
}

impl From<ConnectError> for Failure {
    fn from(e: ConnectError) -> Failure {
        match e {
            ConnectError::Refused(_) | ConnectError::Tls(_) | ConnectError::NoAddress => {
                Failure::ConnectFailed
            }
            ConnectError::Resources(_) => Failure::Resources,
        }
    }
}
