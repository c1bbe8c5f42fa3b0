//! The shells: sockets, timers and threads around the engines.

pub mod runtime;
pub mod tls;
