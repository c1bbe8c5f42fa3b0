//! TLS keywords of the global section.

use crate::haproxy::{
    model::{Global, GlobalTlsSide, TlsVersion, Verify},
    section::{Cx, Status, cx::rows, scope::GLOBAL, set, tls_version},
};
use crate::{keyword::ANY, source::At};

const FULL: Status = Status::FULL;
const CIPHERS: Status = Status::not_yet("the TLS library's own selection of suites counts");
const FILES: Status = Status::not_yet("companion files are found by the built-in rules");

rows! {
    pub(super) const KEYWORDS: [Global];
    "ca-base", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.tls.ca_base, cx), "Directory of relative CA and CRL files.";
    "crt-base", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.tls.crt_base, cx), "Directory of relative certificate files.";
    "issuers-chain-path", GLOBAL, (1, 1), FILES, |g, cx| set::word(&mut g.tls.issuers_chain_path, cx), "Directory with issuers that complete chains.";
    "key-base", GLOBAL, (1, 1), Status::not_yet("keys are looked for beside their certificates"), |g, cx| set::word(&mut g.tls.key_base, cx), "Directory of relative key files.";
    "ssl-default-bind-ciphers", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.tls.bind.ciphers, cx), "Cipher suites of listeners up to TLS 1.2.";
    "ssl-default-bind-ciphersuites", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.tls.bind.ciphersuites, cx), "Cipher suites of listeners in TLS 1.3.";
    "ssl-default-bind-client-sigalgs", GLOBAL, (1, 1), CIPHERS, |g, cx| set::word(&mut g.tls.bind.client_sigalgs, cx), "Signature algorithms taken from clients.";
    "ssl-default-bind-curves", GLOBAL, (1, 1), CIPHERS, |g, cx| set::word(&mut g.tls.bind.curves, cx), "Curves of listeners.";
    "ssl-default-bind-options", GLOBAL, (1, ANY), FULL, |g, cx| options(&mut g.tls.bind, cx), "TLS options of listeners that do not say.";
    "ssl-default-bind-sigalgs", GLOBAL, (1, 1), CIPHERS, |g, cx| set::word(&mut g.tls.bind.sigalgs, cx), "Signature algorithms of listeners.";
    "ssl-default-server-ciphers", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.tls.server.ciphers, cx), "Cipher suites towards servers up to TLS 1.2.";
    "ssl-default-server-ciphersuites", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.tls.server.ciphersuites, cx), "Cipher suites towards servers in TLS 1.3.";
    "ssl-default-server-client-sigalgs", GLOBAL, (1, 1), CIPHERS, |g, cx| set::word(&mut g.tls.server.client_sigalgs, cx), "Signature algorithms of client certificates towards servers.";
    "ssl-default-server-curves", GLOBAL, (1, 1), CIPHERS, |g, cx| set::word(&mut g.tls.server.curves, cx), "Curves towards servers.";
    "ssl-default-server-options", GLOBAL, (1, ANY), FULL, |g, cx| options(&mut g.tls.server, cx), "TLS options towards servers that do not say.";
    "ssl-default-server-sigalgs", GLOBAL, (1, 1), CIPHERS, |g, cx| set::word(&mut g.tls.server.sigalgs, cx), "Signature algorithms towards servers.";
    "ssl-dh-param-file", GLOBAL, (1, 1), Status::no_effect("finite-field key exchange is not used"), |g, cx| set::word(&mut g.tls.dh_param_file, cx), "Parameters of finite-field key exchange.";
    "ssl-load-extra-del-ext", GLOBAL, (0, 0), FILES, |g, cx| set::flag(&mut g.tls.load_extra_del_ext, cx), "Companion files replace the extension.";
    "ssl-load-extra-files", GLOBAL, (1, ANY), FILES, |g, cx| g.tls.load_extra_files = cx.args.iter().map(|a| a.value.clone()).collect(), "Which companion files are looked for.";
    "ssl-security-level", GLOBAL, (1, 1), CIPHERS, |g, cx| set::number(&mut g.tls.security_level, cx), "Strength that algorithms must have.";
    "ssl-server-verify", GLOBAL, (1, 1), FULL, server_verify, "Whether certificates of servers are checked.";
    "ssl-skip-self-issued-ca", GLOBAL, (0, 0), Status::no_effect("chains are sent as the file has them"), |g, cx| set::flag(&mut g.tls.skip_self_issued_ca, cx), "Leaves self-issued CAs out of chains.";
}

fn server_verify(g: &mut Global, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        g.tls.server_verify = cx.one_of(a, &[("none", Verify::None), ("required", Verify::Required)]);
    }
}

fn options(side: &mut GlobalTlsSide, cx: &mut Cx<'_>) {
    let mut rest = cx.args;
    while let [word, after @ ..] = rest {
        rest = after;
        match word.as_str() {
            "ssl-min-ver" | "ssl-max-ver" => {
                let Some((value, after)) = rest.split_first() else { return cx.missing(word, "a version") };
                rest = after;
                let version = tls_version(value, cx).map(|v| At::new(v, value.span));
                match word.as_str() {
                    "ssl-min-ver" => side.min_ver = version,
                    _ => side.max_ver = version,
                }
            }
            "no-tls-tickets" => side.no_tls_tickets = true,
            "tls-tickets" => side.no_tls_tickets = false,
            "strict-sni" => side.strict_sni = true,
            "prefer-client-ciphers" => side.prefer_client_ciphers = true,
            "no-renegotiate" => side.no_renegotiate = true,
            "renegotiate" => side.no_renegotiate = false,
            w => match version_flag(w) {
                Some((false, v)) => side.disabled.push(v),
                Some((true, v)) => {
                    side.min_ver = Some(At::new(v, word.span));
                    side.max_ver = Some(At::new(v, word.span));
                }
                None => return cx.bad_word(word, OPTIONS.iter().copied()),
            },
        }
    }
}

const OPTIONS: &[&str] = &[
    "ssl-min-ver",
    "ssl-max-ver",
    "no-tls-tickets",
    "tls-tickets",
    "strict-sni",
    "prefer-client-ciphers",
    "no-renegotiate",
    "renegotiate",
    "no-sslv3",
    "no-tlsv10",
    "no-tlsv11",
    "no-tlsv12",
    "no-tlsv13",
    "force-sslv3",
    "force-tlsv10",
    "force-tlsv11",
    "force-tlsv12",
    "force-tlsv13",
];

/// `no-tlsv10` or `force-tlsv10`.
fn version_flag(word: &str) -> Option<(bool, TlsVersion)> {
    let (force, name) = match word.strip_prefix("no-") {
        Some(name) => (false, name),
        None => (true, word.strip_prefix("force-")?),
    };
    let version = match name {
        "sslv3" => TlsVersion::Ssl3,
        "tlsv10" => TlsVersion::Tls10,
        "tlsv11" => TlsVersion::Tls11,
        "tlsv12" => TlsVersion::Tls12,
        "tlsv13" => TlsVersion::Tls13,
        _ => return None,
    };
    Some((force, version))
}
