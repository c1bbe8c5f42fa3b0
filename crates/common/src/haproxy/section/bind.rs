//! `bind` lines, and all other lines that name a listener (manual, chapter 5.1).

use super::{
    cx::{Cx, Status, rows},
    params, scope, set, tls_version,
};
use crate::{
    diag::codes,
    haproxy::{
        address::{Address, Port, Target},
        expr::within,
        model::{Bind, CliLevel, SeverityOutput, Shards, TlsVersion, Verify},
    },
    source::At,
};

/// What the listener is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Traffic of a proxy: a port is needed.
    Traffic,
    /// Syslog datagrams.
    Datagram,
    /// The runtime socket.
    Stats,
}

/// A whole line: addresses, then options.
pub(super) fn parse(purpose: Purpose, cx: &mut Cx<'_>) -> Option<Bind> {
    let args = cx.args;
    let (first, rest) = args.split_first()?;
    let addresses = addresses(first, purpose, cx);
    let mut bind = Bind { addresses, ..Bind::default() };
    apply_options(&mut bind, rest, cx);
    (!bind.addresses.is_empty()).then_some(bind)
}

/// Options without address, as `default-bind` in `peers` has them.
pub(super) fn apply_options(bind: &mut Bind, words: &[At<String>], cx: &mut Cx<'_>) {
    params::apply(OPTIONS, "bind", words, bind, cx);
    if let (false, Some(file)) = (bind.tls.on, bind.tls.crt.first()) {
        let message = "a certificate is given but `ssl` is not: the listener speaks clear text";
        cx.warn(codes::MISPLACED, file.span, message);
    }
}

/// A comma-separated list of addresses.
pub(super) fn addresses(word: &At<String>, purpose: Purpose, cx: &mut Cx<'_>) -> Vec<At<Address>> {
    let mut all = Vec::new();
    let mut offset = 0;
    for part in word.split(',') {
        let range = offset..offset + part.len();
        offset += part.len() + 1;
        let text = At::new(part.to_owned(), within(word, range));
        let parsed = match purpose {
            Purpose::Datagram => Address::parse_datagram(part),
            Purpose::Traffic | Purpose::Stats => Address::parse(part),
        };
        match parsed {
            Ok(Address { target: Target::Inet { port: Port::None, .. }, .. }) if part.is_empty() => {
                cx.alert(codes::BAD_ADDRESS, word.span, "an address is missing in this list");
            }
            Ok(Address { target: Target::Inet { port: Port::None, .. }, .. }) => {
                let message = format!("a listener needs a port: write `{part}:80`, for example");
                cx.alert(codes::BAD_ADDRESS, text.span, message);
            }
            Ok(Address { target: Target::Inet { port: Port::Relative(_), .. }, .. }) => {
                cx.alert(
                    codes::BAD_ADDRESS,
                    text.span,
                    "a listener's port cannot be relative to another one",
                );
            }
            Ok(address) => all.push(At::new(address, text.span)),
            Err(e) => cx.alert(codes::BAD_ADDRESS, within(&text, e.range), e.message),
        }
    }
    all
}

const FULL: Status = Status::FULL;
const SUITES: Status = Status::not_yet("the TLS library's own selection counts");
const TCP: Status = Status::not_yet("the system's setting counts");
const QUIC: Status = Status::not_yet("QUIC is not spoken");

