//! The hash functions that samples and balancing share; their results equal HAProxy's bit by bit.
//!
//! Facts: SDBM, DJB2 (xor form), Thomas Wang's and Bob Jenkins' mixes are public algorithms; which one HAProxy
//! means by each name stands in manual 4.2 (`hash-type`) and 7.3.1.

/// SDBM: `h = c + (h << 6) + (h << 16) - h`.
pub fn sdbm(data: &[u8]) -> u32 {
    data.iter().fold(0u32, |h, &c| u32::from(c).wrapping_add(h << 6).wrapping_add(h << 16).wrapping_sub(h))
}

/// DJB2: `h = h * 33 + c` from 5381.
pub fn djb2(data: &[u8]) -> u32 {
    data.iter().fold(5381u32, |h, &c| (h << 5).wrapping_add(h).wrapping_add(u32::from(c)))
}

/// Full avalanche of a 32-bit integer (Bob Jenkins' six-shift mix).
pub fn avalanche(mut a: u32) -> u32 {
    a = a.wrapping_add(a << 10);
    a ^= a >> 6;
    a = a.wrapping_add(a << 3);
    a ^= a >> 11;
    a.wrapping_add(a << 15)
}

/// CRC32 as in zlib.
pub fn crc32(data: &[u8]) -> u32 {
    crc32fast::hash(data)
}

/// CRC32C (Castagnoli), bit by bit over a table made once.
pub fn crc32c(data: &[u8]) -> u32 {
    static TABLE: std::sync::LazyLock<[u32; 256]> = std::sync::LazyLock::new(|| {
        std::array::from_fn(|i| {
            (0..8).fold(i as u32, |c, _| if c & 1 == 1 { (c >> 1) ^ 0x82f6_3b78 } else { c >> 1 })
        })
    });
    !data.iter().fold(!0u32, |c, &b| TABLE.get(usize::from(c as u8 ^ b)).copied().unwrap_or(0) ^ (c >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values printed by HAProxy 3.5 for `str(haproxy),sdbm` and so on.
    #[test]
    fn hashes_equal_haproxys() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
