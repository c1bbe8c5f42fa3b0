//! `tcp-request` rules: of a connection before anything is read, of a session after its handshakes, of the first
//! bytes of a relay.

use std::{future::poll_fn, task::Poll};

use super::{Interrupt, Record, Session, Stream, around, context};
use crate::{
    engine::rule::{Rules, Verdict, Waiting},
    shell::http::{End, Failure},
};

/// Runs `tcp-request connection` or `session` rules; `false` when the connection is refused.
pub(in crate::shell) fn admits(session: &Session, rules: &Rules) -> bool {
    if rules.is_empty() {
        return true;
    }
    let mut record = Record::default();
    let around = around(session);
    let verdict = rules.run(&mut context(&mut record, &around, false));
    matches!(verdict, Verdict::Continue | Verdict::Allow | Verdict::Wait { .. })
}

impl Stream<'_> {
    /// `tcp-request content` of a relay: looks at the first bytes until the rules have decided or `inspect-delay`
    /// is over.
    pub(in crate::shell::http) async fn content_rules(
        &mut self,
        rules: &Rules,
        delay_ms: u32,
    ) -> Result<(), End> {
        if rules.is_empty() {
            return Ok(());
        }
        let mut from = 0;
        let mut more = delay_ms > 0;
        let until_ms = self.now_ms() + u64::from(delay_ms);
        loop {
            let seen = self.up.as_ref().map(|b| b.data().to_vec());
            let verdict = self.with_body(false, Some(seen.as_deref().unwrap_or(&[])), |ctx| {
                ctx.more = more;
                rules.resume(ctx, from)
            });
            match verdict.ok_or(Failure::Internal)? {
                Verdict::Continue | Verdict::Allow => return Ok(()),
                Verdict::Wait { resume, what: Waiting::Data } => {
                    from = resume;
                    more = self.more_bytes(until_ms).await?;
                }
                Verdict::Wait { resume, .. } => from = resume,
                other => return Err(self.final_verdict(other)),
            }
        }
    }

    /// Reads once; `false` when nothing more will come before the rules have to decide.
    async fn more_bytes(&mut self, until_ms: u64) -> Result<bool, Failure> {
        self.session.arm_at(until_ms);
        let session = self.session;
        let buf = self.up.get_or_insert_with(|| session.installed.buffers.take());
        if !buf.has_room() {
            return Ok(false);
        }
        let client = &mut *self.client;
        poll_fn(|cx| match client.poll_read(cx, buf) {
            Poll::Ready(Ok(n)) => Poll::Ready(Ok(n > 0)),
            Poll::Ready(Err(_)) => Poll::Ready(Err(Failure::RequestAborted)),
            Poll::Pending => match session.interrupt() {
                Some(Interrupt::TimedOut) => Poll::Ready(Ok(false)),
                Some(Interrupt::Killed(k)) => Poll::Ready(Err(k.into())),
                None => Poll::Pending,
            },
        })
        .await
    }
}
