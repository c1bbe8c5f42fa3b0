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
