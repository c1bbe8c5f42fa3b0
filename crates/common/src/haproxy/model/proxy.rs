//! Proxies: what `frontend`, `backend` and `listen` sections say.

use super::{
    Acl, Bind, CheckKind, CheckStep, Deserialize, Directive, Format, JsonSchema, LogTarget, NumberOr,
    RuleSets, Serialize, Server, ServerTemplate, Source, UseBackend, UseServer, model, model_enum,
};
use crate::{
    haproxy::expr::{Cond, SampleExpr},
    source::At,
};

model_enum! {
    /// Which halves a proxy has.
    #[derive(Copy, Eq, Default)]
    pub enum ProxyKind {
        Frontend,
        Backend,
        #[default]
        Listen,
    }

    /// What the proxy understands of what it carries.
    #[derive(Copy, Eq, Default)]
    pub enum Mode {
        /// The language's own default.
        #[default]
        Tcp,
        Http,
        Log,
        Spop,
        Haterm,
        /// Removed since 3.3: answers `OK` and closes.
        Health,
    }

    /// `option http-keep-alive`, `http-server-close`, `httpclose`: the last one given counts.
    #[derive(Copy, Eq, Default)]
    pub enum HttpMode {
        #[default]
        KeepAlive,
        ServerClose,
        Close,
    }

    /// What is logged of a connection or request.
    #[derive(Default)]
    pub enum LogFormat {
        /// The short line without `option tcplog` or `httplog`.
        #[default]
        Connect,
        Tcp,
        Http,
        Https,
        /// `option httplog clf`.
        Clf,
        /// `option tcplog clf`.
        TcpClf,
        /// `log-format text`.
        Custom(Format),
    }

    /// `http-reuse`.
    #[derive(Copy, Eq, Default)]
    pub enum HttpReuse {
        Never,
        #[default]
        Safe,
        Aggressive,
        Always,
    }

    /// `balance`.
    #[derive(Default)]
    pub enum Balance {
        #[default]
        Roundrobin,
        StaticRr,
        Leastconn,
        First,
        Source,
        Random {
            /// Servers drawn; 2 when absent.
            draws: Option<u32>,
        },
        Uri { whole: bool, path_only: bool, len: Option<u32>, depth: Option<u32> },
        UrlParam { name: At<String>, check_post: bool },
        Hdr { name: At<String>, use_domain_only: bool },
        RdpCookie { name: Option<At<String>> },
        Hash(SampleExpr),
        LogHash(Vec<At<String>>),
        Sticky,
    }

    /// First part of `hash-type`; map-based when absent.
    #[derive(Copy, Eq, Default)]
    pub enum HashMethod {
        #[default]
        MapBased,
        Consistent,
    }

    /// Second part of `hash-type`; sdbm when absent.
    #[derive(Copy, Eq, Default)]
    pub enum HashFunction {
        #[default]
        Sdbm,
        Djb2,
        Wt6,
        Crc32,
        None,
    }

    /// Third part of `hash-type`.
    #[derive(Copy, Eq, Default)]
    pub enum HashModifier {
        #[default]
        None,
        Avalanche,
    }

    /// `hash-preserve-affinity`; always when absent.
    #[derive(Copy, Eq)]
    pub enum HashAffinity {
        Always,
        Maxconn,
        Maxqueue,
    }

    /// What the proxy does with the server cookie.
    #[derive(Copy, Eq, Default)]
    pub enum CookieMode {
        /// Only looked at: none of the other three words was given.
        #[default]
        Passive,
        Rewrite,
        Insert,
        Prefix,
    }

    /// `retry-on` words.
    #[derive(Copy, Eq)]
    pub enum RetryOn {
        None,
        ConnFailure,
        EmptyResponse,
        JunkResponse,
        ResponseTimeout,
        #[serde(rename = "0rtt-rejected")]
        ZeroRttRejected,
        AllRetryableErrors,
        /// One HTTP status: 401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504.
        Status(u16),
    }

    /// How often a failed connection goes to another server.
    #[derive(Copy, Eq)]
    pub enum Redispatch {
        /// On the last retry, the built-in interval -1.
        LastRetry,
        /// On every n-th retry; negative: on the n-th counted from the last.
        Every(i32),
        /// `no option redispatch` or interval 0.
        Never,
    }

    /// One answer of the proxy itself.
    pub enum ErrorPage {
        /// `errorfile code path`.
        File(At<String>),
        /// `errorloc`, `errorloc302`.
        Loc302(String),
        Loc303(String),
        /// `errorfiles section`: that section's page for this status.
        Section(At<String>),
        /// `http-error status … …`.
        Reply(super::Reply),
    }

    /// One rule of `capture request|response header`, `capture cookie`.
    #[derive(Copy, Eq)]
    pub enum Side {
        Request,
        Response,
    }
}

