//! AES in CBC and GCM mode. Nonces, keys and tags are written in base64, in the arguments or in variables.

use aws_lc_rs::{
    aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{
        AES_128, AES_192, AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
        PaddedBlockEncryptingKey, UnboundCipherKey,
    },
    iv::FixedLength,
};
use base64::Engine as _;

use super::{ArgType, Args, Converter, Ctx, Type, Value};

const CBC_ARGS: &[ArgType] = &[ArgType::Int, ArgType::StrOrVar, ArgType::StrOrVar, ArgType::StrOrVar];
const GCM_DEC_ARGS: &[ArgType] =
    &[ArgType::Int, ArgType::StrOrVar, ArgType::StrOrVar, ArgType::StrOrVar, ArgType::StrOrVar];
const GCM_ENC_ARGS: &[ArgType] =
    &[ArgType::Int, ArgType::StrOrVar, ArgType::StrOrVar, ArgType::Var, ArgType::StrOrVar];

pub(super) const CONVERTERS: &[Converter] = &[
    row!("aes_cbc_dec", CBC_ARGS, 3, Bin, Bin, "Decrypts by AES in CBC mode.", cbc_dec),
    row!("aes_cbc_enc", CBC_ARGS, 3, Bin, Bin, "Encrypts by AES in CBC mode.", cbc_enc),
    row!("aes_gcm_dec", GCM_DEC_ARGS, 4, Bin, Bin, "Decrypts by AES in GCM mode.", gcm_dec),
    row!(
        "aes_gcm_enc",
        GCM_ENC_ARGS,
        4,
        Bin,
        Bin,
        "Encrypts by AES in GCM mode and sets a variable to the tag.",
        gcm_enc
    ),
];

/// The bytes of an argument in base64.
fn decoded(a: Args<'_>, i: usize, c: &Ctx<'_>) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(&*a.text_or_var(i, c)?).ok()
}

/// Additional data; what was left out is empty.
fn additional(a: Args<'_>, i: usize, c: &Ctx<'_>) -> Option<Vec<u8>> {
    if a.get(i).is_none() { Some(Vec::new()) } else { decoded(a, i, c) }
}

fn data(v: Value<'_>) -> Option<Vec<u8>> {
    match v {
        Value::Bin(b) | Value::Str(b) => Some(b.into_owned()),
        _ => None,
    }
}

/// CBC has no additional data to check; as in HAProxy the argument changes nothing.
fn cbc_key(a: Args<'_>, c: &Ctx<'_>) -> Option<(UnboundCipherKey, FixedLength<16>)> {
    let algorithm = match a.int(0)? {
        128 => &AES_128,
        192 => &AES_192,
        256 => &AES_256,
        _ => return None,
    };
    let key = UnboundCipherKey::new(algorithm, &decoded(a, 2, c)?).ok()?;
    // A short vector is filled up with zeros.
    let (mut iv, nonce) = ([0; 16], decoded(a, 1, c)?);
    iv.iter_mut().zip(&nonce).for_each(|(to, from)| *to = *from);
    Some((key, FixedLength::from(iv)))
}

fn cbc_enc<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let (key, iv) = cbc_key(a, c)?;
    let mut text = data(v)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).ok()?;
    key.less_safe_encrypt(&mut text, EncryptionContext::Iv128(iv)).ok()?;
    Some(Value::Bin(text.into()))
}

fn cbc_dec<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let (key, iv) = cbc_key(a, c)?;
    let mut text = data(v)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let plain = key.decrypt(&mut text, DecryptionContext::Iv128(iv)).ok()?.to_vec();
    Some(Value::Bin(plain.into()))
}

/// Nonces have 12 bytes; the provider of our cryptography makes no others.
fn gcm_key(a: Args<'_>, c: &Ctx<'_>) -> Option<(LessSafeKey, Nonce)> {
    let algorithm = match a.int(0)? {
        128 => &AES_128_GCM,
        192 => &AES_192_GCM,
        256 => &AES_256_GCM,
        _ => return None,
    };
    let key = UnboundKey::new(algorithm, &decoded(a, 2, c)?).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(&decoded(a, 1, c)?).ok()?;
    Some((LessSafeKey::new(key), nonce))
}

fn gcm_enc<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let (key, nonce) = gcm_key(a, c)?;
    let mut text = data(v)?;
    let more = additional(a, 4, c)?;
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&*more), &mut text).ok()?;
    let tag = base64::engine::general_purpose::STANDARD.encode(tag.as_ref());
    a.var(3)?.set(c, Value::string(tag));
    Some(Value::Bin(text.into()))
}

fn gcm_dec<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let (key, nonce) = gcm_key(a, c)?;
    let mut text = data(v)?;
    text.extend_from_slice(&decoded(a, 3, c)?);
    let more = additional(a, 4, c)?;
    let plain = key.open_in_place(nonce, Aad::from(&*more), &mut text).ok()?.to_vec();
    Some(Value::Bin(plain.into()))
}
