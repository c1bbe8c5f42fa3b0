//! The checks of one `vrrp_instance`, and of two that would be the same virtual router.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use super::{Known, alert, strict, warn};
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    keepalived::model::{Address, Config, State, Tracks, Version, VrrpInstance},
    source::At,
};

/// RFC 9568 section 5.2.5: the count of addresses is one byte.
const ADDRESSES_MAX: usize = 255;
/// RFC 9568 section 5.2.7: Max Advertise Interval has twelve bits of centiseconds.
const V3_INTERVAL_MAX_US: u64 = 40_950_000;
const CENTISECOND_US: u64 = 10_000;
/// RFC 3768 section 5.3.7: whole seconds, one byte.
const SECOND_US: u64 = 1_000_000;

/// Checks every instance. True: one cannot be run.
pub(super) fn check_all(config: &mut Config, diags: &mut Diagnostics) -> bool {
    let known = Known::of(config);
    let mut instances = std::mem::take(&mut config.instances);
    let mut unusable = false;
    for v in &mut instances {
        known.resolve(&v.name, &mut v.track, diags);
        values(v, diags);
        unusable |= strict::enforce(v, &config.global, diags);
        own_interface(v, diags);
        unicast(v, diags);
        addresses(v, diags);
        let version = config.effective(v).version;
        interval(v, version, diags);
        preemption(v, diags);
        authentication(v, version, diags);
        owner(v, diags);
        scripts_that_decide_nothing(v, config, diags);
        unusable |= !essentials(v, version, diags);
    }
    config.instances = instances;
    unusable
}

/// The state of its own interface is watched in any case.
fn own_interface(v: &mut VrrpInstance, diags: &mut Diagnostics) {
    let Some(own) = v.interface.as_ref().map(|i| i.value.as_str()) else { return };
    let name = &v.name.value;
    v.track.interfaces.retain(|t| {
        let is = t.name.value == own;
        if is {
            let message = format!("({name}) track_interface {own} is the instance's own interface");
            warn(
                diags,
                codes::K_ADJUSTED,
                t.name.span,
                message,
                "it is watched in any case; the line is left out",
            );
        }
        !is
    });
}

/// Two instances with one VRID on one interface would answer one another.
pub(super) fn same_identity(config: &Config, diags: &mut Diagnostics) -> bool {
    let mut seen: HashMap<_, Vec<&VrrpInstance>> = HashMap::new();
    let mut clash = false;
    for v in &config.instances {
        if v.virtual_router_id.value == 0 {
            continue;
        }
        let interface = v.interface.as_ref().map(|i| i.value.as_str());
        let alike = seen.entry((v.virtual_router_id.value, interface, v.is_ipv6())).or_default();
        let same = alike.iter().find(|o| share_a_destination(config, o, v));
        if let Some(other) = same {
            clash = true;
            let message = format!(
                "{} and {} both use VRID {} with {} on interface {}",
                other.name,
                v.name,
                v.virtual_router_id,
                if v.is_ipv6() { "IPv6" } else { "IPv4" },
                interface.unwrap_or("(none)")
            );
            diags.push(
                Diagnostic::alert(codes::K_DUPLICATE, message)
                    .at(v.virtual_router_id.span, "the same VRID")
                    .also(other.virtual_router_id.span, "first used here")
                    .help("give each virtual router of an interface a VRID of its own"),
            );
        }
        alike.push(v);
    }
    clash
}

/// Whether adverts of one could reach the other: the same group, or a common peer.
fn share_a_destination(config: &Config, a: &VrrpInstance, b: &VrrpInstance) -> bool {
    match (a.unicast_peer.is_empty(), b.unicast_peer.is_empty()) {
        (true, true) => config.effective(a).multicast_group == config.effective(b).multicast_group,
        (false, false) => {
            a.unicast_peer.iter().any(|p| b.unicast_peer.iter().any(|q| p.address == q.address))
        }
        _ => false,
    }
}

