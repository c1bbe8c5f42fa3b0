//! `track_proxy`: the watch over the proxy of this host, which tells vrrpd how it is. A block of vrrpd's own.

use super::{ANY, Entry, Row, row, set};
use crate::{keepalived::model::TrackProxy, source::At};

/// Below three beats nothing can be told from a hiccup; above a minute nobody waits.
const HANG_US: std::ops::RangeInclusive<u64> = 150_000..=60_000_000;

pub(super) const KEYWORDS: &[Row<TrackProxy>] = &[
    row("hang_timeout", (1, 1), "How long it may be silent although it could run; default 1 s.", |p, e| {
        set(&mut p.hang_timeout_us, e.seconds_us(0, HANG_US).map(|t| t.value))
    }),
    row("off", (0, 0), "Do not track a proxy, not even one that is found.", |p, _| p.off = true),
    row("require_backend", (1, ANY), "Backends that must have a server that can take work.", |p, e| {
        p.require_backend.extend(e.args().iter().map(|w| At::new(w.text.clone(), w.span)))
    }),
    row(
        "socket",
        (1, 1),
        "Stats socket of the proxy, or @NAME; else the proxy of this host is found.",
        socket,
    ),
    row("weight", (1, 1), "As for scripts; without one a proxy that is down leaves priority 1.", |p, e| {
        if let Some((w, _)) = e.weight(0, 254) {
            p.weight = Some(w);
        }
    }),
];

fn socket(p: &mut TrackProxy, e: &mut Entry<'_>) {
    let Some(path) = e.text(0) else { return };
    if path.value.starts_with(['/', '@']) && path.value.len() > 1 {
        p.socket = Some(path);
    } else {
        let message = format!("'{}' is no path of a socket", path.value);
        e.bad(path.span, message, "write an absolute path, or @NAME for an abstract socket");
    }
}
