//! One line of text into words (manual, chapters 2.1 to 2.3).
//!
//! Owns: quoting, escapes, comments, environment variables. Invariants: never fails, a faulty line gives a
//! diagnostic and no words; each word carries the place it was written at, a word that came out of a variable the
//! place of that variable. Conditional blocks are left to `condition.rs`, sections to `tree.rs`.

use std::{iter::Peekable, str::CharIndices};

use super::env::Env;
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    source::{At, FileId, Span},
};

/// Longest line, in bytes. HAProxy grows its buffers without a named limit; a limit keeps a binary file from
/// being read as one word.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// Most words of a line, the keyword among them, as in HAProxy.
pub const WORDS_MAX: usize = 64;

/// What the pseudo-variables `.FILE`, `.LINE` and `.SECTION` say.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a> {
    pub file_name: &'a str,
    pub line: usize,
    pub section: &'a str,
}

/// Where the line's text starts.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub file: FileId,
    pub offset: u32,
}

impl Origin {
    fn span(self, range: std::ops::Range<usize>) -> Span {
        Span::new(self.file, self.offset + range.start as u32, self.offset + range.end as u32)
    }
}

/// The words of one line; `None` if it is faulty, which has then been said.
pub fn words(
    text: &str,
    origin: Origin,
    env: &Env,
    here: Here<'_>,
    diags: &mut Diagnostics,
) -> Option<Vec<At<String>>> {
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.len() > LINE_BYTES_MAX {
        let d = Diagnostic::alert(
            codes::LINE_TOO_LONG,
            format!("the line is longer than {LINE_BYTES_MAX} bytes"),
        );
        diags.push(d.at(origin.span(0..64.min(text.len())), ""));
        return None;
    }
    let mut lexer = Lexer {
        text,
        origin,
        env,
        here,
        chars: text.char_indices().peekable(),
        words: Vec::new(),
        word: Vec::new(),
        start: None,
    };
    let fault = lexer.run().err();
    let words = lexer.words;
    if let Some(fault) = fault {
        diags.push(*fault);
        return None;
    }
    if let Some(word) = words.get(WORDS_MAX) {
        let d = Diagnostic::alert(codes::LINE_TOO_LONG, format!("the line has more than {WORDS_MAX} words"));
        diags.push(d.at(word.span, "this one is too many"));
        return None;
    }
    Some(words)
}

