//! `option …` of proxies (manual, chapter 4.2).

use super::{
    cx::{Cx, Status, rows},
    proxy::{Build, keep},
    scope::{ALL, DB, DF, NO},
    set,
};
use crate::{
    haproxy::model::{CheckKind, ForwardFor, Forwarded, HdrNames, HttpChk, HttpMode, LogFormat, Redispatch},
    keyword::ANY,
    source::At,
};

const FULL: Status = Status::FULL;
const COUNTS: Status = Status::no_effect("counters are always current");
const HTX: Status = Status::gone("2.5", "no such line", "there is one HTTP engine");

rows! {
    pub(super) const KEYWORDS: [Build];
    "option abortonclose", ALL | NO, (0, 0), FULL, |b, cx| set::tri(&mut b.proxy.options.abortonclose, cx), "Drops waiting requests whose client is gone.";
    "option accept-invalid-http-request", DF | NO, (0, 0), Status::removed("3.0", "`option accept-unsafe-violations-in-http-request`"), |b, cx| set::flag(&mut b.proxy.options.accept_unsafe_violations_in_http_request, cx), "Tolerates invalid requests, old spelling.";
    "option accept-invalid-http-response", DB | NO, (0, 0), Status::removed("3.0", "`option accept-unsafe-violations-in-http-response`"), |b, cx| set::flag(&mut b.proxy.options.accept_unsafe_violations_in_http_response, cx), "Tolerates invalid responses, old spelling.";
    "option accept-unsafe-violations-in-http-request", DF | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.accept_unsafe_violations_in_http_request, cx), "Tolerates invalid requests.";
    "option accept-unsafe-violations-in-http-response", DB | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.accept_unsafe_violations_in_http_response, cx), "Tolerates invalid responses.";
    "option allbackups", DB | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.allbackups, cx), "Uses all backup servers together.";
    "option checkcache", DB | NO, (0, 0), Status::not_yet("responses are not looked at for that"), |b, cx| set::flag(&mut b.proxy.options.checkcache, cx), "Refuses cacheable responses with cookies.";
    "option clitcpka", DF | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.clitcpka, cx), "TCP keepalive to clients.";
    "option contstats", DF | NO, (0, 0), COUNTS, |b, cx| set::flag(&mut b.proxy.options.contstats, cx), "Updates counters while a transfer runs.";
    "option disable-h2-upgrade", DF | NO, (0, 0), Status::no_effect("HTTP/2 is not spoken"), |b, cx| set::flag(&mut b.proxy.options.disable_h2_upgrade, cx), "Does not go over to HTTP/2 by itself.";
    "option dontlog-normal", DF | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.dontlog_normal, cx), "Does not log what went well.";
    "option dontlognull", DF | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.dontlognull, cx), "Does not log connections without data.";
    "option external-check", DB, (0, 0), FULL, |b, cx| check(b, CheckKind::External, cx), "Checks by a program.";
    "option forceclose", ALL | NO, (0, 0), Status::removed("2.0", "`option httpclose`"), |b, cx| http_mode(b, HttpMode::Close, cx), "Closes both sides after each response, old spelling.";
    "option forwarded", DB | NO, (0, ANY), Status::not_yet("use `option forwardfor`"), |b, cx| b.proxy.options.forwarded = (!cx.no).then(|| Forwarded { args: cx.args.to_vec() }), "Adds a Forwarded header.";
    "option forwardfor", ALL, (0, ANY), FULL, |b, cx| forward(&mut b.proxy.options.forwardfor, true, cx), "Adds an X-Forwarded-For header.";
    "option h1-case-adjust-bogus-client", DF | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.h1_case_adjust_bogus_client, cx), "Adjusts header names towards clients.";
    "option h1-case-adjust-bogus-server", DB | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.h1_case_adjust_bogus_server, cx), "Adjusts header names towards servers.";
    "option http-buffer-request", ALL | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.http_buffer_request, cx), "Waits for the body before going on.";
    "option http-drop-request-trailers", DB | NO, (0, 0), Status::not_yet("trailers are passed on"), |b, cx| set::flag(&mut b.proxy.options.http_drop_request_trailers, cx), "Drops trailers of requests.";
    "option http-drop-response-trailers", DF | NO, (0, 0), Status::not_yet("trailers are passed on"), |b, cx| set::flag(&mut b.proxy.options.http_drop_response_trailers, cx), "Drops trailers of responses.";
    "option http-ignore-probes", DF | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.http_ignore_probes, cx), "Says nothing to connections that send nothing.";
    "option http-keep-alive", ALL | NO, (0, 0), FULL, |b, cx| http_mode(b, HttpMode::KeepAlive, cx), "Keeps both sides open.";
    "option http-no-delay", ALL | NO, (0, 0), Status::no_effect("nothing is delayed"), |b, cx| set::flag(&mut b.proxy.options.http_no_delay, cx), "Does not wait to fill packets.";
    "option http-pretend-keepalive", DB | NO, (0, 0), Status::not_yet("connections to servers are closed openly"), |b, cx| set::flag(&mut b.proxy.options.http_pretend_keepalive, cx), "Announces keep-alive to servers and closes.";
    "option http-restrict-req-hdr-names", ALL, (1, 1), FULL, hdr_names, "What happens to unusual header names.";
    "option http-server-close", ALL | NO, (0, 0), FULL, |b, cx| http_mode(b, HttpMode::ServerClose, cx), "Closes the server side after each response.";
    "option http-tunnel", ALL | NO, (0, 0), Status::gone("2.1", "`option http-server-close`, or nothing", "each request is looked at"), keep, "Looks at the first request only.";
    "option http-use-htx", ALL | NO, (0, 0), HTX, keep, "Chooses an HTTP engine.";
    "option http-use-proxy-header", DF | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.http_use_proxy_header, cx), "Looks at Proxy-Connection.";
    "option http_proxy", ALL | NO, (0, 0), Status::refused("it was removed from HAProxy in 2.5: write `http-request do-resolve` and `set-dst`"), keep, "Goes where the request line says.";
    "option httpchk", DB, (0, ANY), FULL, httpchk, "Checks by HTTP.";
    "option httpclose", ALL | NO, (0, 0), FULL, |b, cx| http_mode(b, HttpMode::Close, cx), "Closes both sides after each response.";
    "option httplog", DF, (0, 1), FULL, |b, cx| log_format(b, LogFormat::Http, cx), "Logs HTTP requests.";
    "option httpslog", DF, (0, 0), FULL, |b, cx| log_format(b, LogFormat::Https, cx), "Logs HTTP requests with TLS facts.";
    "option idle-close-on-response", DF | NO, (0, 0), Status::not_yet("idle connections are closed at once"), |b, cx| set::flag(&mut b.proxy.options.idle_close_on_response, cx), "Closes idle connections with their next response at a soft stop.";
    "option independant-streams", ALL | NO, (0, 0), Status::removed("2.1", "`option independent-streams`"), |b, cx| set::flag(&mut b.proxy.options.independent_streams, cx), "Timeouts of both directions apart, old spelling.";
    "option independent-streams", ALL | NO, (0, 0), Status::not_yet("both directions share their timeouts"), |b, cx| set::flag(&mut b.proxy.options.independent_streams, cx), "Timeouts of both directions apart.";
    "option lb-agent-chk", DB | NO, (0, 0), Status::refused("it was removed from HAProxy in 1.5: write `agent-check` on the server lines"), keep, "Asks agents for weights.";
    "option ldap-check", DB, (0, 0), FULL, |b, cx| check(b, CheckKind::Ldap, cx), "Checks by LDAP.";
    "option log-health-checks", DB | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.log_health_checks, cx), "Logs each change of a check's result.";
    "option log-separate-errors", DF | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.log_separate_errors, cx), "Logs failures at a higher level.";
    "option logasap", DF | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.logasap, cx), "Logs before the transfer ends.";
    "option mysql-check", DB, (0, ANY), FULL, mysql, "Checks by MySQL's handshake.";
    "option nolinger", ALL | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.nolinger, cx), "Closes with a reset.";
    "option originalto", ALL, (0, ANY), FULL, |b, cx| forward(&mut b.proxy.options.originalto, false, cx), "Adds an X-Original-To header.";
    "option persist", DB | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.persist, cx), "Goes to the cookie's server even if it is down.";
    "option pgsql-check", DB, (0, ANY), FULL, pgsql, "Checks by PostgreSQL's handshake.";
    "option prefer-last-server", DB | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.prefer_last_server, cx), "Stays with the server of the last request.";
    "option redis-check", DB, (0, 0), FULL, |b, cx| check(b, CheckKind::Redis, cx), "Checks by Redis' PING.";
    "option redispatch", DB | NO, (0, 1), FULL, redispatch, "Goes to another server when one cannot be reached.";
    "option smtpchk", DB, (0, 2), FULL, smtp, "Checks by SMTP.";
    "option socket-stats", DF | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.socket_stats, cx), "Counts each listener apart.";
    "option splice-auto", ALL | NO, (0, 0), Status::no_effect("bodies are copied between sockets"), |b, cx| set::flag(&mut b.proxy.options.splice_auto, cx), "Splices in the kernel where it pays.";
    "option splice-request", ALL | NO, (0, 0), Status::no_effect("bodies are copied between sockets"), |b, cx| set::flag(&mut b.proxy.options.splice_request, cx), "Splices requests in the kernel.";
    "option splice-response", ALL | NO, (0, 0), Status::no_effect("bodies are copied between sockets"), |b, cx| set::flag(&mut b.proxy.options.splice_response, cx), "Splices responses in the kernel.";
    "option spop-check", DB, (0, 0), FULL, |b, cx| check(b, CheckKind::Spop, cx), "Checks by SPOP.";
    "option srvtcpka", DB | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.srvtcpka, cx), "TCP keepalive to servers.";
    "option ssl-hello-chk", DB, (0, 0), FULL, |b, cx| check(b, CheckKind::SslHello, cx), "Checks by a TLS hello.";
    "option tcp-check", DB, (0, 0), FULL, |b, cx| check(b, CheckKind::Tcp, cx), "Checks by tcp-check rules.";
    "option tcp-smart-accept", DF | NO, (0, 0), Status::no_effect("the system decides about acknowledgements"), |b, cx| set::tri(&mut b.proxy.options.tcp_smart_accept, cx), "Does not acknowledge before the answer.";
    "option tcp-smart-connect", DB | NO, (0, 0), Status::no_effect("the system decides about acknowledgements"), |b, cx| set::flag(&mut b.proxy.options.tcp_smart_connect, cx), "Sends data with the acknowledgement.";
    "option tcpka", ALL | NO, (0, 0), FULL, |b, cx| set::flag(&mut b.proxy.options.tcpka, cx), "TCP keepalive on both sides.";
    "option tcplog", DF, (0, 1), FULL, |b, cx| log_format(b, LogFormat::Tcp, cx), "Logs connections with their timers.";
    "option tcpsplice", ALL | NO, (0, 0), Status::removed("1.4", "`option splice-auto`"), |b, cx| set::flag(&mut b.proxy.options.splice_auto, cx), "Splices, old spelling.";
    "option transparent", ALL | NO, (0, 0), Status::gone("3.5", "a server 0.0.0.0 with `source … usesrc`", "connections go to the servers"), |b, cx| set::flag(&mut b.proxy.options.transparent, cx), "Goes to the client's original destination.";
    "option use-small-buffers", DB | NO, (0, ANY), Status::no_effect("buffers grow as they are needed"), |b, cx| set::flag(&mut b.proxy.options.use_small_buffers, cx), "Uses small buffers where they suffice.";
}

