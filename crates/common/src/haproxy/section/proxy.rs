//! `defaults`, `frontend`, `backend`, `listen`: inheritance, and the keywords that all of them share.
//!
//! Invariants: a proxy starts as a copy of its `defaults`, so what the model holds is final; the order of rules is
//! that of evaluation.

use std::collections::BTreeMap;

use super::{
    acl, apply_line, backend,
    cx::{Apply, Cx, Status, rows},
    frontend, log, option,
    rule::Rank,
    scope::{self, ALL, DEFAULTS, FB, NO},
    set, stats,
};
use crate::{
    diag::{Diagnostic, codes},
    haproxy::{
        expr::within,
        model::{Compression, Config, ErrorPage, Front, Mode, Proxy, ProxyKind, Rule, Server, StatusPage},
        tree::Section,
    },
    keyword::{ANY, Keyword},
    source::{At, Span},
};

/// Everything that may stand in a proxy.
pub(super) const FAMILIES: &[&[Keyword<Apply<Build>>]] = &[
    KEYWORDS,
    acl::KEYWORDS,
    backend::KEYWORDS,
    frontend::KEYWORDS,
    option::KEYWORDS,
    stats::KEYWORDS,
    super::check::KEYWORDS,
];

/// A proxy under construction, or a `defaults` section, from which proxies are copied.
#[derive(Clone, Debug, Default)]
pub(super) struct Build {
    pub(super) proxy: Proxy,
    pub(super) default_server: Server,
    /// `block` rules: evaluated before `http-request`.
    pub(super) blocks: Vec<At<Rule>>,
    /// `redirect` rules: evaluated after `http-request`.
    pub(super) redirects: Vec<At<Rule>>,
    pub(super) seen: Vec<(Rank, Span)>,
    pub(super) is_defaults: bool,
    /// Rules may be inherited from a named section only.
    pub(super) named: bool,
    /// What the section itself says of checks: what it says replaces what it inherited.
    pub(super) own_checks: OwnChecks,
}

/// Lines about checks that stand in the section itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OwnChecks {
    pub(super) kind: bool,
    pub(super) http: bool,
    pub(super) tcp: bool,
}

/// The proxies read so far, and the `defaults` they may start from.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    named: BTreeMap<String, Build>,
    /// What a proxy without `from` starts from.
    last: Build,
}

impl Proxies {
    pub(super) fn build(&mut self, section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
        if section.kind.value == "defaults" {
            self.defaults(section, cx);
            return;
        }
        let (kind, here) = match section.kind.as_str() {
            "frontend" => (ProxyKind::Frontend, scope::FRONTEND),
            "backend" => (ProxyKind::Backend, scope::BACKEND),
            _ => (ProxyKind::Listen, scope::LISTEN),
        };
        let Some((name, rest)) = section.args.split_first() else {
            cx.missing(&section.kind, "a name");
            return;
        };
        check_name(name, cx);
        let (from, rest) = split_from(rest);
        let mut build = self.start(from, cx);
        (build.is_defaults, build.named) = (false, false);
        build.seen.clear();
        build.proxy.name = name.clone();
        build.proxy.kind = kind;
        if !rest.is_empty() {
            old_address(&mut build, rest, cx);
        }
        for line in &section.lines {
            apply_line(FAMILIES, here, line, &mut build, cx);
        }
        let proxy = finish(build, cx);
        duplicates(&proxy, config, cx);
        config.proxies.push(proxy);
    }

