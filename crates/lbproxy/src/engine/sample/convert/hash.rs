//! Hashes of binaries.

use super::{ArgType, Args, Converter, Type, Value};
use crate::engine::{balance::hash as shared, sample::hash};

const AVALANCHE: &[ArgType] = &[ArgType::Int];

pub(super) const CONVERTERS: &[Converter] = &[
    row!("crc32", AVALANCHE, 0, Bin, Sint, "CRC32.", |v, a, _| hash32(v, a, hash::crc32)),
    row!("crc32c", AVALANCHE, 0, Bin, Sint, "CRC32C.", |v, a, _| hash32(v, a, hash::crc32c)),
    row!("djb2", AVALANCHE, 0, Bin, Sint, "DJB2 hash.", |v, a, _| hash32(v, a, shared::djb2)),
    row!("sdbm", AVALANCHE, 0, Bin, Sint, "SDBM hash.", |v, a, _| hash32(v, a, shared::sdbm)),
    row!("wt6", AVALANCHE, 0, Bin, Sint, "WT6 hash.", |v, a, _| hash32(v, a, shared::wt6)),
    row!("xxh3", AVALANCHE, 0, Bin, Sint, "64-bit XXH3 hash, with a seed.", |v, a, _| hash64(
        v,
        a,
        twox_hash::XxHash3_64::oneshot_with_seed
    )),
    row!("xxh32", AVALANCHE, 0, Bin, Sint, "32-bit xxHash, with a seed.", |v, a, _| xxh32(v, a)),
    row!("xxh64", AVALANCHE, 0, Bin, Sint, "64-bit xxHash, with a seed.", |v, a, _| hash64(
        v,
        a,
        twox_hash::XxHash64::oneshot
    )),
];

fn hash32<'c>(v: Value<'c>, a: Args<'c>, f: fn(&[u8]) -> u32) -> Option<Value<'c>> {
    let Value::Bin(data) = v else { return None };
    let h = f(&data);
    Some(Value::Int(i64::from(if a.int(0).unwrap_or(0) != 0 { shared::avalanche(h) } else { h })))
}

fn hash64<'c>(v: Value<'c>, a: Args<'c>, f: fn(u64, &[u8]) -> u64) -> Option<Value<'c>> {
    let Value::Bin(data) = v else { return None };
    Some(Value::Int(f(a.int(0).unwrap_or(0) as u64, &data) as i64))
}

fn xxh32<'c>(v: Value<'c>, a: Args<'c>) -> Option<Value<'c>> {
    let Value::Bin(data) = v else { return None };
    Some(Value::Int(i64::from(twox_hash::XxHash32::oneshot(a.int(0).unwrap_or(0) as u32, &data))))
}
