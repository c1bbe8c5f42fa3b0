//! DNS messages as far as a resolver of addresses needs them (RFC 1035 section 4, RFC 6891 section 6.1.2): one
//! question out, the addresses of an answer in.
//!
//! Invariant: reading never looks beyond the message and ends, whatever compression pointers say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most labels, and most jumps, of one name.
const LABELS_MAX: usize = 128;
/// Records of one answer that are looked at.
const RECORDS_MAX: usize = 256;

const TYPE_A: u16 = 1;
const TYPE_CNAME: u16 = 5;
const TYPE_AAAA: u16 = 28;
const TYPE_OPT: u16 = 41;
const CLASS_IN: u16 = 1;

/// Which addresses are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    pub const fn other(self) -> Family {
        match self {
            Family::V4 => Family::V6,
            Family::V6 => Family::V4,
        }
    }

    const fn record_type(self) -> u16 {
        match self {
            Family::V4 => TYPE_A,
            Family::V6 => TYPE_AAAA,
        }
    }
}

/// What a message of a name server says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub id: u16,
    /// RFC 1035 section 4.1.1: 0 no error, 3 no such name, 5 refused.
    pub rcode: u8,
    pub truncated: bool,
    pub family: Family,
    pub addresses: Vec<IpAddr>,
}

/// A question for the addresses of `name`; `None` when that is no host name.
pub fn question(id: u16, name: &str, family: Family, payload_bytes_max: u16) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&id.to_be_bytes());
    // Recursion desired; one question, one additional record (EDNS).
    out.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|n| (1..64).contains(n))?;
        out.push(length);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    if out.len() > 12 + 255 {
        return None;
    }
    out.extend_from_slice(&family.record_type().to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
    out.push(0);
    out.extend_from_slice(&TYPE_OPT.to_be_bytes());
    out.extend_from_slice(&payload_bytes_max.to_be_bytes());
    out.extend_from_slice(&[0; 6]);
    Some(out)
}

/// Reads an answer to a question for `name`; `None`: it is none.
pub fn answer(message: &[u8], name: &str) -> Option<Answer> {
    let word = |at: usize| message.get(at..at + 2).and_then(|b| b.try_into().ok()).map(u16::from_be_bytes);
    let (id, flags) = (word(0)?, word(2)?);
    let (questions, records) = (word(4)?, usize::from(word(6)?));
    if flags & 0x8000 == 0 || questions != 1 {
        return None;
    }
    let mut at = 12;
    let mut wanted = name_at(message, &mut at)?;
    if !wanted.eq_ignore_ascii_case(name.trim_end_matches('.')) {
        return None;
    }
    let family = match word(at)? {
        TYPE_A => Family::V4,
        TYPE_AAAA => Family::V6,
        _ => return None,
    };
    at += 4;
    let mut addresses = Vec::new();
    for _ in 0..records.min(RECORDS_MAX) {
        let owner = name_at(message, &mut at)?;
        let (kind, class, length) = (word(at)?, word(at + 2)?, usize::from(word(at + 8)?));
        let data = message.get(at + 10..at + 10 + length)?;
        let begin = at + 10;
        at = begin + length;
        if class != CLASS_IN || !owner.eq_ignore_ascii_case(&wanted) {
            continue;
        }
        match (kind, length) {
            (TYPE_A, 4) => {
                addresses.extend(<[u8; 4]>::try_from(data).ok().map(|b| IpAddr::V4(Ipv4Addr::from(b))))
            }
            (TYPE_AAAA, 16) => {
                addresses.extend(<[u8; 16]>::try_from(data).ok().map(|b| IpAddr::V6(Ipv6Addr::from(b))));
            }
            // From here on the other name is the one whose addresses count.
            (TYPE_CNAME, _) => wanted = name_at(message, &mut { begin })?,
            _ => {}
        }
    }
    Some(Answer { id, rcode: (flags & 0xf) as u8, truncated: flags & 0x0200 != 0, family, addresses })
}

/// Reads a name, following compression pointers, and moves `at` behind it.
fn name_at(message: &[u8], at: &mut usize) -> Option<String> {
    let mut out = String::new();
    let (mut here, mut behind) = (*at, None);
    for _ in 0..LABELS_MAX {
        let length = *message.get(here)?;
        match length {
            0 => {
                *at = behind.unwrap_or(here + 1);
                return Some(out);
            }
            1..=63 => {
                let label = message.get(here + 1..here + 1 + usize::from(length))?;
                if !out.is_empty() {
                    out.push('.');
                }
                out.extend(label.iter().map(|b| char::from(*b)));
                here += 1 + usize::from(length);
            }
            0xc0.. => {
                let low = *message.get(here + 1)?;
                behind.get_or_insert(here + 2);
                here = usize::from(length & 0x3f) << 8 | usize::from(low);
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The question given back as an answer with a chain and two addresses, the second of another name.
    fn chain() -> Vec<u8> {
        let mut m = question(7, "www.example.org", Family::V4, 512).unwrap();
        m.truncate(m.len() - 11);
        (m[2], m[3]) = (0x81, 0x80);
        m[4..12].copy_from_slice(&[0, 1, 0, 3, 0, 0, 0, 0]);
        m.extend_from_slice(&[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, b'x', 0xc0, 16]);
        let x = (m.len() - 4) as u8;
        m.extend_from_slice(&[0xc0, x, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 1]);
        m.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 2]);
        m
    }

    #[test]
    fn a_chain_of_names_leads_to_the_addresses_of_its_end() {
        let a = answer(&chain(), "WWW.example.org.").unwrap();
        assert_eq!((a.id, a.rcode, a.truncated), (7, 0, false));
        assert_eq!(a.addresses, ["10.0.0.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(answer(&chain(), "other.example.org"), None);
    }

    #[test]
    fn a_name_that_points_at_itself_is_no_name() {
        assert_eq!(name_at(&[0xc0, 0], &mut 0), None);
        assert_eq!(question(1, "a..b", Family::V4, 512), None);
        assert_eq!(question(1, &"a".repeat(64), Family::V4, 512), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..100) {
            answer(&bytes, "www.example.org");
            let m = chain();
            answer(&m[..cut.min(m.len())], "www.example.org");
        }
    }
}
