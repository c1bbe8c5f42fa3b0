//! Integer patterns: values, ranges, operators (manual 7.1.2).

use super::BadPattern;

/// An inclusive range; a missing bound is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    min: Option<i64>,
    max: Option<i64>,
}

impl Range {
    pub fn holds(self, n: i64) -> bool {
        self.min.is_none_or(|m| n >= m) && self.max.is_none_or(|m| n <= m)
    }
}

/// Reads words and the operators among them.
pub(super) fn parse<S: AsRef<[u8]>>(words: &[S]) -> Result<Vec<Range>, (usize, BadPattern)> {
    let mut operator = "eq";
    let mut out = Vec::with_capacity(words.len());
    for (i, word) in words.iter().enumerate() {
        let text = std::str::from_utf8(word.as_ref()).unwrap_or("");
        match text {
            "eq" | "ge" | "gt" | "le" | "lt" => operator = text,
            _ => out.push(range(operator, text).ok_or_else(|| {
                (i, BadPattern::Integer(String::from_utf8_lossy(word.as_ref()).into_owned()))
            })?),
        }
    }
    Ok(out)
}

fn range(operator: &str, text: &str) -> Option<Range> {
    let (min, max) = match text.split_once(':') {
        Some((a, b)) => {
            let side = |t: &str| if t.is_empty() { Some(None) } else { number(t).map(Some) };
            (side(a)?, side(b)?)
        }
        None => {
            let n = number(text)?;
            (Some(n), Some(n))
        }
    };
    Some(match operator {
        "ge" => Range { min, max: None },
        "gt" => Range { min: min.or(max).map(|n| n.saturating_add(1)), max: None },
        "le" => Range { min: None, max },
        "lt" => Range { min: None, max: max.or(min).map(|n| n.saturating_sub(1)) },
        _ => Range { min, max },
    })
}

/// A number, or two joined by a dot as versions are (major times 65536 plus minor).
fn number(text: &str) -> Option<i64> {
    if let Some((major, minor)) = text.split_once('.') {
        let (major, minor): (u16, u16) = (major.parse().ok()?, minor.parse().ok()?);
        return Some(i64::from(major) << 16 | i64::from(minor));
    }
    text.parse().ok()
}
