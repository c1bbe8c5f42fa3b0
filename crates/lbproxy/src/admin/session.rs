//! One conversation on a stats socket, as a pure machine: bytes in, command lines out, answers framed.
//!
//! Owns the line splitting, the modes (`prompt`, level) and how answers are parted (management guide 9.3). Limits:
//! a line of [`LINE_MAX`] bytes. What the commands do is left to `command`, the socket to `socket`.

use crate::compile::plan::Level;

/// Most bytes of a line (HAProxy's is its buffer size).
pub const LINE_MAX: usize = 16_384;

/// Most bytes of a payload (HAProxy's `tune.cli.max-payload-size`).
const PAYLOAD_MAX: usize = 128 * 1_024;

/// What is said of a longer one.
pub const TOO_LONG: &str = "The command line is too big for the buffer size.\n";

/// How the conversation goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// One line is answered, then the connection is closed.
    #[default]
    Once,
    /// Line after line; with a prompt before each if `prompt`.
    Interactive { prompt: bool, timed: bool },
}

/// State of one conversation.
#[derive(Clone, Debug)]
pub struct Session {
    pub level: Level,
    pub mode: Mode,
    pub expert: bool,
    pub experimental: bool,
    /// Own time-out (`set timeout cli`), ms; `None`: the configured one.
    pub timeout_ms: Option<u32>,
    /// The client said `quit`, or its single line is answered.
    pub over: bool,
    buffer: Vec<u8>,
    /// A line whose payload is still arriving.
    awaiting: Option<Awaiting>,
}

/// Commands that wait for their payload, what is here of it, and the line that ends it.
#[derive(Clone, Debug)]
struct Awaiting {
    commands: Vec<String>,
    end: String,
    payload: String,
}

/// What came out of the bytes so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// The commands of one line, in order; an empty one is answered too.
    Line(Vec<String>),
    /// The same with the lines behind it, which belong to the last command.
    WithPayload(Vec<String>, String),
    /// No whole line yet.
    More,
    /// The line is longer than a line may be.
    TooLong,
}

impl Session {
    pub fn new(level: Level) -> Session {
        Session {
            level,
            mode: Mode::Once,
            expert: false,
            experimental: false,
            timeout_ms: None,
            over: false,
            buffer: Vec::new(),
            awaiting: None,
        }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next line. What has no line end is never run: it may be the beginning of something else.
    pub fn next_line(&mut self) -> Input {
        loop {
            let line = match self.cut_line() {
                Ok(line) => line,
                Err(input) => return input,
            };
            match self.awaiting.take() {
                Some(a) if line == a.end => return Input::WithPayload(a.commands, a.payload),
                Some(mut a) => {
                    a.payload.push_str(&line);
                    a.payload.push('\n');
                    if a.payload.len() > PAYLOAD_MAX {
                        return Input::TooLong;
                    }
                    self.awaiting = Some(a);
                }
                None => {
                    let commands = split_commands(line.trim_end_matches(['\r', ' ', '\t']));
                    let Some(end) = commands.last().and_then(|c| payload_end(c)) else {
                        return Input::Line(commands);
                    };
                    self.awaiting = Some(Awaiting { commands, end, payload: String::new() });
                }
            }
        }
    }

    /// The next line without its end, or why there is none.
    fn cut_line(&mut self) -> Result<String, Input> {
        let end = match memchr::memchr(b'\n', &self.buffer) {
            Some(i) => i,
            None if self.buffer.len() > LINE_MAX => return Err(Input::TooLong),
            None => return Err(Input::More),
        };
        if end > LINE_MAX {
            return Err(Input::TooLong);
        }
        let rest = self.buffer.split_off((end + 1).min(self.buffer.len()));
        let line = std::mem::replace(&mut self.buffer, rest);
        Ok(String::from_utf8_lossy(line.get(..end).unwrap_or(&line)).into_owned())
    }

    /// What is sent when a line has been answered and the next one is awaited.
    pub fn prompt(&self, uptime_s: u64) -> String {
        match self.mode {
            Mode::Interactive { prompt: true, timed: true } => {
                let (d, h, m, s) =
                    (uptime_s / 86_400, uptime_s / 3_600 % 24, uptime_s / 60 % 60, uptime_s % 60);
                format!("[{d}:{h:02}:{m:02}:{s:02}]> ")
            }
            Mode::Interactive { prompt: true, timed: false } => "> ".to_owned(),
            _ => String::new(),
        }
    }

    /// Frames a command's answer: it ends with an empty line, whatever it is.
    pub fn answer(&self, text: &str) -> String {
        let mut out = text.to_owned();
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push('\n');
        out
    }
}

/// The line that ends the payload of a command which ends in `<<` or `<<PATTERN` (management guide 9.3).
fn payload_end(command: &str) -> Option<String> {
    let last = command.rsplit([' ', '\t']).next()?;
    last.strip_prefix("<<").map(str::to_owned)
}

/// Splits a line at its unescaped `;` (management guide 9.3).
fn split_commands(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut current = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ';' => out.push(std::mem::take(&mut current)),
            '\\' => {
                current.push(c);
                current.extend(chars.next());
            }
            c => current.push(c),
        }
    }
    out.push(current);
    out.into_iter().map(|c| c.trim_start().to_owned()).collect()
}

