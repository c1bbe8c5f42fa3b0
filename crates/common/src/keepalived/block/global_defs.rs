//! `global_defs`: settings of the whole process and defaults of instances.

use super::{ANY, Entry, Row, block, row, set, unserved, why};
use crate::{
    diag::codes,
    keepalived::model::{Fifo, GlobalDefs, MailServer},
    keyword::Support,
    source::At,
};

/// 32 bits of microseconds.
const TIMER_MAX_US: u64 = 4_294_967_295;

pub(super) const KEYWORDS: &[Row<GlobalDefs>] = &[
    unserved("bfd_cpu_affinity", "CPUs allowed to the BFD process.", why::BFD_PROCESS),
    unserved("bfd_no_swap", "Lock the BFD process in memory.", why::BFD_PROCESS),
    unserved("bfd_priority", "Nice value of the BFD process.", why::BFD_PROCESS),
    unserved("bfd_process_name", "Name of the BFD process.", why::BFD_PROCESS),
    unserved("bfd_rlimit_rttime", "RLIMIT_RTTIME of the BFD process.", why::BFD_PROCESS),
    unserved("bfd_rt_priority", "SCHED_RR priority of the BFD process.", why::BFD_PROCESS),
    unserved("checker_cpu_affinity", "CPUs allowed to the checker process.", why::LVS),
    unserved("checker_log_all_failures", "Log every failed check.", why::LVS),
    unserved("checker_no_swap", "Lock the checker process in memory.", why::LVS),
    unserved("checker_priority", "Nice value of the checker process.", why::LVS),
    unserved("checker_process_name", "Name of the checker process.", why::LVS),
    unserved("checker_rlimit_rtime", "Old spelling of checker_rlimit_rttime.", why::LVS),
    unserved("checker_rlimit_rttime", "RLIMIT_RTTIME of the checker process.", why::LVS),
    unserved("checker_rt_priority", "SCHED_RR priority of the checker process.", why::LVS),
    unserved(
        "config_save_dir",
        "Save configuration and state around each reload, for debugging.",
        why::DEBUGGING,
    ),
    row("control_socket", (1, 1), "Where vrrpctl asks (vrrpd's own): a path, or off.", |g, e| {
        set(&mut g.control_socket, e.string(0))
    }),
    row("data_use_instance", (0, 1), "Put instance and namespace names in dump file names.", |g, e| {
        set(&mut g.data_use_instance, e.flag(0))
    }),
    unserved("dbus_no_interface_name", "D-Bus path element of instances without an interface.", why::DBUS),
    unserved("dbus_service_name", "D-Bus service name.", why::DBUS),
    row(
        "default_interface",
        (1, 1),
        "Interface of static addresses (and VIPs of interface-less instances) without dev.",
        |g, e| set(&mut g.default_interface, e.text(0)),
    ),
    unserved(
        "disable_local_igmp",
        "Turn off kernel IGMP reports for 224.0.0.0/24 (sysctl igmp_link_local_mcast_reports).",
        why::FIREWALL,
    ),
    row(
        "dynamic_interfaces",
        (0, 1),
        "Permit interfaces absent at start or recreated later.",
        dynamic_interfaces,
    ),
    unserved("enable_dbus", "D-Bus interface (D-Bus build).", why::DBUS),
    row(
        "enable_script_security",
        (0, 0),
        "Refuse root scripts whose path a non-root user could alter; no fall back to root.",
        |g, _| g.enable_script_security = true,
    ),
    unserved("enable_snmp_checker", "Serve the MIB of checkers.", why::LVS),
    unserved("enable_snmp_keepalived", "Old name of enable_snmp_vrrp.", why::SNMP),
    unserved("enable_snmp_rfc", "Serve both RFC MIBs.", why::SNMP),
    unserved("enable_snmp_rfcv2", "Serve RFC 2787.", why::SNMP),
    unserved("enable_snmp_rfcv3", "Serve RFC 6527.", why::SNMP),
    unserved(
        "enable_snmp_vrrp",
        "Serve keepalived's MIB for VRRP (SNMP build; old name enable_snmp_keepalived).",
        why::SNMP,
    ),
    unserved("enable_traps", "Send SNMP traps.", why::SNMP),
    row(
        "fast_takeover",
        (0, 1),
        "Whether instances follow a falling master at once; on unless strict.",
        |g, e| set(&mut g.fast_takeover, e.flag(0)),
    ),
    row(
        "fence_on_death",
        (0, 1),
        "Whether a companion takes the addresses off when the VRRP process dies; on.",
        |g, e| set(&mut g.fence_on_death, e.flag(0)),
    ),
    row(
        "fence_on_silence",
        (0, 1),
        "Whether a companion takes the addresses off when the VRRP process hangs; on.",
        |g, e| set(&mut g.fence_on_silence, e.flag(0)),
    ),
    row(
        "fifo_write_vrrp_states_on_reload",
        (0, 0),
        "Repeat all states on the FIFO after a reload.",
        |g, _| g.fifo_write_vrrp_states_on_reload = true,
    ),
    row("include_check", (0, ANY), "Strictness of include.", include_check),
    unserved("iproute_etc_dir", "Iproute2's overriding name tables.", why::IPROUTE),
    unserved("iproute_usr_dir", "Iproute2's name tables.", why::IPROUTE),
    row(
        "journal_directory",
        (1, 1),
        "Where the journal of moves is kept (vrrpd's own); /var/lib/vrrpd.",
        |g, e| set(&mut g.journal_directory, e.string(0)),
    ),
    row("json_dump_file", (1, 1), "Where JSON dumps go (man: json_file_location).", |g, e| {
        set(&mut g.json_dump_file, e.string(0))
    }),
    row("json_file_location", (1, 1), "Where JSON dumps go.", |g, e| set(&mut g.json_dump_file, e.string(0))),
    row("json_version", (1, 1), "1: bare array; 2: named array plus track_process data.", |g, e| {
        set(&mut g.json_version, e.number(0, 1..=2).map(|n| n.value))
    }),
    unserved("linkbeat_use_polling", "Poll link state.", why::LINKBEAT),
    row("log_unknown_vrids", (0, 0), "Log adverts for VRIDs not configured on the interface.", |g, _| {
        g.log_unknown_vrids = true
    }),
    unserved("lvs_flush", "Empties IPVS at start.", why::LVS),
    unserved("lvs_flush_on_stop", "Empties IPVS at exit.", why::LVS),
    row("lvs_id", (1, 1), "Old name of router_id.", |g, e| set(&mut g.router_id, e.string(0))),
    unserved("lvs_netlink_cmd_rcv_bufs", "Receive buffer of the checker process.", why::LVS),
    unserved("lvs_netlink_cmd_rcv_bufs_force", "Use SO_RCVBUFFORCE for it.", why::LVS),
    unserved("lvs_netlink_monitor_rcv_bufs", "Receive buffer of its monitor socket.", why::LVS),
    unserved("lvs_netlink_monitor_rcv_bufs_force", "Use SO_RCVBUFFORCE for it.", why::LVS),
    unserved("lvs_notify_fifo", "FIFO that gets checker events only.", why::LVS),
    unserved("lvs_notify_fifo_script", "Reader for that FIFO.", why::LVS),
    unserved("lvs_sync_daemon", "Synchronises connections of IPVS.", why::LVS),
    unserved("lvs_timeouts", "Time-outs of IPVS.", why::LVS),
    row(
        "max_auto_priority",
        (0, 1),
        "Raise scheduling priority by itself when timers run late; -1 silences the start-up hint.",
        max_auto_priority,
    ),
    unserved("min_auto_priority_delay", "Lateness which counts as late for the above.", why::SCHEDULING),
    unserved("nftables", "Use nftables for no_accept and VMAC filtering.", why::FIREWALL),
    unserved("nftables_counters", "Add counters to the rules.", why::FIREWALL),
    unserved("nftables_ifindex", "Key IPv6 link-local sets by interface index.", why::FIREWALL),
    unserved("nftables_ipvs", "Firewall table that marks packets for IPVS.", why::LVS),
    unserved("nftables_ipvs_priority", "Priority of that table.", why::LVS),
    unserved("nftables_ipvs_start_fwmark", "First mark of that table.", why::LVS),
    unserved("nftables_priority", "Priority of the base chains.", why::FIREWALL),
    unserved("no_checker_emails", "No mails for changes of checkers.", why::LVS),
    row("no_email_faults", (0, 0), "No mails for FAULT.", |g, _| g.no_email_faults = true),
    block("notification_email", (0, 0), "Recipients of state mails.", |g, e| {
        g.notification_email.extend(e.list().map(|w| w.text.clone()))
    }),
    row("notification_email_from", (1, 1), "Sender address of mails.", |g, e| {
        set(&mut g.notification_email_from, e.string(0))
    }),
    row("notify_fifo", (1, 3), "FIFO that gets all events (VRRP and LVS).", |g, e| {
        set(&mut g.notify_fifo, fifo(e))
    }),
    row(
        "notify_fifo_script",
        (1, 4),
        "Reader started by keepalived; the FIFO path is its last argument.",
        |g, e| set(&mut g.notify_fifo_script, e.command(0)),
    ),
    unserved("process_monitor_rcv_bufs", "Receive buffer of the process-event socket.", why::BUFFERS),
    unserved("process_monitor_rcv_bufs_force", "Use SO_RCVBUFFORCE for it.", why::BUFFERS),
    row("process_name", (1, 1), "Name of the parent process.", |g, e| set(&mut g.process_name, e.string(0))),
    unserved(
        "process_names",
        "Set process names keepalived, keepalived_vrrp ...",
        Support::NoEffect("the processes always bear their names"),
    ),
    row(
        "prometheus_address",
        (1, 2),
        "Address and port of a page of metrics (vrrpd's own); port 9650.",
        prometheus_address,
    ),
    row("random_seed", (1, 1), "Seed of ${_RANDOM}.", |_, e| {
        e.number(0, 0..=u64::MAX);
    }),
    row(
        "reload_check_config",
        (0, 1),
        "Test a changed configuration before reloading it.",
        reload_check_config,
    ),
    unserved("reload_file", "Marker file that exists while the configuration is being read.", why::RELOAD),
    unserved("reload_repeat", "Keep that file, so a bare time reloads daily.", why::RELOAD),
    unserved("reload_time_file", "File holding a time at which to reload.", why::RELOAD),
    row("router_id", (1, 1), "Name of this machine in mails and SNMP; not on the wire.", |g, e| {
        set(&mut g.router_id, e.string(0))
    }),
    unserved("rs_init_notifies", "Notify of real servers at start.", why::LVS),
    row("script_user", (1, 3), "User of scripts; ':' adds supplementary groups.", |g, e| {
        set(&mut g.script_user, e.user(0))
    }),
    unserved(
        "set_supplementary_groups",
        "Set the supplementary groups of script users.",
        Support::NotYet("supplementary groups are set only where a user is given with `:`"),
    ),
    row("shutdown_script", (1, 4), "Run once after all children ended.", |g, e| {
        set(&mut g.shutdown_script, e.command(0))
    }),
    row("shutdown_script_timeout", (1, 1), "Kill the shutdown script after this.", |g, e| {
        set(&mut g.shutdown_script_timeout_s, e.number(0, 1..=1000).map(|n| n.value))
    }),
    row("smtp_alert", (0, 1), "Default of smtp_alert everywhere.", |g, e| set(&mut g.smtp_alert, e.flag(0))),
    unserved("smtp_alert_checker", "Default of smtp_alert for checkers.", why::LVS),
    row("smtp_alert_vrrp", (0, 1), "Default of smtp_alert for VRRP.", |g, e| {
        set(&mut g.smtp_alert_vrrp, e.flag(0))
    }),
    row("smtp_connect_timeout", (1, 1), "Timeout of the mail connection.", |g, e| {
        set(&mut g.smtp_connect_timeout_s, e.number(0, 1..=3600).map(|n| n.value))
    }),
    row("smtp_helo_name", (1, 1), "Name sent in HELO.", |g, e| set(&mut g.smtp_helo_name, e.string(0))),
    row("smtp_server", (1, 2), "Mail relay.", smtp_server),
    unserved("snmp_rs_stats_update_interval", "Age of statistics of real servers.", why::LVS),
    unserved("snmp_socket", "AgentX master.", why::SNMP),
    unserved("snmp_vs_stats_update_interval", "Age of statistics of virtual servers.", why::LVS),
    row("startup_script", (1, 4), "Run once before any child starts.", |g, e| {
        set(&mut g.startup_script, e.command(0))
    }),
    row("startup_script_timeout", (1, 1), "Kill the start-up script after this.", |g, e| {
        set(&mut g.startup_script_timeout_s, e.number(0, 1..=1000).map(|n| n.value))
    }),
    row(
        "state_dump_file",
        (1, 1),
        "Where SIGUSR1 dumps go (the man page says state_file_location; the parser takes this).",
        |g, e| set(&mut g.state_dump_file, e.string(0)),
    ),
    row("state_file_location", (1, 1), "Where SIGUSR1 dumps go.", |g, e| {
        set(&mut g.state_dump_file, e.string(0))
    }),
    row("stats_dump_file", (1, 1), "Where SIGUSR2 dumps go (man: stats_file_location).", |g, e| {
        set(&mut g.stats_dump_file, e.string(0))
    }),
    row("stats_file_location", (1, 1), "Where SIGUSR2 dumps go.", |g, e| {
        set(&mut g.stats_dump_file, e.string(0))
    }),
    unserved(
        "tmp_config_directory",
        "Where the single shared copy of the configuration is kept.",
        why::DEBUGGING,
    ),
    row("umask", (1, ANY), "Umask of created files; the command line wins.", umask),
    row("use_symlink_paths", (0, 1), "Keep symlinks in script paths rather than resolve them.", |g, e| {
        set(&mut g.use_symlink_paths, e.flag(0))
    }),
    row(
        "v3_checksum_as_v2",
        (0, 1),
        "Default: IPv4 VRRPv3 checksum without pseudo header (what RFC 9568 asks).",
        |g, e| set(&mut g.v3_checksum_as_v2, e.flag(0)),
    ),
    unserved(
        "vmac_addr_prefix",
        "Prefix of VMACs made for VIPs on other interfaces.",
        Support::NotYet("virtual MAC interfaces are not built yet"),
    ),
    row("vmac_prefix", (1, 1), "Prefix of generated VMAC names.", |g, e| {
        set(&mut g.vmac_prefix, e.string(0))
    }),
    row("vrrp_check_unicast_src", (0, 0), "Unicast adverts must come from a configured peer.", |g, _| {
        g.vrrp_check_unicast_src = true
    }),
    unserved("vrrp_cpu_affinity", "CPUs allowed to the VRRP process.", why::SCHEDULING),
    unserved(
        "vrrp_delay_after_boot",
        "Hold instances until this long after boot.",
        Support::NotYet("the time since boot is not read yet; vrrp_startup_delay is"),
    ),
    row("vrrp_down_timer_adverts", (1, 1), "Missed advert intervals in the master-down timer.", |g, e| {
        set(&mut g.vrrp_down_timer_adverts, e.number(0, 1..=100).map(|n| n.value))
    }),
    unserved(
        "vrrp_garp_extra_if",
        "Periodic GARP/NA on interfaces of VIPs other than the instance's own (VMACs only unless all).",
        Support::NotYet("addresses on other interfaces are not refreshed by themselves yet"),
    ),
    row(
        "vrrp_garp_interval",
        (1, 1),
        "Least gap between gratuitous ARPs on an interface (they queue).",
        |g, e| set(&mut g.vrrp_garp_interval_us, e.seconds_us(0, 1..=TIMER_MAX_US).map(|n| n.value)),
    ),
    row("vrrp_garp_lower_prio_delay", (1, 1), "Delay of the second such burst.", |g, e| {
        set(&mut g.vrrp_garp_lower_prio_delay_us, e.whole_seconds_us(0))
    }),
    row(
        "vrrp_garp_lower_prio_repeat",
        (1, 1),
        "Burst size after a lower-priority advert arrives at a master.",
        |g, e| set(&mut g.vrrp_garp_lower_prio_repeat, e.count(0)),
    ),
    row(
        "vrrp_garp_master_delay",
        (1, 1),
        "Delay of the second burst after becoming master; 0 = no second burst.",
        |g, e| set(&mut g.vrrp_garp_master_delay_us, e.whole_seconds_us(0)),
    ),
    row("vrrp_garp_master_refresh", (1, 1), "Period of repeated GARP/NA while master.", |g, e| {
        set(&mut g.vrrp_garp_master_refresh_us, e.number(0, 0..=86_400_u64).map(|n| n.value * 1_000_000))
    }),
    row("vrrp_garp_master_refresh_repeat", (1, 1), "Messages per refresh.", |g, e| {
        set(&mut g.vrrp_garp_master_refresh_repeat, e.count(0))
    }),
    row(
        "vrrp_garp_master_repeat",
        (1, 1),
        "GARP/NA per address in each burst after becoming master.",
        |g, e| set(&mut g.vrrp_garp_master_repeat, e.count(0)),
    ),
    row("vrrp_gna_interval", (1, 1), "Least gap between unsolicited NAs on an interface.", |g, e| {
        set(&mut g.vrrp_gna_interval_us, e.seconds_us(0, 1..=TIMER_MAX_US).map(|n| n.value))
    }),
    row(
        "vrrp_higher_prio_send_advert",
        (0, 1),
        "Master that hears a higher priority sends one more advert before yielding.",
        |g, e| set(&mut g.vrrp_higher_prio_send_advert, e.flag(0)),
    ),
    unserved("vrrp_ipsets", "Use ipsets with iptables.", why::FIREWALL),
    unserved("vrrp_iptables", "Use iptables for no_accept and VMAC filtering.", why::FIREWALL),
    row(
        "vrrp_lower_prio_no_advert",
        (0, 1),
        "Master does not answer a lower-priority advert at once (RFC behaviour before 9568).",
        |g, e| set(&mut g.vrrp_lower_prio_no_advert, e.flag(0)),
    ),
    row("vrrp_mcast_group4", (1, 1), "Destination of IPv4 adverts.", mcast_group4),
    row("vrrp_mcast_group6", (1, 1), "Destination of IPv6 adverts.", mcast_group6),
    row("vrrp_min_garp", (0, 1), "One GARP/NA only, no second burst (repeat 1, delay 0).", |g, e| {
        set(&mut g.vrrp_min_garp, e.flag(0))
    }),
    unserved("vrrp_netlink_cmd_rcv_bufs", "Receive buffer of the netlink command socket.", why::BUFFERS),
    unserved("vrrp_netlink_cmd_rcv_bufs_force", "Use SO_RCVBUFFORCE for it.", why::BUFFERS),
    unserved("vrrp_netlink_monitor_rcv_bufs", "Receive buffer of the netlink monitor socket.", why::BUFFERS),
    unserved("vrrp_netlink_monitor_rcv_bufs_force", "Use SO_RCVBUFFORCE for it.", why::BUFFERS),
    row("vrrp_no_swap", (0, 0), "Lock the VRRP process in memory.", |g, _| g.vrrp_no_swap = true),
    row("vrrp_notify_fifo", (1, 3), "FIFO that gets VRRP events only.", |g, e| {
        set(&mut g.vrrp_notify_fifo, fifo(e))
    }),
    row("vrrp_notify_fifo_script", (1, 4), "Reader for that FIFO.", |g, e| {
        set(&mut g.vrrp_notify_fifo_script, e.command(0))
    }),
    row("vrrp_notify_priority_changes", (0, 1), "Write priority changes to the notify FIFOs.", |g, e| {
        set(&mut g.vrrp_notify_priority_changes, e.flag(0))
    }),
    row("vrrp_owner_ignore_adverts", (0, 1), "Address owner drops all received adverts.", |g, e| {
        set(&mut g.vrrp_owner_ignore_adverts, e.flag(0))
    }),
    row("vrrp_priority", (1, 1), "Nice value of the VRRP process.", |g, e| {
        set(&mut g.vrrp_priority, e.number(0, -20..=19).map(|n| n.value))
    }),
    row("vrrp_process_name", (1, 1), "Name of the VRRP process.", |g, e| {
        set(&mut g.vrrp_process_name, e.string(0))
    }),
    unserved("vrrp_rlimit_rtime", "Old spelling of vrrp_rlimit_rttime.", why::SCHEDULING),
    unserved(
        "vrrp_rlimit_rttime",
        "RLIMIT_RTTIME under real-time scheduling (old spelling vrrp_rlimit_rtime).",
        why::SCHEDULING,
    ),
    row("vrrp_rt_priority", (1, 1), "SCHED_RR priority of the VRRP process.", |g, e| {
        set(&mut g.vrrp_rt_priority, e.number(0, 1..=99).map(|n| n.value))
    }),
    unserved("vrrp_rx_bufs_multiplier", "Multiplier of the above.", why::BUFFERS),
    unserved("vrrp_rx_bufs_policy", "How to size receive buffers.", why::BUFFERS),
    row(
        "vrrp_skip_check_adv_addr",
        (0, 1),
        "Do not recheck the address list while the sender stays the same.",
        |g, e| g.vrrp_skip_check_adv_addr = e.flag(0).unwrap_or(g.vrrp_skip_check_adv_addr),
    ),
    row("vrrp_startup_delay", (1, 1), "Hold all instances down this long after start.", |g, e| {
        set(&mut g.vrrp_startup_delay_us, e.seconds_us(0, 1_000..=TIMER_MAX_US).map(|n| n.value))
    }),
    row(
        "vrrp_strict",
        (0, 0),
        "Enforce the RFCs: no unicast, no auth, no 0 VIPs, MASTER only with 255, no preempt_delay, no_accept by default...",
        |g, _| g.vrrp_strict = true,
    ),
    row("vrrp_version", (1, 1), "Default protocol version.", |g, e| {
        set(&mut g.vrrp_version, e.number(0, 2..=3_u8).and_then(|n| n.value.try_into().ok()))
    }),
    unserved(
        "vrrp_vmac_garp_intvl",
        "Deprecated name of vrrp_garp_extra_if.",
        Support::NotYet("addresses on other interfaces are not refreshed by themselves yet"),
    ),
];

