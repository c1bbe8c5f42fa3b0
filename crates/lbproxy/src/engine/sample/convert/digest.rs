//! Cryptographic digests of binaries.

use std::borrow::Cow;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;

use super::{ArgType, Args, Converter, Ctx, Type, Value};

pub(super) const CONVERTERS: &[Converter] = &[
    row!("digest", &[ArgType::Str], 1, Bin, Bin, "A digest by its name.", named),
    row!(
        "hmac",
        &[ArgType::Str, ArgType::StrOrVar],
        2,
        Bin,
        Bin,
        "A keyed digest; the key is in base64.",
        keyed
    ),
    row!("sha1", &[], 0, Bin, Bin, "SHA-1.", |v, _, _| run(v, &digest::SHA1_FOR_LEGACY_USE_ONLY)),
    row!("sha2", &[ArgType::Int], 0, Bin, Bin, "SHA-2 of 224, 256, 384 or 512 bits.", sha2),
];

/// Whether a digest of that name can be computed.
pub(crate) fn is_known(name: &[u8]) -> bool {
    algorithm(name).is_some()
}

fn algorithm(name: &[u8]) -> Option<&'static digest::Algorithm> {
    Some(match name.to_ascii_lowercase().as_slice() {
        b"sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        b"sha224" => &digest::SHA224,
        b"sha256" => &digest::SHA256,
        b"sha384" => &digest::SHA384,
        b"sha512" => &digest::SHA512,
        _ => return None,
    })
}

fn data(v: Value<'_>) -> Option<Cow<'_, [u8]>> {
    match v {
        Value::Bin(b) | Value::Str(b) => Some(b),
        _ => None,
    }
}

fn run<'c>(v: Value<'c>, algorithm: &'static digest::Algorithm) -> Option<Value<'c>> {
    Some(Value::Bin(digest::digest(algorithm, &data(v)?).as_ref().to_vec().into()))
}

fn named<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    run(v, algorithm(a.bytes(0)?)?)
}

fn sha2<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    run(
        v,
        match a.int(0) {
            None | Some(256) => &digest::SHA256,
            Some(224) => &digest::SHA224,
            Some(384) => &digest::SHA384,
            Some(512) => &digest::SHA512,
            Some(_) => return None,
        },
    )
}

fn keyed<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let algorithm = match a.bytes(0)?.to_ascii_lowercase().as_slice() {
        b"sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        b"sha224" => hmac::HMAC_SHA224,
        b"sha256" => hmac::HMAC_SHA256,
        b"sha384" => hmac::HMAC_SHA384,
        b"sha512" => hmac::HMAC_SHA512,
        _ => return None,
    };
    let key = base64::engine::general_purpose::STANDARD.decode(&*a.text_or_var(1, c)?).ok()?;
    let tag = hmac::sign(&hmac::Key::new(algorithm, &key), &data(v)?);
    Some(Value::Bin(tag.as_ref().to_vec().into()))
}
