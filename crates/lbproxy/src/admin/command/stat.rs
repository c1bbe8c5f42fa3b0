//! `show stat`, its schema, and clearing of what it counts.

use super::{Call, Command, Reply};
use crate::{
    admin::{
        columns::row,
        export::{Row, csv_header, csv_row, json_rows, schema, typed_row},
        view::{Wanted, collect},
    },
    compile::plan::Level,
};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "clear counters",
        usage: "[all|server <bk>/<srv> [force]]",
        level: Level::Operator,
        doc: "clear the maxima, or all counters, or those of a server",
        run: clear,
    },
    Command {
        words: "show schema json",
        usage: "",
        level: Level::User,
        doc: "show the schema of the JSON forms",
        run: |_| Reply::Text(schema() + "\n"),
    },
    Command {
        words: "show stat",
        usage: "[desc|json|no-maint|typed|up]*",
        level: Level::User,
        doc: "show the counters of each proxy and server",
        run: show,
    },
];

fn show(c: &mut Call<'_>) -> Reply {
    let mut wanted = Wanted::default();
    let mut proxy: Option<&str> = None;
    let mut words = c.args;
    // `iid|proxy type sid`, all three or none.
    if let [of, kinds, sid, rest @ ..] = c.args
        && let (Ok(kinds), Ok(sid)) = (kinds.parse::<i64>(), sid.parse::<i64>())
    {
        proxy = Some(of.as_str()).filter(|of| *of != "-1");
        wanted.kinds = kinds as u32;
        wanted.sid = u32::try_from(sid).ok();
        words = rest;
    }
    let has = |w: &str| words.iter().any(|x| x == w);
    wanted.up = has("up");
    wanted.no_maint = has("no-maint");
    let number: Option<u32> = proxy.and_then(|p| p.parse().ok());
    let is = |id: u32, name: &str| match (number, proxy) {
        (Some(n), _) => n == id,
        (None, Some(p)) => p == name,
        (None, None) => true,
    };
    let views = collect(&c.runtime.plan, &c.shared.registry, c.now_ms, wanted, is);
    let rows: Vec<Row> = views.iter().map(row).collect();
    let mut out = String::new();
    if has("json") {
        return Reply::Text(json_rows(&rows) + "\n");
    }
    if has("typed") {
        rows.iter().for_each(|r| typed_row(r, has("desc"), &mut out));
    } else {
        out = csv_header();
        rows.iter().for_each(|r| csv_row(r, &mut out));
    }
    Reply::Text(out)
}

fn clear(c: &mut Call<'_>) -> Reply {
    match c.arg(0) {
        "server" => clear_server(c),
        "all" if c.session.level < Level::Admin => Reply::text("Permission denied"),
        word => {
            clear_all(c, word == "all");
            Reply::done()
        }
    }
}

fn clear_all(c: &Call<'_>, all: bool) {
    let plan = &c.runtime.plan;
    for f in &plan.frontends {
        let listeners = f.listeners.iter().map(|l| (&l.counters, &l.sessions));
        for (counters, sessions) in listeners.chain([(&f.state.counters, &f.state.sessions)]) {
            if all {
                counters.clear()
            } else {
                counters.clear_maxima()
            }
            sessions.clear_max();
        }
    }
    for b in &plan.backends {
        let servers = b.servers.iter().map(|s| (&s.state.counters, [&s.state.sessions, &s.state.queued]));
        let own = (&b.state.counters, [&b.state.sessions, &b.state.queued]);
        for (counters, gauges) in servers.chain([own]) {
            if all {
                counters.clear()
            } else {
                counters.clear_maxima()
            }
            gauges.into_iter().for_each(crate::engine::state::Gauge::clear_max);
        }
        if all {
            b.state.clear_downs();
            b.servers.iter().for_each(|s| s.state.clear_downs());
        }
    }
    c.shared.registry.process().clear_maxima();
}

fn clear_server(c: &Call<'_>) -> Reply {
    if c.session.level < Level::Admin {
        return Reply::text("Permission denied");
    }
    match c.server(1) {
        Ok((_, s)) => {
            s.state.counters.clear();
            s.state.sessions.clear_max();
            s.state.queued.clear_max();
            s.state.clear_downs();
            Reply::text("Server counters cleared.")
        }
        Err(r) => r,
    }
}
