//! Looking into the proxy and changing it while it runs: the stats socket, the page, signals,
//! privileges, reload.

use e2e::client::Client;
use e2e::daemon::Program;
use e2e::netns::{Cmd, Exit, Signal};
use e2e::stage::{ORIGIN, PATIENCE, Stage};
use e2e::wait;

e2e::with_both_proxies!(
    a_drain_lets_requests_finish,
    privileges_are_given_up_as_the_file_says,
    servers_are_changed_by_commands,
    sigterm_ends_it_at_once,
    the_csv_has_haproxys_columns,
    the_page_is_shown_to_who_may_see_it,
    the_socket_answers_several_commands,
);

const SOCKET: &str = "/run/stats.sock";

fn config() -> String {
    format!(
        "global\n    stats socket {SOCKET} mode 660 level admin\n    stats timeout 10s\n\
         listen web\n    bind :8080\n    balance roundrobin\n    server s1 {ORIGIN}:81 weight 10\n    server s2 {ORIGIN}:82 weight 10\n\
         listen stats\n    bind :9000\n    stats uri /haproxy\n    stats realm Our\\ Realm\n    stats auth admin:secret\n\
         \x20   stats admin if TRUE\n    stats show-node here\n"
    )
}

fn started(program: Program) -> (Stage, [e2e::origin::Origin; 2]) {
    let mut stage = Stage::new(program).unwrap();
    let origins = [stage.origin("s1", 81).unwrap(), stage.origin("s2", 82).unwrap()];
    stage.start(&config(), 8080).unwrap();
    (stage, origins)
}

/// A value of `show stat` by proxy, server and column name.
fn cell(stage: &Stage, proxy: &str, server: &str, column: &str) -> String {
    let csv = stage.command(SOCKET, "show stat").unwrap();
    let names: Vec<&str> = csv.lines().next().unwrap().trim_start_matches("# ").split(',').collect();
    let at =
        names.iter().position(|n| *n == column).unwrap_or_else(|| panic!("no column {column}: {names:?}"));
    let row =
        csv.lines().find(|l| l.starts_with(&format!("{proxy},{server},"))).unwrap_or_else(|| panic!("{csv}"));
    row.split(',').nth(at).unwrap().to_string()
}

fn the_csv_has_haproxys_columns(program: Program) {
    let (stage, _origins) = started(program);
    for _ in 0..4 {
        assert_eq!(stage.get(8080, "/").unwrap().status, 200);
    }
    let csv = stage.command(SOCKET, "show stat").unwrap();
    let head = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,\
                chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,\
                check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,\
                cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,";
    assert!(csv.starts_with(head), "{csv}");
    let keys: Vec<String> = csv
        .lines()
        .skip(1)
        .filter(|l| !l.is_empty())
        .map(|l| l.split(',').take(2).collect::<Vec<_>>().join("/"))
        .collect();
    assert_eq!(keys, ["web/FRONTEND", "web/s1", "web/s2", "web/BACKEND", "stats/FRONTEND", "stats/BACKEND"]);
    assert_eq!(cell(&stage, "web", "FRONTEND", "req_tot"), "4");
    assert_eq!(cell(&stage, "web", "BACKEND", "hrsp_2xx"), "4");
    assert_eq!(cell(&stage, "web", "s1", "stot"), "2");
    assert_eq!(cell(&stage, "web", "FRONTEND", "status"), "OPEN");
    assert_eq!(cell(&stage, "web", "s1", "status"), "no check");
    let json = stage.command(SOCKET, "show stat json").unwrap();
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    let typed = stage.command(SOCKET, "show stat typed").unwrap();
    assert!(
        typed.lines().any(|l| l.starts_with("F.") && l.contains(".pxname.") && l.ends_with(":str:web")),
        "{typed}"
    );
    let info = stage.command(SOCKET, "show info").unwrap();
    for name in ["Name: ", "Version: ", "Nbthread: ", "Pid: ", "Uptime_sec: ", "Maxconn: ", "CurrConns: "] {
        assert!(info.lines().any(|l| l.starts_with(name)), "{name}: {info}");
    }
}

