//! ACLs, rule sets, switching rules, stick rules: everything with conditions.

use super::{
    cx::{Cx, Status, rows},
    proxy::Build,
    rule::{self, Rank, old, sets},
    scope::{ALL, B, DB, DF, F, FB},
    set,
};
use crate::{
    diag::codes,
    haproxy::{
        expr::{AclTest, Cond, within},
        model::{
            Acl, DeclaredCapture, LineVerdict, Side, StickData, StickKey, StickRule, StickRuleKind,
            StickTable, UseBackend, UseServer,
        },
    },
    keyword::ANY,
    source::At,
};

const FULL: Status = Status::FULL;
const ADD: Status = Status::removed("2.1", "`http-request add-header`");
const DEL: Status = Status::removed("2.1", "`http-request del-header`");
const REP: Status = Status::removed("2.1", "`http-request replace-header`, `replace-path` or `replace-uri`");
const DENY: Status = Status::removed("2.1", "`http-request deny` with an ACL");
const ALLOW: Status = Status::removed("2.1", "`http-request allow` with an ACL");
const TARPIT: Status = Status::removed("2.1", "`http-request tarpit` with an ACL");
const RES_ADD: Status = Status::removed("2.1", "`http-response add-header`");
const RES_DEL: Status = Status::removed("2.1", "`http-response del-header`");
const RES_REP: Status = Status::removed("2.1", "`http-response replace-header`");
const RES_DENY: Status = Status::removed("2.1", "`http-response deny` with an ACL");
const GONE: Status = Status::refused(
    "it was removed from HAProxy in 2.1: write an ACL and `use_backend` or `http-request` rules",
);

