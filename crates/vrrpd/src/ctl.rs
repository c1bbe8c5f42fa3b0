//! vrrpctl: looks at a running vrrpd and steers it.
//!
//! Owns: the command line, one row per command, from which help, manual page and completion of names are made.
//! Leaves to others: what the daemon answers (`admin`), how it looks (`ctl::show`), the watch (`ctl::watch`), the
//! simulator (`ctl::lint`).

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod lint;
mod manual;
mod show;
mod watch;

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use crate::{
    admin::{
        control::{self, Request},
        journal::Entry,
        snapshot::Snapshot,
    },
    engine::router::Order,
};

/// Where a daemon without special settings is asked.
pub const SOCKET: &str = "/run/vrrpd.sock";
/// For the whole answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The daemon said no, or cannot be reached.
const FAILED: u8 = 1;
/// The command line cannot be understood.
const USAGE: u8 = 2;

/// One command.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// Arguments as the help shows them.
    pub(crate) usage: &'static str,
    pub(crate) doc: &'static str,
    /// Further sentences of the manual page.
    pub(crate) more: &'static str,
    run: fn(&Call<'_>) -> Result<(), Failure>,
}

/// One option, before or after the command.
pub(crate) struct Switch {
    pub(crate) short: char,
    pub(crate) long: &'static str,
    /// Name of its argument, if it has one.
    pub(crate) value: Option<&'static str>,
    pub(crate) doc: &'static str,
}

pub(crate) const SWITCHES: &[Switch] = &[
    Switch { short: 'h', long: "help", value: None, doc: "Show this text." },
    Switch { short: 'j', long: "json", value: None, doc: "Write JSON, for programs." },
    Switch { short: 'm', long: "man", value: None, doc: "Write the manual page (roff)." },
    Switch {
        short: 's',
        long: "socket",
        value: Some("PATH"),
        doc: "The daemon's control socket; /run/vrrpd.sock when not given.",
    },
    Switch { short: 'V', long: "version", value: None, doc: "Show the version." },
];

pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "handover",
        usage: "[INSTANCE]",
        doc: "Give the address to the peer now.",
        more: "The instance, or each one if none is named, counts no more than priority 1 until resume: whoever can \
               takes over at once, and where nobody can the address stays. Members of a sync group go together. An \
               address owner (priority 255) cannot hand over; stop it.",
        run: |c| order(c, Some(Order::Handover)),
    },
    Command {
        name: "journal",
        usage: "[NUMBER]",
        doc: "Show why addresses moved: the last transitions and what led to each.",
        more: "Twenty are shown when no number is given. The journal outlives the daemon; journal_directory in \
               global_defs says where it is kept.",
        run: journal,
    },
    Command {
        name: "lint",
        usage: "FILE...",
        doc: "Would the address move? Run the files of all hosts against each other.",
        more: "Takes the keepalived.conf of every host, and haproxy.cfg files. The real engines run on a simulated \
               network: each tracked thing, interface and host that holds an address is broken in turn. What would \
               not move the address is told with its lines and the mend; the exit status is 1 then. Adverts over \
               IPv6 are not simulated.",
        run: lint::run,
    },
    Command {
        name: "resume",
        usage: "[INSTANCE]",
        doc: "Take part again after handover or stop.",
        more: "",
        run: |c| order(c, None),
    },
    Command {
        name: "status",
        usage: "",
        doc: "Show every instance with what it tracks.",
        more: "Members of the JSON form are never renamed.",
        run: status,
    },
    Command {
        name: "stop",
        usage: "[INSTANCE]",
        doc: "Resign and take no part until resume.",
        more: "A master sends a last advert with priority 0, so that the peer need not wait. The address is given up \
               even where nobody takes over.",
        run: |c| order(c, Some(Order::Stop)),
    },
    Command {
        name: "watch",
        usage: "",
        doc: "Show the status and the last moves, as they change, until interrupted.",
        more: "",
        run: |c| watch::run(&c.socket),
    },
];

/// What a command is given.
pub(crate) struct Call<'a> {
    socket: PathBuf,
    json: bool,
    arguments: &'a [String],
}

/// Why a command did not do what it is for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot ask the daemon at {}: {cause}{}", path.display(), advice(cause))]
    Unreachable { path: PathBuf, cause: io::Error },
    /// The daemon's own sentence.
    #[error("{0}")]
    Refused(String),
    #[error("the answer of the daemon cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Output(#[from] io::Error),
}

fn advice(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            " (is vrrpd running? control_socket in global_defs moves the socket, -s names it)"
        }
        io::ErrorKind::PermissionDenied => " (only root may ask)",
        _ => "",
    }
}

/// The control socket of the daemon with this pid file.
pub fn socket_beside(pid_file: &Path) -> PathBuf {
    let stem = pid_file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let name = stem.replace("keepalived_vrrp", "vrrpd");
    pid_file.with_file_name(if name.is_empty() { "vrrpd".to_owned() } else { name } + ".sock")
}

