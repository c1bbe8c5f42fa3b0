//! `server` and `server-template` lines.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use common::{
    diag::{Diagnostic, codes},
    haproxy::{
        address::{Address, Host, Port, Target},
        model,
    },
    source::At,
};

use super::{Compiler, HostRef, bind, ms, plan};
use crate::engine::{
    check::script::Program,
    cookie,
    state::{Saved, ServerState},
};

/// Most servers of one `server-template` line (manual 4.2 sets no limit; memory does).
const TEMPLATE_MAX: u32 = 16_384;

impl Compiler<'_> {
    pub(super) fn servers(&mut self, proxy: &model::Proxy) -> Vec<Arc<plan::Server>> {
        let mut lines: Vec<At<model::Server>> = proxy.back.servers.clone();
        for t in &proxy.back.templates {
            lines.extend(self.template(t));
        }
        let mut next_id = 0;
        let mut names: HashMap<&str, usize> = HashMap::new();
        let mut out = Vec::with_capacity(lines.len());
        for line in &lines {
            next_id = line.id.as_ref().map_or(next_id + 1, |n| n.value);
            // Old files repeat server names; each such server still has a state of its own.
            let twin = names.entry(&line.name).and_modify(|n| *n += 1).or_insert(0);
            let state_name =
                if *twin == 0 { line.name.value.clone() } else { format!("{}#{twin}", line.name) };
            let state = self.registry.server(&proxy.name, &state_name);
            out.push(Arc::new(self.server(out.len(), next_id, proxy, line, state)));
        }
        out
    }

    fn template(&mut self, t: &At<model::ServerTemplate>) -> Vec<At<model::Server>> {
        if t.first > t.last || t.last - t.first >= TEMPLATE_MAX {
            let text = format!("a server template makes 1 to {TEMPLATE_MAX} servers");
            self.say(Diagnostic::alert(codes::BAD_ARGUMENT, text).at(t.span, "this range"));
            return Vec::new();
        }
        (t.first..=t.last)
            .map(|n| {
                let mut s = t.server.clone();
                s.name = At::new(format!("{}{n}", t.prefix.value), t.prefix.span);
                At::new(s, t.span)
            })
            .collect()
    }

    fn server(
        &mut self,
        ix: plan::ServerIx,
        id: u32,
        proxy: &model::Proxy,
        s: &At<model::Server>,
        state: Arc<ServerState>,
    ) -> plan::Server {
        self.refuse_unserved_server(s);
        let saved = self.saved_state(proxy, &s.name);
        let (endpoint, host, port) = self.server_address(s, saved.as_ref());
        let source = s.source.as_ref().or(proxy.back.source.as_ref());
        let check = self.check(proxy, s);
        let check_tls = check.as_ref().is_some_and(|c| !s.tls.on && Program::new(c).needs_tls(c));
        let dynamic = dynamic_cookie(proxy, endpoint.as_ref());
        plan::Server {
            ix,
            name: s.name.as_str().into(),
            id,
            endpoint,
            resolve: self.resolve_by(s, host.as_deref()),
            host,
            port,
            weight: s.weight.as_ref().map_or(1, |w| w.value.min(256)),
            backup: s.backup,
            disabled: s.disabled,
            non_stick: s.non_stick,
            cookie: s.cookie.as_ref().map(|c| c.value.clone()).or(dynamic),
            maxconn: s.maxconn.unwrap_or(0),
            minconn: s.minconn.unwrap_or(0),
            maxqueue: s.maxqueue.unwrap_or(0),
            slowstart_ms: ms(s.slowstart_ms),
            on_marked_down_shutdown: s.on_marked_down_shutdown_sessions,
            on_marked_up_shutdown_backups: s.on_marked_up_shutdown_backup_sessions,
            tls: s.tls.on.then(|| Arc::new(self.server_tls(s))),
            check_tls: check_tls.then(|| Arc::new(self.server_tls(s))),
            send_proxy: match s.send_proxy {
                None => plan::SendProxy::No,
                Some(model::SendProxy::V1) => plan::SendProxy::V1,
                Some(_) => plan::SendProxy::V2,
            },
            pool_max_conn: s.pool.max_conn.map_or(-1, i64::from),
            pool_purge_delay_ms: s.pool.purge_delay_ms.map_or(5_000, |v| ms(Some(v))),
            pool_low_conn: s.pool.low_conn.unwrap_or(0),
            max_reuse: s.pool.max_reuse.map_or(-1, i64::from),
            source: source.and_then(|s| self.source_address(s)),
            redir: s.redir.as_ref().map(|r| r.value.clone()),
            check,
            observe: self.observe(proxy, s),
            saved,
            agent: self.agent(s),
            track: s.track.as_ref().and_then(|t| self.track(proxy, t)),
            state,
        }
    }

    /// Options that would change what reaches the server, and cannot be honoured, are refused.
    fn refuse_unserved_server(&mut self, s: &At<model::Server>) {
        let mut refuse = |span, what: &str, why: &str| {
            self.say(
                Diagnostic::alert(codes::REFUSED, format!("'{what}' cannot be honoured: {why}")).at(span, ""),
            );
        };
        if let Some(n) = &s.namespace {
            refuse(n.span, "namespace", "start lbproxy inside that network namespace instead");
        }
        if let Some(p) = &s.proto
            && p.value != "h1"
        {
            refuse(p.span, "proto", "only HTTP/1 is spoken to servers yet");
        }
        if let Some(a) = &s.socks4 {
            refuse(a.span, "socks4", "SOCKS is not built yet");
        }
    }

    /// Address, host name to resolve again, and port. `10.224.155.xx` is a name to the language, and an alert here.
    fn server_address(
        &mut self,
        s: &At<model::Server>,
        saved: Option<&Saved>,
    ) -> (Option<plan::Endpoint>, Option<String>, plan::Port) {
        let a = &s.address;
        let port = match &a.target {
            Target::Inet { port: Port::Fixed(p), .. } => plan::Port::Fixed(*p),
            Target::Inet { port: Port::Relative(d), .. } => plan::Port::Relative(*d),
            Target::Inet { port: Port::None, .. } => plan::Port::Relative(0),
            Target::Inet { port: Port::Range(..), .. } => {
                let d = Diagnostic::alert(codes::BAD_ADDRESS, "a server has one port, not a range");
                self.say(d.at(a.span, "this range"));
                plan::Port::Fixed(0)
            }
            _ => plan::Port::Fixed(0),
        };
        let fixed = match port {
            plan::Port::Fixed(p) => p,
            plan::Port::Relative(_) => 0,
        };
        let endpoint = match &a.target {
            Target::Unix(path) => Some(plan::Endpoint::Unix(path.clone().into())),
            Target::Abstract(name) => Some(plan::Endpoint::Abstract { name: name.clone(), padded: true }),
            Target::AbstractExact(name) => {
                Some(plan::Endpoint::Abstract { name: name.clone(), padded: false })
            }
            Target::Inet { host, family, .. } => {
                let span = a.span;
                self.server_host(s, &HostRef { host, family: *family, span }, saved)
                    .map(|ip| plan::Endpoint::Inet(SocketAddr::new(ip, fixed)))
            }
            Target::Fd(_) | Target::Sockpair(_) | Target::ReverseHttp(_) => {
                self.say(
                    Diagnostic::alert(codes::BAD_ADDRESS, "a server cannot be reached at such an address")
                        .at(a.span, "expected an IP address, a name or a Unix socket"),
                );
                None
            }
        };
        let host = match &a.target {
            Target::Inet { host: Host::Name(n), .. } => Some(n.clone()),
            _ => None,
        };
        (endpoint, host, port)
    }

    /// The host's address by `init-addr` (manual 5.2; `last,libc` when absent: a name without address is an alert).
    fn server_host(
        &mut self,
        s: &At<model::Server>,
        host: &HostRef<'_>,
        saved: Option<&Saved>,
    ) -> Option<std::net::IpAddr> {
        let Host::Name(name) = host.host else {
            return self.host(host, &format!("server '{}'", s.name));
        };
        let default = [At::from(model::InitAddr::Last), At::from(model::InitAddr::Libc)];
        let methods = if s.resolve.init_addr.is_empty() { &default[..] } else { &s.resolve.init_addr };
        for m in methods {
            match m.value {
                // What an earlier run left in a state file.
                model::InitAddr::Last => {
                    if let Some(ip) = saved.and_then(|s| s.ip) {
                        return Some(ip);
                    }
                }
                model::InitAddr::None => return None,
                model::InitAddr::Ip(ip) => return Some(ip),
                model::InitAddr::Libc => {
                    let answers = self.resolve(name).unwrap_or_default();
                    let v6_first = s.resolve.prefer == Some(model::Family::Ipv6);
                    let best = answers.iter().find(|ip| ip.is_ipv6() == v6_first).or(answers.first());
                    if let Some(ip) = best {
                        return Some(*ip);
                    }
                }
            }
        }
        self.host(host, &format!("server '{}'", s.name))
    }

    fn server_tls(&mut self, s: &At<model::Server>) -> plan::ServerTls {
        let t = &s.tls;
        let global = &self.config.global.tls;
        let (min_version, max_version) = bind::tls_range(
            t.min_ver.as_deref(),
            t.max_ver.as_deref(),
            t.force.as_deref(),
            &t.disabled,
            &global.server,
        );
        let sni = t.sni.as_ref().and_then(|e| self.fixed_sni(e));
        let verify = t.verify.or(global.server_verify).map_or(plan::Verify::Required, bind::verify);
        if verify != plan::Verify::None && t.ca_file.is_none() {
            self.say(
                Diagnostic::alert(
                    codes::INCOMPLETE,
                    format!("server '{}': verify is enabled but no ca-file says whom to trust", s.name.value),
                )
                .at(s.name.span, "this server")
                .help("add `ca-file PATH` (or `ca-file @system-ca`), or `verify none` on a trusted network"),
            );
        }
        plan::ServerTls {
            verify,
            ca_file: t.ca_file.as_ref().map(|f| self.ca_path(f)),
            crl_file: t.crl_file.as_ref().map(|f| self.ca_path(f)),
            crt: t.crt.as_ref().map(|f| self.crt_path(f)),
            sni,
            verifyhost: t.verifyhost.as_ref().map(|v| v.value.clone()),
            alpn: t.alpn.iter().flatten().filter(|p| *p != "h2").map(|p| p.clone().into_bytes()).collect(),
            min_version,
            max_version,
            ciphers: t.ciphers.as_ref().or(global.server.ciphers.as_ref()).map(|c| c.value.clone()),
            ciphersuites: t
                .ciphersuites
                .as_ref()
                .or(global.server.ciphersuites.as_ref())
                .map(|c| c.value.clone()),
        }
    }

    /// `sni str(name)`; other expressions are not served yet and said so.
    fn fixed_sni(&mut self, e: &At<String>) -> Option<String> {
        let fixed = e.strip_prefix("str(").and_then(|r| r.strip_suffix(')'));
        if fixed.is_none() {
            self.say(
                Diagnostic::alert(codes::NOT_YET, "only `sni str(NAME)` is built yet")
                    .at(e.span, "this expression depends on the request"),
            );
        }
        fixed.map(|n| n.trim_matches(['"', '\'']).to_owned())
    }

    fn source_address(&mut self, s: &At<model::Source>) -> Option<SocketAddr> {
        if let Some(u) = &s.usesrc {
            let d = Diagnostic::alert(codes::NOT_YET, "'usesrc' (transparent proxying) is not built yet");
            self.say(d.at(u.span, ""));
        }
        let Address { target: Target::Inet { host, port, family }, .. } = &s.address.value else {
            return None;
        };
        let ip = self.host(&HostRef { host, family: *family, span: s.address.span }, "source")?;
        let port = match port {
            Port::Fixed(p) => *p,
            _ => 0,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// `track [backend/]server`: found by name once all servers are known, so by position in the model.
    fn track(&mut self, proxy: &model::Proxy, t: &At<String>) -> Option<(plan::BackendIx, plan::ServerIx)> {
        let (backend, server) = t.split_once('/').unwrap_or((proxy.name.as_str(), t.as_str()));
        let found = self.config.proxies.iter().filter(|p| p.has_back()).enumerate().find_map(|(ix, p)| {
            let hit = p.name.as_str() == backend;
            let at = p.back.servers.iter().position(|s| s.name.as_str() == server);
            at.filter(|_| hit).map(|s| (ix, s))
        });
        if found.is_none() {
            let text = format!("unable to find server '{server}' in backend '{backend}' to track");
            self.say(Diagnostic::alert(codes::UNRESOLVED_NAME, text).at(t.span, "named here"));
        }
        found
    }
}

/// The value that `cookie … dynamic` gives a server without one of its own (manual 4.2).
fn dynamic_cookie(proxy: &model::Proxy, endpoint: Option<&plan::Endpoint>) -> Option<String> {
    let key = proxy.back.dynamic_cookie_key.as_ref()?;
    let wanted = proxy.back.cookie.as_ref().is_some_and(|c| c.dynamic);
    match endpoint {
        Some(plan::Endpoint::Inet(a)) if wanted => Some(cookie::dynamic_value(key, a.ip(), a.port())),
        _ => None,
    }
}
