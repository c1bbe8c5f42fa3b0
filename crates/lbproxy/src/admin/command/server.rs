//! What an administrator changes in a server.

use std::net::IpAddr;

use super::{Call, Command, Reply};
use crate::{
    admin::{
        effect::{carry_out, say_of_backend},
        view::server_address,
    },
    compile::plan::Level,
    engine::state::{AddrChange, CommandError, HealthWord, StateWord},
};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "disable agent",
        usage: "<bk>/<srv>",
        level: Level::Admin,
        doc: "stop the agent checks of a server",
        run: |c| c.server(0).map_or_else(|r| r, |_| Reply::done()),
    },
    Command {
        words: "disable health",
        usage: "<bk>/<srv>",
        level: Level::Admin,
        doc: "stop the health checks of a server",
        run: |c| health_checks(c, false),
    },
    Command {
        words: "disable server",
        usage: "<bk>/<srv>",
        level: Level::Admin,
        doc: "put a server into maintenance",
        run: |c| {
            with_server(c, |c, s| {
                carry_out(c.shared, &c.runtime, s.state.disable(c.now_ms));
                Reply::done()
            })
        },
    },
    Command {
        words: "enable agent",
        usage: "<bk>/<srv>",
        level: Level::Admin,
        doc: "take up the agent checks of a server again",
        run: |c| {
            c.server(0).map_or_else(
                |r| r,
                |_| Reply::text("Agent was not configured on this server, cannot enable."),
            )
        },
    },
    Command {
        words: "enable health",
        usage: "<bk>/<srv>",
        level: Level::Admin,
        doc: "take up the health checks of a server again",
        run: |c| health_checks(c, true),
    },
    Command {
        words: "enable server",
        usage: "<bk>/<srv>",
        level: Level::Admin,
        doc: "take a server out of maintenance",
        run: |c| {
            with_server(c, |c, s| {
                carry_out(c.shared, &c.runtime, s.state.enable(c.now_ms));
                Reply::done()
            })
        },
    },
    Command {
        words: "get weight",
        usage: "<bk>/<srv>",
        level: Level::User,
        doc: "show the weight of a server, now and as configured",
        run: |c| {
            with_server(c, |_, s| {
                let (now, initial) = s.state.weights();
                Reply::Text(format!("{now} (initial {initial})\n"))
            })
        },
    },
    Command {
        words: "set maxconn server",
        usage: "<bk>/<srv> <value>",
        level: Level::Admin,
        doc: "change the most connections of a server",
        run: |c| with_server(c, |c, s| said(s.state.set_maxconn(c.arg(1)))),
    },
    Command {
        words: "set server",
        usage: "<bk>/<srv> [opts]",
        level: Level::Admin,
        doc: "change a server's state, weight, address, health or check",
        run: |c| with_server(c, set),
    },
    Command {
        words: "set weight",
        usage: "<bk>/<srv> <weight>",
        level: Level::Admin,
        doc: "change the weight of a server",
        run: |c| with_server(c, |c, s| said(s.state.set_weight(c.arg(1), c.now_ms))),
    },
];

type Server = std::sync::Arc<crate::compile::plan::Server>;

fn with_server(c: &mut Call<'_>, run: impl Fn(&Call<'_>, &Server) -> Reply) -> Reply {
    match c.server(0) {
        Ok((_, s)) => run(c, s),
        Err(r) => r,
    }
}

fn said<T>(r: Result<T, CommandError>) -> Reply {
    r.map_or_else(|e| Reply::text(e.to_string()), |_| Reply::done())
}

fn health_checks(c: &mut Call<'_>, on: bool) -> Reply {
    // A server without checks has nothing to enable or disable, which is no mistake for HAProxy.
    with_server(c, |_, s| {
        let _ = s.state.enable_checks(on);
        Reply::done()
    })
}

const SET_USAGE: &str = "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | \
check-addr | check-port | fqdn | health | name | ssl | state | weight";

fn set(c: &Call<'_>, s: &Server) -> Reply {
    match c.arg(1) {
        "weight" => said(s.state.set_weight(c.arg(2), c.now_ms)),
        "state" => said(
            StateWord::parse(c.arg(2))
                .map(|w| carry_out(c.shared, &c.runtime, s.state.set_state(w, c.now_ms))),
        ),
        "health" => said(
            HealthWord::parse(c.arg(2))
                .and_then(|w| s.state.set_health(w, c.now_ms))
                .map(|change| carry_out(c.shared, &c.runtime, change)),
        ),
        "addr" => set_addr(c, s),
        "check-port" => set_check_port(c, s),
        "agent" | "agent-addr" | "agent-port" | "agent-send" => {
            Reply::text("agent checks are not enabled on this server.")
        }
        "check-addr" => {
            Reply::text("the address of checks cannot be changed at run time; change 'addr' or reload.")
        }
        "fqdn" | "name" => Reply::Text(format!(
            "set server <b>/<s> {} failed because no resolution is configured.\n",
            c.arg(1)
        )),
        "ssl" => {
            Reply::text("'set server <srv> ssl' cannot be set: TLS of a server changes by a reload only.")
        }
        _ => Reply::text(SET_USAGE),
    }
}

fn set_check_port(c: &Call<'_>, s: &Server) -> Reply {
    match c.arg(2) {
        "" => Reply::text("set server <b>/<s> check-port requires a port."),
        word => match word.parse::<u16>() {
            Ok(port) => said(s.state.set_check_port(port)),
            Err(_) if word.parse::<i64>().is_ok() => Reply::text("provided port is not valid"),
            Err(_) => Reply::text("provided port is not an integer"),
        },
    }
}

/// `addr <ip> [port <port>]`.
fn set_addr(c: &Call<'_>, s: &Server) -> Reply {
    let (Some(_), word) = (c.args.get(2), c.arg(2)) else {
        return Reply::text("set server <b>/<s> addr requires an address and optionally a port.");
    };
    let Ok(ip) = word.trim_matches(['[', ']']).parse::<IpAddr>() else {
        return Reply::Text(format!("Invalid addr '{word}'\n"));
    };
    let port = match (c.arg(3), c.arg(4)) {
        ("port", word) => match word.parse::<u16>() {
            Ok(n) => Some(n),
            Err(_) => return Reply::Text(format!("problem converting port '{word}' to an int\n")),
        },
        _ => None,
    };
    let (configured, _) = server_address(s);
    match s.state.set_addr(configured, Some(ip), port) {
        AddrChange::Same => Reply::text("nothing changed"),
        AddrChange::Changed { before, after } => {
            let before = before.unwrap_or(after);
            let mut said = Vec::new();
            if before.ip() != after.ip() {
                said.push(format!("IP changed from '{}' to '{}'", before.ip(), after.ip()));
            }
            if before.port() != after.port() {
                said.push(format!("port changed from '{}' to '{}'", before.port(), after.port()));
            }
            let text = format!("{} by 'stats socket command'", said.join(", "));
            let backend = &s.state.backend.name;
            say_of_backend(c.shared, &c.runtime, backend, format!("{backend}/{}: {text}", s.name));
            Reply::Text(text + "\n")
        }
    }
}