model! {
    /// A `frontend`, `backend` or `listen` section with everything inherited from its `defaults`.
    pub struct Proxy {
        pub name: At<String>,
        pub kind: ProxyKind,
        pub mode: Mode,
        pub id: Option<At<u32>>,
        pub guid: Option<At<String>>,
        pub description: Option<String>,
        pub disabled: bool,
        pub front: Front,
        pub back: Backend,
        pub timeouts: Timeouts,
        pub options: Options,
        pub acls: Vec<At<Acl>>,
        pub rules: RuleSets,
        pub logs: Vec<At<LogTarget>>,
        pub log_tag: Option<String>,
        pub error_pages: Vec<At<StatusPage>>,
        pub stats: Option<Stats>,
        pub stick_table: Option<At<StickTable>>,
        pub filters: Vec<At<Directive>>,
        pub compression: Option<Compression>,
        pub email_alert: EmailAlert,
        pub unique_id_format: Option<Format>,
        /// `declare capture request|response len n`, in order.
        pub declared_captures: Vec<At<DeclaredCapture>>,
        /// Known keywords that are kept as written: each was said to be without effect or not built yet.
        pub others: Vec<At<Directive>>,
    }

    /// The listening half (frontend, listen).
    pub struct Front {
        pub binds: Vec<At<Bind>>,
        /// Concurrent connections; the process's limit when absent.
        pub maxconn: Option<At<u32>>,
        pub backlog: Option<u32>,
        /// `rate-limit sessions`: new ones per second.
        pub rate_limit_sessions: Option<u32>,
        pub default_backend: Option<Format>,
        pub use_backend: Vec<At<UseBackend>>,
        pub force_be_switch: Vec<At<Cond>>,
        pub monitor_uri: Option<At<String>>,
        pub monitor_fail: Vec<At<Cond>>,
        pub captures: Vec<At<HeaderCapture>>,
        pub cookie_capture: Option<At<CookieCapture>>,
        pub log_format: LogFormat,
        pub error_log_format: Option<Format>,
        pub log_format_sd: Option<Format>,
        pub log_steps: Option<At<String>>,
        pub unique_id_header: Option<At<String>>,
        pub clitcpka: TcpKeepalive,
        pub max_session_srv_conns: Option<u32>,
    }

    /// The half that has servers (backend, listen).
    pub struct Backend {
        pub servers: Vec<At<Server>>,
        pub templates: Vec<At<ServerTemplate>>,
        pub balance: Option<At<Balance>>,
        pub hash_type: Option<HashType>,
        /// Percent of the average load one server may have; no bound when absent or 0.
        pub hash_balance_factor: Option<u32>,
        pub hash_preserve_affinity: Option<HashAffinity>,
        pub cookie: Option<At<Cookie>>,
        /// `dynamic-cookie-key`.
        pub dynamic_cookie_key: Option<String>,
        pub use_server: Vec<At<UseServer>>,
        /// Attempts after the first failure; 3 when absent.
        pub retries: Option<u32>,
        pub retry_on: Vec<RetryOn>,
        /// Off when absent.
        pub redispatch: Option<Redispatch>,
        /// Load at which server `maxconn` is reached when `minconn` is given.
        pub fullconn: Option<u32>,
        pub http_reuse: Option<HttpReuse>,
        pub check: CheckKind,
        pub http_check: Vec<At<CheckStep>>,
        pub tcp_check: Vec<At<CheckStep>>,
        pub http_check_disable_on_404: bool,
        pub http_check_send_state: bool,
        pub external_check_command: Option<At<String>>,
        pub external_check_path: Option<String>,
        pub source: Option<At<Source>>,
        pub srvtcpka: TcpKeepalive,
        pub stick_rules: Vec<At<StickRule>>,
        pub persist_rdp_cookie: Option<String>,
        pub force_persist: Vec<At<Cond>>,
        pub ignore_persist: Vec<At<Cond>>,
        pub http_send_name_header: Option<At<String>>,
        pub load_server_state_from_file: Option<ServerStateFile>,
        pub server_state_file_name: Option<String>,
        /// Requests waiting for their preferred server beyond which they go elsewhere.
        pub max_keep_alive_queue: Option<i32>,
        pub fcgi_app: Option<At<String>>,
        /// `be-unpublished`: switching rules pass it over.
        pub unpublished: bool,
    }

    /// All in milliseconds; absent: no limit, unless said otherwise.
    pub struct Timeouts {
        pub connect_ms: Option<u64>,
        pub client_ms: Option<u64>,
        pub client_fin_ms: Option<u64>,
        pub client_hs_ms: Option<u64>,
        pub server_ms: Option<u64>,
        pub server_fin_ms: Option<u64>,
        /// `timeout connect` when absent.
        pub queue_ms: Option<u64>,
        pub http_request_ms: Option<u64>,
        /// `timeout http-request` when absent, else `timeout client`.
        pub http_keep_alive_ms: Option<u64>,
        pub tunnel_ms: Option<u64>,
        pub tarpit_ms: Option<u64>,
        pub check_ms: Option<u64>,
    }

    /// `option …`, off when not given.
    pub struct Options {
        pub forwardfor: Option<ForwardFor>,
        pub originalto: Option<ForwardFor>,
        pub forwarded: Option<Forwarded>,
        pub http_mode: HttpMode,
        /// Whether one of the three http-mode options was given at all (the stricter side wins only then).
        pub http_mode_given: bool,
        pub dontlognull: bool,
        pub dontlog_normal: bool,
        pub logasap: bool,
        pub log_separate_errors: bool,
        pub log_health_checks: bool,
        /// On when absent in HTTP mode since 3.3.
        pub abortonclose: Option<bool>,
        pub allbackups: bool,
        pub checkcache: bool,
        pub tcpka: bool,
        pub clitcpka: bool,
        pub srvtcpka: bool,
        pub contstats: bool,
        pub socket_stats: bool,
        pub disable_h2_upgrade: bool,
        pub http_buffer_request: bool,
        pub http_drop_request_trailers: bool,
        pub http_drop_response_trailers: bool,
        pub http_ignore_probes: bool,
        pub http_no_delay: bool,
        pub http_pretend_keepalive: bool,
        pub http_restrict_req_hdr_names: Option<HdrNames>,
        pub http_use_proxy_header: bool,
        pub idle_close_on_response: bool,
        pub independent_streams: bool,
        pub accept_unsafe_violations_in_http_request: bool,
        pub accept_unsafe_violations_in_http_response: bool,
        pub h1_case_adjust_bogus_client: bool,
        pub h1_case_adjust_bogus_server: bool,
        pub nolinger: bool,
        pub persist: bool,
        pub prefer_last_server: bool,
        pub splice_auto: bool,
        pub splice_request: bool,
        pub splice_response: bool,
        /// On for client and server side when absent, as HAProxy does where it serves HTTP.
        pub tcp_smart_accept: Option<bool>,
        pub tcp_smart_connect: bool,
        pub transparent: bool,
        pub use_small_buffers: bool,
    }

    /// `option forwardfor`, `option originalto`.
    pub struct ForwardFor {
        /// Networks that are not added, as written.
        pub except: Vec<At<String>>,
        /// `X-Forwarded-For` or `X-Original-To` when absent.
        pub header: Option<String>,
        pub if_none: bool,
    }

    /// `option forwarded`, as written.
    pub struct Forwarded {
        pub args: Vec<At<String>>,
    }

    /// `clitcpka-*` or `srvtcpka-*`.
    pub struct TcpKeepalive {
        pub cnt: Option<u32>,
        pub idle_s: Option<u32>,
        pub intvl_s: Option<u32>,
    }

    /// `hash-type`.
    pub struct HashType {
        pub method: HashMethod,
        pub function: HashFunction,
        pub modifier: HashModifier,
    }

    /// `cookie name …`.
    pub struct Cookie {
        pub name: At<String>,
        pub mode: CookieMode,
        pub indirect: bool,
        pub nocache: bool,
        pub postonly: bool,
        pub preserve: bool,
        pub httponly: bool,
        pub secure: bool,
        pub dynamic: bool,
        pub domains: Vec<String>,
        pub maxidle_s: Option<u64>,
        pub maxlife_s: Option<u64>,
        pub attrs: Vec<String>,
    }

    /// The answer for one status.
    pub struct StatusPage {
        pub status: u16,
        pub page: Option<ErrorPage>,
    }

    /// `stats …`: the statistics page.
    pub struct Stats {
        /// Every `stats` keyword of the page turns it on.
        pub enable: bool,
        /// `/haproxy?stats` when absent.
        pub uri: Option<At<String>>,
        /// `HAProxy Statistics` when absent.
        pub realm: Option<String>,
        /// `user:password`, clear text.
        pub auth: Vec<At<StatsAuth>>,
        /// Conditions under which actions are allowed; no condition: always.
        pub admin: Vec<At<StatsAdmin>>,
        /// Seconds.
        pub refresh_s: Option<u64>,
        pub hide_version: bool,
        /// `show-version`: the version is shown, which `hide-version` would take back.
        pub show_version: bool,
        pub show_legends: bool,
        pub show_modules: bool,
        /// `show-node`: the given name, or the machine's when empty.
        pub show_node: Option<String>,
        /// `show-desc`: the given text, or the global description when empty.
        pub show_desc: Option<String>,
        /// Proxies shown; `.` is the one that serves the page; all when empty.
        pub scope: Vec<At<String>>,
        pub http_request: Vec<At<super::Rule>>,
    }

    /// One `stats auth`.
    pub struct StatsAuth {
        pub user: String,
        pub password: String,
    }

    /// One `stats admin if …`.
    pub struct StatsAdmin {
        pub cond: Option<Cond>,
    }

    /// `stick-table`, also `table` of a peers section.
    pub struct StickTable {
        /// Set for tables of a peers section, which have a name of their own.
        pub name: Option<String>,
        pub key: StickKey,
        /// Entries.
        pub size: u64,
        pub expire_ms: Option<u64>,
        pub nopurge: bool,
        pub peers: Option<At<String>>,
        pub srvkey_addr: bool,
        pub write_to: Option<At<String>>,
        pub recv_only: bool,
        pub store: Vec<StickData>,
        pub brates_factor: Option<u32>,
    }

    /// One data type of a table.
    pub struct StickData {
        /// `http_req_rate`, `gpc` …
        pub name: String,
        /// Elements of an array type (`gpc`, `gpt`, `gpc_rate`).
        pub elements: Option<u32>,
        /// Period of a rate.
        pub period_ms: Option<u64>,
    }

    /// `stick on|match|store-request|store-response expr [table t] [if …]`.
    pub struct StickRule {
        pub kind: StickRuleKind,
        pub expr: SampleExpr,
        pub table: Option<At<String>>,
        pub cond: Option<Cond>,
    }

    /// `capture request|response header name len n`.
    pub struct HeaderCapture {
        pub side: Option<Side>,
        pub name: At<String>,
        pub len: u32,
    }

    /// `capture cookie name len n`.
    pub struct CookieCapture {
        pub name: String,
        pub len: u32,
    }

    /// `declare capture request|response len n`.
    pub struct DeclaredCapture {
        pub side: Option<Side>,
        pub len: u32,
    }

    /// `compression …`.
    pub struct Compression {
        pub algo: Vec<String>,
        pub algo_req: Option<String>,
        pub algo_res: Vec<String>,
        pub types: Vec<String>,
        pub type_req: Vec<String>,
        pub type_res: Vec<String>,
        pub offload: bool,
        pub direction: Option<String>,
        pub minsize_req_bytes: Option<u64>,
        pub minsize_res_bytes: Option<u64>,
    }

    /// `email-alert …`.
    pub struct EmailAlert {
        pub from: Option<At<String>>,
        pub to: Option<At<String>>,
        pub level: Option<super::LogLevel>,
        pub mailers: Option<At<String>>,
        pub myhostname: Option<String>,
    }
}

