//! How servers move between up, stopping and down, into and out of maintenance and drain, and what that says.
//!
//! Every path into another state goes through here, so that the hot half, the tracking servers, the backend's
//! availability, the queues and the log lines follow together. Invariants: no lock of a server is held while one of
//! a server that tracks it, of its backend or of the queue is taken; the texts are those that people's log searches
//! know (compared with HAProxy 3.5). The caller writes the lines and performs what [`Change`] asks for.

use std::{
    fmt,
    sync::{Arc, Weak, atomic::Ordering::Relaxed},
};

use super::{
    CheckReport, OpState, ServerConfig, ServerState, StateWord, WEIGHT_SCALE, admin, lock,
    server::{Slow, root},
};
use crate::engine::{
    check::{InitState, OnError, Status, Verdict, agent},
    queue,
};

/// Syslog severity of a line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Severity {
    Emergency = 0,
    Alert = 1,
    Warning = 4,
    Notice = 5,
}

/// A line for the logs of a backend and for standard error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    pub severity: Severity,
    pub backend: Arc<str>,
    pub text: String,
}

/// A server by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerName {
    pub backend: Arc<str>,
    pub server: Arc<str>,
}

/// What a change of state asks its caller to do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    pub log: Vec<LogLine>,
    /// Servers whose sessions end now (`on-marked-down shutdown-sessions`).
    pub shutdown: Vec<ServerName>,
    /// Backends whose backup servers' sessions end now (`on-marked-up shutdown-backup-sessions`).
    pub shutdown_backups: Vec<Arc<str>>,
    /// A server warms up: somebody has to call [`ServerState::tick`].
    pub warming: bool,
}

/// Why a server moves, as the log line says it.
pub(super) enum Why<'a> {
    Check(&'a CheckReport),
    /// Already said by `option log-health-checks`.
    Said,
    Cli,
    /// The agent's word, and what it said besides.
    Agent(&'static str, &'a str),
    Via(&'a ServerState),
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Check(r) => write!(f, ", {r}"),
            Why::Said => Ok(()),
            Why::Agent(word, "") => write!(f, ", reported '{word}' by its agent"),
            Why::Agent(word, text) => write!(f, ", reported '{word}' by its agent: \"{text}\""),
            Why::Cli => f.write_str(", changed from CLI"),
            Why::Via(s) => write!(f, " via {}", s.full_name()),
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reason: {}", self.status.text())?;
        if self.status.has_code() {
            write!(f, ", code: {}", self.code)?;
        }
        if !self.info.is_empty() {
            write!(f, ", info: \"{}\"", self.info)?;
        }
        write!(f, ", check duration: {}ms", self.duration_ms)
    }
}

impl Change {
    fn say(&mut self, severity: Severity, of: &ServerState, text: String) {
        self.log.push(LogLine { severity, backend: of.backend.name.clone(), text });
    }
}

impl ServerState {
    /// Takes over what a plan says. The first time it sets everything; later only what the plan changed, so that
    /// weights and maintenance set at run time, and health, outlive a reload.
    pub fn configure(self: &Arc<Self>, config: ServerConfig, now_ms: u64) {
        let tracked = config.track.as_ref().and_then(Weak::upgrade);
        {
            let mut s = lock(&self.slow);
            let fresh = !s.configured;
            if fresh || s.config.weight != config.weight {
                s.uweight = config.weight;
            }
            if fresh || s.config.maxconn != config.maxconn {
                self.hot.maxconn.store(config.maxconn, Relaxed);
            }
            let check_changed = s.config.check != config.check;
            if fresh || s.config.disabled != config.disabled {
                match config.disabled {
                    true => s.admin |= admin::FMAINT | admin::CMAINT,
                    false => s.admin &= !(admin::FMAINT | admin::CMAINT),
                }
            }
            if fresh && config.unresolved {
                s.admin |= admin::RMAINT;
            }
            s.config = config;
            if fresh {
                s.start(now_ms);
                s.resume(now_ms);
            } else if check_changed {
                s.health = if s.op == OpState::Stopped { 0 } else { s.full_health() };
            }
            s.configured = true;
        }
        if let Some(t) = tracked {
            let mut t = lock(&t.slow);
            t.trackers.retain(|w| w.upgrade().is_some_and(|x| !Arc::ptr_eq(&x, self)));
            t.trackers.push(Arc::downgrade(self));
        }
        self.settle_at_start(now_ms);
    }

