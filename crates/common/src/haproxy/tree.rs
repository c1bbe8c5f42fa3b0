//! Lines into sections: the tree of a configuration, before any keyword is understood.
//!
//! Owns: reading files line by line, conditional blocks, messages of the configuration itself, environment
//! variables that the `global` section changes while it is read. Invariants: never fails, the tree holds all that
//! could be read and everything else was said; a file ends the section it is in (manual, chapter 2.1).

use super::{
    condition,
    env::Env,
    lexer::{self, Here, Origin},
    section,
};
use crate::{
    diag::{Diagnostic, Diagnostics, Severity, codes},
    source::{At, FileId, SourceFile, SourceMap, Span},
};

/// Deepest nesting of `.if`, as in HAProxy.
pub const CONDITIONS_MAX: usize = 1_024;

/// All sections of all files, in order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tree {
    pub sections: Vec<Section>,
}

/// One section: its keyword, what stands behind it, the lines below.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Section {
    pub kind: At<String>,
    pub args: Vec<At<String>>,
    pub lines: Vec<Line>,
}

/// One statement; there is at least one word, and the first is not empty.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Line {
    pub words: Vec<At<String>>,
}

impl Line {
    /// From the first to the last word.
    pub fn span(&self) -> Span {
        match (self.words.first(), self.words.last()) {
            (Some(a), Some(b)) => a.span.to(b.span),
            _ => Span::default(),
        }
    }
}

/// Reads one file's text into `tree`. `env` is what variables and conditions see, and what `setenv` changes.
pub fn read(sources: &SourceMap, file: FileId, env: &mut Env, tree: &mut Tree, diags: &mut Diagnostics) {
    let Some(source) = sources.file(file) else { return };
    let first_section = tree.sections.len();
    let mut reader = Reader { file, source, env, tree, diags, first_section, conditions: Vec::new() };
    let mut offset = 0;
    for (i, line) in source.text.split_inclusive('\n').enumerate() {
        reader.line(line.strip_suffix('\n').unwrap_or(line), offset, i + 1);
        offset += line.len() as u32;
    }
    reader.end(offset);
}

/// State of one `.if` block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Branch {
    /// Lines count.
    Taken,
    /// A branch above was taken: all others are skipped.
    Done,
    /// No branch was taken yet.
    Waiting,
    /// The whole block stands in a skipped part, or its condition is faulty.
    Dead,
}

struct Condition {
    branch: Branch,
    after_else: bool,
    place: Span,
}

struct Reader<'a> {
    file: FileId,
    source: &'a SourceFile,
    env: &'a mut Env,
    tree: &'a mut Tree,
    diags: &'a mut Diagnostics,
    first_section: usize,
    conditions: Vec<Condition>,
}

