//! What an agent says of its server (manual 5.2, `agent-check`): one line of words.

/// Bytes of an answer that are looked at.
pub const ANSWER_MAX: usize = 1_024;

/// How the agent wants its server to be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admin {
    Ready,
    Drain,
    Maint,
}

/// Whether it serves, in the agent's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Serving {
    Up,
    Down,
    Failed,
    Stopped,
}

impl Serving {
    pub const fn word(self) -> &'static str {
        match self {
            Serving::Up => "up",
            Serving::Down => "down",
            Serving::Failed => "failed",
            Serving::Stopped => "stopped",
        }
    }
}

/// One answer; what it does not mention stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// A percentage, such as `75%`.
    pub weight: Option<String>,
    pub maxconn: Option<String>,
    pub admin: Option<Admin>,
    pub serving: Option<Serving>,
    /// What stands behind `#`.
    pub words: String,
    /// Words that mean nothing.
    pub unknown: Vec<String>,
}

/// The line as far as it has come, once it is whole; `closed`: nothing more will come.
pub fn line(got: &[u8], closed: bool) -> Option<&[u8]> {
    let end = got.iter().position(|b| matches!(b, b'\n' | b'\r' | 0));
    match end {
        Some(end) => got.get(..end),
        None => (closed || got.len() >= ANSWER_MAX).then_some(got),
    }
}

/// Reads a line: words separated by commas, blanks or tabs, in any order and case.
pub fn parse(line: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(line);
    let (text, words) = text.split_once('#').unwrap_or((&text, ""));
    let mut out = Answer { words: words.trim().to_owned(), ..Answer::default() };
    for word in text.split([',', ' ', '\t']).filter(|w| !w.is_empty()) {
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "up" => out.serving = Some(Serving::Up),
            "down" => out.serving = Some(Serving::Down),
            "fail" | "failed" => out.serving = Some(Serving::Failed),
            "stopped" => out.serving = Some(Serving::Stopped),
            "ready" => out.admin = Some(Admin::Ready),
            "drain" => out.admin = Some(Admin::Drain),
            "maint" => out.admin = Some(Admin::Maint),
            w if w.ends_with('%') => out.weight = Some(lower.clone()),
            w => match w.strip_prefix("maxconn:") {
                Some(n) => out.maxconn = Some(n.to_owned()),
                None => out.unknown.push(word.to_owned()),
            },
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_in_any_order_and_the_rest_is_a_description() {
        let a = parse(b"75%, maxconn:30\tMAINT down#out of memory");
        assert_eq!((a.weight.as_deref(), a.maxconn.as_deref()), (Some("75%"), Some("30")));
        assert_eq!((a.admin, a.serving), (Some(Admin::Maint), Some(Serving::Down)));
        assert_eq!(a.words, "out of memory");
        assert_eq!(parse(b"what up").unknown, ["what"]);
    }

    #[test]
    fn an_answer_ends_with_its_line_or_its_connection() {
        assert_eq!(line(b"up", false), None);
        assert_eq!(line(b"up", true), Some(&b"up"[..]));
        assert_eq!(line(b"up\r\nmore", false), Some(&b"up"[..]));
    }
}