fn http_mode(b: &mut Build, mode: HttpMode, cx: &mut Cx<'_>) {
    let o = &mut b.proxy.options;
    if cx.no || cx.default {
        if o.http_mode == mode {
            (o.http_mode, o.http_mode_given) = (HttpMode::KeepAlive, false);
        }
        return;
    }
    (o.http_mode, o.http_mode_given) = (mode, true);
}

fn log_format(b: &mut Build, format: LogFormat, cx: &mut Cx<'_>) {
    let slot = &mut b.proxy.front.log_format;
    if cx.no {
        *slot = LogFormat::Connect;
        return;
    }
    match cx.arg(0) {
        None => *slot = format,
        Some(a) if a.as_str() == "clf" => {
            *slot = if format == LogFormat::Tcp { LogFormat::TcpClf } else { LogFormat::Clf };
        }
        Some(a) => cx.bad_word(a, ["clf"]),
    }
}

/// A kind of check of the section's own leaves inherited steps behind.
fn own_kind(b: &mut Build) {
    if !std::mem::replace(&mut b.own_checks.kind, true) {
        if !b.own_checks.http {
            b.proxy.back.http_check.clear();
        }
        if !b.own_checks.tcp {
            b.proxy.back.tcp_check.clear();
        }
    }
}

fn check(b: &mut Build, kind: CheckKind, cx: &mut Cx<'_>) {
    own_kind(b);
    b.proxy.back.check = if cx.no { CheckKind::Connect } else { kind };
}