/// The words of a command: white space parts them, a backslash keeps the next character (management guide 9.3).
pub fn words(command: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut current: Option<String> = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => out.extend(current.take()),
            '\\' => current.get_or_insert_default().extend(chars.next()),
            c => current.get_or_insert_default().push(c),
        }
    }
    out.extend(current);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_parted_at_semicolons_that_are_not_escaped() {
        let mut s = Session::new(Level::User);
        s.feed(b"show info; show stat typed ;;\n\nrest");
        let four = ["show info", "show stat typed ", "", ""].map(str::to_owned).to_vec();
        assert_eq!(s.next_line(), Input::Line(four));
        assert_eq!(s.next_line(), Input::Line(vec![String::new()]));
        assert_eq!(s.next_line(), Input::More);
        assert_eq!(split_commands("echo a\\;b;c"), ["echo a\\;b", "c"]);
        assert_eq!(words("add  map x\\ y \\\\"), ["add", "map", "x y", "\\"]);
    }

    #[test]
    fn a_payload_ends_with_its_pattern_or_an_empty_line_and_is_bounded() {
        let mut s = Session::new(Level::Admin);
        s.feed(b"show info; add map x <<\n/a 1\n/b 2\n");
        assert_eq!(s.next_line(), Input::More);
        s.feed(b"\nshow stat\nadd map y <<EOF\n\nz\nEOF\n");
        let two = ["show info", "add map x <<"].map(str::to_owned).to_vec();
        assert_eq!(s.next_line(), Input::WithPayload(two, "/a 1\n/b 2\n".to_owned()));
        assert_eq!(s.next_line(), Input::Line(vec!["show stat".to_owned()]));
        let one = vec!["add map y <<EOF".to_owned()];
        assert_eq!(s.next_line(), Input::WithPayload(one, "\nz\n".to_owned()));
        s.feed(b"x <<\n");
        s.feed("y\n".repeat(PAYLOAD_MAX).as_bytes());
        assert_eq!(s.next_line(), Input::TooLong);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let mut s = Session::new(Level::User);
        s.feed(&vec![b'a'; LINE_MAX + 1]);
        assert_eq!(s.next_line(), Input::TooLong);
    }

    #[test]
    fn an_answer_ends_with_an_empty_line() {
        let s = Session::new(Level::User);
        assert_eq!(s.answer(""), "\n");
        assert_eq!(s.answer("x"), "x\n\n");
        assert_eq!(s.answer("x\n"), "x\n\n");
    }
}
