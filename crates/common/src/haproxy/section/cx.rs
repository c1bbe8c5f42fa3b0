//! What a keyword's function works with: its arguments, and ways to read and to complain about them.

use std::collections::BTreeSet;

use crate::{
    diag::{Code, Diagnostic, Diagnostics, codes},
    haproxy::{
        address::Address,
        expr::{Cond, ExprError, SampleExpr, within},
        model::Directive,
        tree::Section,
    },
    keyword::{Removed, Support},
    source::{At, Span},
    units::{self, TimeUnit, UnitError},
};

/// What a row does to its target.
pub(crate) type Apply<T> = fn(&mut T, &mut Cx<'_>);

/// How far a row is served, and whether its spelling is an old one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub(crate) support: Support,
    pub(crate) removed: Option<Removed>,
}

impl Status {
    pub(crate) const FULL: Status = Status { support: Support::Full, removed: None };

    pub(crate) const fn not_yet(why: &'static str) -> Status {
        Status { support: Support::NotYet(why), removed: None }
    }

    pub(crate) const fn no_effect(why: &'static str) -> Status {
        Status { support: Support::NoEffect(why), removed: None }
    }

    pub(crate) const fn refused(why: &'static str) -> Status {
        Status { support: Support::Refused(why), removed: None }
    }

    /// Removed from HAProxy in `since`, which refuses it or warns.
    pub(crate) const fn removed(since: &'static str, modern: &'static str) -> Status {
        Status { support: Support::Full, removed: Some(Removed { since, modern, peer_complains: true }) }
    }

    /// Removed from HAProxy in `since`, and nothing takes its place.
    pub(crate) const fn gone(since: &'static str, modern: &'static str, why: &'static str) -> Status {
        let removed = Some(Removed { since, modern, peer_complains: true });
        Status { support: Support::NoEffect(why), removed }
    }
}

