//! ACL tests and conditions (manual, chapters 7.1 and 7.2).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ExprError, SampleExpr, words};
use crate::source::{At, Span};

/// `criterion [flags] [operator] patterns…`: the test of an `acl` line or of `{ … }`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct AclTest {
    /// The criterion: a sample expression, or an ACL keyword such as `path_beg` before optional converters.
    pub expr: SampleExpr,
    /// `-i`
    pub ignore_case: bool,
    /// `-n`: patterns that are names are not resolved.
    pub no_resolve: bool,
    /// `-M`: the files of `-f` are maps.
    pub as_map: bool,
    /// `-m method`
    pub method: Option<At<String>>,
    /// `-u id`
    pub unique_id: Option<At<u32>>,
    /// `-f file`, in order.
    pub files: Vec<At<String>>,
    /// Patterns and, for integers, operators, in order.
    pub patterns: Vec<At<String>>,
}

/// `if …` or `unless …`: true when any of the alternatives has all of its terms true.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Cond {
    /// `unless`: the whole is negated.
    pub unless: bool,
    pub any: Vec<Vec<Term>>,
    pub span: CondSpan,
}

/// The place of a condition; not part of its value.
#[derive(Clone, Copy, Debug, Default)]
pub struct CondSpan(pub Span);

impl PartialEq for CondSpan {
    fn eq(&self, _: &CondSpan) -> bool {
        true
    }
}

/// One ACL of a condition.
#[derive(Clone, PartialEq, Debug)]
pub struct Term {
    pub negated: bool,
    pub kind: TermKind,
}

#[derive(Clone, PartialEq, Debug)]
pub enum TermKind {
    /// Declared by `acl`, or predefined (`TRUE`, `METH_GET` …).
    Named(At<String>),
    /// `{ … }`.
    Inline(Box<At<AclTest>>),
}

impl AclTest {
    /// Reads the words after `acl name`, or those between the braces. `place` is where to point when there is none.
    pub fn parse(args: &[At<String>], place: Span) -> Result<AclTest, ExprError> {
        if args.is_empty() {
            return Err(ExprError::new("an ACL needs a criterion, such as `path_beg /static`", place));
        }
        let (expr, mut rest) = SampleExpr::parse_words(args)?;
        let mut test = AclTest { expr, ..AclTest::default() };
        while let Some((flag, after)) = rest.split_first() {
            if !flag.starts_with('-') {
                break;
            }
            rest = after;
            match flag.as_str() {
                "-i" => test.ignore_case = true,
                "-n" => test.no_resolve = true,
                "-M" => test.as_map = true,
                "--" => break,
                "-f" | "-m" | "-u" => {
                    let Some((value, after)) = rest.split_first() else {
                        return Err(ExprError::new(format!("{} needs a value", flag.value), flag.span));
                    };
                    rest = after;
                    test.flag_value(flag, value)?;
                }
                other => {
                    let message =
                        format!("`{other}` is no ACL flag; patterns that start with - stand after --");
                    return Err(ExprError::new(message, flag.span));
                }
            }
        }
        test.patterns = rest.to_vec();
        Ok(test)
    }

    fn flag_value(&mut self, flag: &At<String>, value: &At<String>) -> Result<(), ExprError> {
        match flag.as_str() {
            "-f" => self.files.push(value.clone()),
            "-m" => self.method = Some(value.clone()),
            _ => {
                let id = value.parse().ok().filter(|&id| id > 0);
                let id = id.ok_or_else(|| ExprError::new("-u takes a positive number", value.span))?;
                self.unique_id = Some(At::new(id, value.span));
            }
        }
        Ok(())
    }
}

impl Cond {
    /// Reads `if …` or `unless …`, all words of it.
    pub fn parse(args: &[At<String>]) -> Result<Cond, ExprError> {
        let Some((word, rest)) = args.split_first() else {
            return Err(ExprError::new("expected `if` or `unless`", Span::default()));
        };
        let unless = match word.as_str() {
            "if" => false,
            "unless" => true,
            _ => return Err(ExprError::new("expected `if` or `unless`", word.span)),
        };
        let span = CondSpan(word.span.to(rest.last().map_or(word.span, |w| w.span)));
        let any = alternatives(rest, word.span)?;
        Ok(Cond { unless, any, span })
    }

