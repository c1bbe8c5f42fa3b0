//! Listeners: a `bind` line, a `stats socket`, a log forwarder's `bind`.

use super::{Deserialize, JsonSchema, LogLevel, Serialize, TlsVersion, Verify, model, model_enum};
use crate::{haproxy::address::Address, source::At};

model! {
    /// One `bind` line: one or more addresses with the same options.
    pub struct Bind {
        pub addresses: Vec<At<Address>>,
        pub name: Option<String>,
        pub id: Option<At<u32>>,
        pub guid_prefix: Option<At<String>>,
        pub label: Option<String>,
        pub accept_proxy: bool,
        /// `accept-netscaler-cip` with its magic number.
        pub accept_netscaler_cip: Option<u32>,
        /// Length of the kernel's queue; the proxy's `backlog`, else its `maxconn`, when absent.
        pub backlog: Option<u32>,
        pub maxconn: Option<u32>,
        pub nice: Option<i32>,
        pub defer_accept: bool,
        pub tfo: bool,
        pub transparent: bool,
        pub v4v6: bool,
        pub v6only: bool,
        pub interface: Option<At<String>>,
        pub namespace: Option<At<String>>,
        /// Maximum segment size; negative: that much below the one announced by the peer.
        pub mss: Option<i32>,
        /// TCP user timeout.
        pub tcp_ut_ms: Option<u64>,
        pub tcp_ss: Option<u32>,
        pub tcp_md5sig: Option<String>,
        pub cc: Option<At<String>>,
        /// `thread` sets as written.
        pub thread: Option<At<String>>,
        pub shards: Option<At<Shards>>,
        pub proto: Option<At<String>>,
        pub nbconn: Option<u32>,
        pub idle_ping_ms: Option<u64>,
        /// File rights of a Unix socket.
        pub unix: UnixRights,
        /// Runtime interface options (`stats socket`).
        pub cli: CliOptions,
        /// `Some` as soon as `ssl` is given, with the TLS options of the line; TLS options without `ssl` are
        /// kept in `tls` with `on` false.
        pub tls: BindTls,
        pub quic_cc_algo: Option<At<String>>,
        pub quic_force_retry: bool,
        pub quic_socket: Option<At<String>>,
    }

    /// `mode`, `user`, `uid`, `group`, `gid` of a Unix socket.
    pub struct UnixRights {
        /// Permission bits, from octal text.
        pub mode: Option<u32>,
        pub user: Option<At<String>>,
        pub uid: Option<u32>,
        pub group: Option<At<String>>,
        pub gid: Option<u32>,
    }

    /// What a runtime socket allows.
    pub struct CliOptions {
        /// operator when absent.
        pub level: Option<CliLevel>,
        pub expose_fd_listeners: bool,
        pub severity_output: Option<SeverityOutput>,
    }

    /// TLS options of a `bind` line.
    pub struct BindTls {
        /// `ssl` is given.
        pub on: bool,
        /// `crt`: files or directories, in order.
        pub crt: Vec<At<String>>,
        pub crt_list: Vec<At<String>>,
        pub default_crt: Vec<At<String>>,
        pub ca_file: Option<At<String>>,
        pub ca_verify_file: Option<At<String>>,
        pub crl_file: Option<At<String>>,
        /// none when absent.
        pub verify: Option<Verify>,
        pub ca_ignore_err: Option<At<String>>,
        pub crt_ignore_err: Option<At<String>>,
        /// `h2,http/1.1` when absent; empty list after `no-alpn`.
        pub alpn: Option<Vec<String>>,
        pub npn: Option<At<String>>,
        pub ciphers: Option<At<String>>,
        pub ciphersuites: Option<At<String>>,
        pub curves: Option<At<String>>,
        pub ecdhe: Option<At<String>>,
        pub sigalgs: Option<At<String>>,
        pub client_sigalgs: Option<At<String>>,
        pub min_ver: Option<At<TlsVersion>>,
        pub max_ver: Option<At<TlsVersion>>,
        /// `no-tlsv10` …
        pub disabled: Vec<TlsVersion>,
        /// `force-tlsv12` …
        pub force: Option<At<TlsVersion>>,
        pub allow_0rtt: bool,
        pub strict_sni: bool,
        pub no_strict_sni: bool,
        pub prefer_client_ciphers: bool,
        pub no_tls_tickets: bool,
        pub tls_tickets: bool,
        pub tls_ticket_keys: Option<At<String>>,
        pub no_ca_names: bool,
        pub generate_certificates: bool,
        pub ca_sign_file: Option<At<String>>,
        pub ca_sign_pass: Option<String>,
        pub ktls: Option<bool>,
        pub ech: Option<At<String>>,
    }
}

model_enum! {
    /// `shards`.
    #[derive(Copy, Eq)]
    pub enum Shards {
        ByThread,
        ByGroup,
        Count(u32),
    }

    /// Rights on a runtime socket, least first.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum CliLevel {
        User,
        Operator,
        Admin,
    }

    /// `severity-output`: whether each answer line starts with its severity.
    #[derive(Copy, Eq)]
    pub enum SeverityOutput {
        None,
        Number,
        String,
    }
}

/// Levels are compared when a message is sent; the reverse order of urgency is confusing enough to name it.
impl LogLevel {
    /// The syslog number, 0 for emergencies to 7 for debug.
    pub fn number(self) -> u8 {
        self as u8
    }
}
