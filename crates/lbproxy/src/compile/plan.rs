//! The plan: everything that serving needs, immutable, behind one pointer.
//!
//! Names are resolved to indexes, expressions compiled, addresses typed. What changes while serving stands in
//! `engine::state` and is only pointed to. A reload compiles a new plan and swaps the pointer; connections that
//! began with the old one keep it until they end. TLS material is named here and loaded by `shell::tls`.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use common::source::At;

use crate::engine::{
    action::Reply,
    balance, check, cookie, dns,
    http::{case::CaseMap, framing::Policy, parse::Limits},
    logformat::LogFormat,
    pattern::list::List,
    rule::{Cond, HttpRules, TcpRules},
    sample::{Expr, Fact, Value},
    state::{BackendState, FrontendState, ListenerState, Saved, ServerState},
    stick::Table,
};

/// Index of a frontend in [`Plan::frontends`].
pub type FrontendIx = usize;
/// Index of a backend in [`Plan::backends`].
pub type BackendIx = usize;
/// Index of a server in [`Backend::servers`].
pub type ServerIx = usize;

/// One compiled configuration.
#[derive(Debug)]
pub struct Plan {
    pub global: Global,
    pub frontends: Vec<Arc<Frontend>>,
    pub backends: Vec<Arc<Backend>>,
    /// Proxies in the order of the file: the halves each has.
    pub order: Vec<(Option<FrontendIx>, Option<BackendIx>)>,
    /// Lists of patterns that commands can change, by id.
    pub lists: Vec<PatternList>,
    /// Every log destination once; [`LogTarget::sink`] is an index into it.
    pub log_sinks: Vec<LogSink>,
    /// `resolvers` sections, in the order of the file.
    pub resolvers: Vec<Arc<Resolvers>>,
    /// Every stick table, in the order of the file.
    pub tables: Vec<Arc<Table>>,
}

/// A list of patterns as commands name it: `#id`, or the file's name.
#[derive(Debug)]
pub struct PatternList {
    pub id: u32,
    pub list: Arc<List>,
    /// What uses it, and where.
    pub uses: Vec<(String, common::source::Span)>,
    /// The same for people (`show acl`, `show map`), once the places have names.
    pub description: String,
}

/// What `global` says, compiled.
#[derive(Debug, Default)]
pub struct Global {
    /// Worker threads, at least 1.
    pub threads: usize,
    /// Most connections of the process; 0: as many as descriptors allow.
    pub maxconn: u32,
    pub maxconnrate: u32,
    /// `maxsessrate`, `maxsslrate`: most new sessions and TLS connections per second; 0: no limit.
    pub maxsessrate: u32,
    pub maxsslrate: u32,
    /// `set-var` and `set-var-fmt` of the process, by name without `proc.`.
    pub vars: Vec<(String, Value<'static>)>,
    /// `h1-case-adjust`.
    pub case_adjust: CaseMap,
    pub node: String,
    /// Something asks for our address towards servers (`bc_src`, `%bi`), so the kernel is asked for each connection.
    pub asks_server_src: bool,
    pub description: Option<String>,
    pub pidfile: Option<PathBuf>,
    pub chroot: Option<PathBuf>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub daemon: bool,
    pub quiet: bool,
    pub ulimit_n: Option<u64>,
    pub hard_stop_after_ms: u32,
    /// Time for which closing spreads over idle connections on a soft stop.
    pub grace_ms: u32,
    /// Log targets of the process itself.
    pub log: LogPlan,
    /// `log-send-hostname`: the name in log headers.
    pub log_hostname: Option<String>,
    pub stats_sockets: Vec<StatsSocket>,
    pub stats_timeout_ms: u32,
    pub stats_maxconn: u32,
    pub tune: Tune,
    /// `spread-checks`: percent by which check intervals vary at random, either way.
    pub spread_checks_percent: u32,
    /// `max-spread-checks`; 0: no limit.
    pub spread_checks_ms_max: u32,
    /// Paths below which the companion may open files, besides those named in the plan.
    pub ca_base: Option<PathBuf>,
    pub crt_base: Option<PathBuf>,
}

/// `tune.*` that the shells read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tune {
    /// `tune.bufsize`, bytes.
    pub bufsize: usize,
    /// `tune.maxrewrite`, bytes kept free for added headers.
    pub maxrewrite: usize,
    /// `tune.http.maxhdr`, lines of a head.
    pub http_maxhdr: usize,
    /// `h1-accept-payload-with-any-method`.
    pub payload_with_any_method: bool,
    /// `h1-do-not-close-on-insecure-transfer-encoding`.
    pub keep_insecure: bool,
    /// `tune.http.logurilen`, bytes of the request line that logs keep.
    pub logurilen: usize,
    /// `tune.http.cookielen`, bytes of a captured cookie.
    pub cookielen: usize,
    /// `tune.maxaccept`, accepts in a row before other work.
    pub maxaccept: usize,
    /// `tune.pool-low-fd-ratio`-like limit: idle server connections kept per thread and server.
    pub idle_max: usize,
    pub rcvbuf_client: Option<u32>,
    pub sndbuf_client: Option<u32>,
    pub rcvbuf_server: Option<u32>,
    pub sndbuf_server: Option<u32>,
}

