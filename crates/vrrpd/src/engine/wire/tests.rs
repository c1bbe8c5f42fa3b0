//! Adverts and frames captured from keepalived 2.4 (addresses 10.9.0.x), and the receive checks.

use proptest::prelude::*;

use super::*;

const ME: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1));
const GROUP: IpAddr = IpAddr::V4(GROUP_V4);

fn vip(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 9, 0, last))
}

fn v2(vrid: u8, addresses: &[u8]) -> Dialect {
    Dialect {
        version: Version::V2,
        vrid,
        auth: Auth::None,
        checksum: Checksum::Pseudo,
        interval: Duration::from_secs(1),
        addresses: addresses.iter().map(|&a| vip(a)).collect(),
    }
}

fn v3(vrid: u8, interval_ms: u64, addresses: &[u8]) -> Dialect {
    Dialect { version: Version::V3, interval: Duration::from_millis(interval_ms), ..v2(vrid, addresses) }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
}

fn packet(d: &Dialect, priority: u8, to: IpAddr, id: u16) -> Vec<u8> {
    let (IpAddr::V4(from), IpAddr::V4(dest)) = (ME, to) else { panic!("IPv4 only") };
    ip::wrap(&d.encode(priority, ME, to), from, dest, TTL, id)
}

#[test]
fn version_2_with_a_password_equals_keepaliveds_bytes() {
    let d = Dialect { auth: Auth::pass(b"secret"), ..v2(51, &[100, 101]) };
    assert_eq!(
        packet(&d, 103, GROUP, 1),
        hex("45c0 002c 0001 0000 ff70 d084 0a09 0001 e000 0012
             2133 6702 0101 25a2 0a09 0064 0a09 0065 7365 6372 6574 0000")
    );
}

#[test]
fn version_2_unicast_without_password_equals_keepaliveds_bytes() {
    assert_eq!(
        packet(&v2(54, &[104]), 120, vip(2), 2),
        hex("45c0 0028 0002 0000 ff70 a68f 0a09 0001 0a09 0002
             2136 7801 0001 5c56 0a09 0068 0000 0000 0000 0000")
    );
}

#[test]
fn version_3_multicast_equals_keepaliveds_bytes() {
    assert_eq!(
        packet(&v3(53, 500, &[103]), 120, GROUP, 7),
        hex("45c0 0020 0007 0000 ff70 d08a 0a09 0001 e000 0012 3135 7801 0032 618e 0a09 0067")
    );
}

#[test]
fn version_3_unicast_sums_over_the_real_destination_as_keepalived_does() {
    assert_eq!(
        packet(&v3(55, 1000, &[105]), 255, vip(2), 1),
        hex("45c0 0020 0001 0000 ff70 a698 0a09 0001 0a09 0002 3137 ff01 0064 b05f 0a09 0069")
    );
}

const GROUP6: IpAddr = IpAddr::V6(GROUP_V6);
const ME6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1));

#[test]
fn version_3_over_ipv6_equals_keepaliveds_bytes_and_carries_two_addresses() {
    let addresses = vec!["fe80::100".parse().unwrap(), "fd00::100".parse().unwrap()];
    let d = Dialect { addresses, ..v3(61, 1_000, &[]) };
    let message = d.encode(255, ME6, GROUP6);
    assert_eq!(
        message,
        hex(
            "313d ff02 0064 d4aa fe80 0000 0000 0000 0000 0000 0000 0100 fd00 0000 0000 0000 0000 0000 0000 0100"
        )
    );
    let received = Received { source: ME6, destination: GROUP6, ttl: TTL, message: &message };
    let advert = d.decode(&received, Cast::Multicast).unwrap();
    assert_eq!((advert.priority, advert.addresses_differ), (255, false));
    let other = Received { source: "fe80::2".parse().unwrap(), ..received };
    assert_eq!(d.decode(&other, Cast::Multicast), Err(Verdict::Checksum), "the pseudo header is part of it");
    assert_eq!(d.decode(&Received { ttl: 254, ..received }, Cast::Multicast), Err(Verdict::Ttl(254)));
}

const KEY: &[u8] = b"abcdefghijklmnopqrstuvwxyz012345";

fn sealed(key: u8, bytes: &[u8], base: Dialect) -> Dialect {
    let seal = Seal {
        keys: vec![(key, bytes.to_vec())],
        active: key,
        window: Some(Duration::from_secs(5)),
        mode: seal::Mode::Enforce,
    };
    Dialect { auth: Auth::Seal(Arc::new(seal)), ..base }
}

