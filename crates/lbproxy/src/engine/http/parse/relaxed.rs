//! `option accept-unsafe-violations-in-http-request` and `-response` (manual 4.2): what is taken although the
//! grammar forbids it. Asked only after the strict parser has refused, so it costs clean messages nothing.
//!
//! As HAProxy: fields with an impossible name vanish, control bytes in values stay, other names and numbers of the
//! protocol pass and count as HTTP/1.0. What would let two readers disagree on where a message ends is refused as
//! ever: bare CR, an empty name, a line without a colon.

use super::{
    super::message::{Head, HeaderId, Piece, Slot, Version},
    Limits, Outcome, Reject, head_end,
    scan::{Mode, Scanned, scan},
    target, unfold,
};

/// A second chance for a message that was refused for `reject`.
#[cold]
pub(super) fn take(
    raw: &[u8],
    limits: &Limits,
    head: &mut Head,
    reject: Reject,
    is_request: bool,
) -> Result<Outcome, Reject> {
    if matches!(reject, Reject::TooLong | Reject::TooManyHeaders | Reject::Http2) {
        return Err(reject);
    }
    let end = match simple_request(raw).filter(|_| is_request) {
        Some(end) => end,
        None => match head_end(raw) {
            Some(end) => end,
            None if raw.len() >= limits.head_bytes_max => return Err(Reject::TooLong),
            None => return Ok(Outcome::Partial),
        },
    };
    let mut copy = raw.get(..end).unwrap_or(raw).to_vec();
    // A continuation line with nothing to continue is a field with an impossible name here.
    let _ = unfold(&mut copy);
    let scanned = scan(&copy, is_request, Mode::Relaxed, limits.fields_max());
    if scanned.fault.is_some() {
        return Err(reject);
    }
    head.load(&copy);
    fill(head, &copy, &scanned, is_request).ok_or(reject)?;
    if is_request {
        target::check(head, true)?;
    }
    head.tolerated = Some(reject);
    Ok(Outcome::Complete(end))
}

/// HTTP/0.9: a line with GET and a target, and nothing else.
fn simple_request(raw: &[u8]) -> Option<usize> {
    let skip = raw.iter().take_while(|&&b| b == b'\r' || b == b'\n').count();
    let line = raw.get(skip..)?;
    let eol = memchr::memchr(b'\n', line)?;
    let text = line.get(..eol)?.trim_ascii_end();
    let target = text.strip_prefix(b"GET ")?.trim_ascii();
    (!target.is_empty() && !target.iter().any(u8::is_ascii_whitespace)).then_some(skip + eol + 1)
}

fn fill(head: &mut Head, copy: &[u8], scanned: &Scanned, is_request: bool) -> Option<()> {
    let piece = |r: &std::ops::Range<usize>| Piece::new(r.start, r.len());
    let [first, second, third] = &scanned.words;
    let word = if is_request { third } else { first };
    let (version, known) = version(copy.get(word.clone())?);
    if is_request {
        head.set_request_pieces(piece(first), piece(second), version);
    } else {
        let digits = std::str::from_utf8(copy.get(second.clone())?).ok()?;
        head.set_response_pieces(digits.parse().ok().filter(|&s| s > 0)?, piece(third), version);
    }
    if !known {
        head.set_version_piece(piece(word));
    }
    for f in scanned.fields.iter().filter(|f| !f.odd) {
        let id = HeaderId::of(copy.get(f.name.clone())?);
        head.push_slot(Slot { id, name: piece(&f.name), value: piece(&f.value) });
    }
    Some(())
}

/// The version that a word counts as, and whether it is one that is written again as such.
fn version(word: &[u8]) -> (Version, bool) {
    match word {
        b"HTTP/1.0" | b"" => (Version::H10, true),
        [b'H', b'T', b'T', b'P', b'/', b'1'..=b'9', b'.', minor] if minor.is_ascii_digit() => {
            (Version::H11, true)
        }
        _ => (Version::H10, false),
    }
}
