//! `vrrp_script`: when a program is run, when it is killed, and what its exits come to.
//!
//! Owns: the schedule and the count of successes and failures. Invariants: at most one run at a time; a start
//! that falls due while a run lives is skipped and said; a run that timed out counts as failed when it has
//! ended, not before. Leaves to others: processes (`shell::script`), weights (`track`).

use std::{collections::VecDeque, time::Duration};

use super::Status;
use crate::engine::{Time, plan::ScriptPlan};

/// The word in keepalived.conf.
pub const NAME: &str = "vrrp_script";
/// Runs that are asked for out of turn are at least this far apart.
const SOON_GAP: Duration = Duration::from_millis(10);
/// From SIGTERM to SIGKILL.
const KILL_DELAY: Duration = Duration::from_secs(2);

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// It could not be started at all.
    NotStarted,
}

/// What the shell is to do, or to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Run,
    /// SIGTERM to the run's process group.
    Terminate,
    /// SIGKILL to the run's process group.
    Kill,
    /// A start fell due while the last run still lives.
    Skipped,
    /// The exit code differs from the one before.
    Returned(i32),
    /// The status changed: the script succeeded, or failed in this way.
    Changed(Status, Reason),
}

/// Why a script counts as it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    Exited(Exit),
    TimedOut,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Run {
    Idle,
    Running { since: Time },
    Terminating { since: Time },
    Killed,
}

/// One script.
#[derive(Clone, Debug)]
pub struct Script {
    plan: ScriptPlan,
    status: Status,
    /// Results in a row that contradict the status.
    streak: u32,
    last_code: Option<i32>,
    run: Run,
    next_run: Option<Time>,
    /// A run out of turn is wanted at this time.
    soon: Option<Time>,
    last_run: Option<Time>,
    actions: VecDeque<Action>,
}

impl Script {
    pub fn new(plan: ScriptPlan) -> Script {
        let status = if plan.init_fail || plan.refused { Status::Down } else { Status::Unknown };
        Script {
            plan,
            status,
            streak: 0,
            last_code: None,
            run: Run::Idle,
            next_run: None,
            soon: None,
            last_run: None,
            actions: VecDeque::new(),
        }
    }

    /// What the script asks for has changed: run it now, or right after the run that lives. The cadence stays.
    pub fn poke(&mut self, now: Time) {
        if self.next_run.is_none() {
            return;
        }
        let free = self.last_run.map_or(now, |at| (at + SOON_GAP).max(now));
        self.soon.get_or_insert(free);
        self.timeout(now);
    }

    /// Carries what is known over a reload: the status stays until the next result says otherwise.
    pub fn reconfigure(&mut self, plan: ScriptPlan) {
        self.plan = plan;
        self.streak = 0;
    }

    pub fn start(&mut self, now: Time) {
        if self.plan.refused {
            self.status = Status::Down;
            return;
        }
        self.next_run.get_or_insert(now);
        self.timeout(now);
    }

    /// Called when the deadline came.
    pub fn timeout(&mut self, now: Time) {
        match self.run {
            Run::Running { since } if since + self.plan.timeout <= now => {
                self.run = Run::Terminating { since: now };
                self.actions.push_back(Action::Terminate);
            }
            Run::Terminating { since } if since + KILL_DELAY <= now => {
                self.run = Run::Killed;
                self.actions.push_back(Action::Kill);
            }
            _ => {}
        }
        self.run_soon(now);
        let Some(due) = self.next_run.filter(|at| *at <= now) else { return };
        let next = due + self.plan.interval;
        self.next_run = Some(if next > now { next } else { now + self.plan.interval });
        if self.run == Run::Idle {
            self.begin(now);
        } else if self.last_run != Some(now) {
            self.actions.push_back(Action::Skipped);
        }
    }

    fn run_soon(&mut self, now: Time) {
        if self.run == Run::Idle && self.soon.is_some_and(|at| at <= now) {
            self.begin(now);
        }
    }

