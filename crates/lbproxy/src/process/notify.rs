//! Who waits for us to be ready: the shell that started a daemon, the master, systemd.
//!
//! The socket of systemd and the pipe of the waiting process are opened before chroot and kept; afterwards their
//! paths may be out of reach.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::{
        fd::OwnedFd,
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

/// What happens to the process, as one byte on the pipe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    Ready,
    Reloading,
    Stopping,
}

impl Event {
    const ALL: [(Event, u8); 3] = [(Event::Ready, b'r'), (Event::Reloading, b'l'), (Event::Stopping, b's')];

    fn byte(self) -> u8 {
        Event::ALL.iter().find(|(e, _)| *e == self).map_or(b'?', |(_, b)| *b)
    }
}

/// Tells all who wait.
#[derive(Debug, Default)]
pub struct Notify {
    systemd: Option<UnixDatagram>,
    pipe: Option<File>,
}

impl Notify {
    /// Tells systemd, where it asked for that by `NOTIFY_SOCKET`.
    pub fn systemd() -> Notify {
        let connect = || -> io::Result<UnixDatagram> {
            let name = std::env::var("NOTIFY_SOCKET").map_err(io::Error::other)?;
            let addr = match name.strip_prefix('@') {
                Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name)?,
                None => SocketAddr::from_pathname(name)?,
            };
            let socket = UnixDatagram::unbound()?;
            socket.connect_addr(&addr)?;
            Ok(socket)
        };
        Notify { systemd: connect().ok(), pipe: None }
    }

    /// Tells the process at the other end of the pipe, and nobody else.
    pub fn pipe(end: OwnedFd) -> Notify {
        Notify { systemd: None, pipe: Some(end.into()) }
    }

    /// Tells the process at the other end of the pipe as well.
    pub fn and_pipe(self, end: OwnedFd) -> Notify {
        Notify { pipe: Some(end.into()), ..self }
    }

    /// Nobody may be listening any more: that is no failure of ours.
    pub fn tell(&mut self, event: Event) {
        if let Some(p) = &mut self.pipe {
            let _ = p.write_all(&[event.byte()]);
        }
        if let Some(s) = &self.systemd {
            let text = match event {
                Event::Ready => "READY=1\nSTATUS=Ready.\n".to_owned(),
                Event::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={}\n", monotonic_us()),
                Event::Stopping => "STOPPING=1\n".to_owned(),
            };
            let _ = s.send(text.as_bytes());
        }
    }
}

/// The next event from the other end of the pipe; `None` when that process is gone.
pub fn next(pipe: &mut File) -> Option<Event> {
    let mut byte = [0];
    pipe.read_exact(&mut byte).ok()?;
    Event::ALL.iter().find(|(_, b)| *b == byte[0]).map(|(e, _)| *e)
}

fn monotonic_us() -> u64 {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
        .map_or(0, |t| t.tv_sec() as u64 * 1_000_000 + t.tv_nsec() as u64 / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_arrive_in_order_and_the_end_is_seen() {
        let (read, write) = nix::unistd::pipe().unwrap();
        let mut n = Notify::pipe(write);
        for (e, _) in Event::ALL {
            n.tell(e);
        }
        drop(n);
        let mut read = File::from(read);
        let got: Vec<_> = std::iter::from_fn(|| next(&mut read)).collect();
        assert_eq!(got, [Event::Ready, Event::Reloading, Event::Stopping]);
    }
}