/// Ranges that only the YAML form could have left.
fn values(v: &mut VrrpInstance, diags: &mut Diagnostics) {
    if let Some(p) = v.priority.filter(|p| p.value == 0) {
        let message = format!("({}) Priority not valid! must be between 1 & 255", v.name);
        alert(diags, codes::K_BAD_ARGUMENT, p.span, message, "100 is used");
        v.priority = None;
    }
    if let Some(d) = v.preempt_delay_us.filter(|d| d.value > 1_000 * SECOND_US) {
        let message = format!("({}) preempt_delay is longer than 1000 s", v.name);
        alert(diags, codes::K_BAD_ARGUMENT, d.span, message, "it is left out");
        v.preempt_delay_us = None;
    }
    if v.down_timer_adverts.is_some_and(|n| !(1..=100).contains(&n)) {
        let message = format!("({}) down_timer_adverts must be between 1 & 100", v.name);
        alert(diags, codes::K_BAD_ARGUMENT, v.name.span, message, "3 is used");
        v.down_timer_adverts = None;
    }
}

/// Peers and sources must be of one family; unicast keywords without peers mean multicast.
fn unicast(v: &mut VrrpInstance, diags: &mut Diagnostics) {
    let ipv6 = v.is_ipv6();
    let name = &v.name.value;
    v.unicast_peer.retain(|p| {
        let fits = p.address.is_ipv6() == ipv6;
        if !fits {
            let message =
                format!("({name}) unicast peer {} is not of the instance's address family", p.address);
            alert(diags, codes::K_BAD_ARGUMENT, p.address.span, message, "the peer is left out");
        }
        fits
    });
    for (what, source) in [("unicast_src_ip", &mut v.unicast_src_ip), ("mcast_src_ip", &mut v.mcast_src_ip)] {
        if let Some(a) = source.filter(|a| a.is_ipv6() != ipv6) {
            let message = format!("({name}) {what} {a} is not of the instance's address family");
            alert(diags, codes::K_BAD_ARGUMENT, a.span, message, "the interface's own address is used");
            *source = None;
        }
    }
    if let Some(a) = v.mcast_dst_ip.filter(|a| !a.is_multicast() || a.is_ipv6() != ipv6) {
        let message = format!("({name}) mcast_dst_ip {a} is no multicast address of the instance's family");
        alert(diags, codes::K_BAD_ARGUMENT, a.span, message, "the usual group is used");
        v.mcast_dst_ip = None;
    }
    if v.unicast_ttl.is_some() && v.unicast_peer.is_empty() {
        let message = format!("({name}) unicast_ttl cannot be used without unicast peers");
        warn(diags, codes::K_ADJUSTED, v.name.span, message, "it is left out");
        v.unicast_ttl = None;
    }
    if let (Some(a), true, false) = (v.unicast_src_ip, v.unicast_peer.is_empty(), v.unicast_fault_no_peer) {
        let message = format!("({name}) unicast_src_ip is given without any unicast peer");
        warn(
            diags,
            codes::K_INCOMPLETE,
            a.span,
            message,
            "adverts are multicast; list the other routers in unicast_peer",
        );
        // A multicast instance sends from this address only if it says so itself.
        v.unicast_src_ip = None;
    }
}

/// One family in the adverts, at most 255 of them, none twice.
fn addresses(v: &mut VrrpInstance, diags: &mut Diagnostics) {
    let name = &v.name.value;
    let ipv6 = v.virtual_ipaddress.first().map(|a| a.address.address.is_ipv6());
    let mut seen: HashSet<IpAddr> = HashSet::new();
    v.virtual_ipaddress.retain(|a| {
        let family = Some(a.address.address.is_ipv6()) == ipv6;
        if !family {
            let message = format!("({name}) address family must match VRRP instance [{}]", a.address);
            alert(
                diags,
                codes::K_BAD_ARGUMENT,
                a.address.span,
                message,
                "move it to virtual_ipaddress_excluded",
            );
        }
        family && once(name, a, &mut seen, diags)
    });
    v.virtual_ipaddress_excluded.retain(|a| once(name, a, &mut seen, diags));
    if v.virtual_ipaddress.len() > ADDRESSES_MAX {
        let rest = v.virtual_ipaddress.split_off(ADDRESSES_MAX);
        let span = rest.first().map_or(v.name.span, |a| a.address.span);
        let message = format!("({name}) an advert carries at most {ADDRESSES_MAX} addresses");
        alert(diags, codes::K_ADJUSTED, span, message, "this and those after it are not advertised");
        v.virtual_ipaddress_excluded.splice(0..0, rest);
    }
}

