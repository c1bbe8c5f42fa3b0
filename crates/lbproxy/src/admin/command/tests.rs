use super::*;
use crate::{
    admin::session::{Input, Mode},
    compile::plan::Level,
    shell::harness::Proxy,
};

const CONFIG: &str = "global
  stats socket /run/x.sock level admin
  node here
  maxconn 500
defaults
  mode http
  option socket-stats
  timeout client 10s
  timeout server 10s
  timeout connect 2s
listen web
  bind 127.0.0.1:1
  balance roundrobin
  server a 127.0.0.1:9 weight 10 cookie one
  server b 127.0.0.1:9 check maxconn 5
listen sql
  mode tcp
  bind 127.0.0.1:2
  balance source
  server only 127.0.0.1:9
";

struct Console(Proxy, Session);

impl Console {
    fn new(level: Level) -> Console {
        Console(Proxy::start(CONFIG), Session::new(level))
    }

    fn say(&mut self, command: &str) -> String {
        match run(&self.0.shared, &mut self.1, command, None) {
            Reply::Text(t) => t.trim_end().to_owned(),
            other => format!("{other:?}"),
        }
    }

    fn cell(&mut self, row: &str, column: &str) -> String {
        let csv = self.say("show stat");
        let mut lines = csv.lines();
        let at = lines.next().unwrap().trim_start_matches("# ").split(',').position(|c| c == column).unwrap();
        let line =
            lines.find(|l| l.starts_with(&format!("{row},"))).unwrap_or_else(|| panic!("{row}: {csv}"));
        line.split(',').nth(at).unwrap().to_owned()
    }
}

/// Refusals of HAProxy 3.5 word for word; scripts look for them.
#[test]
fn refusals_are_haproxys() {
    let mut c = Console::new(Level::Admin);
    for (command, answer) in [
        ("get weight", "Require 'backend/server'."),
        ("get weight nope/a", "No such backend."),
        ("get weight web/nope", "No such server."),
        ("get weight web/a", "10 (initial 10)"),
        ("set weight web/a", "Require <weight> or <weight%>."),
        ("set weight web/a 500", "Absolute weight can only be between 0 and 256 inclusive."),
        ("set server web/a state foo", "'set server <srv> state' expects 'ready', 'drain' and 'maint'."),
        ("set server web/a health foo", "'set server <srv> health' expects 'up', 'stopping', or 'down'."),
        ("set server web/a addr foo", "Invalid addr 'foo'"),
        ("set server web/a addr", "set server <b>/<s> addr requires an address and optionally a port."),
        ("set server web/a addr 127.0.0.1", "nothing changed"),
        ("set server web/a addr 127.0.0.1 port x", "problem converting port 'x' to an int"),
        ("set server web/a check-port", "set server <b>/<s> check-port requires a port."),
        ("set server web/a check-port x", "provided port is not an integer"),
        ("set server web/a check-port 8", "health checks are not enabled on this server"),
        ("set maxconn server web/a", "Require <maxconn>."),
        ("set maxconn frontend web", "Integer value expected."),
        ("set maxconn frontend nope 1", "No such frontend."),
        ("set maxconn frontend web -1", "Value out of range."),
        ("set maxconn global", "Expects an integer value."),
        ("set maxconn global 501", "Value out of range."),
        ("disable frontend", "A frontend name is expected."),
        ("shutdown frontend nope", "No such frontend."),
        ("shutdown session", "Session pointer expected (use 'show sess')."),
        ("set timeout x 3", "'set timeout' only supports 'cli'."),
        ("set timeout cli 0", "Invalid timeout value."),
        ("show errors nope", "No such proxy."),
        ("show servers state nope", "Can't find backend."),
        ("show env NO_SUCH_VARIABLE_HERE", "Variable not found"),
        ("wait", "Expects a duration in milliseconds."),
        ("wait 1x", "Invalid duration."),
        ("echo a  b\\ c", "a b c"),
        ("clear counters server web/nope", "No such server."),
    ] {
        assert_eq!(c.say(command), answer, "{command}");
    }
    assert!(c.say("set server web/a").starts_with("usage: set server <backend>/<server> addr | agent"));
    assert!(c.say("nonsense").starts_with("Unknown command: 'nonsense', but maybe one of the following"));
    assert!(c.say("add server web/c").starts_with("Unknown command: 'add'"));
    assert_eq!(c.say("set weight web/a <<"), "Require <weight> or <weight%>.");
}

