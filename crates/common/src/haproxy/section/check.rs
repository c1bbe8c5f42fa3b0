//! `http-check`, `tcp-check`, `external-check`: what checks send and expect.

use super::{
    apply_line,
    cx::{Cx, Status, rows},
    proxy::Build,
    rule::sets,
    scope::{BACKEND, DB},
    set,
};
use crate::{
    haproxy::{
        model::{
            Action, CheckConnect, CheckExpect, CheckKind, CheckPort, CheckSend, CheckStep, Config,
            ExpectHeader, ExpectWhat, Healthcheck, HttpChk, ReplyHeader,
        },
        tree::{Line, Section},
    },
    keyword::ANY,
    source::At,
};

const FULL: Status = Status::FULL;

rows! {
    pub(super) const KEYWORDS: [Build];
    "external-check command", DB, (1, 1), FULL, |b, cx| set::word(&mut b.proxy.back.external_check_command, cx), "Program that checks.";
    "external-check path", DB, (1, 1), FULL, |b, cx| set::text(&mut b.proxy.back.external_check_path, cx), "PATH of that program.";
    "http-check comment", DB, (1, 1), FULL, |b, cx| http(b, cx, |cx| Some(CheckStep::Comment(cx.text(0)?))), "Comment shown when a later step fails.";
    "http-check connect", DB, (0, ANY), FULL, |b, cx| http(b, cx, |cx| connect(cx).map(CheckStep::Connect)), "Opens a connection.";
    "http-check disable-on-404", DB, (0, 0), FULL, |b, _| b.proxy.back.http_check_disable_on_404 = true, "404 means: no new sessions.";
    "http-check expect", DB, (1, ANY), FULL, |b, cx| http(b, cx, |cx| expect(true, cx).map(CheckStep::Expect)), "What the answer must hold.";
    "http-check send", DB, (1, ANY), FULL, |b, cx| http(b, cx, |cx| send(cx).map(CheckStep::Send)), "What the request holds.";
    "http-check send-state", DB, (0, 0), FULL, |b, _| b.proxy.back.http_check_send_state = true, "Tells servers their state.";
    "http-check set-var", DB, (1, 1), FULL, |b, cx| http(b, cx, set_var), "Sets a variable.";
    "http-check unset-var", DB, (0, 0), FULL, |b, cx| http(b, cx, set_var), "Removes a variable.";
    "tcp-check comment", DB, (1, 1), FULL, |b, cx| tcp(b, cx, |cx| Some(CheckStep::Comment(cx.text(0)?))), "Comment shown when a later step fails.";
    "tcp-check connect", DB, (0, ANY), FULL, |b, cx| tcp(b, cx, |cx| connect(cx).map(CheckStep::Connect)), "Opens a connection.";
    "tcp-check expect", DB, (1, ANY), FULL, |b, cx| tcp(b, cx, |cx| expect(false, cx).map(CheckStep::Expect)), "What the answer must hold.";
    "tcp-check send", DB, (1, ANY), FULL, |b, cx| tcp(b, cx, |cx| text(cx).map(|(text, comment)| CheckStep::SendText { text, comment })), "Sends text.";
    "tcp-check send-binary", DB, (1, ANY), FULL, |b, cx| tcp(b, cx, |cx| hex(cx).map(|(hex, comment)| CheckStep::SendBinary { hex, comment })), "Sends bytes.";
    "tcp-check send-binary-lf", DB, (1, ANY), FULL, |b, cx| tcp(b, cx, |cx| text(cx).map(|(hex, comment)| CheckStep::SendBinaryLf { hex, comment })), "Sends bytes from formatted text.";
    "tcp-check send-lf", DB, (1, ANY), FULL, |b, cx| tcp(b, cx, |cx| text(cx).map(|(text, comment)| CheckStep::SendTextLf { text, comment })), "Sends formatted text.";
    "tcp-check set-var", DB, (1, 1), FULL, |b, cx| tcp(b, cx, set_var), "Sets a variable.";
    "tcp-check unset-var", DB, (0, 0), FULL, |b, cx| tcp(b, cx, set_var), "Removes a variable.";
}