rows! {
    pub(super) const OPTIONS: [Bind];
    "accept-netscaler-cip", scope::OWN, (1, 1), Status::not_yet("the NetScaler header is not read"), |b, cx| set::number(&mut b.accept_netscaler_cip, cx), "Takes the client's address from a NetScaler header.";
    "accept-proxy", scope::OWN, (0, 0), FULL, |b, _| b.accept_proxy = true, "Takes the client's address from a PROXY header.";
    "allow-0rtt", scope::OWN, (0, 0), Status::not_yet("early data is not taken"), |b, _| b.tls.allow_0rtt = true, "Takes early data of TLS 1.3.";
    "alpn", scope::OWN, (1, 1), FULL, |b, cx| b.tls.alpn = Some(set::split_list(&cx.text(0).unwrap_or_default())), "Protocols offered in TLS.";
    "backlog", scope::OWN, (1, 1), FULL, |b, cx| set::number(&mut b.backlog, cx), "Length of the kernel's queue of connections.";
    "ca-file", scope::OWN, (1, 1), FULL, |b, cx| set::word(&mut b.tls.ca_file, cx), "CAs that client certificates may come from.";
    "ca-ignore-err", scope::OWN, (1, 1), Status::not_yet("errors are not passed over"), |b, cx| set::word(&mut b.tls.ca_ignore_err, cx), "Errors of CAs that are passed over.";
    "ca-sign-file", scope::OWN, (1, 1), Status::not_yet("certificates are not made"), |b, cx| set::word(&mut b.tls.ca_sign_file, cx), "CA with which certificates are made.";
    "ca-sign-pass", scope::OWN, (1, 1), Status::not_yet("certificates are not made"), |b, cx| set::text(&mut b.tls.ca_sign_pass, cx), "Passphrase of that CA.";
    "ca-verify-file", scope::OWN, (1, 1), Status::not_yet("write `ca-file`"), |b, cx| set::word(&mut b.tls.ca_verify_file, cx), "CAs that are used but not announced.";
    "cc", scope::OWN, (1, 1), TCP, |b, cx| set::word(&mut b.cc, cx), "Congestion control of TCP.";
    "ciphers", scope::OWN, (1, 1), FULL, |b, cx| set::word(&mut b.tls.ciphers, cx), "Cipher suites up to TLS 1.2.";
    "ciphersuites", scope::OWN, (1, 1), FULL, |b, cx| set::word(&mut b.tls.ciphersuites, cx), "Cipher suites of TLS 1.3.";
    "client-sigalgs", scope::OWN, (1, 1), SUITES, |b, cx| set::word(&mut b.tls.client_sigalgs, cx), "Signature algorithms taken from clients.";
    "crl-file", scope::OWN, (1, 1), FULL, |b, cx| set::word(&mut b.tls.crl_file, cx), "Revoked client certificates.";
    "crt", scope::OWN, (1, 1), FULL, |b, cx| b.tls.crt.extend(cx.arg(0).cloned()), "File or directory with certificates and keys.";
    "crt-ignore-err", scope::OWN, (1, 1), Status::not_yet("errors are not passed over"), |b, cx| set::word(&mut b.tls.crt_ignore_err, cx), "Errors of client certificates that are passed over.";
    "crt-list", scope::OWN, (1, 1), Status::not_yet("lists of certificates are not read"), |b, cx| b.tls.crt_list.extend(cx.arg(0).cloned()), "File that lists certificates with options.";
    "curves", scope::OWN, (1, 1), SUITES, |b, cx| set::word(&mut b.tls.curves, cx), "Curves for key exchange.";
    "default-crt", scope::OWN, (1, 1), FULL, |b, cx| b.tls.default_crt.extend(cx.arg(0).cloned()), "Certificate for names that match none.";
    "defer-accept", scope::OWN, (0, 0), FULL, |b, _| b.defer_accept = true, "Takes a connection when its first data is there.";
    "ecdhe", scope::OWN, (1, 1), SUITES, |b, cx| set::word(&mut b.tls.ecdhe, cx), "Curve for ephemeral keys.";
    "ech", scope::OWN, (1, 1), Status::not_yet("encrypted client hello is not understood"), |b, cx| set::word(&mut b.tls.ech, cx), "Directory of keys for encrypted client hello.";
    "expose-fd", scope::OWN, (1, 1), Status::no_effect("a reload keeps the listeners without it"), expose_fd, "Hands listeners to a new process over this socket.";
    "force-sslv3", scope::OWN, (0, 0), FULL, |b, cx| force(b, TlsVersion::Ssl3, cx), "SSLv3 only.";
    "force-tlsv10", scope::OWN, (0, 0), FULL, |b, cx| force(b, TlsVersion::Tls10, cx), "TLS 1.0 only.";
    "force-tlsv11", scope::OWN, (0, 0), FULL, |b, cx| force(b, TlsVersion::Tls11, cx), "TLS 1.1 only.";
    "force-tlsv12", scope::OWN, (0, 0), FULL, |b, cx| force(b, TlsVersion::Tls12, cx), "TLS 1.2 only.";
    "force-tlsv13", scope::OWN, (0, 0), FULL, |b, cx| force(b, TlsVersion::Tls13, cx), "TLS 1.3 only.";
    "generate-certificates", scope::OWN, (0, 0), Status::not_yet("certificates are not made"), |b, _| b.tls.generate_certificates = true, "Makes certificates for unknown names.";
    "gid", scope::OWN, (1, 1), FULL, |b, cx| set::number(&mut b.unix.gid, cx), "Group of the socket's file, by number.";
    "group", scope::OWN, (1, 1), FULL, |b, cx| set::word(&mut b.unix.group, cx), "Group of the socket's file.";
    "guid-prefix", scope::OWN, (1, 1), Status::not_yet("listeners have no global identifiers"), |b, cx| set::word(&mut b.guid_prefix, cx), "Start of the listeners' global identifiers.";
    "id", scope::OWN, (1, 1), FULL, |b, cx| set::number_at(&mut b.id, cx), "Number of the listener.";
    "idle-ping", scope::OWN, (1, 1), Status::not_yet("HTTP/2 is not spoken"), |b, cx| set::ms(&mut b.idle_ping_ms, cx), "Interval of pings on idle connections.";
    "interface", scope::OWN, (1, 1), FULL, |b, cx| set::word(&mut b.interface, cx), "Network interface to listen on.";
    "ktls", scope::OWN, (1, 1), Status::no_effect("kernel TLS is not used"), |b, cx| set::on_off(&mut b.tls.ktls, cx), "Lets the kernel encrypt.";
    "label", scope::OWN, (1, 1), FULL, |b, cx| set::text(&mut b.label, cx), "Label of the listener.";
    "level", scope::OWN, (1, 1), FULL, level, "Rights of the runtime socket.";
    "maxconn", scope::OWN, (1, 1), FULL, |b, cx| set::number(&mut b.maxconn, cx), "Most concurrent connections of the listener.";
    "mode", scope::OWN, (1, 1), FULL, mode, "Permissions of the socket's file, in octal.";
    "mss", scope::OWN, (1, 1), FULL, mss, "Largest TCP segment.";
    "name", scope::OWN, (1, 1), FULL, |b, cx| set::text(&mut b.name, cx), "Name of the listener.";
    "namespace", scope::OWN, (1, 1), Status::not_yet("network namespaces are not entered"), |b, cx| set::word(&mut b.namespace, cx), "Network namespace to listen in.";
    "nbconn", scope::OWN, (1, 1), Status::not_yet("reverse connections are not opened"), |b, cx| set::number(&mut b.nbconn, cx), "Number of reverse connections.";
    "nice", scope::OWN, (1, 1), Status::no_effect("connections have one priority"), nice, "Priority of the listener's work.";
    "no-alpn", scope::OWN, (0, 0), FULL, |b, _| b.tls.alpn = Some(Vec::new()), "Offers no protocol in TLS.";
    "no-ca-names", scope::OWN, (0, 0), Status::not_yet("the names of CAs are sent"), |b, _| b.tls.no_ca_names = true, "Does not send the names of CAs.";
    "no-sslv3", scope::OWN, (0, 0), FULL, |b, _| b.tls.disabled.push(TlsVersion::Ssl3), "No SSLv3.";
    "no-strict-sni", scope::OWN, (0, 0), FULL, |b, _| b.tls.no_strict_sni = true, "Takes names that match no certificate.";
    "no-tls-tickets", scope::OWN, (0, 0), FULL, |b, _| b.tls.no_tls_tickets = true, "No resumption by tickets.";
    "no-tlsv10", scope::OWN, (0, 0), FULL, |b, _| b.tls.disabled.push(TlsVersion::Tls10), "No TLS 1.0.";
    "no-tlsv11", scope::OWN, (0, 0), FULL, |b, _| b.tls.disabled.push(TlsVersion::Tls11), "No TLS 1.1.";
    "no-tlsv12", scope::OWN, (0, 0), FULL, |b, _| b.tls.disabled.push(TlsVersion::Tls12), "No TLS 1.2.";
    "no-tlsv13", scope::OWN, (0, 0), FULL, |b, _| b.tls.disabled.push(TlsVersion::Tls13), "No TLS 1.3.";
    "npn", scope::OWN, (1, 1), Status::no_effect("ALPN took its place"), |b, cx| set::word(&mut b.tls.npn, cx), "Protocols offered the old way.";
    "prefer-client-ciphers", scope::OWN, (0, 0), Status::not_yet("the TLS library's own order counts"), |b, _| b.tls.prefer_client_ciphers = true, "The client's order of suites counts.";
    "process", scope::OWN, (1, 1), Status::gone("2.7", "thread", "there is one process"), |_, _| {}, "Processes that listen.";
    "proto", scope::OWN, (1, 1), FULL, |b, cx| set::word(&mut b.proto, cx), "Protocol spoken, whatever the client offers.";
    "quic-cc-algo", scope::OWN, (1, 1), QUIC, |b, cx| set::word(&mut b.quic_cc_algo, cx), "Congestion control of QUIC.";
    "quic-force-retry", scope::OWN, (0, 0), QUIC, |b, _| b.quic_force_retry = true, "Each QUIC client must prove its address.";
    "quic-socket", scope::OWN, (1, 1), QUIC, |b, cx| set::word(&mut b.quic_socket, cx), "How QUIC connections share sockets.";
    "severity-output", scope::OWN, (1, 1), Status::not_yet("answers carry no severity"), severity_output, "Whether answers start with their severity.";
    "shards", scope::OWN, (1, 1), Status::not_yet("each address has one set of sockets"), shards, "Number of sockets for one address.";
    "sigalgs", scope::OWN, (1, 1), SUITES, |b, cx| set::word(&mut b.tls.sigalgs, cx), "Signature algorithms.";
    "ssl", scope::OWN, (0, 0), FULL, |b, _| b.tls.on = true, "Speaks TLS.";
    "ssl-max-ver", scope::OWN, (1, 1), FULL, |b, cx| version(&mut b.tls.max_ver, cx), "Highest TLS version.";
    "ssl-min-ver", scope::OWN, (1, 1), FULL, |b, cx| version(&mut b.tls.min_ver, cx), "Lowest TLS version.";
    "strict-sni", scope::OWN, (0, 0), FULL, |b, _| b.tls.strict_sni = true, "Refuses names that match no certificate.";
    "tcp-md5sig", scope::OWN, (1, 1), TCP, |b, cx| set::text(&mut b.tcp_md5sig, cx), "Password of TCP signatures.";
    "tcp-ss", scope::OWN, (1, 1), TCP, |b, cx| set::number(&mut b.tcp_ss, cx), "Saves the SYN packet of connections.";
    "tcp-ut", scope::OWN, (1, 1), Status::not_yet("the system's setting counts"), |b, cx| set::ms(&mut b.tcp_ut_ms, cx), "How long TCP waits for acknowledgements.";
    "tfo", scope::OWN, (0, 0), FULL, |b, _| b.tfo = true, "TCP fast open.";
    "thread", scope::OWN, (1, 1), Status::not_yet("all threads listen"), |b, cx| set::word(&mut b.thread, cx), "Threads that listen.";
    "tls-ticket-keys", scope::OWN, (1, 1), Status::not_yet("ticket keys are made at start"), |b, cx| set::word(&mut b.tls.tls_ticket_keys, cx), "File with keys of tickets.";
    "tls-tickets", scope::OWN, (0, 0), FULL, |b, _| b.tls.tls_tickets = true, "Resumption by tickets.";
    "transparent", scope::OWN, (0, 0), FULL, |b, _| b.transparent = true, "Listens on addresses of others.";
    "uid", scope::OWN, (1, 1), FULL, |b, cx| set::number(&mut b.unix.uid, cx), "Owner of the socket's file, by number.";
    "user", scope::OWN, (1, 1), FULL, |b, cx| set::word(&mut b.unix.user, cx), "Owner of the socket's file.";
    "v4v6", scope::OWN, (0, 0), FULL, |b, _| b.v4v6 = true, "Takes IPv4 on an IPv6 address.";
    "v6only", scope::OWN, (0, 0), FULL, |b, _| b.v6only = true, "Takes IPv6 only.";
    "verify", scope::OWN, (1, 1), FULL, verify, "Whether clients need a certificate.";
}

