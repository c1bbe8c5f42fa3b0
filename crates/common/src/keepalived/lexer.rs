//! Lines and words of a keepalived.conf (keepalived.conf(5), "Quoted strings").
//!
//! Owns: where a comment begins, what a word is, how quotes and escapes are read, and that a brace outside quotes
//! is a word of its own, glued or not. A [`Line`] remembers for each of its bytes which place of which file it
//! came from, so that text that a parameter was replaced in can still be pointed at.
//! Invariant: spans of words lie within the text they were read from. Nothing here fails; what is odd is returned
//! beside the words. Includes, conditions and parameters are left to `reader` and `expand`.

use std::ops::Range;

use crate::source::{FileId, Span};

/// A line of text whose pieces remember where they came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub(crate) text: String,
    pieces: Vec<Piece>,
}

/// From byte `start` of the line on, the text is that of `span`, byte for byte (`verbatim`) or as a whole.
#[derive(Clone, Debug)]
struct Piece {
    start: usize,
    span: Span,
    verbatim: bool,
}

impl Line {
    /// A line that stands in `file` at byte `lo`.
    pub(crate) fn new(file: FileId, lo: usize, text: &str) -> Line {
        let mut line = Line::default();
        line.push(text, Span::new(file, lo as u32, (lo + text.len()) as u32), true);
        line
    }

    /// Appends text that took the place of `span`.
    pub(crate) fn push_replaced(&mut self, text: &str, span: Span) {
        self.push(text, span, false);
    }

    /// Appends the bytes `range` of another line with their places.
    pub(crate) fn push_part(&mut self, other: &Line, range: Range<usize>) {
        for (i, piece) in other.pieces.iter().enumerate() {
            let end = other.pieces.get(i + 1).map_or(other.text.len(), |p| p.start);
            let (from, to) = (piece.start.max(range.start), end.min(range.end));
            let Some(text) = other.text.get(from..to).filter(|_| from < to) else { continue };
            if piece.verbatim {
                let lo = piece.span.lo + (from - piece.start) as u32;
                self.push(text, Span { lo, hi: lo + (to - from) as u32, ..piece.span }, true);
            } else {
                self.push(text, piece.span, false);
            }
        }
    }

    /// The bytes `range` as a line of their own.
    pub(crate) fn part(&self, range: Range<usize>) -> Line {
        let mut line = Line::default();
        line.push_part(self, range);
        line
    }

    /// The place from which the bytes `range` came.
    pub(crate) fn span(&self, range: Range<usize>) -> Span {
        let last = self.piece_at(range.end.saturating_sub(1).max(range.start));
        let (Some(a), Some(b)) = (self.piece_at(range.start), last) else { return Span::default() };
        let from = a.place(range.start);
        let hi = if b.verbatim { b.place(range.end).lo } else { b.span.hi };
        // Pieces from elsewhere (a parameter's own lines) cannot be underlined together.
        if a.span.file == b.span.file && hi >= from.lo {
            Span { hi, ..from }
        } else {
            Span { hi: a.span.hi, ..from }
        }
    }

    /// The place of the whole line.
    pub(crate) fn whole(&self) -> Span {
        self.span(0..self.text.len())
    }

    fn push(&mut self, text: &str, span: Span, verbatim: bool) {
        self.pieces.push(Piece { start: self.text.len(), span, verbatim });
        self.text.push_str(text);
    }

    fn piece_at(&self, byte: usize) -> Option<&Piece> {
        let next = self.pieces.partition_point(|p| p.start <= byte);
        self.pieces.get(next.saturating_sub(1))
    }
}

impl Piece {
    /// The place of the byte `at` of the line; empty at its end for verbatim text.
    fn place(&self, at: usize) -> Span {
        if !self.verbatim {
            return self.span;
        }
        let lo = (self.span.lo + at.saturating_sub(self.start) as u32).min(self.span.hi);
        Span { lo, hi: lo, ..self.span }
    }
}

/// What a word is to the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Word,
    Open,
    Close,
}

/// One word: as it counts, and as it was written.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Word {
    pub(crate) kind: Kind,
    /// Quotes removed and escapes decoded.
    pub(crate) text: String,
    /// As written, with quotes and escapes; commands are split from this.
    pub(crate) raw: String,
    pub(crate) span: Span,
}

/// The words of a line, and the quote that was not closed.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) words: Vec<Word>,
    pub(crate) open_quote: Option<Span>,
}

/// The length of `text` up to a comment: `#` or `!` outside quotes.
pub(crate) fn before_comment(text: &str) -> usize {
    let mut scan = Scan::default();
    for (at, c) in text.char_indices() {
        if scan.outside() && matches!(c, '#' | '!') {
            return at;
        }
        scan.step(c);
    }
    text.len()
}