model_enum! {
    /// `option http-restrict-req-hdr-names`.
    #[derive(Copy, Eq)]
    pub enum HdrNames {
        Preserve,
        Delete,
        Reject,
    }

    /// Key type of a stick table.
    #[derive(Copy, Eq, Default)]
    pub enum StickKey {
        #[default]
        Ip,
        Ipv6,
        Integer,
        /// Longest text, in bytes; 32 when absent.
        String(Option<u32>),
        /// Length in bytes; 32 when absent.
        Binary(Option<u32>),
    }

    /// Kinds of `stick` rules.
    #[derive(Copy, Eq, Default)]
    pub enum StickRuleKind {
        #[default]
        On,
        Match,
        StoreRequest,
        StoreResponse,
    }

    /// `load-server-state-from-file`.
    #[derive(Copy, Eq)]
    pub enum ServerStateFile {
        Global,
        Local,
        None,
    }
}

impl Proxy {
    /// Accepts connections.
    pub fn has_front(&self) -> bool {
        self.kind != ProxyKind::Backend
    }

    /// Has servers.
    pub fn has_back(&self) -> bool {
        self.kind != ProxyKind::Frontend
    }
}

impl Options {
    /// Keepalive of the client side: by `tcpka` or `clitcpka`.
    pub fn client_keepalive(&self) -> bool {
        self.tcpka || self.clitcpka
    }

    /// Keepalive of the server side: by `tcpka` or `srvtcpka`.
    pub fn server_keepalive(&self) -> bool {
        self.tcpka || self.srvtcpka
    }
}

impl NumberOr {
    /// The number, if it is one.
    pub fn number(&self) -> Option<i64> {
        match self {
            NumberOr::Number(n) => Some(*n),
            NumberOr::Expr(_) => None,
        }
    }
}
