//! The start line: method, path, query, target, status.

use super::{header::replace_one, with_text};
use crate::engine::{http::Head, logformat::LogFormat, pattern::Regex, sample::Ctx};

/// An edit of the start line.
#[derive(Clone, Debug)]
pub enum Edit {
    SetMethod(LogFormat),
    SetPath(LogFormat),
    SetPathq(LogFormat),
    SetQuery(LogFormat),
    SetUri(LogFormat),
    SetStatus { status: u16, reason: Option<Box<str>> },
    ReplacePath { regex: Regex, value: LogFormat },
    ReplacePathq { regex: Regex, value: LogFormat },
    ReplaceUri { regex: Regex, value: LogFormat },
}

impl Edit {
    pub(super) fn run(&self, ctx: &mut Ctx<'_>) {
        let ok = match self {
            Edit::SetMethod(f) => request(ctx, f, |h, text| h.set_method(text)),
            Edit::SetPath(f) => request(ctx, f, |h, text| set_path(h, text, Keep::Query)),
            Edit::SetPathq(f) => request(ctx, f, |h, text| set_path(h, text, Keep::Nothing)),
            Edit::SetQuery(f) => request(ctx, f, set_query),
            Edit::SetUri(f) => request(ctx, f, |h, text| h.set_uri(text)),
            Edit::SetStatus { status, reason } => match ctx.res.as_deref_mut() {
                Some(h) => h.set_status(*status, reason.as_deref().unwrap_or(reason_of(*status)).as_bytes()),
                None => true,
            },
            Edit::ReplacePath { regex, value } => {
                replace(ctx, regex, value, |h| h.path().to_vec(), |h, t| set_path(h, t, Keep::Query))
            }
            Edit::ReplacePathq { regex, value } => replace(
                ctx,
                regex,
                value,
                |h| h.path_and_query().to_vec(),
                |h, t| set_path(h, t, Keep::Nothing),
            ),
            Edit::ReplaceUri { regex, value } => {
                replace(ctx, regex, value, |h| h.uri().to_vec(), |h, t| h.set_uri(t))
            }
        };
        if !ok {
            ctx.txn.rewrite_failures += 1;
        }
    }
}

fn request(ctx: &mut Ctx<'_>, format: &LogFormat, edit: impl FnOnce(&mut Head, &[u8]) -> bool) -> bool {
    with_text(ctx, format, |ctx, text| ctx.req.as_deref_mut().is_none_or(|h| edit(h, text)))
}

fn replace(
    ctx: &mut Ctx<'_>,
    regex: &Regex,
    format: &LogFormat,
    get: impl FnOnce(&Head) -> Vec<u8>,
    set: impl FnOnce(&mut Head, &[u8]) -> bool,
) -> bool {
    let Some(old) = ctx.req.as_deref().map(get) else { return true };
    match with_text(ctx, format, |_, template| replace_one(&old, regex, template)) {
        Some(new) => ctx.req.as_deref_mut().is_none_or(|h| set(h, &new)),
        None => true,
    }
}

#[derive(PartialEq)]
enum Keep {
    Query,
    Nothing,
}

/// Scheme and authority of an absolute target stay.
fn set_path(head: &mut Head, path: &[u8], keep: Keep) -> bool {
    let (uri, pathq) = (head.uri(), head.path_and_query());
    let before = uri.get(..uri.len() - pathq.len()).unwrap_or(b"");
    let mut new = if pathq.is_empty() { Vec::new() } else { before.to_vec() };
    new.extend_from_slice(path);
    if keep == Keep::Query
        && let Some(mark) = memchr::memchr(b'?', pathq)
    {
        new.extend_from_slice(pathq.get(mark..).unwrap_or(b""));
    }
    head.set_uri(&new)
}

/// A leading question mark is the user's own; an empty query takes the mark away.
fn set_query(head: &mut Head, query: &[u8]) -> bool {
    let uri = head.uri();
    let path = uri.get(..memchr::memchr(b'?', uri).unwrap_or(uri.len())).unwrap_or(uri);
    let mut new = path.to_vec();
    if !query.is_empty() {
        if query.first() != Some(&b'?') {
            new.push(b'?');
        }
        new.extend_from_slice(query);
    }
    head.set_uri(&new)
}

/// The reason phrase of a status (RFC 9110 section 15), or that of its class.
pub fn reason_of(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Time-out",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Payload Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version Not Supported",
        _ => match status / 100 {
            1 => "Informational",
            2 => "Success",
            3 => "Redirection",
            4 => "Client Error",
            5 => "Server Error",
            _ => "Other",
        },
    }
}
