//! The life of the proxy's process: rights given up for good, reload from inside the jail, signals and exit
//! codes, background, master, older processes. Where HAProxy does the same, it is run as the control.

use std::time::Duration;

use e2e::client::Client;
use e2e::daemon::{Daemon, Program};
use e2e::netns::{Cmd, Exit, Host, Lab, Signal};
use e2e::wait;

/// A bound for "it hangs", not a measure.
const PATIENCE: Duration = Duration::from_secs(20);

const GLOBAL: &str = "\
global
    chroot /var/lib/haproxy
    pidfile /var/run/haproxy.pid
    user haproxy
    group haproxy
    stats socket /var/lib/haproxy/stats
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
";

fn lab() -> (Lab, Host) {
    let lab = Lab::new().unwrap();
    let host = lab.host("h", "10.7.1.1/24").unwrap();
    (lab, host)
}

/// A frontend that answers by itself, with what an error file says.
fn answering(host: &Host, port: u16, page: &str) -> String {
    let path = format!("/etc/haproxy/{page}.http");
    host.write(&path, format!("HTTP/1.0 503 {page}\r\nContent-Length: 0\r\n\r\n")).unwrap();
    // Root's alone: the data process could not read it by itself.
    host.permissions(&path, 0o600, None).unwrap();
    format!("frontend f{port}\n    bind :{port}\n    errorfile 503 {path}\n")
}

fn configure(host: &Host, text: &str) {
    host.write("/etc/haproxy/haproxy.cfg", text).unwrap();
    host.permissions("/etc/haproxy/haproxy.cfg", 0o600, None).unwrap();
}

const ARGS: &[&str] = &["-f", "/etc/haproxy/haproxy.cfg"];

fn start(host: &Host, program: Program, args: &[&str]) -> Daemon {
    Daemon::start(host, program, ARGS.iter().chain(args).copied()).unwrap()
}

/// The reason phrase of the answer at a port: what its error file says.
fn page_at(host: &Host, port: u16) -> Option<String> {
    let mut client = Client::connect(host, &format!("127.0.0.1:{port}")).ok()?;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").ok()?;
    let head = client.head().ok()?;
    head.lines().next()?.split(' ').nth(2).map(str::to_owned)
}

fn wait_for_page(host: &Host, daemon: &Daemon, port: u16, page: &str) {
    daemon
        .while_running(&format!("{page} at {port}"), PATIENCE, || {
            (page_at(host, port).as_deref() == Some(page)).then_some(())
        })
        .unwrap();
}

fn status_line(host: &Host, pid: i32, key: &str) -> String {
    let text = host.sh(&format!("cat /proc/{pid}/status")).unwrap();
    let line = text.lines().find(|l| l.starts_with(key)).unwrap_or_else(|| panic!("no {key} in {text}"));
    line[key.len()..].trim_matches([':', '\t', ' ']).replace('\t', " ")
}

#[test]
fn a_reload_works_from_inside_the_jail_as_an_unprivileged_user() {
    let (_lab, host) = lab();
    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8001, "one")));
    let daemon = start(&host, Program::Lbproxy, &[]);
    wait_for_page(&host, &daemon, 8001, "one");
    let pid = daemon.pid();
    assert_ne!(status_line(&host, pid, "Uid"), "0 0 0 0");
    assert_eq!(host.sh(&format!("readlink /proc/{pid}/root")).unwrap().trim(), "/var/lib/haproxy");

    // A page that was not there before, an address that was not bound before, below 1024.
    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8001, "two") + &answering(&host, 81, "low")));
    daemon.signal(Signal::SIGUSR2).unwrap();
    wait_for_page(&host, &daemon, 8001, "two");
    wait_for_page(&host, &daemon, 81, "low");

    // A certificate, new with this reload, whose key only root can read.
    let key = rcgen::generate_simple_self_signed(vec!["h.test".to_string()]).unwrap();
    host.write("/etc/haproxy/h.pem", format!("{}{}", key.cert.pem(), key.signing_key.serialize_pem()))
        .unwrap();
    host.permissions("/etc/haproxy/h.pem", 0o600, None).unwrap();
    let tls = answering(&host, 8443, "tls").replace(":8443", ":8443 ssl crt /etc/haproxy/h.pem");
    configure(
        &host,
        &(GLOBAL.to_owned() + &answering(&host, 8001, "two") + &answering(&host, 81, "low") + &tls),
    );
    daemon.signal(Signal::SIGUSR2).unwrap();
    let get = "curl -sk -o /dev/null -w '%{http_code}' --max-time 5 https://127.0.0.1:8443/";
    daemon.while_running("TLS", PATIENCE, || host.sh(get).ok().filter(|code| code == "503")).unwrap();

    // Broken: it says what and where, and goes on as it was.
    configure(&host, &(GLOBAL.to_owned() + "frontend f\n    bind :8001\n    nonsense here\n"));
    daemon.signal(Signal::SIGHUP).unwrap();
    let line = daemon.wait_for_line("nonsense", PATIENCE).unwrap();
    assert!(daemon.log().contains("/etc/haproxy/haproxy.cfg:14"), "{line}");
    daemon.wait_for_line("old configuration stays", PATIENCE).unwrap();
    assert_eq!(page_at(&host, 81).as_deref(), Some("low"));

    // An address that somebody else holds: the same.
    let _taken = host.tcp_listen("0.0.0.0:8002").unwrap();
    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8001, "three") + &answering(&host, 8002, "no")));
    daemon.signal(Signal::SIGUSR2).unwrap();
    daemon.wait_for_line("cannot bind socket (Address already in use) for [0.0.0.0:8002]", PATIENCE).unwrap();
    assert_eq!(page_at(&host, 8001).as_deref(), Some("two"));

    // And back to one: what is no longer wanted is closed.
    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8001, "four")));
    daemon.signal(Signal::SIGUSR2).unwrap();
    wait_for_page(&host, &daemon, 8001, "four");
    wait::until_true("port 81 is closed", PATIENCE, || host.tcp_connect("127.0.0.1:81").is_err()).unwrap();
    assert_eq!(daemon.pid(), pid);
    assert_eq!(daemon.stop().unwrap(), Exit::Signal(15));
}

