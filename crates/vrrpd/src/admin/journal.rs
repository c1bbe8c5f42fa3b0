//! Why an address moved: each transition with the facts that led to it.
//!
//! Owns: facts that have not led to anything yet, and the last transitions. Invariants: both are bounded; a fact is
//! part of the next transition of its instance only if it is younger than [`RELEVANT`]; one that repeats itself
//! counts once, with its last time. Leaves to others: the words (`shell::words`), the file (`shell::journal`).

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::engine::Time;

/// Transitions that are kept.
pub const ENTRIES_MAX: usize = 512;
/// Facts that may wait for a transition.
const FACTS_MAX: usize = 64;
/// Facts told with one transition.
const CHAIN_MAX: usize = 12;
/// What is older has nothing to do with it.
const RELEVANT: Duration = Duration::from_secs(30);

/// A transition.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
#[serde(default)]
pub struct Entry {
    /// Seconds since 1970.
    pub time_s: f64,
    pub host: String,
    pub instance: String,
    pub from: String,
    pub to: String,
    /// What led to it, the oldest first.
    pub because: Vec<Link>,
}

/// One link of the chain.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
#[serde(default)]
pub struct Link {
    /// So long before the transition, milliseconds.
    pub before_ms: u64,
    pub fact: String,
}

/// The journal of one daemon.
#[derive(Debug)]
pub struct Journal {
    host: String,
    facts: VecDeque<Fact>,
    /// When each instance moved last: what was known by then led to that.
    last: BTreeMap<String, Time>,
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
struct Fact {
    /// `None`: it concerns all.
    instance: Option<String>,
    at: Time,
    text: String,
}

impl Journal {
    /// `entries`: what a run before us left.
    pub fn new(host: &str, entries: Vec<Entry>) -> Journal {
        let mut journal = Journal {
            host: host.to_owned(),
            facts: VecDeque::new(),
            last: BTreeMap::new(),
            entries: VecDeque::new(),
        };
        entries.into_iter().for_each(|e| journal.keep(e));
        journal
    }

    /// Something that may be a reason.
    pub fn fact(&mut self, instance: Option<&str>, text: String, now: Time) {
        let same = |f: &Fact| f.instance.as_deref() == instance && f.text == text;
        self.facts.retain(|f| !same(f) && now.saturating_sub(f.at) <= RELEVANT);
        if self.facts.len() >= FACTS_MAX {
            self.facts.pop_front();
        }
        self.facts.push_back(Fact { instance: instance.map(str::to_owned), at: now, text });
    }

    /// A transition. `wall` is the time since 1970 of `now`.
    pub fn moved(&mut self, instance: &str, from: &str, to: &str, wall: Time, now: Time) -> &Entry {
        let concerns = |f: &&Fact| f.instance.as_deref().is_none_or(|i| i == instance);
        let last = self.last.insert(instance.to_owned(), now);
        let recent = |f: &&Fact| now.saturating_sub(f.at) <= RELEVANT && last.is_none_or(|last| f.at > last);
        let mut because: Vec<Link> = self
            .facts
            .iter()
            .filter(concerns)
            .filter(recent)
            .map(|f| Link {
                before_ms: u64::try_from(now.saturating_sub(f.at).as_millis()).unwrap_or(u64::MAX),
                fact: f.text.clone(),
            })
            .collect();
        because.drain(..because.len().saturating_sub(CHAIN_MAX));
        self.facts.retain(|f| f.instance.as_deref() != Some(instance));
        self.keep(Entry {
            time_s: wall.as_secs_f64(),
            host: self.host.clone(),
            instance: instance.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            because,
        });
        // Just put in.
        self.entries.back().unwrap_or(&EMPTY)
    }

    fn keep(&mut self, entry: Entry) {
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// The last transitions, the oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}

static EMPTY: Entry = Entry {
    time_s: 0.0,
    host: String::new(),
    instance: String::new(),
    from: String::new(),
    to: String::new(),
    because: Vec::new(),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn a_transition_has_the_facts_of_its_instance_and_of_all_in_order() {
        let mut j = Journal::new("h", Vec::new());
        j.fact(None, "old".into(), at(0));
        j.fact(None, "the proxy died".into(), at(40_000));
        j.fact(Some("B"), "another's".into(), at(40_001));
        j.fact(Some("A"), "priority 103 to 1".into(), at(40_002));
        let entry = j.moved("A", "MASTER", "BACKUP", at(9_000_000), at(40_050)).clone();
        let chain: Vec<_> = entry.because.iter().map(|l| (l.before_ms, l.fact.as_str())).collect();
        assert_eq!(chain, [(50, "the proxy died"), (48, "priority 103 to 1")]);
        assert_eq!((entry.time_s, entry.to.as_str()), (9_000.0, "BACKUP"));
        let next = j.moved("A", "BACKUP", "MASTER", at(0), at(40_060));
        assert_eq!(next.because, [], "what was known led to the first one");
    }

    #[test]
    fn what_repeats_itself_counts_once_and_everything_is_bounded() {
        let mut j = Journal::new("h", Vec::new());
        for n in 0..500 {
            j.fact(None, "again".into(), at(n));
            j.fact(None, format!("fact {n}"), at(n));
        }
        assert_eq!(j.facts.iter().filter(|f| f.text == "again").count(), 1);
        assert!(j.facts.len() <= FACTS_MAX);
        for n in 0..2_000 {
            assert!(j.moved("A", "x", "y", at(n), at(n)).because.len() <= CHAIN_MAX);
        }
        assert_eq!(j.entries().count(), ENTRIES_MAX);
    }

    #[test]
    fn a_journal_goes_on_where_the_last_run_ended() {
        let old = vec![Entry { instance: "A".into(), ..Entry::default() }; 3];
        let mut j = Journal::new("h", old);
        j.moved("A", "x", "y", at(1), at(1));
        assert_eq!(j.entries().count(), 4);
    }
}