/// A table of keyword rows: name, scope, arity, status, function, description.
macro_rules! rows {
    ($(#[$m:meta])* $vis:vis const $table:ident: [$t:ty];
     $($name:literal, $scope:expr, $arity:expr, $status:expr, $apply:expr, $doc:literal;)*) => {
        $(#[$m])*
        $vis const $table: &[$crate::keyword::Keyword<$crate::haproxy::section::Apply<$t>>] = &[
            $($crate::keyword::Keyword {
                name: $name,
                scope: $scope,
                arity: $arity,
                doc: $doc,
                removed: $status.removed,
                support: $status.support,
                apply: $apply,
            },)*
        ];
    };
}
pub(crate) use rows;

/// The line at hand.
pub(crate) struct Cx<'a> {
    /// Kind of the section, for messages.
    pub(crate) section: &'a str,
    pub(crate) keyword: At<String>,
    /// The keyword's words as written.
    pub(crate) head: &'a [At<String>],
    pub(crate) args: &'a [At<String>],
    /// `no` stands before the keyword.
    pub(crate) no: bool,
    /// `default` stands before the keyword.
    pub(crate) default: bool,
    pub(crate) diags: &'a mut Diagnostics,
    /// Rows of which was said that they have no effect.
    pub(crate) said: &'a mut BTreeSet<&'static str>,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(
        section: &'a Section,
        diags: &'a mut Diagnostics,
        said: &'a mut BTreeSet<&'static str>,
    ) -> Cx<'a> {
        let (keyword, args) = (section.kind.clone(), section.args.as_slice());
        Cx { section: &section.kind, keyword, head: &[], args, no: false, default: false, diags, said }
    }

    /// The same for another keyword.
    pub(crate) fn at<'b>(
        &'b mut self,
        keyword: At<String>,
        args: &'b [At<String>],
        prefix: Option<&str>,
    ) -> Cx<'b> {
        Cx {
            section: self.section,
            keyword,
            head: &[],
            args,
            no: prefix == Some("no"),
            default: prefix == Some("default"),
            diags: &mut *self.diags,
            said: &mut *self.said,
        }
    }

    pub(crate) fn alert(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.diags.push(Diagnostic::alert(code, message).at(span, ""));
    }

    pub(crate) fn warn(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.diags.push(Diagnostic::warning(code, message).at(span, ""));
    }

    pub(crate) fn notice(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.diags.push(Diagnostic::notice(code, message).at(span, ""));
    }

    /// A known word that is not built yet, said once.
    pub(crate) fn not_yet(&mut self, name: &'static str, span: Span, why: &str) {
        if self.said.insert(name) {
            self.notice(codes::NOT_YET, span, format!("`{name}` has no effect yet: {why}"));
        }
    }

    /// `word` is not what the keyword takes.
    pub(crate) fn bad(&mut self, word: &At<String>, expected: impl AsRef<str>) {
        let message = format!(
            "`{}` does not take `{}`: expected {}",
            self.keyword.value,
            word.value,
            expected.as_ref()
        );
        self.alert(codes::BAD_ARGUMENT, word.span, message);
    }

    /// `word` is none of `known`.
    pub(crate) fn bad_word<'k>(&mut self, word: &At<String>, known: impl IntoIterator<Item = &'k str>) {
        let known: Vec<&str> = known.into_iter().collect();
        let message = format!("`{}` does not take `{}`", self.keyword.value, word.value);
        let d = Diagnostic::alert(codes::BAD_ARGUMENT, message).at(word.span, "");
        let d = match crate::diag::suggest::nearest(word, known.iter().copied()) {
            Some(best) => d.help(format!("did you mean `{best}`?")),
            None => d.help(format!("expected one of: {}", known.join(", "))),
        };
        self.diags.push(d);
    }

    /// Something is missing behind `after`.
    pub(crate) fn missing(&mut self, after: &At<String>, what: &str) {
        self.alert(codes::MISSING_ARGUMENT, after.span, format!("`{}` needs {what}", after.value));
    }

    /// A word that counts for nothing, in a place where HAProxy passes over it.
    pub(crate) fn ignored(&mut self, word: &At<String>) {
        let message =
            format!("`{}` and what follows it is ignored after `{}`", word.value, self.keyword.value);
        let d = Diagnostic::notice(codes::EXTRA_ARGUMENT, message).at(word.span, "");
        self.diags.push(d.help("a text of several words stands between quotes"));
    }

    pub(crate) fn extra(&mut self, word: &At<String>) {
        let message = format!("unexpected `{}` after `{}`", word.value, self.keyword.value);
        self.alert(codes::EXTRA_ARGUMENT, word.span, message);
    }

    pub(crate) fn arg(&self, i: usize) -> Option<&'a At<String>> {
        self.args.get(i)
    }

    /// An argument as text, if it is there.
    pub(crate) fn text(&self, i: usize) -> Option<String> {
        self.arg(i).map(|a| a.value.clone())
    }

    /// All arguments as one text.
    pub(crate) fn joined(&self) -> String {
        self.args.iter().map(|a| a.value.as_str()).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn directive(&self) -> At<Directive> {
        let span = self.args.last().map_or(self.keyword.span, |a| self.keyword.span.to(a.span));
        At::new(Directive { keyword: self.keyword.value.clone(), args: self.args.to_vec() }, span)
    }

    /// The span of keyword and arguments.
    pub(crate) fn span(&self) -> Span {
        self.args.last().map_or(self.keyword.span, |a| self.keyword.span.to(a.span))
    }

    fn unit<T>(&mut self, word: &At<String>, result: Result<T, UnitError>) -> Option<T> {
        result
            .map_err(|e| {
                let message =
                    format!("`{}` does not take `{}`: {}", self.keyword.value, word.value, e.message);
                self.alert(codes::BAD_ARGUMENT, within(word, e.range), message);
            })
            .ok()
    }

    /// A time whose bare number is in milliseconds.
    pub(crate) fn ms(&mut self, word: &At<String>) -> Option<u64> {
        self.unit(word, units::time_ms(word, TimeUnit::Ms))
    }

    /// A time whose bare number is in seconds, in seconds.
    pub(crate) fn seconds(&mut self, word: &At<String>) -> Option<u64> {
        self.unit(word, units::time_ms(word, TimeUnit::S)).map(|ms| ms.div_ceil(1_000))
    }

    pub(crate) fn bytes(&mut self, word: &At<String>) -> Option<u64> {
        self.unit(word, units::size_bytes(word))
    }

    pub(crate) fn int(&mut self, word: &At<String>, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        self.unit(word, units::number(word, range))
    }

    /// A number that is not negative.
    pub(crate) fn u32(&mut self, word: &At<String>) -> Option<u32> {
        self.int(word, 0..=i64::from(u32::MAX)).and_then(|n| u32::try_from(n).ok())
    }

    /// A number from `min` to `max`.
    pub(crate) fn u32_in(&mut self, word: &At<String>, min: u32, max: u32) -> Option<u32> {
        self.int(word, i64::from(min)..=i64::from(max)).and_then(|n| u32::try_from(n).ok())
    }

    /// `on` or `off`.
    pub(crate) fn on_off(&mut self, word: &At<String>) -> Option<bool> {
        match word.as_str() {
            "on" => Some(true),
            "off" => Some(false),
            _ => {
                self.bad_word(word, ["on", "off"]);
                None
            }
        }
    }

    /// One of several words.
    pub(crate) fn one_of<T: Clone>(&mut self, word: &At<String>, known: &[(&'static str, T)]) -> Option<T> {
        let found = known.iter().find(|(name, _)| *name == word.as_str()).map(|(_, v)| v.clone());
        if found.is_none() {
            self.bad_word(word, known.iter().map(|(name, _)| *name));
        }
        found
    }

    pub(crate) fn address(&mut self, word: &At<String>) -> Option<At<Address>> {
        match Address::parse(word) {
            Ok(a) => Some(At::new(a, word.span)),
            Err(e) => {
                let message = format!("`{}`: {}", self.keyword.value, e.message);
                self.alert(codes::BAD_ADDRESS, within(word, e.range), message);
                None
            }
        }
    }

    pub(crate) fn expr_error(&mut self, e: ExprError) {
        let message = format!("`{}`: {}", self.keyword.value, e.message);
        self.alert(codes::BAD_EXPRESSION, e.span, message);
    }

    pub(crate) fn expr(&mut self, word: &At<String>) -> Option<SampleExpr> {
        SampleExpr::parse(word).map_err(|e| self.expr_error(e)).ok()
    }

    /// `if …` or `unless …`, which must be all of `words`; none at all is fine. `None` is a fault that was said.
    pub(crate) fn cond(&mut self, words: &[At<String>]) -> Option<Option<Cond>> {
        let Some(first) = words.first() else { return Some(None) };
        if !matches!(first.as_str(), "if" | "unless") {
            self.extra(first);
            return None;
        }
        Cond::parse(words).map(Some).map_err(|e| self.expr_error(e)).ok()
    }
}