struct Lexer<'a> {
    text: &'a str,
    origin: Origin,
    env: &'a Env,
    here: Here<'a>,
    chars: Peekable<CharIndices<'a>>,
    words: Vec<At<String>>,
    /// Bytes, because `\xNN` may write part of a character.
    word: Vec<u8>,
    /// Where the current word starts, if there is one.
    start: Option<usize>,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), Box<Diagnostic>> {
        while let Some((i, c)) = self.chars.next() {
            match c {
                ' ' | '\t' => self.end_word(i)?,
                '#' => {
                    self.end_word(i)?;
                    return Ok(());
                }
                '\0' => return Err(self.fault(i..i + 1, "a NUL character stands in the line")),
                _ => {
                    self.start.get_or_insert(i);
                    match c {
                        '"' => self.weak(i)?,
                        '\'' => self.strong(i)?,
                        '\\' => self.escape(i, false)?,
                        c => self.push(c),
                    }
                }
            }
        }
        self.end_word(self.text.len())
    }

    fn push(&mut self, c: char) {
        let mut buffer = [0; 4];
        self.word.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
    }

    fn end_word(&mut self, end: usize) -> Result<(), Box<Diagnostic>> {
        let bytes = std::mem::take(&mut self.word);
        let Some(start) = self.start.take() else { return Ok(()) };
        let word = String::from_utf8(bytes)
            .map_err(|_| self.fault(start..end, "the escapes in this word do not make UTF-8 text"))?;
        self.words.push(At::new(word, self.origin.span(start..end)));
        Ok(())
    }

    fn fault(&self, range: std::ops::Range<usize>, message: &str) -> Box<Diagnostic> {
        Box::new(Diagnostic::alert(codes::BAD_QUOTING, message).at(self.origin.span(range), ""))
    }

    fn strong(&mut self, open: usize) -> Result<(), Box<Diagnostic>> {
        for (_, c) in self.chars.by_ref() {
            if c == '\'' {
                return Ok(());
            }
            let mut buffer = [0; 4];
            self.word.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        }
        Err(self.fault(open..self.text.len(), "the quote ' is not closed on this line"))
    }

    fn weak(&mut self, open: usize) -> Result<(), Box<Diagnostic>> {
        while let Some((i, c)) = self.chars.next() {
            match c {
                '"' => return Ok(()),
                '\\' => self.escape(i, true)?,
                '$' => self.variable(i)?,
                c => self.push(c),
            }
        }
        Err(self.fault(open..self.text.len(), "the quote \" is not closed on this line"))
    }

    /// After a backslash. What is no escape keeps its backslash, as regular expressions need it.
    fn escape(&mut self, at: usize, weak: bool) -> Result<(), Box<Diagnostic>> {
        let Some(&(_, c)) = self.chars.peek() else {
            self.push('\\');
            return Ok(());
        };
        let byte = match c {
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            ' ' | '\t' | '#' | '\\' | '\'' | '"' => c as u8,
            '$' if weak => b'$',
            'x' => {
                self.chars.next();
                let digits = self.text.get(at + 2..at + 4);
                let code = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
                let Some(byte) = code.and_then(|d| u8::from_str_radix(d, 16).ok()) else {
                    return Err(self.fault(at..at + 2, "\\x takes two hexadecimal digits"));
                };
                self.word.push(byte);
                self.chars.nth(1);
                return Ok(());
            }
            _ => {
                self.push('\\');
                return Ok(());
            }
        };
        self.chars.next();
        self.word.push(byte);
        Ok(())
    }

    /// After a dollar sign between double quotes: `$NAME`, `${NAME}`, `${NAME[*]}`, `${NAME-default}`.
    fn variable(&mut self, dollar: usize) -> Result<(), Box<Diagnostic>> {
        let braced = self.chars.next_if(|&(_, c)| c == '{').is_some();
        let from = self.position();
        let dotted = self.chars.next_if(|&(_, c)| c == '.').is_some();
        while self.chars.next_if(|&(_, c)| c.is_ascii_alphanumeric() || c == '_').is_some() {}
        let to = self.position();
        let name = self.text.get(from..to).unwrap_or("");
        if !name.trim_start_matches('.').starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            let range = dollar..to.max(dollar + 1);
            let fault = self.fault(range, "a variable's name starts with a letter or an underscore");
            return Err(Box::new(fault.help("a dollar sign between double quotes is written \\$")));
        }
        let value = match name {
            ".FILE" => Some(self.here.file_name.to_owned()),
            ".LINE" => Some(self.here.line.to_string()),
            ".SECTION" => Some(self.here.section.to_owned()),
            _ if dotted => {
                return Err(self.fault(from..to, "the pseudo-variables are .FILE, .LINE and .SECTION"));
            }
            name => self.env.vars.get(name).cloned(),
        };
        if !braced {
            self.word.extend_from_slice(value.unwrap_or_default().as_bytes());
            return Ok(());
        }
        self.braced_rest(dollar, value)
    }

    /// The part of `${NAME…}` behind the name.
    fn braced_rest(&mut self, dollar: usize, value: Option<String>) -> Result<(), Box<Diagnostic>> {
        let rest = self.text.get(self.position()..).unwrap_or("");
        let (several, rest) = match rest.strip_prefix("[*]") {
            Some(rest) => (true, rest),
            None if rest.starts_with('[') => {
                let at = self.position();
                return Err(self.fault(at..at + 1, "only [*] may follow a variable's name"));
            }
            None => (false, rest),
        };
        let close = rest.find('}').filter(|&i| i == 0 || rest.starts_with('-'));
        let Some(close) = close else {
            return Err(self.fault(dollar..dollar + 2, "the brace of this variable is not closed"));
        };
        let default = rest.get(1..close).unwrap_or("");
        let value = value.unwrap_or_else(|| default.to_owned());
        let end = self.text.len() - rest.len() + close + 1;
        while self.chars.next_if(|&(i, _)| i < end).is_some() {}
        if several {
            self.spread(&value, end)
        } else {
            self.word.extend_from_slice(value.as_bytes())
        }
        Ok(())
    }

    /// `${NAME[*]}`: each word of the value is a word of the line, glued to what stands before and behind.
    fn spread(&mut self, value: &str, end: usize) {
        let before = !self.word.is_empty();
        let mut parts = value.split_ascii_whitespace();
        match parts.next() {
            Some(first) => self.word.extend_from_slice(first.as_bytes()),
            // An empty list is no word at all.
            None if !before && self.text.get(end..end + 1) == Some("\"") => {
                self.start = None;
                return;
            }
            None => return,
        }
        for part in parts {
            let start = self.start.unwrap_or(end);
            let word = String::from_utf8_lossy(&self.word).into_owned();
            self.words.push(At::new(word, self.origin.span(start..end)));
            self.word = part.as_bytes().to_vec();
        }
    }

    fn position(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |&(i, _)| i)
    }
}

#[cfg(test)]
mod tests;
