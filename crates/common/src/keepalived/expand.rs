//! Conditions, parameters, sequences and lists (keepalived.conf(5), "ADVANCED CONFIGURATION").
//!
//! Owns: `@ID`/`@^ID` lines, `$NAME=` definitions of one or several lines, `$NAME`/`${NAME}` and the predefined
//! `${_…}`, `~SEQ`, `~SEQx`, `~LST`. Lines go in as read, lines without any of these come out.
//! Invariants: replacement happens when a line is used, not when a parameter is defined; every expansion is
//! bounded by the limits below, so that no file can make it run away. Files are left to `reader`.

use std::collections::HashMap;

use super::{
    Env,
    lexer::{Line, before_comment},
};
use crate::diag::{Diagnostic, Diagnostics, codes};

/// Lines that all expansions of a configuration may come to.
const LINES_MAX: usize = 1_000_000;
/// Bytes that those lines may come to.
const BYTES_MAX: usize = 256 * 1024 * 1024;
/// Lines looked at on the way, with those that a condition drops.
const WORK_MAX: usize = 2 * LINES_MAX;
/// Bytes of one line after replacement.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Replacements within one line; beyond it a parameter names itself.
const REPLACEMENTS_MAX: usize = 1_000;
/// Nesting of multi-line parameters, sequences and lists.
const DEPTH_MAX: usize = 24;
/// Parameters that may be defined.
const DEFINITIONS_MAX: usize = 10_000;

enum Definition {
    Text(String),
    Lines(Vec<Line>),
}

/// What stands for a `$…` found in a line.
enum Found {
    /// Text that may hold further parameters.
    Text(String),
    /// Text of a predefined parameter: taken as it is.
    Final(String),
    Lines(Vec<Line>),
}

/// Turns lines as read into lines as meant.
pub(crate) struct Expander<'e> {
    env: &'e Env,
    definitions: HashMap<String, Definition>,
    /// A definition whose last line ended with a backslash.
    open: Option<(String, Vec<Line>)>,
    random: u64,
    work: usize,
    bytes: usize,
    full: bool,
    /// Directory of the file being read, for `${_PWD}`.
    pub(crate) directory: String,
    pub(crate) lines: Vec<Line>,
}

