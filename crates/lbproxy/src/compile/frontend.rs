//! The listening half of a proxy, and what both halves share.

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use common::{
    diag::{Diagnostic, codes},
    haproxy::model,
    source::At,
};

use super::{Compiler, expr::FormatKind, ms, plan};

/// HAProxy's header name of `option forwardfor`, in the case in which it is commonly read.
const FORWARDED_FOR: &str = "X-Forwarded-For";
/// The same of `option originalto`.
const ORIGINAL_TO: &str = "X-Original-To";
/// The first proxy's id; 1 is the process's own (`show stat`, column `iid`).
const FIRST_PROXY_ID: u32 = 2;

impl Compiler<'_> {
    pub(super) fn frontend(&mut self, ix: plan::FrontendIx, p: &model::Proxy) -> plan::Frontend {
        let f = &p.front;
        self.warn_frontend(p);
        self.scope(Some(p)).check_acls();
        let mut next_id = 0;
        let binds: Vec<_> =
            f.binds.iter().flat_map(|b| self.binds(b, &mut next_id, Some(p))).map(Arc::new).collect();
        let counted = if p.options.socket_stats { binds.as_slice() } else { &[] };
        let listeners = counted.iter().map(|b| self.registry.listener(&p.name, &b.text)).collect();
        plan::Frontend {
            ix,
            name: p.name.as_str().into(),
            id: self.proxy_id(p),
            description: p.description.clone(),
            mode: self.mode(p),
            binds,
            listeners,
            maxconn: f.maxconn.as_ref().map_or(0, |n| n.value),
            backlog: f.backlog.unwrap_or(0),
            rate_limit: f.rate_limit_sessions.unwrap_or(0),
            disabled: p.disabled,
            timeouts: client_timeouts(&p.timeouts),
            http: self.http_options(p),
            forwardfor: self.forwardfor(p),
            originalto: self.originalto(p),
            rules: Arc::new(self.proxy_rules(p)),
            switching: self.switching(p),
            default_backend: self.default_backend(p),
            force_switch: f.force_be_switch.iter().filter_map(|c| self.scope(Some(p)).cond(c)).collect(),
            log: Arc::new(self.log_plan(p)),
            captures: super::expr::captures(p),
            errors: self.error_pages(p),
            stats: self.stats_page(p).map(Arc::new),
            monitor_uri: f.monitor_uri.as_ref().map(|u| u.value.clone()),
            monitor_fail: f.monitor_fail.iter().filter_map(|c| self.scope(Some(p)).cond(c)).collect(),
            unique_id: self.unique_id(p),
            tcp: plan::TcpOptions {
                keepalive: p.options.client_keepalive(),
                nolinger: p.options.nolinger,
                splice: p.options.splice_request || p.options.splice_response,
            },
            state: self.registry.frontend(&p.name),
        }
    }

    fn warn_frontend(&mut self, p: &model::Proxy) {
        if p.front.binds.is_empty() && p.kind == model::ProxyKind::Frontend {
            self.say(
                Diagnostic::warning(
                    codes::INCOMPLETE,
                    format!("frontend '{}' has no 'bind' directive", p.name.value),
                )
                .at(p.name.span, "nothing can reach it")
                .help("add a `bind` line, or declare it as a backend if this was intended"),
            );
        }
        if p.kind == model::ProxyKind::Frontend && p.timeouts.client_ms.is_none() {
            self.missing_timeouts(p);
        }
    }

    /// Ids count over frontends and backends in the order of the file; a `listen` has one for both halves.
    pub(super) fn proxy_id(&mut self, p: &model::Proxy) -> u32 {
        if let Some(id) = &p.id {
            return id.value;
        }
        self.proxy_ids.get(&std::ptr::from_ref(p)).copied().unwrap_or(FIRST_PROXY_ID)
    }

    /// A proxy without `id` has the first number from 2 that none before it has and none is given.
    pub(super) fn number_proxies(&mut self) {
        let given: HashSet<u32> =
            self.config.proxies.iter().filter_map(|p| p.id.as_ref().map(|n| n.value)).collect();
        let mut free = (FIRST_PROXY_ID..).filter(|n| !given.contains(n));
        for p in &self.config.proxies {
            if p.id.is_none()
                && let Some(n) = free.next()
            {
                self.proxy_ids.insert(std::ptr::from_ref(p), n);
            }
        }
    }

    pub(super) fn front_position(&self, p: &model::Proxy) -> Option<plan::FrontendIx> {
        self.config.proxies.iter().filter(|q| q.has_front()).position(|q| std::ptr::eq(q, p))
    }

    pub(super) fn mode(&mut self, p: &model::Proxy) -> plan::Mode {
        match p.mode {
            model::Mode::Http => plan::Mode::Http,
            model::Mode::Tcp => plan::Mode::Tcp,
            other => {
                let word = format!("{other:?}").to_lowercase();
                self.say(
                    Diagnostic::alert(codes::NOT_YET, format!("'mode {word}' is not built yet"))
                        .at(p.name.span, "this proxy asks for it"),
                );
                plan::Mode::Tcp
            }
        }
    }

    fn switching(&mut self, p: &model::Proxy) -> Vec<plan::Switch> {
        let mut out = Vec::new();
        for rule in &p.front.use_backend {
            let target = if rule.backend.contains('%') {
                self.scope(Some(p))
                    .log_format(&rule.backend, FormatKind::Value)
                    .map(plan::SwitchTarget::Dynamic)
            } else {
                self.switch_target(p, &rule.backend).map(plan::SwitchTarget::Fixed)
            };
            let cond = rule.cond.as_ref().and_then(|c| self.scope(Some(p)).cond(c));
            out.extend(target.map(|target| plan::Switch { target, cond }));
        }
        out
    }

    /// A backend by name that speaks the frontend's mode.
    fn switch_target(&mut self, p: &model::Proxy, name: &At<String>) -> Option<plan::BackendIx> {
        let ix = self.backend_named(name)?;
        let backend = self.config.proxies.iter().filter(|q| q.has_back()).nth(ix)?;
        // TCP may go to HTTP: the request is then read at the backend (manual 4, `mode`); not the other way round.
        if p.mode == model::Mode::Http && backend.mode == model::Mode::Tcp {
            self.say(
                Diagnostic::alert(
                    codes::MISPLACED,
                    format!("HTTP frontend '{}' cannot use TCP backend '{}'", p.name.value, name.value),
                )
                .at(name.span, "this backend is in mode tcp")
                .also(backend.name.span, "defined here")
                .help("give both the same `mode`"),
            );
        }
        Some(ix)
    }

    /// The named one; the own back half of a `listen`; `None`: 503 for what no rule sends elsewhere.
    fn default_backend(&mut self, p: &model::Proxy) -> Option<plan::BackendIx> {
        match &p.front.default_backend {
            Some(name) => self.switch_target(p, name),
            None if p.has_back() => self.backend_ix.get(p.name.as_str()).copied(),
            None => None,
        }
    }

    pub(super) fn http_options(&mut self, p: &model::Proxy) -> plan::HttpOptions {
        let o = &p.options;
        plan::HttpOptions {
            connection: match o.http_mode {
                model::HttpMode::KeepAlive => plan::ConnectionMode::KeepAlive,
                model::HttpMode::ServerClose => plan::ConnectionMode::ServerClose,
                model::HttpMode::Close => plan::ConnectionMode::Close,
            },
            ignore_probes: o.http_ignore_probes,
            use_proxy_header: o.http_use_proxy_header,
            accept_unsafe_request: o.accept_unsafe_violations_in_http_request,
            accept_unsafe_response: o.accept_unsafe_violations_in_http_response,
            no_delay: o.http_no_delay,
            buffer_request: o.http_buffer_request,
            restrict_req_hdr_names: matches!(o.http_restrict_req_hdr_names, Some(model::HdrNames::Reject)),
            drop_invalid_hdr_names: matches!(o.http_restrict_req_hdr_names, Some(model::HdrNames::Delete)),
            adjust_case_client: o.h1_case_adjust_bogus_client,
            adjust_case_server: o.h1_case_adjust_bogus_server,
            nolinger: o.nolinger,
        }
    }

    pub(super) fn forwardfor(&mut self, p: &model::Proxy) -> Option<Arc<plan::ForwardFor>> {
        let f = p.options.forwardfor.as_ref()?;
        let except = f.except.iter().filter_map(|n| self.network(n)).collect();
        let header = f.header.clone().unwrap_or_else(|| FORWARDED_FOR.to_owned());
        Some(Arc::new(plan::ForwardFor { header, except, if_none: f.if_none }))
    }

    pub(super) fn originalto(&mut self, p: &model::Proxy) -> Option<Arc<plan::ForwardFor>> {
        let f = p.options.originalto.as_ref()?;
        let except = f.except.iter().filter_map(|n| self.network(n)).collect();
        let header = f.header.clone().unwrap_or_else(|| ORIGINAL_TO.to_owned());
        Some(Arc::new(plan::ForwardFor { header, except, if_none: f.if_none }))
    }

    /// `10.0.0.0/8`, `::1`, `127.0.0.0/255.0.0.0`.
    fn network(&mut self, text: &At<String>) -> Option<(IpAddr, u8)> {
        let parsed = parse_network(text);
        if parsed.is_none() {
            let d = Diagnostic::alert(codes::BAD_ARGUMENT, format!("'{}' is no network", text.value))
                .at(text.span, "expected an address with an optional mask, such as 10.0.0.0/8");
            self.say(d);
        }
        parsed
    }

    fn unique_id(&mut self, p: &model::Proxy) -> Option<plan::UniqueId> {
        let text = p.unique_id_format.as_ref()?;
        let format = self.scope(Some(p)).log_format(text, FormatKind::Value)?;
        let header = p.front.unique_id_header.as_ref().map(|h| h.value.clone());
        Some(plan::UniqueId { format, header })
    }

    pub(super) fn stats_page(&mut self, p: &model::Proxy) -> Option<plan::StatsPage> {
        let s = p.stats.as_ref()?;
        let admin = s.admin.iter().filter_map(|a| match &a.cond {
            Some(c) => self.scope(Some(p)).cond(c),
            None => Some(crate::engine::rule::Cond::always()),
        });
        Some(plan::StatsPage {
            admin: admin.collect(),
            uri: s.uri.as_ref().map_or_else(|| "/haproxy?stats".to_owned(), |u| u.value.clone()),
            realm: s.realm.clone().unwrap_or_else(|| "HAProxy Statistics".to_owned()),
            auth: s.auth.iter().map(|a| (a.user.clone(), a.password.clone())).collect(),
            refresh_s: s.refresh_s.map_or(0, |n| n as u32),
            hide_version: s.hide_version,
            show_legends: s.show_legends,
            show_modules: s.show_modules,
            show_node: s.show_node.clone(),
            show_desc: s.show_desc.clone(),
            scope: s.scope.iter().map(|n| n.value.clone()).collect(),
        })
    }
}