    /// A server that is disabled, or tracks one that is down, begins there without a word.
    fn settle_at_start(&self, now_ms: u64) {
        let followed = lock(&self.slow).tracked().map(|t| root(&t));
        let above = followed.map(|t| {
            let t = lock(&t.slow);
            (t.op, t.admin)
        });
        let mut s = lock(&self.slow);
        if let Some((_, a)) = above {
            s.admin &= !(admin::IMAINT | admin::IDRAIN);
            if a & admin::MAINT != 0 {
                s.admin |= admin::IMAINT;
            }
            if a & admin::DRAIN != 0 {
                s.admin |= admin::IDRAIN;
            }
        }
        let want = match (s.admin & admin::MAINT != 0, above) {
            (true, _) => OpState::Stopped,
            (false, Some((op, _))) => op,
            (false, None) if s.op == OpState::Stopped && (!s.has_check() || s.health >= s.rise()) => {
                OpState::Running
            }
            (false, None) => s.op,
        };
        if want != s.op {
            s.op = want;
            s.last_change_ms = now_ms;
        }
        self.publish(&s, now_ms);
        drop(s);
        self.backend.touch();
    }

    /// Computes the hot half.
    fn publish(&self, s: &Slow, now_ms: u64) {
        let (weight, throttle) = s.effective_weight(now_ms);
        let eweight = if s.admin & admin::DRAIN != 0 { 0 } else { weight };
        self.hot.op.store(s.op as u8, Relaxed);
        self.hot.eweight.store(eweight, Relaxed);
        self.hot.throttle_percent.store(throttle, Relaxed);
        self.hot.backup.store(s.config.backup, Relaxed);
        self.hot.minconn.store(s.config.minconn, Relaxed);
        self.hot.maxqueue.store(s.config.maxqueue, Relaxed);
        self.hot.fullconn.store(s.config.fullconn, Relaxed);
    }

    /// Recomputes weight and throttle and lets those who wait profit.
    pub(super) fn republish(&self, now_ms: u64) {
        let s = lock(&self.slow);
        self.publish(&s, now_ms);
        drop(s);
        self.backend.settle(now_ms);
        queue::wake(self);
    }

    /// Warms a server up; gives the time of the next step, `None` when it is warm (manual 5.2, `slowstart`).
    pub fn tick(&self, now_ms: u64) -> Option<u64> {
        let mut s = lock(&self.slow);
        if s.op != OpState::Starting {
            return None;
        }
        let slowstart = u64::from(s.config.slowstart_ms);
        let warm = now_ms.saturating_sub(s.last_change_ms) >= slowstart;
        if warm {
            s.op = OpState::Running;
        }
        drop(s);
        self.republish(now_ms);
        (!warm).then(|| now_ms + (slowstart / 20).max(1_000))
    }

    // ---- results of checks -------------------------------------------------------------------------

    /// A check begins; `false` when it shall not (maintenance, checks disabled).
    pub fn check_begins(&self) -> bool {
        let mut s = lock(&self.slow);
        s.in_progress = s.has_check() && s.check_enabled && s.admin & admin::MAINT == 0;
        s.in_progress
    }

    /// A check ended. `rise` good ones in a row take a server up, `fall` bad ones take it down.
    pub fn check_done(&self, verdict: Verdict, report: CheckReport, now_ms: u64) -> Change {
        let mut out = Change::default();
        let (to, said) = {
            let mut s = lock(&self.slow);
            s.in_progress = false;
            if !s.has_check() || !s.check_enabled || s.admin & admin::MAINT != 0 {
                return out;
            }
            let (before, was) = (s.health, s.report.status);
            s.count(verdict);
            let first = !std::mem::replace(&mut s.checked_once, true);
            if verdict == Verdict::Failed && before >= s.rise() && !first {
                s.failed_checks += 1;
            }
            let news = report.status != was
                || (verdict == Verdict::Failed && before != 0)
                || (verdict == Verdict::Passed && before != s.full_health());
            if s.config.log_health_checks && news && verdict != Verdict::Neutral {
                let line = s.health_line(self, verdict, &report);
                out.say(Severity::Notice, self, line);
            }
            s.report = report.clone();
            s.last_check_ms = now_ms;
            (s.wanted(verdict), s.config.log_health_checks)
        };
        if let Some(to) = to {
            let why = if said { Why::Said } else { Why::Check(&report) };
            self.move_to(to, &why, now_ms, &mut out);
        }
        out
    }

