//! Watches processes: a thread that finds those that match a pattern and hears of their ends and starts.
//!
//! Ends are told by a pidfd the moment they happen, and once more when the process was reaped (`pkill -0` counts
//! the unreaped). Starts are found by looking at processes that are new since the kernel gave out its last pid,
//! every [`LOOK`]; that needs no privilege and works in every namespace, where the kernel's process connector
//! works in the first only. Owns: the thread, pidfds. Invariants: our own programs are not counted; what is
//! watched is bounded; the loop that sends adverts never waits for a scan. Leaves to others: what a count means
//! (`engine::track`).

use std::{
    collections::HashSet,
    fs, io,
    os::fd::{AsFd, OwnedFd},
    thread,
    time::{Duration, Instant},
};

use nix::{
    fcntl::OFlag,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::pipe2,
};
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};
use tokio::sync::mpsc;
use tracing::{debug, dispatcher};

use crate::{
    engine::track::process::{Facts, Matcher, Pattern},
    sys,
};

/// How often the last pid of the namespace is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// A new process may become another program for so long.
const YOUNG: Duration = Duration::from_secs(2);
/// Everything is looked at again, since a process may change its name at any time.
const LOOK_AT_ALL: Duration = Duration::from_secs(5);
/// An end is told after this even if the process was not reaped yet.
const UNREAPED: Duration = Duration::from_millis(5);
/// A process that nobody reaps is given up.
const UNREAPED_MAX: Duration = Duration::from_secs(10);
/// Matching processes watched at once.
const WATCHED_MAX: usize = 1_024;
/// Tellings that wait for the loop.
const WAITING_MAX: usize = 256;
/// Programs that ask for processes would find one another for ever.
const ASKERS: [&str; 4] = ["pgrep", "pkill", "killall", "pidof"];

/// So many processes match a pattern now; told whenever one comes or goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Count {
    /// Index into the plan's patterns.
    pub pattern: usize,
    pub count: u32,
    /// The first telling: nothing came or went yet.
    pub first: bool,
}

/// The watch over the patterns of one plan. Ends when dropped.
#[derive(Debug)]
pub struct Processes {
    counts: mpsc::Receiver<Count>,
    /// The thread ends when this closes.
    _stop: Option<OwnedFd>,
}

impl Processes {
    /// Starts the thread, if there is anything to watch.
    pub fn watch(patterns: &[Pattern]) -> io::Result<Processes> {
        let (sender, counts) = mpsc::channel(WAITING_MAX);
        if patterns.is_empty() {
            return Ok(Processes { counts, _stop: None });
        }
        let (stop, writer) = pipe2(OFlag::O_CLOEXEC)?;
        let matchers: Vec<Option<Matcher>> = patterns.iter().map(Matcher::new).collect();
        let log = dispatcher::get_default(Clone::clone);
        thread::Builder::new().name("vrrpd-processes".into()).spawn(move || {
            let watcher = Watcher::new(matchers, sender);
            dispatcher::with_default(&log, || watcher.run(&stop));
        })?;
        Ok(Processes { counts, _stop: Some(writer) })
    }

    /// The next telling. Safe to drop and call again.
    pub async fn next(&mut self) -> Count {
        match self.counts.recv().await {
            Some(count) => count,
            None => std::future::pending().await,
        }
    }
}

/// A process that matches.
struct Watched {
    pid: i32,
    end: OwnedFd,
    patterns: Vec<usize>,
}

/// A process that ended and may not be reaped yet.
struct Corpse {
    pid: i32,
    patterns: Vec<usize>,
    since: Instant,
    next: Instant,
    told: bool,
}

struct Watcher {
    matchers: Vec<Option<Matcher>>,
    needs_arguments: bool,
    counts: mpsc::Sender<Count>,
    watched: Vec<Watched>,
    corpses: Vec<Corpse>,
    /// Pids that were looked at and are old enough to stay what they are.
    settled: HashSet<i32>,
    /// Pids that were first seen a short time ago.
    young: Vec<(i32, Instant)>,
    last_pid: Option<i32>,
    look_at: Instant,
    look_at_all: Instant,
    /// Patterns to tell of.
    touched: Vec<bool>,
}

