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
use regex::bytes::Regex;

use super::{Compiler, HostRef, ms};
use crate::engine::check;

/// `inter`, `rise` and `fall` when absent (manual 5.2).
const INTER_DEFAULT_MS: u32 = 2_000;
const RISE_DEFAULT: u32 = 2;
const FALL_DEFAULT: u32 = 3;

impl Compiler<'_> {
    pub(super) fn check(&mut self, p: &model::Proxy, s: &At<model::Server>) -> Option<Arc<check::Spec>> {
        let c = &s.check;
        if !c.on {
            return None;
        }
        self.refuse_unserved_check(c);
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
            script: self.check_script(p),
            disable_on_404: p.back.http_check_disable_on_404,
            send_state: p.back.http_check_send_state,
        }))
    }

    /// Settings that would change the verdict are refused while they are not built.
    fn refuse_unserved_check(&mut self, c: &model::ServerCheck) {
        for (word, what) in [(&c.healthcheck, "healthcheck sections"), (&c.proto, "check-proto")] {
            if let Some(w) = word {
                self.not_yet(
                    w.span,
                    &format!("{what} are not built yet"),
                    "use `option httpchk` and `http-check`",
                );
            }
        }
    }

    pub(super) fn agent(&mut self, s: &At<model::Server>) -> Option<Arc<check::AgentSpec>> {
        if s.agent.on {
            self.not_yet(s.span, "'agent-check' is not built yet", "leave it out; `check` still decides");
        }
        None
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

    fn check_script(&mut self, p: &model::Proxy) -> check::Script {
        let b = &p.back;
        match &b.check {
            CheckKind::Connect => check::Script::Connect,
            CheckKind::Tcp => check::Script::Tcp(self.steps(&b.tcp_check, None)),
            CheckKind::Http(h) => check::Script::Http(self.http_steps(h, &b.http_check)),
            CheckKind::SslHello => check::Script::SslHello,
            other => {
                let word = match other {
                    CheckKind::Smtp { .. } => "smtpchk",
                    CheckKind::Mysql { .. } => "mysql-check",
                    CheckKind::Pgsql { .. } => "pgsql-check",
                    CheckKind::Redis => "redis-check",
                    CheckKind::Ldap => "ldap-check",
                    CheckKind::Spop => "spop-check",
                    _ => "external-check",
                };
                let text = format!("'option {word}' is not built yet");
                self.not_yet(p.name.span, &text, "use `option tcp-check` with send and expect steps");
                check::Script::Connect
            }
        }
    }

    /// The script of `option httpchk`: its own request, unless `http-check send` steps say what to send.
    fn http_steps(&mut self, h: &model::HttpChk, written: &[At<CheckStep>]) -> Vec<check::Step> {
        let mut steps = self.steps(written, Some(h));
        let sends = steps.iter().any(|s| matches!(s, check::Step::Send(_)));
        if !sends {
            // The request goes out after the first connection, before anything is expected.
            let at = usize::from(matches!(steps.first(), Some(check::Step::Connect(_))));
            steps.insert(at, check::Step::Send(check::Send::Http(base_request(h))));
        }
        steps
    }

    fn steps(&mut self, written: &[At<CheckStep>], http: Option<&model::HttpChk>) -> Vec<check::Step> {
        written.iter().filter_map(|s| self.step(s, http)).collect()
    }

    fn step(&mut self, s: &At<CheckStep>, http: Option<&model::HttpChk>) -> Option<check::Step> {
        let bytes = |bytes, comment: &Option<String>| {
            Some(check::Step::Send(check::Send::Bytes { bytes, comment: comment.clone() }))
        };
        match &s.value {
            CheckStep::Connect(c) => self.connect_step(c).map(check::Step::Connect),
            CheckStep::Send(send) => {
                let send = self.http_send(send, http, s.span);
                Some(check::Step::Send(check::Send::Http(send)))
            }
            CheckStep::SendText { text, comment } => bytes(text.value.clone().into_bytes(), comment),
            CheckStep::SendBinary { hex, comment } => bytes(self.hex(hex)?, comment),
            CheckStep::Expect(e) => self.expect_step(e, s.span).map(check::Step::Expect),
            CheckStep::Comment(c) => Some(check::Step::Comment(c.clone())),
            CheckStep::SendTextLf { text, .. } => self.no_format(text.span),
            CheckStep::SendBinaryLf { hex, .. } => self.no_format(hex.span),
            CheckStep::SetVar(_) | CheckStep::UnsetVar(_) => {
                self.not_yet(s.span, "variables in checks are not built yet", "write the value itself");
                None
            }
        }
    }

    fn no_format<T>(&mut self, span: Span) -> Option<T> {
        self.not_yet(span, "log formats in checks are not built yet", "write the text itself");
        None
    }

    fn connect_step(&mut self, c: &model::CheckConnect) -> Option<check::Connect> {
        let port = match &c.port {
            None => c.addr.as_ref().and_then(|a| a.port()),
            Some(model::CheckPort::Port(Port::Fixed(p))) => Some(*p),
            Some(_) => {
                let span = c.addr.as_ref().map_or(Span::default(), |a| a.span);
                self.not_yet(span, "computed ports in checks are not built yet", "write the port itself");
                None
            }
        };
        Some(check::Connect {
            default: c.default,
            addr: c.addr.as_ref().and_then(|a| self.check_host(a)),
            port,
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
        s: &model::CheckSend,
        http: Option<&model::HttpChk>,
        span: Span,
    ) -> check::HttpSend {
        for format in [&s.uri_lf, &s.body_lf].into_iter().flatten() {
            self.no_format::<()>(format.span);
        }
        let base = http.map(base_request).unwrap_or_default();
        let mut headers = base.headers;
        for h in &s.headers {
            if h.value.contains('%') {
                self.no_format::<()>(h.value.span);
            }
            headers.retain(|(n, _)| !n.eq_ignore_ascii_case(&h.name));
            headers.push((h.name.value.clone(), h.value.value.clone()));
        }
        let bad = |t: &Option<String>| t.as_ref().is_some_and(|t| t.contains(['\r', '\n']));
        if bad(&s.method) || bad(&s.uri) || bad(&s.version) {
            let d = Diagnostic::alert(codes::BAD_ARGUMENT, "a line break cannot stand in a request line");
            self.say(d.at(span, "in this line"));
        }
        check::HttpSend {
            method: s.method.clone().unwrap_or(base.method),
            uri: s.uri.clone().unwrap_or(base.uri),
            version: s.version.clone().unwrap_or(base.version),
            headers,
            body: s.body.clone().unwrap_or_default().into_bytes(),
            comment: s.comment.clone(),
        }
    }

    fn expect_step(&mut self, e: &model::CheckExpect, span: Span) -> Option<check::Expect> {
        if e.on_success.is_some() || e.on_error.is_some() || e.status_code.is_some() {
            self.not_yet(
                span,
                "'on-success', 'on-error' and 'status-code' are not built yet",
                "leave them out",
            );
        }
        Some(check::Expect {
            negated: e.negated,
            what: self.expected(&e.what, span)?,
            min_recv: e.min_recv.unwrap_or(-1),
            comment: e.comment.clone(),
            ok_status: e.ok_status.clone(),
            error_status: e.error_status.clone(),
            tout_status: e.tout_status.clone(),
        })
    }

    fn expected(&mut self, what: &ExpectWhat, span: Span) -> Option<check::What> {
        Some(match what {
            ExpectWhat::Status(codes) => check::What::Status(self.status_ranges(codes)?),
            ExpectWhat::Rstatus(r) => check::What::Rstatus(self.regex(r)?),
            ExpectWhat::String(s) => check::What::String(s.value.clone().into_bytes()),
            ExpectWhat::Rstring(r) => check::What::Rstring(self.regex(r)?),
            ExpectWhat::Binary(hex) => check::What::Binary(self.hex(hex)?),
            ExpectWhat::Rbinary(r) => check::What::Rbinary(self.regex(r)?),
            ExpectWhat::Hdr(h) => self.expected_header(h, false)?,
            ExpectWhat::Fhdr(h) => self.expected_header(h, true)?,
            ExpectWhat::StringLf(t) | ExpectWhat::BinaryLf(t) => return self.no_format(t.span),
            ExpectWhat::Custom => {
                self.not_yet(span, "'expect custom' is not built yet", "expect a status or a string");
                return None;
            }
        })
    }

    fn expected_header(&mut self, h: &model::ExpectHeader, full: bool) -> Option<check::What> {
        if h.name_is_format || h.value_is_format {
            return self.no_format(h.name.span);
        }
        let name = self.name_match(&h.name, h.name_match.as_deref())?;
        let value = match &h.value {
            Some(v) => Some((self.name_match(v, h.value_match.as_deref())?, full)),
            None => None,
        };
        Some(check::What::Header { name, value })
    }

    fn name_match(&mut self, text: &At<String>, method: Option<&str>) -> Option<check::NameMatch> {
        let bytes = text.value.clone().into_bytes();
        Some(match method {
            None | Some("str") => check::NameMatch::Exact(bytes),
            Some("beg") => check::NameMatch::Begin(bytes),
            Some("end") => check::NameMatch::End(bytes),
            Some("sub") => check::NameMatch::Contains(bytes),
            Some("reg") => check::NameMatch::Regex(self.regex(text)?),
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

    fn regex(&mut self, text: &At<String>) -> Option<Regex> {
        match Regex::new(text) {
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
    check::HttpSend {
        method: h.method.clone().unwrap_or(d.method),
        uri: h.uri.clone().unwrap_or(d.uri),
        version: h.version.clone().unwrap_or(d.version),
        headers: h.host.iter().map(|v| ("Host".to_owned(), v.clone())).collect(),
        ..check::HttpSend::default()
    }
}
