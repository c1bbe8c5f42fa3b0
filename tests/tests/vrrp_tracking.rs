//! What vrrpd watches on its own host: processes, files, and the checks that ask for a process, which are run
//! the moment one comes or goes.

use std::time::Duration;

use e2e::{
    daemon::{Daemon, Program},
    netns::{Cmd, Host, Lab, Signal},
    wait,
};

/// A bound for "it hangs", not a measure.
const PATIENCE: Duration = Duration::from_secs(30);
const CONF: &str = "/etc/keepalived/keepalived.conf";

fn start(host: &Host, globals: &str, body: &str) -> Daemon {
    let config = format!(
        "global_defs {{\nscript_user root\nenable_script_security\n}}\n{globals}\n\
         vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\npriority 100\nversion 3\nadvert_int 0.1\n\
         {body}\nvirtual_ipaddress {{\n10.9.0.100\n}}\n}}\n"
    );
    host.write(CONF, config).unwrap();
    Daemon::start(host, Program::Vrrpd, ["-n", "-l", "-D", "-P"]).unwrap()
}

fn host() -> (Lab, Host) {
    let lab = Lab::new().unwrap();
    let host = lab.host("h", "10.9.0.1/24").unwrap();
    (lab, host)
}

fn wait_for(daemon: &Daemon, line: &str) {
    daemon.wait_for_line(line, PATIENCE).unwrap();
}

#[test]
fn a_check_for_a_process_is_run_at_once_when_one_comes_or_goes() {
    for check in ["pkill -0 sleep", "/usr/bin/pgrep -x sleep"] {
        let (_lab, host) = host();
        // An interval that no test would wait for: only a run out of turn can see the change.
        let script = format!("vrrp_script chk {{\nscript \"{check}\"\ninterval 1000\nweight 2\n}}\n");
        let daemon = start(&host, &script, "track_script {\nchk\n}");
        wait_for(&daemon, "VRRP_Script(chk) failed");
        let sleeper = host.spawn(Cmd::new("sleep").arg("1000")).unwrap();
        wait_for(&daemon, "Changing effective priority from 100 to 102");
        sleeper.signal(Signal::SIGKILL).unwrap();
        wait_for(&daemon, "Changing effective priority from 102 to 100");
    }
}

#[test]
fn a_tracked_process_counts_by_its_quorum() {
    let (_lab, host) = host();
    let process = "vrrp_track_process two {\nprocess sleep\nquorum 2\nweight 10\n}\n\
                   vrrp_track_process none {\nprocess \"sleep\" 77\nquorum_max 0\n}\n";
    let daemon = start(&host, process, "track_process {\ntwo\nnone\n}");
    wait_for(&daemon, "Quorum lost for tracked process two");
    wait_for(&daemon, "Entering MASTER STATE");
    let first = host.spawn(Cmd::new("sleep").arg("1000")).unwrap();
    let _second = host.spawn(Cmd::new("sleep").arg("1001")).unwrap();
    wait_for(&daemon, "Changing effective priority from 100 to 110");
    first.signal(Signal::SIGKILL).unwrap();
    wait_for(&daemon, "Changing effective priority from 110 to 100");
    let unwanted = host.spawn(Cmd::new("sleep").arg("77")).unwrap();
    wait_for(&daemon, "Entering FAULT STATE");
    unwanted.signal(Signal::SIGKILL).unwrap();
    wait::until_true("master again", PATIENCE, || daemon.log().matches("Entering MASTER STATE").count() == 2)
        .unwrap();
}

#[test]
fn the_number_of_a_tracked_file_moves_the_priority_and_may_be_a_fault() {
    let (_lab, host) = host();
    let file = "track_file load {\nfile \"/run/load\"\nweight -2\ninit_file 3\n}\n";
    let daemon = start(&host, file, "track_file {\nload\n}");
    wait_for(&daemon, "Changing effective priority from 100 to 94");
    assert_eq!(host.read("/run/load").unwrap().trim(), "3");
    host.sh("echo 5 > /run/load").unwrap();
    wait_for(&daemon, "Changing effective priority from 94 to 90");
    // As editors do it: another file takes its place.
    host.sh("echo 200 > /run/new; mv /run/new /run/load").unwrap();
    wait_for(&daemon, "entering FAULT state (file load says so)");
    host.sh("rm /run/load").unwrap();
    wait_for(&daemon, "Changing effective priority from 90 to 100");
    wait_for(&daemon, "Entering MASTER STATE");
}
