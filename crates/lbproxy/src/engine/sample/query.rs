//! Values inside a JSON text, found by a path (`$.name`, `$.list[2]`, `$.a\.b`), as `json_query` gives them.
//!
//! The text is scanned once and not checked as a whole: what stands behind the value found may be cut off.
//! Invariant: nesting deeper than [`DEPTH_MAX`] is not followed, so that the stack is bounded.

use super::Value;

const DEPTH_MAX: usize = 64;

/// One step of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    Key(Box<[u8]>),
    Index(usize),
}

/// Reads a path; `None` when it is none.
pub fn parse_path(text: &[u8]) -> Option<Vec<Part>> {
    let mut rest = text.strip_prefix(b"$")?;
    let mut parts = Vec::new();
    while let Some((first, behind)) = rest.split_first() {
        match first {
            b'.' => {
                let (mut key, mut at) = (Vec::new(), 0);
                while let Some(b) = behind.get(at).filter(|b| !b".[".contains(b)) {
                    at += usize::from(*b == b'\\' && at + 1 < behind.len());
                    key.extend(behind.get(at));
                    at += 1;
                }
                if key.is_empty() {
                    return None;
                }
                parts.push(Part::Key(key.into()));
                rest = behind.get(at..)?;
            }
            b'[' => {
                let end = memchr::memchr(b']', behind)?;
                let index = std::str::from_utf8(behind.get(..end)?).ok()?.parse().ok()?;
                parts.push(Part::Index(index));
                rest = behind.get(end + 1..)?;
            }
            _ => return None,
        }
    }
    Some(parts)
}

/// The value at the path. Numbers are texts unless `as_int`; objects and null are nothing.
pub fn find<'v>(json: &[u8], path: &[Part], as_int: bool) -> Option<Value<'v>> {
    let at = locate(json, path, 0)?;
    match at.first()? {
        b'"' => Some(Value::string(string(at)?.0)),
        b'[' => {
            let rest = skip(at, 0)?;
            Some(Value::string(at.get(..at.len() - rest.len())?))
        }
        b't' => at.starts_with(b"true").then_some(Value::Bool(true)),
        b'f' => at.starts_with(b"false").then_some(Value::Bool(false)),
        b'{' | b'n' => None,
        _ => {
            let end = at.iter().position(|b| !b"+-.eE0123456789".contains(b)).unwrap_or(at.len());
            let n: f64 = std::str::from_utf8(at.get(..end)?).ok()?.parse().ok()?;
            Some(if as_int { Value::Int(n as i64) } else { Value::string(six_digits(n)) })
        }
    }
}

fn space(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}

/// The text from the value at the path on.
fn locate<'j>(json: &'j [u8], path: &[Part], depth: usize) -> Option<&'j [u8]> {
    let json = space(json);
    let Some((part, deeper)) = path.split_first() else { return Some(json) };
    if depth > DEPTH_MAX {
        return None;
    }
    match part {
        Part::Key(wanted) => {
            let mut rest = space(json.strip_prefix(b"{")?);
            while rest.first() == Some(&b'"') {
                let (key, behind) = string(rest)?;
                let value = space(space(behind).strip_prefix(b":")?);
                if key == **wanted {
                    return locate(value, deeper, depth + 1);
                }
                rest = space(space(skip(value, depth)?).strip_prefix(b",")?);
            }
            None
        }
        Part::Index(wanted) => {
            let mut rest = space(json.strip_prefix(b"[")?);
            for _ in 0..*wanted {
                rest = space(space(skip(rest, depth)?).strip_prefix(b",")?);
            }
            (rest.first() != Some(&b']')).then(|| locate(rest, deeper, depth + 1))?
        }
    }
}

/// What stands behind a value.
fn skip(value: &[u8], depth: usize) -> Option<&[u8]> {
    if depth > DEPTH_MAX {
        return None;
    }
    match value.first()? {
        b'"' => string(value).map(|(_, rest)| rest),
        open @ (b'{' | b'[') => {
            let close = if *open == b'{' { b'}' } else { b']' };
            let mut rest = space(value.get(1..)?);
            loop {
                match rest.first()? {
                    b if *b == close => return rest.get(1..),
                    b',' | b':' => rest = space(rest.get(1..)?),
                    _ => rest = space(skip(rest, depth + 1)?),
                }
            }
        }
        _ => {
            let end = value.iter().position(|b| b",]} \t\r\n".contains(b)).unwrap_or(value.len());
            (end > 0).then(|| value.get(end..))?
        }
    }
}

/// A string without its escapes, and what stands behind it.
fn string(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut out = Vec::new();
    loop {
        let (b, behind) = rest.split_first()?;
        rest = behind;
        match b {
            b'"' => return Some((out, rest)),
            b'\\' => {
                let (escape, behind) = rest.split_first()?;
                rest = behind;
                match escape {
                    b'b' => out.push(8),
                    b'f' => out.push(12),
                    b'n' => out.push(b'\n'),
                    b'r' => out.push(b'\r'),
                    b't' => out.push(b'\t'),
                    b'u' => {
                        let (digits, behind) = rest.split_at_checked(4)?;
                        let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                        let mut buffer = [0; 4];
                        out.extend(char::from_u32(code)?.encode_utf8(&mut buffer).bytes());
                        rest = behind;
                    }
                    other => out.push(*other),
                }
            }
            _ => out.push(*b),
        }
    }
}

/// A number with at most six significant digits, as `%g` prints it.
fn six_digits(n: f64) -> String {
    if n == 0.0 || !n.is_finite() {
        return if n.is_finite() { "0".to_owned() } else { n.to_string() };
    }
    let scientific = format!("{n:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |t: &str| match t.contains('.') {
        true => t.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => t.to_owned(),
    };
    if (-4..6).contains(&exponent) {
        return trim(&format!("{n:.*}", (5 - exponent).max(0) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(json: &str, path: &str, as_int: bool) -> Option<Value<'static>> {
        find(json.as_bytes(), &parse_path(path.as_bytes()).unwrap(), as_int)
    }

    #[test]
    fn values_are_found_by_keys_and_indexes() {
        let json = r#"{"a" : [1, {"b.c": "x\ny"}, [true]], "z": {"a": 2}}"#;
        assert_eq!(ask(json, r"$.a[1].b\.c", false), Some(Value::string("x\ny")));
        assert_eq!(ask(json, "$.a[2]", false), Some(Value::string("[true]")));
        assert_eq!(ask(json, "$.z.a", true), Some(Value::Int(2)));
        assert_eq!(ask(json, "$.z", false), None);
        assert_eq!(ask(json, "$.a[3]", false), None);
        assert!(parse_path(b"a").is_none() && parse_path(b"$..a").is_none() && parse_path(b"$[x]").is_none());
    }

    #[test]
    fn numbers_have_six_significant_digits() {
        for (n, text) in [
            ("1.50", "1.5"),
            ("1e3", "1000"),
            ("12345678901234567890", "1.23457e+19"),
            ("100000000", "1e+08"),
            ("0.1", "0.1"),
            ("123456.7", "123457"),
            ("-3", "-3"),
            ("0.00001", "1e-05"),
            ("999999.9", "1e+06"),
        ] {
            assert_eq!(ask(n, "$", false), Some(Value::string(text)), "{n}");
        }
    }

    #[test]
    fn deep_nesting_ends_the_search() {
        let json = "[".repeat(100_000);
        assert_eq!(ask(&json, "$[1]", false), None);
    }
}
