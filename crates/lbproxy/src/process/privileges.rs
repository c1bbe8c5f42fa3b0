//! Limits and rights: descriptors enough for the configured connections, then chroot, group, user and
//! capabilities, given up for good.
//!
//! Order matters and is kept here: limits while still root, chroot before the user changes, groups before the
//! user, capabilities last, and no way back (`no_new_privs`).

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, chroot},
    path::Path,
};

use caps::{CapSet, Capability, CapsHashSet};
use nix::{
    sched::{CloneFlags, unshare},
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::{Gid, Uid, geteuid, setgid, setgroups, setuid},
};

use crate::{
    compile::plan::{Endpoint, Global, LogSink, Plan},
    sys,
};

/// Descriptors beside connections and listeners: logs, stats clients, checks, the runtime's own.
const SPARE_DESCRIPTORS: u64 = 64;
/// Descriptors a worker thread needs for itself (poller, waker, queues).
const DESCRIPTORS_PER_THREAD: u64 = 8;

/// Makes room for the configured connections, or derives their number from the room there is. `listeners` is the
/// number of listening sockets of all threads.
///
/// # Errors
/// A sentence: the limit that would be needed cannot be had.
pub fn raise_limits(plan: &mut Plan, listeners: usize, memory_mb: Option<u64>) -> Result<(), String> {
    if let Some(mb) = memory_mb {
        let bytes = mb.saturating_mul(1 << 20);
        setrlimit(Resource::RLIMIT_DATA, bytes, bytes)
            .map_err(|e| format!("Cannot fix MEM limit to {mb} megs: {}", e.desc()))?;
    }
    let (soft, hard) =
        getrlimit(Resource::RLIMIT_NOFILE).map_err(|e| format!("Cannot read FD limit: {}", e.desc()))?;
    let beside = beside(plan, listeners);
    // Each connection may need one descriptor towards the client and one towards a server.
    let wanted = match (plan.global.ulimit_n, plan.global.maxconn) {
        (Some(n), _) => n,
        (None, 0) => hard,
        (None, n) => (u64::from(n) * 2 + beside).max(soft),
    };
    if plan.global.maxconn == 0 {
        let room = (wanted.saturating_sub(beside) / 2).max(1);
        plan.global.maxconn = u32::try_from(room).unwrap_or(u32::MAX);
    }
    if wanted == soft {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted)).map_err(|_| {
        format!(
            "Cannot raise FD limit to {wanted}, limit is {hard}: lower 'maxconn', or raise the limit of open files \
             for this service"
        )
    })
}

/// Descriptors needed whatever the number of connections.
fn beside(plan: &Plan, listeners: usize) -> u64 {
    let checks = plan.backends.iter().flat_map(|b| &b.servers).filter(|s| s.check.is_some()).count() as u64;
    listeners as u64
        + checks
        + plan.global.threads as u64 * DESCRIPTORS_PER_THREAD
        + u64::from(plan.global.stats_maxconn)
        + SPARE_DESCRIPTORS
}

/// Shuts the process in and gives its rights up, for good. Returns a sentence on what the kernel does not let
/// go of, where that is so by the place the process runs in.
///
/// # Errors
/// A sentence: what could not be done; the process must not go on.
pub fn give_up(plan: &Plan) -> Result<Option<&'static str>, String> {
    let global = &plan.global;
    let groups_stay = groups_stay();
    if let Some(dir) = &global.chroot {
        shut_in(dir).map_err(|e| format!("Cannot chroot({}): {}", dir.display(), sys::reason(&e)))?;
    }
    let keep = kept_capabilities(plan)?;
    bound_capabilities(&keep)?;
    change_user(global, groups_stay)?;
    drop_capabilities(&keep)?;
    nix::sys::prctl::set_no_new_privs().map_err(|e| format!("Cannot forbid new privileges: {}", e.desc()))?;
    let sentence =
        "the additional groups of the user who started it stay: this user namespace forbids setgroups()";
    Ok((groups_stay && geteuid().is_root() && (global.gid.is_some() || global.uid.is_some()))
        .then_some(sentence))
}

