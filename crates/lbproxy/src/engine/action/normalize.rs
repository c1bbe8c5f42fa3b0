//! `normalize-uri` (manual 4.3): one normaliser a rule, each for one component of the request target (RFC 3986).
//!
//! Invariant: a target that is not changed is not written again. What a strict normaliser cannot read is an error
//! of the client.

use crate::engine::sample::Ctx;

/// One normaliser with its option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Normalizer {
    FragmentEncode,
    FragmentStrip,
    PathMergeSlashes,
    PathStripDot,
    PathStripDotdot { full: bool },
    PercentDecodeUnreserved { strict: bool },
    PercentToUppercase { strict: bool },
    QuerySortByName,
}

impl Normalizer {
    /// By its words; absent when there is none of that name or the option is not its own.
    pub fn find(name: &str, option: Option<&str>) -> Option<Normalizer> {
        use Normalizer::*;
        Some(match (name, option) {
            ("fragment-encode", None) => FragmentEncode,
            ("fragment-strip", None) => FragmentStrip,
            ("path-merge-slashes", None) => PathMergeSlashes,
            ("path-strip-dot", None) => PathStripDot,
            ("path-strip-dotdot", None) => PathStripDotdot { full: false },
            ("path-strip-dotdot", Some("full")) => PathStripDotdot { full: true },
            ("percent-decode-unreserved", None) => PercentDecodeUnreserved { strict: false },
            ("percent-decode-unreserved", Some("strict")) => PercentDecodeUnreserved { strict: true },
            ("percent-to-uppercase", None) => PercentToUppercase { strict: false },
            ("percent-to-uppercase", Some("strict")) => PercentToUppercase { strict: true },
            ("query-sort-by-name", None) => QuerySortByName,
            _ => return None,
        })
    }

    /// Rewrites the target. False when it cannot be read.
    pub(super) fn run(self, ctx: &mut Ctx<'_>) -> bool {
        let Some(head) = ctx.req.as_deref_mut() else { return true };
        let (uri, pathq) = (head.uri(), head.path_and_query());
        // A target without a path (`*`, or an authority) has nothing to normalise.
        if pathq.first() != Some(&b'/') {
            return true;
        }
        let start = uri.len() - pathq.len();
        let Some(new) = self.apply(pathq) else { return false };
        if new != pathq {
            let whole = [uri.get(..start).unwrap_or(b""), &new].concat();
            if !head.set_uri(&whole) {
                ctx.txn.rewrite_failures += 1;
            }
        }
        true
    }

    /// Path, query and fragment normalised.
    fn apply(self, pathq: &[u8]) -> Option<Vec<u8>> {
        let hash = memchr::memchr(b'#', pathq).unwrap_or(pathq.len());
        let (before, fragment) = pathq.split_at_checked(hash)?;
        let mark = memchr::memchr(b'?', before).unwrap_or(before.len());
        let (path, query) = before.split_at_checked(mark)?;
        let on_path = |new: Vec<u8>| Some([&new, query, fragment].concat());
        match self {
            Normalizer::FragmentStrip => Some(before.to_vec()),
            Normalizer::FragmentEncode => Some(encode_hashes(pathq)),
            Normalizer::PathMergeSlashes => on_path(merge_slashes(path)),
            Normalizer::PathStripDot => on_path(strip_dots(path)),
            Normalizer::PathStripDotdot { full } => on_path(strip_dotdots(path, full)),
            Normalizer::PercentDecodeUnreserved { strict } => percent(pathq, strict, decode_unreserved),
            Normalizer::PercentToUppercase { strict } => percent(pathq, strict, uppercase),
            Normalizer::QuerySortByName => Some([path, &sort_query(query), fragment].concat()),
        }
    }
}

fn encode_hashes(text: &[u8]) -> Vec<u8> {
    text.iter()
        .flat_map(|b| if *b == b'#' { &b"%23"[..] } else { std::slice::from_ref(b) })
        .copied()
        .collect()
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    for b in path {
        if !(*b == b'/' && out.last() == Some(&b'/')) {
            out.push(*b);
        }
    }
    out
}

/// The segments behind the leading slash, joined again.
fn join(segments: &[&[u8]]) -> Vec<u8> {
    [&b"/"[..], &segments.join(&b'/')].concat()
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.get(1..).unwrap_or(b"").split(|b| *b == b'/')
}

/// A last segment that goes away leaves the slash before it.
fn strip_dots(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = segments(path).filter(|s| *s != b".").collect();
    if segments(path).last() == Some(b".") {
        kept.push(b"");
    }
    join(&kept)
}

