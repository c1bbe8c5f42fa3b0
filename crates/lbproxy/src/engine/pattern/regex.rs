//! Regular expressions in PCRE's language, over bytes.
//!
//! Most expressions run on an engine of linear time; those with look-around or back-references run on one that
//! backtracks, with a limit. What both understand differently from PCRE is rewritten first (`translate`).

use std::fmt;

/// Steps after which a backtracking match gives up and counts as none.
const BACKTRACK_MAX: usize = 100_000;

/// A compiled expression.
#[derive(Clone)]
pub struct Regex {
    text: String,
    engine: Engine,
}

#[derive(Clone)]
enum Engine {
    Linear(regex::bytes::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.text)
    }
}

/// Where the whole match and its first nine groups stand.
pub type Groups = [Option<(usize, usize)>; 10];

impl Regex {
    /// Compiles; the error is a sentence for people.
    pub fn new(text: &str, no_case: bool) -> Result<Regex, String> {
        let translated = translate(text);
        let linear =
            regex::bytes::RegexBuilder::new(&translated).unicode(false).case_insensitive(no_case).build();
        let engine = match linear {
            Ok(r) => Engine::Linear(r),
            Err(first) => {
                let flags = if no_case { format!("(?i){translated}") } else { translated };
                match fancy_regex::RegexBuilder::new(&flags).backtrack_limit(BACKTRACK_MAX).build() {
                    Ok(r) => Engine::Backtracking(Box::new(r)),
                    Err(_) => return Err(explain(&first)),
                }
            }
        };
        Ok(Regex { text: text.to_owned(), engine })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_match(&self, subject: &[u8]) -> bool {
        match &self.engine {
            Engine::Linear(r) => r.is_match(subject),
            Engine::Backtracking(r) => {
                std::str::from_utf8(subject).is_ok_and(|s| r.is_match(s).unwrap_or(false))
            }
        }
    }

    /// The first match at or behind `from`.
    pub fn groups(&self, subject: &[u8], from: usize) -> Option<Groups> {
        let mut out = Groups::default();
        match &self.engine {
            Engine::Linear(r) => {
                let c = r.captures_at(subject, from.min(subject.len()))?;
                for (i, slot) in out.iter_mut().enumerate() {
                    *slot = c.get(i).map(|m| (m.start(), m.end()));
                }
            }
            Engine::Backtracking(r) => {
                let text = std::str::from_utf8(subject).ok()?;
                let c = r.captures_from_pos(text, from.min(text.len())).ok()??;
                for (i, slot) in out.iter_mut().enumerate() {
                    *slot = c.get(i).map(|m| (m.start(), m.end()));
                }
            }
        }
        Some(out)
    }
}

/// Appends a replacement: `\0` to `\9` are the groups, `\` takes the next character literally.
pub fn expand(template: &[u8], subject: &[u8], groups: &Groups, out: &mut Vec<u8>) {
    let mut bytes = template.iter().copied();
    while let Some(b) = bytes.next() {
        if b != b'\\' {
            out.push(b);
            continue;
        }
        match bytes.next() {
            Some(d) if d.is_ascii_digit() => {
                if let Some(Some((from, to))) = groups.get(usize::from(d - b'0')) {
                    out.extend_from_slice(subject.get(*from..*to).unwrap_or(b""));
                }
            }
            Some(b'x') => {
                let digits: Vec<u8> = bytes.clone().take(2).collect();
                match super::unhex(&digits).and_then(|v| v.first().copied()).filter(|_| digits.len() == 2) {
                    Some(byte) => {
                        out.push(byte);
                        bytes.next();
                        bytes.next();
                    }
                    None => out.extend_from_slice(b"\\x"),
                }
            }
            Some(other) => out.push(other),
            None => out.push(b'\\'),
        }
    }
}

/// The last line of the parser's message says what; the lines before draw the expression again.
fn explain(e: &regex::Error) -> String {
    let text = e.to_string();
    let last = text.lines().last().unwrap_or("").trim();
    format!("the regular expression cannot be compiled: {}", last.trim_start_matches("error: "))
}

/// Rewrites what PCRE reads differently: a brace that begins no repetition is a brace, and inside brackets `[`,
/// `&&`, `~~` and `--` are characters.
fn translate(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let chars: Vec<char> = text.chars().collect();
    let mut i = 0;
    let mut class: Option<usize> = None;
    while let Some(&c) = chars.get(i) {
        let next = chars.get(i + 1).copied();
        match (class, c) {
            (_, '\\') => {
                out.push(c);
                out.extend(next);
                i += 1;
            }
            (None, '[') => {
                class = Some(i + 1 + usize::from(next == Some('^')));
                out.push(c);
            }
            // A bracket that comes first is a character.
            (Some(start), ']') if i == start => out.push_str("\\]"),
            (Some(_), ']') => {
                class = None;
                out.push(c);
            }
            (Some(_), '[') if next == Some(':') => {
                let close = chars.iter().skip(i).collect::<String>().find(":]");
                match close {
                    Some(n) => {
                        out.extend(chars.iter().skip(i).take(n + 2));
                        i += n + 1;
                    }
                    None => out.push_str("\\["),
                }
            }
            (Some(_), '[' | '&' | '~') => out.extend(['\\', c]),
            (Some(_), '-') if next == Some('-') => out.push_str("\\-"),
            (None, '{') if !repetition(&chars, i) => out.push_str("\\{"),
            (None, '}') if !closes_repetition(&chars, i) => out.push_str("\\}"),
            _ => out.push(c),
        }
        i += 1;
    }
    out
}

/// `{n}`, `{n,}` or `{n,m}` begins here.
fn repetition(chars: &[char], open: usize) -> bool {
    let inside: String = chars.iter().skip(open + 1).take_while(|&&c| c != '}').collect();
    let closed = chars.get(open + 1 + inside.chars().count()) == Some(&'}');
    let (low, high) = inside.split_once(',').unwrap_or((&inside, ""));
    let digits = |s: &str| s.chars().all(|c| c.is_ascii_digit());
    closed && !low.is_empty() && digits(low) && digits(high)
}

fn closes_repetition(chars: &[char], close: usize) -> bool {
    let open = chars.iter().take(close).rposition(|&c| c == '{');
    open.is_some_and(|o| {
        let escaped = chars.iter().take(o).rev().take_while(|&&c| c == '\\').count() % 2 == 1;
        // `\x{41}` and `\p{L}` are closed by the brace too.
        (!escaped && repetition(chars, o)) || o.checked_sub(2).and_then(|j| chars.get(j)) == Some(&'\\')
    })
}
