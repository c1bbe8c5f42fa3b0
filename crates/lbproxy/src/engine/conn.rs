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
    /// The fields of a PROXY header of version 2 as they came (`fc_pp_tlv`).
    pub proxy_tlvs: Option<Box<[u8]>>,
    /// Unique among this process's connections.
    pub id: u64,
    /// What went wrong before there was a session (`fc_err`).
    pub error: ConnError,
    /// What the session counts in stick tables.
    pub tracked: super::stick::Tracks,
}

/// The error of a connection by its number (manual 7.3.3, table of `fc_err_str`); 0 is success.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConnError(pub u8);

impl ConnError {
    pub const PROXY_EMPTY: ConnError = ConnError(11);
    pub const PROXY_ABORT: ConnError = ConnError(12);
    pub const PROXY_TIMEOUT: ConnError = ConnError(13);
    pub const PROXY_TRUNCATED: ConnError = ConnError(14);
    pub const PROXY_NOT_HEADER: ConnError = ConnError(15);
    pub const PROXY_BAD_HEADER: ConnError = ConnError(16);
    pub const PROXY_BAD_PROTOCOL: ConnError = ConnError(17);
    pub const TLS_EMPTY: ConnError = ConnError(24);
    pub const TLS_ABORT: ConnError = ConnError(25);
    pub const TLS_TIMEOUT: ConnError = ConnError(26);
    pub const TLS_CA: ConnError = ConnError(30);
    pub const TLS_CERTIFICATE: ConnError = ConnError(31);
    pub const TLS_HANDSHAKE: ConnError = ConnError(34);

    const ROWS: &[(u8, &str, &str)] = &[
        (0, "-", "Success"),
        (11, "PRX_EMPTY", "Connection closed while waiting for PROXY protocol header"),
        (12, "PRX_ABORT", "Connection error while waiting for PROXY protocol header"),
        (13, "PRX_TIMEOUT", "Timeout while waiting for PROXY protocol header"),
        (14, "PRX_TRUNCATED", "Truncated PROXY protocol header received"),
        (15, "PRX_NOT_HDR", "Received something which does not look like a PROXY protocol header"),
        (16, "PRX_BAD_HDR", "Received an invalid PROXY protocol header"),
        (17, "PRX_BAD_PROTO", "Received an unhandled protocol in the PROXY protocol header"),
        (24, "SSL_EMPTY", "Connection closed during SSL handshake"),
        (25, "SSL_ABORT", "Connection error during SSL handshake"),
        (26, "SSL_TIMEOUT", "Timeout during SSL handshake"),
        (30, "SSL_CA_FAIL", "SSL client CA chain cannot be verified"),
        (31, "SSL_CRT_FAIL", "SSL client certificate not trusted"),
        (34, "SSL_HANDSHAKE", "SSL handshake failure"),
    ];

    pub fn name(self) -> &'static str {
        ConnError::ROWS.iter().find(|r| r.0 == self.0).map_or("-", |r| r.1)
    }

    /// The sentence that an error log line ends with.
    pub fn message(self) -> &'static str {
        ConnError::ROWS.iter().find(|r| r.0 == self.0).map_or("General socket error", |r| r.2)
    }
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