rows! {
    pub(super) const KEYWORDS: [Build];
    "acl", ALL, (2, ANY), FULL, acl, "A named test.";
    "appsession", B, (1, ANY), Status::refused("it was removed from HAProxy in 1.6: write `cookie`, or `stick` rules"), super::proxy::keep, "Stickiness by the application's cookie.";
    "block", FB, (1, ANY), Status::removed("2.1", "`http-request deny` with the same condition"), |b, cx| if let Some((_, r)) = old::block(cx) { b.blocks.push(r) }, "Refuses requests.";
    "cliexp", ALL, (2, ANY), REP, |b, cx| translated(b, old::replace(sets::HTTP_REQUEST, false, cx)), "Rewrites request lines.";
    "declare capture", F, (3, 3), FULL, declare, "Reserves a place for a captured sample.";
    "default_backend", DF, (1, 1), FULL, |b, cx| set::word(&mut b.proxy.front.default_backend, cx), "Where requests go that no rule sends elsewhere.";
    "force-be-switch", F, (1, ANY), FULL, |b, cx| cond(&mut b.proxy.front.force_be_switch, cx), "Chooses disabled backends too.";
    "force-persist", B, (1, ANY), Status::not_yet("persistence does not depend on conditions"), |b, cx| cond(&mut b.proxy.back.force_persist, cx), "Persistence to a server that is down.";
    "http-after-response", ALL, (1, ANY), FULL, |b, cx| rules(b, sets::HTTP_AFTER, cx), "Rules on all responses, the proxy's own among them.";
    "http-request", ALL, (1, ANY), FULL, http_request, "Rules on requests.";
    "http-response", ALL, (1, ANY), FULL, |b, cx| rules(b, sets::HTTP_RESPONSE, cx), "Rules on responses.";
    "ignore-persist", B, (1, ANY), Status::not_yet("persistence does not depend on conditions"), |b, cx| cond(&mut b.proxy.back.ignore_persist, cx), "No persistence for some requests.";
    "monitor fail", F, (1, ANY), FULL, monitor_fail, "When monitor-uri answers that it fails.";
    "quic-initial", DF, (1, ANY), Status::not_yet("QUIC is not spoken"), |b, cx| rules(b, sets::QUIC, cx), "Rules on first QUIC packets.";
    "redirect", FB, (1, ANY), FULL, redirect, "Redirects requests.";
    "reqadd", ALL, (1, ANY), ADD, |b, cx| translated(b, old::add(sets::HTTP_REQUEST, cx)), "Appends a header to requests.";
    "reqallow", ALL, (1, ANY), ALLOW, |b, cx| translated(b, old::judge(sets::HTTP_REQUEST, false, LineVerdict::Allow, cx)), "Accepts requests with a matching line.";
    "reqdel", ALL, (1, ANY), DEL, |b, cx| translated(b, old::del(sets::HTTP_REQUEST, false, cx)), "Deletes request headers.";
    "reqdeny", ALL, (1, ANY), DENY, |b, cx| translated(b, old::judge(sets::HTTP_REQUEST, false, LineVerdict::Deny, cx)), "Refuses requests with a matching line.";
    "reqiallow", ALL, (1, ANY), ALLOW, |b, cx| translated(b, old::judge(sets::HTTP_REQUEST, true, LineVerdict::Allow, cx)), "Accepts requests with a matching line, whatever the case.";
    "reqidel", ALL, (1, ANY), DEL, |b, cx| translated(b, old::del(sets::HTTP_REQUEST, true, cx)), "Deletes request headers, whatever the case.";
    "reqideny", ALL, (1, ANY), DENY, |b, cx| translated(b, old::judge(sets::HTTP_REQUEST, true, LineVerdict::Deny, cx)), "Refuses requests with a matching line, whatever the case.";
    "reqipass", ALL, (1, ANY), GONE, super::proxy::keep, "Passes lines by, whatever the case.";
    "reqirep", ALL, (2, ANY), REP, |b, cx| translated(b, old::replace(sets::HTTP_REQUEST, true, cx)), "Rewrites request lines, whatever the case.";
    "reqisetbe", ALL, (2, ANY), GONE, super::proxy::keep, "Chooses a backend by a matching line, whatever the case.";
    "reqitarpit", ALL, (1, ANY), TARPIT, |b, cx| translated(b, old::judge(sets::HTTP_REQUEST, true, LineVerdict::Tarpit, cx)), "Holds requests with a matching line, whatever the case.";
    "reqpass", ALL, (1, ANY), GONE, super::proxy::keep, "Passes lines by.";
    "reqrep", ALL, (2, ANY), REP, |b, cx| translated(b, old::replace(sets::HTTP_REQUEST, false, cx)), "Rewrites request lines.";
    "reqsetbe", ALL, (2, ANY), GONE, super::proxy::keep, "Chooses a backend by a matching line.";
    "reqtarpit", ALL, (1, ANY), TARPIT, |b, cx| translated(b, old::judge(sets::HTTP_REQUEST, false, LineVerdict::Tarpit, cx)), "Holds requests with a matching line.";
    "rspadd", ALL, (1, ANY), RES_ADD, |b, cx| translated(b, old::add(sets::HTTP_RESPONSE, cx)), "Appends a header to responses.";
    "rspdel", ALL, (1, ANY), RES_DEL, |b, cx| translated(b, old::del(sets::HTTP_RESPONSE, false, cx)), "Deletes response headers.";
    "rspdeny", ALL, (1, ANY), RES_DENY, |b, cx| translated(b, old::judge(sets::HTTP_RESPONSE, false, LineVerdict::Deny, cx)), "Refuses responses with a matching line.";
    "rspidel", ALL, (1, ANY), RES_DEL, |b, cx| translated(b, old::del(sets::HTTP_RESPONSE, true, cx)), "Deletes response headers, whatever the case.";
    "rspideny", ALL, (1, ANY), RES_DENY, |b, cx| translated(b, old::judge(sets::HTTP_RESPONSE, true, LineVerdict::Deny, cx)), "Refuses responses with a matching line, whatever the case.";
    "rspirep", ALL, (2, ANY), RES_REP, |b, cx| translated(b, old::replace(sets::HTTP_RESPONSE, true, cx)), "Rewrites response lines, whatever the case.";
    "rsprep", ALL, (2, ANY), RES_REP, |b, cx| translated(b, old::replace(sets::HTTP_RESPONSE, false, cx)), "Rewrites response lines.";
    "srvexp", ALL, (2, ANY), RES_REP, |b, cx| translated(b, old::replace(sets::HTTP_RESPONSE, false, cx)), "Rewrites response lines.";
    "stick match", B, (1, ANY), FULL, |b, cx| stick(b, StickRuleKind::Match, cx), "Looks a server up in a table.";
    "stick on", B, (1, ANY), FULL, |b, cx| stick(b, StickRuleKind::On, cx), "Looks a server up in a table and learns it.";
    "stick store-request", B, (1, ANY), FULL, |b, cx| stick(b, StickRuleKind::StoreRequest, cx), "Learns a server by the request.";
    "stick store-response", B, (1, ANY), FULL, |b, cx| stick(b, StickRuleKind::StoreResponse, cx), "Learns a server by the response.";
    "tcp-request connection", DF, (1, ANY), FULL, |b, cx| rules(b, sets::CONNECTION, cx), "Rules on new connections.";
    "tcp-request content", ALL, (1, ANY), FULL, |b, cx| rules(b, sets::TCP_REQUEST, cx), "Rules on the first bytes of the client.";
    "tcp-request inspect-delay", ALL, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.rules.tcp_request_inspect_delay_ms, cx), "How long content rules may wait for bytes.";
    "tcp-request session", DF, (1, ANY), FULL, |b, cx| rules(b, sets::SESSION, cx), "Rules on connections after their handshake.";
    "tcp-response content", DB, (1, ANY), FULL, |b, cx| rules(b, sets::TCP_RESPONSE, cx), "Rules on the first bytes of the server.";
    "tcp-response inspect-delay", DB, (1, 1), Status::not_yet("rules on the first bytes of the server are not built"), |b, cx| set::ms(&mut b.proxy.rules.tcp_response_inspect_delay_ms, cx), "How long content rules may wait for the server's bytes.";
    "use-server", B, (1, ANY), FULL, use_server, "Chooses a server by a condition.";
    "use_backend", F, (1, ANY), FULL, use_backend, "Chooses a backend by a condition.";
}

