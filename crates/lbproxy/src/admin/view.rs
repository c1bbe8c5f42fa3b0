//! What `show stat`, the page and the exports say of each proxy, server and listener at one moment.
//!
//! Owns the reading of plan and states into [`View`]s, in the order of the configuration. Invariant: nothing here
//! changes anything, and nothing on the data path waits for it. How a view becomes columns is `columns`'s.

use std::{net::SocketAddr, path::Path, sync::Arc};

use super::columns::Kind;
use crate::{
    compile::plan::{Backend, Endpoint, Frontend, Mode, Plan, Port, Server, SwitchTarget},
    engine::{
        balance::{Algorithm, HashOn},
        state::{Registry, ServerSnapshot},
        stats::{PerThread, Totals},
    },
};

/// One row before it is cut into columns.
#[derive(Clone, Debug)]
pub struct View {
    pub kind: Kind,
    pub proxy: Arc<str>,
    pub service: Arc<str>,
    /// Ids of the proxy and of the server or listener in it.
    pub iid: u32,
    pub sid: u32,
    pub mode: Mode,
    pub description: Option<String>,
    pub totals: Totals,
    pub rates: Rates,
    /// Mean queue, connect, response and total time of recent streams, ms.
    pub times_ms: [u32; 4],
    pub queued: u32,
    pub queued_max: u32,
    pub sessions: u32,
    pub sessions_max: u32,
    pub sessions_limit: Option<u32>,
    /// Of a frontend; 0: none.
    pub rate_limit: u32,
    pub status: String,
    pub address: Option<String>,
    /// `tcpv4`, `tcpv6`, `unix_stream`: of a listener.
    pub protocol: &'static str,
    pub cookie: Option<String>,
    pub side: Side,
}

/// Events per second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rates {
    pub sessions: u32,
    pub sessions_max: u32,
    pub requests: u32,
    pub requests_max: u32,
    pub connections: u32,
    pub connections_max: u32,
}

/// What only one kind of row has.
#[derive(Clone, Debug)]
pub enum Side {
    Client,
    Server(Box<ServerSide>),
    Backend(Box<BackendSide>),
}

#[derive(Clone, Debug)]
pub struct ServerSide {
    pub state: ServerSnapshot,
    pub agent: bool,
    pub queue_limit: u32,
    /// `pool-max-conn`; `None`: no limit.
    pub idle_limit: Option<u32>,
    pub since_session_s: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct BackendSide {
    pub algorithm: &'static str,
    pub active: u32,
    pub backup: u32,
    pub servers: u32,
    pub weight: u32,
    /// Sum of the weights as set, of the same servers.
    pub user_weight: u32,
    pub up: bool,
    pub since_change_s: u64,
    pub downs: u32,
    pub downtime_s: u64,
    pub since_session_s: Option<u64>,
}

/// Which rows are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Bits of the kinds: 1 frontends, 2 backends, 4 servers, 8 listeners (management guide 9.3, `show stat`).
    pub kinds: u32,
    /// One server or listener; `None`: all.
    pub sid: Option<u32>,
    /// Only servers that are up.
    pub up: bool,
    /// No servers in maintenance.
    pub no_maint: bool,
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted { kinds: u32::MAX, sid: None, up: false, no_maint: false }
    }
}

const FRONTENDS: u32 = 1;
const BACKENDS: u32 = 2;
const SERVERS: u32 = 4;
const LISTENERS: u32 = 8;

/// The rows of every proxy for which `proxy` holds (by id and name), in the order of the configuration.
pub fn collect(
    plan: &Plan,
    registry: &Registry,
    now_ms: u64,
    wanted: Wanted,
    proxy: impl Fn(u32, &str) -> bool,
) -> Vec<View> {
    let mut out = Vec::new();
    for (front, back) in &plan.order {
        let front = front.and_then(|f| plan.frontends.get(f)).filter(|f| !f.disabled);
        let back = back.and_then(|b| plan.backends.get(b)).filter(|b| !b.disabled);
        if let Some(f) = front.filter(|f| proxy(f.id, &f.name)) {
            if wanted.kinds & FRONTENDS != 0 && wanted.sid.is_none_or(|s| s == 0) {
                out.push(frontend(plan, registry, f));
            }
            if wanted.kinds & LISTENERS != 0 {
                listeners(f, wanted, &mut out);
            }
        }
        if let Some(b) = back.filter(|b| proxy(b.id, &b.name)) {
            if wanted.kinds & SERVERS != 0 {
                out.extend(b.servers.iter().filter_map(|s| server(b, s, now_ms, wanted)));
            }
            if wanted.kinds & BACKENDS != 0 && wanted.sid.is_none_or(|s| s == 0) {
                out.push(backend(plan, registry, b, now_ms, wanted));
            }
        }
    }
    out
}

