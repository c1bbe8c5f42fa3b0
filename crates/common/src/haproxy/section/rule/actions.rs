//! The registry of actions, sorted by name (manual, chapters 4.3 and 4.4).

use super::{
    ActionRow, Words, reply,
    sets::{
        CONNECTION, HTTP, HTTP_AFTER, HTTP_REQUEST, HTTP_RESPONSE, QUIC, SESSION, STATS, TCP, TCP_REQUEST,
        TCP_RESPONSE,
    },
};
use crate::{
    diag::codes,
    haproxy::{
        model::{Action, DoResolve, NameMatch, NumberOr, SetVar, StreamTimeout, Track, VarValue},
        section::{cx::Cx, log},
    },
    source::At,
};

macro_rules! actions {
    ($($name:literal, $sets:expr, $parens:expr, $parse:expr, $doc:literal;)*) => {
        /// Every action, sorted by name.
        pub(crate) const ACTIONS: &[ActionRow] = &[
            $(ActionRow { name: $name, sets: $sets, parentheses: $parens, doc: $doc, parse: $parse },)*
        ];
    };
}

const REQ: u32 = HTTP_REQUEST;
const RES: u32 = HTTP_RESPONSE;
const HEADS: u32 = HTTP_REQUEST | HTTP_RESPONSE;
const STREAM: u32 = TCP_REQUEST | TCP_RESPONSE | HTTP;
const ALL: u32 = TCP | HTTP;
const CLIENT: u32 = CONNECTION | SESSION | TCP_REQUEST | HTTP_REQUEST;
const COUNTERS: u32 = ALL;
const MARKS: u32 = TCP | HEADS;

