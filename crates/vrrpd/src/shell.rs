//! What touches the world for the engines: netlink, raw sockets, frames, programs, logs.
//!
//! Architecture invariant: shells decide nothing. They perform the router's actions in order and turn what
//! happens into its events. rtnetlink is used in `shell/netlink.rs` only.

pub mod arp;
pub mod clock;
pub mod control;
pub mod fence;
pub mod files;
pub mod journal;
pub mod log;
pub mod netlink;
pub mod notify;
pub mod processes;
pub mod proxy;
pub mod runner;
pub mod script;
pub mod socket;
pub mod words;
