//! The end of a request: what is still said to the client, what is counted, what is logged, what is kept.

use super::{Answer, End, Failure, Memory, Next, Stream, Times, Up, answer::Message};
use crate::{
    engine::{
        sample::Origin,
        session::Tally,
        stats::{Counter, Counters},
        stick::track::Event,
        txn::{Cause, ConnCounts, Phase, Timers, Txn},
    },
    shell::worker::{Session, with_logger},
};

/// Syslog levels of lines about streams (manual 8.2).
const LEVEL_INFO: u8 = 6;
const LEVEL_ERROR: u8 = 3;

impl Stream<'_> {
    /// Ends the request and tells what becomes of the connection.
    pub(super) async fn finish(&mut self, end: Result<(), End>, memory: &mut Memory) -> Next {
        let complete = end.is_ok();
        match end {
            Ok(()) if self.up_state != Up::Done => {
                // The answer came before the request was taken whole: neither connection can go on.
                (self.keep_client, self.keep_server) = (false, false);
            }
            Ok(()) => {}
            Err(End::Failed(failure)) => Box::pin(self.fail(failure)).await,
            Err(End::Answered(answer)) => Box::pin(self.answered_here(&answer)).await,
            Err(End::Dropped) => {
                self.keep_client = false;
                self.note_end(Cause::Proxy, Phase::Request);
            }
        }
        if complete {
            self.park(&mut memory.kept);
        }
        self.conn = None;
        self.on_server = None;
        self.in_backend = None;
        self.account();
        self.log();
        self.next()
    }

    /// Writes the log line of the stream, if it is to have one.
    pub(super) fn log(&mut self) {
        if std::mem::take(&mut self.logged) {
            return;
        }
        self.write_log(Origin::Close);
    }

    /// Writes it before the transfer ends, where `option logasap` asks for that (manual 8.2.5): the time and the
    /// bytes in it carry a `+`.
    pub(super) fn log_early(&mut self, origin: Origin) {
        if !self.session.frontend.log.logasap || self.logged {
            return;
        }
        let (now_us, accept_us) = (self.now_us(), self.session.conn.accept_ms * 1_000);
        let timers = self.times.timers(now_us, accept_us, self.session.conn.handshake_ms);
        let conns = self.conn_counts();
        if let Some(record) = &mut self.record {
            record.txn.timers = timers;
            record.txn.conns = conns;
        }
        self.write_log(origin);
        self.logged = true;
    }

    fn write_log(&mut self, origin: Origin) {
        let session = self.session;
        let plan = session.frontend.log.clone();
        let Some(record) = &mut self.record else { return };
        let failed = record.txn.cause != Cause::None && record.txn.cause != Cause::Local;
        let level = match record.txn.log_level {
            Some(None) => return,
            Some(Some(level)) => level,
            None if failed && plan.separate_errors => LEVEL_ERROR,
            None => LEVEL_INFO,
        };
        let odd = failed || record.txn.retries > 0 || record.txn.redispatched || record.txn.status >= 500;
        if plan.targets.is_empty() || (self.silent && plan.dontlognull) || (plan.dontlog_normal && !odd) {
            return;
        }
        let Some(format) = &plan.format else { return };
        let mut line = std::mem::take(&mut record.scratch);
        line.clear();
        let mut sd = Vec::new();
        let answered = record.res.status > 0;
        let now_us = session.worker.clock.wall_us();
        self.with_context(answered, |ctx| {
            ctx.responding = false;
            ctx.origin = origin;
            format.render(ctx, &mut line);
            if let Some(format) = &plan.sd {
                format.render(ctx, &mut sd);
            }
        });
        let sinks = &session.installed.runtime.log;
        with_logger(|logger| logger.send(sinks, &plan, level, &sd, &line, now_us));
        if let Some(record) = &mut self.record {
            record.scratch = line;
        }
    }

    async fn fail(&mut self, failure: Failure) {
        let verdict = failure.verdict();
        let phase = match failure {
            Failure::Killed | Failure::ServerDown => self.phase(),
            _ => verdict.phase,
        };
        self.note_end(verdict.cause, phase);
        if verdict.phase == Phase::Headers {
            // A head that was refused is no answer: the timer was not reached.
            self.times.response_us = 0;
        }
        self.keep_server = false;
        self.conn = None;
        self.tally(failure, verdict.tally);
        match verdict.tally {
            Tally::RequestError => self.note_tracked(Event::RequestError),
            Tally::ResponseError => self.note_tracked(Event::ResponseFailure),
            _ => {}
        }
        self.keep_client &= verdict.keep_alive && !self.began;
        let silent = self.silent && self.session.frontend.http.ignore_probes;
        if verdict.status == 0 || self.began || silent {
            self.keep_client = false;
            return;
        }
        if let Some(record) = &mut self.record {
            // What the server said was thrown away, and own answers are not counted (`%B`).
            record.txn.bytes_out = 0;
        }
        self.close_unsaid = matches!(failure, Failure::BadRequest(_));
        let answer = Answer {
            message: Message::Page(verdict.status),
            cause: verdict.cause,
            phase,
            close: !verdict.keep_alive,
        };
        let gone = self.client_closed && !matches!(failure, Failure::ClientLeft(_));
        if gone || failure == Failure::RequestAborted {
            // Nobody is there to read it; the log still shows the status.
            self.set_status(verdict.status);
        } else if self.answer(&answer).await.is_err() {
            self.keep_client = false;
        }
    }

    async fn answered_here(&mut self, answer: &Answer) {
        self.note_end(answer.cause, answer.phase);
        // A denial is not an interception.
        if answer.cause == Cause::Local {
            self.session.counters().intercepted.inc();
        }
        if let Err(f) = self.answer(answer).await {
            self.keep_client = false;
            self.tally(f, f.verdict().tally);
        }
    }

    pub(super) fn note_end(&mut self, cause: Cause, phase: Phase) {
        if let Some(record) = &mut self.record {
            record.txn.end(cause, phase);
        }
    }

    fn set_status(&mut self, status: u16) {
        if let Some(record) = &mut self.record {
            record.txn.status = status;
        }
    }

    /// Counts a failure where it happened. Failed attempts at servers were counted when they were made.
    pub(super) fn tally(&mut self, failure: Failure, tally: Tally) {
        let thread = self.session.worker.thread;
        if failure.retry_word().is_some() {
            return;
        }
        let of_client = matches!(tally, Tally::RequestError | Tally::ClientAbort | Tally::InternalError);
        if of_client || self.backend.is_none() || tally == Tally::ServerAbort {
            tally.count(self.session.counters());
        }
        if tally == Tally::RequestError {
            return;
        }
        if let Some(backend) = &self.backend {
            tally.count(backend.state.counters.at(thread));
            if let Some(server) = self.server.and_then(|s| backend.servers.get(s)) {
                tally.count(server.state.counters.at(thread));
            }
        }
    }

    fn next(&mut self) -> Next {
        if self.keep_client {
            let held = self.up.take_if(|b| !b.is_empty());
            return Next::Again(held);
        }
        // Closing is safe once everything that the client sent has been read.
        let more = self.up.as_ref().is_some_and(|b| !b.is_empty());
        let unread = !self.body_begun || !self.up_body.is_done() || more;
        match unread && self.began && !self.client_closed && !self.tunnel {
            true => Next::Linger,
            false => Next::Close,
        }
    }

    /// Connections as they are now: process, frontend, backend, server.
    fn conn_counts(&self) -> ConnCounts {
        let session = self.session;
        let backend = self.backend.as_ref();
        let server = backend.and_then(|b| b.servers.get(self.server?));
        ConnCounts {
            process: session.worker.shared.connections.now(),
            frontend: session.frontend.state.sessions.now(),
            backend: backend.map_or(0, |b| b.state.sessions.now()),
            server: server.map_or(0, |s| s.state.sessions.now()),
        }
    }

    /// Adds the request to the counters of its frontend, backend and server.
    pub(super) fn account(&mut self) {
        let now_us = self.now_us();
        let session = self.session;
        let accept_us = session.conn.accept_ms * 1_000;
        let conns = self.conn_counts();
        let Some(record) = &mut self.record else { return };
        let txn = &mut record.txn;
        txn.timers = self.times.timers(now_us, accept_us, session.conn.handshake_ms);
        txn.conns = conns;
        let thread = session.worker.thread;
        note_bytes(txn, session);
        let add = |c: &Counters, answered: bool| {
            c.bytes_in.add(txn.bytes_in);
            c.bytes_out.add(txn.bytes_out);
            if answered {
                count_status(c, txn.status);
            }
        };
        add(session.counters(), txn.status > 0);
        // Of our own answers only the page's are traffic: the others are not in HAProxy's `bout`.
        let own_bytes = if txn.served_by.is_some() { self.own_bytes } else { 0 };
        session.counters().bytes_out.add(own_bytes);
        if let Some(l) = session.listener_counters() {
            l.bytes_in.add(txn.bytes_in);
            l.bytes_out.add(txn.bytes_out + own_bytes);
        }
        let Some(backend) = &self.backend else {
            // Until a request is sent on, the back of a `listen` section is where it is.
            let plan = session.installed.plan();
            if let Some(own) = plan.backends.iter().find(|b| b.same_as == Some(session.frontend.ix)) {
                own.state.counters.at(thread).bytes_in.add(txn.bytes_in);
            }
            return;
        };
        add(backend.state.counters.at(thread), txn.status > 0);
        add_times(backend.state.counters.at(thread), &txn.timers);
        if let Some(server) = self.server.and_then(|s| backend.servers.get(s)) {
            let answered = txn.server_status > 0;
            add(server.state.counters.at(thread), answered);
            server.state.counters.at(thread).requests.add(answered.into());
            add_times(server.state.counters.at(thread), &txn.timers);
        }
    }
}

