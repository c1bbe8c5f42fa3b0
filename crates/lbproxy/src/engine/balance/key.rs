//! What of a request a hashing algorithm hashes (manual 4.2, `balance`).

use std::net::IpAddr;

use super::{
    HashOn, HashType,
    hash::{hash, hash_address},
};
use crate::engine::http::{Head, HeaderId};

/// What a request offers to the algorithms; everything is borrowed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Key<'a> {
    /// Address of the client, for `source`.
    pub src: Option<IpAddr>,
    /// The request, for `uri`, `url_param`, `hdr`.
    pub req: Option<&'a Head>,
    /// What has arrived of the request's body, for `url_param … check_post`.
    pub body: Option<&'a [u8]>,
    /// The value of the expression of `hash`, the RDP cookie of `rdp-cookie`.
    pub sample: Option<&'a [u8]>,
    /// A random number, for `random`.
    pub seed: u64,
}

/// The hash of what `on` names; `None` when the request does not have it (then servers take turns).
pub(super) fn hash_of(on: &HashOn, kind: &HashType, key: &Key<'_>) -> Option<u32> {
    match on {
        HashOn::Source => key.src.map(|ip| hash_address(kind, ip)),
        HashOn::Uri { whole, path_only, len, depth } => {
            let uri = match path_only {
                true => key.req?.path_and_query(),
                false => key.req?.uri(),
            };
            Some(hash(kind, uri_part(uri, *whole, *len, *depth)))
        }
        HashOn::UrlParam { name, check_post } => {
            let req = key.req?;
            let found = parameter(req.query(), name.as_bytes());
            let posted = || match *check_post && req.method() == b"POST" {
                true => parameter(key.body?, name.as_bytes()),
                false => None,
            };
            found.or_else(posted).filter(|v| !v.is_empty()).map(|v| hash(kind, v))
        }
        HashOn::Header { name, use_domain_only } => {
            let value = key.req?.values(HeaderId::of(name.as_bytes()), name.as_bytes()).next_back()?;
            if value.is_empty() {
                return None;
            }
            Some(hash(kind, if *use_domain_only { main_domain(value) } else { value }))
        }
        HashOn::RdpCookie { .. } | HashOn::Sample => {
            key.sample.filter(|v| !v.is_empty()).map(|v| hash(kind, v))
        }
    }
}

/// The part of a target that counts: up to `?` unless `whole`, `len` bytes at most, `depth` slashes deep at most.
fn uri_part(uri: &[u8], whole: bool, len: u32, depth: u32) -> &[u8] {
    let (len, depth) = (len as usize, depth as usize);
    let mut slashes = 0;
    let end = uri.iter().enumerate().position(|(i, &b)| {
        if b == b'/' {
            slashes += 1;
        }
        (len > 0 && i == len) || (depth > 0 && slashes == depth + 1) || (b == b'?' && !whole)
    });
    end.and_then(|e| uri.get(..e)).unwrap_or(uri)
}

/// The value of a parameter of a query string or a form.
fn parameter<'a>(query: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    query.split(|&b| b == b'&').find_map(|p| p.strip_prefix(name)?.strip_prefix(b"="))
}

/// The label before the last one (`1wt` of `haproxy.1wt.eu`), or before a port.
fn main_domain(host: &[u8]) -> &[u8] {
    let host = host.split(|&b| b == b':').next().unwrap_or(host);
    let mut labels = host.rsplit(|&b| b == b'.');
    let last = labels.next().unwrap_or(host);
    labels.next().unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_a_target_that_is_hashed() {
        let u = &b"/a/b/c?d=/e"[..];
        for (whole, len, depth, want) in [
            (false, 0, 0, &b"/a/b/c"[..]),
            (true, 0, 0, u),
            (false, 3, 0, b"/a/"),
            (false, 0, 1, b"/a"),
            (false, 0, 2, b"/a/b"),
            (true, 9, 0, b"/a/b/c?d="),
        ] {
            assert_eq!(uri_part(u, whole, len, depth), want);
        }
    }

    #[test]
    fn parameters_and_domains() {
        assert_eq!(parameter(b"ab=1&b=2&c", b"b"), Some(&b"2"[..]));
        assert_eq!(parameter(b"ab=1", b"b"), None);
        assert_eq!(main_domain(b"haproxy.1wt.eu:80"), b"1wt");
        assert_eq!(main_domain(b"localhost"), b"localhost");
    }
}