fn acl(b: &mut Build, cx: &mut Cx<'_>) {
    if anonymous(b, cx) {
        return;
    }
    let args = cx.args;
    let Some((name, words)) = args.split_first() else { return };
    let bad = name.char_indices().find(|&(_, c)| !(c.is_ascii_alphanumeric() || "-_.:".contains(c)));
    if let Some((i, c)) = bad {
        return cx.alert(
            codes::BAD_ARGUMENT,
            within(name, i..i + 1),
            format!("`{c}` may not stand in an ACL's name"),
        );
    }
    if matches!(name.as_str(), "or" | "if" | "unless") {
        return cx.bad(name, "a name that is no word of conditions");
    }
    match AclTest::parse(words, name.span) {
        Ok(test) => b.proxy.acls.push(At::new(Acl { name: name.clone(), test }, cx.span())),
        Err(e) => cx.expr_error(e),
    }
}

/// HAProxy takes rules in named `defaults` only, so that one can see where they come from.
fn anonymous(b: &Build, cx: &mut Cx<'_>) -> bool {
    let refused = b.is_defaults && !b.named;
    if refused {
        let span = cx.keyword.span;
        let message =
            format!("`{}` may stand in a defaults section only if that has a name", cx.keyword.value);
        cx.alert(codes::MISPLACED, span, message);
    }
    refused
}

fn rules(b: &mut Build, set: u32, cx: &mut Cx<'_>) {
    if anonymous(b, cx) {
        return;
    }
    let rank = match set {
        sets::CONNECTION => Some(Rank::Connection),
        sets::SESSION => Some(Rank::Session),
        sets::TCP_REQUEST => Some(Rank::Content),
        sets::HTTP_REQUEST => Some(Rank::HttpRequest),
        _ => None,
    };
    if let Some(rank) = rank {
        rule::order(&mut b.seen, rank, cx);
    }
    let args = cx.args;
    let Some(rule) = rule::parse(set, args, cx) else { return };
    let r = &mut b.proxy.rules;
    let list = match set {
        sets::CONNECTION => &mut r.tcp_request_connection,
        sets::SESSION => &mut r.tcp_request_session,
        sets::TCP_REQUEST => &mut r.tcp_request_content,
        sets::TCP_RESPONSE => &mut r.tcp_response_content,
        sets::HTTP_RESPONSE => &mut r.http_response,
        sets::HTTP_AFTER => &mut r.http_after_response,
        sets::QUIC => &mut r.quic_initial,
        _ => &mut r.http_request,
    };
    list.push(rule);
}

fn http_request(b: &mut Build, cx: &mut Cx<'_>) {
    // `http-request redirect` counts as `http-request`, unlike `redirect`.
    rules(b, sets::HTTP_REQUEST, cx);
}

fn translated(b: &mut Build, rule: Option<old::Translated>) {
    let Some((set, rule)) = rule else { return };
    match set {
        sets::HTTP_RESPONSE => b.proxy.rules.http_response.push(rule),
        _ => b.proxy.rules.http_request.push(rule),
    }
}

