//! What `deploy/` gives to people: units that systemd accepts, examples that run.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e::daemon::{Daemon, Program};
use e2e::netns::{Cmd, Exit, Host, Lab, Signal};
use e2e::pair::examples;

#[test]
fn systemd_accepts_the_units() {
    let work = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    for (unit, program) in [("lbproxy.service", Program::Lbproxy), ("vrrpd.service", Program::Vrrpd)] {
        let text = fs::read_to_string(examples().join("../systemd").join(unit)).unwrap();
        // The unit names the installed program; here it is where it was built.
        let name = program.traditional_name();
        let installed = format!("/usr/local/lib/{}/{name}", program.name());
        assert!(text.contains(&format!("ExecStart={installed} ")), "{unit} must run {installed}");
        let here = program.called(name, work.path()).unwrap();
        let path = work.path().join(unit);
        fs::write(&path, text.replace(&installed, &here.to_string_lossy())).unwrap();
        units.push(path);
    }
    let out = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&units).output();
    let out = out.expect("systemd-analyze is needed: apt-get install systemd");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let about_ours: Vec<&str> =
        said.lines().filter(|l| l.contains("lbproxy") || l.contains("vrrpd")).collect();
    assert!(out.status.success() && about_ours.is_empty(), "{said}");
}

/// A host with everything the examples name, and the examples in their places.
fn host_with_examples(lab: &Lab) -> Host {
    let host = lab.host("host1", "192.0.2.2/24").unwrap();
    for (from, to) in [
        ("pair/haproxy.cfg", "/etc/haproxy/pair.cfg"),
        ("pair/stats.cfg", "/etc/haproxy/stats.cfg"),
        ("openstack/haproxy.cfg", "/etc/haproxy/openstack.cfg"),
        ("pair/host1.keepalived.conf", "/etc/keepalived/host1.conf"),
        ("pair/host2.keepalived.conf", "/etc/keepalived/host2.conf"),
        ("openstack/keepalived.conf", "/etc/keepalived/openstack.conf"),
    ] {
        host.write(to, fs::read(examples().join(from)).unwrap()).unwrap();
    }
    let key = rcgen::generate_simple_self_signed(vec!["horizon.example.com".to_string()]).unwrap();
    let pem = format!("{}{}", key.cert.pem(), key.signing_key.serialize_pem());
    host.write("/etc/haproxy/certs/openstack.pem", pem).unwrap();
    host
}

fn lab() -> Lab {
    Lab::builder().name("192.0.2.10".parse().unwrap(), "horizon.example.com").build().unwrap()
}

fn check(host: &Host, program: Program, args: &[&str]) {
    check_exit(host, program, args, Exit::Code(0));
}

/// The document's files run a script by a bare name as root: served, and said to be unsafe with
/// keepalived's own exit code for that.
const SCRIPT_SECURITY: Exit = Exit::Code(6);

fn check_keepalived_examples(host: &Host, program: Program) {
    for (file, exit) in [("host1", SCRIPT_SECURITY), ("host2", SCRIPT_SECURITY), ("openstack", Exit::Code(0))]
    {
        check_exit(host, program, &["-t", "-f", &format!("/etc/keepalived/{file}.conf")], exit);
    }
}

fn check_exit(host: &Host, program: Program, args: &[&str], exit: Exit) {
    let out = host
        .exec(Cmd::new(program.called(program.traditional_name(), host.work()).unwrap()).args(args))
        .unwrap();
    assert_eq!(out.exit, exit, "{} {args:?}\n{}{}", program.name(), out.stdout, out.stderr);
}

#[test]
fn control_the_examples_are_good_to_haproxy_and_keepalived() {
    let lab = lab();
    let host = host_with_examples(&lab);
    check(&host, Program::Haproxy, &["-c", "-f", "/etc/haproxy/openstack.cfg"]);
    check(&host, Program::Haproxy, &["-c", "-f", "/etc/haproxy/stats.cfg"]);
    check_keepalived_examples(&host, Program::Keepalived);
}

#[test]
fn the_examples_are_good_to_lbproxy() {
    let lab = lab();
    let host = host_with_examples(&lab);
    check(&host, Program::Lbproxy, &["-c", "-f", "/etc/haproxy/pair.cfg"]);
    check(&host, Program::Lbproxy, &["-c", "-f", "/etc/haproxy/pair.cfg", "-f", "/etc/haproxy/stats.cfg"]);
    check(&host, Program::Lbproxy, &["-c", "-f", "/etc/haproxy/openstack.cfg"]);
}

#[test]
fn the_examples_are_good_to_vrrpd() {
    let lab = lab();
    let host = host_with_examples(&lab);
    check_keepalived_examples(&host, Program::Vrrpd);
}

