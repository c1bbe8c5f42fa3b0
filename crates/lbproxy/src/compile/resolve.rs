//! `resolvers` sections, and how a server's name is resolved at run time.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
};

use common::{
    diag::{Diagnostic, codes},
    haproxy::{
        address::{Port, Target},
        model,
    },
    source::At,
};

use super::{Compiler, HostRef, plan};
use crate::engine::dns::{Counts, Family, Hold, Settings};

/// Values of chapter 5.3.2 when the section says nothing.
const PAYLOAD_DEFAULT: u32 = 512;
const RETRIES_DEFAULT: u32 = 3;
const RESOLVE_DEFAULT_MS: u64 = 1_000;
const RETRY_DEFAULT_MS: u64 = 1_000;
const HOLD_VALID_DEFAULT_MS: u64 = 10_000;
const HOLD_DEFAULT_MS: u64 = 30_000;
/// The port of name servers.
const DNS_PORT: u16 = 53;

impl Compiler<'_> {
    pub(super) fn resolvers(&mut self) -> Vec<Arc<plan::Resolvers>> {
        let config = self.config;
        config.resolvers.iter().map(|r| Arc::new(self.resolvers_section(r))).collect()
    }

    fn resolvers_section(&mut self, r: &model::Resolvers) -> plan::Resolvers {
        let mut nameservers: Vec<plan::Nameserver> = Vec::new();
        for n in &r.nameservers {
            let Target::Inet { host, port, family } = &n.address.target else {
                let d = Diagnostic::alert(codes::BAD_ADDRESS, "a name server needs an Internet address");
                self.say(d.at(n.address.span, "this address"));
                continue;
            };
            let at = HostRef { host, family: *family, span: n.address.span };
            let Some(ip) = self.host(&at, "name server") else { continue };
            let port = match port {
                Port::Fixed(p) => *p,
                _ => DNS_PORT,
            };
            nameservers.push(nameserver(n.name.clone(), SocketAddr::new(ip, port)));
        }
        if r.parse_resolv_conf {
            let text = self.world.read(Path::new("/etc/resolv.conf")).unwrap_or_default();
            for ip in resolv_conf(&String::from_utf8_lossy(&text)) {
                nameservers.push(nameserver(ip.to_string(), SocketAddr::new(ip, DNS_PORT)));
            }
        }
        let h = &r.hold;
        plan::Resolvers {
            settings: Settings {
                name: r.name.value.clone(),
                retries: r.resolve_retries.unwrap_or(RETRIES_DEFAULT),
                resolve_ms: r.timeout_resolve_ms.unwrap_or(RESOLVE_DEFAULT_MS),
                retry_ms: r.timeout_retry_ms.unwrap_or(RETRY_DEFAULT_MS),
                payload_bytes_max: u16::try_from(r.accepted_payload_size.unwrap_or(PAYLOAD_DEFAULT))
                    .unwrap_or(u16::MAX),
                hold: Hold {
                    valid_ms: h.valid_ms.unwrap_or(HOLD_VALID_DEFAULT_MS),
                    obsolete_ms: h.obsolete_ms.unwrap_or(0),
                    nx_ms: h.nx_ms.unwrap_or(HOLD_DEFAULT_MS),
                    refused_ms: h.refused_ms.unwrap_or(HOLD_DEFAULT_MS),
                    timeout_ms: h.timeout_ms.unwrap_or(HOLD_DEFAULT_MS),
                    other_ms: h.other_ms.unwrap_or(HOLD_DEFAULT_MS),
                },
            },
            nameservers,
        }
    }

    /// Who resolves the name of this server, if it has one and says so.
    pub(super) fn resolve_by(&mut self, s: &At<model::Server>, host: Option<&str>) -> Option<plan::Resolve> {
        let wanted = s.resolve.resolvers.as_ref()?;
        let config = self.config;
        let names = || config.resolvers.iter().map(|r| r.name.as_str());
        let Some(resolvers) = names().position(|n| n == wanted.as_str()) else {
            let text = format!("there is no resolvers section '{}'", wanted.value);
            let d = Diagnostic::alert(codes::UNRESOLVED_NAME, text).at(wanted.span, "named here");
            self.say(d.did_you_mean(wanted, names()));
            return None;
        };
        let host = host?;
        if host.starts_with('_') {
            let text = "SRV records are not resolved yet";
            let d = Diagnostic::alert(codes::NOT_YET, text).at(s.address.span, "a name of services");
            self.say(d.help("name the hosts themselves, one server for each address"));
            return None;
        }
        let near = s.resolve.net.iter().filter_map(|n| {
            let (ip, bits) = n.split_once('/').unwrap_or((n.as_str(), ""));
            let ip: IpAddr = ip.parse().ok()?;
            Some((ip, bits.parse().unwrap_or(if ip.is_ipv4() { 32 } else { 128 })))
        });
        Some(plan::Resolve {
            resolvers,
            // Manual 5.2, `resolve-prefer`: IPv6 when it does not say.
            prefer: match s.resolve.prefer {
                Some(model::Family::Ipv4) => Family::V4,
                Some(model::Family::Ipv6) | None => Family::V6,
            },
            near: near.collect(),
            allow_dup: s.resolve.opts.iter().any(|o| o == "allow-dup-ip"),
        })
    }
}

fn nameserver(name: String, addr: SocketAddr) -> plan::Nameserver {
    plan::Nameserver { name, addr, counts: Counts::default() }
}

/// The `nameserver` lines of resolv.conf(5).
fn resolv_conf(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|l| l.trim().strip_prefix("nameserver"));
    lines.filter_map(|rest| rest.split_whitespace().next()?.split('%').next()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_of_the_system_are_found_among_other_lines() {
        let text =
            "# comment\nsearch a.b\nnameserver 10.0.0.1 # one\n nameserver fe80::1%eth0\nnameserver x\n";
        let want: Vec<IpAddr> = vec!["10.0.0.1".parse().unwrap(), "fe80::1".parse().unwrap()];
        assert_eq!(resolv_conf(text), want);
    }
}