fn strip_dotdots(path: &[u8], full: bool) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut removed = false;
    for s in segments(path) {
        removed = s == b"..";
        match kept.last() {
            Some(last) if removed && *last != b".." => {
                kept.pop();
            }
            _ if removed && full => {}
            _ => {
                kept.push(s);
                removed = false;
            }
        }
    }
    if removed {
        kept.push(b"");
    }
    join(&kept)
}

/// Copies the text; `each` says what stands for an encoded byte with its two digits. A strict run reads nothing
/// that is no encoding.
fn percent(text: &[u8], strict: bool, each: fn(u8, &[u8]) -> Vec<u8>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let digits = behind.get(..2).filter(|_| *first == b'%');
        let byte = digits
            .filter(|d| d.iter().all(u8::is_ascii_hexdigit))
            .and_then(|d| u8::from_str_radix(std::str::from_utf8(d).ok()?, 16).ok());
        match (byte, digits) {
            (Some(byte), Some(digits)) => {
                out.extend(each(byte, digits));
                rest = behind.get(2..).unwrap_or(b"");
            }
            _ if *first == b'%' && strict => return None,
            _ => out.push(*first),
        }
    }
    Some(out)
}

fn decode_unreserved(byte: u8, digits: &[u8]) -> Vec<u8> {
    match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        true => vec![byte],
        false => [&b"%"[..], digits].concat(),
    }
}

fn uppercase(_: u8, digits: &[u8]) -> Vec<u8> {
    [&b"%"[..], &digits.to_ascii_uppercase()].concat()
}

/// By name alone, so that parameters of one name keep their order.
fn sort_query(query: &[u8]) -> Vec<u8> {
    let Some(list) = query.strip_prefix(b"?") else { return query.to_vec() };
    let mut params: Vec<&[u8]> = list.split(|b| *b == b'&').collect();
    params.sort_by_key(|p| p.split(|b| *b == b'=').next().unwrap_or(p));
    [&b"?"[..], &params.join(&b'&')].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(name: &str, option: Option<&str>, cases: &[(&str, Option<&str>)]) {
        let n = Normalizer::find(name, option).unwrap();
        for (from, to) in cases {
            let got = n.apply(from.as_bytes()).map(|v| String::from_utf8(v).unwrap());
            assert_eq!(got.as_deref(), *to, "{name} {option:?} {from}");
        }
    }

    #[test]
    fn paths_are_normalised_as_the_manual_says() {
        all(
            "path-strip-dot",
            None,
            &[
                ("/.", Some("/")),
                ("/./bar/", Some("/bar/")),
                ("/a/./a", Some("/a/a")),
                ("/.well-known/", Some("/.well-known/")),
            ],
        );
        all(
            "path-strip-dotdot",
            None,
            &[
                ("/foo/../", Some("/")),
                ("/foo/bar/../?a=/../b", Some("/foo/?a=/../b")),
                ("/../bar/", Some("/../bar/")),
                ("/bar/../../", Some("/../")),
                ("/foo//../", Some("/foo/")),
            ],
        );
        all("path-strip-dotdot", Some("full"), &[("/../bar/", Some("/bar/")), ("/bar/../../", Some("/"))]);
        all("path-merge-slashes", None, &[("//", Some("/")), ("/foo//bar?a//b", Some("/foo/bar?a//b"))]);
    }

    #[test]
    fn encodings_fragments_and_queries_are_normalised_as_the_manual_says() {
        all(
            "percent-decode-unreserved",
            None,
            &[
                ("/%61dmin", Some("/admin")),
                ("/foo%3Fbar=baz", Some("/foo%3Fbar=baz")),
                ("/%%36%36", Some("/%66")),
                ("/%ZZ", Some("/%ZZ")),
            ],
        );
        all("percent-decode-unreserved", Some("strict"), &[("/%%36%36", None), ("/%6", None)]);
        all("percent-to-uppercase", None, &[("/%6f", Some("/%6F")), ("/%zz", Some("/%zz"))]);
        all("percent-to-uppercase", Some("strict"), &[("/%zz", None)]);
        all("fragment-strip", None, &[("/#foo", Some("/"))]);
        all("fragment-encode", None, &[("/#foo", Some("/%23foo"))]);
        all(
            "query-sort-by-name",
            None,
            &[
                ("/?aaa=3&a=1&aa=2", Some("/?a=1&aa=2&aaa=3")),
                ("/?a=3&b=4&a=1&b=5&a=2", Some("/?a=3&a=1&a=2&b=4&b=5")),
            ],
        );
        assert_eq!(Normalizer::find("path-strip-dot", Some("full")), None);
    }
}