fn the_socket_answers_several_commands(program: Program) {
    let (stage, _origins) = started(program);
    let both = stage.command(SOCKET, "show servers conn web; get weight web/s1").unwrap();
    assert!(both.contains("web/s1") && both.contains("10 (initial 10)"), "{both}");
    let mut client = Client::connect_unix(&stage.proxy, SOCKET).unwrap();
    client.send("prompt\n").unwrap();
    assert_eq!(client.exactly(3).unwrap(), b"\n> ");
    client.send("get weight web/s2\n").unwrap();
    assert_eq!(client.line().unwrap(), "10 (initial 10)");
    assert_eq!((client.line().unwrap(), client.exactly(2).unwrap()), (String::new(), b"> ".to_vec()));
    client.send("quit\n").unwrap();
    assert!(client.closed().unwrap());
    let help = stage.command(SOCKET, "no such command").unwrap();
    assert!(help.starts_with("Unknown command"), "{help}");
    assert!(stage.command(SOCKET, "get weight web/none").unwrap().starts_with("No such server."));
    let state = stage.command(SOCKET, "show servers state web").unwrap();
    let rows: Vec<&str> = state.lines().collect();
    assert_eq!(rows[0], "1");
    assert!(
        rows[1]
            .starts_with("# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight"),
        "{state}"
    );
    assert!(rows[2].contains(" web 1 s1 10.9.0.3 2 0 10 "), "{state}");
}

fn servers_are_changed_by_commands(program: Program) {
    let (stage, _origins) = started(program);
    let who = |n: usize| {
        let mut list: Vec<String> =
            (0..n).map(|_| stage.get(8080, "/").unwrap().text().trim().to_string()).collect();
        list.sort();
        list
    };
    assert_eq!(who(4), ["s1", "s1", "s2", "s2"]);
    assert_eq!(stage.command(SOCKET, "disable server web/s1").unwrap(), "\n");
    assert_eq!(who(4), ["s2"; 4]);
    assert_eq!(cell(&stage, "web", "s1", "status"), "MAINT");
    assert_eq!(stage.command(SOCKET, "enable server web/s1").unwrap(), "\n");
    assert_eq!(who(4), ["s1", "s1", "s2", "s2"]);
    stage.command(SOCKET, "set server web/s2 state drain").unwrap();
    assert_eq!(who(4), ["s1"; 4]);
    stage.command(SOCKET, "set server web/s2 state ready").unwrap();
    stage.command(SOCKET, "set weight web/s1 30").unwrap();
    assert_eq!(who(8), ["s1", "s1", "s1", "s1", "s1", "s1", "s2", "s2"]);
    stage.command(SOCKET, "set weight web/s1 0%").unwrap();
    assert_eq!(who(4), ["s2"; 4]);
    stage.command(SOCKET, "disable frontend web").unwrap();
    wait::until_true("the frontend is shut off", PATIENCE, || {
        stage.client.tcp_connect("10.9.0.1:8080").is_err() || stage.get(8080, "/").is_err()
    })
    .unwrap();
    stage.command(SOCKET, "enable frontend web").unwrap();
    wait::until_true("it serves again", PATIENCE, || stage.get(8080, "/").is_ok()).unwrap();
    stage.command(SOCKET, "clear counters all").unwrap();
    assert_eq!(cell(&stage, "web", "FRONTEND", "req_tot"), "0");
}

