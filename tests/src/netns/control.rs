//! The test's end of a keeper's control socket: questions, answers, news of ended programs.
//!
//! Owns: one thread per keeper that reads what it says. Leaves to others: what is asked.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, Shutdown, SockFlag, SockType, setsockopt, shutdown, socketpair, sockopt,
};

use super::wire::{self, Answer, Ask, Question, Word};
use super::{Error, Exit, Result, ids, lock};

/// How long a keeper may take to answer before the lab counts as broken.
const ANSWER_MS_MAX: u64 = 20_000;

/// The test's end of a keeper's control socket.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) name: String,
    /// Its process id on the machine.
    pub(super) pid: i32,
    socket: Arc<OwnedFd>,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    asked: u64,
    answers: HashMap<u64, (Answer, Vec<OwnedFd>)>,
    ended: HashMap<i32, Exit>,
    gone: bool,
}

impl Keeper {
    /// Waits for a keeper's first word.
    pub(super) fn greet(name: &str, socket: OwnedFd) -> Result<Keeper> {
        let pid = loop {
            let first =
                wire::receive::<Word>(socket.as_fd()).map_err(|e| Error(format!("host {name}: {e}")))?;
            match first {
                Some(wire::Received { message: Word::Ready, pid: Some(pid), .. }) => break pid,
                Some(wire::Received { message: Word::Unmapped, pid: Some(pid), .. }) => {
                    wire::send(socket.as_fd(), &wire::Mapped(ids::map(pid)), &[])?;
                }
                Some(wire::Received { message: Word::Broken(why), .. }) => {
                    return Err(Error(format!("host {name}: {why}")));
                }
                _ => return Err(Error(format!("host {name}: its first process ended without a word"))),
            }
        };
        let socket = Arc::new(socket);
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let (s, st) = (Arc::clone(&socket), Arc::clone(&state));
        std::thread::Builder::new().name(format!("lab-{name}")).spawn(move || listen(&s, &st))?;
        Ok(Keeper { name: name.to_string(), pid, socket, state })
    }

    pub(super) fn ask(&self, ask: Ask) -> Result<Answer> {
        self.ask_with(ask, &[]).map(|(answer, _)| answer)
    }

    pub(super) fn ask_with(&self, ask: Ask, fds: &[BorrowedFd<'_>]) -> Result<(Answer, Vec<OwnedFd>)> {
        let id = {
            let mut state = lock(&self.state.0);
            state.asked += 1;
            state.asked
        };
        wire::send(self.socket.as_fd(), &Question { id, ask }, fds)
            .map_err(|e| Error(format!("{}: {e}", self.name)))?;
        let until = Instant::now() + Duration::from_millis(ANSWER_MS_MAX);
        let mut state = lock(&self.state.0);
        loop {
            if let Some((answer, fds)) = state.answers.remove(&id) {
                return match answer {
                    Answer::Failed(why) => Err(Error(format!("{}: {why}", self.name))),
                    answer => Ok((answer, fds)),
                };
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.gone || left.is_zero() {
                return Err(Error(format!("host {} does not answer any more", self.name)));
            }
            state = self.state.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn wait_end(&self, pid: i32, patience: Duration) -> Option<Exit> {
        let until = Instant::now() + patience;
        let mut state = lock(&self.state.0);
        loop {
            if let Some(exit) = state.ended.get(&pid) {
                return Some(*exit);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || state.gone {
                return None;
            }
            state = self.state.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends the conversation; the keeper ends itself and its host at that.
    pub(super) fn hang_up(&self) {
        // Fails only where the keeper has gone already.
        let _ = shutdown(self.socket.as_raw_fd(), Shutdown::Both);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.hang_up();
    }
}

fn listen(socket: &OwnedFd, state: &(Mutex<State>, Condvar)) {
    loop {
        let word = wire::receive::<Word>(socket.as_fd());
        let mut held = lock(&state.0);
        match word {
            Ok(Some(got)) => match got.message {
                Word::Answer { id, answer } => {
                    held.answers.insert(id, (answer, got.descriptors));
                }
                Word::Ended { pid, code, signal } => {
                    let exit = code.map_or(Exit::Signal(signal.unwrap_or(0)), Exit::Code);
                    held.ended.insert(pid, exit);
                }
                Word::Ready | Word::Unmapped | Word::Broken(_) => {}
            },
            Ok(None) | Err(_) => held.gone = true,
        }
        state.1.notify_all();
        if held.gone {
            return;
        }
    }
}

/// A control socket: the test's end, which learns the pids of who speaks, and the keeper's.
pub(super) fn control_pair() -> Result<(OwnedFd, OwnedFd)> {
    let kind = SockType::SeqPacket;
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).map_err(io::Error::from)?;
    setsockopt(&ours, sockopt::PassCred, &true).map_err(io::Error::from)?;
    Ok((ours, theirs))
}
