//! The half of a proxy that has servers: `backend`, and the back of a `listen`.

use std::sync::Arc;

use common::{
    diag::{Diagnostic, codes},
    haproxy::model,
};

use super::{Compiler, expr::RuleSet, ms, plan};
use crate::engine::balance::{Lb, Member};

/// `retries` when absent (manual 4.2).
const RETRIES_DEFAULT: u32 = 3;

impl Compiler<'_> {
    pub(super) fn backend(&mut self, ix: plan::BackendIx, p: &model::Proxy) -> plan::Backend {
        let b = &p.back;
        self.warn_backend(p);
        self.scope(Some(p)).check_acls();
        let servers = self.servers(p);
        let state = self.registry.backend(&p.name);
        let balance = self.balance(p);
        let members = servers.iter().map(|s| Member { id: s.id, state: s.state.clone() }).collect();
        let lb = Lb::new(balance.clone(), members, state.clone(), p.options.allbackups);
        plan::Backend {
            ix,
            name: p.name.as_str().into(),
            id: self.proxy_id(p),
            description: p.description.clone(),
            same_as: p.has_front().then(|| self.front_position(p)).flatten(),
            mode: self.mode(p),
            disabled: p.disabled,
            unpublished: p.back.unpublished,
            servers,
            balance,
            balance_sample: self.balance_sample(p),
            lb,
            cookie: b.cookie.as_ref().and_then(|c| self.cookie(c)).map(Arc::new),
            dynamic_cookie_key: b.dynamic_cookie_key.clone(),
            retries: b.retries.unwrap_or(RETRIES_DEFAULT),
            redispatch: match b.redispatch {
                Some(model::Redispatch::LastRetry) => -1,
                Some(model::Redispatch::Every(n)) => n,
                Some(model::Redispatch::Never) | None => 0,
            },
            retry_on: retry_on(&b.retry_on),
            timeouts: server_timeouts(&p.timeouts),
            http: self.http_options(p),
            http_reuse: match b.http_reuse.unwrap_or_default() {
                model::HttpReuse::Never => plan::Reuse::Never,
                model::HttpReuse::Safe => plan::Reuse::Safe,
                model::HttpReuse::Aggressive => plan::Reuse::Aggressive,
                model::HttpReuse::Always => plan::Reuse::Always,
            },
            forwardfor: self.forwardfor(p),
            originalto: self.originalto(p),
            // Rules of a `listen` are its front half's: they run once.
            rules: Arc::new(if p.has_front() { plan::ProxyRules::default() } else { self.proxy_rules(p) }),
            use_server: self.use_server(p),
            stick: self.stick_rules(p),
            unique_id: self.check_unique_id(p),
            errors: self.error_pages(p),
            stats: self.stats_page(p).map(Arc::new),
            fullconn: b.fullconn.unwrap_or(0),
            allbackups: p.options.allbackups,
            persist: p.options.persist,
            abortonclose: p.options.abortonclose.unwrap_or(p.mode == model::Mode::Http),
            prefer_last_server: p.options.prefer_last_server,
            log_health_checks: p.options.log_health_checks,
            log: Arc::new(self.log_plan(p)),
            source: None,
            tcp: plan::TcpOptions {
                keepalive: p.options.server_keepalive(),
                nolinger: p.options.nolinger,
                splice: p.options.splice_request || p.options.splice_response,
            },
            state,
        }
    }

    /// HAProxy's warning of connections that could stay for ever.
    fn warn_backend(&mut self, p: &model::Proxy) {
        let t = &p.timeouts;
        if (t.connect_ms.is_none() || t.server_ms.is_none() || (p.has_front() && t.client_ms.is_none()))
            && !p.back.servers.is_empty()
        {
            self.missing_timeouts(p);
        }
    }

    pub(super) fn missing_timeouts(&mut self, p: &model::Proxy) {
        let kind = match p.kind {
            model::ProxyKind::Frontend => "frontend",
            model::ProxyKind::Backend => "backend",
            model::ProxyKind::Listen => "proxy",
        };
        self.say(
            Diagnostic::warning(codes::INCOMPLETE, format!("missing timeouts for {kind} '{}'", p.name.value))
                .at(
                    p.name.span,
                    "client, connect and server time-outs bound how long a dead peer costs memory",
                )
                .help(
                    "set `timeout client`, `timeout connect` and `timeout server`, for example in `defaults`",
                ),
        );
    }

    fn use_server(&mut self, p: &model::Proxy) -> Vec<(plan::ServerIx, Option<crate::engine::rule::Cond>)> {
        let mut out = Vec::new();
        for u in &p.back.use_server {
            let Some(ix) = p.back.servers.iter().position(|s| s.name.value == u.server.value) else {
                let known = p.back.servers.iter().map(|s| s.name.as_str());
                let text = format!("there is no server '{}' in this backend", u.server.value);
                let d = Diagnostic::alert(codes::UNRESOLVED_NAME, text).at(u.server.span, "named here");
                self.say(d.did_you_mean(&u.server, known));
                continue;
            };
            let cond = u.cond.as_ref().and_then(|c| self.scope(Some(p)).cond(c));
            out.push((ix, cond));
        }
        out
    }

    pub(super) fn proxy_rules(&mut self, p: &model::Proxy) -> plan::ProxyRules {
        let r = &p.rules;
        if let Some(rule) = r.tcp_response_content.first() {
            let instead = "use `http-response` rules in mode http, or leave it out";
            self.not_yet(rule.span, "'tcp-response content' rules are not built yet", instead);
        }
        let mut s = self.scope(Some(p));
        plan::ProxyRules {
            tcp_connection: s.tcp_rules(&r.tcp_request_connection, RuleSet::TcpRequestConnection),
            tcp_session: s.tcp_rules(&r.tcp_request_session, RuleSet::TcpRequestSession),
            tcp_content: s.tcp_rules(&r.tcp_request_content, RuleSet::TcpRequestContent),
            tcp_response: s.tcp_rules(&r.tcp_response_content, RuleSet::TcpResponseContent),
            http_request: s.http_rules(&r.http_request, RuleSet::HttpRequest),
            http_response: s.http_rules(&r.http_response, RuleSet::HttpResponse),
            http_after_response: s.http_rules(&r.http_after_response, RuleSet::HttpAfterResponse),
            inspect_delay_ms: ms(r.tcp_request_inspect_delay_ms),
            response_inspect_delay_ms: ms(r.tcp_response_inspect_delay_ms),
        }
    }
}

