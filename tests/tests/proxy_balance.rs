//! Choosing a server: algorithms, health, backups, cookies, queues, retries.

use std::collections::BTreeMap;

use e2e::daemon::Program;
use e2e::origin::Origin;
use e2e::stage::{ORIGIN, PATIENCE, Stage};
use e2e::wait;

e2e::with_both_proxies!(
    a_backup_serves_only_when_the_others_are_down,
    a_cookie_keeps_a_client_on_its_server,
    a_cookie_with_attributes_and_prefix,
    a_disabled_server_gets_nothing,
    a_full_server_makes_requests_wait,
    a_request_goes_to_another_server_when_one_is_dead,
    a_server_goes_down_and_comes_back_by_its_checks,
    an_http_check_wants_the_right_status,
    first_fills_the_first_server_first,
    leastconn_avoids_the_busy_server,
    roundrobin_takes_turns_by_weight,
    source_keeps_an_address_on_one_server,
    the_random_algorithm_uses_every_server,
);

/// Origins `s1`, `s2` … at ports 81, 82 …
fn origins(stage: &Stage, count: u16) -> Vec<Origin> {
    (1..=count).map(|i| stage.origin(&format!("s{i}"), 80 + i).unwrap()).collect()
}

/// `server` lines for those, each with these words after it.
fn servers(words: &[&str]) -> String {
    let line = |(i, w): (usize, &&str)| format!("    server s{} {ORIGIN}:{} {w}\n", i + 1, 81 + i);
    words.iter().enumerate().map(line).collect()
}

/// How often each server answered `n` requests, each on a connection of its own.
fn answers(stage: &Stage, n: usize) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for _ in 0..n {
        *count.entry(stage.get(8080, "/").unwrap().text().trim().to_string()).or_default() += 1;
    }
    count
}

fn roundrobin_takes_turns_by_weight(program: Program) {
    for algorithm in ["roundrobin", "static-rr"] {
        let mut stage = Stage::new(program).unwrap();
        let _origins = origins(&stage, 3);
        let lines = servers(&["weight 10", "weight 20", "weight 10"]);
        stage
            .start(
                &format!(
                    "global\n    nbthread 2\nlisten web\n    bind :8080\n    balance {algorithm}\n{lines}"
                ),
                8080,
            )
            .unwrap();
        let count = answers(&stage, 40);
        assert_eq!((count["s1"], count["s2"], count["s3"]), (10, 20, 10), "{algorithm}, over both threads");
    }
}

fn leastconn_avoids_the_busy_server(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origins = origins(&stage, 2);
    stage
        .start(&format!("listen web\n    bind :8080\n    balance leastconn\n{}", servers(&["", ""])), 8080)
        .unwrap();
    let mut slow = stage.connect(8080).unwrap();
    slow.send("GET /?delay=5000 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let busy = wait::until("one server is busy", PATIENCE, || {
        let seen: Vec<usize> = _origins.iter().map(|o| o.requests_for("/?delay").len()).collect();
        seen.iter().position(|n| *n == 1)
    });
    let free = if busy.unwrap() == 0 { "s2" } else { "s1" };
    assert_eq!(answers(&stage, 8), BTreeMap::from([(free.to_string(), 8)]));
}

fn source_keeps_an_address_on_one_server(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origins = origins(&stage, 3);
    stage
        .start(&format!("listen web\n    bind :8080\n    balance source\n{}", servers(&["", "", ""])), 8080)
        .unwrap();
    assert_eq!(answers(&stage, 12).len(), 1, "one client address, one server");
    let mut all = BTreeMap::new();
    for last in 20..60 {
        let address = format!("10.9.0.{last}");
        stage.client.add_address("eth0", &format!("{address}/32")).unwrap();
        let to = "10.9.0.1:8080".parse().unwrap();
        let stream = stage
            .client
            .tcp_connect_from(to, Some(format!("{address}:0").parse().unwrap()), PATIENCE)
            .unwrap();
        let answer = e2e::client::Client::over(stream).get("/", "").unwrap();
        *all.entry(answer.text()).or_insert(0) += 1;
    }
    assert_eq!(all.len(), 3, "forty addresses spread over the servers: {all:?}");
}

