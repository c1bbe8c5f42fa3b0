//! The shells: sockets, timers and threads around the engines.

pub mod listen;
pub mod runtime;
pub mod tls;
