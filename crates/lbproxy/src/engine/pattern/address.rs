//! Address patterns: networks, the longest prefix first (manual 7.1.6).

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::engine::sample::value::embedded_v4;

/// A set of IPv4 and IPv6 networks.
#[derive(Clone, Debug, Default)]
pub struct Nets {
    /// By mask, the longest first; in each, networks to the index of their pattern.
    v4: Vec<(u32, HashMap<u32, usize>)>,
    v6: Vec<(u128, HashMap<u128, usize>)>,
}

impl Nets {
    /// Adds a pattern with its index; the first of equal networks wins.
    pub(super) fn add(&mut self, text: &[u8], index: usize) -> Option<()> {
        match parse_net(std::str::from_utf8(text).ok()?)? {
            Net::V4(net, mask) => {
                let at = self.v4.partition_point(|(m, _)| *m > mask);
                if self.v4.get(at).is_none_or(|(m, _)| *m != mask) {
                    self.v4.insert(at, (mask, HashMap::new()));
                }
                self.v4.get_mut(at)?.1.entry(net & mask).or_insert(index);
            }
            Net::V6(net, mask) => {
                let at = self.v6.partition_point(|(m, _)| *m > mask);
                if self.v6.get(at).is_none_or(|(m, _)| *m != mask) {
                    self.v6.insert(at, (mask, HashMap::new()));
                }
                self.v6.get_mut(at)?.1.entry(net & mask).or_insert(index);
            }
        }
        Some(())
    }

    /// The longest network that holds the address; of the other family if it has a form there.
    pub fn find(&self, ip: IpAddr) -> Option<usize> {
        match ip {
            IpAddr::V4(a) => self.find4(a).or_else(|| self.find6(a.to_ipv6_mapped())),
            IpAddr::V6(a) => self.find6(a).or_else(|| self.find4(embedded_v4(a)?)),
        }
    }

    fn find4(&self, a: Ipv4Addr) -> Option<usize> {
        let a = u32::from(a);
        self.v4.iter().find_map(|(mask, nets)| nets.get(&(a & mask)).copied())
    }

    fn find6(&self, a: Ipv6Addr) -> Option<usize> {
        let a = u128::from(a);
        self.v6.iter().find_map(|(mask, nets)| nets.get(&(a & mask)).copied())
    }
}

enum Net {
    V4(u32, u32),
    V6(u128, u128),
}

fn parse_net(text: &str) -> Option<Net> {
    let (addr, mask) = match text.split_once('/') {
        Some((a, m)) => (a, Some(m)),
        None => (text, None),
    };
    if addr.contains(':') {
        let addr: Ipv6Addr = addr.parse().ok()?;
        return Some(Net::V6(addr.into(), mask.map_or(Some(u128::MAX), parse_mask6)?));
    }
    Some(Net::V4(parse_v4(addr)?, mask.map_or(Some(u32::MAX), parse_mask4)?))
}

/// A mask as prefix length or address.
pub fn parse_mask4(text: &str) -> Option<u32> {
    match text.parse::<u32>() {
        Ok(bits @ 1..=32) => Some(u32::MAX << (32 - bits)),
        Ok(0) => Some(0),
        Ok(_) => None,
        Err(_) => text.parse::<Ipv4Addr>().ok().map(u32::from),
    }
}

/// A mask as prefix length or address.
pub fn parse_mask6(text: &str) -> Option<u128> {
    match text.parse::<u32>() {
        Ok(bits @ 1..=128) => Some(u128::MAX << (128 - bits)),
        Ok(0) => Some(0),
        Ok(_) => None,
        Err(_) => text.parse::<Ipv6Addr>().ok().map(u128::from),
    }
}

/// An IPv4 address, perhaps with zero octets left out before the last: `10.12` is 10.0.0.12, `192.168.1` is
/// 192.168.0.1 (manual 7.1.6).
fn parse_v4(text: &str) -> Option<u32> {
    let mut octets = [0u8; 4];
    let mut parts = text.split('.');
    let mut list: Vec<u8> = Vec::with_capacity(4);
    for p in parts.by_ref() {
        if list.len() == 4 || p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        list.push(p.parse().ok()?);
    }
    let (last, first) = list.split_last()?;
    for (o, f) in octets.iter_mut().zip(first) {
        *o = *f;
    }
    octets[3] = *last;
    Some(u32::from_be_bytes(octets))
}
