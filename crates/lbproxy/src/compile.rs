//! The bridge: the typed model of haproxy.cfg becomes the immutable plan that engines and shells run from.
//!
//! Owns: name resolution, defaults that depend on other values, and every diagnostic that needs more than one
//! keyword to see. Invariants: it touches the world only through [`World`]; it never stops at the first error;
//! a plan comes out only when there is no alert.

pub mod expr;
pub mod plan;

use std::{io, net::IpAddr, path::Path};

/// The parts of the world that a configuration names. `process` gives the real one, tests a table.
pub trait World {
    /// A whole file: error pages, pattern lists.
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>>;
    /// All addresses of a host name, in the resolver's order.
    fn resolve(&mut self, host: &str) -> io::Result<Vec<IpAddr>>;
    /// User id and primary group id.
    fn user(&mut self, name: &str) -> Option<(u32, u32)>;
    fn group(&mut self, name: &str) -> Option<u32>;
    fn hostname(&mut self) -> String;
    fn env(&mut self, name: &str) -> Option<String>;
    /// Processors that worker threads may use.
    fn processors(&mut self) -> usize;
}
