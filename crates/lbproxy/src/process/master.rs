//! The master (`-W`, `-Ws`): supervises the data process, passes signals on, and speaks for it to whoever started
//! the service.
//!
//! Its simple form: a reload happens inside the data process, so that there is one of it for the master's whole
//! life. Exit codes are HAProxy's: 0 after SIGTERM or SIGUSR1, 130 after SIGINT, 128 and the signal (or its own
//! code) when the data process ends by itself.

use std::{fs::File, io, os::fd::AsFd as _, process::ExitCode};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal, kill},
        signalfd::{SfdFlags, SignalFd},
        wait::{WaitStatus, waitpid},
    },
    unistd::{Pid, pipe},
};

use super::{
    daemon::{Null, Side},
    notify::{self, Event, Notify},
    report::Report,
};
use crate::sys::{self, Fork};

/// Signals that the master takes; all but SIGCHLD are passed on.
const SIGNALS: [Signal; 8] = [
    Signal::SIGCHLD,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGHUP,
    Signal::SIGTTOU,
    Signal::SIGTTIN,
];

/// Splits off the data process; the master's side supervises it and returns with its own exit code.
/// `null` is there in the background.
pub(super) fn split(upwards: Notify, null: &mut Option<Null>, report: Report) -> io::Result<Side> {
    let (read, write) = pipe()?;
    let taken: SigSet = SIGNALS.into_iter().collect();
    // Blocked before the fork, so that none is lost.
    taken.thread_block()?;
    match sys::fork()? {
        Fork::Child => {
            drop(read);
            // The others wait until the worker can answer them.
            let ending: SigSet = [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
            ending.thread_unblock()?;
            Ok(Side::Goes(Notify::pipe(write)))
        }
        Fork::Parent(worker) => {
            drop(write);
            report.notice(&format!("Initializing new worker ({worker})"));
            let signals = SignalFd::with_flags(&taken, SfdFlags::SFD_CLOEXEC)?;
            let master = Master {
                worker,
                pipe: Some(read.into()),
                signals,
                upwards,
                null: null.take(),
                asked: None,
                report,
            };
            Ok(Side::Ends(ExitCode::from(master.supervise()?)))
        }
    }
}

struct Master {
    worker: Pid,
    /// What the worker tells of itself.
    pipe: Option<File>,
    signals: SignalFd,
    upwards: Notify,
    /// Taken when the worker is first ready.
    null: Option<Null>,
    /// The signal by which we were told to leave.
    asked: Option<Signal>,
    report: Report,
}

impl Master {
    fn supervise(mut self) -> io::Result<u8> {
        loop {
            let (signal, told) = self.wait()?;
            if told {
                self.hear()?;
            }
            if signal
                && let Some(info) = self.signals.read_signal()?
                && let Ok(s) = Signal::try_from(info.ssi_signo as i32)
                && let Some(code) = self.take(s)?
            {
                return Ok(code);
            }
        }
    }

    /// Waits; says whether there is a signal, and whether the worker told something.
    fn wait(&self) -> io::Result<(bool, bool)> {
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.pipe.as_ref().map(|p| PollFd::new(p.as_fd(), PollFlags::POLLIN)));
        loop {
            match poll(&mut fds, PollTimeout::NONE) {
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e.into()),
                Ok(_) => break,
            }
        }
        let ready = |f: &PollFd<'_>| f.any().unwrap_or(true);
        Ok((fds.first().is_some_and(ready), fds.get(1).is_some_and(ready)))
    }

    fn hear(&mut self) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        let Some(event) = notify::next(pipe) else {
            // The worker is ending; SIGCHLD tells how.
            self.pipe = None;
            return Ok(());
        };
        self.upwards.tell(event);
        if event == Event::Ready {
            self.report.notice("Loading success.");
            self.null.take().map_or(Ok(()), Null::replace_standard_files)?;
        }
        Ok(())
    }

    /// Passes a signal on; gives the exit code when the worker has ended.
    fn take(&mut self, s: Signal) -> io::Result<Option<u8>> {
        if s != Signal::SIGCHLD {
            if matches!(s, Signal::SIGTERM | Signal::SIGINT | Signal::SIGUSR1) {
                self.report.warning("Exiting Master process...");
                self.asked = Some(s);
                self.upwards.tell(Event::Stopping);
            }
            let _ = kill(self.worker, s);
            return Ok(None);
        }
        let code = match waitpid(self.worker, Some(nix::sys::wait::WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => u8::try_from(code).unwrap_or(u8::MAX),
            Ok(WaitStatus::Signaled(_, signal, _)) => 128 + signal as u8,
            _ => return Ok(None),
        };
        let code = self.outcome(code);
        self.report.warning(&format!("All workers exited. Exiting... ({code})"));
        Ok(Some(code))
    }

    /// The master's exit code for the worker's.
    fn outcome(&self, worker: u8) -> u8 {
        let text = format!("Current worker ({}) exited with code {worker}", self.worker);
        match self.asked {
            Some(Signal::SIGTERM) if worker == 128 + Signal::SIGTERM as u8 => 0,
            Some(_) => worker,
            None => {
                self.report.alert(&text);
                worker
            }
        }
    }
}
