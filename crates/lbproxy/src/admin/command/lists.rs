//! Maps and ACLs at run time (management guide 9.3): show, get, add, set, del, clear, prepare, commit.

use std::fmt::Write;

use super::{Call, Command, Reply};
use crate::{
    compile::plan::{Level, PatternList},
    engine::{
        pattern::{
            Method,
            list::{Entry, Live, Refusal, Which},
        },
        sample::Value,
    },
};

const fn command(
    words: &'static str,
    usage: &'static str,
    doc: &'static str,
    run: fn(&mut Call<'_>) -> Reply,
) -> Command {
    Command { words, usage, level: Level::Admin, doc, run }
}

pub(super) const COMMANDS: &[Command] = &[
    command("add acl", "[@<ver>] <acl> <pattern>", "add a pattern to an ACL", add_acl),
    command(
        "add map",
        "[@<ver>] <map> <key> <val>",
        "add an entry to a map (or a payload of entries)",
        add_map,
    ),
    command("clear acl", "[@<ver>] <acl>", "remove all patterns of an ACL", |c| clear(c, Kind::Acl)),
    command("clear map", "[@<ver>] <map>", "remove all entries of a map", |c| clear(c, Kind::Map)),
    command("commit acl", "@<ver> <acl>", "take a prepared version of an ACL into use", |c| {
        commit(c, Kind::Acl)
    }),
    command("commit map", "@<ver> <map>", "take a prepared version of a map into use", |c| {
        commit(c, Kind::Map)
    }),
    command("del acl", "<acl> [<key>|#<ref>]", "remove patterns of an ACL", |c| del(c, Kind::Acl)),
    command("del map", "<map> [<key>|#<ref>]", "remove entries of a map", |c| del(c, Kind::Map)),
    command("get acl", "<acl> <value>", "show the patterns that a value matches", |c| get(c, Kind::Acl)),
    command("get map", "<map> <value>", "show the entries that a value matches", |c| get(c, Kind::Map)),
    command("prepare acl", "<acl>", "begin a new version of an ACL", |c| prepare(c, Kind::Acl)),
    command("prepare map", "<map>", "begin a new version of a map", |c| prepare(c, Kind::Map)),
    command("set map", "<map> [<key>|#<ref>] <value>", "change the value of entries", set_map),
    command("show acl", "[[@<ver>] <acl>]", "list the ACLs, or the patterns of one", |c| show(c, Kind::Acl)),
    command("show map", "[[@<ver>] <map>]", "list the maps, or the entries of one", |c| show(c, Kind::Map)),
];

/// What a command speaks of. A map's file that an ACL uses with `-M` is both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Acl,
    Map,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Kind::Acl => "ACL",
            Kind::Map => "map",
        }
    }

    fn has(self, l: &PatternList) -> bool {
        let by_acl = |l: &PatternList| l.uses.iter().any(|u| u.0 != "map");
        match self {
            Kind::Map => l.list.of_map,
            Kind::Acl => !l.list.of_map || by_acl(l),
        }
    }
}

/// `@version` in front, and the words behind it.
fn version(args: &[String]) -> Result<(Option<u32>, &[String]), Reply> {
    match args.split_first() {
        // HAProxy takes what is no number for 0.
        Some((word, rest)) if word.starts_with('@') => {
            Ok((Some(word.get(1..).and_then(|n| n.parse().ok()).unwrap_or(0)), rest))
        }
        _ => Ok((None, args)),
    }
}

/// The list that `#id` or a file's name means.
fn find<'p>(c: &'p Call<'_>, kind: Kind, name: &str) -> Result<&'p PatternList, Reply> {
    let unknown =
        || Reply::Text(format!("Unknown {} identifier. Please use #<id> or <file>.\n", kind.word()));
    let named = |l: &&PatternList| match name.strip_prefix('#') {
        Some(id) => id.parse() == Ok(l.id),
        None => !name.is_empty() && l.list.name == name,
    };
    c.runtime.plan.lists.iter().find(|l| kind.has(l) && named(l)).ok_or_else(unknown)
}