fn client_timeouts(t: &model::Timeouts) -> plan::ClientTimeouts {
    plan::ClientTimeouts {
        client: ms(t.client_ms),
        client_fin: ms(t.client_fin_ms),
        client_hs: ms(t.client_hs_ms),
        http_request: ms(t.http_request_ms),
        http_keep_alive: ms(t.http_keep_alive_ms),
        tarpit: ms(t.tarpit_ms.or(t.connect_ms)),
    }
}

fn parse_network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, mask) = match text.split_once('/') {
        Some((a, m)) => (a, Some(m)),
        None => (text, None),
    };
    let ip: IpAddr = address.parse().ok()?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let len = match mask {
        None => most,
        Some(m) => match m.parse::<u8>() {
            Ok(n) if n <= most => n,
            Ok(_) => return None,
            Err(_) => dotted_mask(m)?,
        },
    };
    Some((ip, len))
}

/// `255.255.0.0` as a length; masks with holes are no networks.
fn dotted_mask(mask: &str) -> Option<u8> {
    let bits = u32::from(mask.parse::<std::net::Ipv4Addr>().ok()?);
    (bits.leading_ones() + bits.trailing_zeros() == 32 || bits == 0).then_some(bits.leading_ones() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_with_length_mask_or_neither() {
        let net = |t| parse_network(t).map(|(ip, n)| (ip.to_string(), n));
        assert_eq!(net("127.0.0.0/8"), Some(("127.0.0.0".into(), 8)));
        assert_eq!(net("10.0.0.0/255.255.0.0"), Some(("10.0.0.0".into(), 16)));
        assert_eq!(net("::1"), Some(("::1".into(), 128)));
        assert_eq!(net("10.0.0.0/0.0.0.0"), Some(("10.0.0.0".into(), 0)));
        for bad in ["10.0.0.0/33", "10.0.0.0/255.0.255.0", "x/8", "::1/129"] {
            assert_eq!(net(bad), None, "{bad}");
        }
    }
}