fn once(name: &str, a: &Address, seen: &mut HashSet<IpAddr>, diags: &mut Diagnostics) -> bool {
    let first = seen.insert(a.address.address);
    if !first {
        let message = format!("({name}) the address {} is listed twice", a.address);
        warn(diags, codes::K_DUPLICATE, a.address.span, message, "it counts once");
    }
    first
}

/// Rounds the advert interval to what the version can carry.
fn interval(v: &mut VrrpInstance, version: Version, diags: &mut Diagnostics) {
    let Some(given) = v.advert_int_us else { return };
    let (step, max, why) = match version {
        Version::V2 => (SECOND_US, 255 * SECOND_US, "VRRPv2 advertisement interval must be whole seconds"),
        Version::V3 => (
            CENTISECOND_US,
            V3_INTERVAL_MAX_US,
            "VRRPv3 advertisement interval must be in units of 10 ms and at most 40.95 s",
        ),
    };
    let rounded = (given.value.saturating_add(step / 2) / step * step).clamp(step, max);
    if rounded != given.value {
        let seconds = |us: u64| us as f64 / SECOND_US as f64;
        let message = format!("({}) {why}, not {} s", v.name, seconds(given.value));
        let help = format!("{} s is used; all routers must agree", seconds(rounded));
        warn(diags, codes::K_ADJUSTED, given.span, message, &help);
        v.advert_int_us = Some(At::new(rounded, given.span));
    }
}

/// A router that starts as master cannot hold back from preempting (keepalived.conf(5), `nopreempt`).
fn preemption(v: &mut VrrpInstance, diags: &mut Diagnostics) {
    let master = v.state.is_some_and(|s| s.value == State::Master);
    let owner = v.priority.is_some_and(|p| p.value == 255);
    let name = &v.name.value;
    if let Some(n) = v.nopreempt.filter(|n| n.value && (master || owner)) {
        let cause = if master { "initial state MASTER" } else { "priority 255" };
        let message = format!("({name}) nopreempt will not work with {cause}");
        warn(diags, codes::K_ADJUSTED, n.span, message, "it is cleared; write state BACKUP on both routers");
        v.nopreempt = None;
    }
    let Some(d) = v.preempt_delay_us.filter(|d| d.value > 0) else { return };
    let cause = if master {
        "initial state MASTER"
    } else if v.nopreempt.is_some_and(|n| n.value) {
        "nopreempt"
    } else {
        return;
    };
    let message = format!("({name}) preempt_delay will not work with {cause}");
    warn(diags, codes::K_ADJUSTED, d.span, message, "it is cleared");
    v.preempt_delay_us = None;
}

/// RFC 9568 section 5.1: version 3 has no authentication.
fn authentication(v: &mut VrrpInstance, version: Version, diags: &mut Diagnostics) {
    if v.auth_hmac.is_some()
        && let Some(a) = v.authentication.take()
    {
        let message = format!("({}) auth_hmac cannot be combined with authentication", v.name);
        warn(
            diags,
            codes::K_ADJUSTED,
            a.auth_type.span,
            message,
            "the signature counts, the password does not",
        );
    }
    let Some(a) = &v.authentication else { return };
    let span = a.auth_type.span;
    if version == Version::V3 {
        let message = format!("({}) VRRP version 3 does not support authentication", v.name);
        warn(diags, codes::K_ADJUSTED, span, message, "adverts go without it");
        v.authentication = None;
    } else if a.auth_pass.is_empty() || a.auth_pass.len() > 8 {
        let message = format!("({}) auth_pass must have 1 to 8 bytes", v.name);
        alert(diags, codes::K_BAD_ARGUMENT, a.auth_pass.span, message, "adverts go without authentication");
        v.authentication = None;
    }
}

