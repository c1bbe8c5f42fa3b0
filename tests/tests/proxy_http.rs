//! HTTP through the proxy: connection modes, added headers, switching, tunnels, error answers.

use e2e::client::Client;
use e2e::daemon::Program;
use e2e::stage::{ORIGIN, PATIENCE, Stage};

e2e::with_both_proxies!(
    a_kept_alive_connection_serves_many_requests,
    acls_choose_the_backend,
    body_bytes_pass_unchanged_both_ways,
    connect_makes_a_tunnel,
    forwardfor_says_who_asked,
    httpclose_ends_both_connections,
    no_server_is_answered_503,
    request_rules_change_and_deny,
    server_close_ends_the_servers_connection_only,
    the_old_error_file_is_sent_as_it_is,
    websockets_pass_both_ways,
);

fn a_kept_alive_connection_serves_many_requests(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let origin = stage.origin("o", 80).unwrap();
    stage.start(&format!("listen web\n    bind :8080\n    server o {ORIGIN}:80\n"), 8080).unwrap();
    let mut client = stage.connect(8080).unwrap();
    for i in 0..20 {
        let answer = client.get(&format!("/n{i}"), "").unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "o\n"));
    }
    assert_eq!(origin.served(), 20);
    assert_eq!(origin.connections(), 1, "the server's connection is kept too");
}

fn server_close_ends_the_servers_connection_only(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let origin = stage.origin("o", 80).unwrap();
    let config =
        format!("listen web\n    bind :8080\n    option http-server-close\n    server o {ORIGIN}:80\n");
    stage.start(&config, 8080).unwrap();
    let mut client = stage.connect(8080).unwrap();
    for _ in 0..3 {
        assert_eq!(client.get("/", "").unwrap().status, 200);
    }
    assert_eq!(origin.connections(), 3, "one connection to the server for each request");
    assert_eq!(origin.requests()[0].header("connection"), Some("close"));
}

fn httpclose_ends_both_connections(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let origin = stage.origin("o", 80).unwrap();
    let config = format!("listen web\n    bind :8080\n    option httpclose\n    server o {ORIGIN}:80\n");
    stage.start(&config, 8080).unwrap();
    let mut client = stage.connect(8080).unwrap();
    let answer = client.get("/", "").unwrap();
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.closed().unwrap());
    assert_eq!(origin.requests()[0].header("connection"), Some("close"));
}

fn forwardfor_says_who_asked(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let origin = stage.origin("o", 80).unwrap();
    let listen = |name: &str, port: u16, option: &str| {
        format!("listen {name}\n    bind :{port}\n    option forwardfor {option}\n    server o {ORIGIN}:80\n")
    };
    let config = [
        listen("plain", 8080, ""),
        listen("except", 8081, "except 10.9.0.0/24"),
        listen("named", 8082, "header X-Client"),
        listen("ifnone", 8083, "if-none"),
    ];
    stage.start(&config.concat(), 8080).unwrap();
    let ask = |port: u16, headers: &str| {
        let before = origin.requests().len();
        stage.connect(port).unwrap().get("/", headers).unwrap();
        origin.requests().remove(before)
    };
    let all = |r: &e2e::origin::Recorded, name: &str| -> Vec<String> {
        r.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect()
    };
    assert_eq!(all(&ask(8080, ""), "x-forwarded-for"), ["10.9.0.2"]);
    let added = all(&ask(8080, "X-Forwarded-For: 1.2.3.4\r\n"), "x-forwarded-for");
    assert_eq!(added, ["1.2.3.4", "10.9.0.2"], "what was there stays, ours comes last");
    assert!(all(&ask(8081, ""), "x-forwarded-for").is_empty());
    assert_eq!(all(&ask(8082, ""), "x-client"), ["10.9.0.2"]);
    assert_eq!(all(&ask(8083, "X-Forwarded-For: 1.2.3.4\r\n"), "x-forwarded-for"), ["1.2.3.4"]);
}

fn acls_choose_the_backend(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let (_a, _b, _c) = (
        stage.origin("app", 81).unwrap(),
        stage.origin("static", 82).unwrap(),
        stage.origin("post", 83).unwrap(),
    );
    let config = format!(
        "frontend web\n    bind :8080\n\
         \x20   acl url_static path_beg -i /static /images\n    acl url_static path_end -i .jpg .gif\n\
         \x20   use_backend post if METH_POST !url_static\n    use_backend static if url_static\n    default_backend app\n\
         backend app\n    server s {ORIGIN}:81\nbackend static\n    server s {ORIGIN}:82\nbackend post\n    server s {ORIGIN}:83\n"
    );
    stage.start(&config, 8080).unwrap();
    for (target, who) in [
        ("/", "app\n"),
        ("/static/x", "static\n"),
        ("/IMAGES/y", "static\n"),
        ("/a/static", "app\n"),
        ("/x.JPG", "static\n"),
        ("/x.gif?a=b", "static\n"),
        ("/x.png", "app\n"),
        ("/x?.gif", "app\n"),
    ] {
        assert_eq!(stage.get(8080, target).unwrap().text(), who, "{target}");
    }
    let mut client = stage.connect(8080).unwrap();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(client.response("POST").unwrap().text(), "post\n");
}