/// `healthcheck name`: `type` chooses the kind as `option` does in a backend, and steps follow.
pub(super) fn healthcheck(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    let mut build = Build::default();
    for line in &section.lines {
        let families = [KEYWORDS, super::OPTIONS];
        match line.words.split_first() {
            Some((word, rest)) if word.as_str() == "type" => {
                let option = At::new("option".to_owned(), word.span);
                let words = std::iter::once(option).chain(rest.iter().cloned()).collect();
                apply_line(&families, BACKEND, &Line { words }, &mut build, cx);
            }
            _ => apply_line(&families[..1], BACKEND, line, &mut build, cx),
        }
    }
    let back = build.proxy.back;
    config.healthchecks.push(Healthcheck {
        name: section.args.first().cloned().unwrap_or_default(),
        check: back.check,
        http_check: back.http_check,
        tcp_check: back.tcp_check,
        disable_on_404: back.http_check_disable_on_404,
        send_state: back.http_check_send_state,
    });
}

fn http(b: &mut Build, cx: &mut Cx<'_>, read: fn(&mut Cx<'_>) -> Option<CheckStep>) {
    if let Some(step) = read(cx) {
        // Own steps stand in the place of those of `defaults`, and so does the request of `option httpchk`.
        if !std::mem::replace(&mut b.own_checks.http, true) && !b.own_checks.kind {
            b.proxy.back.http_check.clear();
            if let CheckKind::Http(chk) = &mut b.proxy.back.check {
                *chk = HttpChk::default();
            }
        }
        b.proxy.back.http_check.push(At::new(step, cx.span()));
    }
}

fn tcp(b: &mut Build, cx: &mut Cx<'_>, read: fn(&mut Cx<'_>) -> Option<CheckStep>) {
    if let Some(step) = read(cx) {
        if !std::mem::replace(&mut b.own_checks.tcp, true) && !b.own_checks.kind {
            b.proxy.back.tcp_check.clear();
        }
        b.proxy.back.tcp_check.push(At::new(step, cx.span()));
    }
}

/// `set-var(check.x) expr` and its like are the actions of the same names.
fn set_var(cx: &mut Cx<'_>) -> Option<CheckStep> {
    let mut words: Vec<At<String>> = cx.head.last().cloned().into_iter().collect();
    words.extend_from_slice(cx.args);
    match super::rule::parse(sets::HTTP_REQUEST, &words, cx)?.value.action {
        Action::SetVar(v) => Some(CheckStep::SetVar(v)),
        Action::UnsetVar(v) => Some(CheckStep::UnsetVar(v)),
        _ => None,
    }
}

/// The argument of `word`, from the front of `rest`.
fn value<'a>(word: &At<String>, rest: &mut &'a [At<String>], cx: &mut Cx<'_>) -> Option<&'a At<String>> {
    let Some((value, after)) = rest.split_first() else {
        cx.missing(word, "an argument");
        return None;
    };
    *rest = after;
    Some(value)
}

/// `data [comment text]`.
fn text(cx: &mut Cx<'_>) -> Option<(At<String>, Option<String>)> {
    let (data, mut rest) = cx.args.split_first()?;
    let mut comment = None;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        cx.one_of(word, &[("comment", ())])?;
        comment = Some(value(word, &mut rest, cx)?.value.clone());
    }
    Some((data.clone(), comment))
}

fn hex(cx: &mut Cx<'_>) -> Option<(At<String>, Option<String>)> {
    let (data, comment) = text(cx)?;
    if data.len() % 2 == 1 || !data.bytes().all(|b| b.is_ascii_hexdigit()) {
        cx.bad(&data, "pairs of hexadecimal digits");
        return None;
    }
    Some((data, comment))
}

