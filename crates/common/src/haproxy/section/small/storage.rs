//! `cache`, `ring`, `crt-store`, `log-profile`.

use super::{Cx, OWN, RegistryRow, duplicate, lines, name};
use crate::{
    haproxy::{
        model::{Cache, Config, CrtLoad, CrtStore, LogProfile, LogStep, LogTransportFormat, Ring, Server},
        section::{
            cx::{Status, rows},
            server, set,
        },
        tree::Section,
    },
    keyword::ANY,
    source::At,
};

const FULL: Status = Status::FULL;

rows! {
    const CACHE: [Cache];
    "early-hints", OWN, (1, 3), FULL, |c, cx| c.early_hints = Some(cx.joined()), "Whether hints are sent before answers.";
    "max-age", OWN, (1, 1), FULL, |c, cx| set::seconds(&mut c.max_age_s, cx), "Longest time that a response is kept.";
    "max-object-size", OWN, (1, 1), FULL, |c, cx| if let Some(a) = cx.arg(0) { c.max_object_size_bytes = cx.bytes(a) }, "Largest response that is kept.";
    "max-secondary-entries", OWN, (1, 1), FULL, |c, cx| set::number(&mut c.max_secondary_entries, cx), "Most variants of one response.";
    "process-vary", OWN, (1, 1), FULL, |c, cx| if let Some(a) = cx.arg(0) { c.process_vary = cx.on_off(a).unwrap_or(false) }, "Keeps variants of a response.";
    "total-max-size", OWN, (1, 1), FULL, |c, cx| set::number(&mut c.total_max_size_mb, cx), "Size of the cache, in megabytes.";
}

rows! {
    const RING: [Ring];
    "backing-file", OWN, (1, 1), FULL, |r, cx| set::word(&mut r.backing_file, cx), "File that holds the ring.";
    "description", OWN, (1, ANY), FULL, |r, cx| set::joined(&mut r.description, cx), "What the ring is for.";
    "format", OWN, (1, 1), FULL, format, "Header of messages.";
    "map", OWN, (1, 1), FULL, |r, cx| set::word(&mut r.backing_file, cx), "File that holds the ring, old spelling.";
    "maxlen", OWN, (1, 1), FULL, |r, cx| if let Some(a) = cx.arg(0) { r.maxlen_bytes = cx.bytes(a) }, "Longest message.";
    "server", OWN, (2, ANY), FULL, ring_server, "Where messages are sent.";
    "size", OWN, (1, 1), FULL, |r, cx| if let Some(a) = cx.arg(0) { r.size_bytes = cx.bytes(a) }, "Size of the ring.";
    "timeout connect", OWN, (1, 1), FULL, |r, cx| set::ms(&mut r.timeouts.connect_ms, cx), "How long a connection may take.";
    "timeout server", OWN, (1, 1), FULL, |r, cx| set::ms(&mut r.timeouts.server_ms, cx), "How long the server may be silent.";
}

rows! {
    const CRT_STORE: [CrtStore];
    "crt-base", OWN, (1, 1), FULL, |s, cx| set::word(&mut s.crt_base, cx), "Directory of certificates.";
    "key-base", OWN, (1, 1), FULL, |s, cx| set::word(&mut s.key_base, cx), "Directory of keys.";
    "load", OWN, (2, ANY), FULL, load, "A certificate with its options.";
}

rows! {
    const LOG_PROFILE: [LogProfile];
    "log-tag", OWN, (1, 1), FULL, |p, cx| set::text(&mut p.log_tag, cx), "Program name in log headers.";
    "on", OWN, (1, ANY), FULL, on, "Format of one step.";
}

pub(super) fn rows() -> Vec<RegistryRow> {
    let mut all: Vec<_> = CACHE.iter().map(|k| RegistryRow::of("cache", k)).collect();
    all.extend(RING.iter().map(|k| RegistryRow::of("ring", k)));
    all.extend(CRT_STORE.iter().map(|k| RegistryRow::of("crt-store", k)));
    all.extend(LOG_PROFILE.iter().map(|k| RegistryRow::of("log-profile", k)));
    all
}

