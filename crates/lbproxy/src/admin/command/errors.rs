//! `show errors`: the last refused request and response of each proxy, byte by byte.

use std::{fmt::Write, sync::Arc};

use super::{Call, Command, Reply};
use crate::{
    compile::plan::Level,
    engine::{
        http::parse::Reject,
        sample::time::{Zone, strftime},
        state::Refused,
    },
};

pub(super) const COMMANDS: &[Command] = &[Command {
    words: "show errors",
    usage: "[<px>] [request|response]",
    level: Level::Operator,
    doc: "show the last refused request and response of each proxy",
    run: show,
}];

fn show(c: &mut Call<'_>) -> Reply {
    let (mut requests, mut responses, mut proxy) = (true, true, None);
    for word in c.args {
        match &**word {
            "request" => responses = false,
            "response" => requests = false,
            "-1" => {}
            name => proxy = Some(name),
        }
    }
    let plan = &c.runtime.plan;
    let number: Option<u32> = proxy.and_then(|p| p.parse().ok());
    let is = |name: &str, id: u32| proxy.is_none_or(|p| number.map_or(p == name, |n| n == id));
    let fronts = plan.frontends.iter().map(|f| (&*f.name, f.id));
    let backs = plan.backends.iter().map(|b| (&*b.name, b.id));
    if !fronts.chain(backs).any(|(name, id)| is(name, id)) {
        return Reply::text("No such proxy.");
    }
    let zone = &c.shared.zone;
    let up_us = u64::try_from(c.shared.started.elapsed().as_micros()).unwrap_or(0);
    let mut out = format!(
        "Total events captured on [{}] : {}\n",
        date(c.shared.started_us + up_us, zone),
        c.shared.registry.refusals().count()
    );
    for (front, back) in &plan.order {
        let front = front.and_then(|f| plan.frontends.get(f)).filter(|f| requests && is(&f.name, f.id));
        if let Some(r) = front.and_then(|f| f.state.refused.get()) {
            describe(&r, true, zone, &mut out);
        }
        let back = back.and_then(|b| plan.backends.get(b)).filter(|b| responses && is(&b.name, b.id));
        if let Some(r) = back.and_then(|b| b.state.refused.get()) {
            describe(&r, false, zone, &mut out);
        }
    }
    Reply::Text(out)
}

/// `22/Nov/2026:11:18:18.045`
fn date(us: u64, zone: &Zone) -> String {
    let mut out = Vec::new();
    let seconds = i64::try_from(us / 1_000_000).unwrap_or(0);
    strftime(b"%d/%b/%Y:%H:%M:%S", seconds, 0, zone, false, &mut out);
    format!("{}.{:03}", String::from_utf8_lossy(&out), us / 1_000 % 1_000)
}

fn describe(r: &Arc<Refused>, request: bool, zone: &Zone, out: &mut String) {
    let named = |n: &Option<(String, u32)>| match n {
        Some((name, id)) => format!("{name} (#{id})"),
        None => "<NONE> (#-1)".to_owned(),
    };
    let frontend = format!("{} (#{})", r.frontend.0, r.frontend.1);
    let date = date(r.at_us, zone);
    let _ = match request {
        true => {
            write!(out, " \n[{date}] frontend {frontend}: invalid request\n  backend {}", named(&r.backend))
        }
        false => {
            write!(out, " \n[{date}] backend {}: invalid response\n  frontend {frontend}", named(&r.backend))
        }
    };
    let _ = writeln!(
        out,
        ", server {}, event #{}, src {}\n  len {}, error at position {}\n  {}: {} :\n  ",
        named(&r.server),
        r.event,
        r.client,
        r.bytes.len(),
        r.position,
        if r.tolerated { "tolerated" } else { "refused" },
        words(r.reason)
    );
    dump(&r.bytes, out);
}

/// What was wrong, for people.
const fn words(reason: Reject) -> &'static str {
    match reason {
        Reject::StartLine => "the first line is not one of HTTP/1",
        Reject::Version => "a version of HTTP that is not spoken here",
        Reject::HeaderField => "a byte that a header field must not hold",
        Reject::Fold => "a continuation line without a header field before it",
        Reject::TooManyHeaders => "more header fields than tune.http.maxhdr",
        Reject::TooLong => "a head larger than the buffer (tune.bufsize less tune.maxrewrite)",
        Reject::Target => "a request target that is none",
        Reject::Host => "a Host that is malformed, repeated, or not that of the target",
        Reject::ContentLength => "a Content-Length that is no number, or several that differ",
        Reject::TransferEncoding => "a Transfer-Encoding that does not end in chunked",
        Reject::CodedRequest => "a request with a transfer coding that is not processed",
        Reject::UnexpectedBody => "a body with GET, HEAD or DELETE in HTTP/1.0",
        Reject::ConnectBody => "CONNECT with a body",
        Reject::WebSocketKey => {
            "an upgrade to WebSocket without its key, or granted without the answer to it"
        }
        Reject::Chunk => "a chunk that is malformed",
        Reject::Http2 => "the preface of HTTP/2 on a listener without it",
    }
}

/// Bytes of a line of the dump; a longer one is continued with `+`.
const LINE_BYTES: usize = 70;

/// The bytes with their offsets, a line for each of theirs.
fn dump(bytes: &[u8], out: &mut String) {
    let mut begins = true;
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |i| i + 1);
        let n = line.min(LINE_BYTES);
        let _ = write!(out, "  {at:05}{} ", if begins { ' ' } else { '+' });
        for &b in rest.get(..n).unwrap_or(rest) {
            let _ = match b {
                b'\n' => out.write_str("\\n"),
                b'\r' => out.write_str("\\r"),
                b'\t' => out.write_str("\\t"),
                b'\\' => out.write_str("\\\\"),
                0x20..=0x7e => out.write_char(b.into()),
                b => write!(out, "\\x{b:02X}"),
            };
        }
        out.push('\n');
        begins = n == line;
        at += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offsets and breaks that HAProxy 3.5 prints for the same bytes.
    #[test]
    fn bytes_are_shown_line_by_line() {
        let mut out = String::new();
        dump(b"GET /\x00 HTTP/1.1\r\nA:\tb\\\r\n", &mut out);
        assert_eq!(out, "  00000  GET /\\x00 HTTP/1.1\\r\\n\n  00017  A:\\tb\\\\\\r\\n\n");
        let mut out = String::new();
        dump(&[b"body".to_vec(), vec![b'y'; 70], vec![b'\n']].concat(), &mut out);
        assert_eq!(out, format!("  00000  body{}\n  00070+ yyyy\\n\n", "y".repeat(66)));
    }
}