fn first_fills_the_first_server_first(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let origins = origins(&stage, 2);
    // Two places, so that one request after another always finds one free.
    let lines = servers(&["maxconn 2", "maxconn 2"]);
    stage.start(&format!("listen web\n    bind :8080\n    balance first\n{lines}"), 8080).unwrap();
    assert_eq!(answers(&stage, 6), BTreeMap::from([("s1".to_string(), 6)]));
    let slow = [(); 2].map(|()| {
        let mut client = stage.connect(8080).unwrap();
        client.send("GET /?delay=5000 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        client
    });
    wait::until_true("s1 is full", PATIENCE, || origins[0].requests_for("/?delay").len() == 2).unwrap();
    assert_eq!(answers(&stage, 3), BTreeMap::from([("s2".to_string(), 3)]));
    drop(slow);
}

fn the_random_algorithm_uses_every_server(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origins = origins(&stage, 3);
    stage
        .start(&format!("listen web\n    bind :8080\n    balance random\n{}", servers(&["", "", ""])), 8080)
        .unwrap();
    assert_eq!(answers(&stage, 60).len(), 3);
}

fn a_disabled_server_gets_nothing(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origins = origins(&stage, 2);
    stage
        .start(
            &format!("listen web\n    bind :8080\n    balance roundrobin\n{}", servers(&["disabled", ""])),
            8080,
        )
        .unwrap();
    assert_eq!(answers(&stage, 6), BTreeMap::from([("s2".to_string(), 6)]));
}

fn a_server_goes_down_and_comes_back_by_its_checks(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let mut origins = origins(&stage, 2);
    let lines = servers(&["check inter 100ms rise 2 fall 2", "check inter 100ms"]);
    let config = format!(
        "global\n    log 127.0.0.1:514 local0\nlisten web\n    bind :8080\n    balance roundrobin\n    log global\n{lines}"
    );
    stage.start(&config, 8080).unwrap();
    assert_eq!(answers(&stage, 8).len(), 2);
    origins.truncate(1);
    let line = stage.log.wait_for("Server web/s2 is DOWN", PATIENCE).unwrap();
    // HAProxy 3.5, which we follow, names the error of the system before its words; 2.6 does not.
    let info = match program {
        Program::Lbproxy => "ECONNREFUSED returned by OS (Connection refused)",
        _ => "Connection refused",
    };
    let reason = format!("reason: Layer4 connection problem, info: \"{info}\", check duration: ");
    assert!(line.contains(&reason), "{line}");
    let rest = "1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.";
    assert!(line.contains(rest), "{line}");
    assert_eq!(answers(&stage, 8), BTreeMap::from([("s1".to_string(), 8)]));
    origins.push(stage.origin("s2", 82).unwrap());
    let line = stage.log.wait_for("Server web/s2 is UP", PATIENCE).unwrap();
    assert!(line.contains("2 active and 0 backup servers online."), "{line}");
    wait::until_true("s2 serves again", PATIENCE, || answers(&stage, 8).len() == 2).unwrap();
    drop(origins);
    stage.log.wait_for("web has no server available!", PATIENCE).unwrap();
    assert_eq!(stage.get(8080, "/").unwrap().status, 503);
}

fn an_http_check_wants_the_right_status(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let origins = origins(&stage, 2);
    let config = format!(
        "global\n    log 127.0.0.1:514 local0\nlisten web\n    bind :8080\n    balance roundrobin\n    log global\n\
         \x20   option httpchk\n    http-check send meth GET uri /health ver HTTP/1.1 hdr Host checks\n\
         \x20   http-check expect status 200\n{}",
        servers(&["check inter 100ms fall 2 rise 1", "check inter 100ms fall 2 rise 1"])
    );
    stage.start(&config, 8080).unwrap();
    wait::until_true("both are asked", PATIENCE, || {
        origins.iter().all(|o| !o.requests_for("/health").is_empty())
    })
    .unwrap();
    let request = origins[0].requests_for("/health").remove(0);
    assert_eq!((request.method.as_str(), request.header("host")), ("GET", Some("checks")));
    origins[0].set_status(500);
    let line = stage.log.wait_for("Server web/s1 is DOWN", PATIENCE).unwrap();
    assert!(line.contains("reason: Layer7 wrong status, code: 500"), "{line}");
    origins[0].set_status(200);
    let line = stage.log.wait_for("Server web/s1 is UP", PATIENCE).unwrap();
    assert!(line.contains("reason: Layer7 check passed, code: 200"), "{line}");
}

fn a_backup_serves_only_when_the_others_are_down(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let mut origins = origins(&stage, 2);
    let lines = servers(&["check inter 100ms fall 1", "check inter 100ms backup"]);
    let config = format!(
        "global\n    log 127.0.0.1:514 local0\nlisten web\n    bind :8080\n    balance roundrobin\n    log global\n{lines}"
    );
    stage.start(&config, 8080).unwrap();
    assert_eq!(answers(&stage, 6), BTreeMap::from([("s1".to_string(), 6)]));
    origins.remove(0);
    let line = stage.log.wait_for("Server web/s1 is DOWN", PATIENCE).unwrap();
    assert!(line.contains("0 active and 1 backup servers left. Running on backup."), "{line}");
    assert_eq!(answers(&stage, 4), BTreeMap::from([("s2".to_string(), 4)]));
}

fn a_request_goes_to_another_server_when_one_is_dead(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _s2 = stage.origin("s2", 82).unwrap();
    let config = format!(
        "listen web\n    bind :8080\n    balance roundrobin\n    retries 2\n    option redispatch 1\n{}",
        servers(&["", ""])
    );
    stage.start(&config, 8080).unwrap();
    for _ in 0..4 {
        assert_eq!(stage.get(8080, "/").unwrap().text(), "s2\n", "nothing listens at s1's port");
    }
}

fn a_full_server_makes_requests_wait(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let origin = stage.origin("s1", 81).unwrap();
    let config = format!(
        "global\n    log 127.0.0.1:514 local0\nlisten web\n    bind :8080\n    balance roundrobin\n    log global\n    option httplog\n\
         \x20   timeout queue 300ms\n    http-reuse never\n{}",
        servers(&["maxconn 1"])
    );
    stage.start(&config, 8080).unwrap();
    let mut slow = stage.connect(8080).unwrap();
    slow.send("GET /?delay=2000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    wait::until_true("the server is full", PATIENCE, || !origin.requests_for("/?delay").is_empty()).unwrap();
    let waited = stage.get(8080, "/too-late").unwrap();
    assert_eq!(waited.status, 503, "the queue's time is over before the server is free");
    let line = stage.log.wait_for("/too-late", PATIENCE).unwrap();
    assert!(line.contains(" sQ-- "), "{line}");
    assert_eq!(slow.response("GET").unwrap().status, 200);
    assert!(origin.requests_for("/too-late").is_empty());
}

fn a_cookie_keeps_a_client_on_its_server(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let origins = origins(&stage, 2);
    let config = format!(
        "listen web\n    bind :8080\n    balance roundrobin\n    cookie SERVERID insert indirect nocache\n{}",
        servers(&["cookie one", "cookie two"])
    );
    stage.start(&config, 8080).unwrap();
    let first = stage.get(8080, "/").unwrap();
    let set = first.header("set-cookie").unwrap().to_string();
    let mine = if first.text() == "s1\n" { "one" } else { "two" };
    assert_eq!(set, format!("SERVERID={mine}; path=/"));
    for _ in 0..5 {
        let answer = stage
            .connect(8080)
            .unwrap()
            .get("/kept", &format!("Cookie: a=b; SERVERID={mine}; c=d\r\n"))
            .unwrap();
        assert_eq!(answer.text(), first.text());
        assert_eq!(answer.header("set-cookie"), None, "it has the cookie already");
    }
    let seen = origins.iter().flat_map(|o| o.requests_for("/kept")).next().unwrap();
    assert_eq!(seen.header("cookie"), Some("a=b; c=d"), "indirect: the server does not see it");
    let lost = stage.connect(8080).unwrap().get("/", "Cookie: SERVERID=gone\r\n").unwrap();
    assert!(lost.header("set-cookie").is_some(), "a cookie of no server is replaced");
}

fn a_cookie_with_attributes_and_prefix(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origins = origins(&stage, 2);
    let config = format!(
        "listen web\n    bind :8080\n    balance roundrobin\n    cookie S insert httponly secure domain .example.com\n{}\
         listen pre\n    bind :8081\n    cookie JSESSIONID prefix\n{}",
        servers(&["cookie one"]),
        servers(&["cookie one"])
    );
    stage.start(&config, 8080).unwrap();
    let set = stage.get(8080, "/").unwrap().header("set-cookie").unwrap().to_string();
    assert_eq!(set, "S=one; path=/; domain=.example.com; HttpOnly; Secure");
    let answer = stage.get(8081, "/?header=Set-Cookie:JSESSIONID%3Dabc").unwrap();
    assert_eq!(
        answer.header("set-cookie"),
        Some("JSESSIONID%3Dabc"),
        "a cookie without a value is left alone"
    );
    let answer = stage.get(8081, "/?header=Set-Cookie:JSESSIONID=abc").unwrap();
    assert_eq!(answer.header("set-cookie"), Some("JSESSIONID=one~abc"));
}
