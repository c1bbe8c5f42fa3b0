//! Where log lines go: console, syslog (RFC 3164 to /dev/log), a file, or the journal when systemd runs us.
//!
//! Invariants: a line is one datagram; nothing here blocks (a full or absent syslog loses the line) and nothing
//! fails loudly, since there is no place left to say it. What is said is the caller's business.

use std::{
    fmt::{self, Write as _},
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    sync::Mutex,
};

use tracing::{
    Dispatch, Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::LevelFilter,
    layer::{Context, SubscriberExt},
    registry,
};

use super::clock;
use crate::sys::{self, LocalTime};

const SYSLOG: &str = "/dev/log";
/// Syslog's facility `daemon` (RFC 3164 section 4.1.1).
pub const FACILITY_DAEMON: u8 = 3;
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What the command line says about logs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// `-l`
    pub console: bool,
    /// Off by `-G`.
    pub syslog: bool,
    /// `-S`
    pub facility: u8,
    /// `-g`
    pub file: Option<PathBuf>,
    /// `-D`
    pub detail: bool,
}

/// Makes the destination of this process's lines, called `ident` (`Keepalived_vrrp`); `suffix` tells the log
/// files of the processes apart (`_vrrp`).
pub fn dispatch(options: &Options, ident: &str, suffix: &str) -> Dispatch {
    let level = if options.detail { LevelFilter::DEBUG } else { LevelFilter::INFO };
    // With systemd the journal is there, and a native record keeps its fields.
    let journal = (options.syslog && !options.console && std::env::var_os("JOURNAL_STREAM").is_some())
        .then(|| tracing_journald::layer().ok())
        .flatten()
        .map(|layer| layer.with_syslog_identifier(ident.to_owned()));
    let lines = Lines {
        console: options.console,
        syslog: (options.syslog && !options.console && journal.is_none())
            .then(|| Mutex::new(UnixDatagram::unbound().and_then(connect).ok())),
        facility: options.facility,
        file: options.file.as_deref().and_then(|path| open(path, suffix).ok()),
        ident: ident.to_owned(),
    };
    Dispatch::new(registry().with(journal.with_filter(level)).with(lines.with_filter(level)))
}

fn connect(socket: UnixDatagram) -> io::Result<UnixDatagram> {
    socket.set_nonblocking(true)?;
    socket.connect(SYSLOG)?;
    Ok(socket)
}

/// `FILE` gets the suffix before its last dot.
fn open(path: &Path, suffix: &str) -> io::Result<File> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let name = match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}{suffix}.{extension}"),
        None => format!("{name}{suffix}"),
    };
    OpenOptions::new().create(true).append(true).open(path.with_file_name(name))
}

struct Lines {
    console: bool,
    syslog: Option<Mutex<Option<UnixDatagram>>>,
    facility: u8,
    file: Option<File>,
    ident: String,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let now = sys::local_time(clock::wall().as_secs() as i64);
        if self.console {
            let _ = writeln!(io::stderr(), "{}: {}", calendar(now), text.0);
        }
        if let Some(mut file) = self.file.as_ref() {
            let _ = writeln!(file, "{}: {}", calendar(now), text.0);
        }
        if let Some(socket) = &self.syslog {
            let line = rfc3164(self.facility, *event.metadata().level(), now, &self.ident, &text.0);
            if let Ok(mut socket) = socket.lock() {
                send(&mut socket, line.as_bytes());
            }
        }
    }
}

/// A syslog daemon that was restarted has a new socket.
fn send(socket: &mut Option<UnixDatagram>, line: &[u8]) {
    if socket.as_ref().is_some_and(|s| match s.send(line) {
        Ok(_) => true,
        Err(e) => e.kind() == io::ErrorKind::WouldBlock,
    }) {
        return;
    }
    *socket = UnixDatagram::unbound().and_then(connect).ok();
    if let Some(socket) = socket {
        let _ = socket.send(line);
    }
}

fn rfc3164(facility: u8, level: Level, now: LocalTime, ident: &str, text: &str) -> String {
    // Details are what `-D` asked for: at debug most syslogs would drop them.
    let severity = match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        _ => 6,
    };
    let priority = u32::from(facility) * 8 + severity;
    let month = MONTHS.get(now.month).unwrap_or(&"Jan");
    format!(
        "<{priority}>{month} {:2} {:02}:{:02}:{:02} {ident}[{}]: {text}",
        now.day,
        now.hour,
        now.minute,
        now.second,
        std::process::id()
    )
}

/// `Sun Nov 22 09:44:13 2026`, as keepalived's console.
fn calendar(t: LocalTime) -> String {
    let (day, month) = (DAYS.get(t.weekday).unwrap_or(&"Sun"), MONTHS.get(t.month).unwrap_or(&"Jan"));
    format!("{day} {month} {:2} {:02}:{:02}:{:02} {}", t.day, t.hour, t.minute, t.second, t.year)
}

/// The message and then the fields.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syslog_line_has_priority_time_ident_and_pid() {
        let now = LocalTime { year: 2026, month: 9, day: 9, weekday: 5, hour: 13, minute: 5, second: 9 };
        let line = rfc3164(FACILITY_DAEMON, Level::INFO, now, "Keepalived_vrrp", "hello");
        assert_eq!(line, format!("<30>Oct  9 13:05:09 Keepalived_vrrp[{}]: hello", std::process::id()));
        assert_eq!(calendar(now), "Fri Oct  9 13:05:09 2026");
    }

    #[test]
    fn log_files_of_the_processes_are_told_apart_before_the_last_dot() {
        let dir = tempfile::tempdir().unwrap();
        open(&dir.path().join("k.d.log"), "_vrrp").unwrap();
        open(&dir.path().join("plain"), "_vrrp").unwrap();
        assert!(dir.path().join("k.d_vrrp.log").exists() && dir.path().join("plain_vrrp").exists());
    }
}
