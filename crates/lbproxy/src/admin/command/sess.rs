//! Streams: `show sess`, `shutdown session`, `shutdown sessions server`.

use std::fmt::Write;

use super::{Call, Command, Reply, Selection};
use crate::{
    admin::effect::{end, tell},
    compile::plan::Level,
    shell::runtime::{SessionInfo, Which, WorkerCommand},
};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "show sess",
        usage: "[help|<id>|all] [opts...]",
        level: Level::Operator,
        doc: "list the streams, or show one",
        run: show,
    },
    Command {
        words: "shutdown session",
        usage: "[id]",
        level: Level::Admin,
        doc: "end a stream",
        run: shutdown,
    },
    Command {
        words: "shutdown sessions server",
        usage: "<bk>/<srv>",
        level: Level::Admin,
        doc: "end all streams on a server",
        run: |c| match c.server(0) {
            Ok((b, s)) => {
                end(c.shared, &b.name, &s.name);
                Reply::done()
            }
            Err(r) => r,
        },
    },
];

const HELP: &str = "Usage: show sess [<id> | all | help] [<options>*]
   <id>         only this stream (0x...)
   all          in the long form
   older <age>  only streams older than that, in seconds
   server <b/s>, backend <b>, frontend <f>: only streams there
";

fn show(c: &mut Call<'_>) -> Reply {
    let mut chosen = Selection::default();
    let mut args = c.args.iter().map(String::as_str);
    while let Some(word) = args.next() {
        let mut value = || args.next().map(str::to_owned).filter(|v| !v.is_empty());
        match word {
            "help" => return Reply::text(HELP),
            "all" => chosen.long = true,
            "older" => match value().and_then(|v| v.trim_end_matches('s').parse().ok()) {
                Some(n) => chosen.older_s = Some(n),
                None => return Reply::text("'older' expects an age in seconds."),
            },
            "frontend" => chosen.frontend = value(),
            "backend" => chosen.backend = value(),
            "server" => match value().as_deref().and_then(|v| v.split_once('/')) {
                Some((b, s)) => chosen.server = Some((b.to_owned(), s.to_owned())),
                None => return Reply::text("Require 'backend/server'."),
            },
            id => match number(id) {
                Some(n) => (chosen.id, chosen.long) = (Some(n), true),
                None => return Reply::text("Session not found."),
            },
        }
    }
    Reply::Streams(Box::new(chosen))
}

fn shutdown(c: &mut Call<'_>) -> Reply {
    match c.arg(0) {
        "" => Reply::text("Session pointer expected (use 'show sess')."),
        word => match number(word) {
            Some(n) => {
                tell(c.shared, || WorkerCommand::Shutdown { which: Which::Stream(n) });
                Reply::done()
            }
            None => Reply::text("No such session (use 'show sess')."),
        },
    }
}

fn number(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16).ok()
}

impl Selection {
    fn takes(&self, s: &SessionInfo) -> bool {
        self.id.is_none_or(|id| id == s.id)
            && self.older_s.is_none_or(|age| s.age_s > age)
            && self.frontend.as_ref().is_none_or(|f| *f == s.frontend)
            && self.backend.as_ref().is_none_or(|b| *b == s.backend)
            && self.server.as_ref().is_none_or(|(b, v)| *b == s.backend && *v == s.server)
    }
}

/// The streams that were asked for, in the order in which they began.
pub fn render(chosen: &Selection, mut streams: Vec<SessionInfo>) -> String {
    streams.retain(|s| chosen.takes(s));
    streams.sort_by_key(|s| (std::cmp::Reverse(s.age_s), s.id));
    if streams.is_empty() && chosen.id.is_some() {
        return "Session not found.\n".to_owned();
    }
    let mut out = String::new();
    for s in &streams {
        let age = age(s.age_s);
        let _ = match chosen.long {
            false => writeln!(
                out,
                "0x{:x}: proto={} src={} fe={} be={} srv={} age={age} tid={} st={}",
                s.id,
                s.proto,
                s.src,
                s.frontend,
                s.backend,
                s.server,
                s.thread + 1,
                s.phase.replace(' ', "-")
            ),
            true => writeln!(
                out,
                "0x{:x}: id={} proto={} source={}\n  frontend={}\n  backend={}\n  server={}\n  thread={} age={age} \
                 state={}",
                s.id,
                s.id,
                s.proto,
                s.src,
                s.frontend,
                s.backend,
                s.server,
                s.thread + 1,
                s.phase
            ),
        };
    }
    out
}

/// The two greatest units.
fn age(s: u64) -> String {
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m{}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h{}m", s / 3_600, s / 60 % 60),
        _ => format!("{}d{}h", s / 86_400, s / 3_600 % 24),
    }
}
