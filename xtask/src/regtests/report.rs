//! What is printed of a run: a table per directory, the failures with their first failing line, or JSON.

use std::collections::BTreeMap;

use super::{Row, Verdict};

/// The longest line that is quoted, in characters.
const LINE_CHARS_MAX: usize = 160;

pub(super) fn print(rows: &[Row], json: bool) {
    println!("{}", if json { as_json(rows) } else { as_text(rows) });
}

/// The first line of VTest's log that tells of a failure: what the proxy refused, or what was expected in vain.
pub(super) fn first_failure(log: &str) -> String {
    let told = |l: &&str| {
        l.starts_with("---- ")
            || l.contains("|[ALERT]")
            || l.contains("panicked at")
            || l.contains("Assert error")
    };
    let line = log.lines().find(told).or_else(|| log.lines().rev().find(|l| !l.trim().is_empty()));
    let line = line.unwrap_or("no log").split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(LINE_CHARS_MAX).collect()
}

fn as_text(rows: &[Row]) -> String {
    let mut directories: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for row in rows {
        let counts = directories.entry(directory(&row.file)).or_default();
        let at = match row.verdict {
            Verdict::Passed => 0,
            Verdict::Skipped => 1,
            Verdict::Failed => 2,
        };
        counts[at] += 1;
    }
    let mut text = format!("{:<40} {:>6} {:>6} {:>7}\n", "directory", "passed", "failed", "skipped");
    let mut sum = [0; 3];
    for (name, counts) in &directories {
        text.push_str(&line(name, *counts));
        for (s, c) in sum.iter_mut().zip(counts) {
            *s += c;
        }
    }
    text.push_str(&line("all", sum));
    for row in rows.iter().filter(|r| r.verdict == Verdict::Failed) {
        text.push_str(&format!("\nFAILED {} ({:.1} s)\n  {}", row.file, row.seconds, row.why));
    }
    text
}

fn line(name: &str, [passed, skipped, failed]: [usize; 3]) -> String {
    format!("{name:<40} {passed:>6} {failed:>6} {skipped:>7}\n")
}

fn directory(file: &str) -> &str {
    file.rsplit_once('/').map_or(".", |(d, _)| d)
}

fn as_json(rows: &[Row]) -> String {
    let row = |r: &Row| {
        let verdict = match r.verdict {
            Verdict::Passed => "passed",
            Verdict::Skipped => "skipped",
            Verdict::Failed => "failed",
        };
        format!(
            "{{\"file\":{},\"result\":\"{verdict}\",\"seconds\":{:.3},\"why\":{}}}",
            quoted(&r.file),
            r.seconds,
            quoted(&r.why)
        )
    };
    format!("[{}]", rows.iter().map(row).collect::<Vec<_>>().join(",\n "))
}

/// RFC 8259 section 7.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(file: &str, verdict: Verdict) -> Row {
        Row { file: file.to_owned(), verdict, seconds: 0.5, why: "a \"b\"\n".to_owned() }
    }

    #[test]
    fn the_table_counts_each_directory_and_lists_what_fails() {
        let rows = [
            row("r/a/x.vtc", Verdict::Passed),
            row("r/a/y.vtc", Verdict::Failed),
            row("r/b/z.vtc", Verdict::Skipped),
        ];
        let text = as_text(&rows);
        let cells = |name: &str| -> Vec<String> {
            let line = text.lines().find(|l| l.starts_with(name)).unwrap();
            line.split_whitespace().skip(1).map(str::to_owned).collect()
        };
        assert_eq!(cells("r/a"), ["1", "1", "0"]);
        assert_eq!(cells("r/b"), ["0", "0", "1"]);
        assert_eq!(cells("all"), ["1", "1", "1"]);
        assert!(text.contains("FAILED r/a/y.vtc (0.5 s)") && !text.contains("FAILED r/b"));
    }

    #[test]
    fn json_is_escaped() {
        let text = as_json(&[row("x", Verdict::Failed)]);
        assert_eq!(text, r#"[{"file":"x","result":"failed","seconds":0.500,"why":"a \"b\"\u000a"}]"#);
    }

    #[test]
    fn the_first_line_that_tells_of_a_failure_is_quoted() {
        let log = "**   c1  rx\n---- c1    EXPECT resp.status (503) == \"200\" failed\n---- later\n";
        assert_eq!(first_failure(log), "---- c1 EXPECT resp.status (503) == \"200\" failed");
        assert_eq!(first_failure("* top ended\n\n"), "* top ended");
        assert_eq!(first_failure(""), "no log");
    }
}
