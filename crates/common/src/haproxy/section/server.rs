//! `server`, `default-server`, `server-template` lines (manual, chapter 5.2).

use super::{
    cx::{Cx, Status, rows},
    params, scope, set, tls_version,
};
use crate::{
    diag::codes,
    haproxy::{
        address::{Address, Port, Target},
        expr::within,
        model::{
            Family, InitAddr, InitState, Observe, OnError, ProxyTlv, SendProxy, Server, ServerTemplate,
            Source, TlsVersion, UseSrc, Verify,
        },
    },
    source::At,
};

/// `server name address options…`, starting from what `default-server` said.
pub(super) fn parse(defaults: &Server, cx: &mut Cx<'_>) -> Option<Server> {
    let args = cx.args;
    let [name, address, rest @ ..] = args else { return None };
    let address = cx.address(address).filter(|a| usable(a, cx))?;
    let mut server = Server { name: name.clone(), address, ..defaults.clone() };
    check_name(name, cx);
    apply(&mut server, rest, cx);
    Some(server)
}

/// `default-server options…`, on top of what it said before.
pub(super) fn parse_default(defaults: &mut Server, cx: &mut Cx<'_>) {
    let args = cx.args;
    apply(defaults, args, cx);
}

/// `server-template prefix count|low-high address options…`.
pub(super) fn parse_template(defaults: &Server, cx: &mut Cx<'_>) -> Option<ServerTemplate> {
    /// More servers of one template than any table of theirs could be read.
    const SERVERS_MAX: u32 = 65_535;
    let args = cx.args;
    let [prefix, count, address, rest @ ..] = args else { return None };
    let range = match count.split_once('-') {
        None => count.parse().ok().map(|n| (1, n)),
        Some((low, high)) => low.parse().ok().zip(high.parse().ok()),
    };
    let Some((first, last)) =
        range.filter(|&(low, high)| low <= high && high - low < SERVERS_MAX && high > 0)
    else {
        cx.bad(count, "a number of servers, or a range such as 1-5");
        return None;
    };
    let address = cx.address(address).filter(|a| usable(a, cx))?;
    let mut server = Server { address, ..defaults.clone() };
    apply(&mut server, rest, cx);
    Some(ServerTemplate { prefix: prefix.clone(), first, last, server })
}

fn check_name(name: &At<String>, cx: &mut Cx<'_>) {
    let bad = name.char_indices().find(|&(_, c)| !(c.is_ascii_alphanumeric() || "-_.:".contains(c)));
    if let Some((i, c)) = bad {
        let span = within(name, i..i + c.len_utf8());
        cx.alert(codes::BAD_ARGUMENT, span, format!("`{c}` may not stand in a server's name"));
    }
}

fn usable(address: &At<Address>, cx: &mut Cx<'_>) -> bool {
    let range = matches!(address.target, Target::Inet { port: Port::Range(..), .. });
    if range {
        cx.alert(codes::BAD_ADDRESS, address.span, "a server has one port, not a range");
    }
    !range
}

/// Options that take more than a fixed number of words go first; the rest is the table's.
fn apply(server: &mut Server, words: &[At<String>], cx: &mut Cx<'_>) {
    let mut plain = Vec::new();
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        rest = match word.as_str() {
            "source" => source_option(server, word, after, cx),
            w if w.starts_with("set-proxy-v2-tlv-fmt(") => tlv_option(server, word, after, cx),
            w => {
                plain.push(word.clone());
                let taken = OPTIONS.iter().find(|k| k.name == w).map_or(0, |k| usize::from(k.arity.0));
                let (args, after) = after.split_at_checked(taken).unwrap_or((after, &[]));
                plain.extend_from_slice(args);
                after
            }
        };
    }
    params::apply(OPTIONS, "server", &plain, server, cx);
}

fn source_option<'a>(
    server: &mut Server,
    word: &At<String>,
    words: &'a [At<String>],
    cx: &mut Cx<'_>,
) -> &'a [At<String>] {
    let mut cx = cx.at(word.clone(), words, None);
    let (source, rest) = source(words, &mut cx);
    server.source = source;
    rest
}

