//! Arguments of fetches, converters and ACLs: words become values of the kinds that the rows declare.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use common::{
    diag::{Diagnostic, codes},
    haproxy::expr::Call,
    source::At,
};

use super::Scope;
use crate::engine::{
    http::HeaderId,
    pattern::{Regex, address, unhex},
    rule::Acl,
    sample::{
        Arg, ArgType, Place,
        convert::{fix, forwarded, jwt, mqtt, protobuf},
        query,
        var::{BadVar, Var},
    },
};

/// What is wrong with an argument: a sentence, or nothing more to say.
enum Bad {
    Text(String),
    Said,
}

impl From<String> for Bad {
    fn from(text: String) -> Bad {
        Bad::Text(text)
    }
}

impl Scope<'_> {
    /// The arguments of a call, checked against its row.
    pub(super) fn arguments(
        &mut self,
        call: &Call,
        kinds: &[ArgType],
        required: u8,
        places: &[Place],
    ) -> Option<Vec<Arg>> {
        let name = &call.name;
        if call.args.len() > kinds.len() {
            let extra = call.args.get(kinds.len())?;
            let text = match kinds.len() {
                0 => format!("`{}` takes no argument", name.value),
                n => format!("`{}` takes at most {n} argument{}", name.value, if n == 1 { "" } else { "s" }),
            };
            self.alert(extra.span, text);
            return None;
        }
        // `str()` has one empty argument in HAProxy's reading.
        let given = call.args.len() as u8;
        if given < required && !(required == 1 && kinds.first() == Some(&ArgType::Str)) {
            let kind = kinds.get(usize::from(given)).map_or("", |k| k.name());
            self.alert(
                name.span,
                format!("`{}` needs {required} arguments; the next is a {kind}", name.value),
            );
            return None;
        }
        let mut out = Vec::with_capacity(call.args.len());
        let mut ok = true;
        for (i, (word, kind)) in call.args.iter().zip(kinds).enumerate() {
            let may_miss = i >= usize::from(required) || (i > 0 && *kind == ArgType::Var);
            if word.is_empty() && may_miss && *kind != ArgType::Str {
                out.push(Arg::None);
                continue;
            }
            match self.argument(call, i, word, *kind, places) {
                Ok(arg) => out.push(arg),
                Err(bad) => {
                    if let Bad::Text(text) = bad {
                        self.alert(word.span, format!("`{}`: {text}", name.value));
                    }
                    ok = false;
                }
            }
        }
        if out.is_empty() && required == 1 && kinds.first() == Some(&ArgType::Str) {
            out.push(Arg::Str(Box::default()));
        }
        if ok {
            self.own_table(call, kinds, &mut out)?;
        }
        ok.then_some(out)
    }

    /// A look-up without a table means the proxy's own; only `sc_*` ask whatever is tracked.
    fn own_table(&mut self, call: &Call, kinds: &[ArgType], out: &mut Vec<Arg>) -> Option<()> {
        let Some(at) = kinds.iter().position(|k| *k == ArgType::Table) else { return Some(()) };
        let given = out.get(at).is_some_and(|a| !matches!(a, Arg::None));
        if given || call.name.value.starts_with("sc") {
            return Some(());
        }
        let table = Arg::Table(self.table(None, call.name.span)?);
        if out.len() <= at {
            out.resize(at + 1, Arg::None);
        }
        *out.get_mut(at)? = table;
        Some(())
    }

    fn argument(
        &mut self,
        call: &Call,
        index: usize,
        word: &At<String>,
        kind: ArgType,
        places: &[Place],
    ) -> Result<Arg, Bad> {
        let text = word.value.as_str();
        Ok(match kind {
            ArgType::Int => {
                let n = integer(text).ok_or_else(|| format!("`{text}` is no integer"))?;
                if call.name.value == "sha2" && ![224, 256, 384, 512].contains(&n) {
                    return Err(format!("`{n}`: digests have 224, 256, 384 or 512 bits").into());
                }
                Arg::Int(n)
            }
            ArgType::IntOrVar => match integer(text) {
                Some(n) => Arg::Int(n),
                None => Arg::Var(variable(text)?),
            },
            ArgType::Str => special(self, call, index, word)?,
            ArgType::StrOrVar => match Var::parse(text) {
                Ok(var) => Arg::Var(var),
                Err(_) if call.name.starts_with("jwt_") && !jwt::is_known(text.as_bytes()) => {
                    return Err(format!("`{text}` is no algorithm of RFC 7518").into());
                }
                Err(_) => Arg::Str(text.as_bytes().into()),
            },
            ArgType::Key => match Var::parse(text) {
                Ok(var) => Arg::Var(var),
                Err(_) => {
                    let key = self.key(text);
                    let method = call.args.first().map_or("", |a| a.value.as_str());
                    if key.public.is_none() && matches!(method.get(..2), Some("RS" | "ES" | "PS")) {
                        return Err(format!("there is no public key in '{text}'").into());
                    }
                    Arg::Key(key.into())
                }
            },
            ArgType::Name => Arg::Name(HeaderId::of(text.as_bytes()), text.as_bytes().into()),
            ArgType::Var => Arg::Var(variable(text)?),
            ArgType::Regex => {
                let no_case = call.args.get(2).is_some_and(|f| f.contains('i'));
                Arg::Regex(Regex::new(text, no_case)?.into())
            }
            ArgType::MapFile => Arg::Map(self.map(&call.name, word).ok_or(Bad::Said)?),
            ArgType::Backend => Arg::Backend(Some(self.backend_index(word).ok_or(Bad::Said)?)),
            ArgType::Frontend => Arg::Frontend(Some(self.frontend_index(word).ok_or(Bad::Said)?)),
            ArgType::Server => {
                let (backend, server) = self.server_index(word).ok_or(Bad::Said)?;
                Arg::Server(backend, server)
            }
            ArgType::UserList => Arg::UserList(self.users(word).ok_or(Bad::Said)?),
            ArgType::Ipv4 => Arg::Ip(parse::<Ipv4Addr>(text, "IPv4 address")?.into()),
            ArgType::Ipv6 => Arg::Ip(IpAddr::V6(parse::<Ipv6Addr>(text, "IPv6 address")?)),
            ArgType::Mask4 => {
                Arg::Mask4(address::parse_mask4(text).ok_or_else(|| format!("`{text}` is no IPv4 mask"))?)
            }
            ArgType::Mask6 => {
                Arg::Mask6(address::parse_mask6(text).ok_or_else(|| format!("`{text}` is no IPv6 mask"))?)
            }
            ArgType::Acl => {
                let (negated, name) = match text.strip_prefix('!') {
                    Some(rest) => (true, rest),
                    None => (false, text),
                };
                let named = At::new(name.to_owned(), word.span);
                let acl = self.named_acl(&named, places).ok_or(Bad::Said)?;
                match negated {
                    true => Arg::Acl(Acl { negated: true, ..(*acl).clone() }.into()),
                    false => Arg::Acl(acl),
                }
            }
            ArgType::Table => Arg::Table(self.table(Some(word), word.span).ok_or(Bad::Said)?),
        })
    }

    /// A key: what is written is a secret, and may be the name of a file with a public key.
    fn key(&mut self, text: &str) -> jwt::Key {
        let file = self.world.read(std::path::Path::new(text)).ok();
        jwt::Key { text: text.as_bytes().into(), public: file.as_deref().and_then(public_key) }
    }

    fn unresolved(&mut self, word: &At<String>, what: &str, known: Vec<&str>) {
        let d = Diagnostic::alert(codes::UNRESOLVED_NAME, format!("there is no {what} '{}'", word.value))
            .at(word.span, "named here")
            .did_you_mean(word, known);
        self.say(d);
    }

    fn backend_index(&mut self, word: &At<String>) -> Option<usize> {
        let config = self.config;
        let names = || config.proxies.iter().filter(|p| p.has_back()).map(|p| p.name.as_str());
        let found = names().position(|n| n == word.as_str());
        if found.is_none() {
            self.unresolved(word, "backend", names().collect());
        }
        found
    }

    fn frontend_index(&mut self, word: &At<String>) -> Option<usize> {
        let config = self.config;
        let names = || config.proxies.iter().filter(|p| p.has_front()).map(|p| p.name.as_str());
        let found = names().position(|n| n == word.as_str());
        if found.is_none() {
            self.unresolved(word, "frontend", names().collect());
        }
        found
    }

    /// `[backend/]server`; without a backend the server belongs to the proxy of the rule.
    fn server_index(&mut self, word: &At<String>) -> Option<(Option<usize>, usize)> {
        let config = self.config;
        let (backend, proxy, server) = match word.split_once('/') {
            Some((b, s)) => {
                let ix = self.backend_index(&At::new(b.to_owned(), word.span))?;
                (Some(ix), config.proxies.iter().filter(|p| p.has_back()).nth(ix), s)
            }
            None => (None, self.proxy.filter(|p| p.has_back()), word.as_str()),
        };
        let servers = || proxy.iter().flat_map(|p| p.back.servers.iter()).map(|s| s.name.as_str());
        let found = servers().position(|n| n == server);
        if found.is_none() {
            self.unresolved(word, "server", servers().collect());
        }
        Some((backend, found?))
    }
}

