//! Lists of patterns that can be changed while they are in use: the files of ACLs and maps, and the patterns written
//! behind ACLs (management guide 9.3, `add map`, `set map`, `prepare acl` …).
//!
//! Owns: [`List`], the entries with their generations, and [`Live`], what is compiled of one or more lists for one
//! place that uses them. Invariants: an entry that any user of the list could not read is refused before anything
//! changes; a look-up sees all of a change or nothing of it; a list that was never changed costs a look-up one
//! relaxed load. Every change compiles the users of the list anew, so it is for administration, not for traffic.

use std::sync::{
    Arc, Mutex, Weak,
    atomic::{
        AtomicBool, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use arc_swap::ArcSwapOption;

use super::{BadPattern, Method, Patterns};
use crate::engine::{
    sample::{Type, Value},
    state::lock,
};

/// Most generations between the one in use and the newest (`prepare`).
const GENERATIONS_MAX: u32 = 1 << 20;

/// Numbers by which entries are told apart for the life of the process.
static LAST_REFERENCE: AtomicU64 = AtomicU64::new(0x1000);

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Names it in commands (`#0x…`).
    pub reference: u64,
    pub generation: u32,
    pub key: Box<[u8]>,
    /// Of a map.
    pub value: Option<Box<[u8]>>,
}

/// Why a change is refused; in HAProxy's words, which scripts read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{0}.")]
    Pattern(BadPattern),
    #[error("'{0}' is not a valid IPv4 or IPv6 address.")]
    Address(String),
    #[error("unable to parse '{0}'.")]
    Value(String),
    #[error("Version number in the future, please use 'prepare {0}' before.")]
    Future(&'static str),
    #[error("Version number out of range.")]
    OutOfRange,
    #[error(
        "This ACL is shared with a map containing samples. You must use the command 'add map' to add values."
    )]
    HasValues,
}

/// A list and everything compiled of it.
#[derive(Debug)]
pub struct List {
    /// The file's name as written; empty for patterns written in the configuration.
    pub name: String,
    /// Its entries have values.
    pub of_map: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: Vec<Entry>,
    current: u32,
    newest: u32,
    users: Vec<Weak<Live>>,
}

/// Which entries a command is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which<'a> {
    Key(&'a [u8]),
    Reference(u64),
}

impl Which<'_> {
    fn is(self, e: &Entry) -> bool {
        match self {
            Which::Key(key) => *e.key == *key,
            Which::Reference(r) => e.reference == r,
        }
    }
}

