//! The health contract between the daemons, as text: what a proxy tells whoever watches it.
//!
//! Owns: the lines of the contract, their limits, and the names of the sockets. One line is one message. The
//! watcher opens a stream socket and writes [`WATCH`]; the proxy answers with [`Message::Hello`], its phase and
//! what its backends can do, then tells every change at once, and a [`Message::Beat`] each
//! [`BEAT`]. Invariants: a line is at most [`LINE_MAX`] bytes; an unknown kind of line is skipped, so that either
//! side may be newer. Leaves to others: sockets, and what the messages come to (`vrrpd::engine::track::proxy`).

use std::{fmt, time::Duration};

/// Version of the contract, the second word of the first line.
pub const VERSION: u32 = 1;
/// The request that begins a watch. On a stats socket it is a command like any other.
pub const WATCH: &str = "watch health";
/// Time between two beats.
pub const BEAT: Duration = Duration::from_millis(50);
/// Proxies that one network namespace may hold at a time, each on the first socket that is free.
pub const SLOTS: u8 = 8;
/// Bytes of a line, its end included.
pub const LINE_MAX: usize = 512;

/// The abstract socket (unix(7)) of a slot. Abstract names belong to a network namespace, need no directory and
/// outlive neither the process nor a change of root.
pub fn slot_name(slot: u8) -> String {
    format!("lbproxy/health/{slot}")
}

/// Where a proxy is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Listening sockets are not served yet, or servers wait for their first check.
    Starting,
    Ready,
    /// No new connections; those that are there end.
    Draining,
    Stopping,
}

impl Phase {
    const WORDS: [(Phase, &'static str); 4] = [
        (Phase::Starting, "starting"),
        (Phase::Ready, "ready"),
        (Phase::Draining, "draining"),
        (Phase::Stopping, "stopping"),
    ];

    pub fn word(self) -> &'static str {
        Phase::WORDS.iter().find(|(p, _)| *p == self).map_or("stopping", |(_, w)| w)
    }

    fn of(word: &str) -> Option<Phase> {
        Phase::WORDS.iter().find(|(_, w)| *w == word).map(|(p, _)| *p)
    }
}

/// What a count of servers is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    /// All backends that it may choose.
    Frontend,
    Backend,
}

impl Side {
    pub fn word(self) -> &'static str {
        match self {
            Side::Frontend => "frontend",
            Side::Backend => "backend",
        }
    }
}

/// How many servers can take work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Able {
    pub servers: u32,
    /// Of how many.
    pub of: u32,
}

impl Able {
    /// Whether requests can be answered: one that has no servers at all needs none.
    pub fn any(self) -> bool {
        self.servers > 0 || self.of == 0
    }
}

/// What the proxy tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    Hello {
        version: u32,
        /// Process id where the proxy lives.
        pid: u32,
        workers: u32,
    },
    Phase(Phase),
    /// Sent each [`BEAT`]: the longest that a worker thread owes an answer, in milliseconds; 0 when none does.
    Beat {
        number: u64,
        late_ms: u32,
    },
    /// The answer to [`Request::Ping`].
    Pong(u64),
    Able {
        side: Side,
        name: String,
        able: Able,
    },
    /// A reload took it away.
    Gone {
        side: Side,
        name: String,
    },
    /// Every frontend and backend has been told once.
    Complete,
}

/// What the watcher asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    Watch,
    Ping(u64),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Hello { version, pid, workers } => {
                write!(f, "hello {version} pid {pid} workers {workers}")
            }
            Message::Phase(phase) => write!(f, "phase {}", phase.word()),
            Message::Beat { number, late_ms } => write!(f, "beat {number} late {late_ms}"),
            Message::Pong(number) => write!(f, "pong {number}"),
            Message::Able { side, name, able } => {
                write!(f, "{} {name} {} of {}", side.word(), able.servers, able.of)
            }
            Message::Gone { side, name } => write!(f, "gone {} {name}", side.word()),
            Message::Complete => f.write_str("complete"),
        }
    }
}

