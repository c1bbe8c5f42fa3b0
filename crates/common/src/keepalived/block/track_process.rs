//! `vrrp_track_process`: a watch over the processes of a name.

use super::{ANY, Entry, Row, row, set};
use crate::{
    keepalived::model::{ParamMatch, TrackProcess},
    source::At,
};

/// An hour.
const DELAY_MAX_US: u64 = 3_600_000_000;

pub(super) const KEYWORDS: &[Row<TrackProcess>] = &[
    row("delay", (1, 1), "Sets both delays.", |p, e| {
        if let Some(us) = delay(e) {
            (p.fork_delay_us, p.terminate_delay_us) = (us, us);
        }
    }),
    row("fork_delay", (1, 1), "Delay before up is believed.", |p, e| {
        p.fork_delay_us = delay(e).unwrap_or(p.fork_delay_us)
    }),
    row("full_command", (0, 0), "Match the whole command line.", |p, _| p.full_command = true),
    row("param_match", (1, 1), "How arguments match.", param_match),
    row("process", (1, ANY), "Exact process name (comm), or with arguments the command line.", |p, e| {
        p.process = At::new(e.args().iter().map(|w| w.text.clone()).collect(), e.span())
    }),
    row("quorum", (1, 1), "Fewest processes for OK.", |p, e| {
        set(&mut p.quorum, e.number(0, 1..=65_535).map(|n| n.value))
    }),
    row("quorum_max", (1, 1), "Most processes for OK; 0 = none may run.", |p, e| {
        set(&mut p.quorum_max, e.number(0, 0..=65_535).map(|n| n.value))
    }),
    row("terminate_delay", (1, 1), "Delay before down is believed.", |p, e| {
        p.terminate_delay_us = delay(e).unwrap_or(p.terminate_delay_us)
    }),
    row("weight", (1, 2), "As for scripts.", |p, e| {
        if let Some((w, r)) = e.weight(0, 254) {
            (p.weight, p.reverse) = (w.value, r == Some(true));
        }
    }),
];

fn delay(e: &mut Entry<'_>) -> Option<u64> {
    e.seconds_us(0, 0..=DELAY_MAX_US).map(|d| d.value)
}

fn param_match(p: &mut TrackProcess, e: &mut Entry<'_>) {
    let Some(word) = e.word(0) else { return };
    match word.text.as_str() {
        "initial" => p.param_match = ParamMatch::Initial,
        "partial" => p.param_match = ParamMatch::Partial,
        other => e.bad(word.span, format!("unknown param_match '{other}'"), "write initial or partial"),
    }
}
