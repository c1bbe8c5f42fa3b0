//! From keepalived.conf text to plans, on a host that is made up.

use std::{net::IpAddr, path::PathBuf};

use common::keepalived::{self, Env};

use super::*;
use crate::engine::{
    plan::{Path, Target},
    wire::{Auth, Version},
};

/// A host with eth0 and eth1, the users root, web and maybe keepalived_script.
#[derive(Default)]
struct Host {
    script_user: bool,
    path: Vec<PathBuf>,
}

impl World for Host {
    fn has_interface(&self, name: &str) -> bool {
        matches!(name, "eth0" | "eth1")
    }
    fn user(&self, name: &str) -> Option<(u32, u32)> {
        match name {
            "root" => Some((0, 0)),
            "web" => Some((33, 34)),
            "keepalived_script" if self.script_user => Some((77, 78)),
            _ => None,
        }
    }
    fn group(&self, name: &str) -> Option<u32> {
        (name == "adm").then_some(4)
    }
    fn groups_of(&self, _: &str, gid: u32) -> Vec<u32> {
        vec![gid, 100]
    }
    fn search_path(&self) -> Vec<PathBuf> {
        self.path.clone()
    }
}

fn compiled_on(host: &Host, text: &str) -> Compiled {
    let loaded = keepalived::parse("test.conf", text, &Env::default());
    compile(&loaded.config, host)
}

fn compiled(text: &str) -> Compiled {
    compiled_on(&Host { path: vec!["/usr/bin".into(), "/bin".into()], ..Host::default() }, text)
}

fn instance(body: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\n{body}\nvirtual_ipaddress {{\n10.0.0.100\n}}\n}}\n"
    )
}

fn messages(c: &Compiled) -> Vec<String> {
    c.diagnostics.iter().map(|d| d.message.clone()).collect()
}

#[test]
fn defaults_are_keepaliveds() {
    let c = compiled(&instance(""));
    let i = &c.plan.instances[0];
    assert_eq!((i.priority, i.preempt, i.down_adverts, i.dialect.version), (100, true, 3, Version::V2));
    assert_eq!(i.dialect.interval, Duration::from_secs(1));
    assert_eq!((i.garp.master_repeat, i.garp.master_delay), (5, Duration::from_secs(5)));
    let a = &i.addresses[0];
    assert_eq!(
        (a.prefix, a.scope, a.broadcast, a.interface.as_str(), a.tracked),
        (32, 0, None, "eth0", true)
    );
    assert!(messages(&c).is_empty() && !c.missing_interface);
}

#[test]
fn address_options_reach_the_plan() {
    let text = instance("")
        .replace("10.0.0.100", "10.0.0.100/24 brd 10.0.0.255 dev eth1 scope link label eth1:vip no_track");
    let a = &compiled(&text).plan.instances[0].addresses[0];
    assert_eq!((a.prefix, a.scope, a.interface.as_str(), a.tracked), (24, 253, "eth1", false));
    assert_eq!(a.broadcast, Some(IpAddr::from([10, 0, 0, 255])));
    assert_eq!(a.label.as_deref(), Some("eth1:vip"));
}

#[test]
fn a_password_counts_in_version_2_only() {
    let auth = "authentication {\nauth_type PASS\nauth_pass secret\n}";
    let v2 = compiled(&instance(auth));
    assert_eq!(v2.plan.instances[0].dialect.auth, Auth::pass(b"secret"));
    let v3 = compiled(&instance(&format!("version 3\n{auth}")));
    assert_eq!(v3.plan.instances[0].dialect.auth, Auth::None);
}

#[test]
fn peers_make_it_unicast() {
    let c = compiled(&instance("unicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.2\n10.0.0.3 min_ttl 250\n}"));
    let Path::Unicast { peers, ttl, known_only } = &c.plan.instances[0].path else { panic!() };
    assert_eq!((peers.len(), peers[1].ttl_min, *ttl, *known_only), (2, 250, 255, false));
    assert_eq!(c.plan.instances[0].source, Some(IpAddr::from([10, 0, 0, 1])));
}

