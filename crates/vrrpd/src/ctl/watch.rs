//! The live view: status and last moves, drawn again when something changed.
//!
//! Invariants: the terminal is left as it was found, also by an interrupt; a daemon that goes away is waited for.

use std::{
    io::{IsTerminal, Write, stdout},
    path::Path,
    time::Duration,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
    },
};
use std::os::fd::AsFd as _;

use super::{
    Failure, entries, show,
    show::{Paint, moment},
    snapshot,
};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(250);
/// Moves shown below the status.
const MOVES: usize = 6;
/// The second screen and back; cursor off and on.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// To the first place; clear what is left of the line, of the screen.
const HOME: &str = "\x1b[H";
const TO_LINE_END: &str = "\x1b[K";
const TO_END: &str = "\x1b[J";

pub(super) fn run(socket: &Path) -> Result<(), Failure> {
    let ends: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    ends.thread_block().map_err(std::io::Error::from)?;
    let signals = SignalFd::with_flags(&ends, SfdFlags::SFD_CLOEXEC).map_err(std::io::Error::from)?;
    let terminal = stdout().is_terminal();
    let mut out = stdout().lock();
    if terminal {
        out.write_all(ENTER.as_bytes())?;
    }
    let result = draw(socket, &signals, &mut out, terminal);
    if terminal {
        out.write_all(LEAVE.as_bytes())?;
        out.flush()?;
    }
    result
}

fn draw(socket: &Path, signals: &SignalFd, out: &mut impl Write, terminal: bool) -> Result<(), Failure> {
    let paint = Paint(terminal && std::env::var_os("NO_COLOR").is_none());
    let mut last = String::new();
    loop {
        let view = view(socket, paint);
        if terminal {
            // Drawn over what is there, so that nothing flickers.
            let lines: String = view.lines().map(|l| format!("{l}{TO_LINE_END}\r\n")).collect();
            write!(out, "{HOME}{lines}{TO_END}")?;
        } else if view != last {
            writeln!(out, "{view}")?;
        }
        out.flush()?;
        last = view;
        let mut fds = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let wait = PollTimeout::try_from(EVERY).unwrap_or(PollTimeout::ZERO);
        if poll(&mut fds, wait).map_err(std::io::Error::from)? > 0 {
            return Ok(());
        }
    }
}

fn view(socket: &Path, paint: Paint) -> String {
    match snapshot(socket).and_then(|s| Ok((s, entries(socket, MOVES)?))) {
        Ok((s, moves)) => {
            format!(
                "{}\n{}\nLast moves:\n{}",
                moment(s.time_s),
                show::status(&s, paint),
                show::journal(&moves, paint)
            )
        }
        Err(e) => format!("{e}\nWaiting for it; interrupt to leave.\n"),
    }
}
