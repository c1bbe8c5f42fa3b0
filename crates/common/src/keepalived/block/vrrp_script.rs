//! `vrrp_script`: a program that is run again and again, and whose exit code counts.

use super::{Entry, Row, row, set};
use crate::{diag::codes, keepalived::model::VrrpScript};

/// Runs in a row that anyone could wait for.
const COUNT_MAX: u32 = 2_147_483_647;
/// As many whole seconds as 32 bits of microseconds hold.
const PERIOD_MAX_US: u64 = 4_294_000_000;

pub(super) const KEYWORDS: &[Row<VrrpScript>] = &[
    row("fall", (1, 1), "Failures in a row before failed.", |s, e| {
        set(&mut s.fall, e.number(0, 1..=COUNT_MAX).map(|n| n.value))
    }),
    row("init_fail", (0, 0), "Begin in the failed state instead of unknown.", |s, _| s.init_fail = true),
    row(
        "interval",
        (1, 1),
        "Time between starts; a start is skipped while the previous run lives.",
        |s, e| set(&mut s.interval_us, period(e)),
    ),
    row("rise", (1, 1), "Successes in a row before OK.", |s, e| {
        set(&mut s.rise, e.number(0, 1..=COUNT_MAX).map(|n| n.value))
    }),
    row(
        "script",
        (1, 1),
        "Command; exit 0 = OK, anything else, a signal or a timeout = failure; run through exec, a bare name is looked up in PATH.",
        |s, e| {
            if let Some(c) = e.command(0) {
                s.command.argv = c.argv;
            }
        },
    ),
    row(
        "timeout",
        (1, 1),
        "Run time after which SIGTERM (then SIGKILL 2 s later) is sent to the script's process group and the run counts as failed.",
        |s, e| set(&mut s.timeout_us, period(e)),
    ),
    row("user", (1, 3), "User of the script.", |s, e| set(&mut s.command.user, e.user(0))),
    row(
        "weight",
        (1, 2),
        "0: failure = FAULT; >0: added while OK; <0: subtracted while failed; reverse flips.",
        |s, e| {
            if let Some((w, r)) = e.weight(0, 253) {
                (s.weight, s.reverse) = (w.value, r == Some(true));
            }
        },
    ),
];

/// A time above zero in whole milliseconds.
fn period(e: &mut Entry<'_>) -> Option<u64> {
    let at = e.seconds_us(0, 1..=PERIOD_MAX_US)?;
    let rounded = ((at.value + 500) / 1_000 * 1_000).max(1_000);
    if rounded != at.value {
        let message = format!("{} has too many decimal places", e.name);
        e.warn(codes::K_ADJUSTED, at.span, message, &format!("{} ms is used", rounded / 1_000));
    }
    Some(rounded)
}