impl<'e> Expander<'e> {
    pub(crate) fn new(env: &'e Env) -> Expander<'e> {
        Expander {
            env,
            definitions: HashMap::new(),
            open: None,
            random: env.random_seed,
            work: 0,
            bytes: 0,
            full: false,
            directory: String::new(),
            lines: Vec::new(),
        }
    }

    /// Whether the next line belongs to a definition.
    pub(crate) fn in_definition(&self) -> bool {
        self.open.is_some()
    }

    /// Takes one line as read from a file.
    pub(crate) fn feed(&mut self, line: &Line, diags: &mut Diagnostics) {
        let line = trim(&line.part(0..before_comment(&line.text)));
        let Some((name, mut body)) = self.open.take() else {
            self.process(line, 0, diags);
            return;
        };
        // A blank line or a comment has no backslash at its end either.
        match line.text.strip_suffix('\\') {
            Some(text) => {
                body.push(trim(&line.part(0..text.len())));
                self.open = Some((name, body));
            }
            None => {
                body.push(line);
                self.define(name, Definition::Lines(body));
            }
        }
    }

    /// Ends the input: a definition left open counts as far as it goes.
    pub(crate) fn finish(&mut self) {
        if let Some((name, body)) = self.open.take() {
            self.define(name, Definition::Lines(body));
        }
    }

    fn define(&mut self, name: String, definition: Definition) {
        if self.definitions.len() < DEFINITIONS_MAX || self.definitions.contains_key(&name) {
            self.definitions.insert(name, definition);
        }
    }

    fn process(&mut self, line: Line, depth: usize, diags: &mut Diagnostics) {
        if self.full || line.text.is_empty() {
            return;
        }
        self.work += 1;
        if depth > DEPTH_MAX || self.work > WORK_MAX {
            self.stop(&line, "parameters and sequences are nested too deeply", diags);
            return;
        }
        if let Some(rest) = line.text.strip_prefix('@') {
            if self.condition_holds(rest) {
                let skip = line.text.find(char::is_whitespace).unwrap_or(line.text.len());
                self.process(trim(&line.part(skip..line.text.len())), depth, diags);
            }
            return;
        }
        if self.definition(&line) {
            return;
        }
        if line.text.starts_with("~SEQ") || line.text.starts_with("~LST") {
            self.repeat(&line, depth, diags);
            return;
        }
        self.substitute(line, depth, diags);
    }

    /// Whether the line after `@` is for this configuration id; `rest` begins after the `@`.
    fn condition_holds(&self, rest: &str) -> bool {
        let id = rest.split(char::is_whitespace).next().unwrap_or("");
        match id.strip_prefix('^') {
            Some(other) => other != self.env.config_id,
            None => id == self.env.config_id,
        }
    }

    /// Takes `$NAME=VALUE`; a value that ends with a backslash goes on in the next line.
    fn definition(&mut self, line: &Line) -> bool {
        let Some((name, value)) = line.text.strip_prefix('$').and_then(|t| t.split_once('=')) else {
            return false;
        };
        if !is_name(name) {
            return false;
        }
        let name = name.to_owned();
        match value.strip_suffix('\\') {
            Some(first) => {
                let from = line.text.len() - value.len();
                let first = trim(&line.part(from..from + first.len()));
                let body = if first.text.is_empty() { Vec::new() } else { vec![first] };
                self.open = Some((name, body));
            }
            None => self.define(name, Definition::Text(value.trim().to_owned())),
        }
        true
    }

    /// Replaces parameters until none is left, then lets the line go.
    fn substitute(&mut self, mut line: Line, depth: usize, diags: &mut Diagnostics) {
        let mut from = 0;
        let mut count = 0;
        while let Some(at) = line.text.get(from..).and_then(|t| t.find('$')).map(|i| from + i) {
            let Some((found, end)) = self.find(line.text.get(at..).unwrap_or("")) else {
                from = at + 1;
                continue;
            };
            let end = at + end;
            count += 1;
            if count > REPLACEMENTS_MAX || line.text.len() > LINE_BYTES_MAX {
                let span = line.span(at..end);
                let d = Diagnostic::alert(codes::K_EXPANSION, "the parameter is replaced without end");
                diags.push(d.at(span, "names itself, or grows too long").help("the line is skipped"));
                return;
            }
            let mut done = line.part(0..at);
            from = at;
            match found {
                Found::Text(text) => done.push_replaced(&text, line.span(at..end)),
                Found::Final(text) => {
                    done.push_replaced(&text, line.span(at..end));
                    from += text.len();
                }
                Found::Lines(body) => {
                    self.insert(&done, &body, &line.part(end..line.text.len()), depth, diags);
                    return;
                }
            }
            done.push_part(&line, end..line.text.len());
            line = done;
        }
        let line = trim(&line);
        if count > 0 && line.text.starts_with(['@', '~']) {
            self.process(line, depth + 1, diags);
        } else if !line.text.is_empty() {
            self.emit(line, diags);
        }
    }

    /// Puts the lines of a multi-line parameter between what stood before and after it.
    fn insert(&mut self, head: &Line, body: &[Line], tail: &Line, depth: usize, diags: &mut Diagnostics) {
        let last = body.len().saturating_sub(1);
        for (i, inner) in body.iter().enumerate() {
            let mut line = if i == 0 { head.clone() } else { Line::default() };
            line.push_part(inner, 0..inner.text.len());
            if i == last {
                line.push_part(tail, 0..tail.text.len());
            }
            self.process(trim(&line), depth + 1, diags);
        }
    }

    /// What the `$…` at the start of `text` stands for, and its length. `None`: it stays as it is.
    fn find(&mut self, text: &str) -> Option<(Found, usize)> {
        let (name, end) = match text.strip_prefix("${") {
            Some(inner) => inner.split_once('}').map(|(name, _)| (name, name.len() + 3))?,
            None => {
                let bare = text.strip_prefix('$')?;
                let name = bare.split(char::is_whitespace).next().filter(|n| is_name(n))?;
                (name, name.len() + 1)
            }
        };
        if let Some(value) = self.predefined(name) {
            return Some((Found::Final(value), end));
        }
        Some(match self.definitions.get(name)? {
            Definition::Text(text) => (Found::Text(text.clone()), end),
            Definition::Lines(body) => (Found::Lines(body.clone()), end),
        })
    }

    fn predefined(&mut self, name: &str) -> Option<String> {
        let mut words = name.split_whitespace();
        let value = match words.next()? {
            "_PWD" => self.directory.clone(),
            "_INSTANCE" => self.env.config_id.clone(),
            "_HASH" => "#".to_owned(),
            "_BANG" => "!".to_owned(),
            "_ENV" => self.env.variables.get(words.next()?).cloned().unwrap_or_default(),
            "_RANDOM" => {
                let mut bound = |default| words.next().map_or(Some(default), |w| w.parse::<u64>().ok());
                let (min, max) = (bound(0)?, bound(32_767)?);
                self.random_within(min, max)?.to_string()
            }
            _ => return None,
        };
        Some(value)
    }

    /// A number of `min..=max` (splitmix64, so that a seed gives the same configuration everywhere).
    fn random_within(&mut self, min: u64, max: u64) -> Option<u64> {
        let width = max.checked_sub(min)?.checked_add(1)?;
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(min + (z ^ (z >> 31)) % width)
    }

    /// `~SEQ(…) rest` and `~LST(…) rest`: the rest once for each value.
    fn repeat(&mut self, line: &Line, depth: usize, diags: &mut Diagnostics) {
        let Some(close) = line.text.find(')') else {
            self.malformed(line, "the `)` is missing", diags);
            return;
        };
        let head = self.expand_text(line.text.get(..close).unwrap_or(""));
        let rest = trim(&line.part(close + 1..line.text.len()));
        let rounds = if head.starts_with("~LST") { list(&head) } else { sequence(&head) };
        let rounds = match rounds {
            Ok(rounds) => rounds,
            Err(why) => {
                self.malformed(&line.part(0..close + 1), why, diags);
                return;
            }
        };
        for round in rounds {
            for (name, value) in round {
                self.define(name, Definition::Text(value));
            }
            self.process(rest.clone(), depth + 1, diags);
            if self.full {
                return;
            }
        }
    }

    /// Parameters of one line replaced in a short text; used for the bounds of a sequence.
    fn expand_text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..REPLACEMENTS_MAX {
            let found =
                text.match_indices('$').map(|(at, _)| at).collect::<Vec<_>>().into_iter().find_map(|at| {
                    let (found, len) = self.find(text.get(at..).unwrap_or(""))?;
                    match found {
                        Found::Text(value) | Found::Final(value) => Some((at, at + len, value)),
                        Found::Lines(_) => None,
                    }
                });
            let Some((from, to, value)) = found.filter(|_| text.len() < LINE_BYTES_MAX) else { break };
            text.replace_range(from..to, &value);
        }
        text
    }