/// Port of the metrics when none is given.
const METRICS_PORT: u16 = 9_650;

/// `prometheus_address ADDRESS [PORT]`
fn prometheus_address(g: &mut GlobalDefs, e: &mut Entry<'_>) {
    let Some(address) = e.word(0).and_then(|w| e.address(w)) else { return };
    let port = match e.word(1) {
        Some(_) => e.number(1, 1..=u16::MAX).map(|n| n.value),
        None => Some(METRICS_PORT),
    };
    set(&mut g.prometheus_address, port.map(|port| (address.value, port).into()));
}

fn smtp_server(g: &mut GlobalDefs, e: &mut Entry<'_>) {
    let port = e.number(1, 1..=65_535).map(|n| n.value);
    set(&mut g.smtp_server, e.text(0).map(|host| MailServer { host, port }));
}

fn mcast_group4(g: &mut GlobalDefs, e: &mut Entry<'_>) {
    let Some(word) = e.word(0) else { return };
    match word.text.parse::<std::net::Ipv4Addr>() {
        Ok(a) if a.is_multicast() => g.vrrp_mcast_group4 = Some(At::new(a, word.span)),
        _ => e.bad(word.span, format!("'{}' is no IPv4 multicast address", word.text), "224.0.0.18 stands"),
    }
}

