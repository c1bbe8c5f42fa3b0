//! What the end-to-end tests and the demo stand on: hosts made of namespaces,
//! daemons started in them, origins and clients that talk to the daemons.
//!
//! Tests use binaries and sockets only; nothing here imports a daemon's crate.

pub mod client;
pub mod daemon;
pub mod load;
pub mod netns;
pub mod origin;
pub mod pair;
pub mod stage;
mod sys;
pub mod syslog;
pub mod wait;
pub mod watch;
