//! The lines of `virtual_routes` and `static_routes`, written as for `ip route add`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Entry, address};
use crate::{
    diag::codes,
    keepalived::{
        lexer::Word,
        model::{Prefix, Route, RouteKind},
    },
    source::At,
};

/// Reads one route a line.
pub(super) fn list(routes: &mut Vec<Route>, e: &mut Entry<'_>) {
    for line in e.lines() {
        let mut entry = Entry::new(e.name, line, e.cx);
        routes.extend(one(&mut entry));
    }
}

fn one(e: &mut Entry<'_>) -> Option<Route> {
    let mut r = Route::default();
    let mut to = None;
    let mut inet6 = false;
    let words = &e.node.words;
    let mut i = 0;
    while let Some(word) = words.get(i) {
        let value = words.get(i + 1);
        let mut used = 2;
        match (word.text.as_str(), value) {
            ("blackhole", _) => (r.kind, used) = (RouteKind::Blackhole, 1),
            ("unreachable", _) => (r.kind, used) = (RouteKind::Unreachable, 1),
            ("prohibit", _) => (r.kind, used) = (RouteKind::Prohibit, 1),
            ("throw", _) => (r.kind, used) = (RouteKind::Throw, 1),
            ("onlink", _) => (r.onlink, used) = (true, 1),
            ("no_track", _) => (r.no_track, used) = (true, 1),
            ("inet6", _) => (inet6, used) = (true, 1),
            ("to", Some(v)) => to = Some(v),
            ("via", Some(v)) => r.via = next_hop(e, v, words.get(i + 2), &mut used),
            ("gw", Some(v)) => {
                r.via = next_hop(e, v, words.get(i + 2), &mut used);
                let message = "`gw` is an old spelling".to_owned();
                e.warn(codes::K_BAD_ARGUMENT, word.span, message, "write `via`");
            }
            ("src", Some(v)) => r.src = e.address(v).map(|a| a.value),
            ("dev" | "oif", Some(v)) => r.dev = Some(At::new(v.text.clone(), v.span)),
            ("table", Some(v)) => r.table = Some(At::new(v.text.clone(), v.span)),
            ("scope", Some(_)) => r.scope = address::scope(e, i),
            ("metric" | "priority" | "preference", Some(v)) => {
                r.metric = e.number_of(v, 0..=u32::MAX).map(|n| n.value);
            }
            ("track_group", Some(v)) => r.track_group = Some(At::new(v.text.clone(), v.span)),
            _ if i == 0 || (to.is_none() && is_destination(&word.text)) => (to, used) = (Some(word), 1),
            _ => {
                r.options.push(At::new(word.text.clone(), word.span));
                used = 1;
            }
        }
        i += used;
    }
    let Some(word) = to else {
        e.bad(e.span(), "the route has no destination".to_owned(), "the line is skipped");
        return None;
    };
    let ipv6 = inet6 || r.via.or(r.src).is_some_and(|a| a.is_ipv6());
    r.to = destination(e, word, ipv6)?;
    Some(r)
}

/// The address after `via`, which may name its family first.
fn next_hop(e: &mut Entry<'_>, value: &Word, after: Option<&Word>, used: &mut usize) -> Option<IpAddr> {
    let word = match value.text.as_str() {
        "inet" | "inet6" => {
            *used += 1;
            after?
        }
        _ => value,
    };
    e.address(word).map(|a| a.value)
}

fn is_destination(text: &str) -> bool {
    text == "default" || text.parse::<Prefix>().is_ok()
}

/// A destination; `default` is the zero prefix of the route's family.
pub(super) fn destination(e: &mut Entry<'_>, word: &Word, ipv6: bool) -> Option<At<Prefix>> {
    if matches!(word.text.as_str(), "default" | "all" | "any") {
        let address = if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        return Some(At::new(Prefix { address, len: 0 }, word.span));
    }
    e.prefix(word)
}
