//! The record of one request and its answer (or of one TCP session): what logs, samples and statistics ask for.
//!
//! Owned by the stream and reused from request to request; `reset` empties it without giving memory back.

/// First character of the termination state: who or what ended the session (manual 8.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Cause {
    /// `-` normal.
    #[default]
    None,
    /// `C` the client aborted.
    ClientAbort,
    /// `S` the server aborted or refused.
    ServerAbort,
    /// `P` the proxy denied it.
    Proxy,
    /// `L` answered locally (redirect, stats, return).
    Local,
    /// `R` a resource was exhausted.
    Resource,
    /// `I` an internal error.
    Internal,
    /// `D` the server went down.
    Down,
    /// `U` the active server came up.
    Up,
    /// `K` killed by an administrator.
    Killed,
    /// `c` a client-side time-out.
    ClientTimeout,
    /// `s` a server-side time-out.
    ServerTimeout,
}

impl Cause {
    pub const fn as_char(self) -> char {
        match self {
            Cause::None => '-',
            Cause::ClientAbort => 'C',
            Cause::ServerAbort => 'S',
            Cause::Proxy => 'P',
            Cause::Local => 'L',
            Cause::Resource => 'R',
            Cause::Internal => 'I',
            Cause::Down => 'D',
            Cause::Up => 'U',
            Cause::Killed => 'K',
            Cause::ClientTimeout => 'c',
            Cause::ServerTimeout => 's',
        }
    }
}

/// Second character: the phase in which the session was when it ended (manual 8.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Phase {
    /// `-` after the data.
    #[default]
    None,
    /// `R` waiting for the request.
    Request,
    /// `Q` in the queue.
    Queue,
    /// `C` connecting to the server.
    Connect,
    /// `H` waiting for the response headers.
    Headers,
    /// `D` transferring data.
    Data,
    /// `L` the last data were still on their way to the client.
    Last,
    /// `T` tarpitted.
    Tarpit,
}

impl Phase {
    pub const fn as_char(self) -> char {
        match self {
            Phase::None => '-',
            Phase::Request => 'R',
            Phase::Queue => 'Q',
            Phase::Connect => 'C',
            Phase::Headers => 'H',
            Phase::Data => 'D',
            Phase::Last => 'L',
            Phase::Tarpit => 'T',
        }
    }
}

/// Third and fourth character: what happened to the persistence cookie (manual 8.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CookieFlags {
    /// `N I D V E O U -`: what the client sent.
    pub request: u8,
    /// `N I P D R U -`: what was done to the response.
    pub response: u8,
}

impl Default for CookieFlags {
    fn default() -> CookieFlags {
        CookieFlags { request: b'-', response: b'-' }
    }
}

/// Times of a stream in milliseconds; `-1` where the point was not reached (manual 8.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timers {
    /// `Th` handshakes.
    pub handshake_ms: i32,
    /// `Ti` idle before the request.
    pub idle_ms: i32,
    /// `TR` to receive the full request head.
    pub request_ms: i32,
    /// `Tw` in the queues.
    pub wait_ms: i32,
    /// `Tc` to connect to the server.
    pub connect_ms: i32,
    /// `Tr` from the request's end to the full response head.
    pub response_ms: i32,
    /// `Td` to transfer the data.
    pub data_ms: i32,
    /// `Ta` active time, from the request's first byte to the last byte of the answer.
    pub active_ms: i32,
    /// `Tt` total, from accept.
    pub total_ms: i32,
}

impl Timers {
    pub const UNREACHED: i32 = -1;
}

impl Default for Timers {
    fn default() -> Timers {
        let n = Timers::UNREACHED;
        Timers {
            handshake_ms: 0,
            idle_ms: n,
            request_ms: n,
            wait_ms: n,
            connect_ms: n,
            response_ms: n,
            data_ms: n,
            active_ms: n,
            total_ms: n,
        }
    }
}

/// The connection counts that the log shows at the end of a session (`%ac/%fc/%bc/%sc`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConnCounts {
    pub process: u32,
    pub frontend: u32,
    pub backend: u32,
    pub server: u32,
}

