//! A connection, whatever it runs over: TCP or Unix socket, plain or TLS, towards a client or a server.
//!
//! Owns: the few operations that the data path needs, dispatched by one match. Invariant: a write that returned
//! has been flushed towards the kernel or will be by [`Io::poll_flush`], which costs nothing for plain sockets.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

use super::{buffer::Buf, tls::TlsStream};

/// One connection.
#[derive(Debug)]
pub enum Io {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(TlsStream<TcpStream>),
    TlsUnix(TlsStream<UnixStream>),
}

/// Runs one expression for whichever transport it is.
macro_rules! each {
    ($io:expr, $s:ident => $e:expr) => {
        match $io {
            Io::Tcp($s) => $e,
            Io::Unix($s) => $e,
            Io::Tls($s) => $e,
            Io::TlsUnix($s) => $e,
        }
    };
}

impl Io {
    /// Reads into the room of `buf`; 0 is the end, or a buffer without room.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut Buf) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(buf.room());
        ready!(each!(self, s => Pin::new(s).poll_read(cx, &mut room)))?;
        let n = room.filled().len();
        buf.filled(n);
        Poll::Ready(Ok(n))
    }

    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(each!(self, s => Pin::new(s).poll_write(cx, bytes))) {
            Ok(0) if !bytes.is_empty() => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            other => Poll::Ready(other),
        }
    }

    /// Brings out what TLS still holds.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Tcp(_) | Io::Unix(_) => Poll::Ready(Ok(())),
            Io::Tls(s) => Pin::new(s).poll_flush(cx),
            Io::TlsUnix(s) => Pin::new(s).poll_flush(cx),
        }
    }

    /// Ends our direction; the other one stays open.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, s => Pin::new(s).poll_shutdown(cx))
    }

    /// Whether an idle connection is still usable: nothing has arrived, not even its end. Costs no system call
    /// while nothing has happened.
    pub fn is_quiet(&self) -> bool {
        let mut byte = [0u8; 1];
        let got = match self {
            Io::Tcp(s) => s.try_read(&mut byte),
            Io::Unix(s) => s.try_read(&mut byte),
            // What arrives below TLS may be a session ticket; reading it here would lose it, so any readiness
            // makes the connection unfit. Such connections are rare: tickets come with the first answer.
            Io::Tls(s) => return !readable(s.transport()),
            Io::TlsUnix(s) => return !readable_unix(s.transport()),
        };
        matches!(got, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }

    /// Reads one byte more, for headers behind which nothing may be taken.
    pub async fn read_one(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        let mut byte = [0u8; 1];
        let n = std::future::poll_fn(|cx| {
            let mut room = ReadBuf::new(&mut byte);
            ready!(each!(self, s => Pin::new(s).poll_read(cx, &mut room)))?;
            Poll::Ready(io::Result::Ok(room.filled().len()))
        })
        .await?;
        into.extend_from_slice(byte.get(..n).unwrap_or(&[]));
        if n == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    pub fn is_tls(&self) -> bool {
        matches!(self, Io::Tls(_) | Io::TlsUnix(_))
    }

    /// Makes the close abort the connection instead of ending it (`option nolinger`).
    pub fn set_abort_on_close(&self) {
        let tcp = match self {
            Io::Tcp(s) => s,
            Io::Tls(s) => s.transport(),
            Io::Unix(_) | Io::TlsUnix(_) => return,
        };
        // Only an optimisation of how the peer learns of the end: a failure changes nothing.
        let _ = socket2::SockRef::from(tcp).set_linger(Some(std::time::Duration::ZERO));
    }
}

/// Whether the kernel has something for this socket, without taking it.
fn readable(s: &TcpStream) -> bool {
    let mut byte = [std::mem::MaybeUninit::uninit(); 1];
    let peeked = s.try_io(tokio::io::Interest::READABLE, || socket2::SockRef::from(s).peek(&mut byte));
    !matches!(peeked, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
}

fn readable_unix(s: &UnixStream) -> bool {
    let mut byte = [std::mem::MaybeUninit::uninit(); 1];
    let peeked = s.try_io(tokio::io::Interest::READABLE, || socket2::SockRef::from(s).peek(&mut byte));
    !matches!(peeked, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
}