impl Tune {
    /// What the parser takes of a head.
    pub fn limits(&self, accept_unsafe: bool) -> Limits {
        Limits {
            headers_max: self.http_maxhdr,
            head_bytes_max: self.bufsize.saturating_sub(self.maxrewrite).max(256),
            accept_unsafe,
        }
    }

    /// What of a message's framing is overlooked.
    pub fn policy(&self, accept_unsafe: bool) -> Policy {
        Policy {
            payload_with_any_method: self.payload_with_any_method,
            keep_insecure: self.keep_insecure,
            accept_unsafe,
        }
    }
}

impl Default for Tune {
    fn default() -> Tune {
        Tune {
            bufsize: 16_384,
            maxrewrite: 1_024,
            http_maxhdr: 101,
            payload_with_any_method: false,
            keep_insecure: false,
            logurilen: 1_024,
            cookielen: 63,
            maxaccept: 4,
            idle_max: 1_024,
            rcvbuf_client: None,
            sndbuf_client: None,
            rcvbuf_server: None,
            sndbuf_server: None,
        }
    }
}

/// What may be done over a stats socket (manual 3.1, `stats socket … level`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Level {
    User,
    #[default]
    Operator,
    Admin,
}

/// A `stats socket` line.
#[derive(Clone, Debug)]
pub struct StatsSocket {
    pub bind: Bind,
    pub level: Level,
}

/// Protocol of a proxy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    #[default]
    Tcp,
    Http,
}

/// Where to listen or whom to call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoint {
    Inet(SocketAddr),
    /// Path of a Unix socket.
    Unix(PathBuf),
    /// Name in the abstract namespace; `padded` with zeros to the size of the kernel's structure (`abns@`).
    Abstract {
        name: String,
        padded: bool,
    },
    /// An inherited, already listening descriptor.
    Fd(i32),
}

/// One address of a `bind` line with its options. A port range has become several of these.
#[derive(Clone, Debug)]
pub struct Bind {
    /// `name` option, or empty (`show stat` then says `sock-N`).
    pub name: String,
    /// Listener id for `show stat`.
    pub id: u32,
    pub endpoint: Endpoint,
    /// The place in the configuration, for messages.
    pub place: common::source::Span,
    /// The words as written, for messages (`*:5000`).
    pub text: String,
    pub backlog: Option<u32>,
    pub maxconn: u32,
    pub accept_proxy: bool,
    /// Bind an address that the host does not hold (always tried for Internet addresses).
    pub transparent: bool,
    pub v6only: Option<bool>,
    pub interface: Option<String>,
    pub defer_accept: bool,
    pub tfo: bool,
    pub mss: Option<i32>,
    pub nice: i32,
    /// Access of a Unix socket: mode, owner, group.
    pub unix_mode: Option<u32>,
    pub unix_uid: Option<u32>,
    pub unix_gid: Option<u32>,
    pub tls: Option<BindTls>,
}

