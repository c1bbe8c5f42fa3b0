//! The conversation itself: help, prompt, level, time-out.

use std::time::Duration;

use super::{Call, Command, Reply, list, matches, sorted};
use crate::{admin::session::Mode, compile::plan::Level};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "echo",
        usage: "<text>",
        level: Level::User,
        doc: "write the text back",
        run: |c| Reply::Text(format!("{}\n", c.args.join(" "))),
    },
    Command {
        words: "experimental-mode",
        usage: "[on|off]",
        level: Level::Admin,
        doc: "allow experimental commands in this conversation",
        run: |c| mode(c, "experimental-mode", |s| &mut s.experimental),
    },
    Command {
        words: "expert-mode",
        usage: "[on|off]",
        level: Level::Admin,
        doc: "allow commands for experts in this conversation",
        run: |c| mode(c, "expert-mode", |s| &mut s.expert),
    },
    Command {
        words: "help",
        usage: "[<command>]",
        level: Level::User,
        doc: "list the commands, all or those that match",
        run: help,
    },
    Command {
        words: "operator",
        usage: "",
        level: Level::Operator,
        doc: "lower the level of this conversation to operator",
        run: |c| lower(c, Level::Operator),
    },
    Command {
        words: "prompt",
        usage: "[help | n | i | p | timed ]*",
        level: Level::User,
        doc: "switch between one line, many lines, and many with a prompt",
        run: prompt,
    },
    Command {
        words: "quit",
        usage: "",
        level: Level::User,
        doc: "end the conversation",
        run: |_| Reply::Quit,
    },
    Command {
        words: "set timeout",
        usage: "cli <delay>",
        level: Level::User,
        doc: "change the time-out of this conversation, in seconds",
        run: set_timeout,
    },
    Command {
        words: "show cli level",
        usage: "",
        level: Level::User,
        doc: "show what this conversation may do",
        run: |c| Reply::text(word(c.session.level)),
    },
    Command {
        words: "show cli sockets",
        usage: "",
        level: Level::User,
        doc: "list the stats sockets",
        run: sockets,
    },
    Command {
        words: "user",
        usage: "",
        level: Level::User,
        doc: "lower the level of this conversation to user",
        run: |c| lower(c, Level::User),
    },
    Command {
        words: "wait",
        usage: "{-h|<delay_ms>}",
        level: Level::Admin,
        doc: "wait before the next command",
        run: wait,
    },
];

/// Longest time-out of a conversation, seconds: what fits milliseconds in 31 bits.
const TIMEOUT_MAX_S: u32 = i32::MAX as u32 / 1_000;

fn help(c: &mut Call<'_>) -> Reply {
    let mut out = String::from("The following commands are valid at this level:\n");
    let shown = if c.args.is_empty() { sorted(super::all().collect()) } else { matches(c.args) };
    list(&shown, &mut out);
    Reply::Text(out)
}

fn mode(c: &mut Call<'_>, name: &str, flag: fn(&mut crate::admin::session::Session) -> &mut bool) -> Reply {
    let word = c.arg(0).to_owned();
    let flag = flag(c.session);
    match &*word {
        "" => Reply::Text(format!("{name} is {}\n", if *flag { "ON" } else { "OFF" })),
        word => {
            *flag = word == "on";
            Reply::done()
        }
    }
}

fn lower(c: &mut Call<'_>, to: Level) -> Reply {
    c.session.level = c.session.level.min(to);
    Reply::done()
}

fn prompt(c: &mut Call<'_>) -> Reply {
    let (was, mut timed) = match c.session.mode {
        Mode::Once => (false, false),
        Mode::Interactive { prompt, timed } => (prompt, timed),
    };
    let mut next = None;
    for a in c.args {
        match &**a {
            "n" => next = Some(Mode::Once),
            "i" => next = Some(Mode::Interactive { prompt: false, timed }),
            "p" => next = Some(Mode::Interactive { prompt: true, timed }),
            "timed" => {
                timed = !timed;
                next = Some(Mode::Interactive { prompt: true, timed });
            }
            _ => return Reply::text(PROMPT_HELP),
        }
    }
    c.session.mode = next.unwrap_or(if was { Mode::Once } else { Mode::Interactive { prompt: true, timed } });
    Reply::done()
}

const PROMPT_HELP: &str = "Usage: prompt [help | n | i | p | timed]*
  help    this text
  n       answer one line, then close
  i       answer line after line, without a prompt
  p       answer line after line, with a prompt
  timed   show the uptime in the prompt, or no longer
Without a word: from n or i to p, from p to n.
";

fn set_timeout(c: &mut Call<'_>) -> Reply {
    if c.arg(0) != "cli" {
        return Reply::text("'set timeout' only supports 'cli'.");
    }
    match c.arg(1) {
        "" => Reply::text("Expects an integer value."),
        s => match s.parse::<u32>() {
            Ok(n @ 1..=TIMEOUT_MAX_S) => {
                c.session.timeout_ms = Some(n * 1_000);
                Reply::done()
            }
            _ => Reply::text("Invalid timeout value."),
        },
    }
}

pub(super) const fn word(level: Level) -> &'static str {
    match level {
        Level::User => "user",
        Level::Operator => "operator",
        Level::Admin => "admin",
    }
}

fn sockets(c: &mut Call<'_>) -> Reply {
    let mut out = String::from("# socket lvl processes\n");
    for s in &c.runtime.plan.global.stats_sockets {
        out.push_str(&format!("{} {} all\n", crate::admin::view::socket_name(&s.bind), word(s.level)));
    }
    Reply::Text(out)
}

fn wait(c: &mut Call<'_>) -> Reply {
    let usage = "Usage: wait {-h|<duration>}\n  The duration is in milliseconds, or in the unit that follows it: us, ms, s, m, h, d.\n";
    match (c.arg(0), c.args.len()) {
        ("", _) => Reply::text("Expects a duration in milliseconds."),
        ("-h", _) => Reply::text(usage),
        (_, 2..) => Reply::Text(format!("Only a duration can be waited for, no condition.\n{usage}")),
        (word, _) => match duration(word) {
            Some(d) => Reply::Wait(d),
            None => Reply::text("Invalid duration."),
        },
    }
}

fn duration(word: &str) -> Option<Duration> {
    let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let (digits, unit) = word.split_at(end);
    let n: u64 = digits.parse().ok().filter(|n| *n <= u64::from(u32::MAX))?;
    Some(match unit {
        "us" => Duration::from_micros(n),
        "" | "ms" => Duration::from_millis(n),
        "s" => Duration::from_secs(n),
        "m" => Duration::from_secs(n * 60),
        "h" => Duration::from_secs(n * 3_600),
        "d" => Duration::from_secs(n * 86_400),
        _ => return None,
    })
}
