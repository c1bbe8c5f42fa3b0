//! Rule sets: each action of the model becomes a compiled one, or is refused by name.

use common::{
    diag::{Diagnostic, codes},
    haproxy::model::{self, Action as Model, LineVerdict, NameMatch, NumberOr, StreamTimeout, VarValue},
    source::{At, Span},
};

use super::{FormatKind, RuleSet, Scope, args::variable, capture};
use crate::engine::{
    action::{
        ACTIONS, Action, Number, header, line,
        normalize::Normalizer,
        stream, variable as vars,
        whole::{Then, Whole},
    },
    logformat::LogFormat,
    pattern::Regex,
    rule::{HttpRules, Rule, Rules, TcpRules, Waiting},
    sample::{Place, Type},
};

/// Conditions of `set-var` (manual 4.3).
pub(super) const VAR_CONDITIONS: &[&str] =
    &["", "ifexists", "ifnotexists", "ifempty", "ifnotempty", "ifset", "ifnotset", "ifgt", "iflt"];

/// What one rule's compilation needs to know of where it stands.
struct Stand<'a> {
    set: RuleSet,
    places: &'a [Place],
    span: Span,
}

impl Scope<'_> {
    pub fn http_rules(&mut self, rules: &[At<model::Rule>], set: RuleSet) -> HttpRules {
        self.rules(rules, set)
    }

    pub fn tcp_rules(&mut self, rules: &[At<model::Rule>], set: RuleSet) -> TcpRules {
        self.rules(rules, set)
    }

    fn rules(&mut self, rules: &[At<model::Rule>], set: RuleSet) -> Rules {
        let places = self.places(set);
        let mut out = Vec::with_capacity(rules.len());
        for rule in rules {
            let cond = rule.cond.as_ref().map(|c| self.cond_at(c, &places));
            let at = Stand { set, places: &places, span: rule.span };
            let action = self.action(&rule.action, &at);
            // A rule whose condition is wrong must not run unconditionally; both were said.
            let (Some(action), cond) = (action, cond) else { continue };
            match cond {
                Some(None) => {}
                Some(Some(c)) => out.push(Rule { cond: Some(c), action, place: place(rule.span) }),
                None => out.push(Rule { cond: None, action, place: place(rule.span) }),
            }
        }
        Rules { rules: out }
    }

    fn action(&mut self, action: &Model, at: &Stand<'_>) -> Option<Action> {
        let places = at.places;
        let response = places.iter().any(|p| p.responding());
        Some(match action {
            Model::Accept => Action::Accept,
            Model::Reject => Action::Reject,
            Model::Close => Action::Close,
            Model::SilentDrop { rst_ttl } => Action::SilentDrop { rst_ttl: *rst_ttl },
            Model::Deny(r) => Action::Deny(self.reply(r, if response { 502 } else { 403 }, places)?),
            Model::Tarpit(r) => Action::Tarpit(self.reply(r, 500, places)?),
            Model::Return(r) => Action::Return(self.reply(r, 200, places)?),
            Model::Auth { realm } => Action::Auth { realm: realm.as_ref().map(|r| r.as_str().into()) },
            Model::ReplaceLine { .. } | Model::DelLine { .. } | Model::MatchLine { .. } => {
                Action::Whole(Box::new(self.whole(action)?))
            }
            Model::Redirect(r) => Action::Redirect(Box::new(self.redirect(r, places)?)),
            Model::SetHeader { name, value } => {
                let (name, value) = (self.name(name, at)?, self.value(value, at)?);
                Action::Header(Box::new(header::Edit::Set { name, value }))
            }
            Model::AddHeader { name, value } => {
                let (name, value) = (self.name(name, at)?, self.value(value, at)?);
                Action::Header(Box::new(header::Edit::Add { name, value }))
            }
            Model::DelHeader { name, matching } => {
                Action::Header(Box::new(header::Edit::Delete(self.names(name, *matching, at)?)))
            }
            Model::ReplaceHeader { name, regex, value } => {
                let (regex, value) = (self.regex(regex)?, self.value(value, at)?);
                Action::Header(Box::new(header::Edit::ReplaceHeader {
                    name: name.as_bytes().into(),
                    regex,
                    value,
                }))
            }
            Model::ReplaceValue { name, regex, value } => {
                let (regex, value) = (self.regex(regex)?, self.value(value, at)?);
                Action::Header(Box::new(header::Edit::ReplaceValue {
                    name: name.as_bytes().into(),
                    regex,
                    value,
                }))
            }
            Model::ReplacePath { .. }
            | Model::ReplacePathq { .. }
            | Model::ReplaceUri { .. }
            | Model::SetMethod(_)
            | Model::SetPath(_)
            | Model::SetPathq(_)
            | Model::SetQuery(_)
            | Model::SetUri(_)
            | Model::SetStatus { .. } => Action::Line(Box::new(self.line(action, at)?)),
            Model::NormalizeUri { method, options } => Action::Normalize(self.normalizer(method, options)?),
            Model::DisableL7Retry | Model::WaitForHandshake => Action::Nothing,
            Model::SetNice(_) => {
                let text = "`set-nice` has no effect: all streams have one priority here";
                self.say(Diagnostic::notice(codes::NO_EFFECT, text).at(at.span, ""));
                Action::Nothing
            }
            Model::SetVar(set) => Action::Variable(Box::new(self.set_var(set, places)?)),
            Model::UnsetVar(name) => Action::Variable(Box::new(vars::Change::Unset(self.var(name)?))),
            Model::Capture { expr, id, .. } => {
                let value = self.sample(expr, Type::Str, places)?;
                let side = if response { model::Side::Response } else { model::Side::Request };
                let slot = self.proxy.and_then(|p| match id {
                    Some(id) => capture::slot_by_id(p, side, id.value as usize),
                    None => capture::slot_of_rule(p, side, at.span),
                });
                let Some((slot, len)) = slot else {
                    let place = id.as_ref().map_or(at.span, |i| i.span);
                    self.alert(place, "there is no such capture slot: declare it with `declare capture`");
                    return None;
                };
                Action::Variable(Box::new(vars::Change::Capture { value, slot, len }))
            }
            Model::WaitForBody { time_ms, at_least_bytes } => Action::Wait(Waiting::Body {
                time_ms: u32::try_from(*time_ms).unwrap_or(u32::MAX),
                at_least: *at_least_bytes,
            }),
            Model::Pause(NumberOr::Number(ms)) => {
                Action::Wait(Waiting::Time { ms: u32::try_from(*ms).unwrap_or(0) })
            }
            _ => match self.stream(action, places)? {
                Some(change) => Action::Stream(Box::new(change)),
                None => match self.stick(action, at.set, at.span, places)? {
                    Some(change) => Action::Stick(Box::new(change)),
                    None => return self.refuse(action, at),
                },
            },
        })
    }

    /// The old rules on whole lines (`reqrep` and its like).
    fn whole(&mut self, action: &Model) -> Option<Whole> {
        Some(match action {
            Model::ReplaceLine { regex, ignore_case, value } => Whole::Replace {
                regex: self.line_regex(regex, *ignore_case)?,
                template: value.value.as_bytes().into(),
            },
            Model::MatchLine { regex, ignore_case, then } => {
                let then = match then {
                    LineVerdict::Allow => Then::Allow,
                    LineVerdict::Deny => Then::Deny,
                    LineVerdict::Tarpit => Then::Tarpit,
                };
                Whole::Judge { regex: self.line_regex(regex, *ignore_case)?, then }
            }
            Model::DelLine { regex, ignore_case } => {
                Whole::Delete { regex: self.line_regex(regex, *ignore_case)? }
            }
            _ => return None,
        })
    }

    /// Changes of the stream; `Ok(None)` for what is none.
    #[allow(clippy::option_option)] // Wrong words, and no such change, are different answers.
    fn stream(&mut self, action: &Model, places: &[Place]) -> Option<Option<stream::Change>> {
        use stream::Change;
        Some(Some(match action {
            Model::SetLogLevel(level) => Change::LogLevel(level.map(model::LogLevel::number)),
            Model::SetSrc(e) => Change::Src(self.sample(e, Type::Addr, places)?),
            Model::SetSrcPort(e) => Change::SrcPort(self.sample(e, Type::Sint, places)?),
            Model::SetPriorityClass(e) => Change::PriorityClass(self.sample(e, Type::Sint, places)?),
            Model::SetPriorityOffset(e) => Change::PriorityOffset(self.sample(e, Type::Sint, places)?),
            Model::SetRetries(n) => Change::Retries(self.number(n, places)?),
            Model::SetTimeout { which, to } => Change::Timeout(
                match which {
                    StreamTimeout::Client => stream::Timeout::Client,
                    StreamTimeout::Connect => stream::Timeout::Connect,
                    StreamTimeout::Queue => stream::Timeout::Queue,
                    StreamTimeout::Server => stream::Timeout::Server,
                    StreamTimeout::Tarpit => stream::Timeout::Tarpit,
                    StreamTimeout::Tunnel => stream::Timeout::Tunnel,
                },
                self.number(to, places)?,
            ),
            Model::StrictMode(on) => Change::StrictMode(*on),
            _ => return Some(None),
        }))
    }

    fn line(&mut self, action: &Model, at: &Stand<'_>) -> Option<line::Edit> {
        use line::Edit;
        Some(match action {
            Model::ReplacePath { regex, value } => {
                Edit::ReplacePath { regex: self.regex(regex)?, value: self.value(value, at)? }
            }
            Model::ReplacePathq { regex, value } => {
                Edit::ReplacePathq { regex: self.regex(regex)?, value: self.value(value, at)? }
            }
            Model::ReplaceUri { regex, value } => {
                Edit::ReplaceUri { regex: self.regex(regex)?, value: self.value(value, at)? }
            }
            Model::SetMethod(f) => Edit::SetMethod(self.value(f, at)?),
            Model::SetPath(f) => Edit::SetPath(self.value(f, at)?),
            Model::SetPathq(f) => Edit::SetPathq(self.value(f, at)?),
            Model::SetQuery(f) => Edit::SetQuery(self.value(f, at)?),
            Model::SetUri(f) => Edit::SetUri(self.value(f, at)?),
            Model::SetStatus { status, reason } => {
                if !(100..=999).contains(&status.value) {
                    self.alert(status.span, format!("`{}` is no status", status.value));
                    return None;
                }
                Edit::SetStatus { status: status.value, reason: reason.as_deref().map(Into::into) }
            }
            _ => return None,
        })
    }

    pub(super) fn number(&mut self, n: &NumberOr, places: &[Place]) -> Option<Number> {
        Some(match n {
            NumberOr::Number(n) => Number::Is(*n),
            NumberOr::Expr(e) => Number::Expr(self.sample(e, Type::Sint, places)?),
        })
    }

    fn value(&mut self, text: &At<String>, at: &Stand<'_>) -> Option<LogFormat> {
        self.log_format_at(text, FormatKind::Value, at.places)
    }

    fn normalizer(&mut self, method: &At<String>, options: &[String]) -> Option<Normalizer> {
        let found = match options {
            [] => Normalizer::find(method, None),
            [one] => Normalizer::find(method, Some(one)),
            _ => None,
        };
        if found.is_none() {
            let words = format!("{} {}", method.value, options.join(" "));
            self.alert(method.span, format!("`{}` is no normalizer", words.trim_end()));
        }
        found
    }

    /// A header's name, which may be computed too.
    fn name(&mut self, text: &At<String>, at: &Stand<'_>) -> Option<LogFormat> {
        let name = self.value(text, at)?;
        if name.as_text().is_some_and(|n| !crate::engine::http::message::valid_name(n)) {
            self.alert(text.span, format!("`{}` cannot be the name of a header field", text.value));
            return None;
        }
        Some(name)
    }

    fn names(
        &mut self,
        text: &At<String>,
        matching: Option<NameMatch>,
        at: &Stand<'_>,
    ) -> Option<header::Names> {
        let lower = || text.to_ascii_lowercase().into_bytes().into();
        Some(match matching {
            None | Some(NameMatch::Str) => header::Names::Is(self.name(text, at)?),
            Some(NameMatch::Beg) => header::Names::Begins(lower()),
            Some(NameMatch::End) => header::Names::Ends(lower()),
            Some(NameMatch::Sub) => header::Names::Holds(lower()),
            Some(NameMatch::Reg) => header::Names::Matches(self.regex_no_case(text)?),
        })
    }

    fn regex(&mut self, text: &At<String>) -> Option<Regex> {
        self.compiled(text, Regex::new(text, false))
    }

    /// The expression of a rule on whole lines.
    fn line_regex(&mut self, text: &At<String>, no_case: bool) -> Option<Regex> {
        if no_case { self.regex_no_case(text) } else { self.regex(text) }
    }

    fn regex_no_case(&mut self, text: &At<String>) -> Option<Regex> {
        self.compiled(text, Regex::new(text, true))
    }

    fn compiled(&mut self, text: &At<String>, regex: Result<Regex, String>) -> Option<Regex> {
        match regex {
            Ok(r) => Some(r),
            Err(why) => {
                self.alert(text.span, why);
                None
            }
        }
    }

    fn var(&mut self, name: &At<String>) -> Option<crate::engine::sample::var::Var> {
        match variable(name) {
            Ok(v) => Some(v),
            Err(why) => {
                self.alert(name.span, why);
                None
            }
        }
    }

    /// `set-var` outside of rules.
    pub fn variable_change(&mut self, set: &model::SetVar, places: &[Place]) -> Option<vars::Change> {
        self.set_var(set, places)
    }

    /// `unset-var` outside of rules.
    pub fn variable_unset(&mut self, name: &At<String>) -> Option<vars::Change> {
        self.var(name).map(vars::Change::Unset)
    }

    fn set_var(&mut self, set: &model::SetVar, places: &[Place]) -> Option<vars::Change> {
        let var = self.var(&set.name)?;
        if let Some(bad) = set.conditions.iter().find(|c| !VAR_CONDITIONS.contains(&c.as_str())) {
            self.alert(set.name.span, format!("`{bad}` is no condition of set-var"));
            return None;
        }
        let conditions = set.conditions.iter().map(|c| c.as_str().into()).collect();
        Some(match &set.value {
            VarValue::Expr(e) => {
                vars::Change::Set { var, conditions, value: self.sample(e, Type::Any, places)? }
            }
            VarValue::Format(f) => vars::Change::SetFormat {
                var,
                conditions,
                value: self.log_format_at(f, FormatKind::Text, places)?,
            },
        })
    }

    /// An action that is known and cannot be honoured, with the reason that its row gives.
    fn refuse(&mut self, action: &Model, at: &Stand<'_>) -> Option<Action> {
        let name = action_name(action);
        let row = ACTIONS.iter().find(|r| r.name == name);
        let why = row.map_or("not built yet", |r| r.refused);
        let text = format!("'{} {name}' cannot be honoured: {why}", at.set.name());
        self.say(Diagnostic::alert(codes::NOT_YET, text).at(at.span, "this rule"));
        None
    }
}