pub(super) fn cache(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    let mut c = Cache { name: name(section, cx), ..Cache::default() };
    lines(CACHE, section, &mut c, cx);
    duplicate(&c.name, config.caches.iter().map(|x| &x.name), cx);
    config.caches.push(c);
}

pub(super) fn ring(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    let mut r = Ring { name: name(section, cx), ..Ring::default() };
    lines(RING, section, &mut r, cx);
    duplicate(&r.name, config.rings.iter().map(|x| &x.name), cx);
    config.rings.push(r);
}

/// The name may be left out.
pub(super) fn crt_store(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    let name = section.args.first().cloned().unwrap_or_default();
    let mut s = CrtStore { name, ..CrtStore::default() };
    lines(CRT_STORE, section, &mut s, cx);
    config.crt_stores.push(s);
}

pub(super) fn log_profile(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    let mut p = LogProfile { name: name(section, cx), ..LogProfile::default() };
    lines(LOG_PROFILE, section, &mut p, cx);
    duplicate(&p.name, config.log_profiles.iter().map(|x| &x.name), cx);
    config.log_profiles.push(p);
}

fn format(r: &mut Ring, cx: &mut Cx<'_>) {
    use LogTransportFormat::{Iso, Priority, Raw, Rfc3164, Rfc5424, Short, Timed};
    let known = [
        ("iso", Iso),
        ("raw", Raw),
        ("rfc3164", Rfc3164),
        ("rfc5424", Rfc5424),
        ("short", Short),
        ("priority", Priority),
        ("timed", Timed),
    ];
    if let Some(a) = cx.arg(0) {
        r.format = cx.one_of(a, &known);
    }
}

fn ring_server(r: &mut Ring, cx: &mut Cx<'_>) {
    let span = cx.span();
    r.servers.extend(server::parse(&Server::default(), cx).map(|s| At::new(s, span)));
}

fn load(s: &mut CrtStore, cx: &mut Cx<'_>) {
    let mut l = CrtLoad::default();
    let mut rest = cx.args;
    while let [word, value, after @ ..] = rest {
        rest = after;
        match word.as_str() {
            "crt" => l.crt = Some(value.clone()),
            "key" => l.key = Some(value.clone()),
            "alias" => l.alias = Some(value.value.clone()),
            "ocsp" => l.ocsp = Some(value.clone()),
            "issuer" => l.issuer = Some(value.clone()),
            "sctl" => l.sctl = Some(value.clone()),
            "ocsp-update" => l.ocsp_update = Some(value.value.clone()),
            "acme" => l.acme = Some(value.clone()),
            "jwt" => l.jwt = cx.on_off(value),
            "domains" => l.domains = set::split_list(value),
            _ => {
                let known = [
                    "crt",
                    "key",
                    "alias",
                    "ocsp",
                    "issuer",
                    "sctl",
                    "ocsp-update",
                    "acme",
                    "jwt",
                    "domains",
                ];
                return cx.bad_word(word, known);
            }
        }
    }
    if let Some(word) = rest.first() {
        return cx.missing(word, "an argument");
    }
    s.loads.push(At::new(l, cx.span()));
}

fn on(p: &mut LogProfile, cx: &mut Cx<'_>) {
    let mut step = LogStep { step: cx.text(0).unwrap_or_default(), ..LogStep::default() };
    let mut rest = cx.args.get(1..).unwrap_or(&[]);
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        match (word.as_str(), rest) {
            ("drop", _) => step.drop = true,
            ("format", [value, after @ ..]) => {
                step.format = Some(value.clone());
                rest = after;
            }
            ("sd", [value, after @ ..]) => {
                step.sd = Some(value.clone());
                rest = after;
            }
            _ => return cx.bad_word(word, ["drop", "format", "sd"]),
        }
    }
    p.steps.push(At::new(step, cx.span()));
}
