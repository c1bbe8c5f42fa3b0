//! Keywords of the client side: listeners, limits, log formats, captures, client timeouts.

use super::{
    bind as bind_line,
    cx::{Cx, Status, rows},
    proxy::{Build, keep},
    scope::{ALL, DF, F, FRONTEND, LISTEN, NO},
    set,
};
use crate::{
    haproxy::model::{CookieCapture, HeaderCapture, LogFormat, Side},
    keyword::ANY,
    source::At,
};

const FULL: Status = Status::FULL;
const PROBES: Status = Status::not_yet("the system's setting counts");

rows! {
    pub(super) const KEYWORDS: [Build];
    "backlog", DF, (1, 1), FULL, |b, cx| set::number(&mut b.proxy.front.backlog, cx), "Length of the kernel's queue of connections.";
    "bind", F, (1, ANY), FULL, bind, "Addresses to listen on, with options.";
    "capture cookie", F, (3, 3), FULL, capture_cookie, "Logs a cookie.";
    "capture request header", F, (3, 3), FULL, |b, cx| capture_header(b, Side::Request, cx), "Logs a request header.";
    "capture response header", F, (3, 3), FULL, |b, cx| capture_header(b, Side::Response, cx), "Logs a response header.";
    "clitcpka-cnt", DF, (1, 1), PROBES, |b, cx| set::number(&mut b.proxy.front.clitcpka.cnt, cx), "Lost keepalive probes that end a client connection.";
    "clitcpka-idle", DF, (1, 1), PROBES, |b, cx| set::seconds32(&mut b.proxy.front.clitcpka.idle_s, cx), "Silence before the first keepalive probe to a client.";
    "clitcpka-intvl", DF, (1, 1), PROBES, |b, cx| set::seconds32(&mut b.proxy.front.clitcpka.intvl_s, cx), "Interval of keepalive probes to a client.";
    "clitimeout", DF, (1, 1), Status::removed("2.1", "`timeout client`"), |b, cx| set::ms(&mut b.proxy.timeouts.client_ms, cx), "How long a client may be silent, old spelling.";
    "crt", FRONTEND | LISTEN, (1, ANY), Status::not_yet("write `crt` on the bind line"), keep, "Certificate declared outside of bind lines.";
    "error-log-format", DF, (1, 1), Status::not_yet("failed connections are logged in the usual format"), |b, cx| set::word(&mut b.proxy.front.error_log_format, cx), "Format of log lines of failed connections.";
    "log-format", DF | NO, (1, 1), FULL, log_format, "Format of log lines.";
    "log-format-sd", DF, (1, 1), FULL, |b, cx| set::word(&mut b.proxy.front.log_format_sd, cx), "Structured data of RFC 5424 log lines.";
    "log-steps", DF, (1, 1), Status::not_yet("one line is logged at the end"), |b, cx| set::word(&mut b.proxy.front.log_steps, cx), "When log lines are written.";
    "max-session-srv-conns", DF, (1, 1), Status::not_yet("idle connections are shared"), |b, cx| set::number(&mut b.proxy.front.max_session_srv_conns, cx), "Idle server connections of one session.";
    "maxconn", DF, (1, 1), FULL, |b, cx| set::number_at(&mut b.proxy.front.maxconn, cx), "Most concurrent connections.";
    "monitor-uri", DF, (1, 1), FULL, |b, cx| set::word(&mut b.proxy.front.monitor_uri, cx), "Path that is answered with 200 by the proxy itself.";
    "rate-limit sessions", DF, (1, 1), FULL, |b, cx| set::number(&mut b.proxy.front.rate_limit_sessions, cx), "Most new sessions per second.";
    "ssl-f-use", FRONTEND | LISTEN, (1, ANY), Status::not_yet("write `crt` on the bind line"), keep, "Certificate for the frontend.";
    "timeout client", DF, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.timeouts.client_ms, cx), "How long a client may be silent.";
    "timeout client-fin", DF, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.timeouts.client_fin_ms, cx), "How long a client may be silent after closing its side.";
    "timeout client-hs", DF, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.timeouts.client_hs_ms, cx), "How long a TLS handshake may take.";
    "timeout http-keep-alive", ALL, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.timeouts.http_keep_alive_ms, cx), "How long to wait for the next request.";
    "timeout http-request", ALL, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.timeouts.http_request_ms, cx), "How long a request's head may take.";
    "timeout tarpit", ALL, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.timeouts.tarpit_ms, cx), "How long a tarpitted request is held.";
    "unique-id-header", DF, (1, 1), FULL, |b, cx| set::word(&mut b.proxy.front.unique_id_header, cx), "Header that carries the request's identifier.";
}

pub(super) fn bind(b: &mut Build, cx: &mut Cx<'_>) {
    let span = cx.span();
    if let Some(bind) = bind_line::parse(bind_line::Purpose::Traffic, cx) {
        b.proxy.front.binds.push(At::new(bind, span));
    }
}

fn log_format(b: &mut Build, cx: &mut Cx<'_>) {
    b.proxy.front.log_format = match cx.arg(0) {
        Some(a) if !cx.no => LogFormat::Custom(a.clone()),
        _ => LogFormat::Connect,
    };
}

/// `name len n`.
fn capture(cx: &mut Cx<'_>) -> Option<(At<String>, u32)> {
    let (name, word, len) = (cx.arg(0)?, cx.arg(1)?, cx.arg(2)?);
    cx.one_of(word, &[("len", ())])?;
    Some((name.clone(), cx.u32_in(len, 1, 65_535)?))
}

fn capture_cookie(b: &mut Build, cx: &mut Cx<'_>) {
    if let Some((name, len)) = capture(cx) {
        b.proxy.front.cookie_capture = Some(At::new(CookieCapture { name: name.value, len }, cx.span()));
    }
}

fn capture_header(b: &mut Build, side: Side, cx: &mut Cx<'_>) {
    if let Some((name, len)) = capture(cx) {
        b.proxy.front.captures.push(At::new(HeaderCapture { side: Some(side), name, len }, cx.span()));
    }
}
