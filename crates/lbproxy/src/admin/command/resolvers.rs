//! Name servers over the socket: `show resolvers` (management guide 9.3).

use std::fmt::Write;

use super::{Call, Command, Reply};
use crate::compile::plan::Level;

pub(super) const COMMANDS: &[Command] = &[Command {
    words: "show resolvers",
    usage: "[id]",
    level: Level::User,
    doc: "dumps counters from all resolvers section and associated name servers",
    run: show,
}];

fn show(c: &mut Call<'_>) -> Reply {
    let wanted = c.arg(0);
    let all = &c.runtime.plan.resolvers;
    let chosen: Vec<_> = all.iter().filter(|r| wanted.is_empty() || r.settings.name == wanted).collect();
    if chosen.is_empty() {
        return Reply::text(match wanted {
            "" => "No resolvers found\n".to_owned(),
            name => format!("Can't find that resolvers section '{name}'.\n"),
        });
    }
    let mut out = String::new();
    for r in chosen {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "Resolvers section {}", r.settings.name);
        for n in &r.nameservers {
            let _ = writeln!(out, " nameserver {}:", n.name);
            for (name, value) in n.counts.all() {
                let _ = writeln!(out, "  {:<13}{value}", format!("{name}:"));
            }
        }
        out.push('\n');
    }
    Reply::Text(out)
}
