//! The small sections: users, error pages, name servers, peers, caches, rings, and those kept as written.

mod kept;
mod network;
mod storage;
mod users;

use super::{Cx, RegistryRow, apply_line, cx::Apply, proxy::check_name, scope::OWN};
use crate::{
    diag::{Diagnostic, codes},
    haproxy::{model::Config, tree::Section},
    keyword::Keyword,
    source::At,
};

/// One section of these kinds.
pub(super) fn build(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    match section.kind.as_str() {
        "userlist" => users::userlist(section, config, cx),
        "healthcheck" => super::check::healthcheck(section, config, cx),
        "http-errors" => users::http_errors(section, config, cx),
        "resolvers" => network::resolvers(section, config, cx),
        "peers" => network::peers(section, config, cx),
        "mailers" => network::mailers(section, config, cx),
        "log-forward" => network::log_forward(section, config, cx),
        "cache" => storage::cache(section, config, cx),
        "ring" => storage::ring(section, config, cx),
        "crt-store" => storage::crt_store(section, config, cx),
        "log-profile" => storage::log_profile(section, config, cx),
        _ => kept::other(section, config, cx),
    }
}

/// Rows of all these sections, for the registry.
pub(super) fn rows() -> Vec<RegistryRow> {
    let mut all = users::rows();
    all.extend(network::rows());
    all.extend(storage::rows());
    all.extend(kept::rows());
    all
}

/// The name behind the section's keyword; without one the section is read all the same.
fn name(section: &Section, cx: &mut Cx<'_>) -> At<String> {
    let Some((name, rest)) = section.args.split_first() else {
        cx.missing(&section.kind, "a name");
        return At::new(String::new(), section.kind.span);
    };
    check_name(name, cx);
    if let Some(extra) = rest.first() {
        cx.ignored(extra);
    }
    name.clone()
}

fn lines<T: 'static>(table: &[Keyword<Apply<T>>], section: &Section, target: &mut T, cx: &mut Cx<'_>) {
    for line in &section.lines {
        apply_line(&[table], OWN, line, target, cx);
    }
}

/// Two sections of a kind with one name.
fn duplicate<'a>(name: &At<String>, others: impl Iterator<Item = &'a At<String>>, cx: &mut Cx<'_>) {
    let mut others = others;
    if let Some(other) = others.find(|o| o.value == name.value) {
        let message = format!("there is another {} section named `{}`", cx.section, name.value);
        let d = Diagnostic::alert(codes::DUPLICATE_NAME, message).at(name.span, "");
        cx.diags.push(d.also(other.span, "the other one"));
    }
}
