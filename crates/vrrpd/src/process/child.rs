//! The VRRP process: reads the configuration, runs the runner, obeys signals.

use std::{fs::File, io::Write, path::Path, sync::Arc};

use common::diag::Severity;
use nix::{
    sys::{prctl, signal::Signal},
    unistd::getppid,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tracing::{dispatcher, error, info, warn};

use super::{
    Names, code,
    config::{self, Read},
    parent::write_private,
    pidfile::{self, PidFile},
};
use crate::{
    admin,
    cli::{self, Options},
    compile::Settings,
    ctl,
    shell::{
        clock,
        control::Outlets,
        fence, journal, log,
        runner::{self, Runner},
    },
    sys,
};

/// Signals that wait; more of one kind mean nothing more.
const SIGNALS_MAX: usize = 16;

/// The whole life of the process. `ready` gets a byte whenever it is ready, after a start or a reload.
pub(super) fn run(options: &Options, names: &Names, ready: File) -> u8 {
    let dispatch = log::dispatch(&options.log, &names.vrrp, "_vrrp");
    dispatcher::with_default(&dispatch, || match life(options, ready) {
        Ok(code) => code,
        Err(e) => {
            error!("{e}");
            code::FATAL
        }
    })
}

fn life(options: &Options, ready: File) -> Result<u8, std::io::Error> {
    let parent = getppid();
    prctl::set_pdeathsig(Signal::SIGTERM)?;
    if getppid() != parent {
        // It died before we could ask to be told.
        return Ok(code::OK);
    }
    let read = config::read(options);
    say(&read);
    if let Some(why) = read.unusable() {
        error!("{why}");
        return Ok(read.loaded.fatal.map_or(code::CONFIG, super::run_code));
    }
    apply(&read.compiled.settings);
    let pid_file = match PidFile::create(&pidfile::vrrp_path(options, &read.loaded.config)) {
        Ok(file) => Some(file),
        Err(e) => {
            warn!("{e}");
            None
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(work(options, read, ready));
    if let Some(file) = pid_file {
        file.remove();
    }
    Ok(code)
}

/// Says what is wrong with a configuration, each thing in one line.
pub(super) fn say(read: &Read) {
    for (severity, line) in read.lines() {
        match severity {
            Severity::Alert => error!("{line}"),
            Severity::Warning => warn!("{line}"),
            Severity::Notice | Severity::Diag => info!("{line}"),
        }
    }
    if read.security_violation() {
        warn!("{}", config::VIOLATION);
    }
}

/// Scheduling and memory, as far as we are allowed.
fn apply(settings: &Settings) {
    let tried = [
        ("vrrp_priority", settings.nice.map(sys::set_nice)),
        ("vrrp_rt_priority", settings.realtime.map(sys::set_realtime)),
        ("vrrp_no_swap", settings.no_swap.then(sys::lock_memory)),
    ];
    for (what, result) in tried {
        if let Some(Err(e)) = result {
            warn!("cannot honour {what}: {e}");
        }
    }
}

async fn work(options: &Options, read: Read, mut ready: File) -> u8 {
    let mut signals = match signals() {
        Ok(signals) => signals,
        Err(e) => {
            error!("cannot watch signals: {e}");
            return code::FATAL;
        }
    };
    let mut settings = read.compiled.settings.clone();
    let wanted = runner::Options {
        dynamic_interfaces: settings.dynamic_interfaces,
        keep_addresses: options.keep_addresses,
        watch_addresses: options.watch_addresses,
        host: nix::unistd::gethostname().map(|h| h.to_string_lossy().into_owned()).unwrap_or_default(),
        journal: settings.journal_directory.as_deref().unwrap_or(journal::DIRECTORY).into(),
        fence: fence_of(options, &settings),
    };
    let pid_path = pidfile::vrrp_path(options, &read.loaded.config);
    let mut runner = match Runner::start(read.compiled.plan, read.compiled.commands, wanted).await {
        Ok(runner) => runner,
        Err(e @ runner::Error::NoInterface(_)) => {
            error!("{e}");
            return code::CONFIG;
        }
        Err(e) => {
            error!("{e}");
            return code::FATAL;
        }
    };
    if runner.router().instances().is_empty() {
        warn!("the configuration has no vrrp_instance; waiting for a reload that brings one");
    }
    runner.serve(&outlets(&settings, &pid_path));
    info!("Startup complete");
    let _ = ready.write_all(b"R");
    loop {
        tokio::select! {
            biased;
            Some(number) = signals.recv() => match number {
                libc::SIGINT if options.ignore_sigint => {}
                libc::SIGTERM | libc::SIGINT => {
                    info!("Stopping");
                    runner.stop().await;
                    info!("Stopped");
                    return code::OK;
                }
                libc::SIGHUP => {
                    if let Some(new) = reload(options, &mut runner).await {
                        runner.set_fence(fence_of(options, &new));
                        settings = new;
                        runner.serve(&outlets(&settings, &pid_path));
                    }
                    let _ = ready.write_all(b"R");
                }
                other => dump(other, &mut runner, &settings),
            },
            happening = runner.next() => match happening {
                Ok(happening) => runner.deal(happening).await,
                Err(e) => {
                    error!("{e}");
                    runner.stop().await;
                    return code::FATAL;
                }
            },
        }
    }
}

/// What is served beside VRRP. Daemons whose pid files differ have control sockets that differ.
fn outlets(settings: &Settings, pid_path: &Path) -> Outlets {
    let control = match settings.control_socket.as_deref() {
        Some("off") => None,
        Some(path) => Some(path.into()),
        None => Some(ctl::socket_beside(pid_path)),
    };
    Outlets { control, metrics: settings.metrics }
}

fn fence_of(options: &Options, settings: &Settings) -> fence::Options {
    fence::Options {
        on_death: settings.fence_on_death,
        on_silence: settings.fence_on_silence,
        console: options.log.console,
    }
}

/// All signals that mean something, in the order in which they come.
fn signals() -> std::io::Result<mpsc::Receiver<i32>> {
    let (sender, receiver) = mpsc::channel(SIGNALS_MAX);
    let numbers = [
        libc::SIGTERM,
        libc::SIGINT,
        libc::SIGHUP,
        libc::SIGUSR1,
        libc::SIGUSR2,
        cli::json_signal(),
        cli::stats_clear_signal(),
    ];
    for number in numbers {
        let mut stream = signal(SignalKind::from_raw(number))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if sender.send(number).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}

/// Reads the configuration again. One that cannot be run is told, and the old one stays.
async fn reload(options: &Options, runner: &mut Runner) -> Option<Settings> {
    info!("Reloading");
    let read = config::read(options);
    say(&read);
    if let Some(why) = read.unusable() {
        error!("{why}; the old configuration stays in force");
        return None;
    }
    let compiled = read.compiled;
    let settings = compiled.settings;
    let plan = Arc::clone(&compiled.plan);
    let (dynamic, states) = (settings.dynamic_interfaces, settings.fifo_states_on_reload);
    match runner.reload(plan, compiled.commands, dynamic, states).await {
        Ok(()) => {
            info!("Reload complete");
            Some(settings)
        }
        Err(e) => {
            error!("{e}; the old configuration stays in force");
            None
        }
    }
}

fn dump(number: i32, runner: &mut Runner, settings: &Settings) {
    let (wall, now) = (clock::wall(), clock::now());
    let name = |set: &Option<String>, default: &str| set.clone().unwrap_or_else(|| default.to_owned());
    let (path, text) = match number {
        libc::SIGUSR1 => {
            let text = admin::data(runner.router(), runner.commands(), wall, now);
            (name(&settings.state_dump_file, admin::DATA_FILE), text)
        }
        n if n == cli::json_signal() => {
            let text = admin::json(runner.router(), runner.commands(), wall, now, settings.json_version);
            (name(&settings.json_dump_file, admin::JSON_FILE), text)
        }
        _ => (name(&settings.stats_dump_file, admin::STATS_FILE), admin::stats(runner.router())),
    };
    info!("Printing VRRP data to {path} on signal");
    if let Err(e) = write_dump(&path, &text) {
        warn!("{e}");
    }
    if number == cli::stats_clear_signal() {
        runner.router_mut().clear_counters();
    }
}

pub(super) fn write_dump(path: &str, text: &str) -> Result<(), String> {
    write_private(path, text).map_err(|e| format!("cannot write {path}: {e}"))
}
