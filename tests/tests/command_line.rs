//! What the daemons say and return to a bad command line or configuration: one clear sentence
//! with the place, and the exit code that scripts know from HAProxy and keepalived. Each row is
//! run with the peer too, so that the table itself is checked.

use e2e::daemon::Program;
use e2e::netns::{Cmd, Exit, Host, Lab, Output};

const PROXY: &str = "\
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
frontend web
    bind 127.0.0.1:8080
    default_backend app
backend app
    server s 127.0.0.1:8081
";

const VRRP: &str = "\
global_defs {
    script_user root
    enable_script_security
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        10.7.0.9
    }
}
";

/// One way to be wrong (or right).
struct Row {
    what: &'static str,
    /// Replaced in the good configuration, and by what.
    change: (&'static str, &'static str),
    args: &'static [&'static str],
    exit: i32,
    /// Parts that our message must have, the place among them.
    says: &'static [&'static str],
}

const fn row(
    what: &'static str,
    change: (&'static str, &'static str),
    args: &'static [&'static str],
    exit: i32,
    says: &'static [&'static str],
) -> Row {
    Row { what, change, args, exit, says }
}

const SAME: (&str, &str) = ("", "");
const CHECK: &[&str] = &["-c", "-f", "/etc/x"];

const PROXY_ROWS: &[Row] = &[
    row("a good file", SAME, CHECK, 0, &[]),
    row("a good file after --", SAME, &["-c", "--", "/etc/x"], 0, &[]),
    row("a missing file", SAME, &["-c", "-f", "/etc/none"], 1, &["/etc/none"]),
    row(
        "an unknown keyword",
        ("default_backend", "defualt_backend"),
        CHECK,
        1,
        &["/etc/x", "8", "defualt_backend", "default_backend"],
    ),
    row("an unknown section", ("frontend web", "frontent web"), CHECK, 1, &["/etc/x", "6", "frontent"]),
    row("a bad number", ("client 1s", "client 1x"), CHECK, 1, &["/etc/x", "4", "1x"]),
    row("a backend that is not there", ("default_backend app", "default_backend nope"), CHECK, 1, &["nope"]),
    row(
        "a missing certificate",
        (":8080", ":8080 ssl crt /etc/nope.pem"),
        CHECK,
        1,
        &["/etc/x", "7", "/etc/nope.pem"],
    ),
    row(
        "a name used twice",
        ("backend app", "backend app\n    server t 127.0.0.1:8082\nbackend app"),
        CHECK,
        1,
        &["app", "11"],
    ),
    row("a warning", ("    timeout client 1s\n", ""), CHECK, 0, &["timeout"]),
    row(
        "a warning that counts as an error",
        ("    timeout client 1s\n", ""),
        &["-dW", "-c", "-f", "/etc/x"],
        1,
        &["timeout"],
    ),
    row("a port in use", ("127.0.0.1:8080", "127.0.0.1:9090"), &["-db", "-f", "/etc/x"], 1, &["9090"]),
    row("an option that does not exist", SAME, &["-Z"], 1, &["-Z"]),
    row("nothing at all", SAME, &[], 1, &["-f"]),
    row("a true condition", SAME, &["-cc", "defined(PATH)"], 0, &[]),
    row("a false condition", SAME, &["-cc", "defined(NOT_SET_ANYWHERE)"], 1, &[]),
    row("a condition that is none", SAME, &["-cc", "bogus("], 2, &["bogus("]),
    row("the version", SAME, &["-v"], 0, &["HAProxy version 3.5"]),
    row("the long version", SAME, &["-vv"], 0, &["HAProxy version 3.5", "TARGET", "linux-glibc"]),
];

const VRRP_CHECK: &[&str] = &["-t", "-f", "/etc/x"];

