//! A careful reader of heads, for the two questions that come after a refusal: where the offending byte stands
//! (`show errors`), and what is left of the head when `accept-unsafe-violations` tells to look away.
//!
//! Never on the way of a clean message. Invariant: every range lies within the bytes that were scanned.

use std::ops::Range;

use super::{super::message::is_token, target::is_clean};

/// What is overlooked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// The grammar of RFC 9112.
    Strict,
    /// What HAProxy tolerates with `accept-unsafe-violations` (manual 4.2).
    Relaxed,
}

/// One field line.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
    /// The name holds a byte that none may hold.
    pub(super) odd: bool,
}

/// A scanned head, or what could be scanned of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Scanned {
    /// The words of the first line: method, target and version, or version, status and reason.
    pub(super) words: [Range<usize>; 3],
    pub(super) fields: Vec<Field>,
    /// Behind the empty line.
    pub(super) end: usize,
    /// The first byte that breaks the grammar.
    pub(super) fault: Option<usize>,
}

/// Reads `raw` up to the end of the head or the first fault.
pub(super) fn scan(raw: &[u8], is_request: bool, mode: Mode, fields_max: usize) -> Scanned {
    let mut s = Scanner { raw, at: 0, mode, out: Scanned::default() };
    let line = if is_request { Scanner::request_line } else { Scanner::status_line };
    if let Err(at) = s.skip_empty_lines().and_then(|()| line(&mut s)).and_then(|()| s.fields(fields_max)) {
        s.out.fault = Some(at);
    }
    s.out
}

struct Scanner<'a> {
    raw: &'a [u8],
    at: usize,
    mode: Mode,
    out: Scanned,
}

/// The offset of the offending byte.
type Step = Result<(), usize>;

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.raw.get(self.at).copied()
    }

    fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> Range<usize> {
        let start = self.at;
        while self.peek().is_some_and(&keep) {
            self.at += 1;
        }
        start..self.at
    }

    /// A line end: CRLF, or LF alone as HAProxy takes it.
    fn eol(&mut self) -> Step {
        if self.peek() == Some(b'\r') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'\n') => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.at),
        }
    }

    fn skip_empty_lines(&mut self) -> Step {
        while matches!(self.peek(), Some(b'\r' | b'\n')) {
            self.eol()?;
        }
        Ok(())
    }

    fn gap(&mut self) -> Step {
        let relaxed = self.mode == Mode::Relaxed;
        let gap = self.take_while(|b| b == b' ' || relaxed && b == b'\t');
        if gap.is_empty() { Err(self.at) } else { Ok(()) }
    }

    fn request_line(&mut self) -> Step {
        let relaxed = self.mode == Mode::Relaxed;
        self.out.words[0] = self.take_while(is_token);
        if self.out.words[0].is_empty() {
            return Err(self.at);
        }
        self.gap()?;
        self.out.words[1] = self.take_while(|b| if relaxed { b > b' ' && b != 0x7f } else { is_clean(b) });
        if self.out.words[1].is_empty() {
            return Err(self.at);
        }
        if relaxed && matches!(self.peek(), Some(b'\r' | b'\n')) {
            return self.eol();
        }
        self.gap()?;
        let start = self.at;
        self.version();
        if relaxed && self.out.words[2].is_empty() && matches!(self.peek(), Some(b'\r' | b'\n')) {
            return self.eol();
        }
        if !matches!(self.peek(), Some(b'\r' | b'\n')) {
            return Err(self.at);
        }
        if !self.version_fits() {
            return Err(start);
        }
        self.eol()
    }

    fn version(&mut self) {
        let word =
            self.take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'/' | b'.'));
        let place = usize::from(self.out.words[0].end > 0) * 2;
        if let Some(w) = self.out.words.get_mut(place) {
            *w = word;
        }
    }

    fn version_fits(&self) -> bool {
        let place = if self.out.words[1].end > 0 { 2 } else { 0 };
        let word = self.out.words.get(place).cloned().and_then(|r| self.raw.get(r)).unwrap_or(b"");
        match (word, self.mode) {
            ([b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor], _) => minor.is_ascii_digit(),
            (word, Mode::Relaxed) => {
                let slash = word.iter().position(|&b| b == b'/');
                slash.is_some_and(|i| i > 0 && word.iter().take(i).all(u8::is_ascii_uppercase))
            }
            _ => false,
        }
    }

    fn status_line(&mut self) -> Step {
        let start = self.at;
        self.version();
        if !matches!(self.peek(), Some(b' ' | b'\r' | b'\n')) {
            return Err(self.at);
        }
        let word = self.raw.get(start..self.at).unwrap_or(b"");
        let fits = match (word, self.mode) {
            // A later version over this connection is read as 1.1, as HAProxy does.
            ([b'H', b'T', b'T', b'P', b'/', b'1'..=b'9', b'.', minor], _) => minor.is_ascii_digit(),
            (_, Mode::Relaxed) => self.version_fits(),
            _ => false,
        };
        if !fits {
            return Err(start);
        }
        self.gap()?;
        self.out.words[1] = self.take_while(|b| b.is_ascii_digit());
        let digits = self.out.words[1].len();
        if digits == 0 || self.mode == Mode::Strict && digits != 3 {
            return Err(self.at);
        }
        if self.peek() == Some(b' ') {
            self.at += 1;
            let relaxed = self.mode == Mode::Relaxed;
            self.out.words[2] = self.take_while(|b| b != b'\r' && b != b'\n' && (relaxed || in_value(b)));
        }
        self.eol()
    }

    fn fields(&mut self, most: usize) -> Step {
        loop {
            match self.peek() {
                None => return Ok(()),
                Some(b'\r' | b'\n') => {
                    self.eol()?;
                    self.out.end = self.at;
                    return Ok(());
                }
                Some(_) if self.out.fields.len() >= most => return Err(self.at),
                Some(_) => self.field()?,
            }
        }
    }

    fn field(&mut self) -> Step {
        let relaxed = self.mode == Mode::Relaxed;
        let mut name = self.take_while(is_token);
        let mut odd = false;
        if relaxed && !matches!(self.peek(), Some(b':' | b'\n') | None) {
            let rest = self.take_while(|b| b != b':' && b != b'\n');
            (name.end, odd) = (rest.end, true);
        }
        if name.is_empty() || self.peek() != Some(b':') {
            return Err(self.at);
        }
        self.at += 1;
        let start = self.at;
        loop {
            self.take_while(|b| b != b'\r' && b != b'\n' && (relaxed || in_value(b)));
            let end = self.at;
            self.eol()?;
            if !matches!(self.peek(), Some(b' ' | b'\t')) {
                self.out.fields.push(Field { name, value: self.trimmed(start..end), odd });
                return Ok(());
            }
        }
    }

    fn trimmed(&self, r: Range<usize>) -> Range<usize> {
        let text = self.raw.get(r.clone()).unwrap_or(b"");
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
        let front = text.iter().take_while(|b| blank(b)).count();
        let back = text.iter().rev().take_while(|b| blank(b)).count();
        r.start + front..r.end.saturating_sub(back).max(r.start + front)
    }
}

/// RFC 9110 section 5.5.
const fn in_value(b: u8) -> bool {
    b == b'\t' || (b >= b' ' && b != 0x7f)
}
