//! The columns of `show stat`, in HAProxy's order: names, what the typed forms say of them, and for whom they
//! have a value.
//!
//! The order is a promise: scripts read columns by number. What they speak of is read by `view`.

use super::{
    export::{Row, Value},
    view::{BackendSide, ServerSide, Side, View},
};
use crate::{
    compile::plan::Mode,
    engine::{state::CheckReport, stats::Totals},
};

/// Who a row of `show stat` speaks of (management guide 9.1, `type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Frontend,
    Backend,
    Server,
    Listener,
}

impl Kind {
    /// The letter of the typed output.
    pub const fn letter(self) -> char {
        match self {
            Kind::Frontend => 'F',
            Kind::Backend => 'B',
            Kind::Server => 'S',
            Kind::Listener => 'L',
        }
    }

    /// The word of the JSON output.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Frontend => "Frontend",
            Kind::Backend => "Backend",
            Kind::Server => "Server",
            Kind::Listener => "Listener",
        }
    }

    /// The number in column `type`.
    pub const fn number(self) -> u32 {
        match self {
            Kind::Frontend => 0,
            Kind::Backend => 1,
            Kind::Server => 2,
            Kind::Listener => 3,
        }
    }
}

/// One column. `tags` are the four letters of the typed output: origin, nature, scope, persistence
/// (management guide 9.2); `kinds` the letters of the rows that may have a value; `value` finds it.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub tags: &'static str,
    pub kinds: &'static str,
    pub doc: &'static str,
    value: fn(&View) -> Option<Value>,
}

impl Column {
    /// The value in the row of `v`, if it has one.
    pub fn value(&self, v: &View) -> Option<Value> {
        if self.kinds.contains(v.kind.letter()) { (self.value)(v) } else { None }
    }
}

const fn col(
    name: &'static str,
    tags: &'static str,
    kinds: &'static str,
    doc: &'static str,
    value: fn(&View) -> Option<Value>,
) -> Column {
    Column { name, tags, kinds, doc, value }
}

