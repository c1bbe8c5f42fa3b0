//! Files and their `include`s (keepalived.conf(5), "DESCRIPTION"); the only part that touches the disk.
//!
//! Owns: finding and reading files, wildcards and brace alternatives, and how strict an `include` is. Relative
//! paths are those of the including file's directory. Invariants: nesting, number and size of files are bounded;
//! a file that cannot be read is told and the rest is read.

use std::{
    io::ErrorKind::PermissionDenied,
    path::{Path, PathBuf},
};

use super::{
    expand::Expander,
    lexer::{Line, before_comment, words},
};
use crate::{
    diag::{Diagnostic, Diagnostics, Severity, codes},
    source::{FileId, SourceMap, Span},
};

/// Files within files.
const DEPTH_MAX: usize = 16;
/// Files of one configuration.
const FILES_MAX: usize = 1_000;
/// Bytes of one file.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Alternatives that the braces of one `include` may come to.
const ALTERNATIVES_MAX: usize = 1_000;

/// How strict an `include` is; the bits of `include_check`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Strict {
    readable: bool,
    matches: bool,
    wildcard: bool,
    brace: bool,
}

impl Strict {
    const ALL: Strict = Strict { readable: true, matches: true, wildcard: true, brace: true };

    fn or(self, other: Strict) -> Strict {
        Strict {
            readable: self.readable || other.readable,
            matches: self.matches || other.matches,
            wildcard: self.wildcard || other.wildcard,
            brace: self.brace || other.brace,
        }
    }

    /// What a form of the keyword adds to `include_check`; `None` if the word includes nothing.
    fn of_keyword(word: &str) -> Option<Strict> {
        let none = Strict::default();
        Some(match word {
            "include" => none,
            "includer" => Strict { readable: true, ..none },
            "includem" => Strict { readable: true, matches: true, ..none },
            "includew" => Strict { readable: true, wildcard: true, ..none },
            "includeb" => Strict { readable: true, brace: true, ..none },
            "includea" => Strict::ALL,
            _ => return None,
        })
    }

    /// The words after `include_check`; `+` adds, `-` takes away, bare words say all that is checked.
    fn set(&mut self, options: &[&str]) {
        if options.is_empty() {
            *self = Strict::ALL;
            return;
        }
        if !options.iter().any(|o| o.starts_with(['+', '-'])) {
            *self = Strict::default();
        }
        let mut on = true;
        for option in options {
            let name = option.trim_start_matches(['+', '-']);
            if option.starts_with(['+', '-']) {
                on = option.starts_with('+');
            }
            match name {
                "readable" => self.readable = on,
                "match" => (self.readable, self.matches) = (self.readable || on, on),
                "wildcard_match" => (self.readable, self.wildcard) = (self.readable || on, on),
                "brace_match" => (self.readable, self.brace) = (self.readable || on, on),
                _ => {}
            }
        }
    }
}

/// Reads files into an expander.
pub(crate) struct Reader<'r, 'e> {
    pub(crate) sources: &'r mut SourceMap,
    pub(crate) expander: &'r mut Expander<'e>,
    pub(crate) diags: &'r mut Diagnostics,
    /// A file that had to be there was not.
    pub(crate) missing: bool,
    /// The file that the user named may not be read.
    pub(crate) forbidden: bool,
    /// Every `include` has to find its files.
    pub(crate) strict: bool,
}

impl Reader<'_, '_> {
    /// Reads the file the user named, with all that it includes.
    pub(crate) fn main(&mut self, path: &Path) {
        match read(path) {
            Ok((text, whole)) => {
                let id = self.sources.add(path.to_string_lossy(), text);
                self.told_if_lossy(id, whole);
                self.file(id, path, self.strictness(), 0);
            }
            Err(why) => {
                self.missing = true;
                self.forbidden = std::fs::File::open(path).is_err_and(|e| e.kind() == PermissionDenied);
                let message = format!("cannot read the configuration file {}: {why}", path.display());
                self.diags.push(
                    Diagnostic::alert(codes::FILE_UNREADABLE, message)
                        .help("name the file with -f, or make it readable"),
                );
            }
        }
    }

    /// Reads a text that is in `sources` already.
    pub(crate) fn text(&mut self, id: FileId, path: &Path) {
        self.file(id, path, self.strictness(), 0);
    }

    fn strictness(&self) -> Strict {
        if self.strict { Strict::ALL } else { Strict::default() }
    }

    fn file(&mut self, id: FileId, path: &Path, mut strict: Strict, depth: usize) {
        let Some(text) = self.sources.file(id).map(|f| f.text.clone()) else { return };
        let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        self.expander.directory = directory.to_string_lossy().into_owned();
        let mut lo = 0;
        for raw in text.split('\n') {
            let line = Line::new(id, lo, raw.strip_suffix('\r').unwrap_or(raw));
            lo += raw.len() + 1;
            if self.expander.in_definition() || !raw.trim_start().starts_with("include") {
                self.expander.feed(&line, self.diags);
                continue;
            }
            let found = words(&line.part(0..before_comment(&line.text))).words;
            let keyword = found.first().map_or("", |w| w.text.as_str());
            match Strict::of_keyword(keyword) {
                Some(added) => match found.get(1) {
                    Some(name) => {
                        // The words of a brace pattern were split at its braces.
                        let pattern = joined(&line, name.span, lo - raw.len() - 1);
                        let strict = strict.or(added);
                        self.include(&pattern, name.span, directory, strict, depth);
                        self.expander.directory = directory.to_string_lossy().into_owned();
                    }
                    None => self.diags.push(
                        Diagnostic::alert(codes::K_BAD_ARGUMENT, "`include` names no file")
                            .at(line.whole(), ""),
                    ),
                },
                None => {
                    if keyword == "include_check" {
                        let options: Vec<_> = found.iter().skip(1).map(|w| w.text.as_str()).collect();
                        strict.set(&options);
                    }
                    self.expander.feed(&line, self.diags);
                }
            }
        }
    }

