//! Connections to the proxies of this host, and looks at their processes.
//!
//! Owns: one task per socket that may be there. Invariants: a proxy that was only found is ours only if it listens in
//! our network namespace (abstract sockets end there), is a process that we can see, and was root or us when it
//! began to listen; its death is told by a pidfd, so never mistaken for another's. Leaves to others: what the
//! messages come to (`engine::track::proxy`).

use std::{
    fs,
    io::{self, Read},
    os::{
        fd::OwnedFd,
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixStream as StdStream},
    },
    time::Duration,
};

use common::health::{Lines, Message, Request, SLOTS, slot_name};
use nix::{
    sys::socket::{getsockopt, sockopt},
    unistd::geteuid,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, unix::AsyncFd},
    net::UnixStream,
    sync::mpsc,
    task::JoinHandle,
};

use crate::{
    engine::{
        plan::ProxyPlan,
        track::proxy::{Event, Inspection},
    },
    sys,
};

/// Events that wait for the engine.
const WAITING_MAX: usize = 1_024;
/// Pauses between attempts to connect to a socket; further slots are seldom taken.
const RETRY: Duration = Duration::from_millis(200);
const RETRY_FAR: Duration = Duration::from_secs(1);
/// Pings that may wait for a connection.
const PINGS_MAX: usize = 4;
/// Threads of a proxy that are looked at.
const THREADS_MAX: usize = 512;
/// Bytes of a `/proc` file that matter here.
const STAT_MAX: u64 = 4_096;

/// Something about the proxy of this name.
pub type Heard = (String, Event);

/// All connections.
#[derive(Debug)]
pub struct Proxies {
    watched: Vec<Watched>,
    heard: mpsc::Sender<Heard>,
    /// Whether `/proc` speaks of the processes that we see.
    proc_is_ours: bool,
}

#[derive(Debug)]
struct Watched {
    plan: ProxyPlan,
    slots: Vec<(mpsc::Sender<u64>, JoinHandle<()>)>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.slots.iter().for_each(|(_, task)| task.abort());
    }
}

impl Proxies {
    pub fn new() -> (Proxies, mpsc::Receiver<Heard>) {
        let (heard, receiver) = mpsc::channel(WAITING_MAX);
        let me = std::process::id().to_string();
        let proc_is_ours = fs::read_link("/proc/self").is_ok_and(|p| p.as_os_str() == me.as_str());
        (Proxies { watched: Vec::new(), heard, proc_is_ours }, receiver)
    }

    /// Watches these from now on. Connections to proxies that stay, stay. Needs a runtime.
    pub fn set(&mut self, plans: &[ProxyPlan]) {
        let mut old = std::mem::take(&mut self.watched);
        for plan in plans {
            let kept = old
                .iter()
                .position(|w| w.plan.name == plan.name && w.plan.socket == plan.socket)
                .map(|at| old.swap_remove(at));
            let slots = if plan.socket.is_some() { 1 } else { SLOTS };
            self.watched.push(kept.unwrap_or_else(|| Watched {
                plan: plan.clone(),
                slots: (0..slots).map(|slot| follow(plan, slot, self.heard.clone())).collect(),
            }));
        }
    }

    pub fn ping(&self, name: &str, slot: u8, number: u64) {
        if let Some(w) = self.watched.iter().find(|w| w.plan.name == name)
            && let Some((pings, _)) = w.slots.get(usize::from(slot))
        {
            // A full queue holds pings that are as good.
            let _ = pings.try_send(number);
        }
    }

    /// What `/proc` says of a process.
    pub fn inspect(&self, pid: Option<u32>) -> Inspection {
        let Some(pid) = pid.filter(|_| self.proc_is_ours) else { return Inspection::Unknown };
        match read_start(&format!("/proc/{pid}/stat")).as_deref().map(state_of) {
            Ok(Some('Z' | 'X')) => Inspection::Gone,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Inspection::Gone,
            Ok(Some('T')) => Inspection::Stopped,
            Ok(Some(_)) => Inspection::Running(waits(pid)),
            Ok(None) | Err(_) => Inspection::Unknown,
        }
    }
}

