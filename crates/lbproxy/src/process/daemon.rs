//! Going to the background: the process that was started waits until the one that stays is ready, so that an
//! error is still its own exit code.

use std::{fs::File, io, process::ExitCode};

use nix::{
    sys::wait::{WaitStatus, waitpid},
    unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout, pipe, setsid},
};

use super::{
    notify::{self, Event, Notify},
    report::Report,
};
use crate::sys::{self, Fork};

/// Which process this is after a fork.
#[derive(Debug)]
pub(super) enum Side {
    /// The one that goes on; it tells by this when it is ready.
    Goes(Notify),
    /// The one that waited, and now ends.
    Ends(ExitCode),
}

/// Splits off the process that stays in the background, and tells others than us as before.
pub(super) fn detach(others: Notify, report: Report) -> io::Result<Side> {
    let (read, write) = pipe()?;
    match sys::fork()? {
        Fork::Child => {
            drop(read);
            setsid()?;
            Ok(Side::Goes(others.and_pipe(write)))
        }
        Fork::Parent(child) => {
            drop(write);
            Ok(Side::Ends(await_ready(child, read.into(), report)))
        }
    }
}

fn await_ready(child: Pid, mut pipe: File, report: Report) -> ExitCode {
    if notify::next(&mut pipe) == Some(Event::Ready) {
        return ExitCode::SUCCESS;
    }
    match waitpid(child, None) {
        Ok(WaitStatus::Signaled(_, signal, _)) => {
            report.alert(&format!("Process {child} was ended by {signal}"))
        }
        Ok(WaitStatus::Exited(_, code)) => {
            report.alert(&format!("Process {child} exited with code {code} (Exit)"))
        }
        _ => report.alert(&format!("Process {child} ended before it was ready")),
    }
    ExitCode::FAILURE
}

/// What takes the place of the standard files of a process in the background. Opened before chroot, which may hold
/// no `/dev/null`.
#[derive(Debug)]
pub(super) struct Null(File);

impl Null {
    pub(super) fn open() -> io::Result<Null> {
        Ok(Null(File::options().read(true).write(true).open("/dev/null")?))
    }

    /// Lets go of the terminal or log that the process was started with.
    pub(super) fn replace_standard_files(self) -> io::Result<()> {
        dup2_stdin(&self.0)?;
        dup2_stdout(&self.0)?;
        dup2_stderr(&self.0)?;
        Ok(())
    }
}
