//! vrrpd and keepalived as the two routers of one address, in both roles, version 2 and 3, multicast and
//! unicast: who is master, who takes over, and how fast.

use std::time::{Duration, Instant};

use e2e::{
    daemon::{Daemon, Program},
    netns::{Host, Lab},
    wait,
};

/// A bound for "it hangs", not a measure.
const PATIENCE: Duration = Duration::from_secs(30);
const VIP: &str = "10.9.0.100";
const VIP6: &str = "fe80::9:100";

/// One way to configure both routers.
#[derive(Clone, Copy)]
struct Way {
    /// Lines of the instance, the same on both.
    both: &'static str,
    /// Unicast between the two.
    unicast: bool,
    family: Family,
}

/// The family that adverts travel over, and with it the addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

const V2: Way = Way { both: "version 2\nadvert_int 1", unicast: false, family: Family::V4 };
const V2_PASS: Way = Way {
    both: "version 2\nauthentication {\nauth_type PASS\nauth_pass secret\n}",
    unicast: false,
    family: Family::V4,
};
const V3: Way = Way { both: "version 3\nadvert_int 0.2", unicast: false, family: Family::V4 };
const V3_UNICAST: Way = Way { both: "version 3\nadvert_int 0.2", unicast: true, family: Family::V4 };
const V2_UNICAST: Way = Way { both: "version 2", unicast: true, family: Family::V4 };

const V2_AH: Way = Way {
    both: "version 2\nauthentication {\nauth_type AH\nauth_pass secret\n}",
    unicast: false,
    family: Family::V4,
};
const V3_AS_V2: Way =
    Way { both: "version 3\nadvert_int 0.2\nv3_checksum_as_v2", unicast: false, family: Family::V4 };
/// The other family rides along, unadvertised.
const V6: Way = Way {
    both: "version 3\nadvert_int 0.2\nvirtual_ipaddress_excluded {\n10.9.0.101\n}",
    unicast: false,
    family: Family::V6,
};
const V6_UNICAST: Way = Way { both: "version 3\nadvert_int 0.2", unicast: true, family: Family::V6 };

fn config(way: Way, priority: u8, own: &str, peer: &str) -> String {
    let unicast = match (way.unicast, way.family) {
        (false, _) => String::new(),
        (true, Family::V4) => format!("unicast_peer {{\n{peer}\n}}\n"),
        (true, Family::V6) => format!("unicast_src_ip {own}\nunicast_peer {{\n{peer}\n}}\n"),
    };
    let vip = way.vip();
    format!(
        "vrrp_instance VI_1 {{\ninterface eth0\nstate BACKUP\nvirtual_router_id 51\npriority {priority}\n{}\n\
         {unicast}virtual_ipaddress {{\n{vip}\n}}\n}}\n",
        way.both
    )
}

impl Way {
    fn vip(self) -> &'static str {
        if self.family == Family::V4 { VIP } else { VIP6 }
    }

    fn hosts(self) -> [&'static str; 2] {
        match self.family {
            Family::V4 => ["10.9.0.1", "10.9.0.2"],
            Family::V6 => ["fd00:9::1", "fd00:9::2"],
        }
    }
}

struct Routers {
    way: Way,
    hosts: [Host; 2],
    programs: [Program; 2],
    _lab: Lab,
}

impl Routers {
    /// The first has the higher priority.
    fn new(programs: [Program; 2], way: Way) -> Routers {
        let lab = Lab::new().unwrap();
        let hosts = [lab.host("a", "10.9.0.1/24").unwrap(), lab.host("b", "10.9.0.2/24").unwrap()];
        let own = way.hosts();
        for (host, at) in hosts.iter().zip(0..) {
            if way.family == Family::V6 {
                host.add_address("eth0", &format!("{}/64", own[at])).unwrap();
            }
            let text = config(way, [110, 100][at], own[at], own[1 - at]);
            host.write("/etc/keepalived/keepalived.conf", text).unwrap();
        }
        if way.family == Family::V6 {
            // Duplicate address detection must end before anything can be sent from them.
            let usable = |h: &Host| {
                h.addresses("eth0").is_ok_and(|a| a.iter().filter(|a| a.address.is_ipv6()).count() > 1)
            };
            wait::until_true("link-local addresses", PATIENCE, || hosts.iter().all(usable)).unwrap();
            std::thread::sleep(Duration::from_secs(2));
        }
        Routers { way, hosts, programs, _lab: lab }
    }

