//! A stream socket, TCP or Unix, that enters the thread's [`Reactor`] only when it has to wait.
//!
//! Owns: the descriptor and what is known of it. Invariants: every call is non-blocking; a read that filled less
//! than its room is followed by waiting, not by another read; a socket that ends while nothing is left to send and
//! that we opened may be closed without lingering in TIME_WAIT. Addresses and options are left to those who accept
//! and connect.

use std::{
    cell::Cell,
    io::{self, IoSlice},
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, Shutdown, SocketAddrAny, SocketFlags},
};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::reactor::{READ, Reactor, WRITE};

/// No registration yet.
const OUTSIDE: u32 = u32::MAX;
/// Not registered, and the last read took everything.
const DRAINED: u8 = 1;
/// Registered for writing, too.
const OUT: u8 = 2;
const UNIX: u8 = 4;
/// Nagle's algorithm is still on: it costs nothing before the second write, and many connections have only one.
const NAGLE: u8 = 8;
/// Something has been sent.
const SENT: u8 = 16;
/// A first write of more than this could be held back at its end by Nagle's algorithm.
const SEGMENT_MIN: usize = 1_200;

/// One end of a connection.
#[derive(Debug)]
pub struct Sock {
    fd: OwnedFd,
    reactor: Rc<Reactor>,
    key: Cell<u32>,
    bits: Cell<u8>,
}

impl Sock {
    /// A connected TCP socket, non-blocking.
    pub fn tcp(reactor: &Rc<Reactor>, fd: OwnedFd) -> Sock {
        Sock::new(reactor, fd, 0)
    }

    /// A connected Unix socket, non-blocking.
    pub fn unix(reactor: &Rc<Reactor>, fd: OwnedFd) -> Sock {
        Sock::new(reactor, fd, UNIX)
    }

    /// A TCP socket on which connect(2) has been called: the first write, or [`Sock::poll_connected`], waits for it.
    pub fn connecting(reactor: &Rc<Reactor>, fd: OwnedFd) -> Sock {
        Sock::new(reactor, fd, DRAINED | NAGLE)
    }

    fn new(reactor: &Rc<Reactor>, fd: OwnedFd, bits: u8) -> Sock {
        Sock { fd, reactor: reactor.clone(), key: Cell::new(OUTSIDE), bits: Cell::new(bits) }
    }

    pub fn is_unix(&self) -> bool {
        self.has(UNIX)
    }

    /// Somebody has waited for it, so that what happens to it is seen.
    pub fn is_watched(&self) -> bool {
        self.key.get() != OUTSIDE
    }

    /// Reads into `room`; 0 is the end, or no room.
    pub fn poll_recv(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.reactor.may_go_on(cx) {
            return Poll::Pending;
        }
        match self.key.get() {
            OUTSIDE if self.has(DRAINED) => return self.wait_read(cx),
            OUTSIDE => {}
            key if !self.reactor.is_ready(key, READ) => {
                self.reactor.wait(key, cx);
                return Poll::Pending;
            }
            _ => {}
        }
        loop {
            return match rustix::net::recv(&self.fd, &mut *room, RecvFlags::empty()) {
                Ok((n, _)) => {
                    self.reactor.spend(n);
                    if n > 0 && n < room.len() {
                        self.drained();
                    }
                    Poll::Ready(Ok(n))
                }
                Err(Errno::AGAIN) => {
                    if self.key.get() != OUTSIDE {
                        self.reactor.clear(self.key.get(), READ);
                    }
                    self.wait_read(cx)
                }
                Err(Errno::INTR) => continue,
                Err(e) => Poll::Ready(Err(e.into())),
            };
        }
    }

    pub fn poll_send(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_out(cx, bytes.len(), |fd| rustix::net::send(fd, bytes, SendFlags::NOSIGNAL))
    }

