//! From the tree to the model: which sections there are, and the registries of their keywords.
//!
//! Owns: [`KINDS`], the look-up of a line's keyword, and [`build`]. Each section's keywords are rows in a file of
//! `section/`. Invariants: no keyword is passed over in silence; whatever is wrong with one line, the next one is
//! read; each row's notice is said once.

mod acl;
mod backend;
mod bind;
mod check;
mod cx;
mod frontend;
mod global;
mod log;
mod option;
mod params;
mod proxy;
mod rule;
mod server;
mod set;
mod small;
mod stats;

pub(crate) use cx::{Apply, Cx, Status};
pub use log::FACILITIES;
// The `type` of a `healthcheck` section is an option too.
use option::KEYWORDS as OPTIONS;

use std::collections::BTreeSet;

use super::{
    model::{Config, TlsVersion},
    tree::{Line, Section, Tree},
};
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    keyword::{ANY, Keyword, Support},
    source::At,
};

/// A kind of section.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    pub support: Support,
    pub doc: &'static str,
}

/// Every word that opens a section, sorted.
pub const KINDS: &[Kind] = &[
    kind("acme", NOT_ACME, "An account with which certificates are obtained automatically."),
    kind("backend", Support::Full, "A pool of servers and how requests are spread over them."),
    kind("cache", Support::NotYet("responses are not cached"), "A small cache of responses."),
    kind("crt-store", Support::NotYet("certificates are named by their files"), "Named certificates."),
    kind("defaults", Support::Full, "What the proxies below it start from."),
    kind("fcgi-app", Support::NotYet("FastCGI is not spoken"), "A FastCGI application."),
    kind("frontend", Support::Full, "Listening addresses and where their requests go."),
    kind("global", Support::Full, "Settings of the whole process."),
    kind("healthcheck", Support::Full, "A named health check."),
    kind("http-errors", Support::Full, "A named group of answers for error statuses."),
    kind("listen", Support::Full, "A frontend and a backend in one."),
    kind("log-forward", Support::NotYet("syslog is not relayed"), "A relay of syslog messages."),
    kind("log-profile", Support::NotYet("all log lines have the proxy's format"), "Formats for log steps."),
    kind("mailers", Support::NotYet("no mail is sent"), "SMTP servers for alert mail."),
    kind("peers", Support::NotYet("tables are not shared between processes"), "Partners that share tables."),
    kind("program", Support::NotYet(NOT_PROGRAM), "A side process (removed from HAProxy in 3.3)."),
    kind("resolvers", Support::Full, "Name servers asked at run time."),
    kind(
        "ring",
        Support::NotYet("log lines go to their targets directly"),
        "A buffer of messages in memory.",
    ),
    kind("traces", Support::NotYet("there are no trace sources"), "Traces that are on from the start."),
    kind("userlist", Support::Full, "Users and groups for basic authentication."),
];

const NOT_ACME: Support = Support::NotYet("certificates are read from files");
const NOT_PROGRAM: &str = "side processes are the business of the service manager";

const fn kind(name: &'static str, support: Support, doc: &'static str) -> Kind {
    Kind { name, support, doc }
}

/// Whether a word at the start of a line opens a section, whatever section is open.
pub fn is_section(word: &str) -> bool {
    KINDS.iter().any(|k| k.name == word)
}

/// Scopes of keyword rows.
pub mod scope {
    pub const GLOBAL: u32 = 1;
    pub const DEFAULTS: u32 = 1 << 1;
    pub const FRONTEND: u32 = 1 << 2;
    pub const BACKEND: u32 = 1 << 3;
    pub const LISTEN: u32 = 1 << 4;
    /// Sections that have a registry of their own and need no distinction.
    pub const OWN: u32 = 1 << 5;
    /// `no keyword` takes it back.
    pub const NO: u32 = 1 << 16;

