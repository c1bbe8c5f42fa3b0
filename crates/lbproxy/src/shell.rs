//! The shells: sockets, timers and threads around the engines.

pub mod buffer;
pub mod check;
#[cfg(test)]
pub(crate) mod harness;
pub mod health;
pub mod http;
pub mod listen;
pub mod log;
pub mod pool;
pub mod queue;
pub mod reactor;
mod resolve;
pub mod runtime;
#[cfg(test)]
mod soak;
pub mod sock;
pub mod stream;
pub mod tcp;
pub mod timer;
pub mod tls;
pub mod worker;
