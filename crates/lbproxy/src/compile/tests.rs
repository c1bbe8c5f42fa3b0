//! Whole configurations from text to plan, in a world that is a table.

use std::{io, net::IpAddr, path::Path};

use common::{
    diag::{Severity, codes},
    haproxy::{Env, Loaded, load_text},
};

use super::*;

/// Knows the users and groups `haproxy` and `root`, the names given, and the files given.
#[derive(Default)]
struct Table {
    names: Vec<(&'static str, IpAddr)>,
    files: Vec<(&'static str, &'static [u8])>,
}

impl World for Table {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let found = self.files.iter().find(|(p, _)| path == Path::new(p));
        found.map(|(_, b)| b.to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn resolve(&mut self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(self.names.iter().filter(|(n, _)| *n == host).map(|(_, ip)| *ip).collect())
    }

    fn user(&mut self, name: &str) -> Option<(u32, u32)> {
        ["root", "haproxy"].iter().position(|n| *n == name).map(|n| (n as u32 * 99, n as u32 * 99))
    }

    fn group(&mut self, name: &str) -> Option<u32> {
        self.user(name).map(|(_, g)| g)
    }

    fn hostname(&mut self) -> String {
        "host1".into()
    }

    fn env(&mut self, _name: &str) -> Option<String> {
        None
    }

    fn processors(&mut self) -> usize {
        2
    }
}

fn compiled(text: &str, world: &mut Table) -> (Loaded, Compiled) {
    let loaded = load_text(vec![("t.cfg".into(), text.into())], &Env::default());
    let alerts: Vec<_> = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Alert).collect();
    assert!(alerts.is_empty(), "{alerts:?}");
    let compiled = compile(&loaded.config, world, &Registry::new(2));
    (loaded, compiled)
}

/// The words that alerts point at.
fn culprits(loaded: &Loaded, c: &Compiled) -> Vec<(codes::Code, String)> {
    let alerts = c.diagnostics.iter().filter(|d| d.severity == Severity::Alert);
    alerts
        .map(|d| {
            let at = d.primary.as_ref().map(|p| loaded.sources.text(p.span)).unwrap_or_default();
            (d.code, at.to_owned())
        })
        .collect()
}

const WEB: &str = include_str!("../../../../deploy/examples/pair/haproxy.cfg");
const OPENSTACK: &str = include_str!("../../../../deploy/examples/openstack/haproxy.cfg");

#[test]
fn the_document_s_web_configuration_makes_a_plan() {
    let (_, c) = compiled(WEB, &mut Table::default());
    assert!(!c.diagnostics.has_alerts(), "{:?}", c.diagnostics);
    let plan = c.plan.expect("a plan");
    assert_eq!(plan.global.maxconn, 4000);
    assert_eq!((plan.global.uid, plan.global.gid), (Some(99), Some(99)));
    let main = &plan.frontends[0];
    assert_eq!((&*main.name, main.mode, main.maxconn), ("main", plan::Mode::Http, 3000));
    assert_eq!(main.binds[0].endpoint, plan::Endpoint::Inet("0.0.0.0:5000".parse().unwrap()));
    assert_eq!(main.switching.len(), 1);
    assert_eq!(main.default_backend.map(|b| &*plan.backends[b].name), Some("app"));
    assert_eq!(main.http.connection, plan::ConnectionMode::ServerClose);
    assert_eq!(main.timeouts.http_keep_alive, 10_000);
    let app = plan.backends[main.default_backend.unwrap()].clone();
    assert_eq!((app.retries, app.redispatch, app.timeouts.queue), (3, -1, 60_000));
    let check = app.servers[0].check.clone().expect("it is checked");
    assert_eq!((check.inter_ms, check.rise, check.fall, check.timeout_check_ms), (2_000, 2, 3, 10_000));
}

#[test]
fn the_openstack_example_makes_a_plan() {
    let mut world = Table::default();
    for name in ["horizon.app.com", "horizon.example.com", "controller"] {
        world.names.push((name, "10.0.0.9".parse().unwrap()));
    }
    let (loaded, c) = compiled(OPENSTACK, &mut world);
    assert_eq!(culprits(&loaded, &c), [], "{:?}", c.diagnostics);
    assert!(c.plan.is_some());
}

#[test]
fn every_placeholder_address_and_unknown_name_is_pointed_at() {
    let text = "defaults\n mode http\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n\
                frontend f\n bind horizon.app.com:443\n bind 10.224.155.xx:444\n default_backend b\n\
                backend b\n server s1 10.224.155.xx:8088 check\n server s2 10.224.155.xx:8088 check\n";
    let (loaded, c) = compiled(text, &mut Table::default());
    let at: Vec<_> = culprits(&loaded, &c);
    let bad = |t: &str| (codes::BAD_ADDRESS, t.to_owned());
    assert_eq!(
        at,
        [
            bad("horizon.app.com:443"),
            bad("10.224.155.xx:444"),
            bad("10.224.155.xx:8088"),
            bad("10.224.155.xx:8088")
        ]
    );
    assert!(c.plan.is_none());
}

#[test]
fn names_that_nothing_defines_are_all_said_with_what_was_meant() {
    let text = "frontend f\n mode http\n bind :1\n use_backend backen if TRUE\n default_backend nothing\n\
                backend backend\n mode http\n server s 127.0.0.1:1 track other/s\n use-server t if TRUE\n";
    let (loaded, c) = compiled(text, &mut Table::default());
    let at: Vec<String> = culprits(&loaded, &c).into_iter().map(|(_, t)| t).collect();
    assert_eq!(at, ["backen", "nothing", "other/s", "t"]);
    let help = c.diagnostics.iter().find_map(|d| d.help.clone().filter(|h| h.contains("did you mean")));
    assert_eq!(help.as_deref(), Some("did you mean `backend`?"));
}

#[test]
fn a_frontend_and_a_backend_may_share_a_name_and_two_backends_may_not() {
    let (_, c) = compiled("frontend x\n bind :1\n default_backend x\nbackend x\n", &mut Table::default());
    assert!(c.plan.is_some_and(|p| p.frontends[0].default_backend == Some(0)));
    let yaml = "proxies:\n- name: x\n  kind: backend\n- name: x\n  kind: backend\n";
    let loaded = load_text(vec![("t.yaml".into(), yaml.into())], &Env::default());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let c = compile(&loaded.config, &mut Table::default(), &Registry::new(1));
    assert_eq!(culprits(&loaded, &c), [(codes::DUPLICATE_NAME, String::new())]);
}

#[test]
fn port_ranges_and_several_addresses_become_listeners_of_their_own() {
    let text = "listen l\n bind 127.0.0.1:10-12,[::1]:20 name n\n bind /tmp/s.sock mode 600\n server s 127.0.0.1:1\n";
    let (_, c) = compiled(text, &mut Table::default());
    let plan = c.plan.expect("a plan");
    let at: Vec<String> = plan.frontends[0].binds.iter().map(|b| format!("{:?}", b.endpoint)).collect();
    assert_eq!(
        at,
        [
            "Inet(127.0.0.1:10)",
            "Inet(127.0.0.1:11)",
            "Inet(127.0.0.1:12)",
            "Inet([::1]:20)",
            "Unix(\"/tmp/s.sock\")"
        ]
    );
    assert_eq!(plan.frontends[0].binds[4].unix_mode, Some(0o600));
    assert_eq!(plan.order, [(Some(0), Some(0))]);
    assert_eq!(plan.backends[0].same_as, Some(0));
}

#[test]
fn a_server_whose_certificate_nobody_vouches_for_is_an_error() {
    let (loaded, c) = compiled("backend b\n server s 127.0.0.1:1 ssl\n", &mut Table::default());
    assert_eq!(culprits(&loaded, &c), [(codes::INCOMPLETE, "s".to_owned())]);
    let (_, c) = compiled("backend b\n server s 127.0.0.1:1 ssl verify none\n", &mut Table::default());
    assert!(c.plan.is_some());
}

#[test]
fn error_files_are_read_and_looked_at_before_anything_is_served() {
    let text = "frontend f\n bind :1\n mode http\n errorfile 503 /e/503\n errorfile 504 /e/504\n errorfile 500 /e/500\n";
    let mut world = Table::default();
    world.files.push(("/e/503", b"HTTP/1.0 503 x\r\n\r\n"));
    world.files.push(("/e/504", b"<html>"));
    let (loaded, c) = compiled(text, &mut world);
    let at: Vec<String> = culprits(&loaded, &c).into_iter().map(|(_, t)| t).collect();
    assert_eq!(at, ["/e/504", "/e/500"]);
}

#[test]
fn a_user_that_does_not_exist_is_said_at_the_word() {
    let (loaded, c) = compiled("global\n user nobodyhere\n group haproxy\n", &mut Table::default());
    assert_eq!(culprits(&loaded, &c), [(codes::UNRESOLVED_NAME, "nobodyhere".to_owned())]);
}

#[test]
fn logs_of_the_process_and_of_proxies_share_their_destinations() {
    let text = "global\n log 127.0.0.1 local2\n log /dev/log daemon notice\ndefaults\n log global\n mode http\n option httplog\n\
                frontend f\n bind :1\n log 127.0.0.1:514 local0 err\n";
    let (_, c) = compiled(text, &mut Table::default());
    let plan = c.plan.expect("a plan");
    assert_eq!(plan.log_sinks.len(), 2);
    let targets: Vec<_> =
        plan.frontends[0].log.targets.iter().map(|t| (t.sink, t.facility, t.level_max)).collect();
    assert_eq!(targets, [(0, 18, 7), (1, 3, 5), (0, 16, 3)]);
}
