//! The start, step by step, from a loaded configuration to serving threads.

use std::{fs, io, os::fd::OwnedFd, path::Path, process::ExitCode};

use nix::{
    sys::{
        prctl,
        signal::{Signal, kill},
    },
    unistd::{Pid, geteuid, getppid},
};

use super::{
    access::Access,
    companion::Companion,
    daemon::{self, Null, Side},
    listeners::{Listeners, Prepared},
    load::{self, Loaded, Origin, Wanted},
    logs, master,
    notify::Notify,
    privileges,
    report::{self, Report},
    serve::{self, Process},
};
use crate::{
    cli::Cli,
    compile::plan::Plan,
    shell::{health, log},
    sys,
};

/// Starts the process in the form that command line and configuration ask for; returns when it ends.
pub(super) fn start(cli: Cli, origin: Origin, loaded: Loaded, report: Report) -> ExitCode {
    let global = &loaded.config.global;
    // Whoever waits for systemd's notification stays where systemd started it, whatever the file says.
    let background = (cli.daemon || global.daemon) && !cli.foreground && !cli.notify;
    let mastered = cli.master || global.others.iter().any(|d| d.keyword == "master-worker");
    let report = Report { quiet: report.quiet || (global.quiet && !report.verbose), ..report };
    let mut notify = Notify::systemd();
    if let Err(e) = serve::hold_signals() {
        return fail(report, &format!("[lbproxy.main()] Cannot hold signals back: {}", sys::reason(&e)));
    }
    let mut null = None;
    if background {
        match Null::open().and_then(|n| {
            null = Some(n);
            daemon::detach(std::mem::take(&mut notify), report)
        }) {
            Ok(Side::Goes(n)) => notify = n,
            Ok(Side::Ends(code)) => return code,
            Err(e) => return fail(report, &format!("[lbproxy.main()] Cannot fork: {}", sys::reason(&e))),
        }
    }
    let mut mastered_by = None;
    if mastered {
        let me = std::process::id();
        match master::split(notify, &mut null, report) {
            Ok(Side::Goes(n)) => (notify, mastered_by) = (n, Some(me)),
            Ok(Side::Ends(code)) => return code,
            Err(e) => return fail(report, &format!("[lbproxy.main()] Cannot fork: {}", sys::reason(&e))),
        }
    }
    let starting = Starting { cli, origin, background, mastered_by, report };
    match starting.prepare(loaded, notify, null) {
        Ok(process) => serve::serve(process),
        Err(sentences) => {
            for s in &sentences {
                report.alert(s);
            }
            ExitCode::FAILURE
        }
    }
}

fn fail(report: Report, sentence: &str) -> ExitCode {
    report.alert(sentence);
    ExitCode::FAILURE
}

/// The data process before its threads.
struct Starting {
    cli: Cli,
    origin: Origin,
    background: bool,
    /// Process id of the master, if there is one.
    mastered_by: Option<u32>,
    report: Report,
}

impl Starting {
    /// Everything that can fail.
    fn prepare(self, mut loaded: Loaded, notify: Notify, null: Option<Null>) -> Result<Process, Vec<String>> {
        let one = |s: String| vec![s];
        let Some(mut plan) = loaded.plan.take() else {
            return Err(one("the configuration is not usable".to_owned()));
        };
        let wanted = load::sockets(&plan);
        if wanted.is_empty() {
            let text = "[lbproxy.main()] No enabled listener found (check for 'bind' directives) ! Exiting.";
            return Err(one(text.to_owned()));
        }
        let mut direct = self.origin.direct();
        let mut listeners = Listeners::default();
        let prepared = self.bind(&listeners, &wanted, &plan, &mut direct, &loaded)?;
        listeners.commit(prepared.bound());
        if let Err(e) = privileges::raise_limits(&mut plan, prepared.count(), self.cli.memory_mb) {
            // `no strict-limits` (manual 3.1): serve with what there is.
            match loaded.config.global.strict_limits {
                Some(false) => self.report.warning(&format!("[lbproxy.main()] {e}.")),
                _ => return Err(one(format!("[lbproxy.main()] {e}."))),
            }
        }
        self.write_pidfile(&plan).map_err(one)?;
        // Before the jail hides them: log sockets, the time zone.
        let log = logs::open(&plan, &loaded.config, &mut direct, self.report);
        let zone = log::local_zone();
        // While the process is root, if it ever is: watchers judge the socket by who listens.
        let health = self.health();
        self.warn_root(&plan);
        let access = self.access(&plan, direct);
        if let Some(stays) = privileges::give_up(&plan).map_err(|e| one(format!("[lbproxy.main()] {e}.")))? {
            self.report.warning(&format!("[lbproxy.main()] {stays}."));
        }
        self.follow_master().map_err(one)?;
        Ok(Process {
            origin: self.origin,
            plan,
            tls: loaded.tls,
            log,
            zone,
            registry: loaded.registry,
            listeners,
            prepared,
            access,
            health,
            notify,
            null,
            finish: self.cli.finish,
            terminate: self.cli.terminate,
            report: self.report,
            said: report::lines(&loaded.diagnostics, &loaded.sources),
        })
    }

