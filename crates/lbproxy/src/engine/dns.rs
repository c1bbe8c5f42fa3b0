//! Names of servers, resolved while the process runs (manual 5.3): when to ask, what an answer means, how long the
//! last one counts.
//!
//! Owns [`Name`], the state of one host name at one `resolvers` section. The shell sends what [`Name::poll`] asks
//! for and hands over what comes back. Invariants: at most one question is under way; the addresses that were found
//! last stay until their hold time is over, whatever name servers say.

pub mod wire;

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

pub use wire::{Answer, Family};

/// `resolvers` as configured; times in milliseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    pub name: String,
    /// `resolve_retries`: questions until the name counts as not answered.
    pub retries: u32,
    /// `timeout resolve`: time between two resolutions.
    pub resolve_ms: u64,
    /// `timeout retry`: time to wait for an answer.
    pub retry_ms: u64,
    /// `accepted_payload_size`.
    pub payload_bytes_max: u16,
    pub hold: Hold,
}

/// `hold`: how long the last good answer counts after …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hold {
    pub valid_ms: u64,
    pub obsolete_ms: u64,
    pub nx_ms: u64,
    pub refused_ms: u64,
    pub timeout_ms: u64,
    pub other_ms: u64,
}

/// What is counted of a name server (management guide 9.3, `show resolvers`).
#[derive(Debug, Default)]
pub struct Counts {
    list: [AtomicU64; Count::NAMES.len()],
}

/// One of the numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Count {
    Sent,
    SendError,
    Valid,
    Update,
    Cname,
    CnameError,
    AnyError,
    Nx,
    Timeout,
    Refused,
    Other,
    Invalid,
    TooBig,
    Truncated,
    Outdated,
}

impl Count {
    /// In the order of the enum.
    pub const NAMES: [&str; 15] = [
        "sent",
        "snd_error",
        "valid",
        "update",
        "cname",
        "cname_error",
        "any_err",
        "nx",
        "timeout",
        "refused",
        "other",
        "invalid",
        "too_big",
        "truncated",
        "outdated",
    ];
}

impl Counts {
    pub fn add(&self, what: Count) {
        if let Some(n) = self.list.get(what as usize) {
            n.fetch_add(1, Relaxed);
        }
    }

    /// Every number with its name.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Count::NAMES.iter().zip(&self.list).map(|(name, n)| (*name, n.load(Relaxed)))
    }
}

/// What a resolution came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Valid,
    Nx,
    Refused,
    Timeout,
    Other,
}

/// One host name.
#[derive(Clone, Debug)]
pub struct Name {
    pub host: String,
    first: Family,
    asked: Option<Asked>,
    /// When the next resolution begins.
    next_ms: u64,
    /// The addresses of the last good answer, and when it came.
    addresses: Vec<IpAddr>,
    valid_ms: Option<u64>,
    /// Since when nothing good came.
    failing: Option<(Outcome, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    id: u16,
    family: Family,
    tries: u32,
    until_ms: u64,
}

/// What the shell is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send this to every name server.
    Ask(Vec<u8>),
    /// Nothing before that time.
    Wait(u64),
}

/// What an answer did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// It answers nothing that is asked now: too late, or another server was faster.
    Outdated,
    /// It was an answer; the addresses may have changed.
    Taken(Outcome),
}

impl Name {
    pub fn new(host: &str, first: Family, now_ms: u64) -> Name {
        Name {
            host: host.to_owned(),
            first,
            asked: None,
            next_ms: now_ms,
            addresses: Vec::new(),
            valid_ms: None,
            failing: None,
        }
    }

    /// What to do now. `id` is a random number for a new question.
    pub fn poll(&mut self, s: &Settings, id: u16, now_ms: u64) -> Action {
        if let Some(asked) = self.asked {
            if now_ms < asked.until_ms {
                return Action::Wait(asked.until_ms);
            }
            if asked.tries >= s.retries.max(1) {
                // The other family may be all there is.
                match asked.family == self.first {
                    true => self.ask(asked.family.other(), id, s, now_ms, 1),
                    false => self.settle(Outcome::Timeout, s, now_ms),
                }
            } else {
                self.ask(asked.family, id, s, now_ms, asked.tries + 1);
            }
        } else if now_ms < self.next_ms {
            return Action::Wait(self.next_ms);
        } else {
            self.ask(self.first, id, s, now_ms, 1);
        }
        let message =
            self.asked.and_then(|a| wire::question(a.id, &self.host, a.family, s.payload_bytes_max));
        match message {
            Some(m) => Action::Ask(m),
            None => {
                // Settled, or a name that cannot be asked for.
                if self.asked.is_some() {
                    self.settle(Outcome::Other, s, now_ms);
                }
                Action::Wait(self.next_ms)
            }
        }
    }

