//! The registry of converters (manual 7.3.1): one line per family.

/// A row on one line: name, arguments, how many are required, input, output, sentence, function.
macro_rules! row {
    ($name:literal, $args:expr, $required:literal, $in:ident, $out:ident, $doc:literal, $run:expr) => {
        Converter {
            name: $name,
            args: $args,
            required: $required,
            input: Type::$in,
            out: Type::$out,
            doc: $doc,
            run: $run,
        }
    };
}

pub mod arithmetic;
pub mod cipher;
pub mod date;
pub mod digest;
pub mod encoding;
pub mod fix;
pub mod forwarded;
pub mod hash;
pub mod json;
pub mod jwt;
pub mod logic;
pub mod map;
pub mod mqtt;
pub mod network;
pub mod protobuf;
pub mod proxy;
pub mod slice;
pub mod stick;
pub mod text;
pub mod variable;

use super::{Arg, ArgType, Args, Ctx, Type, Value};

/// What a converter does; absent where the value has no result.
pub type Run = for<'c> fn(Value<'c>, Args<'c>, &'c Ctx<'_>) -> Option<Value<'c>>;

/// A row of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Converter {
    pub name: &'static str,
    pub args: &'static [ArgType],
    /// How many of them must be given.
    pub required: u8,
    pub input: Type,
    pub out: Type,
    pub doc: &'static str,
    pub run: Run,
}

/// Every family. Names are unique over all of them.
pub const FAMILIES: &[&[Converter]] = &[
    arithmetic::CONVERTERS,
    cipher::CONVERTERS,
    date::CONVERTERS,
    digest::CONVERTERS,
    encoding::CONVERTERS,
    fix::CONVERTERS,
    forwarded::CONVERTERS,
    hash::CONVERTERS,
    json::CONVERTERS,
    jwt::CONVERTERS,
    logic::CONVERTERS,
    map::CONVERTERS,
    mqtt::CONVERTERS,
    network::CONVERTERS,
    protobuf::CONVERTERS,
    proxy::CONVERTERS,
    slice::CONVERTERS,
    stick::CONVERTERS,
    text::CONVERTERS,
    variable::CONVERTERS,
];

/// Every converter, family by family.
pub fn all() -> impl Iterator<Item = &'static Converter> {
    FAMILIES.iter().flat_map(|f| f.iter())
}

pub fn find(name: &str) -> Option<&'static Converter> {
    all().find(|c| c.name == name)
}

/// Converters of HAProxy that are known and not built yet, by prefix of their names, with the reason.
pub const NOT_YET: &[(&str, &str)] = &[
    ("51d", "device detection is not built"),
    ("da-csv", "device detection is not built"),
    ("debug", "there is no debug output yet"),
    ("eth.", "link layer packets are not read yet"),
    ("ip.", "raw packets are not read yet"),
    ("jwt_decrypt", "encrypted JSON web tokens are not read yet"),
    ("lua.", "Lua is not built yet"),
    ("tcp.", "raw packets are not read yet"),
    ("wurfl", "device detection is not built"),
    ("x509", "names of certificate errors are not built yet"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_families_sorted() {
        let mut names: Vec<_> = all().map(|c| c.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]), "{names:?}");
        for family in FAMILIES {
            assert!(family.windows(2).all(|w| w[0].name < w[1].name), "{:?}", family.first().map(|f| f.name));
        }
        assert!(all().all(|c| usize::from(c.required) <= c.args.len() && c.doc.ends_with('.')));
    }
}
