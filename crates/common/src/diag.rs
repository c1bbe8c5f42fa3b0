//! What a configuration has to be told about: data first, text last.
//!
//! Owns: [`Diagnostic`] and the collector [`Diagnostics`]. A diagnostic carries a stable code (`diag/codes.rs`),
//! a severity, a sentence, the places it speaks of and what to do. How it looks is left to `diag/render.rs`.
//! Invariant: parsing never stops at a diagnostic; all of a configuration's are collected in one run.

pub mod codes;
pub mod render;
pub mod suggest;

pub use codes::Code;

use crate::source::Span;

/// How bad it is. The words are HAProxy's (`[NOTICE]`, `[WARNING]`, `[ALERT]`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Shown only in diagnostic mode (`-dD`): suspicious, legal.
    Diag,
    /// Worth knowing; never fatal, not even with `-dW`.
    Notice,
    /// The configuration works but should change; fatal with `-dW`.
    Warning,
    /// The configuration is refused.
    Alert,
}

/// A place with what is to be said of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One thing to tell the user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// One sentence without final stop: what is wrong.
    pub message: String,
    /// The exact words; `None` only for what has no place (command line, end of input).
    pub primary: Option<Label>,
    pub secondary: Vec<Label>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn new(severity: Severity, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity,
            message: message.into(),
            primary: None,
            secondary: Vec::new(),
            help: None,
        }
    }

    pub fn alert(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Alert, code, message)
    }

    pub fn warning(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, message)
    }

    pub fn notice(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Notice, code, message)
    }

    /// Underlines the words `span`, with what stands below the underline (may be empty).
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.primary = Some(Label { span, text: text.into() });
        self
    }

    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }

    /// Adds "did you mean `x`?" when one of `known` is near `word`.
    #[must_use]
    pub fn did_you_mean<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
        match suggest::nearest(word, known) {
            Some(best) => self.help(format!("did you mean `{best}`?")),
            None => self,
        }
    }
}

/// Collector of one run; bounded so that a hostile file cannot fill memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// How many were dropped beyond [`Diagnostics::MAX`].
    pub dropped: usize,
}

impl Diagnostics {
    /// More than this many say nothing new to a person.
    pub const MAX: usize = 2_000;

    pub fn push(&mut self, d: Diagnostic) {
        if self.list.len() < Diagnostics::MAX {
            self.list.push(d);
        } else {
            self.dropped += 1;
        }
    }

    pub fn extend(&mut self, other: Diagnostics) {
        self.dropped += other.dropped;
        for d in other.list {
            self.push(d);
        }
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|d| d.severity == severity).count()
    }

    pub fn has_alerts(&self) -> bool {
        self.count(Severity::Alert) > 0
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}
