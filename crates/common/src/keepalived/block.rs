//! The registry: which keywords stand in which block, and how a block's lines become a part of the model.
//!
//! Owns: the row type, the walk over a block's lines, and what is said of unknown, misplaced and unsupported
//! words. A keyword is one row of the table of its block (`block/<block>.rs`). Invariants: tables are sorted by
//! name; every keyword of keepalived 2.4's VRRP has a row, so that none is taken for a typing error; each keyword
//! without effect is told once.

mod address;
mod auth_hmac;
mod authentication;
mod bfd_instance;
mod entry;
mod global_defs;
mod lvs;
mod notify;
mod route;
mod rule;
mod top;
mod track;
mod track_file;
mod track_process;
mod track_proxy;
mod vrrp_instance;
mod vrrp_script;
mod vrrp_sync_group;

use std::collections::HashSet;

pub(crate) use entry::Entry;

use super::{model::Config, tree::Node};
use crate::{
    diag::{Diagnostic, Diagnostics, codes, suggest},
    keyword::{ANY, Keyword, Support},
};

/// How a row reads its line into the part of the model that its block fills.
pub(crate) type Apply<T> = fn(&mut T, &mut Entry<'_>);
pub(crate) type Row<T> = Keyword<Apply<T>>;

/// Form of a keyword, in [`Keyword::scope`]: a line of words, or a block.
const LINE: u32 = 1;
const BLOCK: u32 = 2;

/// One keyword, for documents and completion.
#[derive(Clone, Copy, Debug)]
pub struct CatalogueRow {
    /// The block it stands in; `top level` outside all.
    pub block: &'static str,
    pub name: &'static str,
    pub doc: &'static str,
    pub support: Support,
}

/// Every keyword, block by block.
pub fn catalogue() -> Vec<CatalogueRow> {
    fn rows<T>(block: &'static str, table: &[Row<T>]) -> Vec<CatalogueRow> {
        table.iter().map(|r| CatalogueRow { block, name: r.name, doc: r.doc, support: r.support }).collect()
    }
    [
        rows("top level", top::KEYWORDS),
        rows("global_defs", global_defs::KEYWORDS),
        rows("vrrp_script", vrrp_script::KEYWORDS),
        rows("vrrp_track_process", track_process::KEYWORDS),
        rows("track_file", track_file::KEYWORDS),
        rows("bfd_instance", bfd_instance::KEYWORDS),
        rows("vrrp_sync_group", vrrp_sync_group::KEYWORDS),
        rows("vrrp_instance", vrrp_instance::KEYWORDS),
        rows("authentication", authentication::KEYWORDS),
        rows("auth_hmac", auth_hmac::KEYWORDS),
        rows("track_proxy", track_proxy::KEYWORDS),
    ]
    .concat()
}

/// Reads the tree into a model. Also tells whether something stands in it that no part can be run with.
pub(crate) fn config(nodes: &[Node], diags: &mut Diagnostics) -> (Config, bool) {
    let mut cx = Context { diags: std::mem::take(diags), said: HashSet::new(), unusable: false };
    let mut config = Config::default();
    apply("top level", top::KEYWORDS, &mut config, nodes, &mut cx);
    *diags = cx.diags;
    (config, cx.unusable)
}

/// Whether a keyword of the top level opens a block.
pub(crate) fn must_open(word: &str) -> bool {
    find(top::KEYWORDS, word).is_some_and(|r| r.scope == BLOCK)
}

/// What goes along while a configuration is read.
pub(crate) struct Context {
    pub(crate) diags: Diagnostics,
    /// Keywords without effect that were told of.
    said: HashSet<&'static str>,
    pub(crate) unusable: bool,
}

impl Context {
    /// Says of a keyword that it is not served, once for each keyword.
    fn say_support<T>(&mut self, row: &Row<T>, node: &Node) {
        let (code, why, full) = match row.support {
            Support::Full => return,
            Support::NoEffect(why) => (codes::K_NO_EFFECT, why, false),
            Support::NotYet(why) => (codes::K_NOT_YET, why, false),
            Support::Refused(why) => (codes::K_NO_EFFECT, why, true),
        };
        if !self.said.insert(row.name) {
            return;
        }
        let message = format!("`{}` has no effect: {why}", row.name);
        let make = if full { Diagnostic::warning } else { Diagnostic::notice };
        let at = node.words.first().map_or(node.span, |w| w.span);
        self.diags.push(make(code, message).at(at, ""));
    }
}

/// Reads the lines of a block with its table.
pub(crate) fn apply<T>(
    block: &'static str,
    table: &[Row<T>],
    target: &mut T,
    nodes: &[Node],
    cx: &mut Context,
) {
    for node in nodes {
        let Some(word) = node.words.first() else { continue };
        let Some(row) = find(table, &word.text) else {
            unknown(block, table, node, cx);
            continue;
        };
        if row.scope == BLOCK && node.children.is_none() {
            let d = Diagnostic::alert(codes::K_UNBALANCED, format!("`{}` opens no block", row.name));
            cx.diags.push(d.at(node.span, "").help("write its lines between `{` and `}`; it is skipped"));
            continue;
        }
        if row.scope == LINE && node.children.is_some() {
            let d = Diagnostic::alert(codes::K_UNBALANCED, format!("`{}` takes no block", row.name));
            cx.diags.push(d.at(node.span, "the block is skipped"));
        }
        if arity_holds(row, node, cx) {
            cx.say_support(row, node);
            (row.apply)(target, &mut Entry::new(row.name, node, cx));
        }
    }
}

/// Checks the number of words. Too few make a configuration unusable for keepalived, too many are not looked at.
fn arity_holds<T>(row: &Row<T>, node: &Node, cx: &mut Context) -> bool {
    let (min, max) = row.arity;
    let given = node.words.len().saturating_sub(1);
    if given < usize::from(min) {
        let d = Diagnostic::alert(codes::K_BAD_ARGUMENT, format!("`{}` lacks an argument", row.name));
        cx.diags.push(d.at(node.span, "a word is missing after it").help(row.doc));
        // keepalived leaves out a block without a name, and refuses to run with any other line cut short.
        cx.unusable |= row.scope == LINE;
        return false;
    }
    if max != ANY
        && given > usize::from(max)
        && let Some(extra) = node.words.get(1 + usize::from(max))
    {
        let message = format!("`{}` does not look at further words", row.name);
        let rest = node.words.last().map_or(extra.span, |w| extra.span.to(w.span));
        cx.diags.push(Diagnostic::notice(codes::K_BAD_ARGUMENT, message).at(rest, "not read").help(
            "write further keywords on lines of their own, and several words of one argument in quotes",
        ));
    }
    true
}

fn find<'t, T>(table: &'t [Row<T>], word: &str) -> Option<&'t Row<T>> {
    table.binary_search_by(|r| r.name.cmp(word)).ok().and_then(|i| table.get(i))
}