fn mcast_group6(g: &mut GlobalDefs, e: &mut Entry<'_>) {
    let Some(word) = e.word(0) else { return };
    match word.text.parse::<std::net::Ipv6Addr>() {
        Ok(a) if a.is_multicast() => g.vrrp_mcast_group6 = Some(At::new(a, word.span)),
        _ => e.bad(word.span, format!("'{}' is no IPv6 multicast address", word.text), "ff02::12 stands"),
    }
}

fn dynamic_interfaces(g: &mut GlobalDefs, e: &mut Entry<'_>) {
    g.dynamic_interfaces = true;
    match e.word(0) {
        None => {}
        Some(w) if w.text == "allow_if_changes" => g.allow_if_changes = true,
        Some(w) => e.bad(w.span, format!("unknown option '{}'", w.text), "the only one is allow_if_changes"),
    }
}

/// A FIFO with its owner; the file itself is the daemon's.
fn fifo(e: &mut Entry<'_>) -> Option<Fifo> {
    Some(Fifo { path: e.text(0)?, owner: e.user(1) })
}

/// Left without a number it means the highest.
fn max_auto_priority(g: &mut GlobalDefs, e: &mut Entry<'_>) {
    if e.word(0).is_none() {
        g.max_auto_priority = Some(99);
    } else {
        set(&mut g.max_auto_priority, e.number(0, -1..=99).map(|n| n.value));
    }
}

