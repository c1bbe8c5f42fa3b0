//! The answers that the proxy gives itself: HAProxy's statuses and headers, bodies in our own words.
//!
//! A page is a whole message, head and body, as an `errorfile` is; it is parsed and framed like any other message
//! before it is sent.

/// Status, reason phrase, sentence of the body; whether the page itself closes the connection.
const PAGES: &[(u16, &str, &str, bool)] = &[
    (200, "OK", "The service is up.", false),
    (400, "Bad request", "The request could not be understood.", true),
    (401, "Unauthorized", "A valid user name and password are needed here.", false),
    (403, "Forbidden", "The rules of this site do not allow this request.", false),
    (404, "Not Found", "There is nothing at this address.", false),
    (405, "Method Not Allowed", "This method cannot be used here.", false),
    (407, "Unauthorized", "A valid user name and password are needed here.", false),
    (408, "Request Time-out", "The request took too long to arrive.", true),
    (410, "Gone", "What was here has been removed for good.", false),
    (413, "Payload Too Large", "The request is larger than this site allows.", false),
    (421, "Misdirected Request", "This server does not answer for that name.", false),
    (422, "Unprocessable Content", "The request is well-formed but cannot be processed.", false),
    (425, "Too Early", "The request came before the handshake was complete.", false),
    (429, "Too Many Requests", "Too many requests in a short time; try again later.", false),
    (431, "Request Header Fields Too Large", "The headers of the request are too large.", false),
    (500, "Internal Server Error", "Something went wrong inside the proxy.", false),
    (501, "Not Implemented", "This cannot be done here.", false),
    (502, "Bad Gateway", "The server gave no valid answer.", false),
    (503, "Service Unavailable", "No server can take this request now.", false),
    (504, "Gateway Time-out", "The server took too long to answer.", false),
];

/// The page of a status; that of 500 for one that has no page.
pub fn default_page(status: u16) -> Vec<u8> {
    let found = PAGES.iter().find(|p| p.0 == status).or_else(|| PAGES.iter().find(|p| p.0 == 500));
    let &(status, reason, sentence, close) = found.unwrap_or(&(500, "Internal Server Error", "", false));
    let body = format!("<html><body><h1>{status} {reason}</h1>\n{sentence}\n</body></html>\n");
    let close = if close { "connection: close\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-length: {}\r\ncache-control: no-cache\r\n{close}content-type: \
         text/html\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// HAProxy's reason phrase of a status that it makes itself; empty for others.
pub fn reason(status: u16) -> &'static str {
    match PAGES.iter().find(|p| p.0 == status) {
        Some(p) => p.1,
        None => match status {
            301 => "Moved Permanently",
            302 => "Found",
            303 => "See Other",
            307 => "Temporary Redirect",
            308 => "Permanent Redirect",
            _ => "",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::http::{Head, framing, parse};

    #[test]
    fn every_page_is_a_whole_message_with_its_length() {
        for &(status, reason, ..) in PAGES {
            let raw = default_page(status);
            let mut head = Head::default();
            let parse::Outcome::Complete(n) =
                parse::response(&raw, &parse::Limits::default(), &mut head).unwrap()
            else {
                panic!("{status} has no end")
            };
            assert_eq!((head.status, head.reason()), (status, reason.as_bytes()));
            let facts =
                framing::response(&head, &framing::Facts::default(), framing::Policy::default()).unwrap();
            assert_eq!(facts.framing, framing::Framing::Length((raw.len() - n) as u64));
            assert_eq!(head.header(b"cache-control"), Some(&b"no-cache"[..]));
        }
    }
}
