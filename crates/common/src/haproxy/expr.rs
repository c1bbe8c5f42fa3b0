//! Sample expressions, ACL tests, conditions and log-format text, as words with places.
//!
//! Owns: [`SampleExpr`] (`fetch(args),converter(args)`), [`AclTest`] (what follows `acl name`, or stands between
//! braces), [`Cond`] (what follows `if` or `unless`), [`segments`] of log-format text. Invariants: nothing is
//! looked up here, so unknown names pass; printing and parsing again gives an equal value. Knowing fetches and
//! converters, and what their arguments may be, is left to the proxy's `compile`.

mod acl;
mod format;

pub use acl::{AclTest, Cond, Term, TermKind};
pub use format::{Segment, SegmentKind, segments};

use std::{fmt, ops::Range};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words;
use crate::source::{At, Span};

/// What is wrong with an expression, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    pub message: String,
    pub span: Span,
}

impl ExprError {
    pub(crate) fn new(message: impl Into<String>, span: Span) -> ExprError {
        ExprError { message: message.into(), span }
    }
}

/// `fetch(args),converter(args),…`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SampleExpr {
    pub fetch: Call,
    pub converters: Vec<Call>,
}

/// A name with arguments; `name` and `name()` are the same.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Call {
    pub name: At<String>,
    pub args: Vec<At<String>>,
}

/// The place of a byte range of a word. Exact when the word stands in its file as it is, or only put between
/// quotes; otherwise (escapes, variables) the whole word.
pub fn within(word: &At<String>, range: Range<usize>) -> Span {
    let (span, len) = (word.span, word.value.len());
    let shift = match (span.hi.saturating_sub(span.lo) as usize).checked_sub(len) {
        Some(0) => 0,
        Some(2) => 1,
        _ => return span,
    };
    let lo = span.lo as usize + shift;
    Span::new(span.file, (lo + range.start) as u32, (lo + range.end.min(len)) as u32)
}

impl SampleExpr {
    /// Reads a whole word as one expression.
    pub fn parse(word: &At<String>) -> Result<SampleExpr, ExprError> {
        let (expr, end) = SampleExpr::parse_prefix(word, 0, &[])?;
        if end < word.value.len() {
            return Err(ExprError::new(
                "unexpected text after the expression",
                within(word, end..word.value.len()),
            ));
        }
        Ok(expr)
    }

    /// Reads an expression from the front of `words`: a word that ends with a comma, or a next one that begins with
    /// it, goes on with converters. Returns what is left.
    pub fn parse_words(words: &[At<String>]) -> Result<(SampleExpr, &[At<String>]), ExprError> {
        let Some((first, mut rest)) = words.split_first() else {
            return Err(ExprError::new("a sample expression is missing", Span::default()));
        };
        let mut joined = first.clone();
        while let Some((next, after)) = rest.split_first()
            && (joined.ends_with(',') || next.starts_with(','))
        {
            joined.value.push_str(next);
            joined.span = joined.span.to(next.span);
            rest = after;
        }
        Ok((SampleExpr::parse(&joined)?, rest))
    }

    /// Reads an expression from byte `start` up to the end or one of `stop`, and says where it ended.
    pub(crate) fn parse_prefix(
        word: &At<String>,
        start: usize,
        stop: &[u8],
    ) -> Result<(SampleExpr, usize), ExprError> {
        let (fetch, mut at) = call(word, start, stop)?;
        let mut expr = SampleExpr { fetch, converters: Vec::new() };
        while word.value.as_bytes().get(at) == Some(&b',') {
            let (converter, end) = call(word, at + 1, stop)?;
            expr.converters.push(converter);
            at = end;
        }
        Ok((expr, at))
    }

    /// An expression of one fetch without arguments.
    pub fn named(name: At<String>) -> SampleExpr {
        SampleExpr { fetch: Call { name, args: Vec::new() }, converters: Vec::new() }
    }

    /// The place of the whole expression, as far as names are concerned.
    pub fn span(&self) -> Span {
        let last = self.converters.last().unwrap_or(&self.fetch);
        self.fetch.name.span.to(last.args.last().map_or(last.name.span, |a| a.span))
    }
}

