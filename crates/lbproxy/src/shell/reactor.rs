//! Which sockets of a thread are ready: an epoll set of our own below tokio's.
//!
//! tokio registers every socket at once and takes it out again before closing it: two system calls and two wake-ups
//! more than a short connection needs. Here a socket is registered only when a call would have blocked, stays
//! registered until it is closed, and the kernel then forgets it by itself. tokio still runs the tasks and the
//! timers and sleeps; it sees this set as one descriptor. Owns: the set, a waker per registered socket, and the
//! budget that keeps one task from holding up the others. Invariants: all events are edges; a source is entered
//! once and leaves with its socket; a waker is kept only while its task may wait for the socket.

use std::{
    cell::{Cell, RefCell},
    io,
    os::fd::BorrowedFd,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use slab::Slab;

use crate::sys;

/// Events taken from the kernel at once.
const EVENTS_MAX: usize = 512;
/// With at least so many events in a turn, the next turn follows without going to sleep in between.
const BUSY_FROM: usize = 4;
/// Bytes that a task may move before others get their turn.
const BUDGET_BYTES: usize = 1 << 20;
/// What an operation costs of the budget at least.
const OPERATION_BYTES: usize = 4_096;

/// What a registered socket is ready for.
pub const READ: u8 = 1;
pub const WRITE: u8 = 2;
/// The other side has ended its direction, or the connection failed: reading tells, and never blocks again.
const ENDED: u8 = 4;

/// The sockets of one thread.
#[derive(Debug)]
pub struct Reactor {
    epoll: Epoll,
    sources: RefCell<Slab<Source>>,
    events: RefCell<Vec<EpollEvent>>,
    budget: Cell<usize>,
}

/// A registered socket. All of it waits in one task at a time, so one waker is enough for both directions.
#[derive(Debug)]
struct Source {
    ready: u8,
    waker: Option<Waker>,
}

impl Reactor {
    /// # Errors
    /// No descriptor or memory for an epoll set.
    pub fn new() -> io::Result<Rc<Reactor>> {
        Ok(Rc::new(Reactor {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            sources: RefCell::default(),
            events: RefCell::new(vec![EpollEvent::empty(); EVENTS_MAX]),
            budget: Cell::new(BUDGET_BYTES),
        }))
    }

    /// Turns as long as the thread lives. `before` runs before each turn, as when the thread wakes up.
    ///
    /// # Errors
    /// tokio's own set does not take ours.
    pub async fn run(self: Rc<Reactor>, mut before: impl FnMut()) -> io::Result<()> {
        let outer = sys::watch_readable(self.epoll.0.try_clone()?)?;
        std::future::poll_fn(|cx| {
            before();
            loop {
                if let Poll::Ready(ready) = outer.poll_read_ready(cx) {
                    // Before looking, so that what comes while we look is an edge of its own.
                    ready?.clear_ready();
                }
                if self.turn() >= BUSY_FROM {
                    // Behind the tasks that were just woken.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if outer.poll_read_ready(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Takes what has happened and wakes whom it concerns; tells how many events there were.
    fn turn(&self) -> usize {
        let mut events = self.events.borrow_mut();
        let n = match self.epoll.wait(&mut events, EpollTimeout::ZERO) {
            Ok(n) => n,
            // Interrupted: the next turn sees it.
            Err(_) => return 0,
        };
        let mut sources = self.sources.borrow_mut();
        for e in events.iter().take(n) {
            let Some(source) = usize::try_from(e.data()).ok().and_then(|key| sources.get_mut(key)) else {
                continue;
            };
            source.ready |= bits(e.events());
            if let Some(w) = &source.waker {
                w.wake_by_ref();
            }
        }
        n
    }

    /// Enters a socket. The kernel then tells what it is ready for already.
    ///
    /// # Errors
    /// No memory, or more sockets than `fs.epoll.max_user_watches`.
    pub fn enter(&self, fd: BorrowedFd<'_>, write: bool) -> io::Result<u32> {
        let mut sources = self.sources.borrow_mut();
        let entry = sources.vacant_entry();
        let key = entry.key();
        self.epoll.add(fd, EpollEvent::new(interest(write), key as u64))?;
        entry.insert(Source { ready: 0, waker: None });
        Ok(key as u32)
    }

    /// From now on tells also when there is room for writing.
    ///
    /// # Errors
    /// As [`Reactor::enter`].
    pub fn want_write(&self, fd: BorrowedFd<'_>, key: u32) -> io::Result<()> {
        self.clear(key, WRITE);
        self.epoll.modify(fd, &mut EpollEvent::new(interest(true), u64::from(key)))?;
        Ok(())
    }

    /// The socket is about to be closed, which takes it out of the kernel's set.
    pub fn leave(&self, key: u32) {
        self.sources.borrow_mut().try_remove(key as usize);
    }

    pub fn is_ready(&self, key: u32, what: u8) -> bool {
        self.sources.borrow().get(key as usize).is_none_or(|s| s.ready & what != 0)
    }

    /// The last call took everything there was, or filled all room: wait for the next edge. After the end no edge
    /// comes any more, and reading stays possible.
    pub fn drained(&self, key: u32, what: u8) {
        if let Some(s) = self.sources.borrow_mut().get_mut(key as usize)
            && s.ready & ENDED == 0
        {
            s.ready &= !what;
        }
    }

    /// The last call would have blocked. One that read even after the end was announced has met an error that
    /// somebody else was told of already.
    pub fn clear(&self, key: u32, what: u8) {
        let gone = if what == READ { READ | ENDED } else { what };
        if let Some(s) = self.sources.borrow_mut().get_mut(key as usize) {
            s.ready &= !gone;
        }
    }

    /// Wakes this task at the next event.
    pub fn wait(&self, key: u32, cx: &Context<'_>) {
        if let Some(s) = self.sources.borrow_mut().get_mut(key as usize)
            && !s.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker()))
        {
            s.waker = Some(cx.waker().clone());
        }
    }

    /// Wakes nobody: what the socket belonged to may be gone by then.
    pub fn forget(&self, key: u32) {
        if let Some(s) = self.sources.borrow_mut().get_mut(key as usize) {
            s.waker = None;
        }
    }

    /// A task begins its step.
    pub fn refill(&self) {
        self.budget.set(BUDGET_BYTES);
    }

    /// Whether the task may still go on; otherwise it is woken again behind the others.
    pub fn may_go_on(&self, cx: &Context<'_>) -> bool {
        let may = self.budget.get() > 0;
        if !may {
            cx.waker().wake_by_ref();
        }
        may
    }

    /// An operation moved that many bytes.
    pub fn spend(&self, bytes: usize) {
        self.budget.set(self.budget.get().saturating_sub(bytes.max(OPERATION_BYTES)));
    }
}

fn interest(write: bool) -> EpollFlags {
    let read = EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
    if write { read | EpollFlags::EPOLLOUT } else { read }
}

fn bits(events: EpollFlags) -> u8 {
    let mut ready = 0;
    if events.intersects(EpollFlags::EPOLLIN) {
        ready |= READ;
    }
    if events.intersects(EpollFlags::EPOLLOUT) {
        ready |= WRITE;
    }
    if events.intersects(EpollFlags::EPOLLRDHUP) {
        ready |= READ | ENDED;
    }
    if events.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
        ready |= READ | WRITE | ENDED;
    }
    ready
}
