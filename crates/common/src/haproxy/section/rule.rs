//! Rules of all rule sets: the registry of actions, and reading `action arguments [if …]`.
//!
//! Owns: [`ACTIONS`] and [`parse`]. How arguments of single actions are read is in `rule/`.

mod actions;
pub(super) mod old;
pub(super) mod reply;

pub(super) use actions::ACTIONS;

use super::{RegistryRow, cx::Cx};
use crate::{
    diag::{Diagnostic, codes},
    haproxy::{
        expr::{self, SampleExpr, within},
        model::{Action, NumberOr, Rule},
    },
    keyword::Support,
    source::{At, Span},
};

/// Rule sets as bits.
pub(crate) mod sets {
    pub(crate) const CONNECTION: u32 = 1;
    pub(crate) const SESSION: u32 = 1 << 1;
    pub(crate) const TCP_REQUEST: u32 = 1 << 2;
    pub(crate) const TCP_RESPONSE: u32 = 1 << 3;
    pub(crate) const HTTP_REQUEST: u32 = 1 << 4;
    pub(crate) const HTTP_RESPONSE: u32 = 1 << 5;
    pub(crate) const HTTP_AFTER: u32 = 1 << 6;
    pub(crate) const QUIC: u32 = 1 << 7;
    /// `stats http-request`.
    pub(crate) const STATS: u32 = 1 << 8;

    pub(crate) const TCP: u32 = CONNECTION | SESSION | TCP_REQUEST | TCP_RESPONSE;
    pub(crate) const HTTP: u32 = HTTP_REQUEST | HTTP_RESPONSE | HTTP_AFTER;
}

/// One action: where it may stand, and how its arguments are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActionRow {
    pub(crate) name: &'static str,
    pub(crate) sets: u32,
    /// `name(arguments)` is how it is written.
    pub(crate) parentheses: bool,
    pub(crate) doc: &'static str,
    pub(crate) parse: fn(&mut Words<'_>, &mut Cx<'_>) -> Option<Action>,
}

/// The row as the registry shows it. What the proxy can do with an action is known where it is compiled.
pub(super) fn row(r: &ActionRow) -> RegistryRow {
    let support = Support::Full;
    RegistryRow { family: "action", name: r.name, scope: r.sets, doc: r.doc, removed: None, support }
}

/// The words behind an action's name, consumed from the left.
pub(crate) struct Words<'a> {
    pub(crate) action: At<String>,
    /// Arguments in parentheses behind the name.
    pub(crate) parens: Vec<At<String>>,
    pub(crate) rest: &'a [At<String>],
}

