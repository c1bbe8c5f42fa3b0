//! The data process at work: its threads serve, the main thread waits for signals, commands and ends.

use std::{
    future::pending,
    io,
    os::fd::OwnedFd,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use common::diag::Severity;
use nix::sys::signal::{SigSet, Signal};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::sleep_until,
};

use super::{
    access::Access,
    daemon::Null,
    listeners::{Listeners, Prepared, command_sockets},
    load::Origin,
    notify::{Event, Notify},
    reload::Reload,
    report::Report,
    start::signal_all,
    threads::{self, Ended, Threads},
    trace,
};
use crate::{
    admin::AdminCommand,
    compile::plan::Plan,
    engine::{
        sample::time::Zone,
        state::{Gauge, Registry},
    },
    shell::{
        check, health, log,
        runtime::{ProcessCommand, Runtime, Shared, WorkerCommand},
        tls,
    },
};

/// Workers that were told to leave at once may take this long; then the process leaves without them.
const QUIT_WITHIN: Duration = Duration::from_secs(2);

/// Syslog levels of what the process says of itself.
const LEVEL_ALERT: u8 = 1;
const LEVEL_WARNING: u8 = 4;
const LEVEL_NOTICE: u8 = 5;

/// A data process that is ready to start its threads.
pub(super) struct Process {
    pub(super) origin: Origin,
    pub(super) plan: Plan,
    pub(super) tls: tls::Store,
    pub(super) log: log::Sinks,
    pub(super) zone: Zone,
    pub(super) registry: Registry,
    pub(super) listeners: Listeners,
    pub(super) prepared: Prepared,
    pub(super) access: Box<dyn Access + Send>,
    /// The socket of the health contract.
    pub(super) health: Option<OwnedFd>,
    pub(super) notify: Notify,
    /// There in the background.
    pub(super) null: Option<Null>,
    pub(super) finish: Vec<i32>,
    pub(super) terminate: Vec<i32>,
    pub(super) report: Report,
    /// What was said at start.
    pub(super) said: String,
}

/// Serves until told to leave.
pub(super) fn serve(process: Process) -> ExitCode {
    let report = process.report;
    trace::start(report);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(r) => r,
        Err(e) => {
            report.alert(&format!("[lbproxy.main()] Cannot start: {}", crate::sys::reason(&e)));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(process)) {
        Ok(code) => {
            if let Some(s) = code.checked_sub(128).and_then(|s| Signal::try_from(i32::from(s)).ok()) {
                // A shell, or whoever waits, sees the signal itself, as it does with HAProxy.
                crate::sys::end_by_signal(s);
            }
            ExitCode::from(code)
        }
        Err(e) => {
            report.alert(&format!("[lbproxy.main()] Cannot start: {}", crate::sys::reason(&e)));
            ExitCode::FAILURE
        }
    }
}

/// Signals that would end a process that is not ready for them yet, where they only ask for something.
fn held() -> SigSet {
    [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGHUP, Signal::SIGTTOU, Signal::SIGTTIN].into_iter().collect()
}

/// Keeps these waiting until the process can answer them; children inherit that.
pub(super) fn hold_signals() -> io::Result<()> {
    Ok(held().thread_block()?)
}

async fn run(process: Process) -> io::Result<u8> {
    // Before any thread: a signal that arrives early must find its handler.
    let mut signals = Signals::new()?;
    held().thread_unblock()?;
    let (process_tx, mut commands) = mpsc::unbounded_channel();
    let (ended_tx, mut ended) = mpsc::unbounded_channel();
    let mut main = Main::start(process, process_tx, &ended_tx)?;
    loop {
        let wake = tokio::select! {
            s = signals.next() => Wake::Signal(s),
            Some(c) = commands.recv() => Wake::Command(c),
            Some(e) = ended.recv() => Wake::Ended(e),
            () = at(main.leave_at) => break,
        };
        if main.handle(wake) {
            break;
        }
    }
    main.threads.finish(&main.shared);
    Ok(main.exit_code())
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(t) => sleep_until(t.into()).await,
        None => pending().await,
    }
}

enum Wake {
    Signal(Signal),
    Command(ProcessCommand),
    Ended(Ended),
}

/// How the process came to leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Leaving {
    No,
    Draining,
    /// By this signal, or by a command.
    Quitting(Option<Signal>),
    /// A worker thread ended that should not have.
    Broken,
}

