//! Tables of bytes and properties of the PROXY protocol.

use proptest::prelude::*;

use super::*;

fn inet(text: &str) -> Addr {
    Addr::Inet(text.parse().unwrap())
}

fn v2(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
    let mut b = V2_SIGNATURE.to_vec();
    b.extend([command, family]);
    b.extend((payload.len() as u16).to_be_bytes());
    b.extend(payload);
    b
}

#[test]
fn version_1_lines_give_the_addresses_of_the_client() {
    let line = b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\nGET / HTTP/1.1\r\n";
    assert_eq!(
        parse(line),
        Parsed::Done {
            header: Header { addrs: Some((inet("192.0.2.1:56324"), inet("198.51.100.7:443"))), tlvs: &[] },
            len: 45
        }
    );
    let line = b"PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 0 65535\r\n";
    assert!(matches!(
        parse(line),
        Parsed::Done { header: Header { addrs: Some((s, d)), .. }, .. }
            if s == inet("[2001:db8::1]:0") && d == inet("[::ffff:1.2.3.4]:65535")
    ));
}

#[test]
fn unknown_keeps_the_addresses_of_the_connection_whatever_follows() {
    for line in ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN a b c d e\r\n"] {
        assert_eq!(
            parse(line.as_bytes()),
            Parsed::Done { header: Header { addrs: None, tlvs: &[] }, len: line.len() }
        );
    }
}

#[test]
fn malformed_version_1_lines_are_refused() {
    for (line, reason) in [
        ("GET / HTTP/1.1\r\n", Reason::NoHeader),
        ("PROXYTCP4", Reason::NoHeader),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", Reason::BadLine),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rX", Reason::BadLine),
        ("PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n", Reason::BadLine),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", Reason::BadLine),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", Reason::BadLine),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n", Reason::BadLine),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", Reason::BadLine),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n", Reason::BadLine),
        ("PROXY TCP4 1.2.3.400 5.6.7.8 1 2\r\n", Reason::BadLine),
        ("PROXY TCP4 ::1 ::2 1 2\r\n", Reason::BadLine),
        ("PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n", Reason::BadLine),
        ("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", Reason::BadLine),
        ("PROXY \r\n", Reason::BadLine),
    ] {
        assert_eq!(parse(line.as_bytes()), Parsed::Invalid(reason), "{line:?}");
    }
    let long = format!("PROXY UNKNOWN {}", "x".repeat(V1_LINE_MAX));
    assert_eq!(parse(long.as_bytes()), Parsed::Invalid(Reason::TooLong));
}

#[test]
fn version_2_gives_addresses_and_tlvs() {
    let mut payload = vec![192, 0, 2, 1, 198, 51, 100, 7, 0xdc, 0x04, 0x01, 0xbb];
    payload.extend([0x02, 0, 3, b'a', b'.', b'b']);
    let bytes = v2(0x21, 0x11, &payload);
    let Parsed::Done { header, len } = parse(&bytes) else { panic!("{:?}", parse(&bytes)) };
    assert_eq!(header.addrs, Some((inet("192.0.2.1:56324"), inet("198.51.100.7:443"))));
    assert_eq!(tlvs(header.tlvs).collect::<Vec<_>>(), [(2, &b"a.b"[..])]);
    assert_eq!(len, bytes.len());
}

#[test]
fn local_and_unknown_families_are_skipped_whole() {
    for bytes in [v2(0x20, 0x00, &[]), v2(0x20, 0x00, &[1, 2, 3, 4, 5]), v2(0x21, 0x77, b"whatever")] {
        assert_eq!(
            parse(&bytes),
            Parsed::Done { header: Header { addrs: None, tlvs: &[] }, len: bytes.len() }
        );
    }
}