/// `[method] uri [version [host]]`. What used to follow the version were header lines and a body.
fn httpchk(b: &mut Build, cx: &mut Cx<'_>) {
    own_kind(b);
    if cx.no {
        b.proxy.back.check = CheckKind::Connect;
        return;
    }
    let (args, mut chk) = (cx.args, HttpChk::default());
    match args {
        [] => {}
        [uri] => chk.uri = Some(uri.value.clone()),
        [method, uri, rest @ ..] => {
            chk.method = Some(method.value.clone());
            chk.uri = Some(uri.value.clone());
            if let Some(version) = rest.first() {
                old_headers(&mut chk, version, cx);
            }
            chk.host = rest.get(1).map(|h| h.value.clone());
            if let Some(extra) = rest.get(2) {
                return cx.extra(extra);
            }
        }
    }
    b.proxy.back.check = CheckKind::Http(chk);
}

/// `HTTP/1.1\r\nHost:\ www` was the way to send headers until 2.7.
fn old_headers(chk: &mut HttpChk, version: &At<String>, cx: &mut Cx<'_>) {
    let mut lines = version.split("\r\n");
    chk.version = lines.next().map(str::to_owned);
    let rest = version.split_once("\r\n").map(|(_, rest)| rest);
    let Some(rest) = rest else { return };
    let (head, body) = rest.split_once("\r\n\r\n").unwrap_or((rest, ""));
    for line in head.split("\r\n").filter(|l| !l.is_empty()) {
        match line.split_once(':') {
            Some((name, value)) => chk.headers.push((name.trim().to_owned(), value.trim().to_owned())),
            None => cx.bad(version, "header lines of the form Name: value behind the version"),
        }
    }
    chk.body = (!body.is_empty()).then(|| body.to_owned());
    let d = crate::diag::Diagnostic::warning(
        crate::diag::codes::OLD_SPELLING,
        "headers behind the version were removed from HAProxy in 2.7",
    );
    cx.diags.push(d.at(version.span, "understood").help("write `http-check send hdr Name value`"));
}