impl List {
    pub fn new(
        name: &str,
        of_map: bool,
        entries: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> List {
        let entries = entries.into_iter().map(|(k, v)| entry(&k, v.as_deref(), 0)).collect();
        List { name: name.to_owned(), of_map, state: Mutex::new(State { entries, ..State::default() }) }
    }

    /// The entries of a generation; of the one in use without.
    pub fn entries(&self, generation: Option<u32>) -> Vec<Entry> {
        let s = lock(&self.state);
        let g = generation.unwrap_or(s.current);
        s.entries.iter().filter(|e| e.generation == g).cloned().collect()
    }

    /// The generation in use, the newest one, and the number of entries of all.
    pub fn versions(&self) -> (u32, u32, usize) {
        let s = lock(&self.state);
        (s.current, s.newest, s.entries.len())
    }

    /// Every place that uses the list.
    pub fn users(&self) -> Vec<Arc<Live>> {
        lock(&self.state).users.iter().filter_map(Weak::upgrade).collect()
    }

    /// Adds entries to a generation (the one in use without); all or none.
    ///
    /// # Errors
    /// [`Refusal`]: a user of the list cannot read one of them, or there is no such generation.
    pub fn add(&self, generation: Option<u32>, new: &[(&[u8], Option<&[u8]>)]) -> Result<(), Refusal> {
        let users = self.users();
        for (key, value) in new {
            for user in &users {
                user.try_entry(key, *value)?;
            }
        }
        let in_use = {
            let mut s = lock(&self.state);
            let g = self.generation(&s, generation)?;
            s.entries.extend(new.iter().map(|(k, v)| entry(k, *v, g)));
            g == s.current
        };
        if in_use {
            users.iter().for_each(|u| u.refresh());
        }
        Ok(())
    }

    /// Gives entries of the generation in use another value; tells whether there were any.
    ///
    /// # Errors
    /// A user of the list cannot read the value.
    pub fn set(&self, which: Which<'_>, value: &[u8]) -> Result<bool, Refusal> {
        let users = self.users();
        for user in &users {
            user.try_value(value)?;
        }
        let mut found = false;
        {
            let mut s = lock(&self.state);
            let current = s.current;
            for e in s.entries.iter_mut().filter(|e| e.generation == current && which.is(e)) {
                e.value = Some(value.into());
                found = true;
            }
        }
        if found {
            users.iter().for_each(|u| u.refresh());
        }
        Ok(found)
    }

    /// Removes entries of the generation in use; tells whether there were any.
    pub fn remove(&self, which: Which<'_>) -> bool {
        self.retain(|s, e| e.generation != s || !which.is(e))
    }

    /// Removes all entries of a generation; of the one in use without.
    ///
    /// # Errors
    /// There is no such generation.
    pub fn clear(&self, generation: Option<u32>) -> Result<(), Refusal> {
        let g = self.generation(&lock(&self.state), generation)?;
        self.retain(|_, e| e.generation != g);
        Ok(())
    }

    /// A new, empty generation beside the one in use.
    pub fn prepare(&self) -> u32 {
        let mut s = lock(&self.state);
        s.newest = s.newest.wrapping_add(1);
        s.newest
    }

    /// Takes a prepared generation into use and drops all older ones.
    ///
    /// # Errors
    /// It is none of those that were prepared and are newer than the one in use.
    pub fn commit(&self, generation: u32) -> Result<(), Refusal> {
        {
            let mut s = lock(&self.state);
            let ahead = generation.wrapping_sub(s.current);
            if ahead > s.newest.wrapping_sub(s.current) || ahead > GENERATIONS_MAX {
                return Err(Refusal::OutOfRange);
            }
            s.current = generation;
            s.entries.retain(|e| e.generation.wrapping_sub(generation) <= GENERATIONS_MAX);
        }
        self.users().iter().for_each(|u| u.refresh());
        Ok(())
    }

    fn retain(&self, keep: impl Fn(u32, &Entry) -> bool) -> bool {
        let (before, after) = {
            let mut s = lock(&self.state);
            let (before, current) = (s.entries.len(), s.current);
            s.entries.retain(|e| keep(current, e));
            (before, s.entries.len())
        };
        if before != after {
            self.users().iter().for_each(|u| u.refresh());
        }
        before != after
    }

    fn generation(&self, s: &State, wanted: Option<u32>) -> Result<u32, Refusal> {
        let Some(g) = wanted else { return Ok(s.current) };
        match g.wrapping_sub(s.current) <= s.newest.wrapping_sub(s.current) {
            true => Ok(g),
            false => Err(Refusal::Future(if self.of_map { "map" } else { "acl" })),
        }
    }
}

fn entry(key: &[u8], value: Option<&[u8]>, generation: u32) -> Entry {
    let reference = LAST_REFERENCE.fetch_add(0x10, Relaxed) + 0x10;
    Entry { reference, generation, key: key.into(), value: value.map(Into::into) }
}

/// What is compiled of lists for one place: an ACL's patterns or a map.
#[derive(Debug)]
pub struct Live {
    pub method: Method,
    pub no_case: bool,
    /// Type of a map's values.
    out: Option<Type>,
    sources: Vec<Arc<List>>,
    changed: AtomicBool,
    current: ArcSwapOption<Compiled>,
    /// Held while it is compiled, so that the last change is what stays.
    compiling: Mutex<()>,
}

/// Patterns and, of a map, their values.
#[derive(Debug)]
pub struct Compiled {
    pub patterns: Patterns,
    pub values: Vec<Value<'static>>,
}

impl Live {
    /// Joins the lists: changes of any of them reach it from now on.
    pub fn join(method: Method, no_case: bool, out: Option<Type>, sources: Vec<Arc<List>>) -> Arc<Live> {
        let live = Arc::new(Live {
            method,
            no_case,
            out,
            sources,
            changed: AtomicBool::new(false),
            current: ArcSwapOption::empty(),
            compiling: Mutex::default(),
        });
        for list in &live.sources {
            lock(&list.state).users.push(Arc::downgrade(&live));
        }
        live
    }

    /// What stands in the place of the first state, once something was changed.
    pub fn changed(&self) -> Option<Arc<Compiled>> {
        if !self.changed.load(Acquire) {
            return None;
        }
        self.current.load_full()
    }

    /// What one of these keys would match as this place compares them.
    pub fn compile<K: AsRef<[u8]>>(&self, keys: &[K]) -> Option<Patterns> {
        Patterns::build(self.method, self.no_case, keys).ok()
    }

    /// The type of a map's values, as commands print it.
    pub fn value_type(&self) -> &'static str {
        self.out.map_or("", Type::name)
    }

    fn try_entry(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), Refusal> {
        Patterns::build(self.method, self.no_case, &[key]).map_err(|(_, bad)| match bad {
            BadPattern::Address(text) => Refusal::Address(text),
            other => Refusal::Pattern(other),
        })?;
        match value {
            Some(v) => self.try_value(v),
            None if self.out.is_some() => Err(Refusal::HasValues),
            None => Ok(()),
        }
    }

