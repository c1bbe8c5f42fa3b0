//! Help and manual page, both from the tables of commands and options.

use std::fmt::Write;

use super::{COMMANDS, SWITCHES};

/// The text of `--help`.
pub(super) fn help() -> String {
    let mut text = "Usage: vrrpctl [OPTION]... COMMAND [ARGUMENT]\n\nLooks at a running vrrpd and steers it.\n\nCommands:\n"
        .to_owned();
    for c in COMMANDS {
        let _ = writeln!(text, "  {:<26} {}", format!("{} {}", c.name, c.usage).trim_end(), c.doc);
    }
    text.push_str("\nOptions:\n");
    for s in SWITCHES {
        let value = s.value.map(|v| format!(" {v}")).unwrap_or_default();
        let _ = writeln!(text, "  {:<26} {}", format!("-{}, --{}{value}", s.short, s.long), s.doc);
    }
    text
}

/// The manual page in man(7)'s language.
pub(super) fn page() -> String {
    let mut text = String::from(
        ".TH VRRPCTL 8 \"\" \"vrrpd\" \"System administration\"\n.SH NAME\nvrrpctl \\- look at a running vrrpd and \
         steer it\n.SH SYNOPSIS\n.B vrrpctl\n[\\fIOPTION\\fR]... \\fICOMMAND\\fR [\\fIARGUMENT\\fR]\n.SH COMMANDS\n",
    );
    for c in COMMANDS {
        let usage = format!("{} {}", c.name, c.usage);
        let _ = writeln!(text, ".TP\n.B {}\n{}", roff(usage.trim_end()), roff(c.doc));
        if !c.more.is_empty() {
            let _ = writeln!(text, "{}", roff(c.more));
        }
    }
    text.push_str(".SH OPTIONS\n");
    for s in SWITCHES {
        let value = s.value.map(|v| format!(" {v}")).unwrap_or_default();
        let _ = writeln!(text, ".TP\n.BR \\-{} \", \" \\-\\-{}{value}\n{}", s.short, s.long, roff(s.doc));
    }
    text.push_str(
        ".SH EXIT STATUS\n0: done. 1: the daemon cannot be reached or refused, or findings of a lint are errors. 2: \
         the command line cannot be understood.\n.SH SEE ALSO\n.BR vrrpd (8),\n.BR keepalived.conf (5)\n",
    );
    text
}

fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
