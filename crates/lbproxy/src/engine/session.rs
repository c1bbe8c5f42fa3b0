//! What a stream's end means: each way to fail has one status, one pair of termination flags and one counter;
//! and whether a failed attempt at a server is tried again, where, and when (manual 4.2 `retries`, `retry-on`,
//! `option redispatch`; 8.5).
//!
//! Pure decisions; reading, writing and waiting are the shell's.

use super::{
    http::parse::Reject,
    stats::Counters,
    txn::{Cause, Phase},
};

/// Every way in which a stream can end before its answer is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The request was refused by the parser.
    BadRequest(Reject),
    /// The request head did not arrive in time.
    RequestTimeout,
    /// The client left before its request head was complete.
    RequestAborted,
    /// The request body broke its framing before an answer began.
    BadRequestBody,
    /// The client stopped sending its body; `began`: after the answer had begun.
    BodyTimeout {
        began: bool,
    },
    /// The client left while sending its body.
    BodyAborted {
        began: bool,
    },
    /// The client left while waiting in the queue, or for a connection, or for the answer.
    ClientLeft(Phase),
    /// The client reset its connection while waiting for the answer.
    ClientReset,
    /// After the whole answer, the client did not send the rest of its request, or left.
    RestTimeout,
    RestAborted,
    /// No server can take the request.
    NoServer,
    QueueFull,
    QueueTimeout,
    /// The server did not accept the connection.
    ConnectFailed,
    ConnectTimeout,
    /// The server closed without any answer, or failed while the request was sent.
    NoResponse,
    BadResponse(Reject),
    ResponseTimeout,
    /// The answer has a status of `retry-on`, and there is an attempt left.
    UnwantedStatus,
    /// The answer was cut short by the server, by its silence, or by bad framing.
    ResponseCut,
    ResponseStalled,
    BadResponseBody,
    /// The client stopped taking the answer, or left.
    DeliveryStalled,
    DeliveryAborted,
    /// Both directions of a tunnel or relay were silent, on that side.
    TunnelClientTimeout,
    TunnelServerTimeout,
    /// An order from outside.
    Killed,
    ServerDown,
    /// No descriptor, port or memory for a server connection.
    Resources,
    Internal,
    /// A rule put another answer in the place of the server's.
    Replaced,
}

/// Which counter a failure adds to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tally {
    None,
    RequestError,
    ConnectError,
    ResponseError,
    ClientAbort,
    ServerAbort,
    InternalError,
}

/// What a failure comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Status of the answer that is sent if none has begun; 0: none is sent, the connection closes.
    pub status: u16,
    pub cause: Cause,
    pub phase: Phase,
    pub tally: Tally,
    /// The client's connection may be used again after the answer.
    pub keep_alive: bool,
}

