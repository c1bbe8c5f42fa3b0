//! `resolvers`, `peers`, `mailers`, `log-forward`: sections that name other machines.

use super::{Cx, OWN, RegistryRow, duplicate, lines, name};
use crate::{
    diag::codes,
    haproxy::{
        address::Address,
        expr::within,
        model::{Bind, Config, LogForward, Mailers, Nameserver, Peers, Resolvers, Server},
        section::{
            acl, bind,
            cx::{Status, rows},
            log, server, set,
        },
        tree::Section,
    },
    keyword::ANY,
    source::At,
};

const FULL: Status = Status::FULL;

/// A peers section and what its `default-server` and `default-bind` said.
#[derive(Default)]
struct PeersBuild {
    peers: Peers,
    default_server: Server,
    default_bind: Bind,
}

rows! {
    const RESOLVERS: [Resolvers];
    "accepted_payload_size", OWN, (1, 1), FULL, |r, cx| set::number(&mut r.accepted_payload_size, cx), "Largest answer, in bytes.";
    "hold", OWN, (2, 2), FULL, hold, "How long the last answer counts.";
    "nameserver", OWN, (2, 2), FULL, |r, cx| r.nameservers.extend(named_address(true, cx)), "A name server.";
    "parse-resolv-conf", OWN, (0, 0), FULL, |r, _| r.parse_resolv_conf = true, "Takes the system's name servers.";
    "resolve_retries", OWN, (1, 1), FULL, |r, cx| set::number(&mut r.resolve_retries, cx), "Attempts before a query has failed.";
    "timeout resolve", OWN, (1, 1), FULL, |r, cx| set::ms(&mut r.timeout_resolve_ms, cx), "Time between queries.";
    "timeout retry", OWN, (1, 1), FULL, |r, cx| set::ms(&mut r.timeout_retry_ms, cx), "Time to wait for an answer.";
}

rows! {
    const PEERS: [PeersBuild];
    "bind", OWN, (1, ANY), FULL, peers_bind, "Own address.";
    "default-bind", OWN, (1, ANY), FULL, |p, cx| { let args = cx.args; bind::apply_options(&mut p.default_bind, args, cx) }, "Options of the own address.";
    "default-server", OWN, (1, ANY), FULL, |p, cx| server::parse_default(&mut p.default_server, cx), "Options of the peers below.";
    "disabled", OWN, (0, 0), FULL, |p, _| p.peers.disabled = true, "Turns the section off.";
    "enabled", OWN, (0, 0), FULL, |p, _| p.peers.disabled = false, "Turns the section on.";
    "log", OWN, (1, ANY), FULL, |p, cx| log::log(&mut p.peers.logs, cx), "Where log lines go.";
    "peer", OWN, (1, ANY), FULL, peer, "A peer and its address.";
    "server", OWN, (1, ANY), FULL, peer, "A peer and its address, or the own name.";
    "shards", OWN, (1, 1), FULL, |p, cx| set::number(&mut p.peers.shards, cx), "Number of parts of the tables.";
    "table", OWN, (3, ANY), FULL, peers_table, "A table that is shared.";
}

rows! {
    const MAILERS: [Mailers];
    "mailer", OWN, (2, 2), FULL, |m, cx| m.mailers.extend(named_address(false, cx)), "An SMTP server.";
    "timeout mail", OWN, (1, 1), FULL, |m, cx| set::ms(&mut m.timeout_mail_ms, cx), "Time to wait for an SMTP server.";
}

rows! {
    const LOG_FORWARD: [LogForward];
    "backlog", OWN, (1, 1), FULL, |f, cx| set::number(&mut f.backlog, cx), "Length of the kernel's queue.";
    "bind", OWN, (1, ANY), FULL, |f, cx| listener(&mut f.binds, bind::Purpose::Traffic, cx), "Address for syslog over TCP.";
    "dgram-bind", OWN, (1, ANY), FULL, |f, cx| listener(&mut f.dgram_binds, bind::Purpose::Datagram, cx), "Address for syslog over UDP.";
    "log", OWN, (1, ANY), FULL, |f, cx| log::log(&mut f.logs, cx), "Where messages go.";
    "maxconn", OWN, (1, 1), FULL, |f, cx| set::number(&mut f.maxconn, cx), "Most concurrent senders.";
    "option assume-rfc6587-ntf", OWN, (0, 0), FULL, |f, _| f.assume_rfc6587_ntf = true, "Messages end with a newline.";
    "option dont-parse-log", OWN, (0, 0), FULL, |f, _| f.dont_parse_log = true, "Messages are passed as they are.";
    "option host", OWN, (1, 1), FULL, |f, cx| set::text(&mut f.host, cx), "What becomes of the host field.";
    "timeout client", OWN, (1, 1), FULL, |f, cx| set::ms(&mut f.timeout_client_ms, cx), "How long a sender may be silent.";
}

