//! How connections reach the proxy and leave it: addresses of every kind, the PROXY protocol,
//! TLS on either side, plain TCP.

use e2e::client::Client;
use e2e::daemon::Program;
use e2e::netns::Cmd;
use e2e::stage::{ORIGIN, PATIENCE, PROXY, Stage};

e2e::with_both_proxies!(
    a_tcp_proxy_passes_bytes_and_half_closes,
    accept_proxy_believes_the_header,
    addresses_of_every_kind_are_bound,
    an_address_that_is_not_here_can_be_bound,
    send_proxy_tells_the_server,
    the_certificate_is_chosen_by_name,
    tls_to_the_server_is_verified,
);

fn addresses_of_every_kind_are_bound(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origin = stage.origin("o", 80).unwrap();
    stage.proxy.mkdir("/run/web", None).unwrap();
    let config = format!(
        "listen web\n    bind :8080\n    bind {PROXY}:8081,127.0.0.1:8082\n    bind *:8083-8085\n    bind [::1]:8086\n\
         \x20   bind :::8087 v4v6\n    bind /run/web/sock mode 600\n    server o {ORIGIN}:80\n"
    );
    stage.start(&config, 8080).unwrap();
    for port in [8080, 8081, 8083, 8084, 8085, 8087] {
        assert_eq!(stage.get(port, "/").unwrap().text(), "o\n", "{port}");
    }
    for inside in ["127.0.0.1:8082", "[::1]:8086", "[::1]:8087"] {
        let mut client = Client::connect(&stage.proxy, inside).unwrap();
        assert_eq!(client.get("/", "").unwrap().text(), "o\n", "{inside}");
    }
    assert!(stage.connect(8086).is_err(), "bound to ::1 alone");
    let mut client = Client::connect_unix(&stage.proxy, "/run/web/sock").unwrap();
    assert_eq!(client.get("/", "").unwrap().text(), "o\n");
    assert_eq!(stage.proxy.sh("stat -c %a /run/web/sock").unwrap(), "600\n");
}

fn an_address_that_is_not_here_can_be_bound(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origin = stage.origin("o", 80).unwrap();
    if program == Program::Haproxy {
        // The peer needs the kernel's permission; ours does not.
        stage.proxy.sysctl("net.ipv4.ip_nonlocal_bind", "1").unwrap();
    }
    stage.start(&format!("listen web\n    bind 10.9.0.77:8080\n    server o {ORIGIN}:80\n"), 8080).unwrap();
    assert!(Client::connect(&stage.client, "10.9.0.77:8080").is_err());
    stage.proxy.add_address("eth0", "10.9.0.77/32").unwrap();
    let mut client = Client::connect(&stage.client, "10.9.0.77:8080").unwrap();
    assert_eq!(client.get("/", "").unwrap().text(), "o\n");
}

fn accept_proxy_believes_the_header(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let origin = stage.origin("o", 80).unwrap();
    let config =
        format!("listen web\n    bind :8080 accept-proxy\n    option forwardfor\n    server o {ORIGIN}:80\n");
    stage.start(&config, 8080).unwrap();
    let mut v1 = stage.connect(8080).unwrap();
    v1.send("PROXY TCP4 192.0.2.7 192.0.2.8 1111 80\r\n").unwrap();
    assert_eq!(v1.get("/v1", "").unwrap().status, 200);
    let mut v2 = stage.connect(8080).unwrap();
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend([192, 0, 2, 9, 192, 0, 2, 8, 4, 87, 0, 80]);
    v2.send(header).unwrap();
    assert_eq!(v2.get("/v2", "").unwrap().status, 200);
    let from = |target: &str| origin.requests_for(target)[0].header("x-forwarded-for").unwrap().to_string();
    assert_eq!((from("/v1").as_str(), from("/v2").as_str()), ("192.0.2.7", "192.0.2.9"));
    let mut without = stage.connect(8080).unwrap();
    assert!(without.get("/none", "").is_err(), "without the header nothing is served");
}

fn send_proxy_tells_the_server(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _v1 = stage
        .raw_origin(81, |mut c| {
            let line = c.bytes.line().unwrap_or_default();
            let _head = c.bytes.head();
            let _ = c.bytes.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{line}", line.len()));
        })
        .unwrap();
    let _v2 = stage
        .raw_origin(82, |mut c| {
            let header = c.bytes.exactly(28).unwrap_or_default();
            let _head = c.bytes.head();
            let text: String = header.iter().map(|b| format!("{b:02x}")).collect();
            let _ = c.bytes.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()));
        })
        .unwrap();
    let config = format!(
        "listen one\n    bind :8081\n    server s {ORIGIN}:81 send-proxy\nlisten two\n    bind :8082\n    server s {ORIGIN}:82 send-proxy-v2\n"
    );
    stage.start(&config, 8081).unwrap();
    let line = stage.get(8081, "/").unwrap().text();
    assert!(line.starts_with("PROXY TCP4 10.9.0.2 10.9.0.1 ") && line.ends_with(" 8081"), "{line}");
    let header = stage.get(8082, "/").unwrap().text();
    assert!(header.starts_with("0d0a0d0a000d0a515549540a2111000c0a0900020a090001"), "{header}");
    assert!(header.ends_with("1f92"), "port 8082: {header}");
}

