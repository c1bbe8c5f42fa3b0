//! Programs in a host: what to run, what runs, what it said.
//!
//! Owns: the description and the handle. Leaves to others: starting ([`Host::spawn`]).

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Host, Result, Signal};

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

impl Exit {
    /// The exit code, `None` if a signal ended it.
    pub fn code(self) -> Option<i32> {
        match self {
            Exit::Code(c) => Some(c),
            Exit::Signal(_) => None,
        }
    }

    pub fn success(self) -> bool {
        self == Exit::Code(0)
    }
}

/// A program to run in a host: the arguments, the environment and where its words go.
#[derive(Debug)]
pub struct Cmd {
    pub(super) argv: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) cwd: PathBuf,
    pub(super) user: Option<(u32, u32)>,
    pub(super) stdin: Option<OwnedFd>,
    pub(super) output: Option<OwnedFd>,
    pub(super) errors: Option<OwnedFd>,
}

impl Cmd {
    /// A program by path, or by name along `PATH`.
    pub fn new(program: impl AsRef<Path>) -> Cmd {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let env = [("PATH", path), ("HOME", "/root"), ("LANG", "C.UTF-8")];
        Cmd {
            argv: vec![program.as_ref().to_string_lossy().into_owned()],
            env: env.map(|(k, v)| (k.to_string(), v.to_string())).into(),
            cwd: PathBuf::from("/"),
            user: None,
            stdin: None,
            output: None,
            errors: None,
        }
    }

    /// A line for `sh -c`.
    pub fn shell(line: &str) -> Cmd {
        Cmd::new("sh").arg("-c").arg(line)
    }

    pub fn arg(mut self, argument: impl AsRef<Path>) -> Cmd {
        self.argv.push(argument.as_ref().to_string_lossy().into_owned());
        self
    }

    pub fn args<I: IntoIterator<Item = S>, S: AsRef<Path>>(self, arguments: I) -> Cmd {
        arguments.into_iter().fold(self, Cmd::arg)
    }

    pub fn env(mut self, name: &str, value: &str) -> Cmd {
        self.env.insert(name.to_string(), value.to_string());
        self
    }

    pub fn cwd(mut self, path: impl Into<PathBuf>) -> Cmd {
        self.cwd = path.into();
        self
    }

    /// Runs as this user and group, by number.
    pub fn user(mut self, uid: u32, gid: u32) -> Cmd {
        self.user = Some((uid, gid));
        self
    }

    pub fn stdin(mut self, input: impl Into<OwnedFd>) -> Cmd {
        self.stdin = Some(input.into());
        self
    }

    /// Where its output goes; errors go there too unless [`Cmd::errors`] says otherwise.
    pub fn output(mut self, output: impl Into<OwnedFd>) -> Cmd {
        self.output = Some(output.into());
        self
    }

    pub fn errors(mut self, errors: impl Into<OwnedFd>) -> Cmd {
        self.errors = Some(errors.into());
        self
    }
}

/// What a finished program said.
#[derive(Debug, Clone)]
pub struct Output {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
}

/// A program started in a host. It is not ended when this is dropped; the lab's end does that.
#[derive(Debug, Clone)]
pub struct Process {
    host: Host,
    /// As the host numbers it.
    pub pid: i32,
}

impl Process {
    pub(super) fn new(host: Host, pid: i32) -> Process {
        Process { host, pid }
    }

    /// How it ended, waiting no longer than this; `None` if it runs on.
    pub fn wait(&self, patience: Duration) -> Option<Exit> {
        self.host.0.keeper.wait_end(self.pid, patience)
    }

    pub fn running(&self) -> bool {
        self.wait(Duration::ZERO).is_none()
    }

    /// Sends a signal to this process alone.
    ///
    /// # Errors
    /// As `kill(2)`.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.host.signal(self.pid, signal)
    }
}