/// `addr [usesrc …] [interface …]`, and what stands behind; shared with the `source` keyword.
pub(super) fn source<'a>(words: &'a [At<String>], cx: &mut Cx<'_>) -> (Option<At<Source>>, &'a [At<String>]) {
    let Some((first, mut rest)) = words.split_first() else {
        let keyword = cx.keyword.clone();
        cx.missing(&keyword, "an address");
        return (None, words);
    };
    let Some(address) = cx.address(first) else { return (None, rest) };
    let mut source = Source { address, ..Source::default() };
    loop {
        match rest {
            [word, value, after @ ..] if word.as_str() == "usesrc" => {
                cx.not_yet("usesrc", word.span, "the proxy's own address is used");
                source.usesrc = use_src(value, cx).map(|u| At::new(u, value.span));
                rest = after;
            }
            [word, value, after @ ..] if word.as_str() == "interface" => {
                source.interface = Some(value.clone());
                rest = after;
            }
            [word] if matches!(word.as_str(), "usesrc" | "interface") => {
                cx.missing(word, "an argument");
                return (None, &[]);
            }
            _ => return (Some(At::new(source, first.span)), rest),
        }
    }
}

fn use_src(word: &At<String>, cx: &mut Cx<'_>) -> Option<UseSrc> {
    match word.as_str() {
        "client" => return Some(UseSrc::Client),
        "clientip" => return Some(UseSrc::Clientip),
        _ => {}
    }
    if let Some(args) = word.strip_prefix("hdr_ip(").and_then(|w| w.strip_suffix(')')) {
        let (name, occurrence) = args.split_once(',').map_or((args, None), |(n, o)| (n, Some(o)));
        let occurrence = occurrence.map(str::parse).transpose();
        return match occurrence {
            Ok(occurrence) => Some(UseSrc::HdrIp(name.to_owned(), occurrence)),
            Err(_) => {
                cx.bad(word, "hdr_ip(name) or hdr_ip(name,occurrence)");
                None
            }
        };
    }
    cx.address(word).map(|a| UseSrc::Address(a.value))
}

fn tlv_option<'a>(
    server: &mut Server,
    word: &At<String>,
    words: &'a [At<String>],
    cx: &mut Cx<'_>,
) -> &'a [At<String>] {
    // Without a format at the end of the line the field is empty.
    let empty = At::new(String::new(), word.span);
    let (format, rest) = words.split_first().unwrap_or((&empty, &[]));
    cx.not_yet("set-proxy-v2-tlv-fmt", word.span, "such fields are not sent");
    let id = word.split_once('(').and_then(|(_, r)| r.strip_suffix(')'));
    let id = id.and_then(|t| t.strip_prefix("0x").map_or(t.parse().ok(), |h| u8::from_str_radix(h, 16).ok()));
    match id {
        Some(id) => server.proxy_v2_tlvs.push(At::new(ProxyTlv { id, format: format.clone() }, word.span)),
        None => cx.bad(word, "a type from 0 to 255 between the parentheses"),
    }
    rest
}

const FULL: Status = Status::FULL;
const SUITES: Status = Status::not_yet("the TLS library's own selection counts");
const TCP: Status = Status::not_yet("the system's setting counts");
const AGENT: Status = FULL;
const CHECKS: Status = Status::not_yet("checks are made with connections of their own");
const LOGS: Status = Status::not_yet("log backends are not served");