/// A user namespace that an ordinary user made does not let go of groups (user_namespaces(7), "setgroups").
fn groups_stay() -> bool {
    fs::read_to_string("/proc/self/setgroups").is_ok_and(|s| s.trim() == "deny")
}

/// Who is not root needs a user namespace of his own for it (manual 3.1, `chroot`).
fn shut_in(dir: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        unshare(CloneFlags::CLONE_NEWUSER)?;
    }
    if dir == Path::new("auto") {
        return shut_in_nowhere();
    }
    chroot(dir)?;
    std::env::set_current_dir("/")
}

/// `chroot auto`: a directory that is empty, has no name any more, and in which nothing can be made.
fn shut_in_nowhere() -> io::Result<()> {
    let dir = std::env::temp_dir().join(format!("lbproxy-{}", std::process::id()));
    fs::DirBuilder::new().mode(0o500).create(&dir)?;
    std::env::set_current_dir(&dir)?;
    fs::remove_dir(&dir)?;
    chroot(".")?;
    std::env::set_current_dir("/")
}

fn change_user(global: &Global, groups_stay: bool) -> Result<(), String> {
    let root = geteuid().is_root() && !groups_stay;
    if let Some(gid) = global.gid {
        let gid = Gid::from_raw(gid);
        if root {
            // Groups of the user who started us are none of the data process's.
            setgroups(&[gid]).map_err(|e| format!("Cannot set additional groups: {}", e.desc()))?;
        }
        setgid(gid).map_err(|e| format!("Cannot set gid {gid}: {}", e.desc()))?;
    } else if root && global.uid.is_some_and(|u| u != 0) {
        setgroups(&[]).map_err(|e| format!("Cannot drop additional groups: {}", e.desc()))?;
    }
    if let Some(uid) = global.uid {
        let uid = Uid::from_raw(uid);
        setuid(uid).map_err(|e| format!("Cannot set uid {uid}: {}", e.desc()))?;
    }
    Ok(())
}

/// Whoever stays root needs no right of root's but, for Unix sockets of other users, to reach them; whoever
/// changes the user keeps none.
fn kept_capabilities(plan: &Plan) -> Result<CapsHashSet, String> {
    let held = caps::read(None, CapSet::Permitted).map_err(|e| format!("Cannot read capabilities: {e}"))?;
    let stays_root = geteuid().is_root() && plan.global.uid.is_none_or(|u| u == 0);
    let wanted = (stays_root && reaches_unix_sockets(plan)).then_some(Capability::CAP_DAC_OVERRIDE);
    Ok(wanted.into_iter().filter(|c| held.contains(c)).collect())
}

/// What leaves the bounding set cannot be come by again. This needs CAP_SETPCAP, so it is done while that is held;
/// without it there is nothing to be dropped.
fn bound_capabilities(keep: &CapsHashSet) -> Result<(), String> {
    let fail = |e: caps::errors::CapsError| format!("Cannot drop capabilities: {e}");
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).map_err(fail)? {
        for c in caps::runtime::thread_all_supported().difference(keep) {
            caps::drop(None, CapSet::Bounding, *c).map_err(fail)?;
        }
    }
    Ok(())
}

fn drop_capabilities(keep: &CapsHashSet) -> Result<(), String> {
    let fail = |e: caps::errors::CapsError| format!("Cannot drop capabilities: {e}");
    for set in [CapSet::Ambient, CapSet::Inheritable] {
        caps::clear(None, set).map_err(fail)?;
    }
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::set(None, set, keep).map_err(fail)?;
    }
    Ok(())
}

fn reaches_unix_sockets(plan: &Plan) -> bool {
    let mut servers = plan.backends.iter().flat_map(|b| &b.servers);
    servers.any(|s| matches!(s.endpoint, Some(Endpoint::Unix(_))))
        || plan.log_sinks.iter().any(|s| matches!(s, LogSink::Unix(_)))
}