#[test]
fn the_data_process_has_no_rights_left_and_cannot_get_any() {
    let (_lab, host) = lab();
    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8001, "one")));
    let daemon = start(&host, Program::Lbproxy, &[]);
    wait_for_page(&host, &daemon, 8001, "one");
    let pid = daemon.pid();
    for set in ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&status_line(&host, pid, set), 16), Ok(0), "{set}");
    }
    assert_eq!(status_line(&host, pid, "NoNewPrivs"), "1");
    let ids = host.sh("id -u haproxy; id -g haproxy").unwrap();
    let (uid, gid) = ids.trim().split_once('\n').unwrap();
    assert_eq!(status_line(&host, pid, "Uid"), [uid; 4].join(" "));
    assert_eq!(status_line(&host, pid, "Groups"), gid);
    // The companion has its own name, and root's.
    let companion = host.pids("lbp-companion").unwrap();
    assert_eq!(companion.len(), 1);
    assert_eq!(status_line(&host, companion[0], "NoNewPrivs"), "1");
}

#[test]
fn pkill_sees_the_proxy_and_nothing_once_it_is_killed() {
    let (_lab, host) = lab();
    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8001, "one")));
    let daemon = start(&host, Program::Lbproxy, &[]);
    wait_for_page(&host, &daemon, 8001, "one");
    let sees = || host.exec(Cmd::new("pkill").args(["-0", "haproxy"])).unwrap().exit;
    assert_eq!(sees(), Exit::Code(0));
    assert_eq!(host.pids("haproxy").unwrap(), [daemon.pid()]);
    daemon.signal(Signal::SIGKILL).unwrap();
    daemon.process().wait(PATIENCE).unwrap();
    assert_eq!(sees(), Exit::Code(1), "nothing else carries the name");
    wait::until_true("the companion leaves", PATIENCE, || host.pids("lbp-companion").unwrap().is_empty())
        .unwrap();
}

fn signals_end_it_with_these_codes(program: Program) {
    let (_lab, host) = lab();
    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8001, "one")));
    for (args, signal, code) in [
        (&["-db"][..], Signal::SIGTERM, 143),
        (&["-db"], Signal::SIGINT, 130),
        (&["-db"], Signal::SIGUSR1, 0),
        // HAProxy's master says 0 since 3.x; Debian's 2.6, the control, says what the worker said.
        (&["-W"], Signal::SIGTERM, if program == Program::Haproxy { 143 } else { 0 }),
        (&["-W"], Signal::SIGINT, 130),
        (&["-W"], Signal::SIGUSR1, 0),
    ] {
        // The master of Debian's 2.6, the control, takes no notice of SIGUSR1; that of 3.5 does.
        if (program, args, signal) == (Program::Haproxy, &["-W"][..], Signal::SIGUSR1) {
            continue;
        }
        let daemon = start(&host, program, args);
        wait_for_page(&host, &daemon, 8001, "one");
        if args == ["-W"] {
            daemon
                .while_running("the pid file", PATIENCE, || host.exists("/var/run/haproxy.pid").then_some(()))
                .unwrap();
            assert_eq!(host.read("/var/run/haproxy.pid").unwrap().trim(), daemon.pid().to_string());
            host.remove("/var/run/haproxy.pid").unwrap();
        }
        daemon.signal(signal).unwrap();
        let exit = daemon.process().wait(PATIENCE);
        let exit = exit.unwrap_or_else(|| panic!("{args:?} {signal:?}: it stays\n{}", daemon.log()));
        // A process that ends by the signal itself shows the same number to a shell.
        let shown = match exit {
            Exit::Code(c) => c,
            Exit::Signal(s) => 128 + s,
        };
        assert_eq!(shown, code, "{args:?} {signal:?}\n{}", daemon.log());
        wait::until_true("all have left", PATIENCE, || host.pids("haproxy").unwrap().is_empty()).unwrap();
        assert!(!host.exists("/var/run/haproxy.pid"), "in the foreground no pid file is written: {args:?}");
    }
}