/// The public key in a PEM file: of itself, or of the certificate that is first in it.
fn public_key(pem: &[u8]) -> Option<Box<[u8]>> {
    use x509_parser::prelude::FromDer as _;
    let key = |spki: &x509_parser::x509::SubjectPublicKeyInfo<'_>| spki.subject_public_key.data.to_vec();
    x509_parser::pem::Pem::iter_from_buffer(pem).filter_map(Result::ok).find_map(|block| {
        let found = match block.label.as_str() {
            "RSA PUBLIC KEY" => return Some(block.contents.into()),
            "PUBLIC KEY" => key(&x509_parser::x509::SubjectPublicKeyInfo::from_der(&block.contents).ok()?.1),
            "CERTIFICATE" => key(block.parse_x509().ok()?.public_key()),
            _ => return None,
        };
        Some(found.into())
    })
}

/// Decimal, or hexadecimal behind `0x`.
fn integer(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn parse<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is no {what}"))
}

/// A variable's name with its scope.
pub(super) fn variable(text: &str) -> Result<Var, String> {
    Var::parse(text).map_err(|bad| match bad {
        BadVar::Empty => "a variable needs a name such as txn.name".to_owned(),
        BadVar::NoScope => {
            format!("`{text}` is no variable: its name begins with proc., sess., txn., req., res. or check.")
        }
        BadVar::BadCharacter => {
            format!("`{text}` is no variable: letters, digits, dots and underscores make its name")
        }
    })
}

