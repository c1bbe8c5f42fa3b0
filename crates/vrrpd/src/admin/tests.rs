//! The dumps have the labels and members that tools look for.

use std::{sync::Arc, time::Duration};

use common::keepalived::{self, Env};

use super::*;
use crate::{
    compile::{System, compile},
    engine::router::{Event, Link},
    program::Commands,
};

fn router() -> Router {
    let text = "global_defs {\ndynamic_interfaces\n}\nvrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\n\
                priority 255\nvirtual_ipaddress {\n10.0.0.100/24 dev eth0 label eth0:1\n}\n}\n";
    let plan = compile(&keepalived::parse("t", text, &Env::default()).config, &System).plan;
    let mut router = Router::new(Arc::clone(&plan));
    let link = Link { index: 2, name: "eth0".into(), running: true, mac: Some([2; 6]), mtu: 1500 };
    let now = Duration::from_secs(100);
    router.handle(Event::Link(link), now);
    router.handle(Event::Address { link: 2, address: [10, 0, 0, 1].into(), prefix: 24 }, now);
    router.handle(Event::Start, now);
    router.handle(Event::Timeout, now + Duration::from_millis(1));
    router
}

#[test]
fn stats_have_keepaliveds_lines_in_its_order() {
    let text = stats(&router());
    assert!(text.starts_with(
        "VRRP Instance: VI_1\n  Advertisements:\n    Received: 0\n    Sent: 1\n  Became master: 1\n  Released master: 0\n"
    ));
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} in {text}"));
    assert!(at("Packet Errors:") < at("Authentication Errors:"));
    assert!(at("Authentication Errors:") < at("Priority Zero:"));
}

#[test]
fn data_shows_state_addresses_and_the_time_of_the_transition() {
    let wall = Duration::from_secs(1_000_000);
    let text = data(&router(), &Commands::default(), wall, Duration::from_secs(101));
    for part in [
        "VRRP Instance = VI_1\n",
        "State = MASTER\n",
        "Effective priority = 255\n",
        "10.0.0.100/24 dev eth0 scope global label eth0:1 set\n",
        "Last transition = 999999.001000\n",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn json_is_an_array_of_data_and_stats_or_an_object_in_version_2() {
    let dump = |version| {
        let text = json(&router(), &Commands::default(), Duration::ZERO, Duration::ZERO, version);
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let one = &dump(1)[0];
    assert_eq!((&one["data"]["iname"], &one["data"]["state"]), (&"VI_1".into(), &2.into()));
    assert_eq!(one["stats"]["become_master"], 1);
    assert_eq!(dump(2)["vrrp"][0]["data"]["vrid"], 51);
}

#[test]
fn metrics_have_every_counter_once_and_escape_labels() {
    let mut s = snapshot::snapshot(&router(), "a\"b\\", Duration::ZERO, Duration::from_secs(101));
    let text = metrics(&s);
    for part in [
        "vrrp_up{host=\"a\\\"b\\\\\",",
        "vrrp_state{instance=\"VI_1\",interface=\"eth0\",state=\"MASTER\"} 1\n",
        "vrrp_state{instance=\"VI_1\",interface=\"eth0\",state=\"BACKUP\"} 0\n",
        "vrrp_adverts_sent_total{instance=\"VI_1\",vrid=\"51\"} 1\n",
        "vrrp_addresses_held{instance=\"VI_1\",vrid=\"51\"} 1\n",
        "# TYPE vrrp_became_master_total counter\n",
        "vrrp_tracker_status{kind=\"proxy\",tracker=\"local\"} -1\n",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let families: Vec<_> = text.lines().filter(|l| l.starts_with("# TYPE")).collect();
    assert_eq!(families.len(), families.iter().collect::<std::collections::BTreeSet<_>>().len());
    s.instances.clear();
    assert!(metrics(&s).contains("vrrp_up"));
}

#[test]
fn a_snapshot_tells_what_holds_and_what_moves_an_instance() {
    let s = snapshot::snapshot(&router(), "h", Duration::ZERO, Duration::from_secs(101));
    let i = &s.instances[0];
    assert_eq!((i.state.as_str(), i.priority, i.master.as_deref()), ("MASTER", 255, None));
    assert!(i.addresses[0].held && i.order.is_none());
    assert_eq!((i.watches[0].kind.as_str(), i.watches[0].status.as_str()), ("proxy", "unknown"));
}
