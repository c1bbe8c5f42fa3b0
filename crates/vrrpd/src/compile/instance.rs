//! One `vrrp_instance`: from the model to the plan.

use std::{net::IpAddr, time::Duration};

use common::{
    diag::{Diagnostic, Diagnostics, codes},
    keepalived::model::{Address, Config, Effective, Version, VrrpInstance},
    source::At,
};

use super::{
    World, auth,
    trackers::{Plans, watches},
};
use crate::engine::{
    plan::{AddressPlan, Garp, InstancePlan, Path, Peer},
    wire,
};

/// IFA_F_* (if_addr.h).
const NODAD: u32 = 0x02;
const HOMEADDRESS: u32 = 0x10;
const MANAGETEMPADDR: u32 = 0x100;
const NOPREFIXROUTE: u32 = 0x200;
const MCAUTOJOIN: u32 = 0x400;
/// RT_SCOPE_LINK.
const SCOPE_LINK: u8 = 253;

/// What instances are compiled against.
pub(super) struct Context<'a> {
    pub config: &'a Config,
    pub world: &'a dyn World,
    pub trackers: &'a Plans,
    pub missing_interface: bool,
}

/// The plan of an instance, or `None` with the reason told.
pub(super) fn plan(
    context: &mut Context<'_>,
    i: &VrrpInstance,
    diags: &mut Diagnostics,
) -> Option<InstancePlan> {
    let e = context.config.effective(i);
    let refused = refusal(i);
    if let Some((what, span)) = refused {
        let message = format!("vrrp_instance {} does not run: {what}", i.name.value);
        diags.push(Diagnostic::alert(codes::K_NOT_YET, message).at(span, ""));
        return None;
    }
    let interface = i.interface.as_ref()?;
    let auth = auth::of(i, &e, diags)?;
    check_interface(context, interface, i, diags);
    let addresses = addresses(context, i, &interface.value, diags);
    let advertised: Vec<IpAddr> = i.virtual_ipaddress.iter().map(|a| a.address.address).collect();
    Some(InstancePlan {
        name: i.name.value.clone(),
        interface: interface.value.clone(),
        dialect: wire::Dialect {
            version: match e.version {
                Version::V2 => wire::Version::V2,
                Version::V3 => wire::Version::V3,
            },
            vrid: i.virtual_router_id.value,
            auth,
            checksum: if e.v3_checksum_as_v2 { wire::Checksum::Plain } else { wire::Checksum::Pseudo },
            interval: Duration::from_micros(e.advert_int_us),
            addresses: advertised,
        },
        priority: e.priority,
        preempt: !e.nopreempt,
        preempt_delay: Duration::from_micros(e.preempt_delay_us),
        fast_takeover: e.fast_takeover,
        down_adverts: u32::from(e.down_timer_adverts),
        path: path(i, &e),
        source: e.source,
        track_source: i.track_src_ip,
        addresses,
        garp: Garp {
            master_repeat: e.garp.master_repeat,
            master_delay: Duration::from_micros(e.garp.master_delay_us),
            lower_repeat: e.garp.lower_prio_repeat,
            lower_delay: Duration::from_micros(e.garp.lower_prio_delay_us),
            refresh: Duration::from_micros(e.garp.refresh_us),
            refresh_repeat: e.garp.refresh_repeat,
        },
        answer_lower: !e.lower_prio_no_advert,
        answer_higher: e.higher_prio_send_advert,
        owner_ignores: e.owner_ignore_adverts,
        track_primary: !i.dont_track_primary,
        trust_addresses: e.skip_check_adv_addr,
        promote_secondaries: i.promote_secondaries,
        tell_priority: e.notify_priority_changes,
        watches: watches(&i.track, context.config, context.trackers, &i.name.value, diags),
    })
}

/// What an instance cannot be run without and is not built yet: to run it halfway would make two masters or
/// none.
fn refusal(i: &VrrpInstance) -> Option<(&'static str, common::source::Span)> {
    let name = i.name.span;
    if i.interface.is_none() {
        return Some(("without interface it is not built yet; name the interface of unicast_src_ip", name));
    }
    None
}

fn check_interface(
    context: &mut Context<'_>,
    interface: &At<String>,
    i: &VrrpInstance,
    diags: &mut Diagnostics,
) {
    if context.config.global.dynamic_interfaces || context.world.has_interface(&interface.value) {
        return;
    }
    context.missing_interface = true;
    let message = format!("interface {} for vrrp_instance {} doesn't exist", interface.value, i.name.value);
    diags.push(
        Diagnostic::alert(codes::K_UNRESOLVED, message)
            .at(interface.span, "no such interface")
            .help("dynamic_interfaces in global_defs would wait for it"),
    );
}

fn path(i: &VrrpInstance, e: &Effective) -> Path {
    let peerless = i.unicast_fault_no_peer && (i.unicast_src_ip.is_some() || i.unicast_ttl.is_some());
    if i.unicast_peer.is_empty() && !peerless {
        return Path::Multicast { group: e.multicast_group };
    }
    let peer = |p: &common::keepalived::model::UnicastPeer| Peer {
        address: p.address.value,
        ttl_min: p.min_ttl.unwrap_or(0),
        ttl_max: p.max_ttl.unwrap_or(u8::MAX),
    };
    Path::Unicast {
        peers: i.unicast_peer.iter().map(peer).collect(),
        ttl: e.unicast_ttl,
        known_only: e.check_unicast_src,
    }
}

fn addresses(
    context: &mut Context<'_>,
    i: &VrrpInstance,
    interface: &str,
    diags: &mut Diagnostics,
) -> Vec<AddressPlan> {
    let mut plans: Vec<AddressPlan> = Vec::new();
    for a in i.virtual_ipaddress.iter().chain(&i.virtual_ipaddress_excluded) {
        if let Some(dev) = &a.dev {
            check_interface(context, dev, i, diags);
        }
        let plan = address(a, interface);
        if !plans.iter().any(|p| p.address == plan.address && p.interface == plan.interface) {
            plans.push(plan);
        }
    }
    plans
}

fn address(a: &Address, interface: &str) -> AddressPlan {
    let prefix = a.address.value;
    let (v6, link_local) = match prefix.address {
        IpAddr::V4(v4) => (false, v4.is_link_local()),
        IpAddr::V6(v6) => (true, v6.is_unicast_link_local()),
    };
    let flag = |on: bool, bit: u32| if on { bit } else { 0 };
    AddressPlan {
        address: prefix.address,
        prefix: prefix.len,
        interface: a.dev.as_ref().map_or(interface, |d| d.value.as_str()).to_owned(),
        scope: a.scope.unwrap_or(if v6 && link_local { SCOPE_LINK } else { 0 }),
        broadcast: a.broadcast.map(IpAddr::V4),
        label: a.label.as_ref().map(|l| l.value.clone()),
        peer: a.peer.map(|p| (p.address, p.len)),
        flags: flag(v6 && !a.dad, NODAD)
            | flag(a.home, HOMEADDRESS)
            | flag(a.mngtmpaddr, MANAGETEMPADDR)
            | flag(a.noprefixroute, NOPREFIXROUTE)
            | flag(a.autojoin, MCAUTOJOIN),
        // A /128 is deprecated by default, so that it is no source of the host's own connections.
        preferred_lft_s: a.preferred_lft_s.or((v6 && prefix.is_host()).then_some(0)),
        tracked: !a.no_track,
    }
}