fn connect(cx: &mut Cx<'_>) -> Option<CheckConnect> {
    let mut c = CheckConnect::default();
    let mut rest = cx.args;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        match word.as_str() {
            "default" => c.default = true,
            "send-proxy" => c.send_proxy = true,
            "via-socks4" => c.via_socks4 = true,
            "ssl" => c.ssl = true,
            "linger" => c.linger = true,
            "port" => {
                let v = value(word, &mut rest, cx)?;
                c.port = Some(match v.parse::<u16>() {
                    Ok(p) if p > 0 => CheckPort::Port(crate::haproxy::address::Port::Fixed(p)),
                    _ if v.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                        cx.bad(v, "a port from 1 to 65535");
                        return None;
                    }
                    _ => CheckPort::Expr(cx.expr(v)?),
                });
            }
            "addr" => {
                let v = value(word, &mut rest, cx)?;
                c.addr = Some(cx.address(v)?);
            }
            "sni" => c.sni = Some(value(word, &mut rest, cx)?.clone()),
            "alpn" => c.alpn = Some(set::split_list(value(word, &mut rest, cx)?)),
            "proto" => c.proto = Some(value(word, &mut rest, cx)?.clone()),
            "comment" => c.comment = Some(value(word, &mut rest, cx)?.value.clone()),
            _ => {
                let known = [
                    "default",
                    "port",
                    "addr",
                    "send-proxy",
                    "via-socks4",
                    "ssl",
                    "sni",
                    "alpn",
                    "linger",
                    "proto",
                    "comment",
                ];
                cx.bad_word(word, known);
                return None;
            }
        }
    }
    Some(c)
}

fn send(cx: &mut Cx<'_>) -> Option<CheckSend> {
    let mut s = CheckSend::default();
    let mut rest = cx.args;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        let known = ["meth", "uri", "uri-lf", "ver", "hdr", "body", "body-lf", "comment"];
        if !known.contains(&word.as_str()) {
            cx.bad_word(word, known);
            return None;
        }
        let v = value(word, &mut rest, cx)?;
        match word.as_str() {
            "meth" => s.method = Some(v.value.clone()),
            "uri" => s.uri = Some(v.value.clone()),
            "uri-lf" => s.uri_lf = Some(v.clone()),
            "ver" => s.version = Some(v.value.clone()),
            "body" => s.body = Some(v.value.clone()),
            "body-lf" => s.body_lf = Some(v.clone()),
            "comment" => s.comment = Some(v.value.clone()),
            _ => {
                let value = value(v, &mut rest, cx)?.clone();
                s.headers.push(ReplyHeader { name: v.clone(), value });
            }
        }
    }
    Some(s)
}

/// The match, with `!` before it, among its options.
fn expect(http: bool, cx: &mut Cx<'_>) -> Option<CheckExpect> {
    let mut e = CheckExpect::default();
    let mut matched = false;
    let mut rest = cx.args;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        match word.as_str() {
            "min-recv" => {
                let v = value(word, &mut rest, cx)?;
                e.min_recv = Some(cx.int(v, -1..=i64::from(i32::MAX)).and_then(|n| i32::try_from(n).ok())?);
            }
            "comment" => e.comment = Some(value(word, &mut rest, cx)?.value.clone()),
            "ok-status" => e.ok_status = Some(check_status(value(word, &mut rest, cx)?, cx)?),
            "error-status" => e.error_status = Some(check_status(value(word, &mut rest, cx)?, cx)?),
            "tout-status" => e.tout_status = Some(check_status(value(word, &mut rest, cx)?, cx)?),
            "on-success" => e.on_success = Some(value(word, &mut rest, cx)?.clone()),
            "on-error" => e.on_error = Some(value(word, &mut rest, cx)?.clone()),
            "status-code" => {
                let v = value(word, &mut rest, cx)?;
                e.status_code = Some(cx.expr(v)?);
            }
            "!" => e.negated = !e.negated,
            _ if matched => {
                cx.extra(word);
                return None;
            }
            other => {
                // `!string x`: the mark may touch the word.
                let bare = other.trim_start_matches('!');
                e.negated ^= (other.len() - bare.len()) % 2 == 1;
                let bare = At::new(bare.to_owned(), word.span);
                e.what = expect_what(http, &bare, &mut rest, cx)?;
                matched = true;
            }
        }
    }
    if matched {
        return Some(e);
    }
    let keyword = cx.keyword.clone();
    cx.missing(&keyword, "a match, such as `status 200` or `string OK`");
    None
}