/// Tells of an unknown word; its block, if it opens one, is skipped as a whole.
fn unknown<T>(block: &'static str, table: &[Row<T>], node: &Node, cx: &mut Context) {
    let Some(word) = node.words.first() else { return };
    let mut d = Diagnostic::alert(codes::K_UNKNOWN_KEYWORD, format!("Unknown keyword '{}'", word.text))
        .at(word.span, if node.children.is_some() { "the block is skipped" } else { "the line is skipped" });
    d = match suggest::nearest(&word.text, table.iter().map(|r| r.name)) {
        Some(near) => d.help(format!("did you mean `{near}`?")),
        None => match elsewhere(&word.text, block) {
            Some(other) => d.help(format!("`{}` belongs into `{other}`", word.text)),
            None => d,
        },
    };
    cx.diags.push(d);
}

/// A block in which the word is known.
fn elsewhere(word: &str, not: &str) -> Option<&'static str> {
    catalogue().into_iter().find(|r| r.name == word && r.block != not).map(|r| r.block)
}

/// Takes a value that could be read; one that could not leaves what was there.
fn set<T>(field: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *field = value;
    }
}

/// A row that is served.
const fn row<T>(name: &'static str, arity: (u8, u8), doc: &'static str, apply: Apply<T>) -> Row<T> {
    Keyword { name, scope: LINE, arity, doc, removed: None, support: Support::Full, apply }
}

/// A row that is served and opens a block.
const fn block<T>(name: &'static str, arity: (u8, u8), doc: &'static str, apply: Apply<T>) -> Row<T> {
    Keyword { name, scope: BLOCK, arity, doc, removed: None, support: Support::Full, apply }
}

/// A row that is read and has no effect, for the reason given.
const fn unserved<T>(name: &'static str, doc: &'static str, support: Support) -> Row<T> {
    Keyword { name, scope: LINE, arity: (0, ANY), doc, removed: None, support, apply: |_, _| {} }
}

/// The same, for a block.
const fn unserved_block<T>(name: &'static str, doc: &'static str, support: Support) -> Row<T> {
    Keyword { name, scope: BLOCK, arity: (0, ANY), doc, removed: None, support, apply: |_, _| {} }
}

/// Reasons that many rows share.
mod why {
    use crate::keyword::Support;

    pub(super) const LVS: Support =
        Support::NoEffect("it belongs to LVS load balancing, which lbproxy does in its own way");
    pub(super) const SNMP: Support = Support::NotYet("SNMP is not built yet");
    pub(super) const DBUS: Support = Support::NotYet("the D-Bus interface is not built yet");
    pub(super) const FIREWALL: Support = Support::NotYet("packet filtering is not built yet");
    pub(super) const BUFFERS: Support =
        Support::NoEffect("buffers of sockets are sized by what the daemon itself needs");
    pub(super) const SCHEDULING: Support = Support::NotYet("scheduling of the process is not set yet");
    pub(super) const BFD_PROCESS: Support = Support::NoEffect("BFD has no process of its own here");
    pub(super) const LINKBEAT: Support = Support::NoEffect(
        "the kernel tells of every change of a link at once, so that none has to be polled",
    );
    pub(super) const IPROUTE: Support = Support::NotYet("names of iproute2's tables are not read yet");
    pub(super) const DEBUGGING: Support = Support::NoEffect("it serves the debugging of keepalived itself");
    pub(super) const RELOAD: Support = Support::NotYet("reloads are done by signal only");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_so_that_a_keyword_is_found() {
        let mut previous = ("", "");
        for r in catalogue() {
            assert!(
                r.block != previous.0 || r.name > previous.1,
                "{} must not stand after {} in {}",
                r.name,
                previous.1,
                r.block
            );
            previous = (r.block, r.name);
        }
    }

    #[test]
    fn every_row_says_what_it_is_in_one_sentence() {
        for r in catalogue() {
            assert!(r.doc.ends_with('.') && r.doc.len() > 8, "{} in {}: {}", r.name, r.block, r.doc);
        }
    }
}
