//! What the proxy answers itself: error pages, denials, redirects, and how the connection ends after them.

use std::{future::poll_fn, sync::Arc, task::Poll};

use super::{Failure, Interrupt, Io, Session, Stream};
use crate::{
    compile::plan::{ErrorPage, ErrorPages},
    engine::{
        action,
        http::{
            framing::{Facts, Framing},
            page,
            parse::{self, Limits, Outcome},
        },
        txn::{Cause, Phase},
    },
    shell::buffer::Buf,
};

/// Bytes that are still taken from a client after the last answer, so that it can read it.
const LINGER_BYTES_MAX: usize = 1 << 20;
/// Longest time for that, ms.
const LINGER_MS: u32 = 1_000;

/// An answer of the proxy's own.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) message: Message,
    pub(super) cause: Cause,
    pub(super) phase: Phase,
    /// The client's connection ends with it.
    pub(super) close: bool,
}

/// The bytes of an answer.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// The error page of a status, as configured or by default.
    Page(u16),
    /// The same with fields added.
    PageWith(u16, Vec<(Vec<u8>, Vec<u8>)>),
    /// A whole message, head included, with fields added.
    Raw(Arc<[u8]>, Vec<(Vec<u8>, Vec<u8>)>),
    Built {
        status: u16,
        reason: Vec<u8>,
        fields: Vec<(Vec<u8>, Vec<u8>)>,
        body: Vec<u8>,
    },
}

impl Stream<'_> {
    /// Sends an answer of our own to the client.
    pub(super) async fn answer(&mut self, answer: &Answer) -> Result<(), Failure> {
        self.keep_client &= !answer.close;
        self.skip_request_body();
        let message = self.resolve(&answer.message);
        if let Message::Raw(raw, _) = &message
            && raw.is_empty()
        {
            // An empty file: the status is logged, the client sees its connection close (manual 4.2, `errorfile`).
            if let (Some(record), Message::Page(status) | Message::PageWith(status, _)) =
                (&mut self.record, &answer.message)
            {
                record.txn.status = *status;
            }
            self.keep_client = false;
            return Ok(());
        }
        let body = self.build(&message)?;
        self.answered = Facts { framing: Framing::Length(body.len() as u64), ..Facts::default() };
        let without_body = self.asked.is_head || matches!(self.status(), 204 | 304);
        let mut down = match body.len() <= self.session.installed.plan().global.tune.bufsize {
            true => self.down.take().unwrap_or_else(|| self.session.installed.buffers.take()),
            false => Buf::new(body.len()),
        };
        down.reset();
        if without_body || body.is_empty() {
            self.answered.framing = Framing::None;
            self.answered.announced = (self.status() != 204).then_some(body.len() as u64);
        } else if let Some(room) = down.room().get_mut(..body.len()) {
            room.copy_from_slice(&body);
            down.filled(body.len());
        }
        self.down = Some(down);
        self.after_response();
        self.begin_answer(false)?;
        self.deliver().await
    }

    fn status(&self) -> u16 {
        self.record.as_ref().map_or(0, |r| r.res.status)
    }

    /// Puts what is configured for a status in the place of its page.
    fn resolve(&mut self, message: &Message) -> Message {
        let (status, added) = match message {
            Message::Page(status) => (*status, &[][..]),
            Message::PageWith(status, fields) => (*status, fields.as_slice()),
            other => return other.clone(),
        };
        let default = || Arc::<[u8]>::from(page::default_page(status));
        match self.page_of(status) {
            Some(ErrorPage::Redirect { status, location }) => {
                let mut fields = vec![
                    (b"cache-control".to_vec(), b"no-cache".to_vec()),
                    (b"location".to_vec(), location.into_bytes()),
                ];
                fields.extend_from_slice(added);
                let reason = page::reason(status).as_bytes().to_vec();
                Message::Built { status, reason, fields, body: Vec::new() }
            }
            Some(ErrorPage::Raw(raw)) => Message::Raw(raw, added.to_vec()),
            Some(ErrorPage::Reply(reply)) => match self.with_context(false, |ctx| reply.answer(ctx)) {
                Some(answer) => match from_reply(answer, added) {
                    // Its body is the page itself: the built-in one is meant, not this reply again.
                    Message::Page(_) => Message::Raw(default(), Vec::new()),
                    Message::PageWith(_, fields) => Message::Raw(default(), fields),
                    other => other,
                },
                None => Message::Raw(default(), added.to_vec()),
            },
            None => Message::Raw(default(), added.to_vec()),
        }
    }

    /// Fills the response head and gives the body.
    fn build(&mut self, message: &Message) -> Result<Vec<u8>, Failure> {
        match message {
            Message::Raw(raw, fields) => {
                let body = self.build_raw(raw)?;
                self.add_fields(fields)?;
                Ok(body)
            }
            Message::Built { status, reason, fields, body } => {
                let Some(record) = &mut self.record else { return Err(Failure::Internal) };
                let res = &mut record.res;
                res.clear();
                let ok = res.set_status(*status, reason);
                let length = (b"content-length".to_vec(), body.len().to_string().into_bytes());
                // Where HAProxy has it: before the fields of a redirection, behind those that a rule adds and before
                // the type of the body.
                let named = |name: &[u8]| fields.iter().position(|(n, _)| n == name);
                let at = match named(b"location") {
                    Some(_) => 0,
                    None => named(b"content-type").unwrap_or(fields.len()),
                };
                let (before, behind) = fields.split_at_checked(at).unwrap_or((fields, &[]));
                let all_fit = before.iter().chain([&length]).chain(behind).all(|(n, v)| res.add(n, v));
                if ok && all_fit { Ok(body.clone()) } else { Err(Failure::Internal) }
            }
            // Pages were resolved before.
            Message::Page(_) | Message::PageWith(..) => Err(Failure::Internal),
        }
    }

    fn add_fields(&mut self, fields: &[(Vec<u8>, Vec<u8>)]) -> Result<(), Failure> {
        let Some(record) = &mut self.record else { return Err(Failure::Internal) };
        match fields.iter().all(|(n, v)| record.res.add(n, v)) {
            true => Ok(()),
            false => Err(Failure::Internal),
        }
    }

    fn build_raw(&mut self, raw: &[u8]) -> Result<Vec<u8>, Failure> {
        let Some(record) = &mut self.record else { return Err(Failure::Internal) };
        // Pages were checked when they were loaded; their size is not bound to the buffer.
        let limits = Limits { head_bytes_max: usize::MAX, ..Limits::default() };
        match parse::response(raw, &limits, &mut record.res) {
            Ok(Outcome::Complete(n)) => Ok(raw.get(n..).unwrap_or(&[]).to_vec()),
            _ => Err(Failure::Internal),
        }
    }

    /// The backend's page counts before the frontend's.
    fn page_of(&self, status: u16) -> Option<ErrorPage> {
        let find = |p: &ErrorPages| p.pages.iter().find(|(s, _)| *s == status).map(|(_, page)| page.clone());
        let of_backend = self.backend.as_ref().and_then(|b| find(&b.errors));
        of_backend.or_else(|| find(&self.session.frontend.errors))
    }

    /// A request whose body is not wholly here cannot be followed by another one: the connection ends instead.
    fn skip_request_body(&mut self) {
        let whole = self.begin_body().is_ok() && self.up_body.is_done();
        self.keep_client &= whole;
        let Some(up) = &mut self.up else { return };
        // Of a request that was sent, or begun to be, the buffer holds the head as well.
        match std::mem::take(&mut self.replay) {
            Some((mark, len)) => {
                up.rewind(mark);
                up.consume(len);
            }
            None => up.consume(self.up_ready),
        }
        self.up_ready = 0;
    }

    /// Brings what is ready to the client.
    async fn deliver(&mut self) -> Result<(), Failure> {
        self.session.arm_in(self.session.frontend.timeouts.client);
        poll_fn(|cx| match self.send_down(cx) {
            Ok(false) => Poll::Ready(Ok(())),
            Err(f) => Poll::Ready(Err(f)),
            Ok(true) => match self.session.interrupt() {
                Some(Interrupt::TimedOut) => Poll::Ready(Err(Failure::DeliveryStalled)),
                Some(Interrupt::Killed(k)) => Poll::Ready(Err(k.into())),
                None => Poll::Pending,
            },
        })
        .await
    }
}