fn check_status(word: &At<String>, cx: &mut Cx<'_>) -> Option<String> {
    let known =
        ["L7OK", "L7OKC", "L6OK", "L4OK", "L7TOUT", "L6TOUT", "L4TOUT", "L7RSP", "L7STS", "L6RSP", "L4CON"];
    if known.contains(&word.as_str()) {
        return Some(word.value.clone());
    }
    cx.bad_word(word, known);
    None
}

fn expect_what(
    http: bool,
    word: &At<String>,
    rest: &mut &[At<String>],
    cx: &mut Cx<'_>,
) -> Option<ExpectWhat> {
    let http_words: &[&str] = &["status", "rstatus", "hdr", "fhdr", "string", "rstring", "string-lf"];
    let tcp_words: &[&str] = &["string", "rstring", "string-lf", "binary", "rbinary", "binary-lf", "custom"];
    let known = if http { http_words } else { tcp_words };
    if !known.contains(&word.as_str()) {
        cx.bad_word(word, known.iter().copied());
        return None;
    }
    if word.as_str() == "custom" {
        return Some(ExpectWhat::Custom);
    }
    if matches!(word.as_str(), "hdr" | "fhdr") {
        let header = expect_header(word, rest, cx)?;
        return Some(if word.as_str() == "hdr" { ExpectWhat::Hdr(header) } else { ExpectWhat::Fhdr(header) });
    }
    let v = value(word, rest, cx)?.clone();
    Some(match word.as_str() {
        "status" => {
            if !v.split(',').all(valid_statuses) {
                cx.bad(&v, "statuses and ranges, such as 200,300-399");
                return None;
            }
            ExpectWhat::Status(v)
        }
        "rstatus" => ExpectWhat::Rstatus(v),
        "string" => ExpectWhat::String(v),
        "rstring" => ExpectWhat::Rstring(v),
        "string-lf" => ExpectWhat::StringLf(v),
        "binary" => ExpectWhat::Binary(v),
        "rbinary" => ExpectWhat::Rbinary(v),
        _ => ExpectWhat::BinaryLf(v),
    })
}

fn valid_statuses(text: &str) -> bool {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let status = |t: &str| t.parse::<u16>().ok().filter(|s| (100..=999).contains(s));
    status(low).zip(status(high)).is_some_and(|(low, high)| low <= high)
}

/// `{ name | name-lf } [-m match] n [{ value | value-lf } [-m match] v]`.
fn expect_header(word: &At<String>, rest: &mut &[At<String>], cx: &mut Cx<'_>) -> Option<ExpectHeader> {
    let mut header = ExpectHeader::default();
    let first = value(word, rest, cx)?;
    header.name_is_format = cx.one_of(first, &[("name", false), ("name-lf", true)])?;
    header.name_match = matching(rest, cx)?;
    header.name = value(first, rest, cx)?.clone();
    let Some((second, after)) = rest.split_first() else { return Some(header) };
    header.value_is_format = cx.one_of(second, &[("value", false), ("value-lf", true)])?;
    *rest = after;
    header.value_match = matching(rest, cx)?;
    header.value = Some(value(second, rest, cx)?.clone());
    Some(header)
}

fn matching(rest: &mut &[At<String>], cx: &mut Cx<'_>) -> Option<Option<String>> {
    let Some((flag, after)) = rest.split_first().filter(|(w, _)| w.as_str() == "-m") else {
        return Some(None);
    };
    *rest = after;
    let method = value(flag, rest, cx)?;
    let known = ["str", "beg", "end", "sub", "reg"].map(|m| (m, ()));
    cx.one_of(method, &known)?;
    Some(Some(method.value.clone()))
}