    /// Binds everything. Older processes that are to leave are first asked to let their addresses go, and asked to
    /// take them back if that does not help (management guide, chapter 4).
    fn bind(
        &self,
        listeners: &Listeners,
        wanted: &[Wanted],
        plan: &Plan,
        access: &mut dyn Access,
        loaded: &Loaded,
    ) -> Result<Prepared, Vec<String>> {
        let threads = plan.global.threads;
        let older: Vec<i32> = self.cli.finish.iter().chain(&self.cli.terminate).copied().collect();
        let failures = match listeners.prepare(wanted, threads, access, false, &loaded.sources) {
            Ok(p) => return Ok(p),
            Err(failures) if older.is_empty() => failures,
            Err(_) => {
                signal_all(&older, Signal::SIGTTOU);
                match listeners.prepare(wanted, threads, access, true, &loaded.sources) {
                    Ok(p) => return Ok(p),
                    Err(failures) => {
                        signal_all(&older, Signal::SIGTTIN);
                        failures
                    }
                }
            }
        };
        let last = "[lbproxy.main()] Some protocols failed to start their listeners! Exiting.".to_owned();
        Err(failures.into_iter().chain([last]).collect())
    }

    /// A proxy without it serves as well; only vrrpd has to find out by other means how it is.
    fn health(&self) -> Option<OwnedFd> {
        let bound = health::bind();
        if let Err(e) = &bound {
            let reason = sys::reason(e);
            self.report.notice(&format!("[lbproxy.main()] No socket for the health contract: {reason}."));
        }
        bound.ok()
    }

    /// As HAProxy 3.5 does: root without a jail or without another user is a choice that has to be made in words.
    fn warn_root(&self, plan: &Plan) {
        if !geteuid().is_root() {
            return;
        }
        if plan.global.chroot.is_none() {
            self.report.warning(
                "[lbproxy.main()] started as root without 'chroot': who broke in could see the whole file system. \
                 Name an empty directory with 'chroot DIR', or write 'chroot /' if this is meant.",
            );
        }
        if plan.global.uid.is_none() {
            self.report.warning(
                "[lbproxy.main()] started as root without 'user' or 'uid': the rights of root are kept. Name an \
                 unprivileged user, or write 'uid 0' if this is meant.",
            );
        }
    }

    /// In the foreground nobody needs a file to find the process, and HAProxy writes none.
    fn write_pidfile(&self, plan: &Plan) -> Result<(), String> {
        let Some(path) = &plan.global.pidfile else { return Ok(()) };
        if !self.background && self.mastered_by.is_none() {
            return Ok(());
        }
        let pid = self.mastered_by.unwrap_or_else(std::process::id);
        write_whole(path, &format!("{pid}\n")).map_err(|e| {
            format!("[lbproxy.main()] Cannot create pidfile {}: {}", path.display(), sys::reason(&e))
        })
    }

    /// Root keeps its rights in the companion; anybody else has none to keep.
    fn access(&self, plan: &Plan, direct: super::access::Direct) -> Box<dyn Access + Send> {
        if !geteuid().is_root() && plan.global.chroot.is_none() {
            return Box::new(direct);
        }
        match Companion::spawn(&self.origin) {
            Ok(c) => Box::new(c),
            Err(e) => {
                let text = "the companion that keeps root's rights cannot be started, so that a reload can only do \
                            what the user given by 'user' may";
                self.report.warning(&format!("{text}: {e}"));
                Box::new(direct)
            }
        }
    }

    /// Ends with the master, whatever ends it. Set last: changing the user clears it.
    fn follow_master(&self) -> Result<(), String> {
        let Some(master) = self.mastered_by else { return Ok(()) };
        prctl::set_pdeathsig(Signal::SIGTERM)
            .map_err(|e| format!("Cannot follow the master: {}", e.desc()))?;
        if getppid().as_raw() as u32 == master { Ok(()) } else { Err("the master is gone".to_owned()) }
    }
}

/// Written in place: the file may stand in a directory where nothing else may be made.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)
}

/// Processes that are gone already need no signal.
pub(super) fn signal_all(pids: &[i32], signal: Signal) {
    for &pid in pids {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}
