//! Fields of the PROXY header that the client's connection began with (manual 7.3.3, `fc_pp_…`).

use super::{ArgType, Args, Ctx, Fetch, Scope, Type, Value};
use crate::engine::proxy_protocol::tlvs;

/// Types of fields by the names that `fc_pp_tlv` takes (PROXY protocol, section 2.2).
const TYPES: &[(&str, u8)] = &[
    ("ALPN", ALPN),
    ("AUTHORITY", AUTHORITY),
    ("CRC32C", 0x03),
    ("NETNS", 0x30),
    ("NOOP", 0x04),
    ("SSL", 0x20),
    ("SSL_CIPHER", 0x23),
    ("SSL_CN", 0x22),
    ("SSL_KEY_ALG", 0x25),
    ("SSL_SIG_ALG", 0x24),
    ("SSL_VERSION", 0x21),
    ("UNIQUE_ID", UNIQUE_ID),
];
const ALPN: u8 = 0x01;
const AUTHORITY: u8 = 0x02;
const UNIQUE_ID: u8 = 0x05;
const SSL: u8 = 0x20;
/// Flags and result of the verification before the fields inside of an SSL field.
const SSL_HEAD: usize = 5;

pub(super) const FETCHES: &[Fetch] = &[
    row!("fc_pp_authority", &[], 0, Str, CLIENT, "Host name in the PROXY header.", |c, _, _| field(
        c, AUTHORITY
    )),
    row!(
        "fc_pp_tlv",
        &[ArgType::Str],
        1,
        Str,
        CLIENT,
        "A field of the PROXY header, by number or name.",
        |c, a, _| field(c, wanted(a)?)
    ),
    row!("fc_pp_unique_id", &[], 0, Str, CLIENT, "Identifier in the PROXY header.", |c, _, _| field(
        c, UNIQUE_ID
    )),
];

fn wanted(a: Args<'_>) -> Option<u8> {
    let word = std::str::from_utf8(a.bytes(0)?).ok()?;
    if let Some((_, n)) = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
        return Some(*n);
    }
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => u8::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

/// The value of the first field of that type, also of one inside of the SSL field.
fn field<'c>(c: &'c Ctx<'_>, kind: u8) -> Option<Value<'c>> {
    let all = c.conn.proxy_tlvs.as_deref()?;
    let inside = || {
        let ssl = tlvs(all).find(|(k, _)| *k == SSL)?.1;
        tlvs(ssl.get(SSL_HEAD..)?).find(|(k, _)| *k == kind)
    };
    tlvs(all).find(|(k, _)| *k == kind).or_else(inside).map(|(_, value)| Value::str(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{
        conn::ConnInfo,
        sample::{Names, NoWorld},
        txn::Txn,
    };

    #[test]
    fn fields_are_found_by_type_also_inside_of_the_ssl_field() {
        let raw = [
            &[AUTHORITY, 0, 3, b'a', b'b', b'c', UNIQUE_ID, 0, 1, b'7'][..],
            &[SSL, 0, 10, 1, 0, 0, 0, 0, 0x22, 0, 2, b'c', b'n'],
        ]
        .concat();
        let conn = ConnInfo { proxy_tlvs: Some(raw.into()), ..ConnInfo::default() };
        let mut txn = Txn::default();
        let ctx = Ctx::new(&conn, &mut txn, Names::default(), &NoWorld);
        assert_eq!(field(&ctx, AUTHORITY), Some(Value::str(b"abc")));
        assert_eq!(field(&ctx, UNIQUE_ID), Some(Value::str(b"7")));
        assert_eq!(field(&ctx, 0x22), Some(Value::str(b"cn")));
        assert_eq!(field(&ctx, 0xe0), None);
    }
}
