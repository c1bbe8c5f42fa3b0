//! Values inside header fields: comma-separated lists, cookies, query parameters, credentials.
//!
//! Everything borrows from the head; nothing allocates.

/// The next element of a comma-separated value from byte `from`: its trimmed bytes, and where the search goes on.
/// A comma inside a quoted string does not separate (RFC 9110 section 5.6.1).
pub fn next_element(value: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let rest = value.get(from..)?;
    let (mut quoted, mut escaped, mut end) = (false, false, rest.len());
    for (i, &b) in rest.iter().enumerate() {
        match (quoted, b) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b',') => {
                end = i;
                break;
            }
            _ => {}
        }
    }
    Some((rest.get(..end).unwrap_or(rest).trim_ascii(), from + end + 1))
}

/// The next `name=value` of a `Cookie` field from byte `from`, and where the search goes on. A cookie without `=`
/// has no value and is passed over.
pub fn next_cookie(field: &[u8], mut from: usize) -> Option<(&[u8], &[u8], usize)> {
    loop {
        let rest = field.get(from..)?;
        if rest.is_empty() {
            return None;
        }
        let end = cookie_end(rest);
        let pair = rest.get(..end).unwrap_or(rest);
        from += end + 1;
        if let Some(eq) = memchr::memchr(b'=', pair) {
            let name = pair.get(..eq).unwrap_or(b"").trim_ascii();
            let value = pair.get(eq + 1..).unwrap_or(b"").trim_ascii();
            if !name.is_empty() {
                return Some((name, value, from));
            }
        }
    }
}

/// The cookies of a `Cookie` field as they are written.
pub fn cookies(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(field);
    std::iter::from_fn(move || {
        let now = rest?;
        let end = cookie_end(now);
        rest = now.get(end + 1..);
        now.get(..end)
    })
}

/// Where a cookie ends: at a semicolon or comma outside quotes.
fn cookie_end(rest: &[u8]) -> usize {
    let mut quoted = false;
    for (i, &b) in rest.iter().enumerate() {
        match b {
            b'"' => quoted = !quoted,
            b';' | b',' if !quoted => return i,
            _ => {}
        }
    }
    rest.len()
}

/// Name and value of a `Set-Cookie` field: what stands before the first attribute.
pub fn set_cookie(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let pair = field.get(..memchr::memchr(b';', field).unwrap_or(field.len()))?;
    let eq = memchr::memchr(b'=', pair)?;
    Some((pair.get(..eq)?.trim_ascii(), pair.get(eq + 1..)?.trim_ascii()))
}

/// Name, value if there is one, and where the search goes on.
pub type Param<'q> = (&'q [u8], Option<&'q [u8]>, usize);

/// The next `name=value` of a query string or form body from byte `from`, and where the search goes on.
pub fn next_param(query: &[u8], from: usize, delimiter: u8) -> Option<Param<'_>> {
    let rest = query.get(from..).filter(|r| !r.is_empty())?;
    let end = rest.iter().position(|&b| b == b'&' || b == b';' || b == delimiter).unwrap_or(rest.len());
    let pair = rest.get(..end).unwrap_or(rest);
    let (name, value) = match memchr::memchr(b'=', pair) {
        Some(eq) => (pair.get(..eq).unwrap_or(b""), pair.get(eq + 1..)),
        None => (pair, None),
    };
    Some((name, value, from + end + 1))
}

/// Scheme and credentials of an `Authorization` value.
pub fn authorization(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr::memchr(b' ', value)?;
    Some((value.get(..space)?, value.get(space..)?.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(value: &str) -> Vec<String> {
        let (mut out, mut at) = (Vec::new(), 0);
        while let Some((e, next)) = next_element(value.as_bytes(), at) {
            out.push(String::from_utf8_lossy(e).into_owned());
            at = next;
        }
        out
    }

    #[test]
    fn a_list_is_split_at_commas_outside_quotes() {
        assert_eq!(elements("a, b ,\"c,\\\"d\",e"), ["a", "b", "\"c,\\\"d\"", "e"]);
        assert_eq!(elements("x"), ["x"]);
        assert_eq!(elements(""), [""]);
        assert_eq!(elements("a,"), ["a", ""]);
    }

    #[test]
    fn cookies_are_read_one_by_one_and_those_without_a_value_passed_over() {
        let (mut out, mut at) = (Vec::new(), 0);
        let field = b"a=1; b = \"x;y\" ;c; d=";
        while let Some((n, v, next)) = next_cookie(field, at) {
            out.push((n, v));
            at = next;
        }
        assert_eq!(out, [(&b"a"[..], &b"1"[..]), (b"b", b"\"x;y\""), (b"d", b"")]);
    }

    #[test]
    fn a_set_cookie_gives_its_value_without_attributes() {
        assert_eq!(set_cookie(b"id=7; Path=/; HttpOnly"), Some((&b"id"[..], &b"7"[..])));
        assert_eq!(set_cookie(b"id; Path=/"), None);
    }
}
