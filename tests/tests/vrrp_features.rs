//! What vrrpd does on one host: addresses, scripts, notification, reload, dumps, and how its processes die.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use e2e::{
    daemon::{Daemon, Program},
    netns::{Cmd, Exit, Host, Lab, Signal},
    wait,
    watch::AddressWatch,
};

/// A bound for "it hangs", not a measure.
const PATIENCE: Duration = Duration::from_secs(30);
const CONF: &str = "/etc/keepalived/keepalived.conf";
const ARGS: [&str; 4] = ["-n", "-l", "-D", "-P"];

/// Fast, so that the tests are; the timers are tested on a virtual clock.
fn instance(body: &str, vips: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\npriority 100\nversion 3\nadvert_int 0.1\n\
         {body}\nvirtual_ipaddress {{\n{vips}\n}}\n}}\n"
    )
}

fn globals() -> String {
    "global_defs {\nscript_user root\nenable_script_security\n}\n".into()
}

struct One {
    host: Host,
    _lab: Lab,
}

impl One {
    fn new(config: &str) -> One {
        let lab = Lab::new().unwrap();
        let host = lab.host("h", "10.9.0.1/24").unwrap();
        host.write(CONF, config).unwrap();
        One { host, _lab: lab }
    }

    fn start(&self) -> Daemon {
        Daemon::start(&self.host, Program::Vrrpd, ARGS).unwrap()
    }

    /// Started and master.
    fn master(&self) -> Daemon {
        let daemon = self.start();
        daemon.wait_for_line("VI_1) Entering MASTER STATE", PATIENCE).unwrap();
        self.wait(true, "10.9.0.100");
        daemon
    }

    fn wait(&self, there: bool, address: &str) {
        let address: IpAddr = address.parse().unwrap();
        let what = format!("{address} {}", if there { "is there" } else { "is gone" });
        wait::until_true(&what, PATIENCE, || self.host.holds(address).unwrap() == there).unwrap();
    }

    fn wait_for_text(&self, path: &str, part: &str) -> String {
        let read = || self.host.read(path).ok().filter(|t| t.contains(part));
        wait::until(&format!("`{part}` in {path}"), PATIENCE, read).unwrap()
    }

    /// A program of the host that appends its arguments to /run/notified.
    fn notifier(&self) {
        self.host.write("/etc/keepalived/n", "#!/bin/sh\necho \"$@\" >> /run/notified\n").unwrap();
        self.host.permissions("/etc/keepalived/n", 0o755, None).unwrap();
    }
}

#[test]
fn addresses_have_the_prefix_scope_label_broadcast_and_origin_that_are_written() {
    let one = One::new(&instance(
        "",
        "10.9.0.100\n10.9.0.101/24 brd 10.9.0.255 label eth0:vip\n10.9.0.102 scope link",
    ));
    let daemon = one.master();
    one.wait(true, "10.9.0.102");
    let all = one.host.addresses("eth0").unwrap();
    let of = |last: u8| all.iter().find(|a| a.address == IpAddr::from([10, 9, 0, last])).unwrap();
    assert_eq!((of(100).prefix_len, of(100).scope.as_str(), of(100).broadcast), (32, "global", None));
    assert!(of(100).protocol.is_none_or(|p| p == 18), "{:?}", of(100));
    let second = of(101);
    assert_eq!((second.prefix_len, second.label.as_deref()), (24, Some("eth0:vip")));
    assert_eq!(second.broadcast.map(|b| b.octets()), Some([10, 9, 0, 255]));
    assert_eq!(of(102).scope, "link");
    assert_eq!(daemon.stop().unwrap(), Exit::Code(0));
    assert_eq!(one.host.addresses("eth0").unwrap().iter().filter(|a| a.address.is_ipv4()).count(), 1);
}

#[test]
fn an_unweighted_script_that_fails_gives_the_address_back() {
    let script = "vrrp_script chk {\nscript \"/usr/bin/test -e /run/ok\"\ninterval 0.1\nfall 2\n}\n";
    let one = One::new(&(globals() + script + &instance("track_script {\nchk\n}", "10.9.0.100")));
    let daemon = one.start();
    daemon.wait_for_line("VRRP_Script(chk) failed (exited with status 1)", PATIENCE).unwrap();
    daemon.wait_for_line("VI_1) Entering FAULT STATE", PATIENCE).unwrap();
    one.host.write("/run/ok", "").unwrap();
    daemon.wait_for_line("VRRP_Script(chk) succeeded", PATIENCE).unwrap();
    one.wait(true, "10.9.0.100");
    one.host.remove("/run/ok").unwrap();
    one.wait(false, "10.9.0.100");
}