/// Splits a line into words. A comment must have been taken off before.
pub(crate) fn words(line: &Line) -> Words {
    let mut found = Words::default();
    let mut scan = Scan::default();
    let mut start: Option<usize> = None;
    let mut quote_at = 0;
    let mut parameter = false;
    let text = line.text.as_str();
    for (at, c) in text.char_indices() {
        let was_outside = scan.outside();
        if was_outside && matches!(c, '"' | '\'') && !scan.escaped {
            quote_at = at;
        }
        // An undefined `${NAME}` stays whole, so that a message can name it.
        let in_parameter = parameter || (c == '{' && text.get(..at).is_some_and(|t| t.ends_with('$')));
        let brace = was_outside && matches!(c, '{' | '}') && !in_parameter;
        if was_outside && c == '{' {
            parameter = in_parameter && !brace;
        } else if was_outside && (c == '}' || c.is_whitespace()) {
            parameter = false;
        }
        if was_outside && (c.is_whitespace() || brace) {
            if let Some(from) = start.take() {
                found.words.push(word(line, from..at));
            }
            if brace {
                let kind = if c == '{' { Kind::Open } else { Kind::Close };
                let (text, span) = (c.to_string(), line.span(at..at + 1));
                found.words.push(Word { kind, raw: text.clone(), text, span });
            }
        } else {
            start.get_or_insert(at);
        }
        scan.step(c);
    }
    if let Some(from) = start {
        found.words.push(word(line, from..text.len()));
    }
    if !scan.outside() {
        found.open_quote = Some(line.span(quote_at..text.len()));
    }
    found
}

/// Splits a command into program and arguments, as the daemon hands them to exec: first the quotes of the word
/// itself go, then what is left is split at blanks, with quotes and escapes of its own.
pub(crate) fn command(raw: &str) -> Vec<String> {
    let mut inner = String::with_capacity(raw.len());
    let mut scan = Scan::default();
    for c in raw.chars() {
        let before = scan.quote;
        scan.step(c);
        if scan.quote == before {
            inner.push(c);
        }
    }
    let mut argv = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = inner.as_str();
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or("");
        rest = after;
        match c {
            '\\' => {
                let (decoded, left) = escape(after);
                word.get_or_insert_default().push_str(&decoded);
                rest = left;
            }
            '"' | '\'' if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && quote.is_none() => argv.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    argv.extend(word);
    argv
}

/// Where a scan stands: in which quote, and whether the last byte was a backslash that counts.
#[derive(Default)]
struct Scan {
    quote: Option<char>,
    escaped: bool,
}

impl Scan {
    fn outside(&self) -> bool {
        self.quote.is_none()
    }

    fn step(&mut self, c: char) {
        if self.escaped {
            self.escaped = false;
        } else if c == '\\' {
            self.escaped = true;
        } else if self.quote == Some(c) {
            self.quote = None;
        } else if self.quote.is_none() && matches!(c, '"' | '\'') {
            self.quote = Some(c);
        }
    }
}

fn word(line: &Line, range: Range<usize>) -> Word {
    let raw = line.text.get(range.clone()).unwrap_or("");
    Word { kind: Kind::Word, text: cook(raw), raw: raw.to_owned(), span: line.span(range) }
}

/// Removes quotes; inside them decodes escapes, outside only `\"` and `\'` (a lone backslash is text there).
fn cook(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut quote = None;
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or("");
        rest = after;
        match c {
            '\\' if quote.is_some() || after.starts_with(['"', '\'']) => {
                let (decoded, left) = escape(after);
                text.push_str(&decoded);
                rest = left;
            }
            '"' | '\'' if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(c),
            c => text.push(c),
        }
    }
    text
}

/// Decodes one escape; `text` begins after the backslash. Returns what it stands for and the rest.
fn escape(text: &str) -> (String, &str) {
    let Some(c) = text.chars().next() else { return ("\\".to_owned(), "") };
    let after = text.get(c.len_utf8()..).unwrap_or("");
    let single = match c {
        'a' => '\x07',
        'b' => '\x08',
        'E' | 'e' => '\x1b',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'c' => return control(after),
        'x' => return number(after, 16, 2).unwrap_or_else(|| ("x".to_owned(), after)),
        '0'..='7' => return number(text, 8, 3).unwrap_or_else(|| (c.to_string(), after)),
        other => other,
    };
    (single.to_string(), after)
}

/// `\cC`: the control version of `C`.
fn control(text: &str) -> (String, &str) {
    match text.chars().next().filter(char::is_ascii) {
        Some(c) => (char::from(c as u8 & 0x1f).to_string(), text.get(1..).unwrap_or("")),
        None => ("c".to_owned(), text),
    }
}

/// Up to `digits_max` digits; a value above one byte keeps its low byte, as C does.
fn number(text: &str, radix: u32, digits_max: usize) -> Option<(String, &str)> {
    let len = text.bytes().take(digits_max).take_while(|b| char::from(*b).is_digit(radix)).count();
    let digits = text.get(..len).filter(|d| !d.is_empty())?;
    let value = u32::from_str_radix(digits, radix).ok()? & 0xff;
    Some((char::from(value as u8).to_string(), text.get(len..).unwrap_or("")))
}

#[cfg(test)]
mod tests;