actions! {
    "accept", TCP | QUIC, false, |_, _| Some(Action::Accept), "Accepts, no further rule of the set.";
    "add-acl", HEADS, true, |w, cx| Some(Action::AddAcl { file: w.paren(0, "a file", cx)?, key: w.next("a key", cx)?.clone() }), "Adds a pattern to an ACL file in memory.";
    "add-header", HTTP, false, |w, cx| Some(Action::AddHeader { name: w.next("a header name", cx)?.clone(), value: w.next("a value", cx)?.clone() }), "Appends a header.";
    "add-headers-bin", HTTP, false, other, "Appends headers from a binary list.";
    "allow", HTTP | STATS, false, |_, _| Some(Action::Accept), "Accepts, no further rule of the set.";
    "attach-srv", SESSION, false, attach_srv, "Gives the connection to a server for reverse use.";
    "auth", REQ | STATS, false, |w, cx| Some(Action::Auth { realm: w.option("realm", cx).cloned() }), "Asks for user name and password.";
    "cache-store", RES, false, |w, cx| Some(Action::CacheStore(w.next("the name of a cache", cx)?.clone())), "Stores the response.";
    "cache-use", REQ, false, cache_use, "Answers from a cache.";
    "capture", TCP_REQUEST | HTTP, false, capture, "Keeps a sample for the log line.";
    "close", TCP_RESPONSE, false, |_, _| Some(Action::Close), "Closes the connection to the server.";
    "del-acl", HTTP, true, |w, cx| Some(Action::DelAcl { file: w.paren(0, "a file", cx)?, key: w.next("a key", cx)?.clone() }), "Removes a pattern from an ACL file in memory.";
    "del-header", HTTP, false, del_header, "Removes headers.";
    "del-headers-bin", HTTP, false, other, "Removes headers named by a binary list.";
    "del-map", HTTP, true, |w, cx| Some(Action::DelMap { file: w.paren(0, "a file", cx)?, key: w.next("a key", cx)?.clone() }), "Removes an entry from a map in memory.";
    "deny", HEADS | STATS, false, |w, cx| Some(Action::Deny(reply::reply(w, cx)?)), "Refuses with an answer.";
    "dgram-drop", QUIC, false, other, "Drops the datagram.";
    "disable-l7-retry", REQ, false, |_, _| Some(Action::DisableL7Retry), "Does not send this request twice.";
    "do-log", ALL | QUIC, false, |w, cx| Some(Action::DoLog { profile: w.option("profile", cx).cloned() }), "Logs now.";
    "do-resolve", TCP_REQUEST | REQ, true, do_resolve, "Resolves a name into a variable.";
    "early-hint", REQ, false, |w, cx| Some(Action::EarlyHint { name: w.next("a header name", cx)?.clone(), value: w.next("a value", cx)?.clone() }), "Sends a 103 answer with a header.";
    "expect-netscaler-cip", CONNECTION, false, |w, cx| layer4(w, Action::ExpectNetscalerCip, cx), "Reads a NetScaler header.";
    "expect-proxy", CONNECTION, false, |w, cx| layer4(w, Action::ExpectProxy, cx), "Reads a PROXY header.";
    "lua.", TCP_REQUEST | TCP_RESPONSE | HTTP, false, |w, _| Some(Action::Lua { name: w.action.clone(), args: w.until_cond() }), "Runs a Lua action.";
    "normalize-uri", REQ, false, |w, cx| Some(Action::NormalizeUri { method: w.next("a method", cx)?.clone(), options: w.until_cond().into_iter().map(|o| o.value).collect() }), "Brings the URI into a normal form.";
    "pause", HEADS, false, |w, cx| Some(Action::Pause(time_or_expr(w, cx)?)), "Waits.";
    "redirect", HEADS, false, |w, cx| Some(Action::Redirect(reply::redirect(w, cx)?)), "Answers with a redirect.";
    "reject", TCP | REQ | QUIC, false, |_, _| Some(Action::Reject), "Closes the connection without an answer.";
    "replace-header", HTTP, false, |w, cx| Some(Action::ReplaceHeader { name: w.next("a header name", cx)?.clone(), regex: w.next("a regular expression", cx)?.clone(), value: w.next("a value", cx)?.clone() }), "Rewrites a header by a regular expression.";
    "replace-path", REQ, false, |w, cx| Some(Action::ReplacePath { regex: w.next("a regular expression", cx)?.clone(), value: w.next("a value", cx)?.clone() }), "Rewrites the path.";
    "replace-pathq", REQ, false, |w, cx| Some(Action::ReplacePathq { regex: w.next("a regular expression", cx)?.clone(), value: w.next("a value", cx)?.clone() }), "Rewrites path and query.";
    "replace-uri", REQ, false, |w, cx| Some(Action::ReplaceUri { regex: w.next("a regular expression", cx)?.clone(), value: w.next("a value", cx)?.clone() }), "Rewrites the URI.";
    "replace-value", HTTP, false, |w, cx| Some(Action::ReplaceValue { name: w.next("a header name", cx)?.clone(), regex: w.next("a regular expression", cx)?.clone(), value: w.next("a value", cx)?.clone() }), "Rewrites each value of a list header.";
    "return", HEADS, false, |w, cx| Some(Action::Return(reply::reply(w, cx)?)), "Answers from the configuration.";
    "sc-add-gpc", COUNTERS, true, |w, cx| Some(Action::ScAddGpc { index: w.paren_number(0, "an index", cx)?, counter: w.paren_number(1, "a counter", cx)?, by: w.number_or_expr(cx)? }), "Adds to a general counter.";
    "sc-inc-gpc", COUNTERS, true, |w, cx| Some(Action::ScIncGpc { index: w.paren_number(0, "an index", cx)?, counter: w.paren_number(1, "a counter", cx)? }), "Adds one to a general counter.";
    "sc-inc-gpc0", COUNTERS, true, |w, cx| Some(Action::ScIncGpc0 { counter: w.paren_number(0, "a counter", cx)? }), "Adds one to the first general counter.";
    "sc-inc-gpc1", COUNTERS, true, |w, cx| Some(Action::ScIncGpc1 { counter: w.paren_number(0, "a counter", cx)? }), "Adds one to the second general counter.";
    "sc-set-gpt", COUNTERS, true, |w, cx| Some(Action::ScSetGpt { index: w.paren_number(0, "an index", cx)?, counter: w.paren_number(1, "a counter", cx)?, to: w.number_or_expr(cx)? }), "Sets a general tag.";
    "sc-set-gpt0", COUNTERS, true, |w, cx| Some(Action::ScSetGpt0 { counter: w.paren_number(0, "a counter", cx)?, to: w.number_or_expr(cx)? }), "Sets the first general tag.";
    "send-retry", QUIC, false, other, "Makes a QUIC client prove its address.";
    "send-spoe-group", STREAM, false, |w, cx| Some(Action::SendSpoeGroup { engine: w.next("an engine", cx)?.clone(), group: w.next("a group", cx)?.clone() }), "Asks an external agent.";
    "set-bandwidth-limit", STREAM, false, bandwidth, "Limits the speed.";
    "set-bc-mark", TCP_REQUEST | REQ, false, |w, cx| Some(Action::SetBcMark(w.number_or_expr(cx)?)), "Marks packets to the server.";
    "set-bc-tos", TCP_REQUEST | REQ, false, |w, cx| Some(Action::SetBcTos(w.number_or_expr(cx)?)), "Sets the type of service to the server.";
    "set-dst", CLIENT, false, |w, cx| Some(Action::SetDst(w.expr(cx)?)), "Changes the destination address.";
    "set-dst-port", CLIENT, false, |w, cx| Some(Action::SetDstPort(w.expr(cx)?)), "Changes the destination port.";
    "set-fc-mark", MARKS, false, |w, cx| Some(Action::SetFcMark(w.number_or_expr(cx)?)), "Marks packets to the client.";
    "set-fc-tos", MARKS, false, |w, cx| Some(Action::SetFcTos(w.number_or_expr(cx)?)), "Sets the type of service to the client.";
    "set-header", HTTP, false, |w, cx| Some(Action::SetHeader { name: w.next("a header name", cx)?.clone(), value: w.next("a value", cx)?.clone() }), "Replaces a header.";
    "set-headers-bin", HTTP, false, other, "Replaces headers from a binary list.";
    "set-log-level", STREAM, false, log_level, "Changes the level of the log line.";
    "set-map", HTTP, true, |w, cx| Some(Action::SetMap { file: w.paren(0, "a file", cx)?, key: w.next("a key", cx)?.clone(), value: w.next("a value", cx)?.clone() }), "Sets an entry of a map in memory.";
    "set-mark", MARKS, false, |w, cx| Some(Action::SetFcMark(w.number_or_expr(cx)?)), "Marks packets to the client, old spelling.";
    "set-method", REQ, false, |w, cx| Some(Action::SetMethod(w.next("a method", cx)?.clone())), "Replaces the method.";
    "set-nice", STREAM, false, nice, "Changes the priority of the work.";
    "set-path", REQ, false, |w, cx| Some(Action::SetPath(w.next("a path", cx)?.clone())), "Replaces the path.";
    "set-pathq", REQ, false, |w, cx| Some(Action::SetPathq(w.next("a path", cx)?.clone())), "Replaces path and query.";
    "set-priority-class", TCP_REQUEST | REQ, false, |w, cx| Some(Action::SetPriorityClass(w.expr(cx)?)), "Sets the class in the queue.";
    "set-priority-offset", TCP_REQUEST | REQ, false, |w, cx| Some(Action::SetPriorityOffset(w.expr(cx)?)), "Sets the place in the queue.";
    "set-query", REQ, false, |w, cx| Some(Action::SetQuery(w.next("a query", cx)?.clone())), "Replaces the query.";
    "set-retries", TCP_REQUEST | REQ, false, |w, cx| Some(Action::SetRetries(w.number_or_expr(cx)?)), "Changes the number of retries.";
    "set-src", CLIENT, false, |w, cx| Some(Action::SetSrc(w.expr(cx)?)), "Changes the source address.";
    "set-src-port", CLIENT, false, |w, cx| Some(Action::SetSrcPort(w.expr(cx)?)), "Changes the source port.";
    "set-status", RES | HTTP_AFTER, false, status, "Replaces the status.";
    "set-timeout", HEADS, false, timeout, "Changes a timeout of the stream.";
    "set-tos", MARKS, false, |w, cx| Some(Action::SetFcTos(w.number_or_expr(cx)?)), "Sets the type of service to the client, old spelling.";
    "set-uri", REQ, false, |w, cx| Some(Action::SetUri(w.next("a URI", cx)?.clone())), "Replaces the URI.";
    "set-var", ALL, true, |w, cx| { let (name, conditions) = var(w, cx)?; let value = VarValue::Expr(w.expr(cx)?); Some(Action::SetVar(SetVar { name, conditions, value })) }, "Sets a variable from an expression.";
    "set-var-fmt", ALL, true, |w, cx| { let (name, conditions) = var(w, cx)?; let value = VarValue::Format(w.next("a format", cx)?.clone()); Some(Action::SetVar(SetVar { name, conditions, value })) }, "Sets a variable from formatted text.";
    "silent-drop", TCP | HEADS, false, silent_drop, "Vanishes without telling the client.";
    "strict-mode", HTTP, false, |w, cx| { let word = w.next("on or off", cx)?; Some(Action::StrictMode(cx.on_off(word)?)) }, "Whether a failed rewrite is an error.";
    "switch-mode", TCP_REQUEST, false, switch_mode, "Goes on as HTTP.";
    "tarpit", REQ, false, |w, cx| Some(Action::Tarpit(reply::reply(w, cx)?)), "Lets the client wait, then refuses.";
    "track-sc", CLIENT | RES, false, track, "Counts in a table from here on.";
    "unset-var", ALL, true, |w, cx| Some(Action::UnsetVar(w.paren(0, "a variable", cx)?)), "Removes a variable.";
    "use-service", TCP_REQUEST | REQ, false, |w, cx| Some(Action::UseService { name: w.next("a service", cx)?.clone(), args: w.until_cond() }), "Answers by a built-in service.";
    "wait-for-body", HEADS, false, wait_for_body, "Waits for the body.";
    "wait-for-handshake", REQ, false, |_, _| Some(Action::WaitForHandshake), "Waits for the end of the TLS handshake.";
}

