//! The programs under test and their peers: finding them, starting them in a host, reading
//! what they say.
//!
//! Owns: which file a [`Program`] is, the links under which our daemons run with the peers'
//! names, the log of a started [`Daemon`]. Leaves to others: what they are configured to do.

use std::fs;
use std::io::BufRead;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::netns::{Cmd, Error, Exit, Host, Process, Result, Signal, hides};
use crate::wait;

/// A program that plays a part in a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Program {
    Lbproxy,
    Vrrpctl,
    Vrrpd,
    Haproxy,
    Keepalived,
}

impl Program {
    pub fn name(self) -> &'static str {
        match self {
            Program::Lbproxy => "lbproxy",
            Program::Vrrpctl => "vrrpctl",
            Program::Vrrpd => "vrrpd",
            Program::Haproxy => "haproxy",
            Program::Keepalived => "keepalived",
        }
    }

    /// The environment variable that names the file to run.
    fn variable(self) -> &'static str {
        match self {
            Program::Lbproxy => "LBPROXY_BIN",
            Program::Vrrpctl => "VRRPCTL_BIN",
            Program::Vrrpd => "VRRPD_BIN",
            Program::Haproxy => "HAPROXY_BIN",
            Program::Keepalived => "KEEPALIVED_BIN",
        }
    }

    fn ours(self) -> bool {
        matches!(self, Program::Lbproxy | Program::Vrrpctl | Program::Vrrpd)
    }

    /// The name it goes by in configurations that were written for the peers.
    pub fn traditional_name(self) -> &'static str {
        match self {
            Program::Lbproxy | Program::Haproxy => "haproxy",
            Program::Vrrpctl => "vrrpctl",
            Program::Vrrpd | Program::Keepalived => "keepalived",
        }
    }

    /// The file: what the environment says; for our daemons the newest one built; for the peers
    /// what the system has installed.
    ///
    /// # Errors
    /// There is none; how to get it.
    pub fn path(self) -> Result<PathBuf> {
        if let Some(path) = std::env::var_os(self.variable()) {
            let path = PathBuf::from(path);
            return match path.exists() {
                true => Ok(path),
                false => {
                    Err(Error(format!("{} = {}: there is no such file", self.variable(), path.display())))
                }
            };
        }
        if self.ours() { self.built() } else { self.installed() }
    }

    fn built(self) -> Result<PathBuf> {
        let exe = std::env::current_exe()?;
        let target = exe.ancestors().find(|d| d.join("CACHEDIR.TAG").exists());
        let name = self.name();
        let built = |d: &Path| -> Vec<PathBuf> {
            ["fast", "release", "debug"].iter().map(|p| d.join(p).join(name)).filter(|p| p.exists()).collect()
        };
        let newest = target
            .map(built)
            .unwrap_or_default()
            .into_iter()
            .max_by_key(|p| fs::metadata(p).and_then(|m| m.modified()).unwrap_or(std::time::UNIX_EPOCH));
        newest.ok_or_else(|| {
            Error(format!(
                "{name} has not been built: cargo build --profile fast -p {name}, or set {}",
                self.variable()
            ))
        })
    }

    fn installed(self) -> Result<PathBuf> {
        let places = ["/usr/local/sbin", "/usr/sbin", "/usr/local/bin", "/usr/bin"];
        let found = places.iter().map(|d| Path::new(d).join(self.name())).find(|p| p.exists());
        found.ok_or_else(|| {
            let name = self.name();
            Error(format!("{name} is not installed: apt-get install {name}, or set {}", self.variable()))
        })
    }

    /// The path to run it by so that the kernel knows it under `name`: a link in the lab's work
    /// directory. `pkill -0 haproxy` in a configuration then finds our proxy.
    ///
    /// # Errors
    /// As [`Program::path`], and those of making a link.
    pub fn called(self, name: &str, work: &Path) -> Result<PathBuf> {
        let mut target = fs::canonicalize(self.path()?)?;
        let directory = work.join("bin").join(self.name());
        fs::create_dir_all(&directory)?;
        if hides(&target) {
            // Hosts cannot see the place it is in, so they get a copy.
            let copy = directory.join("program");
            if !copy.exists() {
                fs::copy(&target, &copy)?;
            }
            target = copy;
        }
        let link = directory.join(name);
        match symlink(target, &link) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e.into()),
            _ => Ok(link),
        }
    }
}

