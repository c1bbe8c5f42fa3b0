//! Passwords hashed by SHA-256 or SHA-512 as crypt(3) does (`$5$`, `$6$`), and in `md5` by MD5 (`$1$`).
//!
//! After the public specification "Unix crypt using SHA-256 and SHA-512" (U. Drepper, 2007). Checking costs some
//! thousand digests on purpose; the number stands in the hash and is bounded here.

pub mod md5;

use aws_lc_rs::digest::{Algorithm, Context, SHA256, SHA512, digest};

/// Rounds without `rounds=`, and their bounds in the specification.
const ROUNDS_DEFAULT: u32 = 5_000;
const ROUNDS_MIN: u32 = 1_000;
/// A check of more rounds than this would hold its thread too long.
const ROUNDS_MAX: u32 = 1_000_000;
const SALT_BYTES_MAX: usize = 16;

/// A hashed password.
#[derive(Clone)]
pub struct Sha {
    algorithm: &'static Algorithm,
    rounds: u32,
    salt: Box<[u8]>,
    /// The hash in crypt's base64.
    hash: Box<[u8]>,
}

impl std::fmt::Debug for Sha {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Sha {
    /// Reads `$5$[rounds=n$]salt$hash` or the same with `$6$`; absent for anything else.
    pub fn parse(text: &str) -> Option<Sha> {
        let (algorithm, rest) = match text.strip_prefix("$5$") {
            Some(rest) => (&SHA256, rest),
            None => (&SHA512, text.strip_prefix("$6$")?),
        };
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            Some(rest) => {
                let (n, rest) = rest.split_once('$')?;
                (n.parse::<u32>().ok().filter(|n| *n <= ROUNDS_MAX)?.max(ROUNDS_MIN), rest)
            }
            None => (ROUNDS_DEFAULT, rest),
        };
        let (salt, hash) = rest.split_once('$')?;
        let salt = salt.as_bytes().get(..SALT_BYTES_MAX).unwrap_or(salt.as_bytes());
        Some(Sha { algorithm, rounds, salt: salt.into(), hash: hash.as_bytes().into() })
    }

    pub fn check(&self, password: &[u8]) -> bool {
        equal(&self.compute(password), &self.hash)
    }

    fn compute(&self, key: &[u8]) -> Vec<u8> {
        let salt = &*self.salt;
        let b = digest(self.algorithm, &[key, salt, key].concat());
        let mut a = Context::new(self.algorithm);
        a.update(key);
        a.update(salt);
        a.update(&repeated(b.as_ref(), key.len()));
        let mut n = key.len();
        while n > 0 {
            a.update(if n & 1 == 1 { b.as_ref() } else { key });
            n >>= 1;
        }
        let a = a.finish();
        let p = repeated(digest(self.algorithm, &key.repeat(key.len())).as_ref(), key.len());
        let times = 16 + usize::from(a.as_ref().first().copied().unwrap_or(0));
        let s = repeated(digest(self.algorithm, &salt.repeat(times)).as_ref(), salt.len());
        let mut c = a;
        for round in 0..self.rounds {
            let mut ctx = Context::new(self.algorithm);
            ctx.update(if round & 1 == 1 { &p } else { c.as_ref() });
            if round % 3 != 0 {
                ctx.update(&s);
            }
            if round % 7 != 0 {
                ctx.update(&p);
            }
            ctx.update(if round & 1 == 1 { c.as_ref() } else { &p });
            c = ctx.finish();
        }
        encode(c.as_ref())
    }
}

/// Compares in a time that depends on the lengths only.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    let differs = a.iter().zip(b).fold(0u8, |d, (x, y)| d | (x ^ y));
    a.len() == b.len() && std::hint::black_box(differs) == 0
}

/// The first `len` bytes of the endless repetition.
fn repeated(block: &[u8], len: usize) -> Vec<u8> {
    block.iter().copied().cycle().take(len).collect()
}

/// The digits of crypt's base64.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// crypt's base64: three bytes become four characters, the low bits first; the bytes are taken in an order that
/// rotates by a third of the digest.
fn encode(digest: &[u8]) -> Vec<u8> {
    let at = |i: usize| digest.get(i).copied().map_or(0, u32::from);
    let mut out = Vec::with_capacity(88);
    let mut push = |word: u32, chars: usize| {
        for i in 0..chars {
            out.push(ALPHABET.get((word >> (6 * i) & 63) as usize).copied().unwrap_or(b'.'));
        }
    };
    let third = digest.len() / 3;
    // SHA-512 rotates the three columns to the left from row to row, SHA-256 to the right.
    let left = digest.len() == 64;
    for row in 0..third {
        let columns = [row, row + third, row + 2 * third];
        let turn = if left { row % 3 } else { (3 - row % 3) % 3 };
        let column = |n: usize| columns.get((n + turn) % 3).copied().unwrap_or(0);
        push(at(column(0)) << 16 | at(column(1)) << 8 | at(column(2)), 4);
    }
    if left {
        push(at(63), 2);
    } else {
        push(at(31) << 8 | at(30), 3);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes that the C library made, those of the specification among them.
    #[test]
    fn passwords_are_checked_as_the_c_library_does() {
        let long = "a".repeat(100);
        for (hash, password) in [
            ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
            ("$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!"),
            (
                "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
                "Hello world!",
            ),
            (
                "$6$rounds=1400$anotherlongsalts$CvyNSQwf6bQerEu9N9SQOWtPnrIu1XZzaKZQpGKfoQ/SaumCMqHGCEvfGxtQ5xG2Au23d5sGapl8LQH64hLtn/",
                "",
            ),
            (
                "$6$x$WpTAO0OCjrfq5WnqjJEljeDvcsu0PNdWCxGeUJLDmClf1Zt0W.xoNd1qL42H0.kWnv4lgR66OqWGYd8pDW6v41",
                long.as_str(),
            ),
        ] {
            let sha = Sha::parse(hash).unwrap();
            assert!(sha.check(password.as_bytes()), "{hash}");
            assert!(!sha.check(b"hello world!"));
        }
        assert!(Sha::parse("$1$x$y").is_none() && Sha::parse("$6$rounds=99999999$x$y").is_none());
    }
}
