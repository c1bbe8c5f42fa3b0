//! The state of a server: what a request reads of it, and what health checks and administration write.
//!
//! Owns the two halves: `Hot`, atomics that any thread reads, and `Slow`, behind a lock, from which the hot half is
//! computed. Invariant: `Hot` is written only by the holder of the `Slow` lock (`change`). The meaning of the words
//! is that of HAProxy's management guide, 9.3 `show servers state` and 9.1 (CSV format).

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, Weak,
        atomic::{
            AtomicBool, AtomicU8, AtomicU32, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
};

use arc_swap::ArcSwapOption;

use super::{BackendState, Gauge, lock};
use crate::engine::{
    check::{InitState, Observe, Status},
    stats::PerThread,
};

/// Effective weights are counted in this many parts of one unit of configured weight, so that a warming server can
/// have less than 1.
pub const WEIGHT_SCALE: u32 = 16;

/// Bits of the administrative state (`srv_admin_state`).
pub mod admin {
    pub const FMAINT: u32 = 0x01;
    pub const IMAINT: u32 = 0x02;
    pub const CMAINT: u32 = 0x04;
    pub const FDRAIN: u32 = 0x08;
    pub const IDRAIN: u32 = 0x10;
    pub const RMAINT: u32 = 0x20;
    pub const HMAINT: u32 = 0x40;
    /// Any maintenance; `CMAINT` only tells that the configuration began it.
    pub const MAINT: u32 = FMAINT | IMAINT | RMAINT;
    /// Any drain.
    pub const DRAIN: u32 = FDRAIN | IDRAIN;
}

/// Bits of the state of a check (`srv_check_state`).
pub mod check_state {
    pub const INPROGRESS: u32 = 0x01;
    pub const CONFIGURED: u32 = 0x02;
    pub const ENABLED: u32 = 0x04;
    pub const PAUSED: u32 = 0x08;
}

/// Operational state (`srv_op_state`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum OpState {
    Stopped = 0,
    /// Up, but throttled by `slowstart`.
    Starting = 1,
    Running = 2,
    /// Up, but asked to take no new sessions (404 with `disable-on-404`).
    Stopping = 3,
}

impl OpState {
    fn of(n: u8) -> OpState {
        match n {
            1 => OpState::Starting,
            2 => OpState::Running,
            3 => OpState::Stopping,
            _ => OpState::Stopped,
        }
    }
}

/// What the plan says of a server, given to its state when the plan comes into force.
#[derive(Clone, Debug, Default)]
pub struct ServerConfig {
    pub weight: u32,
    pub backup: bool,
    pub disabled: bool,
    pub maxconn: u32,
    pub minconn: u32,
    pub maxqueue: u32,
    /// Of the backend.
    pub fullconn: u32,
    pub slowstart_ms: u32,
    /// `rise` and `fall` when the server is checked.
    pub check: Option<(u32, u32)>,
    pub init: InitState,
    pub track: Option<Weak<ServerState>>,
    pub on_marked_down_shutdown: bool,
    pub on_marked_up_shutdown_backups: bool,
    /// `option log-health-checks` of the backend.
    pub log_health_checks: bool,
    /// Weights changed at run time count at once: not for static algorithms.
    pub dynamic_weights: bool,
    pub observe: Option<Observe>,
    /// Its name is to be resolved at run time, and has no address yet.
    pub unresolved: bool,
    /// What an earlier process left in a state file.
    pub saved: Option<Saved>,
}

/// The state of a server as an earlier process wrote it down (`show servers state`, `server-state-file`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Saved {
    pub op: u8,
    /// Bits of [`admin`].
    pub admin: u32,
    pub uweight: u32,
    pub iweight: u32,
    pub health: u32,
    /// Since its last change.
    pub since_ms: u64,
    pub ip: Option<IpAddr>,
    pub port: u16,
}

/// The last check of a server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CheckReport {
    pub status: Status,
    /// HTTP or SMTP code; 0: none.
    pub code: u16,
    /// What the check said besides (`last_chk`).
    pub info: String,
    pub duration_ms: u32,
}

/// What a request reads.
#[derive(Debug)]
pub(super) struct Hot {
    pub op: AtomicU8,
    /// In parts of [`WEIGHT_SCALE`]; 0 while draining.
    pub eweight: AtomicU32,
    pub backup: AtomicBool,
    pub maxconn: AtomicU32,
    pub minconn: AtomicU32,
    pub maxqueue: AtomicU32,
    pub fullconn: AtomicU32,
    pub throttle_percent: AtomicU32,
    pub last_session_ms: AtomicU64,
}