#[test]
fn control_signals_end_haproxy_with_these_codes() {
    signals_end_it_with_these_codes(Program::Haproxy);
}

#[test]
fn signals_end_lbproxy_with_haproxys_codes() {
    signals_end_it_with_these_codes(Program::Lbproxy);
}

fn the_background_is_entered_when_ready_and_handed_over(program: Program) {
    let (_lab, host) = lab();
    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8001, "one")));
    let path = program.called(program.traditional_name(), host.work()).unwrap();
    let run = |more: &[&str]| host.exec(Cmd::new(&path).args(ARGS).args(["-D"]).args(more)).unwrap();
    let pid = || host.read("/var/run/haproxy.pid").unwrap().trim().parse::<i32>().unwrap();

    let out = run(&[]);
    assert_eq!(out.exit, Exit::Code(0), "{out:?}");
    // Ready means: it can be asked at once.
    assert_eq!(page_at(&host, 8001).as_deref(), Some("one"));
    let first = pid();

    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8001, "two")));
    let out = run(&["-sf", &first.to_string()]);
    assert_eq!(out.exit, Exit::Code(0), "{out:?}");
    let second = pid();
    assert_ne!(first, second);
    wait::until_true("the older one leaves", PATIENCE, || host.pids("haproxy").unwrap() == [second]).unwrap();
    assert_eq!(page_at(&host, 8001).as_deref(), Some("two"));

    // What cannot start is an exit code of the command, not of something in the background.
    let _taken = host.tcp_listen("0.0.0.0:8009").unwrap();
    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8009, "no")));
    let out = run(&[]);
    assert_eq!(out.exit, Exit::Code(1));
    assert!(
        out.stderr.contains("cannot bind socket (Address already in use) for [0.0.0.0:8009]"),
        "{}",
        out.stderr
    );
    host.signal(second, Signal::SIGTERM).unwrap();
}

#[test]
fn control_haproxy_enters_the_background_when_ready() {
    the_background_is_entered_when_ready_and_handed_over(Program::Haproxy);
}

#[test]
fn lbproxy_enters_the_background_when_ready() {
    the_background_is_entered_when_ready_and_handed_over(Program::Lbproxy);
}

#[test]
fn the_master_ends_with_the_process_that_serves_and_the_other_way_round() {
    let (_lab, host) = lab();
    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8001, "one")));
    let worker_of = |master: i32| {
        let all = host.processes().unwrap();
        all.into_iter().find(|p| p.parent == master && p.name == "haproxy").map(|p| p.pid)
    };
    let daemon = start(&host, Program::Lbproxy, &["-W"]);
    wait_for_page(&host, &daemon, 8001, "one");
    host.signal(worker_of(daemon.pid()).unwrap(), Signal::SIGKILL).unwrap();
    assert_eq!(daemon.process().wait(PATIENCE), Some(Exit::Code(137)));

    let daemon = start(&host, Program::Lbproxy, &["-W"]);
    wait_for_page(&host, &daemon, 8001, "one");
    daemon.signal(Signal::SIGKILL).unwrap();
    wait::until_true("all have left", PATIENCE, || host.pids("haproxy").unwrap().is_empty()).unwrap();
}

#[test]
fn a_reload_through_the_master_reaches_the_process_that_serves() {
    let (_lab, host) = lab();
    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8001, "one")));
    let daemon = start(&host, Program::Lbproxy, &["-W"]);
    wait_for_page(&host, &daemon, 8001, "one");
    configure(&host, &(GLOBAL.to_owned() + &answering(&host, 8001, "two")));
    daemon.signal(Signal::SIGUSR2).unwrap();
    wait_for_page(&host, &daemon, 8001, "two");
    assert_eq!(daemon.stop().unwrap(), Exit::Code(0));
}
