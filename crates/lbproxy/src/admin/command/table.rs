//! Stick tables over the socket: `show table`, `set table`, `clear table` (management guide 9.3).

use std::{fmt::Write, sync::Arc};

use super::{Call, Command, Reply};
use crate::{
    compile::plan::Level,
    engine::stick::{DataType, Entry, Key, KeyType, Table, data::Form},
};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "clear table",
        usage: "<table> [<filter>]*",
        level: Level::Admin,
        doc: "remove an entry from a table (filter: data/key/ptr)",
        run: |c| act(c, What::Clear).unwrap_or_else(|text| Reply::Text(text + "\n")),
    },
    Command {
        words: "set table",
        usage: "<table> [<filter>]* [<data.value>]*",
        level: Level::Admin,
        doc: "update or create a table entry's data",
        run: |c| set(c).unwrap_or_else(|text| Reply::Text(text + "\n")),
    },
    Command {
        words: "show table",
        usage: "<table> [<filter>]*",
        level: Level::User,
        doc: "report table usage stats or dump this table's contents (filter: data/key/ptr)",
        run: |c| match c.arg(0) {
            "" => Reply::Text(overview(c)),
            _ => act(c, What::Show).unwrap_or_else(|text| Reply::Text(text + "\n")),
        },
    },
];

/// Conditions on data that one command may give.
const FILTERS_MAX: usize = 4;

const CLEAR_USAGE: &str = "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> key \
                           <key> or <table> ptr <ptr>";
const SHOW_USAGE: &str = "Optional argument only supports \"data.<store_data_type>\" <operator> <value> or key <key> \
                          or ptr <ptr>";
const SET_USAGE: &str = "Required arguments: <table> key <key> [data.<store_data_type> <value>]* or <table> ptr <ptr> \
                         [data.<store_data_type> <value>]*";

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Show,
    Clear,
}

fn overview(c: &Call<'_>) -> String {
    let mut out = String::new();
    for t in c.runtime.plan.tables.iter().rev() {
        t.expire(c.now_ms);
        head(t, &mut out);
    }
    out
}

fn head(t: &Table, out: &mut String) {
    let (name, kind, size) = (&t.spec.name, t.spec.key.name(), t.spec.size);
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(out, "# table: {name}, type: {kind}, size:{size}, used:{}", t.used());
}

fn table(c: &Call<'_>) -> Result<Arc<Table>, String> {
    let found = c.runtime.plan.tables.iter().find(|t| t.spec.name == c.arg(0));
    found.cloned().ok_or_else(|| "No such table".to_owned())
}

/// Shows or clears what the filter leaves.
fn act(c: &mut Call<'_>, what: What) -> Result<Reply, String> {
    if c.arg(0).is_empty() {
        return Err(CLEAR_USAGE.to_owned());
    }
    let t = table(c)?;
    let chosen = match c.arg(1) {
        "key" | "ptr" => match one(c, &t)? {
            Some(e) => vec![e],
            None => return Ok(Reply::done()),
        },
        "" => t.entries(c.now_ms),
        word if word.starts_with("data.") => {
            let filters = filters(c, &t)?;
            let mut all = t.entries(c.now_ms);
            all.retain(|e| filters.iter().all(|f| f.holds(&t, e, c.now_ms)));
            all
        }
        _ => return Err(if what == What::Show { SHOW_USAGE } else { CLEAR_USAGE }.to_owned()),
    };
    if what == What::Clear {
        let mut kept = false;
        for e in &chosen {
            kept |= !t.remove(&e.key);
        }
        // HAProxy says so of a single entry only.
        return match kept && c.arg(1) == "key" {
            true => Err("Entry currently in use, cannot remove".to_owned()),
            false => Ok(Reply::done()),
        };
    }
    let mut out = String::new();
    head(&t, &mut out);
    for e in &chosen {
        line(&t, e, c.now_ms, &mut out);
    }
    Ok(Reply::Text(out))
}

/// The entry that `key` or `ptr` names; `None`: there is none, which is no error for keys.
fn one(c: &Call<'_>, t: &Table) -> Result<Option<Arc<Entry>>, String> {
    let word = c.arg(2);
    if c.arg(1) == "ptr" {
        let wanted = word.strip_prefix("0x").and_then(|h| usize::from_str_radix(h, 16).ok());
        let all = t.entries(c.now_ms);
        let found = all.into_iter().find(|e| Some(Arc::as_ptr(e) as usize) == wanted);
        return found.map(Some).ok_or_else(|| "No entry can be found matching ptr.".to_owned());
    }
    if word.is_empty() {
        return Err("Key value expected".to_owned());
    }
    Ok(Key::parse(t.spec.key, word).and_then(|k| t.find(&k, c.now_ms)))
}

