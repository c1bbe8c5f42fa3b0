//! What the registries hold, as text: `-dKsmp`, `-dKcnv`, `-dKacl` and the tables of the manual print it.
//!
//! The form is HAProxy's: a line per name in the order of their bytes, with arguments and types; fetches with the
//! places at which they may stand.

use std::fmt::Write;

use super::{
    action::{ACTIONS, sets},
    logformat::ALIASES,
    pattern::Method,
    sample::{ArgType, Place, Scope, convert, fetch},
};

/// A class of names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Sample fetches (`smp`).
    Fetches,
    /// Converters (`cnv`).
    Converters,
    /// ACL keywords that stand for a fetch with a match method (`acl`).
    Acls,
    /// Rule actions with the rule sets they may stand in.
    Actions,
    /// Log-format aliases.
    Aliases,
}

/// Appends every row of a class.
pub fn list(class: Class, out: &mut String) {
    let mut lines: Vec<String> = match class {
        Class::Fetches => fetch::all()
            .map(|f| {
                let places = places(f.scope);
                format!("[ {places}] {}{}: {}", f.name, arguments(f.args, f.required), f.out.name())
            })
            .collect(),
        Class::Converters => convert::all()
            .map(|c| {
                let args = arguments(c.args, c.required);
                format!("{}{args}: {} => {}", c.name, c.out.name(), c.input.name())
            })
            .collect(),
        Class::Acls => acls(),
        Class::Actions => ACTIONS.iter().map(action).collect(),
        Class::Aliases => ALIASES.iter().map(|a| format!("%{}: {}", a.name, a.doc)).collect(),
    };
    // A fetch's places stand before its name, which is what orders the lines.
    let key = |line: &String| line.rsplit_once("] ").map_or(line.clone(), |(_, name)| name.to_owned());
    lines.sort_by_key(key);
    for line in lines {
        out.push_str(&line);
        out.push('\n');
    }
}

/// `Y` or `.` for each place, in HAProxy's columns.
fn places(scope: Scope) -> String {
    Place::ALL.iter().map(|p| if scope.has(*p) { "Y " } else { ". " }).collect()
}

/// `(integer[,string])`
fn arguments(kinds: &[ArgType], required: u8) -> String {
    if kinds.is_empty() {
        return String::new();
    }
    let required = usize::from(required);
    let mut out = String::from("(");
    for (i, kind) in kinds.iter().enumerate() {
        if i == required {
            out.push('[');
        }
        if i > 0 {
            out.push(',');
        }
        out.push_str(kind.name());
    }
    if kinds.len() > required {
        out.push(']');
    }
    out.push(')');
    out
}

/// ACL keywords that are not the fetch of their own name: stem, fetch.
pub const ACL_STEMS: &[(&str, &str)] = &[
    ("base", "base"),
    ("cook", "req.cook"),
    ("hdr", "req.hdr"),
    ("path", "path"),
    ("scook", "res.cook"),
    ("shdr", "res.hdr"),
    ("ssl_fc_sni", "ssl_fc_sni"),
    ("url", "url"),
    ("urlp", "urlp"),
];

/// The methods that an ACL keyword may end in.
pub const ACL_SUFFIXES: &[Method] =
    &[Method::Beg, Method::Dir, Method::Dom, Method::End, Method::Len, Method::Reg, Method::Sub];

fn acls() -> Vec<String> {
    let whole = ACL_STEMS.iter().map(|(stem, fetch)| format!("{stem} = {fetch} -m str"));
    let suffixed = ACL_STEMS.iter().flat_map(|(stem, fetch)| {
        ACL_SUFFIXES.iter().map(move |m| format!("{stem}_{0} = {fetch} -m {0}", m.name()))
    });
    whole.chain(suffixed).collect()
}

fn action(row: &super::action::Row) -> String {
    const NAMES: &[(u8, &str)] = &[
        (sets::CONNECTION, "tcp-request connection"),
        (sets::SESSION, "tcp-request session"),
        (sets::CONTENT, "tcp-request content"),
        (sets::RESPONSE_CONTENT, "tcp-response content"),
        (sets::REQUEST, "http-request"),
        (sets::RESPONSE, "http-response"),
        (sets::AFTER, "http-after-response"),
    ];
    let mut out = format!("{}:", row.name);
    for (bit, name) in NAMES {
        if row.sets & bit != 0 {
            // Writing to a string cannot fail.
            let _ = write!(out, " {},", name);
        }
    }
    out.pop();
    if !row.refused.is_empty() {
        let _ = write!(out, " (refused: {})", row.refused);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(class: Class) -> Vec<String> {
        let mut out = String::new();
        list(class, &mut out);
        out.lines().map(str::to_owned).collect()
    }

    /// Lines that HAProxy 3.5 prints.
    #[test]
    fn rows_are_printed_as_haproxy_prints_them() {
        let has = |class, line: &str| assert!(lines(class).iter().any(|l| l == line), "{line}");
        has(Class::Fetches, "[ Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y . . ] src: addr");
        has(Class::Fetches, "[ . . Y Y Y Y Y Y Y Y Y . . . . . . . . . . . ] req.hdr([string,integer]): str");
        has(Class::Fetches, "[ . . . . . . . . . . . Y Y Y Y Y Y Y . Y . . ] res.hdr([string,integer]): str");
        has(Class::Fetches, "[ Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y . Y ] srv_conn(server): sint");
        has(Class::Fetches, "[ . Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y . . . ] ssl_fc: bool");
        has(Class::Converters, "regsub(regex,string[,string]): str => str");
        has(Class::Converters, "field(integer,string[,integer]): str => str");
        has(Class::Converters, "not: bool => sint");
        has(Class::Acls, "path_beg = path -m beg");
        has(Class::Acls, "hdr = req.hdr -m str");
    }

    #[test]
    fn rows_are_sorted_by_name() {
        let all = lines(Class::Converters);
        assert!(all.is_sorted());
        let fetches: Vec<_> =
            lines(Class::Fetches).iter().map(|l| l.rsplit_once("] ").unwrap().1.to_owned()).collect();
        assert!(fetches.is_sorted());
    }
}