/// One request and its answer.
#[derive(Clone, Debug, Default)]
pub struct Txn {
    /// Wall clock at the first byte of the request, microseconds since the epoch (`%tr`).
    pub request_date_us: u64,
    pub timers: Timers,
    pub cause: Cause,
    pub phase: Phase,
    pub cookies: CookieFlags,
    /// Whoever answered in the place of a server, as logs name it (`<STATS>`).
    pub served_by: Option<&'static str>,
    /// Status sent to the client; 0 when none was (`-1` in the log).
    pub status: u16,
    /// Status the server sent, before rewriting; 0 when none.
    pub server_status: u16,
    /// Bytes received from the server (`%B`), headers included, 0 for answers of the proxy itself; bytes received
    /// from the client (`%U`).
    pub bytes_out: u64,
    pub bytes_in: u64,
    /// Connection retries; `redispatched` puts a `+` before them.
    pub retries: u32,
    pub redispatched: bool,
    pub server_queue: u32,
    pub backend_queue: u32,
    pub conns: ConnCounts,
    /// The request's start line as received, before any rewriting (`%r`), bounded.
    pub request_line: Vec<u8>,
    /// Captured request and response headers, by slot; `None` where absent.
    pub request_captures: Vec<Option<Vec<u8>>>,
    pub response_captures: Vec<Option<Vec<u8>>>,
    /// Cookie captured by `capture cookie`, from request and response.
    pub request_cookie: Option<Vec<u8>>,
    pub response_cookie: Option<Vec<u8>>,
    pub unique_id: Option<Vec<u8>>,
    /// Address of the server connection: ours and the server's.
    pub server_src: super::conn::Addr,
    pub server_dst: super::conn::Addr,
    /// Syslog level set by `http-request set-log-level`; `None` for the default, `Some(None)` for silent.
    pub log_level: Option<Option<u8>>,
    /// Number of the request on its connection, from 0 (`%rc`-like samples, first-request rules).
    pub number: u32,
    /// Number of the stream in the process (`%rt`), counted from 0.
    pub id: u64,
    /// The server connection was used before.
    pub server_reused: bool,
    /// Facts of the server connection's TLS session.
    pub server_tls: Option<Box<super::conn::TlsInfo>>,
    /// Variables, those of the session among them.
    pub vars: super::sample::var::Vars,
    /// What the stream counts in stick tables.
    pub tracked: super::stick::Tracks,
    /// The client's address as `set-src` and `set-src-port` changed it.
    pub src_override: Option<super::conn::Addr>,
    /// What rules changed of the stream's time-outs and retries.
    pub overrides: Overrides,
    pub priority_class: i32,
    pub priority_offset_ms: i32,
    /// `strict-mode off`: a rewrite that fails is no error.
    pub lenient_rewrites: bool,
    /// Rewrites that failed, for the `wrew` counter and, unless lenient, an error.
    pub rewrite_failures: u32,
    /// Place of the rule that ended a rule set last (see `engine::rule::Rule::place`).
    pub last_rule: Option<u64>,
    /// Memory for texts that rules compute, kept to be used again.
    pub scratch: Vec<u8>,
}

/// What `set-timeout` and `set-retries` changed; times in ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Overrides {
    pub client_ms: Option<u32>,
    pub connect_ms: Option<u32>,
    pub queue_ms: Option<u32>,
    pub server_ms: Option<u32>,
    pub tarpit_ms: Option<u32>,
    pub tunnel_ms: Option<u32>,
    pub retries: Option<u32>,
}

impl Txn {
    /// Makes it new without giving its memory back; the session's variables stay.
    pub fn reset(&mut self) {
        let mut fresh = Txn::default();
        let keep = |from: &mut Vec<u8>| {
            let mut v = std::mem::take(from);
            v.clear();
            v
        };
        fresh.request_line = keep(&mut self.request_line);
        fresh.request_captures = std::mem::take(&mut self.request_captures);
        fresh.request_captures.clear();
        fresh.response_captures = std::mem::take(&mut self.response_captures);
        fresh.response_captures.clear();
        fresh.scratch = keep(&mut self.scratch);
        fresh.vars = std::mem::take(&mut self.vars);
        fresh.vars.end_transaction();
        *self = fresh;
    }

    /// The client's address as rules and logs see it.
    pub fn src<'a>(&'a self, conn: &'a super::conn::ConnInfo) -> &'a super::conn::Addr {
        self.src_override.as_ref().unwrap_or(&conn.src)
    }

    /// Makes the capture slots that the frontend declares, all empty: from here on a log line shows them.
    pub fn prepare_captures(&mut self, request: usize, response: usize) {
        self.request_captures.resize(request, None);
        self.response_captures.resize(response, None);
    }

    /// Sets cause and phase unless something earlier already did: the first reason is the one that counts.
    pub fn end(&mut self, cause: Cause, phase: Phase) {
        if self.cause == Cause::None {
            self.cause = cause;
            self.phase = phase;
        }
    }
}
