//! Rules in spellings that HAProxy removed in 2.1: `reqadd` and its family, `block`, in modern form.

use super::sets;
use crate::{
    haproxy::{
        expr::{Cond, within},
        model::{Action, LineVerdict, Reply, Rule},
        section::cx::Cx,
    },
    source::At,
};

/// Which rule set the translated rule belongs to.
pub(crate) type Translated = (u32, At<Rule>);

/// `reqadd "Name: value" [if …]`, `rspadd`.
pub(crate) fn add(set: u32, cx: &mut Cx<'_>) -> Option<Translated> {
    let args = cx.args;
    let (line, rest) = args.split_first()?;
    let cond = cx.cond(rest)?;
    let Some((name, value)) = line.split_once(':') else {
        cx.bad(line, "a header line such as X-Name:\\ value");
        return None;
    };
    let value_text = value.trim_start();
    let from = line.len() - value_text.len();
    let name_at = At::new(name.to_owned(), within(line, 0..name.len()));
    // What was text becomes a format, in which a percent sign is special.
    let value_at = At::new(value_text.replace('%', "%%"), within(line, from..line.len()));
    let action = match name {
        "" => {
            cx.bad(line, "a header name before the colon");
            return None;
        }
        _ => Action::AddHeader { name: name_at, value: value_at },
    };
    Some(rule(set, action, cond, cx))
}

/// `reqdel`, `reqidel`, `rspdel`, `rspidel`.
pub(crate) fn del(set: u32, ignore_case: bool, cx: &mut Cx<'_>) -> Option<Translated> {
    let (regex, cond) = regex(cx)?;
    // `^Name:` and `^Name:.*` mean the header whatever its value.
    let plain = regex.strip_prefix('^').and_then(|r| {
        let r = r.trim_end_matches('$');
        let r = r.strip_suffix(".*").unwrap_or(r).trim_end_matches(' ');
        r.strip_suffix(':')
    });
    let token =
        |n: &&str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let action = match plain.filter(token) {
        Some(name) => {
            let at = within(&regex, 1..1 + name.len());
            Action::DelHeader { name: At::new(name.to_owned(), at), matching: None }
        }
        None => Action::DelLine { regex, ignore_case },
    };
    Some(rule(set, action, cond, cx))
}

/// `reqrep`, `reqirep`, `rsprep`, `rspirep`.
pub(crate) fn replace(set: u32, ignore_case: bool, cx: &mut Cx<'_>) -> Option<Translated> {
    let args = cx.args;
    let [regex, value, rest @ ..] = args else { return None };
    let cond = cx.cond(rest)?;
    let action = Action::ReplaceLine { regex: regex.clone(), ignore_case, value: value.clone() };
    Some(rule(set, action, cond, cx))
}

/// `reqdeny`, `reqideny`, `reqallow`, `reqiallow`, `reqtarpit`, `reqitarpit`, `rspdeny`, `rspideny`.
pub(crate) fn judge(set: u32, ignore_case: bool, then: LineVerdict, cx: &mut Cx<'_>) -> Option<Translated> {
    let (regex, cond) = regex(cx)?;
    Some(rule(set, Action::MatchLine { regex, ignore_case, then }, cond, cx))
}

/// `block if …`.
pub(crate) fn block(cx: &mut Cx<'_>) -> Option<Translated> {
    let args = cx.args;
    let cond = cx.cond(args)?;
    Some(rule(sets::HTTP_REQUEST, Action::Deny(Reply::default()), cond, cx))
}

fn regex(cx: &mut Cx<'_>) -> Option<(At<String>, Option<Cond>)> {
    let args = cx.args;
    let (regex, rest) = args.split_first()?;
    Some((regex.clone(), cx.cond(rest)?))
}

fn rule(set: u32, action: Action, cond: Option<Cond>, cx: &Cx<'_>) -> Translated {
    (set, At::new(Rule { action, cond }, cx.span()))
}
