//! `vrrp_instance` and `vrrp_sync_group`.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Address, Command, Route, Rule, Tracks, is_default};
use crate::source::At;

/// VRRP protocol version; the number 2 or 3 in YAML.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8")]
pub enum Version {
    #[default]
    V2,
    V3,
}

impl TryFrom<u8> for Version {
    type Error = String;

    fn try_from(number: u8) -> Result<Version, String> {
        match number {
            2 => Ok(Version::V2),
            3 => Ok(Version::V3),
            other => Err(format!("VRRP version {other} is neither 2 nor 3")),
        }
    }
}

impl From<Version> for u8 {
    fn from(version: Version) -> u8 {
        match version {
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }
}

/// The state at start, a hint: only priority 255 takes over at once.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    #[default]
    Backup,
    Master,
}

/// `auth_type`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum AuthType {
    #[default]
    Pass,
    Ah,
}

/// `authentication { auth_type … auth_pass … }`, VRRPv2 only.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Authentication {
    pub auth_type: At<AuthType>,
    /// 1..=8 bytes.
    pub auth_pass: At<String>,
}

/// `auth_hmac`: adverts carry a signature and a sequence number.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct AuthHmac {
    pub keys: Vec<HmacKey>,
    /// The key that our adverts are signed with; one of `keys`.
    pub active_key: Option<At<u8>>,
    #[serde(skip_serializing_if = "is_default")]
    pub anti_replay: AntiReplay,
    /// 1..=300; default: three advert intervals, at least 5 s.
    #[serde(skip_serializing_if = "is_default")]
    pub time_window_s: Option<u16>,
    #[serde(skip_serializing_if = "is_default")]
    pub mode: At<HmacMode>,
}

/// A key of `auth_hmac`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub struct HmacKey {
    pub id: At<u8>,
    /// `hex:` and digits, `file:` and a path, or the key itself; 32 to 64 bytes.
    pub value: At<String>,
}

/// How an old advert is told from a new one.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "kebab-case")]
pub enum AntiReplay {
    /// By the clock, which the routers must have in common.
    #[default]
    Time,
    /// By a sequence number that only grows.
    Monotonic,
}

/// How strict signatures are taken.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "kebab-case")]
pub enum HmacMode {
    #[default]
    Enforce,
    /// Adverts without signature are heard.
    Permissive,
    /// And ours have none.
    ReceiveOnly,
}

/// One line of `unicast_peer`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub struct UnicastPeer {
    pub address: At<IpAddr>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub min_ttl: Option<u8>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_ttl: Option<u8>,
}

/// `use_vmac` and what belongs to it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Vmac {
    /// Name of the interface; generated when left out.
    #[serde(skip_serializing_if = "is_default")]
    pub name: Option<At<String>>,
    /// Octets of a hardware address other than 00:00:5e:00:01:VRID: six, or five before the VRID.
    #[serde(skip_serializing_if = "is_default")]
    pub mac: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "is_default")]
    pub netlink_notify_msg: bool,
    /// Interface group.
    #[serde(skip_serializing_if = "is_default")]
    pub group: Option<u32>,
}

/// What is run when the state changes. All but `notify` are called without added arguments.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    #[serde(skip_serializing_if = "is_default")]
    pub master: Option<Command>,
    #[serde(skip_serializing_if = "is_default")]
    pub backup: Option<Command>,
    #[serde(skip_serializing_if = "is_default")]
    pub fault: Option<Command>,
    #[serde(skip_serializing_if = "is_default")]
    pub stop: Option<Command>,
    /// `notify`: called with kind, name, state, priority added.
    #[serde(skip_serializing_if = "is_default")]
    pub any: Option<Command>,
    /// `notify_deleted` was written: a removal by reload is told as DELETED, not FAULT.
    #[serde(skip_serializing_if = "is_default")]
    pub tell_deleted: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub deleted: Option<Command>,
    #[serde(skip_serializing_if = "is_default")]
    pub master_rx_lower_pri: Option<Command>,
}

