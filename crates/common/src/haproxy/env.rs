//! What a configuration may ask about its surroundings: variables, level of the language, features.
//!
//! Owns: [`Env`], handed in by the process so that reading a configuration stays free of the outside world.
//! Invariant: the default log formats are always among the variables unless the user set them (manual,
//! chapters 2.3 and 8.2).

use std::collections::{BTreeMap, BTreeSet};

/// The level of the language that is followed.
pub const LEVEL: &str = "3.5.0";
/// The branch of that level.
pub const BRANCH: &str = "3.5";

/// `option tcplog`.
pub const TCP_LOG_FORMAT: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";
/// `option httplog`.
pub const HTTP_LOG_FORMAT: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc \
     %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";
/// `option httpslog`.
pub const HTTPS_LOG_FORMAT: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc \
     %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r \
     %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc";
/// `option httplog clf`.
pub const HTTP_CLF_LOG_FORMAT: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s \
     %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";
/// `option tcplog clf`.
pub const TCP_CLF_LOG_FORMAT: &str = "%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s \
     %Th %Tw %Tc %Tt %U %ts-- %ac %fc %bc %sc %rc %sq %bq \"\" \"\" ";

/// The surroundings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Env {
    /// Environment variables; `setenv` and its like change them while the configuration is read.
    pub vars: BTreeMap<String, String>,
    /// The version that `version_atleast` and `version_before` compare with.
    pub version: String,
    /// What `feature(NAME)` finds.
    pub features: BTreeSet<String>,
    /// What `enabled(NAME)` finds.
    pub enabled: BTreeSet<String>,
    /// What `ssllib_name_startswith` looks at.
    pub ssl_library: String,
    /// What `openssl_version_…` compare with.
    pub openssl_version: String,
    /// What `awslc_api_…` compare with; `None`: another library.
    pub awslc_api: Option<u32>,
}

impl Env {
    /// The level that is followed, with the given variables (usually the process's own).
    pub fn new(vars: impl IntoIterator<Item = (String, String)>) -> Env {
        let set = |words: &[&str]| words.iter().map(|&w| w.to_owned()).collect();
        let mut env = Env {
            vars: vars.into_iter().collect(),
            version: LEVEL.to_owned(),
            features: set(FEATURES),
            enabled: set(&["EPOLL", "GETADDRINFO", "POLL", "REUSEPORT", "SPLICE"]),
            ssl_library: "AWS-LC".to_owned(),
            openssl_version: "1.1.1".to_owned(),
            awslc_api: Some(AWSLC_API),
        };
        for (name, value) in [
            ("HAPROXY_BRANCH", BRANCH),
            ("HAPROXY_STARTUP_VERSION", LEVEL),
            ("HAPROXY_TCP_LOG_FMT", TCP_LOG_FORMAT),
            ("HAPROXY_TCP_CLF_LOG_FMT", TCP_CLF_LOG_FORMAT),
            ("HAPROXY_HTTP_LOG_FMT", HTTP_LOG_FORMAT),
            ("HAPROXY_HTTP_CLF_LOG_FMT", HTTP_CLF_LOG_FORMAT),
            ("HAPROXY_HTTPS_LOG_FMT", HTTPS_LOG_FORMAT),
        ] {
            env.vars.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        env
    }
}

impl Default for Env {
    fn default() -> Env {
        Env::new([])
    }
}

/// API number of the AWS-LC that the TLS crate brings along.
const AWSLC_API: u32 = 35;

/// Names of HAProxy's feature list (`-vv`) whose substance is there.
const FEATURES: &[&str] = &[
    "ACCEPT4",
    "CPU_AFFINITY",
    "EPOLL",
    "GETADDRINFO",
    "LINUX_CAP",
    "LINUX_SPLICE",
    "OPENSSL",
    "OPENSSL_AWSLC",
    "POLL",
    "PRCTL",
    "RT",
    "SSL",
    "TFO",
    "THREAD",
];
