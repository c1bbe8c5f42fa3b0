//! Sample expressions: fetch, arguments, converters, types, places.

use common::{
    diag::{Diagnostic, codes},
    haproxy::expr::{Call, SampleExpr},
    source::At,
};

use super::Scope;
use crate::engine::sample::{Expr, Place, Step, Type, convert, fetch, fetch::Fetch};

impl Scope<'_> {
    /// Compiles an expression whose value is cast to `to`; it must be available at one of `places`.
    pub fn sample(&mut self, e: &SampleExpr, to: Type, places: &[Place]) -> Option<Expr> {
        let expr = self.expression(e, &e.fetch.name, places)?;
        if !places.iter().any(|p| expr.scope.has(*p)) {
            let at = places.first().map_or("here", |p| p.name());
            let text =
                format!("`{}` needs {}, which a {at} does not have", e.fetch.name.value, expr.scope.needs());
            self.alert(e.fetch.name.span, text);
            return None;
        }
        if !expr.out.casts_to(to) {
            let text = format!("`{e}` gives {}, which cannot become {}", expr.out.name(), to.name());
            self.alert(e.span(), text);
            return None;
        }
        Some(expr)
    }

    /// Compiles an expression without asking where it runs. `name` is the fetch to take: an ACL keyword stands for
    /// another one.
    pub(super) fn expression(&mut self, e: &SampleExpr, name: &str, places: &[Place]) -> Option<Expr> {
        let row = self.fetch(e, name)?;
        let args = self.arguments(&e.fetch, row.args, row.required, places)?;
        let mut out = row.out;
        let mut steps = Vec::with_capacity(e.converters.len());
        for call in &e.converters {
            let (step, result) = self.step(call, out, places)?;
            out = if result == Type::Same { out } else { result };
            steps.push(step);
        }
        Some(Expr {
            fetch: row.run,
            args: args.into(),
            steps: steps.into(),
            out,
            scope: row.scope,
            text: e.to_string().into(),
        })
    }

    fn fetch(&mut self, e: &SampleExpr, name: &str) -> Option<&'static Fetch> {
        if let Some(row) = fetch::find(name) {
            self.cache.asks_server_src |= matches!(row.name, "bc_src" | "bc_src_port");
            return Some(row);
        }
        let at = &e.fetch.name;
        match fetch::NOT_YET.iter().find(|(prefix, _)| name.starts_with(prefix)) {
            Some((_, why)) => self.not_yet(at, &format!("sample fetch `{name}` cannot be used: {why}")),
            None => {
                let d = Diagnostic::alert(codes::BAD_EXPRESSION, format!("unknown sample fetch `{name}`"));
                self.say(d.at(at.span, "not a fetch").did_you_mean(name, fetch::all().map(|f| f.name)));
            }
        }
        None
    }

    fn step(&mut self, call: &Call, input: Type, places: &[Place]) -> Option<(Step, Type)> {
        let name = call.name.value.as_str();
        let Some(row) = convert::find(name) else {
            match convert::NOT_YET.iter().find(|(prefix, _)| name.starts_with(prefix)) {
                Some((_, why)) => {
                    self.not_yet(&call.name, &format!("converter `{name}` cannot be used: {why}"))
                }
                None => {
                    let d = Diagnostic::alert(codes::BAD_EXPRESSION, format!("unknown converter `{name}`"));
                    self.say(
                        d.at(call.name.span, "not a converter")
                            .did_you_mean(name, convert::all().map(|c| c.name)),
                    );
                }
            }
            return None;
        };
        if !input.casts_to(row.input) {
            let text = format!(
                "`{name}` takes {} and cannot follow a value of type {}",
                row.input.name(),
                input.name()
            );
            self.alert(call.name.span, text);
            return None;
        }
        let args = self.arguments(call, row.args, row.required, places)?;
        Some((Step { input: row.input, run: row.run, args: args.into() }, row.out))
    }

    pub(super) fn not_yet(&mut self, at: &At<String>, message: &str) {
        self.say(Diagnostic::alert(codes::NOT_YET, message).at(at.span, "not built yet"));
    }
}
