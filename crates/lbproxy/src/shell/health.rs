//! The health contract, the proxy's side: a thread that tells vrrpd whether this process can do its work.
//!
//! Owns: the socket of the contract, the watchers, the beats of the workers, and what was last told of every
//! frontend and backend. Invariants: nothing here is on the way of a request — a worker answers a beat between two
//! of its tasks by one store, and only while somebody watches; a watcher that does not read is dropped, never
//! waited for; only root and the user of the process may watch. Leaves to others: the words (`common::health`),
//! what they come to (vrrpd).

mod pulse;
mod told;

use std::{
    io,
    os::{
        fd::OwnedFd,
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener},
    },
    sync::{
        Arc,
        atomic::{
            AtomicU8, AtomicU64,
            Ordering::{Acquire, Release},
        },
    },
    time::{Duration, Instant},
};

use common::health::{BEAT, Lines, Message, Phase, Request, SLOTS, VERSION, slot_name};
use nix::unistd::geteuid;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::UnixStream,
    sync::mpsc::{self, error::TrySendError},
    time::MissedTickBehavior,
};

use super::runtime::{Shared, WorkerCommand};
use pulse::Pulse;
use told::Told;

/// Watchers at a time; there is one vrrpd, and perhaps somebody who looks on.
const WATCHERS_MAX: usize = 16;
/// Texts that a watcher may leave unread.
const UNREAD_MAX: usize = 64;
/// A server that has no result of its first check by then does not hold the process back any longer.
const FIRST_CHECKS_WITHIN: Duration = Duration::from_secs(5);

/// What the process lets its watchers know; shared by all threads.
#[derive(Debug)]
pub struct Life {
    leaving: AtomicU8,
    /// By worker: the number of the last beat that it answered.
    answered: Box<[AtomicU64]>,
    commands: mpsc::UnboundedSender<HealthCommand>,
}

/// What the thread is told.
#[derive(Debug)]
pub enum HealthCommand {
    /// Somebody watches. Several lines may come as one text.
    Watch(mpsc::Sender<String>),
    /// The phase changed.
    Look,
}

const RUNNING: u8 = 0;
const DRAINING: u8 = 1;
const STOPPING: u8 = 2;

impl Life {
    /// Also gives what [`run`] listens to.
    pub fn new(workers: usize) -> (Life, mpsc::UnboundedReceiver<HealthCommand>) {
        let (commands, receiver) = mpsc::unbounded_channel();
        let answered = (0..workers).map(|_| AtomicU64::new(0)).collect();
        (Life { leaving: AtomicU8::new(RUNNING), answered, commands }, receiver)
    }

    pub fn drain(&self) {
        self.leave(DRAINING);
    }

    pub fn stop(&self) {
        self.leave(STOPPING);
    }

    fn leave(&self, how: u8) {
        self.leaving.fetch_max(how, Release);
        // Without the thread nobody watches.
        let _ = self.commands.send(HealthCommand::Look);
    }

    /// A worker's answer to [`WorkerCommand::Beat`].
    pub fn answer(&self, worker: u16, number: u64) {
        if let Some(a) = self.answered.get(usize::from(worker)) {
            a.store(number, Release);
        }
    }

    /// Begins a watch; what is told arrives on the channel, which closes when the watcher falls behind.
    pub fn watch(&self) -> mpsc::Receiver<String> {
        let (sender, receiver) = mpsc::channel(UNREAD_MAX);
        let _ = self.commands.send(HealthCommand::Watch(sender));
        receiver
    }

    /// The process drains or stops.
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Acquire) != RUNNING
    }

    fn phase(&self, ready: bool) -> Phase {
        match self.leaving.load(Acquire) {
            RUNNING if ready => Phase::Ready,
            RUNNING => Phase::Starting,
            DRAINING => Phase::Draining,
            _ => Phase::Stopping,
        }
    }
}

/// Binds the first free slot of this network namespace. To be called while the process is still root: who listens
/// is what a watcher judges by.
///
/// # Errors
/// Every slot is taken, or the kernel refuses.
pub fn bind() -> io::Result<OwnedFd> {
    for slot in 0..SLOTS {
        let address = SocketAddr::from_abstract_name(slot_name(slot))?;
        match UnixListener::bind_addr(&address) {
            Ok(listener) => {
                listener.set_nonblocking(true)?;
                return Ok(listener.into());
            }
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, format!("{SLOTS} proxies live in this network already")))
}

/// What the thread is started with.
#[derive(Debug)]
pub struct HealthArgs {
    pub shared: Arc<Shared>,
    /// Absent if none could be bound; stats sockets serve the contract too.
    pub listener: Option<OwnedFd>,
    pub commands: mpsc::UnboundedReceiver<HealthCommand>,
}

/// Serves the contract for the life of the process.
///
/// # Errors
/// When the kernel gives no event queue for the runtime.
pub fn run(args: HealthArgs) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(publish(args))
}

async fn publish(args: HealthArgs) -> io::Result<()> {
    let listener =
        args.listener.map(|fd| tokio::net::UnixListener::from_std(UnixListener::from(fd))).transpose()?;
    let mut commands = args.commands;
    let mut publisher = Publisher::new(args.shared);
    let mut ticks = tokio::time::interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(HealthCommand::Watch(watcher)) => publisher.begin(watcher),
                Some(HealthCommand::Look) => publisher.tell_phase(),
                None => return Ok(()),
            },
            stream = accept(listener.as_ref()) => match stream {
                Ok(stream) if may_watch(&stream) && publisher.watchers.len() < WATCHERS_MAX => {
                    let shared = publisher.shared.clone();
                    // A watcher's going away is how its watch ends.
                    tokio::spawn(async move { greet(stream, &shared.life).await.unwrap_or_default() });
                }
                Ok(stream) => drop(stream),
                Err(_) => tokio::time::sleep(BEAT).await,
            },
            _ = ticks.tick(), if !publisher.watchers.is_empty() => publisher.beat(),
        }
    }
}