    fn try_value(&self, value: &[u8]) -> Result<(), Refusal> {
        match self.out {
            Some(out) if typed(value, out).is_none() => {
                Err(Refusal::Value(String::from_utf8_lossy(value).into_owned()))
            }
            _ => Ok(()),
        }
    }

    fn refresh(&self) {
        let _one = lock(&self.compiling);
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for e in self.sources.iter().flat_map(|l| l.entries(None)) {
            if let Some(out) = self.out {
                let Some(value) = e.value.as_deref().and_then(|v| typed(v, out)) else { continue };
                values.push(value);
            }
            keys.push(e.key);
        }
        // Entries were tried before they were added.
        if let Ok(patterns) = Patterns::build(self.method, self.no_case, &keys) {
            self.current.store(Some(Arc::new(Compiled { patterns, values })));
            self.changed.store(true, Release);
        }
    }
}

/// A value as its map's type.
pub fn typed(text: &[u8], out: Type) -> Option<Value<'static>> {
    match out {
        Type::Sint => std::str::from_utf8(text).ok()?.parse().ok().map(Value::Int),
        Type::Addr => Value::str(text).to_ip().map(Value::addr),
        _ => Some(Value::string(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(l: &List, g: Option<u32>) -> Vec<String> {
        l.entries(g).iter().map(|e| String::from_utf8_lossy(&e.key).into_owned()).collect()
    }

    #[test]
    fn users_see_each_change_and_refuse_what_they_cannot_read() {
        let list = Arc::new(List::new("f", true, [(b"10.0.0.0/8".to_vec(), Some(b"1".to_vec()))]));
        let live = Live::join(Method::Ip, false, Some(Type::Sint), vec![list.clone()]);
        assert!(live.changed().is_none(), "nothing was changed yet");
        assert!(matches!(list.add(None, &[(b"x", Some(b"1"))]), Err(Refusal::Address(_))));
        assert!(matches!(list.add(None, &[(b"::1", Some(b"one"))]), Err(Refusal::Value(_))));
        assert!(live.changed().is_none() && keys(&list, None).len() == 1, "all or nothing");
        list.add(None, &[(b"192.168.0.0/16", Some(b"2"))]).unwrap();
        let now = live.changed().unwrap();
        let at = now.patterns.find(&Value::str(b"192.168.3.4")).unwrap();
        assert_eq!(now.values[at], Value::Int(2));
        assert_eq!(list.set(Which::Key(b"192.168.0.0/16"), b"7"), Ok(true));
        assert_eq!(live.changed().unwrap().values[at], Value::Int(7));
        assert!(list.remove(Which::Key(b"10.0.0.0/8")) && !list.remove(Which::Key(b"10.0.0.0/8")));
        assert_eq!(live.changed().unwrap().patterns.find(&Value::str(b"10.1.1.1")), None);
    }

    #[test]
    fn a_prepared_generation_is_invisible_until_it_is_committed() {
        let list = Arc::new(List::new("", false, [(b"a".to_vec(), None)]));
        let live = Live::join(Method::Str, false, None, vec![list.clone()]);
        assert_eq!(list.add(Some(1), &[(b"b", None)]), Err(Refusal::Future("acl")));
        assert_eq!(list.prepare(), 1);
        list.add(Some(1), &[(b"b", None), (b"c", None)]).unwrap();
        assert_eq!(
            (keys(&list, None), keys(&list, Some(1))),
            (vec!["a".into()], vec!["b".into(), "c".into()])
        );
        assert!(live.changed().is_none());
        assert_eq!(list.commit(9), Err(Refusal::OutOfRange));
        list.commit(1).unwrap();
        assert_eq!(keys(&list, None), ["b", "c"]);
        let now = live.changed().unwrap();
        assert!(now.patterns.matches(&Value::str(b"c")) && !now.patterns.matches(&Value::str(b"a")));
        list.clear(None).unwrap();
        assert_eq!(list.versions(), (1, 1, 0));
        assert!(!live.changed().unwrap().patterns.matches(&Value::str(b"c")));
    }

    #[test]
    fn entries_of_several_lists_stand_in_their_order() {
        let (a, b) = (Arc::new(List::new("a", false, [])), Arc::new(List::new("b", false, [])));
        let live = Live::join(Method::Beg, true, None, vec![a.clone(), b.clone()]);
        b.add(None, &[(b"/long", None)]).unwrap();
        a.add(None, &[(b"/", None)]).unwrap();
        let now = live.changed().unwrap();
        assert_eq!(now.patterns.find(&Value::str(b"/LONG/er")), Some(1), "the longest prefix");
        let r = b.entries(None)[0].reference;
        assert!(b.remove(Which::Reference(r)));
        assert_eq!(live.changed().unwrap().patterns.find(&Value::str(b"/LONG/er")), Some(0));
    }
}
