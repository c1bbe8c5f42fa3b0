//! What the process says to people on standard error, in HAProxy's form: `[ALERT]    (pid) : sentence`.
//!
//! Owns: [`Report`], which knows how talkative to be. Configuration diagnostics are worded elsewhere; standard output is for what was asked for (`-v`, `--dump`), standard error for this.

use std::io::Write as _;

use common::{
    diag::{Diagnostic, Diagnostics, Severity},
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

    /// Everything there is to say about a configuration. Each is one line, for
    /// scripts and logs.
    pub fn diagnostics(&self, said: &Diagnostics, sources: &SourceMap) {
        if self.quiet {
            return;
        }
        let mut err = std::io::stderr().lock();
        for d in said.iter().filter(|d| d.severity > Severity::Diag || self.diagnostic) {
            // Nothing can be done about a standard error that is gone.
            let _ = writeln!(err, "{}{}", head(d.severity), line(d, sources));
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

/// HAProxy's one-line form.
fn line(d: &Diagnostic, sources: &SourceMap) -> String {
    let place =
        d.primary.as_ref().map(|p| format!("parsing [{}] : ", sources.place(p.span))).unwrap_or_default();
    let help = d.help.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
    format!("config : {place}{}{help} [{}]", d.message, d.code.0)
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
