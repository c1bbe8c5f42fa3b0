//! `bind` and `stats socket` lines: addresses, port ranges, rights, TLS.

use std::{net::SocketAddr, path::PathBuf};

use common::{
    diag::{Diagnostic, codes},
    haproxy::{
        address::{Address, Port, Target, Transport},
        model,
    },
    source::{At, Span},
};

use super::{Compiler, HostRef, plan};

/// A range of more ports than this is a typing error, not a service.
const PORT_RANGE_MAX: u32 = 4_096;

impl Compiler<'_> {
    /// One listener per address and port of the line. `next_id` counts the listeners of the proxy.
    pub(super) fn binds(
        &mut self,
        line: &At<model::Bind>,
        next_id: &mut u32,
        proxy: Option<&model::Proxy>,
    ) -> Vec<plan::Bind> {
        self.refuse_unserved(line);
        let template = self.bind_template(line, proxy);
        let mut out = Vec::new();
        for address in &line.addresses {
            for endpoint in self.endpoints(address) {
                *next_id += 1;
                let id = line.id.as_ref().map_or(*next_id, |n| n.value);
                out.push(plan::Bind { id, endpoint, text: address.value.to_string(), ..template.clone() });
            }
        }
        out
    }

    /// Options that would change what is served, and cannot be honoured, are refused rather than dropped.
    fn refuse_unserved(&mut self, line: &At<model::Bind>) {
        let refuse = |this: &mut Self, span: Span, what: &str, why: &str| {
            this.say(
                Diagnostic::alert(codes::REFUSED, format!("'{what}' cannot be honoured: {why}")).at(span, ""),
            );
        };
        if let Some(n) = &line.namespace {
            refuse(self, n.span, "namespace", "start lbproxy inside that network namespace instead");
        }
        if line.accept_netscaler_cip.is_some() {
            refuse(self, line.span, "accept-netscaler-cip", "the NetScaler protocol is not spoken");
        }
        for a in &line.addresses {
            match (&a.transport, &a.target) {
                (Transport::Quic, _) => refuse(self, a.span, "quic", "HTTP/3 is not built yet"),
                (Transport::Datagram, _) => {
                    refuse(self, a.span, "datagram address", "only log-forward sections take datagrams");
                }
                (_, Target::Sockpair(_)) => {
                    refuse(
                        self,
                        a.span,
                        "sockpair@",
                        "inherited socket pairs serve HAProxy's own master only",
                    );
                }
                (_, Target::ReverseHttp(_)) => {
                    refuse(self, a.span, "rhttp@", "reverse HTTP is not built yet")
                }
                _ => {}
            }
        }
    }

    fn bind_template(&mut self, line: &At<model::Bind>, proxy: Option<&model::Proxy>) -> plan::Bind {
        let global = &self.config.global.unix_bind;
        let unix = &line.unix;
        let user = unix.user.clone().or_else(|| global.user.clone().map(At::from));
        let group = unix.group.clone().or_else(|| global.group.clone().map(At::from));
        let unix_uid = unix.uid.or(global.uid).or_else(|| user.and_then(|u| self.user_id(&u)));
        let unix_gid = unix.gid.or(global.gid).or_else(|| group.and_then(|g| self.group_id(&g)));
        plan::Bind {
            name: line.name.clone().unwrap_or_default(),
            id: 0,
            endpoint: plan::Endpoint::Fd(-1),
            place: line.span,
            text: String::new(),
            backlog: line.backlog.or_else(|| proxy.and_then(|p| p.front.backlog)),
            maxconn: line.maxconn.unwrap_or(0),
            accept_proxy: line.accept_proxy,
            transparent: line.transparent,
            v6only: match (line.v6only, line.v4v6) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            interface: line.interface.as_ref().map(|i| i.value.clone()),
            defer_accept: line.defer_accept,
            tfo: line.tfo,
            mss: line.mss,
            nice: line.nice.unwrap_or(0),
            unix_mode: unix.mode.or(global.mode),
            unix_uid,
            unix_gid,
            tls: line.tls.on.then(|| self.bind_tls(&line.tls)),
        }
    }

    fn user_id(&mut self, name: &At<String>) -> Option<u32> {
        let found = self.world.user(name).map(|(uid, _)| uid);
        if found.is_none() {
            let text = format!("cannot find user id for '{}'", name.value);
            self.say(Diagnostic::alert(codes::UNRESOLVED_NAME, text).at(name.span, "no such user"));
        }
        found
    }

    fn group_id(&mut self, name: &At<String>) -> Option<u32> {
        let found = self.world.group(name);
        if found.is_none() {
            let text = format!("cannot find group id for '{}'", name.value);
            self.say(Diagnostic::alert(codes::UNRESOLVED_NAME, text).at(name.span, "no such group"));
        }
        found
    }

    fn endpoints(&mut self, address: &At<Address>) -> Vec<plan::Endpoint> {
        let prefix = self.config.global.unix_bind.prefix.clone().unwrap_or_default();
        match &address.target {
            Target::Unix(path) => vec![plan::Endpoint::Unix(PathBuf::from(format!("{prefix}{path}")))],
            Target::Abstract(name) => vec![plan::Endpoint::Abstract { name: name.clone(), padded: true }],
            Target::AbstractExact(name) => {
                vec![plan::Endpoint::Abstract { name: name.clone(), padded: false }]
            }
            Target::Fd(fd) => vec![plan::Endpoint::Fd(*fd as i32)],
            Target::Sockpair(_) | Target::ReverseHttp(_) => Vec::new(),
            Target::Inet { host, port, family } => {
                let host = HostRef { host, family: *family, span: address.span };
                let Some(ip) = self.host(&host, "bind") else { return Vec::new() };
                let ports = self.ports(*port, address.span);
                ports.map(|p| plan::Endpoint::Inet(SocketAddr::new(ip, p))).collect()
            }
        }
    }

    fn ports(&mut self, port: Port, span: Span) -> std::ops::RangeInclusive<u16> {
        #[allow(clippy::reversed_empty_ranges)] // An empty range is the honest answer to a refused one.
        let none = 1..=0;
        match port {
            Port::Fixed(p) => p..=p,
            Port::Range(a, b) if a <= b && u32::from(b - a) < PORT_RANGE_MAX => a..=b,
            Port::Range(..) => {
                let text = format!("a port range goes upwards over at most {PORT_RANGE_MAX} ports");
                self.say(Diagnostic::alert(codes::BAD_ADDRESS, text).at(span, "this range"));
                none
            }
            Port::None | Port::Relative(_) => {
                self.say(
                    Diagnostic::alert(codes::BAD_ADDRESS, "a listening address needs a port")
                        .at(span, "no port")
                        .help("write it after a colon, such as `*:80`"),
                );
                none
            }
        }
    }

    fn bind_tls(&mut self, t: &model::BindTls) -> plan::BindTls {
        for list in &t.crt_list {
            self.say(
                Diagnostic::alert(codes::NOT_YET, "'crt-list' is not built yet")
                    .at(list.span, "")
                    .help("name the certificates, or a directory of them, with `crt`"),
            );
        }
        let defaults = &self.config.global.tls.bind;
        let crts =
            t.default_crt.iter().chain(&t.crt).map(|c| At::new(self.crt_path(c), c.span)).collect::<Vec<_>>();
        let (min_version, max_version) =
            tls_range(t.min_ver.as_deref(), t.max_ver.as_deref(), t.force.as_deref(), &t.disabled, defaults);
        plan::BindTls {
            crts,
            ca_file: t.ca_file.as_ref().map(|f| self.ca_path(f)),
            crl_file: t.crl_file.as_ref().map(|f| self.ca_path(f)),
            verify: t.verify.map_or(plan::Verify::None, verify),
            // HTTP/2 is not built yet: it is not offered, so that clients speak what is served.
            alpn: t
                .alpn
                .clone()
                .unwrap_or_else(|| vec!["http/1.1".to_owned()])
                .into_iter()
                .filter(|p| p != "h2")
                .map(String::into_bytes)
                .collect(),
            min_version,
            max_version,
            ciphers: t.ciphers.as_ref().or(defaults.ciphers.as_ref()).map(|c| c.value.clone()),
            ciphersuites: t.ciphersuites.as_ref().or(defaults.ciphersuites.as_ref()).map(|c| c.value.clone()),
            strict_sni: (t.strict_sni || defaults.strict_sni) && !t.no_strict_sni,
            no_tickets: (t.no_tls_tickets || defaults.no_tls_tickets) && !t.tls_tickets,
        }
    }

    /// A certificate path, below `crt-base` unless absolute.
    pub(super) fn crt_path(&self, path: &At<String>) -> PathBuf {
        below(self.config.global.tls.crt_base.as_ref(), path)
    }

    /// A CA or CRL path, below `ca-base` unless absolute; `@system-ca` stays.
    pub(super) fn ca_path(&self, path: &At<String>) -> PathBuf {
        if path.starts_with('@') {
            return PathBuf::from(path.value.clone());
        }
        below(self.config.global.tls.ca_base.as_ref(), path)
    }
}

