//! Capture slots: `capture request|response header`, `declare capture`, and `capture … len` rules share one list
//! per direction, in the order of the file.

use common::{
    haproxy::model::{self, Action},
    source::{At, Span},
};

use crate::compile::plan;

/// One declaration of a slot.
struct Slot {
    span: Span,
    /// Empty for slots that rules fill.
    name: String,
    len: usize,
}

/// The slots of a proxy.
pub fn captures(p: &model::Proxy) -> plan::Captures {
    let plain = |slots: Vec<Slot>| slots.into_iter().map(|s| (s.name, s.len)).collect();
    plan::Captures {
        request: plain(slots(p, model::Side::Request)),
        response: plain(slots(p, model::Side::Response)),
        cookie: p.front.cookie_capture.as_ref().map(|c| (c.name.clone(), c.len as usize)),
    }
}

/// Number and length of the slot that the rule at `span` makes.
pub(super) fn slot_of_rule(p: &model::Proxy, side: model::Side, span: Span) -> Option<(usize, usize)> {
    let all = slots(p, side);
    all.iter().position(|s| s.span == span && s.name.is_empty()).and_then(|i| Some((i, all.get(i)?.len)))
}

/// Number and length of a slot by its number.
pub(super) fn slot_by_id(p: &model::Proxy, side: model::Side, id: usize) -> Option<(usize, usize)> {
    slots(p, side).get(id).map(|s| (id, s.len))
}

fn slots(p: &model::Proxy, side: model::Side) -> Vec<Slot> {
    let mut out = Vec::new();
    for c in p.front.captures.iter().filter(|c| c.side == Some(side)) {
        out.push(Slot { span: c.span, name: c.name.value.clone(), len: c.len as usize });
    }
    for c in p.declared_captures.iter().filter(|c| c.side == Some(side)) {
        out.push(Slot { span: c.span, name: String::new(), len: c.len as usize });
    }
    let rules: &[&Vec<At<model::Rule>>] = match side {
        model::Side::Request => &[&p.rules.tcp_request_content, &p.rules.http_request],
        model::Side::Response => &[&p.rules.http_response],
    };
    for rule in rules.iter().flat_map(|r| r.iter()) {
        if let Action::Capture { len: Some(len), .. } = &rule.action {
            out.push(Slot { span: rule.span, name: String::new(), len: *len as usize });
        }
    }
    out.sort_by_key(|s| (s.span.file, s.span.lo));
    out
}