    fn start(&self, at: usize) -> Daemon {
        Daemon::start(&self.hosts[at], self.programs[at], ["-n", "-l", "-D", "-P"]).unwrap()
    }

    fn holders(&self) -> Vec<usize> {
        (0..2).filter(|h| self.hosts[*h].holds(self.way.vip().parse().unwrap()).unwrap()).collect()
    }

    fn wait_for_only(&self, at: usize, daemons: &[&Daemon]) {
        let what = format!("only {at} holds the address");
        if let Err(e) = wait::until_true(&what, PATIENCE, || self.holders() == [at]) {
            let logs: Vec<String> = daemons.iter().map(|d| d.log()).collect();
            panic!("{e}; the logs:\n{}", logs.join("\n----\n"));
        }
    }
}

/// Start, stop and return of the better router; the silent death of it; the reload of both.
fn elect(programs: [Program; 2], way: Way) {
    let r = Routers::new(programs, way);
    let a = r.start(0);
    let b = r.start(1);
    a.wait_for_line("VI_1) Entering MASTER STATE", PATIENCE).unwrap();
    r.wait_for_only(0, &[&a, &b]);

    a.stop().unwrap();
    b.wait_for_line("VI_1) Entering MASTER STATE", PATIENCE).unwrap();
    r.wait_for_only(1, &[&a, &b]);

    let a = r.start(0);
    r.wait_for_only(0, &[&a, &b]);
    b.wait_for_line("with higher priority 110, ours 100", PATIENCE).unwrap();

    // Pulled out of the switch it hears nothing and is not heard; back in, the better one has it again.
    r.hosts[0].plug(false).unwrap();
    wait::until_true("the other takes over", PATIENCE, || r.holders().contains(&1)).unwrap();
    r.hosts[0].plug(true).unwrap();
    r.wait_for_only(0, &[&a, &b]);
    // Keepalived numbers what it sends on from what it heard, so that with the authentication header adverts that
    // cross at a change of roles are replays to it.
    let logs = a.log() + &b.log();
    assert!(!logs.lines().any(|l| l.contains("dropped") && !l.contains("already processed")), "{logs}");
}

const OURS_BETTER: [Program; 2] = [Program::Vrrpd, Program::Keepalived];
const THEIRS_BETTER: [Program; 2] = [Program::Keepalived, Program::Vrrpd];

#[test]
fn version_2_vrrpd_over_keepalived() {
    elect(OURS_BETTER, V2);
}

#[test]
fn version_2_keepalived_over_vrrpd() {
    elect(THEIRS_BETTER, V2);
}

#[test]
fn version_2_with_a_password_vrrpd_over_keepalived() {
    elect(OURS_BETTER, V2_PASS);
}

#[test]
fn version_2_with_a_password_keepalived_over_vrrpd() {
    elect(THEIRS_BETTER, V2_PASS);
}

#[test]
fn version_3_vrrpd_over_keepalived() {
    elect(OURS_BETTER, V3);
}

#[test]
fn version_3_keepalived_over_vrrpd() {
    elect(THEIRS_BETTER, V3);
}

#[test]
fn version_3_unicast_vrrpd_over_keepalived() {
    elect(OURS_BETTER, V3_UNICAST);
}

#[test]
fn version_3_unicast_keepalived_over_vrrpd() {
    elect(THEIRS_BETTER, V3_UNICAST);
}

#[test]
fn version_2_unicast_keepalived_over_vrrpd() {
    elect(THEIRS_BETTER, V2_UNICAST);
}

