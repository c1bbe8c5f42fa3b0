//! `cargo xtask docs`: writes `docs/COMPATIBILITY.md` from the registries of both languages.
//!
//! Owns: the page's form, and the check (also a test) that what is there is fresh.
//! Leaves to others: what the page says; that is in the rows.

use std::fmt::Write as _;

use clap::Args;
use common::haproxy::section::scope;
use common::keyword::Support;

use crate::{Outcome, root};

const PAGE: &str = "docs/COMPATIBILITY.md";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only say whether what is there is fresh.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let page = page();
    let path = root().join(PAGE);
    if options.check {
        return check(&page);
    }
    std::fs::write(&path, page).map_err(|e| format!("{}: {e}", path.display()))?;
    println!("docs: {PAGE} written");
    Ok(())
}

fn check(page: &str) -> Outcome {
    let there = std::fs::read_to_string(root().join(PAGE)).unwrap_or_default();
    match there == page {
        true => Ok(()),
        false => Err(format!("{PAGE} is not what the registries say: `cargo xtask docs` writes it anew")),
    }
}

/// A keyword as the page shows it.
struct Row {
    /// The section or block it stands in.
    place: String,
    name: String,
    doc: &'static str,
    support: Support,
    /// For an old spelling: what is written today.
    modern: Option<&'static str>,
}

fn keepalived() -> Vec<Row> {
    let rows = common::keepalived::catalogue().into_iter();
    rows.map(|r| Row {
        place: r.block.into(),
        name: r.name.into(),
        doc: r.doc,
        support: served(r.name, r.support),
        modern: None,
    })
    .collect()
}

/// What vrrpd makes of a keyword that the language takes: a part of the model that is not built yet is told when
/// it is used, and counts as such here. Words of a feature begin with its name (`use_vmac_addr`).
fn served(keyword: &str, support: Support) -> Support {
    /// Blocks of LVS, and parts that the daemon refuses to run with.
    const NOT_SERVED: [(&str, Support); 6] = [
        ("SSL", Support::NoEffect("it belongs to LVS load balancing, which lbproxy does in its own way")),
        ("net_namespace", Support::Refused("start vrrpd inside that network namespace instead")),
        (
            "real_server",
            Support::NoEffect("it belongs to LVS load balancing, which lbproxy does in its own way"),
        ),
        ("track_bfd", Support::NotYet("BFD is not built")),
        ("track_process", Support::NotYet("processes are not watched; what tracks one is taken as up")),
        (
            "virtual_server",
            Support::NoEffect("it belongs to LVS load balancing, which lbproxy does in its own way"),
        ),
    ];
    if support != Support::Full {
        return support;
    }
    let part = |name: &str| keyword == name || keyword.strip_prefix(name).is_some_and(|r| r.starts_with('_'));
    let fixed = NOT_SERVED.iter().find(|(name, _)| part(name)).map(|(_, s)| *s);
    let feature = common::keepalived::FEATURES.iter().find(|f| part(f.name));
    fixed.or(feature.map(|f| Support::NotYet(f.why))).unwrap_or(support)
}

fn haproxy() -> Vec<Row> {
    let rows = common::haproxy::section::registry().into_iter();
    rows.map(|r| Row {
        place: if r.family == "proxy" {
            "defaults, frontend, listen, backend".into()
        } else {
            r.family.into()
        },
        name: format!("{}{}", r.name, sections(r.family, r.scope)),
        doc: r.doc,
        support: r.support,
        modern: r.removed.map(|m| m.modern),
    })
    .collect()
}

/// The sections of a proxy keyword, where it does not stand in all of them.
fn sections(family: &str, bits: u32) -> String {
    const NAMES: [(u32, &str); 4] = [
        (scope::DEFAULTS, "defaults"),
        (scope::FRONTEND, "frontend"),
        (scope::LISTEN, "listen"),
        (scope::BACKEND, "backend"),
    ];
    let list: Vec<&str> = NAMES.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, n)| *n).collect();
    if family == "proxy" && list.len() < NAMES.len() {
        format!("` in `{}", list.join("`, `"))
    } else {
        String::new()
    }
}

fn page() -> String {
    let mut text = String::from(
        "# What is served\n\n\
         Written by `cargo xtask docs` from the registries; do not edit. A keyword that is not here is unknown \
         and an error with a suggestion. None is ignored in silence. What can be judged only when a whole \
         configuration is compiled (a combination, an expression in the wrong place) is said at start, with the place; \
         `-c` shows all of it.\n\n\
         | mark | meaning |\n|---|---|\n\
         | yes | does what the peer's manual says |\n\
         | no effect | known, accepted, said once at start, with the reason |\n\
         | not yet | known, accepted, said once at start: not built yet |\n\
         | refused | known and refused with the reason |\n",
    );
    language(&mut text, "haproxy.cfg (lbproxy, after HAProxy 3.5)", &haproxy());
    language(&mut text, "keepalived.conf (vrrpd, after keepalived 2.4)", &keepalived());
    text
}

fn language(text: &mut String, title: &str, rows: &[Row]) {
    let count = |wanted: &str| rows.iter().filter(|r| mark(r.support).0 == wanted).count();
    let _ = writeln!(
        text,
        "\n## {title}\n\n{} keywords: {} served, {} without effect, {} not yet, {} refused.",
        rows.len(),
        count("yes"),
        count("no effect"),
        count("not yet"),
        count("refused")
    );
    let mut place = "";
    for row in rows {
        if row.place != place {
            place = &row.place;
            let _ = writeln!(text, "\n### {place}\n\n| keyword | served | what it is |\n|---|---|---|");
        }
        let (mark, why) = mark(row.support);
        let mut doc = row.doc.to_string();
        if let Some(modern) = row.modern {
            let _ = write!(doc, " Today: {modern}.");
        }
        if !why.is_empty() {
            let _ = write!(doc, " *{why}*");
        }
        let _ = writeln!(text, "| `{}` | {mark} | {} |", cell(&row.name), cell(&doc));
    }
}

fn mark(support: Support) -> (&'static str, &'static str) {
    match support {
        Support::Full => ("yes", ""),
        Support::NoEffect(why) => ("no effect", why),
        Support::NotYet(why) => ("not yet", why),
        Support::Refused(why) => ("refused", why),
    }
}

/// Text that does not break out of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_generated_page_is_what_the_registries_say() {
        if let Err(why) = super::check(&super::page()) {
            panic!("{why}");
        }
    }
}