#[test]
fn the_openstack_example_serves_every_address_by_tls() {
    let lab = lab();
    let host = host_with_examples(&lab);
    let client = lab.host("client", "192.0.2.200/24").unwrap();
    let controllers = ["198.51.100.11", "198.51.100.12"].map(|a| {
        let c = lab.host(&format!("c{}", &a[11..]), &format!("{a}/24")).unwrap();
        e2e::origin::Origin::start(a, c.tcp_listen("0.0.0.0:8774").unwrap()).unwrap()
    });
    host.add_address("eth0", "198.51.100.1/24").unwrap();
    for last in 10..20 {
        host.add_address("eth0", &format!("192.0.2.{last}/24")).unwrap();
    }
    let path = Program::Lbproxy.called("haproxy", host.work()).unwrap();
    let out = host.exec(Cmd::new(path).args(["-f", "/etc/haproxy/openstack.cfg"])).unwrap();
    assert_eq!(out.exit, Exit::Code(0), "{}{}", out.stdout, out.stderr);

    let get = "curl -sk -D - --max-time 20 https://192.0.2.13/ -H 'Host: nova'";
    let answer = e2e::wait::until("an answer through TLS", Duration::from_secs(30), || {
        client.sh(get).ok().filter(|a| a.starts_with("HTTP/1.1 200"))
    });
    let answer = answer.unwrap_or_else(|e| panic!("{e}\n{:?}", client.exec(Cmd::shell(get))));
    assert!(answer.contains("SERVERID=novaapi"), "{answer}");
    let seen: Vec<_> = controllers.iter().flat_map(|o| o.requests_for("/")).collect();
    let request = seen.iter().find(|r| r.header("host") == Some("nova")).expect("one controller was asked");
    assert_eq!(request.header("x-forwarded-protocol"), Some("https"));
    assert_eq!(request.header("x-forwarded-for"), Some("192.0.2.200"));
}

#[test]
fn examples_name_nothing_of_one_machine() {
    let sysctl =
        fs::read_to_string(Path::new(&examples()).join("../sysctl.d/60-shared-address.conf")).unwrap();
    assert!(sysctl.lines().any(|l| l.trim() == "net.ipv4.ip_nonlocal_bind = 1"));
}

/// The service manager's side of `sd_notify(3)`.
struct Manager {
    socket: std::os::unix::net::UnixDatagram,
    seen: Vec<String>,
}

impl Manager {
    const SOCKET: &str = "/run/notify";

    fn new(host: &Host) -> Manager {
        let socket = host.unix_datagram(Manager::SOCKET, 0o666).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Manager { socket, seen: Vec::new() }
    }

    /// Reads until a message has this line, and returns that message.
    fn hear(&mut self, line: &str) -> String {
        loop {
            let mut bytes = [0; 4096];
            let n = self
                .socket
                .recv(&mut bytes)
                .unwrap_or_else(|e| panic!("no {line}: {e}; heard {:?}", self.seen));
            let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
            self.seen.push(text.clone());
            if text.lines().any(|l| l == line) {
                return text;
            }
        }
    }
}

/// Ready, reload, stop, as the unit's `Type=notify` wants to hear it.
fn tells_the_service_manager(program: Program, args: &[&str], reload: Signal) {
    let lab = lab();
    let host = host_with_examples(&lab);
    let mut manager = Manager::new(&host);
    let path = program.called(program.traditional_name(), host.work()).unwrap();
    let daemon =
        Daemon::run(&host, program.name(), Cmd::new(path).args(args).env("NOTIFY_SOCKET", Manager::SOCKET));
    let daemon = daemon.unwrap();
    manager.hear("READY=1");
    daemon.signal(reload).unwrap();
    let word = manager.hear("RELOADING=1");
    assert!(
        word.lines().any(|l| l.starts_with("MONOTONIC_USEC=")),
        "systemd.service(5), notify-reload: {word}"
    );
    manager.hear("READY=1");
    daemon.signal(Signal::SIGTERM).unwrap();
    manager.hear("STOPPING=1");
    let exit = daemon.process().wait(Duration::from_secs(20));
    let clean = [Some(Exit::Code(0)), Some(Exit::Code(143)), Some(Exit::Signal(15))];
    assert!(clean.contains(&exit), "{exit:?}\n{}", daemon.log());
}

#[test]
fn vrrpd_tells_the_service_manager() {
    let args = ["--dont-fork", "--use-file", "/etc/keepalived/openstack.conf"];
    tells_the_service_manager(Program::Vrrpd, &args, Signal::SIGHUP);
}

#[test]
fn lbproxy_tells_the_service_manager() {
    tells_the_service_manager(Program::Lbproxy, &["-Ws", "-f", "/etc/haproxy/pair.cfg"], Signal::SIGUSR2);
}
