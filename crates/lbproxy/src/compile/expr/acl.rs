//! ACLs and conditions: criteria, match methods, patterns and their files, predefined names.

use std::sync::Arc;

use common::{
    diag::{Diagnostic, codes},
    haproxy::{
        expr::{self, AclTest, TermKind},
        words,
    },
    source::{At, Span},
};

use super::{ListUse, Scope};
use crate::engine::{
    pattern::{
        Method, Patterns,
        list::{List, Live},
    },
    registry::{ACL_STEMS, ACL_SUFFIXES},
    rule::{Acl, Cond, Term, Test},
    sample::{Place, Type, fetch},
};

/// Names that need no declaration (manual 7.4).
const PREDEFINED: &[(&str, &str)] = &[
    ("FALSE", "always_false"),
    ("HTTP", "req.proto_http"),
    ("HTTP_1.0", "req.ver 1.0"),
    ("HTTP_1.1", "req.ver 1.1"),
    ("HTTP_2.0", "req.ver 2.0"),
    ("HTTP_3.0", "req.ver 3.0"),
    ("HTTP_CONTENT", "req.hdr_val(content-length) gt 0"),
    ("HTTP_URL_ABS", "url_reg ^[^/:]*://"),
    ("HTTP_URL_SLASH", "url_beg /"),
    ("HTTP_URL_STAR", "url *"),
    ("LOCALHOST", "src 127.0.0.1/8 ::1"),
    ("METH_CONNECT", "method CONNECT"),
    ("METH_DELETE", "method DELETE"),
    ("METH_GET", "method GET HEAD"),
    ("METH_HEAD", "method HEAD"),
    ("METH_OPTIONS", "method OPTIONS"),
    ("METH_POST", "method POST"),
    ("METH_PUT", "method PUT"),
    ("METH_TRACE", "method TRACE"),
    ("RDP_COOKIE", "req.rdp_cookie_cnt gt 0"),
    ("REQ_CONTENT", "req.len gt 0"),
    ("TRUE", "always_true"),
    ("WAIT_END", "wait_end"),
];

/// What an ACL keyword is: the fetch, and the method that its name implies.
fn keyword(name: &str) -> Option<(&'static str, Option<Method>)> {
    if let Some((_, fetch)) = ACL_STEMS.iter().find(|(stem, _)| *stem == name) {
        return Some((fetch, Some(Method::Str)));
    }
    let (stem, method) = name.rsplit_once('_')?;
    let method = Method::find(method).filter(|m| ACL_SUFFIXES.contains(m))?;
    let (_, fetch) = ACL_STEMS.iter().find(|(s, _)| *s == stem)?;
    Some((fetch, Some(method)))
}