    /// What the server's agent said; weights and limits it names wrongly stay as they are.
    pub fn agent_said(&self, answer: &agent::Answer, now_ms: u64) -> Change {
        let mut out = Change::default();
        if let Some(word) = &answer.weight {
            // A static algorithm does not take it.
            let _ = self.set_weight(word, now_ms);
        }
        if let Some(word) = &answer.maxconn {
            let _ = self.set_maxconn(word);
        }
        if let Some(admin) = answer.admin {
            out = self.set_state(
                match admin {
                    agent::Admin::Ready => StateWord::Ready,
                    agent::Admin::Drain => StateWord::Drain,
                    agent::Admin::Maint => StateWord::Maint,
                },
                now_ms,
            );
        }
        let Some(serving) = answer.serving else { return out };
        let up = serving == agent::Serving::Up;
        let healthy = {
            let mut s = lock(&self.slow);
            s.agent_down = !up;
            !s.has_check() || s.health >= s.rise()
        };
        let why = Why::Agent(serving.word(), &answer.words);
        match up {
            true if healthy => self.move_to(OpState::Running, &why, now_ms, &mut out),
            true => {}
            false => self.move_to(OpState::Stopped, &why, now_ms, &mut out),
        }
        out
    }

    /// What traffic saw of the server: `None` is well. Enough errors in a row lead to what `on-error` says.
    pub fn observed(&self, error: Option<&str>, now_ms: u64) -> Option<Change> {
        let Some(error) = error else {
            if self.errors.load(Relaxed) > 0 {
                self.errors.store(0, Relaxed);
            }
            return None;
        };
        let n = self.errors.fetch_add(1, Relaxed) + 1;
        let then = {
            let mut s = lock(&self.slow);
            let observe = s.config.observe.filter(|o| n >= o.limit)?;
            if !s.has_check() || s.admin & admin::MAINT != 0 || s.op == OpState::Stopped {
                return None;
            }
            // One more failure is to be the last.
            match observe.then {
                OnError::SuddenDeath => s.health = s.health.min(s.rise() + 1),
                OnError::MarkDown => s.health = s.rise(),
                OnError::Fastinter | OnError::FailCheck => {}
            }
            observe.then
        };
        self.errors.store(0, Relaxed);
        self.hurry();
        if then == OnError::Fastinter {
            return None;
        }
        let info = format!("Detected {n} consecutive errors, last one was: {error}");
        let report = CheckReport { status: Status::Hana, code: 0, info, duration_ms: 0 };
        Some(self.check_done(Verdict::Failed, report, now_ms))
    }

    // ---- movements -----------------------------------------------------------------------------------

    /// Brings the server and all that track it to another operational state.
    pub(super) fn move_to(&self, to: OpState, why: &Why<'_>, now_ms: u64, out: &mut Change) {
        let trackers = {
            let mut s = lock(&self.slow);
            let same = s.op == to || (s.op == OpState::Starting && to == OpState::Running);
            if same || s.admin & admin::MAINT != 0 {
                return;
            }
            s.enter(to, now_ms, out);
            self.publish(&s, now_ms);
            s.trackers.clone()
        };
        let requeued = self.settle_queues(to, out);
        let emptied = self.backend.settle(now_ms);
        let (word, severity) = match to {
            OpState::Stopped => ("DOWN", Severity::Alert),
            OpState::Stopping => ("stopping", Severity::Notice),
            OpState::Starting | OpState::Running => ("UP", Severity::Notice),
        };
        let text = format!(
            "{}Server {} is {word}{why}.{}",
            self.backup_word(),
            self.full_name(),
            self.counts_text(to == OpState::Stopped, requeued)
        );
        out.say(severity, self, text);
        self.say_if_emptied(emptied, out);
        for t in trackers.iter().filter_map(Weak::upgrade) {
            t.move_to(to, &Why::Via(self), now_ms, out);
        }
    }

