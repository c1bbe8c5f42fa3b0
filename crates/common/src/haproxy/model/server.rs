//! Servers: `server`, `server-template` and what `default-server` gave them.

use super::{Deserialize, JsonSchema, Serialize, TlsVersion, Verify, model, model_enum};
use crate::{haproxy::address::Address, source::At};

model! {
    /// One server, `default-server` already applied.
    pub struct Server {
        pub name: At<String>,
        pub address: At<Address>,
        pub id: Option<At<u32>>,
        pub guid: Option<At<String>>,
        /// 0 to 256; 1 when absent.
        pub weight: Option<At<u32>>,
        pub backup: bool,
        pub disabled: bool,
        /// Value of the persistence cookie.
        pub cookie: Option<At<String>>,
        /// Concurrent requests; 0 and absent: no limit.
        pub maxconn: Option<u32>,
        pub minconn: Option<u32>,
        pub strict_maxconn: bool,
        /// Waiting requests; 0 and absent: no limit.
        pub maxqueue: Option<u32>,
        pub slowstart_ms: Option<u64>,
        /// `redir` prefix.
        pub redir: Option<At<String>>,
        pub source: Option<At<Source>>,
        pub proto: Option<At<String>>,
        pub namespace: Option<At<String>>,
        pub tfo: bool,
        pub tcp_ut_ms: Option<u64>,
        pub tcp_md5sig: Option<String>,
        pub cc: Option<At<String>>,
        pub socks4: Option<At<Address>>,
        pub send_proxy: Option<SendProxy>,
        pub proxy_v2_options: Vec<String>,
        /// `set-proxy-v2-tlv-fmt(id) format`.
        pub proxy_v2_tlvs: Vec<At<ProxyTlv>>,
        pub non_stick: bool,
        pub hash_key: Option<At<String>>,
        pub ws: Option<At<String>>,
        pub log_proto: Option<At<String>>,
        pub log_bufsize: Option<u32>,
        pub shard: Option<u32>,
        pub pool: Pool,
        pub check: ServerCheck,
        pub agent: AgentCheck,
        pub resolve: Resolve,
        pub tls: ServerTls,
        pub on_error: Option<OnError>,
        pub on_marked_down_shutdown_sessions: bool,
        pub on_marked_up_shutdown_backup_sessions: bool,
        /// `track backend/server` or `track server`.
        pub track: Option<At<String>>,
        /// Options kept as written: each was said to be without effect or not built yet.
        pub others: Vec<At<super::Directive>>,
    }

    /// Reuse of connections to the server.
    pub struct Pool {
        /// -1: no limit (built-in).
        pub max_conn: Option<i32>,
        pub low_conn: Option<u32>,
        /// 5 s when absent.
        pub purge_delay_ms: Option<u64>,
        /// Requests per connection; -1: no limit (built-in).
        pub max_reuse: Option<i32>,
        pub conn_name: Option<At<String>>,
        pub idle_ping_ms: Option<u64>,
    }

    /// Health checks of one server.
    pub struct ServerCheck {
        /// `check` is given.
        pub on: bool,
        /// Checked address; the server's when absent.
        pub addr: Option<At<Address>>,
        /// Checked port; the server's when absent.
        pub port: Option<At<u16>>,
        /// 2 s when absent.
        pub inter_ms: Option<u64>,
        pub fastinter_ms: Option<u64>,
        pub downinter_ms: Option<u64>,
        /// 2 when absent.
        pub rise: Option<u32>,
        /// 3 when absent.
        pub fall: Option<u32>,
        pub observe: Option<Observe>,
        /// 10 when absent.
        pub error_limit: Option<u32>,
        pub send_proxy: bool,
        pub ssl: Option<bool>,
        pub sni: Option<At<String>>,
        pub sni_auto: Option<bool>,
        pub alpn: Option<Vec<String>>,
        pub proto: Option<At<String>>,
        pub via_socks4: bool,
        pub reuse_pool: bool,
        pub pool_conn_name: Option<At<String>>,
        pub healthcheck: Option<At<String>>,
        /// `init-state`; up when absent.
        pub init_state: Option<InitState>,
    }

    /// `agent-check` and its settings.
    pub struct AgentCheck {
        pub on: bool,
        pub addr: Option<At<Address>>,
        pub port: Option<At<u16>>,
        pub inter_ms: Option<u64>,
        pub send: Option<String>,
    }

    /// How a host name becomes an address.
    pub struct Resolve {
        pub resolvers: Option<At<String>>,
        /// Tried in order; `last,libc` when empty.
        pub init_addr: Vec<At<InitAddr>>,
        pub prefer: Option<Family>,
        pub net: Vec<At<String>>,
        pub opts: Vec<String>,
    }

    /// TLS towards the server.
    pub struct ServerTls {
        /// `ssl` is given.
        pub on: bool,
        /// The global `ssl-server-verify` when absent.
        pub verify: Option<Verify>,
        pub verifyhost: Option<At<String>>,
        /// `sni` expression, as written.
        pub sni: Option<At<String>>,
        pub sni_auto: Option<bool>,
        pub ca_file: Option<At<String>>,
        pub crl_file: Option<At<String>>,
        pub crt: Option<At<String>>,
        pub alpn: Option<Vec<String>>,
        pub npn: Option<At<String>>,
        pub ciphers: Option<At<String>>,
        pub ciphersuites: Option<At<String>>,
        pub curves: Option<At<String>>,
        pub sigalgs: Option<At<String>>,
        pub client_sigalgs: Option<At<String>>,
        pub min_ver: Option<At<TlsVersion>>,
        pub max_ver: Option<At<TlsVersion>>,
        pub disabled: Vec<TlsVersion>,
        pub force: Option<At<TlsVersion>>,
        pub allow_0rtt: bool,
        pub no_ssl_reuse: bool,
        pub no_tls_tickets: bool,
        pub renegotiate: Option<bool>,
        pub ktls: Option<bool>,
    }

    /// `source addr[:port[-port]] [usesrc …] [interface …]`.
    pub struct Source {
        pub address: At<Address>,
        pub usesrc: Option<At<UseSrc>>,
        pub interface: Option<At<String>>,
    }

    /// One extra PROXY v2 field.
    pub struct ProxyTlv {
        pub id: u8,
        pub format: At<String>,
    }

    /// `server-template prefix 1-9 host:port …`: what the servers are made from.
    pub struct ServerTemplate {
        pub prefix: At<String>,
        pub first: u32,
        pub last: u32,
        /// Its name is empty.
        pub server: Server,
    }
}

model_enum! {
    /// Which PROXY header the server gets.
    #[derive(Copy, Eq)]
    pub enum SendProxy {
        V1,
        V2,
        V2Ssl,
        V2SslCn,
    }

    /// `observe`.
    #[derive(Copy, Eq)]
    pub enum Observe {
        Layer4,
        Layer7,
    }

    /// `on-error`; fail-check when absent.
    #[derive(Copy, Eq)]
    pub enum OnError {
        Fastinter,
        FailCheck,
        SuddenDeath,
        MarkDown,
    }

    /// `init-state`.
    #[derive(Copy, Eq)]
    pub enum InitState {
        FullyUp,
        Up,
        Down,
        FullyDown,
    }

    /// One method of `init-addr`.
    #[derive(Copy, Eq)]
    pub enum InitAddr {
        Last,
        Libc,
        None,
        Ip(std::net::IpAddr),
    }

    /// Address families.
    #[derive(Copy, Eq)]
    pub enum Family {
        Ipv4,
        Ipv6,
    }

    /// `usesrc`: whose address the server sees.
    pub enum UseSrc {
        Client,
        Clientip,
        /// `hdr_ip(name[,occurrence])`.
        HdrIp(String, Option<i32>),
        Address(Address),
    }
}
