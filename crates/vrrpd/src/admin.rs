//! What operators look at: the dumps of SIGUSR1, SIGUSR2 and the JSON signal, in keepalived's forms.
//!
//! Invariants: made from snapshots of the engines; nothing here changes anything. Names and order of the
//! counters and of the JSON members are keepalived's, since tools read them.

pub mod control;
mod data;
pub mod journal;
mod json;
mod metrics;
pub mod snapshot;

use std::fmt::Write;

pub use data::data;
pub use json::json;
pub use metrics::{CONTENT_TYPE, metrics};

use crate::engine::{instance::Counters, router::Router};

/// Where the dumps go unless `state_dump_file`, `stats_dump_file`, `json_dump_file` say otherwise.
pub const DATA_FILE: &str = "/tmp/keepalived.data";
pub const PARENT_DATA_FILE: &str = "/tmp/keepalived_parent.data";
pub const STATS_FILE: &str = "/tmp/keepalived.stats";
pub const JSON_FILE: &str = "/tmp/keepalived.json";

/// The counters of every instance (SIGUSR2).
pub fn stats(router: &Router) -> String {
    let mut text = String::new();
    for instance in router.instances() {
        let _ = writeln!(text, "VRRP Instance: {}", instance.plan().name);
        for (indent, label, value) in rows(&instance.counters) {
            let _ = match value {
                Some(n) => writeln!(text, "{:indent$}{label}: {n}", ""),
                None => writeln!(text, "{:indent$}{label}:", ""),
            };
        }
    }
    text
}

/// Label and value of each line; headings have none. keepalived has no counters of its own for wrong versions
/// and checksums, so they stand at the end.
fn rows(c: &Counters) -> [(usize, &'static str, Option<u64>); 26] {
    [
        (2, "Advertisements", None),
        (4, "Received", Some(c.adverts_received)),
        (4, "Sent", Some(c.adverts_sent)),
        (2, "Became master", Some(c.became_master)),
        (2, "Released master", Some(c.released_master)),
        (2, "Packet Errors", None),
        (4, "Length", Some(c.length_errors)),
        (4, "TTL", Some(c.ttl_errors)),
        (4, "Invalid Type", Some(c.type_errors)),
        (4, "Advertisement Interval", Some(c.interval_errors)),
        (4, "Address List", Some(c.address_list_errors)),
        (2, "Authentication Errors", None),
        (4, "Invalid Type", Some(c.auth_type_errors)),
        (4, "Type Mismatch", Some(c.auth_mismatches)),
        (4, "Failure", Some(c.auth_failures)),
        (2, "Authentication Extension Errors", None),
        (4, "Missing", Some(0)),
        (4, "Malformed", Some(0)),
        (4, "Unknown Key", Some(0)),
        (4, "Invalid HMAC", Some(0)),
        (4, "Stale", Some(0)),
        (4, "Replay", Some(0)),
        (2, "Priority Zero", None),
        (4, "Received", Some(c.zero_received)),
        (4, "Sent", Some(c.zero_sent)),
        (2, "Other Errors (version, checksum)", Some(c.version_errors + c.checksum_errors)),
    ]
}

#[cfg(test)]
mod tests;