fn request_rules_change_and_deny(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let origin = stage.origin("o", 80).unwrap();
    let config = format!(
        "frontend web\n    bind :8080\n    http-request deny if {{ path_beg /secret }}\n\
         \x20   http-request deny deny_status 429 if {{ path /slow }}\n\
         \x20   http-request redirect location /new code 301 if {{ path /old }}\n\
         \x20   http-request set-header X-A one\n    http-request add-header X-B \"%[src] %[method]\"\n\
         \x20   http-request del-header X-C\n    http-response set-header X-R yes\n\
         \x20   default_backend app\nbackend app\n    server s {ORIGIN}:80\n"
    );
    stage.start(&config, 8080).unwrap();
    assert_eq!(stage.get(8080, "/secret/x").unwrap().status, 403);
    assert_eq!(stage.get(8080, "/slow").unwrap().status, 429);
    let moved = stage.get(8080, "/old").unwrap();
    assert_eq!((moved.status, moved.header("location")), (301, Some("/new")));
    assert!(origin.requests().is_empty(), "none of those reaches the server");
    let mut client = stage.connect(8080).unwrap();
    let answer = client.get("/", "X-A: two\r\nX-C: gone\r\n").unwrap();
    assert_eq!(answer.header("x-r"), Some("yes"));
    let seen = origin.requests().remove(0);
    assert_eq!(seen.header("x-a"), Some("one"));
    assert_eq!(seen.header("x-b"), Some("10.9.0.2 GET"));
    assert_eq!(seen.header("x-c"), None);
}

fn body_bytes_pass_unchanged_both_ways(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let origin = stage.origin("o", 80).unwrap();
    stage.start(&format!("listen web\n    bind :8080\n    server o {ORIGIN}:80\n"), 8080).unwrap();
    let body: Vec<u8> = (0..300_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let mut client = stage.connect(8080).unwrap();
    client.send(format!("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len())).unwrap();
    client.send(&body).unwrap();
    assert_eq!(client.response("POST").unwrap().status, 200);
    assert!(origin.requests()[0].body == body, "the body must arrive as it was sent");
    client.send("POST /chunks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    for part in body.chunks(7_001) {
        client.send(format!("{:x}\r\n", part.len())).unwrap();
        client.send(part).unwrap();
        client.send("\r\n").unwrap();
    }
    client.send("0\r\n\r\n").unwrap();
    assert_eq!(client.response("POST").unwrap().status, 200);
    assert!(origin.requests()[1].body == body, "chunks must arrive as they were sent");
    let big = client.get("/down?size=400000", "").unwrap();
    assert_eq!(big.body.len(), 400_000);
    let big = client.get("/down?size=400000&chunked=1", "").unwrap();
    assert_eq!((big.body.len(), big.header("content-length")), (400_000, None));
    client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(client.response("HEAD").unwrap().header("content-length"), Some("2"));
    assert_eq!(client.get("/after-head", "").unwrap().text(), "o\n");
}

fn websockets_pass_both_ways(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origin = stage.origin("o", 80).unwrap();
    stage.start(&format!("listen web\n    bind :8080\n    server o {ORIGIN}:80\n"), 8080).unwrap();
    let mut client = stage.connect(8080).unwrap();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let answer = client.get("/websockify", upgrade).unwrap();
    assert_eq!((answer.status, answer.header("upgrade")), (101, Some("websocket")));
    for frame in [&b"\x81\x05hello"[..], b"\x82\x03\x00\xff\x0d", b"\x88\x00"] {
        client.send(frame).unwrap();
        assert_eq!(client.exactly(frame.len()).unwrap(), frame);
    }
}

fn connect_makes_a_tunnel(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origin = stage
        .raw_origin(80, |mut c| {
            let head = c.bytes.head().unwrap();
            assert!(head.starts_with("CONNECT far:22 HTTP/1.1\r\n"), "{head}");
            c.bytes.send("HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let got = c.bytes.exactly(4).unwrap();
            c.bytes.send([&b"got "[..], &got].concat()).unwrap();
        })
        .unwrap();
    stage.start(&format!("listen web\n    bind :8080\n    server o {ORIGIN}:80\n"), 8080).unwrap();
    let mut client = stage.connect(8080).unwrap();
    client.send("CONNECT far:22 HTTP/1.1\r\nHost: far:22\r\n\r\n").unwrap();
    assert_eq!(client.response("CONNECT").unwrap().status, 200);
    client.send("\0\x01\x02\x03").unwrap();
    assert_eq!(client.exactly(8).unwrap(), b"got \0\x01\x02\x03");
}

fn no_server_is_answered_503(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    stage.start("frontend web\n    bind :8080\n    default_backend none\nbackend none\n", 8080).unwrap();
    let mut client = stage.connect(8080).unwrap();
    let answer = client.get("/", "").unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert!(answer.head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{}", answer.head);
    assert_eq!(
        answer.header("content-length").and_then(|l| l.parse::<usize>().ok()),
        Some(answer.body.len())
    );
    // A request that is none is answered 400 and ends the connection.
    let mut client: Client = stage.connect(8080).unwrap();
    client.send("GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n").unwrap();
    assert_eq!(client.response("GET").unwrap().status, 400);
    assert!(client.closed().unwrap());
}

fn the_old_error_file_is_sent_as_it_is(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let page = "HTTP/1.0 503 Gone Fishing\r\nCache-Control: no-cache\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nback\n";
    stage.proxy.write("/etc/errors/503.http", page).unwrap();
    let config = "listen web\n    bind :8080\n    errorfile 503 /etc/errors/503.http\n    server o 10.9.0.3:9 check disabled\n";
    stage.start(config, 8080).unwrap();
    let answer = e2e::wait::until("the error file", PATIENCE, || stage.get(8080, "/").ok()).unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (503, "back\n"));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
}
