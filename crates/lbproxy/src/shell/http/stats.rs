//! Where the statistics page meets a request: the form's body is awaited, the conditions of `stats admin` are asked,
//! the answer is the page's own. What the page says is `admin::page`'s.

use super::{Answer, End, Stream, answer::Message};
use crate::{
    admin::page,
    compile::plan::StatsPage,
    engine::{
        http::{HeaderId, page::reason},
        txn::{Cause, Phase},
    },
};

/// The name under which logs show the page in the place of a server.
const STATS: &str = "<STATS>";

impl Stream<'_> {
    /// Ends the stream with the page if it is what is asked for. `proxy` carries the page.
    pub(super) async fn stats_page(&mut self, stats: &StatsPage, proxy: &str) -> Result<(), End> {
        let asked = self
            .record
            .as_ref()
            .map(|r| (r.req.method() == b"POST", page::is_asked(stats, r.req.method(), r.req.uri())));
        let Some((is_form, true)) = asked else { return Ok(()) };
        let mut form = None;
        if is_form {
            let wait_ms = self.session.frontend.timeouts.http_request;
            let wait_ms = if wait_ms > 0 { wait_ms } else { self.session.frontend.timeouts.client };
            self.collect_body(wait_ms, None).await?;
            form = self.take_body_view();
        }
        let admin =
            stats.admin.iter().any(|cond| self.with_context(false, |ctx| cond.eval(ctx)) == Some(true));
        let Some(record) = &mut self.record else { return Ok(()) };
        record.txn.served_by = Some(STATS);
        let field = |name: &'static [u8]| record.req.values(HeaderId::of(name), name).next();
        let request = page::Request {
            method: record.req.method(),
            target: record.req.uri(),
            authorization: field(b"authorization"),
            host: field(b"host"),
            origin: field(b"origin"),
            body: form.as_deref().unwrap_or(&[]),
            admin,
            proxy,
        };
        let worker = &self.session.worker;
        let message = match page::answer(stats, &request, &worker.shared, &self.session.installed.runtime) {
            page::Answer::Unauthorized { realm } => {
                let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
                let challenge = format!("Basic realm=\"{quoted}\"").into_bytes();
                Message::PageWith(401, vec![(b"www-authenticate".to_vec(), challenge)])
            }
            page::Answer::Built { status, fields, body } => Message::Built {
                status,
                reason: reason(status).as_bytes().to_vec(),
                fields: fields.into_iter().map(|(n, v)| (n.as_bytes().to_vec(), v.into_bytes())).collect(),
                body: body.into_bytes(),
            },
        };
        Err(End::Answered(Answer { message, cause: Cause::Local, phase: Phase::Request, close: false }))
    }
}
