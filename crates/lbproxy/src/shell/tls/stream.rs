//! What a finished or failed handshake leaves: a stream, its facts, or a typed reason.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use rustls::{AlertDescription, CertificateError, HandshakeKind, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::cipher;
use crate::engine::conn::TlsInfo;

/// A TLS connection, whichever side began it. Boxed, so that plain connections do not pay for its size.
pub struct TlsStream<IO>(Box<tokio_rustls::TlsStream<IO>>);

impl<IO> fmt::Debug for TlsStream<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsStream")
    }
}

impl<IO> TlsStream<IO> {
    pub(super) fn finished(stream: tokio_rustls::TlsStream<IO>) -> (TlsStream<IO>, TlsInfo) {
        let info = info(&stream);
        (TlsStream(Box::new(stream)), info)
    }

    /// The transport below.
    pub fn transport(&self) -> &IO {
        self.0.get_ref().0
    }
}

fn info<IO>(stream: &tokio_rustls::TlsStream<IO>) -> TlsInfo {
    let (_, common) = stream.get_ref();
    let sni = match stream {
        tokio_rustls::TlsStream::Server(s) => s.get_ref().1.server_name().map(str::to_owned),
        tokio_rustls::TlsStream::Client(_) => None,
    };
    TlsInfo {
        version: match common.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "",
        },
        cipher: common.negotiated_cipher_suite().map_or("", |s| cipher::openssl_name(s.suite())),
        sni,
        alpn: common.alpn_protocol().map(<[u8]>::to_vec),
        resumed: common.handshake_kind() == Some(HandshakeKind::Resumed),
        client_cert: match stream {
            tokio_rustls::TlsStream::Server(_) => {
                common.peer_certificates().and_then(|c| c.first()).map(|c| c.to_vec())
            }
            tokio_rustls::TlsStream::Client(_) => None,
        },
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut *self.0).poll_read(cx, buf) {
            // A peer that closes without close_notify is seen by HTTP through its framing; for tunnels HAProxy
            // takes it as the end as well.
            Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            other => other,
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }
}

/// Why a handshake failed. `Display` gives HAProxy's words (manual 9.5, `fc_err_str`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HandshakeError {
    /// The peer closed before the handshake was done.
    Closed,
    /// The transport failed.
    Aborted(io::ErrorKind),
    /// The peer's certificate was refused, or it refused ours.
    Certificate(String),
    /// Anything else that TLS can object to.
    Failure(String),
}

impl HandshakeError {
    pub(super) fn from_io(e: &io::Error) -> HandshakeError {
        let tls = e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            Some(
                t @ (rustls::Error::InvalidCertificate(_)
                | rustls::Error::NoCertificatesPresented
                | rustls::Error::AlertReceived(
                    AlertDescription::BadCertificate
                    | AlertDescription::UnknownCA
                    | AlertDescription::CertificateExpired
                    | AlertDescription::CertificateRequired
                    | AlertDescription::CertificateRevoked
                    | AlertDescription::CertificateUnknown,
                )),
            ) => HandshakeError::Certificate(t.to_string()),
            Some(t) => HandshakeError::Failure(t.to_string()),
            None if e.kind() == io::ErrorKind::UnexpectedEof => HandshakeError::Closed,
            None => HandshakeError::Aborted(e.kind()),
        }
    }

    /// What TLS said, for people; empty where the peer merely left.
    pub fn detail(&self) -> &str {
        match self {
            HandshakeError::Certificate(t) | HandshakeError::Failure(t) => t,
            HandshakeError::Closed | HandshakeError::Aborted(_) => "",
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HandshakeError::Closed => "Connection closed during SSL handshake",
            HandshakeError::Aborted(_) => "Connection error during SSL handshake",
            HandshakeError::Certificate(_) | HandshakeError::Failure(_) => "SSL handshake failure",
        })
    }
}

impl std::error::Error for HandshakeError {}

/// A certificate that is not trusted, with a reason for people.
pub(super) fn untrusted(reason: impl Into<String>) -> rustls::Error {
    #[derive(Debug)]
    struct Reason(String);
    impl fmt::Display for Reason {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }
    impl std::error::Error for Reason {}
    let reason: std::sync::Arc<dyn std::error::Error + Send + Sync> =
        std::sync::Arc::new(Reason(reason.into()));
    CertificateError::Other(rustls::OtherError(reason)).into()
}