pub(super) fn rows() -> Vec<RegistryRow> {
    let mut all: Vec<_> = RESOLVERS.iter().map(|k| RegistryRow::of("resolvers", k)).collect();
    all.extend(PEERS.iter().map(|k| RegistryRow::of("peers", k)));
    all.extend(MAILERS.iter().map(|k| RegistryRow::of("mailers", k)));
    all.extend(LOG_FORWARD.iter().map(|k| RegistryRow::of("log-forward", k)));
    all
}

pub(super) fn resolvers(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    let mut r = Resolvers { name: name(section, cx), ..Resolvers::default() };
    lines(RESOLVERS, section, &mut r, cx);
    duplicate(&r.name, config.resolvers.iter().map(|x| &x.name), cx);
    config.resolvers.push(r);
}

pub(super) fn peers(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    let mut p = PeersBuild::default();
    p.peers.name = name(section, cx);
    lines(PEERS, section, &mut p, cx);
    duplicate(&p.peers.name, config.peers.iter().map(|x| &x.name), cx);
    config.peers.push(p.peers);
}

pub(super) fn mailers(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    let mut m = Mailers { name: name(section, cx), ..Mailers::default() };
    lines(MAILERS, section, &mut m, cx);
    duplicate(&m.name, config.mailers.iter().map(|x| &x.name), cx);
    config.mailers.push(m);
}

pub(super) fn log_forward(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    let mut f = LogForward { name: name(section, cx), ..LogForward::default() };
    lines(LOG_FORWARD, section, &mut f, cx);
    duplicate(&f.name, config.log_forwards.iter().map(|x| &x.name), cx);
    config.log_forwards.push(f);
}

fn hold(r: &mut Resolvers, cx: &mut Cx<'_>) {
    let (Some(what), Some(time)) = (cx.arg(0), cx.arg(1)) else { return };
    let Some(ms) = cx.ms(time) else { return };
    let h = &mut r.hold;
    let slot = match what.as_str() {
        "nx" => &mut h.nx_ms,
        "other" => &mut h.other_ms,
        "refused" => &mut h.refused_ms,
        "timeout" => &mut h.timeout_ms,
        "valid" => &mut h.valid_ms,
        "obsolete" => &mut h.obsolete_ms,
        _ => return cx.bad_word(what, ["nx", "other", "refused", "timeout", "valid", "obsolete"]),
    };
    *slot = Some(ms);
}

fn named_address(datagram: bool, cx: &mut Cx<'_>) -> Option<At<Nameserver>> {
    let (name, word) = (cx.text(0)?, cx.arg(1)?);
    let parsed = if datagram { Address::parse_datagram(word) } else { Address::parse(word) };
    match parsed {
        Ok(a) => Some(At::new(Nameserver { name, address: At::new(a, word.span) }, cx.span())),
        Err(e) => {
            cx.alert(codes::BAD_ADDRESS, within(word, e.range), e.message);
            None
        }
    }
}

fn listener(list: &mut Vec<At<Bind>>, purpose: bind::Purpose, cx: &mut Cx<'_>) {
    let span = cx.span();
    list.extend(bind::parse(purpose, cx).map(|b| At::new(b, span)));
}

fn peers_bind(p: &mut PeersBuild, cx: &mut Cx<'_>) {
    let (args, span) = (cx.args, cx.span());
    let Some((first, rest)) = args.split_first() else { return };
    let mut b = p.default_bind.clone();
    b.addresses = bind::addresses(first, bind::Purpose::Traffic, cx);
    bind::apply_options(&mut b, rest, cx);
    p.peers.binds.push(At::new(b, span));
}

/// `peer name address`, or the own name alone when `bind` gives the address.
fn peer(p: &mut PeersBuild, cx: &mut Cx<'_>) {
    let span = cx.span();
    let server = match cx.args {
        [name] => Some(Server { name: name.clone(), ..p.default_server.clone() }),
        _ => server::parse(&p.default_server, cx),
    };
    p.peers.peers.extend(server.map(|s| At::new(s, span)));
}

fn peers_table(p: &mut PeersBuild, cx: &mut Cx<'_>) {
    let (args, span) = (cx.args, cx.span());
    let Some((name, rest)) = args.split_first() else { return };
    if let Some(mut table) = acl::table(rest, cx) {
        table.name = Some(name.value.clone());
        p.peers.tables.push(At::new(table, span));
    }
}
