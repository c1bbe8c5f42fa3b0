//! The parent: makes the VRRP process, passes signals on to it, starts it again when it dies.
//!
//! Invariants: one thread, no runtime; the child is started again after 0, 1, 2, 4 … 60 s, counted from 0 again
//! once it lived a minute; a child that says its configuration cannot be run is not started again.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::fd::{AsFd, OwnedFd},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use common::keepalived::Fatal;
use nix::{
    errno::Errno,
    fcntl::OFlag,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{Signal, killpg},
        stat::{Mode, umask},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, pipe2, setsid},
};
use sd_notify::NotifyState;
use tracing::{error, info, warn};

use super::{
    Names, child, code, config,
    pidfile::{self, PidFile},
};
use crate::{
    admin,
    cli::{self, Options},
    program::TimedProgram,
    shell::script,
    sys::{self, Forked},
};

/// keepalived's: what it writes is for root alone.
const UMASK: u32 = 0o177;
const RESPAWN_DELAY_MAX: Duration = Duration::from_secs(60);
/// A child that lived so long is started again at once.
const RESPAWN_LIFE: Duration = Duration::from_secs(60);

pub(super) fn run(options: &Options, names: &Names) -> u8 {
    info!("Starting vrrpd v{}", env!("CARGO_PKG_VERSION"));
    for text in &options.without_effect {
        warn!("{text}");
    }
    for text in &options.faults {
        error!("{text}; the default stands");
    }
    umask(Mode::from_bits_truncate(options.umask.unwrap_or(UMASK)));
    let read = match config::open(options) {
        Ok(read) => read,
        Err(e) => {
            error!("{e}");
            return code::FATAL;
        }
    };
    if let Some(fatal @ (Fatal::NoFile | Fatal::Forbidden)) = read.loaded.fatal {
        child::say(&read);
        error!("Config files missing '{}'.", options.config.display());
        return super::run_code(fatal);
    }
    if let Some(why) = read.unusable() {
        child::say(&read);
        error!("{why}");
        return code::CONFIG;
    }
    if options.umask.is_none()
        && let Some(mask) = read.compiled.settings.umask
    {
        umask(Mode::from_bits_truncate(mask));
    }
    if options.dump_config {
        match read.yaml() {
            Ok(text) => text.lines().for_each(|line| info!("{line}")),
            Err(e) => warn!("cannot show the configuration: {e}"),
        }
    }
    let wait = Duration::from_secs(u64::from(read.compiled.settings.child_wait_s));
    let pid_file = pidfile::parent_path(options, &read.loaded.config);
    let (before, after) = (read.compiled.commands.startup, read.compiled.commands.shutdown);
    let setup = Setup { wait, pid_file, startup: before, shutdown: after };
    drop((read.loaded, read.compiled.plan));
    start(options, names, &setup).unwrap_or_else(|e| {
        error!("{e}");
        code::FATAL
    })
}

/// What the configuration says about the parent itself.
struct Setup {
    /// How long the child may take to resign.
    wait: Duration,
    pid_file: PathBuf,
    startup: Option<TimedProgram>,
    shutdown: Option<TimedProgram>,
}

/// Sets the kernel's core pattern; what it was before.
fn set_core_pattern(pattern: &str) -> Option<String> {
    const FILE: &str = "/proc/sys/kernel/core_pattern";
    let old = std::fs::read_to_string(FILE).ok()?;
    if let Err(e) = std::fs::write(FILE, pattern) {
        warn!("cannot set the core pattern: {e}");
        return None;
    }
    Some(old.trim_end().to_owned())
}

/// Why the parent cannot work.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    PidFile(#[from] pidfile::Error),
    #[error("cannot fork: {0}")]
    Fork(Errno),
    #[error("cannot detach from the terminal: {0}")]
    Detach(io::Error),
    #[error("cannot watch signals: {0}")]
    Signals(io::Error),
    #[error("cannot allow core dumps: {0}")]
    CoreDump(Errno),
}

