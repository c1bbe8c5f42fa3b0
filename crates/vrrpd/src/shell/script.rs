//! Runs programs: track scripts, whose end the engine waits for, and notify scripts, whose end nobody waits for.
//!
//! Invariants: no shell in between; each program leads a process group of its own, which a time-out kills whole;
//! nothing here ever waits for a program. Leaves to others: when (`engine::track::script`), what
//! (`program::Program`).

use std::{
    collections::BTreeMap,
    io,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, ExitStatus, Stdio},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::{Gid, Pid, getegid, geteuid},
};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    engine::track::script::Exit,
    program::{Program, RunAs},
    sys,
};

/// Ends that wait for the engine.
const ENDS_MAX: usize = 256;
/// Notify scripts alive at once; one more is refused, since they are piling up.
const NOTIFY_MAX: usize = 512;

/// Running programs.
#[derive(Debug)]
pub struct Scripts {
    /// Process group of the run of each track script, by name.
    running: BTreeMap<String, Pid>,
    ends: mpsc::Sender<End>,
    notifying: Vec<(Pid, JoinHandle<()>)>,
}

/// A run of a track script that ended.
#[derive(Debug)]
pub struct End {
    pub script: String,
    pub exit: Exit,
}

impl Scripts {
    pub fn new() -> (Scripts, mpsc::Receiver<End>) {
        let (ends, receiver) = mpsc::channel(ENDS_MAX);
        (Scripts { running: BTreeMap::new(), ends, notifying: Vec::new() }, receiver)
    }

    /// Starts a run; its end arrives on the channel, also when it could not be started.
    pub fn run(&mut self, script: &str, program: &Program) -> io::Result<()> {
        let (script, ends) = (script.to_owned(), self.ends.clone());
        match spawn(program, &[], Stdio::null()) {
            Ok((group, mut child)) => {
                self.running.insert(script.clone(), group);
                tokio::spawn(async move {
                    let exit = child.wait().await.map_or(Exit::NotStarted, exit);
                    let _ = ends.send(End { script, exit }).await;
                });
                Ok(())
            }
            Err(e) => {
                tokio::spawn(async move { ends.send(End { script, exit: Exit::NotStarted }).await });
                Err(e)
            }
        }
    }

    /// The run's end has been told; its group is no longer ours.
    pub fn ended(&mut self, script: &str) {
        self.running.remove(script);
    }

    /// Signals the process group of a run.
    pub fn signal(&self, script: &str, signal: Signal) {
        if let Some(group) = self.running.get(script) {
            // Gone already is as good.
            let _ = killpg(*group, signal);
        }
    }

    /// Starts a program whose end does not matter.
    pub fn notify(&mut self, program: &Program, added: &[String]) -> io::Result<()> {
        self.notifying.retain(|(_, task)| !task.is_finished());
        if self.notifying.len() >= NOTIFY_MAX {
            return Err(io::Error::other(format!("{NOTIFY_MAX} notify scripts still run")));
        }
        let (group, mut child) = spawn(program, added, Stdio::null())?;
        self.notifying.push((group, tokio::spawn(async move { drop(child.wait().await) })));
        Ok(())
    }

    /// Waits until the notify scripts that run have ended.
    pub async fn notified(&mut self) {
        for (_, task) in self.notifying.drain(..) {
            let _ = task.await;
        }
    }

    /// Ends every track script that still runs.
    pub fn stop(&mut self) {
        for (_, group) in std::mem::take(&mut self.running) {
            let _ = killpg(group, Signal::SIGTERM);
        }
    }
}

/// Starts a program in a process group of its own.
pub fn spawn(program: &Program, added: &[String], input: Stdio) -> io::Result<(Pid, tokio::process::Child)> {
    let child = tokio::process::Command::from(command(program, added, input)).spawn()?;
    let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
    Ok((Pid::from_raw(pid as i32), child))
}

/// A program ready to start: in a process group of its own, as its user, and ended when we end.
pub fn command(program: &Program, added: &[String], input: Stdio) -> Command {
    let mut command = Command::new(&program.path);
    if let Some((name, arguments)) = program.argv.split_first() {
        command.arg0(name).args(arguments);
    }
    command.args(added).stdin(input).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut groups = None;
    // Whoever we are already needs no change, which a user namespace may forbid even to its root.
    let me = |r: &RunAs| {
        r.groups.iter().all(|g| *g == r.gid) && r.uid == geteuid().as_raw() && r.gid == getegid().as_raw()
    };
    if let Some(RunAs { uid, gid, groups: more }) = program.user.as_ref().filter(|r| !me(r)) {
        // Another user's programs get no groups of ours.
        groups = Some(more.iter().map(|g| Gid::from_raw(*g)).collect());
        command.uid(*uid).gid(*gid);
    }
    sys::die_with_parent(&mut command, groups);
    command
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::NotStarted,
    }
}