rows! {
    pub(super) const OPTIONS: [Server];
    "addr", scope::OWN, (1, 1), FULL, |s, cx| address(&mut s.check.addr, cx), "Address that is checked.";
    "agent-addr", scope::OWN, (1, 1), AGENT, |s, cx| address(&mut s.agent.addr, cx), "Address of the agent.";
    "agent-check", scope::OWN, (0, 0), AGENT, |s, _| s.agent.on = true, "Asks an agent for state and weight.";
    "agent-inter", scope::OWN, (1, 1), AGENT, |s, cx| interval(&mut s.agent.inter_ms, cx), "Interval of agent checks.";
    "agent-port", scope::OWN, (1, 1), AGENT, |s, cx| port(&mut s.agent.port, cx), "Port of the agent.";
    "agent-send", scope::OWN, (1, 1), AGENT, |s, cx| set::text(&mut s.agent.send, cx), "Text sent to the agent.";
    "allow-0rtt", scope::OWN, (0, 0), Status::not_yet("early data is not sent"), |s, _| s.tls.allow_0rtt = true, "Sends early data of TLS 1.3.";
    "alpn", scope::OWN, (1, 1), FULL, |s, cx| s.tls.alpn = Some(set::split_list(&cx.text(0).unwrap_or_default())), "Protocols offered to the server in TLS.";
    "backup", scope::OWN, (0, 0), FULL, |s, _| s.backup = true, "Used only when no other server is up.";
    "ca-file", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.tls.ca_file, cx), "CAs that the server's certificate may come from.";
    "cc", scope::OWN, (1, 1), TCP, |s, cx| set::word(&mut s.cc, cx), "Congestion control of TCP towards the server.";
    "check", scope::OWN, (0, 0), FULL, |s, _| s.check.on = true, "Checks the server's health.";
    "check-alpn", scope::OWN, (1, 1), FULL, |s, cx| s.check.alpn = Some(set::split_list(&cx.text(0).unwrap_or_default())), "Protocols offered in checks.";
    "check-pool-conn-name", scope::OWN, (1, 1), CHECKS, |s, cx| set::word(&mut s.check.pool_conn_name, cx), "Pool from which checks take connections.";
    "check-proto", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.check.proto, cx), "Protocol spoken in checks.";
    "check-reuse-pool", scope::OWN, (0, 0), CHECKS, |s, _| s.check.reuse_pool = true, "Checks use idle connections.";
    "check-send-proxy", scope::OWN, (0, 0), FULL, |s, _| s.check.send_proxy = true, "Checks start with a PROXY header.";
    "check-sni", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.check.sni, cx), "Server name sent in checks.";
    "check-sni-auto", scope::OWN, (0, 0), Status::not_yet("write `sni`"), |s, _| s.check.sni_auto = Some(true), "Checks take the server name from their Host header.";
    "check-ssl", scope::OWN, (0, 0), FULL, |s, _| s.check.ssl = Some(true), "Checks speak TLS.";
    "check-via-socks4", scope::OWN, (0, 0), Status::not_yet("SOCKS is not spoken"), |s, _| s.check.via_socks4 = true, "Checks go through the SOCKS proxy.";
    "ciphers", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.tls.ciphers, cx), "Cipher suites towards the server up to TLS 1.2.";
    "ciphersuites", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.tls.ciphersuites, cx), "Cipher suites towards the server in TLS 1.3.";
    "client-sigalgs", scope::OWN, (1, 1), SUITES, |s, cx| set::word(&mut s.tls.client_sigalgs, cx), "Signature algorithms of the client certificate.";
    "cookie", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.cookie, cx), "Value of the cookie that leads to this server.";
    "crl-file", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.tls.crl_file, cx), "Revoked server certificates.";
    "crt", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.tls.crt, cx), "Certificate shown to the server.";
    "curves", scope::OWN, (1, 1), SUITES, |s, cx| set::word(&mut s.tls.curves, cx), "Curves towards the server.";
    "disabled", scope::OWN, (0, 0), FULL, |s, _| s.disabled = true, "Starts in maintenance.";
    "downinter", scope::OWN, (1, 1), FULL, |s, cx| interval(&mut s.check.downinter_ms, cx), "Interval of checks while the server is down.";
    "enabled", scope::OWN, (0, 0), FULL, |s, _| s.disabled = false, "Starts in service.";
    "error-limit", scope::OWN, (1, 1), FULL, |s, cx| set::number(&mut s.check.error_limit, cx), "Errors in a row that mean something.";
    "fall", scope::OWN, (1, 1), FULL, |s, cx| positive(&mut s.check.fall, cx), "Failed checks until the server is down.";
    "fastinter", scope::OWN, (1, 1), FULL, |s, cx| interval(&mut s.check.fastinter_ms, cx), "Interval of checks while the state changes.";
    "force-sslv3", scope::OWN, (0, 0), FULL, |s, cx| force(s, TlsVersion::Ssl3, cx), "SSLv3 only, towards the server.";
    "force-tlsv10", scope::OWN, (0, 0), FULL, |s, cx| force(s, TlsVersion::Tls10, cx), "TLS 1.0 only, towards the server.";
    "force-tlsv11", scope::OWN, (0, 0), FULL, |s, cx| force(s, TlsVersion::Tls11, cx), "TLS 1.1 only, towards the server.";
    "force-tlsv12", scope::OWN, (0, 0), FULL, |s, cx| force(s, TlsVersion::Tls12, cx), "TLS 1.2 only, towards the server.";
    "force-tlsv13", scope::OWN, (0, 0), FULL, |s, cx| force(s, TlsVersion::Tls13, cx), "TLS 1.3 only, towards the server.";
    "from", scope::OWN, (1, 1), Status::refused("servers take their defaults from `default-server` lines without a name"), |_, _| {}, "Which named defaults the server takes.";
    "guid", scope::OWN, (1, 1), Status::not_yet("objects have no global identifiers"), |s, cx| set::word(&mut s.guid, cx), "Global identifier of the server.";
    "hash-key", scope::OWN, (1, 1), Status::not_yet("servers are placed by their numbers"), |s, cx| set::word(&mut s.hash_key, cx), "What places the server on the hash ring.";
    "healthcheck", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.check.healthcheck, cx), "Named check to use.";
    "id", scope::OWN, (1, 1), FULL, |s, cx| set::number_at(&mut s.id, cx), "Number of the server.";
    "idle-ping", scope::OWN, (1, 1), Status::not_yet("HTTP/2 is not spoken to servers"), |s, cx| set::ms(&mut s.pool.idle_ping_ms, cx), "Interval of pings on idle server connections.";
    "init-addr", scope::OWN, (1, 1), FULL, init_addr, "How the address is found at start.";
    "init-state", scope::OWN, (1, 1), FULL, init_state, "State before the first check.";
    "inter", scope::OWN, (1, 1), FULL, |s, cx| interval(&mut s.check.inter_ms, cx), "Interval of checks.";
    "ktls", scope::OWN, (1, 1), Status::no_effect("kernel TLS is not used"), |s, cx| set::on_off(&mut s.tls.ktls, cx), "Lets the kernel encrypt towards the server.";
    "log-bufsize", scope::OWN, (1, 1), LOGS, |s, cx| set::bytes32(&mut s.log_bufsize, cx), "Buffer of a log server.";
    "log-proto", scope::OWN, (1, 1), LOGS, |s, cx| set::word(&mut s.log_proto, cx), "Framing towards a log server.";
    "max-reuse", scope::OWN, (1, 1), FULL, |s, cx| signed(&mut s.pool.max_reuse, cx), "Most reuses of one connection.";
    "maxconn", scope::OWN, (1, 1), FULL, |s, cx| set::number(&mut s.maxconn, cx), "Most concurrent requests at the server.";
    "maxqueue", scope::OWN, (1, 1), FULL, |s, cx| set::number(&mut s.maxqueue, cx), "Most requests waiting for the server.";
    "minconn", scope::OWN, (1, 1), FULL, |s, cx| set::number(&mut s.minconn, cx), "Lowest value of a limit that follows the load.";
    "name", scope::OWN, (1, 1), Status::refused("servers take their defaults from `default-server` lines without a name"), |_, _| {}, "Names a set of defaults.";
    "namespace", scope::OWN, (1, 1), Status::not_yet("namespaces are not entered"), |s, cx| set::word(&mut s.namespace, cx), "Network namespace of the server.";
    "no-agent-check", scope::OWN, (0, 0), FULL, |s, _| s.agent.on = false, "Takes agent-check back.";
    "no-backup", scope::OWN, (0, 0), FULL, |s, _| s.backup = false, "Takes backup back.";
    "no-check", scope::OWN, (0, 0), FULL, |s, _| s.check.on = false, "Takes check back.";
    "no-check-reuse-pool", scope::OWN, (0, 0), FULL, |s, _| s.check.reuse_pool = false, "Takes check-reuse-pool back.";
    "no-check-send-proxy", scope::OWN, (0, 0), FULL, |s, _| s.check.send_proxy = false, "Takes check-send-proxy back.";
    "no-check-sni-auto", scope::OWN, (0, 0), FULL, |s, _| s.check.sni_auto = Some(false), "Takes check-sni-auto back.";
    "no-check-ssl", scope::OWN, (0, 0), FULL, |s, _| s.check.ssl = Some(false), "Takes check-ssl back.";
    "no-renegotiate", scope::OWN, (0, 0), FULL, |s, _| s.tls.renegotiate = Some(false), "No renegotiation.";
    "no-send-proxy", scope::OWN, (0, 0), FULL, |s, _| s.send_proxy = None, "Takes send-proxy back.";
    "no-send-proxy-v2", scope::OWN, (0, 0), FULL, |s, _| s.send_proxy = None, "Takes send-proxy-v2 back.";
    "no-send-proxy-v2-ssl", scope::OWN, (0, 0), FULL, |s, _| s.send_proxy = None, "Takes send-proxy-v2-ssl back.";
    "no-send-proxy-v2-ssl-cn", scope::OWN, (0, 0), FULL, |s, _| s.send_proxy = None, "Takes send-proxy-v2-ssl-cn back.";
    "no-sni-auto", scope::OWN, (0, 0), FULL, |s, _| s.tls.sni_auto = Some(false), "Takes sni-auto back.";
    "no-ssl", scope::OWN, (0, 0), FULL, |s, _| s.tls.on = false, "Takes ssl back.";
    "no-ssl-reuse", scope::OWN, (0, 0), Status::not_yet("TLS sessions are resumed where the server allows"), |s, _| s.tls.no_ssl_reuse = true, "No resumption towards the server.";
    "no-sslv3", scope::OWN, (0, 0), FULL, |s, _| s.tls.disabled.push(TlsVersion::Ssl3), "No SSLv3 towards the server.";
    "no-tfo", scope::OWN, (0, 0), FULL, |s, _| s.tfo = false, "Takes tfo back.";
    "no-tls-tickets", scope::OWN, (0, 0), FULL, |s, _| s.tls.no_tls_tickets = true, "No tickets towards the server.";
    "no-tlsv10", scope::OWN, (0, 0), FULL, |s, _| s.tls.disabled.push(TlsVersion::Tls10), "No TLS 1.0 towards the server.";
    "no-tlsv11", scope::OWN, (0, 0), FULL, |s, _| s.tls.disabled.push(TlsVersion::Tls11), "No TLS 1.1 towards the server.";
    "no-tlsv12", scope::OWN, (0, 0), FULL, |s, _| s.tls.disabled.push(TlsVersion::Tls12), "No TLS 1.2 towards the server.";
    "no-tlsv13", scope::OWN, (0, 0), FULL, |s, _| s.tls.disabled.push(TlsVersion::Tls13), "No TLS 1.3 towards the server.";
    "no-verifyhost", scope::OWN, (0, 0), FULL, |s, _| s.tls.verifyhost = None, "Takes verifyhost back.";
    "non-stick", scope::OWN, (0, 0), FULL, |s, _| s.non_stick = true, "Never stored in stick tables.";
    "npn", scope::OWN, (1, 1), Status::no_effect("ALPN took its place"), |s, cx| set::word(&mut s.tls.npn, cx), "Protocols offered to the server the old way.";
    "observe", scope::OWN, (1, 1), FULL, observe, "Judges health by live traffic.";
    "on-error", scope::OWN, (1, 1), FULL, on_error, "What observed errors lead to.";
    "on-marked-down", scope::OWN, (1, 1), FULL, on_marked_down, "What happens when the server goes down.";
    "on-marked-up", scope::OWN, (1, 1), FULL, on_marked_up, "What happens when the server comes up.";
    "pool-conn-name", scope::OWN, (1, 1), Status::not_yet("idle connections are told apart by address"), |s, cx| set::word(&mut s.pool.conn_name, cx), "Name under which idle connections are kept.";
    "pool-low-conn", scope::OWN, (1, 1), FULL, |s, cx| set::number(&mut s.pool.low_conn, cx), "Idle connections that each thread keeps to itself.";
    "pool-max-conn", scope::OWN, (1, 1), FULL, |s, cx| signed(&mut s.pool.max_conn, cx), "Most idle connections.";
    "pool-purge-delay", scope::OWN, (1, 1), FULL, |s, cx| set::ms(&mut s.pool.purge_delay_ms, cx), "How often half of the unused idle connections go.";
    "port", scope::OWN, (1, 1), FULL, |s, cx| port(&mut s.check.port, cx), "Port that is checked.";
    "proto", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.proto, cx), "Protocol spoken to the server.";
    "proxy-v2-options", scope::OWN, (1, 1), Status::not_yet("such fields are not sent"), |s, cx| set::list(&mut s.proxy_v2_options, cx), "Extra fields of the PROXY v2 header.";
    "quic-cc-algo", scope::OWN, (1, 1), Status::not_yet("QUIC is not spoken"), |_, _| {}, "Congestion control of QUIC towards the server.";
    "redir", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.redir, cx), "Redirects GET and HEAD there instead of forwarding.";
    "renegotiate", scope::OWN, (0, 0), Status::no_effect("TLS here never renegotiates"), |s, _| s.tls.renegotiate = Some(true), "Allows renegotiation.";
    "resolve-net", scope::OWN, (1, 1), FULL, |s, cx| resolve_net(s, cx), "Networks whose addresses are preferred.";
    "resolve-opts", scope::OWN, (1, 1), FULL, |s, cx| set::list(&mut s.resolve.opts, cx), "Details of run-time resolution.";
    "resolve-prefer", scope::OWN, (1, 1), FULL, resolve_prefer, "Address family that is preferred.";
    "resolvers", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.resolve.resolvers, cx), "Name servers asked at run time.";
    "rise", scope::OWN, (1, 1), FULL, |s, cx| positive(&mut s.check.rise, cx), "Good checks until the server is up.";
    "send-proxy", scope::OWN, (0, 0), FULL, |s, _| s.send_proxy = Some(SendProxy::V1), "Sends a PROXY v1 header.";
    "send-proxy-v2", scope::OWN, (0, 0), FULL, |s, _| s.send_proxy = Some(SendProxy::V2), "Sends a PROXY v2 header.";
    "send-proxy-v2-ssl", scope::OWN, (0, 0), FULL, |s, _| s.send_proxy = Some(SendProxy::V2Ssl), "Sends a PROXY v2 header with TLS facts.";
    "send-proxy-v2-ssl-cn", scope::OWN, (0, 0), FULL, |s, _| s.send_proxy = Some(SendProxy::V2SslCn), "Sends a PROXY v2 header with the client certificate's name.";
    "set-proxy-v2-tlv-fmt", scope::OWN, (0, 0), FULL, |_, _| {}, "Sends a field of its own in the PROXY v2 header; read before this table.";
    "shard", scope::OWN, (1, 1), Status::not_yet("tables are not shared"), |s, cx| set::number(&mut s.shard, cx), "Part of the tables that this peer gets.";
    "sigalgs", scope::OWN, (1, 1), SUITES, |s, cx| set::word(&mut s.tls.sigalgs, cx), "Signature algorithms towards the server.";
    "slowstart", scope::OWN, (1, 1), FULL, |s, cx| set::ms(&mut s.slowstart_ms, cx), "Time over which the weight grows after a return.";
    "sni", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.tls.sni, cx), "Expression whose value is sent as server name.";
    "sni-auto", scope::OWN, (0, 0), Status::not_yet("write `sni`"), |s, _| s.tls.sni_auto = Some(true), "The Host header is sent as server name.";
    "socks4", scope::OWN, (1, 1), Status::not_yet("SOCKS is not spoken"), |s, cx| address(&mut s.socks4, cx), "SOCKS4 proxy on the way to the server.";
    "source", scope::OWN, (1, 1), FULL, |_, _| {}, "Own address towards the server; read before this table.";
    "ssl", scope::OWN, (0, 0), FULL, |s, _| s.tls.on = true, "Speaks TLS to the server.";
    "ssl-max-ver", scope::OWN, (1, 1), FULL, |s, cx| version(&mut s.tls.max_ver, cx), "Highest TLS version towards the server.";
    "ssl-min-ver", scope::OWN, (1, 1), FULL, |s, cx| version(&mut s.tls.min_ver, cx), "Lowest TLS version towards the server.";
    "ssl-reuse", scope::OWN, (0, 0), FULL, |s, _| s.tls.no_ssl_reuse = false, "Resumption towards the server.";
    "stick", scope::OWN, (0, 0), FULL, |s, _| s.non_stick = false, "Takes non-stick back.";
    "strict-maxconn", scope::OWN, (0, 0), Status::not_yet("idle connections are not counted"), |s, _| s.strict_maxconn = true, "Counts connections, not requests.";
    "tcp-md5sig", scope::OWN, (1, 1), TCP, |s, cx| set::text(&mut s.tcp_md5sig, cx), "Password of TCP signatures towards the server.";
    "tcp-ut", scope::OWN, (1, 1), Status::not_yet("the system's setting counts"), |s, cx| set::ms(&mut s.tcp_ut_ms, cx), "How long TCP waits for the server's acknowledgements.";
    "tfo", scope::OWN, (0, 0), FULL, |s, _| s.tfo = true, "TCP fast open towards the server.";
    "tls-tickets", scope::OWN, (0, 0), FULL, |s, _| s.tls.no_tls_tickets = false, "Tickets towards the server.";
    "track", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.track, cx), "Follows the state of another server.";
    "verify", scope::OWN, (1, 1), FULL, verify, "Whether the server's certificate is checked.";
    "verifyhost", scope::OWN, (1, 1), FULL, |s, cx| set::word(&mut s.tls.verifyhost, cx), "Name that the server's certificate must have.";
    "weight", scope::OWN, (1, 1), FULL, weight, "Share of the load, 0 to 256.";
    "ws", scope::OWN, (1, 1), Status::not_yet("WebSocket goes over HTTP/1"), |s, cx| set::word(&mut s.ws, cx), "Protocol for WebSocket.";
}