/// What is written under the lock.
#[derive(Debug)]
pub(super) struct Slow {
    pub config: ServerConfig,
    pub configured: bool,
    pub admin: u32,
    pub op: OpState,
    pub uweight: u32,
    pub health: u32,
    pub check_enabled: bool,
    /// The agent says that it does not serve.
    pub agent_down: bool,
    pub report: CheckReport,
    pub checked_once: bool,
    /// A check is running.
    pub in_progress: bool,
    pub last_change_ms: u64,
    pub last_check_ms: u64,
    pub down_transitions: u32,
    pub downtime_ms: u64,
    pub failed_checks: u64,
    /// Servers that follow this one.
    pub trackers: Vec<Weak<ServerState>>,
    pub check_port: Option<u16>,
}

impl Slow {
    pub(super) fn rise(&self) -> u32 {
        self.config.check.map_or(2, |c| c.0).max(1)
    }

    pub(super) fn fall(&self) -> u32 {
        self.config.check.map_or(3, |c| c.1).max(1)
    }

    pub(super) fn full_health(&self) -> u32 {
        self.rise() + self.fall() - 1
    }

    pub(super) fn has_check(&self) -> bool {
        self.config.check.is_some()
    }

    pub(super) fn tracked(&self) -> Option<Arc<ServerState>> {
        self.config.track.as_ref().and_then(Weak::upgrade)
    }
}

/// Lives as long as a server of that backend and name does, over reloads.
pub struct ServerState {
    /// Unique among all servers of the process.
    pub uid: u32,
    pub name: Arc<str>,
    pub backend: Arc<BackendState>,
    pub counters: PerThread,
    /// Streams on this server now: what `maxconn` limits and `leastconn` compares.
    pub sessions: Gauge,
    /// Streams that wait for this very server.
    pub queued: Gauge,
    /// Errors in a row that traffic saw (`observe`).
    pub(super) errors: AtomicU32,
    /// The next check is wanted at once (`on-error`).
    hurry: AtomicBool,
    pub(super) hot: Hot,
    pub(super) slow: Mutex<Slow>,
    addr: ArcSwapOption<SocketAddr>,
    me: Weak<ServerState>,
}

impl fmt::Debug for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerState({}/{})", self.backend.name, self.name)
    }
}

impl ServerState {
    pub(super) fn new(
        uid: u32,
        backend: Arc<BackendState>,
        name: &str,
        counters: PerThread,
        me: Weak<ServerState>,
    ) -> ServerState {
        ServerState {
            me,
            uid,
            name: name.into(),
            backend,
            counters,
            sessions: Gauge::default(),
            queued: Gauge::default(),
            errors: AtomicU32::new(0),
            hurry: AtomicBool::new(false),
            hot: Hot {
                op: AtomicU8::new(OpState::Running as u8),
                eweight: AtomicU32::new(WEIGHT_SCALE),
                backup: AtomicBool::new(false),
                maxconn: AtomicU32::new(0),
                minconn: AtomicU32::new(0),
                maxqueue: AtomicU32::new(0),
                fullconn: AtomicU32::new(0),
                throttle_percent: AtomicU32::new(100),
                last_session_ms: AtomicU64::new(0),
            },
            slow: Mutex::new(Slow {
                config: ServerConfig { weight: 1, ..ServerConfig::default() },
                configured: false,
                admin: 0,
                op: OpState::Running,
                uweight: 1,
                health: 2,
                check_enabled: true,
                agent_down: false,
                report: CheckReport::default(),
                checked_once: false,
                in_progress: false,
                last_change_ms: 0,
                last_check_ms: 0,
                down_transitions: 0,
                downtime_ms: 0,
                failed_checks: 0,
                trackers: Vec::new(),
                check_port: None,
            }),
            addr: ArcSwapOption::empty(),
        }
    }

    /// Itself, shared.
    pub(crate) fn arc(&self) -> Option<Arc<ServerState>> {
        self.me.upgrade()
    }

    /// Asks for a check soon.
    pub(super) fn hurry(&self) {
        self.hurry.store(true, Relaxed);
    }

    /// Whether a check was asked for since the last time; for whoever checks.
    pub fn take_hurry(&self) -> bool {
        self.hurry.load(Relaxed) && self.hurry.swap(false, Relaxed)
    }

    // ---- what a request reads ----------------------------------------------------------------------

    pub fn op(&self) -> OpState {
        OpState::of(self.hot.op.load(Relaxed))
    }

    /// In parts of [`WEIGHT_SCALE`]; 0 while draining.
    pub fn eweight(&self) -> u32 {
        self.hot.eweight.load(Relaxed)
    }

    pub fn is_backup(&self) -> bool {
        self.hot.backup.load(Relaxed)
    }

    /// Whether balancing may choose it.
    pub fn is_usable(&self) -> bool {
        matches!(self.op(), OpState::Running | OpState::Starting) && self.eweight() > 0
    }

