//! A corpus replayed within the crates' own tests: each input, and small changes of it, the same in every run.

use std::path::Path;

/// Bytes that mean something to somebody.
const TOKENS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"0",
    b"\xff",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"#",
    b"$",
    b"%",
    b"HTTP/1.1",
    b"chunked",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
];

/// Calls `check` with each input of the corpus of `target`, and with `rounds` changed copies of it.
pub(crate) fn replay(target: &str, rounds: usize, check: fn(&[u8])) {
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&at).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "{} holds inputs", at.display());
    for file in files {
        // The name is shown when the check fails.
        println!("{}", file.display());
        let input = std::fs::read(&file).unwrap();
        check(&input);
        each(&input, rounds, check);
    }
}

/// Calls `check` with `rounds` changed copies of `input`.
fn each(input: &[u8], rounds: usize, check: fn(&[u8])) {
    let mut random =
        Xorshift(input.iter().fold(0x9e37_79b9_7f4a_7c15, |s, &b| (s ^ u64::from(b)).wrapping_mul(31)) | 1);
    for _ in 0..rounds {
        let mut copy = input.to_vec();
        for _ in 0..=random.below(3) {
            change(&mut copy, &mut random);
        }
        check(&copy);
    }
}

fn change(bytes: &mut Vec<u8>, random: &mut Xorshift) {
    let at = random.below(bytes.len() + 1);
    let end = (at + random.below(9)).min(bytes.len());
    let token = TOKENS[random.below(TOKENS.len())];
    match random.below(4) {
        0 => drop(bytes.splice(at..at, token.iter().copied())),
        1 => drop(bytes.splice(at..end, token.iter().copied())),
        2 => drop(bytes.drain(at..end)),
        _ => {
            let again = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, again));
        }
    }
}

struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}
