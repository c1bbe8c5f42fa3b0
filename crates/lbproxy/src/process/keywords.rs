//! `-dK`: the registries in print, so that tools see what the language has, and what is new in it.
//!
//! Classes and line forms are HAProxy's (management guide, `-dK`); what is refused or has no effect says so behind
//! a `#`, and `act` lists the rule actions, which HAProxy keeps among the configuration keywords.

use common::{
    haproxy::section::{self, scope},
    keyword::Support,
};

use crate::{
    admin::command,
    engine::{
        action,
        sample::{ArgType, convert, fetch},
    },
};

/// A class: its word, what it lists, and how.
struct Class {
    name: &'static str,
    doc: &'static str,
    lines: fn() -> Vec<String>,
}

const CLASSES: &[Class] = &[
    Class { name: "act", doc: "rule actions", lines: actions },
    Class { name: "cfg", doc: "configuration keywords", lines: configuration },
    Class { name: "cli", doc: "CLI keywords", lines: commands },
    Class { name: "cnv", doc: "sample converter keywords", lines: converters },
    Class { name: "smp", doc: "sample fetch functions", lines: fetches },
];

/// What `-dK` followed by `classes` prints.
pub(super) fn text(classes: &str) -> String {
    let asked: Vec<&str> = classes.split(',').filter(|c| !c.is_empty()).collect();
    let mut text = String::new();
    for class in CLASSES {
        if asked.contains(&class.name) || asked.contains(&"all") {
            text.push_str(&format!("# List of registered {}:\n", class.doc));
            for line in (class.lines)() {
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    if asked.is_empty() || asked.contains(&"help") {
        text.push_str("# List of supported keyword classes:\nall: list all keywords\n");
        for class in CLASSES {
            text.push_str(&format!("{}: {}\n", class.name, class.doc));
        }
    }
    for unknown in asked.iter().filter(|a| !CLASSES.iter().any(|c| c.name == **a)) {
        if !["all", "help"].contains(unknown) {
            text.push_str(&format!("# unknown class '{unknown}' (-dKhelp lists them)\n"));
        }
    }
    text
}

fn note(support: Support) -> String {
    match support {
        Support::Full => String::new(),
        Support::NoEffect(why) => format!(" # no effect: {why}"),
        Support::NotYet(why) => format!(" # not yet: {why}"),
        Support::Refused(why) => format!(" # refused: {why}"),
    }
}

fn configuration() -> Vec<String> {
    let rows = section::registry();
    let mut lines = Vec::new();
    let mut list = |title: &str, prefix: &str, belongs: &dyn Fn(&section::RegistryRow) -> bool| {
        let mut found: Vec<String> = rows
            .iter()
            .filter(|r| belongs(r))
            .map(|r| format!("\t{prefix}{}{}", r.name, note(r.support)))
            .collect();
        found.sort();
        found.dedup();
        if !found.is_empty() {
            lines.push(title.to_owned());
            lines.append(&mut found);
        }
    };
    list("global", "", &|r| r.family == "global");
    list("listen", "", &|r| r.family == "proxy" && r.scope & scope::LISTEN != 0);
    list("listen", "bind <addr> ", &|r| r.family == "bind");
    list("listen", "server <name> <addr> ", &|r| r.family == "server");
    for kind in section::KINDS {
        if !["global", "listen", "defaults", "frontend", "backend"].contains(&kind.name) {
            list(kind.name, "", &|r| r.family == kind.name);
        }
    }
    lines
}

fn fetches() -> Vec<String> {
    sorted(fetch::all().map(|f| format!("{}{}: {}", f.name, arguments(f.args, f.required), f.out.name())))
}

fn converters() -> Vec<String> {
    sorted(convert::all().map(|c| {
        format!("{}{}: {} => {}", c.name, arguments(c.args, c.required), c.input.name(), c.out.name())
    }))
}

fn actions() -> Vec<String> {
    sorted(action::ACTIONS.iter().map(|a| match a.refused {
        "" => a.name.to_owned(),
        why => format!("{} # refused: {why}", a.name),
    }))
}

fn commands() -> Vec<String> {
    sorted(command::FAMILIES.iter().flat_map(|f| f.iter()).map(|c| c.words.to_owned()))
}

fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

/// `(string[,string])`: what need not be given stands in brackets.
fn arguments(args: &[ArgType], required: u8) -> String {
    if args.is_empty() {
        return String::new();
    }
    let required = usize::from(required);
    let mut text = String::from("(");
    for (i, a) in args.iter().enumerate() {
        if i == required {
            text.push('[');
        }
        if i > 0 {
            text.push(',');
        }
        text.push_str(a.name());
    }
    if args.len() > required {
        text.push(']');
    }
    text.push(')');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_every_class_in_haproxys_forms() {
        let all = text("all");
        for line in ["# List of registered sample fetch functions:", "\tmaxconn", "src: ", "show stat"] {
            assert!(all.lines().any(|l| l.starts_with(line)), "{line}");
        }
        assert!(text("cnv").lines().skip(1).all(|l| l.contains(" => ")));
        assert!(text("help").contains("smp: sample fetch functions"));
        assert!(text("nope").contains("unknown class 'nope'"));
    }

    #[test]
    fn optional_arguments_stand_in_brackets() {
        assert_eq!(arguments(&[], 0), "");
        assert_eq!(arguments(&[ArgType::Int, ArgType::Str, ArgType::Str], 1), "(integer[,string,string])");
        assert_eq!(arguments(&[ArgType::Str], 0), "([string])");
    }
}
