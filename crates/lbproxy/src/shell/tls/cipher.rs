//! Cipher suites: OpenSSL's names for what rustls speaks, and OpenSSL's cipher lists read for them.
//!
//! A list can only leave out: what rustls does not speak (CBC, RSA key exchange, RC4 …) is not there to be chosen.

use rustls::{CipherSuite, SupportedCipherSuite};

/// One suite with OpenSSL's name and the words of a cipher list that mean it (ciphers(1), "cipher strings").
struct Row {
    suite: CipherSuite,
    name: &'static str,
    tls13: bool,
    words: &'static [&'static str],
}

const ECDSA: &[&str] = &["ECDHE", "EECDH", "kEECDH", "kECDHE", "ECDSA", "aECDSA", "ECDHE-ECDSA"];
const RSA: &[&str] = &["ECDHE", "EECDH", "kEECDH", "kECDHE", "RSA", "aRSA", "ECDHE-RSA"];

const SUITES: &[Row] = &[
    row13(CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
    row13(CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    row13(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
    row(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", ECDSA),
    row(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", ECDSA),
    row(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", ECDSA),
    row(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", RSA),
    row(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", RSA),
    row(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", RSA),
];

const fn row13(suite: CipherSuite, name: &'static str) -> Row {
    Row { suite, name, tls13: true, words: &[] }
}

const fn row(suite: CipherSuite, name: &'static str, words: &'static [&'static str]) -> Row {
    Row { suite, name, tls13: false, words }
}

/// OpenSSL's name of a suite, as samples and logs print it; empty for one outside the table.
pub(super) fn openssl_name(suite: CipherSuite) -> &'static str {
    SUITES.iter().find(|r| r.suite == suite).map_or("", |r| r.name)
}

/// The suites of `all` that `ciphers` (up to TLS 1.2) and `ciphersuites` (TLS 1.3) leave, in the lists' order,
/// and the names of the lists that left nothing (their defaults then stay).
pub(super) fn choose(
    all: &[SupportedCipherSuite],
    ciphers: Option<&str>,
    ciphersuites: Option<&str>,
) -> (Vec<SupportedCipherSuite>, Vec<&'static str>) {
    let mut out = Vec::new();
    let mut unmatched = Vec::new();
    for (tls13, list, what) in [(true, ciphersuites, "ciphersuites"), (false, ciphers, "ciphers")] {
        let mut rows: Vec<&Row> = SUITES.iter().filter(|r| r.tls13 == tls13).collect();
        if let Some(list) = list {
            let chosen = read_list(list, &rows);
            if chosen.is_empty() {
                unmatched.push(what);
            } else {
                rows = chosen;
            }
        }
        out.extend(rows.iter().filter_map(|r| all.iter().find(|s| s.suite() == r.suite)).copied());
    }
    (out, unmatched)
}

/// Reads a list: words between `:`, `,` or blanks; `!` forbids, `-` removes, `+` in front moves to the end, `+`
/// inside means all of.
fn read_list<'r>(list: &str, rows: &[&'r Row]) -> Vec<&'r Row> {
    let mut chosen: Vec<&Row> = Vec::new();
    let mut forbidden: Vec<CipherSuite> = Vec::new();
    for word in list.split([':', ',', ' ']).filter(|w| !w.is_empty()) {
        // Commands such as @STRENGTH and @SECLEVEL choose nothing.
        if word.starts_with('@') {
            continue;
        }
        let signed = ["!", "-", "+"].into_iter().find_map(|s| word.strip_prefix(s).map(|rest| (s, rest)));
        let (sign, expr) = signed.unwrap_or(("", word));
        let matching: Vec<&Row> =
            rows.iter().filter(|r| expr.split('+').all(|w| means(r, w))).copied().collect();
        let listed = |c: &&Row| matching.iter().any(|m| m.suite == c.suite);
        match sign {
            "" => {
                for m in matching {
                    if !chosen.iter().any(|c| c.suite == m.suite) && !forbidden.contains(&m.suite) {
                        chosen.push(m);
                    }
                }
            }
            "+" => {
                let (moved, kept): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|c| listed(c));
                chosen = kept;
                chosen.extend(moved);
            }
            _ => {
                chosen.retain(|c| !listed(c));
                if sign == "!" {
                    forbidden.extend(matching.iter().map(|m| m.suite));
                }
            }
        }
    }
    chosen
}

/// `word` of a cipher list means this suite.
fn means(row: &Row, word: &str) -> bool {
    if word == row.name || row.words.contains(&word) {
        return true;
    }
    let has = |part: &str| row.name.contains(part);
    match word {
        "ALL" | "DEFAULT" | "HIGH" | "TLSv1.2" => true,
        "AES128" => has("AES128") || has("AES_128"),
        "AES256" => has("AES256") || has("AES_256"),
        "AES" => has("AES"),
        "AESGCM" => has("GCM"),
        "CHACHA20" => has("CHACHA20"),
        "SHA256" => has("SHA256"),
        "SHA384" => has("SHA384"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ciphers: Option<&str>, suites: Option<&str>) -> (Vec<&'static str>, usize) {
        let all = rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
        let (chosen, unmatched) = choose(all, ciphers, suites);
        (chosen.iter().map(|s| openssl_name(s.suite())).collect(), unmatched.len())
    }

    #[test]
    fn every_suite_that_is_spoken_has_an_openssl_name() {
        for s in rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES {
            assert_ne!(openssl_name(s.suite()), "", "{s:?}");
        }
    }

    #[test]
    fn lists_keep_their_order_and_leave_out_what_is_not_spoken() {
        let (chosen, unmatched) = names(
            Some("ECDHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-SHA:ECDHE-ECDSA-CHACHA20-POLY1305"),
            Some("TLS_AES_256_GCM_SHA384"),
        );
        assert_eq!(
            chosen,
            ["TLS_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"]
        );
        assert_eq!(unmatched, 0);
    }

    #[test]
    fn words_combine_forbid_and_move() {
        let only12 = |list| names(Some(list), None).0.split_off(3);
        assert_eq!(
            only12("ECDHE+AESGCM:!aECDSA"),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
        );
        assert_eq!(only12("HIGH:!aNULL:!MD5").len(), 6);
        assert_eq!(only12("HIGH:-RSA:+AES128:@STRENGTH").last(), Some(&"ECDHE-ECDSA-AES128-GCM-SHA256"));
    }

    #[test]
    fn a_list_of_unspoken_ciphers_leaves_the_defaults_and_says_so() {
        let (chosen, unmatched) = names(Some("é:RC4-MD5"), Some("TLS_AES_128_CCM_SHA256"));
        assert_eq!((chosen.len(), unmatched), (9, 2));
    }
}
