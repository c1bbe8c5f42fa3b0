//! Time of one worker thread: the clock that is read once per wake-up, and the coarse wheel behind all time-outs.
//!
//! Arming is one store in nearly every case: the wheel looks at a timer when its entry comes round and files it
//! again for what is left. Invariants: a timer never fires early, and late by at most a tick and what the thread
//! is busy with; an entry is a number and a generation, so nothing left in the wheel pins a finished task.

use std::{
    cell::{Cell, RefCell},
    task::Waker,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Granularity of time-outs, ms.
pub const TICK_MS: u64 = 4;
/// Slots of the wheel; a time-out further away is looked at again each round.
const SLOTS: usize = 4_096;
/// A deadline that never comes.
pub const NEVER: u64 = u64::MAX;

/// The thread's clock. `refresh` reads it, everything else looks at what was read.
#[derive(Debug)]
pub struct Clock {
    base: Instant,
    base_wall_us: Cell<u64>,
    now_us: Cell<u64>,
}

impl Clock {
    /// Threads that share `base` show the same milliseconds.
    pub fn new(base: Instant) -> Clock {
        let clock = Clock { base, base_wall_us: Cell::new(0), now_us: Cell::new(0) };
        clock.refresh();
        clock.set_wall();
        clock
    }

    pub fn refresh(&self) {
        self.now_us.set(self.base.elapsed().as_micros() as u64);
    }

    /// Takes the wall clock again, which somebody may have set.
    pub fn set_wall(&self) {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
        self.base_wall_us.set(wall.saturating_sub(self.base.elapsed().as_micros() as u64));
    }

    /// Milliseconds since `base`.
    pub fn now_ms(&self) -> u64 {
        self.now_us.get() / 1_000
    }

    /// Microseconds since `base`.
    pub fn now_us(&self) -> u64 {
        self.now_us.get()
    }

    /// Wall clock, microseconds since the epoch.
    pub fn wall_us(&self) -> u64 {
        self.base_wall_us.get() + self.now_us.get()
    }

    /// The moment `ms` on this clock.
    pub fn instant(&self, ms: u64) -> Instant {
        self.base + std::time::Duration::from_millis(ms)
    }
}

/// The time-out of one task.
#[derive(Debug)]
pub struct Timer {
    deadline_ms: Cell<u64>,
    /// The tick at which the wheel looks next; [`NEVER`] when it holds no entry.
    filed: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

impl Default for Timer {
    fn default() -> Timer {
        Timer { deadline_ms: Cell::new(NEVER), filed: Cell::new(NEVER), waker: RefCell::new(None) }
    }
}

impl Timer {
    /// Whom to wake: the task's own waker, the same for its whole life.
    pub fn set_waker(&self, waker: &Waker) {
        *self.waker.borrow_mut() = Some(waker.clone());
    }

    pub fn wake(&self) {
        if let Some(w) = self.waker.borrow().as_ref() {
            w.wake_by_ref();
        }
    }

    pub fn deadline_ms(&self) -> u64 {
        self.deadline_ms.get()
    }

    pub fn expired(&self, now_ms: u64) -> bool {
        self.deadline_ms.get() <= now_ms
    }
}

/// Where a timer is found when its entry comes round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerId {
    pub index: u32,
    pub generation: u32,
}

/// The wheel of one thread.
#[derive(Debug)]
pub struct Wheel {
    slots: Vec<Vec<TimerId>>,
    /// The next tick to be looked at.
    tick: u64,
    entries: usize,
}

impl Wheel {
    pub fn new(now_ms: u64) -> Wheel {
        Wheel { slots: vec![Vec::new(); SLOTS], tick: now_ms / TICK_MS, entries: 0 }
    }

    /// Sets a timer's deadline. Gives the tick when the wheel must be looked at earlier than before.
    pub fn arm(&mut self, id: TimerId, timer: &Timer, deadline_ms: u64) -> Option<u64> {
        timer.deadline_ms.set(deadline_ms);
        if deadline_ms == NEVER || deadline_ms / TICK_MS + 1 >= timer.filed.get() {
            return None;
        }
        Some(self.file(id, timer, deadline_ms))
    }

    fn file(&mut self, id: TimerId, timer: &Timer, deadline_ms: u64) -> u64 {
        let horizon = self.tick + SLOTS as u64 - 1;
        let at = (deadline_ms / TICK_MS + 1).clamp(self.tick, horizon);
        self.slots[(at % SLOTS as u64) as usize].push(id);
        self.entries += 1;
        timer.filed.set(at);
        at
    }

    /// Looks at everything due until now. `find` gives the timer of an id, or `None` when its task has ended;
    /// each timer whose deadline has come is given to `fire`.
    pub fn advance<'a>(
        &mut self,
        now_ms: u64,
        mut find: impl FnMut(TimerId) -> Option<&'a Timer>,
        mut fire: impl FnMut(&Timer),
    ) {
        let until = now_ms / TICK_MS;
        while self.tick <= until && self.entries > 0 {
            let tick = self.tick;
            self.tick += 1;
            let slot = (tick % SLOTS as u64) as usize;
            let mut due = std::mem::take(&mut self.slots[slot]);
            self.entries -= due.len();
            for id in due.drain(..) {
                // An entry that is not the timer's current one is left over from an earlier filing.
                let Some(timer) = find(id).filter(|t| t.filed.get() == tick) else { continue };
                timer.filed.set(NEVER);
                match timer.deadline_ms.get() {
                    NEVER => {}
                    d if d <= now_ms => fire(timer),
                    d => {
                        self.file(id, timer, d);
                    }
                }
            }
            // The slot keeps its memory unless it was filled again meanwhile.
            if self.slots[slot].is_empty() {
                self.slots[slot] = due;
            }
        }
        self.tick = self.tick.max(until + 1);
    }

    /// The millisecond at which the next entry comes round, at most one round away; `None` when there is none.
    pub fn next_ms(&self) -> Option<u64> {
        if self.entries == 0 {
            return None;
        }
        let ahead =
            (0..SLOTS as u64).find(|i| !self.slots[((self.tick + i) % SLOTS as u64) as usize].is_empty())?;
        Some((self.tick + ahead) * TICK_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TimerId = TimerId { index: 0, generation: 0 };

    /// Advances in steps of `step` ms and tells when the timer fired.
    fn run(wheel: &mut Wheel, timer: &Timer, from: u64, to: u64, step: u64) -> Vec<u64> {
        let mut fired = Vec::new();
        let mut now = from;
        while now <= to {
            wheel.advance(now, |_| Some(timer), |_| fired.push(now));
            now += step;
        }
        fired
    }

    #[test]
    fn fires_once_never_early_and_at_most_two_ticks_late() {
        for deadline in [0, 1, 3, 4, 5, 1_000, 16_380, 16_384, 16_390, 60_000, 100_001] {
            let (mut w, t) = (Wheel::new(0), Timer::default());
            w.arm(ID, &t, deadline);
            let fired = run(&mut w, &t, 0, 120_000, 1);
            assert_eq!(fired.len(), 1, "{deadline}");
            assert!(fired[0] >= deadline && fired[0] <= deadline + 2 * TICK_MS, "{deadline}: {fired:?}");
        }
    }

    #[test]
    fn moving_the_deadline_later_is_one_store_and_earlier_still_counts() {
        let (mut w, t) = (Wheel::new(0), Timer::default());
        w.arm(ID, &t, 1_000);
        assert_eq!(w.entries, 1);
        for d in 1_001..5_000 {
            assert_eq!(w.arm(ID, &t, d), None);
        }
        assert_eq!(w.entries, 1);
        assert!(run(&mut w, &t, 0, 4_990, 1).is_empty());
        w.arm(ID, &t, 20_000);
        assert!(w.arm(ID, &t, 4_995).is_some() || t.filed.get() <= 4_995 / TICK_MS + 1);
        assert_eq!(run(&mut w, &t, 4_991, 30_000, 1).len(), 1);
    }

    #[test]
    fn a_disarmed_timer_and_an_ended_task_stay_silent() {
        let (mut w, t) = (Wheel::new(0), Timer::default());
        w.arm(ID, &t, 50);
        w.arm(ID, &t, NEVER);
        assert!(run(&mut w, &t, 0, 200, 7).is_empty());
        w.arm(ID, &t, 300);
        w.advance(400, |_| None, |_| panic!("its task has ended"));
        assert_eq!((w.entries, w.next_ms()), (0, None));
    }

    #[test]
    fn a_thread_that_slept_long_fires_all_that_is_overdue() {
        let (mut w, t) = (Wheel::new(0), Timer::default());
        w.arm(ID, &t, 10_000);
        assert_eq!(w.next_ms(), Some(10_004));
        assert_eq!(run(&mut w, &t, 90_000, 90_000, 1), [90_000]);
    }
}
