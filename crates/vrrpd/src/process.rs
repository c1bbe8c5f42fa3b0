//! The daemon as processes: a parent that watches and restarts, a child that speaks VRRP.
//!
//! Owns: start order, exit codes, pid files, signals. Invariants: every fork happens while there is one thread;
//! the parent never touches the network; a child whose parent is gone resigns cleanly (PR_SET_PDEATHSIG).
//! Leaves to others: the command line (`cli`), the work (`shell::runner`).

mod child;
mod config;
mod parent;
mod pidfile;

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use common::keepalived::{self, Fatal};
use tracing::dispatcher;

use crate::{
    cli::{self, Options, Request},
    shell::{fence, log},
};

/// keepalived's exit codes, as measured (they differ from its manual).
pub mod code {
    pub const OK: u8 = 0;
    /// Fatal error.
    pub const FATAL: u8 = 1;
    /// The configuration cannot be run; the child is not started again.
    pub const CONFIG: u8 = 2;
    /// `-t`: the file may not be read. Also that of a child that lacks a permission.
    pub const FORBIDDEN: u8 = 4;
    /// `-t`: there are errors.
    pub const TEST_ERRORS: u8 = 5;
    /// Run: the file is missing. `-t`: scripts run without script security.
    pub const NO_FILE: u8 = 6;
}

/// What the program is called, and so how it signs its log lines.
#[derive(Clone, Debug)]
pub struct Names {
    /// The last part of the name that it was run by.
    pub program: String,
    /// Ident of the parent's log lines.
    pub parent: String,
    /// Ident of the VRRP process's log lines.
    pub vrrp: String,
}

impl Names {
    /// Run through a link called `keepalived` the lines are signed as keepalived's.
    pub fn new(argument: Option<&OsString>) -> Names {
        let program = argument
            .and_then(|a| Path::new(a).file_name())
            .map_or("vrrpd".into(), |n| n.to_string_lossy().into_owned());
        if program == "keepalived" {
            return Names { program, parent: "Keepalived".into(), vrrp: "Keepalived_vrrp".into() };
        }
        Names { parent: program.clone(), vrrp: program.clone(), program }
    }
}

/// The whole program. The first argument is its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter();
    let names = Names::new(arguments.next().as_ref());
    let mut arguments = arguments.peekable();
    if arguments.peek().is_some_and(|a| a == fence::ARGUMENT) {
        return ExitCode::from(fence::companion::main());
    }
    let request = match cli::parse(arguments) {
        Ok(request) => request,
        Err(e) => {
            say(&mut io::stderr(), &format!("{}: {e}\n", names.program));
            return ExitCode::from(code::FATAL);
        }
    };
    ExitCode::from(match request {
        Request::Help => say(&mut io::stdout(), &cli::help(&names.program)),
        Request::Version => say(&mut io::stderr(), &version()),
        Request::Signum(number) => say(&mut io::stdout(), &format!("{number}\n")),
        Request::Schema => say(&mut io::stdout(), &config::schema()),
        Request::Dump(options) => dump(&options),
        Request::Test(options, file) => test(&options, file.as_deref()),
        Request::Run(options) => run(&options, &names),
    })
}

fn say(to: &mut dyn Write, text: &str) -> u8 {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Ok(()) => code::OK,
        Err(_) => code::FATAL,
    }
}

fn version() -> String {
    format!("vrrpd v{} (VRRP of Keepalived v2.4's configuration language)\n", env!("CARGO_PKG_VERSION"))
}

/// `-t`: says everything that is wrong.
fn test(options: &Options, file: Option<&Path>) -> u8 {
    let config = match config::open(options) {
        Ok(config) => config,
        Err(e) => {
            say(&mut io::stderr(), &format!("{e}\n"));
            return code::TEST_ERRORS;
        }
    };
    let told = options.faults.iter().chain(&options.without_effect);
    let mut text: String = told.map(|line| format!("{line}\n")).collect();
    text.push_str(&config.messages_for_people());
    let violation = config.security_violation().then(|| config::VIOLATION.to_owned());
    // What is wrong with the file itself has been told by then.
    let unusable = config.unusable().filter(|_| config.loaded.fatal.is_none());
    for line in unusable.into_iter().chain(violation) {
        text.push_str(&line);
        text.push('\n');
    }
    let written = match file {
        None => say(&mut io::stderr(), &text),
        Some(path) => match File::create(path) {
            Ok(mut file) => say(&mut file, &text),
            Err(e) => {
                say(&mut io::stderr(), &format!("cannot write {}: {e}\n", path.display()));
                code::FATAL
            }
        },
    };
    match config.loaded.fatal {
        _ if written != code::OK => written,
        // Measured: keepalived says that the file is missing, and exits with 0.
        Some(Fatal::NoFile) if !options.all_config => code::OK,
        Some(Fatal::NoFile) => code::NO_FILE,
        Some(Fatal::Forbidden) => code::FORBIDDEN,
        Some(Fatal::CutShort) => code::CONFIG,
        // Measured: it counts for more than errors do.
        _ if config.security_violation() => code::NO_FILE,
        Some(Fatal::Unusable) => code::TEST_ERRORS,
        None if config.errors() > 0 || config.unusable().is_some() => code::TEST_ERRORS,
        None if !options.faults.is_empty() => code::TEST_ERRORS,
        None => code::OK,
    }
}

/// `--dump=yaml`: the model, if there is one.
fn dump(options: &Options) -> u8 {
    let config = config::read(options);
    say(&mut io::stderr(), &config.messages_for_people());
    match (config.loaded.fatal, config.yaml()) {
        (None, Ok(yaml)) => say(&mut io::stdout(), &yaml),
        (Some(fatal), _) => run_code(fatal),
        (None, Err(e)) => {
            say(&mut io::stderr(), &format!("cannot write YAML: {e}\n"));
            code::FATAL
        }
    }
}

/// Runs the daemon until it is stopped.
fn run(options: &Options, names: &Names) -> u8 {
    let dispatch = log::dispatch(&options.log, &names.parent, "");
    dispatcher::with_default(&dispatch, || parent::run(options, names))
}

/// The exit code of a daemon that cannot run its configuration.
fn run_code(fatal: Fatal) -> u8 {
    match fatal {
        Fatal::NoFile | Fatal::Forbidden => code::NO_FILE,
        Fatal::CutShort | Fatal::Unusable => code::CONFIG,
    }
}

/// A configuration error in keepalived's one-line form.
fn one_line(diagnostic: &common::diag::Diagnostic, sources: &common::source::SourceMap) -> String {
    keepalived::one_line(diagnostic, sources)
}
