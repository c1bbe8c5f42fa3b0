//! PROXY protocol, versions 1 and 2: who the client of the previous hop was.
//!
//! Owns: reading a header from the first bytes of a connection (`accept-proxy`) and writing one towards a server
//! (`send-proxy`, `send-proxy-v2`). Follows "The PROXY protocol, versions 1 & 2", sections 2.1 and 2.2.
//! Invariants: [`parse`] never reads beyond the header, gives the same verdict however the bytes arrive (a prefix
//! of a valid header is always [`Parsed::Incomplete`]), and allocates nothing. Reading from the socket and the
//! time limit for it are left to the shell.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::conn::Addr;

/// Longest version 1 line with its CR LF (section 2.1).
pub const V1_LINE_MAX: usize = 107;
/// Longest version 2 header that is taken, bytes; the protocol would allow 65,551.
pub const V2_HEADER_MAX: usize = 16_384;

const V2_SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
const V1_START: &[u8] = b"PROXY ";
/// Signature, version and command, family, length.
const V2_FIXED: usize = 16;
const TLV_CRC32C: u8 = 0x03;

/// What the first bytes of a connection are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parsed<'a> {
    /// Valid so far; more bytes are needed.
    Incomplete,
    /// A whole header; `len` bytes of it must be skipped.
    Done {
        header: Header<'a>,
        len: usize,
    },
    Invalid(Reason),
}

/// The meaning of a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header<'a> {
    /// Source and destination that the previous hop saw; `None` when it speaks for itself (`LOCAL`) or does not
    /// know (`UNKNOWN`, unspecified family): the connection's own addresses then stand.
    pub addrs: Option<(Addr, Addr)>,
    /// The type-length-value part of version 2, checked to be well formed; see [`tlvs`].
    pub tlvs: &'a [u8],
}

/// Why a header is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// Neither signature matches.
    NoHeader,
    /// A version 1 line longer than [`V1_LINE_MAX`], or a version 2 header longer than [`V2_HEADER_MAX`].
    TooLong,
    /// A version 1 line of another form.
    BadLine,
    /// Version or command of version 2 unknown.
    BadCommand,
    /// The length of version 2 is too short for its addresses, or TLVs do not fill it exactly.
    BadLength,
    /// The checksum TLV does not match.
    BadChecksum,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NoHeader => "received something which does not look like a PROXY protocol header",
            Reason::TooLong => "PROXY protocol header too large",
            Reason::BadLine => "received an invalid PROXY protocol line",
            Reason::BadCommand => "unknown PROXY protocol version or command",
            Reason::BadLength => "truncated or overlong PROXY protocol header",
            Reason::BadChecksum => "wrong checksum in PROXY protocol header",
        })
    }
}

/// Reads a header from the start of `bytes`.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    if starts(bytes, &V2_SIGNATURE) {
        parse_v2(bytes)
    } else if starts(bytes, V1_START) {
        parse_v1(bytes)
    } else {
        Parsed::Invalid(Reason::NoHeader)
    }
}

/// The type and value of each TLV of a header.
pub fn tlvs(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (kind, value, rest) = next_tlv(bytes)?;
        bytes = rest;
        Some((kind, value))
    })
}

/// Appends a version 1 line for a TCP connection from `src` to `dst`; `PROXY UNKNOWN` when the two are not of
/// one family.
pub fn encode_v1(src: Addr, dst: Addr, out: &mut Vec<u8>) {
    use std::io::Write as _;
    // Writing to a Vec cannot fail.
    let _ = match inet_pair(src, dst) {
        Some((s, d)) => {
            let family = if s.is_ipv4() { "TCP4" } else { "TCP6" };
            write!(out, "PROXY {family} {} {} {} {}\r\n", s.ip(), d.ip(), s.port(), d.port())
        }
        None => write!(out, "PROXY UNKNOWN\r\n"),
    };
}