    fn include(&mut self, pattern: &str, at: Span, directory: &Path, strict: Strict, depth: usize) {
        if depth >= DEPTH_MAX {
            let d = Diagnostic::alert(codes::INCLUDE_LOOP, "files include one another too deeply");
            self.diags.push(d.at(at, "this file is not read"));
            return;
        }
        let alternatives = alternatives(pattern);
        let mut any = false;
        for alternative in &alternatives {
            let full = directory.join(alternative);
            let files = matching(&full);
            any |= !files.is_empty();
            if files.is_empty() && alternatives.len() > 1 {
                let severity = if strict.brace { Severity::Alert } else { Severity::Notice };
                self.no_match(alternative, at, severity);
            }
            for file in files {
                self.included(&file, at, strict, depth);
            }
        }
        if !any && alternatives.len() == 1 {
            let wild = pattern.contains(['*', '?', '[']);
            let hard = if wild { strict.wildcard } else { strict.matches };
            self.no_match(pattern, at, if hard { Severity::Alert } else { Severity::Notice });
        }
    }

    fn no_match(&mut self, pattern: &str, at: Span, severity: Severity) {
        self.missing |= severity == Severity::Alert;
        let d = Diagnostic::new(severity, codes::FILE_UNREADABLE, format!("no file matches `{pattern}`"));
        self.diags.push(d.at(at, "nothing is read here"));
    }

    fn included(&mut self, path: &Path, at: Span, strict: Strict, depth: usize) {
        if self.sources.files().count() >= FILES_MAX {
            let d = Diagnostic::alert(codes::INCLUDE_LOOP, "too many files are included");
            self.diags.push(d.at(at, "this file is not read"));
            return;
        }
        match read(path) {
            Ok((text, whole)) => {
                let id = self.sources.add_included(path.to_string_lossy(), text, Some(at));
                self.told_if_lossy(id, whole);
                self.file(id, path, strict, depth + 1);
            }
            Err(why) => {
                let severity = if strict.readable { Severity::Alert } else { Severity::Notice };
                self.missing |= strict.readable;
                let message = format!("cannot read {}: {why}", path.display());
                self.diags
                    .push(Diagnostic::new(severity, codes::FILE_UNREADABLE, message).at(at, "included here"));
            }
        }
    }

    fn told_if_lossy(&mut self, id: FileId, whole: bool) {
        if !whole {
            let d = Diagnostic::warning(codes::FILE_NOT_TEXT, "the file holds bytes that are no UTF-8 text");
            self.diags.push(d.at(Span::new(id, 0, 0), "they are read as \u{fffd}"));
        }
    }
}

/// The text of a file, and whether all of it was text.
pub(super) fn read(path: &Path) -> Result<(String, bool), String> {
    let meta = std::fs::metadata(path).map_err(|e| e.to_string())?;
    if meta.is_dir() {
        return Err("it is a directory".to_owned());
    }
    if meta.len() > FILE_BYTES_MAX {
        return Err(format!("it is larger than {} MiB", FILE_BYTES_MAX >> 20));
    }
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => (text, true),
        Err(e) => (String::from_utf8_lossy(e.as_bytes()).into_owned(), false),
    })
}

/// The argument of an `include` from its first word to the end of the line, blanks trimmed, quotes removed.
fn joined(line: &Line, first: Span, line_lo: usize) -> String {
    let from = (first.lo as usize).saturating_sub(line_lo);
    let text = line.text.get(from..before_comment(&line.text)).unwrap_or("").trim();
    match text.strip_prefix('"').and_then(|t| t.split_once('"')) {
        Some((quoted, _)) => quoted.to_owned(),
        None => text.split_whitespace().next().unwrap_or("").to_owned(),
    }
}

/// The files that a pattern names, in the order of their names; directories are none.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let Some(text) = pattern.to_str() else { return Vec::new() };
    match glob::glob(text) {
        Ok(paths) => paths.flatten().filter(|p| !p.is_dir()).take(FILES_MAX).collect(),
        Err(_) => Vec::new(),
    }
}

/// `a{b,c{d,e}}` as `ab`, `acd`, `ace`.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(text) = open.pop() {
        if done.len() + open.len() >= ALTERNATIVES_MAX {
            break;
        }
        match first_braces(&text) {
            Some((head, choices, tail)) => {
                open.extend(choices.iter().rev().map(|c| format!("{head}{c}{tail}")));
            }
            None => done.push(text),
        }
    }
    done
}

/// The text before the first pair of braces, what stands between its commas, and the text after it.
fn first_braces(text: &str) -> Option<(&str, Vec<&str>, &str)> {
    let open = text.find('{')?;
    let mut depth = 0_usize;
    let mut from = open + 1;
    let mut choices = Vec::new();
    for (at, c) in text.char_indices().skip_while(|&(at, _)| at < open) {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if (c == ',' && depth == 1) || (c == '}' && depth == 0) {
            choices.push(text.get(from..at)?);
            from = at + 1;
        }
        if depth == 0 {
            return Some((text.get(..open)?, choices, text.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests;
