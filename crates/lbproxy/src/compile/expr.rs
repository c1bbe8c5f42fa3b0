//! Words of conditions, rules, samples and log formats become compiled ones.
//!
//! Owns: [`Scope`], what the words of one proxy may name. Every failure is a diagnostic at the exact word; what
//! could not be compiled comes back as `None` or is left out, so that all errors of a file are said in one run.

use common::{
    diag::{Diagnostic, Diagnostics, codes},
    haproxy::{expr, model},
    source::{At, Span},
};

use crate::engine::{
    logformat::LogFormat,
    rule::{Cond, HttpRules, TcpRules},
};

/// What the words of one proxy may name, and where what is wrong with them is told.
#[allow(missing_debug_implementations)] // Borrows the world.
pub struct Scope<'a> {
    pub config: &'a model::Config,
    /// The proxy whose ACLs and captures count; `None` in `global`.
    pub proxy: Option<&'a model::Proxy>,
    /// Reads a file that a pattern list or a reply names.
    pub world: &'a mut dyn super::World,
    pub diagnostics: &'a mut Diagnostics,
}

/// Which rule set a list of rules belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RuleSet {
    HttpRequest,
    HttpResponse,
    HttpAfterResponse,
    TcpRequestConnection,
    TcpRequestSession,
    TcpRequestContent,
    TcpResponseContent,
}

/// What a log format is for: it decides what may stand in it and how it is escaped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormatKind {
    /// A log line.
    Log,
    /// RFC 5424 structured data.
    StructuredData,
    /// A header value, a name, a path.
    Value,
}

/// The formats that have a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Builtin {
    /// Without any `option …log`.
    Connect,
    Tcp,
    Http,
    Https,
    Clf,
    /// Of connections that failed before a stream began.
    Error,
}

impl Scope<'_> {
    pub fn cond(&mut self, _cond: &expr::Cond) -> Option<Cond> {
        self.not_yet(Span::default(), "conditions");
        None
    }

    pub fn http_rules(&mut self, rules: &[At<model::Rule>], _set: RuleSet) -> HttpRules {
        rules.iter().for_each(|r| self.not_yet(r.span, "rules"));
        HttpRules::default()
    }

    pub fn tcp_rules(&mut self, rules: &[At<model::Rule>], _set: RuleSet) -> TcpRules {
        rules.iter().for_each(|r| self.not_yet(r.span, "rules"));
        TcpRules::default()
    }

    pub fn log_format(&mut self, text: &At<String>, _kind: FormatKind) -> Option<LogFormat> {
        self.not_yet(text.span, "log formats");
        None
    }

    pub fn builtin_format(_kind: Builtin) -> LogFormat {
        LogFormat::default()
    }

    fn not_yet(&mut self, span: Span, what: &str) {
        self.diagnostics
            .push(Diagnostic::alert(codes::NOT_YET, format!("{what} are not built yet")).at(span, ""));
    }
}
