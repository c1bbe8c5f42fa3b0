//! Time-outs of a stream, ms, 0 for none: those of its proxies unless a rule changed them.

use super::Stream;
use crate::engine::txn::Overrides;

impl Stream<'_> {
    fn overrides(&self) -> Overrides {
        self.record.as_ref().map_or_else(Overrides::default, |r| r.txn.overrides)
    }

    pub(super) fn client_ms(&self) -> u32 {
        self.overrides().client_ms.unwrap_or(self.session.frontend.timeouts.client)
    }

    pub(super) fn server_ms(&self) -> u32 {
        self.overrides().server_ms.unwrap_or_else(|| self.of_backend(|b| b.timeouts.server))
    }

    pub(super) fn connect_ms(&self) -> u32 {
        self.overrides().connect_ms.unwrap_or_else(|| self.of_backend(|b| b.timeouts.connect))
    }

    /// Falls back to the connect time-out (manual 4.2, `timeout queue`).
    pub(super) fn queue_ms(&self) -> u32 {
        let queue = self.overrides().queue_ms.unwrap_or_else(|| self.of_backend(|b| b.timeouts.queue));
        if queue > 0 { queue } else { self.connect_ms() }
    }

    pub(super) fn tunnel_ms(&self) -> u32 {
        self.overrides().tunnel_ms.unwrap_or_else(|| self.of_backend(|b| b.timeouts.tunnel))
    }

    /// Falls back to the connect time-out (manual 4.2, `timeout tarpit`).
    pub(super) fn tarpit_ms(&self) -> u32 {
        let own = [self.of_backend(|b| b.timeouts.tarpit), self.session.frontend.timeouts.tarpit];
        let configured = own.into_iter().find(|&ms| ms > 0).unwrap_or_else(|| self.connect_ms());
        self.overrides().tarpit_ms.unwrap_or(configured)
    }

    pub(super) fn retries(&self) -> u32 {
        self.overrides().retries.unwrap_or_else(|| self.of_backend(|b| b.retries))
    }
}
