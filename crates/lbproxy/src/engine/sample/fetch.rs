//! The registry of sample fetches (manual 7.3.2 to 7.3.6): one line per family.

/// A row on one line: name, arguments, how many are required, type, scope, sentence, function.
macro_rules! row {
    ($name:expr, $args:expr, $required:literal, $out:ident, $scope:ident, $doc:literal, $run:expr) => {
        Fetch {
            name: $name,
            args: $args,
            required: $required,
            out: Type::$out,
            scope: Scope::$scope,
            doc: $doc,
            run: $run,
        }
    };
}

pub mod backend;
pub mod client;
pub mod constant;
pub mod cookie;
pub mod header;
pub mod limits;
pub mod message;
pub mod payload;
pub mod process;
pub mod proxy_header;
pub mod query;
pub mod request;
pub mod response;
pub mod stick;
pub mod tls;
pub mod transaction;

use super::{ArgType, Args, Ctx, Cursor, Scope, Type, Value};

/// What a fetch does. Absent samples match nothing and print as nothing.
pub type Run = for<'c> fn(&'c Ctx<'_>, Args<'c>, &mut Cursor) -> Option<Value<'c>>;

/// A row of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Fetch {
    pub name: &'static str,
    pub args: &'static [ArgType],
    /// How many of them must be given.
    pub required: u8,
    pub out: Type,
    pub scope: Scope,
    pub doc: &'static str,
    pub run: Run,
}

/// Every family. Names are unique over all of them.
pub const FAMILIES: &[&[Fetch]] = &[
    backend::FETCHES,
    client::FETCHES,
    constant::FETCHES,
    cookie::FETCHES,
    header::FETCHES,
    limits::FETCHES,
    message::FETCHES,
    payload::FETCHES,
    process::FETCHES,
    proxy_header::FETCHES,
    query::FETCHES,
    request::FETCHES,
    response::FETCHES,
    stick::SC,
    stick::SC0,
    stick::SC1,
    stick::SC2,
    stick::SRC,
    tls::FETCHES,
    transaction::FETCHES,
];

/// Every fetch, family by family.
pub fn all() -> impl Iterator<Item = &'static Fetch> {
    FAMILIES.iter().flat_map(|f| f.iter())
}

pub fn find(name: &str) -> Option<&'static Fetch> {
    all().find(|f| f.name == name)
}

/// Fetches of HAProxy that are known and not built yet, by prefix of their names, with the reason.
pub const NOT_YET: &[(&str, &str)] = &[
    ("bc_rtt", "kernel figures of server connections are not read yet"),
    ("bs.", "stream debugging samples are not built yet"),
    ("cpu_", "processor time is not counted per stream yet"),
    ("distcc_", "the distcc protocol is not read yet"),
    ("dst_is_local", "the host's own addresses are not listed yet"),
    ("dump_all_vars", "variables cannot be listed yet"),
    ("fc_dst_is_local", "the host's own addresses are not listed yet"),
    ("fc_fackets", "kernel figures of client connections are not read yet"),
    ("fc_lost", "kernel figures of client connections are not read yet"),
    ("fc_re", "kernel figures of client connections are not read yet"),
    ("fc_src_is_local", "the host's own addresses are not listed yet"),
    ("fc_rtt", "kernel figures of client connections are not read yet"),
    ("fc_sa", "kernel figures of client connections are not read yet"),
    ("fc_un", "kernel figures of client connections are not read yet"),
    ("fcgi.", "FastCGI is not built yet"),
    ("lat_", "processor time is not counted per stream yet"),
    ("fs.", "stream debugging samples are not built yet"),
    ("internal.", "samples of HAProxy's own internals have no meaning here"),
    ("lua.", "Lua is not built yet"),
    ("rdp_cookie", "the RDP protocol is not read yet"),
    ("req.rdp_cookie", "the RDP protocol is not read yet"),
    ("spoe.", "SPOE is not built yet"),
    ("src_is_local", "the host's own addresses are not listed yet"),
    ("ssl_", "this fact of a TLS session is not kept yet"),
    ("term_events", "termination events are not recorded yet"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_families_sorted() {
        let mut names: Vec<_> = all().map(|f| f.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]), "{names:?}");
        for family in FAMILIES {
            assert!(family.windows(2).all(|w| w[0].name < w[1].name), "{:?}", family.first().map(|f| f.name));
        }
        assert!(all().all(|f| usize::from(f.required) <= f.args.len() && f.doc.ends_with('.')));
    }
}
