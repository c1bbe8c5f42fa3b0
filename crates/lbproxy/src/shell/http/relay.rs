//! A stream without messages: `mode tcp`, a tunnel from its first byte.

use super::{Down, End, Failure, InBackend, Io, Memory, Session, Stream, Up};
use crate::engine::{
    http::{body::Body, framing::Framing},
    session::Tally,
    txn::{Cause, Phase},
};

/// Relays a connection until both sides have ended.
pub(in crate::shell) async fn relay(session: &Session, client: &mut Io) {
    let mut stream = Stream::new(session, client, 0);
    stream.times.first_byte_us = stream.times.idle_us.max(session.conn.accept_ms * 1_000);
    let end = stream.run_relay().await;
    stream.finish_relay(end);
}

impl Stream<'_> {
    async fn run_relay(&mut self) -> Result<(), End> {
        let rules = self.session.frontend.rules.clone();
        self.content_rules(&rules.tcp_content, rules.inspect_delay_ms).await?;
        let ix = self.switch().ok_or(Failure::NoServer)?;
        let backend = self.session.installed.plan().backends.get(ix).cloned().ok_or(Failure::NoServer)?;
        backend.state.sessions.enter();
        self.in_backend = Some(InBackend(backend.state.clone()));
        self.session.slot().backend.set(Some(ix as u32));
        backend.state.counters.at(self.session.worker.thread).sessions.inc();
        let own = backend.same_as != Some(self.session.frontend.ix);
        let rules = backend.rules.clone();
        self.backend = Some(backend);
        if own {
            self.content_rules(&rules.tcp_content, rules.inspect_delay_ms).await?;
        }
        self.find_named_server();
        self.times.head_us = self.now_us();
        (self.keep_server, self.keep_client) = (false, false);
        // What content rules looked at goes first; nothing more is read before there is a server, so every attempt
        // begins with the same bytes.
        self.up_ready = self.up.as_ref().map_or(0, |b| b.len());
        self.replay = Some((self.up.as_ref().map_or(0, |b| b.mark()), self.up_ready));
        if let Some(record) = &mut self.record {
            record.txn.bytes_in += self.up_ready as u64;
        }
        self.up_body = Body::new(Framing::Tunnel);
        self.down_body = Body::new(Framing::Tunnel);
        (self.down_state, self.up_state) = (Down::Body, Up::Sending);
        self.relayed = true;
        self.attempts(&mut None).await
    }

    fn finish_relay(&mut self, end: Result<(), End>) {
        if let Err(End::Dropped) = end {
            self.note_end(Cause::Proxy, Phase::Request);
        }
        if let Err(End::Failed(failure)) = end {
            let v = failure.verdict();
            self.note_end(v.cause, v.phase);
            let tally = if v.tally == Tally::ResponseError { Tally::ServerAbort } else { v.tally };
            self.tally(failure, tally);
        }
        self.conn = None;
        self.on_server = None;
        self.in_backend = None;
        self.account();
        self.log();
        self.retire(&mut Memory::default());
    }
}
