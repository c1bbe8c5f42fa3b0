//! The fence: what happens to the address when vrrpd dies without a word or is stopped, and when even the companion
//! that watches over it is killed.

use std::{net::IpAddr, time::Duration};

use e2e::{
    daemon::{Daemon, Program},
    netns::{Host, Lab, Signal},
    wait,
};

/// A bound for "it hangs", not a measure.
const PATIENCE: Duration = Duration::from_secs(30);
const CONF: &str = "/etc/keepalived/keepalived.conf";
const COMPANION: &str = "vip-fence";

struct One {
    _lab: Lab,
    host: Host,
}

impl One {
    fn new() -> One {
        let lab = Lab::new().unwrap();
        let host = lab.host("h", "10.9.0.1/24").unwrap();
        One { _lab: lab, host }
    }

    /// Started and master, with the companion at its side.
    fn master(&self, globals: &str) -> Daemon {
        let config = format!(
            "global_defs {{\n{globals}\n}}\nvrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\n\
             version 3\nadvert_int 0.1\nvirtual_ipaddress {{\n10.9.0.100\n}}\n}}\n"
        );
        self.host.write(CONF, config).unwrap();
        let daemon = Daemon::start(&self.host, Program::Vrrpd, ["-n", "-l", "-D", "-P"]).unwrap();
        daemon.wait_for_line("VI_1) Entering MASTER STATE", PATIENCE).unwrap();
        self.wait(true);
        daemon
    }

    fn wait(&self, there: bool) {
        let address: IpAddr = "10.9.0.100".parse().unwrap();
        let what = format!("the address is {}", if there { "there" } else { "gone" });
        wait::until_true(&what, PATIENCE, || self.host.holds(address).unwrap() == there).unwrap();
    }

    fn wait_for_companions(&self, count: usize) {
        let what = format!("{count} companions");
        wait::until_true(&what, PATIENCE, || self.host.pids(COMPANION).unwrap().len() == count).unwrap();
    }

    /// The parent is held still first: it must neither start another child nor end this one in good order.
    fn kill_silently(&self, daemon: &Daemon) {
        daemon.signal(Signal::SIGSTOP).unwrap();
        for pid in self.host.pids("keepalived").unwrap().into_iter().rev() {
            self.host.signal(pid, Signal::SIGKILL).unwrap();
        }
    }
}

#[test]
fn after_a_silent_death_the_companion_takes_the_address_off_and_goes() {
    let one = One::new();
    let daemon = one.master("");
    one.wait_for_companions(1);
    one.kill_silently(&daemon);
    one.wait(false);
    one.wait_for_companions(0);
}

#[test]
fn a_stopped_process_loses_the_address_and_wins_it_again_when_it_goes_on() {
    let one = One::new();
    let daemon = one.master("");
    let all = one.host.pids("keepalived").unwrap();
    for pid in &all {
        one.host.signal(*pid, Signal::SIGSTOP).unwrap();
    }
    one.wait(false);
    for pid in &all {
        one.host.signal(*pid, Signal::SIGCONT).unwrap();
    }
    one.wait(true);
    assert!(daemon.stop().is_ok());
    one.wait(false);
    one.wait_for_companions(0);
}

#[test]
fn a_companion_that_was_killed_is_started_again_and_a_restart_heals_when_both_were() {
    let one = One::new();
    let daemon = one.master("");
    one.wait_for_companions(1);
    let first = one.host.pids(COMPANION).unwrap();
    one.host.signal(first[0], Signal::SIGKILL).unwrap();
    wait::until_true("another companion", PATIENCE, || {
        let now = one.host.pids(COMPANION).unwrap();
        now.len() == 1 && now != first
    })
    .unwrap();
    // All at once: nobody is left to take the address off.
    let companion = one.host.pids(COMPANION).unwrap()[0];
    one.host.signal(companion, Signal::SIGSTOP).unwrap();
    one.kill_silently(&daemon);
    one.host.signal(companion, Signal::SIGKILL).unwrap();
    assert!(one.host.holds("10.9.0.100".parse().unwrap()).unwrap());
    daemon.process().wait(PATIENCE).unwrap();
    let again = one.master("");
    assert!(again.log().contains("Entering BACKUP STATE (init)"));
    assert!(again.stop().is_ok());
    one.wait(false);
}

#[test]
fn without_a_fence_there_is_no_companion() {
    let one = One::new();
    let _daemon = one.master("fence_on_death off\nfence_on_silence off");
    one.wait_for_companions(0);
}
