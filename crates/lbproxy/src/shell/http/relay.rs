//! A stream without messages: `mode tcp`, a tunnel from its first byte.

use super::{Down, End, Failure, InBackend, Io, Session, Stream, Up};
use crate::engine::{
    http::{body::Body, framing::Framing},
    session::Tally,
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
        let ix = self.switch().ok_or(Failure::NoServer)?;
        let backend = self.session.installed.plan().backends.get(ix).cloned().ok_or(Failure::NoServer)?;
        backend.state.sessions.enter();
        self.in_backend = Some(InBackend(backend.state.clone()));
        self.session.slot().backend.set(Some(ix as u32));
        backend.state.counters.at(self.session.worker.thread).sessions.inc();
        self.backend = Some(backend);
        self.times.head_us = self.now_us();
        (self.keep_server, self.keep_client) = (false, false);
        // Nothing is read before there is a server, so every attempt begins with the same nothing.
        self.replay = Some((0, 0));
        self.up_body = Body::new(Framing::Tunnel);
        self.down_body = Body::new(Framing::Tunnel);
        (self.down_state, self.up_state) = (Down::Body, Up::Sending);
        self.relayed = true;
        self.attempts(&mut None).await
    }

    fn finish_relay(&mut self, end: Result<(), End>) {
        if let Err(End::Failed(failure)) = end {
            let v = failure.verdict();
            self.note_end(v.cause, v.phase);
            let tally = if v.tally == Tally::ResponseError { Tally::ServerAbort } else { v.tally };
            self.tally(failure, tally);
            self.client.set_abort_on_close();
        }
        self.conn = None;
        self.on_server = None;
        self.in_backend = None;
        self.account();
        self.log();
        let pools = &self.session.installed;
        pools.buffers.put_option(&mut self.up);
        pools.buffers.put_option(&mut self.down);
        if let Some(record) = self.record.take() {
            pools.records.put(record);
        }
    }
}