impl Scope<'_> {
    /// Compiles a condition for wherever it may stand; ACLs of a place without what they need never match.
    pub fn cond(&mut self, cond: &expr::Cond) -> Option<Cond> {
        let places = self.halves(Place::FrontendRequest, Place::BackendRequest);
        self.cond_at(cond, &places)
    }

    /// Compiles a condition that is evaluated at any of these places.
    pub fn cond_at(&mut self, cond: &expr::Cond, places: &[Place]) -> Option<Cond> {
        let mut any = Vec::with_capacity(cond.any.len());
        let mut ok = true;
        for all in &cond.any {
            let mut terms = Vec::with_capacity(all.len());
            for term in all {
                match self.term(&term.kind, places) {
                    Some(acl) => terms.push(Term { negated: term.negated, acl }),
                    None => ok = false,
                }
            }
            any.push(terms);
        }
        ok.then_some(Cond { unless: cond.unless, any })
    }

    fn term(&mut self, kind: &TermKind, places: &[Place]) -> Option<Arc<Acl>> {
        match kind {
            TermKind::Named(name) => self.named_acl(name, places),
            TermKind::Inline(test) => {
                let test = self.test(test, places)?;
                let acl = Acl { name: "{}".into(), tests: vec![test], negated: false };
                self.warn_never(&acl, kind_span(kind), places);
                Some(acl.into())
            }
        }
    }

    /// An ACL that the proxy declares, or a predefined one.
    pub(super) fn named_acl(&mut self, name: &At<String>, places: &[Place]) -> Option<Arc<Acl>> {
        let owner = self.proxy.map_or(String::new(), |p| format!("{:?}/{}", p.kind, p.name.value));
        let key = (owner, name.value.clone());
        let acl = match self.cache.acls.get(&key) {
            Some(known) => known.clone()?,
            None => {
                let made = self.declared(name, places).map(Arc::new);
                self.cache.acls.insert(key, made.clone());
                made?
            }
        };
        self.warn_never(&acl, name.span, places);
        Some(acl)
    }

    fn declared(&mut self, name: &At<String>, places: &[Place]) -> Option<Acl> {
        let lines: Vec<_> = self.proxy.iter().flat_map(|p| p.acls.iter()).collect();
        let own: Vec<_> = lines.iter().filter(|a| a.name.value == name.value).collect();
        if own.is_empty() {
            if let Some((_, text)) = PREDEFINED.iter().find(|(n, _)| *n == name.value) {
                return self.predefined(name, text, places);
            }
            let known = lines.iter().map(|a| a.name.as_str()).chain(PREDEFINED.iter().map(|(n, _)| *n));
            let text = format!("there is no ACL '{}'", name.value);
            let d = Diagnostic::alert(codes::UNRESOLVED_NAME, text).at(name.span, "named here");
            let d = d.did_you_mean(name, known);
            self.say(d);
            return None;
        }
        // All lines are compiled, so that each error is said.
        let tests: Vec<_> = own.iter().map(|a| self.test(&a.test, places)).collect();
        let tests = tests.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Acl { name: name.as_str().into(), tests, negated: false })
    }

    fn predefined(&mut self, name: &At<String>, text: &str, places: &[Place]) -> Option<Acl> {
        let split = words::split(text).ok()?;
        let split: Vec<At<String>> = split.into_iter().map(|(w, _)| At::new(w, name.span)).collect();
        let test = AclTest::parse(&split, name.span).ok()?;
        let test = self.test(&test, places)?;
        Some(Acl { name: name.as_str().into(), tests: vec![test], negated: false })
    }

    /// Compiles every ACL of the proxy, so that errors of those that nothing uses are said too.
    pub fn check_acls(&mut self) {
        let Some(proxy) = self.proxy else { return };
        for acl in &proxy.acls {
            let places: Vec<Place> = Vec::new();
            self.named_acl(&acl.name, &places);
        }
    }

    /// HAProxy's warning: what the ACL looks at is not there when the rule runs.
    fn warn_never(&mut self, acl: &Acl, span: Span, places: &[Place]) {
        let never = !places.is_empty()
            && !acl.tests.is_empty()
            && acl.tests.iter().all(|t| !places.iter().any(|p| t.expr.scope.has(*p)));
        if let (true, Some(test), Some(place)) = (never, acl.tests.first(), places.first()) {
            let text = format!(
                "this ACL never matches here: `{}` needs {}, which a {} does not have",
                test.expr.text,
                test.expr.scope.needs(),
                place.name()
            );
            self.say(Diagnostic::warning(codes::MISPLACED, text).at(span, "never matches"));
        }
    }

    /// One criterion with its patterns.
    pub(super) fn test(&mut self, t: &AclTest, places: &[Place]) -> Option<Test> {
        let name = t.expr.fetch.name.value.as_str();
        let (fetch_name, implied) = keyword(name).unwrap_or((name, None));
        if implied.is_none() && fetch::find(name).is_none() && !is_known(name) {
            let d = Diagnostic::alert(codes::BAD_EXPRESSION, format!("unknown ACL criterion `{name}`"))
                .at(t.expr.fetch.name.span, "no criterion")
                .did_you_mean(name, criteria().iter().map(String::as_str));
            self.say(d);
            return None;
        }
        let expr = self.expression(&t.expr, fetch_name, places)?;
        let method = self.method(t, name, implied, expr.out)?;
        // Methods are compared as they are (RFC 9110 section 9.1), whatever `-i` says.
        let no_case = t.ignore_case && expr.out != Type::Meth;
        let patterns = self.patterns(t, method, no_case, fetch_name)?;
        Some(Test { expr, patterns })
    }

    /// `-m`, else what the keyword implies, else what the type does.
    fn method(&mut self, t: &AclTest, name: &str, implied: Option<Method>, out: Type) -> Option<Method> {
        let given = match &t.method {
            None => None,
            Some(word) => match Method::find(word) {
                Some(m) => Some(m),
                None => {
                    let d = Diagnostic::alert(
                        codes::BAD_EXPRESSION,
                        format!("unknown match method `{}`", word.value),
                    )
                    .at(word.span, "not a method")
                    .did_you_mean(word, Method::ALL.iter().map(|m| m.name()));
                    self.say(d);
                    return None;
                }
            },
        };
        let implied = match (given, implied) {
            (None, Some(m)) if !t.expr.converters.is_empty() => {
                // The converters' result is what is compared (manual 7.1).
                if m != Method::Str {
                    let text = format!("the match method of `{name}` does not hold behind converters");
                    let d = Diagnostic::warning(codes::MISPLACED, text).at(t.expr.fetch.name.span, "");
                    self.say(d.help(format!("write `-m {}` behind the expression", m.name())));
                }
                None
            }
            (_, implied) => implied,
        };
        let Some(method) = given.or(implied).or(Method::of(out)) else {
            let text = format!("`{}` gives {}: say with -m how to compare it", t.expr, out.name());
            self.alert(t.expr.span(), text);
            return None;
        };
        if !method.takes(out) {
            let text = format!(
                "`{}` gives {}, which cannot be compared with -m {}",
                t.expr,
                out.name(),
                method.name()
            );
            self.alert(t.method.as_ref().map_or(t.expr.span(), |m| m.span), text);
            return None;
        }
        Some(method)
    }

    fn patterns(&mut self, t: &AclTest, method: Method, no_case: bool, fetch_name: &str) -> Option<Patterns> {
        if fetch_name == "http_auth_group" {
            let members = self.group_members(t)?;
            return Patterns::build(method, no_case, &members).ok();
        }
        let mut lists = Vec::new();
        for file in &t.files {
            lists.push((self.list(file, t.as_map, "acl")?, Some(file)));
        }
        if !t.patterns.is_empty() {
            lists.push((self.written_list(t), None));
        }
        let entries: Vec<_> = lists.iter().map(|(l, _)| l.entries(None)).collect();
        let keys: Vec<_> = entries.iter().flatten().map(|e| &e.key).collect();
        if keys.is_empty() && t.files.is_empty() && method.needs_patterns() {
            let d = Diagnostic::warning(codes::INCOMPLETE, "no pattern is given, so this ACL never matches");
            self.say(d.at(t.expr.span(), "compared with nothing").help("for mere presence write `-m found`"));
        }
        match Patterns::build(method, no_case, &keys) {
            Ok(p) if lists.is_empty() => Some(p),
            Ok(p) => {
                let sources = lists.into_iter().map(|(l, _)| l).collect();
                Some(p.with_lists(Live::join(method, no_case, None, sources)))
            }
            Err((mut i, bad)) => {
                for ((_, file), entries) in lists.iter().zip(&entries) {
                    if i >= entries.len() {
                        i -= entries.len();
                        continue;
                    }
                    match file {
                        Some(file) => self.bad_entry(file, i, &bad.to_string()),
                        None => {
                            let place = t.patterns.get(i).map_or(t.expr.span(), |w| w.span);
                            self.say(Diagnostic::alert(codes::BAD_EXPRESSION, bad.to_string()).at(place, ""));
                        }
                    }
                    break;
                }
                None
            }
        }
    }

    /// The list of the patterns that stand behind a criterion; the same one when the words are compiled again, for
    /// the other half of a `listen` section.
    fn written_list(&mut self, t: &AclTest) -> Arc<List> {
        let span = t.expr.span();
        let same = |l: &&ListUse| l.list.name.is_empty() && l.uses.first().is_some_and(|u| u.1 == span);
        if let Some(known) = self.cache.lists.iter().find(same).filter(|_| span != Span::default()) {
            return known.list.clone();
        }
        let words = t.patterns.iter().map(|p| (p.value.as_bytes().to_vec(), None));
        let list = Arc::new(List::new("", false, words));
        let id = t.unique_id.as_ref().map(|u| u.value);
        self.keep_list(list.clone(), id, &t.expr.fetch.name, span);
        list
    }

    /// The users that belong to any of the groups named as patterns.
    fn group_members(&mut self, t: &AclTest) -> Option<Vec<Vec<u8>>> {
        let users = self.users(t.expr.fetch.args.first()?)?;
        let groups: Vec<&str> = t.patterns.iter().map(|p| p.as_str()).collect();
        Some(users.members(&groups).map(|u| u.name.to_vec()).collect())
    }
}

fn kind_span(kind: &TermKind) -> Span {
    match kind {
        TermKind::Named(name) => name.span,
        TermKind::Inline(test) => test.span,
    }
}

fn is_known(name: &str) -> bool {
    fetch::NOT_YET.iter().any(|(prefix, _)| name.starts_with(prefix))
}

/// Every word that may begin an ACL, for "did you mean".
pub(super) fn criteria() -> Vec<String> {
    let derived = ACL_STEMS
        .iter()
        .flat_map(|(stem, _)| ACL_SUFFIXES.iter().map(move |m| format!("{stem}_{}", m.name())));
    fetch::all().map(|f| f.name.to_owned()).chain(derived).collect()
}
