//! Quoting and escaping of printed values (manual 8.2.6, 8.6).

use super::Mode;

/// Flags of an item: quote, hexadecimal, escape.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    /// `Q`: in double quotes.
    pub quote: bool,
    /// `X`: addresses and numbers in hexadecimal.
    pub hex: bool,
    /// `E`: a backslash before `"`, `\` and `]` (RFC 5424 section 6.3.3).
    pub escape: bool,
}

/// Where an item prints, and how.
#[derive(Debug)]
pub struct Out<'o> {
    pub out: &'o mut Vec<u8>,
    pub flags: Flags,
    pub mode: Mode,
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Pushes a byte as `prefix` and two hexadecimal digits.
fn push_hex(out: &mut Vec<u8>, prefix: u8, b: u8) {
    let digit = |n: u8| DIGITS.get(usize::from(n)).copied().unwrap_or(b'0');
    out.extend([prefix, digit(b >> 4), digit(b & 15)]);
}

impl Out<'_> {
    /// A text as it is, or what stands for a missing one.
    pub fn text(&mut self, text: Option<&[u8]>) {
        match text.filter(|t| !t.is_empty()) {
            Some(text) => {
                self.quote();
                self.escaped(text);
                self.quote();
            }
            None => self.missing(),
        }
    }

    /// A text from the network: bytes that could confuse a reader of the log as `#XX` (manual 8.6).
    pub fn safe_text(&mut self, text: Option<&[u8]>, header: bool) {
        match text.filter(|t| !t.is_empty()) {
            Some(text) => {
                self.quote();
                self.hashed(text, header);
                self.quote();
            }
            None => self.missing(),
        }
    }

    pub fn number(&mut self, n: i64) {
        self.out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
    }

    /// A number, in at least four hexadecimal digits with flag `X`.
    pub fn number_or_hex(&mut self, n: i64) {
        use std::io::Write;
        if self.flags.hex {
            // Writing to a vector cannot fail.
            let _ = write!(self.out, "{n:04X}");
        } else {
            self.number(n);
        }
    }

    /// Nothing was there.
    pub fn missing(&mut self) {
        if self.flags.quote {
            self.out.extend_from_slice(b"\"\"");
        } else if self.mode == Mode::Log {
            self.out.push(b'-');
        }
    }

    pub fn quote(&mut self) {
        if self.flags.quote {
            self.out.push(b'"');
        }
    }

    /// With flag `E`, a backslash before what RFC 5424 reserves.
    pub fn escaped(&mut self, text: &[u8]) {
        if !self.flags.escape {
            self.out.extend_from_slice(text);
            return;
        }
        for &b in text {
            if matches!(b, b'"' | b'\\' | b']') {
                self.out.push(b'\\');
            }
            self.out.push(b);
        }
    }

    /// `#XX` for controls, bytes beyond ASCII, `"` and `#`; in captured headers also for `{`, `|` and `}`.
    pub fn hashed(&mut self, text: &[u8], header: bool) {
        for &b in text {
            let plain = matches!(b, 32..=126)
                && !matches!(b, b'"' | b'#')
                && !(header && matches!(b, b'{' | b'|' | b'}'));
            if !plain {
                push_hex(self.out, b'#', b);
            } else {
                if self.flags.escape && matches!(b, b'\\' | b']') {
                    self.out.push(b'\\');
                }
                self.out.push(b);
            }
        }
    }

    /// What may not stand in a header value as `%XX`.
    pub fn header_bytes(&mut self, text: &[u8]) {
        for &b in text {
            if b == b'\t' || (b >= b' ' && b != 0x7f) {
                self.out.push(b);
            } else {
                push_hex(self.out, b'%', b);
            }
        }
    }
}