fn below(base: Option<&At<String>>, path: &At<String>) -> PathBuf {
    match base {
        Some(b) if !path.starts_with('/') => PathBuf::from(b.value.clone()).join(&path.value),
        _ => PathBuf::from(path.value.clone()),
    }
}

pub(super) fn verify(v: model::Verify) -> plan::Verify {
    match v {
        model::Verify::None => plan::Verify::None,
        model::Verify::Optional => plan::Verify::Optional,
        model::Verify::Required => plan::Verify::Required,
    }
}

fn version(v: model::TlsVersion) -> plan::TlsVersion {
    match v {
        // SSLv3 is spoken by nobody here: as a bound it means the oldest there is.
        model::TlsVersion::Ssl3 | model::TlsVersion::Tls10 => plan::TlsVersion::V10,
        model::TlsVersion::Tls11 => plan::TlsVersion::V11,
        model::TlsVersion::Tls12 => plan::TlsVersion::V12,
        model::TlsVersion::Tls13 => plan::TlsVersion::V13,
    }
}

/// The version bounds that min, max, force and the `no-…` words leave.
pub(super) fn tls_range(
    min: Option<&model::TlsVersion>,
    max: Option<&model::TlsVersion>,
    force: Option<&model::TlsVersion>,
    disabled: &[model::TlsVersion],
    defaults: &model::GlobalTlsSide,
) -> (plan::TlsVersion, plan::TlsVersion) {
    if let Some(f) = force {
        return (version(*f), version(*f));
    }
    let mut low = min.copied().or(defaults.min_ver.as_deref().copied());
    let mut high = max.copied().or(defaults.max_ver.as_deref().copied());
    let off = |v: model::TlsVersion| disabled.contains(&v) || defaults.disabled.contains(&v);
    if off(model::TlsVersion::Tls12) && low.is_none_or(|l| l < model::TlsVersion::Tls13) {
        low = Some(model::TlsVersion::Tls13);
    }
    if off(model::TlsVersion::Tls13) && high.is_none_or(|h| h > model::TlsVersion::Tls12) {
        high = Some(model::TlsVersion::Tls12);
    }
    (low.map_or(plan::TlsVersion::Default, version), high.map_or(plan::TlsVersion::Default, version))
}