impl<'a> Words<'a> {
    pub(crate) fn next(&mut self, what: &str, cx: &mut Cx<'_>) -> Option<&'a At<String>> {
        match self.rest.split_first() {
            Some((word, rest)) if !is_cond(word) || rest.is_empty() => {
                self.rest = rest;
                Some(word)
            }
            _ => {
                cx.missing(&self.action, what);
                None
            }
        }
    }

    /// The next word if it is `name`, with the argument behind it.
    pub(crate) fn option(&mut self, name: &str, cx: &mut Cx<'_>) -> Option<&'a At<String>> {
        let (word, rest) = self.rest.split_first()?;
        if word.as_str() != name {
            return None;
        }
        self.rest = rest;
        let Some((value, rest)) = rest.split_first() else {
            cx.missing(word, "an argument");
            return None;
        };
        self.rest = rest;
        Some(value)
    }

    /// The next word, unless a condition starts or nothing is left.
    pub(crate) fn peek(&self) -> Option<&'a At<String>> {
        self.rest.first().filter(|w| !is_cond(w))
    }

    /// All words up to the condition.
    pub(crate) fn until_cond(&mut self) -> Vec<At<String>> {
        let n = self.rest.iter().position(is_cond).unwrap_or(self.rest.len());
        let (all, rest) = self.rest.split_at_checked(n).unwrap_or((self.rest, &[]));
        self.rest = rest;
        all.to_vec()
    }

    pub(crate) fn expr(&mut self, cx: &mut Cx<'_>) -> Option<SampleExpr> {
        if self.peek().is_none() {
            self.next("a sample expression", cx)?;
        }
        match SampleExpr::parse_words(self.rest) {
            Ok((expr, rest)) => {
                self.rest = rest;
                Some(expr)
            }
            Err(e) => {
                cx.expr_error(e);
                None
            }
        }
    }

    /// A number, in decimal or after `0x`, or an expression.
    pub(crate) fn number_or_expr(&mut self, cx: &mut Cx<'_>) -> Option<NumberOr> {
        let word = self.next("a number or an expression", cx)?;
        let hex = word.strip_prefix("0x").map(|h| i64::from_str_radix(h, 16));
        match hex.unwrap_or_else(|| word.parse()) {
            Ok(n) => Some(NumberOr::Number(n)),
            Err(_) => cx.expr(word).map(NumberOr::Expr),
        }
    }

    /// The i-th argument in parentheses.
    pub(crate) fn paren(&self, i: usize, what: &str, cx: &mut Cx<'_>) -> Option<At<String>> {
        let found = self.parens.get(i).filter(|p| !p.is_empty()).cloned();
        if found.is_none() {
            let message = format!("`{}` needs {what} between parentheses", self.action.value);
            cx.alert(codes::MISSING_ARGUMENT, self.action.span, message);
        }
        found
    }

    pub(crate) fn paren_number(&self, i: usize, what: &str, cx: &mut Cx<'_>) -> Option<u32> {
        let word = self.paren(i, what, cx)?;
        cx.u32(&word)
    }
}

fn is_cond(word: &At<String>) -> bool {
    matches!(word.as_str(), "if" | "unless")
}

/// One rule of the set `set` from the words behind its keyword.
pub(super) fn parse(set: u32, words: &[At<String>], cx: &mut Cx<'_>) -> Option<At<Rule>> {
    let (first, rest) = words.split_first()?;
    let (name, parens) = split_name(first, cx)?;
    let candidates = || ACTIONS.iter().filter(|r| r.sets & set != 0);
    let has_parens = first.len() > name.len();
    let row = candidates().find(|r| r.name == name.value && r.parentheses == has_parens);
    let row = row.or_else(|| candidates().find(|r| r.name == name.value)).or_else(|| numbered(&name, set));
    let Some(row) = row else {
        unknown(&name, set, cx);
        return None;
    };
    let mut reader = Words { action: name, parens, rest };
    let action = (row.parse)(&mut reader, cx)?;
    let cond = cx.cond(reader.rest)?;
    let span = cx.keyword.span.to(words.last().map_or(first.span, |w| w.span));
    Some(At::new(Rule { action, cond }, span))
}

/// `name(a,b)` into name and arguments.
fn split_name(word: &At<String>, cx: &mut Cx<'_>) -> Option<(At<String>, Vec<At<String>>)> {
    let Some(open) = word.find('(') else { return Some((word.clone(), Vec::new())) };
    let name = At::new(word.value.get(..open).unwrap_or("").to_owned(), within(word, 0..open));
    let (args, end) = expr::arguments(word, open + 1).map_err(|e| cx.expr_error(e)).ok()?;
    if end < word.len() {
        let message = "unexpected text behind the closing parenthesis";
        cx.alert(codes::BAD_ARGUMENT, within(word, end..word.len()), message);
        return None;
    }
    Some((name, args))
}

/// `track-sc0` and `lua.name`: the tail of the word is an argument.
fn numbered(name: &At<String>, set: u32) -> Option<&'static ActionRow> {
    let prefix = if name.strip_prefix("track-sc").is_some_and(|n| n.parse::<u32>().is_ok()) {
        "track-sc"
    } else if name.starts_with("lua.") {
        "lua."
    } else {
        return None;
    };
    ACTIONS.iter().find(|r| r.name == prefix && r.sets & set != 0)
}

fn unknown(name: &At<String>, set: u32, cx: &mut Cx<'_>) {
    let keyword = cx.keyword.value.clone();
    let elsewhere = ACTIONS.iter().any(|r| r.name == name.value);
    let message = if elsewhere {
        format!("the action `{}` may not stand in `{keyword}` rules", name.value)
    } else {
        format!("`{keyword}` does not know the action `{}`", name.value)
    };
    let d = Diagnostic::alert(codes::BAD_ARGUMENT, message).at(name.span, "");
    let known = ACTIONS.iter().filter(|r| r.sets & set != 0).map(|r| r.name);
    cx.diags.push(if elsewhere { d } else { d.did_you_mean(name, known) });
}

/// Which rule sets are evaluated before which; a rule that stands after a later one is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rank {
    Connection,
    Session,
    Content,
    MonitorFail,
    HttpRequest,
    Redirect,
    UseBackend,
    UseServer,
}

impl Rank {
    fn name(self) -> &'static str {
        match self {
            Rank::Connection => "tcp-request connection",
            Rank::Session => "tcp-request session",
            Rank::Content => "tcp-request content",
            Rank::MonitorFail => "monitor fail",
            Rank::HttpRequest => "http-request",
            Rank::Redirect => "redirect",
            Rank::UseBackend => "use_backend",
            Rank::UseServer => "use-server",
        }
    }
}

/// Says once per section and pair when a rule of `rank` stands behind one that is evaluated later.
pub(super) fn order(seen: &mut Vec<(Rank, Span)>, rank: Rank, cx: &mut Cx<'_>) {
    let later = seen.iter().filter(|(r, _)| *r > rank).min_by_key(|(r, _)| *r).copied();
    if let Some((later, span)) = later {
        let message = format!(
            "this `{}` rule stands after a `{}` rule and is still evaluated before it",
            rank.name(),
            later.name()
        );
        let d = Diagnostic::warning(codes::RULE_ORDER, message).at(cx.keyword.span, "");
        cx.diags.push(d.also(span, "evaluated later"));
    }
    if !seen.iter().any(|(r, _)| *r == rank) {
        seen.push((rank, cx.keyword.span));
    }
}