/// TLS of a `bind` line: names of the material, loaded by `shell::tls`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BindTls {
    /// `crt` arguments in order: files or directories (the first certificate is the default one).
    pub crts: Vec<At<PathBuf>>,
    pub ca_file: Option<PathBuf>,
    pub crl_file: Option<PathBuf>,
    pub verify: Verify,
    pub alpn: Vec<Vec<u8>>,
    pub min_version: TlsVersion,
    pub max_version: TlsVersion,
    /// Cipher lists as written; mapped to what the library has.
    pub ciphers: Option<String>,
    pub ciphersuites: Option<String>,
    pub strict_sni: bool,
    pub no_tickets: bool,
}

/// TLS of a `server` line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerTls {
    pub verify: Verify,
    pub ca_file: Option<PathBuf>,
    pub crl_file: Option<PathBuf>,
    pub crt: Option<PathBuf>,
    /// Fixed name for SNI (`sni str(…)`); other expressions are in [`Server::sni`].
    pub sni: Option<String>,
    pub verifyhost: Option<String>,
    pub alpn: Vec<Vec<u8>>,
    pub min_version: TlsVersion,
    pub max_version: TlsVersion,
    pub ciphers: Option<String>,
    pub ciphersuites: Option<String>,
}

/// Whether the peer's certificate is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verify {
    #[default]
    None,
    Optional,
    Required,
}

/// A bound of the TLS version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum TlsVersion {
    #[default]
    Default,
    V10,
    V11,
    V12,
    V13,
}

/// Client side of a proxy: `frontend`, or the front of a `listen`.
#[derive(Debug)]
pub struct Frontend {
    pub ix: FrontendIx,
    pub name: Arc<str>,
    /// Proxy id for `show stat` (`iid`).
    pub id: u32,
    pub description: Option<String>,
    pub mode: Mode,
    pub binds: Vec<Arc<Bind>>,
    /// Counts of each of `binds` with `option socket-stats`; else empty.
    pub listeners: Vec<Arc<ListenerState>>,
    /// Most sessions at once; 0: no limit.
    pub maxconn: u32,
    pub backlog: u32,
    /// `rate-limit sessions`, 0: no limit.
    pub rate_limit: u32,
    pub disabled: bool,
    pub timeouts: ClientTimeouts,
    pub http: HttpOptions,
    pub forwardfor: Option<Arc<ForwardFor>>,
    pub originalto: Option<Arc<ForwardFor>>,
    pub rules: Arc<ProxyRules>,
    /// `use_backend` in order; the first whose condition holds wins.
    pub switching: Vec<Switch>,
    pub default_backend: Option<BackendIx>,
    /// `force-be-switch`: when one holds, backends that are disabled or not published are chosen, too.
    pub force_switch: Vec<Cond>,
    pub log: Arc<LogPlan>,
    pub captures: Captures,
    pub errors: Arc<ErrorPages>,
    pub stats: Option<Arc<StatsPage>>,
    pub monitor_uri: Option<String>,
    pub monitor_fail: Vec<Cond>,
    pub unique_id: Option<UniqueId>,
    /// TCP options of client connections.
    pub tcp: TcpOptions,
    pub state: Arc<FrontendState>,
}

/// Server side of a proxy: `backend`, or the back of a `listen`.
#[derive(Debug)]
pub struct Backend {
    pub ix: BackendIx,
    pub name: Arc<str>,
    pub id: u32,
    pub description: Option<String>,
    /// The frontend of the same `listen` section: its rules, forwardfor and log serve both and run once.
    pub same_as: Option<FrontendIx>,
    pub mode: Mode,
    pub disabled: bool,
    /// `be-unpublished`: rules pass it over until it is published.
    pub unpublished: bool,
    pub servers: Vec<Arc<Server>>,
    pub balance: balance::Spec,
    /// `balance hash <expression>`.
    pub balance_sample: Option<Expr>,
    /// The chooser built of `balance` and the servers' states.
    pub lb: balance::Lb,
    pub cookie: Option<Arc<cookie::Spec>>,
    pub dynamic_cookie_key: Option<String>,
    pub retries: u32,
    /// `option redispatch [n]`: 0 off, else HAProxy's interval (-1: on the last retry).
    pub redispatch: i32,
    /// `retry-on`.
    pub retry_on: RetryOn,
    pub timeouts: ServerTimeouts,
    pub http: HttpOptions,
    pub http_reuse: Reuse,
    pub forwardfor: Option<Arc<ForwardFor>>,
    pub originalto: Option<Arc<ForwardFor>>,
    pub rules: Arc<ProxyRules>,
    pub use_server: Vec<(ServerIx, Option<Cond>)>,
    pub stick: StickRules,
    /// `unique-id-format`, for checks that send one.
    pub unique_id: Option<LogFormat>,
    pub errors: Arc<ErrorPages>,
    pub stats: Option<Arc<StatsPage>>,
    pub fullconn: u32,
    /// `option allbackups`, `persist`, `abortonclose`, `prefer-last-server`.
    pub allbackups: bool,
    pub persist: bool,
    pub abortonclose: bool,
    pub prefer_last_server: bool,
    pub log_health_checks: bool,
    pub log: Arc<LogPlan>,
    /// `source` address for connections to servers.
    pub source: Option<SocketAddr>,
    pub tcp: TcpOptions,
    pub state: Arc<BackendState>,
}