fn the_page_is_shown_to_who_may_see_it(program: Program) {
    let (stage, _origins) = started(program);
    let stranger = stage.get(9000, "/haproxy").unwrap();
    assert_eq!(stranger.status, 401);
    assert_eq!(stranger.header("www-authenticate"), Some("Basic realm=\"Our Realm\""));
    let login = "Authorization: Basic YWRtaW46c2VjcmV0\r\nConnection: close\r\n";
    let ask = |target: &str| stage.connect(9000).unwrap().get(target, login).unwrap();
    let page = ask("/haproxy");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.text().contains("s1") && page.text().contains("web"));
    assert!(ask("/haproxy;csv").text().starts_with("# pxname,svname,"));
    serde_json::from_slice::<serde_json::Value>(&ask("/haproxy;json").body).unwrap();
    assert_eq!(ask("/elsewhere").status, 503, "a listener without servers");
    let form = "s=s1&action=maint&b=web";
    let post = format!(
        "POST /haproxy HTTP/1.1\r\nHost: x\r\n{login}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    // HAProxy names the backend by its number on the page or by its name.
    let mut client = stage.connect(9000).unwrap();
    client.send(post).unwrap();
    let answer = client.response("POST").unwrap();
    assert_eq!(answer.status, 303);
    assert!(answer.header("location").unwrap().starts_with("/haproxy;st="), "{answer:?}");
    assert_eq!(cell(&stage, "web", "s1", "status"), "MAINT");
}

fn a_drain_lets_requests_finish(program: Program) {
    let (stage, origins) = started(program);
    let mut slow = stage.connect(8080).unwrap();
    slow.send("GET /?delay=1500 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    wait::until_true("the server is asked", PATIENCE, || {
        origins.iter().any(|o| !o.requests_for("/?delay").is_empty())
    })
    .unwrap();
    stage.signal(Signal::SIGUSR1).unwrap();
    wait::until_true("it accepts no more", PATIENCE, || !stage.proxy.listens(8080).unwrap()).unwrap();
    assert_eq!(slow.response("GET").unwrap().status, 200);
    let exit = stage.daemon.as_ref().unwrap().process().wait(PATIENCE);
    assert_eq!(exit, Some(Exit::Code(0)));
}

fn sigterm_ends_it_at_once(program: Program) {
    let (stage, _origins) = started(program);
    let mut idle = stage.connect(8080).unwrap();
    assert_eq!(idle.get("/", "").unwrap().status, 200);
    stage.signal(Signal::SIGTERM).unwrap();
    let exit = stage.daemon.as_ref().unwrap().process().wait(PATIENCE);
    // HAProxy leaves by the code that a shell shows for the signal.
    assert!(matches!(exit, Some(Exit::Code(143) | Exit::Signal(15) | Exit::Code(0))), "{exit:?}");
    assert!(idle.closed().unwrap());
}

fn privileges_are_given_up_as_the_file_says(program: Program) {
    let stage = Stage::new(program).unwrap();
    let _origin = stage.origin("o", 80).unwrap();
    let config = format!(
        "global\n    chroot /var/lib/haproxy\n    user haproxy\n    group haproxy\n    daemon\n    pidfile /var/run/haproxy.pid\n\
         \x20   stats socket /var/lib/haproxy/stats mode 600 user haproxy group haproxy\n    maxconn 2000\n\
         listen web\n    bind :80\n    server o {ORIGIN}:80\n"
    );
    stage.write(&config).unwrap();
    let path = program.called("haproxy", stage.proxy.work()).unwrap();
    let out = stage.proxy.exec(Cmd::new(path).args(["-f", "/etc/proxy.cfg"])).unwrap();
    assert_eq!(out.exit, Exit::Code(0), "{}{}", out.stdout, out.stderr);
    wait::until_true("it serves port 80", PATIENCE, || stage.get(80, "/").is_ok_and(|r| r.status == 200))
        .unwrap();
    let pid: i32 = stage.proxy.read("/run/haproxy.pid").unwrap().trim().parse().unwrap();
    assert!(stage.proxy.pids("haproxy").unwrap().contains(&pid), "the file names a process called haproxy");
    let user: u32 = stage.proxy.sh("id -u haproxy").unwrap().trim().parse().unwrap();
    let mut without_rights = 0;
    for pid in stage.proxy.pids("haproxy").unwrap() {
        let status = stage.proxy.read(format!("/proc/{pid}/status")).unwrap();
        let field =
            |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).unwrap_or("").trim().to_string();
        let uids: Vec<u32> = field("Uid:").split_ascii_whitespace().filter_map(|u| u.parse().ok()).collect();
        if uids == [user; 4] {
            without_rights += 1;
            assert_eq!(stage.proxy.sh(&format!("readlink /proc/{pid}/root")).unwrap(), "/var/lib/haproxy\n");
            assert_eq!(u64::from_str_radix(&field("CapEff:"), 16).unwrap(), 0, "{status}");
        }
    }
    assert_eq!(without_rights, 1, "the process that carries the traffic");
    assert_eq!(stage.proxy.sh("stat -c '%a %U %G' /var/lib/haproxy/stats").unwrap(), "600 haproxy haproxy\n");
    stage.proxy.signal(pid, Signal::SIGTERM).unwrap();
    wait::until_true("all of it has ended", PATIENCE, || stage.proxy.processes().unwrap().is_empty())
        .unwrap();
}