/// Text arguments with a meaning that is read once, when the configuration is compiled.
fn special(scope: &mut Scope<'_>, call: &Call, index: usize, word: &At<String>) -> Result<Arg, Bad> {
    let text = word.value.as_str();
    let one_of = |known: &[&str]| -> Result<Arg, Bad> {
        match known.contains(&text) {
            true => Ok(Arg::Str(text.as_bytes().into())),
            false => Err(format!("`{text}` is none of {}", known.join(", ")).into()),
        }
    };
    const UNITS: &[&str] = &["s", "ms", "us"];
    match (call.name.value.as_str(), index) {
        ("env", 0) => Ok(scope.world.env(text).map_or(Arg::None, |v| Arg::Str(v.into_bytes().into()))),
        ("bin", 0) => match unhex(text.as_bytes()) {
            Some(bytes) => Ok(Arg::Str(bytes.into())),
            None => Err(format!("`{text}` is no even number of hexadecimal digits").into()),
        },
        ("bool", 0) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Arg::Str(b"1"[..].into())),
            "false" | "0" => Ok(Arg::Str(b"0"[..].into())),
            _ => Err(format!("`{text}` is no boolean: true, false, 1 or 0").into()),
        },
        ("accept_date" | "request_date", 0) | ("date" | "http_date", 1) if !text.is_empty() => one_of(UNITS),
        ("query", 0) => one_of(&["with_qm"]),
        ("has_ctl", 0) => match text {
            "any" => Ok(Arg::Int(0x1_ffff_ffff)),
            "http" => Ok(Arg::Int(0x2401)),
            _ => match integer(text) {
                Some(n) if (0..=0x1_ffff_ffff).contains(&n) => Ok(Arg::Int(n)),
                _ => Err(format!("`{text}` is no mask: a number, `any` or `http`").into()),
            },
        },
        ("json", 0) => one_of(&["", "ascii", "utf8", "utf8s", "utf8p", "utf8ps"]),
        ("regsub", 2) if text.bytes().all(|b| matches!(b, b'g' | b'i')) => {
            Ok(Arg::Str(text.as_bytes().into()))
        }
        ("regsub", 2) => Err(format!("`{text}`: flags are made of g and i").into()),
        ("mqtt_field_value", 0) if mqtt::packet_type(text.as_bytes()).is_none() => {
            Err(format!("`{text}` is no packet that can be read: connect and connack are").into())
        }
        ("mqtt_field_value", 1) => {
            let kind = call.args.first().and_then(|k| mqtt::packet_type(k.as_bytes()));
            match kind.is_none_or(|k| mqtt::is_field(k, text.as_bytes())) {
                true => Ok(Arg::Str(text.as_bytes().into())),
                false => Err(format!("`{text}` is no field or property of this packet").into()),
            }
        }
        ("fix_tag_value", 0) if fix::tag(text.as_bytes()).is_none() => {
            Err(format!("`{text}` is neither the number nor the name of a tag").into())
        }
        ("protobuf" | "ungrpc", 0) => match protobuf::path(text.as_bytes()) {
            Some(path) => Ok(Arg::Path(path.into())),
            None => Err(format!("`{text}` is no path of field numbers").into()),
        },
        ("protobuf" | "ungrpc", 1) if !protobuf::is_number(text.as_bytes()) => {
            Err(format!("`{text}` is no type of a number").into())
        }
        ("rfc7239_field", 0) if !forwarded::is_parameter(text.as_bytes()) => {
            Err(format!("`{text}` is none of proto, host, for, by").into())
        }
        ("json_query" | "jwt_header_query" | "jwt_payload_query", 0) => {
            match query::parse_path(text.as_bytes()) {
                Some(path) => Ok(Arg::Query(path.into())),
                None => Err(format!("`{text}` is no path: $.name, $.list[2]").into()),
            }
        }
        ("json_query" | "jwt_header_query" | "jwt_payload_query", 1) => one_of(&["int"]),
        ("param", 1) => match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
            Some(hex) => match unhex(hex.as_bytes()).filter(|b| b.len() == 1) {
                Some(b) => Ok(Arg::Str(b.into())),
                None => Err(format!("`{text}` is no character").into()),
            },
            None => Ok(Arg::Str(text.as_bytes().into())),
        },
        ("digest" | "hmac", 0) if !crate::engine::sample::convert::digest::is_known(text.as_bytes()) => {
            Err(format!("there is no digest `{text}`: sha1, sha224, sha256, sha384 and sha512 are").into())
        }
        ("set-var", i) if i > 0 => one_of(super::rule::VAR_CONDITIONS),
        ("when", 0) => {
            let known = ["error", "forwarded", "normal", "processed", "stopping", "toapplet", "acl"]
                .map(String::from);
            match known.iter().any(|k| k == text.trim_start_matches('!')) {
                true => Ok(Arg::Str(text.as_bytes().into())),
                false => Err(format!("`{text}` is none of {}", known.join(", ")).into()),
            }
        }
        _ => Ok(Arg::Str(text.as_bytes().into())),
    }
}
