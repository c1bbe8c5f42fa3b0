//! The commands of the stats socket: their registry, who may use them, and how a line finds its command.
//!
//! A family of commands is a file below this one. Answers are in HAProxy's words where scripts read them
//! (management guide 9.3). Invariant: a command never waits; what needs time is a [`Reply`] that the socket
//! carries out.

mod backend;
mod cli;
mod errors;
mod frontend;
mod health;
mod info;
mod lists;
mod process;
pub mod refused;
mod resolvers;
mod server;
mod servers;
mod sess;
mod stat;
mod table;
mod var;

use std::{fmt::Write, sync::Arc, time::Duration};

use super::session::{Session, words};
use crate::{
    compile::plan::{Backend, Frontend, Level, Server},
    shell::runtime::{Runtime, Shared},
};

/// One command.
#[derive(Debug)]
pub struct Command {
    /// The words it begins with.
    pub words: &'static str,
    /// Its arguments as the help shows them.
    pub usage: &'static str,
    /// Who may use it.
    pub level: Level,
    pub doc: &'static str,
    run: fn(&mut Call<'_>) -> Reply,
}

/// The registry: one line per family.
pub const FAMILIES: &[&[Command]] = &[
    backend::COMMANDS,
    cli::COMMANDS,
    errors::COMMANDS,
    frontend::COMMANDS,
    health::COMMANDS,
    info::COMMANDS,
    lists::COMMANDS,
    process::COMMANDS,
    resolvers::COMMANDS,
    server::COMMANDS,
    servers::COMMANDS,
    sess::COMMANDS,
    stat::COMMANDS,
    table::COMMANDS,
    var::COMMANDS,
];

/// What a command is given.
#[derive(Debug)]
pub struct Call<'a> {
    pub shared: &'a Shared,
    pub runtime: Arc<Runtime>,
    pub session: &'a mut Session,
    /// The words after those of the command.
    pub args: &'a [String],
    /// The lines behind a command that ends in `<<`.
    pub payload: Option<&'a str>,
    /// On the clock of the states.
    pub now_ms: u64,
}

/// What comes of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    Text(String),
    /// Ask the workers for their streams and show them.
    Streams(Box<Selection>),
    Wait(Duration),
    /// Tell of the process's health until the client goes.
    Watch,
    Quit,
}

/// Which streams are shown, and how.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    pub id: Option<u64>,
    pub long: bool,
    pub older_s: Option<u64>,
    pub frontend: Option<String>,
    pub backend: Option<String>,
    pub server: Option<(String, String)>,
}

pub use sess::render as render_streams;

impl Reply {
    fn text(s: impl Into<String>) -> Reply {
        Reply::Text(s.into())
    }

    fn done() -> Reply {
        Reply::Text(String::new())
    }
}

impl Call<'_> {
    fn arg(&self, n: usize) -> &str {
        self.args.get(n).map_or("", String::as_str)
    }

    fn frontend(&self, name: &str) -> Option<&Arc<Frontend>> {
        self.runtime.plan.frontends.iter().find(|f| *f.name == *name)
    }

    fn backend(&self, name: &str) -> Option<&Arc<Backend>> {
        self.runtime.plan.backends.iter().find(|b| *b.name == *name)
    }

    /// The server that the argument `n` names as `backend/server`, or why there is none.
    fn server(&self, n: usize) -> Result<(&Arc<Backend>, &Arc<Server>), Reply> {
        let Some((backend, server)) =
            self.arg(n).split_once('/').filter(|(b, s)| !b.is_empty() && !s.is_empty())
        else {
            return Err(Reply::text("Require 'backend/server'."));
        };
        let b = self.backend(backend).ok_or_else(|| Reply::text("No such backend."))?;
        let s = b.servers.iter().find(|s| *s.name == *server);
        s.map(|s| (b, s)).ok_or_else(|| Reply::text("No such server."))
    }
}

/// Runs one command, with the payload that followed it, if any.
pub fn run(shared: &Shared, session: &mut Session, command: &str, payload: Option<&str>) -> Reply {
    let mut words = words(command);
    if words.last().is_some_and(|w| w.starts_with("<<")) {
        words.pop();
    }
    if words.is_empty() {
        return Reply::done();
    }
    let Some((found, n)) = find(&words) else {
        if let Some(refusal) = refused::find(&words) {
            return refused::answer(session, refusal);
        }
        let what = words.first().map_or("", String::as_str);
        let mut out =
            format!("Unknown command: '{what}', but maybe one of the following ones is a better match:\n");
        list(&matches(&words), &mut out);
        return Reply::Text(out);
    };
    if session.level < found.level {
        return Reply::text("Permission denied");
    }
    let args = words.split_off(n);
    let now_ms = u64::try_from(shared.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    (found.run)(&mut Call {
        shared,
        runtime: shared.runtime.load_full(),
        session,
        args: &args,
        payload,
        now_ms,
    })
}

fn all() -> impl Iterator<Item = &'static Command> {
    FAMILIES.iter().flat_map(|f| f.iter())
}

/// The command that the words begin with, and how many words those are.
fn find(words: &[String]) -> Option<(&'static Command, usize)> {
    let begins = |c: &Command| {
        let mut n = 0;
        c.words.split(' ').all(|w| {
            n += 1;
            words.get(n - 1).is_some_and(|have| have == w)
        })
    };
    all().filter(|c| begins(c)).map(|c| (c, c.words.split(' ').count())).max_by_key(|(_, n)| *n)
}

/// Commands in the order of the help: by name, those of the conversation itself last.
fn sorted(mut list: Vec<&'static Command>) -> Vec<&'static Command> {
    list.retain(|c| !is_last(c));
    list.sort_by_key(|c| c.words);
    list.extend(all().filter(|c| is_last(c)));
    list
}

fn is_last(c: &Command) -> bool {
    matches!(c.words, "help" | "prompt" | "quit")
}

/// Commands that somebody who typed these words may have meant.
fn matches(words: &[String]) -> Vec<&'static Command> {
    /// Suggestions by likeness, at most.
    const ALIKE_MAX: usize = 5;
    let typed = words.join(" ");
    let by_words = |c: &&Command| {
        let mut it = c.words.split(' ').zip(words).peekable();
        it.peek().is_some_and(|(w, t)| w == t) && it.all(|(w, t)| w.starts_with(t.as_str()))
    };
    let same: Vec<_> = all().filter(by_words).collect();
    if !same.is_empty() {
        return sorted(same);
    }
    let mut near: Vec<_> = all().map(|c| (distance(&typed, c.words), c)).collect();
    near.sort_by_key(|(d, _)| *d);
    sorted(near.into_iter().take(ALIKE_MAX).map(|(_, c)| c).collect())
}

/// Insertions, removals and exchanges of characters between the two (Levenshtein). Lines are bounded, and only their
/// first part counts here.
fn distance(a: &str, b: &str) -> usize {
    const LOOKED_AT: usize = 40;
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(LOOKED_AT).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let (Some(&up), cost) = (row.get(j + 1), usize::from(ca != *cb)) else { break };
            let best = (diagonal + cost).min(up + 1).min(left + 1);
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            diagonal = up;
            left = best;
        }
        if let Some(cell) = row.last_mut() {
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Help lines of these commands.
fn list(commands: &[&Command], out: &mut String) {
    for c in commands {
        let left = format!("{} {}", c.words, c.usage);
        let _ = writeln!(out, "  {:<40}: {}", left.trim_end(), c.doc);
    }
}

#[cfg(test)]
mod tests;
