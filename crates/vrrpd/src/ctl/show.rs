//! Status and journal for people.
//!
//! Invariant: columns are as wide as what stands in them; colour only where a terminal reads it.

use std::{
    fmt::Write,
    io::{IsTerminal, stdout},
    time::Duration,
};

use crate::{
    admin::{
        journal::Entry,
        snapshot::{InstanceView, Snapshot, WatchView},
    },
    sys,
};

/// Whether colours are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    pub(super) fn of_terminal() -> Paint {
        Paint(stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none())
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn state(self, state: &str) -> String {
        let code = match state {
            "MASTER" | "up" | "Up" => "32",
            "FAULT" | "down" | "Down" => "31",
            "BACKUP" => "36",
            _ => "33",
        };
        self.with(code, state)
    }

    fn faint(self, text: &str) -> String {
        self.with("2", text)
    }
}

/// The table of instances, then what each tracks, then the trackers themselves.
pub(super) fn status(s: &Snapshot, paint: Paint) -> String {
    let mut text = format!("{} on {}\n\n", s.program, s.host);
    if s.instances.is_empty() {
        text.push_str("The configuration has no vrrp_instance.\n");
    }
    let heads = ["INSTANCE", "STATE", "SINCE", "PRIORITY", "MASTER", "INTERFACE", "VRID", "ADDRESSES"];
    let rows = s.instances.iter().map(|i| {
        let priority = match i.priority == i.base_priority {
            true => i.priority.to_string(),
            false => format!("{} ({})", i.priority, i.base_priority),
        };
        [
            i.name.clone(),
            i.state.clone(),
            ago(i.since_s),
            priority,
            master(i),
            i.interface.clone(),
            i.vrid.to_string(),
            addresses(i),
        ]
    });
    table(&mut text, heads, rows.collect(), |column, cell| match column {
        1 => paint.state(cell),
        _ => cell.to_owned(),
    });
    for i in &s.instances {
        details(&mut text, i, paint);
    }
    if !s.trackers.is_empty() || !s.bfd.is_empty() {
        text.push('\n');
        let bfd = s.bfd.iter().map(|b| {
            let detail = format!("{}, {} received, {} sent", b.neighbor, b.received, b.sent);
            ["bfd".to_owned(), b.name.clone(), b.state.clone(), detail]
        });
        let trackers =
            s.trackers.iter().map(|t| [t.kind.clone(), t.name.clone(), t.status.clone(), t.detail.clone()]);
        table(&mut text, ["TRACKER", "NAME", "STATUS", ""], trackers.chain(bfd).collect(), |column, cell| {
            if column == 2 { paint.state(cell) } else { cell.to_owned() }
        });
    }
    text
}

fn details(text: &mut String, i: &InstanceView, paint: Paint) {
    let watches: Vec<String> = i.watches.iter().filter(|w| shows(w)).map(|w| watch(w, paint)).collect();
    let mut lines = Vec::new();
    if let Some(order) = &i.order {
        lines.push(format!("ordered by an operator: {order} (vrrpctl resume ends it)"));
    }
    lines.extend(i.faults.iter().map(|f| format!("fault: {f}")));
    if i.waiting > 0 {
        lines.push(format!("waits for the first result of {} tracker(s)", i.waiting));
    }
    if !watches.is_empty() {
        lines.push(format!("tracks {}", watches.join(", ")));
    }
    if !lines.is_empty() {
        let _ = writeln!(text, "\n{}:", i.name);
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    }
}

/// A proxy that is looked for and was never there says nothing.
fn shows(w: &WatchView) -> bool {
    w.kind != "proxy" || w.status != "unknown"
}

fn watch(w: &WatchView, paint: Paint) -> String {
    let effect = if w.effect.is_empty() { String::new() } else { format!(" ({})", w.effect) };
    format!("{} {} {}{effect}", w.kind, w.name, paint.state(&w.status))
}

fn master(i: &InstanceView) -> String {
    match (&i.master, i.state.as_str()) {
        (_, "MASTER") => "this host".to_owned(),
        (Some(master), _) => format!("{master} ({})", i.master_priority.unwrap_or(0)),
        (None, _) => "-".to_owned(),
    }
}

fn addresses(i: &InstanceView) -> String {
    const SHOWN: usize = 3;
    let mut list: Vec<&str> = i.addresses.iter().take(SHOWN).map(|a| a.address.as_str()).collect();
    let more = format!("and {} more", i.addresses.len().saturating_sub(SHOWN));
    if i.addresses.len() > SHOWN {
        list.push(&more);
    }
    list.join(" ")
}

/// The transitions, the oldest first, each with its chain of causes.
pub(super) fn journal(entries: &[Entry], paint: Paint) -> String {
    let mut text = String::new();
    if entries.is_empty() {
        text.push_str("Nothing has moved yet.\n");
    }
    for e in entries {
        let _ = writeln!(
            text,
            "{}  {}  {} -> {}",
            moment(e.time_s),
            e.instance,
            paint.state(&e.from),
            paint.state(&e.to)
        );
        for link in &e.because {
            let _ = writeln!(
                text,
                "    {} {}",
                paint.faint(&format!("{:>9}", before(link.before_ms))),
                link.fact
            );
        }
    }
    text
}

fn before(ms: u64) -> String {
    match ms {
        0..10_000 => format!("-{ms} ms"),
        _ => format!("-{:.1} s", Duration::from_millis(ms).as_secs_f64()),
    }
}

/// Local time with milliseconds.
pub(super) fn moment(time_s: f64) -> String {
    let t = sys::local_time(time_s as i64);
    let ms = (time_s.fract() * 1_000.0) as u32;
    let (year, month, day) = (t.year, t.month + 1, t.day);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}:{:02}.{ms:03}", t.hour, t.minute, t.second)
}

/// `5s`, `3m10s`, `2h5m`, `4d1h`.
pub(super) fn ago(seconds: f64) -> String {
    let s = seconds as u64;
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m{}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h{}m", s / 3_600, s % 3_600 / 60),
        _ => format!("{}d{}h", s / 86_400, s % 86_400 / 3_600),
    }
}

fn table<const N: usize>(
    text: &mut String,
    heads: [&str; N],
    rows: Vec<[String; N]>,
    paint: impl Fn(usize, &str) -> String,
) {
    if rows.is_empty() {
        return;
    }
    let width = |c: usize| {
        rows.iter().map(|r| r[c].chars().count()).chain([heads[c].chars().count()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut line = |cells: &[String; N], painted: bool| {
        let mut out = String::new();
        for (c, cell) in cells.iter().enumerate() {
            let pad = widths[c].saturating_sub(cell.chars().count());
            out.push_str(&if painted { paint(c, cell) } else { cell.clone() });
            out.push_str(&" ".repeat(pad + 2));
        }
        text.push_str(out.trim_end());
        text.push('\n');
    };
    line(&heads.map(str::to_owned), false);
    rows.iter().for_each(|r| line(r, true));
}