/// A span's beginning as the opaque number that `last_rule_line` is found by.
pub(in crate::compile) fn place(span: Span) -> u64 {
    u64::from(span.file.0) << 32 | u64::from(span.lo)
}

/// The name under which [`ACTIONS`] lists what is refused.
fn action_name(action: &Model) -> String {
    let name = match action {
        Model::SetDst(_) => "set-dst",
        Model::SetDstPort(_) => "set-dst-port",
        Model::SetFcMark(_) => "set-fc-mark",
        Model::SetFcTos(_) => "set-fc-tos",
        Model::SetBcMark(_) => "set-bc-mark",
        Model::SetBcTos(_) => "set-bc-tos",
        Model::AddAcl { .. } => "add-acl",
        Model::DelAcl { .. } => "del-acl",
        Model::SetMap { .. } => "set-map",
        Model::DelMap { .. } => "del-map",
        Model::CacheUse(_) => "cache-use",
        Model::CacheStore(_) => "cache-store",
        Model::EarlyHint { .. } => "early-hint",
        Model::DoResolve(_) => "do-resolve",
        Model::DoLog { .. } => "do-log",
        Model::UseService { .. } => "use-service",
        Model::ExpectProxy => "expect-proxy",
        Model::ExpectNetscalerCip => "expect-netscaler-cip",
        Model::SwitchMode { .. } => "switch-mode",
        Model::AttachSrv { .. } => "attach-srv",
        Model::SendSpoeGroup { .. } => "send-spoe-group",
        Model::SetBandwidthLimit { .. } => "set-bandwidth-limit",
        Model::Lua { .. } => "lua",
        Model::Pause(_) => "pause with a computed time",
        Model::Other { name, .. } => return name.value.clone(),
        _ => "this action",
    };
    name.to_owned()
}
