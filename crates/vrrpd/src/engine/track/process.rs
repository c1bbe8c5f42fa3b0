//! `vrrp_track_process`, and the processes that a check like `pkill -0 NAME` asks for: which are meant, and
//! whether enough of them run.
//!
//! Owns: matching of a process by name or command line, quorum, delays. Invariant: a delay restarts when the count
//! moves back, so that a restart within it is never seen. Leaves to others: finding processes
//! (`shell::processes`), weights (`track`).

use std::collections::VecDeque;

use regex::{Regex, RegexBuilder};

use super::Status;
use crate::engine::{Time, plan::ProcessPlan};

/// The word in keepalived.conf.
pub const NAME: &str = "vrrp_track_process";
/// The kernel cuts names to this (TASK_COMM_LEN, prctl(2)).
const NAME_BYTES: usize = 15;
/// A compiled expression is no larger.
const REGEX_BYTES_MAX: usize = 1 << 16;

/// Which processes are meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// The name holds, or with `whole` is, this expression (pgrep(1)).
    Name { regex: String, whole: bool, ignore_case: bool },
    /// The same of the command line with blanks between its words.
    Command { regex: String, whole: bool, ignore_case: bool },
    /// The name is one of these (killall(1), `vrrp_track_process`).
    Named(Vec<String>),
    /// The last part of the program's path or of its first word is one of these (pidof(8)).
    Program(Vec<String>),
    /// These are the words of the command line.
    Arguments { argv: Vec<String>, compare: Compare },
}

/// How the words of a command line are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compare {
    Exact,
    /// The first words are equal; more may follow.
    Partial,
    /// Like `Partial`, and the last word may go on.
    Initial,
}

/// What is known of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts<'a> {
    /// `/proc/PID/comm`
    pub name: &'a str,
    pub argv: &'a [String],
}

/// A pattern ready to be compared.
#[derive(Clone, Debug)]
pub struct Matcher {
    pattern: Pattern,
    regex: Option<Regex>,
}

impl Matcher {
    /// `None`: the expression is none that we understand, so that nothing could be found by it.
    pub fn new(pattern: &Pattern) -> Option<Matcher> {
        let regex = match pattern {
            Pattern::Name { regex, whole, ignore_case } | Pattern::Command { regex, whole, ignore_case } => {
                let text = if *whole { format!("^(?:{regex})$") } else { regex.clone() };
                let mut builder = RegexBuilder::new(&text);
                Some(builder.case_insensitive(*ignore_case).size_limit(REGEX_BYTES_MAX).build().ok()?)
            }
            _ => None,
        };
        Some(Matcher { pattern: pattern.clone(), regex })
    }

    /// Whether the command line must be known to decide.
    pub fn needs_arguments(&self) -> bool {
        matches!(self.pattern, Pattern::Command { .. } | Pattern::Program(_) | Pattern::Arguments { .. })
    }

    pub fn matches(&self, facts: Facts<'_>) -> bool {
        match &self.pattern {
            Pattern::Name { .. } => self.regex.as_ref().is_some_and(|r| r.is_match(facts.name)),
            Pattern::Command { .. } => self.regex.as_ref().is_some_and(|r| r.is_match(&facts.argv.join(" "))),
            Pattern::Named(names) => names.iter().any(|n| cut(n) == facts.name),
            Pattern::Program(names) => {
                let first = facts.argv.first().map_or("", |a| last_part(a));
                names.iter().any(|n| last_part(n) == first || cut(last_part(n)) == facts.name)
            }
            Pattern::Arguments { argv, compare } => same_arguments(argv, facts.argv, *compare),
        }
    }
}