/// The state letter of proc(5), behind the command's closing parenthesis.
fn state_of(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Nanoseconds that each thread has waited for a processor (second number of schedstat).
fn waits(pid: u32) -> Vec<(u32, u64)> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    threads
        .flatten()
        .take(THREADS_MAX)
        .filter_map(|t| {
            let thread: u32 = t.file_name().to_str()?.parse().ok()?;
            let text = read_start(&format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
            Some((thread, text.split_ascii_whitespace().nth(1)?.parse().ok()?))
        })
        .collect()
}

fn read_start(path: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(STAT_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Begins to look for a proxy at a socket.
fn follow(plan: &ProxyPlan, slot: u8, heard: mpsc::Sender<Heard>) -> (mpsc::Sender<u64>, JoinHandle<()>) {
    let (pings, waiting) = mpsc::channel(PINGS_MAX);
    let seeker = Seeker { name: plan.name.clone(), socket: plan.socket.clone(), slot, heard };
    (pings, tokio::spawn(seeker.seek(waiting)))
}

struct Seeker {
    name: String,
    /// `None`: the socket of the slot.
    socket: Option<String>,
    slot: u8,
    heard: mpsc::Sender<Heard>,
}

/// A process that answers.
struct Found {
    stream: UnixStream,
    pid: Option<u32>,
    /// Readable when the process has ended.
    end: Option<AsyncFd<OwnedFd>>,
}

impl Seeker {
    /// Ends when the engine does.
    async fn seek(self, mut pings: mpsc::Receiver<u64>) {
        let retry = if self.slot < 2 { RETRY } else { RETRY_FAR };
        loop {
            let told = match self.connect() {
                Ok(found) => self.listen(found, &mut pings).await,
                Err(_) if self.socket.is_some() => self.tell(Event::Absent).await,
                Err(_) => Ok(()),
            };
            if told.is_err() {
                return;
            }
            tokio::time::sleep(retry).await;
        }
    }

    fn connect(&self) -> io::Result<Found> {
        let address = match self.socket.as_deref() {
            None => SocketAddr::from_abstract_name(slot_name(self.slot)),
            Some(path) => match path.strip_prefix('@') {
                Some(name) => SocketAddr::from_abstract_name(name),
                None => SocketAddr::from_pathname(path),
            },
        }?;
        let stream = StdStream::connect_addr(&address)?;
        stream.set_nonblocking(true)?;
        let peer = getsockopt(&stream, sockopt::PeerCredentials)?;
        let pid = u32::try_from(peer.pid()).ok().filter(|pid| *pid != 0);
        let stranger = pid.is_none() || (peer.uid() != 0 && peer.uid() != geteuid().as_raw());
        if self.socket.is_none() && stranger {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        // Before Linux 6.5 by number: the connection shows that it is not another's yet.
        let end = pid.and_then(|pid| {
            getsockopt(&stream, sockopt::PeerPidfd).map_err(io::Error::from).or_else(|_| sys::pidfd(pid)).ok()
        });
        let end = end.map(sys::watch).transpose()?;
        Ok(Found { stream: UnixStream::from_std(stream)?, pid, end })
    }

    async fn tell(&self, event: Event) -> Result<(), Closed> {
        self.heard.send((self.name.clone(), event)).await.map_err(|_| Closed)
    }

    /// Hands on what the proxy says, until it ends.
    async fn listen(&self, mut found: Found, pings: &mut mpsc::Receiver<u64>) -> Result<(), Closed> {
        let slot = self.slot;
        self.tell(Event::Met { slot, pid: found.pid }).await?;
        let (mut read, mut write) = found.stream.split();
        let mut lines = Lines::default();
        let mut chunk = [0; 4_096];
        let mut lost = write.write_all(format!("{}\n", Request::Watch).as_bytes()).await.is_err();
        while !lost {
            tokio::select! {
                biased;
                n = read.read(&mut chunk) => match n {
                    Ok(n) if n > 0 => lines.feed(chunk.get(..n).unwrap_or_default()),
                    _ => lost = true,
                },
                () = ended(found.end.as_ref()) => return self.tell(Event::Died { slot }).await,
                Some(number) = pings.recv() => {
                    lost = write.write_all(format!("{}\n", Request::Ping(number)).as_bytes()).await.is_err();
                }
            }
            loop {
                match lines.next_line() {
                    Ok(Some(line)) => {
                        if let Some(message) = Message::parse(&line) {
                            self.tell(Event::Told { slot, message }).await?;
                        }
                    }
                    Ok(None) => break,
                    Err(_) => {
                        lost = true;
                        break;
                    }
                }
            }
        }
        self.tell(Event::Lost { slot }).await?;
        // The files of a process are closed a moment before it is dead.
        let _ = tokio::time::timeout(RETRY, ended(found.end.as_ref())).await.map(|()| true);
        match found.end {
            Some(end) if is_over(&end) => self.tell(Event::Died { slot }).await,
            _ => Ok(()),
        }
    }
}

/// The engine is gone.
struct Closed;

async fn ended(end: Option<&AsyncFd<OwnedFd>>) {
    match end {
        Some(end) if end.readable().await.is_ok() => {}
        _ => std::future::pending().await,
    }
}

fn is_over(end: &AsyncFd<OwnedFd>) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd as _;
    let mut fds = [PollFd::new(end.get_ref().as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|n| n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_stands_behind_the_last_parenthesis() {
        assert_eq!(state_of("12 (a) b) T 1 2"), Some('T'));
        assert_eq!(state_of("12 (a"), None);
    }

    #[test]
    fn processes_are_looked_at() {
        let (proxies, _heard) = Proxies::new();
        let found = proxies.inspect(Some(std::process::id()));
        assert!(matches!(&found, Inspection::Running(waits) if !waits.is_empty()), "{found:?}");
        assert_eq!(proxies.inspect(None), Inspection::Unknown);
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Some(child.id());
        let stop = |signal| nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id() as i32), signal);
        stop(nix::sys::signal::Signal::SIGSTOP).unwrap();
        while proxies.inspect(pid) != Inspection::Stopped {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(proxies.inspect(pid), Inspection::Gone);
    }
}
