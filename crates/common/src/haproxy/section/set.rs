//! Setters that most keyword rows are made of: one argument into one field.

use super::cx::Cx;
use crate::source::At;

/// On, or off after `no` and `default`.
pub(super) fn flag(slot: &mut bool, cx: &mut Cx<'_>) {
    *slot = !cx.no && !cx.default;
}

/// On, off after `no`, unsaid after `default`.
pub(super) fn tri(slot: &mut Option<bool>, cx: &mut Cx<'_>) {
    *slot = if cx.default { None } else { Some(!cx.no) };
}

/// A word with its place.
pub(super) fn word(slot: &mut Option<At<String>>, cx: &mut Cx<'_>) {
    *slot = if cx.no { None } else { cx.arg(0).cloned() };
}

/// A word.
pub(super) fn text(slot: &mut Option<String>, cx: &mut Cx<'_>) {
    *slot = cx.text(0);
}

/// All arguments as one text.
pub(super) fn joined(slot: &mut Option<String>, cx: &mut Cx<'_>) {
    *slot = Some(cx.joined());
}

/// A comma-separated list.
pub(super) fn list(slot: &mut Vec<String>, cx: &mut Cx<'_>) {
    *slot = split_list(&cx.text(0).unwrap_or_default());
}

/// Parts of a comma-separated list.
pub(super) fn split_list(text: &str) -> Vec<String> {
    text.split(',').filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

/// A time whose bare number is in milliseconds.
pub(super) fn ms(slot: &mut Option<u64>, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        *slot = cx.ms(a).or(*slot);
    }
}

/// A time whose bare number is in seconds.
pub(super) fn seconds(slot: &mut Option<u64>, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        *slot = cx.seconds(a).or(*slot);
    }
}

/// A time whose bare number is in seconds, for fields of 32 bits.
pub(super) fn seconds32(slot: &mut Option<u32>, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        *slot = cx.seconds(a).and_then(|s| u32::try_from(s).ok()).or(*slot);
    }
}

/// A size that must fit 32 bits.
pub(super) fn bytes32(slot: &mut Option<u32>, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    if let Some(n) = cx.bytes(a) {
        match u32::try_from(n) {
            Ok(n) => *slot = Some(n),
            Err(_) => cx.bad(a, "at most 4g"),
        }
    }
}

/// The same with its place.
pub(super) fn bytes32_at(slot: &mut Option<At<u32>>, cx: &mut Cx<'_>) {
    let mut plain = None;
    bytes32(&mut plain, cx);
    place(slot, plain, cx);
}

/// A number that is not negative.
pub(super) fn number(slot: &mut Option<u32>, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        *slot = cx.u32(a).or(*slot);
    }
}

/// The same with its place.
pub(super) fn number_at(slot: &mut Option<At<u32>>, cx: &mut Cx<'_>) {
    let mut plain = None;
    number(&mut plain, cx);
    place(slot, plain, cx);
}

/// `on` or `off`.
pub(super) fn on_off(slot: &mut Option<bool>, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        *slot = cx.on_off(a).or(*slot);
    }
}

fn place(slot: &mut Option<At<u32>>, value: Option<u32>, cx: &Cx<'_>) {
    if let (Some(value), Some(a)) = (value, cx.arg(0)) {
        *slot = Some(At::new(value, a.span));
    }
}