#[test]
fn a_watch_takes_the_scripts_weight_unless_it_has_its_own() {
    let script = |name: &str| format!("vrrp_script {name} {{\nscript \"/bin/sh -c true\"\nweight -7\n}}\n");
    let tracks = "track_script {\na\nb weight 3\n}\ntrack_interface {\neth1 weight 5\n}";
    let c = compiled(&(script("a") + &script("b") + &instance(tracks)));
    let weights: Vec<_> = c.plan.instances[0].watches.iter().map(|w| w.weight).collect();
    // The last is the proxy of this host.
    assert_eq!(weights, [5, -7, 3, 0]);
    assert!(matches!(c.plan.instances[0].watches[1].target, Target::Script(0)));
    assert_eq!(c.commands.scripts[0].argv, ["/bin/sh", "-c", "true"]);
}

#[test]
fn a_script_that_is_not_there_is_told_and_what_tracks_it_runs_without() {
    let text =
        "vrrp_script a {\nscript \"/no/such/program\"\n}\n".to_owned() + &instance("track_script {\na\n}");
    let c = compiled(&text);
    assert!(c.plan.instances[0].watches.iter().all(|w| w.target == Target::Proxy(0)));
    assert!(c.plan.scripts.is_empty());
    assert!(messages(&c).iter().any(|m| m.contains("track script a") && m.contains("/no/such/program")));
}

#[test]
fn a_bare_name_is_found_in_path() {
    let c = compiled(&("vrrp_script a {\nscript \"sh -c true\"\n}\n".to_owned() + &instance("")));
    assert!(c.commands.scripts[0].path.ends_with("bin/sh"));
}

#[test]
fn programs_run_as_the_user_that_is_named_nearest() {
    let text = |global: &str, user: &str| {
        format!("global_defs {{\n{global}\n}}\nvrrp_script a {{\nscript /bin/sh\n{user}\n}}\n")
            + &instance("")
    };
    let user = |host: &Host, text: &str| {
        compiled_on(host, text).commands.scripts[0].user.clone().map(|u| (u.uid, u.gid))
    };
    let plain = Host::default();
    assert_eq!(user(&plain, &text("", "user web adm")), Some((33, 4)));
    assert_eq!(user(&plain, &text("script_user web", "")), Some((33, 34)));
    assert_eq!(user(&plain, &text("", "")), None, "as the daemon");
    assert_eq!(user(&Host { script_user: true, ..Host::default() }, &text("", "")), Some((77, 78)));
}

#[test]
fn root_without_script_security_is_a_violation() {
    let script = "vrrp_script a {\nscript /bin/sh\n}\n";
    assert!(compiled(&(script.to_owned() + &instance(""))).security_violation);
    let named = "global_defs {\nscript_user root\nenable_script_security\n}\n".to_owned() + script;
    let c = compiled(&(named + &instance("")));
    assert!(!c.security_violation && c.commands.scripts.len() == 1);
    let nobody = "global_defs {\nenable_script_security\n}\n".to_owned() + script;
    let c = compiled(&(nobody + &instance("")));
    assert!(c.plan.scripts.iter().all(|s| s.refused), "no fall back to root");
}

#[test]
fn with_script_security_root_runs_nothing_that_others_can_change() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("check");
    std::fs::write(&script, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o777)).unwrap();
    let text = format!(
        "global_defs {{\nscript_user USER\nenable_script_security\n}}\nvrrp_script a {{\nscript {}\n}}\n",
        script.display()
    ) + &instance("");
    let c = compiled(&text.replace("USER", "root"));
    assert!(c.plan.scripts.iter().all(|s| s.refused));
    assert!(messages(&c).iter().any(|m| m.contains("insecure")));
    assert_eq!(compiled(&text.replace("USER", "web")).commands.scripts.len(), 1);
}

#[test]
fn an_interface_that_is_not_there_cannot_be_run_unless_it_may_come_later() {
    let text = instance("").replace("eth0", "eth9");
    assert!(compiled(&text).missing_interface);
    assert!(!compiled(&("global_defs {\ndynamic_interfaces\n}\n".to_owned() + &text)).missing_interface);
}