fn other(w: &mut Words<'_>, _: &mut Cx<'_>) -> Option<Action> {
    Some(Action::Other { name: w.action.clone(), args: w.until_cond() })
}

fn layer4(w: &mut Words<'_>, action: Action, cx: &mut Cx<'_>) -> Option<Action> {
    let word = w.next("`layer4`", cx)?;
    cx.one_of(word, &[("layer4", action)])
}

fn attach_srv(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let server = w.next("a server", cx)?.clone();
    let name = match w.option("name", cx) {
        Some(word) => Some(cx.expr(word)?),
        None => None,
    };
    Some(Action::AttachSrv { server, name })
}

fn cache_use(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let name = w.next("the name of a cache", cx)?.clone();
    if let Some(word) = w.peek() {
        w.next("", cx)?;
        cx.one_of(word, &[("no-early-hints", ())])?;
    }
    Some(Action::CacheUse(name))
}

fn capture(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let expr = w.expr(cx)?;
    if let Some(word) = w.option("len", cx) {
        let len = Some(cx.u32_in(word, 1, 65_535)?);
        return Some(Action::Capture { expr, len, id: None });
    }
    if let Some(word) = w.option("id", cx) {
        let id = Some(At::new(cx.u32(word)?, word.span));
        return Some(Action::Capture { expr, len: None, id });
    }
    cx.missing(&w.action, "`len` and a length, or `id` and a declared slot");
    None
}

