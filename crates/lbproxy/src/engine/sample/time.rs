//! Dates: seconds since the epoch as calendar fields, formats in `strftime` style, time zones read from TZif text.
//!
//! Pure: the current time and the zone come in as arguments.

/// Calendar fields of a moment in some zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Civil {
    pub year: i64,
    /// 1..=12
    pub month: u8,
    /// 1..=31
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// 0 is Sunday.
    pub weekday: u8,
    /// 1..=366
    pub yearday: u16,
    /// Seconds east of UTC.
    pub offset_s: i32,
}

pub const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
pub const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const LONG_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const LONG_DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Civil {
    /// The fields of a moment, `offset_s` seconds east of UTC.
    pub fn at(epoch_s: i64, offset_s: i32) -> Civil {
        let local = epoch_s.saturating_add(i64::from(offset_s));
        let (days, rest) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = date_of(days);
        let yearday = days - days_of(year, 1, 1) + 1;
        Civil {
            year,
            month,
            day,
            hour: (rest / 3_600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            weekday: (days + 4).rem_euclid(7) as u8,
            yearday: yearday as u16,
            offset_s,
        }
    }

    pub fn month_name(&self) -> &'static str {
        MONTHS.get(usize::from(self.month).wrapping_sub(1)).copied().unwrap_or("???")
    }

    pub fn day_name(&self) -> &'static str {
        DAYS.get(usize::from(self.weekday)).copied().unwrap_or("???")
    }

    /// `+0100`
    pub fn zone(&self) -> String {
        let (sign, s) = if self.offset_s < 0 { ('-', -self.offset_s) } else { ('+', self.offset_s) };
        format!("{sign}{:02}{:02}", s / 3_600, s / 60 % 60)
    }
}

