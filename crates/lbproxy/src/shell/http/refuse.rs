//! Keeps messages that were refused for those who ask why (`show errors`).

use super::{Failure, Stream};
use crate::engine::{conn::Addr, http::parse::Reject, state::Refused};

impl Stream<'_> {
    /// Passes a result of the parser on; a refusal leaves a copy of what had arrived.
    pub(super) fn noted<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        match &result {
            Err(Failure::BadRequest(reason)) => {
                let bytes = self.up.as_ref().map_or(&[][..], |b| b.data());
                self.session.frontend.state.refused.keep(self.refused(*reason, bytes));
            }
            Err(Failure::BadResponse(reason)) => {
                if let (Some(backend), Some(down)) = (&self.backend, &self.down) {
                    backend.state.refused.keep(self.refused(*reason, down.data()));
                }
            }
            _ => {}
        }
        result
    }

    fn refused(&self, reason: Reject, bytes: &[u8]) -> Refused {
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
            bytes: bytes.to_vec(),
        }
    }
}
