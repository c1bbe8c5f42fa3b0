//! Moving a request to its server and the answer to its client, both directions at once.
//!
//! Invariants: each direction has at most one buffer and reads only when it is empty, so a slow receiver slows its
//! sender; bytes go out only after the body machine has accepted them; nothing of an answer goes out before its
//! head was parsed whole. Both directions are polled in one step of one task.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use super::{Down, Failure, Stream, Up};
use crate::{
    compile::plan::Backend,
    engine::{
        http::{
            Head, HeaderId, Version,
            body::Body,
            encode::{self, Transport},
            framing::{self, Framing},
            parse::{self, Outcome, Reject},
        },
        sample::Origin,
        stick::track::Event,
        txn::Phase,
    },
    shell::{
        buffer::{BIG_BYTES, Buf},
        timer::NEVER,
        worker::{Kill, Stage},
    },
};

/// A body of at least this much still to come is moved with big buffers.
const BIG_FROM: u64 = 65_536;
/// Time after which a client is watched that waits for its first answer: most answers come earlier, and then its
/// socket never has to be registered.
const WATCH_AFTER_MS: u64 = 20;

impl From<Kill> for Failure {
    fn from(k: Kill) -> Failure {
        match k {
            Kill::Admin | Kill::Drain => Failure::Killed,
            Kill::ServerDown => Failure::ServerDown,
        }
    }
}

/// Which side a direction waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Waits {
    Client,
    Server,
    Nobody,
}