    fn defaults(&mut self, section: &Section, cx: &mut Cx<'_>) {
        let (name, rest) = match section.args.split_first() {
            Some((name, rest)) if name.value != "from" => (Some(name), rest),
            _ => (None, section.args.as_slice()),
        };
        let (from, rest) = split_from(rest);
        if let Some(extra) = rest.first() {
            cx.ignored(extra);
        }
        // Without `from`, each `defaults` section starts from nothing.
        let mut build = match from {
            Some(_) => self.start(from, cx),
            None => Build::default(),
        };
        (build.is_defaults, build.named) = (true, name.is_some());
        build.seen.clear();
        for line in &section.lines {
            apply_line(FAMILIES, DEFAULTS, line, &mut build, cx);
        }
        if let Some(name) = name {
            check_name(name, cx);
            if self.named.insert(name.value.clone(), build.clone()).is_some() {
                let message = format!(
                    "there is another defaults section named `{}`: this one counts from here",
                    name.value
                );
                cx.notice(codes::DUPLICATE_NAME, name.span, message);
            }
        }
        self.last = build;
    }

    fn start(&self, from: Option<&At<String>>, cx: &mut Cx<'_>) -> Build {
        let fresh = |b: &Build| Build { own_checks: OwnChecks::default(), ..b.clone() };
        let Some(name) = from else { return fresh(&self.last) };
        if let Some(build) = self.named.get(&name.value) {
            return fresh(build);
        }
        let d = Diagnostic::alert(
            codes::UNRESOLVED_NAME,
            format!("there is no defaults section named `{}`", name.value),
        );
        cx.diags.push(d.at(name.span, "").did_you_mean(name, self.named.keys().map(String::as_str)));
        Build::default()
    }
}

/// `… from name` at the end.
fn split_from(args: &[At<String>]) -> (Option<&At<String>>, &[At<String>]) {
    match args {
        [word, name, rest @ ..] if word.as_str() == "from" => (Some(name), rest),
        args => (None, args),
    }
}

/// Letters, digits, `-`, `_`, `.`, `:` (manual, chapter 4).
pub(super) fn check_name(name: &At<String>, cx: &mut Cx<'_>) {
    let bad = name.char_indices().find(|&(_, c)| !(c.is_ascii_alphanumeric() || "-_.:".contains(c)));
    if let Some((i, c)) = bad {
        let message = format!("`{c}` may not stand in a name: letters, digits, `-`, `_`, `.`, `:` may");
        cx.alert(codes::BAD_ARGUMENT, within(name, i..i + c.len_utf8()), message);
    }
}

/// `listen name address:port`, removed in 1.6: the words behind the name are those of a `bind` line.
fn old_address(build: &mut Build, words: &[At<String>], cx: &mut Cx<'_>) {
    let Some(first) = words.first() else { return };
    if build.proxy.kind == ProxyKind::Backend {
        cx.ignored(first);
        return;
    }
    let all: Vec<_> = words.iter().map(|w| w.value.as_str()).collect();
    let message = format!("an address on the `{}` line was removed from HAProxy in 1.6", cx.section);
    let d = Diagnostic::warning(codes::OLD_SPELLING, message).at(first.span, "understood");
    cx.diags.push(d.help(format!("write `bind {}` on a line of its own", all.join(" "))));
    let mut cx = cx.at(At::new("bind".to_owned(), first.span), words, None);
    frontend::bind(build, &mut cx);
}

fn finish(build: Build, cx: &mut Cx<'_>) -> Proxy {
    let mut proxy = build.proxy;
    let mut rules = build.blocks;
    rules.append(&mut proxy.rules.http_request);
    rules.extend(build.redirects);
    proxy.rules.http_request = rules;
    if !proxy.has_front() {
        proxy.front = Front::default();
        let t = &mut proxy.timeouts;
        (t.client_ms, t.client_fin_ms, t.client_hs_ms) = (None, None, None);
    }
    if !proxy.has_back() {
        proxy.back = crate::haproxy::model::Backend::default();
        let t = &mut proxy.timeouts;
        (t.connect_ms, t.server_ms, t.server_fin_ms) = (None, None, None);
        (t.queue_ms, t.tunnel_ms, t.check_ms) = (None, None, None);
    }
    duplicate_servers(&proxy, cx);
    proxy
}