    fn ask(&mut self, family: Family, id: u16, s: &Settings, now_ms: u64, tries: u32) {
        self.asked = Some(Asked { id, family, tries, until_ms: now_ms + s.retry_ms.max(1) });
    }

    fn settle(&mut self, outcome: Outcome, s: &Settings, now_ms: u64) {
        self.asked = None;
        self.next_ms = now_ms + s.resolve_ms.max(1);
        match outcome {
            Outcome::Valid => self.failing = None,
            bad => {
                let since = self.failing.map_or(now_ms, |(_, since)| since);
                self.failing = Some((bad, since));
            }
        }
    }

    /// An answer came from some name server.
    pub fn answered(&mut self, answer: &Answer, s: &Settings, id: u16, now_ms: u64) -> Effect {
        let Some(asked) = self.asked.filter(|a| a.id == answer.id && a.family == answer.family) else {
            return Effect::Outdated;
        };
        let outcome = match (answer.rcode, answer.addresses.is_empty()) {
            (0, false) => Outcome::Valid,
            // The name exists, without an address of this family.
            (0, true) => Outcome::Other,
            (3, _) => Outcome::Nx,
            (5, _) => Outcome::Refused,
            _ => Outcome::Other,
        };
        if outcome == Outcome::Valid {
            self.addresses.clone_from(&answer.addresses);
            self.valid_ms = Some(now_ms);
        } else if asked.family == self.first {
            self.ask(asked.family.other(), id, s, now_ms, 0);
            if let Some(a) = &mut self.asked {
                // Asked at once: its time is over before it began.
                a.until_ms = now_ms;
            }
            return Effect::Taken(outcome);
        }
        self.settle(outcome, s, now_ms);
        Effect::Taken(outcome)
    }

    /// The addresses that count now; `None`: not known yet. Empty: there are none any more.
    pub fn addresses(&self, s: &Settings, now_ms: u64) -> Option<&[IpAddr]> {
        let Some((outcome, since)) = self.failing else {
            return self.valid_ms.map(|_| self.addresses.as_slice());
        };
        let hold = match outcome {
            Outcome::Valid => s.hold.valid_ms,
            Outcome::Nx => s.hold.nx_ms,
            Outcome::Refused => s.hold.refused_ms,
            Outcome::Timeout => s.hold.timeout_ms,
            Outcome::Other => s.hold.other_ms,
        };
        match self.valid_ms {
            Some(_) if now_ms < since + hold => Some(&self.addresses),
            _ if now_ms >= since + hold => Some(&[]),
            _ => None,
        }
    }
}