#[test]
fn a_hanging_script_is_killed_with_all_its_processes_and_holds_nothing_up() {
    let script =
        "vrrp_script chk {\nscript \"/bin/sh -c 'sleep 1000; :'\"\ninterval 1\ntimeout 1\nweight -10\n}\n";
    let one = One::new(&(globals() + script + &instance("track_script {\nchk\n}", "10.9.0.100")));
    let daemon = one.master();
    daemon.wait_for_line("VRRP_Script(chk) timed_out", PATIENCE).unwrap();
    daemon.wait_for_line("Changing effective priority from 100 to 90", PATIENCE).unwrap();
    // Each run leaves nothing behind: one may be alive at a time.
    assert!(one.host.pids("sleep").unwrap().len() <= 1);
    assert_eq!(daemon.log().matches("Entering MASTER STATE").count(), 1);
    daemon.stop().unwrap();
    wait::until_true("its runs are gone", PATIENCE, || one.host.pids("sleep").unwrap().is_empty()).unwrap();
}

#[test]
fn pkill_0_finds_a_process_by_name() {
    let script = "vrrp_script chk {\nscript \"pkill -0 sleep\"\ninterval 0.1\nweight 2\n}\n";
    let one = One::new(&(globals() + script + &instance("track_script {\nchk\n}", "10.9.0.100")));
    let daemon = one.start();
    daemon.wait_for_line("VRRP_Script(chk) failed", PATIENCE).unwrap();
    let sleeper = one.host.spawn(Cmd::new("sleep").arg("1000")).unwrap();
    daemon.wait_for_line("Changing effective priority from 100 to 102", PATIENCE).unwrap();
    sleeper.signal(Signal::SIGKILL).unwrap();
    daemon.wait_for_line("Changing effective priority from 102 to 100", PATIENCE).unwrap();
}

#[test]
fn a_tracked_interface_that_goes_down_is_fault() {
    let one = One::new(&instance("track_interface {\neth1\n}", "10.9.0.100"));
    one.host
        .sh("ip link add eth1 type veth peer name eth2 && ip link set eth1 up && ip link set eth2 up")
        .unwrap();
    let daemon = one.master();
    one.host.link("eth1", false).unwrap();
    daemon.wait_for_line("tracked interface eth1 down", PATIENCE).unwrap();
    one.wait(false, "10.9.0.100");
    one.host.link("eth1", true).unwrap();
    one.wait(true, "10.9.0.100");
}

#[test]
fn notify_scripts_and_the_fifo_are_told_in_keepaliveds_words() {
    let notify = "notify \"/etc/keepalived/n any\"\nnotify_master \"/etc/keepalived/n master now\"\n\
                  notify_stop \"/etc/keepalived/n stop\"";
    let fifo = "global_defs {\nscript_user root\nenable_script_security\nvrrp_notify_fifo /run/fifo\n}\n";
    let one = One::new(&(fifo.to_owned() + &instance(notify, "10.9.0.100")));
    one.notifier();
    one.host.sh("mkfifo /run/fifo && (timeout 60 cat /run/fifo > /run/lines &) >/dev/null 2>&1").unwrap();
    let daemon = one.master();
    one.wait_for_text("/run/notified", "any INSTANCE VI_1 MASTER 100");
    let text = one.wait_for_text("/run/notified", "master now\n");
    assert!(text.contains("any INSTANCE VI_1 BACKUP 100"), "{text}");
    daemon.stop().unwrap();
    one.wait_for_text("/run/notified", "any INSTANCE VI_1 STOP 100");
    let lines = one.wait_for_text("/run/lines", "STOP");
    // The link may come up a moment after the start; that is a FAULT first.
    let told = "INSTANCE \"VI_1\" BACKUP 100\nINSTANCE \"VI_1\" MASTER 100\nINSTANCE \"VI_1\" STOP 100\n";
    assert!(lines.ends_with(told), "{lines}");
}

