//! The columns of `show stat`, in HAProxy's order: names, what the typed forms say of them, and for whom they
//! have a value.
//!
//! The order is a promise: scripts read columns by number. How a value is found is left to `snapshot`.

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
/// (management guide 9.2); `kinds` the letters of the rows that may have a value.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub tags: &'static str,
    pub kinds: &'static str,
    pub doc: &'static str,
}

const fn col(name: &'static str, tags: &'static str, kinds: &'static str, doc: &'static str) -> Column {
    Column { name, tags, kinds, doc }
}

/// Every column, by position.
#[rustfmt::skip]
pub const COLUMNS: &[Column] = &[
    col("pxname", "KNSV", "BFLS", "Name of the proxy."),
    col("svname", "KNSV", "BFLS", "`FRONTEND`, `BACKEND`, the server's or the listener's name."),
    col("qcur", "MGPV", "BS", "Requests waiting now: for this server, or for any of the backend."),
    col("qmax", "MMPV", "BS", "Most requests that waited at once."),
    col("scur", "MGPV", "BFLS", "Sessions now."),
    col("smax", "MMPV", "BFLS", "Most sessions at once."),
    col("slim", "CLPV", "BFLS", "Most sessions allowed at once."),
    col("stot", "MCPP", "BFLS", "Sessions since start."),
    col("bin", "MCPP", "BFLS", "Bytes from clients to servers."),
    col("bout", "MCPP", "BFLS", "Bytes from servers to clients."),
    col("dreq", "MCPP", "BFL", "Requests denied by rules."),
    col("dresp", "MCPP", "BFLS", "Responses denied by rules."),
    col("ereq", "MCPP", "FL", "Requests that were invalid, timed out or cut by the client."),
    col("econ", "MCPP", "BS", "Connections to servers that failed."),
    col("eresp", "MCPP", "BS", "Responses that were invalid or cut, and transfers the server aborted."),
    col("wretr", "MCPP", "BS", "Connections to servers tried again."),
    col("wredis", "MCPP", "BS", "Requests sent to another server after a failure."),
    col("status", "SGPV", "BFLS", "State in words: `OPEN`, `UP`, `DOWN 1/2`, `MAINT`, `no check`."),
    col("weight", "MaPV", "BS", "Weight in use; of a backend the sum of its usable servers."),
    col("act", "SGPV", "BS", "Active servers that are up; of a server whether it is active."),
    col("bck", "SGPV", "BS", "Backup servers that are up; of a server whether it is a backup."),
    col("chkfail", "MCPP", "S", "Checks that failed while the server was up."),
    col("chkdown", "MCPP", "BS", "Times it went from up to down."),
    col("lastchg", "MAPP", "BS", "Seconds since the last change of state."),
    col("downtime", "MCPV", "BS", "Seconds it was down in all."),
    col("qlimit", "CGSV", "S", "Most requests that may wait for this server."),
    col("pid", "KGPV", "BFLS", "Number of the process, always 1."),
    col("iid", "KGSV", "BFLS", "Id of the proxy."),
    col("sid", "KGSV", "BFLS", "Id of the server or listener within its proxy; 0 for the proxy itself."),
    col("throttle", "SGPV", "S", "Percent of its weight a server has during slow start."),
    col("lbtot", "MCPP", "BS", "Times the balancing algorithm chose it."),
    col("tracked", "CNSV", "S", "`backend/server` whose health it follows."),
    col("type", "CGSV", "BFLS", "0 frontend, 1 backend, 2 server, 3 listener."),
    col("rate", "MRPP", "BFS", "Sessions in the last second."),
    col("rate_lim", "CLPV", "F", "Most new sessions allowed per second."),
    col("rate_max", "MMPV", "BFS", "Most new sessions in a second."),
    col("check_status", "MOPV", "S", "Verdict of the last check: `L4OK`, `L7STS`."),
    col("check_code", "MOPV", "S", "Status or error number the last check saw."),
    col("check_duration", "MDPV", "S", "Milliseconds the last check took."),
    col("hrsp_1xx", "MCPP", "BFS", "Informational responses."),
    col("hrsp_2xx", "MCPP", "BFS", "Successes."),
    col("hrsp_3xx", "MCPP", "BFS", "Redirections."),
    col("hrsp_4xx", "MCPP", "BFS", "Client errors."),
    col("hrsp_5xx", "MCPP", "BFS", "Server errors."),
    col("hrsp_other", "MCPP", "BFS", "Responses with another status."),
    col("hanafail", "MCPP", "S", "Failures seen in live traffic (`observe`)."),
    col("req_rate", "MRPP", "F", "HTTP requests in the last second."),
    col("req_rate_max", "MMPV", "F", "Most HTTP requests in a second."),
    col("req_tot", "MCPP", "BFS", "HTTP requests since start."),
    col("cli_abrt", "MCPP", "BS", "Transfers the client aborted."),
    col("srv_abrt", "MCPP", "BS", "Transfers the server aborted."),
    col("comp_in", "MCPP", "BF", "Bytes given to compression."),
    col("comp_out", "MCPP", "BF", "Bytes that came out of compression."),
    col("comp_byp", "MCPP", "BF", "Bytes that passed compression by."),
    col("comp_rsp", "MCPP", "BF", "Responses compressed."),
    col("lastsess", "MAPP", "BS", "Seconds since the last session was sent to it; -1: never."),
    col("last_chk", "MOPV", "S", "Text of the last check."),
    col("last_agt", "MOPV", "S", "Text of the last agent answer."),
    col("qtime", "MaPV", "BS", "Average queue time of the last 1024 requests, ms."),
    col("ctime", "MaPV", "BS", "Average connect time, ms."),
    col("rtime", "MaPV", "BS", "Average response time, ms; 0 in TCP."),
    col("ttime", "MaPV", "BS", "Average total time, ms."),
    col("agent_status", "MOPV", "S", "Verdict of the last agent check."),
    col("agent_code", "MOPV", "S", "Number the last agent check saw."),
    col("agent_duration", "MDPV", "S", "Milliseconds the last agent check took."),
    col("check_desc", "MOPV", "S", "The check's verdict in words."),
    col("agent_desc", "MOPV", "S", "The agent's verdict in words."),
    col("check_rise", "CGSV", "S", "Good checks it takes to come up."),
    col("check_fall", "CGSV", "S", "Bad checks it takes to go down."),
    col("check_health", "CGSV", "S", "Health counter, 0 to rise+fall-1."),
    col("agent_rise", "CGSV", "S", "Good agent answers it takes to come up."),
    col("agent_fall", "CGSV", "S", "Bad agent answers it takes to go down."),
    col("agent_health", "CGSV", "S", "Agent's health counter."),
    col("addr", "CGSV", "LS", "Address and port."),
    col("cookie", "CNSV", "BS", "Value of the persistence cookie; of a backend its name."),
    col("mode", "CGSV", "BFLS", "`http` or `tcp`."),
    col("algo", "CGSV", "B", "Balancing algorithm."),
    col("conn_rate", "MRPP", "F", "Connections in the last second."),
    col("conn_rate_max", "MMPV", "F", "Most connections in a second."),
    col("conn_tot", "MCPP", "FL", "Connections since start."),
    col("intercepted", "MCPP", "F", "Requests the proxy answered itself."),
    col("dcon", "MCPP", "FL", "Connections denied by `tcp-request connection`."),
    col("dses", "MCPP", "FL", "Sessions denied by `tcp-request session`."),
    col("wrew", "MCPP", "BFLS", "Header rewrites that did not fit."),
    col("connect", "MCPP", "BS", "Connections to servers begun."),
    col("reuse", "MCPP", "BS", "Requests sent on a connection that was open already."),
    col("cache_lookups", "MCPP", "BF", "Cache lookups."),
    col("cache_hits", "MCPP", "BF", "Cache hits."),
    col("srv_icur", "MGPV", "S", "Idle connections to the server kept now."),
    col("src_ilim", "CLPV", "S", "Most idle connections kept."),
    col("qtime_max", "MMPV", "BS", "Longest queue time, ms."),
    col("ctime_max", "MMPV", "BS", "Longest connect time, ms."),
    col("rtime_max", "MMPV", "BS", "Longest response time, ms."),
    col("ttime_max", "MMPV", "BS", "Longest total time, ms."),
    col("eint", "MCPP", "BFLS", "Internal errors."),
    col("idle_conn_cur", "MGPV", "S", "Idle connections whose next use may need a retry."),
    col("safe_conn_cur", "MGPV", "S", "Idle connections safe to reuse."),
    col("used_conn_cur", "MGPV", "S", "Connections in use."),
    col("need_conn_est", "MGPV", "S", "Connections expected to be needed."),
    col("uweight", "MaPV", "BS", "Weight as configured or set by hand."),
    col("agg_server_status", "MGPV", "B", "Servers by state, for exporters."),
    col("agg_server_check_status", "MGPV", "B", "Servers by check state, for exporters."),
    col("agg_check_status", "MGPV", "B", "Checks by verdict, for exporters."),
    col("srid", "MCPV", "S", "Revision of the server's identity."),
    col("sess_other", "MCPV", "F", "Sessions of other protocols."),
    col("h1sess", "MCPP", "F", "HTTP/1 sessions."),
    col("h2sess", "MCPP", "F", "HTTP/2 sessions."),
    col("h3sess", "MCPP", "F", "HTTP/3 sessions."),
    col("req_other", "MCPP", "F", "Requests of other protocols."),
    col("h1req", "MCPP", "F", "HTTP/1 requests."),
    col("h2req", "MCPP", "F", "HTTP/2 requests."),
    col("h3req", "MCPP", "F", "HTTP/3 requests."),
    col("proto", "SGPV", "L", "Protocol of the listener's address."),
    col("priv_idle_cur", "MGPV", "S", "Idle connections that only their session may use."),
    col("reqbin", "MCPP", "BFLS", "Request bytes received."),
    col("reqbout", "MCPP", "BFLS", "Request bytes sent."),
    col("resbin", "MCPP", "BFLS", "Response bytes received."),
    col("resbout", "MCPP", "BFLS", "Response bytes sent."),
    col("cache_hint_hits", "MCPP", "BF", "Cache hits by hint."),
    col("h2_headers_rcvd", "MCPV", "BF", "HTTP/2 HEADERS frames received."),
    col("h2_data_rcvd", "MCPV", "BF", "HTTP/2 DATA frames received."),
    col("h2_settings_rcvd", "MCPV", "BF", "HTTP/2 SETTINGS frames received."),
    col("h2_rst_stream_rcvd", "MCPV", "BF", "HTTP/2 RST_STREAM frames received."),
    col("h2_goaway_rcvd", "MCPV", "BF", "HTTP/2 GOAWAY frames received."),
    col("h2_detected_conn_protocol_errors", "MCPV", "BF", "HTTP/2 connection errors found."),
    col("h2_detected_strm_protocol_errors", "MCPV", "BF", "HTTP/2 stream errors found."),
    col("h2_rst_stream_resp", "MCPV", "BF", "HTTP/2 RST_STREAM frames sent on errors."),
    col("h2_goaway_resp", "MCPV", "BF", "HTTP/2 GOAWAY frames sent."),
    col("h2_open_connections", "MGPV", "BF", "HTTP/2 connections open."),
    col("h2_backend_open_streams", "MGPV", "BF", "HTTP/2 streams open to servers."),
    col("h2_total_connections", "MCPV", "BF", "HTTP/2 connections since start."),
    col("h2_backend_total_streams", "MCPV", "BF", "HTTP/2 streams to servers since start."),
    col("ssl_sess", "MCPV", "BFLS", "TLS sessions."),
    col("ssl_reused_sess", "MCPV", "BFLS", "TLS sessions resumed."),
    col("ssl_failed_handshake", "MCPV", "BFLS", "TLS handshakes that failed."),
    col("ssl_ocsp_staple", "MCPV", "BFLS", "OCSP responses stapled."),
    col("ssl_failed_ocsp_staple", "MCPV", "BFLS", "OCSP responses that could not be stapled."),
    col("h1_open_connections", "MGPV", "BF", "HTTP/1 connections open."),
    col("h1_open_streams", "MGPV", "BF", "HTTP/1 streams open."),
    col("h1_total_connections", "MCPV", "BF", "HTTP/1 connections since start."),
    col("h1_total_streams", "MCPV", "BF", "HTTP/1 streams since start."),
    col("h1_bytes_in", "MCPV", "BF", "HTTP/1 bytes received."),
    col("h1_bytes_out", "MCPV", "BF", "HTTP/1 bytes sent."),
    col("h1_spliced_bytes_in", "MCPV", "BF", "HTTP/1 bytes spliced in."),
    col("h1_spliced_bytes_out", "MCPV", "BF", "HTTP/1 bytes spliced out."),
];
