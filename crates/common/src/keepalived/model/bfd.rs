//! `bfd_instance`: a session of RFC 5880 that instances and groups may track.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_default;
use crate::source::At;

/// One `bfd_instance` block.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct BfdInstance {
    pub name: At<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub neighbor_ip: Option<At<IpAddr>>,
    #[serde(skip_serializing_if = "is_default")]
    pub source_ip: Option<At<IpAddr>>,
    /// Required minimum receive interval; default 10 ms.
    #[serde(skip_serializing_if = "is_default")]
    pub min_rx_us: Option<u32>,
    /// Desired minimum transmit interval; default 10 ms.
    #[serde(skip_serializing_if = "is_default")]
    pub min_tx_us: Option<u32>,
    /// Transmit interval while not up; default 1 s.
    #[serde(skip_serializing_if = "is_default")]
    pub idle_tx_us: Option<u32>,
    /// Missed packets until down, 1..=255; default 5.
    #[serde(skip_serializing_if = "is_default")]
    pub multiplier: Option<u8>,
    #[serde(skip_serializing_if = "is_default")]
    pub passive: bool,
    /// `ttl` or `hoplimit` sent, 1..=255.
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: Option<u8>,
    /// Largest accepted loss of TTL, -1..=255.
    #[serde(skip_serializing_if = "is_default")]
    pub max_hops: Option<i16>,
    #[serde(skip_serializing_if = "is_default")]
    pub multihop: bool,
    /// Default weight of its trackers, -253..=253.
    #[serde(skip_serializing_if = "is_default")]
    pub weight: i16,
    #[serde(skip_serializing_if = "is_default")]
    pub reverse: bool,
    /// `vrrp`: events go to VRRP only.
    #[serde(skip_serializing_if = "is_default")]
    pub vrrp: bool,
    /// `checker`: events go to the checkers only.
    #[serde(skip_serializing_if = "is_default")]
    pub checker: bool,
}
