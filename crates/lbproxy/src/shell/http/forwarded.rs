//! `option forwardfor` and `option originalto`: telling servers who the client is and whom it called.

use super::{Record, Stream};
use crate::compile::plan::ForwardFor;

impl Stream<'_> {
    /// `option forwardfor` of frontend and backend (manual 4.2): the backend's header name counts first, `except` of
    /// either excludes, `if-none` holds only where both that are set say so.
    pub(super) fn add_forwarded_for(&mut self) {
        let of_backend = self.backend.as_ref().and_then(|b| b.forwardfor.as_deref());
        let of_frontend = self.session.frontend.forwardfor.as_deref();
        if of_backend.is_some() || of_frontend.is_some() {
            let ip = self.src().ip();
            add([of_backend, of_frontend], ip, self.record.as_deref_mut());
        }
        let of_backend = self.backend.as_ref().and_then(|b| b.originalto.as_deref());
        let of_frontend = self.session.frontend.originalto.as_deref();
        if of_backend.is_some() || of_frontend.is_some() {
            let ip = self.session.conn.dst.ip();
            add([of_backend, of_frontend], ip, self.record.as_deref_mut());
        }
    }
}

/// Adds the address under the header of the first of `set` that is there.
fn add(set: [Option<&ForwardFor>; 2], ip: Option<std::net::IpAddr>, record: Option<&mut Record>) {
    let set = || set.into_iter().flatten();
    let (Some(first), Some(ip), Some(record)) = (set().next(), ip, record) else { return };
    if set().any(|f| f.except.iter().any(|(net, bits)| in_network(ip, *net, *bits))) {
        return;
    }
    let name = first.header.as_bytes();
    if set().all(|f| f.if_none) && record.req.header(name).is_some() {
        return;
    }
    let mut text = [0u8; 45];
    record.req.add(name, write_ip(ip, &mut text));
}

/// The address in text without an allocation; 45 bytes hold the longest one.
fn write_ip(ip: std::net::IpAddr, into: &mut [u8; 45]) -> &[u8] {
    use std::io::Write as _;
    let len = match ip {
        std::net::IpAddr::V4(v4) => write_v4(v4.octets(), into),
        std::net::IpAddr::V6(v6) => {
            let mut rest = &mut into[..];
            // 45 bytes suffice, so writing cannot fail; a cut address would be refused by nobody, so none is sent.
            if write!(rest, "{v6}").is_ok() { 45 - rest.len() } else { 0 }
        }
    };
    &into[..len]
}

/// Without the machinery of formatting, which costs more than the rest of a small request's rewriting.
fn write_v4(octets: [u8; 4], into: &mut [u8; 45]) -> usize {
    let mut at = 0;
    for (i, o) in octets.into_iter().enumerate() {
        if i > 0 {
            into[at] = b'.';
            at += 1;
        }
        for (unit, shown) in [(100, o >= 100), (10, o >= 10), (1, true)] {
            if shown {
                into[at] = b'0' + o / unit % 10;
                at += 1;
            }
        }
    }
    at
}

fn in_network(ip: std::net::IpAddr, net: std::net::IpAddr, bits: u8) -> bool {
    use std::net::IpAddr::{V4, V6};
    let equal = |a: u128, b: u128, width: u32| {
        let shift = width.saturating_sub(u32::from(bits));
        shift >= 128 || a >> shift == b >> shift
    };
    match (ip, net) {
        (V4(a), V4(b)) => equal(u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (V6(a), V6(b)) => equal(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_text_of_addresses() {
        let in_net = |ip: &str, net: &str, bits| in_network(ip.parse().unwrap(), net.parse().unwrap(), bits);
        assert!(in_net("127.3.2.1", "127.0.0.0", 8) && !in_net("128.0.0.1", "127.0.0.0", 8));
        assert!(in_net("1.2.3.4", "0.0.0.0", 0) && in_net("1.2.3.4", "1.2.3.4", 32));
        assert!(in_net("2001:db8::1", "2001:db8::", 32) && !in_net("2001:db9::1", "2001:db8::", 32));
        assert!(in_net("::1", "::", 0) && !in_net("::1", "0.0.0.0", 0));
        for ip in
            ["1.2.3.4", "0.10.100.255", "2001:db8:1111:2222:3333:4444:5555:6666", "::ffff:255.255.255.255"]
        {
            let mut b = [0; 45];
            assert_eq!(write_ip(ip.parse().unwrap(), &mut b), ip.as_bytes());
        }
    }
}
