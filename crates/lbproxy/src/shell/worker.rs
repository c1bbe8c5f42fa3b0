//! A worker thread: its runtime, what its tasks share, and the commands it takes.
//!
//! Owns: the tokio current-thread runtime with one task per client connection and per listener; the thread's
//! clock, timers, buffers and idle server connections. Invariants: nothing here crosses threads but the states in
//! the plan and the command queue; a task finds its deadline and its orders in its [`Slot`], and is woken when
//! either changes. Accepting is in `worker/accept.rs`, what a connection does in `http` and `tcp`.

mod accept;
mod client;
mod slot;

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::poll_fn,
    io,
    rc::Rc,
    sync::Arc,
    task::{Poll, Waker},
};

use slab::Slab;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    buffer, http,
    log::Logger,
    pool,
    reactor::Reactor,
    runtime::{KeptListener, Runtime, SessionInfo, Shared, Which, WorkerCommand, WorkerListener},
    timer::{Clock, Timer, TimerId, Wheel},
};
use crate::{compile::plan::Plan, engine::sample::ProcessFacts};

pub use client::{Client, Interrupt, Session};
pub use slot::{Kill, Slot, Stage};

/// What a worker thread is started with.
#[derive(Debug)]
pub struct WorkerArgs {
    pub thread: u16,
    pub commands: UnboundedReceiver<WorkerCommand>,
    pub shared: Arc<Shared>,
}

/// Runs a worker on the calling thread until it is told to leave.
///
/// # Errors
/// When the kernel gives no event queue for the runtime.
pub fn run(args: WorkerArgs) -> io::Result<()> {
    LOGGER.set(Some(Logger::new(args.shared.log.clone(), args.shared.zone.clone())));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .on_thread_park(|| with_logger(Logger::flush))
        .on_thread_unpark(|| SLEPT.set(true))
        .event_interval(TASKS_PER_LOOK)
        .enable_io()
        .enable_time()
        .build_local(tokio::runtime::LocalOptions::default())?;
    let reactor = Reactor::new()?;
    runtime.block_on(async move {
        let worker = Rc::new(Worker::new(args.thread, args.shared, reactor));
        tokio::task::spawn_local(worker.clone().keep_time());
        tokio::task::spawn_local(worker.clone().watch_sockets());
        worker.clone().obey(args.commands).await;
    });
    Ok(())
}

/// Steps of tasks between two looks at timers and orders from other threads while the thread is never idle.
const TASKS_PER_LOOK: u32 = 256;

thread_local! {
    /// The thread has slept since the clock was read.
    static SLEPT: Cell<bool> = const { Cell::new(true) };
    /// Of the thread and not of the worker, since the runtime flushes it before the thread sleeps.
    static LOGGER: RefCell<Option<Logger>> = const { RefCell::new(None) };
}

/// Lets `use_it` write log lines.
pub fn with_logger(use_it: impl FnOnce(&mut Logger)) {
    LOGGER.with_borrow_mut(|l| {
        if let Some(logger) = l {
            use_it(logger);
        }
    });
}

/// One configuration as this thread serves it.
#[derive(Debug)]
pub struct Installed {
    pub runtime: Arc<Runtime>,
    /// Idle connections to the servers of this plan.
    pub idle: pool::IdlePools,
    pub buffers: buffer::Pool,
    /// The records of requests that are not in use.
    pub records: http::Records,
}

impl Installed {
    fn new(runtime: Arc<Runtime>) -> Installed {
        Installed {
            idle: pool::IdlePools::new(&runtime.plan),
            buffers: buffer::Pool::new(runtime.plan.global.tune.bufsize),
            records: http::Records::default(),
            runtime,
        }
    }

    pub fn plan(&self) -> &Plan {
        &self.runtime.plan
    }
}

/// What the tasks of one thread share.
#[derive(Debug)]
pub struct Worker {
    pub thread: u16,
    /// Asking the kernel each time would be a system call per request.
    pub pid: u32,
    pub shared: Arc<Shared>,
    pub clock: Clock,
    reactor: Rc<Reactor>,
    /// What samples and logs may ask of the process.
    pub facts: ProcessFacts,
    wheel: RefCell<Wheel>,
    /// Wakes the task that turns the wheel when something is due before it looks again.
    wheel_waker: RefCell<Option<Waker>>,
    wheel_due_ms: Cell<u64>,
    slots: RefCell<Slab<Rc<Slot>>>,
    installed: RefCell<Option<Rc<Installed>>>,
    listeners: RefCell<HashMap<u64, Rc<accept::Listening>>>,
    next_id: Cell<u64>,
    seed: Cell<u64>,
    draining: Cell<bool>,
    /// Wakes `obey` when the last stream has ended while draining.
    idle_waker: RefCell<Option<Waker>>,
}