    /// Waits until connect(2) has come to its end.
    pub fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.key.get() == OUTSIDE || !self.has(OUT) {
            self.want_write()?;
        }
        if !self.reactor.is_ready(self.key.get(), WRITE) {
            self.reactor.wait(self.key.get(), cx);
            return Poll::Pending;
        }
        Poll::Ready(match SockRef::from(&self.fd).take_error()? {
            Some(e) => Err(e),
            None => Ok(()),
        })
    }

    /// The next connection of a listening socket, and who called.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(OwnedFd, Option<SocketAddr>)>> {
        if self.key.get() != OUTSIDE && !self.reactor.is_ready(self.key.get(), READ) {
            self.reactor.wait(self.key.get(), cx);
            return Poll::Pending;
        }
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        match rustix::net::acceptfrom_with(&self.fd, flags) {
            Ok((fd, from)) => Poll::Ready(Ok((fd, from.and_then(internet)))),
            Err(Errno::AGAIN) => {
                if self.key.get() != OUTSIDE {
                    self.reactor.clear(self.key.get(), READ);
                }
                match ready!(self.wait_read(cx)) {
                    Ok(_) => Poll::Pending,
                    Err(e) => Poll::Ready(Err(e)),
                }
            }
            Err(e) => Poll::Ready(Err(e.into())),
        }
    }

    /// Whether nothing has arrived, not even the end. No system call while nothing has happened.
    pub fn is_quiet(&self) -> bool {
        match self.key.get() {
            OUTSIDE => {}
            key if !self.reactor.is_ready(key, READ) => return true,
            _ => {}
        }
        let mut byte = [0u8; 1];
        match rustix::net::recv(&self.fd, &mut byte[..], RecvFlags::PEEK) {
            Err(Errno::AGAIN) => {
                if self.key.get() != OUTSIDE {
                    self.reactor.clear(self.key.get(), READ);
                }
                true
            }
            _ => false,
        }
    }

    /// Nobody is to be woken for it for the time being.
    pub fn forget_waiter(&self) {
        if self.key.get() != OUTSIDE {
            self.reactor.forget(self.key.get());
        }
    }

    /// Ends our direction.
    ///
    /// # Errors
    /// Those of shutdown(2).
    pub fn shutdown_write(&self) -> io::Result<()> {
        Ok(rustix::net::shutdown(&self.fd, Shutdown::Write)?)
    }

    /// Our address, if it has one.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        SockRef::from(&self.fd).local_addr().ok().and_then(|a| a.as_socket())
    }

    /// Makes the close abort the connection instead of ending it: unsent bytes are lost, and nothing waits for late
    /// packets of the other side.
    pub fn set_abort_on_close(&self) {
        if !self.is_unix() {
            // Only how the peer learns of the end: a failure changes nothing.
            let _ = SockRef::from(&self.fd).set_linger(Some(Duration::ZERO));
        }
    }

    fn poll_out(
        &self,
        cx: &mut Context<'_>,
        len: usize,
        send: impl Fn(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if !self.reactor.may_go_on(cx) {
            return Poll::Pending;
        }
        let key = self.key.get();
        if self.has(OUT) && !self.reactor.is_ready(key, WRITE) {
            self.reactor.wait(key, cx);
            return Poll::Pending;
        }
        if self.has(NAGLE) && (self.has(SENT) || len > SEGMENT_MIN) {
            self.without_nagle();
        }
        loop {
            return match send(self.fd.as_fd()) {
                Ok(n) => {
                    self.bits.set(self.bits.get() | SENT);
                    self.reactor.spend(n);
                    if n < len && self.has(OUT) {
                        self.reactor.drained(key, WRITE);
                    }
                    Poll::Ready(Ok(n))
                }
                Err(Errno::AGAIN) => {
                    match self.has(OUT) {
                        true => self.reactor.clear(key, WRITE),
                        false => self.want_write()?,
                    }
                    self.reactor.wait(self.key.get(), cx);
                    Poll::Pending
                }
                Err(Errno::INTR) => continue,
                Err(e) => Poll::Ready(Err(e.into())),
            };
        }
    }

    /// Small writes go out at once from now on.
    pub fn without_nagle(&self) {
        if self.has(NAGLE) {
            self.bits.set(self.bits.get() & !NAGLE);
            // A failure costs time, nothing else.
            let _ = SockRef::from(&self.fd).set_tcp_nodelay(true);
        }
    }

    fn wait_read(&self, cx: &Context<'_>) -> Poll<io::Result<usize>> {
        if self.key.get() == OUTSIDE {
            self.key.set(self.reactor.enter(self.fd.as_fd(), false)?);
        }
        self.reactor.wait(self.key.get(), cx);
        Poll::Pending
    }

    fn want_write(&self) -> io::Result<()> {
        match self.key.get() {
            OUTSIDE => self.key.set(self.reactor.enter(self.fd.as_fd(), true)?),
            key => self.reactor.want_write(self.fd.as_fd(), key)?,
        }
        self.bits.set(self.bits.get() | OUT);
        Ok(())
    }

    /// Everything that was there has been read.
    fn drained(&self) {
        match self.key.get() {
            OUTSIDE => self.bits.set(self.bits.get() | DRAINED),
            key => self.reactor.drained(key, READ),
        }
    }

    fn has(&self, bit: u8) -> bool {
        self.bits.get() & bit != 0
    }
}

impl Drop for Sock {
    fn drop(&mut self) {
        if self.key.get() != OUTSIDE {
            self.reactor.leave(self.key.get());
        }
    }
}

impl AsFd for Sock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn internet(a: SocketAddrAny) -> Option<SocketAddr> {
    a.try_into().ok()
}

impl AsyncRead for Sock {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let n = ready!(self.poll_recv(cx, buf.initialize_unfilled()))?;
        buf.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Sock {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [one] = parts {
            return self.poll_send(cx, one);
        }
        let len = parts.iter().map(|p| p.len()).sum();
        self.poll_out(cx, len, |fd| rustix::io::writev(fd, parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown_write())
    }
}
