//! Receiving a request head, and what is derived from it at once.

use std::{future::poll_fn, task::Poll};

use super::{End, Failure, Interrupt, Stream};
use crate::{
    compile::plan::ConnectionMode,
    engine::{
        http::{
            Head, encode, framing,
            parse::{self, Limits, Outcome, Reject},
        },
        stick::track::Event,
    },
    shell::worker::Stage,
};

impl Stream<'_> {
    /// Reads until the head is complete; `up` then begins behind it.
    pub(super) async fn receive(&mut self) -> Result<(), End> {
        self.session.slot().stage.set(Stage::Request);
        let t = &self.session.frontend.timeouts;
        // The first request's time counts from accept, later ones' from their first byte.
        if self.number > 0 {
            self.session.arm_in(if t.http_request > 0 { t.http_request } else { t.client });
        }
        let tune = &self.session.installed.plan().global.tune;
        let accept_unsafe = self.session.frontend.http.accept_unsafe_request;
        let (limits, policy) = (tune.limits(accept_unsafe), tune.policy(accept_unsafe));
        let mut seen = 0;
        loop {
            let parsed = self.parse_head(&limits, policy, &mut seen);
            if self.noted(parsed)? {
                break;
            }
            let more = self.more_of_head().await;
            self.noted(more)?;
        }
        self.times.head_us = self.now_us();
        self.note_request();
        Ok(())
    }

    /// Tries to take the head off the buffer.
    fn parse_head(
        &mut self,
        limits: &Limits,
        policy: framing::Policy,
        seen: &mut usize,
    ) -> Result<bool, Failure> {
        let (Some(buf), Some(record)) = (&mut self.up, &mut self.record) else {
            return Err(Failure::Internal);
        };
        if *seen > 0 && buf.len() < limits.head_bytes_max && !parse::may_be_complete(buf.data(), *seen) {
            *seen = buf.len();
            return Ok(false);
        }
        match parse::request(buf.data(), limits, &mut record.req) {
            Ok(Outcome::Complete(n)) => {
                self.asked = framing::request(&record.req, policy).map_err(Failure::BadRequest)?;
                keep_request_line(&record.req, &mut record.txn.request_line);
                // As it came, before any rule rewrites it (`%U`, `bin`).
                record.txn.bytes_in += encode::counted_bytes(&record.req);
                if let Some(reject) = record.req.tolerated {
                    self.note_request_refusal(reject);
                }
                if let Some(buf) = &mut self.up {
                    buf.consume(n);
                }
                Ok(true)
            }
            Ok(Outcome::Partial) => {
                *seen = buf.len();
                Ok(false)
            }
            Err(reject) => {
                record.req.clear();
                Err(Failure::BadRequest(reject))
            }
        }
    }

    async fn more_of_head(&mut self) -> Result<(), Failure> {
        let Some(buf) = &mut self.up else { return Err(Failure::Internal) };
        if !buf.has_room() {
            // Behind pipelined requests a head begins far behind the front.
            buf.compact();
        }
        if !buf.has_room() {
            return Err(Failure::BadRequest(Reject::TooLong));
        }
        let (session, client) = (self.session, &mut *self.client);
        poll_fn(|cx| match client.poll_read(cx, buf) {
            Poll::Ready(Ok(n)) if n > 0 => Poll::Ready(Ok(())),
            Poll::Ready(_) => Poll::Ready(Err(Failure::RequestAborted)),
            Poll::Pending => match session.interrupt() {
                Some(Interrupt::TimedOut) => Poll::Ready(Err(Failure::RequestTimeout)),
                Some(Interrupt::Killed(_)) => Poll::Ready(Err(Failure::Killed)),
                None => Poll::Pending,
            },
        })
        .await
    }

    fn note_request(&mut self) {
        let frontend = &self.session.frontend;
        self.session.counters().requests.inc();
        self.note_tracked(Event::Request);
        if self.asked.insecure || frontend.http.connection == ConnectionMode::Close {
            self.keep_client = false;
        }
        self.keep_client &= self.asked.keep_alive && !self.session.worker.is_draining();
    }
}

/// Keeps the first line as it was understood, before rules rewrite it, for logs.
fn keep_request_line(head: &Head, line: &mut Vec<u8>) {
    line.clear();
    for part in [head.method(), b" ", head.uri(), b" ", head.version_text()] {
        line.extend_from_slice(part);
    }
}
