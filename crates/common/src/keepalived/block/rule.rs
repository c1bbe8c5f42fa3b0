//! The lines of `virtual_rules` and `static_rules`, written as for `ip rule add`.

use super::{Entry, route::destination};
use crate::{
    keepalived::model::{Rule, RuleAction},
    source::At,
};

/// Reads one rule a line.
pub(super) fn list(rules: &mut Vec<Rule>, e: &mut Entry<'_>) {
    for line in e.lines() {
        let mut entry = Entry::new(e.name, line, e.cx);
        rules.extend(one(&mut entry));
    }
}

fn one(e: &mut Entry<'_>) -> Option<Rule> {
    let mut r = Rule::default();
    let words = &e.node.words;
    r.inet6 = words.iter().any(|w| w.text == "inet6");
    let mut i = 0;
    while let Some(word) = words.get(i) {
        let value = words.get(i + 1);
        let mut used = 2;
        match (word.text.as_str(), value) {
            ("from", Some(v)) => r.from = destination(e, v, r.inet6),
            ("to", Some(v)) => r.to = destination(e, v, r.inet6),
            ("table" | "lookup", Some(v)) => r.table = Some(At::new(v.text.clone(), v.span)),
            ("preference" | "priority", Some(v)) => {
                r.preference = e.number_of(v, 0..=u32::MAX).map(|n| n.value);
            }
            ("iif", Some(v)) => r.iif = Some(At::new(v.text.clone(), v.span)),
            ("oif", Some(v)) => r.oif = Some(At::new(v.text.clone(), v.span)),
            ("fwmark", Some(v)) => match fwmark(&v.text) {
                Some(mark) => r.fwmark = Some(mark),
                None => e.bad(v.span, format!("'{}' is no mark", v.text), "write MARK or MARK/MASK"),
            },
            ("track_group", Some(v)) => r.track_group = Some(At::new(v.text.clone(), v.span)),
            ("nop", _) => (r.action, used) = (RuleAction::Nop, 1),
            ("blackhole", _) => (r.action, used) = (RuleAction::Blackhole, 1),
            ("prohibit", _) => (r.action, used) = (RuleAction::Prohibit, 1),
            ("unreachable", _) => (r.action, used) = (RuleAction::Unreachable, 1),
            ("no_track", _) => (r.no_track, used) = (true, 1),
            ("inet6", _) => used = 1,
            _ => {
                r.options.push(At::new(word.text.clone(), word.span));
                used = 1;
            }
        }
        i += used;
    }
    let acts = r.table.is_some() || r.action != RuleAction::Lookup || !r.options.is_empty();
    if !acts {
        e.bad(e.span(), "the rule neither names a table nor an action".to_owned(), "the line is skipped");
        return None;
    }
    Some(r)
}

/// `MARK[/MASK]`, decimal or `0x…`.
fn fwmark(text: &str) -> Option<(u32, Option<u32>)> {
    let number = |t: &str| match t.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => t.parse().ok(),
    };
    match text.split_once('/') {
        Some((mark, mask)) => Some((number(mark)?, Some(number(mask)?))),
        None => Some((number(text)?, None)),
    }
}