fn start(options: &Options, names: &Names, setup: &Setup) -> Result<u8, Error> {
    if options.core_dump {
        use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
        setrlimit(Resource::RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY).map_err(Error::CoreDump)?;
    }
    // Taken before we go to the background, so that "already running" reaches the caller.
    let mut pid_file = PidFile::create(&setup.pid_file)?;
    if !options.foreground {
        if let Forked::Parent(_) = sys::fork().map_err(Error::Fork)? {
            return Ok(code::OK);
        }
        detach().map_err(Error::Detach)?;
        if let Err(e) = pid_file.take_over() {
            warn!("cannot write pid file {}: {e}", setup.pid_file.display());
        }
    }
    let old_pattern = options.core_pattern.as_deref().and_then(set_core_pattern);
    once("startup_script", setup.startup.as_ref());
    let signals = sys::signals(&handled()).map_err(Error::Signals)?;
    let mut parent = Parent {
        options,
        names,
        wait: setup.wait,
        signals,
        child: None,
        delay: Duration::ZERO,
        restart_at: Some(Instant::now()),
        stop_by: None,
    };
    let code = parent.supervise()?;
    sys::unblock(&handled());
    once("shutdown_script", setup.shutdown.as_ref());
    if let Some(old) = old_pattern {
        set_core_pattern(&old);
    }
    pid_file.remove();
    info!("Stopped vrrpd v{}", env!("CARGO_PKG_VERSION"));
    Ok(code)
}

/// Runs a program to its end, or to its time-out.
fn once(what: &str, program: Option<&TimedProgram>) {
    /// How often we look whether it has ended: there is no runtime here that would tell.
    const LOOK: Duration = Duration::from_millis(10);
    let Some(TimedProgram { program, timeout }) = program else { return };
    let mut child = match script::command(program, &[], Stdio::null()).spawn() {
        Ok(child) => child,
        Err(e) => {
            error!("cannot run {what} {}: {e}", program.path.display());
            return;
        }
    };
    let by = Instant::now() + *timeout;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return info!("{what} succeeded"),
            Ok(Some(status)) => return warn!("{what} failed: {status}"),
            Ok(None) if Instant::now() < by => std::thread::sleep(LOOK),
            Ok(None) => {
                warn!("{what} did not end within {} s, killing it", timeout.as_secs());
                let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
                let _ = child.wait();
                return;
            }
            Err(e) => return warn!("cannot wait for {what}: {e}"),
        }
    }
}

fn detach() -> io::Result<()> {
    setsid()?;
    chdir("/")?;
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    Ok(())
}

/// Every signal that means something.
fn handled() -> [i32; 9] {
    [
        libc::SIGHUP,
        libc::SIGTERM,
        libc::SIGINT,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGCHLD,
        libc::SIGPIPE,
        cli::json_signal(),
        cli::stats_clear_signal(),
    ]
}

struct Parent<'a> {
    options: &'a Options,
    names: &'a Names,
    /// How long the child may take to resign.
    wait: Duration,
    signals: OwnedFd,
    child: Option<Child>,
    delay: Duration,
    restart_at: Option<Instant>,
    /// Set while stopping: when the child is killed.
    stop_by: Option<Instant>,
}

struct Child {
    pid: Pid,
    since: Instant,
    /// A byte arrives whenever it is ready.
    ready: OwnedFd,
    /// Its end of the pipe is closed, so there is nothing more to hear.
    deaf: bool,
}

