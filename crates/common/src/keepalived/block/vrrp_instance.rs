//! `vrrp_instance`: one virtual router.

use std::net::IpAddr;

use super::why;
use super::{
    ANY, Entry, Row, address, apply, auth_hmac, authentication, block, notify, route, row, rule, set, track,
    unserved,
};
use crate::{
    keepalived::model::{AuthHmac, Authentication, State, UnicastPeer, Vmac, VrrpInstance},
    keyword::Support,
    source::At,
};

pub(super) const KEYWORDS: &[Row<VrrpInstance>] = &[
    row("accept", (0, 0), "Accept packets to the VIPs.", |v, e| v.accept = Some(At::new(true, e.span()))),
    row(
        "advert_int",
        (1, 1),
        "Advert interval: whole seconds in v2 (rounded), 10 ms steps to 40.95 s in v3 (rounded).",
        |v, e| set(&mut v.advert_int_us, e.seconds_us(0, 10_000..=255_000_000)),
    ),
    block(
        "auth_hmac",
        (0, 0),
        "Keepalived's own HMAC-SHA256 trailer, v2 and v3 (2.4); excludes authentication.",
        |v, e| {
            let mut block = AuthHmac::default();
            apply("auth_hmac", auth_hmac::KEYWORDS, &mut block, e.lines(), e.cx);
            v.auth_hmac = auth_hmac::complete(block, e);
        },
    ),
    block("authentication", (0, 0), "VRRPv2 authentication; not of RFC 3768, ignored in v3.", authentication),
    row("check_unicast_src", (0, 1), "Accept unicast adverts from listed peers only.", |v, e| {
        set(&mut v.check_unicast_src, e.flag(0))
    }),
    row("debug", (1, 1), "No effect.", |v, e| set(&mut v.debug, e.number(0, 0..=4).map(|n| n.value))),
    row("dont_track_primary", (0, 0), "Ignore faults of the instance's own interface.", |v, _| {
        v.dont_track_primary = true
    }),
    row("down_timer_adverts", (1, 1), "Intervals in the master-down timer.", |v, e| {
        set(&mut v.down_timer_adverts, e.number(0, 1..=100).map(|n| n.value))
    }),
    row(
        "fast_takeover",
        (0, 1),
        "Follow a master that says it falls at once, and say at once when the own priority changes; on unless strict.",
        |v, e| set(&mut v.fast_takeover, e.flag(0)),
    ),
    unserved(
        "garp_extra_if",
        "See global; 0 turns it off.",
        Support::NotYet("addresses on other interfaces are not refreshed by themselves yet"),
    ),
    row("garp_lower_prio_delay", (1, 1), "See global.", |v, e| {
        set(&mut v.garp_lower_prio_delay_us, e.whole_seconds_us(0))
    }),
    row("garp_lower_prio_repeat", (1, 1), "See global.", |v, e| {
        set(&mut v.garp_lower_prio_repeat, e.count(0))
    }),
    row("garp_master_delay", (1, 1), "Delay of the second GARP burst.", |v, e| {
        set(&mut v.garp_master_delay_us, e.whole_seconds_us(0))
    }),
    row("garp_master_refresh", (1, 1), "See global.", |v, e| {
        set(&mut v.garp_master_refresh_us, e.number(0, 0..=86_400_u64).map(|n| n.value * 1_000_000))
    }),
    row("garp_master_refresh_repeat", (1, 1), "See global.", |v, e| {
        set(&mut v.garp_master_refresh_repeat, e.count(0))
    }),
    row("garp_master_repeat", (1, 1), "GARPs per burst.", |v, e| set(&mut v.garp_master_repeat, e.count(0))),
    row("higher_prio_send_advert", (0, 1), "See global.", |v, e| {
        set(&mut v.higher_prio_send_advert, e.flag(0))
    }),
    row("interface", (1, 1), "Interface of the adverts and default interface of the VIPs.", |v, e| {
        set(&mut v.interface, e.text(0))
    }),
    unserved("kernel_rx_buf_size", "Receive buffer of this instance.", why::BUFFERS),
    unserved("linkbeat_use_polling", "Deprecated: poll the link of this interface.", why::LINKBEAT),
    row("lower_prio_no_advert", (0, 1), "See global.", |v, e| set(&mut v.lower_prio_no_advert, e.flag(0))),
    unserved(
        "lvs_sync_daemon_interface",
        "Interface over which IPVS connections are synchronised.",
        why::LVS,
    ),
    row("mcast_dst_ip", (1, 1), "Other group of this instance.", mcast_dst_ip),
    row("mcast_src_ip", (1, 1), "Source address of multicast adverts.", |v, e| {
        set(&mut v.mcast_src_ip, source(e))
    }),
    unserved(
        "native_ipv6",
        "Deprecated: force IPv6.",
        Support::NoEffect("the family is that of the virtual addresses"),
    ),
    row("no_accept", (0, 0), "Firewall off packets to the VIPs when not the owner.", |v, e| {
        v.accept = Some(At::new(false, e.span()))
    }),
    row("no_virtual_ipaddress", (0, 0), "No warning for no VIPs, and permit it in v3.", |v, _| {
        v.no_virtual_ipaddress = true
    }),
    row(
        "nopreempt",
        (0, 0),
        "A better node does not take over from a working master; needs state BACKUP.",
        |v, e| v.nopreempt = Some(At::new(true, e.span())),
    ),
    row(
        "notify",
        (1, 4),
        "Run after the above with 4 added arguments: INSTANCE/GROUP, name, state, priority.",
        |v, e| set(&mut v.notify.any, e.command(0)),
    ),
    row("notify_backup", (1, 4), "Run on entry to BACKUP.", |v, e| set(&mut v.notify.backup, e.command(0))),
    row("notify_deleted", (0, 4), "Report DELETED (and run CMD) when a reload removes it.", |v, e| {
        notify::deleted(&mut v.notify, e)
    }),
    row("notify_fault", (1, 4), "Run on entry to FAULT.", |v, e| set(&mut v.notify.fault, e.command(0))),
    row("notify_master", (1, 4), "Run on entry to MASTER; no added arguments.", |v, e| {
        set(&mut v.notify.master, e.command(0))
    }),
    row("notify_master_rx_lower_pri", (1, 4), "Run when a master hears a lower-priority advert.", |v, e| {
        set(&mut v.notify.master_rx_lower_pri, e.command(0))
    }),
    row("notify_priority_changes", (0, 1), "Priority events on the FIFO.", |v, e| {
        set(&mut v.notify_priority_changes, e.flag(0))
    }),
    row("notify_stop", (1, 4), "Run when the daemon stops.", |v, e| set(&mut v.notify.stop, e.command(0))),
    unserved(
        "old_unicast_checksum",
        "Checksum of unicast v3 as before 1.3.6 (multicast address in the pseudo header).",
        Support::NoEffect("it serves routers older than keepalived 1.3.6"),
    ),
    row("owner_ignore_adverts", (0, 1), "Undocumented: owner ignores adverts.", |v, e| {
        set(&mut v.owner_ignore_adverts, e.flag(0))
    }),
    row("preempt", (0, 0), "The default, for compatibility.", |v, _| v.nopreempt = None),
    row(
        "preempt_delay",
        (1, 1),
        "Delay of preemption; needs state BACKUP; excludes nopreempt and strict.",
        |v, e| set(&mut v.preempt_delay_us, e.seconds_us(0, 0..=1_000_000_000)),
    ),
    row("priority", (1, 1), "Base priority; 255 = address owner, which trackers cannot change.", |v, e| {
        set(&mut v.priority, e.number(0, 1..=255))
    }),
    row(
        "promote_secondaries",
        (0, 0),
        "Set the sysctl so that removal of one address keeps others of its prefix.",
        |v, _| v.promote_secondaries = true,
    ),
    row("skip_check_adv_addr", (0, 1), "See vrrp_skip_check_adv_addr.", |v, e| {
        set(&mut v.skip_check_adv_addr, e.flag(0))
    }),
    row("smtp_alert", (0, 1), "Mail on state change.", |v, e| set(&mut v.smtp_alert, e.flag(0))),
    row(
        "state",
        (1, 1),
        "State at start: a hint, not an order; MASTER with priority 255 takes over at once, else it starts as BACKUP and waits for the down timer.",
        state,
    ),
    row("strict_mode", (0, 1), "See vrrp_strict.", |v, e| set(&mut v.strict_mode, e.flag(0))),
    unserved(
        "thread_timer_expired",
        "Synonym of timer_expired_backup (release notes' spelling).",
        Support::NoEffect("a master that was held up always steps back before it acts"),
    ),
    unserved(
        "timer_expired_backup",
        "With nopreempt: fall to BACKUP if the process ran so late that another must have taken over.",
        Support::NoEffect("a master that was held up always steps back before it acts"),
    ),
    block("track_bfd", (0, 0), "Uses a bfd_instance.", |v, e| track::list(&mut v.track.bfd, 253, e)),
    block("track_file", (0, 0), "Uses a track_file.", |v, e| track::list(&mut v.track.files, 254, e)),
    block(
        "track_interface",
        (0, 0),
        "Other interfaces: unweighted down = FAULT, weighted changes the priority.",
        |v, e| track::list(&mut v.track.interfaces, 253, e),
    ),
    block("track_process", (0, 0), "Uses a vrrp_track_process.", |v, e| {
        track::list(&mut v.track.processes, 254, e)
    }),
    block("track_proxy", (0, 0), "Uses the proxy of this host (vrrpd's own).", |v, e| {
        track::proxy(&mut v.track.proxy, e)
    }),
    block("track_script", (0, 0), "Uses a vrrp_script.", |v, e| track::list(&mut v.track.scripts, 253, e)),
    row("track_src_ip", (0, 0), "FAULT while the configured source address is absent.", |v, _| {
        v.track_src_ip = true
    }),
    row("unicast_fault_no_peer", (0, 0), "FAULT if unicast keywords are given but no peer.", |v, _| {
        v.unicast_fault_no_peer = true
    }),
    block(
        "unicast_peer",
        (0, 0),
        "Send to these peers instead of the group; turns the TTL 255 check off.",
        unicast_peer,
    ),
    row("unicast_src_ip", (1, 1), "Source address of unicast adverts.", |v, e| {
        set(&mut v.unicast_src_ip, source(e))
    }),
    row("unicast_ttl", (1, 1), "TTL or hop limit of unicast adverts.", |v, e| {
        set(&mut v.unicast_ttl, e.number(0, 0..=255).map(|n| n.value))
    }),
    unserved(
        "use_ipvlan",
        "Ipvlan instead of macvlan.",
        Support::NotYet("ipvlan interfaces are not built yet"),
    ),
    row(
        "use_vmac",
        (0, ANY),
        "Macvlan with MAC 00-00-5E-00-01-VRID (IPv6 ..-02-..) that carries VIPs and adverts.",
        use_vmac,
    ),
    row("use_vmac_addr", (0, 0), "VMACs also for VIPs on other interfaces.", |v, _| v.use_vmac_addr = true),
    row("v3_checksum_as_v2", (0, 1), "IPv4 v3 checksum without pseudo header.", |v, e| {
        set(&mut v.v3_checksum_as_v2, e.flag(0))
    }),
    row("version", (1, 1), "Protocol version.", version),
    block(
        "virtual_ipaddress",
        (0, 0),
        "Addresses advertised and added on MASTER; all of one family; the first IPv6 one should be link local.",
        |v, e| address::list(&mut v.virtual_ipaddress, e),
    ),
    block(
        "virtual_ipaddress_excluded",
        (0, 0),
        "Addresses added but not advertised; may be of the other family.",
        |v, e| address::list(&mut v.virtual_ipaddress_excluded, e),
    ),
    row("virtual_router_id", (1, 1), "VRID, the same on all members.", |v, e| {
        v.virtual_router_id = e.number(0, 1..=255).unwrap_or(v.virtual_router_id)
    }),
    block("virtual_routes", (0, 0), "Routes added on MASTER.", |v, e| route::list(&mut v.virtual_routes, e)),
    block("virtual_rules", (0, 0), "Policy rules added on MASTER.", |v, e| {
        rule::list(&mut v.virtual_rules, e)
    }),
    unserved(
        "vmac_garp_intvl",
        "Deprecated name of garp_extra_if.",
        Support::NotYet("addresses on other interfaces are not refreshed by themselves yet"),
    ),
    row("vmac_xmit_base", (0, 0), "Adverts use the base interface instead of the VMAC.", |v, _| {
        v.vmac_xmit_base = true
    }),
    unserved("vrf", "VRF of an interface-less unicast instance.", Support::NotYet("VRFs are not built yet")),
];

