//! The process: what the command line asks for, start order, privileges, signals, reload; owns the listeners.
//!
//! Order of a start: command line → configuration, compiled and with its certificates → (background) → (master)
//! → listening sockets → limits → process id file → root companion → privileges given up → threads → ready →
//! older processes told to leave. Whatever can fail does so before the first thread starts, with a sentence and
//! exit code 1.

pub mod access;
pub mod companion;
mod daemon;
mod keywords;
pub mod listeners;
pub mod load;
mod logs;
mod master;
pub mod notify;
pub mod privileges;
mod reload;
pub mod report;
mod serve;
mod start;
mod threads;
mod trace;
pub mod version;

use std::{ffi::OsString, process::ExitCode};

use common::{
    diag::{Severity, codes},
    haproxy::{Config, Env, condition},
    yaml,
};

use crate::cli::{self, Action, Cli, Version};
use load::{Loaded, Origin};
use report::{Report, print};

/// `main` of the daemon, and of its companion.
pub fn main() -> ExitCode {
    // Connections come and go one by one: with huge pages the first of each kind would take 2 MiB at once, and
    // hardly any memory would ever go back. A kernel that does not know the call has no such pages.
    let _ = nix::sys::prctl::set_thp_disable(true);
    let mut args = std::env::args_os();
    let name = args.next().unwrap_or_default();
    if name == companion::NAME {
        return companion::serve();
    }
    let words: Vec<String> = args.map(lossless).collect();
    let report = Report::default();
    match cli::parse(&words) {
        Ok(cli) => run(cli),
        Err(e) => {
            report.alert(&format!("{e}."));
            if matches!(e, cli::Error::Unknown(_) | cli::Error::Missing { .. }) {
                report.notice("'lbproxy --help' lists the options.");
            }
            ExitCode::FAILURE
        }
    }
}

/// A word that is no UTF-8 cannot be an option; as a file name it is reported as missing, with its bad bytes shown.
fn lossless(word: OsString) -> String {
    word.into_string().unwrap_or_else(|w| w.to_string_lossy().into_owned())
}

fn run(mut cli: Cli) -> ExitCode {
    let report = Report { quiet: cli.quiet, verbose: cli.verbose, diagnostic: cli.diagnostic };
    let origin = Origin::of(&cli);
    match std::mem::take(&mut cli.action) {
        Action::Version(v) => done(version::text(v, &origin.env())),
        Action::Help => done(cli::help()),
        Action::Schema => done(yaml::schema::<Config>() + "\n"),
        Action::Explain(code) => explain(&code, report),
        Action::Condition(text) => {
            match condition::evaluate(&expanded(&text, &origin.env()), &origin.env()) {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::FAILURE,
                Err(e) => {
                    report.alert(&format!(
                        "Failed to evaluate condition: {e} in '{text}', at character {}",
                        e.at + 1
                    ));
                    ExitCode::from(2)
                }
            }
        }
        action @ (Action::Serve | Action::Check | Action::DumpYaml) => {
            with_configuration(action, cli, &origin, report)
        }
    }
}

/// The condition with the variables that stand between its double quotes, as a line of a file would have them.
fn expanded(text: &str, env: &Env) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut quoted) = (text, false);
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => quoted = !quoted,
            '$' if quoted => {
                let braced = rest.strip_prefix('{');
                let body = braced.unwrap_or(rest);
                let end = body.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(body.len());
                let (name, behind) = body.split_at(end);
                let closed = if braced.is_some() { behind.strip_prefix('}') } else { Some(behind) };
                if let Some(behind) = closed.filter(|_| !name.is_empty()) {
                    out.push_str(env.vars.get(name).map_or("", String::as_str));
                    rest = behind;
                    continue;
                }
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

fn done(text: String) -> ExitCode {
    print(&text);
    ExitCode::SUCCESS
}

/// The actions that read a configuration.
fn with_configuration(action: Action, cli: Cli, origin: &Origin, report: Report) -> ExitCode {
    if cli.files.is_empty() {
        print(&version::text(Version::Short, &origin.env()));
        report.alert("no configuration file: name one with '-f'; 'lbproxy --help' lists the options.");
        return ExitCode::FAILURE;
    }
    if let Some(dir) = &cli.chdir
        && let Err(e) = std::env::set_current_dir(dir)
    {
        report.alert(&format!(
            "Could not change to directory {} : {}",
            dir.display(),
            crate::sys::reason(&e)
        ));
        return ExitCode::FAILURE;
    }
    let mut direct = origin.direct();
    if action == Action::DumpYaml {
        return dump(&load::read(origin, &mut access::Outside(&mut direct)), report);
    }
    for note in &cli.notes {
        report.notice(note);
    }
    let loaded = load::load(origin, &mut direct, None, None);
    report.diagnostics(&loaded.diagnostics, &loaded.sources, action == Action::Check);
    if let Some(classes) = &cli.keywords {
        print(&keywords::text(classes));
    }
    if let Some(refusal) = refusal(&loaded, &cli) {
        report.alert(&refusal);
        return ExitCode::FAILURE;
    }
    if action == Action::Check {
        return checked(&loaded, report);
    }
    start::start(cli, origin.clone(), loaded, report)
}

/// Why a loaded configuration must not be used, if so.
fn refusal(loaded: &Loaded, cli: &Cli) -> Option<String> {
    if loaded.plan.is_none() {
        let files: Vec<String> = cli.files.iter().map(|f| f.display().to_string()).collect();
        return Some(format!("config : Error(s) found in configuration file : {}", files.join(", ")));
    }
    let zero_warning = cli.zero_warning || loaded.config.global.zero_warning;
    (zero_warning && loaded.diagnostics.count(Severity::Warning) > 0)
        .then(|| "Some warnings were found and 'zero-warning' is set. Aborting.".to_owned())
}

fn checked(loaded: &Loaded, report: Report) -> ExitCode {
    if report.verbose {
        if loaded.diagnostics.count(Severity::Warning) > 0 {
            print("Warnings were found.\n");
        }
        print("Configuration file is valid\n");
    }
    ExitCode::SUCCESS
}

fn dump(loaded: &Loaded, report: Report) -> ExitCode {
    report.diagnostics(&loaded.diagnostics, &loaded.sources, true);
    if loaded.diagnostics.has_alerts() {
        return ExitCode::FAILURE;
    }
    match yaml::dump(&loaded.config) {
        Ok(text) => done(text),
        Err(e) => {
            report.alert(&format!("the configuration cannot be written as YAML: {e}"));
            ExitCode::FAILURE
        }
    }
}

fn explain(code: &str, report: Report) -> ExitCode {
    match codes::CODES.iter().find(|c| c.code.0.eq_ignore_ascii_case(code)) {
        Some(row) => done(format!("{}: {}\n", row.code.0, row.explanation)),
        None => {
            report.alert(&format!("there is no message with the code '{code}'"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_between_double_quotes_count_in_conditions_of_the_command_line() {
        let env = Env::new([("A".to_owned(), "1".to_owned())]);
        assert_eq!(
            expanded("streq(\"$A\",\"${A}x\") && '$A' $A \"$B.\"", &env),
            "streq(\"1\",\"1x\") && '$A' $A \".\""
        );
    }
}
