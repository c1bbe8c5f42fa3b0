//! Passwords hashed by MD5 as crypt(3) does (`$1$`).
//!
//! An old method, kept because configurations hold such hashes; a thousand digests make a check.

use md5::{Digest, Md5 as Hash};

use super::{ALPHABET, equal};

const SALT_BYTES_MAX: usize = 8;
const PREFIX: &str = "$1$";

/// A hashed password.
#[derive(Clone)]
pub struct Md5 {
    salt: Box<[u8]>,
    /// The hash in crypt's base64.
    hash: Box<[u8]>,
}

impl std::fmt::Debug for Md5 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Md5 {
    /// Reads `$1$salt$hash`; absent for anything else.
    pub fn parse(text: &str) -> Option<Md5> {
        let (salt, hash) = text.strip_prefix(PREFIX)?.split_once('$')?;
        let salt = salt.as_bytes();
        let salt = salt.get(..SALT_BYTES_MAX).unwrap_or(salt);
        (hash.len() == 22).then(|| Md5 { salt: salt.into(), hash: hash.as_bytes().into() })
    }

    pub fn check(&self, password: &[u8]) -> bool {
        equal(&self.compute(password), &self.hash)
    }

    fn compute(&self, key: &[u8]) -> Vec<u8> {
        let salt = &*self.salt;
        let b = digest(&[key, salt, key]);
        let mut a = Hash::new();
        a.update(key);
        a.update(PREFIX);
        a.update(salt);
        let mut n = key.len();
        while n > 0 {
            a.update(b.get(..n.min(b.len())).unwrap_or(&b));
            n = n.saturating_sub(b.len());
        }
        let mut n = key.len();
        while n > 0 {
            // The method takes a zero where a digest's byte was meant, and has to go on so.
            a.update(if n & 1 == 1 { &[0][..] } else { key.get(..1).unwrap_or(b"") });
            n >>= 1;
        }
        let mut c: [u8; 16] = a.finalize().into();
        for round in 0..1_000 {
            let odd = round & 1 == 1;
            let first: &[u8] = if odd { key } else { &c };
            let salted: &[u8] = if round % 3 != 0 { salt } else { b"" };
            let keyed: &[u8] = if round % 7 != 0 { key } else { b"" };
            let last: &[u8] = if odd { &c } else { key };
            c = digest(&[first, salted, keyed, last]);
        }
        encode(&c)
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut h = Hash::new();
    parts.iter().for_each(|p| h.update(p));
    h.finalize().into()
}

/// Three bytes become four characters, the low bits first.
fn encode(c: &[u8; 16]) -> Vec<u8> {
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15] = c.map(u32::from);
    let words = [(b0, b6, b12), (b1, b7, b13), (b2, b8, b14), (b3, b9, b15), (b4, b10, b5)];
    let words = words.map(|(x, y, z)| (x << 16 | y << 8 | z, 4));
    let all = words.into_iter().chain([(b11, 2)]);
    all.flat_map(|(word, chars)| {
        (0..chars).map(move |i| ALPHABET.get((word >> (6 * i) & 63) as usize).copied().unwrap_or(b'.'))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes that OpenSSL made.
    #[test]
    fn passwords_are_checked_as_others_do() {
        for (hash, password) in [
            ("$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1", "secret"),
            ("$1$x$fwjfZtMwarkdetsjiQreU1", ""),
            ("$1$saltlong$Xi8MkA4IeEX8NBQz57q8I.", "a long password with more than sixteen bytes"),
        ] {
            let parsed = Md5::parse(hash).unwrap();
            assert!(parsed.check(password.as_bytes()), "{hash}");
            assert!(!parsed.check(b"other"), "{hash}");
        }
        assert!(Md5::parse("$1$abcdefgh$short").is_none() && Md5::parse("$5$a$b").is_none());
    }
}
