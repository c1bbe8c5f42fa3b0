//! Arithmetic and bits on signed 64-bit integers; results saturate as HAProxy's do.

use super::{ArgType, Args, Converter, Ctx, Type, Value};

const N: &[ArgType] = &[ArgType::IntOrVar];

pub(super) const CONVERTERS: &[Converter] = &[
    row!("add", N, 1, Sint, Sint, "Adds a number or variable.", |v, a, c| with(v, a, c, i64::saturating_add)),
    row!("and", N, 1, Sint, Sint, "Bitwise and.", |v, a, c| with(v, a, c, |x, y| x & y)),
    row!("cpl", &[], 0, Sint, Sint, "Bitwise complement.", |v, _, _| Some(Value::Int(!v.to_int()?))),
    row!("div", N, 1, Sint, Sint, "Divides; by zero gives the largest number.", |v, a, c| with(
        v, a, c, divide
    )),
    row!("mod", N, 1, Sint, Sint, "Remainder; of a division by zero 0.", |v, a, c| with(v, a, c, |x, y| x
        .checked_rem(y)
        .unwrap_or(0))),
    row!("mul", N, 1, Sint, Sint, "Multiplies.", |v, a, c| with(v, a, c, i64::saturating_mul)),
    row!("neg", &[], 0, Sint, Sint, "Changes the sign.", |v, _, _| Some(Value::Int(
        v.to_int()?.wrapping_neg()
    ))),
    row!("or", N, 1, Sint, Sint, "Bitwise or.", |v, a, c| with(v, a, c, |x, y| x | y)),
    row!("sub", N, 1, Sint, Sint, "Subtracts.", |v, a, c| with(v, a, c, i64::saturating_sub)),
    row!("xor", N, 1, Sint, Sint, "Bitwise exclusive or.", |v, a, c| with(v, a, c, |x, y| x ^ y)),
];

fn with<'c>(v: Value<'c>, a: Args<'c>, c: &'c Ctx<'_>, f: fn(i64, i64) -> i64) -> Option<Value<'c>> {
    Some(Value::Int(f(v.to_int()?, a.int_or_var(0, c)?)))
}

fn divide(x: i64, y: i64) -> i64 {
    if y == 0 { i64::MAX } else { x.checked_div(y).unwrap_or(i64::MAX) }
}