/// Appends a version 2 header for a TCP connection from `src` to `dst`; family unspecified when the two are not
/// of one.
pub fn encode_v2(src: Addr, dst: Addr, out: &mut Vec<u8>) {
    let pair = inet_pair(src, dst);
    let (family, len): (u8, u16) = match pair {
        Some((s, _)) if s.is_ipv4() => (0x11, 12),
        Some(_) => (0x21, 36),
        None => (0x00, 0),
    };
    out.extend_from_slice(&V2_SIGNATURE);
    out.extend_from_slice(&[0x21, family]);
    out.extend_from_slice(&len.to_be_bytes());
    if let Some((s, d)) = pair {
        for ip in [s.ip(), d.ip()] {
            match ip {
                IpAddr::V4(a) => out.extend_from_slice(&a.octets()),
                IpAddr::V6(a) => out.extend_from_slice(&a.octets()),
            }
        }
        out.extend_from_slice(&s.port().to_be_bytes());
        out.extend_from_slice(&d.port().to_be_bytes());
    }
}

/// Appends a version 2 header that says: this connection is the proxy's own (health checks).
pub fn encode_v2_local(out: &mut Vec<u8>) {
    out.extend_from_slice(&V2_SIGNATURE);
    out.extend_from_slice(&[0x20, 0x00, 0, 0]);
}

/// Both are Internet addresses of one family.
fn inet_pair(src: Addr, dst: Addr) -> Option<(SocketAddr, SocketAddr)> {
    match (src, dst) {
        (Addr::Inet(s), Addr::Inet(d)) if s.is_ipv4() == d.is_ipv4() => Some((s, d)),
        _ => None,
    }
}

/// `bytes` begins with `start`, or is a beginning of it.
fn starts(bytes: &[u8], start: &[u8]) -> bool {
    bytes.iter().zip(start).all(|(a, b)| a == b)
}

fn parse_v1(bytes: &[u8]) -> Parsed<'_> {
    let window = bytes.get(..V1_LINE_MAX).unwrap_or(bytes);
    let Some(cr) = memchr::memchr2(b'\r', b'\n', window) else {
        return if bytes.len() >= V1_LINE_MAX {
            Parsed::Invalid(Reason::TooLong)
        } else {
            Parsed::Incomplete
        };
    };
    match (bytes.get(cr), window.get(cr + 1)) {
        (Some(b'\r'), Some(b'\n')) => {}
        (Some(b'\r'), None) if window.len() < V1_LINE_MAX => return Parsed::Incomplete,
        _ => return Parsed::Invalid(Reason::BadLine),
    }
    let line = bytes.get(..cr).and_then(|l| std::str::from_utf8(l).ok());
    match line.and_then(v1_addrs) {
        Some(addrs) => Parsed::Done { header: Header { addrs, tlvs: &[] }, len: cr + 2 },
        None => Parsed::Invalid(Reason::BadLine),
    }
}

/// The addresses of a version 1 line without its line end; the inner `None` is `UNKNOWN`.
fn v1_addrs(line: &str) -> Option<Pair> {
    let rest = line.strip_prefix("PROXY ")?;
    // What follows UNKNOWN must be ignored (section 2.1).
    if rest == "UNKNOWN" || rest.starts_with("UNKNOWN ") {
        return Some(None);
    }
    let mut words = rest.split(' ');
    let family = words.next()?;
    let (src, dst) = (words.next()?, words.next()?);
    let (sport, dport) = (v1_port(words.next()?)?, v1_port(words.next()?)?);
    if words.next().is_some() {
        return None;
    }
    let (src, dst): (IpAddr, IpAddr) = match family {
        "TCP4" => (src.parse::<Ipv4Addr>().ok()?.into(), dst.parse::<Ipv4Addr>().ok()?.into()),
        "TCP6" => (src.parse::<Ipv6Addr>().ok()?.into(), dst.parse::<Ipv6Addr>().ok()?.into()),
        _ => return None,
    };
    Some(Some((Addr::Inet(SocketAddr::new(src, sport)), Addr::Inet(SocketAddr::new(dst, dport)))))
}

/// Decimal without sign or leading zero.
fn v1_port(word: &str) -> Option<u16> {
    if !word.bytes().all(|b| b.is_ascii_digit()) || (word.len() > 1 && word.starts_with('0')) {
        return None;
    }
    word.parse().ok()
}

