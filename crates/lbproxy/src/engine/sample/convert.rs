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
pub mod date;
pub mod digest;
pub mod encoding;
pub mod hash;
pub mod json;
pub mod logic;
pub mod map;
pub mod network;
pub mod proxy;
pub mod slice;
pub mod stick;
pub mod text;
pub mod variable;

use super::{ArgType, Args, Ctx, Type, Value};

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
    date::CONVERTERS,
    digest::CONVERTERS,
    encoding::CONVERTERS,
    hash::CONVERTERS,
    json::CONVERTERS,
    logic::CONVERTERS,
    map::CONVERTERS,
    network::CONVERTERS,
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
    ("aes_", "ciphers are not built yet"),
    ("da-csv", "device detection is not built"),
    ("debug", "there is no debug output yet"),
    ("eth.", "link layer packets are not read yet"),
    ("fix_", "the FIX protocol is not read yet"),
    ("ip.", "raw packets are not read yet"),
    ("json_query", "JSON paths are not built yet"),
    ("jwt_", "JSON web tokens are not built yet"),
    ("lua.", "Lua is not built yet"),
    ("map_", "looking up keys alone is not built yet"),
    ("mqtt_", "the MQTT protocol is not read yet"),
    ("protobuf", "protocol buffers are not read yet"),
    ("rfc7239_", "the Forwarded header is not read yet"),
    ("tcp.", "raw packets are not read yet"),
    ("ungrpc", "protocol buffers are not read yet"),
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