fn redirect(b: &mut Build, cx: &mut Cx<'_>) {
    rule::order(&mut b.seen, Rank::Redirect, cx);
    // The same words as behind `http-request redirect`.
    let mut words = vec![At::new("redirect".to_owned(), cx.keyword.span)];
    words.extend_from_slice(cx.args);
    if let Some(rule) = rule::parse(sets::HTTP_REQUEST, &words, cx) {
        b.redirects.push(rule);
    }
}

fn monitor_fail(b: &mut Build, cx: &mut Cx<'_>) {
    rule::order(&mut b.seen, Rank::MonitorFail, cx);
    cond(&mut b.proxy.front.monitor_fail, cx);
}

fn cond(list: &mut Vec<At<Cond>>, cx: &mut Cx<'_>) {
    let (args, span) = (cx.args, cx.span());
    if let Some(Some(cond)) = cx.cond(args) {
        list.push(At::new(cond, span));
    }
}

fn use_backend(b: &mut Build, cx: &mut Cx<'_>) {
    rule::order(&mut b.seen, Rank::UseBackend, cx);
    let args = cx.args;
    let Some((backend, words)) = args.split_first() else { return };
    if let Some(cond) = cx.cond(words) {
        let rule = UseBackend { backend: backend.clone(), cond };
        b.proxy.front.use_backend.push(At::new(rule, cx.span()));
    }
}

fn use_server(b: &mut Build, cx: &mut Cx<'_>) {
    rule::order(&mut b.seen, Rank::UseServer, cx);
    let args = cx.args;
    let Some((server, words)) = args.split_first() else { return };
    if words.is_empty() {
        return cx.missing(server, "a condition: `if …` or `unless …`");
    }
    if let Some(cond) = cx.cond(words) {
        let rule = UseServer { server: server.clone(), cond };
        b.proxy.back.use_server.push(At::new(rule, cx.span()));
    }
}

fn declare(b: &mut Build, cx: &mut Cx<'_>) {
    let (Some(side), Some(word), Some(len)) = (cx.arg(0), cx.arg(1), cx.arg(2)) else { return };
    let side = cx.one_of(side, &[("request", Side::Request), ("response", Side::Response)]);
    if cx.one_of(word, &[("len", ())]).is_none() {
        return;
    }
    if let (Some(side), Some(len)) = (side, cx.u32_in(len, 1, 65_535)) {
        let declared = DeclaredCapture { side: Some(side), len };
        b.proxy.declared_captures.push(At::new(declared, cx.span()));
    }
}

fn stick(b: &mut Build, kind: StickRuleKind, cx: &mut Cx<'_>) {
    let args = cx.args;
    let Some((expr, mut rest)) = args.split_first() else { return };
    let Some(expr) = cx.expr(expr) else { return };
    let mut table = None;
    if let [word, name, after @ ..] = rest
        && word.as_str() == "table"
    {
        table = Some(name.clone());
        rest = after;
    }
    if let Some(cond) = cx.cond(rest) {
        b.proxy.back.stick_rules.push(At::new(StickRule { kind, expr, table, cond }, cx.span()));
    }
}

/// What is said of words about the partners of a table.
const UNSHARED: &str = "this has no effect yet: tables are not shared between processes";

/// `type t size n [expire e] …`, as in `stick-table` and in `table` of a peers section.
pub(super) fn table(mut rest: &[At<String>], cx: &mut Cx<'_>) -> Option<StickTable> {
    let mut table = StickTable::default();
    let (mut has_type, mut has_size) = (false, false);
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        match word.as_str() {
            "nopurge" => table.nopurge = true,
            "recv-only" => {
                table.recv_only = true;
                cx.notice(codes::NO_EFFECT, word.span, UNSHARED);
            }
            name => {
                let Some((value, after)) = rest.split_first() else {
                    cx.missing(word, "an argument");
                    return None;
                };
                rest = after;
                match name {
                    "type" => {
                        has_type = true;
                        rest = key(&mut table, value, rest, cx)?;
                    }
                    "size" => {
                        has_size = true;
                        table.size = cx.bytes(value)?;
                    }
                    "expire" => table.expire_ms = Some(cx.ms(value)?),
                    "peers" => {
                        table.peers = Some(value.clone());
                        cx.notice(codes::NO_EFFECT, word.span, UNSHARED);
                    }
                    "srvkey" => table.srvkey_addr = cx.one_of(value, &[("name", false), ("addr", true)])?,
                    "write-to" => {
                        table.write_to = Some(value.clone());
                        cx.notice(codes::NO_EFFECT, word.span, UNSHARED);
                    }
                    "brates-factor" => table.brates_factor = Some(cx.u32_in(value, 1, 1_024)?),
                    "store" => store(&mut table, value, cx)?,
                    _ => {
                        let known = [
                            "type",
                            "size",
                            "expire",
                            "nopurge",
                            "peers",
                            "srvkey",
                            "write-to",
                            "recv-only",
                            "brates-factor",
                            "store",
                        ];
                        cx.bad_word(word, known);
                        return None;
                    }
                }
            }
        }
    }
    if !has_type || !has_size {
        let keyword = cx.keyword.clone();
        cx.missing(&keyword, "`type` and `size`");
        return None;
    }
    Some(table)
}

