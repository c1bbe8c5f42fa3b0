//! The body machine: how many of these bytes belong to the body, proven against its framing.
//!
//! Works in place: what may be forwarded is moved to the front of the slice, so that chunk extensions vanish
//! without a second buffer. Invariants: a body never yields more than its framing says; chunk lines leave as plain
//! sizes; no byte of a trailer leaves before it has been found to be one that may stand there. Left to others:
//! reading, writing, time-outs.

use super::{
    framing::Framing,
    message::{is_token, valid_value},
    parse::Reject,
};

mod trailers;
use trailers::Trailers;

/// Most bytes of a chunk line: size, extensions and white space.
pub const CHUNK_LINE_MAX: u32 = 4_096;
/// Most hexadecimal digits of a chunk size, leading zeros included.
pub const CHUNK_DIGITS_MAX: u32 = 16;
/// Most bytes of all trailers of a message.
pub const TRAILERS_MAX: usize = 8_192;

/// The rest of a body.
#[derive(Clone, Debug, Default)]
pub struct Body {
    state: State,
    /// Boxed, since nearly no message has any.
    trailers: Option<Box<Trailers>>,
    failed_at: usize,
}

/// What [`Body::pass`] did with its input.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Passed {
    /// Bytes of the input that are used up.
    pub read: usize,
    /// Bytes at the front of the input that are to be forwarded; never more than `read`.
    pub write: usize,
    /// Bytes of content among them: without chunk lines, with names and values of trailers.
    pub content: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Done,
    Length(u64),
    UntilClose,
    Chunk(Chunk),
}

/// Where in the chunked coding (RFC 9112 section 7.1) the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Chunk {
    /// In the size: value and digits so far.
    Size {
        size: u64,
        digits: u32,
    },
    /// Behind the size: white space, then an extension or the line's end.
    AfterSize {
        size: u64,
        line: u32,
    },
    /// In an extension; inside a quoted string or not, behind a backslash or not.
    Extension {
        size: u64,
        line: u32,
        quoted: bool,
        escaped: bool,
    },
    SizeLf {
        size: u64,
    },
    Data(u64),
    DataCr,
    DataLf,
    Trailer,
}

impl Body {
    pub fn new(framing: Framing) -> Body {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(n) => State::Length(n),
            Framing::Chunked => State::Chunk(Chunk::Size { size: 0, digits: 0 }),
            Framing::UntilClose | Framing::Tunnel => State::UntilClose,
        };
        Body { state, trailers: None, failed_at: 0 }
    }

    /// Where in the bytes last given to [`Body::pass`] the coding broke.
    pub fn failed_at(&self) -> usize {
        self.failed_at
    }

    /// The whole body has passed.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The end of the connection is the end of the body.
    pub fn ends_with_connection(&self) -> bool {
        self.state == State::UntilClose
    }

    /// Bytes that are known to come still; `None` where the framing does not tell.
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Done => Some(0),
            State::Length(n) | State::Chunk(Chunk::Data(n)) => Some(n),
            _ => None,
        }
    }

    /// Takes what belongs to the body from the front of `bytes`.
    ///
    /// # Errors
    /// [`Reject::Chunk`] when the chunked coding is broken; nothing of the message may be trusted after that.
    pub fn pass(&mut self, bytes: &mut [u8]) -> Result<Passed, Reject> {
        match &mut self.state {
            State::Done => Ok(Passed::default()),
            State::UntilClose => Ok(Passed::plain(bytes.len())),
            State::Length(left) => {
                let n = usize::try_from(*left).map_or(bytes.len(), |l| l.min(bytes.len()));
                *left -= n as u64;
                if *left == 0 {
                    self.state = State::Done;
                }
                Ok(Passed::plain(n))
            }
            State::Chunk(_) => self.pass_chunks(bytes),
        }
    }

    fn pass_chunks(&mut self, bytes: &mut [u8]) -> Result<Passed, Reject> {
        let mut p = Passed::default();
        while let State::Chunk(chunk) = self.state {
            let Some(&byte) = bytes.get(p.read) else { break };
            match chunk {
                Chunk::Data(left) => {
                    let here = bytes.len() - p.read;
                    let n = usize::try_from(left).map_or(here, |l| l.min(here));
                    p.keep(bytes, n);
                    p.content += n as u64;
                    let left = left - n as u64;
                    self.state = State::Chunk(if left == 0 { Chunk::DataCr } else { Chunk::Data(left) });
                }
                Chunk::Trailer => self.pass_trailers(bytes, &mut p)?,
                _ => {
                    let (next, keep) = chunk.step(byte).inspect_err(|_| self.failed_at = p.read)?;
                    if keep {
                        p.keep(bytes, 1);
                    } else {
                        p.read += 1;
                    }
                    self.state = State::Chunk(next);
                }
            }
        }
        Ok(p)
    }

    #[cold]
    fn pass_trailers(&mut self, bytes: &mut [u8], p: &mut Passed) -> Result<(), Reject> {
        let trailers = self.trailers.get_or_insert_default();
        let rest = bytes.get(p.read..).unwrap_or(&[]);
        let taken = trailers.take(rest).map_err(|at| {
            self.failed_at = p.read + at;
            Reject::Chunk
        })?;
        p.content += trailers.content();
        if trailers.is_done() {
            (self.state, self.trailers) = (State::Done, None);
        }
        p.keep(bytes, taken);
        Ok(())
    }
}

