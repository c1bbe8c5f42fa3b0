//! The small sections: users, name servers, peers, caches, rings, error pages and so on.

use super::{
    Bind, Deserialize, Directive, Format, JsonSchema, LogTarget, Serialize, Server, StatusPage, StickTable,
    Timeouts, model,
};
use crate::{haproxy::address::Address, source::At};

model! {
    /// `userlist name`.
    pub struct Userlist {
        pub name: At<String>,
        pub groups: Vec<At<UserGroup>>,
        pub users: Vec<At<User>>,
    }

    /// `group name [users a,b]`.
    pub struct UserGroup {
        pub name: String,
        pub users: Vec<At<String>>,
    }

    /// `user name password|insecure-password text [groups a,b]`.
    pub struct User {
        pub name: String,
        /// crypt(3) form.
        pub password: Option<String>,
        /// Clear text.
        pub insecure_password: Option<String>,
        pub groups: Vec<At<String>>,
    }

    /// `http-errors name`.
    pub struct HttpErrors {
        pub name: At<String>,
        pub pages: Vec<At<StatusPage>>,
    }

    /// `resolvers name`.
    pub struct Resolvers {
        pub name: At<String>,
        pub nameservers: Vec<At<Nameserver>>,
        pub parse_resolv_conf: bool,
        /// 512 when absent.
        pub accepted_payload_size: Option<u32>,
        /// 3 when absent.
        pub resolve_retries: Option<u32>,
        /// 1 s when absent.
        pub timeout_resolve_ms: Option<u64>,
        /// 1 s when absent.
        pub timeout_retry_ms: Option<u64>,
        pub hold: Hold,
    }

    /// `hold`: how long the last good answer counts when the newest one says …; in milliseconds.
    pub struct Hold {
        pub nx_ms: Option<u64>,
        pub other_ms: Option<u64>,
        pub refused_ms: Option<u64>,
        pub timeout_ms: Option<u64>,
        /// 10 s when absent.
        pub valid_ms: Option<u64>,
        pub obsolete_ms: Option<u64>,
    }

    /// `nameserver name address`.
    pub struct Nameserver {
        pub name: String,
        pub address: At<Address>,
    }

    /// `peers name`.
    pub struct Peers {
        pub name: At<String>,
        pub binds: Vec<At<Bind>>,
        /// `peer` and `server` lines; a server without address is the local one, listening at `binds`.
        pub peers: Vec<At<Server>>,
        pub tables: Vec<At<StickTable>>,
        pub logs: Vec<At<LogTarget>>,
        pub shards: Option<u32>,
        pub disabled: bool,
    }

    /// `cache name`.
    pub struct Cache {
        pub name: At<String>,
        pub total_max_size_mb: Option<u32>,
        pub max_object_size_bytes: Option<u64>,
        /// 60 s when absent.
        pub max_age_s: Option<u64>,
        pub process_vary: bool,
        pub max_secondary_entries: Option<u32>,
        /// `early-hints`, as written.
        pub early_hints: Option<String>,
    }

    /// `mailers name`.
    pub struct Mailers {
        pub name: At<String>,
        pub mailers: Vec<At<Nameserver>>,
        pub timeout_mail_ms: Option<u64>,
    }

    /// `ring name`.
    pub struct Ring {
        pub name: At<String>,
        pub description: Option<String>,
        pub format: Option<super::LogTransportFormat>,
        pub maxlen_bytes: Option<u64>,
        pub size_bytes: Option<u64>,
        pub backing_file: Option<At<String>>,
        pub timeouts: Timeouts,
        pub servers: Vec<At<Server>>,
    }

    /// `log-forward name`.
    pub struct LogForward {
        pub name: At<String>,
        /// Stream listeners.
        pub binds: Vec<At<Bind>>,
        /// Datagram listeners.
        pub dgram_binds: Vec<At<Bind>>,
        pub logs: Vec<At<LogTarget>>,
        pub backlog: Option<u32>,
        pub maxconn: Option<u32>,
        pub timeout_client_ms: Option<u64>,
        pub assume_rfc6587_ntf: bool,
        pub dont_parse_log: bool,
        pub host: Option<String>,
    }

    /// `log-profile name`.
    pub struct LogProfile {
        pub name: At<String>,
        pub log_tag: Option<String>,
        pub steps: Vec<At<LogStep>>,
    }

    /// `on step [drop] [format f] [sd f]`.
    pub struct LogStep {
        pub step: String,
        pub drop: bool,
        pub format: Option<Format>,
        pub sd: Option<Format>,
    }

    /// `crt-store [name]`.
    pub struct CrtStore {
        pub name: At<String>,
        pub crt_base: Option<At<String>>,
        pub key_base: Option<At<String>>,
        pub loads: Vec<At<CrtLoad>>,
    }

    /// `load …`.
    pub struct CrtLoad {
        pub crt: Option<At<String>>,
        pub key: Option<At<String>>,
        pub alias: Option<String>,
        pub ocsp: Option<At<String>>,
        pub issuer: Option<At<String>>,
        pub sctl: Option<At<String>>,
        pub ocsp_update: Option<String>,
        pub acme: Option<At<String>>,
        pub jwt: Option<bool>,
        pub domains: Vec<String>,
    }

    /// A section kept as written.
    pub struct OtherSection {
        pub kind: String,
        pub name: At<String>,
        pub lines: Vec<At<Directive>>,
    }
}