/// One server of a backend.
#[derive(Debug)]
pub struct Server {
    pub ix: ServerIx,
    pub name: Arc<str>,
    /// Server id for `show stat` (`sid`).
    pub id: u32,
    /// `None` until the name resolves; changed at run time through [`ServerState`].
    pub endpoint: Option<Endpoint>,
    /// Host name to resolve (`None` for literal addresses).
    pub host: Option<String>,
    /// Who resolves the name while the process runs.
    pub resolve: Option<Resolve>,
    /// Port: fixed, or relative to the client's destination port.
    pub port: Port,
    /// Weight as configured, 0..=256.
    pub weight: u32,
    pub backup: bool,
    /// Starts in maintenance.
    pub disabled: bool,
    /// `non-stick`: never remembered by stick rules.
    pub non_stick: bool,
    pub cookie: Option<String>,
    pub maxconn: u32,
    pub minconn: u32,
    pub maxqueue: u32,
    pub slowstart_ms: u32,
    pub on_marked_down_shutdown: bool,
    pub on_marked_up_shutdown_backups: bool,
    pub tls: Option<Arc<ServerTls>>,
    /// For checks with TLS where the traffic has none (`check-ssl`, `… connect ssl`).
    pub check_tls: Option<Arc<ServerTls>>,
    pub send_proxy: SendProxy,
    /// `pool-max-conn` (-1: no limit), `pool-purge-delay`, `pool-low-conn`.
    pub pool_max_conn: i64,
    pub pool_purge_delay_ms: u32,
    pub pool_low_conn: u32,
    pub max_reuse: i64,
    pub source: Option<SocketAddr>,
    pub redir: Option<String>,
    pub check: Option<Arc<check::Spec>>,
    pub observe: Option<check::Observe>,
    /// What an earlier process left in a state file.
    pub saved: Option<Saved>,
    pub agent: Option<Arc<check::AgentSpec>>,
    /// `track` of another server.
    pub track: Option<(BackendIx, ServerIx)>,
    pub state: Arc<ServerState>,
}

impl Server {
    /// What samples ask of a server; `None` for what is no fact of one.
    pub fn fact(&self, fact: Fact) -> Option<i64> {
        Some(match fact {
            Fact::ServerConn => self.state.sessions.now().into(),
            Fact::ServerConnFree => match self.state.maxconn() {
                0 => -1,
                max => i64::from(max) - i64::from(self.state.sessions.now()),
            },
            Fact::ServerIsUp => self.state.is_usable().into(),
            Fact::ServerQueue => self.state.queued.now().into(),
            Fact::ServerId => self.id.into(),
            Fact::ServerWeight => self.state.weight_shown().into(),
            Fact::ServerInitialWeight => self.weight.into(),
            Fact::ServerUserWeight => self.state.weights().0.into(),
            _ => return None,
        })
    }

    /// The configured Internet address.
    pub fn inet(&self) -> Option<SocketAddr> {
        match &self.endpoint {
            Some(Endpoint::Inet(a)) => Some(*a),
            _ => None,
        }
    }
}

/// A `resolvers` section.
#[derive(Debug)]
pub struct Resolvers {
    pub settings: dns::Settings,
    pub nameservers: Vec<Nameserver>,
}

/// One name server.
#[derive(Debug)]
pub struct Nameserver {
    pub name: String,
    pub addr: SocketAddr,
    /// What is counted of it, for `show resolvers`.
    pub counts: dns::Counts,
}

