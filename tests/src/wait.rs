//! Waiting for a condition, never for a time.
//!
//! Owns: the one loop that looks again and again. A test that needs a moment to pass is a test
//! that fails on a slow machine; tests say what they wait for and how long is too long.

use std::time::{Duration, Instant};

use crate::netns::{Error, Result};

/// Pause between two looks, ms.
const LOOK_MS: u64 = 5;

/// Looks until there is something and returns it.
///
/// # Errors
/// Nothing came within `patience`; the message names `what` was waited for.
pub fn until<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let end = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() >= end {
            return Err(Error(format!("waited {patience:?} in vain: {what}")));
        }
        std::thread::sleep(Duration::from_millis(LOOK_MS));
    }
}

/// Looks until it is true.
///
/// # Errors
/// As [`until`].
pub fn until_true(what: &str, patience: Duration, mut look: impl FnMut() -> bool) -> Result<()> {
    until(what, patience, || look().then_some(()))
}
