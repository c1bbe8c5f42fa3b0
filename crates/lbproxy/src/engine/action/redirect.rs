//! Redirections (manual 4.2, `redirect`).

use super::{Answer, AnswerBody, with_text};
use crate::engine::{http::HeaderId, logformat::LogFormat, sample::Ctx};

/// A compiled `redirect`.
#[derive(Clone, Debug)]
pub struct Redirect {
    pub to: To,
    /// 301, 302, 303, 307 or 308.
    pub code: u16,
    pub drop_query: bool,
    pub keep_query: bool,
    pub append_slash: bool,
    /// A location that comes out empty skips the rule.
    pub ignore_empty: bool,
    /// The whole `Set-Cookie` value.
    pub cookie: Option<LogFormat>,
}

/// Where it leads.
#[derive(Clone, Debug)]
pub enum To {
    Location(LogFormat),
    Prefix(LogFormat),
    Scheme(LogFormat),
}

impl Redirect {
    /// The answer; absent when the rule is to be skipped.
    pub(super) fn answer(&self, ctx: &mut Ctx<'_>) -> Option<Answer> {
        let mut location = match &self.to {
            To::Location(f) | To::Prefix(f) | To::Scheme(f) => with_text(ctx, f, |_, t| t.to_vec()),
        };
        match &self.to {
            To::Location(_) => {
                if location.is_empty() && self.ignore_empty {
                    return None;
                }
                if self.keep_query {
                    self.add_query(ctx, &mut location);
                }
            }
            To::Prefix(_) => {
                // A prefix of `/` alone stands for none.
                if location == b"/" {
                    location.clear();
                }
                self.add_path(ctx, &mut location);
            }
            To::Scheme(_) => {
                location.extend_from_slice(b"://");
                let host = ctx.req.as_deref().and_then(|h| h.known(HeaderId::Host)).unwrap_or(b"");
                location.extend_from_slice(host);
                self.add_path(ctx, &mut location);
            }
        }
        let mut headers: Vec<(Box<str>, Vec<u8>)> = vec![("location".into(), location)];
        // Temporary ones must not be kept by caches that know no better.
        if matches!(self.code, 302 | 303 | 307) {
            headers.push(("cache-control".into(), b"no-cache".to_vec()));
        }
        if let Some(cookie) = &self.cookie {
            headers.push(("set-cookie".into(), with_text(ctx, cookie, |_, t| t.to_vec())));
        }
        Some(Answer { status: self.code, body: AnswerBody::Empty, headers })
    }

    fn add_path(&self, ctx: &Ctx<'_>, location: &mut Vec<u8>) {
        let Some(head) = ctx.req.as_deref() else { return };
        if !self.drop_query {
            location.extend_from_slice(head.path_and_query());
            return;
        }
        let path = head.path();
        location.extend_from_slice(path);
        if self.append_slash && path.last() != Some(&b'/') {
            location.push(b'/');
        }
    }

    fn add_query(&self, ctx: &Ctx<'_>, location: &mut Vec<u8>) {
        let query = ctx.req.as_deref().map_or(&b""[..], |h| h.query());
        if !query.is_empty() {
            location.push(if location.contains(&b'?') { b'&' } else { b'?' });
            location.extend_from_slice(query);
        }
    }
}