/// Two proxies of one name: refused when they have a half in common; a frontend and a backend were one proxy's
/// two names before 3.3 and are taken.
fn duplicates(proxy: &Proxy, config: &Config, cx: &mut Cx<'_>) {
    let same = config.proxies.iter().filter(|p| p.name.value == proxy.name.value);
    for other in same {
        let clash = (proxy.has_front() && other.has_front()) || (proxy.has_back() && other.has_back());
        let message = if clash {
            format!("there is another proxy named `{}` in the same role", proxy.name.value)
        } else {
            format!(
                "a frontend and a backend share the name `{}`, which HAProxy refuses since 3.3",
                proxy.name.value
            )
        };
        let d = match clash {
            true => Diagnostic::alert(codes::DUPLICATE_NAME, message),
            false => Diagnostic::warning(codes::DUPLICATE_NAME, message).help("rename one of them"),
        };
        cx.diags.push(d.at(proxy.name.span, "").also(other.name.span, "the other one"));
    }
}

fn duplicate_servers(proxy: &Proxy, cx: &mut Cx<'_>) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for server in &proxy.back.servers {
        if let Some(first) = seen.get(server.name.as_str()) {
            let message = format!(
                "there is another server named `{}` in `{}`, which HAProxy refuses since 3.3",
                server.name.value, proxy.name.value
            );
            let d = Diagnostic::warning(codes::DUPLICATE_NAME, message).at(server.name.span, "");
            cx.diags.push(d.also(*first, "the other one").help("rename one of them"));
        } else {
            seen.insert(&server.name.value, server.name.span);
        }
    }
}

/// Kept as written; that it has no effect was said by its row.
pub(super) fn keep(b: &mut Build, cx: &mut Cx<'_>) {
    if !cx.no {
        b.proxy.others.push(cx.directive());
    }
}

const FULL: Status = Status::FULL;
const ZIP: Status = Status::not_yet("responses are not compressed");
const MAIL: Status = Status::not_yet("no mail is sent");

