//! The bridge: the typed model of haproxy.cfg becomes the immutable plan that engines and shells run from.
//!
//! Owns: name resolution, defaults that depend on other values, and every diagnostic that needs more than one
//! keyword to see. Invariants: it touches the world only through [`World`]; it never stops at the first error;
//! a plan comes out only when there is no alert.

mod backend;
mod balance;
mod bind;
mod check;
mod errors;
pub mod expr;
mod frontend;
mod global;
pub mod lists;
mod log;
pub mod once;
pub mod plan;
mod resolve;
mod server;
mod state_file;
mod stick;

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::Arc,
};

use common::{
    diag::{Diagnostic, Diagnostics, codes},
    haproxy::model::{self, Config},
    source::At,
};

use crate::engine::{
    state::{Registry, Saved},
    stick as stick_table,
};

/// What came of a configuration: a plan unless something in it has to change first.
#[derive(Debug)]
pub struct Compiled {
    pub plan: Option<plan::Plan>,
    /// What came of one that has errors: not to be served, but to be looked at for more of them.
    pub refused: Option<plan::Plan>,
    pub diagnostics: Diagnostics,
}

/// Compiles a configuration. `registry` gives each frontend, backend and server its state, the one it had before
/// if its name is not new.
pub fn compile(config: &Config, world: &mut dyn World, registry: &Registry) -> Compiled {
    let mut c = Compiler::new(config, world, registry);
    let mut global = c.global();
    c.index_backends();
    c.number_proxies();
    c.tables();
    let resolvers = c.resolvers();
    let frontends: Vec<_> = config.proxies.iter().filter(|p| p.has_front()).collect();
    let frontends: Vec<_> =
        frontends.into_iter().enumerate().map(|(ix, p)| Arc::new(c.frontend(ix, p))).collect();
    let backs: Vec<_> = config.proxies.iter().filter(|p| p.has_back()).collect();
    let backends: Vec<_> = backs.into_iter().enumerate().map(|(ix, p)| Arc::new(c.backend(ix, p))).collect();
    let order = c.order();
    global.asks_server_src = c.expressions.asks_server_src;
    let (diagnostics, log_sinks, tables) = (c.diagnostics, c.log_sinks, c.table_order);
    let lists = lists::numbered(std::mem::take(&mut c.expressions.lists));
    let plan = plan::Plan { global, frontends, backends, order, lists, log_sinks, resolvers, tables };
    let (plan, refused) = if diagnostics.has_alerts() { (None, Some(plan)) } else { (Some(plan), None) };
    Compiled { plan, refused, diagnostics }
}

/// One run of the compiler.
struct Compiler<'a> {
    config: &'a Config,
    world: &'a mut dyn World,
    registry: &'a Registry,
    diagnostics: Diagnostics,
    /// Backends by name; the first of a name counts.
    backend_ix: HashMap<&'a str, plan::BackendIx>,
    /// Names already resolved: a configuration repeats them, resolvers are slow.
    resolved: HashMap<String, Option<Vec<IpAddr>>>,
    log_sinks: Vec<plan::LogSink>,
    /// State files that were read, by path: what they say of each `backend/server`.
    state_files: HashMap<PathBuf, HashMap<String, Saved>>,
    /// Numbers of proxies that give themselves none.
    proxy_ids: HashMap<*const model::Proxy, u32>,
    /// Stick tables in the order of the file.
    table_order: Vec<Arc<stick_table::Table>>,
    /// ACLs and user lists that were compiled already.
    expressions: expr::Cache,
}

