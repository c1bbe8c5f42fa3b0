//! What the engines work from: the configuration with names resolved, defaults filled in and units converted.
//!
//! Built by `compile` and by tests; immutable once built, and swapped whole by a reload. Invariants: names of
//! instances are unique; indices of scripts and members are in range; an instance's dialect holds the addresses
//! that are advertised, its `addresses` all that are added.

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::{
    router::Gaps,
    track::process::Pattern,
    wire::{Auth, Cast, Dialect},
};

/// A whole configuration.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    pub instances: Vec<Arc<InstancePlan>>,
    pub groups: Vec<GroupPlan>,
    pub scripts: Vec<ScriptPlan>,
    pub proxies: Vec<ProxyPlan>,
    /// Processes that scripts and trackers ask for.
    pub patterns: Vec<Pattern>,
    pub processes: Vec<ProcessPlan>,
    /// Names of the `track_file`s.
    pub files: Vec<String>,
    /// `vrrp_startup_delay`: instances are held this long after start.
    pub startup_delay: Duration,
    /// `vrrp_garp_interval`, `vrrp_gna_interval`: least gaps between announcements on one interface.
    pub gaps: Gaps,
}

/// One virtual router.
#[derive(Clone, PartialEq, Debug)]
pub struct InstancePlan {
    pub name: String,
    /// Name of the interface of the adverts; the kernel's index is found when it is there.
    pub interface: String,
    pub dialect: Dialect,
    /// 1..=255; 255 owns the addresses (RFC 9568 section 5.2.4).
    pub priority: u8,
    pub preempt: bool,
    pub preempt_delay: Duration,
    /// Follow a falling master at once, and tell of a new priority at once (`fast_takeover`).
    pub fast_takeover: bool,
    /// Adverts missed until the master counts as gone; RFC: 3.
    pub down_adverts: u32,
    pub path: Path,
    /// `unicast_src_ip`/`mcast_src_ip`; else the interface's first address.
    pub source: Option<IpAddr>,
    /// `track_src_ip`: FAULT while `source` is not on the interface.
    pub track_source: bool,
    pub addresses: Vec<AddressPlan>,
    pub garp: Garp,
    /// A master answers a lower priority at once (RFC 9568 section 6.4.3).
    pub answer_lower: bool,
    /// A master that hears a higher priority sends one more advert before it yields.
    pub answer_higher: bool,
    /// An address owner drops all adverts.
    pub owner_ignores: bool,
    /// FAULT when the own interface is down; off by `dont_track_primary`.
    pub track_primary: bool,
    /// Do not look at the address list again while the sender stays the same.
    pub trust_addresses: bool,
    /// The kernel keeps the other addresses of a prefix when its first one goes.
    pub promote_secondaries: bool,
    /// `vrrp_notify_priority_changes`.
    pub tell_priority: bool,
    pub watches: Vec<Watch>,
}

impl Plan {
    /// Whether the engine has to know the time since 1970.
    pub fn signs(&self) -> bool {
        self.instances.iter().any(|i| matches!(i.dialect.auth, Auth::Seal(_) | Auth::Header(_)))
    }
}

impl InstancePlan {
    /// Whether its adverts travel over IPv6.
    pub fn is_v6(&self) -> bool {
        match &self.path {
            Path::Multicast { group } => group.is_ipv6(),
            Path::Unicast { peers, .. } => {
                let peer = peers.first().map(|p| p.address);
                peer.or(self.source).or(self.dialect.addresses.first().copied()).is_some_and(|a| a.is_ipv6())
            }
        }
    }
}

/// How adverts travel.
#[derive(Clone, PartialEq, Debug)]
pub enum Path {
    Multicast {
        group: IpAddr,
    },
    Unicast {
        /// Empty: a fault (`unicast_fault_no_peer`).
        peers: Vec<Peer>,
        ttl: u8,
        /// `check_unicast_src`: adverts of others are dropped.
        known_only: bool,
    },
}

/// A unicast peer, with the TTL its adverts may arrive with.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Peer {
    pub address: IpAddr,
    pub ttl_min: u8,
    pub ttl_max: u8,
}

impl Path {
    /// The receive check that belongs to a sender; `None` if it is no peer and only peers are heard.
    pub fn cast(&self, source: IpAddr) -> Option<Cast> {
        match self {
            Path::Multicast { .. } => Some(Cast::Multicast),
            Path::Unicast { peers, known_only, .. } => match peers.iter().find(|p| p.address == source) {
                Some(p) => Some(Cast::Unicast { ttl_min: p.ttl_min, ttl_max: p.ttl_max }),
                None if *known_only => None,
                None => Some(Cast::Unicast { ttl_min: 0, ttl_max: u8::MAX }),
            },
        }
    }
}

/// An address that the master holds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AddressPlan {
    pub address: IpAddr,
    pub prefix: u8,
    pub interface: String,
    /// The kernel's number (`rtnetlink(7)`, ifa_scope).
    pub scope: u8,
    pub broadcast: Option<IpAddr>,
    pub label: Option<String>,
    pub peer: Option<(IpAddr, u8)>,
    /// IFA_F_* bits.
    pub flags: u32,
    /// Seconds; `None` for ever.
    pub preferred_lft_s: Option<u32>,
    /// Its removal by others ends mastership; off by `no_track`.
    pub tracked: bool,
}

/// Bursts of gratuitous ARP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Garp {
    pub master_repeat: u32,
    /// Zero: no second burst.
    pub master_delay: Duration,
    pub lower_repeat: u32,
    pub lower_delay: Duration,
    /// Zero: no refresh.
    pub refresh: Duration,
    pub refresh_repeat: u32,
}

/// The use of something watched by an instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watch {
    pub target: Target,
    /// -254..=254; 0 means FAULT.
    pub weight: i16,
    pub reverse: bool,
}

/// What is watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// Index into [`Plan::proxies`]. Weight 0 means the lowest priority, not FAULT.
    Proxy(usize),
    /// Index into [`Plan::scripts`].
    Script(usize),
    Interface(String),
    /// Index into [`Plan::processes`].
    Process(usize),
    /// Index into [`Plan::files`].
    File(usize),
}

/// A `vrrp_script`; what it runs is the shell's business.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptPlan {
    pub name: String,
    pub interval: Duration,
    pub timeout: Duration,
    pub rise: u32,
    pub fall: u32,
    /// Begin as failed.
    pub init_fail: bool,
    /// It may not be run for the sake of safety: it counts as failed for ever.
    pub refused: bool,
    /// Index into [`Plan::patterns`]: run at once when such a process comes or goes.
    pub pattern: Option<usize>,
}

/// A `vrrp_track_process`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProcessPlan {
    pub name: String,
    /// Index into [`Plan::patterns`].
    pub pattern: usize,
    pub quorum: u32,
    pub quorum_max: Option<u32>,
    /// Until "up" is believed.
    pub fork_delay: Duration,
    /// Until "down" is believed.
    pub terminate_delay: Duration,
}

/// A proxy that tells how it is (`track_proxy`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxyPlan {
    pub name: String,
    /// Path of its stats socket, or `@NAME` of an abstract one; `None`: found by itself.
    pub socket: Option<String>,
    /// Backends that must have a usable server.
    pub require: Vec<String>,
    /// How long it may be silent, or a worker of it, although it could run.
    pub hang_timeout: Duration,
}

/// A `vrrp_sync_group`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupPlan {
    pub name: String,
    /// Indices into [`Plan::instances`].
    pub members: Vec<usize>,
}