impl Stream<'_> {
    /// Moves bytes until the answer is complete or something failed.
    pub(super) async fn exchange(&mut self, backend: &Backend) -> Result<(), Failure> {
        if self.relayed {
            (self.tunnel, self.began, self.replay) = (true, true, None);
            self.session.slot().stage.set(Stage::Tunnel);
            self.log_early(Origin::Connect);
        } else {
            self.session.slot().stage.set(Stage::Response);
        }
        self.touch_client();
        self.touch_server();
        self.watch_from_ms = self.now_ms() + WATCH_AFTER_MS;
        poll_fn(|cx| self.poll_exchange(cx, backend)).await
    }

    fn poll_exchange(&mut self, cx: &mut Context<'_>, backend: &Backend) -> Poll<Result<(), Failure>> {
        if let Some(k) = self.session.slot().killed().filter(|k| *k != Kill::Drain) {
            return Poll::Ready(Err(k.into()));
        }
        loop {
            let was_tunnel = self.tunnel;
            let up = self.poll_up(cx, backend)?;
            let down = self.poll_down(cx, backend)?;
            // An answer that came early does not end the request: what the client still sends is still forwarded.
            if self.down_state == Down::Done && self.up_state != Up::Sending {
                return Poll::Ready(Ok(()));
            }
            if self.tunnel != was_tunnel {
                continue;
            }
            return match self.overdue(up, down) {
                Some(f) => Poll::Ready(Err(f)),
                None => Poll::Pending,
            };
        }
    }

    /// Arms the time-out of whoever is waited for, and tells whose has passed.
    fn overdue(&mut self, up: Waits, down: Waits) -> Option<Failure> {
        let now_ms = self.now_ms();
        let client = up == Waits::Client || (down == Waits::Client);
        // While the request is still arriving, the server owes nothing yet.
        let server =
            up == Waits::Server || (down == Waits::Server && (self.up_state != Up::Sending || self.began));
        let at = |waited, deadline| if waited { deadline } else { NEVER };
        let (client_at, server_at) =
            (at(client, self.client_deadline_ms), at(server, self.server_deadline_ms));
        if client_at.min(server_at) > now_ms {
            let watch_at = if self.may_ignore_client() { self.watch_from_ms } else { NEVER };
            self.session.arm_at(client_at.min(server_at).min(watch_at));
            return None;
        }
        let head = self.down_state == Down::Head;
        Some(match (server_at <= now_ms && server_at <= client_at, self.tunnel) {
            (true, true) => Failure::TunnelServerTimeout,
            (false, true) => Failure::TunnelClientTimeout,
            (true, _) if head => Failure::ResponseTimeout,
            (true, _) => Failure::ResponseStalled,
            (false, _) if down == Waits::Client => Failure::DeliveryStalled,
            (false, _) if self.down_state == Down::Done => Failure::RestTimeout,
            (false, _) => Failure::BodyTimeout { began: self.began },
        })
    }

    fn touch_client(&mut self) {
        let ms = match self.tunnel {
            true => {
                let fin = self.session.frontend.timeouts.client_fin;
                tunnel_timeout(self.tunnel_ms(), self.client_ms(), fin, self.half_closed())
            }
            false => self.client_ms(),
        };
        self.client_deadline_ms = after(self.now_ms(), ms);
        if self.tunnel {
            self.server_deadline_ms = self.server_deadline_ms.max(self.client_deadline_ms);
        }
    }

    fn touch_server(&mut self) {
        let ms = match self.tunnel {
            true => {
                let fin = self.of_backend(|b| b.timeouts.server_fin);
                tunnel_timeout(self.tunnel_ms(), self.server_ms(), fin, self.half_closed())
            }
            false => self.server_ms(),
        };
        self.server_deadline_ms = after(self.now_ms(), ms);
        if self.tunnel {
            self.client_deadline_ms = self.client_deadline_ms.max(self.server_deadline_ms);
        }
    }

    fn half_closed(&self) -> bool {
        self.up_state != Up::Sending || self.down_state == Down::Done
    }

    // ---- client to server ---------------------------------------------------------------------------

    fn poll_up(&mut self, cx: &mut Context<'_>, backend: &Backend) -> Result<Waits, Failure> {
        loop {
            if self.up_state != Up::Sending {
                return self.watch_client(cx, backend);
            }
            if let Some(waits) = self.send_up(cx)? {
                return Ok(waits);
            }
            if self.up_state != Up::Sending {
                continue;
            }
            if self.up_body.is_done() {
                self.up_state = Up::Done;
                self.touch_server();
                continue;
            }
            match self.read_up(cx) {
                Poll::Pending => return Ok(Waits::Client),
                Poll::Ready(Ok(n)) if n > 0 => {
                    self.touch_client();
                    self.pass_up()?;
                }
                Poll::Ready(end) => self.client_ended(cx, end.is_err())?,
            }
        }
    }

    /// Sends what is ready. `Some` when it has to wait.
    fn send_up(&mut self, cx: &mut Context<'_>) -> Result<Option<Waits>, Failure> {
        while self.up_ready > 0 {
            let (Some(conn), Some(up)) = (&mut self.conn, &mut self.up) else {
                return Err(Failure::Internal);
            };
            let Some(bytes) = up.data().get(..self.up_ready) else { return Err(Failure::Internal) };
            match conn.io.poll_write(cx, bytes) {
                Poll::Ready(Ok(n)) => {
                    up.consume(n);
                    self.up_ready -= n;
                    self.touch_server();
                }
                Poll::Ready(Err(_)) => {
                    self.up_is_broken();
                    return Ok(None);
                }
                Poll::Pending => return Ok(Some(Waits::Server)),
            }
        }
        // Flushing costs nothing where nothing is held back; TLS may hold back what the socket did not take.
        match self.conn.as_mut().map(|c| c.io.poll_flush(cx)) {
            Some(Poll::Pending) => Ok(Some(Waits::Server)),
            Some(Poll::Ready(Err(_))) => {
                self.up_is_broken();
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// The server takes nothing more, but what it has answered is still to be read.
    fn up_is_broken(&mut self) {
        self.up_state = Up::Broken;
        self.up_ready = 0;
        self.keep_server = false;
    }

    fn read_up(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let buffers = &self.session.installed.buffers;
        // The buffer is empty here: the request can no longer be sent again.
        self.replay = None;
        let mut buf = self.up.take().unwrap_or_else(|| buffers.take());
        buf.reset();
        if wants_big(&self.up_body, &buf, self.up_full) {
            buffers.put(std::mem::replace(&mut buf, buffers.take_big()));
        }
        let got = self.client.poll_read(cx, &mut buf);
        self.up_full = !buf.has_room();
        match &got {
            Poll::Ready(Ok(n)) if *n > 0 => self.up = Some(buf),
            _ => buffers.put(buf),
        }
        got
    }

    fn pass_up(&mut self) -> Result<(), Failure> {
        let (Some(up), Some(record)) = (&mut self.up, &mut self.record) else {
            return Err(Failure::Internal);
        };
        let Ok(passed) = self.up_body.pass(up.tail_mut(0)) else {
            self.note_request_body();
            return Err(match self.began {
                false => Failure::BadRequestBody,
                true => Failure::BodyAborted { began: true },
            });
        };
        up.cut(passed.write, passed.read - passed.write);
        self.up_ready = passed.write;
        record.txn.bytes_in += passed.content;
        Ok(())
    }

    /// The client's end where a body or a tunnel was expected.
    fn client_ended(&mut self, cx: &mut Context<'_>, error: bool) -> Result<(), Failure> {
        self.client_closed = true;
        if !self.tunnel {
            return Err(match self.down_state {
                Down::Done => Failure::RestAborted,
                _ => Failure::BodyAborted { began: self.began },
            });
        }
        if error {
            return Err(Failure::DeliveryAborted);
        }
        self.up_state = Up::Done;
        if let Some(conn) = &mut self.conn {
            // Whatever becomes of it, the other direction goes on until it ends by itself.
            let _ = conn.io.poll_shutdown(cx);
        }
        self.touch_client();
        Ok(())
    }

    /// While the answer is awaited: takes pipelined bytes and notices that the client leaves.
    fn watch_client(&mut self, cx: &mut Context<'_>, backend: &Backend) -> Result<Waits, Failure> {
        if self.tunnel || self.client_closed || self.up_state == Up::Broken || self.may_ignore_client() {
            return Ok(Waits::Nobody);
        }
        let mut left = None;
        let buffers = &self.session.installed.buffers;
        let mut buf = self.up.take().unwrap_or_else(|| buffers.take());
        while buf.has_room() {
            match self.client.poll_read(cx, &mut buf) {
                Poll::Ready(Ok(n)) if n > 0 => {}
                Poll::Ready(end) => {
                    self.client_closed = true;
                    self.keep_client = false;
                    if backend.abortonclose && self.down_state == Down::Head {
                        left = Some(match end {
                            Ok(_) => Failure::ClientLeft(Phase::Headers),
                            Err(_) => Failure::ClientReset,
                        });
                    }
                    break;
                }
                Poll::Pending => break,
            }
        }
        if buf.is_empty() && self.replay.is_none() {
            buffers.put(buf);
        } else {
            self.up = Some(buf);
        }
        left.map_or(Ok(Waits::Nobody), Err)
    }

    fn may_ignore_client(&self) -> bool {
        !self.client.transport().is_watched() && self.now_ms() < self.watch_from_ms
    }

    // ---- server to client ---------------------------------------------------------------------------

    fn poll_down(&mut self, cx: &mut Context<'_>, backend: &Backend) -> Result<Waits, Failure> {
        loop {
            if self.send_down(cx)? {
                return Ok(Waits::Client);
            }
            match self.down_state {
                Down::Done => return Ok(Waits::Nobody),
                Down::Body if self.down_body.is_done() => {
                    self.down_state = Down::Done;
                    continue;
                }
                Down::Head => {
                    let taken = self.take_head(backend);
                    if self.noted(taken)? {
                        continue;
                    }
                }
                Down::Body => {}
            }
            match self.read_down(cx) {
                Poll::Pending => return Ok(Waits::Server),
                Poll::Ready(Ok(n)) if n > 0 => {
                    self.touch_server();
                    if self.down_state == Down::Body {
                        self.pass_down()?;
                    }
                }
                Poll::Ready(end) => self.server_ended(cx, end.is_err())?,
            }
        }
    }

    /// Sends what is ready; `true` when the client does not take it now.
    pub(super) fn send_down(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        while self.down_ready > 0 {
            let Some(down) = &mut self.down else { return Err(Failure::Internal) };
            let Some(bytes) = down.data().get(..self.down_ready) else { return Err(Failure::Internal) };
            match self.client.poll_write(cx, bytes) {
                Poll::Ready(Ok(n)) => {
                    down.consume(n);
                    self.down_ready -= n;
                    self.touch_client();
                }
                Poll::Ready(Err(_)) => return Err(Failure::DeliveryAborted),
                Poll::Pending => return Ok(true),
            }
        }
        match self.client.poll_flush(cx) {
            Poll::Pending => Ok(true),
            Poll::Ready(Err(_)) => Err(Failure::DeliveryAborted),
            Poll::Ready(Ok(())) => Ok(false),
        }
    }

    fn read_down(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let buffers = &self.session.installed.buffers;
        let Some(conn) = &mut self.conn else {
            return Poll::Ready(Err(std::io::ErrorKind::NotConnected.into()));
        };
        let mut buf = self.down.take().unwrap_or_else(|| buffers.take());
        if self.down_state == Down::Body {
            // Everything that was in it has been sent.
            buf.reset();
            if wants_big(&self.down_body, &buf, self.down_full) {
                buffers.put(std::mem::replace(&mut buf, buffers.take_big()));
            }
        }
        let got = conn.io.poll_read(cx, &mut buf);
        self.down_full = !buf.has_room();
        if buf.is_empty() {
            buffers.put(buf);
        } else {
            self.down = Some(buf);
        }
        got
    }

    fn pass_down(&mut self) -> Result<(), Failure> {
        let (Some(down), Some(record)) = (&mut self.down, &mut self.record) else {
            return Err(Failure::Internal);
        };
        let Ok(passed) = self.down_body.pass(down.tail_mut(0)) else {
            self.note_response_body();
            return Err(Failure::BadResponseBody);
        };
        down.cut(passed.write, passed.read - passed.write);
        self.down_ready = passed.write;
        record.txn.bytes_out += passed.content;
        if down.len() > passed.write {
            // The server says more than it announced: nobody may read that as the next answer.
            self.keep_server = false;
        }
        Ok(())
    }

    fn server_ended(&mut self, cx: &mut Context<'_>, error: bool) -> Result<(), Failure> {
        self.keep_server = false;
        match self.down_state {
            Down::Head if self.down.is_some() => Err(Failure::BadResponse(Reject::StartLine)),
            Down::Head => Err(Failure::NoResponse),
            _ if self.down_body.ends_with_connection() && !error => {
                self.down_state = Down::Done;
                if self.tunnel {
                    let _ = self.client.poll_shutdown(cx);
                    self.touch_server();
                }
                Ok(())
            }
            _ => Err(Failure::ResponseCut),
        }
    }

    /// Takes a head off the buffer, if it is whole; `true` when there is something to send.
    fn take_head(&mut self, backend: &Backend) -> Result<bool, Failure> {
        let (Some(down), Some(record)) = (&mut self.down, &mut self.record) else { return Ok(false) };
        if down.len() <= self.down_seen {
            return Ok(false);
        }
        let tune = &self.session.installed.plan().global.tune;
        let limits = tune.limits(backend.http.accept_unsafe_response);
        match parse::response(down.data(), &limits, &mut record.res).map_err(Failure::BadResponse)? {
            Outcome::Partial => {
                self.down_seen = down.len();
                Ok(false)
            }
            Outcome::Complete(n) => {
                if let Some(reject) = record.res.tolerated {
                    self.note_response_refusal(reject);
                }
                let (Some(down), Some(record)) = (&mut self.down, &mut self.record) else { return Ok(false) };
                let mark = down.mark();
                down.consume(n);
                self.down_seen = 0;
                let taken = match record.res.status {
                    101 | 200.. => self.final_head(backend),
                    _ => self.interim(backend),
                };
                if let (Err(Failure::BadResponse(_)), Some(down)) = (&taken, &mut self.down) {
                    // What was wrong with the head is shown with the head.
                    down.rewind(mark);
                }
                taken.map(|()| true)
            }
        }
    }

    /// What of the framing of an answer is overlooked.
    fn policy(&self, backend: &Backend) -> framing::Policy {
        self.session.installed.plan().global.tune.policy(backend.http.accept_unsafe_response)
    }

    /// An informational answer goes on to clients that know such answers (RFC 9110 section 15.2).
    fn interim(&mut self, backend: &Backend) -> Result<(), Failure> {
        let policy = self.policy(backend);
        let (Some(down), Some(record)) = (&mut self.down, &mut self.record) else {
            return Err(Failure::Internal);
        };
        if record.req.version < Version::H11 {
            return Ok(());
        }
        self.session.counters().status_1xx.inc();
        let facts = framing::response(&record.res, &self.asked, policy).map_err(Failure::BadResponse)?;
        record.txn.bytes_out += encode::counted_bytes(&record.res);
        record.scratch.clear();
        encode::head(&record.res, &Transport::response(&facts, true, Version::H11), &mut record.scratch);
        down.prepend(&record.scratch);
        self.down_ready = record.scratch.len();
        self.began = true;
        Ok(())
    }

    /// The answer itself: its framing, its persistence, its rewritten head before what is here of its body.
    fn final_head(&mut self, backend: &Backend) -> Result<(), Failure> {
        self.times.response_us = self.now_us();
        let policy = self.policy(backend);
        let Some(record) = &mut self.record else { return Err(Failure::Internal) };
        record.txn.server_status = record.res.status;
        self.answered = framing::response(&record.res, &self.asked, policy).map_err(Failure::BadResponse)?;
        // In HTTP/1.0 nothing says that the client reads chunks (RFC 9112 section 6.1).
        self.keep_client &= !(self.answered.insecure && record.res.version < Version::H11);
        let unwanted = backend.retry_on.statuses.contains(&record.res.status);
        if unwanted && record.txn.retries < self.retries() && self.replay.is_some() && !self.began {
            return Err(Failure::UnwantedStatus);
        }
        let Some(record) = &mut self.record else { return Err(Failure::Internal) };
        if record.res.status == 101 && !self.asked.upgrade {
            // Nobody asked for another protocol, so nobody would know when it ends.
            return Err(Failure::BadResponse(Reject::StartLine));
        }
        // As it came, before any rule rewrites it (`%B`, `bout`).
        record.txn.bytes_out += encode::counted_bytes(&record.res);
        self.keep_server &= self.answered.keep_alive;
        if let Some(event) = self.record.as_ref().and_then(|r| Event::of_status(r.res.status)) {
            self.note_tracked(event);
        }
        self.response_rules(backend)?;
        self.tunnel = self.answered.framing == Framing::Tunnel;
        self.keep_client &= !self.tunnel && self.answered.framing != Framing::UntilClose;
        self.keep_client &= !self.session.worker.is_draining();
        self.after_response();
        self.begin_answer(true)?;
        self.log_early(Origin::Response);
        if self.tunnel {
            self.begin_tunnel();
        } else {
            self.session.slot().stage.set(Stage::Data);
        }
        Ok(())
    }

    /// Puts the rewritten head before what is here of the body.
    pub(super) fn begin_answer(&mut self, from_server: bool) -> Result<(), Failure> {
        let (Some(down), Some(record)) = (&mut self.down, &mut self.record) else {
            return Err(Failure::Internal);
        };
        self.down_body = Body::new(self.answered.framing);
        let passed = self
            .down_body
            .pass(down.tail_mut(0))
            .map_err(|r| if from_server { Failure::BadResponse(r) } else { Failure::Internal })?;
        let left = down.len() - passed.read;
        down.cut(passed.write, passed.read - passed.write);
        record.scratch.clear();
        let mut transport = Transport::response(&self.answered, self.keep_client, record.req.version);
        if self.close_unsaid {
            (transport.keep_alive, transport.say_keep_alive) = (!says_close(&record.res), false);
        }
        encode::head(&record.res, &transport, &mut record.scratch);
        if self.session.frontend.http.adjust_case_client {
            self.session.installed.plan().global.case_adjust.apply(&mut record.scratch);
        }
        record.txn.status = record.res.status;
        match from_server {
            true => record.txn.bytes_out += passed.content,
            false => self.own_bytes += encode::counted_bytes(&record.res) + passed.content,
        }
        down.prepend(&record.scratch);
        self.down_ready = record.scratch.len() + passed.write;
        self.down_state = Down::Body;
        self.began = true;
        if left > 0 && !self.tunnel {
            self.keep_server = false;
        }
        Ok(())
    }

    /// From now on bytes pass both ways until both sides have closed.
    fn begin_tunnel(&mut self) {
        self.session.slot().stage.set(Stage::Tunnel);
        (self.keep_client, self.keep_server, self.replay) = (false, false, None);
        self.up_body = Body::new(Framing::Tunnel);
        self.up_state = Up::Sending;
        // What the client sent behind its request already belongs to the new protocol.
        if let (Some(up), Some(record)) = (&self.up, &mut self.record) {
            self.up_ready = up.len();
            record.txn.bytes_in += up.len() as u64;
        }
        self.touch_client();
        self.touch_server();
    }

    /// Where a stream that ends now stands.
    pub(super) fn phase(&self) -> Phase {
        match self.down_state {
            Down::Head => Phase::Headers,
            Down::Body | Down::Done => Phase::Data,
        }
    }
}

/// Whether a page says itself that the connection ends with it.
fn says_close(page: &Head) -> bool {
    let close = |v: &[u8]| framing::tokens(v).any(|t| t.eq_ignore_ascii_case(b"close"));
    page.values(HeaderId::Connection, b"").any(close)
}

/// `ms` from now; never for 0.
fn after(now_ms: u64, ms: u32) -> u64 {
    if ms == 0 { NEVER } else { now_ms + u64::from(ms) }
}

/// The time-out of one side of a tunnel (manual 4.2, `timeout tunnel`, `timeout client-fin`).
fn tunnel_timeout(tunnel: u32, side: u32, fin: u32, half_closed: bool) -> u32 {
    match (half_closed, fin, tunnel) {
        (true, fin @ 1.., _) => fin,
        (_, _, tunnel @ 1..) => tunnel,
        _ => side,
    }
}

/// Big buffers are for bodies known to be long, and for others once a read has filled a small one.
fn wants_big(body: &Body, buf: &Buf, filled: bool) -> bool {
    buf.size() < BIG_BYTES && (filled || matches!(body.remaining(), Some(n) if n >= BIG_FROM))
}