impl<'a> Compiler<'a> {
    fn new(config: &'a Config, world: &'a mut dyn World, registry: &'a Registry) -> Compiler<'a> {
        Compiler {
            config,
            world,
            registry,
            diagnostics: Diagnostics::default(),
            backend_ix: HashMap::new(),
            resolved: HashMap::new(),
            log_sinks: Vec::new(),
            proxy_ids: HashMap::new(),
            table_order: Vec::new(),
            state_files: HashMap::new(),
            expressions: expr::Cache::default(),
        }
    }

    fn say(&mut self, d: Diagnostic) {
        self.diagnostics.push(d);
    }

    /// Names of one kind must differ (manual 4): two with a listening half, or two with servers, cannot be told
    /// apart by `use_backend`; a frontend and a backend may share a name. A text's reader has said so at both
    /// places; a YAML model has no places and is told here.
    fn index_backends(&mut self) {
        let mut fronts: HashMap<&str, &At<String>> = HashMap::new();
        let mut backs: HashMap<&str, &At<String>> = HashMap::new();
        let config = self.config;
        let mut next = 0;
        for p in &config.proxies {
            let mut clash = None;
            if p.has_front() {
                clash = fronts.insert(&p.name, &p.name);
            }
            if p.has_back() {
                clash = backs.insert(&p.name, &p.name).or(clash);
                self.backend_ix.entry(&p.name).or_insert(next);
                next += 1;
            }
            if let Some(first) = clash
                && first.span == p.name.span
            {
                self.say(
                    Diagnostic::alert(codes::DUPLICATE_NAME, format!("proxy '{}' is defined twice", p.name))
                        .help("give one of them another name"),
                );
            }
        }
    }

    /// The halves of each proxy, in the order of the file.
    fn order(&self) -> Vec<(Option<plan::FrontendIx>, Option<plan::BackendIx>)> {
        let (mut fronts, mut backs) = (0.., 0..);
        let both = |p: &model::Proxy| {
            (p.has_front().then(|| fronts.next()).flatten(), p.has_back().then(|| backs.next()).flatten())
        };
        self.config.proxies.iter().map(both).collect()
    }

    /// The index of a backend by name, or an alert at the word.
    fn backend_named(&mut self, name: &At<String>) -> Option<plan::BackendIx> {
        let found = self.backend_ix.get(name.as_str()).copied();
        if found.is_none() {
            let known: Vec<&str> = self.backend_ix.keys().copied().collect();
            let d =
                Diagnostic::alert(codes::UNRESOLVED_NAME, format!("there is no backend '{}'", name.value))
                    .at(name.span, "named here")
                    .did_you_mean(name, known);
            self.say(d);
        }
        found
    }

    /// Expressions of a proxy.
    fn scope<'s>(&'s mut self, proxy: Option<&'s model::Proxy>) -> expr::Scope<'s> {
        expr::Scope {
            config: self.config,
            proxy,
            world: &mut *self.world,
            diagnostics: &mut self.diagnostics,
            cache: &mut self.expressions,
        }
    }

    /// The addresses of a host name, asked once.
    fn resolve(&mut self, host: &str) -> Option<Vec<IpAddr>> {
        if let Some(known) = self.resolved.get(host) {
            return known.clone();
        }
        let answer = self.world.resolve(host).ok().filter(|a| !a.is_empty());
        self.resolved.insert(host.to_owned(), answer.clone());
        answer
    }

    /// The address of a host; an alert at the word where there is none.
    fn host(&mut self, host: &HostRef<'_>, what: &str) -> Option<IpAddr> {
        use common::haproxy::address::{Host, IpFamily};
        let v6 = host.family == Some(IpFamily::V6);
        match host.host {
            Host::Any => Some(if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }),
            Host::Ip(ip) => Some(*ip),
            Host::Name(name) => {
                let answers = self.resolve(name).unwrap_or_default();
                let fits = |ip: &&IpAddr| host.family.is_none_or(|f| ip.is_ipv6() == (f == IpFamily::V6));
                let found = answers.iter().find(fits).copied();
                if found.is_none() {
                    self.say(unresolved(name, host, what));
                }
                found
            }
        }
    }
}

/// A host with the place where it is written.
struct HostRef<'h> {
    host: &'h common::haproxy::address::Host,
    family: Option<common::haproxy::address::IpFamily>,
    span: common::source::Span,
}

fn unresolved(name: &str, host: &HostRef<'_>, what: &str) -> Diagnostic {
    let looks_numeric = name.starts_with(|c: char| c.is_ascii_digit()) && name.contains('.');
    let d =
        Diagnostic::alert(codes::BAD_ADDRESS, format!("{what}: '{name}' cannot be resolved to an address"))
            .at(host.span, "no address");
    if looks_numeric {
        d.help("this looks like a placeholder for an IPv4 address: write the address, such as 10.224.155.10")
    } else {
        d.help("check the name, /etc/hosts and the name servers, or write the address itself")
    }
}

/// Milliseconds of the model as the plan has them; absent: 0, no limit.
fn ms(value: Option<u64>) -> u32 {
    value.map_or(0, |v| u32::try_from(v).unwrap_or(u32::MAX))
}

/// The parts of the world that a configuration names. `process` gives the real one, tests a table.
pub trait World {
    /// A whole file: error pages, pattern lists.
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>>;
    /// All addresses of a host name, in the resolver's order.
    fn resolve(&mut self, host: &str) -> io::Result<Vec<IpAddr>>;
    /// User id and primary group id.
    fn user(&mut self, name: &str) -> Option<(u32, u32)>;
    fn group(&mut self, name: &str) -> Option<u32>;
    fn hostname(&mut self) -> String;
    fn env(&mut self, name: &str) -> Option<String>;
    /// Processors that worker threads may use.
    fn processors(&mut self) -> usize;
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