    fn malformed(&self, line: &Line, why: &str, diags: &mut Diagnostics) {
        let d = Diagnostic::alert(codes::K_EXPANSION, format!("the sequence cannot be read: {why}"));
        diags.push(d.at(line.whole(), "").help(
            "write ~SEQ(name, first, step, last), ~SEQ(name, last) or ~LST(name, value, value …); the line is skipped",
        ));
    }

    fn emit(&mut self, line: Line, diags: &mut Diagnostics) {
        self.bytes += line.text.len();
        if let Some(seed) = line.text.strip_prefix("random_seed ").and_then(|n| n.trim().parse().ok()) {
            self.random = seed;
        }
        if self.lines.len() >= LINES_MAX || self.bytes > BYTES_MAX {
            self.stop(&line, "the configuration comes to too many lines", diags);
        } else {
            self.lines.push(line);
        }
    }

    fn stop(&mut self, line: &Line, why: &str, diags: &mut Diagnostics) {
        self.full = true;
        diags.push(Diagnostic::alert(codes::K_EXPANSION, why).at(line.whole(), "reading stops here"));
    }
}

/// The values of each round: one name and value, or several.
type Rounds = Vec<Vec<(String, String)>>;

/// `~SEQ(name, [first, [step,]] last` and its hexadecimal form.
fn sequence(head: &str) -> Result<Rounds, &'static str> {
    let (hexadecimal, inner) = match (head.strip_prefix("~SEQx("), head.strip_prefix("~SEQ(")) {
        (Some(inner), _) => (true, inner),
        (_, Some(inner)) => (false, inner),
        _ => return Err("it does not begin with `~SEQ(`"),
    };
    let mut words = inner.split(',').map(str::trim);
    let name = words.next().filter(|n| is_name(n)).ok_or("it names no parameter")?;
    let numbers: Vec<i64> = words.map(integer).collect::<Option<_>>().ok_or("a bound is no whole number")?;
    let toward = |first: i64, last: i64| if last >= first { 1 } else { -1 };
    let (first, step, last) = match *numbers.as_slice() {
        [last] => (if last > 0 { 1 } else { -1 }, if last > 0 { 1 } else { -1 }, last),
        [first, last] => (first, toward(first, last), last),
        [first, step, last] => (first, step, last),
        _ => return Err("it takes one to three bounds"),
    };
    if step == 0 || (last - first).signum() * step.signum() < 0 {
        return Err("the step does not lead to the last value");
    }
    let count = ((last - first) / step).unsigned_abs() as usize + 1;
    if count > LINES_MAX {
        return Err("it has too many values");
    }
    let show = |n: i64| if hexadecimal { format!("{n:x}") } else { n.to_string() };
    Ok((0..count as i64).map(|i| vec![(name.to_owned(), show(first + i * step))]).collect())
}

