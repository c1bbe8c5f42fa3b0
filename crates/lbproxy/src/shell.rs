//! The shells: sockets, timers and threads around the engines.

pub mod buffer;
pub mod listen;
pub mod runtime;
pub mod stream;
pub mod timer;
pub mod tls;