/// How a server's name is resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolve {
    /// Index into [`Plan::resolvers`].
    pub resolvers: usize,
    pub prefer: dns::Family,
    /// `resolve-net`: addresses of these networks come first.
    pub near: Vec<(std::net::IpAddr, u8)>,
    /// `allow-dup-ip`: servers of one name may have one address.
    pub allow_dup: bool,
}

/// Port of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Port {
    Fixed(u16),
    /// The client's destination port plus this.
    Relative(i32),
}

/// PROXY protocol towards a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SendProxy {
    #[default]
    No,
    V1,
    V2,
}

/// The `stick` rules of a backend, by what they are asked for.
#[derive(Debug, Default)]
pub struct StickRules {
    /// `stick match`, `stick on`: the first with an entry names the server.
    pub matching: Vec<Arc<StickRule>>,
    /// `stick store-request`, `stick on`.
    pub store_request: Vec<Arc<StickRule>>,
    pub store_response: Vec<Arc<StickRule>>,
}

/// One `stick` rule.
#[derive(Debug)]
pub struct StickRule {
    pub key: Expr,
    pub table: Arc<Table>,
    pub cond: Option<Cond>,
}

/// `use_backend`.
#[derive(Debug)]
pub struct Switch {
    pub target: SwitchTarget,
    pub cond: Option<Cond>,
}

/// A fixed backend, or a name computed per request.
#[derive(Debug)]
pub enum SwitchTarget {
    Fixed(BackendIx),
    Dynamic(LogFormat),
}

/// The rule sets of a proxy, in HAProxy's order of evaluation.
#[derive(Debug, Default)]
pub struct ProxyRules {
    pub tcp_connection: TcpRules,
    pub tcp_session: TcpRules,
    pub tcp_content: TcpRules,
    pub tcp_response: TcpRules,
    pub http_request: HttpRules,
    pub http_response: HttpRules,
    pub http_after_response: HttpRules,
    /// `tcp-request inspect-delay`, `tcp-response inspect-delay`; 0: none.
    pub inspect_delay_ms: u32,
    pub response_inspect_delay_ms: u32,
}

/// Client-side time-outs in ms; 0: none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ClientTimeouts {
    pub client: u32,
    pub client_fin: u32,
    pub client_hs: u32,
    /// `timeout http-request`; falls back to `client`.
    pub http_request: u32,
    /// `timeout http-keep-alive`; falls back to `http_request`, then `client`.
    pub http_keep_alive: u32,
    pub tarpit: u32,
}

/// Server-side time-outs in ms; 0: none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ServerTimeouts {
    pub connect: u32,
    pub server: u32,
    pub server_fin: u32,
    pub queue: u32,
    pub tunnel: u32,
    pub tarpit: u32,
}

/// What happens to connections after a response (manual 4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ConnectionMode {
    #[default]
    KeepAlive,
    /// `option http-server-close`.
    ServerClose,
    /// `option httpclose`.
    Close,
}

/// HTTP options of a proxy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HttpOptions {
    pub connection: ConnectionMode,
    pub ignore_probes: bool,
    pub use_proxy_header: bool,
    pub accept_unsafe_request: bool,
    pub accept_unsafe_response: bool,
    pub no_delay: bool,
    pub buffer_request: bool,
    pub restrict_req_hdr_names: bool,
    pub drop_invalid_hdr_names: bool,
    /// `option h1-case-adjust-bogus-client`, `-server`.
    pub adjust_case_client: bool,
    pub adjust_case_server: bool,
    pub nolinger: bool,
}

/// TCP options of one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpOptions {
    pub keepalive: bool,
    pub nolinger: bool,
    pub splice: bool,
}

/// `http-reuse`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reuse {
    Never,
    #[default]
    Safe,
    Aggressive,
    Always,
}

/// `retry-on`, as flags.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RetryOn {
    pub conn_failure: bool,
    pub empty_response: bool,
    pub junk_response: bool,
    pub response_timeout: bool,
    pub statuses: Vec<u16>,
}