impl Parent<'_> {
    fn supervise(&mut self) -> Result<u8, Error> {
        loop {
            let now = Instant::now();
            if self.restart_at.is_some_and(|at| at <= now) {
                self.restart_at = None;
                self.spawn()?;
            }
            if self.stop_by.is_some_and(|at| at <= now)
                && let Some(child) = &self.child
            {
                warn!("VRRP process {} did not stop in time, killing it", child.pid);
                let _ = sys::kill(child.pid, libc::SIGKILL);
                self.stop_by = Some(now + self.wait.max(Duration::from_secs(1)));
            }
            self.sleep(now);
            while let Some(number) = sys::next_signal(&self.signals) {
                self.signal(number);
            }
            self.hear();
            if let Some(code) = self.reap() {
                return Ok(code);
            }
            if self.stop_by.is_some() && self.child.is_none() {
                return Ok(code::OK);
            }
        }
    }

    fn sleep(&self, now: Instant) {
        let next = [self.restart_at, self.stop_by].into_iter().flatten().min();
        let timeout = next.map_or(PollTimeout::NONE, |at| {
            // Rounded up, so that the deadline has come when we look.
            let ms = at.saturating_duration_since(now).as_millis() + 1;
            PollTimeout::try_from(ms.min(60_000) as i32).unwrap_or(PollTimeout::NONE)
        });
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if let Some(child) = self.child.as_ref().filter(|c| !c.deaf) {
            fds.push(PollFd::new(child.ready.as_fd(), PollFlags::POLLIN));
        }
        // An interrupted wait ends early, which does no harm.
        let _ = poll(&mut fds, timeout);
    }

    fn spawn(&mut self) -> Result<(), Error> {
        let (ready, writer) = pipe2(OFlag::O_CLOEXEC).map_err(Error::Fork)?;
        match sys::fork().map_err(Error::Fork)? {
            Forked::Child => {
                drop(ready);
                sys::unblock(&handled());
                let code = child::run(self.options, self.names, writer.into());
                std::process::exit(i32::from(code));
            }
            Forked::Parent(pid) => {
                info!("Starting VRRP child process, pid={pid}");
                self.child = Some(Child { pid, since: Instant::now(), ready, deaf: false });
                Ok(())
            }
        }
    }

    fn signal(&mut self, number: i32) {
        match number {
            libc::SIGINT if self.options.ignore_sigint => {}
            libc::SIGTERM | libc::SIGINT => {
                info!("Stopping");
                let _ = sd_notify::notify(&[NotifyState::Stopping]);
                self.restart_at = None;
                self.stop_by = Some(Instant::now() + self.wait);
                self.pass_on(libc::SIGTERM);
            }
            libc::SIGHUP => {
                info!("Reloading ...");
                if let Ok(now) = NotifyState::monotonic_usec_now() {
                    let _ = sd_notify::notify(&[NotifyState::Reloading, now]);
                }
                self.pass_on(number);
            }
            libc::SIGUSR1 => {
                self.dump();
                self.pass_on(number);
            }
            libc::SIGCHLD | libc::SIGPIPE => {}
            other => self.pass_on(other),
        }
    }

    fn pass_on(&self, number: i32) {
        if let Some(child) = &self.child
            && let Err(e) = sys::kill(child.pid, number)
        {
            warn!("cannot signal VRRP process {}: {e}", child.pid);
        }
    }

    fn dump(&self) {
        let child = self.child.as_ref().map_or("none".to_owned(), |c| c.pid.to_string());
        let text = format!(
            "------< Parent >------\n Configuration file = {}\n VRRP process = {child}\n",
            self.options.config.display()
        );
        if let Err(e) = child::write_dump(admin::PARENT_DATA_FILE, &text) {
            warn!("{e}");
        }
    }

    /// Passes the child's word that it is ready to whoever started us.
    fn hear(&mut self) {
        let Some(child) = self.child.as_mut().filter(|c| !c.deaf) else { return };
        let mut fds = [PollFd::new(child.ready.as_fd(), PollFlags::POLLIN)];
        if !matches!(poll(&mut fds, PollTimeout::ZERO), Ok(n) if n > 0) {
            return;
        }
        let mut bytes = [0; 16];
        match nix::unistd::read(&child.ready, &mut bytes) {
            Ok(0) | Err(_) => child.deaf = true,
            Ok(_) => {
                let _ = sd_notify::notify(&[NotifyState::Ready]);
            }
        }
    }

    /// Learns of the child's end. `Some`: the parent ends too.
    fn reap(&mut self) -> Option<u8> {
        let child = self.child.as_ref()?;
        let (pid, life) = (child.pid, child.since.elapsed());
        let how = match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => {
                if self.stop_by.is_none()
                    && matches!(code as u8, code::CONFIG | code::FORBIDDEN | code::FATAL)
                {
                    error!("VRRP process {pid} cannot run (exit code {code}). Terminating");
                    return Some(code as u8);
                }
                format!("exited with code {code}")
            }
            Ok(WaitStatus::Signaled(_, signal, _)) => format!("died: {signal}"),
            _ => return None,
        };
        self.child = None;
        if self.stop_by.is_some() {
            return None;
        }
        if !self.options.respawn {
            error!("VRRP process {pid} {how}. Terminating");
            return Some(code::FATAL);
        }
        if life >= RESPAWN_LIFE {
            self.delay = Duration::ZERO;
        }
        error!("VRRP process {pid} {how}: starting it again in {} s", self.delay.as_secs());
        self.restart_at = Some(Instant::now() + self.delay);
        self.delay = (self.delay * 2).clamp(Duration::from_secs(1), RESPAWN_DELAY_MAX);
        None
    }
}

/// Writes a file that only its owner may read and that is no link to somewhere else.
pub(super) fn write_private(path: &str, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    file.write_all(text.as_bytes())
}