fn del_header(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let name = w.next("a header name", cx)?.clone();
    let known = [
        ("str", NameMatch::Str),
        ("beg", NameMatch::Beg),
        ("end", NameMatch::End),
        ("sub", NameMatch::Sub),
        ("reg", NameMatch::Reg),
    ];
    let matching = match w.option("-m", cx) {
        Some(word) => Some(cx.one_of(word, &known)?),
        None => None,
    };
    Some(Action::DelHeader { name, matching })
}

fn do_resolve(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let (var, resolvers) = (w.paren(0, "a variable", cx)?, w.paren(1, "a resolvers section", cx)?);
    let options = w.parens.iter().skip(2).map(|p| p.value.clone()).collect();
    Some(Action::DoResolve(DoResolve { var, resolvers, options, expr: w.expr(cx)? }))
}

fn time_or_expr(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<NumberOr> {
    let word = w.next("a time or an expression", cx)?;
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return cx.ms(word).and_then(|ms| i64::try_from(ms).ok()).map(NumberOr::Number);
    }
    cx.expr(word).map(NumberOr::Expr)
}

fn bandwidth(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let name = w.next("the name of a bandwidth filter", cx)?.clone();
    let (mut limit, mut period) = (None, None);
    while let Some(word) = w.peek() {
        match word.as_str() {
            "limit" => {
                let value = w.option("limit", cx)?;
                limit = Some(match cx_bytes(value) {
                    Some(n) => NumberOr::Number(n),
                    None => NumberOr::Expr(cx.expr(value)?),
                });
            }
            "period" => {
                let value = w.option("period", cx)?;
                period = Some(match value.starts_with(|c: char| c.is_ascii_digit()) {
                    true => NumberOr::Number(i64::try_from(cx.ms(value)?).ok()?),
                    false => NumberOr::Expr(cx.expr(value)?),
                });
            }
            _ => {
                cx.bad_word(word, ["limit", "period", "if", "unless"]);
                return None;
            }
        }
    }
    Some(Action::SetBandwidthLimit { name, limit, period })
}