/// The main thread's state.
struct Main {
    origin: Origin,
    shared: Arc<Shared>,
    listeners: Listeners,
    access: Box<dyn Access + Send>,
    notify: Notify,
    threads: Threads,
    admin: mpsc::UnboundedSender<AdminCommand>,
    leaving: Leaving,
    /// When to leave whatever the workers do.
    leave_at: Option<Instant>,
    report: Report,
    /// Nobody reads standard error.
    background: bool,
}

impl Main {
    fn start(
        process: Process,
        commands: mpsc::UnboundedSender<ProcessCommand>,
        ended: &mpsc::UnboundedSender<Ended>,
    ) -> io::Result<Main> {
        let threads = process.plan.global.threads;
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..threads).map(|_| mpsc::unbounded_channel()).unzip();
        let log = Arc::new(process.log);
        let runtime = Arc::new(Runtime {
            plan: process.plan,
            tls: process.tls,
            log,
            generation: 1,
            said: process.said,
        });
        let (life, health_commands) = health::Life::new(threads);
        for (name, value) in &runtime.plan.global.vars {
            process.registry.set_process_var(name, Some(value.clone()));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let shared = Arc::new(Shared {
            runtime: ArcSwap::new(runtime.clone()),
            registry: process.registry,
            workers: senders,
            process: commands,
            log: Arc::default(),
            zone: Arc::new(process.zone),
            connections: Gauge::default(),
            life,
            started: Instant::now(),
            started_us: u64::try_from(now.as_micros()).unwrap_or(u64::MAX),
        });
        check::adopt(&runtime.plan, 0);
        for (worker, share) in shared.workers.iter().zip(process.prepared.shares) {
            let command =
                WorkerCommand::Install { runtime: runtime.clone(), listeners: share.new, keep: share.keep };
            let _ = worker.send(command);
        }
        let (admin, admin_commands) = mpsc::unbounded_channel();
        // The receiver is at hand: the send cannot fail.
        let stats = command_sockets(&runtime.plan, process.prepared.stats, &process.prepared.stats_kept);
        let _ = admin.send(stats);
        let threads = Threads::start(&shared, receivers, admin_commands, ended)?;
        threads::tell_health(&shared, process.health, health_commands)?;
        let mut main = Main {
            origin: process.origin,
            shared,
            listeners: process.listeners,
            access: process.access,
            notify: process.notify,
            threads,
            admin,
            leaving: Leaving::No,
            leave_at: None,
            report: process.report,
            background: process.null.is_some(),
        };
        main.notify.tell(Event::Ready);
        signal_all(&process.finish, Signal::SIGUSR1);
        signal_all(&process.terminate, Signal::SIGTERM);
        process.null.map_or(Ok(()), Null::replace_standard_files)?;
        Ok(main)
    }

    /// Reacts; says whether it is time to leave.
    fn handle(&mut self, wake: Wake) -> bool {
        match wake {
            Wake::Signal(Signal::SIGUSR1) | Wake::Command(ProcessCommand::Drain) => self.drain(),
            Wake::Signal(Signal::SIGUSR2 | Signal::SIGHUP) => {
                let _ = self.reload();
            }
            Wake::Signal(Signal::SIGTTOU) => self.pause(true),
            Wake::Signal(Signal::SIGTTIN) => self.pause(false),
            Wake::Signal(s) => self.quit(Leaving::Quitting(Some(s))),
            Wake::Command(ProcessCommand::Quit) => self.quit(Leaving::Quitting(None)),
            Wake::Command(ProcessCommand::Reload { reply }) => {
                let _ = reply.send(self.reload());
            }
            Wake::Ended(Ended::Worker(n, in_order)) => return self.worker_ended(n, in_order),
        }
        false
    }

    fn tell_workers(&self, command: impl Fn() -> WorkerCommand) {
        for w in &self.shared.workers {
            let _ = w.send(command());
        }
    }

    fn drain(&mut self) {
        if self.leaving != Leaving::No {
            return;
        }
        self.leaving = Leaving::Draining;
        self.shared.life.drain();
        self.notify.tell(Event::Stopping);
        let limit = self.shared.runtime.load().plan.global.hard_stop_after_ms;
        if limit > 0 {
            self.leave_at = Some(Instant::now() + Duration::from_millis(limit.into()));
        }
        self.tell_workers(|| WorkerCommand::Drain);
    }

