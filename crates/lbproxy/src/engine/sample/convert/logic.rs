//! Booleans.

use super::{ArgType, Converter, Type, Value};

pub(super) const CONVERTERS: &[Converter] = &[
    row!("bool", &[], 0, Sint, Bool, "True for any number but 0.", |v, _, _| Some(Value::Bool(
        v.to_int()? != 0
    ))),
    row!("even", &[], 0, Sint, Bool, "Whether the number is even.", |v, _, _| Some(Value::Bool(
        v.to_int()? & 1 == 0
    ))),
    row!(
        "iif",
        &[ArgType::Str; 2],
        2,
        Bool,
        Str,
        "The first text for true, the second for false.",
        |v, a, _| a.bytes(usize::from(v.to_int()? == 0)).map(Value::str)
    ),
    row!("not", &[], 0, Sint, Bool, "True for 0.", |v, _, _| Some(Value::Bool(v.to_int()? == 0))),
    row!("odd", &[], 0, Sint, Bool, "Whether the number is odd.", |v, _, _| Some(Value::Bool(
        v.to_int()? & 1 == 1
    ))),
];
