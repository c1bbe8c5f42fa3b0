//! Sending lines: datagrams by `sendmmsg`, descriptors by `write`; a receiver that is away costs lines, not time.

use std::{
    fs::File,
    io::{self, IoSlice, Write},
    net::{SocketAddr, UdpSocket},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::UnixDatagram,
    },
    sync::Mutex,
};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockType, SockaddrStorage, getsockopt, sendmmsg, sockopt};

use crate::{compile::plan::LogSink, sys};

/// Datagrams per system call.
const BURST: usize = 64;

/// One destination.
#[derive(Debug)]
pub struct Sink {
    to: LogSink,
    /// `None` while it cannot be opened.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
enum Open {
    /// A connected datagram socket.
    Datagram(OwnedFd),
    /// A stream of lines: stdout, stderr, `fd@`.
    Stream(File),
}

impl Sink {
    pub(super) fn open(to: &LogSink, said: &mut Vec<String>) -> Sink {
        let opened = connect(to);
        if let Err(e) = &opened {
            said.push(format!("log destination {}: {e}; it will be tried again", to.name()));
        }
        Sink { to: to.clone(), open: Mutex::new(opened.ok()) }
    }

    pub(super) fn from_result(to: &LogSink, fd: io::Result<OwnedFd>) -> Sink {
        let open = fd.ok().map(|fd| match to {
            LogSink::Fd(_) => inherited(fd),
            _ => Open::Datagram(fd),
        });
        Sink { to: to.clone(), open: Mutex::new(open) }
    }
}

/// An inherited descriptor: each line is a datagram where it is a datagram socket, else lines are written.
fn inherited(fd: OwnedFd) -> Open {
    match getsockopt(&fd, sockopt::SockType) {
        Ok(SockType::Datagram) => Open::Datagram(fd),
        _ => Open::Stream(File::from(fd)),
    }
}

fn connect(to: &LogSink) -> io::Result<Open> {
    match to {
        LogSink::Udp(address) => {
            let any: SocketAddr = match address {
                SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
                SocketAddr::V6(_) => ([0u16; 8], 0).into(),
            };
            let socket = UdpSocket::bind(any)?;
            socket.set_nonblocking(true)?;
            socket.connect(address)?;
            Ok(Open::Datagram(socket.into()))
        }
        LogSink::Unix(path) => {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            socket.connect(path)?;
            Ok(Open::Datagram(socket.into()))
        }
        LogSink::Fd(1) => Ok(inherited(nix::unistd::dup(io::stdout())?)),
        LogSink::Fd(2) => Ok(inherited(nix::unistd::dup(io::stderr())?)),
        LogSink::Fd(n) => Ok(inherited(sys::duplicate_inherited(*n)?)),
        LogSink::Ring(_) => Err(io::Error::other("rings are not built yet")),
    }
}

/// Gathers lines for one sink at a time.
#[derive(Debug, Default)]
pub(super) struct Sender {}

impl Sender {
    /// Sends each line to its sink; gives the number of lines that were lost.
    pub(super) fn send<'a>(&mut self, sinks: &[Sink], lines: impl Iterator<Item = (usize, &'a [u8])>) -> u64 {
        let mut by_sink: Vec<Vec<&[u8]>> = vec![Vec::new(); sinks.len()];
        let mut lost = 0;
        for (sink, line) in lines {
            match by_sink.get_mut(sink) {
                Some(list) => list.push(line),
                None => lost += 1,
            }
        }
        for (sink, list) in sinks.iter().zip(&by_sink).filter(|(_, l)| !l.is_empty()) {
            lost += deliver(sink, list);
        }
        lost
    }
}

fn deliver(sink: &Sink, lines: &[&[u8]]) -> u64 {
    let mut open = sink.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if open.is_none() {
        *open = connect(&sink.to).ok();
    }
    match open.as_mut() {
        None => lines.len() as u64,
        Some(Open::Stream(file)) => {
            let text: Vec<u8> = lines.concat();
            file.write_all(&text).map_or(lines.len() as u64, |()| 0)
        }
        Some(Open::Datagram(fd)) => {
            let (lost, broken) = datagrams(fd, lines);
            if broken && matches!(sink.to, LogSink::Unix(_)) {
                // The receiver was replaced: its new socket has to be connected to.
                *open = None;
            }
            lost
        }
    }
}

/// Lines lost, and whether the socket has lost its peer.
fn datagrams(fd: &OwnedFd, lines: &[&[u8]]) -> (u64, bool) {
    let mut lost = 0;
    let mut broken = false;
    for burst in lines.chunks(BURST) {
        let mut rest = burst;
        while !rest.is_empty() {
            match send_some(fd, rest) {
                Ok(n) => rest = rest.get(n.max(1)..).unwrap_or(&[]),
                Err(nix::errno::Errno::EINTR) => {}
                Err(e) => {
                    // An ICMP error of an earlier datagram is reported once and costs this one a second try.
                    let again = e == nix::errno::Errno::ECONNREFUSED && send_some(fd, rest).is_ok();
                    if !again {
                        lost += 1;
                        broken |= matches!(e, nix::errno::Errno::ECONNREFUSED | nix::errno::Errno::ENOTCONN);
                    }
                    rest = rest.get(1..).unwrap_or(&[]);
                }
            }
        }
    }
    (lost, broken)
}

fn send_some(fd: &OwnedFd, lines: &[&[u8]]) -> nix::Result<usize> {
    let slices: Vec<[IoSlice<'_>; 1]> = lines.iter().map(|l| [IoSlice::new(l)]).collect();
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(slices.len(), None);
    let none = vec![None::<SockaddrStorage>; slices.len()];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let sent = sendmmsg(fd.as_raw_fd(), &mut headers, &slices, none, [], flags)?;
    Ok(sent.count())
}
