//! Tracked counters (manual 4.4, `track-sc`): which entries a session and its streams count in.
//!
//! A session tracks from `tcp-request connection` and `session` rules, a stream from all others; where both track
//! in one slot, the stream's counts. Letting go is explicit, since it puts the entry's expiry off and needs the
//! time; what was forgotten is let go at the last known time.

use std::{
    cell::RefCell,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use super::{DataType, Entry, Table};

/// One entry in one slot.
#[derive(Debug)]
pub struct Track {
    pub table: Arc<Table>,
    pub entry: Arc<Entry>,
}

/// The slots of a session or a stream.
#[derive(Debug, Default)]
pub struct Tracks {
    slots: RefCell<Vec<Option<Track>>>,
}

/// A copy of a session's facts tracks nothing: what is counted is counted once.
impl Clone for Tracks {
    fn clone(&self) -> Tracks {
        Tracks::default()
    }
}

impl Track {
    /// Begins: one connection more.
    fn new(table: Arc<Table>, entry: Arc<Entry>, now_ms: u64) -> Track {
        entry.trackers.fetch_add(1, Relaxed);
        for what in [DataType::ConnCnt, DataType::ConnRate, DataType::ConnCur] {
            table.add(&entry, what, 0, 1, now_ms);
        }
        table.touch(&entry, now_ms);
        Track { table, entry }
    }

    fn count(&self, what: &[DataType], n: u64, now_ms: u64) {
        for w in what {
            self.table.add(&self.entry, *w, 0, n, now_ms);
        }
    }

    fn end(&self, now_ms: u64) {
        self.table.take_one(&self.entry, DataType::ConnCur);
        self.table.touch(&self.entry, now_ms);
    }
}

impl Drop for Track {
    fn drop(&mut self) {
        self.entry.trackers.fetch_sub(1, Relaxed);
    }
}

/// What happened, for everybody who tracks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A session was accepted.
    Session,
    /// A request was received.
    Request,
    /// The client did something wrong, or the server said so (4xx).
    RequestError,
    /// The server failed (5xx but 501 and 505, or no valid answer).
    ResponseFailure,
    Bytes {
        received: u64,
        sent: u64,
    },
}

impl Event {
    /// What a server's status means for those who track (manual 11.1, `http_err_cnt`, `http_fail_cnt`).
    pub const fn of_status(status: u16) -> Option<Event> {
        match status {
            400..=499 => Some(Event::RequestError),
            501 | 505 => None,
            500..=599 => Some(Event::ResponseFailure),
            _ => None,
        }
    }
}

impl Tracks {
    pub fn is_empty(&self) -> bool {
        self.slots.borrow().is_empty()
    }

    /// Whether the slot is taken.
    pub fn has(&self, slot: usize) -> bool {
        self.slots.borrow().get(slot).is_some_and(Option::is_some)
    }

    /// Begins to track an entry, unless the slot is taken: the first rule counts.
    pub fn begin(&self, slot: usize, table: Arc<Table>, entry: Arc<Entry>, now_ms: u64) -> bool {
        let mut slots = self.slots.borrow_mut();
        if slots.len() <= slot {
            slots.resize_with(slot + 1, || None);
        }
        match slots.get_mut(slot) {
            Some(free @ None) => {
                *free = Some(Track::new(table, entry, now_ms));
                true
            }
            _ => false,
        }
    }

    /// What stands in a slot of the stream, else of the session.
    pub fn get(&self, session: &Tracks, slot: usize) -> Option<(Arc<Table>, Arc<Entry>)> {
        let of = |t: &Tracks| {
            let slots = t.slots.borrow();
            let track = slots.get(slot)?.as_ref()?;
            Some((track.table.clone(), track.entry.clone()))
        };
        of(self).or_else(|| of(session))
    }

    /// Counts an event in one slot.
    pub fn note_in(&self, slot: usize, event: Event, now_ms: u64) {
        if let Some(Some(track)) = self.slots.borrow().get(slot) {
            apply(track, event, now_ms);
        }
    }

    /// Counts an event in every slot of the stream, and in the session's where the stream has none.
    pub fn note(&self, session: &Tracks, event: Event, now_ms: u64) {
        let (own, of_session) = (self.slots.borrow(), session.slots.borrow());
        for slot in 0..own.len().max(of_session.len()) {
            let track = own.get(slot).and_then(Option::as_ref);
            if let Some(t) = track.or_else(|| of_session.get(slot).and_then(Option::as_ref)) {
                apply(t, event, now_ms);
            }
        }
    }

    /// Lets everything go.
    pub fn release(&self, now_ms: u64) {
        for track in self.slots.borrow_mut().drain(..).flatten() {
            track.end(now_ms);
        }
    }
}

fn apply(track: &Track, event: Event, now_ms: u64) {
    use DataType as D;
    match event {
        Event::Session => track.count(&[D::SessCnt, D::SessRate], 1, now_ms),
        Event::Request => track.count(&[D::HttpReqCnt, D::HttpReqRate], 1, now_ms),
        Event::RequestError => track.count(&[D::HttpErrCnt, D::HttpErrRate], 1, now_ms),
        Event::ResponseFailure => track.count(&[D::HttpFailCnt, D::HttpFailRate], 1, now_ms),
        Event::Bytes { received, sent } => {
            if received > 0 {
                track.count(&[D::BytesInCnt, D::BytesInRate], received, now_ms);
            }
            if sent > 0 {
                track.count(&[D::BytesOutCnt, D::BytesOutRate], sent, now_ms);
            }
        }
    }
}
