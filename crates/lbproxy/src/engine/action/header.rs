//! Header fields: set, add, delete, replace; in the direction that runs.

use super::with_text;
use crate::engine::{
    http::Head,
    logformat::LogFormat,
    pattern::{Regex, regex::expand},
    sample::{Ctx, list},
};

/// An edit of header fields.
#[derive(Clone, Debug)]
pub enum Edit {
    Set {
        name: LogFormat,
        value: LogFormat,
    },
    Add {
        name: LogFormat,
        value: LogFormat,
    },
    Delete(Names),
    /// Whole values that the expression matches.
    ReplaceHeader {
        name: Box<[u8]>,
        regex: Regex,
        value: LogFormat,
    },
    /// Comma-separated elements that the expression matches.
    ReplaceValue {
        name: Box<[u8]>,
        regex: Regex,
        value: LogFormat,
    },
}

/// Which names `del-header` means.
#[derive(Clone, Debug)]
pub enum Names {
    /// One name, computed.
    Is(LogFormat),
    Begins(Box<[u8]>),
    Ends(Box<[u8]>),
    Holds(Box<[u8]>),
    Matches(Regex),
}

impl Edit {
    pub(super) fn run(&self, ctx: &mut Ctx<'_>) {
        match self {
            Edit::Set { name, value } => two_texts(ctx, name, value, |head, n, v| head.set(n, v)),
            Edit::Add { name, value } => two_texts(ctx, name, value, |head, n, v| head.add(n, v)),
            Edit::Delete(names) => delete(ctx, names),
            Edit::ReplaceHeader { name, regex, value } => replace(ctx, name, regex, value, false),
            Edit::ReplaceValue { name, regex, value } => replace(ctx, name, regex, value, true),
        }
    }
}

/// The head of the direction that runs.
fn head<'h>(ctx: &'h mut Ctx<'_>) -> Option<&'h mut Head> {
    if ctx.responding { ctx.res.as_deref_mut() } else { ctx.req.as_deref_mut() }
}

fn two_texts(
    ctx: &mut Ctx<'_>,
    name: &LogFormat,
    value: &LogFormat,
    edit: impl FnOnce(&mut Head, &[u8], &[u8]) -> bool,
) {
    let ok = match name.as_text() {
        Some(name) => with_text(ctx, value, |ctx, v| head(ctx).is_none_or(|h| edit(h, name, v))),
        None => {
            let name = with_text(ctx, name, |_, n| n.to_vec());
            with_text(ctx, value, |ctx, v| head(ctx).is_none_or(|h| edit(h, &name, v)))
        }
    };
    if !ok {
        ctx.txn.rewrite_failures += 1;
    }
}

fn delete(ctx: &mut Ctx<'_>, names: &Names) {
    if let Names::Is(format) = names {
        match format.as_text() {
            Some(name) => {
                head(ctx).map(|h| h.remove(name));
            }
            None => with_text(ctx, format, |ctx, name| {
                head(ctx).map(|h| h.remove(name));
            }),
        }
        return;
    }
    let Some(head) = head(ctx) else { return };
    head.retain(|_, name, _| {
        let name = name.to_ascii_lowercase();
        !match names {
            Names::Is(_) => false,
            Names::Begins(t) => name.starts_with(t),
            Names::Ends(t) => name.ends_with(t),
            Names::Holds(t) => memchr::memmem::find(&name, t).is_some(),
            Names::Matches(r) => r.is_match(&name),
        }
    });
}

/// Each value is matched as it was before the rule; the template's groups come from that value.
fn replace(ctx: &mut Ctx<'_>, name: &[u8], regex: &Regex, format: &LogFormat, elements: bool) {
    let matching: Vec<(usize, Vec<u8>)> = match head(ctx) {
        None => return,
        Some(h) => h
            .slots()
            .iter()
            .enumerate()
            .filter(|(_, s)| h.bytes(s.name).eq_ignore_ascii_case(name))
            .map(|(i, s)| (i, h.bytes(s.value).to_vec()))
            .collect(),
    };
    for (index, value) in matching {
        let changed = with_text(ctx, format, |_, template| match elements {
            true => replace_elements(&value, regex, template),
            false => replace_one(&value, regex, template).map(|v| v.trim_ascii().to_vec()),
        });
        if let Some(new) = changed
            && !head(ctx).is_none_or(|h| h.set_value_at(index, &new))
        {
            ctx.txn.rewrite_failures += 1;
        }
    }
}

/// A text in which the expression matches anywhere is replaced as a whole (manual 4.3, `replace-header`).
pub(super) fn replace_one(value: &[u8], regex: &Regex, template: &[u8]) -> Option<Vec<u8>> {
    let groups = regex.groups(value, 0)?;
    let mut out = Vec::new();
    expand(template, value, &groups, &mut out);
    Some(out)
}

fn replace_elements(value: &[u8], regex: &Regex, template: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut at, mut copied, mut changed) = (Vec::new(), 0, 0, false);
    while let Some((element, next)) = list::next_element(value, at) {
        if let Some(new) = replace_one(element, regex, template) {
            // The spaces around an element go with it.
            out.extend_from_slice(value.get(copied..at)?);
            out.extend_from_slice(&new);
            copied = (next - 1).min(value.len());
            changed = true;
        }
        at = next;
    }
    out.extend_from_slice(value.get(copied..)?);
    changed.then_some(out)
}
