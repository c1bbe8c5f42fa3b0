//! One line of a block while it is read: its words as the types of the model.
//!
//! Owns: how numbers, times, booleans, addresses, commands and users are written, and what is said when one is
//! not. A reading that fails returns `None` after it was told; the caller leaves the default.

use std::{fmt::Display, net::IpAddr, ops::RangeInclusive, str::FromStr};

use super::Context;
use crate::{
    diag::{Code, Diagnostic, codes},
    keepalived::{
        lexer::{self, Word},
        model::{Command, Prefix, ScriptUser},
        tree::Node,
    },
    source::{At, Span},
};

/// More messages than this in one burst are no burst.
const COUNT_MAX: u32 = 1_000_000;
/// As many whole seconds as 32 bits of microseconds hold.
const WHOLE_SECONDS_MAX_US: u64 = 4_294_000_000;

/// A line with the context into which it is read.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'static str,
    pub(crate) node: &'a Node,
    pub(crate) cx: &'a mut Context,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(name: &'static str, node: &'a Node, cx: &'a mut Context) -> Entry<'a> {
        Entry { name, node, cx }
    }

    /// The `i`th word after the keyword, from 0.
    pub(crate) fn word(&self, i: usize) -> Option<&'a Word> {
        self.node.words.get(i + 1)
    }

    /// The words after the keyword.
    pub(crate) fn args(&self) -> &'a [Word] {
        self.node.words.get(1..).unwrap_or(&[])
    }

    /// The lines of the block; empty if there is none.
    pub(crate) fn lines(&self) -> &'a [Node] {
        self.node.children.as_deref().unwrap_or(&[])
    }

    /// All words of the block, whatever its lines.
    pub(crate) fn list(&self) -> impl Iterator<Item = &'a Word> + use<'a> {
        self.lines().iter().flat_map(|n| n.words.iter())
    }

    pub(crate) fn span(&self) -> Span {
        self.node.span
    }

    pub(crate) fn text(&self, i: usize) -> Option<At<String>> {
        self.word(i).map(|w| At::new(w.text.clone(), w.span))
    }

    pub(crate) fn string(&self, i: usize) -> Option<String> {
        self.word(i).map(|w| w.text.clone())
    }

    /// Says that a value is of no use.
    pub(crate) fn bad(&mut self, span: Span, message: String, help: &str) {
        self.say(Diagnostic::alert(codes::K_BAD_ARGUMENT, message), span, help);
    }

    /// Says something that does not keep the value from being used.
    pub(crate) fn warn(&mut self, code: Code, span: Span, message: String, help: &str) {
        self.say(Diagnostic::warning(code, message), span, help);
    }

    fn say(&mut self, d: Diagnostic, span: Span, help: &str) {
        let d = d.at(span, "");
        self.cx.diags.push(if help.is_empty() { d } else { d.help(help) });
    }

    /// A whole decimal number within `range`.
    pub(crate) fn number<T>(&mut self, i: usize, range: RangeInclusive<T>) -> Option<At<T>>
    where
        T: FromStr + PartialOrd + Display,
    {
        let word = self.word(i)?;
        self.number_of(word, range)
    }

    pub(crate) fn number_of<T>(&mut self, word: &Word, range: RangeInclusive<T>) -> Option<At<T>>
    where
        T: FromStr + PartialOrd + Display,
    {
        match word.text.parse::<T>() {
            Ok(n) if range.contains(&n) => Some(At::new(n, word.span)),
            _ => {
                let message = format!(
                    "{} '{}' is not valid: a whole number of {} to {} is expected",
                    self.name,
                    word.text,
                    range.start(),
                    range.end()
                );
                self.bad(word.span, message, "the default stands");
                None
            }
        }
    }

    /// A decimal number of seconds as microseconds, within `range`, microseconds too.
    pub(crate) fn seconds_us(&mut self, i: usize, range: RangeInclusive<u64>) -> Option<At<u64>> {
        self.decimal(i, 6, range)
    }

    /// Whole seconds as microseconds; a fraction is told and dropped.
    pub(crate) fn whole_seconds_us(&mut self, i: usize) -> Option<u64> {
        let at = self.seconds_us(i, 0..=WHOLE_SECONDS_MAX_US)?;
        let whole = at.value / 1_000_000 * 1_000_000;
        if whole != at.value {
            let message = format!("{} is counted in whole seconds", self.name);
            self.warn(codes::K_ADJUSTED, at.span, message, &format!("{} s is used", whole / 1_000_000));
        }
        Some(whole)
    }

    /// How many messages; none at all is told and becomes one.
    pub(crate) fn count(&mut self, i: usize) -> Option<u32> {
        let at = self.number(i, 0..=COUNT_MAX)?;
        if at.value == 0 {
            let message = format!("{} must be greater than 0", self.name);
            self.warn(codes::K_ADJUSTED, at.span, message, "1 is used");
        }
        Some(at.value.max(1))
    }

    /// A decimal number of milliseconds as microseconds.
    pub(crate) fn milliseconds_us(&mut self, i: usize, range: RangeInclusive<u64>) -> Option<At<u64>> {
        self.decimal(i, 3, range)
    }

    fn decimal(&mut self, i: usize, digits: u32, range: RangeInclusive<u64>) -> Option<At<u64>> {
        let word = self.word(i)?;
        let Some((value, exact)) = decimal(&word.text, digits) else {
            self.bad(
                word.span,
                format!("{} '{}' is no number", self.name, word.text),
                "write a number such as 3 or 2.5; the default stands",
            );
            return None;
        };
        if !range.contains(&value) {
            let unit = 10_u64.pow(digits) as f64;
            let message = format!(
                "{} '{}' is not within {} to {}",
                self.name,
                word.text,
                *range.start() as f64 / unit,
                *range.end() as f64 / unit
            );
            self.bad(word.span, message, "the default stands");
            return None;
        }
        if !exact {
            let message = format!("{} '{}' has too many decimal places", self.name, word.text);
            self.warn(codes::K_ADJUSTED, word.span, message, "digits beyond microseconds are dropped");
        }
        Some(At::new(value, word.span))
    }

    /// `on|off|true|false|yes|no`; standing alone means on.
    pub(crate) fn flag(&mut self, i: usize) -> Option<bool> {
        let Some(word) = self.word(i) else { return Some(true) };
        match word.text.as_str() {
            "on" | "true" | "yes" => Some(true),
            "off" | "false" | "no" => Some(false),
            other => {
                let message = format!("{} '{other}' is neither on nor off", self.name);
                self.bad(word.span, message, "write on, off, true, false, yes or no; the default stands");
                None
            }
        }
    }

    /// An address of either family.
    pub(crate) fn address(&mut self, word: &Word) -> Option<At<IpAddr>> {
        match word.text.parse() {
            Ok(a) => Some(At::new(a, word.span)),
            Err(_) => {
                let message = format!("{} '{}' is no IPv4 or IPv6 address", self.name, word.text);
                self.bad(word.span, message, "it is skipped");
                None
            }
        }
    }

    /// An address with or without a prefix length; a length out of range is told and the host's taken.
    pub(crate) fn prefix(&mut self, word: &Word) -> Option<At<Prefix>> {
        let address = word.text.split('/').next().unwrap_or("");
        match (word.text.parse::<Prefix>(), address.parse::<IpAddr>()) {
            (Ok(p), _) => Some(At::new(p, word.span)),
            (Err(why), Ok(host)) => {
                let message = format!("invalid prefix length in '{}': {why}", word.text);
                let host = Prefix::host(host);
                self.bad(word.span, message, &format!("/{} is used", host.len));
                Some(At::new(host, word.span))
            }
            (Err(why), Err(_)) => {
                self.bad(word.span, format!("invalid IP address: {why}"), "the address is skipped");
                None
            }
        }
    }

    /// `N [reverse|noreverse]` from word `i` on.
    pub(crate) fn weight(&mut self, i: usize, limit: i16) -> Option<(At<i16>, Option<bool>)> {
        let weight = self.number(i, -limit..=limit);
        let reverse = match self.word(i + 1) {
            None => None,
            Some(w) if w.text == "reverse" => Some(true),
            Some(w) if w.text == "noreverse" => Some(false),
            Some(w) => {
                self.bad(w.span, format!("unknown weight option '{}'", w.text), "write reverse or nothing");
                None
            }
        };
        weight.map(|w| (w, reverse))
    }

    /// A command in word `i`, with the user after it.
    pub(crate) fn command(&mut self, i: usize) -> Option<Command> {
        let word = self.word(i)?;
        let argv = lexer::command(&word.raw);
        if argv.is_empty() {
            self.bad(word.span, format!("{} names no program", self.name), "it is skipped");
            return None;
        }
        Some(Command { argv: At::new(argv, word.span), user: self.user(i + 1) })
    }

    /// `USER [[:]GROUP]` from word `i` on; the `:` may stand alone or before the group.
    pub(crate) fn user(&mut self, i: usize) -> Option<ScriptUser> {
        let user = self.text(i)?;
        let second = self.word(i + 1);
        let colon = second.is_some_and(|w| w.text.starts_with(':'));
        let glued = second.map(|w| w.text.trim_start_matches(':')).filter(|g| !g.is_empty());
        let group = match (glued, second) {
            (Some(group), Some(word)) => Some(At::new(group.to_owned(), word.span)),
            (None, Some(_)) => self.text(i + 2),
            _ => None,
        };
        Some(ScriptUser { user, group, supplementary_groups: colon })
    }
}

/// A decimal number times ten to the `digits`, and whether no digit was lost.
fn decimal(text: &str, digits: u32) -> Option<(u64, bool)> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let kept: String = fraction.chars().chain(std::iter::repeat('0')).take(digits as usize).collect();
    let lost = fraction.get(digits as usize..).is_some_and(|t| t.bytes().any(|b| b != b'0'));
    let value = whole.checked_mul(10_u64.pow(digits))?.checked_add(kept.parse().ok()?)?;
    Some((value, !lost))
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimal_seconds_are_exact_to_the_microsecond() {
        assert_eq!(decimal("1", 6), Some((1_000_000, true)));
        assert_eq!(decimal("0.92", 6), Some((920_000, true)));
        assert_eq!(decimal(".5", 6), Some((500_000, true)));
        assert_eq!(decimal("+3.", 6), Some((3_000_000, true)));
        assert_eq!(decimal("0.0000015", 6), Some((1, false)));
        assert_eq!(decimal("3.312", 3), Some((3_312, true)));
        for bad in ["", ".", "-1", "1e3", "1.2.3", "0x1", "99999999999999999999"] {
            assert_eq!(decimal(bad, 6), None, "{bad}");
        }
    }
}
