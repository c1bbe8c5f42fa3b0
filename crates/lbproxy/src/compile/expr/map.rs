//! Pattern and map files, read when the configuration is compiled (manual 7.1, `-f`; 7.3.1, `map`).

use std::{path::PathBuf, sync::Arc};

use common::{
    diag::{Diagnostic, codes},
    source::At,
};

use super::Scope;
use crate::engine::{
    pattern::{Map, Method, Patterns},
    sample::{Type, Value, convert},
};

impl Scope<'_> {
    /// The patterns of a file, one a line; of a map the keys.
    pub(super) fn pattern_file(&mut self, path: &At<String>, as_map: bool) -> Option<Vec<Vec<u8>>> {
        let text = self.list_file(path)?;
        let key = |line: &[u8]| if as_map { split_entry(line).0.to_vec() } else { line.to_vec() };
        Some(lines(&text).map(|(_, l)| key(l)).collect())
    }

    /// The map of a `map…` converter; method and type of the values are part of the converter's name.
    pub(super) fn map(&mut self, converter: &At<String>, path: &At<String>) -> Option<Arc<Map>> {
        let mut parts = converter.split('_').skip(1);
        let (method, no_case) = match parts.next() {
            None => (Method::Str, false),
            Some("regm") => (Method::Reg, false),
            Some(m) => (Method::find(m)?, false),
        };
        let out = convert::find(converter)?.out;
        let text = self.list_file(path)?;
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (number, line) in lines(&text) {
            let (key, value) = split_entry(line);
            let Some(value) = typed(value, out) else {
                let word = String::from_utf8_lossy(value).into_owned();
                let text = format!("map file '{}', line {number}: `{word}` is no {}", path.value, out.name());
                self.say(Diagnostic::alert(codes::BAD_FILE, text).at(path.span, "in this file"));
                return None;
            };
            keys.push(key.to_vec());
            values.push(value);
        }
        match Patterns::build(method, no_case, &keys) {
            Ok(patterns) => Some(Arc::new(Map { name: path.value.clone(), patterns, values })),
            Err((i, bad)) => {
                let number = lines(&text).nth(i).map_or(0, |(n, _)| n);
                let text = format!("map file '{}', line {number}: {bad}", path.value);
                self.say(Diagnostic::alert(codes::BAD_FILE, text).at(path.span, "in this file"));
                None
            }
        }
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

fn typed(text: &[u8], out: Type) -> Option<Value<'static>> {
    match out {
        Type::Sint => std::str::from_utf8(text).ok()?.parse().ok().map(Value::Int),
        Type::Addr => Value::str(text).to_ip().map(Value::addr),
        _ => Some(Value::string(text)),
    }
}