#[test]
fn levels_bar_what_they_do_not_allow() {
    for (level, allowed, barred) in [
        (
            Level::User,
            &["show stat", "show info", "get weight web/a", "set timeout cli 4"][..],
            &["show env", "show sess", "clear counters", "operator", "disable server web/a"][..],
        ),
        (
            Level::Operator,
            &["show env", "clear counters", "operator"],
            &["clear counters all", "set weight web/a 1", "wait 1", "expert-mode"],
        ),
    ] {
        let mut c = Console::new(level);
        for command in allowed {
            assert_ne!(c.say(command), "Permission denied", "{level:?} {command}");
        }
        for command in barred {
            assert_eq!(c.say(command), "Permission denied", "{level:?} {command}");
        }
    }
    let mut c = Console::new(Level::Admin);
    assert_eq!(c.say("show cli level"), "admin");
    assert_eq!(c.say("user"), "");
    assert_eq!(c.say("show cli level"), "user");
    assert_eq!(c.say("operator"), "Permission denied");
}

#[test]
fn what_is_changed_is_shown() {
    let mut c = Console::new(Level::Admin);
    assert_eq!(c.cell("web,a", "status"), "no check");
    assert_eq!(c.say("disable server web/a"), "");
    assert_eq!(c.cell("web,a", "status"), "MAINT");
    assert_eq!(c.say("enable server web/a"), "");
    assert_eq!(c.say("set weight web/a 50%"), "");
    assert_eq!(c.cell("web,a", "weight"), "5");
    assert_eq!(c.say("set maxconn server web/b 7"), "");
    assert_eq!(c.cell("web,b", "slim"), "7");
    assert_eq!(c.cell("web,FRONTEND", "slim"), "500");
    assert_eq!(c.say("set maxconn frontend web 3"), "");
    assert_eq!(c.cell("web,FRONTEND", "slim"), "3");
    assert_eq!(c.say("disable frontend web"), "");
    assert_eq!(c.say("disable frontend web"), "All sockets are already disabled.");
    assert_eq!(c.cell("web,FRONTEND", "status"), "PAUSED");
    assert_eq!(c.say("enable frontend web"), "");
    assert_eq!(c.say("shutdown frontend web"), "");
    assert_eq!(c.say("shutdown frontend web"), "Frontend was already shut down.");
    assert_eq!(c.say("enable frontend web"), "Frontend was previously shut down, cannot enable.");
    assert_eq!(c.cell("web,FRONTEND", "status"), "STOP");
    assert_eq!(
        c.say("set server web/b addr 127.0.0.2 port 80"),
        "IP changed from '127.0.0.1' to '127.0.0.2', port changed from '9' to '80' by 'stats socket command'"
    );
    assert_eq!(c.cell("web,b", "addr"), "127.0.0.2:80");
    assert!(
        c.say("show servers state web").contains("2 web 2 b 127.0.0.2 "),
        "{}",
        c.say("show servers state")
    );
}

#[test]
fn rows_stand_in_the_order_of_the_file_and_can_be_chosen() {
    let mut c = Console::new(Level::User);
    let mut keys = |command: &str| -> Vec<String> {
        let csv = c.say(command);
        csv.lines().skip(1).map(|l| l.split(',').take(2).collect::<Vec<_>>().join("/")).collect()
    };
    let web = ["web/FRONTEND", "web/sock-1", "web/a", "web/b", "web/BACKEND"];
    let sql = ["sql/FRONTEND", "sql/sock-1", "sql/only", "sql/BACKEND"];
    assert_eq!(keys("show stat"), [&web[..], &sql[..]].concat());
    assert_eq!(keys("show stat 3 -1 -1"), sql);
    assert_eq!(keys("show stat web 4 -1"), ["web/a", "web/b"]);
    assert_eq!(keys("show stat -1 4 1"), ["web/a", "sql/only"]);
    assert_eq!(keys("show stat web 3 0 typed")[0].split('.').next(), Some("F"));
}

