//! Bodies fed in pieces of every size give the same bytes.

use proptest::prelude::*;

use super::*;

/// Feeds `input` in pieces of `step` bytes; gives what was forwarded, what was left over, and the content count.
fn run(framing: Framing, input: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u8>, u64), Reject> {
    let mut body = Body::new(framing);
    let (mut out, mut content, mut at) = (Vec::new(), 0, 0);
    while at < input.len() && !body.is_done() {
        let mut piece = input[at..input.len().min(at + step)].to_vec();
        let p = body.pass(&mut piece)?;
        assert!(p.write <= p.read && p.read <= piece.len());
        assert!(body.is_done() || p.read == piece.len(), "an unfinished body takes everything");
        out.extend_from_slice(&piece[..p.write]);
        content += p.content;
        at += p.read;
    }
    Ok((out, input[at..].to_vec(), content))
}

#[test]
fn a_length_takes_exactly_its_bytes() {
    for step in 1..8 {
        assert_eq!(run(Framing::Length(3), b"abcGET", step), Ok((b"abc".to_vec(), b"GET".to_vec(), 3)));
    }
    assert_eq!(run(Framing::None, b"GET", 1), Ok((vec![], b"GET".to_vec(), 0)));
}

#[test]
fn chunks_leave_without_extensions_whatever_the_pieces() {
    let input = b"3;a=b;c=\"d;\\\"\r\r\nabc\r\n";
    assert_eq!(run(Framing::Chunked, input, 99), Err(Reject::Chunk), "CR inside a quoted string");
    let input = b"3 ; a=b;c=\"d;\\\"x\"\r\nabc\r\n0a\r\n0123456789\r\n0\r\nT: v\r\nU:\r\n\r\nGET";
    let want = b"3\r\nabc\r\n0a\r\n0123456789\r\n0\r\nT: v\r\nU:\r\n\r\n".to_vec();
    for step in 1..input.len() {
        assert_eq!(run(Framing::Chunked, input, step), Ok((want.clone(), b"GET".to_vec(), 17)), "{step}");
    }
}

#[test]
fn broken_chunking_is_refused() {
    for bad in [
        &b"3\nabc\r\n0\r\n\r\n"[..],
        b"3;\nabc\r\n0\r\n\r\n",
        b"3\r\nabcx\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"\r\n",
        b" 3\r\nabc\r\n",
        b"3 x\r\nabc\r\n",
        b"3\x0b\r\nabc\r\n",
        b"0x3\r\nabc\r\n",
        b"-3\r\nabc\r\n",
        b"11111111111111111\r\nabc\r\n",
        b"00000000000000003\r\nabc\r\n",
        b"0\r\nT : v\r\n\r\n",
        b"0\r\nT\r\n\r\n",
        b"0\r\nT: a\0b\r\n\r\n",
        b"0\r\nT: v\n\r\n",
        b"0\r\n T: v\r\n\r\n",
        b"0\r\nContent-Length: 3\r\n\r\n",
        b"0\r\n\n",
        b"3;a=\x01\r\nabc\r\n",
    ] {
        for step in [1, 2, 99] {
            assert_eq!(run(Framing::Chunked, bad, step), Err(Reject::Chunk), "{}", bad.escape_ascii());
        }
    }
}

#[test]
fn trailers_and_chunk_lines_are_bounded() {
    let long = [&b"0\r\nT: "[..], &b"v".repeat(TRAILERS_MAX + 1)].concat();
    assert_eq!(run(Framing::Chunked, &long, 1000), Err(Reject::Chunk));
    let long = [&b"3;"[..], &b"v".repeat(CHUNK_LINE_MAX as usize + 9)].concat();
    assert_eq!(run(Framing::Chunked, &long, 1000), Err(Reject::Chunk));
}

/// What has gone on when a message is found to be broken is never more than the beginning of it: a reader that ends
/// lines at CR alone finds nothing behind them.
#[test]
fn nothing_behind_a_bare_cr_of_a_trailer_goes_on() {
    for bad in [&b"0\r\n\rGET / HTTP/1.1\r\r"[..], b"0\r\nT: v\rGET / HTTP/1.1", b"0\r\nHost: b"] {
        for step in 1..bad.len() {
            let mut body = Body::new(Framing::Chunked);
            let (mut out, mut at, mut failed) = (Vec::new(), 0, false);
            while at < bad.len() && !failed {
                let mut piece = bad[at..bad.len().min(at + step)].to_vec();
                match body.pass(&mut piece) {
                    Ok(p) => {
                        out.extend_from_slice(&piece[..p.write]);
                        at += p.read;
                    }
                    Err(_) => failed = true,
                }
            }
            assert!(failed, "{}", bad.escape_ascii());
            let text = String::from_utf8_lossy(&out);
            assert!(!text.contains("GET") && !text.contains(" b"), "{text:?}");
        }
    }
}

#[test]
fn the_place_where_the_coding_breaks_is_known() {
    for (bad, at) in [
        (&b"3\nabc"[..], 1),
        (b"3\r\nabcx", 6),
        (b"1;\"\r\n", 3),
        (b"0\r\nT : v\r\n", 4),
        (b"0\r\nT: v\rX", 8),
    ] {
        let mut body = Body::new(Framing::Chunked);
        assert_eq!(body.pass(&mut bad.to_vec()), Err(Reject::Chunk));
        assert_eq!(body.failed_at(), at, "{}", bad.escape_ascii());
    }
}

#[test]
fn leading_zeros_of_a_size_do_not_add_up() {
    let input = b"0003\r\nabc\r\n000\r\n\r\n";
    for step in 1..input.len() {
        assert_eq!(run(Framing::Chunked, input, step), Ok((b"03\r\nabc\r\n0\r\n\r\n".to_vec(), vec![], 4)));
    }
}

proptest! {
    /// What is forwarded, read again, passes unchanged: the output is canonical.
    #[test]
    fn output_is_a_fixed_point(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
        step in 1usize..50,
    ) {
        let mut input = Vec::new();
        for c in &chunks {
            input.extend_from_slice(format!("{:x} ;e=\"1\"\r\n", c.len()).as_bytes());
            input.extend_from_slice(c);
            input.extend_from_slice(b"\r\n");
        }
        input.extend_from_slice(b"0\r\n\r\n");
        let (once, _, content) = run(Framing::Chunked, &input, step).unwrap();
        prop_assert_eq!(content, chunks.iter().map(Vec::len).sum::<usize>() as u64 + 1);
        let (twice, rest, _) = run(Framing::Chunked, &once, 7).unwrap();
        prop_assert_eq!(once, twice);
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn arbitrary_bytes_never_panic(input in proptest::collection::vec(any::<u8>(), 0..100), step in 1usize..9) {
        let _ = run(Framing::Chunked, &input, step);
    }
}
