//! The data plane proxy, in HAProxy's role.
//!
//! Text → tree → model is `common::haproxy`; here `compile` turns the model into an immutable plan, `engine`
//! holds the pure state machines, `shell` the sockets, `admin` the stats socket and page, and `process` the
//! start, the privileges and the reload.

pub mod admin;
pub mod cli;
pub mod compile;
pub mod engine;
pub mod process;
pub mod shell;
pub mod sys;