    /// Sets a maintenance flag, here and inherited in all that track it.
    pub(super) fn enter_maint(&self, flag: u32, via: Option<&ServerState>, now_ms: u64, out: &mut Change) {
        let (was_maint, was_down, trackers) = {
            let mut s = lock(&self.slow);
            let was = (s.admin & admin::MAINT != 0, s.op == OpState::Stopped);
            s.admin |= flag;
            if !was.0 {
                s.health = 0;
                if !was.1 {
                    s.enter(OpState::Stopped, now_ms, out);
                }
                self.publish(&s, now_ms);
            }
            (was.0, was.1, s.trackers.clone())
        };
        if was_maint {
            return;
        }
        let requeued = self.settle_queues(OpState::Stopped, out);
        let emptied = self.backend.settle(now_ms);
        let via = via.map(|v| format!(" via {}", v.full_name())).unwrap_or_default();
        let (who, name) = (self.backup_word(), self.full_name());
        match was_down {
            true => out.say(
                Severity::Notice,
                self,
                format!("{who}Server {name} was DOWN and now enters maintenance{via}."),
            ),
            false => {
                let counts = self.counts_text(true, requeued);
                let text = format!("{who}Server {name} is going DOWN for maintenance{via}.{counts}");
                out.say(Severity::Alert, self, text);
            }
        }
        self.say_if_emptied(emptied, out);
        for t in trackers.iter().filter_map(Weak::upgrade) {
            t.enter_maint(admin::IMAINT, Some(self), now_ms, out);
        }
    }

    /// Clears a maintenance flag; when it was the last one the server comes back, with one failure to spend.
    pub(super) fn leave_maint(&self, flag: u32, now_ms: u64, out: &mut Change) {
        let followed = lock(&self.slow).tracked().map(|t| root(&t).op());
        let (left, drain, op, trackers) = {
            let mut s = lock(&self.slow);
            let was = s.admin & admin::MAINT != 0;
            s.admin &= !flag;
            let left = was && s.admin & admin::MAINT == 0;
            if left {
                s.health = s.rise();
                let to = followed.unwrap_or(OpState::Running);
                if to != OpState::Stopped && !s.agent_down {
                    s.enter(to, now_ms, out);
                }
            }
            self.publish(&s, now_ms);
            (left, s.admin & admin::DRAIN, s.op, s.trackers.clone())
        };
        if !left {
            return;
        }
        self.backend.settle(now_ms);
        let (who, name) = (self.backup_word(), self.full_name());
        let up = if op == OpState::Stopped { "DOWN" } else { "UP" };
        let ready = if drain != 0 { "DRAIN" } else { "READY" };
        let why = match flag {
            admin::FMAINT => "leaving forced maintenance",
            admin::RMAINT => "resolves again",
            _ => "leaving maintenance",
        };
        let text = format!("{who}Server {name} is {up}/{ready} ({why}).");
        out.say(Severity::Notice, self, text);
        if drain & admin::FDRAIN != 0 {
            let text = format!("{who}Server {name} remains in forced drain mode.");
            out.say(Severity::Notice, self, text);
        }
        self.settle_queues(op, out);
        for t in trackers.iter().filter_map(Weak::upgrade) {
            t.leave_maint(admin::IMAINT, now_ms, out);
        }
    }

    /// Sets a drain flag: no new sessions but those that name the server.
    pub(super) fn enter_drain(&self, flag: u32, via: Option<&ServerState>, now_ms: u64, out: &mut Change) {
        let (was, maint, down, trackers) = {
            let mut s = lock(&self.slow);
            let was = s.admin & admin::DRAIN != 0;
            s.admin |= flag;
            self.publish(&s, now_ms);
            (was, s.admin & admin::MAINT != 0, s.op == OpState::Stopped, s.trackers.clone())
        };
        if was {
            return;
        }
        let emptied = self.backend.settle(now_ms);
        if !maint {
            let via = via.map(|v| format!(" via {}", v.full_name())).unwrap_or_default();
            let counts = self.counts_text(down, 0);
            let text =
                format!("{}Server {} enters drain state{via}.{counts}", self.backup_word(), self.full_name());
            out.say(Severity::Notice, self, text);
        }
        self.say_if_emptied(emptied, out);
        for t in trackers.iter().filter_map(Weak::upgrade) {
            t.enter_drain(admin::IDRAIN, Some(self), now_ms, out);
        }
    }

