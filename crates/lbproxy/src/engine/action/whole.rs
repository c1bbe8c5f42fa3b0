//! Rules of HAProxy up to 2.0 that look at whole lines of a head: the start line and `Name: value` (`reqrep`,
//! `reqidel`, `rspdeny` …; manual 2.0, 4.2).
//!
//! A line that matches is replaced as a whole by what the template says; a header line that becomes empty is gone,
//! and a start line that would no longer be one stays as it was and counts as a failed rewrite.

use super::{Reply, ReplyBody};
use crate::engine::{
    http::{Head, Version},
    pattern::{Regex, regex::expand},
    rule::Verdict,
    sample::Ctx,
};

/// An edit or a judgement of whole lines.
#[derive(Clone, Debug)]
pub enum Whole {
    Replace { regex: Regex, template: Box<[u8]> },
    Delete { regex: Regex },
    Judge { regex: Regex, then: Then },
}

/// What a matching line leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    Allow,
    Deny,
    Tarpit,
}

impl Whole {
    /// `None`: the next rule is evaluated.
    pub(super) fn run(&self, ctx: &mut Ctx<'_>) -> Option<Verdict> {
        let responding = ctx.responding;
        let head = if responding { ctx.res.as_deref_mut() } else { ctx.req.as_deref_mut() }?;
        match self {
            Whole::Replace { regex, template } => {
                if !replace(head, regex, template) {
                    ctx.txn.rewrite_failures += 1;
                }
                None
            }
            Whole::Delete { regex } => {
                let mut line = Vec::new();
                head.retain(|_, name, value| !regex.is_match(join(&mut line, name, value)));
                None
            }
            Whole::Judge { regex, then } => {
                let mut line = Vec::new();
                let start = start_line(head);
                let hit = regex.is_match(&start)
                    || head.headers().any(|(n, v)| regex.is_match(join(&mut line, n, v)));
                let answer = |status, ctx: &mut Ctx<'_>| {
                    let body = ReplyBody::ErrorPage;
                    Reply { status, body, content_type: None, headers: Vec::new() }.answer(ctx)
                };
                match then {
                    _ if !hit => None,
                    Then::Allow => Some(Verdict::Allow),
                    Then::Deny if responding => Some(Verdict::Deny(answer(502, ctx))),
                    Then::Deny => Some(Verdict::Deny(answer(403, ctx))),
                    Then::Tarpit => Some(Verdict::Tarpit(answer(500, ctx))),
                }
            }
        }
    }
}

/// `false` when a start line or a field would not have been one.
fn replace(head: &mut Head, regex: &Regex, template: &[u8]) -> bool {
    let mut ok = true;
    let start = start_line(head);
    if let Some(new) = expanded(regex, template, &start) {
        ok &= set_start_line(head, &new);
    }
    let (mut line, mut gone) = (Vec::new(), Vec::new());
    for i in 0..head.len() {
        let Some(slot) = head.slots().get(i).copied() else { break };
        let old = join(&mut line, head.bytes(slot.name), head.bytes(slot.value));
        let Some(new) = expanded(regex, template, old) else { continue };
        match memchr::memchr(b':', &new) {
            Some(colon) => {
                let (name, value) = new.split_at(colon);
                let value = value.get(1..).unwrap_or(&[]).trim_ascii();
                ok &= head.set_field_at(i, name, value);
            }
            None if new.trim_ascii().is_empty() => gone.push(i),
            None => ok = false,
        }
    }
    let mut i = 0;
    head.retain(|_, _, _| {
        i += 1;
        !gone.contains(&(i - 1))
    });
    ok
}

fn expanded(regex: &Regex, template: &[u8], line: &[u8]) -> Option<Vec<u8>> {
    let groups = regex.groups(line, 0)?;
    let mut out = Vec::new();
    expand(template, line, &groups, &mut out);
    Some(out)
}

fn join<'l>(line: &'l mut Vec<u8>, name: &[u8], value: &[u8]) -> &'l [u8] {
    line.clear();
    for part in [name, b": ", value] {
        line.extend_from_slice(part);
    }
    line
}

fn start_line(head: &Head) -> Vec<u8> {
    let version: &[u8] = if head.version == Version::H10 { b"HTTP/1.0" } else { b"HTTP/1.1" };
    if head.is_request() {
        return [head.method(), head.uri(), version].join(&b' ');
    }
    [version, head.status.to_string().as_bytes(), head.reason()].join(&b' ')
}

fn set_start_line(head: &mut Head, line: &[u8]) -> bool {
    let mut parts = line.splitn(3, |&b| b == b' ');
    let (Some(a), Some(b), c) = (parts.next(), parts.next(), parts.next().unwrap_or(b"")) else {
        return false;
    };
    if head.is_request() {
        return c.starts_with(b"HTTP/") && head.set_method(a) && head.set_uri(b);
    }
    let status = std::str::from_utf8(b).ok().and_then(|s| s.parse().ok());
    a.starts_with(b"HTTP/") && status.is_some_and(|s| head.set_status(s, c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Head {
        let mut h = Head::default();
        assert!(h.set_method(b"GET") && h.set_uri(b"/old/a b".split(|&c| c == b' ').next().unwrap()));
        assert!(h.add(b"Host", b"x") && h.add(b"X-Debug", b"1") && h.add(b"Cookie", b"a=1"));
        h
    }

    #[test]
    fn whole_lines_are_replaced_and_empty_ones_are_gone() {
        let mut h = request();
        let r = |t, no_case| Regex::new(t, no_case).unwrap();
        assert!(replace(&mut h, &r(r"^([^ ]*) /old/(.*)", false), br"\1 /new/\2"));
        assert_eq!((h.method(), h.uri()), (&b"GET"[..], &b"/new/a"[..]));
        assert!(replace(&mut h, &r("^host:.*", true), b"Host: y"));
        assert!(replace(&mut h, &r("^x-debug:.*", true), b""));
        let all: Vec<_> = h.headers().collect();
        assert_eq!(all, [(&b"Host"[..], &b"y"[..]), (b"Cookie", b"a=1")]);
        assert!(!replace(&mut h, &r("^GET.*", false), b"nonsense"), "it would be no request line");
        assert_eq!(h.uri(), b"/new/a");
    }

    #[test]
    fn a_replacement_cannot_smuggle_a_second_line() {
        let mut h = request();
        let r = Regex::new("^Cookie: (.*)", false).unwrap();
        assert!(!replace(&mut h, &r, b"Cookie: x\r\nEvil: 1"));
        assert_eq!(h.header(b"cookie"), Some(&b"a=1"[..]));
    }
}
