//! Health checks, run on a thread of their own with a runtime of its own, away from the traffic.
//!
//! Owns the thread ([`run`]), the time at which each server is looked at, and the carrying out of what a change of
//! state asks for ([`perform`]). Follows the current configuration by itself: a reload ends the checks of the old
//! one. A check is a task that holds a socket only while it runs, so thousands of servers cost little. What a check
//! says and expects is `engine::check`'s, what it means `engine::state`'s; connecting is `check::probe`'s.

mod adopt;
mod agent;
mod external;
mod probe;
mod world;

use std::{
    cell::RefCell,
    io::{self, Write},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

pub use self::adopt::adopt;
use super::{
    log::Logger,
    resolve::Resolver,
    runtime::{Runtime, Shared, Which, WorkerCommand},
};
use crate::{
    compile::plan::{Backend, Server},
    engine::{
        check::{Script, Spec, script::Program},
        sample::ProcessFacts,
        state::{Change, CheckReport, LogLine, OpState, ServerState, Severity},
    },
};

/// How often the thread looks for a new configuration and for servers that warm up.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Looks between two steps of warming servers.
const LOOKS_PER_STEP: u32 = 4;
/// Checks with shorter intervals all begin at once; the others spread over the shortest of theirs.
const SPREAD_FROM_MS: u32 = 1_000;

/// Checks servers until the process ends. To be called on a thread of its own, after [`adopt`].
///
/// # Errors
/// The runtime of the thread cannot be made.
pub fn run(shared: &Arc<Shared>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, follow(shared));
    Ok(())
}

/// Starts the checks of each configuration in turn, and warms servers up.
async fn follow(shared: &Arc<Shared>) {
    let logger = Rc::new(RefCell::new(Logger::new(shared.log.clone(), shared.zone.clone())));
    let mut generation = 0;
    let mut checks = JoinSet::new();
    let mut looks = 0u32;
    let mut every = tokio::time::interval(LOOK_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        while checks.try_join_next().is_some() {}
        let current = shared.runtime.load_full();
        if current.generation != generation {
            generation = current.generation;
            checks.abort_all();
            start_all(shared, &current, &logger, &mut checks);
        }
        looks = looks.wrapping_add(1);
        if looks.is_multiple_of(LOOKS_PER_STEP) {
            warm_up(&current, now_ms(shared));
        }
    }
}

/// Milliseconds on the process's clock.
fn now_ms(shared: &Shared) -> u64 {
    shared.started.elapsed().as_millis() as u64
}

fn warm_up(runtime: &Runtime, now_ms: u64) {
    let servers = runtime.plan.backends.iter().flat_map(|b| &b.servers);
    for s in servers.filter(|s| s.state.op() == OpState::Starting) {
        s.state.tick(now_ms);
    }
}