    /// Clears a drain flag.
    pub(super) fn leave_drain(&self, flag: u32, via: Option<&ServerState>, now_ms: u64, out: &mut Change) {
        let (left, maint, op, trackers) = {
            let mut s = lock(&self.slow);
            let was = s.admin & admin::DRAIN != 0;
            s.admin &= !flag;
            self.publish(&s, now_ms);
            let left = was && s.admin & admin::DRAIN == 0;
            (left, s.admin & admin::MAINT != 0, s.op, s.trackers.clone())
        };
        if !left {
            return;
        }
        self.backend.settle(now_ms);
        if !maint {
            let up = if op == OpState::Stopped { "DOWN" } else { "UP" };
            let tail = match via {
                None => "(leaving forced drain).".to_owned(),
                Some(v) => format!("(leaving drain) via {}.", v.full_name()),
            };
            let text = format!("{}Server {} is {up} {tail}", self.backup_word(), self.full_name());
            out.say(Severity::Notice, self, text);
        }
        queue::wake(self);
        for t in trackers.iter().filter_map(Weak::upgrade) {
            t.leave_drain(admin::IDRAIN, Some(self), now_ms, out);
        }
    }

    // ---- helpers ---------------------------------------------------------------------------------------

    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.backend.name, self.name)
    }

    fn backup_word(&self) -> &'static str {
        if self.is_backup() { "Backup " } else { "" }
    }

    /// Sends its waiters elsewhere when it went down, or lets them in; tells how many had to go. Notes whose
    /// sessions have to end (`on-marked-down`, `on-marked-up`).
    fn settle_queues(&self, to: OpState, out: &mut Change) -> usize {
        let (on_down, on_up) = {
            let c = &lock(&self.slow).config;
            (c.on_marked_down_shutdown, c.on_marked_up_shutdown_backups && !c.backup)
        };
        match to {
            OpState::Stopped => {
                if on_down {
                    let (backend, server) = (self.backend.name.clone(), self.name.clone());
                    out.shutdown.push(ServerName { backend, server });
                }
                queue::evict(self)
            }
            OpState::Stopping => 0,
            OpState::Starting | OpState::Running => {
                if on_up {
                    out.shutdown_backups.push(self.backend.name.clone());
                }
                queue::wake(self);
                0
            }
        }
    }

    fn counts_text(&self, left: bool, requeued: usize) -> String {
        let c = self.backend.counts();
        let (a, b) = (c.active, c.backup);
        let on_backup = if a == 0 && b > 0 { " Running on backup." } else { "" };
        match left {
            true => format!(
                " {a} active and {b} backup servers left.{on_backup} {} sessions active, {requeued} requeued, \
                 {} remaining in queue.",
                self.sessions.now(),
                self.queued.now()
            ),
            false => format!(
                " {a} active and {b} backup servers online.{on_backup} {requeued} sessions requeued, {} total \
                 in queue.",
                self.backend.queued.now()
            ),
        }
    }

    fn say_if_emptied(&self, emptied: bool, out: &mut Change) {
        if emptied {
            let kind = self.backend.kind_word();
            let text = format!("{kind} {} has no server available!", self.backend.name);
            out.say(Severity::Emergency, self, text);
        }
    }
}

impl Slow {
    /// Where a new server begins.
    fn start(&mut self, now_ms: u64) {
        let (rise, full) = (self.rise(), self.full_health());
        (self.health, self.op) = match self.config.init {
            _ if self.admin & admin::MAINT != 0 => (0, OpState::Stopped),
            InitState::Up => (rise, OpState::Running),
            InitState::FullyUp => (full, OpState::Running),
            InitState::Down if self.has_check() => (rise - 1, OpState::Stopped),
            InitState::FullyDown if self.has_check() => (0, OpState::Stopped),
            InitState::Down | InitState::FullyDown => (rise, OpState::Running),
        };
        self.last_change_ms = now_ms;
        self.report = CheckReport::default();
        if self.has_check() {
            self.report.status = Status::Init;
        }
    }