impl Failure {
    /// The one table of what each failure means.
    pub const fn verdict(self) -> Verdict {
        use {Cause as C, Phase as P, Tally as T};
        let (status, cause, phase, tally, keep_alive) = match self {
            Failure::BadRequest(Reject::CodedRequest) => (422, C::Proxy, P::Request, T::RequestError, false),
            Failure::BadRequest(Reject::UnexpectedBody) => {
                (413, C::Proxy, P::Request, T::RequestError, false)
            }
            Failure::BadRequest(Reject::TooLong) => (431, C::Proxy, P::Request, T::RequestError, false),
            Failure::BadRequest(_) | Failure::BadRequestBody => {
                (400, C::Proxy, P::Request, T::RequestError, false)
            }
            Failure::RequestTimeout => (408, C::ClientTimeout, P::Request, T::RequestError, false),
            Failure::RequestAborted => (400, C::ClientAbort, P::Request, T::RequestError, false),
            Failure::BodyTimeout { began: false } => (408, C::ClientTimeout, P::Data, T::ClientAbort, false),
            Failure::BodyTimeout { began: true } => (0, C::ClientTimeout, P::Data, T::ClientAbort, false),
            Failure::BodyAborted { began: false } => (400, C::ClientAbort, P::Data, T::ClientAbort, false),
            Failure::BodyAborted { began: true } => (0, C::ClientAbort, P::Data, T::ClientAbort, false),
            Failure::ClientLeft(P::Headers) => (400, C::ClientAbort, P::Headers, T::ClientAbort, false),
            Failure::ClientLeft(phase) => (0, C::ClientAbort, phase, T::ClientAbort, false),
            Failure::ClientReset => (400, C::ClientAbort, P::Data, T::ClientAbort, false),
            Failure::RestTimeout => (0, C::ClientTimeout, P::Last, T::ClientAbort, false),
            Failure::RestAborted => (0, C::ClientAbort, P::Last, T::ClientAbort, false),
            Failure::NoServer => (503, C::ServerAbort, P::Connect, T::None, true),
            Failure::QueueFull => (503, C::ServerAbort, P::Queue, T::ConnectError, true),
            Failure::QueueTimeout => (503, C::ServerTimeout, P::Queue, T::ConnectError, true),
            Failure::ConnectFailed => (503, C::ServerAbort, P::Connect, T::ConnectError, true),
            Failure::ConnectTimeout => (503, C::ServerTimeout, P::Connect, T::ConnectError, true),
            Failure::NoResponse => (502, C::ServerAbort, P::Headers, T::ResponseError, true),
            Failure::BadResponse(_) => (502, C::Proxy, P::Headers, T::ResponseError, true),
            // Never the end of a stream: it is only told where another attempt follows.
            Failure::UnwantedStatus => (502, C::ServerAbort, P::Headers, T::None, true),
            Failure::ResponseTimeout => (504, C::ServerTimeout, P::Headers, T::ResponseError, true),
            Failure::ResponseCut => (0, C::ServerAbort, P::Data, T::ServerAbort, false),
            Failure::ResponseStalled => (0, C::ServerTimeout, P::Data, T::ServerAbort, false),
            Failure::BadResponseBody => (0, C::Proxy, P::Data, T::ResponseError, false),
            Failure::DeliveryStalled | Failure::TunnelClientTimeout => {
                (0, C::ClientTimeout, P::Data, T::ClientAbort, false)
            }
            Failure::DeliveryAborted => (0, C::ClientAbort, P::Data, T::ClientAbort, false),
            Failure::TunnelServerTimeout => (0, C::ServerTimeout, P::Data, T::ServerAbort, false),
            Failure::Killed => (0, C::Killed, P::Data, T::None, false),
            Failure::ServerDown => (0, C::Down, P::Data, T::None, false),
            Failure::Resources => (503, C::Resource, P::Connect, T::InternalError, true),
            // Both are seen only when the answer that was to be sent instead is missing.
            Failure::Replaced | Failure::Internal => (500, C::Internal, P::Data, T::InternalError, false),
        };
        Verdict { status, cause, phase, tally, keep_alive }
    }

    /// Whether it is an answer's absence that a second attempt might mend, and under which word of `retry-on`.
    pub const fn retry_word(self) -> Option<RetryWord> {
        match self {
            Failure::ConnectFailed | Failure::ConnectTimeout | Failure::Resources => {
                Some(RetryWord::ConnFailure)
            }
            Failure::NoResponse => Some(RetryWord::EmptyResponse),
            Failure::BadResponse(_) => Some(RetryWord::JunkResponse),
            Failure::ResponseTimeout => Some(RetryWord::ResponseTimeout),
            Failure::UnwantedStatus => Some(RetryWord::Status),
            _ => None,
        }
    }
}

impl Tally {
    pub fn count(self, c: &Counters) {
        match self {
            Tally::None => {}
            Tally::RequestError => c.request_errors.inc(),
            Tally::ConnectError => c.connect_errors.inc(),
            Tally::ResponseError => c.response_errors.inc(),
            Tally::ClientAbort => c.client_aborts.inc(),
            Tally::ServerAbort => c.server_aborts.inc(),
            Tally::InternalError => c.internal_errors.inc(),
        }
    }
}

/// Words of `retry-on` that a failure falls under.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryWord {
    ConnFailure,
    EmptyResponse,
    JunkResponse,
    ResponseTimeout,
    /// One of the listed statuses.
    Status,
}