/// One task per checked server, their beginnings spread over the shortest interval.
fn start_all(
    shared: &Arc<Shared>,
    runtime: &Arc<Runtime>,
    logger: &Rc<RefCell<Logger>>,
    checks: &mut JoinSet<()>,
) {
    let plan = &runtime.plan;
    let all: Vec<_> = plan
        .backends
        .iter()
        .filter(|b| !b.disabled)
        .flat_map(|b| b.servers.iter().map(move |s| (b, s)))
        .filter_map(|(b, s)| Some((b, s, s.check.as_ref().filter(|_| s.track.is_none())?)))
        .collect();
    for ix in 0..plan.resolvers.len() {
        let resolver =
            Resolver { shared: shared.clone(), runtime: runtime.clone(), ix, logger: logger.clone() };
        checks.spawn_local(resolver.run());
    }
    for b in plan.backends.iter().filter(|b| !b.disabled) {
        for server in &b.servers {
            if let Some(spec) = &server.agent {
                let asker = agent::Asker {
                    shared: shared.clone(),
                    runtime: runtime.clone(),
                    server: server.clone(),
                    spec: spec.clone(),
                    logger: logger.clone(),
                };
                checks.spawn_local(asker.run());
            }
        }
    }
    let spread = all.iter().map(|(.., c)| c.inter_ms).filter(|&i| i >= SPREAD_FROM_MS).min().unwrap_or(0);
    let count = all.len().max(1) as u64;
    let facts = Rc::new(ProcessFacts {
        hostname: nix::unistd::gethostname().ok().and_then(|n| n.into_string().ok()).unwrap_or_default(),
        zone: (*shared.zone).clone(),
        start_s: shared.started_us / 1_000_000,
    });
    for (position, (backend, server, spec)) in all.into_iter().enumerate() {
        let delay = match spec.inter_ms >= SPREAD_FROM_MS {
            true => u64::from(spread) * position as u64 / count,
            false => 0,
        };
        let checker = Checker {
            shared: shared.clone(),
            runtime: runtime.clone(),
            backend: backend.clone(),
            server: server.clone(),
            program: Program::new(spec),
            spec: spec.clone(),
            logger: logger.clone(),
            facts: facts.clone(),
            seed: shared.started_us ^ (u64::from(server.state.uid) << 40) | 1,
        };
        checks.spawn_local(checker.run(Duration::from_millis(delay)));
    }
}

/// The checks of one server.
struct Checker {
    shared: Arc<Shared>,
    runtime: Arc<Runtime>,
    backend: Arc<Backend>,
    server: Arc<Server>,
    program: Program,
    spec: Arc<Spec>,
    logger: Rc<RefCell<Logger>>,
    facts: Rc<ProcessFacts>,
    seed: u64,
}

impl Checker {
    async fn run(mut self, delay: Duration) {
        let mut due = tokio::time::Instant::now() + delay;
        loop {
            self.wait(due).await;
            if self.server.state.check_begins() {
                self.once().await;
            }
            let interval = Duration::from_millis(u64::from(self.spread(self.interval_ms()).max(1)));
            // From beginning to beginning; a check that took longer lets the beginnings it missed pass.
            let now = tokio::time::Instant::now();
            due += interval;
            if due < now {
                due = now;
            }
        }
    }

    /// Waits for the next check, or until traffic makes one look useful (`on-error`).
    async fn wait(&self, due: tokio::time::Instant) {
        if self.server.observe.is_none() {
            return tokio::time::sleep_until(due).await;
        }
        let s = &self.spec;
        let fast =
            Duration::from_millis(u64::from(if s.fastinter_ms > 0 { s.fastinter_ms } else { s.inter_ms }));
        let mut due = due;
        loop {
            let now = tokio::time::Instant::now();
            if now >= due {
                return;
            }
            tokio::time::sleep_until(due.min(now + LOOK_EVERY)).await;
            if self.server.state.take_hurry() {
                due = due.min(tokio::time::Instant::now() + fast);
            }
        }
    }

