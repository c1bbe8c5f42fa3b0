//! Sections that are read by name and kept as written: `acme`, `fcgi-app`, `healthcheck`, `program`, `traces`.

use super::{Cx, OWN, RegistryRow, lines};
use crate::{
    haproxy::{
        model::{Config, Directive, OtherSection},
        section::cx::{Status, rows},
        tree::Section,
    },
    keyword::ANY,
    source::At,
};

const FULL: Status = Status::FULL;

rows! {
    const ACME: [OtherSection];
    "account-key", OWN, (0, ANY), FULL, keep, "File with the account's key.";
    "acme-vars", OWN, (0, ANY), FULL, keep, "Variables for challenge programs.";
    "bits", OWN, (0, ANY), FULL, keep, "Size of RSA keys.";
    "challenge", OWN, (0, ANY), FULL, keep, "Kind of challenge.";
    "challenge-ready", OWN, (0, ANY), FULL, keep, "When a challenge counts as ready.";
    "contact", OWN, (0, ANY), FULL, keep, "Mail address of the account.";
    "curves", OWN, (0, ANY), FULL, keep, "Curve of keys.";
    "directory", OWN, (0, ANY), FULL, keep, "Address of the authority.";
    "dns-delay", OWN, (0, ANY), FULL, keep, "Time until a DNS challenge is tried.";
    "dns-timeout", OWN, (0, ANY), FULL, keep, "Time to wait for a DNS challenge.";
    "eab-key-id", OWN, (0, ANY), FULL, keep, "Name of an external account.";
    "eab-mac-alg", OWN, (0, ANY), FULL, keep, "Algorithm of an external account.";
    "eab-mac-key", OWN, (0, ANY), FULL, keep, "Key of an external account.";
    "keytype", OWN, (0, ANY), FULL, keep, "Kind of keys.";
    "map", OWN, (0, ANY), FULL, keep, "Map that holds challenges.";
    "profile", OWN, (0, ANY), FULL, keep, "Kind of certificates.";
    "provider-name", OWN, (0, ANY), FULL, keep, "DNS provider.";
    "reuse-key", OWN, (0, ANY), FULL, keep, "Keeps the key for the next certificate.";
}

rows! {
    const FCGI_APP: [OtherSection];
    "acl", OWN, (0, ANY), FULL, keep, "A named test.";
    "docroot", OWN, (0, ANY), FULL, keep, "Directory of scripts.";
    "index", OWN, (0, ANY), FULL, keep, "Script for directories.";
    "log-stderr", OWN, (0, ANY), FULL, keep, "Where the application's errors go.";
    "option get-values", OWN, (0, ANY), FULL, keep, "Asks the application for its limits.";
    "option keep-conn", OWN, (0, ANY), FULL, keep, "Keeps connections to the application.";
    "option max-reqs", OWN, (0, ANY), FULL, keep, "Requests per connection.";
    "option mpxs-conns", OWN, (0, ANY), FULL, keep, "Several requests on one connection.";
    "pass-header", OWN, (0, ANY), FULL, keep, "Header that is passed.";
    "path-info", OWN, (0, ANY), FULL, keep, "How the path is split.";
    "set-param", OWN, (0, ANY), FULL, keep, "A parameter for the application.";
}

rows! {
    const TRACES: [OtherSection];
    "trace", OWN, (0, ANY), FULL, keep, "A trace that is on from the start.";
}

pub(super) fn rows() -> Vec<RegistryRow> {
    let mut all: Vec<_> = ACME.iter().map(|k| RegistryRow::of("acme", k)).collect();
    all.extend(FCGI_APP.iter().map(|k| RegistryRow::of("fcgi-app", k)));
    all.extend(TRACES.iter().map(|k| RegistryRow::of("traces", k)));
    all
}

pub(super) fn other(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    let name = section.args.first().cloned().unwrap_or_default();
    let mut other = OtherSection { kind: section.kind.value.clone(), name, lines: Vec::new() };
    match section.kind.as_str() {
        "acme" => lines(ACME, section, &mut other, cx),
        "fcgi-app" => lines(FCGI_APP, section, &mut other, cx),
        "traces" => lines(TRACES, section, &mut other, cx),
        // Their keywords are those of a backend's checks, or of a service manager.
        _ => other.lines.extend(section.lines.iter().filter_map(|line| {
            let (keyword, args) = line.words.split_first()?;
            let directive = Directive { keyword: keyword.value.clone(), args: args.to_vec() };
            Some(At::new(directive, line.span()))
        })),
    }
    config.others.push(other);
}

fn keep(o: &mut OtherSection, cx: &mut Cx<'_>) {
    o.lines.push(cx.directive());
}
