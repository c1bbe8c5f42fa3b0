//! The demo is the first thing people run, so what it prints is a promise.

use std::process::Command;

fn demo(with: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let out = command.args(["demo", "--no-build", "--rate", "50", "--with", with]).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}");
    said
}

fn tells_the_story(with: &str) {
    let said = demo(with);
    let mut rest = said.as_str();
    // With ours the address may move between two requests, so that none fails.
    let answered = if with.ends_with("keepalived") { "client  requests are answered again" } else { "" };
    // In this order: who holds it, the kill, the move to host2, the figures, and the return.
    for part in [
        "10.224.147.166/24  10.224.147.208/32  ← holds it",
        "Time line: the proxy on host1 is killed",
        "host2   10.224.147.208/32 appears on eth0",
        answered,
        "outage ",
        "failed requests ",
        "10.224.147.167/24  10.224.147.208/32  ← holds it",
        "Time line: the proxy on host1 comes back",
        "host1   10.224.147.208/32 appears on eth0",
        "10.224.147.166/24  10.224.147.208/32  ← holds it",
    ] {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("`{part}` is missing or in the wrong place:\n{said}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn control_the_story_with_the_peers() {
    tells_the_story("haproxy,keepalived");
}

#[test]
fn the_story_with_ours() {
    tells_the_story("lbproxy,vrrpd");
}