fn cx_bytes(word: &At<String>) -> Option<i64> {
    crate::units::size_bytes(word).ok().and_then(|n| i64::try_from(n).ok())
}

fn log_level(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let word = w.next("a level, or `silent`", cx)?;
    if word.as_str() == "silent" {
        return Some(Action::SetLogLevel(None));
    }
    cx.one_of(word, log::LEVELS).map(|l| Action::SetLogLevel(Some(l)))
}

fn nice(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let word = w.next("a priority", cx)?;
    cx.int(word, -1_024..=1_024).and_then(|n| i32::try_from(n).ok()).map(Action::SetNice)
}

fn status(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let word = w.next("a status", cx)?;
    let status = At::new(cx.int(word, 100..=999).and_then(|n| u16::try_from(n).ok())?, word.span);
    let reason = w.option("reason", cx).map(|r| r.value.clone());
    Some(Action::SetStatus { status, reason })
}

fn timeout(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let known = [
        ("client", StreamTimeout::Client),
        ("connect", StreamTimeout::Connect),
        ("queue", StreamTimeout::Queue),
        ("server", StreamTimeout::Server),
        ("tarpit", StreamTimeout::Tarpit),
        ("tunnel", StreamTimeout::Tunnel),
    ];
    let word = w.next("the name of a timeout", cx)?;
    let which = cx.one_of(word, &known)?;
    Some(Action::SetTimeout { which, to: time_or_expr(w, cx)? })
}

fn var(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<(At<String>, Vec<String>)> {
    let name = w.paren(0, "a variable", cx)?;
    let scopes = ["proc", "sess", "txn", "req", "res", "check"];
    if !name.split_once('.').is_some_and(|(scope, rest)| scopes.contains(&scope) && !rest.is_empty()) {
        let message =
            format!("`{}` is no variable: expected a scope and a name, such as txn.{0}", name.value);
        cx.alert(codes::BAD_ARGUMENT, name.span, message);
        return None;
    }
    Some((name, w.parens.iter().skip(1).map(|p| p.value.clone()).collect()))
}

fn silent_drop(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let rst_ttl = match w.option("rst-ttl", cx) {
        Some(word) => Some(cx.int(word, 1..=255).and_then(|n| u8::try_from(n).ok())?),
        None => None,
    };
    Some(Action::SilentDrop { rst_ttl })
}

fn switch_mode(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let word = w.next("`http`", cx)?;
    cx.one_of(word, &[("http", ())])?;
    Some(Action::SwitchMode { proto: w.option("proto", cx).cloned() })
}

fn track(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let counter = match w.action.strip_prefix("track-sc").filter(|n| !n.is_empty()) {
        Some(n) => n.parse().ok()?,
        None => w.paren_number(0, "a counter", cx)?,
    };
    let key = w.expr(cx)?;
    Some(Action::Track(Track { counter, key, table: w.option("table", cx).cloned() }))
}

fn wait_for_body(w: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Action> {
    let (mut time_ms, mut at_least_bytes) = (None, None);
    while let Some(word) = w.peek() {
        match word.as_str() {
            "time" => {
                let value = w.option("time", cx)?;
                time_ms = Some(cx.ms(value)?);
            }
            "at-least" => {
                let value = w.option("at-least", cx)?;
                at_least_bytes = Some(cx.bytes(value)?);
            }
            _ => {
                cx.bad_word(word, ["time", "at-least", "if", "unless"]);
                return None;
            }
        }
    }
    let Some(time_ms) = time_ms else {
        cx.missing(&w.action, "`time` and how long");
        return None;
    };
    Some(Action::WaitForBody { time_ms, at_least_bytes })
}