#[test]
fn a_reload_keeps_the_address_and_applies_the_difference() {
    let one = One::new(&instance("", "10.9.0.100\n10.9.0.101"));
    let daemon = one.master();
    one.wait(true, "10.9.0.101");
    let watch = AddressWatch::start(&one.host).unwrap();
    one.host.write(CONF, instance("", "10.9.0.100\n10.9.0.102")).unwrap();
    daemon.signal(Signal::SIGHUP).unwrap();
    one.wait(true, "10.9.0.102");
    one.wait(false, "10.9.0.101");
    daemon.wait_for_line("Reload complete", PATIENCE).unwrap();
    let kept: IpAddr = "10.9.0.100".parse().unwrap();
    assert!(watch.changes().iter().all(|c| c.address != kept), "{:?}", watch.changes());
    assert_eq!(daemon.log().matches("Entering MASTER STATE").count(), 1);
}

#[test]
fn a_broken_file_is_told_with_its_place_and_the_old_configuration_stays() {
    let one = One::new(&instance("", "10.9.0.100"));
    let daemon = one.master();
    one.host.write(CONF, instance("", "10.9.0.100").replace("eth0", "nope0")).unwrap();
    daemon.signal(Signal::SIGHUP).unwrap();
    daemon.wait_for_line("the old configuration stays in force", PATIENCE).unwrap();
    assert!(daemon.log().contains(&format!("({CONF}: Line 2)")), "{}", daemon.log());
    one.host.remove(CONF).unwrap();
    daemon.signal(Signal::SIGHUP).unwrap();
    let twice = || (daemon.log().matches("old configuration stays").count() == 2).then_some(());
    daemon.while_running("told again", PATIENCE, twice).unwrap();
    assert!(one.host.holds("10.9.0.100".parse().unwrap()).unwrap());
}

#[test]
fn dumps_are_written_on_signals() {
    let one = One::new(&instance("", "10.9.0.100"));
    let daemon = one.master();
    daemon.signal(Signal::SIGUSR1).unwrap();
    one.wait_for_text("/tmp/keepalived.data", "State = MASTER");
    one.wait_for_text("/tmp/keepalived_parent.data", CONF);
    daemon.signal(Signal::SIGUSR2).unwrap();
    one.wait_for_text("/tmp/keepalived.stats", "Became master: 1");
    // SIGRTMIN+2, as `--signum=JSON` says.
    let path = Program::Vrrpd.called("keepalived", one.host.work()).unwrap();
    let number = one.host.exec(Cmd::new(path).arg("--signum=JSON")).unwrap().stdout;
    one.host.sh(&format!("kill -{} {}", number.trim(), daemon.pid())).unwrap();
    one.wait_for_text("/tmp/keepalived.json", "\"iname\":\"VI_1\"");
}

#[test]
fn a_stale_address_is_removed_at_start_and_won_again() {
    let off = "global_defs {\nfence_on_death off\nfence_on_silence off\n}\n".to_owned();
    let one = One::new(&(off + &instance("", "10.9.0.100")));
    let daemon = one.master();
    // The parent is held still first: it must neither start another child nor end this one in good order.
    daemon.signal(Signal::SIGSTOP).unwrap();
    for pid in one.host.pids("keepalived").unwrap().into_iter().rev() {
        one.host.signal(pid, Signal::SIGKILL).unwrap();
    }
    daemon.process().wait(PATIENCE).unwrap();
    assert!(one.host.holds("10.9.0.100".parse().unwrap()).unwrap(), "without a fence kill -9 leaves it");
    let watch = AddressWatch::start(&one.host).unwrap();
    let since = Instant::now();
    let again = one.start();
    let removed = watch.wait_for("10.9.0.100".parse().unwrap(), false, since, PATIENCE);
    assert!(removed.is_ok(), "{}", again.log());
    again.wait_for_line("VI_1) Entering MASTER STATE", PATIENCE).unwrap();
    one.wait(true, "10.9.0.100");
}

#[test]
fn a_vrrp_process_that_dies_is_started_again() {
    let one = One::new(&instance("", "10.9.0.100"));
    let daemon = one.master();
    let child: i32 = one.host.read("/run/keepalived_vrrp.pid").unwrap().trim().parse().unwrap();
    assert_ne!(child, daemon.pid());
    one.host.signal(child, Signal::SIGKILL).unwrap();
    let twice = || (daemon.log().matches("Entering MASTER STATE").count() == 2).then_some(());
    daemon.while_running("master again", PATIENCE, twice).unwrap();
}

