//! A connection, whatever it runs over: TCP or Unix socket, plain or TLS, towards a client or a server.
//!
//! Owns: the few operations that the data path needs, dispatched by one match. Invariant: a write that returned
//! has been flushed towards the kernel or will be by [`Io::poll_flush`], which costs nothing for plain sockets.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::{buffer::Buf, sock::Sock, tls::TlsStream};

/// One connection.
#[derive(Debug)]
pub enum Io {
    Plain(Sock),
    Tls(TlsStream<Sock>),
}

impl Io {
    /// Reads into the room of `buf`; 0 is the end, or a buffer without room.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut Buf) -> Poll<io::Result<usize>> {
        let n = match self {
            Io::Plain(s) => ready!(s.poll_recv(cx, buf.room()))?,
            Io::Tls(s) => {
                let mut room = ReadBuf::new(buf.room());
                ready!(Pin::new(s).poll_read(cx, &mut room))?;
                room.filled().len()
            }
        };
        buf.filled(n);
        Poll::Ready(Ok(n))
    }

    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = match self {
            Io::Plain(s) => s.poll_send(cx, bytes),
            Io::Tls(s) => Pin::new(s).poll_write(cx, bytes),
        };
        match ready!(written) {
            Ok(0) if !bytes.is_empty() => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            other => Poll::Ready(other),
        }
    }

    /// Brings out what TLS still holds.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Plain(_) => Poll::Ready(Ok(())),
            Io::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }

    /// Ends our direction; the other one stays open.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Plain(s) => Poll::Ready(s.shutdown_write()),
            Io::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }

    /// Whether an idle connection is still usable: nothing has arrived, not even its end. Costs no system call
    /// while nothing has happened.
    pub fn is_quiet(&self) -> bool {
        // What arrives below TLS may be a session ticket; reading it here would lose it, so anything there makes
        // the connection unfit. Such connections are rare: tickets come with the first answer.
        self.transport().is_quiet()
    }

    /// The connection rests: its task is not to be woken for it.
    pub fn forget_waiter(&self) {
        self.transport().forget_waiter();
    }

    /// Reads one byte more, for headers behind which nothing may be taken.
    pub async fn read_one(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        let mut byte = [0u8; 1];
        let n = std::future::poll_fn(|cx| match self {
            Io::Plain(s) => s.poll_recv(cx, &mut byte),
            Io::Tls(s) => {
                let mut room = ReadBuf::new(&mut byte);
                ready!(Pin::new(s).poll_read(cx, &mut room))?;
                Poll::Ready(Ok(room.filled().len()))
            }
        })
        .await?;
        into.extend_from_slice(byte.get(..n).unwrap_or(&[]));
        if n == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    pub fn is_tls(&self) -> bool {
        matches!(self, Io::Tls(_))
    }

    /// Makes the close abort the connection instead of ending it (`option nolinger`).
    pub fn set_abort_on_close(&self) {
        self.transport().set_abort_on_close();
    }

    /// The socket below.
    pub fn transport(&self) -> &Sock {
        match self {
            Io::Plain(s) => s,
            Io::Tls(s) => s.transport(),
        }
    }
}
