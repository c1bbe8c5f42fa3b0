//! Answers that the proxy gives itself: `deny`, `tarpit`, `return`, `auth`.

use std::sync::Arc;

use super::with_text;
use crate::engine::{logformat::LogFormat, sample::Ctx};

/// What `deny`, `tarpit` and `return` answer, compiled.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub body: ReplyBody,
    pub content_type: Option<Box<str>>,
    pub headers: Vec<(Box<str>, LogFormat)>,
}

/// Where the body comes from.
#[derive(Clone, Debug)]
pub enum ReplyBody {
    /// The proxy's page for the status, its `errorfile` or the built-in one.
    ErrorPage,
    /// A whole message, head included, as read from a file.
    Raw(Arc<[u8]>),
    Bytes(Arc<[u8]>),
    Format(LogFormat),
    Empty,
}

/// An answer ready to be sent; framing headers are left to the encoder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: AnswerBody,
    /// Fields to add, in order.
    pub headers: Vec<(Box<str>, Vec<u8>)>,
}

/// The body of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AnswerBody {
    /// The proxy's page for the status.
    ErrorPage,
    /// A whole message, head included.
    Raw(Arc<[u8]>),
    /// The body alone.
    Bytes(Arc<[u8]>),
    Empty,
}

impl Reply {
    /// The proxy's page for a status.
    pub fn page(status: u16) -> Reply {
        Reply { status, body: ReplyBody::ErrorPage, content_type: None, headers: Vec::new() }
    }

    pub fn answer(&self, ctx: &mut Ctx<'_>) -> Answer {
        let body = match &self.body {
            ReplyBody::ErrorPage => AnswerBody::ErrorPage,
            ReplyBody::Raw(raw) => AnswerBody::Raw(raw.clone()),
            ReplyBody::Bytes(bytes) => AnswerBody::Bytes(bytes.clone()),
            ReplyBody::Format(format) => {
                AnswerBody::Bytes(with_text(ctx, format, |_, text| Arc::<[u8]>::from(text)))
            }
            ReplyBody::Empty => AnswerBody::Empty,
        };
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        for (name, format) in &self.headers {
            let value = with_text(ctx, format, |_, text| text.to_vec());
            // A field without a value is left out.
            if !value.is_empty() {
                headers.push((name.clone(), value));
            }
        }
        if let (Some(kind), AnswerBody::Bytes(_)) = (&self.content_type, &body) {
            headers.push(("content-type".into(), kind.as_bytes().to_vec()));
        }
        Answer { status: self.status, body, headers }
    }
}

/// 401 with a challenge (manual 4.3, `auth`). Without a realm the name of the proxy that runs the rule serves.
pub(super) fn challenge(ctx: &Ctx<'_>, realm: Option<&str>) -> Answer {
    let realm = realm.unwrap_or(ctx.names.backend.unwrap_or(ctx.names.frontend));
    let value = format!("Basic realm=\"{realm}\"").into_bytes();
    Answer { status: 401, body: AnswerBody::ErrorPage, headers: vec![("www-authenticate".into(), value)] }
}
