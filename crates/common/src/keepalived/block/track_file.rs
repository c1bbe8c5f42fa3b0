//! `track_file`: a number in a file.

use super::{Entry, Row, row};
use crate::keepalived::model::{TrackFile, TrackFileInit};

pub(super) const KEYWORDS: &[Row<TrackFile>] = &[
    row("file", (1, 1), "File holding a decimal number; read at each change (inotify).", |f, e| {
        f.file = e.text(0).unwrap_or_default()
    }),
    row("init_file", (0, 2), "Create the file (or overwrite it) with a value at start.", init_file),
    row(
        "weight",
        (1, 2),
        "0: non-zero = FAULT; else value x weight is added; result below -253 = FAULT.",
        |f, e| {
            if let Some((w, r)) = e.weight(0, 254) {
                (f.weight, f.reverse) = (Some(w.value), r == Some(true));
            }
        },
    ),
];

/// `init_file [VALUE] [overwrite]`
fn init_file(f: &mut TrackFile, e: &mut Entry<'_>) {
    let mut init = TrackFileInit::default();
    for word in e.args() {
        match word.text.parse() {
            Ok(value) => init.value = value,
            Err(_) if word.text == "overwrite" => init.overwrite = true,
            Err(_) => {
                e.bad(word.span, format!("unknown option '{}'", word.text), "write a number or overwrite")
            }
        }
    }
    f.init_file = Some(init);
}
