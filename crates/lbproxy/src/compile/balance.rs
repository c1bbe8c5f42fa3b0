//! `balance`, `hash-type` and `cookie` of a backend.

use common::{
    diag::{Diagnostic, codes},
    haproxy::model::{self, Balance},
    source::At,
};

use super::Compiler;
use crate::engine::{
    balance::{self, Algorithm, HashOn},
    cookie,
    http::message::valid_name,
    sample::{Expr, Place, Type},
};

/// Servers drawn by `balance random` without argument (manual 4.2).
const DRAWS_DEFAULT: u32 = 2;
/// What one `Set-Cookie` may hold of a name, so that it fits a header.
const COOKIE_NAME_MAX: usize = 256;

impl Compiler<'_> {
    pub(super) fn balance(&mut self, p: &model::Proxy) -> balance::Spec {
        let b = &p.back;
        let algorithm = b.balance.as_ref().map_or_else(Algorithm::default, |a| self.algorithm(a));
        balance::Spec {
            algorithm,
            hash: hash_type(b.hash_type.as_ref()),
            balance_factor: b.hash_balance_factor.unwrap_or(0),
            affinity: match b.hash_preserve_affinity {
                None | Some(model::HashAffinity::Always) => balance::Affinity::Always,
                Some(model::HashAffinity::Maxconn) => balance::Affinity::MaxConn,
                Some(model::HashAffinity::Maxqueue) => balance::Affinity::MaxQueue,
            },
        }
    }

    fn algorithm(&mut self, a: &At<Balance>) -> Algorithm {
        match &a.value {
            Balance::Roundrobin => Algorithm::RoundRobin,
            Balance::StaticRr => Algorithm::StaticRr,
            Balance::Leastconn => Algorithm::LeastConn,
            Balance::First => Algorithm::First,
            Balance::Source => Algorithm::Hash(HashOn::Source),
            Balance::Random { draws } => Algorithm::Random { draws: draws.unwrap_or(DRAWS_DEFAULT).max(1) },
            Balance::Uri { whole, path_only, len, depth } => Algorithm::Hash(HashOn::Uri {
                whole: *whole,
                path_only: *path_only,
                len: len.unwrap_or(0),
                depth: depth.unwrap_or(0),
            }),
            Balance::UrlParam { name, check_post } => {
                if *check_post {
                    let d = Diagnostic::alert(codes::NOT_YET, "'check_post' is not built yet");
                    self.say(
                        d.at(name.span, "")
                            .help("leave it out: the parameter is then looked for in the query"),
                    );
                }
                Algorithm::Hash(HashOn::UrlParam { name: name.value.clone(), check_post: *check_post })
            }
            Balance::Hdr { name, use_domain_only } => Algorithm::Hash(HashOn::Header {
                name: name.value.clone(),
                use_domain_only: *use_domain_only,
            }),
            Balance::Hash(_) => Algorithm::Hash(HashOn::Sample),
            Balance::RdpCookie { .. } | Balance::LogHash(_) | Balance::Sticky => {
                let d = Diagnostic::alert(codes::NOT_YET, "this balancing algorithm is not built yet");
                self.say(
                    d.at(a.span, "").help("use roundrobin, leastconn, source, uri, hdr(NAME) or random"),
                );
                Algorithm::default()
            }
        }
    }

    /// The expression of `balance hash`.
    pub(super) fn balance_sample(&mut self, p: &model::Proxy) -> Option<Expr> {
        match &p.back.balance.as_ref()?.value {
            Balance::Hash(e) => self.scope(Some(p)).sample(e, Type::Bin, &[Place::ServerChoice]),
            _ => None,
        }
    }

    pub(super) fn cookie(&mut self, c: &At<model::Cookie>) -> Option<cookie::Spec> {
        let name = &c.name;
        if name.is_empty() || name.len() > COOKIE_NAME_MAX || !valid_name(name.as_bytes()) {
            let d = Diagnostic::alert(codes::BAD_ARGUMENT, "this cannot be the name of a cookie");
            self.say(d.at(name.span, "expected letters, digits and -_."));
            return None;
        }
        Some(cookie::Spec {
            name: name.value.clone(),
            mode: match c.mode {
                model::CookieMode::Passive => cookie::Mode::Passive,
                model::CookieMode::Rewrite => cookie::Mode::Rewrite,
                model::CookieMode::Insert => cookie::Mode::Insert,
                model::CookieMode::Prefix => cookie::Mode::Prefix,
            },
            indirect: c.indirect,
            nocache: c.nocache,
            postonly: c.postonly,
            preserve: c.preserve,
            httponly: c.httponly,
            secure: c.secure,
            dynamic: c.dynamic,
            domains: c.domains.clone(),
            maxidle_s: seconds(c.maxidle_s),
            maxlife_s: seconds(c.maxlife_s),
            attrs: c.attrs.clone(),
        })
    }
}

fn seconds(v: Option<u64>) -> u32 {
    v.map_or(0, |s| u32::try_from(s).unwrap_or(u32::MAX))
}

/// With `consistent` and no function, sdbm with avalanche; with none at all, map-based sdbm (manual 4.2).
fn hash_type(h: Option<&model::HashType>) -> balance::HashType {
    let Some(h) = h else { return balance::HashType::default() };
    balance::HashType {
        method: match h.method {
            model::HashMethod::MapBased => balance::HashMethod::MapBased,
            model::HashMethod::Consistent => balance::HashMethod::Consistent,
        },
        function: match h.function {
            model::HashFunction::Sdbm => balance::HashFunction::Sdbm,
            model::HashFunction::Djb2 => balance::HashFunction::Djb2,
            model::HashFunction::Wt6 => balance::HashFunction::Wt6,
            model::HashFunction::Crc32 => balance::HashFunction::Crc32,
            model::HashFunction::None => balance::HashFunction::None,
        },
        avalanche: h.modifier == model::HashModifier::Avalanche,
    }
}
