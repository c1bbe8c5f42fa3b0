//! `global_defs`: settings of the whole process and defaults of instances.

use std::net::{Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Version, is_default};
use crate::source::At;

/// A user, and how its group is found, as in `script_user USER [[:]GROUP]`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptUser {
    pub user: At<String>,
    /// The user's own group when left out.
    #[serde(skip_serializing_if = "is_default")]
    pub group: Option<At<String>>,
    /// The `:` before the group: the user's supplementary groups are set too.
    #[serde(skip_serializing_if = "is_default")]
    pub supplementary_groups: bool,
}

/// A program with its arguments and the user it runs as; never passed to a shell.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments. The span is that of the whole command.
    pub argv: At<Vec<String>>,
    #[serde(skip_serializing_if = "is_default")]
    pub user: Option<ScriptUser>,
}

/// A FIFO that receives events, with its owner.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Fifo {
    pub path: At<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub owner: Option<ScriptUser>,
}

/// `smtp_server HOST [PORT]`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct MailServer {
    pub host: At<String>,
    /// 25 when left out.
    #[serde(skip_serializing_if = "is_default")]
    pub port: Option<u16>,
}

/// The merged `global_defs` blocks.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct GlobalDefs {
    #[serde(skip_serializing_if = "is_default")]
    pub router_id: Option<String>,

    // Mail.
    #[serde(skip_serializing_if = "is_default")]
    pub notification_email: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub notification_email_from: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub smtp_server: Option<MailServer>,
    #[serde(skip_serializing_if = "is_default")]
    pub smtp_helo_name: Option<String>,
    /// Seconds; keepalived's default is 30.
    #[serde(skip_serializing_if = "is_default")]
    pub smtp_connect_timeout_s: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub smtp_alert: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub smtp_alert_vrrp: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub no_email_faults: bool,

    // VRRP defaults of instances.
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_version: Option<Version>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_mcast_group4: Option<At<Ipv4Addr>>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_mcast_group6: Option<At<Ipv6Addr>>,
    #[serde(skip_serializing_if = "is_default")]
    pub default_interface: Option<At<String>>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_garp_master_repeat: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_garp_master_delay_us: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_garp_lower_prio_repeat: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_garp_lower_prio_delay_us: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_garp_master_refresh_us: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_garp_master_refresh_repeat: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_garp_interval_us: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_gna_interval_us: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_min_garp: Option<bool>,
    /// 1..=100; the default is 3.
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_down_timer_adverts: Option<u8>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_lower_prio_no_advert: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_higher_prio_send_advert: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_owner_ignore_adverts: Option<bool>,
    /// Whether a companion process takes the addresses off when the VRRP process dies; the default is yes.
    #[serde(skip_serializing_if = "is_default")]
    pub fence_on_death: Option<bool>,
    /// The same when it is silent for longer than the peers wait; the default is yes.
    #[serde(skip_serializing_if = "is_default")]
    pub fence_on_silence: Option<bool>,
    /// Whether instances follow a falling master at once; the default is yes.
    #[serde(skip_serializing_if = "is_default")]
    pub fast_takeover: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub v3_checksum_as_v2: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_check_unicast_src: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_skip_check_adv_addr: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_strict: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_notify_priority_changes: Option<bool>,
    /// `dynamic_interfaces`: interfaces may be absent at start.
    #[serde(skip_serializing_if = "is_default")]
    pub dynamic_interfaces: bool,
    /// `dynamic_interfaces allow_if_changes`.
    #[serde(skip_serializing_if = "is_default")]
    pub allow_if_changes: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_startup_delay_us: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub log_unknown_vrids: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub vmac_prefix: Option<String>,

    // Scripts and notification.
    #[serde(skip_serializing_if = "is_default")]
    pub script_user: Option<ScriptUser>,
    #[serde(skip_serializing_if = "is_default")]
    pub enable_script_security: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub use_symlink_paths: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub notify_fifo: Option<Fifo>,
    #[serde(skip_serializing_if = "is_default")]
    pub notify_fifo_script: Option<Command>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_notify_fifo: Option<Fifo>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_notify_fifo_script: Option<Command>,
    #[serde(skip_serializing_if = "is_default")]
    pub fifo_write_vrrp_states_on_reload: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub startup_script: Option<Command>,
    /// Seconds, 1..=1000; the default is 10.
    #[serde(skip_serializing_if = "is_default")]
    pub startup_script_timeout_s: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub shutdown_script: Option<Command>,
    /// Seconds, 1..=1000; the default is 10.
    #[serde(skip_serializing_if = "is_default")]
    pub shutdown_script_timeout_s: Option<u32>,

    // Process.
    /// Nice value, -20..=19.
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_priority: Option<i8>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_no_swap: bool,
    /// SCHED_RR priority, 1..=99.
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_rt_priority: Option<u8>,
    /// -1..=99.
    #[serde(skip_serializing_if = "is_default")]
    pub max_auto_priority: Option<i8>,
    /// `reload_check_config [LOG]`: a changed configuration is tested before a reload.
    #[serde(skip_serializing_if = "is_default")]
    pub reload_check_config: bool,
    /// The LOG of `reload_check_config`.
    #[serde(skip_serializing_if = "is_default")]
    pub reload_check_config_log: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub process_name: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp_process_name: Option<String>,
    /// Mode bits taken from files that are created.
    #[serde(skip_serializing_if = "is_default")]
    pub umask: Option<u16>,
    #[serde(skip_serializing_if = "is_default")]
    pub state_dump_file: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub stats_dump_file: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub json_dump_file: Option<String>,
    /// `control_socket`: a path or `off`. vrrpd's own.
    #[serde(skip_serializing_if = "is_default")]
    pub control_socket: Option<String>,
    /// Where metrics are served. vrrpd's own.
    #[serde(skip_serializing_if = "is_default")]
    pub prometheus_address: Option<std::net::SocketAddr>,
    /// Directory of the journal. vrrpd's own.
    #[serde(skip_serializing_if = "is_default")]
    pub journal_directory: Option<String>,
    /// 1 or 2.
    #[serde(skip_serializing_if = "is_default")]
    pub json_version: Option<u8>,
    #[serde(skip_serializing_if = "is_default")]
    pub data_use_instance: Option<bool>,
}