/// One `name(args)` from byte `start`; the end is past the closing parenthesis.
fn call(word: &At<String>, start: usize, stop: &[u8]) -> Result<(Call, usize), ExprError> {
    let bytes = word.value.as_bytes();
    let ends = |b: u8| matches!(b, b'(' | b',' | b' ' | b'\t') || stop.contains(&b);
    let rest = bytes.get(start..).unwrap_or(&[]);
    let end = start + rest.iter().position(|&b| ends(b)).unwrap_or(rest.len());
    let name = word.value.get(start..end).unwrap_or("");
    if name.is_empty() {
        return Err(ExprError::new("a sample fetch or converter is missing", within(word, start..end)));
    }
    let name = At::new(name.to_owned(), within(word, start..end));
    if bytes.get(end) != Some(&b'(') {
        return Ok((Call { name, args: Vec::new() }, end));
    }
    let (args, end) = arguments(word, end + 1)?;
    Ok((Call { name, args }, end))
}

/// Arguments from behind the opening parenthesis. Commas separate; single quotes keep everything, double quotes
/// keep all but the backslash; a backslash takes a backslash, quote or space literally and makes control characters of
/// `n`, `r`, `t` (manual, chapter 2.2); elsewhere it stays.
pub(crate) fn arguments(word: &At<String>, start: usize) -> Result<(Vec<At<String>>, usize), ExprError> {
    let text = word.value.get(start..).unwrap_or("");
    let mut args = Vec::new();
    let (mut arg, mut arg_start) = (String::new(), start);
    let mut quote: Option<(char, usize)> = None;
    let mut chars = text.char_indices().map(|(i, c)| (i + start, c));
    while let Some((i, c)) = chars.next() {
        match (quote.map(|q| q.0), c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => quote = Some((c, i)),
            (None | Some('"'), '\\') => {
                let taken = match chars.clone().next() {
                    Some((_, 'n')) => '\n',
                    Some((_, 'r')) => '\r',
                    Some((_, 't')) => '\t',
                    Some((_, next @ ('\\' | '"' | '\'' | ' '))) => next,
                    // Before anything else it stays: `\.` and `\1` belong to the argument's own language.
                    _ => {
                        arg.push('\\');
                        continue;
                    }
                };
                arg.push(taken);
                chars.next();
            }
            (None, ',') => {
                args.push(At::new(std::mem::take(&mut arg), within(word, arg_start..i)));
                arg_start = i + 1;
            }
            (None, ')') => {
                // `name()` has no argument; `name(a,)` has an empty second one.
                if !(args.is_empty() && arg.is_empty() && arg_start == i) {
                    args.push(At::new(arg, within(word, arg_start..i)));
                }
                return Ok((args, i + 1));
            }
            _ => arg.push(c),
        }
    }
    let (what, from) = match quote {
        Some((q, i)) => (format!("the quote {q} is not closed"), i),
        None => ("the closing `)` is missing".to_owned(), start.saturating_sub(1)),
    };
    Err(ExprError::new(what, within(word, from..word.value.len())))
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.args.is_empty() {
            return Ok(());
        }
        f.write_str("(")?;
        for (i, arg) in self.args.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            f.write_str(&quote_argument(arg, self.args.len() == 1))?;
        }
        f.write_str(")")
    }
}

/// An argument that holds what would end or change it stands in double quotes.
fn quote_argument(arg: &str, alone: bool) -> String {
    let special = |c: char| matches!(c, ',' | ')' | '"' | '\'' | '\\' | '\n' | '\r' | '\t');
    if !(arg.contains(special) || alone && arg.is_empty()) {
        return arg.to_owned();
    }
    let mut out = String::from("\"");
    for c in arg.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' | '\\' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl fmt::Display for SampleExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fetch.fmt(f)?;
        self.converters.iter().try_for_each(|c| write!(f, ",{c}"))
    }
}

impl From<SampleExpr> for String {
    fn from(e: SampleExpr) -> String {
        e.to_string()
    }
}

impl TryFrom<String> for SampleExpr {
    type Error = ExprError;
    fn try_from(text: String) -> Result<SampleExpr, ExprError> {
        SampleExpr::parse(&At::from(text))
    }
}

#[cfg(test)]
mod tests;
