//! The typed model of a keepalived.conf: what is written, in types, before anything is looked up in the world.
//!
//! Owns: the vocabulary that the text form and the YAML form share. Invariants: every field's default means "not
//! written"; a value that stands here lies in the range its comment names. What a value left out comes to
//! (instance, then `global_defs`, then the protocol's default) is answered by [`Config::effective`] alone, so that
//! both forms inherit alike. Names of instances are unique; names that are tracked need not be defined: resolving
//! them is left to `keepalived::check` (messages) and the daemon's `compile` (ids).

mod address;
mod bfd;
mod effective;
mod global;
mod instance;
mod track;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use address::{Address, Prefix, Route, RouteKind, Rule, RuleAction};
pub use bfd::BfdInstance;
pub use effective::{Effective, Garp};
pub use global::{Command, Fifo, GlobalDefs, MailServer, ScriptUser};
pub use instance::{
    AntiReplay, AuthHmac, AuthType, Authentication, HmacKey, HmacMode, Notify, State, SyncGroup, UnicastPeer,
    Version, Vmac, VrrpInstance,
};
pub use track::{ParamMatch, Track, TrackFile, TrackFileInit, TrackProcess, TrackProxy, Tracks, VrrpScript};

/// A whole configuration, of one file with its includes or of one YAML document.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `net_namespace`: network namespace to run in.
    #[serde(skip_serializing_if = "is_default")]
    pub net_namespace: Option<String>,
    /// `instance`: name used in names of pid and dump files.
    #[serde(skip_serializing_if = "is_default")]
    pub instance_name: Option<String>,
    /// `use_pid_dir`: pid files below /run/keepalived.
    #[serde(skip_serializing_if = "is_default")]
    pub use_pid_dir: bool,
    /// `child_wait_time`: seconds that the parent waits for children at exit; keepalived's default is 5.
    #[serde(skip_serializing_if = "is_default")]
    pub child_wait_s: Option<u32>,
    /// `global_defs` blocks, merged in order.
    #[serde(skip_serializing_if = "is_default")]
    pub global: GlobalDefs,
    /// `vrrp_script` blocks.
    #[serde(skip_serializing_if = "is_default")]
    pub scripts: Vec<VrrpScript>,
    /// `track_file` blocks.
    #[serde(skip_serializing_if = "is_default")]
    pub track_files: Vec<TrackFile>,
    /// `vrrp_track_process` blocks.
    #[serde(skip_serializing_if = "is_default")]
    pub track_processes: Vec<TrackProcess>,
    /// `bfd_instance` blocks.
    #[serde(skip_serializing_if = "is_default")]
    pub bfd: Vec<BfdInstance>,
    /// `vrrp_instance` blocks, in the order of the file.
    #[serde(skip_serializing_if = "is_default")]
    pub instances: Vec<VrrpInstance>,
    /// `vrrp_sync_group` blocks.
    #[serde(skip_serializing_if = "is_default")]
    pub sync_groups: Vec<SyncGroup>,
    /// `static_ipaddress` entries: kept on the host whatever the state.
    #[serde(skip_serializing_if = "is_default")]
    pub static_addresses: Vec<Address>,
    /// `static_routes` entries.
    #[serde(skip_serializing_if = "is_default")]
    pub static_routes: Vec<Route>,
    /// `static_rules` entries.
    #[serde(skip_serializing_if = "is_default")]
    pub static_rules: Vec<Rule>,
}

/// Whether a field says nothing, so that YAML stays as short as what was written.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
