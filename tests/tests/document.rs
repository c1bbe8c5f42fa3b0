//! The document, step by step: a pair of hosts, who holds the address, the proxy killed on one,
//! the other serves, and the return. With the peers first: what holds for them is the measure.

use std::time::{Duration, Instant};

use e2e::client::Client;
use e2e::daemon::Program;
use e2e::load::{Load, Outcome, Plan, outages};
use e2e::netns::{Cmd, Signal};
use e2e::pair::{PORT, Pair, Players, VIP, vip};

/// Ten times what the document's timers add up to; a bound for "it hangs", not a measure.
const PATIENCE: Duration = Duration::from_secs(60);

fn the_address_survives_the_proxy(players: Players) {
    let mut pair = Pair::new(players).unwrap();
    pair.start().unwrap();

    // Who holds the address: host1, as a /32 beside its own /24.
    assert_eq!(pair.holders().unwrap(), [0]);
    assert_eq!(pair.nodes[0].vip_prefix_len().unwrap(), Some(32));
    assert_eq!(pair.nodes[1].vip_prefix_len().unwrap(), None);

    let to = format!("{VIP}:{PORT}").parse().unwrap();
    let plan = Plan { to, target: "/".into(), rate: 100, patience: Duration::from_millis(500) };
    let load = Load::start(&pair.client, plan).unwrap();
    e2e::wait::until_true("fifty answers", PATIENCE, || load.probes().len() >= 50).unwrap();
    assert!(
        load.probes().iter().all(|p| p.outcome == Outcome::Answered),
        "it must serve before anything happens"
    );

    let killed = pair.nodes[0].kill_proxy().unwrap();
    pair.nodes[1].watch.wait_for(vip(), true, killed, PATIENCE).unwrap();
    pair.wait_for_holder(1, PATIENCE).unwrap();
    assert_eq!(pair.nodes[1].vip_prefix_len().unwrap(), Some(32));
    let answered_since =
        |t: Instant| load.probes().iter().filter(|p| p.at > t && p.outcome == Outcome::Answered).count();
    let moved = Instant::now();
    e2e::wait::until_true("host2 serves", PATIENCE, || answered_since(moved) >= 50).unwrap();

    pair.nodes[0].start_proxy().unwrap();
    pair.wait_for_holder(0, PATIENCE).unwrap();
    let back = Instant::now();
    e2e::wait::until_true("host1 serves again", PATIENCE, || answered_since(back) >= 50).unwrap();

    let probes = load.finish();
    // With vrrpd the address may move between two requests; keepalived shows that the load sees an outage.
    if players.vrrp == Program::Keepalived {
        assert!(
            !outages(&probes).is_empty(),
            "a killed proxy must cost requests, or the kill did not happen"
        );
    }
}

fn paths_choose_the_backend_and_the_log_says_so(players: Players) {
    let mut pair = Pair::new(players).unwrap();
    pair.start().unwrap();
    let node = &pair.nodes[0];
    for (target, backend) in [("/", "app/app1"), ("/images/a", "static/static"), ("/A.JPG", "static/static")]
    {
        let mut client = Client::connect(&pair.client, &format!("{VIP}:{PORT}")).unwrap();
        let mark = format!("{target}?{}", backend.len());
        assert_eq!(client.get(&mark, "Connection: close\r\n").unwrap().status, 200);
        let line = node.proxy_log.wait_for(&format!("\"GET {mark} HTTP/1.1\""), PATIENCE).unwrap();
        assert!(line.starts_with("<150>"), "local2.info is 150: {line}");
        assert!(line.contains(&format!(" main {backend} ")), "{line}");
        assert!(line.contains("10.224.147.200:"), "the client's address: {line}");
    }
}

#[test]
fn control_the_address_survives_haproxy_under_keepalived() {
    the_address_survives_the_proxy(Players::PEERS);
}

#[test]
fn control_haproxy_logs_the_backend() {
    paths_choose_the_backend_and_the_log_says_so(Players::PEERS);
}

/// As the document does it: the VRRP daemon in the background, its words in the system's log.
fn the_log_says_who_becomes_master(players: Players, parts: &[&str]) {
    let pair = Pair::new(players).unwrap();
    let node = &pair.nodes[0];
    node.start_proxy().unwrap();
    let path = players.vrrp.called("keepalived", node.host.work()).unwrap();
    let out = node.host.exec(Cmd::new(path).args(["-D", "-f", "/etc/keepalived/keepalived.conf"])).unwrap();
    assert!(out.exit.success(), "{out:?}");
    for part in parts {
        let line = node.system_log.wait_for(part, PATIENCE).unwrap();
        assert!(line.contains("Keepalived_vrrp["), "the program's name and process: {line}");
    }
    pair.wait_for_holder(0, PATIENCE).unwrap();
    // The parent's number is in the file that service scripts read; ending it gives the address back.
    let pid: i32 = node.host.read("/run/keepalived.pid").unwrap().trim().parse().unwrap();
    node.host.signal(pid, Signal::SIGTERM).unwrap();
    e2e::wait::until_true("the address is given back", PATIENCE, || pair.holders().unwrap().is_empty())
        .unwrap();
    e2e::wait::until_true("all have ended", PATIENCE, || node.host.pids("keepalived").unwrap().is_empty())
        .unwrap();
}

#[test]
fn control_keepalived_says_who_becomes_master() {
    let parts = ["VRRP_Script(chk_haproxy) succeeded", "(VI_1) Entering MASTER STATE"];
    the_log_says_who_becomes_master(Players::PEERS, &parts);
}

#[test]
fn vrrpd_says_who_becomes_master_in_old_and_new_words() {
    let players = Players { proxy: Program::Haproxy, vrrp: Program::Vrrpd };
    let parts = ["VRRP_Script(chk_haproxy) succeeded", "VRRP_Instance(VI_1) Entering MASTER STATE"];
    the_log_says_who_becomes_master(players, &parts);
}

#[test]
fn the_address_survives_lbproxy_under_vrrpd() {
    the_address_survives_the_proxy(Players::OURS);
}

#[test]
fn the_address_survives_haproxy_under_vrrpd() {
    the_address_survives_the_proxy(Players { proxy: Program::Haproxy, vrrp: Program::Vrrpd });
}

#[test]
fn the_address_survives_lbproxy_under_keepalived() {
    the_address_survives_the_proxy(Players { proxy: Program::Lbproxy, vrrp: Program::Keepalived });
}

#[test]
fn lbproxy_logs_the_backend() {
    paths_choose_the_backend_and_the_log_says_so(Players {
        proxy: Program::Lbproxy,
        vrrp: Program::Keepalived,
    });
}