/// Every column, by position.
#[rustfmt::skip]
pub const COLUMNS: &[Column] = &[
    col("pxname", "KNSV", "BFLS", "Name of the proxy.", |v| text(&v.proxy)),
    col("svname", "KNSV", "BFLS", "`FRONTEND`, `BACKEND`, the server's or the listener's name.", |v| text(&v.service)),
    col("qcur", "MGPV", "BS", "Requests waiting now: for this server, or for any of the backend.", |v| n32(v.queued)),
    col("qmax", "MMPV", "BS", "Most requests that waited at once.", |v| n32(v.queued_max)),
    col("scur", "MGPV", "BFLS", "Sessions now.", |v| n32(v.sessions)),
    col("smax", "MMPV", "BFLS", "Most sessions at once.", |v| n32(v.sessions_max)),
    col("slim", "CLPV", "BFLS", "Most sessions allowed at once.", |v| v.sessions_limit.and_then(n32)),
    col("stot", "MCPP", "BFLS", "Sessions since start.", |v| n64(v.totals.sessions)),
    col("bin", "MCPP", "BFLS", "Bytes from clients to servers.", |v| n64(v.totals.bytes_in)),
    col("bout", "MCPP", "BFLS", "Bytes from servers to clients.", |v| n64(v.totals.bytes_out)),
    col("dreq", "MCPP", "BFL", "Requests denied by rules.", |v| n64(v.totals.denied_requests)),
    col("dresp", "MCPP", "BFLS", "Responses denied by rules.", |v| n64(v.totals.denied_responses)),
    col("ereq", "MCPP", "FL", "Requests that were invalid, timed out or cut by the client.", |v| n64(v.totals.request_errors)),
    col("econ", "MCPP", "BS", "Connections to servers that failed.", |v| n64(v.totals.connect_errors)),
    col("eresp", "MCPP", "BS", "Responses that were invalid or cut, and transfers the server aborted.", |v| n64(v.totals.response_errors)),
    col("wretr", "MCPP", "BS", "Connections to servers tried again.", |v| n64(v.totals.retries)),
    col("wredis", "MCPP", "BS", "Requests sent to another server after a failure.", |v| n64(v.totals.redispatches)),
    col("status", "SGPV", "BFLS", "State in words: `OPEN`, `UP`, `DOWN 1/2`, `MAINT`, `no check`.", |v| text(&v.status)),
    col("weight", "MaPV", "BS", "Weight in use; of a backend the sum of its usable servers.", |v| server(v).map_or_else(|| backend(v).and_then(|b| n32(b.weight)), |s| n32(s.state.weight))),
    col("act", "SGPV", "BS", "Active servers that are up; of a server whether it is active.", |v| server(v).map_or_else(|| backend(v).and_then(|b| n32(b.active)), |s| n32(u32::from(!s.state.backup)))),
    col("bck", "SGPV", "BS", "Backup servers that are up; of a server whether it is a backup.", |v| server(v).map_or_else(|| backend(v).and_then(|b| n32(b.backup)), |s| n32(u32::from(s.state.backup)))),
    col("chkfail", "MCPP", "S", "Checks that failed while the server was up.", |v| checked(v).and_then(|s| n64(s.state.failed_checks))),
    col("chkdown", "MCPP", "BS", "Times it went from up to down.", |v| backend(v).map_or_else(|| checked(v).and_then(|s| n64(s.state.down_transitions.into())), |b| n64(b.downs.into()))),
    col("lastchg", "MAPP", "BS", "Seconds since the last change of state.", |v| backend(v).map_or_else(|| server(v).and_then(|s| seconds(s.state.since_change_ms / 1_000)), |b| seconds(b.since_change_s))),
    col("downtime", "MCPV", "BS", "Seconds it was down in all.", |v| backend(v).filter(|b| b.servers > 0).map_or_else(|| checked(v).and_then(|s| seconds(s.state.downtime_ms / 1_000)), |b| seconds(b.downtime_s))),
    col("qlimit", "CGSV", "S", "Most requests that may wait for this server.", |v| server(v).filter(|s| s.queue_limit > 0).and_then(|s| n32(s.queue_limit))),
    col("pid", "KGPV", "BFLS", "Number of the process, always 1.", |_| n32(1)),
    col("iid", "KGSV", "BFLS", "Id of the proxy.", |v| n32(v.iid)),
    col("sid", "KGSV", "BFLS", "Id of the server or listener within its proxy; 0 for the proxy itself.", |v| n32(v.sid)),
    col("throttle", "SGPV", "S", "Percent of its weight a server has during slow start.", |v| server(v).and_then(|s| s.state.throttle_percent).and_then(n32)),
    col("lbtot", "MCPP", "BS", "Times the balancing algorithm chose it.", |v| n64(v.totals.picked)),
    col("tracked", "CNSV", "S", "`backend/server` whose health it follows.", |v| server(v).and_then(|s| text(s.state.tracked.as_deref()?))),
    col("type", "CGSV", "BFLS", "0 frontend, 1 backend, 2 server, 3 listener.", |v| n32(v.kind.number())),
    col("rate", "MRPP", "BFS", "Sessions in the last second.", |v| n32(v.rates.sessions)),
    col("rate_lim", "CLPV", "F", "Most new sessions allowed per second.", |v| n32(v.rate_limit)),
    col("rate_max", "MMPV", "BFS", "Most new sessions in a second.", |v| n32(v.rates.sessions_max)),
    col("check_status", "MOPV", "S", "Verdict of the last check: `L4OK`, `L7STS`.", check_status),
    col("check_code", "MOPV", "S", "Status or error number the last check saw.", |v| report(v).filter(|r| r.status.has_code()).and_then(|r| n32(r.code.into()))),
    col("check_duration", "MDPV", "S", "Milliseconds the last check took.", |v| report(v).and_then(|r| n64(r.duration_ms.into()))),
    col("hrsp_1xx", "MCPP", "BFS", "Informational responses.", |v| http(v).and_then(|t| n64(t.status_1xx))),
    col("hrsp_2xx", "MCPP", "BFS", "Successes.", |v| http(v).and_then(|t| n64(t.status_2xx))),
    col("hrsp_3xx", "MCPP", "BFS", "Redirections.", |v| http(v).and_then(|t| n64(t.status_3xx))),
    col("hrsp_4xx", "MCPP", "BFS", "Client errors.", |v| http(v).and_then(|t| n64(t.status_4xx))),
    col("hrsp_5xx", "MCPP", "BFS", "Server errors.", |v| http(v).and_then(|t| n64(t.status_5xx))),
    col("hrsp_other", "MCPP", "BFS", "Responses with another status.", |v| http(v).and_then(|t| n64(t.status_other))),
    col("hanafail", "MCPP", "S", "Failures seen in live traffic (`observe`).", none),
    col("req_rate", "MRPP", "F", "HTTP requests in the last second.", |v| n32(v.rates.requests)),
    col("req_rate_max", "MMPV", "F", "Most HTTP requests in a second.", |v| n32(v.rates.requests_max)),
    col("req_tot", "MCPP", "BFS", "HTTP requests since start.", |v| if v.kind == Kind::Frontend { n64(v.totals.requests) } else { http(v).and_then(|t| n64(t.requests)) }),
    col("cli_abrt", "MCPP", "BS", "Transfers the client aborted.", |v| n64(v.totals.client_aborts)),
    col("srv_abrt", "MCPP", "BS", "Transfers the server aborted.", |v| n64(v.totals.server_aborts)),
    col("comp_in", "MCPP", "BF", "Bytes given to compression.", absent_feature),
    col("comp_out", "MCPP", "BF", "Bytes that came out of compression.", absent_feature),
    col("comp_byp", "MCPP", "BF", "Bytes that passed compression by.", absent_feature),
    col("comp_rsp", "MCPP", "BF", "Responses compressed.", absent_feature),
    col("lastsess", "MAPP", "BS", "Seconds since the last session was sent to it; -1: never.", last_session),
    col("last_chk", "MOPV", "S", "Text of the last check.", |v| report(v).and_then(|r| text(&r.info))),
    col("last_agt", "MOPV", "S", "Text of the last agent answer.", none),
    col("qtime", "MaPV", "BS", "Average queue time of the last 1024 requests, ms.", |v| n32(v.times_ms[0])),
    col("ctime", "MaPV", "BS", "Average connect time, ms.", |v| n32(v.times_ms[1])),
    col("rtime", "MaPV", "BS", "Average response time, ms; 0 in TCP.", |v| n32(v.times_ms[2])),
    col("ttime", "MaPV", "BS", "Average total time, ms.", |v| n32(v.times_ms[3])),
    col("agent_status", "MOPV", "S", "Verdict of the last agent check.", none),
    col("agent_code", "MOPV", "S", "Number the last agent check saw.", none),
    col("agent_duration", "MDPV", "S", "Milliseconds the last agent check took.", none),
    col("check_desc", "MOPV", "S", "The check's verdict in words.", |v| report(v).and_then(|r| text(r.status.text()))),
    col("agent_desc", "MOPV", "S", "The agent's verdict in words.", none),
    col("check_rise", "CGSV", "S", "Good checks it takes to come up.", |v| report(v).and(server(v)).and_then(|s| n32(s.state.rise))),
    col("check_fall", "CGSV", "S", "Bad checks it takes to go down.", |v| report(v).and(server(v)).and_then(|s| n32(s.state.fall))),
    col("check_health", "CGSV", "S", "Health counter, 0 to rise+fall-1.", |v| report(v).and(server(v)).and_then(|s| n32(s.state.health))),
    col("agent_rise", "CGSV", "S", "Good agent answers it takes to come up.", none),
    col("agent_fall", "CGSV", "S", "Bad agent answers it takes to go down.", none),
    col("agent_health", "CGSV", "S", "Agent's health counter.", none),
    col("addr", "CGSV", "LS", "Address and port.", |v| text(v.address.as_deref()?)),
    col("cookie", "CNSV", "BS", "Value of the persistence cookie; of a backend its name.", |v| text(v.cookie.as_deref()?)),
    col("mode", "CGSV", "BFLS", "`http` or `tcp`.", |v| text(if v.mode == Mode::Http { "http" } else { "tcp" })),
    col("algo", "CGSV", "B", "Balancing algorithm.", |v| backend(v).and_then(|b| text(b.algorithm))),
    col("conn_rate", "MRPP", "F", "Connections in the last second.", |v| n32(v.rates.connections)),
    col("conn_rate_max", "MMPV", "F", "Most connections in a second.", |v| n32(v.rates.connections_max)),
    col("conn_tot", "MCPP", "FL", "Connections since start.", |v| n64(v.totals.connections)),
    col("intercepted", "MCPP", "F", "Requests the proxy answered itself.", |v| http(v).and_then(|t| n64(t.intercepted))),
    col("dcon", "MCPP", "FL", "Connections denied by `tcp-request connection`.", |v| n64(v.totals.denied_connections)),
    col("dses", "MCPP", "FL", "Sessions denied by `tcp-request session`.", |v| n64(v.totals.denied_sessions)),
    col("wrew", "MCPP", "BFLS", "Header rewrites that did not fit.", |v| n64(v.totals.rewrite_failures)),
    col("connect", "MCPP", "BS", "Connections to servers begun.", |v| n64(v.totals.connect_attempts)),
    col("reuse", "MCPP", "BS", "Requests sent on a connection that was open already.", |v| n64(v.totals.connection_reuses)),
    col("cache_lookups", "MCPP", "BF", "Cache lookups.", |v| http(v).and(absent_feature(v))),
    col("cache_hits", "MCPP", "BF", "Cache hits.", |v| http(v).and(absent_feature(v))),
    col("srv_icur", "MGPV", "S", "Idle connections to the server kept now.", |v| n32(u32::try_from(v.totals.idle_connections).unwrap_or(u32::MAX))),
    col("src_ilim", "CLPV", "S", "Most idle connections kept.", |v| server(v).and_then(|s| s.idle_limit).and_then(n32)),
    col("qtime_max", "MMPV", "BS", "Longest queue time, ms.", |v| seconds(v.totals.queue_time_max_ms)),
    col("ctime_max", "MMPV", "BS", "Longest connect time, ms.", |v| seconds(v.totals.connect_time_max_ms)),
    col("rtime_max", "MMPV", "BS", "Longest response time, ms.", |v| seconds(v.totals.response_time_max_ms)),
    col("ttime_max", "MMPV", "BS", "Longest total time, ms.", |v| seconds(v.totals.total_time_max_ms)),
    col("eint", "MCPP", "BFLS", "Internal errors.", |v| n64(v.totals.internal_errors)),
    col("idle_conn_cur", "MGPV", "S", "Idle connections whose next use may need a retry.", |_| n32(0)),
    col("safe_conn_cur", "MGPV", "S", "Idle connections safe to reuse.", |v| n32(u32::try_from(v.totals.idle_connections).unwrap_or(u32::MAX))),
    col("used_conn_cur", "MGPV", "S", "Connections in use.", |v| n32(v.sessions)),
    col("need_conn_est", "MGPV", "S", "Connections expected to be needed.", |v| n32(v.sessions_max)),
    col("uweight", "MaPV", "BS", "Weight as configured or set by hand.", |v| server(v).map_or_else(|| backend(v).and_then(|b| n32(b.user_weight)), |s| n32(s.state.uweight))),
    col("agg_server_status", "MGPV", "B", "Servers by state, for exporters.", |_| n32(0)),
    col("agg_server_check_status", "MGPV", "B", "Servers by check state, for exporters.", |_| n32(0)),
    col("agg_check_status", "MGPV", "B", "Checks by verdict, for exporters.", |_| n32(0)),
    col("srid", "MCPV", "S", "Revision of the server's identity.", |_| n32(0)),
    col("sess_other", "MCPV", "F", "Sessions of other protocols.", |v| n64(if v.mode == Mode::Tcp { v.totals.sessions } else { 0 })),
    col("h1sess", "MCPP", "F", "HTTP/1 sessions.", |v| n64(if v.mode == Mode::Http { v.totals.sessions } else { 0 })),
    col("h2sess", "MCPP", "F", "HTTP/2 sessions.", absent_feature),
    col("h3sess", "MCPP", "F", "HTTP/3 sessions.", absent_feature),
    col("req_other", "MCPP", "F", "Requests of other protocols.", |v| n64(if v.mode == Mode::Tcp { v.totals.requests } else { 0 })),
    col("h1req", "MCPP", "F", "HTTP/1 requests.", |v| n64(if v.mode == Mode::Http { v.totals.requests } else { 0 })),
    col("h2req", "MCPP", "F", "HTTP/2 requests.", absent_feature),
    col("h3req", "MCPP", "F", "HTTP/3 requests.", absent_feature),
    col("proto", "SGPV", "L", "Protocol of the listener's address.", |v| text(v.protocol)),
    col("priv_idle_cur", "MGPV", "S", "Idle connections that only their session may use.", |_| n32(0)),
    col("reqbin", "MCPP", "BFLS", "Request bytes received.", |v| n64(v.totals.bytes_in)),
    col("reqbout", "MCPP", "BFLS", "Request bytes sent.", |v| n64(v.totals.bytes_in)),
    col("resbin", "MCPP", "BFLS", "Response bytes received.", |v| n64(v.totals.bytes_out)),
    col("resbout", "MCPP", "BFLS", "Response bytes sent.", |v| n64(v.totals.bytes_out)),
    col("cache_hint_hits", "MCPP", "BF", "Cache hits by hint.", |v| http(v).and(absent_feature(v))),
    col("h2_headers_rcvd", "MCPV", "BF", "HTTP/2 HEADERS frames received.", absent_feature),
    col("h2_data_rcvd", "MCPV", "BF", "HTTP/2 DATA frames received.", absent_feature),
    col("h2_settings_rcvd", "MCPV", "BF", "HTTP/2 SETTINGS frames received.", absent_feature),
    col("h2_rst_stream_rcvd", "MCPV", "BF", "HTTP/2 RST_STREAM frames received.", absent_feature),
    col("h2_goaway_rcvd", "MCPV", "BF", "HTTP/2 GOAWAY frames received.", absent_feature),
    col("h2_detected_conn_protocol_errors", "MCPV", "BF", "HTTP/2 connection errors found.", absent_feature),
    col("h2_detected_strm_protocol_errors", "MCPV", "BF", "HTTP/2 stream errors found.", absent_feature),
    col("h2_rst_stream_resp", "MCPV", "BF", "HTTP/2 RST_STREAM frames sent on errors.", absent_feature),
    col("h2_goaway_resp", "MCPV", "BF", "HTTP/2 GOAWAY frames sent.", absent_feature),
    col("h2_open_connections", "MGPV", "BF", "HTTP/2 connections open.", absent_feature),
    col("h2_backend_open_streams", "MGPV", "BF", "HTTP/2 streams open to servers.", absent_feature),
    col("h2_total_connections", "MCPV", "BF", "HTTP/2 connections since start.", absent_feature),
    col("h2_backend_total_streams", "MCPV", "BF", "HTTP/2 streams to servers since start.", absent_feature),
    col("ssl_sess", "MCPV", "BFLS", "TLS sessions.", absent_feature),
    col("ssl_reused_sess", "MCPV", "BFLS", "TLS sessions resumed.", absent_feature),
    col("ssl_failed_handshake", "MCPV", "BFLS", "TLS handshakes that failed.", absent_feature),
    col("ssl_ocsp_staple", "MCPV", "BFLS", "OCSP responses stapled.", absent_feature),
    col("ssl_failed_ocsp_staple", "MCPV", "BFLS", "OCSP responses that could not be stapled.", absent_feature),
    col("h1_open_connections", "MGPV", "BF", "HTTP/1 connections open.", absent_feature),
    col("h1_open_streams", "MGPV", "BF", "HTTP/1 streams open.", absent_feature),
    col("h1_total_connections", "MCPV", "BF", "HTTP/1 connections since start.", absent_feature),
    col("h1_total_streams", "MCPV", "BF", "HTTP/1 streams since start.", absent_feature),
    col("h1_bytes_in", "MCPV", "BF", "HTTP/1 bytes received.", absent_feature),
    col("h1_bytes_out", "MCPV", "BF", "HTTP/1 bytes sent.", absent_feature),
    col("h1_spliced_bytes_in", "MCPV", "BF", "HTTP/1 bytes spliced in.", absent_feature),
    col("h1_spliced_bytes_out", "MCPV", "BF", "HTTP/1 bytes spliced out.", absent_feature),
];