/// One `vrrp_instance` block.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct VrrpInstance {
    pub name: At<String>,
    /// Absent only for unicast instances.
    #[serde(skip_serializing_if = "is_default")]
    pub interface: Option<At<String>>,
    /// 1..=255; 0 only in a model that `keepalived::check` refuses.
    pub virtual_router_id: At<u8>,
    #[serde(skip_serializing_if = "is_default")]
    pub state: Option<At<State>>,
    /// 1..=255; default 100.
    #[serde(skip_serializing_if = "is_default")]
    pub priority: Option<At<u8>>,
    /// Microseconds: a multiple of 1 s for version 2, of 10 ms for version 3; default 1 s.
    #[serde(skip_serializing_if = "is_default")]
    pub advert_int_us: Option<At<u64>>,
    #[serde(skip_serializing_if = "is_default")]
    pub version: Option<At<Version>>,

    #[serde(skip_serializing_if = "is_default")]
    pub virtual_ipaddress: Vec<Address>,
    #[serde(skip_serializing_if = "is_default")]
    pub virtual_ipaddress_excluded: Vec<Address>,
    #[serde(skip_serializing_if = "is_default")]
    pub no_virtual_ipaddress: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub virtual_routes: Vec<Route>,
    #[serde(skip_serializing_if = "is_default")]
    pub virtual_rules: Vec<Rule>,
    #[serde(skip_serializing_if = "is_default")]
    pub promote_secondaries: bool,

    #[serde(skip_serializing_if = "is_default")]
    pub authentication: Option<Authentication>,
    #[serde(skip_serializing_if = "is_default")]
    pub auth_hmac: Option<AuthHmac>,

    #[serde(skip_serializing_if = "is_default")]
    pub unicast_peer: Vec<UnicastPeer>,
    /// Source of adverts to unicast peers.
    #[serde(skip_serializing_if = "is_default")]
    pub unicast_src_ip: Option<At<IpAddr>>,
    /// Source of adverts to the multicast group.
    #[serde(skip_serializing_if = "is_default")]
    pub mcast_src_ip: Option<At<IpAddr>>,
    #[serde(skip_serializing_if = "is_default")]
    pub mcast_dst_ip: Option<At<IpAddr>>,
    #[serde(skip_serializing_if = "is_default")]
    pub track_src_ip: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub check_unicast_src: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub unicast_ttl: Option<u8>,
    #[serde(skip_serializing_if = "is_default")]
    pub unicast_fault_no_peer: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub v3_checksum_as_v2: Option<bool>,

    #[serde(skip_serializing_if = "is_default")]
    pub use_vmac: Option<Vmac>,
    #[serde(skip_serializing_if = "is_default")]
    pub use_vmac_addr: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub vmac_xmit_base: bool,

    #[serde(skip_serializing_if = "is_default")]
    pub dont_track_primary: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub nopreempt: Option<At<bool>>,
    /// 0..=1000 s, in microseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub preempt_delay_us: Option<At<u64>>,
    /// Whether a falling master is followed at once.
    #[serde(skip_serializing_if = "is_default")]
    pub fast_takeover: Option<bool>,
    /// `accept` true, `no_accept` false.
    #[serde(skip_serializing_if = "is_default")]
    pub accept: Option<At<bool>>,
    #[serde(skip_serializing_if = "is_default")]
    pub skip_check_adv_addr: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub strict_mode: Option<bool>,
    /// 0..=4, without effect.
    #[serde(skip_serializing_if = "is_default")]
    pub debug: Option<u8>,

    #[serde(skip_serializing_if = "is_default")]
    pub garp_master_delay_us: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub garp_master_repeat: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub garp_lower_prio_delay_us: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub garp_lower_prio_repeat: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub garp_master_refresh_us: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub garp_master_refresh_repeat: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub lower_prio_no_advert: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub higher_prio_send_advert: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub owner_ignore_adverts: Option<bool>,
    /// 1..=100.
    #[serde(skip_serializing_if = "is_default")]
    pub down_timer_adverts: Option<u8>,

    #[serde(skip_serializing_if = "is_default")]
    pub track: Tracks,
    #[serde(skip_serializing_if = "is_default")]
    pub notify: Notify,
    #[serde(skip_serializing_if = "is_default")]
    pub notify_priority_changes: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub smtp_alert: Option<bool>,
}

/// One `vrrp_sync_group` block.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct SyncGroup {
    pub name: At<String>,
    /// `group`: names of instances.
    pub members: Vec<At<String>>,
    #[serde(skip_serializing_if = "is_default")]
    pub track: Tracks,
    #[serde(skip_serializing_if = "is_default")]
    pub notify: Notify,
    #[serde(skip_serializing_if = "is_default")]
    pub notify_priority_changes: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub smtp_alert: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub global_tracking: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub sync_group_tracking_weight: bool,
}