    /// Defaults and everything that has the client side.
    pub const DF: u32 = DEFAULTS | FRONTEND | LISTEN;
    /// Defaults and everything that has the server side.
    pub const DB: u32 = DEFAULTS | BACKEND | LISTEN;
    /// All proxies and their defaults.
    pub const ALL: u32 = DF | DB;
    pub const F: u32 = FRONTEND | LISTEN;
    pub const B: u32 = BACKEND | LISTEN;
    pub const FB: u32 = F | B;
}

/// The model of a tree; everything found on the way goes to `diags`.
pub fn build(tree: &Tree, diags: &mut Diagnostics) -> Config {
    let mut config = Config::default();
    let mut said = BTreeSet::new();
    let mut proxies = proxy::Proxies::default();
    for section in &tree.sections {
        let mut cx = Cx::new(section, diags, &mut said);
        section_notice(section, &mut cx);
        match section.kind.as_str() {
            "global" => global::build(section, &mut config.global, &mut cx),
            "defaults" | "frontend" | "backend" | "listen" => proxies.build(section, &mut config, &mut cx),
            _ => small::build(section, &mut config, &mut cx),
        }
    }
    config
}

fn section_notice(section: &Section, cx: &mut Cx<'_>) {
    let Some(kind) = KINDS.iter().find(|k| k.name == section.kind.value) else { return };
    if let Support::NotYet(why) | Support::NoEffect(why) = kind.support
        && cx.said.insert(kind.name)
    {
        let message = format!("the `{}` section is understood but has no effect yet: {why}", kind.name);
        cx.diags.push(Diagnostic::notice(codes::NOT_YET, message).at(section.kind.span, ""));
    }
}

/// A TLS version as the language writes it.
fn tls_version(word: &At<String>, cx: &mut Cx<'_>) -> Option<TlsVersion> {
    let known = [
        ("SSLv3", TlsVersion::Ssl3),
        ("TLSv1.0", TlsVersion::Tls10),
        ("TLSv1.1", TlsVersion::Tls11),
        ("TLSv1.2", TlsVersion::Tls12),
        ("TLSv1.3", TlsVersion::Tls13),
    ];
    cx.one_of(word, &known)
}

/// The rows of all registries, for documentation and `-dKall`: section, name, row facts.
pub fn registry() -> Vec<RegistryRow> {
    let mut all = Vec::new();
    all.extend(global::FAMILIES.iter().flat_map(|f| f.iter()).map(|k| RegistryRow::of("global", k)));
    all.extend(proxy::FAMILIES.iter().flat_map(|f| f.iter()).map(|k| RegistryRow::of("proxy", k)));
    all.extend(bind::OPTIONS.iter().map(|k| RegistryRow::of("bind", k)));
    all.extend(server::OPTIONS.iter().map(|k| RegistryRow::of("server", k)));
    all.extend(small::rows());
    all.extend(rule::ACTIONS.iter().map(rule::row));
    all
}

/// A row of a registry without the function behind it.
#[derive(Clone, Debug)]
pub struct RegistryRow {
    /// `global`, `proxy`, `bind`, `server`, the name of a small section, or `action`.
    pub family: &'static str,
    pub name: &'static str,
    pub scope: u32,
    pub doc: &'static str,
    pub removed: Option<crate::keyword::Removed>,
    pub support: Support,
}

impl RegistryRow {
    pub(crate) fn of<A>(family: &'static str, k: &Keyword<A>) -> RegistryRow {
        RegistryRow {
            family,
            name: k.name,
            scope: k.scope,
            doc: k.doc,
            removed: k.removed,
            support: k.support,
        }
    }
}