fn retry_on(words: &[model::RetryOn]) -> plan::RetryOn {
    if words.is_empty() {
        return plan::RetryOn::default();
    }
    let mut r = plan::RetryOn { conn_failure: false, ..plan::RetryOn::default() };
    for w in words {
        match w {
            model::RetryOn::None => r = plan::RetryOn { conn_failure: false, ..plan::RetryOn::default() },
            model::RetryOn::ConnFailure => r.conn_failure = true,
            model::RetryOn::EmptyResponse => r.empty_response = true,
            model::RetryOn::JunkResponse => r.junk_response = true,
            model::RetryOn::ResponseTimeout => r.response_timeout = true,
            // Early data is never sent to servers, so that it cannot be refused.
            model::RetryOn::ZeroRttRejected => {}
            model::RetryOn::AllRetryableErrors => {
                (r.conn_failure, r.empty_response, r.junk_response, r.response_timeout) =
                    (true, true, true, true);
                // Manual 4.2, `retry-on`: these are the statuses that the word stands for.
                r.statuses.extend([500, 502, 503, 504]);
            }
            model::RetryOn::Status(s) => r.statuses.push(*s),
        }
    }
    r
}

/// `timeout queue` falls back to `timeout connect` (manual 4.2).
fn server_timeouts(t: &model::Timeouts) -> plan::ServerTimeouts {
    plan::ServerTimeouts {
        connect: ms(t.connect_ms),
        server: ms(t.server_ms),
        server_fin: ms(t.server_fin_ms),
        queue: ms(t.queue_ms.or(t.connect_ms)),
        tunnel: ms(t.tunnel_ms),
        tarpit: ms(t.tarpit_ms.or(t.connect_ms)),
    }
}