/// Days since the epoch as year, month, day (proleptic Gregorian calendar, years begin in March internally so
/// that the leap day is the last).
fn date_of(days: i64) -> (i64, u8, u8) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u8;
    let month = (if mp < 10 { mp + 3 } else { mp - 9 }) as u8;
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since the epoch of a date.
pub fn days_of(year: i64, month: u8, day: u8) -> i64 {
    let y = year - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let m = i64::from(month);
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// Formats as `strftime` does in the C locale, with HAProxy's `%N`, `%3N`, `%6N` … for fractions of a second.
/// An unknown conversion stays as it is written.
pub fn strftime(format: &[u8], epoch_s: i64, micros: u32, zone: &Zone, utc: bool, out: &mut Vec<u8>) {
    use std::io::Write;
    let offset = if utc { 0 } else { zone.offset_at(epoch_s) };
    let c = Civil::at(epoch_s, offset);
    let mut bytes = format.iter().copied();
    while let Some(b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let Some(mut conv) = bytes.next() else {
            out.push(b'%');
            return;
        };
        let mut digits = 9;
        if conv.is_ascii_digit() && format.windows(2).any(|w| w == [conv, b'N']) {
            digits = usize::from(conv - b'0');
            conv = bytes.next().unwrap_or(b'N');
        }
        // Writing to a vector cannot fail.
        let _ = match conv {
            b'N' => {
                let text = format!("{micros:06}000");
                out.write_all(text.as_bytes().get(..digits.min(9)).unwrap_or(b""))
            }
            b'+' | b'E' | b'O' => write!(out, "%{}", conv as char),
            _ => strftime_field(conv, &c, epoch_s, if utc { "GMT" } else { zone.name_at(epoch_s) }, out),
        };
    }
}

fn strftime_field(conv: u8, c: &Civil, epoch_s: i64, zone: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    use std::io::Write;
    let long = |names: &[&'static str], i: usize| names.get(i).copied().unwrap_or("???");
    let hour12 = match c.hour % 12 {
        0 => 12,
        h => h,
    };
    let (wday, yday) = (i64::from(c.weekday), i64::from(c.yearday) - 1);
    match conv {
        b'a' => write!(out, "{}", c.day_name()),
        b'A' => write!(out, "{}", long(&LONG_DAYS, usize::from(c.weekday))),
        b'b' | b'h' => write!(out, "{}", c.month_name()),
        b'B' => write!(out, "{}", long(&LONG_MONTHS, usize::from(c.month).wrapping_sub(1))),
        b'c' => write!(
            out,
            "{} {} {:2} {:02}:{:02}:{:02} {}",
            c.day_name(),
            c.month_name(),
            c.day,
            c.hour,
            c.minute,
            c.second,
            c.year
        ),
        b'C' => write!(out, "{:02}", c.year / 100),
        b'd' => write!(out, "{:02}", c.day),
        b'D' | b'x' => write!(out, "{:02}/{:02}/{:02}", c.month, c.day, c.year.rem_euclid(100)),
        b'e' => write!(out, "{:2}", c.day),
        b'F' => write!(out, "{}-{:02}-{:02}", c.year, c.month, c.day),
        b'G' => write!(out, "{}", iso_week(c).0),
        b'g' => write!(out, "{:02}", iso_week(c).0.rem_euclid(100)),
        b'H' => write!(out, "{:02}", c.hour),
        b'I' => write!(out, "{hour12:02}"),
        b'j' => write!(out, "{:03}", c.yearday),
        b'k' => write!(out, "{:2}", c.hour),
        b'l' => write!(out, "{hour12:2}"),
        b'm' => write!(out, "{:02}", c.month),
        b'M' => write!(out, "{:02}", c.minute),
        b'n' => out.write_all(b"\n"),
        b'p' => write!(out, "{}", if c.hour < 12 { "AM" } else { "PM" }),
        b'P' => write!(out, "{}", if c.hour < 12 { "am" } else { "pm" }),
        b'r' => {
            let half = if c.hour < 12 { "AM" } else { "PM" };
            write!(out, "{hour12:02}:{:02}:{:02} {half}", c.minute, c.second)
        }
        b'R' => write!(out, "{:02}:{:02}", c.hour, c.minute),
        b's' => write!(out, "{epoch_s}"),
        b'S' => write!(out, "{:02}", c.second),
        b't' => out.write_all(b"\t"),
        b'T' | b'X' => write!(out, "{:02}:{:02}:{:02}", c.hour, c.minute, c.second),
        b'u' => write!(out, "{}", if wday == 0 { 7 } else { wday }),
        b'U' => write!(out, "{:02}", (yday + 7 - wday) / 7),
        b'V' => write!(out, "{:02}", iso_week(c).1),
        b'w' => write!(out, "{wday}"),
        b'W' => write!(out, "{:02}", (yday + 7 - (wday + 6) % 7) / 7),
        b'y' => write!(out, "{:02}", c.year.rem_euclid(100)),
        b'Y' => write!(out, "{}", c.year),
        b'z' => write!(out, "{}", c.zone()),
        b'Z' => write!(out, "{zone}"),
        b'%' => out.write_all(b"%"),
        other => out.write_all(&[b'%', other]),
    }
}

/// ISO 8601 year and week: the week that holds the year's first Thursday is the first.
fn iso_week(c: &Civil) -> (i64, i64) {
    let weekday = (i64::from(c.weekday) + 6) % 7;
    let days = days_of(c.year, c.month, c.day);
    let thursday = days - weekday + 3;
    let (year, _, _) = date_of(thursday);
    (year, (thursday - days_of(year, 1, 1)) / 7 + 1)
}

/// A time zone: moments at which the offset from UTC changes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Zone {
    /// Offset and name before the first change.
    first: (i32, String),
    /// Moment (seconds since the epoch), offset, name; sorted.
    changes: Vec<(i64, i32, String)>,
}

impl Zone {
    pub fn utc() -> Zone {
        Zone { first: (0, "UTC".to_owned()), changes: Vec::new() }
    }

    pub fn offset_at(&self, epoch_s: i64) -> i32 {
        self.at(epoch_s).0
    }

    pub fn name_at(&self, epoch_s: i64) -> &str {
        self.at(epoch_s).1
    }

    fn at(&self, epoch_s: i64) -> (i32, &str) {
        let i = self.changes.partition_point(|c| c.0 <= epoch_s);
        match i.checked_sub(1).and_then(|i| self.changes.get(i)) {
            Some((_, offset, name)) => (*offset, name),
            None => (self.first.0, &self.first.1),
        }
    }

    /// Reads a compiled time zone (RFC 8536). Beyond the last change the file lists, its offset goes on: current
    /// files list changes up to 2037.
    pub fn parse_tzif(data: &[u8]) -> Option<Zone> {
        let header = |at: usize| -> Option<(u8, [usize; 6])> {
            let h = data.get(at..at + 44)?;
            if h.get(..4)? != b"TZif" {
                return None;
            }
            let mut counts = [0; 6];
            for (c, b) in counts.iter_mut().zip(h.get(20..44)?.chunks_exact(4)) {
                *c = usize::try_from(u32::from_be_bytes(b.try_into().ok()?)).ok()?;
            }
            Some((*h.get(4)?, counts))
        };
        let (version, [isut, isstd, leap, times, types, chars]) = header(0)?;
        if version < b'2' {
            return Zone::tzif_body(data.get(44..)?, 4, times, types, chars);
        }
        let skip = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut;
        let (_, [_, _, _, times, types, chars]) = header(skip)?;
        Zone::tzif_body(data.get(skip + 44..)?, 8, times, types, chars)
    }

    fn tzif_body(d: &[u8], width: usize, times: usize, types: usize, chars: usize) -> Option<Zone> {
        let moments = d.get(..times * width)?;
        let rest = d.get(times * width..)?;
        let (indexes, rest) = (rest.get(..times)?, rest.get(times..)?);
        let (kinds, rest) = (rest.get(..types * 6)?, rest.get(types * 6..)?);
        let names = rest.get(..chars)?;
        let kind = |i: usize| -> Option<(i32, String)> {
            let k = kinds.get(i * 6..i * 6 + 6)?;
            let name = names.get(usize::from(*k.get(5)?)..)?;
            let name = name.split(|&b| b == 0).next()?;
            let offset = i32::from_be_bytes(k.get(..4)?.try_into().ok()?);
            Some((offset, String::from_utf8_lossy(name).into_owned()))
        };
        let mut changes = Vec::with_capacity(times);
        for (m, &i) in moments.chunks_exact(width).zip(indexes) {
            let at = match width {
                4 => i64::from(i32::from_be_bytes(m.try_into().ok()?)),
                _ => i64::from_be_bytes(m.try_into().ok()?),
            };
            let (offset, name) = kind(usize::from(i))?;
            changes.push((at, offset, name));
        }
        Some(Zone { first: kind(0)?, changes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fmt(format: &str, s: i64) -> String {
        let mut out = Vec::new();
        strftime(format.as_bytes(), s, 123_456, &Zone::utc(), true, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_moments_have_their_calendar_fields() {
        assert_eq!(fmt("%a, %d %b %Y %T %z", 0), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(fmt("%F %j %u %V %G", 951_782_400), "2000-02-29 060 2 09 2000");
        assert_eq!(fmt("%F %V %G", 1_230_768_000), "2009-01-01 01 2009");
        assert_eq!(fmt("%F %V %G", 1_104_537_600), "2005-01-01 53 2004");
        assert_eq!(fmt("%F", -86_400), "1969-12-31");
        assert_eq!(fmt("%3N %6N %N %q%%", 0), "123 123456 123456000 %q%");
        assert_eq!(fmt("%I %p", 0), "12 AM");
    }

    #[test]
    fn dates_and_days_are_inverse() {
        for days in (-1_000_000..1_000_000).step_by(997) {
            let (y, m, d) = date_of(days);
            assert_eq!(days_of(y, m, d), days);
        }
    }

    #[test]
    fn a_zone_is_read_from_its_file_form() {
        let mut data = b"TZif2".to_vec();
        data.extend([0; 15]);
        data.extend([0; 24]);
        data.extend(b"TZif2");
        data.extend([0; 15]);
        for n in [0u32, 0, 0, 1, 2, 8] {
            data.extend(n.to_be_bytes());
        }
        data.extend(1_000i64.to_be_bytes());
        data.push(1);
        data.extend(3_600i32.to_be_bytes());
        data.extend([0, 0]);
        data.extend(7_200i32.to_be_bytes());
        data.extend([1, 4]);
        data.extend(b"CET\0CST\0");
        let z = Zone::parse_tzif(&data).unwrap();
        assert_eq!((z.offset_at(999), z.offset_at(1_000)), (3_600, 7_200));
        assert_eq!((z.name_at(0), z.name_at(5_000)), ("CET", "CST"));
        for n in 0..data.len() {
            // A cut file is refused, never a panic.
            let _ = Zone::parse_tzif(&data[..n]);
        }
    }
}