impl Passed {
    fn plain(n: usize) -> Passed {
        Passed { read: n, write: n, content: n as u64 }
    }

    /// Moves the next `n` input bytes behind those that are kept.
    fn keep(&mut self, bytes: &mut [u8], n: usize) {
        if self.read != self.write {
            bytes.copy_within(self.read..self.read + n, self.write);
        }
        self.read += n;
        self.write += n;
    }
}

impl Chunk {
    /// One byte of a chunk line or line end: the next state, and whether the byte is forwarded.
    fn step(self, byte: u8) -> Result<(Chunk, bool), Reject> {
        let at_end = |size| (Chunk::SizeLf { size }, true);
        Ok(match (self, byte) {
            (Chunk::Size { size, digits }, b) if b.is_ascii_hexdigit() => {
                if digits == CHUNK_DIGITS_MAX || size >> 59 != 0 {
                    return Err(Reject::Chunk);
                }
                let digit = (b as char).to_digit(16).map_or(0, u64::from);
                // Of leading zeros one stays at most: some readers take only so many digits.
                let zeros = b == b'0' && size == 0 && digits > 0;
                (Chunk::Size { size: size << 4 | digit, digits: digits + 1 }, !zeros)
            }
            (Chunk::Size { size, digits: 1.. }, b'\r') => at_end(size),
            (Chunk::Size { size, digits: 1.. }, b' ' | b'\t') => (Chunk::AfterSize { size, line: 0 }, false),
            (Chunk::Size { size, digits: 1.. }, b';') => {
                (Chunk::Extension { size, line: 0, quoted: false, escaped: false }, false)
            }
            (
                Chunk::AfterSize { line: CHUNK_LINE_MAX.., .. }
                | Chunk::Extension { line: CHUNK_LINE_MAX.., .. },
                _,
            ) => {
                return Err(Reject::Chunk);
            }
            (Chunk::AfterSize { size, .. }, b'\r') => at_end(size),
            (Chunk::AfterSize { size, line }, b' ' | b'\t') => {
                (Chunk::AfterSize { size, line: line + 1 }, false)
            }
            (Chunk::AfterSize { size, line }, b';') => {
                (Chunk::Extension { size, line, quoted: false, escaped: false }, false)
            }
            (Chunk::Extension { size, quoted: false, .. }, b'\r') => at_end(size),
            (Chunk::Extension { size, line, quoted, escaped }, b) if valid_value(&[b]) => {
                let plain = is_token(b) || matches!(b, b' ' | b'\t' | b';' | b'=' | b'"');
                if !quoted && !plain {
                    return Err(Reject::Chunk);
                }
                let quote = b == b'"' && !escaped;
                let escaped = quoted && b == b'\\' && !escaped;
                (Chunk::Extension { size, line: line + 1, quoted: quoted != quote, escaped }, false)
            }
            (Chunk::SizeLf { size: 0 }, b'\n') => (Chunk::Trailer, true),
            (Chunk::SizeLf { size }, b'\n') => (Chunk::Data(size), true),
            (Chunk::DataCr, b'\r') => (Chunk::DataLf, true),
            (Chunk::DataLf, b'\n') => (Chunk::Size { size: 0, digits: 0 }, true),
            _ => return Err(Reject::Chunk),
        })
    }
}

#[cfg(test)]
mod tests;