#[test]
fn version_2_with_an_authentication_header_vrrpd_over_keepalived() {
    elect(OURS_BETTER, V2_AH);
}

#[test]
fn version_2_with_an_authentication_header_keepalived_over_vrrpd() {
    elect(THEIRS_BETTER, V2_AH);
}

// Keepalived before 2.3 does not know the keyword, so that ours stand on both sides.
#[test]
fn version_3_with_the_checksum_of_version_2() {
    elect([Program::Vrrpd, Program::Vrrpd], V3_AS_V2);
}

#[test]
fn ipv6_vrrpd_over_keepalived() {
    elect(OURS_BETTER, V6);
}

#[test]
fn ipv6_keepalived_over_vrrpd() {
    elect(THEIRS_BETTER, V6);
}

#[test]
fn ipv6_unicast_vrrpd_over_keepalived() {
    elect(OURS_BETTER, V6_UNICAST);
}

#[test]
fn ipv6_unicast_keepalived_over_vrrpd() {
    elect(THEIRS_BETTER, V6_UNICAST);
}

#[test]
fn control_two_keepaliveds() {
    elect([Program::Keepalived; 2], V2);
}

#[test]
fn two_vrrpds() {
    elect([Program::Vrrpd; 2], V3);
}

/// A checksum that only one of them makes is refused by both: told, and two masters, as with two keepaliveds.
#[test]
fn version_3_without_pseudo_header_must_be_agreed() {
    let lab = Lab::new().unwrap();
    let hosts = [lab.host("a", "10.9.0.1/24").unwrap(), lab.host("b", "10.9.0.2/24").unwrap()];
    let plain =
        Way { both: "version 3\nadvert_int 0.2\nv3_checksum_as_v2", unicast: false, family: Family::V4 };
    hosts[0].write("/etc/keepalived/keepalived.conf", config(plain, 110, "", "")).unwrap();
    hosts[1].write("/etc/keepalived/keepalived.conf", config(V3, 100, "", "")).unwrap();
    let a = Daemon::start(&hosts[0], Program::Vrrpd, ["-n", "-l", "-P"]).unwrap();
    let b = Daemon::start(&hosts[1], Program::Vrrpd, ["-n", "-l", "-P"]).unwrap();
    a.wait_for_line("checksum is wrong", PATIENCE).unwrap();
    b.wait_for_line("checksum is wrong", PATIENCE).unwrap();
    hosts[1].write("/etc/keepalived/keepalived.conf", config(plain, 100, "", "")).unwrap();
    b.signal(e2e::netns::Signal::SIGHUP).unwrap();
    let holders = || hosts.iter().filter(|h| h.holds(VIP.parse().unwrap()).unwrap()).count();
    wait::until_true("one of them yields", PATIENCE, || holders() == 1).unwrap();
}

/// The outage when the master dies is that of keepalived: three intervals and the skew.
#[test]
fn a_silent_death_costs_three_intervals_and_the_skew() {
    let r = Routers::new(OURS_BETTER, V3);
    let a = r.start(0);
    let b = r.start(1);
    r.wait_for_only(0, &[&a, &b]);
    // The parent is held still first: the child must not learn of its death and say good-bye. So is the fencing
    // companion, which would say it.
    a.signal(e2e::netns::Signal::SIGSTOP).unwrap();
    for pid in r.hosts[0].pids("vip-fence").unwrap() {
        r.hosts[0].signal(pid, e2e::netns::Signal::SIGSTOP).unwrap();
    }
    for pid in r.hosts[0].pids("keepalived").unwrap().into_iter().rev() {
        r.hosts[0].signal(pid, e2e::netns::Signal::SIGKILL).unwrap();
    }
    let died = Instant::now();
    wait::until_true("the other takes over", PATIENCE, || r.holders().contains(&1)).unwrap();
    // 0.4 s after the last advert at the least: two more intervals would have to come in time.
    assert!(died.elapsed() > Duration::from_millis(300), "{:?}", died.elapsed());
}
