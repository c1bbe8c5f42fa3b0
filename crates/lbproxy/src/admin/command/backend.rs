//! Backends: whether rules may choose them (management guide 9.3, `publish backend`).

use super::{Call, Command, Reply};
use crate::compile::plan::Level;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "publish backend",
        usage: "<backend>",
        level: Level::Admin,
        doc: "let rules choose a backend",
        run: |c| publish(c, true),
    },
    Command {
        words: "unpublish backend",
        usage: "<backend>",
        level: Level::Admin,
        doc: "let rules pass a backend over",
        run: |c| publish(c, false),
    },
];

fn publish(c: &mut Call<'_>, published: bool) -> Reply {
    let Some(b) = c.backend(c.arg(0)) else { return Reply::text("No such backend.") };
    if b.disabled {
        return Reply::text("No effect on a disabled backend.");
    }
    b.state.publish(published);
    Reply::text(if published { "Backend published." } else { "Backend unpublished." })
}