impl Message {
    /// Reads a line. `None`: it is of no kind that is known here, or malformed; the watcher skips it.
    pub fn parse(line: &str) -> Option<Message> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        Some(match words.as_slice() {
            ["hello", version, "pid", pid, "workers", workers, ..] => Message::Hello {
                version: version.parse().ok()?,
                pid: pid.parse().ok()?,
                workers: workers.parse().ok()?,
            },
            ["phase", word] => Message::Phase(Phase::of(word)?),
            ["beat", number, "late", late, ..] => {
                Message::Beat { number: number.parse().ok()?, late_ms: late.parse().ok()? }
            }
            ["pong", number] => Message::Pong(number.parse().ok()?),
            ["gone", side, name] => Message::Gone { side: side_of(side)?, name: (*name).to_owned() },
            ["complete"] => Message::Complete,
            [side, name, servers, "of", of, ..] => Message::Able {
                side: side_of(side)?,
                name: (*name).to_owned(),
                able: Able { servers: servers.parse().ok()?, of: of.parse().ok()? },
            },
            _ => return None,
        })
    }
}

fn side_of(word: &str) -> Option<Side> {
    [Side::Frontend, Side::Backend].into_iter().find(|s| s.word() == word)
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Watch => f.write_str(WATCH),
            Request::Ping(number) => write!(f, "ping {number}"),
        }
    }
}

impl Request {
    pub fn parse(line: &str) -> Option<Request> {
        match line.split_ascii_whitespace().collect::<Vec<_>>().as_slice() {
            ["watch", "health"] => Some(Request::Watch),
            ["ping", number] => number.parse().ok().map(Request::Ping),
            _ => None,
        }
    }
}

/// A line of more than [`LINE_MAX`] bytes: whoever writes it does not speak this language.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong;

/// Puts lines together from bytes as they come.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
}

impl Lines {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line without its end.
    ///
    /// # Errors
    /// [`TooLong`]: nothing that follows can be trusted.
    pub fn next_line(&mut self) -> Result<Option<String>, TooLong> {
        let Some(end) = self.buffer.iter().position(|b| *b == b'\n') else {
            return if self.buffer.len() >= LINE_MAX { Err(TooLong) } else { Ok(None) };
        };
        if end >= LINE_MAX {
            return Err(TooLong);
        }
        let rest = self.buffer.split_off(end + 1);
        let line = std::mem::replace(&mut self.buffer, rest);
        Ok(Some(String::from_utf8_lossy(line.get(..end).unwrap_or_default()).trim_end().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn messages() -> impl Strategy<Value = Message> {
        let side = prop_oneof![Just(Side::Frontend), Just(Side::Backend)];
        let name = "[A-Za-z0-9._:-]{1,40}";
        prop_oneof![
            (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(version, pid, workers)| Message::Hello {
                version,
                pid,
                workers
            }),
            (0usize..4).prop_map(|i| Message::Phase(Phase::WORDS[i].0)),
            (any::<u64>(), any::<u32>()).prop_map(|(number, late_ms)| Message::Beat { number, late_ms }),
            any::<u64>().prop_map(Message::Pong),
            (side.clone(), name, any::<u32>(), any::<u32>()).prop_map(|(side, name, servers, of)| {
                Message::Able { side, name, able: Able { servers, of } }
            }),
            (side, name).prop_map(|(side, name)| Message::Gone { side, name }),
            Just(Message::Complete),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(messages in proptest::collection::vec(messages(), 0..8), cut in 1usize..9) {
            let text: String = messages.iter().map(|m| format!("{m}\n")).collect();
            let mut lines = Lines::default();
            let mut read = Vec::new();
            for chunk in text.as_bytes().chunks(cut) {
                lines.feed(chunk);
                while let Ok(Some(line)) = lines.next_line() {
                    read.push(Message::parse(&line));
                }
            }
            prop_assert_eq!(read, messages.into_iter().map(Some).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut lines = Lines::default();
            lines.feed(&bytes);
            while let Ok(Some(line)) = lines.next_line() {
                let _ = (Message::parse(&line), Request::parse(&line));
            }
        }
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut lines = Lines::default();
        lines.feed(&[b'x'; LINE_MAX]);
        assert_eq!(lines.next_line(), Err(TooLong));
    }

    #[test]
    fn words_that_come_later_do_not_hurt() {
        let beat = Some(Message::Beat { number: 7, late_ms: 0 });
        assert_eq!(Message::parse("beat 7 late 0 load 3"), beat);
        assert_eq!(Message::parse("weather fine"), None);
        assert_eq!(Request::parse(&Request::Ping(4).to_string()), Some(Request::Ping(4)));
        assert_eq!(Request::parse(&Request::Watch.to_string()), Some(Request::Watch));
    }

    #[test]
    fn a_backend_without_servers_needs_none() {
        assert!(Able { servers: 0, of: 0 }.any());
        assert!(!Able { servers: 0, of: 2 }.any());
    }
}
