//! What is known of a client connection, whatever protocol it speaks.

use std::net::{IpAddr, SocketAddr};

/// An end point: an Internet address, or a Unix socket (which has no address to speak of).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Addr {
    Inet(SocketAddr),
    #[default]
    Unix,
}

impl Addr {
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Addr::Inet(a) => Some(a.ip()),
            Addr::Unix => None,
        }
    }

    pub fn port(&self) -> u16 {
        match self {
            Addr::Inet(a) => a.port(),
            Addr::Unix => 0,
        }
    }
}

/// Facts of a client connection, fixed when it was accepted (and after PROXY protocol and TLS handshake).
#[derive(Clone, Debug, Default)]
pub struct ConnInfo {
    pub src: Addr,
    pub dst: Addr,
    /// Index of the frontend in the plan, of the listener in the frontend, of the worker thread.
    pub frontend: u32,
    pub listener: u32,
    pub thread: u16,
    /// Wall clock at accept, microseconds since the epoch.
    pub accept_date_us: u64,
    /// Monotonic milliseconds at accept, on the worker's clock.
    pub accept_ms: u64,
    /// Milliseconds that PROXY protocol and TLS handshake took (`%Th`).
    pub handshake_ms: u32,
    pub tls: Option<Box<TlsInfo>>,
    /// Unique among this process's connections.
    pub id: u64,
}

/// Facts of a finished TLS handshake, as text that samples and logs print.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.2`, `TLSv1.3` (`%sslv`).
    pub version: &'static str,
    /// OpenSSL's name of the cipher suite (`%sslc`).
    pub cipher: &'static str,
    pub sni: Option<String>,
    pub alpn: Option<Vec<u8>>,
    pub resumed: bool,
    /// DER of the client's leaf certificate, if it presented one.
    pub client_cert: Option<Vec<u8>>,
}
