//! The process: `show info`, `show version`, `show env`, `show activity`, `show threads`, `set maxconn global`.

use std::fmt::Write;

use super::{Call, Command, Reply};
use crate::{
    admin::{
        export::{info_json, info_text, info_typed},
        info,
    },
    compile::plan::Level,
    engine::stats::{Counter, Counters},
};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "set maxconn global",
        usage: "<value>",
        level: Level::Admin,
        doc: "change the most connections of the process",
        run: set_maxconn,
    },
    Command {
        words: "show activity",
        usage: "",
        level: Level::Operator,
        doc: "show what each worker thread has done",
        run: activity,
    },
    Command {
        words: "show env",
        usage: "[var]",
        level: Level::Operator,
        doc: "show the environment of the process",
        run: env,
    },
    Command {
        words: "show info",
        usage: "[desc|json|typed|float]*",
        level: Level::User,
        doc: "show facts of the running process",
        run: |c| {
            let has = |w: &str| c.args.iter().any(|x| x == w);
            let lines = info::lines(c.shared, &c.runtime);
            Reply::Text(match () {
                () if has("json") => info_json(&lines) + "\n",
                () if has("typed") => info_typed(&lines, has("desc")),
                () => info_text(&lines, has("desc")),
            })
        },
    },
    Command {
        words: "show threads",
        usage: "",
        level: Level::User,
        doc: "show the worker threads",
        run: threads,
    },
    Command {
        words: "show version",
        usage: "",
        level: Level::User,
        doc: "show the version of the running process",
        run: |_| Reply::text(info::VERSION),
    },
];

fn set_maxconn(c: &mut Call<'_>) -> Reply {
    let hard = c.runtime.plan.global.maxconn;
    match c.arg(0) {
        "" => Reply::text("Expects an integer value."),
        word => match word.parse::<u32>() {
            // 0 goes back to what is configured.
            Ok(n) if hard == 0 || n <= hard => {
                c.shared.registry.set_maxconn(n);
                Reply::done()
            }
            Ok(_) => Reply::text("Value out of range."),
            Err(_) => Reply::text("Expects an integer value."),
        },
    }
}

fn env(c: &mut Call<'_>) -> Reply {
    match c.arg(0) {
        "" => {
            let all = std::env::vars_os()
                .map(|(k, v)| format!("{}={}\n", k.to_string_lossy(), v.to_string_lossy()));
            Reply::Text(all.collect())
        }
        name => match std::env::var_os(name) {
            Some(v) => Reply::Text(format!("{name}={}\n", v.to_string_lossy())),
            None => Reply::text("Variable not found"),
        },
    }
}

fn activity(c: &mut Call<'_>) -> Reply {
    let threads = c.runtime.plan.global.threads.max(1);
    let up = c.shared.started.elapsed();
    let date_us = c.shared.started_us + u64::try_from(up.as_micros()).unwrap_or(0);
    let mut out = format!(
        "thread_id: 1 (1..{threads})\ndate_now: {}.{:06}\nuptime_now: {}.{:06}\n",
        date_us / 1_000_000,
        date_us % 1_000_000,
        up.as_secs(),
        up.subsec_micros()
    );
    type Get = fn(&Counters) -> &Counter;
    let rows: [(&str, Get); 5] = [
        ("accepted", |x| &x.connections),
        ("sessions", |x| &x.sessions),
        ("requests", |x| &x.requests),
        ("bytes_in", |x| &x.bytes_in),
        ("bytes_out", |x| &x.bytes_out),
    ];
    for (name, get) in rows {
        let frontends = &c.runtime.plan.frontends;
        let of = |t: usize| frontends.iter().map(|f| get(f.state.counters.at(t as u16)).get()).sum::<u64>();
        let each: Vec<u64> = (0..threads).map(of).collect();
        let shown = each.iter().map(|n| format!(" {n}")).collect::<String>();
        let _ = writeln!(out, "{name}: {} [{shown} ]", each.iter().sum::<u64>());
    }
    Reply::Text(out)
}

fn threads(c: &mut Call<'_>) -> Reply {
    let mut out = String::new();
    for t in 0..c.runtime.plan.global.threads {
        let alive = c.shared.workers.get(t).is_some_and(|w| !w.is_closed());
        let _ = writeln!(out, "  Thread {} : {}", t + 1, if alive { "serving" } else { "ended" });
    }
    Reply::Text(out)
}
