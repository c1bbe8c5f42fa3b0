//! Words of conditions, rules, samples and log formats become compiled ones.
//!
//! Owns: [`Scope`], what the words of one proxy may name. Every failure is a diagnostic at the exact word; what
//! could not be compiled comes back as `None` or is left out, so that all errors of a file are said in one run.

use common::{diag::Diagnostics, haproxy::model};

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
