//! What is watched: scripts, files, processes; and how an instance or a group uses it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Command, is_default};
use crate::source::At;

/// A `vrrp_script` block.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct VrrpScript {
    pub name: At<String>,
    /// `script` and `user`. An empty `argv` never passes `keepalived::check`.
    pub command: Command,
    /// Time between starts, whole milliseconds, above 0; default 1 s.
    #[serde(skip_serializing_if = "is_default")]
    pub interval_us: Option<u64>,
    /// Run time after which the script is killed; default: the interval.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout_us: Option<u64>,
    /// -253..=253. 0: failure means FAULT; above: added while OK; below: subtracted while failed.
    #[serde(skip_serializing_if = "is_default")]
    pub weight: i16,
    /// `weight N reverse`: turns success and failure round.
    #[serde(skip_serializing_if = "is_default")]
    pub reverse: bool,
    /// Successes in a row before OK, from 1; default 1.
    #[serde(skip_serializing_if = "is_default")]
    pub rise: Option<u32>,
    /// Failures in a row before failed, from 1; default 1.
    #[serde(skip_serializing_if = "is_default")]
    pub fall: Option<u32>,
    /// Begin as failed.
    #[serde(skip_serializing_if = "is_default")]
    pub init_fail: bool,
}

impl VrrpScript {
    /// What `interval` comes to, microseconds.
    pub fn interval_us(&self) -> u64 {
        self.interval_us.unwrap_or(1_000_000)
    }

    /// What `timeout` comes to, microseconds.
    pub fn timeout_us(&self) -> u64 {
        self.timeout_us.unwrap_or_else(|| self.interval_us())
    }

    pub fn rise(&self) -> u32 {
        self.rise.unwrap_or(1)
    }

    pub fn fall(&self) -> u32 {
        self.fall.unwrap_or(1)
    }
}

/// A `track_file` block (`vrrp_track_file` in old files).
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct TrackFile {
    pub name: At<String>,
    pub file: At<String>,
    /// -254..=254; 1 when left out. 0: a number other than 0 means FAULT.
    #[serde(skip_serializing_if = "is_default")]
    pub weight: Option<i16>,
    #[serde(skip_serializing_if = "is_default")]
    pub reverse: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub init_file: Option<TrackFileInit>,
}

/// `init_file [VALUE] [overwrite]`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct TrackFileInit {
    pub value: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub overwrite: bool,
}

/// How the arguments of a `process` are compared.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub enum ParamMatch {
    #[default]
    Exact,
    Initial,
    Partial,
}

/// A `vrrp_track_process` block.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct TrackProcess {
    pub name: At<String>,
    /// The program's name and the arguments it must have.
    pub process: At<Vec<String>>,
    #[serde(skip_serializing_if = "is_default")]
    pub param_match: ParamMatch,
    /// -254..=254.
    #[serde(skip_serializing_if = "is_default")]
    pub weight: i16,
    #[serde(skip_serializing_if = "is_default")]
    pub reverse: bool,
    /// Fewest processes for OK, 1..=65535; default 1.
    #[serde(skip_serializing_if = "is_default")]
    pub quorum: Option<u32>,
    /// Most processes for OK; no limit when left out.
    #[serde(skip_serializing_if = "is_default")]
    pub quorum_max: Option<u32>,
    /// Delay before "up" is believed; `delay` sets both.
    #[serde(skip_serializing_if = "is_default")]
    pub fork_delay_us: u64,
    /// Delay before "down" is believed.
    #[serde(skip_serializing_if = "is_default")]
    pub terminate_delay_us: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub full_command: bool,
}

/// One use of something watched: `NAME [weight N [reverse|noreverse]]`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Track {
    pub name: At<String>,
    /// Else that of the thing watched (interfaces: 0).
    #[serde(skip_serializing_if = "is_default")]
    pub weight: Option<At<i16>>,
    /// Else that of the thing watched (interfaces: no).
    #[serde(skip_serializing_if = "is_default")]
    pub reverse: Option<bool>,
}

/// A `track_proxy` block.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct TrackProxy {
    /// Where the block stands.
    #[serde(skip)]
    pub place: At<()>,
    /// Path of a stats socket or `@NAME`; else the proxy is found by itself.
    #[serde(skip_serializing_if = "is_default")]
    pub socket: Option<At<String>>,
    /// -254..=254; left out, or 0: a proxy that is down leaves priority 1.
    #[serde(skip_serializing_if = "is_default")]
    pub weight: Option<At<i16>>,
    #[serde(skip_serializing_if = "is_default")]
    pub require_backend: Vec<At<String>>,
    /// 150 ms to a minute; default 1 s.
    #[serde(skip_serializing_if = "is_default")]
    pub hang_timeout_us: Option<u64>,
    /// Not even one that is found is tracked.
    #[serde(skip_serializing_if = "is_default")]
    pub off: bool,
}

/// All that an instance or a group tracks.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Tracks {
    #[serde(skip_serializing_if = "is_default")]
    pub interfaces: Vec<Track>,
    #[serde(skip_serializing_if = "is_default")]
    pub scripts: Vec<Track>,
    #[serde(skip_serializing_if = "is_default")]
    pub files: Vec<Track>,
    #[serde(skip_serializing_if = "is_default")]
    pub processes: Vec<Track>,
    #[serde(skip_serializing_if = "is_default")]
    pub bfd: Vec<Track>,
    /// `track_proxy`; without the block a proxy that is found is tracked.
    #[serde(skip_serializing_if = "is_default")]
    pub proxy: Option<TrackProxy>,
}