    /// Whether a request that names it (by cookie, `use-server` with `persist`) may go there: also while it drains
    /// or stops, or has weight 0.
    pub fn accepts_persistent(&self) -> bool {
        self.op() != OpState::Stopped
    }

    /// The weight as people see it, slow start included.
    pub fn weight_shown(&self) -> u32 {
        self.eweight().div_ceil(WEIGHT_SCALE)
    }

    /// How many streams it takes now: `maxconn`, less while the backend is not busy and `minconn` is set, less
    /// while it warms up (manual 5.2, `minconn`, `slowstart`). 0: no limit.
    pub fn dynamic_maxconn(&self) -> u32 {
        let max = self.hot.maxconn.load(Relaxed);
        if max == 0 {
            return 0;
        }
        let (min, full) = (self.hot.minconn.load(Relaxed), self.hot.fullconn.load(Relaxed));
        let busy = self.backend.sessions.now();
        let limit = match min > 0 && min < max && full > 0 && busy < full {
            true => (u64::from(busy) * u64::from(max) / u64::from(full)) as u32,
            false => max,
        };
        let limit = limit.max(if min < max { min } else { max });
        match self.hot.throttle_percent.load(Relaxed) {
            p if p >= 100 => limit,
            p => (u64::from(limit) * u64::from(p) / 100).max(1) as u32,
        }
    }

    /// Whether it takes no further stream now.
    pub fn is_full(&self) -> bool {
        let max = self.dynamic_maxconn();
        max > 0 && (self.queued.now() > 0 || self.sessions.now() >= max)
    }

    /// Whether its own queue takes nobody more (`maxqueue`).
    pub fn is_queue_full(&self) -> bool {
        let max = self.hot.maxqueue.load(Relaxed);
        max > 0 && self.queued.now() >= max
    }

    pub fn maxconn(&self) -> u32 {
        self.hot.maxconn.load(Relaxed)
    }

    pub fn maxqueue(&self) -> u32 {
        self.hot.maxqueue.load(Relaxed)
    }

    /// `true` when the stream has taken a slot; it gives it back through `queue::release`. Those who wait go first.
    pub fn try_take(&self) -> bool {
        let max = self.dynamic_maxconn();
        (max == 0 || self.queued.now() == 0) && self.sessions.try_enter(max)
    }

    /// As [`Self::try_take`], for somebody whose turn it is.
    pub(crate) fn try_take_in_turn(&self) -> bool {
        self.sessions.try_enter(self.dynamic_maxconn())
    }

    /// Takes a slot beyond any limit: what `option persist` and redispatching out of a full queue need never, and a
    /// stream whose connection is already there does.
    pub fn take_always(&self) {
        self.sessions.enter();
    }

    /// The address that replaces the configured one (`set server … addr`, name resolution).
    pub fn addr(&self) -> Option<SocketAddr> {
        self.addr.load().as_deref().copied()
    }

    pub(super) fn store_addr(&self, addr: Option<SocketAddr>) {
        self.addr.store(addr.map(Arc::new));
    }

    /// Takes note that a session began.
    pub fn touch_session(&self, now_ms: u64) {
        self.hot.last_session_ms.store(now_ms, Relaxed);
    }

    /// Milliseconds since the last session began; `None` if none did.
    pub fn since_session_ms(&self, now_ms: u64) -> Option<u64> {
        match self.hot.last_session_ms.load(Relaxed) {
            0 => None,
            t => Some(now_ms.saturating_sub(t)),
        }
    }

    /// The health counter and its top, which together choose the interval of checks.
    pub fn health(&self) -> (u32, u32) {
        let s = lock(&self.slow);
        (s.health, s.full_health())
    }

    /// Whether its state is still what the configuration began with: a check is due and none has ended yet.
    pub fn awaits_first_check(&self) -> bool {
        let s = lock(&self.slow);
        s.has_check() && s.check_enabled && !s.checked_once && s.admin & admin::MAINT == 0
    }

    // ---- what checks and administration read -----------------------------------------------------------

