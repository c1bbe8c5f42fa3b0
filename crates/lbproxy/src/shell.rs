//! The shells: sockets, timers and threads around the engines.

pub mod buffer;
pub mod check;
pub mod listen;
pub mod queue;
pub mod runtime;
pub mod stream;
pub mod timer;
pub mod tls;
