//! Dates: from and to texts.

use super::{ArgType, Args, Converter, Ctx, Type, Value};
use crate::engine::sample::time::{Civil, MONTHS, days_of, strftime};

const FORMAT: &[ArgType] = &[ArgType::Str, ArgType::Int];

pub(super) const CONVERTERS: &[Converter] = &[
    row!("date", &[], 0, Str, Sint, "Seconds since the epoch of an HTTP date.", |v, _, _| parse_http_date(
        &v.into_text()
    )
    .map(Value::Int)),
    row!(
        "http_date",
        &[ArgType::Int, ArgType::Str],
        0,
        Sint,
        Str,
        "An HTTP date, after adding an offset; units s, ms or us.",
        http_date
    ),
    row!("ltime", FORMAT, 1, Sint, Str, "Local time by a format.", |v, a, c| format(v, a, c, 1, false)),
    row!("ms_ltime", FORMAT, 1, Sint, Str, "Local time of milliseconds by a format.", |v, a, c| format(
        v, a, c, 1_000, false
    )),
    row!("ms_utime", FORMAT, 1, Sint, Str, "UTC of milliseconds by a format.", |v, a, c| format(
        v, a, c, 1_000, true
    )),
    row!("us_ltime", FORMAT, 1, Sint, Str, "Local time of microseconds by a format.", |v, a, c| format(
        v, a, c, 1_000_000, false
    )),
    row!("us_utime", FORMAT, 1, Sint, Str, "UTC of microseconds by a format.", |v, a, c| format(
        v, a, c, 1_000_000, true
    )),
    row!("utime", FORMAT, 1, Sint, Str, "UTC by a format.", |v, a, c| format(v, a, c, 1, true)),
];

/// `scale` units make a second.
fn format<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>, scale: i64, utc: bool) -> Option<Value<'c>> {
    let n = v.to_int()?.saturating_add(a.int(1).unwrap_or(0));
    let (s, rest) = (n.div_euclid(scale), n.rem_euclid(scale));
    let micros = rest * (1_000_000 / scale);
    let mut out = Vec::new();
    strftime(a.bytes(0)?, bounded(s), micros as u32, &c.world.facts().zone, utc, &mut out);
    Some(Value::string(out))
}

/// Calendars end where four-digit years do; beyond, dates are clamped.
fn bounded(epoch_s: i64) -> i64 {
    epoch_s.clamp(-62_135_596_800, 253_402_300_799)
}

fn http_date<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let scale = match a.bytes(1) {
        Some(b"ms") => 1_000,
        Some(b"us") => 1_000_000,
        _ => 1,
    };
    let n = v.to_int()?.saturating_add(a.int(0).unwrap_or(0));
    let mut date = imf_date(n.div_euclid(scale));
    let fraction = n.rem_euclid(scale);
    let digits = match scale {
        1_000 => format!(".{fraction:03} GMT"),
        1_000_000 => format!(".{fraction:06} GMT"),
        _ => return Some(Value::string(date)),
    };
    date.truncate(date.len() - 4);
    date.push_str(&digits);
    Some(Value::string(date))
}

/// RFC 9110 section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(in crate::engine) fn imf_date(epoch_s: i64) -> String {
    let c = Civil::at(bounded(epoch_s), 0);
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        c.day_name(),
        c.day,
        c.month_name(),
        c.year,
        c.hour,
        c.minute,
        c.second
    )
}

/// The three forms of RFC 9110 section 5.6.7: IMF, RFC 850, asctime.
fn parse_http_date(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let words: Vec<&str> = text.split([' ', '-', ',']).filter(|w| !w.is_empty()).collect();
    let (day, month, year, time) = match *words.as_slice() {
        [_, d, m, y, t, "GMT"] => (d, m, y, t),
        [_, m, d, t, y] => (d, m, y, t),
        _ => return None,
    };
    let month = MONTHS.iter().position(|m| *m == month)? as u8 + 1;
    let mut year: i64 = year.parse().ok()?;
    if (0..100).contains(&year) {
        year += if year < 70 { 2_000 } else { 1_900 };
    }
    let day: u8 = day.parse().ok().filter(|d| (1..=31).contains(d))?;
    let clock: Vec<i64> =
        time.split(':').map(|p| p.parse().ok().filter(|n| (0..=60).contains(n))).collect::<Option<_>>()?;
    let [h, m, s] = *clock.as_slice() else { return None };
    (h < 24 && (1..=9_999).contains(&year))
        .then(|| days_of(year, month, day) * 86_400 + h * 3_600 + m * 60 + s)
}
