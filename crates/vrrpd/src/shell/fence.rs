//! The fence: a small companion process that takes the addresses off the host when this process dies or hangs.
//!
//! Owns: the companion, its pipe, and the orders that it holds ready. Invariants: the companion knows of an address
//! before the kernel does, and lets go of it after the kernel did; it is never waited for (a full pipe loses a
//! beat, not the loop's time); one that died is started again. Leaves to others: what is done in an emergency
//! (`fence/companion`), what stands in the orders (`fence/orders`).

pub mod companion;
mod orders;

use std::{
    io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, send, setsockopt, socketpair, sockopt},
};
use tracing::{debug, warn};

pub use orders::Orders;

use crate::engine::Time;

/// The argument that makes this program the companion.
pub const ARGUMENT: &str = "--fence-companion";
/// What the companion is called in ps(1): a signal sent by the daemon's name does not meet it.
const NAME: &str = "vip-fence";
/// Bounds of the time between two signs of life.
const BEAT_MIN: Duration = Duration::from_millis(5);
const BEAT_MAX: Duration = Duration::from_millis(250);
/// A companion that died is started again no sooner than this after the last start.
const RESTART: Duration = Duration::from_secs(1);
/// Room for orders about some thousand addresses.
const PIPE_BYTES: usize = 1 << 20;

/// What the configuration says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Take the addresses off when the VRRP process dies.
    pub on_death: bool,
    /// Take them off when it is silent for longer than the peers wait for it.
    pub on_silence: bool,
    /// Where the companion's one line goes: to the console too.
    pub console: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { on_death: true, on_silence: true, console: false }
    }
}

/// The side of the VRRP process.
#[derive(Debug)]
pub struct Fence {
    options: Options,
    companion: Option<(Child, OwnedFd)>,
    started: Option<Time>,
    orders: Orders,
    beat_at: Option<Time>,
    /// What is held has changed since the orders were given.
    pub stale: bool,
}

impl Fence {
    /// No companion runs before there is something to take off the host.
    pub fn new(options: Options) -> Fence {
        Fence {
            options,
            companion: None,
            started: None,
            orders: Orders::default(),
            beat_at: None,
            stale: false,
        }
    }

    pub fn set(&mut self, options: Options) {
        if options != self.options {
            self.options = options;
            self.good_bye();
            self.stale = true;
        }
    }

    pub fn wanted(&self) -> bool {
        self.options.on_death || self.options.on_silence
    }

    /// Gives new orders.
    pub fn order(&mut self, mut orders: Orders, now: Time) {
        self.stale = false;
        orders.on_death = self.options.on_death;
        orders.on_silence = self.options.on_silence;
        let none = orders.deletions.is_empty();
        self.orders = orders;
        if none && self.companion.is_none() {
            self.beat_at = None;
            return;
        }
        self.give(now);
        self.beat_at = if none { None } else { Some(now + self.gap()) };
    }

    /// When [`Fence::beat`] is due.
    pub fn deadline(&self) -> Option<Time> {
        self.beat_at
    }

    /// A sign of life, if one is due.
    pub fn beat(&mut self, now: Time) {
        if self.beat_at.is_none_or(|at| at > now) {
            return;
        }
        self.beat_at = Some(now + self.gap());
        let alive = self.companion.as_ref().is_some_and(|(_, pipe)| tell(pipe, orders::BEAT));
        if !alive {
            self.forget();
            self.give(now);
        }
    }

    /// Sends the companion away: nothing is to be taken off any more.
    pub fn good_bye(&mut self) {
        if let Some((_, pipe)) = &self.companion {
            tell(pipe, orders::QUIT);
        }
        self.forget();
        self.beat_at = None;
    }

    /// Lets go of a companion that has died or was sent away; one that does not go is not waited for.
    fn forget(&mut self) {
        if let Some((mut child, pipe)) = self.companion.take() {
            drop(pipe);
            let _ = child.try_wait();
        }
    }

    fn gap(&self) -> Duration {
        (self.orders.silence / 4).clamp(BEAT_MIN, BEAT_MAX)
    }

    fn give(&mut self, now: Time) {
        let text = self.orders.write();
        if self.companion.as_ref().is_some_and(|(_, pipe)| tell(pipe, text.as_bytes())) {
            return;
        }
        self.forget();
        if !self.wanted() || self.started.is_some_and(|at| now < at + RESTART) {
            return;
        }
        self.started = Some(now);
        match start(self.options.console) {
            Ok((child, pipe)) => {
                debug!("fencing companion started, pid={}", child.id());
                tell(&pipe, text.as_bytes());
                self.companion = Some((child, pipe));
            }
            Err(e) => {
                warn!("cannot start the fencing companion: {e}; a silent death will leave the addresses")
            }
        }
    }
}

/// `false`: nobody is there any more.
fn tell(pipe: &OwnedFd, bytes: &[u8]) -> bool {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    match send(pipe.as_raw_fd(), bytes, flags) {
        Ok(_) | Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => true,
        Err(Errno::EMSGSIZE) => {
            warn!("too many addresses for the fencing companion");
            true
        }
        Err(_) => false,
    }
}

fn start(console: bool) -> io::Result<(Child, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    // More than the usual limit needs a privilege that we have; without it fewer addresses fit.
    if setsockopt(&ours, sockopt::SndBufForce, &PIPE_BYTES).is_err() {
        let _ = setsockopt(&ours, sockopt::SndBuf, &PIPE_BYTES);
    }
    debug_assert!(ours.as_fd().as_raw_fd() > 2);
    let mut command = Command::new("/proc/self/exe");
    command.arg0(NAME).arg(ARGUMENT).stdin(Stdio::from(theirs)).stdout(Stdio::null());
    if !console {
        command.stderr(Stdio::null());
    }
    let child = command.process_group(0).spawn()?;
    Ok((child, ours))
}