/// Priority 255 is the address owner's and is moved by nothing (RFC 9568 section 5.2.4).
fn owner(v: &mut VrrpInstance, diags: &mut Diagnostics) {
    if v.priority.is_none_or(|p| p.value != 255) {
        return;
    }
    let name = &v.name.value;
    let Tracks { interfaces, scripts, files, processes, bfd, proxy: _ } = &mut v.track;
    for list in [interfaces, scripts, files, processes, bfd] {
        list.retain(|t| {
            let weighted = t.weight.is_some_and(|w| w.value != 0);
            if weighted {
                let message = format!("({name}) the weight of {} cannot change priority 255", t.name);
                warn(diags, codes::K_ADJUSTED, t.name.span, message, "this tracker is left out");
            }
            !weighted
        });
    }
}

/// Weights that can never move the address, or not by what they say.
fn scripts_that_decide_nothing(v: &VrrpInstance, config: &Config, diags: &mut Diagnostics) {
    let base = i32::from(v.priority.map_or(100, |p| p.value));
    let mut gain = 0;
    for t in &v.track.scripts {
        let of_script = config.scripts.iter().find(|s| s.name == t.name);
        let own = of_script.map_or((0, false), |s| (s.weight, s.reverse));
        let weight = t.weight.map_or(own.0, |w| w.value);
        let reverse = t.reverse.unwrap_or(own.1);
        if weight > 0 && !reverse {
            gain += i32::from(weight);
        }
        if weight == 1 {
            let message = format!("({}) weight 1 of {} only makes priorities equal", v.name, t.name);
            diags.push(
                Diagnostic::notice(codes::K_ADJUSTED, message)
                    .at(t.name.span, "")
                    .help("a backup takes over from a lower priority only: let the weight exceed the gap"),
            );
        }
    }
    if base < 255 && base + gain > 254 {
        let message = format!("({}) priority {base} and the weights come to {}", v.name, base + gain);
        diags.push(
            Diagnostic::notice(codes::K_ADJUSTED, message)
                .at(v.priority.map_or(v.name.span, |p| p.span), "254 is sent")
                .help("lower the priority, else a failing script may change nothing"),
        );
    }
}

/// What an instance cannot be without.
fn essentials(v: &VrrpInstance, version: Version, diags: &mut Diagnostics) -> bool {
    let mut whole = true;
    let name = v.name.value.as_str();
    if v.virtual_router_id.value == 0 {
        let message = format!("({name}) the virtual router id must be set");
        alert(diags, codes::K_INCOMPLETE, v.name.span, message, "write virtual_router_id 1..255");
        whole = false;
    }
    if v.interface.is_none() && (v.unicast_peer.is_empty() || v.unicast_src_ip.is_none()) {
        let message = format!("({name}) no interface is given");
        alert(
            diags,
            codes::K_INCOMPLETE,
            v.name.span,
            message,
            "write `interface` and its name; only unicast with unicast_src_ip can do without",
        );
        whole = false;
    }
    if v.virtual_ipaddress.is_empty() && !v.no_virtual_ipaddress {
        let help = "add virtual_ipaddress, or no_virtual_ipaddress if that is meant";
        if version == Version::V3 {
            let message = format!("({name}) No VIP specified; at least one is required");
            alert(diags, codes::K_INCOMPLETE, v.name.span, message, help);
            whole = false;
        } else {
            let message = format!("({name}) No VIP specified; at least one is sensible");
            warn(diags, codes::K_INCOMPLETE, v.name.span, message, help);
        }
    }
    whole
}