fn line(t: &Table, e: &Arc<Entry>, now_ms: u64, out: &mut String) {
    let expires = t.expires_in_ms(e, now_ms).unwrap_or(0);
    let (at, uses) = (Arc::as_ptr(e), e.trackers());
    let _ = write!(out, "{at:p}: key={} use={uses} exp={expires} shard=0", e.key);
    for c in t.spec.layout.columns() {
        let name = c.what.name();
        if c.what.form() == Form::Text {
            let _ = write!(out, " {name}={}", t.server(e).1.as_deref().unwrap_or("none"));
            continue;
        }
        for i in 0..c.elements {
            let value = t.read(e, c.what, i, now_ms).unwrap_or(0);
            let name = match c.what {
                DataType::Gpt | DataType::Gpc => format!("{name}{i}"),
                DataType::GpcRate => format!("gpc{i}_rate"),
                _ => name.to_owned(),
            };
            let _ = match c.what.form() {
                Form::Rate => write!(out, " {name}({})={value}", c.period_ms),
                _ => write!(out, " {name}={value}"),
            };
        }
    }
    out.push('\n');
}

/// One condition on data.
struct Filter {
    what: DataType,
    index: usize,
    test: fn(u64, u64) -> bool,
    value: u64,
}

impl Filter {
    fn holds(&self, t: &Table, e: &Entry, now_ms: u64) -> bool {
        t.read(e, self.what, self.index, now_ms).is_some_and(|v| (self.test)(v, self.value))
    }
}

fn filters(c: &Call<'_>, t: &Table) -> Result<Vec<Filter>, String> {
    let words = c.args.get(1..).unwrap_or(&[]);
    let mut out = Vec::new();
    for (i, part) in words.chunks(3).take(FILTERS_MAX).enumerate() {
        let at = |text: &str| format!("Filter entry #{}: {text}", i + 1);
        let word = |n: usize| part.get(n).map_or("", String::as_str);
        let (what, index) = stored(t, word(0)).map_err(|e| at(&e))?;
        let test: fn(u64, u64) -> bool = match word(1) {
            "eq" => |a, b| a == b,
            "ne" => |a, b| a != b,
            "le" => |a, b| a <= b,
            "ge" => |a, b| a >= b,
            "lt" => |a, b| a < b,
            "gt" => |a, b| a > b,
            _ => {
                let text = "Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\"";
                return Err(at(text));
            }
        };
        let value = word(2).parse().map_err(|_| at("Require a valid integer value to compare against"))?;
        out.push(Filter { what, index, test, value });
    }
    Ok(out)
}

/// `data.gpc[1]`: a type that the table stores, and which element.
fn stored(t: &Table, word: &str) -> Result<(DataType, usize), String> {
    let name = word.strip_prefix("data.").ok_or("Data type not stored in this table")?;
    let (name, index) = match name.split_once('[') {
        Some((n, i)) => (n, i.trim_end_matches(']').parse().map_err(|_| "Unknown data type")?),
        None => (name, 0),
    };
    let what = DataType::by_name(name).ok_or("Unknown data type")?;
    let column = t.spec.layout.columns().iter().find(|c| c.what == what);
    let column = column.ok_or("Data type not stored in this table")?;
    match index < column.elements {
        true => Ok((what, index)),
        false => Err("index out of range in this data array".to_owned()),
    }
}

fn set(c: &mut Call<'_>) -> Result<Reply, String> {
    if c.arg(0).is_empty() {
        return Err(SET_USAGE.to_owned());
    }
    let t = table(c)?;
    let entry = match c.arg(1) {
        "ptr" => one(c, &t)?,
        "key" => {
            if c.arg(2).is_empty() {
                return Err("Key value expected".to_owned());
            }
            if matches!(t.spec.key, KeyType::Binary(_)) {
                return Err(
                    "Inserting keys into tables of type other than ip, ipv6, string and integer is not \
                            supported"
                        .to_owned(),
                );
            }
            let key = Key::parse(t.spec.key, c.arg(2)).ok_or("Invalid key")?;
            let entry = t.find_or_make(key, c.now_ms);
            Some(entry.ok_or("Unable to allocate a new entry")?)
        }
        "" => return Ok(Reply::done()),
        _ => return Err(SET_USAGE.to_owned()),
    };
    let Some(entry) = entry else { return Ok(Reply::done()) };
    for pair in c.args.get(3..).unwrap_or(&[]).chunks(2) {
        let word = |n: usize| pair.get(n).map_or("", String::as_str);
        if !word(0).starts_with("data.") {
            return Err("\"data.<type>\" followed by a value expected".to_owned());
        }
        let (what, index) = stored(&t, word(0))?;
        let value = word(1).parse().map_err(|_| "Require a valid integer value to store")?;
        t.set(&entry, what, index, value, c.now_ms);
    }
    Ok(Reply::done())
}
