//! Small changes of an input, the same in every run: what a fuzzer would try first, within the crates' own tests.

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

/// Calls `check` with `rounds` changed copies of `input`.
pub(crate) fn each(input: &[u8], rounds: usize, check: fn(&[u8])) {
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