/// How often and where a request may be tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryRules {
    /// `retries`.
    pub retries: u32,
    /// `option redispatch`: 0 off, a positive interval, or counted from the last retry if negative.
    pub redispatch: i32,
    pub connect_timeout_ms: u32,
    /// The algorithm gives another server each time and nothing named this one: with redispatching, every retry
    /// goes elsewhere at once, as HAProxy does.
    pub takes_turns: bool,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    GiveUp,
    /// The same server again after that time.
    Same {
        delay_ms: u32,
    },
    /// Another server, at once.
    Other,
}

/// Longest pause before the same server is tried again, ms (manual 4.2, `retries`).
const TURN_AROUND_MS: u32 = 1_000;

impl RetryRules {
    /// `done` retries have been made; `failed_at_once` tells a refused connection from one that timed out.
    pub fn next(&self, done: u32, failed_at_once: bool) -> Retry {
        if done >= self.retries {
            return Retry::GiveUp;
        }
        let attempt = done + 1;
        let elsewhere = match self.redispatch {
            0 => false,
            every if every > 0 => attempt.is_multiple_of(every as u32),
            from_last => attempt + from_last.unsigned_abs() == self.retries + 1,
        };
        if elsewhere || (self.redispatch != 0 && self.takes_turns) {
            return Retry::Other;
        }
        let pause = match self.connect_timeout_ms {
            0 => TURN_AROUND_MS,
            t => t.min(TURN_AROUND_MS),
        };
        Retry::Same { delay_ms: if failed_at_once { pause } else { 0 } }
    }
}

/// RFC 9110 section 9.2.2: a request that may be sent twice without asking.
pub fn is_idempotent(method: &[u8]) -> bool {
    [&b"GET"[..], b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE"].contains(&method)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statuses and flags that HAProxy logs for the same events (manual 8.5).
    #[test]
    fn failures_answer_and_log_as_haproxy_does() {
        for (failure, status, flags) in [
            (Failure::BadRequest(Reject::StartLine), 400, "PR"),
            (Failure::BadRequest(Reject::CodedRequest), 422, "PR"),
            (Failure::BadRequest(Reject::TooLong), 431, "PR"),
            (Failure::BadRequest(Reject::UnexpectedBody), 413, "PR"),
            (Failure::RequestTimeout, 408, "cR"),
            (Failure::RequestAborted, 400, "CR"),
            (Failure::QueueTimeout, 503, "sQ"),
            (Failure::ConnectFailed, 503, "SC"),
            (Failure::ConnectTimeout, 503, "sC"),
            (Failure::NoResponse, 502, "SH"),
            (Failure::BadResponse(Reject::StartLine), 502, "PH"),
            (Failure::ResponseTimeout, 504, "sH"),
            (Failure::ResponseCut, 0, "SD"),
            (Failure::ClientLeft(Phase::Headers), 400, "CH"),
            (Failure::ClientReset, 400, "CD"),
            (Failure::RestTimeout, 0, "cL"),
            (Failure::RestAborted, 0, "CL"),
        ] {
            let v = failure.verdict();
            let got = format!("{}{}", v.cause.as_char(), v.phase.as_char());
            assert_eq!((v.status, &*got), (status, flags), "{failure:?}");
        }
    }

    #[test]
    fn retries_wait_for_the_same_server_and_redispatch_goes_elsewhere() {
        let rules = RetryRules { retries: 3, redispatch: 0, connect_timeout_ms: 300, takes_turns: false };
        assert_eq!(rules.next(0, true), Retry::Same { delay_ms: 300 });
        assert_eq!(rules.next(0, false), Retry::Same { delay_ms: 0 });
        assert_eq!(rules.next(3, true), Retry::GiveUp);
        let others = |redispatch| {
            let rules = RetryRules { redispatch, ..rules };
            (0..3).filter(|&done| rules.next(done, true) == Retry::Other).collect::<Vec<_>>()
        };
        assert_eq!(others(-1), [2], "the last one");
        assert_eq!(others(-2), [1]);
        assert_eq!(others(1), [0, 1, 2]);
        assert_eq!(others(2), [1]);
        let turns = RetryRules { redispatch: -1, takes_turns: true, ..rules };
        assert_eq!(turns.next(0, true), Retry::Other);
        assert_eq!(RetryRules { redispatch: 0, ..turns }.next(0, true), Retry::Same { delay_ms: 300 });
    }
}