fn of(
    kind: Kind,
    proxy: &Arc<str>,
    service: &str,
    iid: u32,
    mode: Mode,
    counters: Option<&PerThread>,
) -> View {
    let derived = counters.map(PerThread::derived);
    View {
        kind,
        proxy: proxy.clone(),
        service: service.into(),
        iid,
        sid: 0,
        mode,
        description: None,
        totals: counters.map(PerThread::total).unwrap_or_default(),
        rates: derived.map_or_else(Rates::default, |d| Rates {
            sessions: d.sessions.now(),
            sessions_max: d.sessions.max(),
            requests: d.requests.now(),
            requests_max: d.requests.max(),
            connections: d.connections.now(),
            connections_max: d.connections.max(),
        }),
        times_ms: derived.map_or([0; 4], |d| d.times_ms()),
        queued: 0,
        queued_max: 0,
        sessions: 0,
        sessions_max: 0,
        sessions_limit: None,
        rate_limit: 0,
        status: String::new(),
        address: None,
        protocol: "",
        cookie: None,
        side: Side::Client,
    }
}

fn frontend(plan: &Plan, registry: &Registry, f: &Frontend) -> View {
    let s = &f.state;
    let own = s.maxconn(f.maxconn);
    let status = match () {
        () if s.is_stopped() => "STOP",
        () if s.is_paused() => "PAUSED",
        () => "OPEN",
    };
    View {
        description: f.description.clone(),
        sessions: s.sessions.now(),
        sessions_max: s.sessions.max(),
        sessions_limit: Some(if own == 0 { registry.maxconn(plan.global.maxconn) } else { own }),
        rate_limit: f.rate_limit,
        status: status.to_owned(),
        ..of(Kind::Frontend, &f.name, "FRONTEND", f.id, f.mode, Some(&s.counters))
    }
}

fn listeners(f: &Frontend, wanted: Wanted, out: &mut Vec<View>) {
    for (i, (b, counts)) in f.binds.iter().zip(&f.listeners).enumerate() {
        if wanted.sid.is_some_and(|s| s != b.id) {
            continue;
        }
        let name = if b.name.is_empty() { format!("sock-{}", i + 1) } else { b.name.clone() };
        let status = if f.state.is_paused() { "PAUSED" } else { "OPEN" };
        out.push(View {
            sid: b.id,
            sessions: counts.sessions.now(),
            sessions_max: counts.sessions.max(),
            sessions_limit: Some(b.maxconn),
            status: status.to_owned(),
            address: Some(endpoint(&b.endpoint)),
            protocol: match &b.endpoint {
                Endpoint::Inet(a) if a.is_ipv6() => "tcpv6",
                Endpoint::Inet(_) => "tcpv4",
                Endpoint::Unix(_) | Endpoint::Abstract { .. } => "unix_stream",
                Endpoint::Fd(_) => "unknown",
            },
            ..of(Kind::Listener, &f.name, &name, f.id, f.mode, Some(&counts.counters))
        });
    }
}

fn server(b: &Backend, s: &Server, now_ms: u64, wanted: Wanted) -> Option<View> {
    let state = s.state.snapshot(now_ms);
    let maint = state.admin & crate::engine::state::admin::MAINT != 0;
    let down = state.op == crate::engine::state::OpState::Stopped;
    if wanted.sid.is_some_and(|n| n != s.id) || (wanted.no_maint && maint) || (wanted.up && (down || maint)) {
        return None;
    }
    let maxconn = s.state.maxconn();
    Some(View {
        sid: s.id,
        queued: s.state.queued.now(),
        queued_max: s.state.queued.max(),
        sessions: s.state.sessions.now(),
        sessions_max: s.state.sessions.max(),
        sessions_limit: (maxconn > 0).then_some(maxconn),
        status: state.status.clone(),
        address: Some(server_address(s).1),
        cookie: s.cookie.clone(),
        side: Side::Server(Box::new(ServerSide {
            agent: s.agent.is_some(),
            queue_limit: s.state.maxqueue(),
            idle_limit: u32::try_from(s.pool_max_conn).ok(),
            since_session_s: s.state.since_session_ms(now_ms).map(|ms| ms / 1_000),
            state,
        })),
        ..of(Kind::Server, &b.name, &s.name, b.id, b.mode, Some(&s.state.counters))
    })
}

