//! The health contract over a stats socket, for a watcher that is told its path.

use super::{Command, Reply};
use crate::compile::plan::Level;

pub(super) const COMMANDS: &[Command] = &[Command {
    words: "watch health",
    usage: "",
    level: Level::User,
    doc: "tell phase, beats and usable servers until the connection ends (vrrpd's track_proxy)",
    run: |_| Reply::Watch,
}];
