//! The `global` section (manual, chapter 3).

mod known;
mod process;
mod tls;
mod tune;

use super::{Apply, Cx, apply_line, scope};
use crate::{
    haproxy::{model::Global, tree::Section},
    keyword::Keyword,
};

/// Rows in a line's first words belong to one of these.
pub(super) const FAMILIES: &[&[Keyword<Apply<Global>>]] =
    &[known::KEYWORDS, process::KEYWORDS, tls::KEYWORDS, tune::KEYWORDS];

/// One `global` section; a repeated one adds to the same target.
pub(super) fn build(section: &Section, global: &mut Global, cx: &mut Cx<'_>) {
    if let Some(extra) = section.args.first() {
        cx.extra(extra);
    }
    for line in &section.lines {
        apply_line(FAMILIES, scope::GLOBAL, line, global, cx);
    }
}

/// Kept as written; that it has no effect was said by its row.
fn keep(global: &mut Global, cx: &mut Cx<'_>) {
    if !cx.no {
        global.others.push(cx.directive());
    }
}
