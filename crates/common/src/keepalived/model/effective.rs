//! What counts for an instance: its own value, else that of `global_defs`, else the default.
//!
//! Owns: every default of an instance that keepalived.conf(5) names, in one place. The daemon's `compile` reads
//! these and not the options of the model.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Config, State, Version, VrrpInstance};

/// RFC 9568 section 5.1.1.2: the multicast groups of VRRP.
const GROUP4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

const SECOND_US: u64 = 1_000_000;

/// Gratuitous ARP and unsolicited neighbour advertisements of an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Garp {
    /// Messages per address in each burst after becoming master.
    pub master_repeat: u32,
    /// Delay of the second burst; 0 for none.
    pub master_delay_us: u64,
    /// The same, after a master heard a lower priority.
    pub lower_prio_repeat: u32,
    pub lower_prio_delay_us: u64,
    /// Period of repetition while master; 0 for never.
    pub refresh_us: u64,
    pub refresh_repeat: u32,
    /// Least gap between two messages on an interface.
    pub interval_us: u64,
    pub gna_interval_us: u64,
}

/// The settings of one instance with every default filled in.
#[derive(Clone, PartialEq, Debug)]
pub struct Effective {
    pub version: Version,
    /// Whether the adverts travel over IPv6: by the first virtual address, else by the source or peer.
    pub ipv6: bool,
    pub state: State,
    pub priority: u8,
    pub advert_int_us: u64,
    pub down_timer_adverts: u8,
    pub nopreempt: bool,
    pub preempt_delay_us: u64,
    /// Off in strict mode: RFC 9568 knows only its own timers.
    pub fast_takeover: bool,
    pub accept: bool,
    pub strict: bool,
    pub skip_check_adv_addr: bool,
    pub check_unicast_src: bool,
    pub lower_prio_no_advert: bool,
    pub higher_prio_send_advert: bool,
    pub owner_ignore_adverts: bool,
    pub v3_checksum_as_v2: bool,
    /// Destination when there are no unicast peers.
    pub multicast_group: IpAddr,
    /// `unicast_src_ip` or `mcast_src_ip`, whichever belongs to the way it sends.
    pub source: Option<IpAddr>,
    pub unicast_ttl: u8,
    pub garp: Garp,
    pub notify_priority_changes: bool,
    pub smtp_alert: bool,
}

impl Config {
    /// What counts for `instance`, with this configuration's `global_defs` behind it.
    pub fn effective(&self, instance: &VrrpInstance) -> Effective {
        let (i, g) = (instance, &self.global);
        let ipv6 = i.is_ipv6();
        let strict = i.strict_mode.unwrap_or(g.vrrp_strict);
        let written = i.version.map(|v| v.value).or(g.vrrp_version);
        let unicast = !i.unicast_peer.is_empty();
        let source = if unicast { i.unicast_src_ip } else { i.mcast_src_ip };
        let group = if ipv6 {
            IpAddr::V6(g.vrrp_mcast_group6.map_or(GROUP6, |a| a.value))
        } else {
            IpAddr::V4(g.vrrp_mcast_group4.map_or(GROUP4, |a| a.value))
        };
        Effective {
            // VRRPv2 has no IPv6 (RFC 9568 section 5.1.2).
            version: if ipv6 { Version::V3 } else { written.unwrap_or_default() },
            ipv6,
            state: i.state.map_or(State::Backup, |s| s.value),
            priority: i.priority.map_or(100, |p| p.value),
            advert_int_us: i.advert_int_us.map_or(SECOND_US, |a| a.value),
            down_timer_adverts: i.down_timer_adverts.or(g.vrrp_down_timer_adverts).unwrap_or(3),
            nopreempt: i.nopreempt.is_some_and(|n| n.value),
            preempt_delay_us: i.preempt_delay_us.map_or(0, |d| d.value),
            fast_takeover: i.fast_takeover.or(g.fast_takeover).unwrap_or(true) && !strict,
            // Strict mode accepts for the address owner only (keepalived.conf(5), `vrrp_strict`).
            accept: i.accept.map_or(!strict || i.priority.is_some_and(|p| p.value == 255), |a| a.value),
            strict,
            skip_check_adv_addr: i.skip_check_adv_addr.unwrap_or(g.vrrp_skip_check_adv_addr),
            check_unicast_src: i.check_unicast_src.unwrap_or(g.vrrp_check_unicast_src),
            lower_prio_no_advert: i.lower_prio_no_advert.or(g.vrrp_lower_prio_no_advert).unwrap_or(strict),
            higher_prio_send_advert: i
                .higher_prio_send_advert
                .or(g.vrrp_higher_prio_send_advert)
                .unwrap_or(false),
            owner_ignore_adverts: i.owner_ignore_adverts.or(g.vrrp_owner_ignore_adverts).unwrap_or(strict),
            v3_checksum_as_v2: i.v3_checksum_as_v2.or(g.v3_checksum_as_v2).unwrap_or(false),
            multicast_group: i.mcast_dst_ip.map_or(group, |a| a.value),
            source: source.map(|a| a.value),
            unicast_ttl: i.unicast_ttl.unwrap_or(255),
            garp: self.garp(i),
            notify_priority_changes: i
                .notify_priority_changes
                .or(g.vrrp_notify_priority_changes)
                .unwrap_or(false),
            smtp_alert: i.smtp_alert.or(g.smtp_alert_vrrp).or(g.smtp_alert).unwrap_or(false),
        }
    }

    fn garp(&self, i: &VrrpInstance) -> Garp {
        let g = &self.global;
        let min = g.vrrp_min_garp == Some(true);
        let repeat = g.vrrp_garp_master_repeat.unwrap_or(if min { 1 } else { 5 });
        let delay = g.vrrp_garp_master_delay_us.unwrap_or(if min { 0 } else { 5 * SECOND_US });
        let master_repeat = i.garp_master_repeat.unwrap_or(repeat);
        let master_delay_us = i.garp_master_delay_us.unwrap_or(delay);
        Garp {
            master_repeat,
            master_delay_us,
            lower_prio_repeat: i
                .garp_lower_prio_repeat
                .or(g.vrrp_garp_lower_prio_repeat)
                .unwrap_or(master_repeat),
            lower_prio_delay_us: i
                .garp_lower_prio_delay_us
                .or(g.vrrp_garp_lower_prio_delay_us)
                .unwrap_or(master_delay_us),
            refresh_us: i.garp_master_refresh_us.or(g.vrrp_garp_master_refresh_us).unwrap_or(0),
            refresh_repeat: i.garp_master_refresh_repeat.or(g.vrrp_garp_master_refresh_repeat).unwrap_or(1),
            interval_us: g.vrrp_garp_interval_us.unwrap_or(0),
            gna_interval_us: g.vrrp_gna_interval_us.unwrap_or(0),
        }
    }
}

impl VrrpInstance {
    /// Whether its adverts travel over IPv6.
    pub fn is_ipv6(&self) -> bool {
        let vip = self.virtual_ipaddress.first().map(|a| a.address.address);
        let source = self.unicast_src_ip.or(self.mcast_src_ip).map(|a| a.value);
        let peer = self.unicast_peer.first().map(|p| p.address.value);
        vip.or(source).or(peer).is_some_and(|a| a.is_ipv6())
    }
}
