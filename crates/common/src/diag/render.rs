//! How a diagnostic looks: rustc-like with the words underlined, or HAProxy's one-line form for scripts.
//!
//! Owns: [`rich`], [`haproxy_line`]. Invariant: the text carries everything the diagnostic says, whatever the
//! form; only as much of a source text is looked at as is shown. Where the text goes is the daemons' business;
//! keepalived's one-line form is with its language.

use annotate_snippets::{AnnotationKind, Element, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Label, Severity};
use crate::source::{FileId, SourceFile, SourceMap, Span};

/// Labels that are further apart than this many lines are shown in snippets of their own.
const NEAR_LINES: u32 = 40;
/// Longer lines are shown around the words only.
const LINE_SHOWN_MAX: usize = 2_000;

/// HAProxy's word for a severity.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Diag => "DIAG",
        Severity::Notice => "NOTICE",
        Severity::Warning => "WARNING",
        Severity::Alert => "ALERT",
    }
}

/// `[ALERT]    (pid) : config : parsing [file:line] : message`, without a final newline.
pub fn haproxy_line(diagnostic: &Diagnostic, sources: &SourceMap, pid: u32) -> String {
    let word = format!("[{}]", severity_word(diagnostic.severity));
    let place = match &diagnostic.primary {
        Some(label) if sources.file(label.span.file).is_some() => {
            format!("parsing [{}] : ", sources.place(label.span))
        }
        _ => String::new(),
    };
    let help = diagnostic.help.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
    let stop = if help.ends_with(['?', '.']) { "" } else { "." };
    // One line stays one line, whatever a configuration's own message holds.
    let text = format!("{word:<10} ({pid}) : config : {place}{}{help}{stop}", diagnostic.message);
    text.replace('\n', "\\n").replace('\r', "\\r")
}

/// The words underlined below a title with the stable code, help last. No final newline.
pub fn rich(diagnostic: &Diagnostic, sources: &SourceMap, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Alert => Level::ERROR.with_name(Some("alert")),
        Severity::Warning => Level::WARNING,
        Severity::Notice => Level::NOTE.with_name(Some("notice")),
        Severity::Diag => Level::INFO.with_name(Some("diag")),
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.0);
    let mut group = Group::with_title(title);
    for snippet in snippets(diagnostic, sources) {
        group = group.element(snippet);
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// All diagnostics of a run, a blank line between them.
pub fn rich_all<'a>(
    diagnostics: impl IntoIterator<Item = &'a Diagnostic>,
    sources: &SourceMap,
    color: bool,
) -> String {
    let all: Vec<_> = diagnostics.into_iter().map(|d| rich(d, sources, color)).collect();
    all.join("\n\n")
}

/// The primary label's snippet, with every label that stands near; then the others.
fn snippets<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap) -> Vec<Element<'a>> {
    let mut groups: Vec<(FileId, Vec<(&Label, bool)>)> = Vec::new();
    let labels = diagnostic.primary.iter().map(|l| (l, true));
    for (label, primary) in labels.chain(diagnostic.secondary.iter().map(|l| (l, false))) {
        let near = |other: &Label| {
            sources.line_col(other.span).line.abs_diff(sources.line_col(label.span).line) <= NEAR_LINES
        };
        let home = groups
            .iter_mut()
            .find(|(file, labels)| *file == label.span.file && labels.iter().all(|(other, _)| near(other)));
        match home {
            Some((_, labels)) => labels.push((label, primary)),
            None => groups.push((label.span.file, vec![(label, primary)])),
        }
    }
    groups.iter().filter_map(|(file, labels)| snippet(sources.file(*file)?, labels, sources)).collect()
}

fn snippet<'a>(
    file: &'a SourceFile,
    labels: &[(&'a Label, bool)],
    sources: &SourceMap,
) -> Option<Element<'a>> {
    let lo = labels.iter().map(|(l, _)| l.span.lo as usize).min()?;
    let hi = labels.iter().map(|(l, _)| l.span.hi as usize).max()?;
    let before = file.text.get(..lo)?;
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    // A line of a binary file, or one that was generated: what surrounds the words is enough.
    let start = if lo - start > LINE_SHOWN_MAX { floor(&file.text, lo - LINE_SHOWN_MAX / 2) } else { start };
    let rest = file.text.get(hi..)?;
    let end = hi + rest.find('\n').unwrap_or(rest.len());
    let end = if end - hi > LINE_SHOWN_MAX { floor(&file.text, hi + LINE_SHOWN_MAX / 2) } else { end };
    let window = file.text.get(start..end)?;
    let first_line =
        sources.line_col(Span::new(labels.first()?.0.span.file, start as u32, start as u32)).line;
    let mut snippet = Snippet::source(window).line_start(first_line as usize).path(file.name.as_str());
    for (label, primary) in labels {
        let range = label.span.lo as usize - start..(label.span.hi as usize - start).min(window.len());
        let kind = if *primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(range);
        snippet = snippet.annotation(match label.text.as_str() {
            "" => annotation,
            text => annotation.label(text),
        });
    }
    Some(snippet.into())
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;

    fn example() -> (Diagnostic, SourceMap) {
        let mut sources = SourceMap::new();
        let file = sources.add("a.cfg", "global\n  maxcon 5\n  daemon\n");
        let d = Diagnostic::alert(codes::UNKNOWN_KEYWORD, "unknown keyword `maxcon`")
            .at(Span::new(file, 9, 15), "not known")
            .also(Span::new(file, 0, 6), "in this section")
            .help("did you mean `maxconn`?");
        (d, sources)
    }

    #[test]
    fn the_rich_form_underlines_the_words_below_code_and_message() {
        let (d, sources) = example();
        let expected = "\
alert[H001]: unknown keyword `maxcon`
 --> a.cfg:2:3
  |
1 | global
  | ------ in this section
2 |   maxcon 5
  |   ^^^^^^ not known
  |
  = help: did you mean `maxconn`?";
        assert_eq!(rich(&d, &sources, false), expected);
        assert!(rich(&d, &sources, true).contains("\u{1b}["));
    }

    #[test]
    fn the_line_form_is_haproxys() {
        let (d, sources) = example();
        let line =
            "[ALERT]    (7) : config : parsing [a.cfg:2] : unknown keyword `maxcon`; did you mean `maxconn`?";
        assert_eq!(haproxy_line(&d, &sources, 7), line);
        let d = Diagnostic::warning(codes::FILE_UNREADABLE, "two\nlines");
        assert_eq!(haproxy_line(&d, &sources, 7), "[WARNING]  (7) : config : two\\nlines.");
    }

    #[test]
    fn what_has_no_place_or_stands_in_an_endless_line_is_shown_all_the_same() {
        let mut sources = SourceMap::new();
        let file = sources.add("b", format!("{}é{}", "x".repeat(50_000), "y".repeat(50_000)));
        let d = Diagnostic::notice(codes::LINE_TOO_LONG, "long").at(Span::new(file, 50_000, 50_002), "");
        assert!(rich(&d, &sources, false).len() < 10_000);
        let none = Diagnostic::notice(codes::LINE_TOO_LONG, "nowhere");
        assert_eq!(rich(&none, &sources, false), "notice[H012]: nowhere");
        let beyond = Diagnostic::notice(codes::LINE_TOO_LONG, "end").at(Span::new(file, 99_999, 400_000), "");
        assert!(rich(&beyond, &sources, false).starts_with("notice[H012]: end"));
    }
}