/// `#0x…` or a key.
fn which(word: &str) -> Which<'_> {
    let reference = word.strip_prefix('#').map(|r| r.strip_prefix("0x").unwrap_or(r));
    match reference.and_then(|r| u64::from_str_radix(r, 16).ok()) {
        Some(r) => Which::Reference(r),
        None => Which::Key(word.as_bytes()),
    }
}

fn outcome(done: Result<(), Refusal>) -> Reply {
    match done {
        Ok(()) => Reply::done(),
        Err(e) => Reply::Text(format!("{e}\n")),
    }
}

fn either(done: Result<Reply, Reply>) -> Reply {
    done.unwrap_or_else(|e| e)
}

fn show(c: &mut Call<'_>, kind: Kind) -> Reply {
    either(version(c.args).and_then(|(version, rest)| {
        let Some(name) = rest.first() else { return Ok(list_all(c, kind)) };
        let found = find(c, kind, name)?;
        let mut out = String::new();
        for e in found.list.entries(version) {
            let key = String::from_utf8_lossy(&e.key);
            let _ = match &e.value {
                Some(v) => writeln!(out, "0x{:x} {key} {}", e.reference, String::from_utf8_lossy(v)),
                None => writeln!(out, "0x{:x} {key}", e.reference),
            };
        }
        Ok(Reply::Text(out))
    }))
}

fn list_all(c: &Call<'_>, kind: Kind) -> Reply {
    let mut out = String::from("# id (file) description\n");
    for l in c.runtime.plan.lists.iter().filter(|l| kind.has(l)) {
        let (current, newest, count) = l.list.versions();
        let _ = writeln!(
            out,
            "{} ({}) {}. curr_ver={current} next_ver={newest} entry_cnt={count}",
            l.id, l.list.name, l.description
        );
    }
    Reply::Text(out)
}

fn add_acl(c: &mut Call<'_>) -> Reply {
    let done = || {
        let (version, rest) = version(c.args)?;
        let [name, key, ..] = rest else {
            return Err(Reply::text("'add acl' expects two parameters: ACL identifier and pattern."));
        };
        let found = find(c, Kind::Acl, name)?;
        if found.list.of_map {
            return Ok(Err(Refusal::HasValues));
        }
        Ok(found.list.add(version, &[(key.as_bytes(), None)]))
    };
    done().map_or_else(|e| e, outcome)
}

fn add_map(c: &mut Call<'_>) -> Reply {
    const USAGE: &str = "'add map' expects three parameters (map identifier, key and value) or one parameter (map \
                         identifier) and a payload";
    let done = || {
        let (version, rest) = version(c.args)?;
        match (rest, c.payload) {
            ([name], Some(payload)) => {
                let entries = pairs(payload)?;
                let entries: Vec<_> =
                    entries.iter().map(|(k, v)| (k.as_bytes(), Some(v.as_bytes()))).collect();
                Ok(find(c, Kind::Map, name)?.list.add(version, &entries))
            }
            ([name, key, value, ..], None) => {
                Ok(find(c, Kind::Map, name)?.list.add(version, &[(key.as_bytes(), Some(value.as_bytes()))]))
            }
            _ => Err(Reply::text(USAGE)),
        }
    };
    done().map_or_else(|e| e, outcome)
}