fn force(b: &mut Bind, version: TlsVersion, cx: &mut Cx<'_>) {
    b.tls.force = Some(At::new(version, cx.keyword.span));
}

fn version(slot: &mut Option<At<TlsVersion>>, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        *slot = tls_version(a, cx).map(|v| At::new(v, a.span));
    }
}

fn expose_fd(b: &mut Bind, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        b.cli.expose_fd_listeners = cx.one_of(a, &[("listeners", true)]).unwrap_or(false);
    }
}

fn level(b: &mut Bind, cx: &mut Cx<'_>) {
    let known = [("user", CliLevel::User), ("operator", CliLevel::Operator), ("admin", CliLevel::Admin)];
    if let Some(a) = cx.arg(0) {
        b.cli.level = cx.one_of(a, &known);
    }
}

fn severity_output(b: &mut Bind, cx: &mut Cx<'_>) {
    use SeverityOutput::{None, Number, String};
    if let Some(a) = cx.arg(0) {
        b.cli.severity_output = cx.one_of(a, &[("none", None), ("number", Number), ("string", String)]);
    }
}

fn mode(b: &mut Bind, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    match u32::from_str_radix(a, 8) {
        Ok(mode) if mode <= 0o7777 => b.unix.mode = Some(mode),
        _ => cx.bad(a, "permission bits in octal, such as 660"),
    }
}

fn mss(b: &mut Bind, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        b.mss = cx.int(a, -65_535..=65_535).and_then(|n| i32::try_from(n).ok());
    }
}

fn nice(b: &mut Bind, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        b.nice = cx.int(a, -1_024..=1_024).and_then(|n| i32::try_from(n).ok());
    }
}

fn shards(b: &mut Bind, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    let shards = match a.as_str() {
        "by-thread" => Some(Shards::ByThread),
        "by-group" => Some(Shards::ByGroup),
        _ => cx.u32_in(a, 1, 1_000).map(Shards::Count),
    };
    b.shards = shards.map(|s| At::new(s, a.span));
}

fn verify(b: &mut Bind, cx: &mut Cx<'_>) {
    let known = [("none", Verify::None), ("optional", Verify::Optional), ("required", Verify::Required)];
    if let Some(a) = cx.arg(0) {
        b.tls.verify = cx.one_of(a, &known);
    }
}