/// Ours alone: HAProxy reloads this way only under its master process.
mod reload {
    use super::*;

    fn document_like(extra: &str) -> String {
        format!(
            "global\n    chroot /var/lib/haproxy\n    user haproxy\n    group haproxy\n    daemon\n    pidfile /var/run/haproxy.pid\n\
             frontend web\n    bind :80\n{extra}    default_backend app\nbackend app\n    server s {ORIGIN}:81\nbackend other\n    server s {ORIGIN}:82\n"
        )
    }

    #[test]
    fn a_reload_from_inside_the_chroot_takes_the_new_file_and_loses_nothing() {
        let stage = Stage::new(Program::Lbproxy).unwrap();
        let (_a, _b) = (stage.origin("app", 81).unwrap(), stage.origin("other", 82).unwrap());
        stage.write(&document_like("")).unwrap();
        let path = Program::Lbproxy.called("haproxy", stage.proxy.work()).unwrap();
        let out = stage.proxy.exec(Cmd::new(path).args(["-f", "/etc/proxy.cfg"])).unwrap();
        assert_eq!(out.exit, Exit::Code(0), "{}{}", out.stdout, out.stderr);
        wait::until_true("it serves", PATIENCE, || stage.get(80, "/new").is_ok_and(|r| r.text() == "app\n"))
            .unwrap();
        let pid: i32 = stage.proxy.read("/run/haproxy.pid").unwrap().trim().parse().unwrap();
        let to = "10.9.0.1:80".parse().unwrap();
        let plan = e2e::load::Plan { to, target: "/load".into(), rate: 200, patience: PATIENCE };
        let load = e2e::load::Load::start(&stage.client, plan).unwrap();
        wait::until_true("there is load", PATIENCE, || load.probes().len() > 20).unwrap();

        stage.write(&document_like("    use_backend other if { path_beg /new }\n    bind :8080\n")).unwrap();
        stage.proxy.signal(pid, Signal::SIGUSR2).unwrap();
        wait::until_true("the new rule holds", PATIENCE, || {
            stage.get(80, "/new").is_ok_and(|r| r.text() == "other\n")
        })
        .unwrap();
        wait::until_true("the new address is bound", PATIENCE, || stage.get(8080, "/").is_ok()).unwrap();

        // A file that is no good changes nothing.
        stage.write(&document_like("    use_backend other if { path_beg /new\n    no such thing\n")).unwrap();
        stage.proxy.signal(pid, Signal::SIGHUP).unwrap();
        let seen = load.probes().len();
        wait::until_true("more load has passed", PATIENCE, || load.probes().len() > seen + 100).unwrap();
        assert_eq!(stage.get(80, "/new").unwrap().text(), "other\n", "it runs on as it was");
        let lost: Vec<_> =
            load.finish().into_iter().filter(|p| p.outcome != e2e::load::Outcome::Answered).collect();
        assert!(lost.is_empty(), "requests were lost: {lost:?}");
    }
}