/// Key and value of each line of a payload.
fn pairs(payload: &str) -> Result<Vec<(&str, &str)>, Reply> {
    let mut out = Vec::new();
    for line in payload.lines().map(str::trim_start).filter(|l| !l.is_empty()) {
        let (key, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let value = value.trim();
        if value.is_empty() {
            return Err(Reply::Text(format!("Missing value for key '{key}'.\n")));
        }
        out.push((key, value));
    }
    Ok(out)
}

fn set_map(c: &mut Call<'_>) -> Reply {
    let [name, key, value, ..] = c.args else {
        return Reply::text("'set map' expects three parameters: map identifier, key and value.");
    };
    let found = match find(c, Kind::Map, name) {
        Ok(l) => l,
        Err(r) => return r,
    };
    match found.list.set(which(key), value.as_bytes()) {
        Ok(true) => Reply::done(),
        Ok(false) if key.starts_with('#') => Reply::text("key or pattern not found."),
        Ok(false) => Reply::text("entry not found."),
        Err(e) => Reply::Text(format!("{e}\n")),
    }
}

fn del(c: &mut Call<'_>, kind: Kind) -> Reply {
    let [name, key, ..] = c.args else {
        return Reply::Text(format!(
            "This command expects two parameters: {} identifier and key.\n",
            kind.word()
        ));
    };
    match find(c, kind, name) {
        Ok(l) if l.list.remove(which(key)) => Reply::done(),
        Ok(_) => Reply::text("Key not found."),
        Err(r) => r,
    }
}

fn clear(c: &mut Call<'_>, kind: Kind) -> Reply {
    let done = || {
        let (version, rest) = version(c.args)?;
        let Some(name) = rest.first() else {
            return Err(Reply::Text(format!("Missing {} identifier.\n", kind.word())));
        };
        Ok(find(c, kind, name)?.list.clear(version))
    };
    done().map_or_else(|e| e, outcome)
}

fn prepare(c: &mut Call<'_>, kind: Kind) -> Reply {
    match find(c, kind, c.arg(0)) {
        Ok(l) => Reply::Text(format!("New version created: {}\n", l.list.prepare())),
        Err(r) => r,
    }
}

fn commit(c: &mut Call<'_>, kind: Kind) -> Reply {
    let done = || {
        let (Some(version), rest) = version(c.args)? else {
            return Err(Reply::text("Missing version number."));
        };
        let name = rest.first().map_or("", String::as_str);
        Ok(find(c, kind, name)?.list.commit(version))
    };
    done().map_or_else(|e| e, outcome)
}

/// Says for each place that uses the list whether the value matches there.
fn get(c: &mut Call<'_>, kind: Kind) -> Reply {
    let [name, value, ..] = c.args else {
        return Reply::Text(format!("Missing {} identifier and/or key.\n", kind.word()));
    };
    let found = match find(c, kind, name) {
        Ok(l) => l,
        Err(r) => return r,
    };
    let entries = found.list.entries(None);
    let value = Value::str(value.as_bytes());
    let mut out = String::new();
    let mut seen: Vec<(Method, bool)> = Vec::new();
    for user in found.list.users() {
        if seen.contains(&(user.method, user.no_case)) {
            continue;
        }
        seen.push((user.method, user.no_case));
        let case = if user.no_case { "insensitive" } else { "sensitive" };
        let hit = matched(&user, &entries, &value);
        let _ = write!(out, "type={}, case={case}, ", user.method.name());
        let _ = match (kind, hit) {
            (Kind::Acl, None) => writeln!(out, "match=no"),
            (Kind::Map, None) => writeln!(out, "found=no"),
            (Kind::Acl, Some(e)) => {
                writeln!(
                    out,
                    "match=yes, idx={}, pattern=\"{}\"",
                    index(&user),
                    String::from_utf8_lossy(&e.key)
                )
            }
            (Kind::Map, Some(e)) => writeln!(
                out,
                "found=yes, idx={}, key=\"{}\", value=\"{}\", type=\"{}\"",
                index(&user),
                String::from_utf8_lossy(&e.key),
                String::from_utf8_lossy(e.value.as_deref().unwrap_or(b"")),
                user.value_type(),
            ),
        };
    }
    Reply::Text(out)
}

fn matched<'e>(user: &Live, entries: &'e [Entry], value: &Value<'_>) -> Option<&'e Entry> {
    let keys: Vec<_> = entries.iter().map(|e| &e.key).collect();
    entries.get(user.compile(&keys)?.find(value)?)
}

/// How HAProxy would look it up: texts and networks in trees, unless case does not count.
fn index(user: &Live) -> &'static str {
    match user.method {
        Method::Str | Method::Beg if !user.no_case => "tree",
        Method::Ip => "tree",
        _ => "list",
    }
}