fn cut(name: &str) -> &str {
    let mut end = name.len().min(NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or(name)
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// keepalived.conf(5), `param_match`: without parameters of its own a pattern wants a command without any.
fn same_arguments(wanted: &[String], given: &[String], compare: Compare) -> bool {
    let Some((last, before)) = wanted.split_last() else { return false };
    if compare == Compare::Exact || wanted.len() == 1 {
        return wanted == given;
    }
    let Some(rest) = given.strip_prefix(before) else { return false };
    let Some(word) = rest.first() else { return false };
    match compare {
        Compare::Initial => word.starts_with(last.as_str()),
        _ => word == last,
    }
}

/// One `vrrp_track_process`.
#[derive(Clone, Debug)]
pub struct Process {
    plan: ProcessPlan,
    status: Status,
    count: Option<u32>,
    /// A change that is believed at a time.
    pending: Option<(Status, Time)>,
    changes: VecDeque<Status>,
}

impl Process {
    pub fn new(plan: ProcessPlan) -> Process {
        Process { plan, status: Status::Unknown, count: None, pending: None, changes: VecDeque::new() }
    }

    pub fn reconfigure(&mut self, plan: ProcessPlan) {
        self.plan = plan;
    }

    /// So many processes run now. The first count is believed at once.
    pub fn counted(&mut self, count: u32, now: Time) {
        self.count = Some(count);
        let good = count >= self.plan.quorum && self.plan.quorum_max.is_none_or(|max| count <= max);
        let told = if good { Status::Up } else { Status::Down };
        if told == self.status {
            self.pending = None;
            return;
        }
        let delay = match (self.status, told) {
            (Status::Unknown, _) => Time::ZERO,
            (_, Status::Up) => self.plan.fork_delay,
            _ => self.plan.terminate_delay,
        };
        if self.pending.is_none_or(|(status, _)| status != told) {
            self.pending = Some((told, now + delay));
        }
        self.timeout(now);
    }

    /// Called when the deadline came.
    pub fn timeout(&mut self, now: Time) {
        if let Some((status, _)) = self.pending.filter(|(_, at)| *at <= now) {
            self.pending = None;
            self.status = status;
            self.changes.push_back(status);
        }
    }

    pub fn deadline(&self) -> Option<Time> {
        self.pending.map(|(_, at)| at)
    }

    /// The next change of status that nobody has been told of.
    pub fn poll_change(&mut self) -> Option<Status> {
        self.changes.pop_front()
    }

    pub fn status(&self) -> Status {
        self.status
    }

    pub fn count(&self) -> Option<u32> {
        self.count
    }

    pub fn plan(&self) -> &ProcessPlan {
        &self.plan
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn hits(pattern: &Pattern, name: &str, line: &str) -> bool {
        Matcher::new(pattern).unwrap().matches(Facts { name, argv: &words(line) })
    }

    #[test]
    fn names_are_parts_for_pgrep_and_wholes_for_the_others() {
        let part = Pattern::Name { regex: "ssh".into(), whole: false, ignore_case: false };
        assert!(hits(&part, "sshd", "sshd") && !hits(&part, "SSH", "SSH"));
        let whole = Pattern::Name { regex: "ssh|http".into(), whole: true, ignore_case: true };
        assert!(hits(&whole, "SSH", "x") && !hits(&whole, "sshd", "sshd"));
        let named = Pattern::Named(vec!["a-very-long-program-name".into()]);
        assert!(hits(&named, "a-very-long-pro", "x") && !hits(&named, "a-very-long-pr", "x"));
        let program = Pattern::Program(vec!["haproxy".into()]);
        assert!(hits(&program, "x", "/usr/sbin/haproxy -f x") && hits(&program, "haproxy", "x"));
        assert!(!hits(&program, "vi", "vi haproxy"));
    }

    #[test]
    fn command_lines_are_searched_or_compared_word_by_word() {
        let found = Pattern::Command { regex: "proxy.*-f /x".into(), whole: false, ignore_case: false };
        assert!(hits(&found, "h", "haproxy -D -f /x"));
        let exact = |line: &str, compare| Pattern::Arguments { argv: words(line), compare };
        assert!(hits(&exact("p a b", Compare::Exact), "p", "p a b"));
        assert!(!hits(&exact("p a b", Compare::Exact), "p", "p a b c"));
        assert!(hits(&exact("p a b", Compare::Partial), "p", "p a b c"));
        assert!(!hits(&exact("p a b", Compare::Partial), "p", "p a bc"));
        assert!(hits(&exact("p a b", Compare::Initial), "p", "p a bc d"));
        assert!(
            hits(&exact("p", Compare::Partial), "p", "p") && !hits(&exact("p", Compare::Partial), "p", "p x")
        );
    }

    #[test]
    fn what_is_no_expression_matches_nothing() {
        let bad = Pattern::Name { regex: "(".into(), whole: false, ignore_case: false };
        assert!(Matcher::new(&bad).is_none());
    }

    fn process(quorum: u32, quorum_max: Option<u32>, fork_ms: u64, terminate_ms: u64) -> Process {
        Process::new(ProcessPlan {
            name: "p".into(),
            pattern: 0,
            quorum,
            quorum_max,
            fork_delay: Duration::from_millis(fork_ms),
            terminate_delay: Duration::from_millis(terminate_ms),
        })
    }

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn the_quorum_has_a_lower_and_an_upper_bound() {
        let mut p = process(2, Some(3), 0, 0);
        for (count, status) in [(1, Status::Down), (2, Status::Up), (3, Status::Up), (4, Status::Down)] {
            p.counted(count, at(0));
            assert_eq!(p.status(), status, "{count}");
        }
        let mut none = process(0, Some(0), 0, 0);
        none.counted(0, at(0));
        assert_eq!(none.status(), Status::Up);
    }

    #[test]
    fn a_restart_within_the_delay_is_not_seen() {
        let mut p = process(1, None, 100, 500);
        p.counted(1, at(0));
        assert_eq!(p.poll_change(), Some(Status::Up));
        p.counted(0, at(1_000));
        assert_eq!((p.status(), p.deadline()), (Status::Up, Some(at(1_500))));
        p.counted(1, at(1_400));
        p.timeout(at(2_000));
        assert_eq!((p.status(), p.deadline(), p.poll_change()), (Status::Up, None, None));
        p.counted(0, at(3_000));
        p.timeout(at(3_500));
        assert_eq!(p.poll_change(), Some(Status::Down));
        p.counted(1, at(4_000));
        assert_eq!(p.status(), Status::Down);
        p.timeout(at(4_100));
        assert_eq!(p.status(), Status::Up);
    }
}