impl Worker {
    fn new(thread: u16, shared: Arc<Shared>, reactor: Rc<Reactor>) -> Worker {
        let clock = Clock::new(shared.started);
        let hostname = nix::unistd::gethostname().ok().and_then(|n| n.into_string().ok()).unwrap_or_default();
        Worker {
            thread,
            pid: std::process::id(),
            facts: ProcessFacts {
                hostname,
                zone: (*shared.zone).clone(),
                start_s: shared.started_us / 1_000_000,
            },
            wheel: RefCell::new(Wheel::new(clock.now_ms())),
            wheel_waker: RefCell::default(),
            wheel_due_ms: Cell::new(0),
            slots: RefCell::default(),
            installed: RefCell::default(),
            listeners: RefCell::default(),
            next_id: Cell::new(0),
            // Any odd start will do: this decides samples, never secrets.
            seed: Cell::new(clock.wall_us() << 8 | u64::from(thread) | 1),
            draining: Cell::new(false),
            idle_waker: RefCell::default(),
            shared,
            clock,
            reactor,
        }
    }

    /// Where the sockets of this thread wait.
    pub fn reactor(&self) -> &Rc<Reactor> {
        &self.reactor
    }

    /// To be called when a task is polled: everything within one step sees one `now`, and moves at most so much.
    /// The clock is read once per look at the sockets, and when the thread has slept.
    pub fn begin_step(&self) {
        self.reactor.refill();
        if SLEPT.replace(false) {
            self.clock.refresh();
        }
    }

    /// The configuration for new connections.
    pub fn installed(&self) -> Option<Rc<Installed>> {
        self.installed.borrow().clone()
    }

    /// Idle connections are to end and none is to be kept.
    pub fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// A number that no other connection or stream of the process has.
    pub fn new_id(&self) -> u64 {
        let n = self.next_id.get();
        self.next_id.set(n + 1);
        n * self.shared.workers.len().max(1) as u64 + u64::from(self.thread)
    }