fn reload_check_config(g: &mut GlobalDefs, e: &mut Entry<'_>) {
    g.reload_check_config = true;
    set(&mut g.reload_check_config_log, e.string(0));
}

/// A number in C's notation, or names of permission bits joined by `|`.
fn umask(g: &mut GlobalDefs, e: &mut Entry<'_>) {
    let text: String = e.args().iter().map(|w| w.text.as_str()).collect();
    let number = match text.strip_prefix("0x") {
        Some(hex) => u16::from_str_radix(hex, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u16::from_str_radix(&text, 8).ok(),
        None => text.parse().ok(),
    };
    let bits = || text.split('|').try_fold(0, |all, name| Some(all | permission(name.trim())?));
    match number.or_else(bits).filter(|&m| m <= 0o777) {
        Some(mask) => g.umask = Some(mask),
        None => e.bad(
            e.span(),
            format!("invalid umask value '{text}'"),
            "write a number such as 0177, or bits such as IXUSR|IRWXG|IRWXO; 0177 stands",
        ),
    }
}

/// One permission: `IRUSR` and its like, `IRWXU`, `IRWXG`, `IRWXO`.
fn permission(name: &str) -> Option<u16> {
    let name = name.strip_prefix("S_").unwrap_or(name);
    let shift = match (name.get(2..), name) {
        (_, "IRWXU") | (Some("USR"), _) => 6,
        (_, "IRWXG") | (Some("GRP"), _) => 3,
        (_, "IRWXO") | (Some("OTH"), _) => 0,
        _ => return None,
    };
    let bit = match name.get(..2)? {
        "IR" if name.starts_with("IRWX") => 7,
        "IR" => 4,
        "IW" => 2,
        "IX" => 1,
        _ => return None,
    };
    Some(bit << shift)
}

/// The strictness itself is kept by the reader, which has met this line already.
fn include_check(_: &mut GlobalDefs, e: &mut Entry<'_>) {
    for word in e.args() {
        let name = word.text.trim_start_matches(['+', '-']);
        if !matches!(name, "readable" | "match" | "wildcard_match" | "brace_match") {
            e.warn(
                codes::K_BAD_ARGUMENT,
                word.span,
                format!("unknown include_check '{}'", word.text),
                "known are readable, match, wildcard_match and brace_match",
            );
        }
    }
}
