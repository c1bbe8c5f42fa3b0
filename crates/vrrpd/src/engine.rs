//! The VRRP engines: packets, instances, sync groups, trackers, and the router that holds them together.
//!
//! Architecture invariant: everything here is a function of its inputs. No socket, clock, randomness, log or
//! configuration type; `now` is passed in as the time since an origin that the caller chose and keeps.
//! What an engine wants done it says as an action; the shell does it. What the configuration means is decided
//! by `compile`, which builds the plans in `engine::plan`.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod instance;
pub mod plan;
pub mod router;
pub mod sync_group;
pub mod track;
pub mod wire;

/// A moment: the time since the caller's origin (the daemon takes the boot of the machine, tests take zero).
pub type Time = std::time::Duration;
