//! The contract between the daemons, on two real hosts: a proxy that is frozen, dead or not ready moves the address
//! without a line of configuration, and vrrpctl says why, hands over, stops and lints.

use std::time::{Duration, Instant};

use e2e::{
    daemon::Program,
    netns::{Cmd, Host, Output, Signal},
    pair::{Pair, Players, VIP, examples, vip},
};

/// A bound for "it hangs", not a measure.
const PATIENCE: Duration = Duration::from_secs(60);

fn ctl(host: &Host, arguments: &[&str]) -> Output {
    let path = Program::Vrrpctl.called("vrrpctl", host.work()).unwrap();
    host.exec(Cmd::new(path).args(arguments)).unwrap()
}

fn said(host: &Host, arguments: &[&str]) -> String {
    let out = ctl(host, arguments);
    assert!(out.exit.success(), "{arguments:?}: {out:?}");
    out.stdout
}

fn pair() -> Pair {
    let mut pair = Pair::new(Players::OURS).unwrap();
    pair.start().unwrap();
    let know = |p: &Pair| {
        p.nodes.iter().all(|n| said(&n.host, &["status"]).contains("the proxy of this host is ready"))
    };
    e2e::wait::until_true("both have found their proxies", PATIENCE, || know(&pair)).unwrap();
    pair
}

#[test]
fn a_frozen_proxy_gives_the_address_up_and_gets_it_back_when_it_thaws() {
    let pair = pair();
    let one = &pair.nodes[0];
    // The document's own check cannot see this: the process is there.
    let frozen = Instant::now();
    assert!(one.host.kill_named("haproxy", Signal::SIGSTOP).unwrap() > 0);
    pair.nodes[1].watch.wait_for(vip(), true, frozen, PATIENCE).unwrap();
    pair.wait_for_holder(1, PATIENCE).unwrap();
    let status = said(&one.host, &["status"]);
    assert!(status.contains("the proxy of this host is stopped by a signal"), "{status}");
    one.host.kill_named("haproxy", Signal::SIGCONT).unwrap();
    pair.wait_for_holder(0, PATIENCE).unwrap();
    let journal = said(&one.host, &["journal"]);
    let away = journal.find("MASTER -> BACKUP").unwrap_or_else(|| panic!("no move in {journal}"));
    let chain = &journal[away..];
    let (proxy, priority) = (chain.find("is stopped by a signal"), chain.find("Changing effective priority"));
    assert!(proxy.is_some() && proxy < priority, "the chain of causes: {journal}");
}

#[test]
fn the_journal_outlives_the_daemon() {
    let mut pair = pair();
    pair.nodes[0].kill_proxy().unwrap();
    pair.wait_for_holder(1, PATIENCE).unwrap();
    let old = pair.nodes[0].vrrp.take().unwrap();
    old.stop().unwrap();
    pair.nodes[0].start_vrrp().unwrap();
    let host = &pair.nodes[0].host;
    let text = || ctl(host, &["journal", "100"]).stdout;
    e2e::wait::until_true("the old moves are told", PATIENCE, || {
        text().contains("the proxy of this host died")
    })
    .unwrap_or_else(|e| panic!("{e}: {}", text()));
}

#[test]
fn the_address_is_handed_over_and_taken_back_by_order() {
    let pair = pair();
    let host = &pair.nodes[0].host;
    said(host, &["handover", "VI_1"]);
    pair.wait_for_holder(1, PATIENCE).unwrap();
    assert!(said(host, &["status"]).contains("ordered by an operator: handover"));
    said(host, &["resume"]);
    pair.wait_for_holder(0, PATIENCE).unwrap();
    said(host, &["stop"]);
    pair.wait_for_holder(1, PATIENCE).unwrap();
    assert!(said(host, &["status", "--json"]).contains("\"INIT\""));
    said(host, &["resume", "VI_1"]);
    pair.wait_for_holder(0, PATIENCE).unwrap();
    let out = ctl(host, &["handover", "VI_9"]);
    assert!(out.exit.code() == Some(1) && out.stderr.contains("there is no instance VI_9"), "{out:?}");
}

#[test]
fn nobody_but_root_may_ask() {
    let pair = pair();
    let host = &pair.nodes[0].host;
    let path = Program::Vrrpctl.called("vrrpctl", host.work()).unwrap();
    let out = host.exec(Cmd::new(path).args(["status"]).user(65_534, 65_534));
    // Where only one user id is mapped nobody else can be had.
    if let Ok(out) = out {
        assert!(!out.exit.success() && !out.stdout.contains(VIP), "{out:?}");
    }
}

#[test]
fn the_documents_files_pass_the_lint_and_a_weight_too_small_does_not() {
    let pair = Pair::new(Players::OURS).unwrap();
    let host = &pair.nodes[0].host;
    let file = |name: &str| {
        std::fs::read_to_string(examples().join(format!("pair/{name}.keepalived.conf"))).unwrap()
    };
    host.write("/tmp/one.conf", file("host1")).unwrap();
    host.write("/tmp/two.conf", file("host2")).unwrap();
    let text = said(host, &["lint", "/tmp/one.conf", "/tmp/two.conf", "/etc/haproxy/haproxy.cfg"]);
    assert!(text.contains("0 do not; 0 finding(s)"), "{text}");
    host.write("/tmp/one.conf", file("host1").replace("priority 101", "priority 150")).unwrap();
    let out = ctl(host, &["lint", "/tmp/one.conf", "/tmp/two.conf"]);
    assert_eq!(out.exit.code(), Some(1));
    assert!(out.stdout.contains("/tmp/one.conf") && out.stdout.contains("too small"), "{out:?}");
}
