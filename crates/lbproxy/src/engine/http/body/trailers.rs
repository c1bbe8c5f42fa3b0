//! Trailers, byte by byte: each one is checked before it goes on, so that a line which never ends cannot carry
//! anything past the proxy that a less strict reader would take for more than a field.
//!
//! Invariants: CR goes on only as the last byte or before LF; names are tokens, and none that would change how the
//! message or the connection is read (RFC 9110 section 6.5.1); values hold no control characters.

use super::{TRAILERS_MAX, is_token, valid_value};

/// Fields that are no trailers.
const FORBIDDEN: [&[u8]; 6] =
    [b"content-length", b"transfer-encoding", b"host", b"trailer", b"connection", b"upgrade"];

/// The trailer section of a chunked body (RFC 9112 section 7.1.2), as far as it has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Trailers {
    place: Place,
    /// The name that is arriving.
    name: Vec<u8>,
    bytes: usize,
    content: u64,
    /// White space that counts only if more of the value follows.
    blank: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Place {
    #[default]
    LineStart,
    Name,
    /// Before the first byte of the value that is no white space.
    ValueStart,
    Value,
    /// Behind the CR of a field's line.
    FieldLf,
    /// Behind the CR of the empty line.
    LastLf,
    Done,
}

impl Trailers {
    /// Takes what belongs to the trailers from the front of `bytes`; all of it may be forwarded.
    ///
    /// # Errors
    /// The offset of the byte that cannot stand there.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, usize> {
        for (at, &b) in bytes.iter().enumerate() {
            if self.place == Place::Done {
                return Ok(at);
            }
            self.bytes += 1;
            let next = self.step(b).filter(|_| self.bytes <= TRAILERS_MAX);
            self.place = next.ok_or(at)?;
        }
        Ok(bytes.len())
    }

    pub(super) fn is_done(&self) -> bool {
        self.place == Place::Done
    }

    /// Bytes of names and values since it was asked last, and one for the end of the section, as HAProxy counts.
    pub(super) fn content(&mut self) -> u64 {
        std::mem::take(&mut self.content)
    }

    fn step(&mut self, b: u8) -> Option<Place> {
        Some(match (self.place, b) {
            (Place::LineStart, b'\r') => Place::LastLf,
            (Place::LastLf, b'\n') => {
                self.content += 1;
                Place::Done
            }
            (Place::LineStart | Place::Name, b) if is_token(b) => {
                self.name.push(b);
                Place::Name
            }
            (Place::Name, b':') if !FORBIDDEN.iter().any(|f| self.name.eq_ignore_ascii_case(f)) => {
                self.content += self.name.len() as u64;
                self.name.clear();
                Place::ValueStart
            }
            (Place::ValueStart | Place::Value, b'\r') => {
                self.blank = 0;
                Place::FieldLf
            }
            (Place::ValueStart, b' ' | b'\t') => Place::ValueStart,
            (Place::Value, b' ' | b'\t') => {
                self.blank += 1;
                Place::Value
            }
            (Place::ValueStart | Place::Value, b) if valid_value(&[b]) => {
                self.content += 1 + std::mem::take(&mut self.blank);
                Place::Value
            }
            (Place::FieldLf, b'\n') => Place::LineStart,
            _ => return None,
        })
    }
}
