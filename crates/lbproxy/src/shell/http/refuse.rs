//! Keeps messages that were refused for those who ask why (`show errors`).

use super::{Failure, Stream};
use crate::engine::{
    conn::Addr,
    http::parse::{self, Reject},
    state::Refused,
};

impl Stream<'_> {
    /// Passes a result of the parser on; a refusal leaves a copy of what had arrived.
    pub(super) fn noted<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        match &result {
            Err(Failure::BadRequest(reason)) => self.note_request_refusal(*reason),
            Err(Failure::BadResponse(reason)) => self.note_response_refusal(*reason),
            _ => {}
        }
        result
    }

    /// A request that was refused for `reason`, or would have been.
    #[cold]
    pub(super) fn note_request_refusal(&self, reason: Reject) {
        let http = &self.session.frontend.http;
        let limits = self.session.installed.plan().global.tune.limits(http.accept_unsafe_request);
        let bytes = self.up.as_ref().map_or(&[][..], |b| b.data());
        let position = parse::locate(bytes, &limits, reason, true);
        self.session.frontend.state.refused.keep(self.refused(reason, bytes, position));
    }

    #[cold]
    pub(super) fn note_response_refusal(&self, reason: Reject) {
        let (Some(backend), Some(down)) = (&self.backend, &self.down) else { return };
        let limits = self.session.installed.plan().global.tune.limits(backend.http.accept_unsafe_response);
        let mut position = parse::locate(down.data(), &limits, reason, false);
        if reason == Reject::Chunk {
            position += self.down_body.failed_at();
        }
        backend.state.refused.keep(self.refused(reason, down.data(), position));
    }

    /// The request's body broke its coding in the bytes that arrived last.
    #[cold]
    pub(super) fn note_request_body(&self) {
        let Some(up) = &self.up else { return };
        let position = self.up_ready + self.up_body.failed_at();
        self.session.frontend.state.refused.keep(self.refused(Reject::Chunk, up.data(), position));
    }

    /// The answer's body did.
    #[cold]
    pub(super) fn note_response_body(&self) {
        let (Some(backend), Some(down)) = (&self.backend, &self.down) else { return };
        let position = self.down_body.failed_at();
        backend.state.refused.keep(self.refused(Reject::Chunk, down.data(), position));
    }

    fn refused(&self, reason: Reject, bytes: &[u8], position: usize) -> Refused {
        let tolerated = |r: &super::Record| r.req.tolerated.is_some() || r.res.tolerated.is_some();
        let frontend = &self.session.frontend;
        let worker = &self.session.worker;
        let server = self.backend.as_ref().and_then(|b| b.servers.get(self.server?));
        Refused {
            event: worker.shared.registry.refusals().next(),
            at_us: worker.clock.wall_us(),
            client: match self.session.conn.src {
                Addr::Inet(a) => a.to_string(),
                Addr::Unix => "unix:1".to_owned(),
            },
            frontend: (frontend.name.to_string(), frontend.id),
            backend: self.backend.as_ref().map(|b| (b.name.to_string(), b.id)),
            server: server.map(|s| (s.name.to_string(), s.id)),
            reason,
            tolerated: self.record.as_deref().is_some_and(tolerated),
            bytes: bytes.to_vec(),
            position: position.min(bytes.len()),
        }
    }
}
