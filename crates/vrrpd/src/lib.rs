//! vrrpd: one address that survives. A VRRP daemon that takes keepalived.conf unchanged, in keepalived's role.
//!
//! `engine` decides and is pure; `compile` turns the configuration's model into the engine's plan; `shell` talks
//! to the kernel; `process` is parent and child, signals and exit codes; `admin` shows what is going on.

// The `#[packet]` derive asks for a feature of its own crate.
#![allow(unexpected_cfgs)]

pub mod admin;
pub mod cli;
pub mod compile;
pub mod ctl;
pub mod engine;
pub mod process;
pub mod program;
pub mod shell;
pub mod sys;
