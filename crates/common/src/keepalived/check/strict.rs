//! `vrrp_strict` and `strict_mode`: what contradicts the RFCs is taken back (keepalived.conf(5), `vrrp_strict`).
//!
//! Not enforced here: that packets to the virtual addresses are dropped, which needs a packet filter.

use super::{alert, warn};
use crate::{
    diag::{Diagnostics, codes},
    keepalived::model::{GlobalDefs, HmacMode, State, Version, VrrpInstance},
    source::{At, Span},
};

/// Takes back what strict mode forbids. True: the instance cannot be run in strict mode.
pub(super) fn enforce(v: &mut VrrpInstance, global: &GlobalDefs, diags: &mut Diagnostics) -> bool {
    if !v.strict_mode.unwrap_or(global.vrrp_strict) {
        return false;
    }
    let at = v.name.span;
    let name = v.name.value.clone();
    let mut back = |at: Span, what: &str| {
        let message = format!("({name}) strict mode does not allow {what}");
        warn(diags, codes::K_ADJUSTED, at, message, "it is taken back");
    };
    let owner = v.priority.is_some_and(|p| p.value == 255);
    if v.state.is_some_and(|s| s.value == State::Master) != owner {
        let at = v.state.map_or(at, |s| s.span);
        back(at, "state MASTER without priority 255, nor priority 255 without state MASTER");
        v.state = Some(At::new(if owner { State::Master } else { State::Backup }, at));
    }
    if let Some(a) = v.authentication.take() {
        back(a.auth_type.span, "authentication");
    }
    if let Some(h) = v.auth_hmac.as_mut().filter(|h| h.mode.value != HmacMode::Enforce) {
        back(h.mode.span, "auth_hmac in another mode than enforce");
        h.mode = At::new(HmacMode::Enforce, h.mode.span);
    }
    if let Some(d) = v.preempt_delay_us.filter(|d| d.value > 0) {
        back(d.span, "preempt_delay");
        v.preempt_delay_us = None;
    }
    let version = v.version.map(|n| n.value).or(global.vrrp_version).unwrap_or_default();
    if version == Version::V2 && !v.is_ipv6() && v.accept.is_some_and(|a| a.value) {
        back(v.accept.map_or(at, |a| a.span), "accept in version 2");
        v.accept = None;
    }
    if v.garp_master_refresh_us.or(global.vrrp_garp_master_refresh_us).is_some_and(|r| r > 0) {
        back(at, "repeated gratuitous ARPs");
        v.garp_master_refresh_us = Some(0);
    }
    if v.lower_prio_no_advert.or(global.vrrp_lower_prio_no_advert) == Some(false) {
        back(at, "lower_prio_no_advert off");
        v.lower_prio_no_advert = Some(true);
    }
    if v.higher_prio_send_advert.or(global.vrrp_higher_prio_send_advert) == Some(true) {
        back(at, "higher_prio_send_advert");
        v.higher_prio_send_advert = Some(false);
    }
    if v.down_timer_adverts.or(global.vrrp_down_timer_adverts).is_some_and(|n| n != 3) {
        back(at, "down_timer_adverts other than 3");
        v.down_timer_adverts = Some(3);
    }
    if std::mem::take(&mut v.vmac_xmit_base) {
        back(at, "vmac_xmit_base");
    }
    forbidden(v, diags)
}

/// What nothing sensible is left of when it is taken back.
fn forbidden(v: &VrrpInstance, diags: &mut Diagnostics) -> bool {
    let unicast = v.unicast_peer.first();
    if let Some(peer) = unicast {
        let message = format!("({}) unicast peers are not supported in strict mode", v.name);
        alert(
            diags,
            codes::K_BAD_ARGUMENT,
            peer.address.span,
            message,
            "leave out strict mode, or the peers",
        );
    }
    let bare = v.virtual_ipaddress.is_empty();
    if bare {
        let message = format!("({}) strict mode requires a virtual address", v.name);
        alert(diags, codes::K_INCOMPLETE, v.name.span, message, "add virtual_ipaddress");
    }
    unicast.is_some() || bare
}
