//! Lists of patterns as commands know them: numbered in the order of the configuration, described by their places.

use common::source::{SourceMap, Span};

use super::{
    expr::ListUse,
    plan::{PatternList, Plan},
};

/// Numbers the lists from 0 in the order in which the configuration has them; a number that `-u` asks for is kept
/// for whoever asks (manual 7.1).
pub(super) fn numbered(mut lists: Vec<ListUse>) -> Vec<PatternList> {
    lists.sort_by_key(|l| l.uses.first().map_or((u32::MAX, 0), |u| position(u.1)));
    let wanted: Vec<u32> = lists.iter().filter_map(|l| l.wanted_id).collect();
    let mut free = (0..).filter(|n| !wanted.contains(n));
    let number = |l: ListUse| PatternList {
        id: l.wanted_id.or_else(|| free.next()).unwrap_or(u32::MAX),
        list: l.list,
        uses: l.uses,
        description: String::new(),
    };
    let mut numbered: Vec<_> = lists.into_iter().map(number).collect();
    numbered.sort_by_key(|l| l.id);
    numbered
}

fn position(span: Span) -> (u32, u32) {
    (span.file.0, span.lo)
}

/// Describes each list, in HAProxy's words (`show acl`).
pub fn describe(plan: &mut Plan, sources: &SourceMap) {
    for l in &mut plan.lists {
        let uses = l.uses.iter().map(|(what, span)| {
            let file = sources.file(span.file).map_or("", |f| f.name.as_str());
            let line = sources.line_col(*span).line;
            match l.list.name.is_empty() {
                true => format!("acl '{what}' file '{file}' line {line}"),
                false => format!("by {what} at file '{file}' line {line}"),
            }
        });
        let uses = uses.collect::<Vec<_>>().join(", ");
        l.description = match l.list.name.as_str() {
            "" => uses,
            name => format!("pattern loaded from file '{name}' used {uses}"),
        };
    }
}