fn a_tcp_proxy_passes_bytes_and_half_closes(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origin = stage
        .raw_origin(90, |mut c| {
            // Answers only when the client has said that it is done.
            let all = c.bytes.to_end().unwrap();
            c.bytes.send(format!("{} bytes", all.len())).unwrap();
        })
        .unwrap();
    let config = format!("listen raw\n    bind :8090\n    mode tcp\n    server s {ORIGIN}:90\n");
    stage.start(&config, 8090).unwrap();
    let stream = stage.client.tcp_connect(&format!("{PROXY}:8090")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = Client::over(stream.try_clone().unwrap());
    client.send(vec![0xa5; 500_000]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.to_end().unwrap(), b"500000 bytes");
}

/// Writes a certificate for these names and its key into one file, as HAProxy wants it.
fn certificate(stage: &Stage, path: &str, names: &[&str]) -> String {
    let made = rcgen::generate_simple_self_signed(names.iter().map(ToString::to_string).collect::<Vec<_>>())
        .unwrap();
    stage.proxy.write(path, format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem())).unwrap();
    made.cert.pem()
}

fn the_certificate_is_chosen_by_name(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let _origin = stage.origin("o", 80).unwrap();
    let first = certificate(&stage, "/etc/certs/a.pem", &["a.example.com"]);
    let second = certificate(&stage, "/etc/certs/b.pem", &["b.example.com"]);
    let wild = certificate(&stage, "/etc/certs/w.pem", &["*.wild.example.com"]);
    let config = format!("listen web\n    bind :8443 ssl crt /etc/certs/\n    server o {ORIGIN}:80\n");
    stage.start(&config, 8443).unwrap();
    for (name, pem) in [
        ("a.example.com", &first),
        ("b.example.com", &second),
        ("x.wild.example.com", &wild),
        ("other.com", &first),
    ] {
        stage.client.write("/tmp/ca.pem", pem).unwrap();
        let insecure = if name == "other.com" { "-k" } else { "--cacert /tmp/ca.pem" };
        let line =
            format!("curl -sS {insecure} --max-time 20 --resolve {name}:8443:{PROXY} https://{name}:8443/");
        assert_eq!(stage.client.sh(&line).unwrap(), "o\n", "{name}");
    }
    let line = format!(
        "curl -sv -k --max-time 20 --tls-max 1.2 --resolve b.example.com:8443:{PROXY} https://b.example.com:8443/ 2>&1"
    );
    let said = stage.client.sh(&line).unwrap();
    assert!(said.contains("TLSv1.2"), "the older version too: {said}");
}

fn tls_to_the_server_is_verified(program: Program) {
    let mut stage = Stage::new(program).unwrap();
    let ca = certificate(&stage, "/etc/certs/server.pem", &["server.example.com"]);
    stage.proxy.write("/etc/certs/ca.pem", ca).unwrap();
    certificate(&stage, "/etc/certs/other.pem", &["server.example.com"]);
    stage.proxy.sh("cat /etc/certs/other.pem > /etc/certs/stranger.pem").unwrap();
    // A second, plain proxy of the peer's kind ends TLS before the origin.
    let _origin = stage.origin("o", 80).unwrap();
    let pem = stage.proxy.read("/etc/certs/server.pem").unwrap();
    stage.origin.write("/etc/certs/server.pem", pem).unwrap();
    let far = "defaults\n    mode http\n    timeout connect 5s\n    timeout client 10s\n    timeout server 10s\n\
               listen tls\n    bind :443 ssl crt /etc/certs/server.pem\n    server o 10.9.0.3:80\n";
    stage.origin.write("/etc/far.cfg", far).unwrap();
    let path = Program::Haproxy.path().unwrap();
    let _far = stage.origin.spawn(Cmd::new(path).args(["-db", "-f", "/etc/far.cfg"])).unwrap();
    e2e::wait::until_true("the far end listens", PATIENCE, || stage.origin.listens(443).unwrap()).unwrap();
    let server = |name: &str, port: u16, words: &str| {
        format!("listen {name}\n    bind :{port}\n    retries 0\n    server s {ORIGIN}:443 ssl {words}\n")
    };
    let config = [
        server("none", 8081, "verify none"),
        server(
            "good",
            8082,
            "verify required ca-file /etc/certs/ca.pem sni str(server.example.com) verifyhost server.example.com",
        ),
        server(
            "stranger",
            8083,
            "verify required ca-file /etc/certs/stranger.pem verifyhost server.example.com",
        ),
        server("name", 8084, "verify required ca-file /etc/certs/ca.pem verifyhost wrong.example.com"),
    ];
    stage.start(&config.concat(), 8081).unwrap();
    for (port, status) in [(8081, 200), (8082, 200), (8083, 503), (8084, 503)] {
        assert_eq!(stage.get(port, "/").unwrap().status, status, "{port}");
    }
}