fn state(v: &mut VrrpInstance, e: &mut Entry<'_>) {
    let Some(word) = e.word(0) else { return };
    let state = match word.text.as_str() {
        "MASTER" => State::Master,
        "BACKUP" => State::Backup,
        other => {
            e.bad(word.span, format!("unknown state '{other}'"), "write MASTER or BACKUP; BACKUP stands");
            State::Backup
        }
    };
    v.state = Some(At::new(state, word.span));
}

fn version(v: &mut VrrpInstance, e: &mut Entry<'_>) {
    if let Some(n) = e.number(0, 2..=3_u8)
        && let Ok(version) = n.value.try_into()
    {
        v.version = Some(At::new(version, n.span));
    }
}

fn authentication(v: &mut VrrpInstance, e: &mut Entry<'_>) {
    let mut draft = authentication::Draft::default();
    apply("authentication", authentication::KEYWORDS, &mut draft, e.lines(), e.cx);
    let at = e.span();
    v.authentication = match draft {
        authentication::Draft { auth_type: Some(auth_type), auth_pass: Some(auth_pass) } => {
            Some(Authentication { auth_type, auth_pass })
        }
        // keepalived takes a password without a kind for no authentication, and says nothing.
        authentication::Draft { auth_type: None, .. } => None,
        authentication::Draft { .. } => {
            e.bad(at, "authentication has no password".to_owned(), "add auth_pass; adverts go without it");
            None
        }
    };
}

