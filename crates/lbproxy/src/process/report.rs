//! What the process says to people on standard error, in HAProxy's form: `[ALERT]    (pid) : sentence`.
//!
//! Owns: [`Report`], which knows how talkative to be. Configuration diagnostics are worded elsewhere and drawn by
//! `common::diag::render`; standard output is for what was asked for (`-v`, `--dump`), standard error for this.

use std::io::{IsTerminal as _, Write as _};

use common::{
    diag::{Diagnostics, Severity, render},
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
    /// line; elsewhere each is one line, for scripts and logs.
    pub fn diagnostics(&self, said: &Diagnostics, sources: &SourceMap) {
        if self.quiet {
            return;
        }
        let mut err = std::io::stderr().lock();
        let form = if err.is_terminal() { Form::Drawn } else { Form::Lines };
        for d in said.iter().filter(|d| d.severity > Severity::Diag || self.diagnostic) {
            let text = match form {
                Form::Drawn => render::rustc(d, sources, true),
                Form::Lines => head(d.severity) + &render::haproxy(d, sources),
            };
            // Nothing can be done about a standard error that is gone.
            let _ = writeln!(err, "{}", text.trim_end());
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

#[derive(Clone, Copy)]
enum Form {
    Drawn,
    Lines,
}

/// Prints what was asked for; a closed standard output is the reader's affair.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Level and process id, aligned as HAProxy does.
fn head(severity: Severity) -> String {
    let level = match severity {
        Severity::Diag => "[DIAG]",
        Severity::Notice => "[NOTICE]",
        Severity::Warning => "[WARNING]",
        Severity::Alert => "[ALERT]",
    };
    format!("{level:<10} ({}) : ", std::process::id())
}
