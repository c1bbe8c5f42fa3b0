//! Addresses and byte order.

use std::net::IpAddr;

use super::{ArgType, Args, Converter, Ctx, Type, Value};
use crate::engine::sample::Arg;

pub(super) const CONVERTERS: &[Converter] = &[
    row!("htonl", &[], 0, Sint, Bin, "Four bytes of a number, most significant first.", |v, _, _| Some(
        Value::Bin((v.to_int()? as u32).to_be_bytes().to_vec().into())
    )),
    row!(
        "ipmask",
        &[ArgType::Mask4, ArgType::Mask6],
        1,
        Addr,
        Addr,
        "Keeps the network part of an address.",
        ipmask
    ),
];

fn ipmask<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    match (v.to_ip()?, a.get(0)?, a.get(1)) {
        (IpAddr::V4(ip), Arg::Mask4(m), _) => Some(Value::V4((u32::from(ip) & m).into())),
        (IpAddr::V6(ip), _, Some(Arg::Mask6(m))) => Some(Value::V6((u128::from(ip) & m).into())),
        _ => None,
    }
}
