//! The root companion: a small process that keeps the rights which the data process gives up.
//!
//! It is this same program, executed anew before any thread starts, so that it shares no memory with the process
//! that talks to the network, and named `lbp-companion`, so that `pkill -0 haproxy` and `pidof haproxy` see the
//! data process alone. It ends when the data process does, however that ends: the socket between them closes.
//!
//! **What it grants.** It loads the configuration itself, from the files that stood on the command line, and notes
//! every file, directory, socket, name, user and group that loading asks for. Exactly these requests it satisfies,
//! and files directly inside a directory that the configuration names. On `Renew` it does so again. A data process
//! in foreign hands can therefore obtain what the administrator's configuration names, and nothing else.

use std::{
    collections::HashSet,
    fs, io,
    io::{IoSlice, IoSliceMut, Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::{
            net::UnixStream,
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use nix::sys::{
    prctl,
    signal::Signal,
    socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    access::{Access, Answer, Direct, Failure, Reply, Request},
    load::{self, Origin},
};
use crate::{compile::plan::LogSink, sys};

/// The name under which it runs; also how `main` knows that it is to be one.
pub const NAME: &str = "lbp-companion";

/// Largest message, bytes: a listing of the largest directory fits.
const MESSAGE_BYTES_MAX: usize = 32 << 20;
/// A name server may take its time; beyond this the companion is taken to be stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// The data process's end.
#[derive(Debug)]
pub struct Companion {
    socket: UnixStream,
    pub pid: u32,
}

impl Companion {
    /// Starts the companion. Must be called before any thread starts and before rights are given up; what is
    /// allowed is settled when this returns.
    ///
    /// # Errors
    /// The program cannot be executed again, or does not answer.
    pub fn spawn(origin: &Origin) -> io::Result<Companion> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let mut child = Command::new("/proc/self/exe")
            .arg0(NAME)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()?;
        let mut companion = Companion { socket: ours, pid: child.id() };
        let settled = send(&companion.socket, origin, None).and_then(|()| {
            let (done, _): (Result<Answer, Failure>, _) = receive(&companion.socket)?;
            done.map_err(io::Error::from)
        });
        if let Err(e) = settled {
            let _ = child.kill();
            let ended = child.wait().map(|s| s.signal().is_some()).unwrap_or(false);
            companion.pid = 0;
            return Err(io::Error::other(format!("it does not answer: {e} (ended by a signal: {ended})")));
        }
        Ok(companion)
    }
}

impl Access for Companion {
    fn ask(&mut self, request: &Request) -> Reply {
        send(&self.socket, request, None)?;
        let (answer, fd): (Result<Answer, Failure>, _) = receive(&self.socket)?;
        Ok((answer?, fd))
    }
}

/// The companion's life: `main` of the program when it runs as [`NAME`].
pub fn serve() -> ExitCode {
    match prepare().and_then(|socket| answer_all(&socket)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Takes the socket from standard input and sheds what is not needed.
fn prepare() -> io::Result<UnixStream> {
    prctl::set_name(c"lbp-companion")?;
    prctl::set_no_new_privs()?;
    // Where the data process keeps its user, this ends the companion at once; where it does not, the kernel may
    // not deliver the signal, and the end of the socket does the same.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // Signals to the group (a terminal's ^C, a service manager's stop) are for the data process: it decides when
    // both leave.
    for s in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2] {
        sys::ignore_signal(s)?;
    }
    Ok(UnixStream::from(sys::duplicate_inherited(0)?))
}

fn answer_all(socket: &UnixStream) -> io::Result<()> {
    let (origin, _): (Origin, _) = receive(socket)?;
    let mut granted = Granted::default();
    granted.renew(&origin);
    send(socket, &Ok::<_, Failure>(Answer::Done), None)?;
    loop {
        let request: Request = match receive(socket) {
            Ok((r, _)) => r,
            // The data process is gone.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(e) => return Err(e),
        };
        let (answer, fd) = match granted.ask(&request, &origin) {
            Ok((a, fd)) => (Ok(a), fd),
            Err(f) => (Err(f), None),
        };
        send(socket, &answer, fd)?;
    }
}

/// What may be asked for.
#[derive(Debug, Default)]
struct Granted(HashSet<Request>);

impl Granted {
    /// Loads the configuration, noting every request. A configuration with errors adds what it asked for and takes
    /// nothing away: the data process goes on with the old one and reports the new one's errors.
    fn renew(&mut self, origin: &Origin) {
        let mut recorder = Recorder { direct: origin.direct(), asked: HashSet::new() };
        let loaded = load::load(origin, &mut recorder, None, None);
        let mut asked = recorder.asked;
        match &loaded.plan {
            Some(plan) => {
                asked.extend(load::sockets(plan).into_iter().map(|s| Request::Bind(s.spec)));
                asked.extend(plan.log_sinks.iter().filter_map(|s| match s {
                    LogSink::Unix(path) => Some(Request::Datagram(path.clone())),
                    _ => None,
                }));
                self.0 = asked;
            }
            None => self.0.extend(asked),
        }
    }

    fn allows(&self, request: &Request) -> bool {
        let inside =
            |path: &Path| path.parent().is_some_and(|d| self.0.contains(&Request::List(d.to_owned())));
        self.0.contains(request) || matches!(request, Request::Open(path) if inside(path))
    }

    fn ask(&mut self, request: &Request, origin: &Origin) -> Reply {
        if *request == Request::Renew {
            self.renew(origin);
            return Ok((Answer::Done, None));
        }
        if !self.allows(request) {
            let text = "the configuration does not name it".to_owned();
            return Err(Failure { step: None, errno: Some(libc::EPERM), text });
        }
        origin.direct().ask(request)
    }
}

/// Satisfies requests and notes them.
struct Recorder {
    direct: Direct,
    asked: HashSet<Request>,
}

impl Access for Recorder {
    fn ask(&mut self, request: &Request) -> Reply {
        self.asked.insert(request.clone());
        // Devices and pipes would block or be drained by being looked at.
        if let Request::Open(path) = request
            && !fs::metadata(path)?.is_file()
        {
            return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
        }
        self.direct.ask(request)
    }
}

/// Sends one message: its length, its JSON, and a descriptor with the first byte.
fn send<T: Serialize>(socket: &UnixStream, message: &T, fd: Option<OwnedFd>) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let head = u32::try_from(body.len()).map_err(io::Error::other)?.to_be_bytes();
    let fds = fd.iter().map(|f| f.as_raw_fd()).collect::<Vec<_>>();
    let control = if fds.is_empty() { Vec::new() } else { vec![ControlMessage::ScmRights(&fds)] };
    let sent =
        sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(&head)], &control, MsgFlags::MSG_NOSIGNAL, None)?;
    let mut socket = socket;
    socket.write_all(&head[sent..])?;
    socket.write_all(&body)
}

/// Receives one message and the descriptor that came with it.
fn receive<T: DeserializeOwned>(socket: &UnixStream) -> io::Result<(T, Option<OwnedFd>)> {
    let mut head = [0; 4];
    let mut control = nix::cmsg_space!([std::os::fd::RawFd; 1]);
    let (got, fd) = {
        let mut parts = [IoSliceMut::new(&mut head)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
        let mut fd = None;
        for c in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(list) = c {
                fd = list.into_iter().map(sys::adopt_received).next();
            }
        }
        (message.bytes, fd)
    };
    if got == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut socket = socket;
    socket.read_exact(&mut head[got..])?;
    let len = u32::from_be_bytes(head) as usize;
    if len > MESSAGE_BYTES_MAX {
        return Err(io::Error::other("a message that is too long"));
    }
    let mut body = vec![0; len];
    socket.read_exact(&mut body)?;
    Ok((serde_json::from_slice(&body)?, fd))
}

#[cfg(test)]
mod tests;
