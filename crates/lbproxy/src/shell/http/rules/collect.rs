//! Waiting for a request's body before it is sent (`wait-for-body`, `option http-buffer-request`).

use std::{future::poll_fn, task::Poll};

use super::{Failure, Interrupt, Stream};
use crate::engine::http::{body::Body, framing::Framing};

impl Stream<'_> {
    /// Begins the body machine on what has arrived behind the head.
    pub(in crate::shell::http) fn begin_body(&mut self) -> Result<(), Failure> {
        if self.body_begun {
            return Ok(());
        }
        self.body_begun = true;
        self.up_body = Body::new(self.asked.framing);
        self.up_ready = 0;
        self.pass_more()
    }

    /// Lets the body machine look at what lies behind the bytes that are ready.
    fn pass_more(&mut self) -> Result<(), Failure> {
        let (Some(up), Some(record)) = (&mut self.up, &mut self.record) else { return Ok(()) };
        let Ok(passed) = self.up_body.pass(up.tail_mut(self.up_ready)) else {
            self.note_request_body();
            return Err(Failure::BadRequestBody);
        };
        up.cut(self.up_ready + passed.write, passed.read - passed.write);
        self.up_ready += passed.write;
        record.txn.bytes_in += passed.content;
        Ok(())
    }

    /// `option http-buffer-request`: as `collect_body`, within `timeout http-request`, else that of the client.
    pub(in crate::shell::http) async fn buffer_request(&mut self) -> Result<(), Failure> {
        let asked = self.session.frontend.timeouts.http_request;
        self.collect_body(if asked > 0 { asked } else { self.client_ms() }, None).await
    }

    /// Reads until the body is whole, long enough, or the buffer full.
    ///
    /// # Errors
    /// Also when `time_ms` are over before: the request came too slowly (408).
    pub(in crate::shell::http) async fn collect_body(
        &mut self,
        time_ms: u32,
        at_least: Option<u64>,
    ) -> Result<(), Failure> {
        self.begin_body()?;
        self.session.arm_in(time_ms);
        loop {
            let enough = at_least.is_some_and(|n| self.up_ready as u64 >= n);
            let Some(up) = &mut self.up else { return Err(Failure::Internal) };
            // What the head needs when it is put before the body stays free.
            if self.up_body.is_done() || enough || !up.has_room() {
                return Ok(());
            }
            let (session, client) = (self.session, &mut *self.client);
            let more = poll_fn(|cx| match client.poll_read(cx, up) {
                Poll::Ready(Ok(n)) if n > 0 => Poll::Ready(Ok(true)),
                Poll::Ready(_) => Poll::Ready(Err(Failure::BodyAborted { began: false })),
                Poll::Pending => match session.interrupt() {
                    Some(Interrupt::TimedOut) => Poll::Ready(Ok(false)),
                    Some(Interrupt::Killed(k)) => Poll::Ready(Err(k.into())),
                    None => Poll::Pending,
                },
            })
            .await?;
            if !more {
                return Err(Failure::RequestTimeout);
            }
            self.pass_more()?;
        }
    }

    /// The content that has been collected, for rules that look at bodies.
    pub(in crate::shell::http) fn take_body_view(&mut self) -> Option<Vec<u8>> {
        if !self.body_begun {
            return None;
        }
        let ready = self.up.as_ref()?.data().get(..self.up_ready)?;
        match self.asked.framing {
            Framing::Chunked => Some(dechunked(ready)),
            _ => Some(ready.to_vec()),
        }
    }
}

/// The content of canonical chunks, as the body machine lets them through.
fn dechunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(bytes.len());
    while let Some(eol) = memchr::memmem::find(bytes, b"\r\n") {
        let size = std::str::from_utf8(&bytes[..eol]).ok().and_then(|s| usize::from_str_radix(s, 16).ok());
        let Some(size) = size.filter(|&s| s > 0) else { break };
        let data = bytes.get(eol + 2..).unwrap_or(&[]);
        content.extend_from_slice(data.get(..size).unwrap_or(data));
        bytes = data.get(size.saturating_add(2)..).unwrap_or(&[]);
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_become_content() {
        assert_eq!(dechunked(b"3\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\n"), b"abc0123456789");
        assert_eq!(dechunked(b"5\r\nab"), b"ab");
        assert_eq!(dechunked(b""), b"");
    }
}