#[test]
fn a_key_that_cannot_be_had_keeps_the_instance_from_running() {
    let with = |key: &str| compiled(&instance(&format!("auth_hmac {{\nkey 1 {key}\nactive_key 1\n}}")));
    let good = with(&format!("hex:{}", "0a".repeat(32)));
    assert!(matches!(good.plan.instances[0].dialect.auth, crate::engine::wire::Auth::Seal(_)));
    for bad in ["short", "hex:0g", "file:/nonexistent/key"] {
        let c = with(bad);
        assert!(c.plan.instances.is_empty(), "{bad}");
        assert!(messages(&c).iter().any(|m| m.contains("VI_1 does not run")), "{:?}", messages(&c));
    }
    let ah = compiled(&instance("version 2\nauthentication {\nauth_type AH\nauth_pass secret\n}"));
    assert_eq!(ah.plan.instances[0].dialect.protocol(), 51);
}

#[test]
fn an_instance_with_ipv6_addresses_talks_over_ipv6_in_version_3() {
    let c = compiled(&instance("version 2").replace("10.0.0.100", "fe80::1"));
    let plan = &c.plan.instances[0];
    assert!(plan.is_v6());
    assert_eq!(plan.dialect.version, crate::engine::wire::Version::V3);
}

#[test]
fn fast_takeover_is_on_unless_written_off_or_strict() {
    let fast = |text: &str| compiled(text).plan.instances[0].fast_takeover;
    assert!(fast(&instance("")));
    assert!(!fast(&instance("fast_takeover off")));
    assert!(!fast(&instance("strict_mode on")));
    assert!(!fast(&("global_defs {\nfast_takeover off\n}\n".to_owned() + &instance(""))));
    assert!(fast(&("global_defs {\nfast_takeover off\n}\n".to_owned() + &instance("fast_takeover on"))));
}

#[test]
fn members_of_a_group_are_numbered_and_share_its_trackers() {
    let second = instance("").replace("VI_1", "VI_2").replace("51", "52");
    let group = "vrrp_sync_group G {\ngroup {\nVI_2\nVI_1\nVI_3\n}\ntrack_interface {\neth1\n}\n}\n";
    let c = compiled(&(instance("") + &second + group));
    assert_eq!(c.plan.groups[0].members, [1, 0]);
    let eth1 = Target::Interface("eth1".into());
    assert!(c.plan.instances.iter().all(|i| i.watches.iter().filter(|w| w.target == eth1).count() == 1));
}

#[test]
fn the_proxy_of_the_host_is_tracked_once_unless_a_block_says_otherwise() {
    let c = compiled(&(instance("") + &instance("").replace("VI_1", "VI_2").replace("51", "52")));
    assert_eq!(c.plan.proxies.len(), 1);
    assert_eq!((c.plan.proxies[0].name.as_str(), &c.plan.proxies[0].socket), ("local", &None));
    assert!(c.plan.instances.iter().all(|i| i.watches == [i.watches[0].clone()]));
    let off = compiled(&instance("track_proxy {\noff\n}"));
    assert!(off.plan.proxies.is_empty() && off.plan.instances[0].watches.is_empty());
    let group = "vrrp_sync_group G {\ngroup {\nVI_1\n}\ntrack_proxy {\noff\n}\n}\n";
    assert!(compiled(&(instance("") + group)).plan.proxies.is_empty());
}

#[test]
fn a_proxy_is_tracked_as_its_block_says() {
    let block = "track_proxy {\nsocket /run/p.sock\nweight -30\nrequire_backend a b\nrequire_backend c\n\
                 hang_timeout 0.5\n}";
    let other = instance("track_proxy {\nsocket /run/p.sock\n}").replace("VI_1", "VI_2").replace("51", "52");
    let c = compiled(&(instance(block) + &other));
    let p = &c.plan.proxies;
    assert_eq!((p[0].name.as_str(), p[1].name.as_str()), ("/run/p.sock", "/run/p.sock#2"));
    assert_eq!(p[0].require, ["a", "b", "c"]);
    assert_eq!((p[0].hang_timeout.as_millis(), p[1].hang_timeout.as_millis()), (500, 1_000));
    assert_eq!(c.plan.instances[0].watches[0].weight, -30);
    assert_eq!((&c.plan.instances[1].watches[0].target, p.len()), (&Target::Proxy(1), 2));
}
