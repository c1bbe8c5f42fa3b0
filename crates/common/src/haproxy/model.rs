//! The typed model of a haproxy.cfg: what the words say, without knowing what the proxy can do with it.
//!
//! Owns: the plain structs of a configuration and of its process-wide part; proxies, listeners, servers, rules,
//! checks and the small sections are in `model/`. Invariants: inheritance from `defaults` is already applied, so a
//! [`Proxy`] carries its final values; serialised form leaves out what is at its default and carries no places,
//! and reading it back gives an equal model. `None` always means "not said": the built-in value stands in the
//! field's description. Resolving names, opening files and compiling expressions is left to the proxy's `compile`.

mod bind;
mod check;
mod proxy;
mod rule;
mod section;
mod server;

pub use bind::*;
pub use check::*;
pub use proxy::*;
pub use rule::*;
pub use section::*;
pub use server::*;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::Address;
use crate::source::At;

/// Serialised form leaves out what is at its default.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Structs of the model: all derive the same traits, all fields may be left out in YAML, unknown ones are refused.
macro_rules! model {
    ($($(#[$m:meta])* pub struct $name:ident { $($(#[$fm:meta])* pub $f:ident: $t:ty,)* })*) => {$(
        $(#[$m])*
        #[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$fm])* #[serde(skip_serializing_if = "crate::haproxy::model::is_default")] pub $f: $t,)*
        }
    )*};
}
pub(crate) use model;

/// Enumerations of the model; the words in YAML are the language's own.
macro_rules! model_enum {
    ($($(#[$m:meta])* pub enum $name:ident { $($body:tt)* })*) => {$(
        $(#[$m])*
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($body)* }
    )*};
}
pub(crate) use model_enum;

model! {
    /// A whole configuration.
    pub struct Config {
        pub global: Global,
        pub proxies: Vec<Proxy>,
        pub userlists: Vec<Userlist>,
        pub http_errors: Vec<HttpErrors>,
        pub resolvers: Vec<Resolvers>,
        pub peers: Vec<Peers>,
        pub caches: Vec<Cache>,
        pub mailers: Vec<Mailers>,
        pub rings: Vec<Ring>,
        pub log_forwards: Vec<LogForward>,
        pub log_profiles: Vec<LogProfile>,
        pub crt_stores: Vec<CrtStore>,
        pub healthchecks: Vec<Healthcheck>,
        /// Sections that are read but not typed (`acme`, `fcgi-app`, `traces`); each was said.
        pub others: Vec<OtherSection>,
    }

    /// The `global` section, all of its repetitions together.
    pub struct Global {
        pub daemon: bool,
        /// `quiet`: no messages at start.
        pub quiet: bool,
        /// `zero-warning`: a warning refuses the configuration.
        pub zero_warning: bool,
        pub chroot: Option<At<String>>,
        pub pidfile: Option<At<String>>,
        pub user: Option<At<String>>,
        pub group: Option<At<String>>,
        pub uid: Option<At<u32>>,
        pub gid: Option<At<u32>>,
        pub setcap: Vec<At<String>>,
        pub node: Option<String>,
        pub description: Option<String>,
        pub localpeer: Option<At<String>>,
        pub cluster_secret: Option<String>,
        pub logs: Vec<At<LogTarget>>,
        /// `log-tag`; "haproxy" when absent.
        pub log_tag: Option<String>,
        pub log_send_hostname: Option<LogHostname>,
        pub stats: GlobalStats,
        pub threads: Threads,
        pub limits: Limits,
        pub tune: Tune,
        pub tls: GlobalTls,
        pub unix_bind: UnixBind,
        pub checks: GlobalChecks,
        pub env: Vec<EnvChange>,
        /// `set-var` and `set-var-fmt` of process variables, in order.
        pub vars: Vec<At<GlobalVar>>,
        /// `h1-case-adjust`: the lower-case name and how to send it.
        pub h1_case_adjust: Vec<At<CaseAdjust>>,
        pub h1_case_adjust_file: Option<At<String>>,
        pub h1_accept_payload_with_any_method: bool,
        pub h1_do_not_close_on_insecure_transfer_encoding: bool,
        pub h2_workaround_bogus_websocket_clients: bool,
        pub server_state_base: Option<At<String>>,
        pub server_state_file: Option<At<String>>,
        pub stats_file: Option<At<String>>,
        pub default_path: Option<At<DefaultPath>>,
        pub hard_stop_after_ms: Option<u64>,
        pub close_spread_time_ms: Option<CloseSpread>,
        pub grace_ms: Option<u64>,
        pub insecure_fork_wanted: bool,
        pub insecure_setuid_wanted: bool,
        pub expose_experimental_directives: bool,
        pub expose_deprecated_directives: bool,
        /// `http-err-codes`, `http-fail-codes`: as written.
        pub http_err_codes: Vec<String>,
        pub http_fail_codes: Vec<String>,
        pub lua: Vec<At<Directive>>,
        pub dns_accept_family: Option<String>,
        pub pp2_never_send_local: bool,
        pub busy_polling: bool,
        pub noreuseport: bool,
        pub nosplice: bool,
        pub nogetaddrinfo: bool,
        pub set_dumpable: bool,
        /// `strict-limits`; on when absent.
        pub strict_limits: Option<bool>,
        /// Known keywords that are kept as written: each was said to be without effect or not built yet.
        pub others: Vec<At<Directive>>,
    }

    /// A keyword kept as written.
    pub struct Directive {
        pub keyword: String,
        pub args: Vec<At<String>>,
    }

    /// `stats socket`, `stats timeout`, `stats maxconn` of the global section.
    pub struct GlobalStats {
        /// Each is a listener; its `stats` options (level, expose-fd …) are in [`Bind`].
        pub sockets: Vec<At<Bind>>,
        /// 10 s when absent.
        pub timeout_ms: Option<u64>,
        /// 10 when absent.
        pub maxconn: Option<u32>,
    }

    /// How the process is spread over processors.
    pub struct Threads {
        pub nbthread: Option<At<u32>>,
        pub thread_groups: Option<At<u32>>,
        pub thread_hard_limit: Option<u32>,
        pub numa_cpu_mapping: Option<bool>,
        /// As written: `cpu-map 1/all 0-3` and `cpu-set`, `cpu-policy`.
        pub cpu_maps: Vec<At<String>>,
        pub cpu_sets: Vec<At<String>>,
        pub cpu_policy: Option<At<String>>,
    }

    /// Limits of the whole process.
    pub struct Limits {
        pub maxconn: Option<At<u32>>,
        /// New connections per second.
        pub maxconnrate: Option<u32>,
        /// New sessions per second.
        pub maxsessrate: Option<u32>,
        pub maxsslconn: Option<u32>,
        pub maxsslrate: Option<u32>,
        /// kB per second given to compression.
        pub maxcomprate_kb: Option<u32>,
        pub maxcompcpuusage_percent: Option<u32>,
        pub maxzlibmem_mb: Option<u32>,
        pub maxpipes: Option<u32>,
        pub ulimit_n: Option<At<u32>>,
        pub fd_hard_limit: Option<At<u32>>,
    }

    /// `tune.*`: those that have a meaning of their own here; all others are in `others`.
    pub struct Tune {
        /// 16384 when absent.
        pub bufsize_bytes: Option<At<u32>>,
        /// 1024 when absent.
        pub maxrewrite_bytes: Option<At<u32>>,
        /// Header fields per message; 101 when absent.
        pub http_maxhdr: Option<At<u32>>,
        /// 1024 when absent.
        pub http_logurilen: Option<u32>,
        /// 63 when absent.
        pub http_cookielen: Option<u32>,
        /// Slots for tracked counters; 3 when absent.
        pub stick_counters: Option<u32>,
        /// Connections accepted per wake-up; may be -1 for no limit.
        pub maxaccept: Option<i32>,
        pub maxpollevents: Option<u32>,
        pub rcvbuf_client_bytes: Option<u32>,
        pub rcvbuf_server_bytes: Option<u32>,
        pub sndbuf_client_bytes: Option<u32>,
        pub sndbuf_server_bytes: Option<u32>,
        pub ssl_cachesize: Option<u32>,
        /// 300 s when absent.
        pub ssl_lifetime_s: Option<u32>,
        pub ssl_maxrecord_bytes: Option<u32>,
        pub ssl_default_dh_param: Option<u32>,
        pub idle_pool_shared: Option<bool>,
        /// Every other `tune.` keyword as written.
        pub others: Vec<At<Directive>>,
    }

    /// TLS settings of the global section.
    pub struct GlobalTls {
        pub ca_base: Option<At<String>>,
        pub crt_base: Option<At<String>>,
        pub key_base: Option<At<String>>,
        pub bind: GlobalTlsSide,
        pub server: GlobalTlsSide,
        /// `ssl-server-verify`; required when absent.
        pub server_verify: Option<Verify>,
        pub dh_param_file: Option<At<String>>,
        pub load_extra_files: Vec<String>,
        pub load_extra_del_ext: bool,
        pub skip_self_issued_ca: bool,
        pub issuers_chain_path: Option<At<String>>,
        pub security_level: Option<u32>,
    }

    /// `ssl-default-bind-*` or `ssl-default-server-*`.
    pub struct GlobalTlsSide {
        pub ciphers: Option<At<String>>,
        pub ciphersuites: Option<At<String>>,
        pub curves: Option<At<String>>,
        pub sigalgs: Option<At<String>>,
        pub client_sigalgs: Option<At<String>>,
        pub min_ver: Option<At<TlsVersion>>,
        pub max_ver: Option<At<TlsVersion>>,
        /// `no-sslv3`, `no-tlsv10` … of the option line.
        pub disabled: Vec<TlsVersion>,
        pub no_tls_tickets: bool,
        pub strict_sni: bool,
        pub prefer_client_ciphers: bool,
        pub no_renegotiate: bool,
    }

    /// `unix-bind`: what Unix listeners get when they do not say.
    pub struct UnixBind {
        /// Put before each path.
        pub prefix: Option<String>,
        /// Permission bits.
        pub mode: Option<u32>,
        pub user: Option<String>,
        pub uid: Option<u32>,
        pub group: Option<String>,
        pub gid: Option<u32>,
    }

    /// Health-check settings of the whole process.
    pub struct GlobalChecks {
        /// Percent of randomness in the intervals; 0 when absent.
        pub spread_percent: Option<u32>,
        pub max_spread_ms: Option<u64>,
        pub external_check: Option<ExternalCheckMode>,
    }

    /// `set-var name expr` or `set-var-fmt name format` of the global section.
    pub struct GlobalVar {
        pub name: String,
        pub expr: Option<super::expr::SampleExpr>,
        pub format: Option<At<String>>,
    }

    /// `h1-case-adjust from to`.
    pub struct CaseAdjust {
        pub from: String,
        pub to: String,
    }

    /// `sample 1,3-4:10`: which messages of each run of `size` are sent.
    pub struct LogSample {
        pub ranges: Vec<(u32, u32)>,
        pub size: u32,
    }
}

/// One `log` line.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogTarget {
    /// Always written: a line that says nothing else would be empty.
    pub target: LogDestination,
    /// Longest message, in bytes; 1024 when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub len: Option<u32>,
    /// RFC 3164 when absent (`raw` on stdout/stderr is not implied).
    #[serde(skip_serializing_if = "is_default")]
    pub format: Option<LogTransportFormat>,
    #[serde(skip_serializing_if = "is_default")]
    pub facility: Option<String>,
    /// Most verbose level that is sent; debug when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub level: Option<LogLevel>,
    /// Levels more urgent than this are sent as this.
    #[serde(skip_serializing_if = "is_default")]
    pub min_level: Option<LogLevel>,
    #[serde(skip_serializing_if = "is_default")]
    pub sample: Option<LogSample>,
    #[serde(skip_serializing_if = "is_default")]
    pub profile: Option<At<String>>,
}

model_enum! {
    /// Where log lines go.
    #[derive(Default)]
    pub enum LogDestination {
        /// `log global`: the targets of the global section.
        #[default]
        Global,
        Stdout,
        Stderr,
        /// `ring@name`.
        Ring(At<String>),
        /// `backend@name`.
        Backend(At<String>),
        /// UDP, Unix datagram socket, `fd@`, `tcp@`.
        Address(At<Address>),
    }

    /// The header put before each message.
    #[derive(Copy, Eq)]
    pub enum LogTransportFormat {
        Local,
        Rfc3164,
        Rfc5424,
        Priority,
        Short,
        Timed,
        Iso,
        Raw,
    }

    /// Syslog severities, most urgent first.
    #[derive(Copy, Eq, PartialOrd, Ord, Default)]
    pub enum LogLevel {
        Emerg,
        Alert,
        Crit,
        Err,
        Warning,
        Notice,
        #[default]
        Info,
        Debug,
    }

    /// `log-send-hostname`: the given name, or the machine's when none is given.
    pub enum LogHostname {
        Own,
        Name(String),
    }

    /// `external-check [preserve-env]`.
    #[derive(Copy, Eq)]
    pub enum ExternalCheckMode {
        On,
        PreserveEnv,
    }

    /// `default-path`: what relative paths are relative to.
    pub enum DefaultPath {
        Current,
        Config,
        Parent,
        Origin(String),
    }

    /// `close-spread-time`.
    #[derive(Copy, Eq)]
    pub enum CloseSpread {
        Infinite,
        Ms(u64),
    }

    /// `setenv`, `presetenv`, `unsetenv`, `resetenv`, in order; already applied to what was read after them.
    pub enum EnvChange {
        Set(String, String),
        Unset(String),
        /// Keeps these only.
        Keep(Vec<String>),
    }

    /// TLS protocol versions as the language writes them (`SSLv3`, `TLSv1.2`).
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum TlsVersion {
        #[serde(rename = "SSLv3")]
        Ssl3,
        #[serde(rename = "TLSv1.0")]
        Tls10,
        #[serde(rename = "TLSv1.1")]
        Tls11,
        #[serde(rename = "TLSv1.2")]
        Tls12,
        #[serde(rename = "TLSv1.3")]
        Tls13,
    }

    /// Whether the other side's certificate is asked for and must be good.
    #[derive(Copy, Eq)]
    pub enum Verify {
        None,
        Optional,
        Required,
    }
}
