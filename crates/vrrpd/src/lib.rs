//! vrrpd: one address that survives. A VRRP daemon that takes keepalived.conf unchanged, in keepalived's role.
//!
//! `engine` decides and is pure; `compile` turns the configuration's model into the engine's plan; `shell` talks
//! to the kernel; `process` is parent and child, signals and exit codes; `admin` shows what is going on.

pub mod engine;
