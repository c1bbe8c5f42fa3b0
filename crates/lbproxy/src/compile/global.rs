//! `global`: limits, identity, rights.

use common::{
    diag::{Diagnostic, codes},
    haproxy::model,
};

use super::{Compiler, expr::FormatKind, ms, plan};
use crate::engine::{
    conn::ConnInfo,
    http::case::CaseMap,
    sample::{
        Ctx, Fact, Names, Place, ProcessFacts, Subject, Type, Value, World,
        var::{Life, Var},
    },
    txn::Txn,
};

/// More worker threads than this gain nothing and cost counters (HAProxy's own limit with groups is larger).
const THREADS_MAX: u32 = 256;

impl Compiler<'_> {
    pub(super) fn global(&mut self) -> plan::Global {
        let g = &self.config.global;
        let (uid, gid) = self.identity(g);
        plan::Global {
            threads: self.threads(g),
            maxconn: g.limits.maxconn.as_ref().map_or(0, |n| n.value),
            maxconnrate: g.limits.maxconnrate.unwrap_or(0),
            maxsessrate: g.limits.maxsessrate.unwrap_or(0),
            maxsslrate: g.limits.maxsslrate.unwrap_or(0),
            vars: self.process_vars(g),
            case_adjust: self.case_adjust(g),
            node: g.node.clone().unwrap_or_else(|| self.world.hostname()),
            // Known when everything has been compiled.
            asks_server_src: false,
            description: g.description.clone(),
            pidfile: g.pidfile.as_ref().map(|p| p.value.clone().into()),
            chroot: g.chroot.as_ref().map(|p| p.value.clone().into()),
            uid,
            gid,
            daemon: g.daemon,
            quiet: g.quiet,
            ulimit_n: g.limits.ulimit_n.as_ref().map(|n| u64::from(n.value)),
            hard_stop_after_ms: ms(g.hard_stop_after_ms),
            grace_ms: ms(g.grace_ms),
            log: self.global_log(),
            log_hostname: self.log_hostname(),
            stats_sockets: self.stats_sockets(g),
            stats_timeout_ms: g.stats.timeout_ms.map_or(10_000, |v| ms(Some(v))),
            stats_maxconn: g.stats.maxconn.unwrap_or(10),
            tune: tune(g),
            spread_checks_percent: g.checks.spread_percent.unwrap_or(0).min(50),
            spread_checks_ms_max: ms(g.checks.max_spread_ms),
            ca_base: g.tls.ca_base.as_ref().map(|p| p.value.clone().into()),
            crt_base: g.tls.crt_base.as_ref().map(|p| p.value.clone().into()),
        }
    }

    /// `set-var` and `set-var-fmt`, evaluated once: what they may ask is known before anything is served.
    fn process_vars(&mut self, g: &model::Global) -> Vec<(String, Value<'static>)> {
        let mut vars: Vec<(String, Value<'static>)> = Vec::new();
        for v in &g.vars {
            let name = match Var::parse(&v.name) {
                Ok(var) if var.life == Life::Process => var.name.to_string(),
                _ => {
                    let text = format!("'{}' is no variable of the process", v.name);
                    self.say(
                        Diagnostic::alert(codes::BAD_ARGUMENT, text).at(v.span, "it begins with `proc.`"),
                    );
                    continue;
                }
            };
            let (conn, mut txn) = (ConnInfo::default(), Txn::default());
            let world = Known { vars: &vars };
            let value = match (&v.expr, &v.format) {
                (Some(expr), _) => {
                    let Some(expr) = self.scope(None).sample(expr, Type::Same, &[Place::Config]) else {
                        continue;
                    };
                    let ctx = Ctx::new(&conn, &mut txn, Names::default(), &world);
                    expr.eval(&ctx).map(Value::into_owned)
                }
                (None, Some(text)) => {
                    let format = self.scope(None).log_format_at(text, FormatKind::Text, &[Place::Config]);
                    let ctx = Ctx::new(&conn, &mut txn, Names::default(), &world);
                    format.map(|f| Value::string(f.to_vec(&ctx)))
                }
                (None, None) => None,
            };
            vars.extend(value.map(|value| (name, value)));
        }
        vars
    }

    /// `h1-case-adjust` lines, and the file with a pair of names in each line.
    fn case_adjust(&mut self, g: &model::Global) -> CaseMap {
        let mut map = CaseMap::default();
        for pair in &g.h1_case_adjust {
            map.insert(&pair.from, &pair.to);
        }
        let Some(path) = &g.h1_case_adjust_file else { return map };
        match self.world.read(std::path::Path::new(&path.value)) {
            Ok(bytes) => {
                for line in String::from_utf8_lossy(&bytes).lines() {
                    let mut words = line.split('#').next().unwrap_or("").split_whitespace();
                    if let (Some(from), Some(to)) = (words.next(), words.next()) {
                        map.insert(from, to);
                    }
                }
            }
            Err(e) => {
                let d = Diagnostic::alert(codes::BAD_FILE, format!("file '{}': {e}", path.value));
                self.say(d.at(path.span, "cannot be read"));
            }
        }
        map
    }

    fn threads(&mut self, g: &model::Global) -> usize {
        let most = g.threads.thread_hard_limit.unwrap_or(THREADS_MAX).clamp(1, THREADS_MAX);
        let wanted = match &g.threads.nbthread {
            Some(n) if n.value == 0 || n.value > THREADS_MAX => {
                let d = Diagnostic::alert(codes::BAD_ARGUMENT, "this number of threads cannot be started")
                    .at(n.span, format!("expected 1 to {THREADS_MAX}"));
                self.say(d);
                1
            }
            Some(n) => n.value,
            None => self.world.processors() as u32,
        };
        wanted.clamp(1, most) as usize
    }

    /// User and group as numbers; a name that the system does not know is an alert at the word.
    fn identity(&mut self, g: &model::Global) -> (Option<u32>, Option<u32>) {
        let mut uid = g.uid.as_ref().map(|n| n.value);
        let mut gid = g.gid.as_ref().map(|n| n.value);
        if let Some(user) = &g.user {
            match self.world.user(user) {
                Some((u, _)) => uid = Some(u),
                None => {
                    let d = Diagnostic::alert(
                        codes::UNRESOLVED_NAME,
                        format!("cannot find user id for '{}'", user.value),
                    )
                    .at(user.span, "no such user on this system")
                    .help(format!(
                        "create it, for example: useradd --system --no-create-home {}",
                        user.value
                    ));
                    self.say(d);
                }
            }
        }
        if let Some(group) = &g.group {
            match self.world.group(group) {
                Some(id) => gid = Some(id),
                None => {
                    let d = Diagnostic::alert(
                        codes::UNRESOLVED_NAME,
                        format!("cannot find group id for '{}'", group.value),
                    )
                    .at(group.span, "no such group on this system")
                    .help(format!("create it, for example: groupadd --system {}", group.value));
                    self.say(d);
                }
            }
        }
        (uid, gid)
    }

    fn stats_sockets(&mut self, g: &model::Global) -> Vec<plan::StatsSocket> {
        let mut out = Vec::new();
        for line in &g.stats.sockets {
            let level = match line.cli.level {
                Some(model::CliLevel::User) => plan::Level::User,
                Some(model::CliLevel::Admin) => plan::Level::Admin,
                Some(model::CliLevel::Operator) | None => plan::Level::Operator,
            };
            let mut id = out.len() as u32;
            for bind in self.binds(line, &mut id, None) {
                out.push(plan::StatsSocket { bind, level });
            }
        }
        out
    }
}

