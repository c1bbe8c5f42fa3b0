//! Look-ups in map files (manual 7.3.1, `map_<match>_<output>`). The match method is part of the name and was
//! used when the file was read.

use super::{ArgType, Args, Converter, Ctx, Type, Value};
use crate::engine::pattern::regex::expand;

pub(super) const CONVERTERS: &[Converter] = &[
    row!("map", &[ArgType::MapFile, ArgType::Str], 1, Str, Str, "Value of the whole text in a map.", text),
    row!("map_beg", &[ArgType::MapFile, ArgType::Str], 1, Str, Str, "Value of a prefix in a map.", text),
    row!(
        "map_beg_int",
        &[ArgType::MapFile, ArgType::Int],
        1,
        Str,
        Sint,
        "Number of a prefix in a map.",
        value
    ),
    row!(
        "map_beg_ip",
        &[ArgType::MapFile, ArgType::Str],
        1,
        Str,
        Addr,
        "Address of a prefix in a map.",
        value
    ),
    row!("map_dir", &[ArgType::MapFile, ArgType::Str], 1, Str, Str, "Value of a directory in a map.", text),
    row!(
        "map_dir_int",
        &[ArgType::MapFile, ArgType::Int],
        1,
        Str,
        Sint,
        "Number of a directory in a map.",
        value
    ),
    row!(
        "map_dir_ip",
        &[ArgType::MapFile, ArgType::Str],
        1,
        Str,
        Addr,
        "Address of a directory in a map.",
        value
    ),
    row!("map_dom", &[ArgType::MapFile, ArgType::Str], 1, Str, Str, "Value of a domain in a map.", text),
    row!(
        "map_dom_int",
        &[ArgType::MapFile, ArgType::Int],
        1,
        Str,
        Sint,
        "Number of a domain in a map.",
        value
    ),
    row!(
        "map_dom_ip",
        &[ArgType::MapFile, ArgType::Str],
        1,
        Str,
        Addr,
        "Address of a domain in a map.",
        value
    ),
    row!("map_end", &[ArgType::MapFile, ArgType::Str], 1, Str, Str, "Value of a suffix in a map.", text),
    row!(
        "map_end_int",
        &[ArgType::MapFile, ArgType::Int],
        1,
        Str,
        Sint,
        "Number of a suffix in a map.",
        value
    ),
    row!(
        "map_end_ip",
        &[ArgType::MapFile, ArgType::Str],
        1,
        Str,
        Addr,
        "Address of a suffix in a map.",
        value
    ),
    row!(
        "map_int",
        &[ArgType::MapFile, ArgType::Str],
        1,
        Sint,
        Str,
        "Value of a number or range in a map.",
        text
    ),
    row!(
        "map_int_int",
        &[ArgType::MapFile, ArgType::Int],
        1,
        Sint,
        Sint,
        "Number of a number or range in a map.",
        value
    ),
    row!(
        "map_int_ip",
        &[ArgType::MapFile, ArgType::Str],
        1,
        Sint,
        Addr,
        "Address of a number or range in a map.",
        value
    ),
    row!("map_ip", &[ArgType::MapFile, ArgType::Str], 1, Addr, Str, "Value of a network in a map.", text),
    row!(
        "map_ip_int",
        &[ArgType::MapFile, ArgType::Int],
        1,
        Addr,
        Sint,
        "Number of a network in a map.",
        value
    ),
    row!(
        "map_ip_ip",
        &[ArgType::MapFile, ArgType::Str],
        1,
        Addr,
        Addr,
        "Address of a network in a map.",
        value
    ),
    row!(
        "map_reg",
        &[ArgType::MapFile, ArgType::Str],
        1,
        Str,
        Str,
        "Value of a regular expression in a map.",
        text
    ),
    row!(
        "map_reg_int",
        &[ArgType::MapFile, ArgType::Int],
        1,
        Str,
        Sint,
        "Number of a regular expression in a map.",
        value
    ),
    row!(
        "map_reg_ip",
        &[ArgType::MapFile, ArgType::Str],
        1,
        Str,
        Addr,
        "Address of a regular expression in a map.",
        value
    ),
    row!(
        "map_regm",
        &[ArgType::MapFile, ArgType::Str],
        1,
        Str,
        Str,
        "Value of a regular expression in a map, with its groups replaced.",
        groups
    ),
    row!(
        "map_str",
        &[ArgType::MapFile, ArgType::Str],
        1,
        Str,
        Str,
        "Value of the whole text in a map.",
        text
    ),
    row!(
        "map_str_int",
        &[ArgType::MapFile, ArgType::Int],
        1,
        Str,
        Sint,
        "Number of the whole text in a map.",
        value
    ),
    row!(
        "map_str_ip",
        &[ArgType::MapFile, ArgType::Str],
        1,
        Str,
        Addr,
        "Address of the whole text in a map.",
        value
    ),
    row!("map_sub", &[ArgType::MapFile, ArgType::Str], 1, Str, Str, "Value of a part in a map.", text),
    row!("map_sub_int", &[ArgType::MapFile, ArgType::Int], 1, Str, Sint, "Number of a part in a map.", value),
    row!("map_sub_ip", &[ArgType::MapFile, ArgType::Str], 1, Str, Addr, "Address of a part in a map.", value),
];

/// The value that the file has for it, or the default.
fn text<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    a.map(0)?.get(&v).or_else(|| a.bytes(1).map(Value::str))
}

fn value<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    match a.map(0)?.get(&v) {
        Some(found) => Some(found),
        None => match a.int(1) {
            Some(n) => Some(Value::Int(n)),
            None => Value::str(a.bytes(1)?).cast(Type::Addr),
        },
    }
}

/// The value with `\1` to `\9` replaced by the groups of the expression that matched.
fn groups<'c>(v: Value<'c>, a: Args<'c>, _: &'c Ctx<'_>) -> Option<Value<'c>> {
    let text = v.into_text();
    let replaced = a.map(0)?.with_regex(&text, |regex, found| {
        let groups = regex.groups(&text, 0)?;
        let (mut out, mut template) = (Vec::new(), Vec::new());
        found.write_text(&mut template);
        expand(&template, &text, &groups, &mut out);
        Some(Value::string(out))
    });
    match replaced {
        Some(done) => done,
        None => a.bytes(1).map(Value::str),
    }
}
