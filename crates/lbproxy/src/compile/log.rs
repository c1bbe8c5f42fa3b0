//! `log` lines and what a log line of a proxy looks like.

use std::net::SocketAddr;

use common::{
    diag::{Diagnostic, codes},
    haproxy::{
        address::{Port, Target},
        model,
    },
    source::At,
};

use super::{
    Compiler, HostRef,
    expr::{Builtin, FormatKind, Scope},
    plan,
};

/// Longest line when `len` is absent (manual 3.1, `log`).
const LEN_DEFAULT: usize = 1_024;
const SYSLOG_PORT: u16 = 514;
/// Syslog facilities in the order of their numbers (RFC 5424 section 6.2.1, in HAProxy's words).
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp",
    "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

impl Compiler<'_> {
    pub(super) fn log_plan(&mut self, p: &model::Proxy) -> plan::LogPlan {
        let lines: Vec<&At<model::LogTarget>> = p.logs.iter().collect();
        let mut targets = Vec::new();
        for line in lines {
            match line.target {
                model::LogDestination::Global => {
                    let config = self.config;
                    targets.extend(config.global.logs.iter().filter_map(|l| self.log_target(l)));
                }
                _ => targets.extend(self.log_target(line)),
            }
        }
        let f = &p.front;
        let format = match &f.log_format {
            model::LogFormat::Connect => {
                Some(Scope::builtin_format(Builtin::Connect { http: p.mode == model::Mode::Http }))
            }
            model::LogFormat::Tcp => Some(Scope::builtin_format(Builtin::Tcp)),
            model::LogFormat::Http => Some(Scope::builtin_format(Builtin::Http)),
            model::LogFormat::Https => Some(Scope::builtin_format(Builtin::Https)),
            model::LogFormat::Clf => Some(Scope::builtin_format(Builtin::Clf)),
            model::LogFormat::TcpClf => {
                let text = At::from(crate::engine::logformat::default::TCP_CLF.to_owned());
                self.scope(Some(p)).log_format(&text, FormatKind::Log)
            }
            model::LogFormat::Custom(text) => self.scope(Some(p)).log_format(text, FormatKind::Log),
        };
        let error_format = match &f.error_log_format {
            Some(text) => self.scope(Some(p)).log_format(text, FormatKind::Log),
            None if p.has_front() => Some(Scope::builtin_format(Builtin::Error)),
            None => None,
        };
        let sd = f.log_format_sd.as_ref();
        let sd = sd.and_then(|t| self.scope(Some(p)).log_format(t, FormatKind::StructuredData));
        plan::LogPlan {
            targets,
            format,
            error_format,
            sd,
            tag: p.log_tag.clone().or_else(|| self.config.global.log_tag.clone()),
            dontlognull: p.options.dontlognull,
            dontlog_normal: p.options.dontlog_normal,
            logasap: p.options.logasap,
            separate_errors: p.options.log_separate_errors,
        }
    }

    /// The process's own log: what no proxy's `log` lines take.
    pub(super) fn global_log(&mut self) -> plan::LogPlan {
        let config = self.config;
        let targets = config.global.logs.iter().filter_map(|l| self.log_target(l)).collect();
        plan::LogPlan { targets, tag: config.global.log_tag.clone(), ..plan::LogPlan::default() }
    }

    /// The name in log headers: given, or the machine's up to its first dot.
    pub(super) fn log_hostname(&mut self) -> Option<String> {
        match self.config.global.log_send_hostname.as_ref()? {
            model::LogHostname::Name(name) => Some(name.clone()),
            model::LogHostname::Own => Some(self.world.hostname()),
        }
    }

    fn log_target(&mut self, l: &At<model::LogTarget>) -> Option<plan::LogTarget> {
        let sink = self.log_sink(l)?;
        let sink = match self.log_sinks.iter().position(|s| *s == sink) {
            Some(ix) => ix,
            None => {
                self.log_sinks.push(sink);
                self.log_sinks.len() - 1
            }
        };
        let facility = match &l.facility {
            None => FACILITIES.iter().position(|f| *f == "local0"),
            Some(word) => FACILITIES.iter().position(|f| f == word),
        };
        if facility.is_none() {
            let word = l.facility.clone().unwrap_or_default();
            let d = Diagnostic::alert(codes::BAD_ARGUMENT, format!("unknown log facility '{word}'"));
            self.say(d.at(l.span, "in this line").did_you_mean(&word, FACILITIES));
        }
        if let Some(profile) = &l.profile {
            let d = Diagnostic::alert(codes::NOT_YET, "log profiles are not built yet");
            self.say(d.at(profile.span, "this profile"));
        }
        let level = |l: Option<model::LogLevel>, d: u8| l.map_or(d, model::LogLevel::number);
        Some(plan::LogTarget {
            sink,
            format: wire(l.format, self.config.global.log_send_hostname.is_some()),
            facility: facility? as u8,
            level_max: level(l.level, 7),
            level_min: level(l.min_level, 0),
            len: l.len.map_or(LEN_DEFAULT, |n| n as usize),
            sample: l.sample.as_ref().map(|s| s.ranges.clone()).unwrap_or_default(),
            sample_size: l.sample.as_ref().map_or(0, |s| s.size),
        })
    }

    fn log_sink(&mut self, l: &At<model::LogTarget>) -> Option<plan::LogSink> {
        let address = match &l.target {
            model::LogDestination::Global => return None,
            model::LogDestination::Stdout => return Some(plan::LogSink::Fd(1)),
            model::LogDestination::Stderr => return Some(plan::LogSink::Fd(2)),
            model::LogDestination::Ring(name) => {
                self.log_refused(name, "ring@", "rings are not built yet");
                return None;
            }
            model::LogDestination::Backend(name) => {
                self.log_refused(name, "backend@", "log backends are not built yet");
                return None;
            }
            model::LogDestination::Address(a) => a,
        };
        match &address.target {
            Target::Unix(path) => Some(plan::LogSink::Unix(path.clone().into())),
            Target::Fd(fd) => Some(plan::LogSink::Fd(*fd as i32)),
            Target::Inet { host, port, family } => {
                let ip = self.host(&HostRef { host, family: *family, span: address.span }, "log server")?;
                let port = match port {
                    Port::Fixed(p) => *p,
                    _ => SYSLOG_PORT,
                };
                Some(plan::LogSink::Udp(SocketAddr::new(ip, port)))
            }
            _ => {
                self.say(
                    Diagnostic::alert(codes::BAD_ADDRESS, "logs cannot be sent to such an address").at(
                        address.span,
                        "expected an IP address, a Unix socket path, fd@N, stdout or stderr",
                    ),
                );
                None
            }
        }
    }

    fn log_refused(&mut self, word: &At<String>, what: &str, why: &str) {
        let d = Diagnostic::alert(codes::NOT_YET, format!("'log {what}' cannot be honoured: {why}"));
        self.say(d.at(word.span, "").help("log to an address, a Unix socket, stdout or stderr"));
    }
}

/// `local` when no format is given, RFC 3164 once the host name is to be sent (manual 3.1, `log`).
fn wire(f: Option<model::LogTransportFormat>, send_hostname: bool) -> plan::LogWire {
    match f {
        None if !send_hostname => plan::LogWire::Local,
        None | Some(model::LogTransportFormat::Rfc3164) => plan::LogWire::Rfc3164,
        Some(model::LogTransportFormat::Local) => plan::LogWire::Local,
        Some(model::LogTransportFormat::Rfc5424) => plan::LogWire::Rfc5424,
        Some(model::LogTransportFormat::Priority) => plan::LogWire::Priority,
        Some(model::LogTransportFormat::Short) => plan::LogWire::Short,
        Some(model::LogTransportFormat::Timed) => plan::LogWire::Timed,
        Some(model::LogTransportFormat::Iso) => plan::LogWire::Iso,
        Some(model::LogTransportFormat::Raw) => plan::LogWire::Raw,
    }
}