    /// Takes up what an earlier process left: maintenance and drain set at run time, health, and the weight unless
    /// the file has another one now (manual 4.2, `load-server-state-from-file`).
    fn resume(&mut self, now_ms: u64) {
        let Some(saved) = self.config.saved.take() else { return };
        if saved.iweight == self.config.weight {
            self.uweight = saved.uweight.min(256);
        }
        self.admin |= saved.admin & (admin::FMAINT | admin::FDRAIN);
        if self.config.disabled {
            self.admin |= admin::CMAINT;
        } else if saved.admin & admin::CMAINT != 0 {
            // It was in maintenance by the old file only.
            self.admin &= !(admin::FMAINT | admin::CMAINT);
        }
        let down = saved.op == OpState::Stopped as u8;
        if self.admin & admin::MAINT != 0 {
            (self.op, self.health) = (OpState::Stopped, 0);
        } else if self.has_check() {
            let full = self.full_health();
            self.health =
                if down { saved.health.min(self.rise() - 1) } else { saved.health.clamp(self.rise(), full) };
            self.op = if down { OpState::Stopped } else { OpState::Running };
        }
        self.last_change_ms = now_ms.saturating_sub(saved.since_ms);
    }

    /// Enters an operational state, with what belongs to it.
    fn enter(&mut self, to: OpState, now_ms: u64, out: &mut Change) {
        let from = self.op;
        let warms = to == OpState::Running && self.config.slowstart_ms > 0 && self.config.dynamic_weights;
        self.op = if warms { OpState::Starting } else { to };
        out.warming |= warms;
        if from == OpState::Stopped && to != OpState::Stopped {
            self.downtime_ms += now_ms.saturating_sub(self.last_change_ms);
        }
        if to == OpState::Stopped && from != OpState::Stopped && self.admin & admin::MAINT == 0 {
            self.down_transitions += 1;
        }
        self.last_change_ms = now_ms;
    }

    /// Weight in parts of [`WEIGHT_SCALE`] and percent of the warm state.
    pub(super) fn effective_weight(&self, now_ms: u64) -> (u32, u32) {
        let throttle = match (self.op, u64::from(self.config.slowstart_ms)) {
            (OpState::Starting, slowstart @ 1..) => {
                let elapsed = now_ms.saturating_sub(self.last_change_ms).min(slowstart);
                let parts = (u64::from(WEIGHT_SCALE) * elapsed + slowstart) / slowstart;
                let parts = parts.clamp(1, u64::from(WEIGHT_SCALE)) as u32;
                let percent = (elapsed * 100 / slowstart).clamp(1, 100) as u32;
                Some((parts, percent))
            }
            _ => None,
        };
        match throttle {
            Some((parts, percent)) => (self.uweight * parts, percent),
            None => (self.uweight * WEIGHT_SCALE, 100),
        }
    }

    /// Moves the health counter: below `rise` the server is down, at the top it is fully up.
    fn count(&mut self, verdict: Verdict) {
        let (rise, full) = (self.rise(), self.full_health());
        match verdict {
            Verdict::Neutral => {}
            Verdict::Passed | Verdict::Conditional => {
                if self.health < full {
                    self.health += 1;
                    if self.health >= rise {
                        self.health = full;
                    }
                }
            }
            Verdict::Failed => {
                self.health = match self.health {
                    h if h > rise => h - 1,
                    _ => 0,
                };
            }
        }
    }

    /// The operational state that a verdict leads to, if it leads to one.
    fn wanted(&self, verdict: Verdict) -> Option<OpState> {
        match verdict {
            Verdict::Neutral => None,
            Verdict::Failed => (self.health == 0).then_some(OpState::Stopped),
            _ if self.health < self.rise() || self.agent_down => None,
            Verdict::Passed => Some(OpState::Running),
            Verdict::Conditional => (self.op != OpState::Stopped).then_some(OpState::Stopping),
        }
    }

    fn health_line(&self, of: &ServerState, verdict: Verdict, report: &CheckReport) -> String {
        let kind = if self.config.backup { "backup " } else { "" };
        let word = match verdict {
            Verdict::Passed => "succeeded",
            Verdict::Conditional => "conditionally succeeded",
            Verdict::Neutral | Verdict::Failed => "failed",
        };
        let (n, of_n, state) = match self.health.checked_sub(self.rise()) {
            Some(n) => (n + 1, self.fall(), "UP"),
            None => (self.health, self.rise(), "DOWN"),
        };
        format!(
            "Health check for {kind}server {} {word}, {report}, status: {n}/{of_n} {state}.",
            of.full_name()
        )
    }
}