#[test]
fn a_vrrp_process_whose_parent_dies_resigns() {
    let one = One::new(&instance("", "10.9.0.100"));
    let daemon = one.master();
    daemon.signal(Signal::SIGKILL).unwrap();
    one.wait(false, "10.9.0.100");
    wait::until_true("it is gone", PATIENCE, || one.host.pids("keepalived").unwrap().is_empty()).unwrap();
    assert!(daemon.log().contains("sent 0 priority"), "{}", daemon.log());
}

#[test]
fn an_address_that_somebody_removes_is_won_again() {
    let one = One::new(&instance("", "10.9.0.100"));
    let daemon = one.master();
    one.host.del_address("eth0", "10.9.0.100/32").unwrap();
    daemon.wait_for_line("removed from the interface by somebody else", PATIENCE).unwrap();
    one.wait(true, "10.9.0.100");
}

#[test]
fn a_second_daemon_is_told_that_one_runs() {
    let one = One::new(&instance("", "10.9.0.100"));
    let daemon = one.master();
    let path = Program::Vrrpd.called("keepalived", one.host.work()).unwrap();
    let out = one.host.exec(Cmd::new(path).args(["-n", "-l"])).unwrap();
    assert_eq!(out.exit, Exit::Code(1));
    assert!(out.stderr.contains(&format!("already running (pid {})", daemon.pid())), "{}", out.stderr);
    assert!(one.host.holds("10.9.0.100".parse().unwrap()).unwrap());
}

#[test]
fn yaml_of_a_configuration_runs_like_the_configuration() {
    let one = One::new(&instance("", "10.9.0.100"));
    let path = Program::Vrrpd.called("keepalived", one.host.work()).unwrap();
    let out = one.host.exec(Cmd::new(&path).args(["--dump=yaml", "-f", CONF])).unwrap();
    assert_eq!(out.exit, Exit::Code(0), "{}", out.stderr);
    one.host.write("/etc/keepalived/k.yaml", &out.stdout).unwrap();
    let again = one.host.exec(Cmd::new(&path).args(["--dump=yaml", "-f", "/etc/keepalived/k.yaml"])).unwrap();
    assert_eq!(again.stdout, out.stdout);
    let daemon =
        Daemon::start(&one.host, Program::Vrrpd, ["-n", "-l", "-f", "/etc/keepalived/k.yaml"]).unwrap();
    daemon.wait_for_line("VI_1) Entering MASTER STATE", PATIENCE).unwrap();
    one.wait(true, "10.9.0.100");
}

#[test]
fn gratuitous_arp_moves_the_address_in_a_neighbours_cache() {
    let lab = Lab::new().unwrap();
    let hosts = [lab.host("a", "10.9.0.1/24").unwrap(), lab.host("b", "10.9.0.2/24").unwrap()];
    let client = lab.host("c", "10.9.0.3/24").unwrap();
    for (host, priority) in hosts.iter().zip(["120", "100"]) {
        host.write(CONF, instance("", "10.9.0.100").replace("priority 100", &format!("priority {priority}")))
            .unwrap();
    }
    let a = Daemon::start(&hosts[0], Program::Vrrpd, ARGS).unwrap();
    let _b = Daemon::start(&hosts[1], Program::Vrrpd, ARGS).unwrap();
    a.wait_for_line("Entering MASTER STATE", PATIENCE).unwrap();
    let mac = |host: &Host| host.sh("cat /sys/class/net/eth0/address").unwrap().trim().to_owned();
    let seen = || client.sh("ip neigh show 10.9.0.100").unwrap_or_default();
    // Nobody listens; the attempt alone makes the client ask for the address.
    let reaches = || client.tcp_connect("10.9.0.100:9").is_err();
    wait::until_true("the client knows the first", PATIENCE, || {
        reaches() && seen().contains(&mac(&hosts[0]))
    })
    .unwrap();
    a.stop().unwrap();
    // No packet of the client's in between: the announcement alone moves it.
    wait::until_true("the client knows the second", PATIENCE, || seen().contains(&mac(&hosts[1]))).unwrap();
}