fn forward(slot: &mut Option<ForwardFor>, has_if_none: bool, cx: &mut Cx<'_>) {
    if cx.no {
        *slot = None;
        return;
    }
    let mut forward = ForwardFor::default();
    let mut rest = cx.args;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        match word.as_str() {
            "if-none" if has_if_none => forward.if_none = true,
            "except" | "header" => {
                let Some((value, after)) = rest.split_first() else { return cx.missing(word, "an argument") };
                rest = after;
                match word.as_str() {
                    "header" => forward.header = Some(value.value.clone()),
                    _ => forward.except.push(value.clone()),
                }
            }
            _ => return cx.bad_word(word, ["except", "header", "if-none"]),
        }
    }
    *slot = Some(forward);
}

fn hdr_names(b: &mut Build, cx: &mut Cx<'_>) {
    let known =
        [("preserve", HdrNames::Preserve), ("delete", HdrNames::Delete), ("reject", HdrNames::Reject)];
    if let Some(a) = cx.arg(0) {
        b.proxy.options.http_restrict_req_hdr_names = cx.one_of(a, &known);
    }
}

pub(super) fn redispatch(b: &mut Build, cx: &mut Cx<'_>) {
    let interval = match cx.arg(0) {
        _ if cx.no => Some(0),
        None => Some(-1),
        Some(a) => cx.int(a, i64::from(i32::MIN)..=i64::from(i32::MAX)),
    };
    b.proxy.back.redispatch = match interval.and_then(|n| i32::try_from(n).ok()) {
        Some(0) => Some(Redispatch::Never),
        Some(-1) => Some(Redispatch::LastRetry),
        Some(n) => Some(Redispatch::Every(n)),
        None => b.proxy.back.redispatch,
    };
}

fn mysql(b: &mut Build, cx: &mut Cx<'_>) {
    let kind = match cx.args {
        [] => CheckKind::Mysql { user: None, pre_41: false },
        [word, user, rest @ ..] if word.as_str() == "user" && rest.len() <= 1 => {
            let pre_41 = match rest.first() {
                None => false,
                Some(v) => {
                    let known = [("post-41", false), ("pre-41", true), ("post-80", false)];
                    let Some(pre) = cx.one_of(v, &known) else { return };
                    pre
                }
            };
            CheckKind::Mysql { user: Some(user.value.clone()), pre_41 }
        }
        [word, ..] => return cx.bad(word, "`user` and a name"),
    };
    check(b, kind, cx);
}

fn pgsql(b: &mut Build, cx: &mut Cx<'_>) {
    match cx.args {
        [word, user] if word.as_str() == "user" => {
            check(b, CheckKind::Pgsql { user: user.value.clone() }, cx)
        }
        _ if cx.no => check(b, CheckKind::Connect, cx),
        _ => {
            let keyword = cx.keyword.clone();
            cx.missing(&keyword, "`user` and a name");
        }
    }
}

fn smtp(b: &mut Build, cx: &mut Cx<'_>) {
    let kind = match cx.args {
        [hello, domain] => CheckKind::Smtp { hello: hello.value.clone(), domain: domain.value.clone() },
        [hello] => return cx.missing(hello, "a domain"),
        _ => CheckKind::Smtp { hello: "HELO".to_owned(), domain: "localhost".to_owned() },
    };
    check(b, kind, cx);
}