fn address(slot: &mut Option<At<Address>>, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        *slot = cx.address(a);
    }
}

fn port(slot: &mut Option<At<u16>>, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    let port = cx.int(a, 1..=65_535).and_then(|n| u16::try_from(n).ok());
    *slot = port.map(|p| At::new(p, a.span));
}

fn positive(slot: &mut Option<u32>, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        *slot = cx.u32_in(a, 1, i32::MAX as u32);
    }
}

/// A time that is not zero.
fn interval(slot: &mut Option<u64>, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    match cx.ms(a) {
        Some(0) => cx.bad(a, "a time that is not zero"),
        ms => *slot = ms,
    }
}

fn signed(slot: &mut Option<i32>, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        *slot = cx.int(a, -1..=i64::from(i32::MAX)).and_then(|n| i32::try_from(n).ok());
    }
}

fn force(s: &mut Server, version: TlsVersion, cx: &mut Cx<'_>) {
    s.tls.force = Some(At::new(version, cx.keyword.span));
}

fn version(slot: &mut Option<At<TlsVersion>>, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        *slot = tls_version(a, cx).map(|v| At::new(v, a.span));
    }
}

fn weight(s: &mut Server, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    if let Some(w) = cx.u32_in(a, 0, 256) {
        s.weight = Some(At::new(w, a.span));
    }
}

