//! Pattern and map files, read when the configuration is compiled (manual 7.1, `-f`; 7.3.1, `map`).

use std::{path::PathBuf, sync::Arc};

use common::{
    diag::{Diagnostic, codes},
    source::{At, Span},
};

use super::{ListUse, Scope};
use crate::engine::{
    pattern::{
        Map, Method, Patterns,
        list::{List, Live, typed},
    },
    sample::convert,
};

impl Scope<'_> {
    /// The list of a file, read once; of a map its lines are keys and values. `user` says what uses it.
    pub(super) fn list(&mut self, path: &At<String>, as_map: bool, user: &str) -> Option<Arc<List>> {
        let known = |l: &&mut ListUse| l.list.name == path.value && l.list.of_map == as_map;
        if let Some(found) = self.cache.lists.iter_mut().find(known) {
            if !found.uses.iter().any(|u| u.1 == path.span) {
                found.uses.push((user.to_owned(), path.span));
            }
            return Some(found.list.clone());
        }
        let text = self.list_file(path)?;
        let entry = |line: &[u8]| match as_map {
            true => {
                let (key, value) = split_entry(line);
                (key.to_vec(), Some(value.to_vec()))
            }
            false => (line.to_vec(), None),
        };
        let list = Arc::new(List::new(&path.value, as_map, lines(&text).map(|(_, l)| entry(l))));
        self.keep_list(list.clone(), None, user, path.span);
        Some(list)
    }

    /// Makes a list known to commands.
    pub(super) fn keep_list(&mut self, list: Arc<List>, wanted_id: Option<u32>, user: &str, span: Span) {
        self.cache.lists.push(ListUse { list, wanted_id, uses: vec![(user.to_owned(), span)] });
    }

    /// The map of a `map…` converter; method and type of the values are part of the converter's name.
    pub(super) fn map(&mut self, converter: &At<String>, path: &At<String>) -> Option<Arc<Map>> {
        let mut parts = converter.split('_').skip(1);
        let method = match parts.next() {
            None => Method::Str,
            Some("regm") => Method::Reg,
            Some(m) => Method::find(m)?,
        };
        let out = convert::find(converter)?.out;
        let list = self.list(path, true, "map")?;
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (i, e) in list.entries(None).into_iter().enumerate() {
            let text = e.value.as_deref().unwrap_or(b"");
            let Some(value) = typed(text, out) else {
                let word = String::from_utf8_lossy(text);
                self.bad_entry(path, i, &format!("`{word}` is no {}", out.name()));
                return None;
            };
            keys.push(e.key);
            values.push(value);
        }
        match Patterns::build(method, false, &keys) {
            Ok(patterns) => {
                let live = Live::join(method, false, Some(out), vec![list]);
                Some(Arc::new(Map::new(&path.value, patterns, values, live)))
            }
            Err((i, bad)) => {
                self.bad_entry(path, i, &bad.to_string());
                None
            }
        }
    }

    /// Says what is wrong with the entry `i` of a file.
    pub(super) fn bad_entry(&mut self, path: &At<String>, i: usize, what: &str) {
        let text = self.list_file(path).unwrap_or_default();
        let number = lines(&text).nth(i).map_or(0, |(n, _)| n);
        let text = format!("file '{}', line {number}: {what}", path.value);
        self.say(Diagnostic::alert(codes::BAD_FILE, text).at(path.span, "in this file"));
    }

    /// A file of patterns. `opt@` allows it to be missing; `virt@` names a list without a file.
    fn list_file(&mut self, path: &At<String>) -> Option<Vec<u8>> {
        if path.starts_with("virt@") {
            return Some(Vec::new());
        }
        let (optional, name) = match path.strip_prefix("opt@") {
            Some(rest) => (true, rest),
            None => (false, path.strip_prefix("file@").unwrap_or(path)),
        };
        match self.world.read(&PathBuf::from(name)) {
            Ok(text) => Some(text),
            Err(e) if optional && e.kind() == std::io::ErrorKind::NotFound => Some(Vec::new()),
            Err(e) => {
                let d = Diagnostic::alert(codes::BAD_FILE, format!("pattern file '{name}': {e}"));
                self.say(d.at(path.span, "cannot be read"));
                None
            }
        }
    }
}

/// Lines with their numbers; empty ones and comments are left out, spaces before a pattern mean nothing.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    text.split(|&b| b == b'\n')
        .enumerate()
        .map(|(i, l)| (i + 1, l.strip_suffix(b"\r").unwrap_or(l).trim_ascii_start()))
        .filter(|(_, l)| !l.is_empty() && l.first() != Some(&b'#'))
}

/// Key and value: the first word, and what follows the spaces behind it.
fn split_entry(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    (key, rest.trim_ascii())
}
