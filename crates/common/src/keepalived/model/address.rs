//! Addresses, routes and policy rules, as `virtual_ipaddress`, `virtual_routes`, `static_rules` and so on list them.
//!
//! Owns: the options that are typed. The rarer options of routes and rules stay as written in `options`, name and
//! value; what none of the daemons serves is said when the file is read.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::is_default;
use crate::source::At;

/// An address with its prefix length; written `10.0.0.1/24`, or bare for a host's (/32 and /128).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Prefix {
    pub address: IpAddr,
    /// 0..=32 for IPv4, 0..=128 for IPv6.
    pub len: u8,
}

impl Prefix {
    /// The address alone: /32 or /128.
    pub const fn host(address: IpAddr) -> Prefix {
        Prefix { address, len: Prefix::len_max(address) }
    }

    pub const fn len_max(address: IpAddr) -> u8 {
        match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        }
    }

    pub const fn is_host(&self) -> bool {
        self.len == Prefix::len_max(self.address)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if self.is_host() { Ok(()) } else { write!(f, "/{}", self.len) }
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Prefix, String> {
        let (address, len) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr =
            address.parse().map_err(|_| format!("`{address}` is no IPv4 or IPv6 address"))?;
        let max = Prefix::len_max(address);
        let len = match len {
            None => max,
            Some(l) => l
                .parse()
                .ok()
                .filter(|&n| n <= max)
                .ok_or_else(|| format!("prefix length `{l}` is not within 0..={max}"))?,
        };
        Ok(Prefix { address, len })
    }
}

impl Default for Prefix {
    fn default() -> Prefix {
        Prefix::host(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Prefix, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Prefix {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Prefix".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "examples": ["192.0.2.10", "192.0.2.10/24", "2001:db8::1/64"] })
    }
}

/// One entry of `virtual_ipaddress`, `virtual_ipaddress_excluded` or `static_ipaddress`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Address {
    /// The address and the prefix length with which it is added.
    pub address: At<Prefix>,
    /// `dev`: interface; else the instance's (static ones: `default_interface`).
    #[serde(skip_serializing_if = "is_default")]
    pub dev: Option<At<String>>,
    /// `brd`: broadcast address; `+` and `-` are computed when the file is read.
    #[serde(skip_serializing_if = "is_default")]
    pub broadcast: Option<Ipv4Addr>,
    /// `scope` as the kernel's number (global 0, site 200, link 253, host 254, nowhere 255). When left out:
    /// global, or link for a link-local address.
    #[serde(skip_serializing_if = "is_default")]
    pub scope: Option<u8>,
    /// `label`: IPv4 alias label, at most 15 bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub label: Option<At<String>>,
    /// `peer` of a point-to-point address.
    #[serde(skip_serializing_if = "is_default")]
    pub peer: Option<Prefix>,
    /// `home`: IPv6 home address flag.
    #[serde(skip_serializing_if = "is_default")]
    pub home: bool,
    /// `-nodad`: let IPv6 duplicate detection run.
    #[serde(skip_serializing_if = "is_default")]
    pub dad: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub mngtmpaddr: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub noprefixroute: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub autojoin: bool,
    /// `no_track`: its removal by others does not matter.
    #[serde(skip_serializing_if = "is_default")]
    pub no_track: bool,
    /// `track_group`, of static addresses.
    #[serde(skip_serializing_if = "is_default")]
    pub track_group: Option<At<String>>,
    /// `preferred_lft` in seconds; `u32::MAX` for `forever`.
    #[serde(skip_serializing_if = "is_default")]
    pub preferred_lft_s: Option<u32>,
    /// `use_vmac` on the address: it sits on a virtual MAC interface of its own.
    #[serde(skip_serializing_if = "is_default")]
    pub use_vmac: bool,
}

/// Kinds of route that are no next hop.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    #[default]
    Unicast,
    Blackhole,
    Unreachable,
    Prohibit,
    Throw,
}

/// One entry of `virtual_routes` or `static_routes`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// Destination; `default` is the zero prefix of the route's family.
    pub to: At<Prefix>,
    #[serde(skip_serializing_if = "is_default")]
    pub kind: RouteKind,
    /// `via` or `gw`.
    #[serde(skip_serializing_if = "is_default")]
    pub via: Option<IpAddr>,
    /// `dev` or `oif`.
    #[serde(skip_serializing_if = "is_default")]
    pub dev: Option<At<String>>,
    /// `src`: preferred source.
    #[serde(skip_serializing_if = "is_default")]
    pub src: Option<IpAddr>,
    /// `table` by number; names `main`, `local` and `default` are turned into theirs.
    #[serde(skip_serializing_if = "is_default")]
    pub table: Option<At<String>>,
    /// `scope` as the kernel's number.
    #[serde(skip_serializing_if = "is_default")]
    pub scope: Option<u8>,
    /// `metric`, `priority` or `preference`.
    #[serde(skip_serializing_if = "is_default")]
    pub metric: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub onlink: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub no_track: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub track_group: Option<At<String>>,
    /// Options beyond these, words as written.
    #[serde(skip_serializing_if = "is_default")]
    pub options: Vec<At<String>>,
}

/// What a policy rule does, when it is not a table.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub enum RuleAction {
    #[default]
    Lookup,
    Nop,
    Blackhole,
    Prohibit,
    Unreachable,
}

/// One entry of `virtual_rules` or `static_rules`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    #[serde(skip_serializing_if = "is_default")]
    pub from: Option<At<Prefix>>,
    #[serde(skip_serializing_if = "is_default")]
    pub to: Option<At<Prefix>>,
    #[serde(skip_serializing_if = "is_default")]
    pub action: RuleAction,
    /// `table` or `lookup`.
    #[serde(skip_serializing_if = "is_default")]
    pub table: Option<At<String>>,
    /// `preference` or `priority`.
    #[serde(skip_serializing_if = "is_default")]
    pub preference: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub iif: Option<At<String>>,
    #[serde(skip_serializing_if = "is_default")]
    pub oif: Option<At<String>>,
    /// `fwmark` and its mask.
    #[serde(skip_serializing_if = "is_default")]
    pub fwmark: Option<(u32, Option<u32>)>,
    /// `inet6`, for a rule without an address that would tell.
    #[serde(skip_serializing_if = "is_default")]
    pub inet6: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub no_track: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub track_group: Option<At<String>>,
    /// Options beyond these, words as written.
    #[serde(skip_serializing_if = "is_default")]
    pub options: Vec<At<String>>,
}
