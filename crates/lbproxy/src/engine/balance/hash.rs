//! The hash functions of `hash-type`, bit-equal with HAProxy's, so that a change of proxy moves no client.
//!
//! sdbm and djb2 are public; wt6 and the four-byte avalanche (one of Bob Jenkins' integer hashes) are defined by
//! their results. The tests compare with what HAProxy 2.6 and 3.5 answered.

use super::{HashFunction, HashType};

/// sdbm over bytes.
pub fn sdbm(key: &[u8]) -> u32 {
    key.iter().fold(0u32, |h, &b| u32::from(b).wrapping_add(h << 6).wrapping_add(h << 16).wrapping_sub(h))
}

/// djb2, the adding variant, over bytes.
pub fn djb2(key: &[u8]) -> u32 {
    key.iter().fold(5381u32, |h, &b| (h << 5).wrapping_add(h).wrapping_add(u32::from(b)))
}

/// wt6: two halves that swap and rotate by data-dependent steps.
pub fn wt6(key: &[u8]) -> u32 {
    let (mut left, mut right) = (0xa53c_965a_u32, 0x5ca6_953a_u32);
    let (mut turn_left, mut turn_right) = (6, 18);
    for &b in key {
        left = !(left ^ u32::from(b));
        right = !right.wrapping_add(u32::from(b));
        let next = right.rotate_left(turn_left);
        right = left.rotate_left(turn_right);
        left = next;
        let mix = ((left >> 16) ^ right) & 0xffff;
        (turn_left, turn_right) = (mix & 0x1f, mix >> 11);
    }
    left ^ right
}

/// Full avalanche of four bytes; the multiplication carries the lowest bits to the top, where the ring looks first.
pub fn avalanche(mut a: u32) -> u32 {
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    ((a ^ 0xb55a_4f09) ^ (a >> 16)).wrapping_mul(0xc000_0001)
}

/// The hash of a key as `hash-type` says.
pub fn hash(of: &HashType, key: &[u8]) -> u32 {
    let h = match of.function {
        HashFunction::Sdbm => sdbm(key),
        HashFunction::Djb2 => djb2(key),
        HashFunction::Wt6 => wt6(key),
        HashFunction::Crc32 => crc32fast::hash(key),
        HashFunction::None => leading_number(key),
    };
    if of.avalanche { avalanche(h) } else { h }
}

/// `balance source`: the words of the address combined, without the function of `hash-type`.
pub fn hash_address(of: &HashType, ip: std::net::IpAddr) -> u32 {
    let h = match ip {
        std::net::IpAddr::V4(a) => u32::from(a),
        std::net::IpAddr::V6(a) => {
            let n = u128::from(a);
            (0..4).fold(0, |h, i| h ^ (n >> (96 - 32 * i)) as u32)
        }
    };
    if of.avalanche { avalanche(h) } else { h }
}

/// The decimal number a key begins with; `hash-type … none` uses it as the hash.
fn leading_number(key: &[u8]) -> u32 {
    key.iter()
        .take_while(|b| b.is_ascii_digit())
        .fold(0u32, |n, &b| n.wrapping_mul(10).wrapping_add(u32::from(b - b'0')))
}