    fn begin(&mut self, now: Time) {
        self.soon = None;
        self.last_run = Some(now);
        self.run = Run::Running { since: now };
        self.actions.push_back(Action::Run);
    }

    /// The run ended.
    pub fn exited(&mut self, exit: Exit) {
        let reason = match self.run {
            Run::Idle => return,
            Run::Running { .. } => Reason::Exited(exit),
            Run::Terminating { .. } | Run::Killed => Reason::TimedOut,
        };
        self.run = Run::Idle;
        let good = reason == Reason::Exited(Exit::Code(0));
        if let Reason::Exited(Exit::Code(code)) = reason {
            if self.last_code.is_some_and(|before| before != code) {
                self.actions.push_back(Action::Returned(code));
            }
            self.last_code = Some(code);
        }
        let told = if good { Status::Up } else { Status::Down };
        if told == self.status {
            self.streak = 0;
            return;
        }
        self.streak += 1;
        let need = match (self.status, told) {
            // The first result counts at once, whatever rise and fall are.
            (Status::Unknown, _) => 1,
            (_, Status::Up) => self.plan.rise,
            _ => self.plan.fall,
        };
        if self.streak >= need {
            self.streak = 0;
            self.status = told;
            self.actions.push_back(Action::Changed(told, reason));
        }
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub fn deadline(&self) -> Option<Time> {
        let kill = match self.run {
            Run::Running { since } => Some(since + self.plan.timeout),
            Run::Terminating { since } => Some(since + KILL_DELAY),
            Run::Idle | Run::Killed => None,
        };
        let soon = self.soon.filter(|_| self.run == Run::Idle);
        [kill, soon, self.next_run].into_iter().flatten().min()
    }

    pub fn status(&self) -> Status {
        self.status
    }

    pub fn plan(&self) -> &ScriptPlan {
        &self.plan
    }

    pub fn is_running(&self) -> bool {
        self.run != Run::Idle
    }
}

#[cfg(test)]
mod tests {
    use super::{Action::*, *};

    fn script(rise: u32, fall: u32) -> Script {
        Script::new(ScriptPlan {
            name: "chk".into(),
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            rise,
            fall,
            init_fail: false,
            pattern: None,
            refused: false,
        })
    }

    fn drain(s: &mut Script) -> Vec<Action> {
        std::iter::from_fn(|| s.poll_action()).collect()
    }

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn result(s: &mut Script, exit: Exit) -> Vec<Action> {
        let now = s.next_run.unwrap_or_default();
        s.start(now);
        drain(s);
        s.exited(exit);
        drain(s)
    }

    const GOOD: Exit = Exit::Code(0);
    const BAD: Exit = Exit::Code(1);

    #[test]
    fn the_first_result_counts_at_once_and_later_ones_by_rise_and_fall() {
        let mut s = script(2, 3);
        assert_eq!(result(&mut s, GOOD), [Changed(Status::Up, Reason::Exited(GOOD))]);
        assert_eq!(result(&mut s, BAD), [Returned(1)]);
        assert_eq!(result(&mut s, BAD), []);
        assert_eq!(result(&mut s, BAD), [Changed(Status::Down, Reason::Exited(BAD))]);
        assert_eq!(result(&mut s, GOOD), [Returned(0)]);
        assert_eq!(result(&mut s, GOOD), [Changed(Status::Up, Reason::Exited(GOOD))]);
    }

    #[test]
    fn one_contrary_result_ends_a_streak() {
        let mut s = script(1, 2);
        result(&mut s, GOOD);
        result(&mut s, BAD);
        result(&mut s, GOOD);
        result(&mut s, BAD);
        assert_eq!(s.status(), Status::Up);
        result(&mut s, BAD);
        assert_eq!(s.status(), Status::Down);
    }

    #[test]
    fn init_fail_begins_as_failed_and_rise_counts() {
        let mut s = script(2, 1);
        s = Script::new(ScriptPlan { init_fail: true, ..s.plan().clone() });
        assert_eq!(s.status(), Status::Down);
        assert_eq!(result(&mut s, GOOD), []);
        assert_eq!(result(&mut s, GOOD), [Changed(Status::Up, Reason::Exited(GOOD))]);
    }