/// The whole program. The first argument is its name.
pub fn main(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    match run(arguments.into_iter().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => {
            eprintln!("vrrpctl: {text}\nvrrpctl --help shows what there is.");
            ExitCode::from(USAGE)
        }
        Err(e) => {
            eprintln!("vrrpctl: {e}");
            ExitCode::from(FAILED)
        }
    }
}

fn run(arguments: Vec<String>) -> Result<(), Failure> {
    let mut socket = PathBuf::from(SOCKET);
    let (mut json, mut words) = (false, Vec::new());
    let mut rest = arguments.into_iter();
    while let Some(word) = rest.next() {
        let Some((switch, attached)) = switch(&word)? else {
            words.push(word);
            continue;
        };
        let value = match (switch.value, attached) {
            (None, None) => String::new(),
            (None, Some(_)) => return Err(Failure::Usage(format!("--{} takes no value", switch.long))),
            (Some(_), Some(value)) => value,
            (Some(what), None) => {
                rest.next().ok_or_else(|| Failure::Usage(format!("--{} needs {what}", switch.long)))?
            }
        };
        match switch.short {
            'h' => return say(&manual::help()),
            'm' => return say(&manual::page()),
            'V' => return say(&format!("vrrpctl {}\n", env!("CARGO_PKG_VERSION"))),
            'j' => json = true,
            _ => socket = value.into(),
        }
    }
    let Some((name, arguments)) = words.split_first() else {
        return Err(Failure::Usage("a command is missing".to_owned()));
    };
    let Some(command) = COMMANDS.iter().find(|c| c.name == name) else {
        let near = common::diag::suggest::nearest(name, COMMANDS.iter().map(|c| c.name));
        let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
        return Err(Failure::Usage(format!("there is no command `{name}`{hint}")));
    };
    (command.run)(&Call { socket, json, arguments })
}

/// The option that a word is, with a value attached to it.
fn switch(word: &str) -> Result<Option<(&'static Switch, Option<String>)>, Failure> {
    let unknown = || Failure::Usage(format!("there is no option `{word}`"));
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        return SWITCHES.iter().find(|s| s.long == name).map(|s| Some((s, value))).ok_or_else(unknown);
    }
    let Some(letter) = word.strip_prefix('-').and_then(|s| s.chars().next()) else { return Ok(None) };
    let attached = Some(word.chars().skip(2).collect::<String>()).filter(|v| !v.is_empty());
    SWITCHES.iter().find(|s| s.short == letter).map(|s| Some((s, attached))).ok_or_else(unknown)
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Asks the daemon; gives its sentence and its data.
pub(crate) fn ask(socket: &Path, request: &Request) -> Result<(String, String), Failure> {
    let ask = || -> io::Result<String> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{request}\n").as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    let text = ask().map_err(|cause| Failure::Unreachable { path: socket.to_owned(), cause })?;
    let (sentence, data) = control::answer(&text).map_err(Failure::Refused)?;
    Ok((sentence.to_owned(), data.to_owned()))
}

pub(crate) fn snapshot(socket: &Path) -> Result<Snapshot, Failure> {
    Ok(serde_json::from_str(&ask(socket, &Request::Status)?.1)?)
}

pub(crate) fn entries(socket: &Path, number: usize) -> Result<Vec<Entry>, Failure> {
    let (_, data) = ask(socket, &Request::Journal(number))?;
    Ok(data.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn status(call: &Call<'_>) -> Result<(), Failure> {
    if call.json {
        let snapshot = snapshot(&call.socket)?;
        return say(&(serde_json::to_string_pretty(&snapshot)? + "\n"));
    }
    say(&show::status(&snapshot(&call.socket)?, show::Paint::of_terminal()))
}

fn journal(call: &Call<'_>) -> Result<(), Failure> {
    let number = match call.arguments {
        [] => 20,
        [n] => n.parse().map_err(|_| Failure::Usage(format!("`{n}` is no number of transitions")))?,
        _ => return Err(Failure::Usage("journal takes one number".to_owned())),
    };
    if call.json {
        return say(&ask(&call.socket, &Request::Journal(number))?.1);
    }
    say(&show::journal(&entries(&call.socket, number)?, show::Paint::of_terminal()))
}

fn order(call: &Call<'_>, order: Option<Order>) -> Result<(), Failure> {
    let instance = match call.arguments {
        [] => None,
        [name] => Some(name.clone()),
        _ => return Err(Failure::Usage("name one instance, or none for all".to_owned())),
    };
    let (sentence, _) = ask(&call.socket, &Request::Order { order, instance })?;
    say(&(sentence + "\n"))
}

#[cfg(test)]
mod tests;
