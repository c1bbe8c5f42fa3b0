//! What traffic tells of a server's health (manual 5.2, `observe`).

use super::{Failure, Stream};
use crate::{
    compile::plan::Server,
    shell::{check, worker::with_logger},
};

impl Stream<'_> {
    /// A connection was made, or failed.
    pub(super) fn observe_connection(&self, server: &Server, failure: Option<Failure>) {
        if server.observe.is_none() {
            return;
        }
        let error = match failure {
            None => None,
            Some(Failure::ConnectFailed | Failure::ConnectTimeout) => Some("L4 unsuccessful connection"),
            Some(_) => return,
        };
        // With layer7 a connection alone is no success; answers tell.
        if error.is_some() || server.observe.is_some_and(|o| !o.layer7) {
            self.tell(server, error);
        }
    }

    /// An answer came, or none that was one.
    pub(super) fn observe_answer(&self, server: &Server, failure: Option<Failure>) {
        if !server.observe.is_some_and(|o| o.layer7) {
            return;
        }
        let status = self.record.as_ref().map_or(0, |r| r.txn.server_status);
        let error = match failure {
            Some(Failure::NoResponse) => Some("Broken pipe"),
            Some(Failure::BadResponse(_)) => Some("Wrong http response"),
            Some(Failure::ResponseTimeout) => Some("Response timeout"),
            Some(_) if status == 0 => return,
            _ if matches!(status, 100..=499 | 501 | 505) => None,
            _ => Some("Wrong http status"),
        };
        self.tell(server, error);
    }

    fn tell(&self, server: &Server, error: Option<&str>) {
        if let Some(change) = server.state.observed(error, self.now_ms()) {
            let (shared, runtime) = (&self.session.worker.shared, &self.session.installed.runtime);
            with_logger(|logger| check::perform(shared, runtime, logger, change));
        }
    }
}
