//! The grammar of `Cookie` and `Set-Cookie` as clients and servers write them, and edits that leave the rest alone.
//!
//! Cookies are separated by `;` or, as old clients do, by `,`; quoted strings hide both. Names that begin with `$`
//! belong to the cookie before them.

/// One cookie of a `Cookie` field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cookie<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
    /// It has an equal sign.
    pub has_value: bool,
    /// Everything up to the separator, white space included.
    raw: &'a [u8],
    /// The separator before it; `None` for the first one.
    separator: Option<u8>,
}

/// The cookies of a field, in order.
pub(super) fn cookies(value: &[u8]) -> impl Iterator<Item = Cookie<'_>> {
    let mut rest = Some(value);
    let mut separator = None;
    std::iter::from_fn(move || {
        let text = rest?;
        let end = end_of_cookie(text);
        let (raw, tail) = text.split_at_checked(end).unwrap_or((text, &[]));
        let cookie = cookie(raw, separator);
        separator = tail.first().copied();
        rest = tail.get(1..);
        Some(cookie)
    })
}

fn end_of_cookie(text: &[u8]) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    let end = text.iter().position(|&b| {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' | b',' => return !quoted,
            _ => {}
        }
        false
    });
    end.unwrap_or(text.len())
}

fn cookie(raw: &[u8], separator: Option<u8>) -> Cookie<'_> {
    let (name, value, has_value) = match memchr::memchr(b'=', raw) {
        Some(i) => (raw.get(..i).unwrap_or(&[]), raw.get(i + 1..).unwrap_or(&[]), true),
        None => (raw, &[][..], false),
    };
    Cookie { name: name.trim_ascii(), value: value.trim_ascii(), has_value, raw, separator }
}

/// Collects what remains of a field.
#[derive(Debug, Default)]
pub(super) struct Edited {
    out: Vec<u8>,
    /// Something was removed between what is in `out` and what comes.
    gap: bool,
    any: bool,
    /// A cookie remains, not only `$` attributes.
    lives: bool,
    changed: bool,
}

/// What became of a field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Same,
    Empty,
    New(Vec<u8>),
}

impl Edited {
    pub(super) fn keep(&mut self, c: &Cookie<'_>) {
        match c.has_value {
            true => self.replace(c, c.value),
            false => self.push(c, c.raw),
        }
        self.lives |= !c.name.is_empty() && c.name.first() != Some(&b'$');
    }

    /// Puts another value in, and drops white space around the equal sign.
    pub(super) fn replace(&mut self, c: &Cookie<'_>, value: &[u8]) {
        let lead = c.raw.len() - c.raw.trim_ascii_start().len();
        let trail = c.raw.trim_ascii_end().len();
        let new = [c.raw.get(..lead).unwrap_or(&[]), c.name, b"=", value, c.raw.get(trail..).unwrap_or(&[])]
            .concat();
        self.changed |= new != c.raw;
        self.push(c, &new);
        self.lives |= c.name.first() != Some(&b'$');
    }

    pub(super) fn remove(&mut self) {
        self.changed = true;
        self.gap = true;
    }

    fn push(&mut self, c: &Cookie<'_>, text: &[u8]) {
        match (std::mem::take(&mut self.gap), self.any) {
            (true, false) => self.out.extend_from_slice(text.trim_ascii_start()),
            (true, true) => {
                self.trim_end();
                self.out.extend_from_slice(&[c.separator.unwrap_or(b';'), b' ']);
                self.out.extend_from_slice(text.trim_ascii_start());
            }
            (false, _) => {
                self.out.extend(c.separator.filter(|_| self.any));
                self.out.extend_from_slice(text);
            }
        }
        self.any = true;
    }

    fn trim_end(&mut self) {
        let keep = self.out.trim_ascii_end().len();
        self.out.truncate(keep);
    }

    pub(super) fn finish(mut self, original: &[u8]) -> Outcome {
        if !self.changed {
            return Outcome::Same;
        }
        self.trim_end();
        match self.lives && !self.out.is_empty() {
            false => Outcome::Empty,
            true if self.out == original => Outcome::Same,
            true => Outcome::New(self.out),
        }
    }
}

/// Whether white space stands beside an equal sign, which is taken out of what the server gets.
pub(super) fn is_loose(value: &[u8]) -> bool {
    value.windows(2).any(|w| matches!(w, b" =" | b"= " | b"\t=" | b"=\t"))
}

/// A `Set-Cookie` field of the wanted name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SetCookie<'a> {
    pub value: &'a [u8],
    /// What follows the value, white space first.
    pub after: &'a [u8],
}

pub(super) fn set_cookie<'a>(field: &'a [u8], name: &[u8]) -> Option<SetCookie<'a>> {
    let first = field.get(..end_of_cookie(field))?;
    let equal = memchr::memchr(b'=', first)?;
    if first.get(..equal)?.trim_ascii() != name {
        return None;
    }
    let start = equal + 1 + first.get(equal + 1..)?.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let value = first.get(start..)?.trim_ascii_end();
    Some(SetCookie { value, after: field.get(start + value.len()..)? })
}
