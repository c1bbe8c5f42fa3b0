//! The companion itself: waits for orders, beats, silence or death; then takes the addresses off and says so.
//!
//! Invariants: one thread, no runtime, no configuration; all sockets are opened when the orders come, so that an
//! emergency needs nothing new; silence counts only when the silent one is stopped, or when it stayed silent
//! although we were awake on time all the while, so that a busy machine is not taken for a hanging process.

use std::{
    collections::BTreeMap,
    fs, io,
    os::fd::{AsFd, AsRawFd},
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        signal::{SigHandler, Signal},
        socket::{MsgFlags, recv},
    },
    unistd::getppid,
};
use socket2::{Domain, Protocol, Type};

use super::{
    NAME, PIPE_BYTES,
    orders::{BEAT, Orders, QUIT},
};
use crate::{engine::router::Socket, shell::socket, sys};

/// One that is silent and not stopped may be starved: it gets at least this.
const PATIENCE_MIN: Duration = Duration::from_secs(1);

/// A peer that follows at once has the address by then, so that clients find it somewhere all the while.
const LINGER: Duration = Duration::from_millis(10);

/// The whole life of the companion; the pipe is its standard input.
pub fn main() -> u8 {
    let _ = prctl::set_name(c"vip-fence");
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGPIPE] {
        // What ends the daemon ends us by the pipe, after the daemon.
        let _ = sys::set_signal(signal, SigHandler::SigIgn);
    }
    match Companion::new() {
        Ok(mut companion) => {
            companion.run();
            0
        }
        Err(e) => {
            complain(&format!("cannot work: {e}"));
            1
        }
    }
}

struct Companion {
    netlink: socket2::Socket,
    orders: Orders,
    senders: BTreeMap<Socket, socket2::Socket>,
    /// The VRRP process.
    watched: i32,
    heard: Instant,
    buffer: Vec<u8>,
}

enum Heard {
    Something,
    Nothing,
    Quit,
    Death,
}

impl Companion {
    fn new() -> io::Result<Companion> {
        let netlink =
            socket2::Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(Protocol::from(0)))?;
        netlink.set_nonblocking(true)?;
        Ok(Companion {
            netlink,
            orders: Orders::default(),
            senders: BTreeMap::new(),
            watched: getppid().as_raw(),
            heard: Instant::now(),
            buffer: vec![0; PIPE_BYTES],
        })
    }

    fn run(&mut self) {
        loop {
            let asked = self.timeout();
            let before = Instant::now();
            self.wait(asked);
            match self.hear() {
                Heard::Something => self.heard = Instant::now(),
                Heard::Quit => return,
                Heard::Death => {
                    if self.orders.on_death {
                        self.act("the VRRP process died");
                    }
                    return;
                }
                Heard::Nothing => self.silence(before, asked),
            }
        }
    }

    /// How long silence may still last.
    fn timeout(&self) -> Option<Duration> {
        if !self.orders.on_silence || self.orders.deletions.is_empty() {
            return None;
        }
        Some(self.orders.silence.saturating_sub(self.heard.elapsed()))
    }

    fn wait(&self, timeout: Option<Duration>) {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        let ms = timeout.map_or(-1, |t| t.as_micros().div_ceil(1_000).min(60_000) as i32);
        // An interrupted wait ends early, which does no harm.
        let _ = poll(&mut fds, PollTimeout::try_from(ms).unwrap_or(PollTimeout::NONE));
    }

    fn hear(&mut self) -> Heard {
        match recv(io::stdin().as_raw_fd(), &mut self.buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => Heard::Death,
            Ok(length) => match self.buffer.get(..length).unwrap_or_default() {
                BEAT => Heard::Something,
                QUIT => Heard::Quit,
                text => {
                    match std::str::from_utf8(text).ok().and_then(Orders::read) {
                        Some(orders) => self.take(orders),
                        None => complain("orders that cannot be read"),
                    }
                    Heard::Something
                }
            },
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => Heard::Nothing,
            Err(_) => Heard::Death,
        }
    }

    /// Opens what the orders need, and closes what they do not.
    fn take(&mut self, orders: Orders) {
        self.senders.retain(|socket, _| orders.adverts.iter().any(|(_, s, _)| s == socket));
        for (interface, socket, _) in &orders.adverts {
            if self.senders.contains_key(socket) {
                continue;
            }
            match socket::sender(*socket, interface) {
                Ok(sender) => drop(self.senders.insert(*socket, sender)),
                Err(e) => complain(&format!("cannot prepare an advert on {interface}: {e}")),
            }
        }
        self.orders = orders;
    }

    fn silence(&mut self, before: Instant, asked: Option<Duration>) {
        let limit = self.orders.silence;
        if asked.is_none() || self.heard.elapsed() < limit {
            return;
        }
        if self.stopped() {
            self.act("the VRRP process is stopped");
        } else if before.elapsed() > asked.unwrap_or_default() + limit / 4 {
            // We were late ourselves: the machine was held up, and the silent one gets a new chance.
            self.heard = Instant::now();
        } else if self.heard.elapsed() >= (limit * 2).max(PATIENCE_MIN) {
            self.act("the VRRP process hangs");
        } else {
            std::thread::sleep((limit / 8).clamp(Duration::from_millis(1), Duration::from_millis(100)));
        }
    }

    /// Whether a signal or a debugger stopped it (proc(5), stat).
    fn stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.watched)).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['T', 't']))
    }

    /// Resigns and takes the addresses off, once, in the order of RFC 9568 section 6.4.3 (Shutdown); new orders come when the process speaks again.
    fn act(&mut self, why: &str) {
        let orders = std::mem::take(&mut self.orders);
        // Each request and each advert stands for itself: that one fails must not keep the others back.
        for (_, socket, parcel) in &orders.adverts {
            if let Some(sender) = self.senders.get(socket) {
                let _ = socket::send_through(sender, socket.link, parcel);
            }
        }
        if !orders.adverts.is_empty() {
            std::thread::sleep(LINGER);
        }
        for message in &orders.deletions {
            let _ = self.netlink.send(message);
        }
        let count = orders.deletions.len();
        complain(&format!(
            "{why}: {count} addresses taken off, {} adverts of priority 0 sent",
            orders.adverts.len()
        ));
    }
}

/// To syslog, and to the console where there is one.
fn complain(text: &str) {
    let line = format!("<27>{NAME}[{}]: {text}", std::process::id());
    if let Ok(socket) = std::os::unix::net::UnixDatagram::unbound() {
        let _ = socket.set_nonblocking(true);
        let _ = socket.send_to(line.as_bytes(), "/dev/log");
    }
    let _ = io::Write::write_all(&mut io::stderr(), format!("{NAME}: {text}\n").as_bytes());
}