fn unicast_peer(v: &mut VrrpInstance, e: &mut Entry<'_>) {
    for line in e.lines() {
        let mut line = Entry::new(e.name, line, e.cx);
        let Some(word) = line.node.words.first() else { continue };
        let Some(address) = line.address(word) else { continue };
        if v.unicast_peer.iter().any(|p| p.address == address) {
            line.bad(word.span, format!("'{}' is a peer already", word.text), "it counts once");
            continue;
        }
        let mut peer = UnicastPeer { address, min_ttl: None, max_ttl: None };
        let mut i = 0;
        while let Some(option) = line.word(i) {
            match option.text.as_str() {
                "min_ttl" => peer.min_ttl = line.number(i + 1, 0..=255).map(|n| n.value),
                "max_ttl" => peer.max_ttl = line.number(i + 1, 0..=255).map(|n| n.value),
                other => {
                    let message = format!("unknown option '{other}' of a unicast peer");
                    line.bad(option.span, message, "known are min_ttl and max_ttl");
                }
            }
            i += 2;
        }
        v.unicast_peer.push(peer);
    }
}

fn source(e: &mut Entry<'_>) -> Option<At<IpAddr>> {
    let word = e.word(0)?;
    e.address(word)
}

fn mcast_dst_ip(v: &mut VrrpInstance, e: &mut Entry<'_>) {
    match source(e) {
        Some(a) if a.is_multicast() => v.mcast_dst_ip = Some(a),
        Some(a) => e.bad(a.span, format!("'{a}' is no multicast address"), "the group of global_defs stands"),
        None => {}
    }
}

/// `use_vmac [[name] IF] [MAC] [netlink_notify_msg] [group G]`
fn use_vmac(v: &mut VrrpInstance, e: &mut Entry<'_>) {
    let mut vmac = Vmac::default();
    let mut i = 0;
    while let Some(word) = e.word(i) {
        match word.text.as_str() {
            "name" => {
                vmac.name = e.text(i + 1);
                i += 1;
            }
            "netlink_notify_msg" => vmac.netlink_notify_msg = true,
            "group" => {
                vmac.group = e.number(i + 1, 0..=u32::MAX).map(|n| n.value);
                i += 1;
            }
            text => match mac(text) {
                Some(mac) => vmac.mac = Some(mac),
                None => vmac.name = e.text(i),
            },
        }
        i += 1;
    }
    v.use_vmac = Some(vmac);
}

/// Six octets, or five before that of the VRID.
fn mac(text: &str) -> Option<Vec<u8>> {
    let octets: Vec<u8> =
        text.split([':', '-']).map(|o| u8::from_str_radix(o, 16).ok()).collect::<Option<_>>()?;
    matches!(octets.len(), 5 | 6).then_some(octets)
}
