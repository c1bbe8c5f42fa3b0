//! Units that both languages write: times, sizes, plain numbers; read with the place of the fault, and printed back.
//!
//! Owns: [`time_ms`], [`size_bytes`], [`number`] and their printed forms. Invariant: what is printed reads back to
//! the same value. Decimal notation is not part of either language (HAProxy manual, chapters 2.5 and 2.6).

use std::ops::{Range, RangeInclusive};

/// Longest time that HAProxy's timers take: 2^31 - 1 ms, about 24.8 days.
pub const TIME_MS_MAX: u64 = 2_147_483_647;

/// Why a text is no value, with the byte range of the culprit in it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct UnitError {
    pub message: String,
    pub range: Range<usize>,
}

impl UnitError {
    fn new(message: impl Into<String>, range: Range<usize>) -> UnitError {
        UnitError { message: message.into(), range }
    }
}

/// The unit of a bare number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeUnit {
    Ms,
    S,
}

/// A time in milliseconds: a number with `us`, `ms`, `s`, `m`, `h` or `d`. Parts of a millisecond are rounded up.
pub fn time_ms(text: &str, bare: TimeUnit) -> Result<u64, UnitError> {
    let (digits, unit) = split_number(text, "a time such as 500ms, 10s or 1m")?;
    let at = digits..text.len();
    let us: u128 = match (unit, bare) {
        ("us", _) => 1,
        ("ms", _) | ("", TimeUnit::Ms) => 1_000,
        ("s", _) | ("", TimeUnit::S) => 1_000_000,
        ("m", _) => 60_000_000,
        ("h", _) => 3_600_000_000,
        ("d", _) => 86_400_000_000,
        _ => return Err(UnitError::new("no unit of time: expected us, ms, s, m, h or d", at)),
    };
    let value = text.get(..digits).and_then(|d| d.parse::<u128>().ok()).unwrap_or(u128::MAX);
    let ms = value.saturating_mul(us).div_ceil(1_000);
    u64::try_from(ms)
        .ok()
        .filter(|&ms| ms <= TIME_MS_MAX)
        .ok_or_else(|| UnitError::new("too long: at most 2147483647 ms, about 24.8 days", 0..text.len()))
}

/// A size in bytes: a number with `k`, `m` or `g` in either case.
pub fn size_bytes(text: &str) -> Result<u64, UnitError> {
    let (digits, unit) = split_number(text, "a size such as 16384, 16k or 1m")?;
    let shift = match unit {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return Err(UnitError::new("no unit of size: expected k, m or g", digits..text.len())),
    };
    let value = text.get(..digits).and_then(|d| d.parse::<u64>().ok());
    value.and_then(|v| v.checked_mul(1 << shift)).ok_or_else(|| UnitError::new("too large", 0..text.len()))
}

/// A whole number in `range`.
pub fn number(text: &str, range: RangeInclusive<i64>) -> Result<i64, UnitError> {
    let all = 0..text.len();
    let Ok(value) = text.parse::<i64>() else {
        return Err(UnitError::new(
            format!("expected a number from {} to {}", range.start(), range.end()),
            all,
        ));
    };
    if !range.contains(&value) {
        return Err(UnitError::new(format!("out of range: {} to {}", range.start(), range.end()), all));
    }
    Ok(value)
}

/// Digits first, at least one; then the rest.
fn split_number<'a>(text: &'a str, expected: &str) -> Result<(usize, &'a str), UnitError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Err(UnitError::new(format!("expected {expected}"), 0..text.len()));
    }
    let rest = text.get(digits..).unwrap_or("");
    if rest.starts_with(['.', ',']) {
        return Err(UnitError::new(
            "only whole numbers are understood, without decimals",
            digits..text.len(),
        ));
    }
    Ok((digits, rest))
}

/// The shortest exact form of a time.
pub fn print_time_ms(ms: u64) -> String {
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if ms >= size && ms.is_multiple_of(size) {
            return format!("{}{unit}", ms / size);
        }
    }
    format!("{ms}ms")
}

/// The shortest exact form of a size.
pub fn print_size_bytes(bytes: u64) -> String {
    for (unit, shift) in [("g", 30), ("m", 20), ("k", 10)] {
        if bytes > 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_unit_of_time_is_understood_and_milliseconds_are_the_default() {
        for (text, ms) in [
            ("5", 5),
            ("5ms", 5),
            ("5s", 5_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("0", 0),
        ] {
            assert_eq!(time_ms(text, TimeUnit::Ms), Ok(ms), "{text}");
        }
        assert_eq!(time_ms("500us", TimeUnit::Ms), Ok(1));
        assert_eq!(time_ms("30", TimeUnit::S), Ok(30_000));
    }

    #[test]
    fn the_fault_in_a_time_is_pointed_at() {
        assert_eq!(time_ms("10x", TimeUnit::Ms).unwrap_err().range, 2..3);
        assert_eq!(time_ms("1.5s", TimeUnit::Ms).unwrap_err().range, 1..4);
        for bad in ["", "-1", "s", "99999999999", "3000000s", "1d1h", "18446744073709551616000"] {
            assert!(time_ms(bad, TimeUnit::Ms).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_take_units_in_either_case_and_refuse_what_does_not_fit() {
        assert_eq!(size_bytes("16k"), Ok(16_384));
        assert_eq!(size_bytes("1M"), Ok(1_048_576));
        assert!(size_bytes("1t").is_err() && size_bytes("99999999999g").is_err());
    }

    proptest! {
        #[test]
        fn printed_times_and_sizes_read_back(ms in 0..=TIME_MS_MAX, bytes in 0..u64::MAX >> 1) {
            prop_assert_eq!(time_ms(&print_time_ms(ms), TimeUnit::Ms), Ok(ms));
            prop_assert_eq!(size_bytes(&print_size_bytes(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_makes_them_panic(text in ".{0,24}") {
            let _ = (time_ms(&text, TimeUnit::S), size_bytes(&text), number(&text, -5..=5));
        }
    }
}