    async fn once(&self) {
        let begun = Instant::now();
        let probe = probe::Probe {
            runtime: &self.runtime,
            backend: &self.backend,
            server: &self.server,
            spec: &self.spec,
            program: &self.program,
            state_header: self.program.send_state.then(|| self.state_header()),
            around: world::CheckWorld {
                plan: &self.runtime.plan,
                backend: &self.backend,
                server: &self.server,
                facts: &self.facts,
            },
            now_us: self.shared.started_us
                + u64::try_from(self.shared.started.elapsed().as_micros()).unwrap_or(0),
            seed: self.seed,
        };
        let outcome = match &self.spec.script {
            Script::External(program) => external::run(&probe, program).await,
            _ => probe.run().await,
        };
        let report = CheckReport {
            status: outcome.status,
            code: if outcome.status.has_code() { outcome.code } else { 0 },
            info: outcome.info,
            duration_ms: u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX),
        };
        let change = self.server.state.check_done(report.status.verdict(), report, now_ms(&self.shared));
        perform(&self.shared, &self.runtime, &mut self.logger.borrow_mut(), change);
    }

    /// Varies an interval as `spread-checks` says (manual 3.1), so that checks of one beginning drift apart.
    fn spread(&mut self, interval_ms: u32) -> u32 {
        let g = &self.runtime.plan.global;
        let most = match g.spread_checks_ms_max {
            0 => u32::MAX,
            max => max,
        };
        let reach = (u64::from(interval_ms) * u64::from(g.spread_checks_percent) / 100).min(u64::from(most));
        if reach == 0 {
            return interval_ms;
        }
        // Marsaglia's xorshift: drift needs no better randomness.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (u64::from(interval_ms) - reach + self.seed % (2 * reach + 1)) as u32
    }

    /// `inter` while the server is fully up, `downinter` while it is fully down, `fastinter` between.
    fn interval_ms(&self) -> u32 {
        let s = &self.spec;
        let or_inter = |v: u32| if v > 0 { v } else { s.inter_ms };
        match self.server.state.health() {
            (0, _) => or_inter(s.downinter_ms),
            (health, full) if health >= full => s.inter_ms,
            _ => or_inter(s.fastinter_ms),
        }
    }

    /// The value of `X-Haproxy-Server-State` (manual 4.2, `http-check send-state`).
    fn state_header(&self) -> String {
        let (b, s) = (&self.backend, &self.server);
        let address = probe::address(s);
        let counts = b.state.counts();
        format!(
            "{}; address={}; port={}; name={}/{}; node={}; weight={}/{}; scur={}/{}; qcur={}",
            s.state.snapshot(now_ms(&self.shared)).status,
            address.map_or_else(|| "unix".to_owned(), |a| a.ip().to_string()),
            address.map_or(0, |a| a.port()),
            b.name,
            s.name,
            self.runtime.plan.global.node,
            s.state.weight_shown(),
            counts.active_weight + counts.backup_weight,
            s.state.sessions.now(),
            b.state.sessions.now(),
            s.state.queued.now(),
        )
    }
}

/// Carries out what a change of state asks for: lines for the logs and standard error, and sessions that have to
/// end. For checks and for administration alike.
pub fn perform(shared: &Shared, runtime: &Runtime, logger: &mut Logger, change: Change) {
    let now_us = shared.started_us + u64::try_from(shared.started.elapsed().as_micros()).unwrap_or(0);
    for line in &change.log {
        say(runtime, line);
        if let Some(b) = runtime.plan.backends.iter().find(|b| b.name == line.backend) {
            logger.send(&runtime.log, &b.log, line.severity as u8, b"", line.text.as_bytes(), now_us);
        }
    }
    logger.flush();
    let end = |state: &ServerState| {
        for w in &shared.workers {
            let which = Which::Server(state.backend.name.to_string(), state.name.to_string());
            // A worker that has gone has no sessions.
            let _ = w.send(WorkerCommand::Shutdown { which });
        }
    };
    let servers = || runtime.plan.backends.iter().flat_map(|b| &b.servers).map(|s| &*s.state);
    for name in &change.shutdown {
        servers().filter(|s| s.backend.name == name.backend && s.name == name.server).for_each(end);
    }
    for backend in &change.shutdown_backups {
        servers().filter(|s| s.backend.name == *backend && s.is_backup()).for_each(end);
    }
}

/// A process in the foreground says it on standard error as well.
fn say(runtime: &Runtime, line: &LogLine) {
    let g = &runtime.plan.global;
    if g.quiet || g.daemon {
        return;
    }
    let (head, text) = match line.severity {
        // The name stands in quotes here, and without in the logs.
        Severity::Emergency => {
            let kind = line.text.split(' ').next().unwrap_or("backend");
            ("[ALERT]   ", format!("{kind} '{}' has no server available!", line.backend))
        }
        _ => ("[WARNING] ", line.text.clone()),
    };
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr().lock(), "{head} ({}) : {text}", std::process::id());
}
