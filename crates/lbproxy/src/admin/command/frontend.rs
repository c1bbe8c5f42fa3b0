//! Frontends: taken out of service, back, closed for good, limited.

use super::{Call, Command, Reply};
use crate::{
    admin::effect::{say_of_frontend, tell},
    compile::plan::Level,
    shell::runtime::WorkerCommand,
};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "disable frontend",
        usage: "<frontend>",
        level: Level::Admin,
        doc: "stop accepting connections on a frontend for now",
        run: |c| pause(c, true),
    },
    Command {
        words: "enable frontend",
        usage: "<frontend>",
        level: Level::Admin,
        doc: "accept connections on a frontend again",
        run: |c| pause(c, false),
    },
    Command {
        words: "set maxconn frontend",
        usage: "<frontend> <value>",
        level: Level::Admin,
        doc: "change the most connections of a frontend",
        run: set_maxconn,
    },
    Command {
        words: "shutdown frontend",
        usage: "<frontend>",
        level: Level::Admin,
        doc: "stop accepting connections on a frontend for good",
        run: shutdown,
    },
];

fn pause(c: &mut Call<'_>, paused: bool) -> Reply {
    let f = match named(c) {
        Ok(f) => f,
        Err(r) => return r,
    };
    let verb = if paused { "disable" } else { "enable" };
    if f.state.is_stopped() {
        return Reply::Text(format!("Frontend was previously shut down, cannot {verb}.\n"));
    }
    if f.state.set_paused(paused) == paused {
        return Reply::Text(format!("All sockets are already {verb}d.\n"));
    }
    tell(c.shared, || WorkerCommand::Pause { frontend: f.ix, paused });
    Reply::done()
}

fn shutdown(c: &mut Call<'_>) -> Reply {
    let f = match named(c) {
        Ok(f) => f,
        Err(r) => return r,
    };
    if f.state.set_stopped() {
        return Reply::text("Frontend was already shut down.");
    }
    tell(c.shared, || WorkerCommand::Pause { frontend: f.ix, paused: true });
    say_of_frontend(c.shared, &c.runtime, f.ix, &format!("Proxy {} stopped from CLI.", f.name));
    Reply::done()
}

fn set_maxconn(c: &mut Call<'_>) -> Reply {
    let f = match named(c) {
        Ok(f) => f,
        Err(r) => return r,
    };
    match c.arg(1) {
        "" => Reply::text("Integer value expected."),
        // HAProxy takes a word that is no number for 0, which closes the frontend; that is nobody's wish.
        s => match s.parse::<i64>() {
            Ok(n @ 0..=0x7fff_ffff) => {
                f.state.set_maxconn(n as u32);
                Reply::done()
            }
            Ok(_) => Reply::text("Value out of range."),
            Err(_) => Reply::text("Integer value expected."),
        },
    }
}

fn named(c: &Call<'_>) -> Result<std::sync::Arc<crate::compile::plan::Frontend>, Reply> {
    match c.arg(0) {
        "" => Err(Reply::text("A frontend name is expected.")),
        name => c.frontend(name).cloned().ok_or_else(|| Reply::text("No such frontend.")),
    }
}
