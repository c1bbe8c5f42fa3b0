//! Error pages: files read and checked before anything is served.

use std::{path::PathBuf, sync::Arc};

use common::{
    diag::{Diagnostic, codes},
    haproxy::model,
    source::{At, Span},
};

use super::{Compiler, plan};
use crate::engine::{action::ReplyBody, sample::Place};

/// A page larger than a buffer could not be sent at once (manual 4.2, `errorfile`).
const PAGE_BYTES_MAX: usize = 64 * 1024;

impl<'a> Compiler<'a> {
    pub(super) fn error_pages(&mut self, p: &model::Proxy) -> Arc<plan::ErrorPages> {
        let mut pages: Vec<(u16, plan::ErrorPage)> = Vec::new();
        for status_page in &p.error_pages {
            for status in self.statuses(status_page) {
                let Some(page) = self.error_page(p, status, status_page) else { continue };
                // The last one for a status counts.
                pages.retain(|(s, _)| *s != status);
                pages.push((status, page));
            }
        }
        Arc::new(plan::ErrorPages { pages })
    }

    /// What a line is about: its status, or all that the section has which it names (`errorfiles NAME`).
    fn statuses(&mut self, s: &At<model::StatusPage>) -> Vec<u16> {
        match (s.status, &s.page) {
            (0, Some(model::ErrorPage::Section(name))) => self
                .section_of_pages(name)
                .map(|h| h.pages.iter().map(|p| p.status).collect())
                .unwrap_or_default(),
            (status, _) => vec![status],
        }
    }

    fn error_page(
        &mut self,
        p: &model::Proxy,
        status: u16,
        s: &At<model::StatusPage>,
    ) -> Option<plan::ErrorPage> {
        match s.page.as_ref()? {
            model::ErrorPage::File(path) => self.page_file(path).map(plan::ErrorPage::Raw),
            model::ErrorPage::Loc302(url) => {
                Some(plan::ErrorPage::Redirect { status: 302, location: url.clone() })
            }
            model::ErrorPage::Loc303(url) => {
                Some(plan::ErrorPage::Redirect { status: 303, location: url.clone() })
            }
            model::ErrorPage::Section(name) => {
                let section = self.section_of_pages(name)?;
                let page = section.pages.iter().rev().find(|p| p.status == status)?;
                match page.page.as_ref()? {
                    // A section of sections is refused by the language; a file is what remains.
                    model::ErrorPage::Section(_) => None,
                    _ => self.error_page(p, status, page),
                }
            }
            model::ErrorPage::Reply(r) => {
                let mut reply = self.scope(Some(p)).reply(r, status, &[Place::FrontendRequest])?;
                if r.body.is_none() {
                    // The page is what is replaced here: without a body there is none.
                    reply.body = ReplyBody::Empty;
                }
                Some(plan::ErrorPage::Reply(Arc::new(reply)))
            }
        }
    }

    fn section_of_pages(&mut self, name: &At<String>) -> Option<&'a model::HttpErrors> {
        let config = self.config;
        let found = config.http_errors.iter().find(|h| h.name.value == name.value);
        if found.is_none() {
            let known = config.http_errors.iter().map(|h| h.name.as_str());
            let d = Diagnostic::alert(
                codes::UNRESOLVED_NAME,
                format!("there is no http-errors section '{}'", name.value),
            );
            self.say(d.at(name.span, "named here").did_you_mean(name, known));
        }
        found
    }

    /// The raw message of a file: it must be there, not too large, and begin like an HTTP response.
    fn page_file(&mut self, path: &At<String>) -> Option<Arc<[u8]>> {
        let bytes = match self.world.read(&PathBuf::from(&path.value)) {
            Ok(b) => b,
            Err(e) => {
                let d = Diagnostic::alert(codes::BAD_FILE, format!("error file '{}': {e}", path.value));
                self.say(d.at(path.span, "cannot be read"));
                return None;
            }
        };
        if bytes.len() > PAGE_BYTES_MAX {
            let text = format!("error file '{}' is larger than {PAGE_BYTES_MAX} bytes", path.value);
            self.say(Diagnostic::alert(codes::BAD_FILE, text).at(path.span, "shorten it"));
            return None;
        }
        if !bytes.is_empty() && !bytes.starts_with(b"HTTP/1.") {
            let text = format!("error file '{}' does not begin with a status line", path.value);
            self.say(
                Diagnostic::alert(codes::BAD_FILE, text)
                    .at(path.span, "this file")
                    .help("it holds a whole response: `HTTP/1.0 503 Service Unavailable`, headers, an empty line, the body"),
            );
            return None;
        }
        Some(bytes.into())
    }

    pub(super) fn not_yet(&mut self, span: Span, message: &str, instead: &str) {
        self.say(Diagnostic::alert(codes::NOT_YET, message).at(span, "").help(instead));
    }
}
