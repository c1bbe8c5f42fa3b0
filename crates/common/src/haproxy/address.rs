//! Addresses as haproxy.cfg writes them: `*:80`, `[::1]:443`, `app:80-90`, `unix@/run/x.sock`, `fd@3`.
//!
//! Owns: the typed [`Address`], its text form both ways. Invariant: printing and parsing again gives an equal
//! address. A host name stays a name: who resolves it, and when, is the proxy's business (manual, chapter 11).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An address of a listener, server, check, log target or source.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Address {
    pub transport: Transport,
    pub target: Target,
}

/// What carries the bytes; told by the prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Transport {
    /// No prefix says otherwise.
    #[default]
    Stream,
    /// `udp@`, `udp4@`, `udp6@`, `uxdg@`, `dgram+…`.
    Datagram,
    /// `quic4@`, `quic6@`.
    Quic,
    /// `mptcp@`, `mptcp4@`, `mptcp6@`.
    Mptcp,
}

/// Where it leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    Inet {
        host: Host,
        port: Port,
        /// `ipv4@`, `tcp6@` … insist on a family.
        family: Option<IpFamily>,
    },
    /// Path of a socket file.
    Unix(String),
    /// `abns@name`: abstract name, padded with zeros to the size of the kernel's structure.
    Abstract(String),
    /// `abnsz@name`: abstract name of exactly its own length.
    AbstractExact(String),
    /// `fd@n`: inherited descriptor.
    Fd(u32),
    /// `sockpair@n`.
    Sockpair(u32),
    /// `rhttp@backend/server`: connections that a server opened to us.
    ReverseHttp(String),
}

impl Default for Target {
    fn default() -> Target {
        Target::Inet { host: Host::Any, port: Port::None, family: None }
    }
}

/// The host part of an Internet address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Host {
    /// `*` or nothing: all addresses of the family (IPv4 when none is said).
    #[default]
    Any,
    Ip(IpAddr),
    /// To be resolved.
    Name(String),
}

/// The port part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Port {
    #[default]
    None,
    Fixed(u16),
    /// First to last, both included.
    Range(u16, u16),
    /// `:+n`, `:-n` of a server: the port the client came to, plus this.
    Relative(i32),
}

/// The family a prefix insists on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IpFamily {
    V4,
    V6,
}

/// Why a text is no address, with the byte range of the culprit in it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct AddressError {
    pub message: String,
    pub range: std::ops::Range<usize>,
}

impl Address {
    /// Reads an address where a stream is meant unless its prefix says otherwise.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        Address::parse_as(text, Transport::Stream)
    }

    /// Reads an address where datagrams are meant unless its prefix says otherwise: log targets, name servers.
    pub fn parse_datagram(text: &str) -> Result<Address, AddressError> {
        Address::parse_as(text, Transport::Datagram)
    }

    fn parse_as(text: &str, usual: Transport) -> Result<Address, AddressError> {
        let (transport, kind, rest) = split_prefix(text, usual);
        let offset = text.len() - rest.len();
        let target = match kind {
            PrefixKind::Unix => Target::Unix(rest.to_owned()),
            PrefixKind::Abstract => Target::Abstract(rest.to_owned()),
            PrefixKind::AbstractExact => Target::AbstractExact(rest.to_owned()),
            PrefixKind::ReverseHttp => Target::ReverseHttp(rest.to_owned()),
            PrefixKind::Fd => Target::Fd(descriptor(rest, offset)?),
            PrefixKind::Sockpair => Target::Sockpair(descriptor(rest, offset)?),
            PrefixKind::Inet(None) if rest.starts_with('/') => Target::Unix(rest.to_owned()),
            PrefixKind::Inet(family) => inet(rest, offset, family)?,
        };
        if let Target::Unix(p) | Target::Abstract(p) | Target::AbstractExact(p) = &target
            && p.is_empty()
        {
            return Err(AddressError { message: "the path is missing".into(), range: 0..text.len() });
        }
        Ok(Address { transport, target })
    }

    /// The port, if the address has exactly one.
    pub fn port(&self) -> Option<u16> {
        match self.target {
            Target::Inet { port: Port::Fixed(p), .. } => Some(p),
            _ => None,
        }
    }

    /// The host name that has to be resolved, if there is one.
    pub fn name(&self) -> Option<&str> {
        match &self.target {
            Target::Inet { host: Host::Name(n), .. } => Some(n),
            _ => None,
        }
    }
}

enum PrefixKind {
    Inet(Option<IpFamily>),
    Unix,
    Abstract,
    AbstractExact,
    Fd,
    Sockpair,
    ReverseHttp,
}