/// Which of the addresses a server takes: the one it has while that is still there, else one of the family it
/// prefers, else any (manual 5.2, `resolve-prefer`, `resolve-net`). `taken`: addresses that other servers of that
/// name have, which are left to them (`prevent-dup-ip`; empty with `allow-dup-ip`).
pub fn choose(
    addresses: &[IpAddr],
    current: Option<IpAddr>,
    prefer: Family,
    is_near: impl Fn(&IpAddr) -> bool,
    taken: &[IpAddr],
) -> Option<IpAddr> {
    if let Some(c) = current.filter(|c| addresses.contains(c)) {
        return Some(c);
    }
    let fits = |a: &IpAddr| a.is_ipv6() == (prefer == Family::V6);
    let free = |a: &IpAddr| !taken.contains(a);
    let best = |wanted: &dyn Fn(&IpAddr) -> bool| addresses.iter().find(|a| wanted(a)).copied();
    best(&|a| is_near(a) && fits(a) && free(a))
        .or_else(|| best(&|a| fits(a) && free(a)))
        .or_else(|| best(&|a| free(a)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            name: "dns".into(),
            retries: 2,
            resolve_ms: 1_000,
            retry_ms: 100,
            payload_bytes_max: 512,
            hold: Hold {
                valid_ms: 10_000,
                obsolete_ms: 0,
                nx_ms: 5_000,
                refused_ms: 5_000,
                timeout_ms: 3_000,
                other_ms: 5_000,
            },
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn answer(id: u16, family: Family, rcode: u8, addresses: &[&str]) -> Answer {
        let addresses = addresses.iter().map(|a| ip(a)).collect();
        Answer { id, rcode, truncated: false, family, addresses }
    }

    fn asks(n: &mut Name, id: u16, now: u64) -> bool {
        matches!(n.poll(&settings(), id, now), Action::Ask(_))
    }

    #[test]
    fn a_name_is_asked_for_until_it_is_answered_and_again_after_a_while() {
        let (s, mut n) = (settings(), Name::new("a.b", Family::V4, 0));
        assert!(asks(&mut n, 1, 0));
        assert_eq!(n.poll(&s, 2, 50), Action::Wait(100));
        assert!(asks(&mut n, 2, 100));
        assert_eq!(n.answered(&answer(1, Family::V4, 0, &["10.0.0.1"]), &s, 9, 120), Effect::Outdated);
        assert_eq!(
            n.answered(&answer(2, Family::V4, 0, &["10.0.0.1"]), &s, 9, 120),
            Effect::Taken(Outcome::Valid)
        );
        assert_eq!(n.addresses(&s, 120), Some(&[ip("10.0.0.1")][..]));
        assert_eq!(n.poll(&s, 3, 200), Action::Wait(1_120));
        assert!(asks(&mut n, 3, 1_120));
    }

    #[test]
    fn without_an_address_of_one_family_the_other_is_asked_for() {
        let (s, mut n) = (settings(), Name::new("a.b", Family::V6, 0));
        assert!(asks(&mut n, 1, 0));
        assert_eq!(n.answered(&answer(1, Family::V6, 0, &[]), &s, 2, 10), Effect::Taken(Outcome::Other));
        assert_eq!(n.addresses(&s, 10), None);
        assert!(asks(&mut n, 3, 10));
        n.answered(&answer(3, Family::V4, 0, &["10.0.0.1"]), &s, 9, 20);
        assert_eq!(n.addresses(&s, 20).map(<[_]>::len), Some(1));
    }

    #[test]
    fn the_last_addresses_hold_while_name_servers_are_silent_and_then_are_gone() {
        let (s, mut n) = (settings(), Name::new("a.b", Family::V4, 0));
        assert!(asks(&mut n, 1, 0));
        n.answered(&answer(1, Family::V4, 0, &["10.0.0.1"]), &s, 9, 0);
        let mut now = 1_000;
        // Two tries of each family, then it has failed.
        for _ in 0..4 {
            assert!(asks(&mut n, 5, now));
            now += 100;
        }
        assert!(!asks(&mut n, 6, now));
        assert_eq!(n.addresses(&s, now + 2_999).map(<[_]>::len), Some(1));
        assert_eq!(n.addresses(&s, now + 3_000).map(<[_]>::len), Some(0));
    }

    #[test]
    fn a_server_keeps_its_address_while_it_is_there_and_leaves_others_theirs() {
        let all = [ip("10.0.0.1"), ip("10.0.0.2"), ip("::1")];
        let far = |_: &IpAddr| false;
        assert_eq!(choose(&all, Some(ip("10.0.0.2")), Family::V6, far, &[]), Some(ip("10.0.0.2")));
        assert_eq!(choose(&all, None, Family::V6, far, &[]), Some(ip("::1")));
        assert_eq!(choose(&all, None, Family::V4, far, &[ip("10.0.0.1")]), Some(ip("10.0.0.2")));
        assert_eq!(choose(&all[..1], None, Family::V4, far, &[ip("10.0.0.1")]), None);
        assert_eq!(choose(&all, None, Family::V4, |a| *a == ip("10.0.0.2"), &[]), Some(ip("10.0.0.2")));
        assert_eq!(choose(&[], None, Family::V4, far, &[]), None);
    }
}