/// A line that a program said, and when it was read.
#[derive(Debug, Clone)]
pub struct Line {
    pub at: Instant,
    pub text: String,
}

/// A started program and what it says on its standard output and error.
#[derive(Debug, Clone)]
pub struct Daemon {
    host: Host,
    process: Process,
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Daemon {
    /// Starts a program under the peers' traditional name.
    ///
    /// # Errors
    /// It is not there, or cannot be started.
    pub fn start<I: IntoIterator<Item = S>, S: AsRef<Path>>(
        host: &Host,
        program: Program,
        args: I,
    ) -> Result<Daemon> {
        let path = program.called(program.traditional_name(), host.work())?;
        Daemon::run(host, program.name(), Cmd::new(path).args(args))
    }

    /// Starts any command.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run(host: &Host, name: &str, cmd: Cmd) -> Result<Daemon> {
        let (said, output) = std::io::pipe()?;
        let process = host.spawn(cmd.output(output))?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        std::thread::Builder::new().name(format!("log-{name}")).spawn(move || {
            let mut said = std::io::BufReader::new(said);
            let mut line = Vec::new();
            // Ends when the last process that holds the other end has gone.
            while said.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_string();
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(Line { at: Instant::now(), text });
                line.clear();
            }
        })?;
        Ok(Daemon { host: host.clone(), process, lines })
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    pub fn process(&self) -> &Process {
        &self.process
    }

    pub fn pid(&self) -> i32 {
        self.process.pid
    }

    /// What it has said so far, line by line.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All it has said so far.
    pub fn log(&self) -> String {
        self.lines().iter().map(|l| format!("{}\n", l.text)).collect()
    }

    /// Waits for a line that contains this.
    ///
    /// # Errors
    /// It did not come within `patience`, or the program ended first; the message has its log.
    pub fn wait_for_line(&self, part: &str, patience: Duration) -> Result<String> {
        let what = format!("a line with `{part}`");
        let line = || self.log().lines().find(|l| l.contains(part)).map(str::to_string);
        self.while_running(&what, patience, line)
    }

    /// Waits for a condition; gives up early when the program has failed.
    ///
    /// # Errors
    /// The condition did not come true, or the program ended with an error; the message has its log.
    pub fn while_running<T>(
        &self,
        what: &str,
        patience: Duration,
        mut look: impl FnMut() -> Option<T>,
    ) -> Result<T> {
        let mut failed = None;
        let found = wait::until(what, patience, || match look() {
            Some(found) => Some(Some(found)),
            None => {
                failed = self.process.wait(Duration::ZERO).filter(|e| !e.success());
                failed.map(|_| None)
            }
        });
        match found {
            Ok(Some(found)) => Ok(found),
            Ok(None) => {
                let exit = failed.unwrap_or(Exit::Code(0));
                Err(Error(format!("it ended with {exit:?} before: {what}; its log:\n{}", self.log())))
            }
            Err(e) => Err(Error(format!("{e}; its log:\n{}", self.log()))),
        }
    }

    /// Waits until something accepts connections at this address of its host.
    ///
    /// # Errors
    /// As [`Daemon::while_running`].
    pub fn wait_for_port(&self, address: &str, patience: Duration) -> Result<()> {
        let what = format!("something listens at {address}");
        self.while_running(&what, patience, || self.host.tcp_connect(address).ok().map(drop))
    }

    /// Waits until a Unix socket of its host accepts connections.
    ///
    /// # Errors
    /// As [`Daemon::while_running`].
    pub fn wait_for_socket(&self, path: &str, patience: Duration) -> Result<()> {
        let what = format!("something listens at {path}");
        self.while_running(&what, patience, || self.host.unix_connect(path).ok().map(drop))
    }

    /// Sends a signal to the process that was started.
    ///
    /// # Errors
    /// As `kill(2)`.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Asks it to end and waits for that.
    ///
    /// # Errors
    /// It does not end within ten seconds.
    pub fn stop(&self) -> Result<Exit> {
        self.signal(Signal::SIGTERM)?;
        let exit = self.process.wait(Duration::from_secs(10));
        exit.ok_or_else(|| Error(format!("it does not end at SIGTERM; its log:\n{}", self.log())))
    }
}