#[test]
fn malformed_version_2_headers_are_refused() {
    assert_eq!(parse(&v2(0x31, 0x11, &[0; 12])), Parsed::Invalid(Reason::BadCommand));
    assert_eq!(parse(&v2(0x22, 0x11, &[0; 12])), Parsed::Invalid(Reason::BadCommand));
    assert_eq!(parse(&v2(0x21, 0x11, &[0; 11])), Parsed::Invalid(Reason::BadLength));
    assert_eq!(parse(&v2(0x21, 0x21, &[0; 35])), Parsed::Invalid(Reason::BadLength));
    // A TLV that claims more than there is.
    let mut payload = vec![0; 12];
    payload.extend([0x02, 0, 9, 1]);
    assert_eq!(parse(&v2(0x21, 0x11, &payload)), Parsed::Invalid(Reason::BadLength));
    let mut long = V2_SIGNATURE.to_vec();
    long.extend([0x21, 0x11, 0xff, 0xff]);
    assert_eq!(parse(&long), Parsed::Invalid(Reason::TooLong));
}

#[test]
fn the_checksum_tlv_is_verified() {
    // The check value of CRC-32C.
    assert_eq!(crc32c(b"123456789".iter()), 0xe306_9283);
    let mut payload = vec![192, 0, 2, 1, 198, 51, 100, 7, 0xdc, 0x04, 0x01, 0xbb];
    payload.extend([TLV_CRC32C, 0, 4, 0, 0, 0, 0, 0x04, 0, 1, 0]);
    let mut bytes = v2(0x21, 0x11, &payload);
    let sum = crc32c(bytes.iter()).to_be_bytes();
    bytes[31..35].copy_from_slice(&sum);
    assert!(matches!(parse(&bytes), Parsed::Done { .. }));
    bytes[34] ^= 1;
    assert_eq!(parse(&bytes), Parsed::Invalid(Reason::BadChecksum));
}

#[test]
fn addresses_of_two_families_are_sent_as_unknown() {
    let (a, b) = (inet("1.2.3.4:5"), inet("[::1]:6"));
    let mut out = Vec::new();
    encode_v1(a, b, &mut out);
    assert_eq!(out, b"PROXY UNKNOWN\r\n");
    out.clear();
    encode_v2(Addr::Unix, Addr::Unix, &mut out);
    assert_eq!(out, v2(0x21, 0x00, &[]));
    out.clear();
    encode_v2_local(&mut out);
    assert_eq!(out, v2(0x20, 0x00, &[]));
}

fn pair() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
    prop_oneof![
        (any::<(Ipv4Addr, u16)>(), any::<(Ipv4Addr, u16)>()).prop_map(|(a, b)| (a.into(), b.into())),
        (any::<(Ipv6Addr, u16)>(), any::<(Ipv6Addr, u16)>()).prop_map(|(a, b)| (a.into(), b.into())),
    ]
}

proptest! {
    #[test]
    fn what_is_written_reads_back_and_every_prefix_waits(
        (s, d) in pair(), version_2: bool, after in proptest::collection::vec(any::<u8>(), 0..8)
    ) {
        let (src, dst) = (Addr::Inet(s), Addr::Inet(d));
        let mut bytes = Vec::new();
        if version_2 { encode_v2(src, dst, &mut bytes) } else { encode_v1(src, dst, &mut bytes) }
        let whole = bytes.len();
        bytes.extend(after);
        prop_assert_eq!(
            parse(&bytes),
            Parsed::Done { header: Header { addrs: Some((src, dst)), tlvs: &[] }, len: whole }
        );
        for n in 0..whole {
            prop_assert_eq!(parse(&bytes[..n]), Parsed::Incomplete);
        }
    }

    #[test]
    fn any_bytes_get_a_verdict_that_more_bytes_do_not_change(
        start in prop_oneof![Just(&b""[..]), Just(&b"PROXY TCP4 1"[..]), Just(&V2_SIGNATURE[..]),
                             Just(&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00"[..])],
        tail in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes: Vec<u8> = start.iter().copied().chain(tail).collect();
        let mut decided = None;
        for n in 0..=bytes.len() {
            let now = parse(&bytes[..n]);
            match (decided, now) {
                (None, Parsed::Incomplete) => {}
                (None, p) => decided = Some(p),
                (Some(before), p) => prop_assert_eq!(before, p),
            }
        }
    }
}
