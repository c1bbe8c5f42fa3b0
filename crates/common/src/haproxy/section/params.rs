//! Options behind an address: what `bind` and `server` lines are made of.

use super::cx::{Apply, Cx};
use crate::{
    diag::{Diagnostic, codes},
    keyword::{Keyword, Support},
    source::At,
};

/// Applies `words` as options from `table` to `target`; each takes the number of arguments that its row says.
/// `what` is the kind of line, for messages. A faulty option does not keep the next ones from being read.
pub(super) fn apply<T>(
    table: &[Keyword<Apply<T>>],
    what: &'static str,
    words: &[At<String>],
    target: &mut T,
    cx: &mut Cx<'_>,
) {
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let Some(row) = table.iter().find(|k| k.name == word.value) else {
            let message = format!("`{what}` does not know the option `{}`", word.value);
            let d = Diagnostic::alert(codes::UNKNOWN_KEYWORD, message).at(word.span, "");
            cx.diags.push(d.did_you_mean(word, table.iter().map(|k| k.name)));
            // Its arguments cannot be told from options: more complaints would only confuse.
            return;
        };
        let wanted = usize::from(row.arity.0);
        let Some((args, after)) = after.split_at_checked(wanted) else {
            cx.missing(word, if wanted == 1 { "an argument" } else { "more arguments" });
            return;
        };
        rest = after;
        let mut cx = cx.at(word.clone(), args, None);
        if !refused(row, what, &mut cx) {
            (row.apply)(target, &mut cx);
        }
    }
}

fn refused<T>(row: &Keyword<Apply<T>>, what: &str, cx: &mut Cx<'_>) -> bool {
    let span = cx.keyword.span;
    if let Some(removed) = row.removed {
        let message =
            format!("the `{what}` option `{}` was removed from HAProxy in {}", row.name, removed.since);
        let d = Diagnostic::warning(codes::OLD_SPELLING, message).at(span, "understood");
        cx.diags.push(d.help(format!("write {}", removed.modern)));
    }
    let (code, why, effect) = match row.support {
        Support::Full => return false,
        Support::Refused(why) => {
            let message = format!("the `{what}` option `{}` is refused: {why}", row.name);
            cx.alert(codes::REFUSED, span, message);
            return true;
        }
        Support::NoEffect(why) => (codes::NO_EFFECT, why, "no effect here"),
        Support::NotYet(why) => (codes::NOT_YET, why, "no effect yet"),
    };
    if cx.said.insert(row.doc) {
        cx.notice(code, span, format!("the `{what}` option `{}` has {effect}: {why}", row.name));
    }
    false
}
