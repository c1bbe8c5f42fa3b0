//! Words of conditions, rules, samples and log formats become compiled ones.
//!
//! Owns: [`Scope`], what the words of one proxy may name; its methods stand in `sample`, `acl`, `format`, `rule`
//! and `capture`. Every failure is a diagnostic at the exact word; what could not be compiled comes back as `None`
//! or is left out, so that all errors of a file are said in one run.

mod acl;
mod args;
mod capture;
mod format;
mod map;
mod reply;
mod rule;
mod sample;
mod stick;
mod users;

use std::{collections::HashMap, sync::Arc};

use common::{
    diag::{Diagnostic, Diagnostics, codes},
    haproxy::model,
    source::Span,
};

pub use self::{capture::captures, format::NoWorld};
use crate::engine::{action::auth::UserList, pattern::list::List, rule::Acl, sample::Place, stick::Table};

/// What the words of one proxy may name, and where what is wrong with them is told.
#[allow(missing_debug_implementations)] // Borrows the world.
pub struct Scope<'a> {
    pub config: &'a model::Config,
    /// The proxy whose ACLs and captures count; `None` in `global`.
    pub proxy: Option<&'a model::Proxy>,
    /// Reads a file that a pattern list or a reply names.
    pub world: &'a mut dyn super::World,
    pub diagnostics: &'a mut Diagnostics,
    pub cache: &'a mut Cache,
}

/// What several words may name is compiled once.
#[derive(Debug, Default)]
pub struct Cache {
    /// By proxy and name; `None` when its words are wrong, which was said.
    acls: HashMap<(String, String), Option<Arc<Acl>>>,
    users: HashMap<String, Option<Arc<UserList>>>,
    /// Stick tables by the name that rules know them by.
    pub(in crate::compile) tables: HashMap<String, Arc<Table>>,
    /// Something asks for our address towards servers.
    pub asks_server_src: bool,
    /// Lists of patterns in the order in which they were met.
    pub(super) lists: Vec<ListUse>,
}

/// A list of patterns and where it is used.
#[derive(Clone, Debug)]
pub struct ListUse {
    pub list: Arc<List>,
    /// `-u`.
    pub wanted_id: Option<u32>,
    /// What uses it (`map`, `acl`, or the criterion of patterns in the configuration), and where.
    pub uses: Vec<(String, Span)>,
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

impl RuleSet {
    pub(super) const fn name(self) -> &'static str {
        match self {
            RuleSet::HttpRequest => "http-request",
            RuleSet::HttpResponse => "http-response",
            RuleSet::HttpAfterResponse => "http-after-response",
            RuleSet::TcpRequestConnection => "tcp-request connection",
            RuleSet::TcpRequestSession => "tcp-request session",
            RuleSet::TcpRequestContent => "tcp-request content",
            RuleSet::TcpResponseContent => "tcp-response content",
        }
    }

    /// Where its expressions are evaluated, in the frontend's and the backend's half.
    const fn places(self) -> (Place, Place) {
        match self {
            RuleSet::HttpRequest => (Place::FrontendRequest, Place::BackendRequest),
            RuleSet::HttpResponse | RuleSet::HttpAfterResponse => {
                (Place::FrontendResponse, Place::BackendResponse)
            }
            RuleSet::TcpRequestConnection => (Place::FrontendConnection, Place::FrontendConnection),
            RuleSet::TcpRequestSession => (Place::FrontendSession, Place::FrontendSession),
            RuleSet::TcpRequestContent => (Place::FrontendContent, Place::BackendContent),
            RuleSet::TcpResponseContent => (Place::FrontendResponseContent, Place::BackendResponseContent),
        }
    }
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
    /// A body, a variable: bytes stay as they are.
    Text,
}

/// The formats that have a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Builtin {
    /// Without any `option …log`.
    Connect {
        http: bool,
    },
    Tcp,
    Http,
    Https,
    Clf,
    /// Of connections that failed before a stream began.
    Error,
}

impl Scope<'_> {
    fn alert(&mut self, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::alert(codes::BAD_EXPRESSION, message).at(span, ""));
    }

    fn say(&mut self, d: Diagnostic) {
        self.diagnostics.push(d);
    }

    /// The places at which a rule set of this proxy runs.
    fn places(&self, set: RuleSet) -> Vec<Place> {
        let (front, back) = set.places();
        self.halves(front, back)
    }

    /// A place per half that the proxy has.
    fn halves(&self, front: Place, back: Place) -> Vec<Place> {
        let mut places = Vec::new();
        if self.proxy.is_none_or(|p| p.has_front()) {
            places.push(front);
        }
        if self.proxy.is_none_or(|p| p.has_back()) {
            places.push(back);
        }
        places
    }
}

#[cfg(test)]
mod tests;
