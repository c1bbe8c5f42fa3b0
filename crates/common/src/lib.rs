//! What both daemons share: the two configuration languages (haproxy.cfg, keepalived.conf), their YAML form,
//! diagnostics and units.
//!
//! Architecture invariant: no I/O beyond loading files, no runtime, no thread, no clock. Text becomes words,
//! words a tree with spans, the tree a typed model; the model never touches the world. What the model means is
//! the business of each daemon's `compile` module.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod diag;
pub mod haproxy;
pub mod health;
pub mod keepalived;
pub mod keyword;
pub mod source;
pub mod units;
pub mod yaml;