    pub fn span(&self) -> Span {
        self.span.0
    }
}

fn alternatives(mut args: &[At<String>], place: Span) -> Result<Vec<Vec<Term>>, ExprError> {
    let (mut any, mut all) = (Vec::new(), Vec::new());
    let mut negated = false;
    let mut last = place;
    while let Some((word, rest)) = args.split_first() {
        args = rest;
        last = word.span;
        if matches!(word.as_str(), "||" | "or") && !negated {
            if all.is_empty() {
                return Err(ExprError::new("nothing stands before this `or`", word.span));
            }
            any.push(std::mem::take(&mut all));
            continue;
        }
        let name = word.trim_start_matches('!');
        let marks = word.len() - name.len();
        negated ^= marks % 2 == 1;
        if name.is_empty() {
            continue;
        }
        let kind = if name == "{" {
            let Some(close) = args.iter().position(|w| w.as_str() == "}") else {
                return Err(ExprError::new(
                    "this `{` has no `}`, which must be a word of its own",
                    word.span,
                ));
            };
            let (inside, after) = args.split_at_checked(close).unwrap_or((args, &[]));
            let end = after.first().map_or(word.span, |w| w.span);
            args = after.get(1..).unwrap_or(&[]);
            last = end;
            TermKind::Inline(Box::new(At::new(AclTest::parse(inside, word.span)?, word.span.to(end))))
        } else {
            let at = super::within(word, marks..word.len());
            TermKind::Named(At::new(name.to_owned(), at))
        };
        all.push(Term { negated, kind });
        negated = false;
    }
    if negated || all.is_empty() {
        return Err(ExprError::new("an ACL name or `{ … }` is missing here", last));
    }
    any.push(all);
    Ok(any)
}

impl fmt::Display for AclTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words::quote(&self.expr.to_string()))?;
        for (on, flag) in [(self.ignore_case, "-i"), (self.no_resolve, "-n"), (self.as_map, "-M")] {
            if on {
                write!(f, " {flag}")?;
            }
        }
        if let Some(m) = &self.method {
            write!(f, " -m {}", words::quote(m))?;
        }
        if let Some(u) = &self.unique_id {
            write!(f, " -u {u}")?;
        }
        for file in &self.files {
            write!(f, " -f {}", words::quote(file))?;
        }
        if self.patterns.first().is_some_and(|p| p.starts_with('-')) {
            f.write_str(" --")?;
        }
        self.patterns.iter().try_for_each(|p| write!(f, " {}", words::quote(p)))
    }
}

impl fmt::Display for Cond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.unless { "unless" } else { "if" })?;
        for (i, all) in self.any.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { " ||" })?;
            for term in all {
                f.write_str(if term.negated { " !" } else { " " })?;
                match &term.kind {
                    TermKind::Named(n) => f.write_str(&words::quote(n))?,
                    TermKind::Inline(t) => write!(f, "{{ {t} }}")?,
                }
            }
        }
        Ok(())
    }
}

fn split(text: &str) -> Result<Vec<At<String>>, ExprError> {
    let words = words::split(text).map_err(|m| ExprError::new(m, Span::default()))?;
    Ok(words.into_iter().map(|(w, _)| At::from(w)).collect())
}

impl From<AclTest> for String {
    fn from(t: AclTest) -> String {
        t.to_string()
    }
}

impl TryFrom<String> for AclTest {
    type Error = ExprError;
    fn try_from(text: String) -> Result<AclTest, ExprError> {
        AclTest::parse(&split(&text)?, Span::default())
    }
}

impl From<Cond> for String {
    fn from(c: Cond) -> String {
        c.to_string()
    }
}

impl TryFrom<String> for Cond {
    type Error = ExprError;
    fn try_from(text: String) -> Result<Cond, ExprError> {
        Cond::parse(&split(&text)?)
    }
}