impl Times {
    /// As the log shows them (manual 8.4).
    fn timers(&self, end_us: u64, accept_us: u64, handshake_ms: u32) -> Timers {
        let ms = |from: u64, to: u64| match (from, to) {
            (0, _) | (_, 0) => Timers::UNREACHED,
            (from, to) => (to.saturating_sub(from) / 1_000).min(i32::MAX as u64) as i32,
        };
        // The first request waits from accept and handshake, later ones from the end of the one before.
        let idle_us =
            if self.idle_us > 0 { self.idle_us } else { accept_us + u64::from(handshake_ms) * 1_000 };
        Timers {
            handshake_ms: handshake_ms.min(i32::MAX as u32) as i32,
            idle_ms: ms(idle_us.max(1), self.first_byte_us),
            request_ms: ms(self.first_byte_us, self.head_us),
            wait_ms: ms(self.head_us, self.assigned_us),
            connect_ms: ms(self.assigned_us, self.connected_us),
            response_ms: ms(self.connected_us, self.response_us),
            data_ms: ms(self.response_us, end_us),
            active_ms: ms(self.first_byte_us, end_us),
            total_ms: ms(idle_us.max(1), end_us),
        }
    }
}

/// What is left to count in stick tables; then the stream lets go of its entries.
fn note_bytes(txn: &Txn, session: &Session) {
    let of_session = &session.conn.tracked;
    if txn.tracked.is_empty() && of_session.is_empty() {
        return;
    }
    let now_ms = session.now_ms();
    let bytes = Event::Bytes { received: txn.bytes_in, sent: txn.bytes_out };
    txn.tracked.note(of_session, bytes, now_ms);
    txn.tracked.release(now_ms);
}

fn count_status(c: &Counters, status: u16) {
    match status / 100 {
        1 => c.status_1xx.inc(),
        2 => c.status_2xx.inc(),
        3 => c.status_3xx.inc(),
        4 => c.status_4xx.inc(),
        5 => c.status_5xx.inc(),
        _ => c.status_other.inc(),
    }
}

fn add_times(c: &Counters, t: &Timers) {
    let add = |sum: &Counter, max: &Counter, ms: i32| {
        let ms = u64::try_from(ms).unwrap_or(0);
        sum.add(ms);
        max.raise(ms);
    };
    add(&c.queue_time_sum_ms, &c.queue_time_max_ms, t.wait_ms);
    add(&c.connect_time_sum_ms, &c.connect_time_max_ms, t.connect_ms);
    add(&c.response_time_sum_ms, &c.response_time_max_ms, t.response_ms);
    add(&c.total_time_sum_ms, &c.total_time_max_ms, t.total_ms);
    c.timed.inc();
}