const VRRP_ROWS: &[Row] = &[
    row("a good file", SAME, VRRP_CHECK, 0, &[]),
    row("an unknown keyword", ("priority", "priorty"), VRRP_CHECK, 5, &["/etc/x", "8", "priorty"]),
    row("a bad number", ("priority 100", "priority abc"), VRRP_CHECK, 5, &["/etc/x", "8", "abc"]),
    row("an interface that does not exist", ("eth0", "nope0"), VRRP_CHECK, 5, &["nope0"]),
    row(
        "an instance defined twice",
        (
            "vrrp_instance VI_1 {",
            "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 52\n}\nvrrp_instance VI_1 {",
        ),
        VRRP_CHECK,
        5,
        &["VI_1"],
    ),
    row("a missing file", SAME, &["-n", "-l", "-f", "/etc/none"], 6, &["/etc/none"]),
    row("a missing file that is only checked", SAME, &["-t", "-f", "/etc/none"], 0, &["/etc/none"]),
    row("a keyword without its argument", ("priority 100", "priority"), VRRP_CHECK, 2, &["/etc/x", "8"]),
    row(
        "a script run by root, which counts for more than an unknown keyword",
        (
            "    enable_script_security\n}\n",
            "bogus 1\n}\nvrrp_script c {\nscript \"/usr/bin/test -e /\"\n}\n",
        ),
        VRRP_CHECK,
        6,
        &["bogus", "SECURITY VIOLATION"],
    ),
    row(
        "an include that finds nothing, when it has to",
        ("vrrp_instance VI_1 {", "include /etc/none*\nvrrp_instance VI_1 {"),
        &["-e", "-t", "-f", "/etc/x"],
        6,
        &["/etc/none*"],
    ),
    row("a facility that does not exist", SAME, &["-S", "local9", "-t", "-f", "/etc/x"], 5, &["local9"]),
    row("an argument that is none", SAME, &["-t", "-f", "/etc/x", "extra"], 0, &["extra"]),
    row("an option that does not exist", SAME, &["-Z"], 1, &["Z"]),
    row("the version", SAME, &["-v"], 0, &[]),
];

fn run(host: &Host, program: Program, good: &str, row: &Row) -> Output {
    let (from, to) = row.change;
    let text = if from.is_empty() { good.to_string() } else { good.replacen(from, to, 1) };
    assert!(from.is_empty() || text != good, "the row {:?} changes nothing", row.what);
    host.write("/etc/x", text).unwrap();
    let path = program.called(program.traditional_name(), host.work()).unwrap();
    // Whoever goes on to run where it should have ended is ended here, with a code of its own.
    host.exec(Cmd::new("timeout").arg("20").arg(path).args(row.args)).unwrap()
}

fn check(program: Program, peer: bool, good: &str, rows: &[Row]) {
    let lab = Lab::new().unwrap();
    let host = lab.host("h", "10.7.0.1/24").unwrap();
    let _in_use = host.tcp_listen("127.0.0.1:9090").unwrap();
    let mut wrong = Vec::new();
    for row in rows {
        let out = run(&host, program, good, row);
        let said = format!("{}{}", out.stdout, out.stderr);
        if out.exit != Exit::Code(row.exit) {
            wrong.push(format!("{}: {:?}, wanted {}\n{said}", row.what, out.exit, row.exit));
        }
        // The peers' words are theirs; what is ours to hold is that ours name the thing.
        for part in row.says.iter().filter(|p| !peer && !said.contains(**p)) {
            wrong.push(format!("{}: does not say `{part}`\n{said}", row.what));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn control_haproxy_returns_what_the_table_says() {
    check(Program::Haproxy, true, PROXY, PROXY_ROWS);
}

#[test]
fn control_keepalived_returns_what_the_table_says() {
    check(Program::Keepalived, true, VRRP, VRRP_ROWS);
}

#[test]
fn lbproxy_names_the_place_and_returns_haproxys_codes() {
    check(Program::Lbproxy, false, PROXY, PROXY_ROWS);
}

#[test]
fn vrrpd_names_the_place_and_returns_keepaliveds_codes() {
    check(Program::Vrrpd, false, VRRP, VRRP_ROWS);
}
