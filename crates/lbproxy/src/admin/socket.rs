//! The stats sockets: accepting, reading lines, running their commands, writing the answers.
//!
//! Owns one task per socket and one per conversation. Limits: `stats maxconn` conversations over all sockets,
//! `stats timeout` (10 s) of silence, a line of `session::LINE_MAX`. The data plane never waits for anything here.

use std::{cell::Cell, collections::HashMap, io, os::fd::OwnedFd, rc::Rc, sync::Arc, time::Duration};

use common::health::Lines;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixListener},
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::{
    AdminListener,
    command::{self, Reply},
    session::{Input, Mode, Session},
};
use crate::{
    compile::plan::Level,
    shell::health,
    shell::runtime::{SessionInfo, Shared, WorkerCommand},
};

/// `stats timeout` and `stats maxconn` when they are not set (manual 3.1).
const TIMEOUT_MS: u32 = 10_000;
const MAXCONN: u32 = 10;
/// How long workers may take to describe their streams.
const STREAMS_WITHIN: Duration = Duration::from_secs(2);
/// Pause after a failed accept, when descriptors or memory are short.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// The sockets that are served.
pub(super) struct Sockets {
    shared: Arc<Shared>,
    places: Rc<Places>,
    serving: HashMap<u64, JoinHandle<()>>,
}

/// How many conversations there are.
#[derive(Default)]
struct Places {
    taken: Cell<u32>,
    freed: Notify,
}

struct Place(Rc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.set(self.0.taken.get().saturating_sub(1));
        self.0.freed.notify_one();
    }
}

impl Sockets {
    pub(super) fn new(shared: Arc<Shared>) -> Sockets {
        Sockets { shared, places: Rc::default(), serving: HashMap::new() }
    }

    /// Conversations that have begun on a socket that is closed here go on.
    pub(super) fn listen(&mut self, new: Vec<AdminListener>, keep: &[u64]) {
        self.serving.retain(|key, task| {
            let kept = keep.contains(key);
            if !kept {
                task.abort();
            }
            kept
        });
        for l in new {
            match Listener::new(l.fd) {
                Ok(listener) => {
                    let accept = accept(listener, l.level, self.shared.clone(), self.places.clone());
                    if let Some(old) = self.serving.insert(l.key, tokio::task::spawn_local(accept)) {
                        old.abort();
                    }
                }
                Err(e) => tracing::error!("the stats socket {} cannot be used: {e}", l.text),
            }
        }
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

trait Both: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Both for T {}

impl Listener {
    fn new(fd: OwnedFd) -> io::Result<Listener> {
        let sock = socket2::Socket::from(fd);
        sock.set_nonblocking(true)?;
        Ok(match sock.local_addr()?.as_socket() {
            Some(_) => Listener::Tcp(TcpListener::from_std(sock.into())?),
            None => Listener::Unix(UnixListener::from_std(OwnedFd::from(sock).into())?),
        })
    }

    async fn accept(&self) -> io::Result<Box<dyn Both>> {
        Ok(match self {
            Listener::Tcp(l) => Box::new(l.accept().await?.0),
            Listener::Unix(l) => Box::new(l.accept().await?.0),
        })
    }
}

async fn accept(listener: Listener, level: Level, shared: Arc<Shared>, places: Rc<Places>) {
    loop {
        let most = match shared.runtime.load().plan.global.stats_maxconn {
            0 => MAXCONN,
            n => n,
        };
        if places.taken.get() >= most {
            places.freed.notified().await;
            continue;
        }
        match listener.accept().await {
            Ok(io) => {
                places.taken.set(places.taken.get() + 1);
                let place = Place(places.clone());
                let shared = shared.clone();
                tokio::task::spawn_local(async move {
                    let _place = place;
                    // The client's going away is how conversations end.
                    let _ = converse(io, level, &shared).await;
                });
            }
            Err(e) => {
                tracing::warn!("cannot accept on a stats socket: {e}; trying again");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

async fn converse(mut io: Box<dyn Both>, level: Level, shared: &Shared) -> io::Result<()> {
    const CHUNK: usize = 4_096;
    let mut session = Session::new(level);
    let mut chunk = vec![0u8; CHUNK];
    loop {
        match session.next_line() {
            line @ (Input::Line(_) | Input::WithPayload(..)) => {
                let (commands, payload) = match line {
                    Input::WithPayload(commands, payload) => (commands, Some(payload)),
                    Input::Line(commands) => (commands, None),
                    Input::More | Input::TooLong => (Vec::new(), None),
                };
                answer(&mut io, &mut session, (&commands, payload.as_deref()), shared).await?;
                if session.over {
                    return io.shutdown().await;
                }
            }
            Input::TooLong => {
                io.write_all(super::session::TOO_LONG.as_bytes()).await?;
                return io.shutdown().await;
            }
            Input::More => {
                let patience = patience(&session, shared);
                let n = timeout(patience, io.read(&mut chunk)).await.map_err(io::Error::from)??;
                if n == 0 {
                    return Ok(());
                }
                session.feed(chunk.get(..n).unwrap_or(&[]));
            }
        }
    }
}

fn patience(session: &Session, shared: &Shared) -> Duration {
    let configured = match shared.runtime.load().plan.global.stats_timeout_ms {
        0 => TIMEOUT_MS,
        ms => ms,
    };
    Duration::from_millis(session.timeout_ms.unwrap_or(configured).into())
}

/// Runs the commands of a line one after the other; each answer ends with an empty line.
async fn answer(
    io: &mut Box<dyn Both>,
    session: &mut Session,
    (commands, payload): (&[String], Option<&str>),
    shared: &Shared,
) -> io::Result<()> {
    for (i, c) in commands.iter().enumerate() {
        // It belongs to the last command of its line.
        let payload = payload.filter(|_| i + 1 == commands.len());
        let text = match command::run(shared, session, c, payload) {
            Reply::Text(t) => t,
            Reply::Watch => {
                session.over = true;
                return health::relay(io, Lines::default(), shared.life.watch()).await;
            }
            Reply::Quit => {
                session.over = true;
                return Ok(());
            }
            Reply::Streams(which) => command::render_streams(&which, streams(shared).await),
            Reply::Wait(d) => {
                tokio::time::sleep(d).await;
                String::new()
            }
        };
        let patience = patience(session, shared);
        timeout(patience, io.write_all(session.answer(&text).as_bytes()))
            .await
            .map_err(io::Error::from)??;
    }
    session.over |= session.mode == Mode::Once;
    if !session.over {
        io.write_all(session.prompt(shared.started.elapsed().as_secs()).as_bytes()).await?;
    }
    io.flush().await
}

/// What all workers serve now. One that does not answer in time is left out.
async fn streams(shared: &Shared) -> Vec<SessionInfo> {
    let asked: Vec<_> = shared
        .workers
        .iter()
        .filter_map(|w| {
            let (reply, answer) = oneshot::channel();
            w.send(WorkerCommand::Sessions { reply }).ok().map(|()| answer)
        })
        .collect();
    let mut all = Vec::new();
    for a in asked {
        if let Ok(Ok(some)) = timeout(STREAMS_WITHIN, a).await {
            all.extend(some);
        }
    }
    all
}