/// A row of every column.
pub fn row(v: &View) -> Row {
    Row { kind: v.kind, iid: v.iid, sid: v.sid, values: COLUMNS.iter().map(|c| c.value(v)).collect() }
}

fn n32(n: u32) -> Option<Value> {
    Some(Value::U32(n))
}

fn n64(n: u64) -> Option<Value> {
    Some(Value::U64(n))
}

fn seconds(n: u64) -> Option<Value> {
    n32(u32::try_from(n).unwrap_or(u32::MAX))
}

fn text(s: &str) -> Option<Value> {
    Some(Value::Str(s.to_owned()))
}

/// Set by nothing that is configurable here.
fn none(_: &View) -> Option<Value> {
    None
}

/// Counts of a feature that a configuration cannot have here: it has never happened.
fn absent_feature(_: &View) -> Option<Value> {
    n64(0)
}

fn server(v: &View) -> Option<&ServerSide> {
    if let Side::Server(s) = &v.side { Some(s) } else { None }
}

fn backend(v: &View) -> Option<&BackendSide> {
    if let Side::Backend(b) = &v.side { Some(b) } else { None }
}

/// Servers with a check of their own.
fn checked(v: &View) -> Option<&ServerSide> {
    server(v).filter(|s| s.state.checked)
}

/// The last check, where it is shown.
fn report(v: &View) -> Option<&CheckReport> {
    server(v)?.state.report.as_ref()
}

/// Counts that only HTTP has.
fn http(v: &View) -> Option<&Totals> {
    (v.mode == Mode::Http).then_some(&v.totals)
}

fn check_status(v: &View) -> Option<Value> {
    let running = server(v)?.state.in_progress;
    let word = report(v)?.status.word();
    text(&if running { format!("* {word}") } else { word.to_owned() })
}

fn last_session(v: &View) -> Option<Value> {
    let since = match &v.side {
        Side::Server(s) => s.since_session_s,
        Side::Backend(b) => b.since_session_s,
        Side::Client => return None,
    };
    Some(Value::S32(since.map_or(-1, |s| i32::try_from(s).unwrap_or(i32::MAX))))
}