/// The answer that a rule or an `http-error` line computed, with fields added.
pub(super) fn from_reply(answer: action::Answer, added: &[(Vec<u8>, Vec<u8>)]) -> Message {
    let mut fields: Vec<_> = answer.headers.into_iter().map(|(n, v)| (n.as_bytes().to_vec(), v)).collect();
    fields.extend_from_slice(added);
    let status = answer.status;
    let built = |fields, body| Message::Built {
        status,
        reason: page::reason(status).as_bytes().to_vec(),
        fields,
        body,
    };
    match answer.body {
        action::AnswerBody::ErrorPage if fields.is_empty() => Message::Page(status),
        action::AnswerBody::ErrorPage => Message::PageWith(status, fields),
        action::AnswerBody::Raw(raw) => Message::Raw(raw, fields),
        action::AnswerBody::Bytes(body) => built(fields, body.to_vec()),
        action::AnswerBody::Empty => built(fields, Vec::new()),
    }
}

/// Ends our direction and takes what the client still sends for a moment: closing with unread bytes would reset
/// the connection and could take the answer from the client before it has read it.
pub(super) async fn linger(session: &Session, client: &mut Io) {
    session.arm_in(LINGER_MS);
    let (mut taken, mut shut) = (0, false);
    poll_fn(|cx| {
        if !shut {
            shut = client.poll_shutdown(cx).is_ready();
        }
        let mut buf = session.installed.buffers.take();
        let over = loop {
            buf.reset();
            match client.poll_read(cx, &mut buf) {
                Poll::Ready(Ok(n)) if n > 0 && taken < LINGER_BYTES_MAX => taken += n,
                Poll::Ready(_) => break true,
                Poll::Pending => break session.interrupt().is_some(),
            }
        };
        session.installed.buffers.put(buf);
        if over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