/// Applies one line to `target`: finds its row, checks scope and number of arguments, says what there is to say
/// about the row, and calls its function.
pub(crate) fn apply_line<T: 'static>(
    families: &[&[Keyword<Apply<T>>]],
    here: u32,
    line: &Line,
    target: &mut T,
    cx: &mut Cx<'_>,
) {
    let (prefix, words) = match line.words.split_first() {
        Some((w, rest)) if matches!(w.as_str(), "no" | "default") && !rest.is_empty() => (Some(w), rest),
        _ => (None, line.words.as_slice()),
    };
    let Some((keyword, row, taken)) = find(families, words) else {
        unknown(families, here, words, cx);
        return;
    };
    let args = words.get(taken..).unwrap_or(&[]);
    let mut cx = cx.at(keyword, args, prefix.map(|p| p.as_str()));
    cx.head = words.get(..taken).unwrap_or(&[]);
    if let Some(p) = prefix
        && row.scope & scope::NO == 0
    {
        cx.alert(
            codes::BAD_ARGUMENT,
            p.span,
            format!("`{}` does not take `{}` before it", row.name, p.value),
        );
        return;
    }
    if row.scope & here == 0 {
        misplaced(row.name, here, &mut cx);
        return;
    }
    notices(row, &mut cx);
    if matches!(row.support, Support::Refused(_)) || !arity(row, &mut cx) {
        return;
    }
    (row.apply)(target, &mut cx);
}

type Found<'a, T> = (At<String>, &'a Keyword<Apply<T>>, usize);

/// The row whose name is the longest match with the first words.
fn find<'a, T>(families: &[&'a [Keyword<Apply<T>>]], words: &[At<String>]) -> Option<Found<'a, T>> {
    (1..=3usize.min(words.len())).rev().find_map(|n| {
        let head = words.get(..n)?;
        let row = families.iter().flat_map(|f| f.iter()).find(|k| {
            let mut name = k.name.split(' ');
            // `http-check set-var(name)`: what stands in parentheses is an argument.
            head.iter().all(|w| name.next() == w.split('(').next()) && name.next().is_none()
        })?;
        let span = head.first()?.span.to(head.last()?.span);
        Some((At::new(row.name.to_owned(), span), row, n))
    })
}

fn unknown<T>(families: &[&[Keyword<Apply<T>>]], here: u32, words: &[At<String>], cx: &mut Cx<'_>) {
    let Some(first) = words.first() else { return };
    let rows = || families.iter().flat_map(|f| f.iter()).filter(|k| k.scope & here != 0).map(|k| k.name);
    // `option htttplog`: the first word is known, the second is the culprit.
    let known_first = rows().any(|n| n.split(' ').next() == Some(first.as_str()) && n.contains(' '));
    let section = cx.section;
    if let (true, Some(second)) = (known_first, words.get(1)) {
        let tails = rows().filter_map(|n| n.strip_prefix(first.as_str())?.strip_prefix(' '));
        let message = format!("unknown keyword `{} {}` in a {section} section", first.value, second.value);
        let d = Diagnostic::alert(codes::UNKNOWN_KEYWORD, message)
            .at(second.span, "")
            .did_you_mean(second, tails);
        cx.diags.push(d);
        return;
    }
    if known_first {
        let message = format!("`{}` needs to be told what", first.value);
        cx.diags.push(Diagnostic::alert(codes::MISSING_ARGUMENT, message).at(first.span, ""));
        return;
    }
    let d = Diagnostic::alert(
        codes::UNKNOWN_KEYWORD,
        format!("unknown keyword `{}` in a {section} section", first.value),
    );
    let d = d.at(first.span, "");
    let elsewhere = families.iter().flat_map(|f| f.iter()).find(|k| k.name == first.value);
    let d = match elsewhere {
        Some(_) => d.help(format!("`{}` stands in other sections", first.value)),
        None => d.did_you_mean(first, rows().chain(KINDS.iter().map(|k| k.name))),
    };
    cx.diags.push(d);
}

