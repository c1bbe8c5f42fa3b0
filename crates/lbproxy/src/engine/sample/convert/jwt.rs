//! JSON web tokens in compact form (RFC 7515): their parts, and whether their signature holds (RFC 7518).

use std::borrow::Cow;

use aws_lc_rs::{
    hmac,
    signature::{
        self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, UnparsedPublicKey,
        VerificationAlgorithm,
    },
};
use base64::Engine as _;

use super::{Arg, ArgType, Args, Converter, Ctx, Type, Value};
use crate::engine::{crypt::equal, sample::query};

const KEY_ARGS: &[ArgType] = &[ArgType::StrOrVar, ArgType::Key];

pub(super) const CONVERTERS: &[Converter] = &[
    row!("jwt_header_query", &[ArgType::Str; 2], 0, Bin, Any, "The head of a JSON web token.", |v, a, _| {
        part(v, a, 0)
    }),
    row!(
        "jwt_payload_query",
        &[ArgType::Str; 2],
        0,
        Bin,
        Any,
        "The payload of a JSON web token.",
        |v, a, _| part(v, a, 1)
    ),
    row!("jwt_verify", KEY_ARGS, 2, Bin, Sint, "Whether the signature of a JSON web token holds.", verify),
    row!(
        "jwt_verify_cert",
        KEY_ARGS,
        2,
        Bin,
        Sint,
        "Whether a certificate's key made the signature of a JSON web token.",
        verify
    ),
];

/// A key as it was written: a secret, and the public key in the file of that name where there is one.
#[derive(Debug)]
pub struct Key {
    pub text: Box<[u8]>,
    /// RSAPublicKey in DER, or the point of an elliptic curve.
    pub public: Option<Box<[u8]>>,
}

// Answers of `jwt_verify` (manual 7.3.1).
const HOLDS: i64 = 1;
const HOLDS_NOT: i64 = 0;
const UNKNOWN_ALGORITHM: i64 = -1;
const BAD_TOKEN: i64 = -3;
const UNKNOWN_KEY: i64 = -5;

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()
}

fn data(v: Value<'_>) -> Option<Cow<'_, [u8]>> {
    match v {
        Value::Bin(b) | Value::Str(b) => Some(b),
        _ => None,
    }
}

fn part<'c>(v: Value<'c>, a: Args<'c>, n: usize) -> Option<Value<'c>> {
    let token = data(v)?;
    let parts: Vec<&[u8]> = token.split(|b| *b == b'.').collect();
    // Five parts are an encrypted token, whose head can be read and nothing else.
    if parts.len() != 3 && !(n == 0 && parts.len() == 5) {
        return None;
    }
    let json = decode(parts.get(n)?)?;
    match a.get(0) {
        None => Some(Value::string(json)),
        Some(Arg::Query(path)) => query::find(&json, path, a.bytes(1).is_some()),
        Some(_) => None,
    }
}

/// How a signature is made.
enum Method {
    None,
    Secret(hmac::Algorithm),
    /// With the length of its signatures where they have one.
    Public(&'static dyn VerificationAlgorithm, Option<usize>),
}

/// Whether signatures can be made by an algorithm of that name.
pub(crate) fn is_known(name: &[u8]) -> bool {
    method(name).is_some()
}

fn method(name: &[u8]) -> Option<Method> {
    Some(match name {
        b"none" => Method::None,
        b"HS256" => Method::Secret(hmac::HMAC_SHA256),
        b"HS384" => Method::Secret(hmac::HMAC_SHA384),
        b"HS512" => Method::Secret(hmac::HMAC_SHA512),
        b"RS256" => Method::Public(&signature::RSA_PKCS1_2048_8192_SHA256, None),
        b"RS384" => Method::Public(&signature::RSA_PKCS1_2048_8192_SHA384, None),
        b"RS512" => Method::Public(&signature::RSA_PKCS1_2048_8192_SHA512, None),
        b"PS256" => Method::Public(&signature::RSA_PSS_2048_8192_SHA256, None),
        b"PS384" => Method::Public(&signature::RSA_PSS_2048_8192_SHA384, None),
        b"PS512" => Method::Public(&signature::RSA_PSS_2048_8192_SHA512, None),
        b"ES256" => Method::Public(&ECDSA_P256_SHA256_FIXED, Some(64)),
        b"ES384" => Method::Public(&ECDSA_P384_SHA384_FIXED, Some(96)),
        b"ES512" => Method::Public(&ECDSA_P521_SHA512_FIXED, Some(132)),
        _ => return None,
    })
}

fn verify<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>) -> Option<Value<'c>> {
    let name = a.text_or_var(0, c)?;
    let token = data(v)?;
    Some(Value::Int(verdict(&token, &name, a.get(1)?, c)))
}

fn verdict(token: &[u8], name: &[u8], key: &Arg, c: &Ctx<'_>) -> i64 {
    let Some(method) = method(name) else { return UNKNOWN_ALGORITHM };
    let dots = token.iter().filter(|b| **b == b'.').count();
    let signed = memchr::memrchr(b'.', token).filter(|_| dots == 2).and_then(|i| token.split_at_checked(i));
    let Some((message, signature)) = signed else { return BAD_TOKEN };
    let Some(signature) = signature.get(1..).and_then(decode) else { return BAD_TOKEN };
    let holds = match method {
        Method::None => signature.is_empty(),
        Method::Secret(algorithm) => {
            let secret = match key {
                Arg::Key(key) => Cow::Borrowed(&*key.text),
                Arg::Var(var) => match var.get(c) {
                    Some(value) => value.into_text(),
                    None => return UNKNOWN_KEY,
                },
                _ => return UNKNOWN_KEY,
            };
            equal(hmac::sign(&hmac::Key::new(algorithm, &secret), message).as_ref(), &signature)
        }
        Method::Public(algorithm, len) => {
            if len.is_some_and(|n| signature.len() != n) {
                return BAD_TOKEN;
            }
            let Arg::Key(key) = key else { return UNKNOWN_KEY };
            let Some(public) = &key.public else { return UNKNOWN_KEY };
            UnparsedPublicKey::new(algorithm, public).verify(message, &signature).is_ok()
        }
    };
    if holds { HOLDS } else { HOLDS_NOT }
}
