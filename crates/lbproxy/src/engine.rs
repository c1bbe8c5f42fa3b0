//! The pure engines: HTTP messages, samples and rules, balancing, queues, checks, state and counters.
//!
//! Architecture invariant: nothing in here performs I/O, reads a clock, draws a random number, spawns or locks
//! across calls, or knows the configuration model; `now` and seeds come in as arguments.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod action;
pub mod balance;
pub mod check;
pub mod conn;
pub mod cookie;
pub mod crypt;
pub mod dns;
pub mod http;
pub mod logformat;
pub mod pattern;
pub mod proxy_protocol;
pub mod queue;
pub mod rate_limit;
pub mod registry;
pub mod rule;
pub mod sample;
pub mod session;
pub mod state;
pub mod stats;
pub mod stick;
pub mod txn;
