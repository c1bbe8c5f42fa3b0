//! The last message that was refused, kept for `show errors` (management guide 9.3).
//!
//! One of each direction per proxy. Written only when a message is refused, and never waited for: two refusals at
//! once keep either. Bounded by the buffer that the message was read into.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use super::lock;
use crate::engine::http::parse::Reject;

/// A refused message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Counts refusals since start, from 0.
    pub event: u64,
    /// Wall clock, microseconds since the epoch.
    pub at_us: u64,
    pub client: String,
    /// Name and id of the frontend, the backend, the server, as far as they were known.
    pub frontend: (String, u32),
    pub backend: Option<(String, u32)>,
    pub server: Option<(String, u32)>,
    pub reason: Reject,
    /// The option `accept-unsafe-violations` let it pass nevertheless.
    pub tolerated: bool,
    /// What had arrived.
    pub bytes: Vec<u8>,
    /// The offending byte among them.
    pub position: usize,
}

/// Where a proxy keeps it.
#[derive(Debug, Default)]
pub struct LastRefused(Mutex<Option<Arc<Refused>>>);

impl LastRefused {
    /// Keeps it, unless somebody else is at it right now.
    pub fn keep(&self, refused: Refused) {
        if let Ok(mut last) = self.0.try_lock() {
            *last = Some(Arc::new(refused));
        }
    }

    pub fn get(&self) -> Option<Arc<Refused>> {
        lock(&self.0).clone()
    }
}

/// Counts refusals of the process.
#[derive(Debug, Default)]
pub struct Events(AtomicU64);

impl Events {
    /// The number of this one.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Relaxed)
    }

    pub fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