fn parse_v2(bytes: &[u8]) -> Parsed<'_> {
    // Version and command are judged as soon as they are there, so that a peer speaking nonsense does not wait.
    match bytes.get(12) {
        None | Some(0x20 | 0x21) => {}
        Some(_) => return Parsed::Invalid(Reason::BadCommand),
    }
    let (Some(&command), Some(&family), Some(&hi), Some(&lo)) =
        (bytes.get(12), bytes.get(13), bytes.get(14), bytes.get(15))
    else {
        return Parsed::Incomplete;
    };
    let len = V2_FIXED + usize::from(u16::from_be_bytes([hi, lo]));
    if len > V2_HEADER_MAX {
        return Parsed::Invalid(Reason::TooLong);
    }
    let Some(whole) = bytes.get(..len) else { return Parsed::Incomplete };
    let payload = whole.get(V2_FIXED..).unwrap_or(&[]);
    let Some((addrs, rest)) = v2_addrs(family, payload) else {
        return Parsed::Invalid(Reason::BadLength);
    };
    // With LOCAL, and with families we do not know, the payload is only skipped (section 2.2).
    if command == 0x20 || !known_family(family) {
        return Parsed::Done { header: Header { addrs: None, tlvs: &[] }, len };
    }
    match check_tlvs(whole, rest) {
        Ok(()) => Parsed::Done { header: Header { addrs, tlvs: rest }, len },
        Err(reason) => Parsed::Invalid(reason),
    }
}

fn known_family(family: u8) -> bool {
    matches!(family, 0x00 | 0x11 | 0x12 | 0x21 | 0x22 | 0x31 | 0x32)
}

/// Source and destination, where the family has any.
type Pair = Option<(Addr, Addr)>;

/// Splits the payload of version 2 into addresses and TLVs; `None` when it is too short.
fn v2_addrs(family: u8, payload: &[u8]) -> Option<(Pair, &[u8])> {
    let inet = |s: IpAddr, d: IpAddr, sp: [u8; 2], dp: [u8; 2]| {
        let at = |ip, port| Addr::Inet(SocketAddr::new(ip, u16::from_be_bytes(port)));
        Some((at(s, sp), at(d, dp)))
    };
    match family {
        0x11 | 0x12 => {
            let (s, rest) = payload.split_first_chunk::<4>()?;
            let (d, rest) = rest.split_first_chunk::<4>()?;
            let (sp, rest) = rest.split_first_chunk::<2>()?;
            let (dp, rest) = rest.split_first_chunk::<2>()?;
            Some((inet(Ipv4Addr::from(*s).into(), Ipv4Addr::from(*d).into(), *sp, *dp), rest))
        }
        0x21 | 0x22 => {
            let (s, rest) = payload.split_first_chunk::<16>()?;
            let (d, rest) = rest.split_first_chunk::<16>()?;
            let (sp, rest) = rest.split_first_chunk::<2>()?;
            let (dp, rest) = rest.split_first_chunk::<2>()?;
            Some((inet(Ipv6Addr::from(*s).into(), Ipv6Addr::from(*d).into(), *sp, *dp), rest))
        }
        0x31 | 0x32 => {
            let (_paths, rest) = payload.split_first_chunk::<216>()?;
            Some((Some((Addr::Unix, Addr::Unix)), rest))
        }
        _ => Some((None, payload)),
    }
}

fn next_tlv(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[kind, hi, lo], rest) = bytes.split_first_chunk::<3>()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([hi, lo])))?;
    Some((kind, value, rest))
}

/// TLVs must fill their space exactly, and a checksum among them must hold (section 2.2.3).
fn check_tlvs(whole: &[u8], mut rest: &[u8]) -> Result<(), Reason> {
    while !rest.is_empty() {
        let (kind, value, after) = next_tlv(rest).ok_or(Reason::BadLength)?;
        if kind == TLV_CRC32C {
            let value: [u8; 4] = value.try_into().map_err(|_| Reason::BadLength)?;
            let at = whole.len() - after.len() - 4;
            // The sum is taken with its own four bytes as zero.
            let (before, tail) = whole.split_at_checked(at).ok_or(Reason::BadLength)?;
            let tail = tail.get(4..).ok_or(Reason::BadLength)?;
            let sum = crc32c(before.iter().chain(&[0; 4]).chain(tail));
            if sum != u32::from_be_bytes(value) {
                return Err(Reason::BadChecksum);
            }
        }
        rest = after;
    }
    Ok(())
}

/// CRC-32C (Castagnoli, RFC 3720 B.4), bit by bit: a header is short and comes once per connection.
fn crc32c<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    !bytes.fold(u32::MAX, |crc, &b| {
        (0..8).fold(crc ^ u32::from(b), |c, _| if c & 1 == 1 { (c >> 1) ^ 0x82f6_3b78 } else { c >> 1 })
    })
}

#[cfg(test)]
mod tests;