/// Vectors: adverts that keepalived 2.4 sent.
#[test]
fn signed_adverts_equal_keepaliveds_bytes() {
    let hex_key: Vec<u8> = (0..32).collect();
    let v6 = Dialect { addresses: vec!["fe80::65".parse().unwrap()], ..v3(65, 1_000, &[]) };
    let cases = [
        (
            sealed(1, &hex_key, v2(63, &[63])),
            ME,
            GROUP,
            0x6b02_ed45_622d_0000,
            "213f ff01 0001 d575 0a09 003f 0000 0000 0000 0000 0101 0000 6b02 ed45 622d 0000 4637 cfcc 2682 3196 e542 fdda 791f c374",
        ),
        (
            sealed(7, KEY, v3(64, 1_000, &[64])),
            ME,
            GROUP,
            0x6b02_ed45_67da_0000,
            "3140 ff01 0064 da77 0a09 0040 0107 0000 6b02 ed45 67da 0000 337d 42fa aa49 f070 9b1f b983 1f1c d867",
        ),
        (
            sealed(7, KEY, v3(66, 1_000, &[67])),
            ME,
            vip(2),
            0x6b02_ed45_64d3_0000,
            "3142 ff01 0064 b07a 0a09 0043 0107 0000 6b02 ed45 64d3 0000 7e6a 56b2 3055 c636 0cb0 2525 f717 bf17",
        ),
        (
            sealed(7, KEY, v6),
            ME6,
            GROUP6,
            0x6b02_ed45_65c6_0000,
            "3141 ff01 0064 4b0b fe80 0000 0000 0000 0000 0000 0000 0065 0107 0000 6b02 ed45 65c6 0000 2e8c c016 ca4a 42bc bc89 2b8e 09c5 db8f",
        ),
    ];
    for (d, from, to, sequence, bytes) in cases {
        let mut message = d.encode(255, from, to);
        d.seal(&mut message, from, to, sequence);
        assert_eq!(message, hex(bytes));
        let received = Received { source: from, destination: to, ttl: TTL, message: &message };
        let cast =
            if to.is_multicast() { Cast::Multicast } else { Cast::Unicast { ttl_min: 0, ttl_max: 255 } };
        assert_eq!(d.decode(&received, cast).unwrap().priority, 255);
        let wall = Duration::from_secs(sequence >> 32);
        assert_eq!(d.unseal(&received, wall), Ok(Some(sequence)));
        assert_eq!(
            d.unseal(&received, wall + Duration::from_secs(7)),
            Err(Verdict::Stale(Duration::from_secs(6)))
        );
        for at in (0..message.len()).filter(|at| !(6..8).contains(at)) {
            let mut forged = message.clone();
            forged[at] ^= 0x10;
            assert!(d.unseal(&Received { message: &forged, ..received }, wall).is_err(), "byte {at}");
        }
        let bare = message.len() - seal::TRAILER_BYTES;
        let bare = Received { message: &message[..bare], ..received };
        assert_eq!(d.unseal(&bare, wall), Err(Verdict::NoTrailer));
    }
}

#[test]
fn the_migration_modes_hear_what_is_not_signed_and_receive_only_signs_nothing() {
    let Auth::Seal(base) = sealed(7, KEY, v3(64, 1_000, &[64])).auth else { panic!() };
    for (mode, signs) in [(seal::Mode::Permissive, true), (seal::Mode::ReceiveOnly, false)] {
        let d =
            Dialect { auth: Auth::Seal(Arc::new(Seal { mode, ..(*base).clone() })), ..v3(64, 1_000, &[64]) };
        let mut message = d.encode(100, ME, GROUP);
        let bare = message.clone();
        d.seal(&mut message, ME, GROUP, 1);
        assert_eq!(message != bare, signs);
        let received = Received { source: ME, destination: GROUP, ttl: TTL, message: &bare };
        assert_eq!(d.unseal(&received, Duration::ZERO), Ok(None));
    }
}

