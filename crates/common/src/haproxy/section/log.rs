//! `log` lines, which `global`, proxies, `peers` and `log-forward` share (manual, chapter 4.2, `log`).

use super::cx::Cx;
use crate::{
    diag::codes,
    haproxy::{
        address::Address,
        expr::within,
        model::{LogDestination, LogLevel, LogSample, LogTarget, LogTransportFormat},
    },
    source::At,
};

/// Facilities of syslog, as the language writes them.
pub const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp",
    "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

const FORMATS: &[(&str, LogTransportFormat)] = &[
    ("local", LogTransportFormat::Local),
    ("rfc3164", LogTransportFormat::Rfc3164),
    ("rfc5424", LogTransportFormat::Rfc5424),
    ("priority", LogTransportFormat::Priority),
    ("short", LogTransportFormat::Short),
    ("timed", LogTransportFormat::Timed),
    ("iso", LogTransportFormat::Iso),
    ("raw", LogTransportFormat::Raw),
];

pub(super) const LEVELS: &[(&str, LogLevel)] = &[
    ("emerg", LogLevel::Emerg),
    ("alert", LogLevel::Alert),
    ("crit", LogLevel::Crit),
    ("err", LogLevel::Err),
    ("warning", LogLevel::Warning),
    ("notice", LogLevel::Notice),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
];

/// `log …`, or `no log` which forgets what was inherited.
pub(super) fn log(logs: &mut Vec<At<LogTarget>>, cx: &mut Cx<'_>) {
    if cx.no {
        if let Some(extra) = cx.arg(0) {
            cx.extra(extra);
        }
        logs.clear();
        return;
    }
    let span = cx.span();
    if let Some(target) = target(cx) {
        logs.push(At::new(target, span));
    }
}

fn target(cx: &mut Cx<'_>) -> Option<LogTarget> {
    let args = cx.args;
    let (first, mut rest) = args.split_first()?;
    let mut log = LogTarget { target: destination(first, cx)?, ..LogTarget::default() };
    if log.target == LogDestination::Global {
        if let Some(extra) = rest.first() {
            cx.extra(extra);
            return None;
        }
        if cx.section == "global" {
            cx.bad(first, "an address: these are the global targets themselves");
            return None;
        }
        return Some(log);
    }
    while let [word, value, after @ ..] = rest {
        match word.as_str() {
            "len" => log.len = Some(cx.u32_in(value, 80, 65_535)?),
            "format" => log.format = Some(cx.one_of(value, FORMATS)?),
            "sample" => log.sample = Some(sample(value, cx)?),
            "profile" => {
                cx.not_yet("profile", word.span, "all log lines have the proxy's own format");
                log.profile = Some(value.clone());
            }
            _ => break,
        }
        rest = after;
    }
    let Some((facility, rest)) = rest.split_first() else {
        cx.missing(args.last()?, "a facility, such as local0");
        return None;
    };
    if !FACILITIES.contains(&facility.as_str()) {
        cx.bad_word(facility, FACILITIES.iter().copied());
        return None;
    }
    log.facility = Some(facility.value.clone());
    if let Some(level) = rest.first() {
        log.level = Some(cx.one_of(level, LEVELS)?);
    }
    if let Some(level) = rest.get(1) {
        log.min_level = Some(cx.one_of(level, LEVELS)?);
    }
    if let Some(extra) = rest.get(2) {
        cx.extra(extra);
        return None;
    }
    Some(log)
}

fn destination(word: &At<String>, cx: &mut Cx<'_>) -> Option<LogDestination> {
    let part = |n: usize| At::new(word.value.get(n..).unwrap_or("").to_owned(), within(word, n..word.len()));
    Some(match word.as_str() {
        "global" => LogDestination::Global,
        "stdout" => LogDestination::Stdout,
        "stderr" => LogDestination::Stderr,
        w if w.starts_with("ring@") => LogDestination::Ring(part(5)),
        w if w.starts_with("backend@") => LogDestination::Backend(part(8)),
        w => match Address::parse_datagram(w) {
            Ok(a) => LogDestination::Address(At::new(a, word.span)),
            Err(e) => {
                let message = format!("`{}`: {}", cx.keyword.value, e.message);
                cx.alert(codes::BAD_ADDRESS, within(word, e.range), message);
                return None;
            }
        },
    })
}

/// `1,3-4:10`.
fn sample(word: &At<String>, cx: &mut Cx<'_>) -> Option<LogSample> {
    let parsed = (|| {
        let (ranges, size) = word.rsplit_once(':')?;
        let range = |r: &str| -> Option<(u32, u32)> {
            let (low, high) = r.split_once('-').unwrap_or((r, r));
            let (low, high) = (low.parse().ok()?, high.parse().ok()?);
            (low >= 1 && low <= high).then_some((low, high))
        };
        let ranges = ranges.split(',').map(range).collect::<Option<Vec<_>>>()?;
        let size: u32 = size.parse().ok()?;
        ranges.iter().all(|&(_, high)| high <= size).then_some(LogSample { ranges, size })
    })();
    if parsed.is_none() {
        cx.bad(word, "ranges and a size, such as 1,3-4:10");
    }
    parsed
}
