//! `vrrp_sync_group`: instances that change state together.

use super::{Row, block, notify, row, set, track};
use crate::{keepalived::model::SyncGroup, source::At};

pub(super) const KEYWORDS: &[Row<SyncGroup>] = &[
    row("global_tracking", (0, 0), "Deprecated: apply members' trackers to the whole group.", |g, _| {
        g.global_tracking = true
    }),
    block("group", (0, 0), "Instances that go MASTER, BACKUP or FAULT together.", |g, e| {
        g.members.extend(e.list().map(|w| At::new(w.text.clone(), w.span)))
    }),
    row(
        "notify",
        (1, 4),
        "Run after the above with 4 added arguments: INSTANCE/GROUP, name, state, priority.",
        |g, e| set(&mut g.notify.any, e.command(0)),
    ),
    row("notify_backup", (1, 4), "Run on entry to BACKUP.", |g, e| set(&mut g.notify.backup, e.command(0))),
    row("notify_deleted", (0, 4), "Run for an instance that a reload removed.", |g, e| {
        notify::deleted(&mut g.notify, e)
    }),
    row("notify_fault", (1, 4), "Run on entry to FAULT.", |g, e| set(&mut g.notify.fault, e.command(0))),
    row("notify_master", (1, 4), "Run on entry to MASTER; no added arguments.", |g, e| {
        set(&mut g.notify.master, e.command(0))
    }),
    row("notify_priority_changes", (0, 1), "Priority events on the FIFO.", |g, e| {
        set(&mut g.notify_priority_changes, e.flag(0))
    }),
    row("notify_stop", (1, 4), "Run when the daemon stops.", |g, e| set(&mut g.notify.stop, e.command(0))),
    row("smtp_alert", (0, 1), "Mail on state change.", |g, e| set(&mut g.smtp_alert, e.flag(0))),
    row("sync_group_tracking_weight", (0, 0), "Permit non-zero weights in members of a group.", |g, _| {
        g.sync_group_tracking_weight = true
    }),
    block("track_bfd", (0, 0), "Uses a bfd_instance.", |g, e| track::list(&mut g.track.bfd, 253, e)),
    block("track_file", (0, 0), "Uses a track_file.", |g, e| track::list(&mut g.track.files, 254, e)),
    block(
        "track_interface",
        (0, 0),
        "Other interfaces: unweighted down = FAULT, weighted changes the priority.",
        |g, e| track::list(&mut g.track.interfaces, 253, e),
    ),
    block("track_process", (0, 0), "Uses a vrrp_track_process.", |g, e| {
        track::list(&mut g.track.processes, 254, e)
    }),
    block("track_proxy", (0, 0), "Uses the proxy of this host (vrrpd's own).", |g, e| {
        track::proxy(&mut g.track.proxy, e)
    }),
    block("track_script", (0, 0), "Uses a vrrp_script.", |g, e| track::list(&mut g.track.scripts, 253, e)),
];