/// `~LST(name, value …` or `~LST({name, name}, {value, value} …`.
fn list(head: &str) -> Result<Rounds, &'static str> {
    let inner = head.strip_prefix("~LST(").ok_or("it does not begin with `~LST(`")?;
    let mut groups = groups(inner).into_iter();
    let names = groups.next().filter(|g| g.iter().all(|n| is_name(n))).ok_or("it names no parameter")?;
    let rounds: Rounds = groups
        .map(|values| {
            let mut values = values.into_iter();
            names.iter().map(|n| (n.clone(), values.next().unwrap_or_default())).collect()
        })
        .collect();
    if rounds.is_empty() { Err("it has no value") } else { Ok(rounds) }
}

/// Splits at commas outside braces; what stands in braces is one group.
fn groups(text: &str) -> Vec<Vec<String>> {
    let split = |t: &str| t.split(',').map(|v| v.trim().to_owned()).collect::<Vec<_>>();
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let after = match rest.strip_prefix('{').and_then(|t| t.split_once('}')) {
            Some((inner, after)) => {
                found.push(split(inner));
                after.trim_start().strip_prefix(',').unwrap_or("")
            }
            None => {
                let (value, after) = rest.split_once(',').unwrap_or((rest, ""));
                found.push(vec![value.trim().to_owned()]);
                after
            }
        };
        rest = after.trim_start();
    }
    found
}

/// A bound of a sequence, decimal or `0x…`, small enough that no step can overflow.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |t| (true, t));
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    let value = if negative { -value } else { value };
    (value.abs() <= i64::from(u32::MAX)).then_some(value)
}

/// Letters, digits and `_`, not beginning with a digit.
fn is_name(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|b| !b.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn trim(line: &Line) -> Line {
    let start = line.text.len() - line.text.trim_start().len();
    let end = line.text.trim_end().len();
    line.part(start..end.max(start))
}

#[cfg(test)]
mod tests;
