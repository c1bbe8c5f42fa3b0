//! The lists of what an instance or a group tracks: `NAME [weight N [reverse|noreverse]]`, one a line.

use super::{Entry, apply, track_proxy};
use crate::{
    diag::codes,
    keepalived::model::{Track, TrackProxy},
    source::At,
};

/// Reads the lines of `track_script { … }` and its like; weights lie within `-limit..=limit`.
pub(super) fn list(tracks: &mut Vec<Track>, limit: i16, e: &mut Entry<'_>) {
    for line in e.lines() {
        let Some(word) = line.words.first() else { continue };
        let mut entry = Entry::new(e.name, line, e.cx);
        let mut track = Track { name: At::new(word.text.clone(), word.span), ..Track::default() };
        if tracks.iter().any(|t| t.name == track.name) {
            let message = format!("'{}' stands in {} already", word.text, e.name);
            entry.warn(codes::K_DUPLICATE, word.span, message, "it counts once");
            continue;
        }
        match entry.word(0) {
            Some(w) if w.text == "weight" => {
                if let Some((weight, reverse)) = entry.weight(1, limit) {
                    (track.weight, track.reverse) = (Some(weight), reverse);
                } else if entry.word(1).is_none() {
                    entry.bad(w.span, "weight lacks its number".to_owned(), "the default stands");
                }
            }
            Some(w) => {
                let message = format!("unknown option '{}' of {}", w.text, e.name);
                entry.bad(w.span, message, "write `weight N`, or one name a line");
            }
            None => {}
        }
        tracks.push(track);
    }
}

/// Reads `track_proxy { … }`.
pub(super) fn proxy(track: &mut Option<TrackProxy>, e: &mut Entry<'_>) {
    let place = e.span();
    let mut p = TrackProxy { place: At::new((), place), ..TrackProxy::default() };
    apply("track_proxy", track_proxy::KEYWORDS, &mut p, e.lines(), e.cx);
    *track = Some(p);
}
