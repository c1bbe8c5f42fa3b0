//! The statistics page inside a frontend or backend (manual 4.2, `stats uri`): handed to `admin::page`.

use super::{Answer, End, Failure, Stream, answer::Message};
use crate::{
    admin::page,
    compile::plan::StatsPage,
    engine::{
        http::page::reason,
        txn::{Cause, Phase},
    },
};

/// The name under which logs speak of the page.
const STATS: &str = "<STATS>";
/// Time for a form to arrive, ms, where no client time-out is set.
const FORM_MS: u32 = 10_000;

impl Stream<'_> {
    /// Answers when the request is for the page.
    pub(super) async fn stats_page(&mut self, stats: &StatsPage, proxy: &str) -> Result<(), End> {
        let asked = |r: &super::Record| page::is_asked(stats, r.req.method(), r.req.uri());
        if !self.record.as_deref().is_some_and(asked) {
            return Ok(());
        }
        if self.record.as_ref().is_some_and(|r| r.req.method() == b"POST") {
            let ms = if self.client_ms() > 0 { self.client_ms() } else { FORM_MS };
            self.collect_body(ms, None).await?;
        }
        let admin = self.with_context(false, |ctx| stats.admin.iter().any(|c| c.eval(ctx))) == Some(true);
        let body = self.take_body_view().unwrap_or_default();
        let session = self.session;
        let Some(record) = &self.record else { return Err(End::Failed(Failure::Internal)) };
        let request = page::Request {
            method: record.req.method(),
            target: record.req.uri(),
            authorization: record.req.header(b"authorization"),
            host: record.req.header(b"host"),
            origin: record.req.header(b"origin"),
            body: body.get(..page::FORM_BYTES_MAX.min(body.len())).unwrap_or(&body),
            admin,
            proxy,
        };
        let answer = page::answer(stats, &request, &session.worker.shared, &session.installed.runtime);
        if let (page::Answer::Built { .. }, Some(record)) = (&answer, &mut self.record) {
            record.txn.served_by = Some(STATS);
        }
        Err(End::Answered(from_page(answer)))
    }
}

fn from_page(answer: page::Answer) -> Answer {
    match answer {
        page::Answer::Unauthorized { realm } => {
            let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
            let field = (b"www-authenticate".to_vec(), format!("Basic realm=\"{quoted}\"").into_bytes());
            Answer {
                message: Message::PageWith(401, vec![field]),
                cause: Cause::Proxy,
                phase: Phase::Request,
                close: false,
            }
        }
        page::Answer::Built { status, fields, body } => Answer {
            message: Message::Built {
                status,
                reason: reason(status).as_bytes().to_vec(),
                fields: fields.into_iter().map(|(n, v)| (n.as_bytes().to_vec(), v.into_bytes())).collect(),
                body: body.into_bytes(),
            },
            cause: Cause::Local,
            phase: Phase::Request,
            close: false,
        },
    }
}
