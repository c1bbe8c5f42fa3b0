//! Source texts and places in them.
//!
//! Owns: the [`SourceMap`] with every text that a configuration came from, and the [`Span`] that names a piece
//! of one. Invariant: a span's offsets lie on character boundaries of the text of its file; a file is never
//! removed or changed once added. Loading from disk is left to the languages' loaders.

use std::{fmt, path::Path, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Index of a source text in its [`SourceMap`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct FileId(pub u32);

/// A half-open byte range `lo..hi` of one source text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Span {
    pub file: FileId,
    pub lo: u32,
    pub hi: u32,
}

impl Span {
    pub const fn new(file: FileId, lo: u32, hi: u32) -> Span {
        Span { file, lo, hi }
    }

    /// The smallest span that holds both; `self` if they stand in different files.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }
}

/// One text with the name under which messages speak of it.
#[derive(Debug)]
pub struct SourceFile {
    /// The path as the user gave it (HAProxy's and keepalived's messages repeat it unchanged).
    pub name: String,
    pub text: String,
    /// Byte offset of the start of each line; the first is always 0.
    lines: Vec<u32>,
    /// The place of the `include` (or the command line: `None`) that brought this text in.
    pub included_from: Option<Span>,
}

/// Line and column, both counted from 1; the column counts characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineCol {
    pub line: u32,
    pub col: u32,
}

/// All texts of one configuration.
#[derive(Debug, Default, Clone)]
pub struct SourceMap {
    files: Vec<Arc<SourceFile>>,
}

impl SourceMap {
    pub fn new() -> SourceMap {
        SourceMap::default()
    }

    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.add_included(name, text, None)
    }

    pub fn add_included(
        &mut self,
        name: impl Into<String>,
        text: impl Into<String>,
        included_from: Option<Span>,
    ) -> FileId {
        let text = text.into();
        let mut lines = vec![0];
        lines.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|i| i as u32 + 1));
        let id = FileId(self.files.len() as u32);
        self.files.push(Arc::new(SourceFile { name: name.into(), text, lines, included_from }));
        id
    }

    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize).map(|f| &**f)
    }

    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(i, f)| (FileId(i as u32), &**f))
    }

    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).and_then(|f| f.text.get(span.lo as usize..span.hi as usize)).unwrap_or("")
    }

    pub fn line_col(&self, span: Span) -> LineCol {
        let Some(f) = self.file(span.file) else { return LineCol { line: 0, col: 0 } };
        let line = f.lines.partition_point(|&l| l <= span.lo);
        let start = f.lines.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        let col = f.text.get(start as usize..span.lo as usize).map_or(1, |s| s.chars().count() + 1);
        LineCol { line: line as u32, col: col as u32 }
    }

    /// `file:line`, the form in which both peers name a place.
    pub fn place(&self, span: Span) -> String {
        let name = self.file(span.file).map_or("?", |f| f.name.as_str());
        format!("{name}:{}", self.line_col(span).line)
    }
}

/// A value and the place it came from. Equality, ordering of serialised form and YAML speak of the value only,
/// so that a model loaded from YAML equals the one it was dumped from.
#[derive(Clone, Copy, Default)]
pub struct At<T> {
    pub value: T,
    pub span: Span,
}

impl<T> At<T> {
    pub const fn new(value: T, span: Span) -> At<T> {
        At { value, span }
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> At<U> {
        At { value: f(self.value), span: self.span }
    }
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> std::ops::DerefMut for At<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for At<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for At<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &At<T>) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

impl<T> From<T> for At<T> {
    fn from(value: T) -> At<T> {
        At { value, span: Span::default() }
    }
}

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(s)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<At<T>, D::Error> {
        T::deserialize(d).map(At::from)
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(g: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(g)
    }
}

/// The last component of a path, for messages and process titles.
pub fn base_name(path: &str) -> &str {
    Path::new(path).file_name().and_then(|n| n.to_str()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_by_file_and_line_counted_from_one() {
        let mut m = SourceMap::new();
        let f = m.add("a.cfg", "global\n  maxconn x\n");
        let s = Span::new(f, 17, 18);
        assert_eq!(m.text(s), "x");
        assert_eq!(m.line_col(s), LineCol { line: 2, col: 11 });
        assert_eq!(m.place(s), "a.cfg:2");
    }

    #[test]
    fn a_span_at_the_end_of_a_text_without_newline_has_a_line() {
        let mut m = SourceMap::new();
        let f = m.add("a.cfg", "global");
        assert_eq!(m.line_col(Span::new(f, 6, 6)), LineCol { line: 1, col: 7 });
    }
}