impl Reader<'_> {
    fn line(&mut self, text: &str, offset: u32, number: usize) {
        let active = self.active();
        let directive = text.trim_start_matches([' ', '\t']).starts_with('.');
        if !active && !directive {
            return;
        }
        let origin = Origin { file: self.file, offset };
        let section =
            self.section().map(|s| s.args.first().unwrap_or(&s.kind).value.clone()).unwrap_or_default();
        let here = Here { file_name: &self.source.name, line: number, section: &section };
        // What stands in a skipped part may use variables that only exist elsewhere.
        let mut unheard = Diagnostics::default();
        let diags = if active { &mut *self.diags } else { &mut unheard };
        let Some(words) = lexer::words(text, origin, self.env, here, diags) else { return };
        match words.split_first() {
            Some((word, args)) if word.starts_with('.') => self.directive(word, args),
            Some((word, _)) if !word.is_empty() => self.statement(words),
            _ => {}
        }
    }

    fn end(&mut self, offset: u32) {
        for c in self.conditions.drain(..) {
            let d = Diagnostic::alert(codes::BAD_CONDITION, "this block has no `.endif`").at(c.place, "");
            self.diags.push(d);
        }
        if !self.source.text.is_empty() && !self.source.text.ends_with('\n') {
            let message = "the last line does not end with a newline: the file may have been cut off";
            let place = Span::new(self.file, offset.saturating_sub(1), offset);
            let place = if self.source.text.is_char_boundary(place.lo as usize) {
                place
            } else {
                Span { lo: offset, ..place }
            };
            self.diags.push(Diagnostic::alert(codes::FILE_CUT_OFF, message).at(place, ""));
        }
    }

    fn active(&self) -> bool {
        self.conditions.last().is_none_or(|c| c.branch == Branch::Taken)
    }

    /// The section of this file that is open.
    fn section(&self) -> Option<&Section> {
        self.tree.sections.get(self.first_section..).and_then(<[Section]>::last)
    }

    fn statement(&mut self, words: Vec<At<String>>) {
        let Some((word, args)) = words.split_first() else { return };
        // An empty format is one; elsewhere nobody could tell which argument is meant.
        let formats = self.section().is_some_and(|s| s.kind.value == "log-profile");
        if let Some(at) = args.iter().position(|w| w.is_empty()).filter(|_| !formats) {
            let place = args.get(at).map_or(word.span, |w| w.span);
            let message = format!(
                "argument {} of `{}` is empty and would end the list of arguments",
                at + 1,
                word.value
            );
            self.diags.push(Diagnostic::alert(codes::BAD_ARGUMENT, message).at(place, "empty"));
            return;
        }
        if section::is_section(word) {
            self.tree.sections.push(Section { kind: word.clone(), args: args.to_vec(), lines: Vec::new() });
            return;
        }
        let open = self.tree.sections.get_mut(self.first_section..).and_then(<[Section]>::last_mut);
        let Some(open) = open else {
            let message = format!("`{}` stands before any section", word.value);
            let d = Diagnostic::alert(codes::UNKNOWN_SECTION, message)
                .at(word.span, "expected a section such as `global`, `defaults`, `frontend`")
                .did_you_mean(word, section::KINDS.iter().map(|k| k.name));
            self.diags.push(d);
            return;
        };
        if open.kind.value == "global" {
            change_env(self.env, word, args);
        }
        open.lines.push(Line { words });
    }

    fn directive(&mut self, word: &At<String>, args: &[At<String>]) {
        let fault = match word.as_str() {
            ".if" => self.open(word, args),
            ".elif" => self.elif(word, args),
            ".else" => self.no_arguments(word, args).or_else(|| self.otherwise(word)),
            ".endif" => self.no_arguments(word, args).or_else(|| match self.conditions.pop() {
                Some(_) => None,
                None => Some(lone(word)),
            }),
            ".diag" | ".notice" | ".warning" | ".alert" if !self.active() => None,
            ".diag" => self.message(Severity::Diag, args),
            ".notice" => self.message(Severity::Notice, args),
            ".warning" => self.message(Severity::Warning, args),
            ".alert" => self.message(Severity::Alert, args),
            _ if !self.active() => None,
            _ => {
                let known = [".if", ".elif", ".else", ".endif", ".diag", ".notice", ".warning", ".alert"];
                let d = Diagnostic::alert(codes::BAD_CONDITION, format!("`{}` is no directive", word.value));
                Some(d.at(word.span, "").did_you_mean(word, known))
            }
        };
        if let Some(d) = fault {
            self.diags.push(d);
        }
    }

    fn no_arguments(&self, word: &At<String>, args: &[At<String>]) -> Option<Diagnostic> {
        let extra = args.first()?;
        let message = format!("`{}` takes no argument", word.value);
        Some(Diagnostic::alert(codes::EXTRA_ARGUMENT, message).at(extra.span, "unexpected"))
    }

    fn open(&mut self, word: &At<String>, args: &[At<String>]) -> Option<Diagnostic> {
        if self.conditions.len() >= CONDITIONS_MAX {
            let d = Diagnostic::alert(codes::BAD_CONDITION, "`.if` blocks are nested too deeply");
            return Some(d.at(word.span, ""));
        }
        let (branch, fault) = if self.active() { self.judge(word, args) } else { (Branch::Dead, None) };
        self.conditions.push(Condition { branch, after_else: false, place: word.span });
        fault
    }

    fn elif(&mut self, word: &At<String>, args: &[At<String>]) -> Option<Diagnostic> {
        match self.conditions.last() {
            None => return Some(lone(word)),
            Some(c) if c.after_else => return Some(after_else(word, c.place)),
            Some(_) => {}
        }
        let waiting = self.conditions.last().is_some_and(|c| c.branch == Branch::Waiting);
        let (branch, fault) = if waiting { self.judge(word, args) } else { (Branch::Done, None) };
        if let Some(c) = self.conditions.last_mut().filter(|c| c.branch != Branch::Dead) {
            c.branch = branch;
        }
        fault
    }

    fn otherwise(&mut self, word: &At<String>) -> Option<Diagnostic> {
        let Some(c) = self.conditions.last_mut() else { return Some(lone(word)) };
        if c.after_else {
            return Some(after_else(word, c.place));
        }
        c.after_else = true;
        c.branch = match c.branch {
            Branch::Waiting => Branch::Taken,
            Branch::Taken | Branch::Done => Branch::Done,
            Branch::Dead => Branch::Dead,
        };
        None
    }

    fn judge(&self, word: &At<String>, args: &[At<String>]) -> (Branch, Option<Diagnostic>) {
        let text: Vec<_> = args.iter().map(|a| a.value.as_str()).collect();
        match condition::evaluate(&text.join(" "), self.env) {
            Ok(true) => (Branch::Taken, None),
            Ok(false) => (Branch::Waiting, None),
            Err(e) => {
                // The byte counts in the words put together with single spaces.
                let mut at = e.at;
                let place = args.iter().find(|a| {
                    let inside = at <= a.len();
                    at = at.saturating_sub(a.len() + 1);
                    inside
                });
                let place = place.or(args.last()).unwrap_or(word).span;
                let message = format!("the condition of `{}` cannot be read: {e}", word.value);
                (Branch::Dead, Some(Diagnostic::alert(codes::BAD_CONDITION, message).at(place, "")))
            }
        }
    }

    fn message(&self, severity: Severity, args: &[At<String>]) -> Option<Diagnostic> {
        if let Some(extra) = args.get(1) {
            let d =
                Diagnostic::alert(codes::EXTRA_ARGUMENT, "the message is one word: put it between quotes");
            return Some(d.at(extra.span, "unexpected"));
        }
        let (text, span) = args.first().map_or(("", Span::default()), |a| (a.value.as_str(), a.span));
        Some(Diagnostic::new(severity, codes::USER_MESSAGE, text).at(span, ""))
    }
}

fn lone(word: &At<String>) -> Diagnostic {
    let message = format!("`{}` has no `.if` before it", word.value);
    Diagnostic::alert(codes::BAD_CONDITION, message).at(word.span, "")
}

fn after_else(word: &At<String>, open: Span) -> Diagnostic {
    let message = format!("`{}` stands after `.else`", word.value);
    Diagnostic::alert(codes::BAD_CONDITION, message).at(word.span, "").also(open, "of this block")
}

/// `setenv` and its like take effect at once: lines below see the new value. Their arguments are judged with the
/// other keywords of the section.
fn change_env(env: &mut Env, word: &str, args: &[At<String>]) {
    match (word, args) {
        ("setenv", [name, value]) => {
            env.vars.insert(name.value.clone(), value.value.clone());
        }
        ("presetenv", [name, value]) => {
            env.vars.entry(name.value.clone()).or_insert_with(|| value.value.clone());
        }
        ("unsetenv", names) => names.iter().for_each(|n| {
            env.vars.remove(&n.value);
        }),
        ("resetenv", names) => env.vars.retain(|k, _| names.iter().any(|n| n.value == *k)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