impl Default for RetryOn {
    fn default() -> RetryOn {
        RetryOn {
            conn_failure: true,
            empty_response: false,
            junk_response: false,
            response_timeout: false,
            statuses: Vec::new(),
        }
    }
}

/// `option forwardfor`, `option originalto`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForwardFor {
    pub header: String,
    /// Source networks for which nothing is added: address and prefix length.
    pub except: Vec<(std::net::IpAddr, u8)>,
    pub if_none: bool,
}

/// Where logs of a proxy go and how a line looks.
#[derive(Debug, Default)]
pub struct LogPlan {
    pub targets: Vec<LogTarget>,
    pub format: Option<LogFormat>,
    pub error_format: Option<LogFormat>,
    /// Structured data of RFC 5424.
    pub sd: Option<LogFormat>,
    pub tag: Option<String>,
    /// `option dontlognull`, `dontlog-normal`, `logasap`, `log-separate-errors`.
    pub dontlognull: bool,
    pub dontlog_normal: bool,
    pub logasap: bool,
    pub separate_errors: bool,
}

/// A `log` line.
#[derive(Clone, PartialEq, Debug)]
pub struct LogTarget {
    /// Index into [`Plan::log_sinks`].
    pub sink: usize,
    pub format: LogWire,
    /// Syslog facility number, most and least severe level.
    pub facility: u8,
    pub level_max: u8,
    pub level_min: u8,
    /// `len`, bytes of a line.
    pub len: usize,
    /// `sample ranges:size`: which of `size` lines are sent; empty: all.
    pub sample: Vec<(u32, u32)>,
    pub sample_size: u32,
}

/// Where log lines are sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum LogSink {
    Udp(SocketAddr),
    Unix(PathBuf),
    Fd(i32),
    Ring(String),
}

impl LogSink {
    /// As people write it.
    pub fn name(&self) -> String {
        match self {
            LogSink::Udp(to) => to.to_string(),
            LogSink::Unix(path) => path.display().to_string(),
            LogSink::Fd(n) => format!("fd@{n}"),
            LogSink::Ring(r) => format!("ring@{r}"),
        }
    }

    /// What kind of sink it is (`show events`).
    pub fn kind(&self) -> &'static str {
        match self {
            LogSink::Udp(_) | LogSink::Unix(_) => "datagram",
            LogSink::Fd(_) => "fd",
            LogSink::Ring(_) => "buffer",
        }
    }
}

/// How a log line is framed (manual 3.1, `log … format`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogWire {
    Local,
    #[default]
    Rfc3164,
    Rfc5424,
    Priority,
    Short,
    Timed,
    Iso,
    Raw,
}

/// Headers and cookie that logs show.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Captures {
    /// Name and most bytes, by slot.
    pub request: Vec<(String, usize)>,
    pub response: Vec<(String, usize)>,
    /// `capture cookie NAME len N`; a name ending in `=` is exact.
    pub cookie: Option<(String, usize)>,
}

/// `unique-id-format` and `unique-id-header`.
#[derive(Debug)]
pub struct UniqueId {
    pub format: LogFormat,
    pub header: Option<String>,
}

/// What is sent instead of an answer of a server: whole messages (head and body) ready to send, by status.
#[derive(Debug, Default)]
pub struct ErrorPages {
    pub pages: Vec<(u16, ErrorPage)>,
}

/// One error page.
#[derive(Clone, Debug)]
pub enum ErrorPage {
    /// The raw message of an `errorfile`; an empty one ends the connection without a word.
    Raw(Arc<[u8]>),
    /// `errorloc302`/`errorloc303`.
    Redirect { status: u16, location: String },
    /// `http-error`.
    Reply(Arc<Reply>),
}

/// The statistics page of a proxy.
#[derive(Debug, Default)]
pub struct StatsPage {
    pub uri: String,
    pub realm: String,
    /// `user:password` pairs.
    pub auth: Vec<(String, String)>,
    /// `stats admin`: conditions, any of which gives the right to act.
    pub admin: Vec<Cond>,
    pub refresh_s: u32,
    pub hide_version: bool,
    pub show_legends: bool,
    pub show_modules: bool,
    pub show_node: Option<String>,
    pub show_desc: Option<String>,
    /// `stats scope`; empty: everything. `.` is the proxy itself.
    pub scope: Vec<String>,
}