/// A value where HAProxy 3.5 has one, nothing where it has none: HTTP counters of TCP proxies, checks of servers
/// without one, limits that are not set.
#[test]
fn cells_are_empty_where_haproxys_are() {
    let mut c = Console::new(Level::User);
    for (row, filled, empty) in [
        (
            "web,FRONTEND",
            &["hrsp_2xx", "req_rate", "conn_rate", "intercepted", "slim"][..],
            &["qcur", "weight", "lastchg", "algo", "addr", "econ"][..],
        ),
        (
            "web,a",
            &["qcur", "lbtot", "hrsp_5xx", "addr", "cookie", "lastsess", "srv_icur"],
            &[
                "slim",
                "chkfail",
                "check_status",
                "check_rise",
                "ereq",
                "src_ilim",
                "throttle",
                "req_rate",
                "downtime",
            ],
        ),
        (
            "web,b",
            &["slim", "chkfail", "chkdown", "downtime"],
            &["cookie", "qlimit", "tracked", "agent_status"],
        ),
        (
            "web,BACKEND",
            &["algo", "act", "downtime", "comp_in", "uweight"],
            &["check_status", "addr", "req_rate", "conn_tot"],
        ),
        ("sql,FRONTEND", &["req_rate", "req_tot"], &["hrsp_2xx", "intercepted", "cache_hits"]),
        ("sql,only", &["stot", "rate"], &["hrsp_2xx", "req_tot"]),
        ("sql,sock-1", &["addr", "proto", "conn_tot", "ereq"], &["rate", "qcur", "hrsp_2xx"]),
    ] {
        for column in filled {
            assert_ne!(c.cell(row, column), "", "{row} {column}");
        }
        for column in empty {
            assert_eq!(c.cell(row, column), "", "{row} {column}");
        }
    }
    assert_eq!(c.cell("sql,BACKEND", "algo"), "source");
}

#[test]
fn info_lines_say_who_and_how_many() {
    let mut c = Console::new(Level::User);
    let info = c.say("show info");
    assert!(info.starts_with("Name: lbproxy\nVersion: "), "{info}");
    assert!(info.contains("\nnode: here\n") && info.contains("\nMaxconn: 500\n"), "{info}");
    assert!(!info.contains("\ndescription:"), "{info}");
    let typed = c.say("show info typed desc");
    assert!(typed.contains("\n15.Maxconn.1:CLPV:u32:500:\""), "{typed}");
    let json: serde_json::Value = serde_json::from_str(&c.say("show info json")).unwrap();
    assert_eq!(json[3]["field"]["name"], "Nbthread");
}

#[test]
fn the_help_finds_what_was_meant_and_names_every_command_once() {
    let mut c = Console::new(Level::User);
    let help = c.say("help");
    let listed: Vec<&str> = help.lines().skip(1).map(|l| l.trim_start()).collect();
    assert!(listed[..listed.len() - 3].is_sorted(), "{help}");
    assert!(listed.last().unwrap().starts_with("quit"));
    assert_eq!(listed.len(), FAMILIES.iter().map(|f| f.len()).sum::<usize>());
    let near = c.say("set maxconn");
    assert_eq!(near.lines().filter(|l| l.starts_with("  set maxconn ")).count(), 3, "{near}");
    assert!(c.say("shwo stat").contains("  show stat "));
    assert!(c.say("help set server").contains("  set server "));
}

#[test]
fn the_prompt_is_switched_as_haproxy_does() {
    let mut c = Console::new(Level::User);
    for (command, mode) in [
        ("prompt", Mode::Interactive { prompt: true, timed: false }),
        ("prompt", Mode::Once),
        ("prompt i", Mode::Interactive { prompt: false, timed: false }),
        ("prompt", Mode::Interactive { prompt: true, timed: false }),
        ("prompt timed", Mode::Interactive { prompt: true, timed: true }),
        ("prompt n", Mode::Once),
    ] {
        assert_eq!(c.say(command), "", "{command}");
        assert_eq!(c.1.mode, mode, "{command}");
    }
    assert!(c.say("prompt x").starts_with("Usage: prompt"));
    c.1.feed(b"show version;quit\n");
    let Input::Line(commands) = c.1.next_line() else { panic!("no line") };
    assert_eq!(run(&c.0.shared, &mut c.1, &commands[1], None), Reply::Quit);
}