    fn quit(&mut self, why: Leaving) {
        if matches!(self.leaving, Leaving::Quitting(_) | Leaving::Broken) {
            return;
        }
        self.leaving = why;
        self.shared.life.stop();
        self.notify.tell(Event::Stopping);
        self.leave_at = Some(Instant::now() + QUIT_WITHIN);
        self.tell_workers(|| WorkerCommand::Quit);
    }

    fn pause(&mut self, paused: bool) {
        for f in &self.shared.runtime.load().plan.frontends {
            self.tell_workers(|| WorkerCommand::Pause { frontend: f.ix, paused });
        }
    }

    /// Takes the configuration files as they are now into use.
    ///
    /// # Errors
    /// What is wrong with them, as text; the process goes on as before.
    fn reload(&mut self) -> Result<String, String> {
        if self.leaving != Leaving::No {
            return Err("the process is leaving".to_owned());
        }
        self.notify.tell(Event::Reloading);
        let reload = Reload {
            origin: &self.origin,
            access: &mut *self.access,
            listeners: &mut self.listeners,
            shared: &self.shared,
            admin: &self.admin,
            report: self.report,
        };
        let (result, said) = reload.run();
        for (severity, text) in said {
            self.log(severity, &text);
        }
        self.notify.tell(Event::Ready);
        match result {
            Ok(()) => {
                let n = self.shared.runtime.load().generation;
                self.say(
                    Severity::Notice,
                    &format!("Loading success: the configuration was reloaded (generation {n})."),
                );
                Ok(format!("generation {n}"))
            }
            Err(sentences) => {
                for s in &sentences {
                    self.say(Severity::Alert, s);
                }
                self.say(Severity::Warning, "Reload failed: the old configuration stays in use.");
                Err(sentences.join("\n"))
            }
        }
    }

    fn say(&self, severity: Severity, text: &str) {
        match severity {
            Severity::Alert => self.report.alert(text),
            Severity::Warning => self.report.warning(text),
            Severity::Notice | Severity::Diag => self.report.notice(text),
        }
        self.log(severity, text);
    }

    /// In the background standard error leads nowhere: what the process says of itself goes to its log targets.
    fn log(&self, severity: Severity, text: &str) {
        if !self.background {
            return;
        }
        let level = match severity {
            Severity::Alert => LEVEL_ALERT,
            Severity::Warning => LEVEL_WARNING,
            Severity::Notice | Severity::Diag => LEVEL_NOTICE,
        };
        let runtime = self.shared.runtime.load();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_us = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let mut logger = log::Logger::new(self.shared.log.clone(), self.shared.zone.clone());
        logger.send(&runtime.log, &runtime.plan.global.log, level, b"", text.as_bytes(), now_us);
    }

    fn worker_ended(&mut self, n: usize, in_order: bool) -> bool {
        if let Some(handle) = self.threads.workers.get_mut(n).and_then(Option::take) {
            let _ = handle.join();
        }
        if !in_order || self.leaving == Leaving::No {
            self.report.alert(&format!("Worker thread {n} ended unexpectedly; the process cannot go on."));
            self.quit(Leaving::Broken);
        }
        self.threads.workers.iter().all(Option::is_none)
    }

    /// 128 and the signal after SIGTERM and SIGINT, 0 after a drain.
    fn exit_code(&self) -> u8 {
        match self.leaving {
            Leaving::Quitting(Some(s)) => 128 + s as u8,
            Leaving::Quitting(None) | Leaving::Draining | Leaving::No => 0,
            Leaving::Broken => 1,
        }
    }
}

/// The signals that mean something to the data process.
struct Signals {
    streams: Vec<(Signal, tokio::signal::unix::Signal)>,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        let all = [
            Signal::SIGTERM,
            Signal::SIGINT,
            Signal::SIGUSR1,
            Signal::SIGUSR2,
            Signal::SIGHUP,
            Signal::SIGTTOU,
            Signal::SIGTTIN,
        ];
        let streams = all
            .into_iter()
            .map(|s| Ok((s, signal(SignalKind::from_raw(s as i32))?)))
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Signals { streams })
    }

    async fn next(&mut self) -> Signal {
        std::future::poll_fn(|cx| {
            for (s, stream) in &mut self.streams {
                if stream.poll_recv(cx).is_ready() {
                    return std::task::Poll::Ready(*s);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}
