//! Variables of the process (management guide 9.3, `get var`, `set var`).

use common::{haproxy::expr::SampleExpr, source::At};

use super::{Call, Command, Reply};
use crate::{
    compile::{expr::FormatKind, once::with_bare_scope, plan::Level},
    engine::{
        conn::ConnInfo,
        sample::{
            Ctx, Fact, Names, Place, ProcessFacts, Subject, Type, Value, World,
            var::{Life, Var},
        },
        txn::Txn,
    },
    shell::runtime::Shared,
};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "get var",
        usage: "<name>",
        level: Level::Operator,
        doc: "show a variable of the process",
        run: get,
    },
    Command {
        words: "set var",
        usage: "<name> {<expr>|expr <expr>|fmt <fmt>}",
        level: Level::Admin,
        doc: "set a variable of the process (experimental)",
        run: set,
    },
    Command {
        words: "show var",
        usage: "",
        level: Level::Operator,
        doc: "show all variables of the process",
        run: |c| {
            let all = c.shared.registry.process_vars();
            Reply::Text(all.iter().map(|(name, value)| line(name, value)).collect())
        },
    },
];

fn get(c: &mut Call<'_>) -> Reply {
    match c.arg(0) {
        "" => Reply::text("Missing process-wide variable identifier."),
        name => {
            let var = Var::parse(name).ok().filter(|v| v.life == Life::Process);
            match var.and_then(|v| c.shared.registry.process_var(&v.name).map(|x| line(&v.name, &x))) {
                Some(text) => Reply::Text(text),
                None => Reply::text("Variable not found."),
            }
        }
    }
}

/// Bytes that are no text are not shown, as in HAProxy.
fn line(name: &str, value: &Value<'_>) -> String {
    let mut text = Vec::new();
    value.write_text(&mut text);
    let shown = match value {
        Value::Bin(_) => "...".into(),
        Value::Bool(b) => u8::from(*b).to_string().into(),
        _ => String::from_utf8_lossy(&text),
    };
    format!("proc.{name}: type={} value=<{shown}>\n", value.kind().name())
}

fn set(c: &mut Call<'_>) -> Reply {
    if !c.session.experimental {
        return Reply::text("This command is restricted to experimental mode only.");
    }
    let name = c.arg(0);
    let Ok(var) = Var::parse(name) else {
        return Reply::Text(format!("'set var': invalid variable name '{name}'.\n"));
    };
    if var.life != Life::Process {
        return Reply::Text(format!(
            "'set var': cannot set variable '{name}', only scope 'proc' is permitted here.\n"
        ));
    }
    let value = match (c.arg(1), c.args.get(2..).unwrap_or(&[])) {
        ("", _) => return Reply::text("Missing either 'expr', 'fmt' or expression."),
        ("fmt", words) => format(c, &words.join(" ")),
        ("expr", words) => expression(c, &words.join(" ")),
        (first, rest) => {
            let words: Vec<&str> = std::iter::once(first).chain(rest.iter().map(String::as_str)).collect();
            expression(c, &words.join(" "))
        }
    };
    match value {
        Ok(value) => {
            c.shared.registry.set_process_var(&var.name, value);
            Reply::done()
        }
        Err(why) => Reply::Text(format!("{why}\n")),
    }
}

fn expression(c: &Call<'_>, text: &str) -> Result<Option<Value<'static>>, String> {
    let words = At::from(text.to_owned());
    let parsed = SampleExpr::parse(&words).map_err(|e| e.message)?;
    let expr = with_bare_scope(|scope| scope.sample(&parsed, Type::Same, &[Place::Cli]))?;
    Ok(in_process(c, |ctx| expr.eval(ctx).map(Value::into_owned)))
}

fn format(c: &Call<'_>, text: &str) -> Result<Option<Value<'static>>, String> {
    let words = At::from(text.to_owned());
    let format = with_bare_scope(|scope| scope.log_format_at(&words, FormatKind::Text, &[Place::Cli]))?;
    Ok(Some(in_process(c, |ctx| Value::string(format.to_vec(ctx)))))
}

/// Evaluates something that needs nothing but the process.
fn in_process<R>(c: &Call<'_>, ask: impl FnOnce(&Ctx<'_>) -> R) -> R {
    let zone = (*c.shared.zone).clone();
    let facts = ProcessFacts { hostname: String::new(), zone, start_s: c.shared.started_us / 1_000_000 };
    let bare = Bare { shared: c.shared, facts };
    let (conn, mut txn) = (ConnInfo::default(), Txn::default());
    let names = Names { node: &c.runtime.plan.global.node, pid: std::process::id(), ..Names::default() };
    let mut ctx = Ctx::new(&conn, &mut txn, names, &bare);
    ctx.now_us = c.shared.started_us + c.now_ms * 1_000;
    ask(&ctx)
}

/// The process without any stream.
#[derive(Debug)]
struct Bare<'a> {
    shared: &'a Shared,
    facts: ProcessFacts,
}

impl World for Bare<'_> {
    fn number(&self, fact: Fact, _: Subject) -> Option<i64> {
        (fact == Fact::ActConn).then(|| self.shared.connections.now().into())
    }

    fn facts(&self) -> &ProcessFacts {
        &self.facts
    }

    fn process_var(&self, name: &str) -> Option<Value<'static>> {
        self.shared.registry.process_var(name)
    }

    fn set_process_var(&self, name: &str, value: Option<Value<'static>>) {
        self.shared.registry.set_process_var(name, value);
    }
}