    pub fn snapshot(&self, now_ms: u64) -> ServerSnapshot {
        let s = lock(&self.slow);
        let tracked = s.tracked();
        let followed = tracked.as_ref().map(|t| lock(&root(t).slow).health_view());
        let (health, rise, fall, enabled) = followed.unwrap_or_else(|| s.health_view());
        let checks = s.has_check();
        let maint = s.admin & admin::MAINT != 0;
        let mut state = if checks { check_state::CONFIGURED } else { 0 };
        if checks && s.check_enabled {
            state |= check_state::ENABLED;
        }
        if s.in_progress && checks {
            state |= check_state::INPROGRESS;
        }
        if maint {
            state |= check_state::PAUSED;
        }
        let up = s.op != OpState::Stopped;
        ServerSnapshot {
            op: s.op,
            admin: s.admin,
            uweight: s.uweight,
            iweight: s.config.weight,
            weight: match s.admin & admin::DRAIN {
                0 => self.weight_shown(),
                _ => s.effective_weight(now_ms).0.div_ceil(WEIGHT_SCALE),
            },
            status: status_word(&s, health, rise, fall, enabled),
            health,
            rise,
            fall,
            check_state: state,
            report: (checks && s.check_enabled && !maint && s.report.status != Status::Unknown)
                .then(|| s.report.clone()),
            last_report: s.report.clone(),
            in_progress: s.in_progress,
            since_change_ms: now_ms.saturating_sub(s.last_change_ms),
            down_transitions: s.down_transitions,
            downtime_ms: s.downtime_ms + if up { 0 } else { now_ms.saturating_sub(s.last_change_ms) },
            failed_checks: s.failed_checks,
            throttle_percent: (s.op == OpState::Starting).then(|| self.hot.throttle_percent.load(SeqCst)),
            backup: s.config.backup,
            checked: checks,
            tracked: tracked.map(|t| format!("{}/{}", t.backend.name, t.name)),
            check_port: s.check_port,
        }
    }

    /// `clear counters all`.
    pub fn clear_downs(&self) {
        let mut s = lock(&self.slow);
        (s.down_transitions, s.downtime_ms, s.failed_checks) = (0, 0, 0);
    }
}

impl Slow {
    fn health_view(&self) -> (u32, u32, u32, bool) {
        (self.health, self.rise(), self.fall(), self.has_check() && self.check_enabled)
    }
}

/// The server at the end of a chain of `track`, which has the check. Chains are short, and a ring is refused by
/// compile; the bound keeps a mistake there from hanging us.
pub(super) fn root(of: &Arc<ServerState>) -> Arc<ServerState> {
    const CHAIN_MAX: usize = 64;
    let mut at = of.clone();
    for _ in 0..CHAIN_MAX {
        let next = lock(&at.slow).tracked();
        match next {
            Some(n) => at = n,
            None => break,
        }
    }
    at
}

/// What `show stat` prints as `status`.
fn status_word(s: &Slow, health: u32, rise: u32, fall: u32, checked: bool) -> String {
    if s.admin & admin::RMAINT != 0 {
        return "MAINT (resolution)".into();
    }
    if s.admin & admin::IMAINT != 0 && s.admin & admin::FMAINT == 0 {
        return match s.tracked() {
            Some(t) => format!("MAINT (via {}/{})", t.backend.name, t.name),
            None => "MAINT".into(),
        };
    }
    if s.admin & admin::MAINT != 0 {
        return "MAINT".into();
    }
    let full = rise + fall - 1;
    let up_part = || format!("{}/{}", (health + 1).saturating_sub(rise), fall);
    match s.op {
        OpState::Stopped if checked && health > 0 => format!("DOWN {health}/{rise}"),
        OpState::Stopped => "DOWN".into(),
        _ if s.admin & admin::DRAIN != 0 => match checked && health < full {
            true => format!("DRAIN {}", up_part()),
            false => "DRAIN".into(),
        },
        OpState::Stopping => match checked && health < full {
            true => format!("NOLB {}", up_part()),
            false => "NOLB".into(),
        },
        _ if !checked => "no check".into(),
        _ if health < full => format!("UP {}", up_part()),
        _ => "UP".into(),
    }
}

/// A server at one moment, as `show stat` and `show servers state` print it.
#[derive(Clone, PartialEq, Debug)]
pub struct ServerSnapshot {
    pub op: OpState,
    /// Bits of [`admin`].
    pub admin: u32,
    pub uweight: u32,
    pub iweight: u32,
    /// Effective weight (`weight` of `show stat`).
    pub weight: u32,
    /// `UP`, `UP 1/3`, `DOWN 1/2`, `NOLB`, `DRAIN`, `MAINT`, `MAINT (via b/s)`, `no check`, …
    pub status: String,
    pub health: u32,
    pub rise: u32,
    pub fall: u32,
    /// Bits of [`check_state`].
    pub check_state: u32,
    /// The last check, where `show stat` shows it (not in maintenance, not without a check).
    pub report: Option<CheckReport>,
    /// The last check in any case (`show servers state`).
    pub last_report: CheckReport,
    /// A check is running (`* ` before its status).
    pub in_progress: bool,
    pub since_change_ms: u64,
    pub down_transitions: u32,
    pub downtime_ms: u64,
    pub failed_checks: u64,
    /// Percent of its weight while it warms up.
    pub throttle_percent: Option<u32>,
    pub backup: bool,
    pub checked: bool,
    /// `backend/server` that it tracks.
    pub tracked: Option<String>,
    pub check_port: Option<u16>,
}