rows! {
    /// Keywords of all four sections.
    pub(super) const KEYWORDS: [Build];
    "bind-process", ALL, (1, ANY), Status::gone("2.7", "thread on the bind lines", "there is one process"), keep, "Processes that serve the proxy.";
    "compression algo", ALL, (1, ANY), ZIP, |b, cx| zip(b).algo.extend(words(cx)), "Compression methods for responses.";
    "compression algo-req", ALL, (1, 1), ZIP, |b, cx| set::text(&mut zip(b).algo_req, cx), "Compression method for requests.";
    "compression algo-res", ALL, (1, ANY), ZIP, |b, cx| zip(b).algo_res.extend(words(cx)), "Compression methods for responses.";
    "compression direction", ALL, (1, 1), ZIP, |b, cx| set::text(&mut zip(b).direction, cx), "What is compressed.";
    "compression minsize-req", ALL, (1, 1), ZIP, |b, cx| bytes(&mut zip(b).minsize_req_bytes, cx), "Smallest request that is compressed.";
    "compression minsize-res", ALL, (1, 1), ZIP, |b, cx| bytes(&mut zip(b).minsize_res_bytes, cx), "Smallest response that is compressed.";
    "compression offload", ALL, (0, 0), ZIP, |b, _| zip(b).offload = true, "Servers are kept from compressing.";
    "compression type", ALL, (1, ANY), ZIP, |b, cx| zip(b).types.extend(words(cx)), "Media types that are compressed.";
    "compression type-req", ALL, (1, ANY), ZIP, |b, cx| zip(b).type_req.extend(words(cx)), "Media types of requests that are compressed.";
    "compression type-res", ALL, (1, ANY), ZIP, |b, cx| zip(b).type_res.extend(words(cx)), "Media types of responses that are compressed.";
    "description", FB, (1, ANY), FULL, |b, cx| set::joined(&mut b.proxy.description, cx), "Text shown on the statistics page.";
    "disabled", ALL, (0, 0), FULL, |b, _| b.proxy.disabled = true, "Starts disabled.";
    "email-alert from", ALL, (1, 1), MAIL, |b, cx| set::word(&mut b.proxy.email_alert.from, cx), "Sender of alert mail.";
    "email-alert level", ALL, (1, 1), MAIL, |b, cx| if let Some(a) = cx.arg(0) { b.proxy.email_alert.level = cx.one_of(a, log::LEVELS) }, "Least urgent level that is mailed.";
    "email-alert mailers", ALL, (1, 1), MAIL, |b, cx| set::word(&mut b.proxy.email_alert.mailers, cx), "Section with the mail servers.";
    "email-alert myhostname", ALL, (1, 1), MAIL, |b, cx| set::text(&mut b.proxy.email_alert.myhostname, cx), "Host name shown to mail servers.";
    "email-alert to", ALL, (1, 1), MAIL, |b, cx| set::word(&mut b.proxy.email_alert.to, cx), "Recipient of alert mail.";
    "enabled", ALL, (0, 0), FULL, |b, _| b.proxy.disabled = false, "Starts enabled.";
    "errorfile", ALL, (2, 2), FULL, errorfile, "File that is sent for a status.";
    "errorfiles", ALL, (1, ANY), FULL, errorfiles, "Takes answers from an http-errors section.";
    "errorloc", ALL, (2, 2), FULL, |b, cx| errorloc(b, ErrorPage::Loc302, cx), "Redirect that is sent for a status.";
    "errorloc302", ALL, (2, 2), FULL, |b, cx| errorloc(b, ErrorPage::Loc302, cx), "302 redirect that is sent for a status.";
    "errorloc303", ALL, (2, 2), FULL, |b, cx| errorloc(b, ErrorPage::Loc303, cx), "303 redirect that is sent for a status.";
    "filter", FB, (1, ANY), Status::not_yet("filters are not run"), |b, cx| b.proxy.filters.push(cx.directive()), "Attaches a filter.";
    "filter-sequence", FB, (1, ANY), Status::not_yet("filters are not run"), keep, "Order of filters.";
    "grace", ALL, (1, 1), Status::gone("2.5", "grace or hard-stop-after in the global section", "proxies stop together"), keep, "Delay between signal and stop.";
    "guid", FB, (1, 1), Status::not_yet("objects have no global identifiers"), |b, cx| set::word(&mut b.proxy.guid, cx), "Global identifier of the proxy.";
    "http-error", ALL, (1, ANY), FULL, http_error, "Answer for a status, from the configuration.";
    "id", FB, (1, 1), FULL, |b, cx| set::number_at(&mut b.proxy.id, cx), "Number of the proxy.";
    "log", ALL | NO, (0, ANY), FULL, |b, cx| log::log(&mut b.proxy.logs, cx), "Where log lines go.";
    "log-tag", ALL, (1, 1), FULL, |b, cx| set::text(&mut b.proxy.log_tag, cx), "Program name in log headers.";
    "mode", ALL, (1, 1), FULL, mode, "What is spoken: tcp, http, log, spop.";
    "monitor-net", ALL, (1, ANY), Status::gone("2.4", "monitor-uri, or http-request return with a condition", "requests of that network are served as all others"), keep, "Network whose requests are answered at once.";
    "stick-table", FB, (2, ANY), FULL, stick_table, "A table of counters by key.";
    "transparent", ALL | NO, (0, 0), Status::gone("3.5", "a server 0.0.0.0 with `source … usesrc`", "connections go to the servers"), keep, "Goes to the client's original destination.";
    "unique-id-format", ALL, (1, 1), FULL, |b, cx| set::word(&mut b.proxy.unique_id_format, cx), "Format of the request's identifier.";
}

fn words(cx: &Cx<'_>) -> Vec<String> {
    cx.args.iter().map(|a| a.value.clone()).collect()
}

fn zip(b: &mut Build) -> &mut Compression {
    b.proxy.compression.get_or_insert_default()
}

fn bytes(slot: &mut Option<u64>, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        *slot = cx.bytes(a);
    }
}