fn key<'a>(
    table: &mut StickTable,
    word: &At<String>,
    rest: &'a [At<String>],
    cx: &mut Cx<'_>,
) -> Option<&'a [At<String>]> {
    let (mut len, mut after) = (None, rest);
    if let [l, value, tail @ ..] = rest
        && l.as_str() == "len"
    {
        len = Some(cx.u32_in(value, 1, 65_535)?);
        after = tail;
    }
    table.key = match word.as_str() {
        "ip" | "ipv4" => StickKey::Ip,
        "ipv6" => StickKey::Ipv6,
        "integer" => StickKey::Integer,
        "string" => StickKey::String(len),
        "binary" => StickKey::Binary(len),
        _ => {
            cx.bad_word(word, ["ip", "ipv4", "ipv6", "integer", "string", "binary"]);
            return None;
        }
    };
    Some(after)
}

/// Types of data in a table, each with what its parentheses hold: `p` a period, `n` a number of elements.
const STICK_DATA: &[(&str, &str)] = &[
    ("bytes_in_cnt", ""),
    ("bytes_in_rate", "p"),
    ("bytes_out_cnt", ""),
    ("bytes_out_rate", "p"),
    ("conn_cnt", ""),
    ("conn_cur", ""),
    ("conn_rate", "p"),
    ("glitch_cnt", ""),
    ("glitch_rate", "p"),
    ("gpc", "n"),
    ("gpc0", ""),
    ("gpc0_rate", "p"),
    ("gpc1", ""),
    ("gpc1_rate", "p"),
    ("gpc_rate", "np"),
    ("gpt", "n"),
    ("gpt0", ""),
    ("http_err_cnt", ""),
    ("http_err_rate", "p"),
    ("http_fail_cnt", ""),
    ("http_fail_rate", "p"),
    ("http_req_cnt", ""),
    ("http_req_rate", "p"),
    ("server_id", ""),
    ("server_key", ""),
    ("sess_cnt", ""),
    ("sess_rate", "p"),
];

/// `gpc0,http_req_rate(10s),gpc(4)`.
fn store(table: &mut StickTable, word: &At<String>, cx: &mut Cx<'_>) -> Option<()> {
    let mut offset = 0;
    let mut depth = 0_i32;
    let parts = word.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    let parts: Vec<&str> = parts.collect();
    for part in parts {
        let at = At::new(part.to_owned(), within(word, offset..offset + part.len()));
        offset += part.len() + 1;
        let (name, args) = match part.split_once('(') {
            Some((name, args)) => (name, args.trim_end_matches(')')),
            None => (part, ""),
        };
        let Some((name, form)) = STICK_DATA.iter().find(|(n, _)| *n == name) else {
            cx.bad_word(&At::new(name.to_owned(), at.span), STICK_DATA.iter().map(|(n, _)| *n));
            return None;
        };
        let mut data = StickData { name: (*name).to_owned(), ..StickData::default() };
        let mut args = args.split(',').filter(|a| !a.is_empty()).map(|a| At::new(a.to_owned(), at.span));
        for kind in form.chars() {
            let Some(arg) = args.next() else {
                cx.missing(&at, "an argument between parentheses");
                return None;
            };
            match kind {
                'p' => data.period_ms = Some(cx.ms(&arg)?),
                _ => data.elements = Some(cx.u32_in(&arg, 1, 100)?),
            }
        }
        table.store.push(data);
    }
    Some(())
}
