//! Health checks: a server's settings, its backend's script and the defaults make one `check::Spec`.

use std::{net::IpAddr, sync::Arc};

use common::{
    diag::{Diagnostic, codes},
    haproxy::{
        address::{Address, Host, Port, Target},
        model::{self, CheckKind, CheckStep, ExpectWhat},
    },
    source::{At, Span},
};
use regex::bytes::{Regex, RegexBuilder};

use super::{Compiler, HostRef, expr::FormatKind, ms};
use crate::engine::{
    check::{self, Text, protocol::Protocol},
    logformat::LogFormat,
    sample::{Place, Type},
};

/// `inter`, `rise` and `fall` when absent (manual 5.2).
const INTER_DEFAULT_MS: u32 = 2_000;
const RISE_DEFAULT: u32 = 2;
const FALL_DEFAULT: u32 = 3;
/// `error-limit` when absent (manual 5.2).
const ERROR_LIMIT_DEFAULT: u32 = 10;

impl Compiler<'_> {
    pub(super) fn check(&mut self, p: &model::Proxy, s: &At<model::Server>) -> Option<Arc<check::Spec>> {
        let c = &s.check;
        if !c.on {
            return None;
        }
        self.refuse_unserved_check(c);
        let chosen = self.chosen_check(p, c);
        // Manual 5.2, `check-ssl` and `check-send-proxy`: an own address or port leaves the server's behind.
        let elsewhere = c.addr.is_some() || c.port.is_some();
        Some(Arc::new(check::Spec {
            inter_ms: c.inter_ms.map_or(INTER_DEFAULT_MS, |v| ms(Some(v))),
            fastinter_ms: ms(c.fastinter_ms),
            downinter_ms: ms(c.downinter_ms),
            rise: c.rise.unwrap_or(RISE_DEFAULT),
            fall: c.fall.unwrap_or(FALL_DEFAULT),
            timeout_check_ms: ms(p.timeouts.check_ms),
            timeout_connect_ms: ms(p.timeouts.connect_ms),
            addr: c.addr.as_ref().and_then(|a| self.check_host(a)),
            port: c.port.as_ref().map(|n| n.value).or_else(|| c.addr.as_ref().and_then(|a| a.port())),
            ssl: c.ssl.unwrap_or(s.tls.on && !elsewhere),
            sni: c.sni.as_ref().map(|n| n.value.clone()),
            alpn: c.alpn.iter().flatten().map(|a| a.clone().into_bytes()).collect(),
            send_proxy: c.send_proxy || (s.send_proxy.is_some() && !elsewhere),
            init: match c.init_state {
                None | Some(model::InitState::Up) => check::InitState::Up,
                Some(model::InitState::FullyUp) => check::InitState::FullyUp,
                Some(model::InitState::Down) => check::InitState::Down,
                Some(model::InitState::FullyDown) => check::InitState::FullyDown,
            },
            script: self.check_script(p, &chosen),
            disable_on_404: chosen.disable_on_404,
            send_state: chosen.send_state,
        }))
    }

    /// Settings that would change the verdict are refused while they are not built.
    fn refuse_unserved_check(&mut self, c: &model::ServerCheck) {
        if let Some(w) = c.proto.as_ref().filter(|p| p.value != "h1") {
            self.not_yet(w.span, "'check-proto' is not built yet", "leave it out: checks speak HTTP/1");
        }
    }

    /// The check that the server names, or its backend's.
    fn chosen_check(&mut self, p: &model::Proxy, c: &model::ServerCheck) -> model::Healthcheck {
        let own = model::Healthcheck {
            name: At::default(),
            check: p.back.check.clone(),
            http_check: p.back.http_check.clone(),
            tcp_check: p.back.tcp_check.clone(),
            disable_on_404: p.back.http_check_disable_on_404,
            send_state: p.back.http_check_send_state,
        };
        let Some(name) = &c.healthcheck else { return own };
        let config = self.config;
        if let Some(found) = config.healthchecks.iter().find(|h| h.name.value == name.value) {
            return found.clone();
        }
        let known: Vec<&str> = config.healthchecks.iter().map(|h| h.name.as_str()).collect();
        let d = Diagnostic::alert(
            codes::UNRESOLVED_NAME,
            format!("there is no healthcheck section '{}'", name.value),
        );
        self.say(d.at(name.span, "named here").did_you_mean(name, known));
        own
    }

    /// `observe`, with `error-limit` and `on-error`; only where the server is checked, too (manual 5.2).
    pub(super) fn observe(&mut self, p: &model::Proxy, s: &At<model::Server>) -> Option<check::Observe> {
        let observe = s.check.observe?;
        if !s.check.on {
            let d = Diagnostic::notice(codes::NO_EFFECT, "'observe' has no effect without 'check'");
            self.say(d.at(s.name.span, "this server"));
            return None;
        }
        Some(check::Observe {
            layer7: observe == model::Observe::Layer7 && p.mode == model::Mode::Http,
            limit: s.check.error_limit.unwrap_or(ERROR_LIMIT_DEFAULT).max(1),
            then: match s.on_error {
                None | Some(model::OnError::FailCheck) => check::OnError::FailCheck,
                Some(model::OnError::Fastinter) => check::OnError::Fastinter,
                Some(model::OnError::SuddenDeath) => check::OnError::SuddenDeath,
                Some(model::OnError::MarkDown) => check::OnError::MarkDown,
            },
        })
    }

    pub(super) fn agent(&mut self, s: &At<model::Server>) -> Option<Arc<check::AgentSpec>> {
        let a = &s.agent;
        if !a.on {
            return None;
        }
        let Some(port) = a.port.as_ref().map(|p| p.value) else {
            let text = format!("server '{}' asks an agent without a port", s.name.value);
            let d = Diagnostic::alert(codes::INCOMPLETE, text).at(s.span, "this line");
            self.say(d.help("add `agent-port N`"));
            return None;
        };
        Some(Arc::new(check::AgentSpec {
            inter_ms: a.inter_ms.map_or(INTER_DEFAULT_MS, |v| ms(Some(v))),
            addr: a.addr.as_ref().and_then(|a| self.check_host(a)),
            port,
            send: a.send.clone().unwrap_or_default().into_bytes(),
        }))
    }

    fn check_host(&mut self, a: &At<Address>) -> Option<IpAddr> {
        match &a.target {
            Target::Inet { host: Host::Any, .. } => None,
            Target::Inet { host, family, .. } => {
                self.host(&HostRef { host, family: *family, span: a.span }, "check address")
            }
            _ => {
                let d = Diagnostic::alert(codes::BAD_ADDRESS, "a check needs an Internet address");
                self.say(d.at(a.span, "this address"));
                None
            }
        }
    }

    fn check_script(&mut self, p: &model::Proxy, h: &model::Healthcheck) -> check::Script {
        match &h.check {
            CheckKind::Connect => check::Script::Connect,
            CheckKind::Tcp => check::Script::Tcp(self.steps(p, &h.tcp_check, None)),
            CheckKind::Http(chk) => check::Script::Http(self.http_steps(p, chk, &h.http_check)),
            CheckKind::SslHello => check::Script::SslHello,
            CheckKind::Smtp { hello, domain } => {
                check::Script::Protocol(Protocol::Smtp { hello: format!("{hello} {domain}") })
            }
            CheckKind::Mysql { user, pre_41 } => {
                check::Script::Protocol(Protocol::Mysql { user: user.clone(), pre_41: *pre_41 })
            }
            CheckKind::Pgsql { user } => check::Script::Protocol(Protocol::Pgsql { user: user.clone() }),
            CheckKind::Redis => check::Script::Protocol(Protocol::Redis),
            CheckKind::Ldap => check::Script::Protocol(Protocol::Ldap),
            CheckKind::Spop => check::Script::Protocol(Protocol::Spop),
            CheckKind::External => self.external(p),
        }
    }

    /// `option external-check`, which the global section has to permit (manual 3.1).
    fn external(&mut self, p: &model::Proxy) -> check::Script {
        let mut alert = |text: &str, help: &str| {
            self.diagnostics.push(
                Diagnostic::alert(codes::INCOMPLETE, text)
                    .at(p.name.span, "this backend asks for it")
                    .help(help),
            );
        };
        let Some(mode) = &self.config.global.checks.external_check else {
            alert(
                "'option external-check' needs 'external-check' in the global section",
                "add `external-check`",
            );
            return check::Script::Connect;
        };
        let Some(command) = &p.back.external_check_command else {
            alert(
                "'option external-check' needs 'external-check command'",
                "add `external-check command /path/of/the/program`",
            );
            return check::Script::Connect;
        };
        check::Script::External(Arc::new(check::External {
            command: command.value.clone(),
            path: p.back.external_check_path.clone(),
            keep_env: *mode == model::ExternalCheckMode::PreserveEnv,
        }))
    }

    /// The script of `option httpchk`: its own request, unless `http-check send` steps say what to send.
    fn http_steps(
        &mut self,
        p: &model::Proxy,
        h: &model::HttpChk,
        written: &[At<CheckStep>],
    ) -> Vec<check::Step> {
        let mut steps = self.steps(p, written, Some(h));
        let sends = steps.iter().any(|s| matches!(s, check::Step::Send(_)));
        if !sends {
            // The request goes out after the first connection, before anything is expected.
            let at = usize::from(matches!(steps.first(), Some(check::Step::Connect(_))));
            steps.insert(at, check::Step::Send(check::Send::Http(base_request(h))));
        }
        steps
    }

    fn steps(
        &mut self,
        p: &model::Proxy,
        written: &[At<CheckStep>],
        http: Option<&model::HttpChk>,
    ) -> Vec<check::Step> {
        written.iter().filter_map(|s| self.step(p, s, http)).collect()
    }

    fn step(
        &mut self,
        p: &model::Proxy,
        s: &At<CheckStep>,
        http: Option<&model::HttpChk>,
    ) -> Option<check::Step> {
        let bytes = |bytes, comment: &Option<String>| {
            Some(check::Step::Send(check::Send::Bytes { bytes, comment: comment.clone() }))
        };
        match &s.value {
            CheckStep::Connect(c) => self.connect_step(p, c).map(check::Step::Connect),
            CheckStep::Send(send) => {
                let send = self.http_send(p, send, http, s.span)?;
                Some(check::Step::Send(check::Send::Http(send)))
            }
            CheckStep::SendText { text, comment } => bytes(text.value.clone().into_bytes(), comment),
            CheckStep::SendBinary { hex, comment } => bytes(self.hex(hex)?, comment),
            CheckStep::Expect(e) => self.expect_step(p, e).map(check::Step::Expect),
            CheckStep::Comment(c) => Some(check::Step::Comment(c.clone())),
            CheckStep::SendTextLf { text, comment } => self.send_format(p, text, false, comment),
            CheckStep::SendBinaryLf { hex, comment } => self.send_format(p, hex, true, comment),
            CheckStep::SetVar(v) => {
                let change = self.scope(Some(p)).variable_change(v, &[Place::Check])?;
                Some(check::Step::Variable(Box::new(change)))
            }
            CheckStep::UnsetVar(name) => {
                let change = self.scope(Some(p)).variable_unset(name)?;
                Some(check::Step::Variable(Box::new(change)))
            }
        }
    }

    fn send_format(
        &mut self,
        p: &model::Proxy,
        text: &At<String>,
        hex: bool,
        comment: &Option<String>,
    ) -> Option<check::Step> {
        let (format, comment) = (self.check_format(p, text)?, comment.clone());
        Some(check::Step::Send(check::Send::Format { format, hex, comment }))
    }

    /// `unique-id-format`, where a check could send it: not every format makes sense there, which the frontend says.
    pub(super) fn check_unique_id(&mut self, p: &model::Proxy) -> Option<LogFormat> {
        let text = p.unique_id_format.as_ref().filter(|_| !p.has_front())?;
        self.scope(Some(p)).log_format_at(text, FormatKind::Value, &[Place::Check])
    }

    /// A log format as checks evaluate it.
    fn check_format(&mut self, p: &model::Proxy, text: &At<String>) -> Option<Box<LogFormat>> {
        let kind = FormatKind::Text;
        self.scope(Some(p)).log_format_at(text, kind, &[Place::Check]).map(Box::new)
    }

    fn connect_step(&mut self, p: &model::Proxy, c: &model::CheckConnect) -> Option<check::Connect> {
        let (mut port, mut port_expr) = (c.addr.as_ref().and_then(|a| a.port()), None);
        match &c.port {
            None => {}
            Some(model::CheckPort::Port(Port::Fixed(fixed))) => port = Some(*fixed),
            Some(model::CheckPort::Port(_)) => port = None,
            Some(model::CheckPort::Expr(e)) => {
                port_expr = Some(self.scope(Some(p)).sample(e, Type::Sint, &[Place::Check])?);
            }
        }
        Some(check::Connect {
            default: c.default,
            addr: c.addr.as_ref().and_then(|a| self.check_host(a)),
            port,
            port_expr,
            ssl: c.ssl,
            sni: c.sni.as_ref().map(|s| s.value.clone()),
            alpn: c.alpn.iter().flatten().map(|a| a.clone().into_bytes()).collect(),
            send_proxy: c.send_proxy,
            linger: c.linger,
            comment: c.comment.clone(),
        })
    }

    fn http_send(
        &mut self,
        p: &model::Proxy,
        s: &model::CheckSend,
        http: Option<&model::HttpChk>,
        span: Span,
    ) -> Option<check::HttpSend> {
        let base = http.map(base_request).unwrap_or_default();
        let mut headers = base.headers;
        for h in &s.headers {
            let value = match h.value.contains('%') {
                true => Text::Format(self.check_format(p, &h.value)?),
                false => Text::Plain(h.value.value.clone().into_bytes()),
            };
            headers.retain(|(n, _)| !n.eq_ignore_ascii_case(&h.name));
            headers.push((h.name.value.clone(), value));
        }
        let bad = |t: &Option<String>| t.as_ref().is_some_and(|t| t.contains(['\r', '\n']));
        if bad(&s.method) || bad(&s.uri) || bad(&s.version) {
            let d = Diagnostic::alert(codes::BAD_ARGUMENT, "a line break cannot stand in a request line");
            self.say(d.at(span, "in this line"));
        }
        let text = |t: &String| Text::Plain(t.clone().into_bytes());
        let uri = match (&s.uri_lf, &s.uri) {
            (Some(f), _) => Text::Format(self.check_format(p, f)?),
            (None, Some(uri)) => text(uri),
            (None, None) => base.uri,
        };
        let body = match (&s.body_lf, &s.body) {
            (Some(f), _) => Text::Format(self.check_format(p, f)?),
            (None, body) => body.as_ref().map(text).unwrap_or_default(),
        };
        Some(check::HttpSend {
            method: s.method.clone().unwrap_or(base.method),
            uri,
            version: s.version.clone().unwrap_or(base.version),
            headers,
            body,
            comment: s.comment.clone(),
        })
    }

    fn expect_step(&mut self, p: &model::Proxy, e: &model::CheckExpect) -> Option<check::Expect> {
        let mut format = |f: &Option<At<String>>| match f {
            Some(f) => self.check_format(p, f).map(Some),
            None => Some(None),
        };
        let (on_success, on_error) = (format(&e.on_success)?, format(&e.on_error)?);
        let status_code = match &e.status_code {
            Some(e) => Some(self.scope(Some(p)).sample(e, Type::Sint, &[Place::Check])?),
            None => None,
        };
        Some(check::Expect {
            negated: e.negated,
            what: self.expected(p, &e.what)?,
            min_recv: e.min_recv.unwrap_or(-1),
            comment: e.comment.clone(),
            ok_status: e.ok_status.clone(),
            error_status: e.error_status.clone(),
            tout_status: e.tout_status.clone(),
            on_success,
            on_error,
            status_code,
        })
    }

    fn expected(&mut self, p: &model::Proxy, what: &ExpectWhat) -> Option<check::What> {
        Some(match what {
            ExpectWhat::Status(codes) => check::What::Status(self.status_ranges(codes)?),
            ExpectWhat::Rstatus(r) => check::What::Rstatus(self.regex(r, false)?),
            ExpectWhat::String(s) => check::What::String(s.value.clone().into_bytes()),
            ExpectWhat::Rstring(r) => check::What::Rstring(self.regex(r, false)?),
            ExpectWhat::Binary(hex) => check::What::Binary(self.hex(hex)?),
            ExpectWhat::Rbinary(r) => check::What::Rbinary(self.regex(r, false)?),
            ExpectWhat::Hdr(h) => self.expected_header(p, h, false)?,
            ExpectWhat::Fhdr(h) => self.expected_header(p, h, true)?,
            ExpectWhat::StringLf(t) => check::What::StringLf(self.check_format(p, t)?),
            ExpectWhat::BinaryLf(t) => check::What::BinaryLf(self.check_format(p, t)?),
            ExpectWhat::Custom => {
                let text = "'expect custom' cannot be honoured: it is HAProxy's own for its built-in checks";
                self.say(Diagnostic::alert(codes::REFUSED, text));
                return None;
            }
        })
    }

    fn expected_header(
        &mut self,
        p: &model::Proxy,
        h: &model::ExpectHeader,
        full: bool,
    ) -> Option<check::What> {
        let name = self.name_match(p, &h.name, h.name_match.as_deref(), h.name_is_format, true)?;
        let value = match &h.value {
            Some(v) => {
                let how = h.value_match.as_deref();
                Some((self.name_match(p, v, how, h.value_is_format, false)?, full))
            }
            None => None,
        };
        Some(check::What::Header { name, value })
    }

    fn name_match(
        &mut self,
        p: &model::Proxy,
        text: &At<String>,
        method: Option<&str>,
        is_format: bool,
        no_case: bool,
    ) -> Option<check::NameMatch> {
        let words = match is_format {
            true => Text::Format(self.check_format(p, text)?),
            false => Text::Plain(text.value.clone().into_bytes()),
        };
        Some(match method {
            None | Some("str") => check::NameMatch::Exact(words),
            Some("beg") => check::NameMatch::Begin(words),
            Some("end") => check::NameMatch::End(words),
            Some("sub") => check::NameMatch::Contains(words),
            Some("reg") => check::NameMatch::Regex(self.regex(text, no_case)?),
            Some(other) => {
                let d = Diagnostic::alert(codes::BAD_ARGUMENT, format!("unknown match method '{other}'"));
                self.say(d.at(text.span, "expected str, beg, end, sub or reg"));
                return None;
            }
        })
    }

    /// `200,201,300-399` as inclusive ranges.
    fn status_ranges(&mut self, text: &At<String>) -> Option<Vec<(u16, u16)>> {
        let one = |part: &str| -> Option<(u16, u16)> {
            let (a, b) = part.split_once('-').unwrap_or((part, part));
            let range = (a.trim().parse().ok()?, b.trim().parse().ok()?);
            (range.0 <= range.1).then_some(range)
        };
        let all: Option<Vec<_>> = text.split(',').map(one).collect();
        if all.is_none() {
            let d = Diagnostic::alert(codes::BAD_ARGUMENT, "these are no status codes");
            self.say(d.at(text.span, "expected codes and ranges, such as 200,300-399"));
        }
        all
    }

    fn regex(&mut self, text: &At<String>, no_case: bool) -> Option<Regex> {
        match RegexBuilder::new(text).case_insensitive(no_case).build() {
            Ok(r) => Some(r),
            Err(e) => {
                let why = e.to_string();
                let last = why.lines().last().unwrap_or("not understood").trim().to_owned();
                let d = Diagnostic::alert(codes::BAD_ARGUMENT, "this regular expression cannot be compiled");
                self.say(d.at(text.span, last));
                None
            }
        }
    }

    fn hex(&mut self, text: &At<String>) -> Option<Vec<u8>> {
        let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        let value = |b: &u8| (*b as char).to_digit(16).map(|d| d as u8);
        let pairs = digits.chunks(2).map(|pair| match pair {
            [a, b] => Some(value(a)? << 4 | value(b)?),
            _ => None,
        });
        let bytes: Option<Vec<u8>> = pairs.collect();
        if bytes.is_none() {
            let d = Diagnostic::alert(codes::BAD_ARGUMENT, "this is no binary text");
            self.say(d.at(text.span, "expected pairs of hexadecimal digits"));
        }
        bytes
    }
}

/// The request of `option httpchk METHOD URI VERSION HOST`. Old files put headers into the version word after
/// an escaped line break; the language has already split them off.
fn base_request(h: &model::HttpChk) -> check::HttpSend {
    let d = check::HttpSend::default();
    let host = h.host.iter().map(|v| ("Host".to_owned(), Text::from(v.as_str())));
    let others = h.headers.iter().map(|(n, v)| (n.clone(), Text::from(v.as_str())));
    check::HttpSend {
        method: h.method.clone().unwrap_or(d.method),
        uri: h.uri.as_ref().map_or(d.uri, |u| Text::from(u.as_str())),
        version: h.version.clone().unwrap_or(d.version),
        headers: host.chain(others).collect(),
        body: h.body.as_deref().map(Text::from).unwrap_or_default(),
        comment: None,
    }
}