impl Watcher {
    fn new(matchers: Vec<Option<Matcher>>, counts: mpsc::Sender<Count>) -> Watcher {
        let now = Instant::now();
        Watcher {
            needs_arguments: matchers.iter().flatten().any(Matcher::needs_arguments),
            touched: vec![false; matchers.len()],
            matchers,
            counts,
            watched: Vec::new(),
            corpses: Vec::new(),
            settled: HashSet::new(),
            young: Vec::new(),
            last_pid: None,
            look_at: now,
            look_at_all: now,
        }
    }

    fn run(mut self, stop: &OwnedFd) {
        self.look(Instant::now());
        self.touched.fill(true);
        if !self.tell(true) {
            return;
        }
        loop {
            let Some(ended) = self.wait(stop) else { return };
            let now = Instant::now();
            for pid in &ended {
                self.ended(*pid, now);
            }
            self.bury(now);
            // Its successor may be there already.
            if !ended.is_empty() || self.look_at <= now {
                self.look(now);
            }
            if !self.tell(false) {
                return;
            }
        }
    }

    /// Waits for the next thing to do; the pids of processes that ended, or `None` to stop.
    fn wait(&self, stop: &OwnedFd) -> Option<Vec<i32>> {
        let next = self.corpses.iter().map(|c| c.next).chain([self.look_at]).min()?;
        let timeout = next.saturating_duration_since(Instant::now()).as_micros().div_ceil(1_000);
        let mut fds = vec![PollFd::new(stop.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.watched.iter().map(|w| PollFd::new(w.end.as_fd(), PollFlags::POLLIN)));
        let timeout = PollTimeout::try_from(timeout.min(1_000) as i32).unwrap_or(PollTimeout::ZERO);
        // An interrupted wait ends early, which does no harm.
        let _ = poll(&mut fds, timeout);
        let told = |fd: &PollFd<'_>| fd.revents().is_some_and(|r| !r.is_empty());
        if fds.first().is_none_or(told) {
            return None;
        }
        Some(
            self.watched
                .iter()
                .zip(fds.iter().skip(1))
                .filter(|(_, fd)| told(fd))
                .map(|(w, _)| w.pid)
                .collect(),
        )
    }

    fn ended(&mut self, pid: i32, now: Instant) {
        let Some(at) = self.watched.iter().position(|w| w.pid == pid) else { return };
        let gone = self.watched.swap_remove(at);
        debug!("process {pid} ended");
        self.settled.remove(&pid);
        self.corpses.push(Corpse { pid, patterns: gone.patterns, since: now, next: now, told: false });
    }

    /// Tells of ends once the process is reaped, and before if that takes long.
    fn bury(&mut self, now: Instant) {
        let touched = &mut self.touched;
        let mut touch = |patterns: &[usize]| {
            for pattern in patterns {
                if let Some(t) = touched.get_mut(*pattern) {
                    *t = true;
                }
            }
        };
        self.corpses.retain_mut(|c| {
            if c.next > now {
                return true;
            }
            let age = now.saturating_duration_since(c.since);
            if !fs::exists(format!("/proc/{}", c.pid)).unwrap_or(false) || age > UNREAPED_MAX {
                touch(&c.patterns);
                return false;
            }
            if !c.told && age >= UNREAPED {
                c.told = true;
                touch(&c.patterns);
            }
            c.next = now + (age / 4).clamp(Duration::from_millis(1), LOOK);
            true
        });
    }

    /// Looks for processes that came.
    fn look(&mut self, now: Instant) {
        self.look_at = now + LOOK;
        let last = last_pid();
        let all = self.look_at_all <= now;
        if all {
            self.look_at_all = now + LOOK_AT_ALL;
        } else if last.is_some() && last == self.last_pid && self.young.is_empty() {
            return;
        }
        self.last_pid = last;
        let there = pids();
        self.settled.retain(|pid| there.contains(pid));
        self.young.retain(|(pid, _)| there.contains(pid));
        let Ok(mut system) = System::new() else { return };
        let arguments = if self.needs_arguments { UpdateKind::Always } else { UpdateKind::Never };
        let what = ProcessRefreshKind::nothing().without_tasks().with_cmd(arguments);
        if all {
            system.refresh_processes_specifics(ProcessesToUpdate::All, false, what);
        } else {
            let unsettled: Vec<Pid> = there
                .iter()
                .filter(|p| !self.settled.contains(p))
                .map(|p| Pid::from_u32(*p as u32))
                .collect();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&unsettled), false, what);
        }
        for (pid, process) in system.processes() {
            self.judge(pid.as_u32() as i32, process, now);
        }
    }

    fn judge(&mut self, pid: i32, process: &sysinfo::Process, now: Instant) {
        if self.settled.insert(pid) && !self.young.iter().any(|(p, _)| *p == pid) {
            self.young.push((pid, now));
        }
        // It is looked at until it is old enough.
        match self.young.iter().position(|(p, since)| *p == pid && *since + YOUNG <= now) {
            Some(at) => drop(self.young.swap_remove(at)),
            None if self.young.iter().any(|(p, _)| *p == pid) => drop(self.settled.remove(&pid)),
            None => {}
        }
        let name = process.name().to_string_lossy();
        let ours = process.parent().is_some_and(|p| p.as_u32() == std::process::id());
        let dead = matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
        let mut patterns = Vec::new();
        if !ours && !dead && !ASKERS.contains(&name.as_ref()) {
            let argv: Vec<String> = process.cmd().iter().map(|a| a.to_string_lossy().into_owned()).collect();
            let facts = Facts { name: &name, argv: &argv };
            let hits = |m: &Option<Matcher>| m.as_ref().is_some_and(|m| m.matches(facts));
            patterns = self.matchers.iter().enumerate().filter(|(_, m)| hits(m)).map(|(i, _)| i).collect();
        }
        let known = self.watched.iter().position(|w| w.pid == pid);
        let before =
            known.and_then(|at| self.watched.get(at)).map(|w| w.patterns.clone()).unwrap_or_default();
        if before == patterns {
            return;
        }
        for (pattern, touched) in self.touched.iter_mut().enumerate() {
            *touched |= before.contains(&pattern) != patterns.contains(&pattern);
        }
        match known.and_then(|at| self.watched.get_mut(at)) {
            Some(watched) => watched.patterns = patterns,
            // One that is gone already has nothing to tell.
            None => match sys::pidfd(pid as u32) {
                Ok(end) if self.watched.len() < WATCHED_MAX => {
                    self.watched.push(Watched { pid, end, patterns })
                }
                Ok(_) => debug!("more than {WATCHED_MAX} processes match, {pid} is not watched"),
                Err(e) => debug!("process {pid} cannot be watched: {e}"),
            },
        }
        self.watched.retain(|w| !w.patterns.is_empty());
    }

    /// `false`: nobody listens any more.
    fn tell(&mut self, first: bool) -> bool {
        for (pattern, touched) in self.touched.iter_mut().enumerate() {
            if !std::mem::take(touched) {
                continue;
            }
            let count = self.watched.iter().filter(|w| w.patterns.contains(&pattern)).count() as u32;
            if self.counts.blocking_send(Count { pattern, count, first }).is_err() {
                return false;
            }
        }
        true
    }
}

