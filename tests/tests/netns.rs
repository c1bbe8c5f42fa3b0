//! The hosts that every other end-to-end test stands on.

use std::io::{Read, Write};
use std::time::Duration;

use e2e::netns::{Cmd, Exit, INTERFACE, Lab, Signal};

#[test]
fn hosts_talk_and_see_only_themselves() {
    let lab = Lab::new().unwrap();
    let a = lab.host("alpha", "10.7.0.1/24").unwrap();
    let b = lab.host("beta", "10.7.0.2/24").unwrap();
    assert_eq!(a.sh("hostname; cat /etc/hostname").unwrap(), "alpha\nalpha\n");

    let listener = b.tcp_listen("10.7.0.2:80").unwrap();
    let mut client = a.tcp_connect("10.7.0.2:80").unwrap();
    let (mut server, from) = listener.accept().unwrap();
    assert_eq!(from.ip(), a.address());
    client.write_all(b"ping").unwrap();
    let mut got = [0; 4];
    server.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"ping");

    let sleeper = a.spawn(Cmd::new("sleep").arg("600")).unwrap();
    assert_eq!(a.pids("sleep").unwrap(), [sleeper.pid]);
    assert!(b.pids("sleep").unwrap().is_empty(), "one host must not see the other's processes");
    assert!(a.exec(Cmd::shell("pkill -0 sleep")).unwrap().exit.success());
    assert_eq!(b.exec(Cmd::shell("pkill -0 sleep")).unwrap().exit, Exit::Code(1));
    sleeper.signal(Signal::SIGTERM).unwrap();
    assert_eq!(sleeper.wait(Duration::from_secs(10)), Some(Exit::Signal(15)));
}

#[test]
fn orphans_are_reaped_so_that_pkill_does_not_find_them() {
    let lab = Lab::new().unwrap();
    let host = lab.host("h", "10.7.0.1/24").unwrap();
    host.sh("setsid sh -c 'exec sleep 600' >/dev/null 2>&1 </dev/null &").unwrap();
    let pids = wait_for(|| Some(host.pids("sleep").unwrap()).filter(|p| !p.is_empty()));
    host.signal(pids[0], Signal::SIGKILL).unwrap();
    wait_for(|| (host.exec(Cmd::shell("pkill -0 sleep")).unwrap().exit == Exit::Code(1)).then_some(()));
    assert!(!host.processes().unwrap().iter().any(|p| p.state == 'Z'));
}

#[test]
fn links_addresses_and_sysctls_are_the_hosts_own() {
    let lab = Lab::new().unwrap();
    let host = lab.host("h", "10.7.0.1/24").unwrap();
    host.add_address(INTERFACE, "10.7.0.208/32").unwrap();
    let list = host.addresses(INTERFACE).unwrap();
    assert!(list.iter().any(|a| a.address.to_string() == "10.7.0.208" && a.prefix_len == 32), "{list:?}");
    host.del_address(INTERFACE, "10.7.0.208/32").unwrap();
    assert!(!host.holds("10.7.0.208".parse().unwrap()).unwrap());
    host.sysctl("net.ipv4.ip_nonlocal_bind", "1").unwrap();
    assert_eq!(host.read("/proc/sys/net/ipv4/ip_nonlocal_bind").unwrap(), "1\n");
    let carrier = || host.read("/sys/class/net/eth0/carrier").unwrap();
    wait_for(|| (carrier() == "1\n").then_some(()));
    host.plug(false).unwrap();
    wait_for(|| (carrier() == "0\n").then_some(()));
}

#[test]
fn files_users_and_sockets_that_configurations_name_are_there() {
    let lab = Lab::builder().directory("/home/app/cert").build().unwrap();
    let host = lab.host("h", "10.7.0.1/24").unwrap();
    assert!(host.sh("getent passwd haproxy").unwrap().starts_with("haproxy:"));
    assert!(host.exists("/var/lib/haproxy") && host.exists("/home/app/cert"));
    host.write("/etc/haproxy/haproxy.cfg", "global\n").unwrap();
    host.write("/var/run/x.pid", "1\n").unwrap();
    assert!(!std::path::Path::new("/var/run/x.pid").exists(), "the machine must not be written to");
    assert!(
        !host.exec(Cmd::shell("touch /usr/x")).unwrap().exit.success(),
        "the machine's programs are read-only"
    );
    let log = host.unix_datagram("/dev/log", 0o666).unwrap();
    log.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    host.exec(Cmd::shell("logger -p local2.info hello")).unwrap();
    let mut text = [0; 256];
    let n = log.recv(&mut text).unwrap();
    assert!(String::from_utf8_lossy(&text[..n]).contains("hello"));
    std::fs::write(lab.work().join("shared"), "both").unwrap();
    assert_eq!(host.read(lab.work().join("shared")).unwrap(), "both");
}

#[test]
fn nothing_of_a_lab_outlives_it() {
    let lab = Lab::new().unwrap();
    let host = lab.host("h", "10.7.0.1/24").unwrap();
    host.spawn(Cmd::new("sleep").arg("600")).unwrap();
    let pid = host.machine_pid();
    assert!(std::path::Path::new(&format!("/proc/{pid}")).exists());
    drop((lab, host));
    wait_for(|| (!std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(()));
}

/// Looks until there is something; ten seconds at most.
fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it did not happen within ten seconds");
}

/// This test program again, where another user can run it; what it said.
fn this_program(prepare: impl FnOnce(&std::path::Path) -> std::process::Command) -> (bool, String) {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let copy = place.path().join("netns");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let out = prepare(&copy).env_remove("TMPDIR").output().unwrap();
    (
        out.status.success(),
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)),
    )
}

#[test]
fn an_ordinary_user_gets_hosts_too() {
    use std::os::unix::process::CommandExt;
    let tests =
        ["hosts_talk_and_see_only_themselves", "files_users_and_sockets_that_configurations_name_are_there"];
    let (good, said) = this_program(|copy| {
        let mut command = std::process::Command::new(copy);
        command.arg("--exact").args(tests).current_dir("/");
        if nix::unistd::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        command
    });
    assert!(good && said.contains("2 passed"), "{said}");
}

#[test]
fn where_no_namespace_can_be_made_the_reason_is_said() {
    // A user namespace that may have no network namespaces stands for such a machine.
    let (good, said) = this_program(|copy| {
        let mut command = std::process::Command::new("unshare");
        let line =
            "echo 0 >/proc/sys/user/max_net_namespaces && exec \"$0\" --exact nothing_of_a_lab_outlives_it";
        command.args(["--user", "--map-root-user", "sh", "-c", line]).arg(copy).current_dir("/");
        command
    });
    assert!(!good && said.contains("1 failed"), "{said}");
    assert!(
        said.contains("cannot make namespaces") && said.contains("need root, or a kernel that lets"),
        "{said}"
    );
}