fn mode(b: &mut Build, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    let known = [
        ("http", Mode::Http),
        ("tcp", Mode::Tcp),
        ("log", Mode::Log),
        ("spop", Mode::Spop),
        ("haterm", Mode::Haterm),
        ("health", Mode::Health),
    ];
    let Some(mode) = cx.one_of(a, &known) else { return };
    match mode {
        Mode::Http | Mode::Tcp => b.proxy.mode = mode,
        Mode::Health => {
            let message = "`mode health` was removed from HAProxy and is not served: write `monitor-uri` or \
                           `http-request return` in a frontend of mode http";
            cx.alert(codes::REFUSED, a.span, message);
        }
        Mode::Log | Mode::Spop | Mode::Haterm => {
            cx.alert(
                codes::REFUSED,
                a.span,
                format!("`mode {}` is not built yet: only tcp and http are served", a.value),
            );
        }
    }
}

/// Statuses for which HAProxy has an answer of its own to replace.
pub(super) const PAGE_STATUSES: &[u16] = &[
    200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504,
];

pub(super) fn page_status(word: &At<String>, cx: &mut Cx<'_>) -> Option<u16> {
    let status = word.parse().ok().filter(|s| PAGE_STATUSES.contains(s));
    if status.is_none() {
        let known: Vec<_> = PAGE_STATUSES.iter().map(u16::to_string).collect();
        cx.bad(word, format!("one of {}", known.join(", ")));
    }
    status
}

/// The last one given for a status counts.
pub(super) fn set_page(pages: &mut Vec<At<StatusPage>>, status: u16, page: ErrorPage, span: Span) {
    pages.retain(|p| p.status != status);
    pages.push(At::new(StatusPage { status, page: Some(page) }, span));
}

pub(super) fn errorfile_in(pages: &mut Vec<At<StatusPage>>, cx: &mut Cx<'_>) {
    let (Some(status), Some(file)) = (cx.arg(0), cx.arg(1)) else { return };
    if let Some(status) = page_status(status, cx) {
        set_page(pages, status, ErrorPage::File(file.clone()), cx.span());
    }
}

fn errorfile(b: &mut Build, cx: &mut Cx<'_>) {
    errorfile_in(&mut b.proxy.error_pages, cx);
}

fn errorloc(b: &mut Build, page: fn(String) -> ErrorPage, cx: &mut Cx<'_>) {
    let (Some(status), Some(url)) = (cx.arg(0), cx.text(1)) else { return };
    if let Some(status) = page_status(status, cx) {
        set_page(&mut b.proxy.error_pages, status, page(url), cx.span());
    }
}

/// `errorfiles section [status…]`; without statuses, all that the section has.
fn errorfiles(b: &mut Build, cx: &mut Cx<'_>) {
    let args = cx.args;
    let Some((section, statuses)) = args.split_first() else { return };
    let span = cx.span();
    if statuses.is_empty() {
        let page = StatusPage { status: 0, page: Some(ErrorPage::Section(section.clone())) };
        b.proxy.error_pages.push(At::new(page, span));
    }
    for word in statuses {
        if let Some(status) = page_status(word, cx) {
            set_page(&mut b.proxy.error_pages, status, ErrorPage::Section(section.clone()), span);
        }
    }
}

fn http_error(b: &mut Build, cx: &mut Cx<'_>) {
    let args = cx.args;
    let mut words = super::rule::Words { action: cx.keyword.clone(), parens: Vec::new(), rest: args };
    let Some(reply) = super::rule::reply::reply(&mut words, cx) else { return };
    let Some(status) = &reply.status else {
        let keyword = cx.keyword.clone();
        return cx.missing(&keyword, "`status` and a number");
    };
    let (status, span) = (status.value, cx.span());
    set_page(&mut b.proxy.error_pages, status, ErrorPage::Reply(reply), span);
}

fn stick_table(b: &mut Build, cx: &mut Cx<'_>) {
    let (args, span) = (cx.args, cx.span());
    if let Some(table) = acl::table(args, cx) {
        b.proxy.stick_table = Some(At::new(table, span));
    }
}
