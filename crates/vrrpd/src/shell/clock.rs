//! The clock since boot of the engines, and the timer that wakes the daemon at their deadlines.
//!
//! A timerfd and not the runtime's timer: that one counts in milliseconds, which is the whole skew between two
//! routers with adverts each 10 ms.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use nix::{
    sys::{
        time::TimeSpec,
        timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    },
    time::{self, clock_gettime},
};
use tokio::io::unix::AsyncFd;

use crate::{engine::Time, sys};

/// The time since boot, suspension included: a host that slept was as silent as one that was stopped.
pub fn now() -> Time {
    match clock_gettime(time::ClockId::CLOCK_BOOTTIME) {
        Ok(t) => Duration::new(t.tv_sec().max(0) as u64, t.tv_nsec().max(0) as u32),
        // The kernel always has this clock.
        Err(_) => Duration::ZERO,
    }
}

/// The time since 1970.
pub fn wall() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// One timer.
#[derive(Debug)]
pub struct Timer {
    timer: TimerFd,
    /// The same timer under the descriptor that the runtime watches.
    watched: AsyncFd<OwnedFd>,
    armed: Option<Time>,
}

impl Timer {
    /// Needs a runtime.
    pub fn new() -> io::Result<Timer> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)?;
        let watched = sys::watch(timer.as_fd().try_clone_to_owned()?)?;
        Ok(Timer { timer, watched, armed: None })
    }

    /// Sets the moment of the next expiry; `None` for never. Costs nothing when it stays the same.
    pub fn arm(&mut self, deadline: Option<Time>) -> io::Result<()> {
        if deadline == self.armed {
            return Ok(());
        }
        self.armed = deadline;
        match deadline {
            None => self.timer.unset()?,
            Some(at) => {
                // A zero expiry would disarm.
                let at = TimeSpec::from_duration(at.max(Duration::from_nanos(1)));
                self.timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
            }
        }
        Ok(())
    }

    /// Waits for the expiry. Safe to drop and call again.
    pub async fn expired(&mut self) {
        let Ok(mut guard) = self.watched.readable().await else { return std::future::pending().await };
        self.armed = None;
        let mut count = [0; 8];
        // Reading takes the expiry away; that there is none to take is no fault.
        let _ = nix::unistd::read(&self.timer, &mut count);
        guard.clear_ready();
    }
}
