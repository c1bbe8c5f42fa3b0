//! Log-format text: literals, `%alias`, `%{flags}alias`, `%[expression]`, `%(name)…` (manual, chapter 8.2.6).

use std::ops::Range;

use super::{ExprError, SampleExpr, within};
use crate::source::{At, Span};

/// One piece of a log-format text.
#[derive(Clone, PartialEq, Debug)]
pub struct Segment {
    pub kind: SegmentKind,
    pub span: Span,
    /// `%(name)` or `%(name:type)`: name for encoders and type cast, as written.
    pub name: Option<At<String>>,
    /// `%{+Q,-E}`: flags in order, each with its sign as written.
    pub flags: Vec<At<String>>,
}

/// What the piece is.
#[derive(Clone, PartialEq, Debug)]
pub enum SegmentKind {
    /// Text as it is; `%%` is already one `%`.
    Text(String),
    /// `%ci`: the name without the percent sign.
    Alias(String),
    /// `%[…]`.
    Expr(SampleExpr),
    /// `%o`, or flags alone: they count for all that follows.
    Options,
}

/// The pieces of `format` in order. Neighbouring literals are one piece.
pub fn segments(format: &At<String>) -> Result<Vec<Segment>, ExprError> {
    let mut reader = Reader { word: format, at: 0, out: Vec::new() };
    while let Some(c) = reader.peek() {
        if c == '%' {
            reader.item()?;
        } else {
            let end = reader.find('%').unwrap_or(format.len());
            let text = reader.slice(reader.at..end).to_owned();
            reader.literal(&text, reader.at..end);
            reader.at = end;
        }
    }
    Ok(reader.out)
}

struct Reader<'a> {
    word: &'a At<String>,
    at: usize,
    out: Vec<Segment>,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<char> {
        self.slice(self.at..self.word.len()).chars().next()
    }

    fn slice(&self, range: Range<usize>) -> &'a str {
        self.word.value.get(range).unwrap_or("")
    }

    fn find(&self, c: char) -> Option<usize> {
        self.slice(self.at..self.word.len()).find(c).map(|i| i + self.at)
    }

    fn error<T>(&self, message: &str, range: Range<usize>) -> Result<T, ExprError> {
        Err(ExprError::new(message, within(self.word, range)))
    }

    fn literal(&mut self, text: &str, range: Range<usize>) {
        let span = within(self.word, range);
        if let Some(Segment { kind: SegmentKind::Text(t), span: s, .. }) = self.out.last_mut() {
            t.push_str(text);
            *s = s.to(span);
            return;
        }
        let kind = SegmentKind::Text(text.to_owned());
        self.out.push(Segment { kind, span, name: None, flags: Vec::new() });
    }

    /// From a percent sign.
    fn item(&mut self) -> Result<(), ExprError> {
        let start = self.at;
        self.at += 1;
        let name = self.name(start)?;
        let flags = self.flags(start)?;
        let kind = match self.peek() {
            Some('%') if name.is_none() && flags.is_empty() => {
                self.at += 1;
                self.literal("%", start..start + 2);
                return Ok(());
            }
            Some('[') => self.expression()?,
            Some(c) if c.is_ascii_alphabetic() => self.alias(),
            _ if !flags.is_empty() => SegmentKind::Options,
            _ => {
                return self
                    .error("a log-format item is missing after `%`; `%%` is a percent sign", start..self.at);
            }
        };
        let span = within(self.word, start..self.at);
        self.out.push(Segment { kind, span, name, flags });
        Ok(())
    }

    fn name(&mut self, start: usize) -> Result<Option<At<String>>, ExprError> {
        if self.peek() != Some('(') {
            return Ok(None);
        }
        let Some(close) = self.find(')') else {
            return self.error("the closing `)` is missing", start..self.word.len());
        };
        let range = self.at + 1..close;
        self.at = close + 1;
        Ok(Some(At::new(self.slice(range.clone()).to_owned(), within(self.word, range))))
    }

    fn flags(&mut self, start: usize) -> Result<Vec<At<String>>, ExprError> {
        if self.peek() != Some('{') {
            return Ok(Vec::new());
        }
        let Some(close) = self.find('}') else {
            return self.error("the closing `}` is missing", start..self.word.len());
        };
        let (mut flags, mut at) = (Vec::new(), self.at + 1);
        for flag in self.slice(at..close).split(',') {
            if !flag.is_empty() {
                flags.push(At::new(flag.to_owned(), within(self.word, at..at + flag.len())));
            }
            at += flag.len() + 1;
        }
        self.at = close + 1;
        Ok(flags)
    }

    fn expression(&mut self) -> Result<SegmentKind, ExprError> {
        let open = self.at;
        // Spaces around the expression are allowed.
        let rest = self.slice(open + 1..self.word.len());
        let from = open + 1 + (rest.len() - rest.trim_start().len());
        let (expr, end) = SampleExpr::parse_prefix(self.word, from, b"]")?;
        let after = self.slice(end..self.word.len());
        let close = end + (after.len() - after.trim_start().len());
        if !self.slice(close..self.word.len()).starts_with(']') {
            return self.error("the closing `]` is missing", open..self.word.len());
        }
        self.at = close + 1;
        Ok(SegmentKind::Expr(expr))
    }

    fn alias(&mut self) -> SegmentKind {
        let rest = self.slice(self.at..self.word.len());
        let len = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        self.at += len;
        match rest.get(..len) {
            Some("o") => SegmentKind::Options,
            name => SegmentKind::Alias(name.unwrap_or("").to_owned()),
        }
    }
}