fn verify(s: &mut Server, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        s.tls.verify = cx.one_of(a, &[("none", Verify::None), ("required", Verify::Required)]);
    }
}

fn observe(s: &mut Server, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        let known = [("none", None), ("layer4", Some(Observe::Layer4)), ("layer7", Some(Observe::Layer7))];
        s.check.observe = cx.one_of(a, &known).flatten();
    }
}

fn on_error(s: &mut Server, cx: &mut Cx<'_>) {
    let known = [
        ("fastinter", OnError::Fastinter),
        ("fail-check", OnError::FailCheck),
        ("sudden-death", OnError::SuddenDeath),
        ("mark-down", OnError::MarkDown),
    ];
    if let Some(a) = cx.arg(0) {
        s.on_error = cx.one_of(a, &known);
    }
}

fn on_marked_down(s: &mut Server, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        s.on_marked_down_shutdown_sessions = cx.one_of(a, &[("shutdown-sessions", true)]).is_some();
    }
}

fn on_marked_up(s: &mut Server, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        let known = [("shutdown-backup-sessions", true)];
        s.on_marked_up_shutdown_backup_sessions = cx.one_of(a, &known).is_some();
    }
}

fn init_state(s: &mut Server, cx: &mut Cx<'_>) {
    let known = [
        ("fully-up", InitState::FullyUp),
        ("up", InitState::Up),
        ("down", InitState::Down),
        ("fully-down", InitState::FullyDown),
    ];
    if let Some(a) = cx.arg(0) {
        s.check.init_state = cx.one_of(a, &known);
    }
}

fn init_addr(s: &mut Server, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    s.resolve.init_addr.clear();
    let mut offset = 0;
    for part in a.split(',') {
        let word = At::new(part.to_owned(), within(a, offset..offset + part.len()));
        offset += part.len() + 1;
        let method = match part {
            "last" => InitAddr::Last,
            "libc" => InitAddr::Libc,
            "none" => InitAddr::None,
            ip => match ip.parse() {
                Ok(ip) => InitAddr::Ip(ip),
                Err(_) => {
                    cx.bad(&word, "last, libc, none or an address");
                    continue;
                }
            },
        };
        s.resolve.init_addr.push(At::new(method, word.span));
    }
}

fn resolve_prefer(s: &mut Server, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        s.resolve.prefer = cx.one_of(a, &[("ipv4", Family::Ipv4), ("ipv6", Family::Ipv6)]);
    }
}

fn resolve_net(s: &mut Server, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    s.resolve.net = a.split(',').map(|n| At::new(n.to_owned(), a.span)).collect();
}