    #[test]
    fn a_hanging_run_is_terminated_then_killed_and_counts_when_it_has_ended() {
        let mut s = script(1, 1);
        s.start(at(0));
        assert_eq!(drain(&mut s), [Run]);
        assert_eq!(s.deadline(), Some(at(1000)));
        s.timeout(at(1000));
        assert_eq!(drain(&mut s), [Terminate]);
        s.timeout(at(2000));
        assert_eq!(drain(&mut s), [Skipped]);
        s.timeout(at(3000));
        assert_eq!(drain(&mut s), [Kill]);
        assert_eq!(s.status(), Status::Unknown);
        s.exited(Exit::Signal(9));
        assert_eq!(drain(&mut s), [Changed(Status::Down, Reason::TimedOut)]);
        s.timeout(at(4000));
        assert_eq!(drain(&mut s), [Run]);
    }

    #[test]
    fn a_run_that_answers_the_sigterm_with_success_still_counts_as_timed_out() {
        let mut s = script(1, 1);
        s.start(at(0));
        s.timeout(at(1000));
        s.exited(GOOD);
        assert_eq!(s.status(), Status::Down);
    }

    #[test]
    fn starts_keep_their_cadence_and_a_long_sleep_does_not_make_a_burst() {
        let mut s = script(1, 1);
        s.start(at(0));
        s.exited(GOOD);
        s.timeout(at(2010));
        assert_eq!(s.next_run, Some(at(4000)));
        s.exited(GOOD);
        drain(&mut s);
        s.timeout(at(60_000));
        assert_eq!(drain(&mut s), [Run]);
        assert_eq!(s.next_run, Some(at(62_000)));
    }

    #[test]
    fn a_run_out_of_turn_comes_at_once_and_the_cadence_stays() {
        let mut s = script(1, 1);
        s.poke(at(0));
        assert_eq!(drain(&mut s), [], "nothing runs before the start");
        s.start(at(0));
        s.exited(GOOD);
        drain(&mut s);
        s.poke(at(700));
        assert_eq!(drain(&mut s), [Run]);
        s.exited(BAD);
        assert_eq!(drain(&mut s), [Returned(1), Changed(Status::Down, Reason::Exited(BAD))]);
        assert_eq!(s.deadline(), Some(at(2000)));
    }

    #[test]
    fn a_poke_during_a_run_asks_again_right_after_it_and_pokes_are_kept_apart() {
        let mut s = script(1, 1);
        s.start(at(0));
        s.poke(at(4));
        s.poke(at(5));
        assert_eq!(drain(&mut s), [Run]);
        s.exited(GOOD);
        assert_eq!(s.deadline(), Some(at(10)));
        s.timeout(at(10));
        s.exited(GOOD);
        drain(&mut s);
        s.poke(at(12));
        assert_eq!(drain(&mut s), []);
        s.timeout(at(20));
        assert_eq!(drain(&mut s), [Run]);
    }

    #[test]
    fn a_poke_that_meets_the_cadence_runs_once() {
        let mut s = script(1, 1);
        s.start(at(0));
        s.exited(GOOD);
        drain(&mut s);
        s.poke(at(2000));
        assert_eq!(drain(&mut s), [Run]);
    }

    #[test]
    fn one_that_may_not_be_run_counts_as_failed_and_never_runs() {
        let mut s = Script::new(ScriptPlan { refused: true, ..script(1, 1).plan().clone() });
        s.start(at(0));
        s.poke(at(1));
        assert_eq!((s.status(), s.deadline(), drain(&mut s)), (Status::Down, None, vec![]));
    }

    #[test]
    fn death_by_a_signal_is_failure() {
        let mut s = script(1, 1);
        assert_eq!(
            result(&mut s, Exit::Signal(11)),
            [Changed(Status::Down, Reason::Exited(Exit::Signal(11)))]
        );
    }
}