/// Transport, kind and the text behind the prefix (manual, chapters 2.9.1 to 2.9.3).
fn split_prefix(text: &str, usual: Transport) -> (Transport, PrefixKind, &str) {
    use IpFamily::{V4, V6};
    use PrefixKind as K;
    use Transport::{Datagram, Mptcp, Quic, Stream};
    let socket = [("stream+", Stream), ("dgram+", Datagram), ("quic+", Quic)];
    let (usual, text) = socket
        .iter()
        .find_map(|&(word, transport)| text.strip_prefix(word).map(|rest| (transport, rest)))
        .unwrap_or((usual, text));
    let Some((prefix, rest)) = text.split_once('@') else {
        return (usual, K::Inet(None), text);
    };
    let (transport, kind) = match prefix {
        "ip" => (usual, K::Inet(None)),
        "ipv4" => (usual, K::Inet(Some(V4))),
        "ipv6" => (usual, K::Inet(Some(V6))),
        "tcp" => (Stream, K::Inet(None)),
        "tcp4" => (Stream, K::Inet(Some(V4))),
        "tcp6" => (Stream, K::Inet(Some(V6))),
        "udp" => (Datagram, K::Inet(None)),
        "udp4" => (Datagram, K::Inet(Some(V4))),
        "udp6" => (Datagram, K::Inet(Some(V6))),
        "quic" => (Quic, K::Inet(None)),
        "quic4" => (Quic, K::Inet(Some(V4))),
        "quic6" => (Quic, K::Inet(Some(V6))),
        "mptcp" => (Mptcp, K::Inet(None)),
        "mptcp4" => (Mptcp, K::Inet(Some(V4))),
        "mptcp6" => (Mptcp, K::Inet(Some(V6))),
        "unix" => (usual, K::Unix),
        "uxst" => (Stream, K::Unix),
        "uxdg" => (Datagram, K::Unix),
        "abns" => (usual, K::Abstract),
        "abnsz" => (usual, K::AbstractExact),
        "fd" => (usual, K::Fd),
        "sockpair" => (usual, K::Sockpair),
        "rhttp" => (Stream, K::ReverseHttp),
        _ => return (usual, K::Inet(None), text),
    };
    (transport, kind, rest)
}

fn descriptor(text: &str, offset: usize) -> Result<u32, AddressError> {
    text.parse().map_err(|_| AddressError {
        message: format!("`{text}` is no descriptor number"),
        range: offset..offset + text.len(),
    })
}

fn inet(text: &str, offset: usize, family: Option<IpFamily>) -> Result<Target, AddressError> {
    let (host_text, port_text) = split_port(text);
    let host = host(host_text, offset)?;
    let port = match port_text {
        None => Port::None,
        Some(p) => port(p).ok_or_else(|| AddressError {
            message: format!(
                "`{p}` is no port: expected a number from 0 to 65535, a range `low-high`, or `+n`"
            ),
            range: offset + text.len() - p.len()..offset + text.len(),
        })?,
    };
    Ok(Target::Inet { host, port, family })
}

/// A bracketed IPv6 address, else everything before the last colon; a bare IPv6 address has its port after its
/// last colon as well, which is how the language reads `::1:80`.
fn split_port(text: &str) -> (&str, Option<&str>) {
    if text.starts_with('[')
        && let Some((host, rest)) = text.split_once(']')
    {
        return (host.get(1..).unwrap_or(""), rest.strip_prefix(':'));
    }
    match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}

fn host(text: &str, offset: usize) -> Result<Host, AddressError> {
    if text.is_empty() || text == "*" {
        return Ok(Host::Any);
    }
    if text == "::" || text == ":" {
        return Ok(Host::Ip(IpAddr::V6(Ipv6Addr::UNSPECIFIED)));
    }
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Ip(IpAddr::V4(v4)));
    }
    if let Ok(v6) = text.parse::<Ipv6Addr>() {
        return Ok(Host::Ip(IpAddr::V6(v6)));
    }
    if text.contains([':', ' ', '/', '[', ']']) {
        return Err(AddressError {
            message: format!("`{text}` is neither an address nor a host name"),
            range: offset..offset + text.len(),
        });
    }
    Ok(Host::Name(text.to_owned()))
}