fn backend(plan: &Plan, registry: &Registry, b: &Backend, now_ms: u64, wanted: Wanted) -> View {
    let s = &b.state;
    let counts = s.counts();
    let (downs, downtime_ms) = s.downs(now_ms);
    let active = counts.active > 0;
    let usable = b.servers.iter().filter(|v| v.state.is_usable() && v.state.is_backup() != active);
    let up = s.is_up();
    let mut status = if up { "UP" } else { "DOWN" }.to_owned();
    if wanted.up {
        let up_now = counts.active + counts.backup;
        status = format!("{status} ({up_now}/{})", counts.servers);
    }
    let last = b.servers.iter().filter_map(|v| v.state.since_session_ms(now_ms)).min();
    View {
        description: b.description.clone(),
        queued: s.queued.now(),
        queued_max: s.queued.max(),
        sessions: s.sessions.now(),
        sessions_max: s.sessions.max(),
        sessions_limit: Some(if b.fullconn == 0 { expected(plan, registry, b) } else { b.fullconn }),
        status,
        cookie: b.cookie.as_ref().map(|c| c.name.clone()),
        side: Side::Backend(Box::new(BackendSide {
            algorithm: match &b.balance.algorithm {
                // Without servers nobody asks for the default.
                a if b.servers.is_empty() && *a == Algorithm::default() => "unknown",
                a => algorithm(a),
            },
            active: counts.active,
            backup: counts.backup,
            servers: counts.servers,
            weight: if active { counts.active_weight } else { counts.backup_weight },
            user_weight: usable.map(|v| v.state.weights().0).sum(),
            up,
            since_change_s: s.since_change_ms(now_ms) / 1_000,
            downs,
            downtime_s: downtime_ms / 1_000,
            since_session_s: last.map(|ms| ms / 1_000),
        })),
        ..of(Kind::Backend, &b.name, "BACKEND", b.id, b.mode, Some(&s.counters))
    }
}

/// `fullconn` where it is not set: a tenth of what the frontends that lead here may have (manual 4.2).
fn expected(plan: &Plan, registry: &Registry, b: &Backend) -> u32 {
    let leads = |f: &&Arc<Frontend>| {
        f.default_backend == Some(b.ix)
            || b.same_as == Some(f.ix)
            || f.switching.iter().any(|s| match s.target {
                SwitchTarget::Fixed(ix) => ix == b.ix,
                SwitchTarget::Dynamic(_) => true,
            })
    };
    let most = |f: &Arc<Frontend>| match f.maxconn {
        0 => registry.maxconn(plan.global.maxconn),
        n => n,
    };
    let sum: u64 = plan.frontends.iter().filter(leads).map(|f| u64::from(most(f))).sum();
    u32::try_from(sum.div_ceil(10)).unwrap_or(u32::MAX).max(1)
}

/// The word of `balance`.
fn algorithm(a: &Algorithm) -> &'static str {
    match a {
        Algorithm::RoundRobin => "roundrobin",
        Algorithm::StaticRr => "static-rr",
        Algorithm::LeastConn => "leastconn",
        Algorithm::First => "first",
        Algorithm::Random { .. } => "random",
        Algorithm::Hash(HashOn::Source) => "source",
        Algorithm::Hash(HashOn::Uri { .. }) => "uri",
        Algorithm::Hash(HashOn::UrlParam { .. }) => "url_param",
        Algorithm::Hash(HashOn::Header { .. }) => "hdr",
        Algorithm::Hash(HashOn::RdpCookie { .. }) => "rdp-cookie",
        Algorithm::Hash(HashOn::Sample) => "hash",
    }
}

/// Where a server is now: its address if it has one, and that address with its port as text.
pub fn server_address(s: &Server) -> (Option<SocketAddr>, String) {
    let now = s.state.addr().or(match &s.endpoint {
        Some(Endpoint::Inet(a)) => Some(*a),
        _ => None,
    });
    let text = match (now, &s.endpoint, s.port) {
        (Some(a), _, Port::Relative(n)) if a.is_ipv6() => format!("[{}]:{n:+}", a.ip()),
        (Some(a), _, Port::Relative(n)) => format!("{}:{n:+}", a.ip()),
        (Some(a), ..) => a.to_string(),
        (None, Some(e), _) => endpoint(e),
        (None, None, _) => String::new(),
    };
    (now, text)
}

fn endpoint(e: &Endpoint) -> String {
    let shown = |p: &Path| p.display().to_string();
    match e {
        Endpoint::Inet(a) => a.to_string(),
        Endpoint::Unix(p) if p.as_os_str().is_empty() => "unix".to_owned(),
        Endpoint::Unix(p) => shown(p),
        Endpoint::Abstract { name, .. } => format!("abns@{name}"),
        Endpoint::Fd(n) => format!("fd@{n}"),
    }
}

/// A stats socket as `show cli sockets` names it.
pub fn socket_name(b: &crate::compile::plan::Bind) -> String {
    match &b.endpoint {
        Endpoint::Inet(a) if a.is_ipv6() => format!("ipv6@{a}"),
        Endpoint::Inet(a) => format!("ipv4@{a}"),
        Endpoint::Unix(p) => format!("unix@{}", p.display()),
        other => endpoint(other),
    }
}