fn tune(g: &model::Global) -> plan::Tune {
    let t = &g.tune;
    let d = plan::Tune::default();
    plan::Tune {
        bufsize: t.bufsize_bytes.as_ref().map_or(d.bufsize, |n| n.value as usize),
        maxrewrite: t.maxrewrite_bytes.as_ref().map_or(d.maxrewrite, |n| n.value as usize),
        payload_with_any_method: g.h1_accept_payload_with_any_method,
        keep_insecure: g.h1_do_not_close_on_insecure_transfer_encoding,
        http_maxhdr: t.http_maxhdr.as_ref().map_or(d.http_maxhdr, |n| n.value as usize),
        logurilen: t.http_logurilen.map_or(d.logurilen, |n| n as usize),
        cookielen: t.http_cookielen.map_or(d.cookielen, |n| n as usize),
        maxaccept: match t.maxaccept {
            Some(n) if n > 0 => n as usize,
            Some(_) => usize::MAX,
            None => d.maxaccept,
        },
        idle_max: d.idle_max,
        rcvbuf_client: t.rcvbuf_client_bytes,
        sndbuf_client: t.sndbuf_client_bytes,
        rcvbuf_server: t.rcvbuf_server_bytes,
        sndbuf_server: t.sndbuf_server_bytes,
    }
}

/// The process before it is one: variables that were set on lines above.
#[derive(Debug)]
struct Known<'a> {
    vars: &'a [(String, Value<'static>)],
}

static NO_FACTS: std::sync::LazyLock<ProcessFacts> = std::sync::LazyLock::new(ProcessFacts::default);

impl World for Known<'_> {
    fn number(&self, _: Fact, _: Subject) -> Option<i64> {
        None
    }

    fn facts(&self) -> &ProcessFacts {
        &NO_FACTS
    }

    fn process_var(&self, name: &str) -> Option<Value<'static>> {
        self.vars.iter().rev().find(|v| v.0 == name).map(|v| v.1.clone())
    }
}
