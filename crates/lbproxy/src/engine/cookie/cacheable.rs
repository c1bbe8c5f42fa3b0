//! Whether a cache may keep a response, as far as `nocache` wants to know.
//!
//! RFC 9111 section 3, read strictly: the status is cacheable by default, nothing forbids it, and there is a
//! validator or an explicit life time. The list of statuses is RFC 9110 section 15.1's.

use crate::engine::http::{Head, HeaderId};

const STATUSES: &[u16] = &[200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501];

pub(super) fn is_cacheable(method: &[u8], res: &Head) -> bool {
    if !matches!(method, b"GET" | b"HEAD") || !STATUSES.contains(&res.status) {
        return false;
    }
    let mut lasting = [&b"etag"[..], b"last-modified", b"expires"].iter().any(|n| res.header(n).is_some());
    if res.values(HeaderId::Other, b"pragma").any(|v| v.eq_ignore_ascii_case(b"no-cache")) {
        return false;
    }
    for directive in
        res.values(HeaderId::CacheControl, b"cache-control").flat_map(|v| v.split(|&b| b == b','))
    {
        let (name, value) = match memchr::memchr(b'=', directive) {
            Some(i) => directive.split_at(i),
            None => (directive, &[][..]),
        };
        let value = value.get(1..).unwrap_or(&[]).trim_ascii();
        match name.trim_ascii().to_ascii_lowercase().as_slice() {
            b"no-store" | b"private" => return false,
            // With a quoted list of fields it forbids to keep those only.
            b"no-cache" if value.first() != Some(&b'"') => return false,
            b"max-age" | b"s-maxage" => match value {
                b"0" => return false,
                _ => lasting = true,
            },
            _ => {}
        }
    }
    lasting
}
