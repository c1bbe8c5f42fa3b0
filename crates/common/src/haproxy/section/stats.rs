//! `stats …` of proxies: the statistics page.

use super::{
    cx::{Cx, Status, rows},
    proxy::Build,
    rule::{self, sets},
    scope::{ALL, FB},
    set,
};
use crate::{
    haproxy::model::{Stats, StatsAdmin, StatsAuth},
    keyword::ANY,
    source::At,
};

const FULL: Status = Status::FULL;

rows! {
    pub(super) const KEYWORDS: [Build];
    "stats admin", FB, (2, ANY), FULL, admin, "When the page may change the state of servers.";
    "stats auth", ALL, (1, 1), FULL, auth, "A user who may see the page.";
    "stats enable", ALL, (0, 0), FULL, |b, _| { page(b); }, "Turns the page on.";
    "stats hide-version", ALL, (0, 0), FULL, |b, _| { let p = page(b); (p.hide_version, p.show_version) = (true, false); }, "Does not show the version.";
    "stats http-request", FB, (1, ANY), FULL, http_request, "Rules on requests for the page.";
    "stats realm", ALL, (1, 1), FULL, |b, cx| set::text(&mut page(b).realm, cx), "What the password question says.";
    "stats refresh", ALL, (1, 1), FULL, |b, cx| set::seconds(&mut page(b).refresh_s, cx), "How often the page loads again.";
    "stats scope", ALL, (1, 1), FULL, |b, cx| { let scope = cx.arg(0).cloned(); page(b).scope.extend(scope); }, "Proxies that the page shows.";
    "stats show-desc", ALL, (0, ANY), FULL, |b, cx| page(b).show_desc = Some(cx.joined()), "Shows a description.";
    "stats show-legends", ALL, (0, 0), FULL, |b, _| page(b).show_legends = true, "Shows more about each line.";
    "stats show-modules", ALL, (0, 0), Status::not_yet("there are no module counters"), |b, _| page(b).show_modules = true, "Shows counters of modules.";
    "stats show-node", ALL, (0, 1), FULL, |b, cx| page(b).show_node = Some(cx.text(0).unwrap_or_default()), "Shows the node's name.";
    "stats show-version", ALL, (0, 0), Status::no_effect("the version is shown unless it is hidden"), |b, _| { let p = page(b); (p.hide_version, p.show_version) = (false, true); }, "Shows the version.";
    "stats uri", ALL, (1, 1), FULL, |b, cx| set::word(&mut page(b).uri, cx), "Path of the page.";
}

/// Every one of these keywords turns the page on.
fn page(b: &mut Build) -> &mut Stats {
    let stats = b.proxy.stats.get_or_insert_default();
    stats.enable = true;
    stats
}

fn admin(b: &mut Build, cx: &mut Cx<'_>) {
    let (args, span) = (cx.args, cx.span());
    if let Some(cond) = cx.cond(args) {
        page(b).admin.push(At::new(StatsAdmin { cond }, span));
    }
}

fn auth(b: &mut Build, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    let Some((user, password)) = a.split_once(':') else {
        return cx.bad(a, "user:password");
    };
    let auth = StatsAuth { user: user.to_owned(), password: password.to_owned() };
    page(b).auth.push(At::new(auth, a.span));
}

fn http_request(b: &mut Build, cx: &mut Cx<'_>) {
    let args = cx.args;
    if let Some(rule) = rule::parse(sets::STATS, args, cx) {
        page(b).http_request.push(rule);
    }
}