async fn accept(listener: Option<&tokio::net::UnixListener>) -> io::Result<UnixStream> {
    match listener {
        Some(l) => l.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// Counts of servers are nobody's business but root's and ours.
fn may_watch(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|c| c.uid() == 0 || c.uid() == geteuid().as_raw())
}

/// Waits for the request, then serves it.
async fn greet(mut io: UnixStream, life: &Life) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut chunk = [0; 256];
    loop {
        match lines.next_line() {
            Ok(Some(line)) if Request::parse(&line) == Some(Request::Watch) => break,
            Ok(None) => {}
            _ => return Ok(()),
        }
        let n = io.read(&mut chunk).await?;
        if n == 0 {
            return Ok(());
        }
        lines.feed(chunk.get(..n).unwrap_or_default());
    }
    relay(&mut io, lines, life.watch()).await
}

/// Writes what is told and answers pings, until either side goes. `lines` holds what came after the request.
///
/// # Errors
/// Those of the connection.
pub async fn relay<S: AsyncRead + AsyncWrite + Unpin>(
    io: &mut S,
    mut lines: Lines,
    mut told: mpsc::Receiver<String>,
) -> io::Result<()> {
    let (mut read, mut write) = tokio::io::split(io);
    let mut chunk = [0; 256];
    loop {
        while let Ok(Some(line)) = lines.next_line() {
            if let Some(Request::Ping(number)) = Request::parse(&line) {
                write.write_all(format!("{}\n", Message::Pong(number)).as_bytes()).await?;
            }
        }
        tokio::select! {
            text = told.recv() => match text {
                Some(text) => write.write_all(text.as_bytes()).await?,
                None => return Ok(()),
            },
            n = read.read(&mut chunk) => match n? {
                0 => return Ok(()),
                n => lines.feed(chunk.get(..n).unwrap_or_default()),
            },
        }
        // Anything longer is not of this contract.
        if lines.clone().next_line().is_err() {
            return Ok(());
        }
    }
}

/// The thread's state.
struct Publisher {
    shared: Arc<Shared>,
    watchers: Vec<mpsc::Sender<String>>,
    told: Told,
    phase: Phase,
    /// Once ready, always ready: what is missing later shows in the counts.
    ready: bool,
    number: u64,
    pulse: Pulse,
}

impl Publisher {
    fn new(shared: Arc<Shared>) -> Publisher {
        Publisher {
            watchers: Vec::new(),
            told: Told::default(),
            phase: Phase::Starting,
            ready: false,
            number: 0,
            pulse: Pulse::new(shared.workers.len(), Instant::now()),
            shared,
        }
    }

    /// Tells a new watcher everything.
    fn begin(&mut self, watcher: mpsc::Sender<String>) {
        self.ask();
        self.told.update(&self.shared.runtime.load());
        self.tell_phase();
        let hello = Message::Hello {
            version: VERSION,
            pid: std::process::id(),
            workers: u32::try_from(self.pulse.workers()).unwrap_or(u32::MAX),
        };
        let mut all = vec![hello, Message::Phase(self.phase)];
        all.extend(self.told.all());
        all.push(Message::Complete);
        if self.watchers.len() < WATCHERS_MAX && watcher.try_send(text(&all)).is_ok() {
            self.watchers.push(watcher);
        }
    }

    fn beat(&mut self) {
        let late_ms = self.ask();
        self.tell_phase();
        let mut news = self.told.update(&self.shared.runtime.load());
        self.number += 1;
        news.push(Message::Beat { number: self.number, late_ms });
        self.tell(&news);
    }

    /// Asks the workers for a beat. Gives the longest that one owes its answer, ms.
    fn ask(&mut self) -> u32 {
        let shared = &self.shared;
        let answered = shared.life.answered.iter().map(|a| a.load(Acquire));
        // A worker that has ended has been noticed by the main thread.
        let late = self.pulse.ask(answered, Instant::now(), |worker, number| {
            shared.workers.get(worker).is_some_and(|q| q.send(WorkerCommand::Beat(number)).is_ok())
        });
        u32::try_from(late.as_millis()).unwrap_or(u32::MAX)
    }

    fn tell_phase(&mut self) {
        self.ready = self.ready || self.is_ready();
        let phase = self.shared.life.phase(self.ready);
        if phase != self.phase {
            self.phase = phase;
            self.tell(&[Message::Phase(phase)]);
        }
    }

    /// Each worker has taken its listening sockets (it answers in the order in which it is told), and servers are
    /// what their checks say.
    fn is_ready(&self) -> bool {
        let serving = self.shared.life.answered.iter().all(|a| a.load(Acquire) > 0);
        let patient = self.shared.started.elapsed() < FIRST_CHECKS_WITHIN;
        let unknown = || {
            let runtime = self.shared.runtime.load();
            runtime.plan.backends.iter().flat_map(|b| &b.servers).any(|s| s.state.awaits_first_check())
        };
        serving && !(patient && unknown())
    }

    fn tell(&mut self, messages: &[Message]) {
        if messages.is_empty() {
            return;
        }
        let text = text(messages);
        self.watchers.retain(|w| match w.try_send(text.clone()) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => false,
        });
    }
}

fn text(messages: &[Message]) -> String {
    messages.iter().map(|m| format!("{m}\n")).collect()
}

#[cfg(test)]
mod tests;
