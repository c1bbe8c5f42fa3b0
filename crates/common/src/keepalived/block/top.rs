//! The top level: the blocks, and the few lines that stand outside all of them.

use super::{ANY, Entry, Row, address, apply, bfd_instance, block, global_defs, lvs, route, row, rule, set};
use super::{
    track_file as file, track_process as process, unserved, unserved_block, vrrp_instance as instance,
};
use super::{vrrp_script as script, vrrp_sync_group as group, why};
use crate::{
    keepalived::model::{BfdInstance, Config, SyncGroup, TrackFile, TrackProcess, VrrpInstance, VrrpScript},
    keyword::Support,
};

pub(super) const KEYWORDS: &[Row<Config>] = &[
    block("SSL", (0, ANY), "Key and certificate of SSL_GET checks.", lvs::skip),
    block("bfd_instance", (1, 1), "Declares a BFD session (RFC 5880).", bfd_instance),
    row("child_wait_time", (1, 1), "How long the parent waits for children at exit.", |c, e| {
        set(&mut c.child_wait_s, e.number(0, 0..=3600).map(|n| n.value))
    }),
    unserved_block(
        "garp_group",
        "Rate limits of gratuitous ARP/NA over a set of interfaces.",
        Support::NotYet("gaps between gratuitous ARPs are kept for each interface, not for groups"),
    ),
    block("global_defs", (0, 0), "Process-wide settings.", |c, e| {
        apply("global_defs", global_defs::KEYWORDS, &mut c.global, e.lines(), e.cx)
    }),
    row("instance", (1, 1), "Instance name used in pid and dump file names; fixed over reload.", |c, e| {
        set(&mut c.instance_name, e.string(0))
    }),
    unserved_block(
        "interface_up_down_delays",
        "Debounce of link changes; the down delay must be below (down_timer_adverts-1) advert intervals and is cut if it is not.",
        Support::NotYet("changes of a link count at once"),
    ),
    unserved_block("linkbeat_interfaces", "Interfaces to poll for link state.", why::LINKBEAT),
    unserved(
        "linkbeat_use_polling",
        "Poll link state (MII, ethtool, ioctl) instead of listening to netlink.",
        why::LINKBEAT,
    ),
    block("local_address_group", (0, ANY), "Source addresses of LVS in full NAT mode.", lvs::skip),
    unserved(
        "namespace_with_ipsets",
        "Permit ipsets inside a namespace on kernels before 3.13.",
        why::FIREWALL,
    ),
    row(
        "net_namespace",
        (1, 1),
        "Network namespace to run in; pid files go to a private /run/keepalived; fixed over reload.",
        |c, e| set(&mut c.net_namespace, e.string(0)),
    ),
    unserved("net_namespace_ipvs", "Separate namespace for IPVS (no VRRP effect).", why::LVS),
    block("real_server", (0, ANY), "A real server of LVS.", lvs::skip),
    block("static_ipaddress", (0, 0), "Addresses kept on the host irrespective of VRRP state.", |c, e| {
        address::list(&mut c.static_addresses, e)
    }),
    block("static_routes", (0, 0), "Routes kept on the host irrespective of VRRP state.", |c, e| {
        route::list(&mut c.static_routes, e)
    }),
    block("static_rules", (0, 0), "Policy rules kept on the host; give each a preference.", |c, e| {
        rule::list(&mut c.static_rules, e)
    }),
    block(
        "track_file",
        (1, 1),
        "Declares a file whose number drives priority or fault (old name vrrp_track_file).",
        track_file,
    ),
    unserved_block(
        "track_group",
        "Names instances which fault when a static address/route/rule of the group disappears for good.",
        Support::NotYet("static addresses are not watched yet"),
    ),
    row("use_pid_dir", (0, 0), "Create pid files under /run/keepalived/.", |c, _| c.use_pid_dir = true),
    block("virtual_server", (0, ANY), "A virtual server of LVS.", lvs::skip),
    block("virtual_server_group", (0, ANY), "Addresses of a virtual server of LVS.", lvs::skip),
    block("vrrp_instance", (1, 1), "Declares one virtual router.", vrrp_instance),
    block("vrrp_script", (1, 1), "Declares a periodic check command.", vrrp_script),
    block("vrrp_sync_group", (1, 1), "Binds instances so that they change state together.", vrrp_sync_group),
    block("vrrp_track_file", (1, 1), "Old name of track_file.", track_file),
    block(
        "vrrp_track_process",
        (1, 1),
        "Declares a process watch by name, through the kernel's process events.",
        track_process,
    ),
];

fn vrrp_instance(c: &mut Config, e: &mut Entry<'_>) {
    let mut v = VrrpInstance { name: e.text(0).unwrap_or_default(), ..VrrpInstance::default() };
    apply("vrrp_instance", instance::KEYWORDS, &mut v, e.lines(), e.cx);
    c.instances.push(v);
}

fn vrrp_sync_group(c: &mut Config, e: &mut Entry<'_>) {
    let mut g = SyncGroup { name: e.text(0).unwrap_or_default(), ..SyncGroup::default() };
    apply("vrrp_sync_group", group::KEYWORDS, &mut g, e.lines(), e.cx);
    c.sync_groups.push(g);
}

fn vrrp_script(c: &mut Config, e: &mut Entry<'_>) {
    let mut s = VrrpScript { name: e.text(0).unwrap_or_default(), ..VrrpScript::default() };
    apply("vrrp_script", script::KEYWORDS, &mut s, e.lines(), e.cx);
    c.scripts.push(s);
}

fn track_file(c: &mut Config, e: &mut Entry<'_>) {
    let mut f = TrackFile { name: e.text(0).unwrap_or_default(), ..TrackFile::default() };
    apply("track_file", file::KEYWORDS, &mut f, e.lines(), e.cx);
    c.track_files.push(f);
}

fn track_process(c: &mut Config, e: &mut Entry<'_>) {
    let mut p = TrackProcess { name: e.text(0).unwrap_or_default(), ..TrackProcess::default() };
    apply("vrrp_track_process", process::KEYWORDS, &mut p, e.lines(), e.cx);
    c.track_processes.push(p);
}

fn bfd_instance(c: &mut Config, e: &mut Entry<'_>) {
    let mut b = BfdInstance { name: e.text(0).unwrap_or_default(), ..BfdInstance::default() };
    apply("bfd_instance", bfd_instance::KEYWORDS, &mut b, e.lines(), e.cx);
    c.bfd.push(b);
}