/// The pid that was given out last in this namespace: the fifth word of proc(5)'s loadavg.
fn last_pid() -> Option<i32> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().nth(4)?.parse().ok()
}

fn pids() -> HashSet<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn next(processes: &mut Processes) -> Count {
        processes.counts.blocking_recv().unwrap()
    }

    /// Started by a shell that is our child, so that it is not taken for a program of our own.
    fn start(seconds: &str) -> i32 {
        let line = format!("sleep {seconds} >/dev/null 2>&1 & echo $!");
        let out = Command::new("sh").args(["-c", &line]).output().unwrap();
        String::from_utf8(out.stdout).unwrap().trim().parse().unwrap()
    }

    #[test]
    fn starts_and_ends_of_matching_processes_are_told() {
        // A number that nobody else sleeps for.
        let mark = format!("9{}", std::process::id());
        let argv = vec!["sleep".to_owned(), mark.clone()];
        let pattern = Pattern::Arguments { argv, compare: crate::engine::track::process::Compare::Exact };
        let mut processes = Processes::watch(&[pattern]).unwrap();
        assert_eq!(next(&mut processes), Count { pattern: 0, count: 0, first: true });
        let one = start(&mark);
        assert_eq!(next(&mut processes), Count { pattern: 0, count: 1, first: false });
        sys::kill(nix::unistd::Pid::from_raw(one), libc::SIGKILL).unwrap();
        assert_eq!(next(&mut processes), Count { pattern: 0, count: 0, first: false });
    }

    #[test]
    fn the_thread_ends_when_nobody_listens() {
        let mut processes = Processes::watch(&[Pattern::Named(vec!["no-such-name".into()])]).unwrap();
        next(&mut processes);
        let Processes { counts, _stop } = processes;
        drop(_stop);
        let mut counts = counts;
        assert_eq!(counts.blocking_recv(), None);
    }
}