fn port(text: &str) -> Option<Port> {
    if text.is_empty() {
        return Some(Port::None);
    }
    if text.starts_with('+') || text.starts_with('-') {
        return text.parse::<i32>().ok().filter(|n| n.abs() <= 65_535).map(Port::Relative);
    }
    match text.split_once('-') {
        Some((low, high)) => {
            let (low, high) = (low.parse().ok()?, high.parse().ok()?);
            (low <= high).then_some(Port::Range(low, high))
        }
        None => text.parse().ok().map(Port::Fixed),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Transport::{Datagram, Mptcp, Quic, Stream};
        let datagram = self.transport == Datagram;
        match &self.target {
            Target::Inet { host, port, family } => {
                let name = match self.transport {
                    Stream => "tcp",
                    Datagram => "udp",
                    Quic => "quic",
                    Mptcp => "mptcp",
                };
                match (self.transport, family) {
                    (Stream, None) => Ok(()),
                    (_, None) => write!(f, "{name}@"),
                    (_, Some(IpFamily::V4)) => write!(f, "{name}4@"),
                    (_, Some(IpFamily::V6)) => write!(f, "{name}6@"),
                }?;
                match host {
                    Host::Any => f.write_str("*"),
                    Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
                    Host::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
                    Host::Name(n) => f.write_str(n),
                }?;
                match port {
                    Port::None => Ok(()),
                    Port::Fixed(p) => write!(f, ":{p}"),
                    Port::Range(a, b) => write!(f, ":{a}-{b}"),
                    Port::Relative(n) => write!(f, ":{n:+}"),
                }
            }
            Target::Unix(p) if datagram => write!(f, "uxdg@{p}"),
            Target::Unix(p) if p.starts_with('/') => f.write_str(p),
            Target::Unix(p) => write!(f, "unix@{p}"),
            other => {
                f.write_str(if datagram { "dgram+" } else { "" })?;
                match other {
                    Target::Abstract(n) => write!(f, "abns@{n}"),
                    Target::AbstractExact(n) => write!(f, "abnsz@{n}"),
                    Target::Fd(n) => write!(f, "fd@{n}"),
                    Target::Sockpair(n) => write!(f, "sockpair@{n}"),
                    Target::ReverseHttp(n) => write!(f, "rhttp@{n}"),
                    Target::Inet { .. } | Target::Unix(_) => Ok(()),
                }
            }
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;
    fn from_str(s: &str) -> Result<Address, AddressError> {
        Address::parse(s)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(s: String) -> Result<Address, AddressError> {
        Address::parse(&s)
    }
}

impl From<Address> for String {
    fn from(a: Address) -> String {
        a.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(text: &str) -> String {
        Address::parse(text).unwrap().to_string()
    }

    #[test]
    fn every_form_reads_and_prints() {
        for (text, out) in [
            ("*:80", "*:80"),
            (":80", "*:80"),
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("[::1]:443", "[::1]:443"),
            ("::1:443", "[::1]:443"),
            (":::443", "[::]:443"),
            ("::", "[::]"),
            ("app.example:8000-8005", "app.example:8000-8005"),
            ("10.0.0.1", "10.0.0.1"),
            ("srv:+1000", "srv:+1000"),
            ("srv:-5", "srv:-5"),
            ("/run/x.sock", "/run/x.sock"),
            ("unix@x.sock", "unix@x.sock"),
            ("uxdg@/dev/log", "uxdg@/dev/log"),
            ("abns@name", "abns@name"),
            ("abnsz@name", "abnsz@name"),
            ("fd@3", "fd@3"),
            ("dgram+fd@3", "dgram+fd@3"),
            ("sockpair@4", "sockpair@4"),
            ("ipv6@[::]:80", "tcp6@[::]:80"),
            ("quic4@:443", "quic4@*:443"),
            ("quic+ipv4@:443", "quic4@*:443"),
            ("udp@127.0.0.1:514", "udp@127.0.0.1:514"),
            ("mptcp@:80", "mptcp@*:80"),
            ("rhttp@be/srv", "rhttp@be/srv"),
            // No address, yet perhaps a name: whoever resolves it will say.
            ("10.224.155.xx:443", "10.224.155.xx:443"),
        ] {
            assert_eq!(printed(text), out);
            assert_eq!(Address::parse(out), Address::parse(text), "{text}");
        }
        assert_eq!(Address::parse_datagram("127.0.0.1:514"), Address::parse("udp@127.0.0.1:514"));
        assert_eq!(Address::parse_datagram("/dev/log"), Address::parse("uxdg@/dev/log"));
    }

    #[test]
    fn the_fault_is_pointed_at() {
        assert_eq!(Address::parse("10.0.0.1:http").unwrap_err().range, 9..13);
        assert_eq!(Address::parse("10.0.0.1:70000").unwrap_err().range, 9..14);
        assert_eq!(Address::parse("x:90-80").unwrap_err().range, 2..7);
        assert_eq!(Address::parse("fd@x").unwrap_err().range, 3..4);
        assert!(Address::parse("unix@").is_err());
        assert!(Address::parse("a b:80").is_err());
    }

    proptest! {
        #[test]
        fn what_reads_prints_and_reads_again(text in "[a-z0-9@:./*\\[\\]+-]{0,24}") {
            if let Ok(a) = Address::parse(&text) {
                let again = Address::parse(&a.to_string());
                prop_assert_eq!(again, Ok(a));
            }
        }
    }
}
