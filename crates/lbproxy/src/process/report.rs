//! What the process says to people on standard error, in HAProxy's form: `[ALERT]    (pid) : sentence`.
//!
//! Owns: [`Report`], which knows how talkative to be. Configuration diagnostics are worded elsewhere and drawn
//! by `common::diag::render`; standard output is for what was asked for (`-v`, `--dump`), standard error for this.

use std::io::{IsTerminal as _, Write as _};

use common::{
    diag::{Diagnostic, Diagnostics, Severity, render},
    source::SourceMap,
};

/// How talkative the process is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Report {
    pub quiet: bool,
    pub verbose: bool,
    /// `-dD`: what is merely suspicious, too.
    pub diagnostic: bool,
}

impl Report {
    pub fn alert(&self, text: &str) {
        self.line(Severity::Alert, text);
    }

    pub fn warning(&self, text: &str) {
        self.line(Severity::Warning, text);
    }

    pub fn notice(&self, text: &str) {
        self.line(Severity::Notice, text);
    }

    /// Everything there is to say about a configuration. On a terminal the words are shown underlined in their
    /// line; elsewhere each is HAProxy's one line, for scripts and logs, and with `excerpts` the underlined words
    /// follow it in the form that HAProxy gives to continued messages.
    pub fn diagnostics(&self, said: &Diagnostics, sources: &SourceMap, excerpts: bool) {
        if self.quiet {
            return;
        }
        let mut err = std::io::stderr().lock();
        let terminal = err.is_terminal();
        let color = terminal && std::env::var_os("NO_COLOR").is_none();
        for d in said.iter().filter(|d| d.severity > Severity::Diag || self.diagnostic) {
            let text = if terminal {
                render::rich(d, sources, color) + "\n"
            } else {
                one_line(d, sources, excerpts)
            };
            // Nothing can be done about a standard error that is gone.
            let _ = writeln!(err, "{text}");
        }
        if said.dropped > 0 {
            let _ = writeln!(err, "{}and {} more", head(Severity::Notice), said.dropped);
        }
    }

    fn line(&self, severity: Severity, text: &str) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr().lock(), "{}{text}", head(severity));
        }
    }
}

/// Everything that was said, in the lines of standard error.
pub(super) fn lines(said: &Diagnostics, sources: &SourceMap) -> String {
    let shown = said.iter().filter(|d| d.severity > Severity::Diag);
    shown.map(|d| render::haproxy_line(d, sources, std::process::id()) + "\n").collect()
}

/// What is said, each with its weight.
pub(super) type Sentences = Vec<(Severity, String)>;

/// Warnings and alerts as sentences, for logs.
pub(super) fn sentences(said: &Diagnostics, sources: &SourceMap) -> Sentences {
    let worth = |d: &&Diagnostic| matches!(d.severity, Severity::Warning | Severity::Alert);
    said.iter()
        .filter(worth)
        .map(|d| {
            let line = render::haproxy_line(d, sources, std::process::id());
            let text = line.split_once(") : ").map_or(line.as_str(), |(_, text)| text);
            (d.severity, text.to_owned())
        })
        .collect()
}

/// HAProxy's form of a diagnostic, and below it, if wanted, the words it speaks of.
fn one_line(d: &Diagnostic, sources: &SourceMap, excerpt: bool) -> String {
    let mut text = render::haproxy_line(d, sources, std::process::id());
    if excerpt && d.primary.is_some() {
        // The title and the help have been said.
        let said = |l: &&str| !l.trim_start().trim_start_matches('|').trim_start().starts_with("= help");
        for line in render::rich(d, sources, false).lines().skip(1).filter(said) {
            text.push_str("\n   | ");
            text.push_str(line);
        }
    }
    text
}

/// Prints what was asked for; a closed standard output is the reader's affair.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Level and process id, aligned as HAProxy does.
pub(super) fn head(severity: Severity) -> String {
    let level = format!("[{}]", render::severity_word(severity));
    format!("{level:<10} ({}) : ", std::process::id())
}