    /// The next of a fast pseudo-random sequence (xorshift64*).
    pub fn random(&self) -> u64 {
        let mut x = self.seed.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.seed.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Sets when a task is to be woken at the latest.
    pub fn arm(&self, slot: &Slot, deadline_ms: u64) {
        if slot.timer.deadline_ms() == deadline_ms {
            return;
        }
        let filed = self.wheel.borrow_mut().arm(slot.id(), &slot.timer, deadline_ms);
        if let Some(tick) = filed
            && tick * super::timer::TICK_MS < self.wheel_due_ms.get()
            && let Some(w) = self.wheel_waker.borrow().as_ref()
        {
            w.wake_by_ref();
        }
    }

    /// Enters a task into the thread's table; it leaves when the guard is dropped.
    pub fn enter(self: &Rc<Worker>, slot: Slot) -> SlotGuard {
        let mut slots = self.slots.borrow_mut();
        let entry = slots.vacant_entry();
        let generation = self.next_id.get() as u32;
        slot.set_id(TimerId { index: entry.key() as u32, generation });
        let slot = Rc::new(slot);
        entry.insert(slot.clone());
        SlotGuard { worker: self.clone(), slot }
    }

    /// Takes commands until one says to leave, or draining is complete.
    async fn obey(self: Rc<Worker>, mut commands: UnboundedReceiver<WorkerCommand>) {
        loop {
            let command = poll_fn(|cx| {
                *self.idle_waker.borrow_mut() = Some(cx.waker().clone());
                if self.is_draining() && self.slots.borrow().is_empty() {
                    return Poll::Ready(None);
                }
                commands.poll_recv(cx)
            })
            .await;
            self.clock.refresh();
            match command {
                None | Some(WorkerCommand::Quit) => return,
                Some(WorkerCommand::Install { runtime, listeners, keep }) => {
                    self.install(runtime, listeners, &keep);
                }
                Some(WorkerCommand::Pause { frontend, paused }) => self.pause(frontend, paused),
                Some(WorkerCommand::Drain) => self.drain(),
                Some(WorkerCommand::Beat(number)) => self.shared.life.answer(self.thread, number),
                Some(WorkerCommand::Sessions { reply }) => {
                    // Nobody waits for an answer that cannot be delivered.
                    let _ = reply.send(self.sessions());
                }
                Some(WorkerCommand::Shutdown { which }) => self.shutdown(&which),
            }
        }
    }

    fn install(self: &Rc<Worker>, runtime: Arc<Runtime>, new: Vec<WorkerListener>, keep: &[KeptListener]) {
        let installed = Rc::new(Installed::new(runtime));
        let old = self.installed.borrow_mut().replace(installed.clone());
        if let Some(old) = old {
            old.idle.close_all();
        }
        self.listeners.borrow_mut().retain(|key, listening| match keep.iter().find(|k| k.key == *key) {
            Some(k) => {
                listening.retarget(installed.clone(), k.frontend, k.bind);
                true
            }
            None => {
                listening.close();
                false
            }
        });
        for listener in new {
            let key = listener.key;
            match accept::Listening::start(self, &installed, listener) {
                Ok(listening) => drop(self.listeners.borrow_mut().insert(key, listening)),
                Err(e) => tracing::error!("a listening socket cannot be used: {e}"),
            }
        }
    }

    fn pause(&self, frontend: usize, paused: bool) {
        for l in self.listeners.borrow().values().filter(|l| l.frontend() == frontend) {
            l.pause(paused);
        }
    }

    fn drain(&self) {
        self.draining.set(true);
        for (_, l) in self.listeners.borrow_mut().drain() {
            l.close();
        }
        if let Some(i) = self.installed() {
            i.idle.close_all();
        }
        for (_, slot) in &*self.slots.borrow() {
            if slot.stage.get() == Stage::Idle {
                slot.kill(Kill::Drain);
            }
        }
    }

    fn sessions(&self) -> Vec<SessionInfo> {
        let now_ms = self.clock.now_ms();
        self.slots.borrow().iter().map(|(_, s)| s.describe(self.thread, now_ms)).collect()
    }

    fn shutdown(&self, which: &Which) {
        for (_, slot) in &*self.slots.borrow() {
            if slot.is(which) {
                slot.kill(if matches!(which, Which::Server(..)) { Kill::ServerDown } else { Kill::Admin });
            }
        }
    }

    /// Turns the wheel, and once a second looks after the wall clock and idle server connections.
    async fn keep_time(self: Rc<Worker>) {
        const HOUSEKEEPING_MS: u64 = 1_000;
        let mut housekeeping_ms = 0;
        loop {
            self.clock.refresh();
            let now_ms = self.clock.now_ms();
            if now_ms >= housekeeping_ms {
                housekeeping_ms = now_ms + HOUSEKEEPING_MS;
                self.clock.set_wall();
                with_logger(Logger::flush);
                if let Some(i) = self.installed() {
                    i.idle.purge(now_ms);
                    i.idle.report(i.plan(), self.thread);
                    // One thread is enough for tables that nobody writes to.
                    if self.thread == 0 {
                        i.plan().tables.iter().for_each(|t| t.expire(now_ms));
                    }
                }
            }
            {
                let slots = self.slots.borrow();
                let find = |id: TimerId| -> Option<&Timer> {
                    let slot = slots.get(id.index as usize)?;
                    (slot.id() == id).then_some(&slot.timer)
                };
                self.wheel.borrow_mut().advance(now_ms, find, Timer::wake);
            }
            let next = self.wheel.borrow().next_ms().unwrap_or(u64::MAX).min(housekeeping_ms);
            self.sleep_until(next).await;
        }
    }

    async fn watch_sockets(self: Rc<Worker>) {
        let worker = self.clone();
        let turned = self.reactor.clone().run(move || {
            SLEPT.set(false);
            worker.clock.refresh();
            with_logger(Logger::flush);
        });
        if let Err(e) = turned.await {
            tracing::error!("worker {}: the sockets cannot be watched any more: {e}", self.thread);
        }
    }

    /// Sleeps until `ms`, or until something has been filed for an earlier moment.
    async fn sleep_until(&self, ms: u64) {
        self.wheel_due_ms.set(ms);
        let mut sleep = std::pin::pin!(tokio::time::sleep_until(self.clock.instant(ms).into()));
        poll_fn(|cx| {
            *self.wheel_waker.borrow_mut() = Some(cx.waker().clone());
            let earlier = self.wheel.borrow().next_ms().is_some_and(|n| n < ms);
            if earlier { Poll::Ready(()) } else { sleep.as_mut().poll(cx) }
        })
        .await;
    }
}

/// Keeps a task in the thread's table while it lives.
#[derive(Debug)]
pub struct SlotGuard {
    worker: Rc<Worker>,
    pub slot: Rc<Slot>,
}

impl Drop for SlotGuard {
    fn drop(&mut self) {
        let mut slots = self.worker.slots.borrow_mut();
        slots.try_remove(self.slot.id().index as usize);
        if self.worker.is_draining()
            && slots.is_empty()
            && let Some(w) = self.worker.idle_waker.borrow().as_ref()
        {
            w.wake_by_ref();
        }
    }
}