fn misplaced(name: &str, here: u32, cx: &mut Cx<'_>) {
    let span = cx.keyword.span;
    match here {
        // A server that gets no traffic is worse than a setting that counts for nothing.
        scope::FRONTEND if name.starts_with("server") => {
            cx.alert(
                codes::MISPLACED,
                span,
                format!("`{name}` may not stand in a frontend: write a backend"),
            );
        }
        // HAProxy warns and goes on where a proxy merely lacks the half that the keyword speaks of.
        scope::FRONTEND => {
            cx.warn(codes::MISPLACED, span, format!("`{name}` has no effect: a frontend has no servers"))
        }
        scope::BACKEND => {
            let hint = if name == "maxconn" { "; did you mean `fullconn`?" } else { "" };
            cx.warn(
                codes::MISPLACED,
                span,
                format!("`{name}` has no effect: a backend does not listen{hint}"),
            );
        }
        _ => cx.alert(codes::MISPLACED, span, format!("`{name}` may not stand in a {} section", cx.section)),
    }
}

fn notices<A>(row: &Keyword<A>, cx: &mut Cx<'_>) {
    let span = cx.keyword.span;
    if let Some(removed) = row.removed {
        let message = format!("`{}` was removed from HAProxy in {}", row.name, removed.since);
        let d = if removed.peer_complains {
            Diagnostic::warning(codes::OLD_SPELLING, message)
        } else {
            Diagnostic::notice(codes::OLD_SPELLING, format!("`{}` is an old spelling", row.name))
        };
        cx.diags.push(d.at(span, "understood").help(format!("write {}", removed.modern)));
    }
    match row.support {
        Support::Full => {}
        Support::Refused(why) => cx.alert(codes::REFUSED, span, format!("`{}` is refused: {why}", row.name)),
        Support::NoEffect(why) if cx.said.insert(row.name) => {
            let d = Diagnostic::notice(codes::NO_EFFECT, format!("`{}` has no effect here: {why}", row.name));
            cx.diags.push(d.at(span, ""));
        }
        Support::NotYet(why) if cx.said.insert(row.name) => {
            let d = Diagnostic::notice(codes::NOT_YET, format!("`{}` has no effect yet: {why}", row.name));
            cx.diags.push(d.at(span, ""));
        }
        Support::NoEffect(_) | Support::NotYet(_) => {}
    }
}

/// Keywords behind which HAProxy 3.5 passes over further words without a word: files that start there start here,
/// with a notice. Sorted.
const TOLERANT: &[&str] = &[
    "capture cookie",
    "declare capture",
    "dynamic-cookie-key",
    "email-alert level",
    "errorfile",
    "grace",
    "hard-stop-after",
    "hash-balance-factor",
    "hash-type",
    "http-send-name-header",
    "load-server-state-from-file",
    "log-send-hostname",
    "log-tag",
    "max-keep-alive-queue",
    "numa-cpu-mapping",
    "option redispatch",
    "persist rdp-cookie",
    "rate-limit sessions",
    "server-state-file",
    "stats auth",
    "stats enable",
    "stats hide-version",
    "stats maxconn",
    "stats realm",
    "stats refresh",
    "stats scope",
    "stats show-legends",
    "stats show-node",
    "stats timeout",
    "stats uri",
    "tcp-request inspect-delay",
    "tcp-response inspect-delay",
    "unique-id-header",
];

fn arity<A>(row: &Keyword<A>, cx: &mut Cx<'_>) -> bool {
    // `no keyword` needs no argument.
    let (min, max) = row.arity;
    if cx.args.len() < usize::from(min) && !cx.no {
        let message = format!("`{}` needs {min} argument{}", row.name, if min == 1 { "" } else { "s" });
        cx.alert(codes::MISSING_ARGUMENT, cx.keyword.span, message);
        return false;
    }
    if max != ANY
        && let Some(extra) = cx.args.get(usize::from(max))
    {
        if TOLERANT.contains(&row.name) {
            cx.ignored(extra);
            cx.args = cx.args.get(..usize::from(max)).unwrap_or(&[]);
            return true;
        }
        let plural = if max == 1 { "" } else { "s" };
        let message = match max {
            0 => format!("`{}` takes no argument", row.name),
            _ => format!("`{}` takes no more than {max} argument{plural}", row.name),
        };
        cx.alert(codes::EXTRA_ARGUMENT, extra.span, message);
        return false;
    }
    true
}

#[cfg(test)]
mod tests;