#[test]
fn the_authentication_header_equals_keepaliveds_bytes() {
    let d = Dialect { auth: Auth::Header(b"secret".to_vec()), ..v2(62, &[62]) };
    let (IpAddr::V4(from), IpAddr::V4(to)) = (ME, GROUP) else { panic!() };
    let message = d.encode(255, ME, GROUP);
    let sent = ah::Sent { ttl: TTL, id: 2, key: b"secret", sequence: 2 };
    let packet = ah::wrap(&message, from, to, sent);
    assert_eq!(
        packet,
        hex("45c0 0040 0002 0000 ff33 d0ac 0a09 0001 e000 0012 7004 0000 0a09 0001 0000 0002 b20f e129 37cf ec2b
             c896 ae24 213e ff01 0201 d377 0a09 003e 0000 0000 0000 0000")
    );
    let sealed = ah::unwrap(&packet).unwrap();
    assert_eq!((sealed.sequence, sealed.is_signed_with(b"secret")), (2, true));
    assert_eq!(d.decode(&sealed.received, Cast::Multicast).unwrap().priority, 255);
    assert!(!sealed.is_signed_with(b"other"));
    for at in [4, 8, 12, 16, 30, 44, 46, 60] {
        let mut forged = packet.clone();
        forged[at] ^= 1;
        assert!(ah::unwrap(&forged).is_none_or(|s| !s.is_signed_with(b"secret")), "byte {at}");
    }
}

#[test]
fn the_neighbour_advertisement_equals_keepaliveds_frame() {
    assert_eq!(
        ndp::unsolicited([2, 0, 0, 0, 0, 1], "fd00::100".parse().unwrap()).to_vec(),
        hex("3333 0000 0001 0200 0000 0001 86dd 6000 0000 0020 3aff fd00 0000 0000 0000 0000 0000 0000 0100 ff02
             0000 0000 0000 0000 0000 0000 0001 8800 589d 2000 0000 fd00 0000 0000 0000 0000 0000 0000 0100 0201
             0200 0000 0001")
    );
}

#[test]
fn gratuitous_arp_equals_keepaliveds_frame() {
    assert_eq!(
        arp::gratuitous([0xee, 0xb5, 0x09, 0x69, 0xa7, 0x36], Ipv4Addr::new(10, 9, 0, 105)).to_vec(),
        hex("ffff ffff ffff eeb5 0969 a736 0806 0001 0800 0604 0001 eeb5 0969 a736 0a09 0069
             ffff ffff ffff 0a09 0069")
    );
}

#[test]
fn version_3_without_pseudo_header_sums_the_message_alone() {
    let d = Dialect { checksum: Checksum::Plain, ..v3(53, 500, &[103]) };
    let message = d.encode(120, ME, GROUP);
    let folded = message.chunks(2).fold(0u32, |s, c| s + u32::from(c[0]) * 256 + u32::from(c[1]));
    assert_eq!((folded & 0xffff) + (folded >> 16), 0xffff);
    assert_eq!(message, d.encode(120, vip(9), vip(8)), "addresses of the header do not count");
}

fn received(message: &[u8]) -> Received<'_> {
    Received { source: ME, destination: GROUP, ttl: TTL, message }
}

fn judge(d: &Dialect, message: &[u8]) -> Result<Advert, Verdict> {
    d.decode(&received(message), Cast::Multicast)
}

#[test]
fn a_good_advert_tells_priority_interval_and_source() {
    let d = v3(53, 500, &[103]);
    let advert = judge(&d, &v3(53, 700, &[103]).encode(120, ME, GROUP)).unwrap();
    assert_eq!(
        advert,
        Advert { source: ME, priority: 120, interval: Duration::from_millis(700), addresses_differ: false }
    );
}

#[test]
fn each_receive_check_has_its_verdict() {
    let d = Dialect { auth: Auth::pass(b"secret"), ..v2(51, &[100]) };
    let good = d.encode(100, ME, GROUP);
    assert_eq!(judge(&d, &good[..7]), Err(Verdict::Length));
    assert_eq!(judge(&d, &good[..good.len() - 1]), Err(Verdict::Length));
    let far = Received { ttl: 254, ..received(&good) };
    assert_eq!(d.decode(&far, Cast::Multicast), Err(Verdict::Ttl(254)));
    assert_eq!(judge(&d, &v3(51, 1000, &[100]).encode(100, ME, GROUP)), Err(Verdict::Version(3)));
    assert_eq!(judge(&d, &v2(51, &[100]).encode(100, ME, GROUP)), Err(Verdict::AuthMismatch(0)));
    let other = Dialect { auth: Auth::pass(b"public"), ..d.clone() };
    assert_eq!(judge(&d, &other.encode(100, ME, GROUP)), Err(Verdict::AuthFailure));
    let slow = Dialect { interval: Duration::from_secs(3), ..d.clone() };
    assert_eq!(judge(&d, &slow.encode(100, ME, GROUP)), Err(Verdict::Interval(Duration::from_secs(3))));
    let mut bytes = good.clone();
    bytes[0] = 0x22;
    assert_eq!(judge(&d, &bytes), Err(Verdict::Type(2)));
    let mut bytes = good.clone();
    bytes[4] = 9;
    assert_eq!(judge(&d, &bytes), Err(Verdict::AuthType(9)));
    let mut bytes = good.clone();
    bytes[2] = 101;
    assert_eq!(judge(&d, &bytes), Err(Verdict::Checksum));
    let straight = Received { destination: vip(2), ..received(&good) };
    assert_eq!(d.decode(&straight, Cast::Multicast), Err(Verdict::Cast));
    let any = Cast::Unicast { ttl_min: 0, ttl_max: 255 };
    assert_eq!(d.decode(&received(&good), any), Err(Verdict::Cast));
}

#[test]
fn unicast_has_no_ttl_check_unless_bounds_are_given() {
    let d = v2(51, &[100]);
    let message = d.encode(100, ME, vip(2));
    let far = Received { destination: vip(2), ttl: 3, ..received(&message) };
    assert!(d.decode(&far, Cast::Unicast { ttl_min: 0, ttl_max: 255 }).is_ok());
    assert_eq!(d.decode(&far, Cast::Unicast { ttl_min: 250, ttl_max: 255 }), Err(Verdict::Ttl(3)));
}

#[test]
fn a_wrong_address_list_is_told_and_the_advert_accepted() {
    let d = v2(51, &[100, 101]);
    for other in [&[100u8][..], &[100, 102], &[100, 101, 102], &[]] {
        let advert = judge(&d, &v2(51, other).encode(100, ME, GROUP)).unwrap();
        assert!(advert.addresses_differ, "{other:?}");
    }
    assert!(!judge(&d, &v2(51, &[101, 100]).encode(100, ME, GROUP)).unwrap().addresses_differ);
}

#[test]
fn a_password_is_cut_to_eight_bytes_and_never_printed() {
    assert_eq!(Auth::pass(b"twelveletters"), Auth::pass(b"twelvele"));
    assert_ne!(Auth::pass(b"a"), Auth::pass(b"b"));
    assert!(!format!("{:?}", Auth::pass(b"secret")).contains("secret"));
}

#[test]
fn the_ip_header_is_taken_off_with_its_options_and_padding() {
    let message = v2(51, &[100]).encode(100, ME, GROUP);
    let mut bytes = packet(&v2(51, &[100]), 100, GROUP, 1);
    bytes.extend_from_slice(&[0; 6]);
    assert_eq!(ip::unwrap(&bytes).unwrap().message, &message[..]);
    bytes[0] = 0x44;
    assert!(ip::unwrap(&bytes).is_none(), "a header shorter than 20 bytes");
    bytes[0] = 0x45;
    bytes[9] = 17;
    assert!(ip::unwrap(&bytes).is_none(), "another protocol");
}

proptest! {
    #[test]
    fn no_packet_makes_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120), two: bool) {
        let d = if two { v2(51, &[100]) } else { v3(51, 100, &[100]) };
        let _ = judge(&d, &bytes);
        if let Some(r) = ip::unwrap(&bytes) {
            let _ = (r.vrid(), d.decode(&r, Cast::Multicast));
        }
    }

    #[test]
    fn what_is_encoded_is_decoded(
        vrid in 1u8.., priority: u8, count in 0usize..200, two: bool, word in "[a-z]{0,12}", plain: bool,
    ) {
        let base = if two { v2(vrid, &[]) } else { v3(vrid, 330, &[]) };
        let d = Dialect {
            addresses: (0..count).map(|i| vip(i as u8)).collect(),
            auth: if word.is_empty() { Auth::None } else { Auth::pass(word.as_bytes()) },
            checksum: if plain { Checksum::Plain } else { Checksum::Pseudo },
            ..base
        };
        let heard = judge(&d, &d.encode(priority, ME, GROUP)).unwrap();
        prop_assert_eq!((heard.priority, heard.interval, heard.addresses_differ), (priority, d.interval, false));
    }

    #[test]
    fn a_flipped_bit_never_passes_as_another_advert(bit in 0usize..24 * 8) {
        let d = Dialect { auth: Auth::pass(b"secret"), ..v2(51, &[100, 101]) };
        let mut bytes = d.encode(100, ME, GROUP);
        bytes[bit / 8] ^= 1 << (bit % 8);
        // The virtual router's number is checked by whoever picks the instance.
        prop_assert!(bit / 8 == 1 || judge(&d, &bytes).is_err());
    }
}