#[test]
fn a_refused_request_is_shown_byte_by_byte() {
    let mut c = Console::new(Level::Operator);
    assert!(c.say("show errors").ends_with(" : 0"));
    let answer = c.0.exchange(b"GET /x HTTP/1.1\r\nHost : y\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let errors = c.say("show errors web");
    for part in [
        " : 1\n \n[",
        "] frontend web (#2): invalid request\n  backend <NONE> (#-1), server <NONE> (#-1), event #0, src 127.0.0.1:",
        "\n  len 29, error at position 21\n  refused: a byte that",
        "\n  00000  GET /x HTTP/1.1\\r\\n\n  00017  Host : y\\r\\n\n  00027  \\r\\n",
    ] {
        assert!(errors.contains(part), "{part}: {errors}");
    }
    assert!(!c.say("show errors web response").contains("invalid request"));
    assert!(!c.say("show errors sql").contains("invalid request"));
}

#[test]
fn the_page_is_answered_by_the_data_plane() {
    let text = CONFIG.replace("listen web\n", "listen web\n  stats uri /s\n  stats auth u:p\n  stats admin if TRUE\n  log @LOG@ local0\n  option httplog\n");
    let p = Proxy::start(&text);
    let close = "Connection: close\r\n\r\n";
    let answer = p.exchange(format!("GET /s HTTP/1.1\r\nHost: x\r\n{close}").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("HAProxy Statistics"), "{answer}");
    let login = "Host: x\r\nAuthorization: Basic dTpw\r\n";
    let page = p.exchange(format!("GET /s HTTP/1.1\r\n{login}{close}").as_bytes());
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("<h1>Statistics"), "{page}");
    let form = "s=a&action=maint&b=%232";
    let post = |extra: &str| {
        let head = format!("POST /s HTTP/1.1\r\n{login}{extra}Content-Length: {}\r\n{close}", form.len());
        p.exchange(format!("{head}{form}").as_bytes())
    };
    assert!(post("Origin: http://elsewhere\r\n").contains("location: /s;st=DENY\r\n"));
    assert_eq!(p.runtime.plan.backends[0].servers[0].state.snapshot(0).status, "no check");
    assert!(post("").contains("location: /s;st=DONE\r\n"));
    assert_eq!(p.runtime.plan.backends[0].servers[0].state.snapshot(0).status, "MAINT");
    let lines: Vec<String> = (0..4).map(|_| p.log_line()).collect();
    assert!(lines[1].contains(" web web/<STATS> ") && lines[1].contains(" 200 "), "{lines:?}");
}

/// Answers of HAProxy 3.5 word for word, where scripts look at them.
#[test]
fn maps_and_acls_are_shown_and_changed_as_in_haproxy() {
    let mut c = Console(Proxy::start(LISTS), Session::new(Level::Admin));
    assert!(c.say("show acl").contains("\n7 () "), "{}", c.say("show acl"));
    assert!(c.say("show map").contains(" (virt@routes) "));
    for (command, answer) in [
        ("show map nope", "Unknown map identifier. Please use #<id> or <file>."),
        ("clear acl", "Missing ACL identifier."),
        ("add acl #7", "'add acl' expects two parameters: ACL identifier and pattern."),
        ("add acl @3 #7 x", "Version number in the future, please use 'prepare acl' before."),
        ("add map virt@routes bad 1", "'bad' is not a valid IPv4 or IPv6 address."),
        ("add map virt@routes 10.0.0.0/8 ten of them", ""),
        (
            "get map virt@routes 10.1.1.1",
            "type=ip, case=sensitive, found=yes, idx=tree, key=\"10.0.0.0/8\", value=\"ten\", type=\"str\"",
        ),
        ("get map virt@routes 11.1.1.1", "type=ip, case=sensitive, found=no"),
        ("set map virt@routes 11.0.0.0/8 x", "entry not found."),
        ("set map virt@routes 10.0.0.0/8 other", ""),
        ("get acl #7 /b", "type=str, case=sensitive, match=yes, idx=tree, pattern=\"/b\""),
        ("del acl #7 /b", ""),
        ("del acl #7 /b", "Key not found."),
        ("get acl #7 /b", "type=str, case=sensitive, match=no"),
        ("prepare map virt@routes", "New version created: 1"),
        ("commit map @9 virt@routes", "Version number out of range."),
        ("commit map @1 virt@routes", ""),
        ("show map virt@routes", ""),
    ] {
        assert_eq!(c.say(command), answer, "{command}");
    }
    let payload = run(&c.0.shared, &mut c.1, "add map virt@routes <<", Some("::1 six\n10.0.0.1 one two\n"));
    assert_eq!(payload, Reply::done());
    let shown = c.say("show map virt@routes");
    let entries: Vec<&str> = shown.lines().filter_map(|l| l.split_once(' ')).map(|(_, e)| e).collect();
    assert_eq!(entries, ["::1 six", "10.0.0.1 one two"]);
    let missing = run(&c.0.shared, &mut c.1, "add map virt@routes <<", Some("::2\n"));
    assert_eq!(missing, Reply::text("Missing value for key '::2'.\n"));
    c.1 = Session::new(Level::Operator);
    assert_eq!(c.say("show map"), "Permission denied");
}

