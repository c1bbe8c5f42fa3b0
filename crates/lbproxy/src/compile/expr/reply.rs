//! Replies of `deny`, `tarpit`, `return`, and redirections.

use std::{path::PathBuf, sync::Arc};

use common::{
    diag::{Diagnostic, codes},
    haproxy::model::{self, ReplyBody as Body},
    source::At,
};

use super::{FormatKind, Scope};
use crate::engine::{
    action::{Reply, ReplyBody, redirect},
    sample::Place,
};

/// Statuses that an error page can have (manual 4.2, `errorfile`).
const PAGE_STATUSES: &[u16] = &[
    200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504,
];

/// A file larger than this could not be sent from one buffer.
const FILE_BYTES_MAX: usize = 64 * 1024;

impl Scope<'_> {
    /// `status` is the one without an argument.
    pub(in crate::compile) fn reply(
        &mut self,
        r: &model::Reply,
        status: u16,
        places: &[Place],
    ) -> Option<Reply> {
        let given = r.status.as_ref();
        let code = given.map_or(status, |s| s.value);
        if let Some(s) = given.filter(|s| !(200..=599).contains(&s.value)) {
            self.alert(s.span, format!("`{}` is no status for an answer: 200 to 599", s.value));
            return None;
        }
        let body = match &r.body {
            Some(body) => self.body(body, code, places)?,
            // Nothing but a status: the error page for it, if there can be one; headers make an answer of one's own.
            None if r.headers.is_empty() && status != 200 && PAGE_STATUSES.contains(&code) => {
                ReplyBody::ErrorPage
            }
            None => ReplyBody::Empty,
        };
        let mut headers = Vec::with_capacity(r.headers.len());
        let mut ok = true;
        for h in &r.headers {
            match self.log_format_at(&h.value, FormatKind::Value, places) {
                Some(f) => headers.push((h.name.as_str().into(), f)),
                None => ok = false,
            }
        }
        ok.then(|| Reply {
            status: code,
            body,
            content_type: r.content_type.as_deref().map(Into::into),
            headers,
        })
    }

    fn body(&mut self, body: &Body, status: u16, places: &[Place]) -> Option<ReplyBody> {
        match body {
            Body::DefaultErrorfiles => Some(ReplyBody::ErrorPage),
            Body::Errorfile(path) => self.file(path).map(ReplyBody::Raw),
            Body::Errorfiles(name) => self.section_page(name, status),
            Body::File(path) => self.file(path).map(ReplyBody::Bytes),
            Body::String(text) => Some(ReplyBody::Bytes(text.as_bytes().into())),
            Body::LfString(text) => self.log_format_at(text, FormatKind::Text, places).map(ReplyBody::Format),
            Body::LfFile(path) => {
                let text = self.file(path)?;
                let Ok(text) = std::str::from_utf8(&text) else {
                    self.alert(path.span, format!("'{}' is no text", path.value));
                    return None;
                };
                let format = At::new(text.to_owned(), path.span);
                self.log_format_at(&format, FormatKind::Text, places).map(ReplyBody::Format)
            }
        }
    }

    /// The page of an `http-errors` section.
    fn section_page(&mut self, name: &At<String>, status: u16) -> Option<ReplyBody> {
        let config = self.config;
        let Some(section) = config.http_errors.iter().find(|h| h.name.value == name.value) else {
            let known = config.http_errors.iter().map(|h| h.name.as_str());
            let text = format!("there is no http-errors section '{}'", name.value);
            let d = Diagnostic::alert(codes::UNRESOLVED_NAME, text).at(name.span, "named here");
            self.say(d.did_you_mean(name, known));
            return None;
        };
        let page = section.pages.iter().rev().find(|p| p.status == status).and_then(|p| p.page.as_ref());
        match page {
            Some(model::ErrorPage::File(path)) => self.file(path).map(ReplyBody::Raw),
            Some(_) => {
                let text =
                    format!("section '{}' answers {status} with something else than a file", name.value);
                self.say(Diagnostic::alert(codes::NOT_YET, text).at(name.span, "not built yet"));
                None
            }
            None => Some(ReplyBody::ErrorPage),
        }
    }

    fn file(&mut self, path: &At<String>) -> Option<Arc<[u8]>> {
        let text = match self.world.read(&PathBuf::from(&path.value)) {
            Ok(b) if b.len() <= FILE_BYTES_MAX => return Some(b.into()),
            Ok(_) => format!("file '{}' is larger than {FILE_BYTES_MAX} bytes", path.value),
            Err(e) => format!("file '{}': {e}", path.value),
        };
        self.say(Diagnostic::alert(codes::BAD_FILE, text).at(path.span, "cannot be used"));
        None
    }

    pub(super) fn redirect(&mut self, r: &model::Redirect, places: &[Place]) -> Option<redirect::Redirect> {
        let to = match &r.to {
            model::RedirectTo::Location(f) => {
                redirect::To::Location(self.log_format_at(f, FormatKind::Value, places)?)
            }
            model::RedirectTo::Prefix(f) => {
                redirect::To::Prefix(self.log_format_at(f, FormatKind::Value, places)?)
            }
            model::RedirectTo::Scheme(f) => {
                redirect::To::Scheme(self.log_format_at(f, FormatKind::Value, places)?)
            }
        };
        let code = r.code.as_ref().map_or(302, |c| c.value);
        if let Some(c) = r.code.as_ref().filter(|_| !matches!(code, 301 | 302 | 303 | 307 | 308)) {
            self.alert(c.span, format!("`{code}` is no redirection: 301, 302, 303, 307 and 308 are"));
            return None;
        }
        let cookie = match (&r.set_cookie, &r.set_cookie_fmt, &r.clear_cookie) {
            (Some(c), _, _) => Some(At::from(format!("{}; path=/;", percent(c)))),
            (None, Some(f), _) => Some(At::new(format!("{}; path=/;", f.value), f.span)),
            (None, None, Some(c)) => Some(At::from(format!("{}; path=/; Max-Age=0;", percent(c)))),
            (None, None, None) => None,
        };
        let cookie = match cookie {
            Some(text) => Some(self.log_format_at(&text, FormatKind::Value, places)?),
            None => None,
        };
        Some(redirect::Redirect {
            to,
            code,
            drop_query: r.drop_query,
            keep_query: r.keep_query,
            append_slash: r.append_slash,
            ignore_empty: r.ignore_empty,
            cookie,
        })
    }
}

/// A fixed text as a format.
fn percent(text: &str) -> String {
    text.replace('%', "%%")
}