const LISTS: &str = "defaults
  mode http
  timeout client 10s
frontend web
  bind 127.0.0.1:1
  acl known path -u 7 /a /b
  http-request set-header x %[src,map_ip(virt@routes)] if known
  http-request return status 200 if { path_beg /x }
";

#[test]
fn variables_of_the_process_are_set_in_experimental_mode_and_shown() {
    let mut c = Console::new(Level::Admin);
    let restricted = "This command is restricted to experimental mode only.";
    assert_eq!(c.say("set var proc.x int(5)"), restricted);
    c.say("experimental-mode on");
    for (command, answer) in [
        ("get var proc.x", "Variable not found."),
        ("set var proc.x int(5),add(2)", ""),
        ("get var proc.x", "proc.x: type=sint value=<7>"),
        ("set var proc.y fmt a%[var(proc.x)]b", ""),
        ("get var proc.y", "proc.y: type=str value=<a7b>"),
        ("set var proc.z expr str(a\\ b)", ""),
        ("get var proc.z", "proc.z: type=str value=<a b>"),
        (
            "set var txn.q int(1)",
            "'set var': cannot set variable 'txn.q', only scope 'proc' is permitted here.",
        ),
        ("set var proc.x", "Missing either 'expr', 'fmt' or expression."),
        (
            "show var",
            "proc.x: type=sint value=<7>\nproc.y: type=str value=<a7b>\nproc.z: type=str value=<a b>",
        ),
    ] {
        assert_eq!(c.say(command), answer, "{command}");
    }
    assert!(!c.say("set var proc.f src").is_empty(), "there is no client here");
}

#[test]
fn what_is_known_and_not_served_says_why_and_to_whom_it_may() {
    let mut c = Console::new(Level::Admin);
    assert!(c.say("show ssl cert").starts_with("'show ssl' is not served here: certificates"));
    assert!(c.say("debug dev panic").starts_with("'debug dev' is not served here"));
    let mut c = Console::new(Level::User);
    assert_eq!(c.say("set ssl cert x"), "Permission denied");
    assert_eq!(c.say("show fd"), "Permission denied");
    assert!(c.say("show pools").contains("bytes allocated"));
}

#[test]
fn limits_by_rate_are_set_for_the_process() {
    let mut c = Console::new(Level::Admin);
    assert_eq!(c.say("set rate-limit sessions global 3"), "");
    assert!(c.say("show info").contains("\nSessRateLimit: 3\n"), "{}", c.say("show info"));
    assert!(c.say("set rate-limit sessions").starts_with("'set rate-limit' only supports :"));
    assert_eq!(c.say("set rate-limit sessions global x"), "Expects an integer value.");
}

#[test]
fn a_backend_that_is_not_published_is_passed_over_until_it_is() {
    let mut c = Console::new(Level::Admin);
    assert_eq!(c.say("unpublish backend nope"), "No such backend.");
    assert_eq!(c.say("unpublish backend web"), "Backend unpublished.");
    let published = |c: &Console| c.0.runtime.plan.backends[0].state.is_published(true);
    assert!(!published(&c));
    assert_eq!(c.say("publish backend web"), "Backend published.");
    assert!(published(&c));
}
