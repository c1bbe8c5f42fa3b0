//! Request smuggling: whatever a client sends, the proxy refuses it or forwards what everybody reads alike.
//!
//! A table of bytes goes through the proxy, row by row, to an origin that records every byte. What was forwarded is
//! then read by three servers that know nothing of each other: hyper, nginx and Python's `http.server`. They must
//! see the same requests, and those that the proxy meant. haproxy stands beside it as control: rows that everybody
//! agrees on pass through both, so that the harness is known to work, and where it answers otherwise is printed.
#![allow(
    clippy::print_stdout,
    reason = "where haproxy answers otherwise is shown to whoever asks with --nocapture"
)]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use e2e::client::Client;
use e2e::daemon::Program;
use e2e::netns::{Cmd, Host, Process, Signal};
use e2e::origin::Origin;
use e2e::stage::{ORIGIN, PATIENCE, Stage};
use e2e::wait;

#[path = "smuggling/table.rs"]
mod table;
use table::{ROWS, Row};

/// Rows that go through at once, each over a listener and an origin of its own.
const LANES: usize = 8;
const NGINX: u16 = 90;
const PYTHON: u16 = 91;

/// Short, so that a row whose message never ends is over soon.
const CONFIG: &str = "\
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout http-request 700ms
    timeout http-keep-alive 300ms
    timeout client 700ms
    timeout server 5s
    http-reuse never
    log 127.0.0.1:514 local0
";

#[test]
fn lbproxy_refuses_or_forwards_what_everybody_reads_alike() {
    let outcomes = run(Program::Lbproxy);
    let mut wrong = Vec::new();
    for o in &outcomes {
        if o.statuses != o.row.statuses {
            wrong.push(format!("{}: answered {:?}, not {:?}", o.row.name, o.statuses, o.row.statuses));
        }
        if let Some(why) = o.disagreement() {
            wrong.push(format!("{}: {why}\n    forwarded: {}", o.row.name, o.forwarded.escape_ascii()));
        }
        let passed = o.row.statuses.iter().filter(|s| **s == 200).count();
        if o.seen[0].len() < passed {
            wrong.push(format!("{}: {passed} answers, hyper saw {:?}", o.row.name, o.seen[0]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), ROWS.len(), wrong.join("\n"));
}

#[test]
fn haproxy_passes_what_everybody_agrees_on() {
    let outcomes = run(Program::Haproxy);
    let harmless = ["a plain request", "a length", "chunks", "GET with a body", "an extension", "trailers"];
    for o in &outcomes {
        if harmless.contains(&o.row.name) {
            assert_eq!((&o.statuses[..], o.disagreement()), (o.row.statuses, None), "{}", o.row.name);
        }
        if o.statuses != o.row.statuses {
            println!("haproxy answers {:?}, lbproxy {:?}: {}", o.statuses, o.row.statuses, o.row.name);
        }
    }
}

/// What became of a row.
struct Outcome {
    row: &'static Row,
    statuses: Vec<u16>,
    /// All that the origin got.
    forwarded: Vec<u8>,
    /// The requests that hyper, nginx and Python saw.
    seen: [Vec<String>; 3],
}

impl Outcome {
    /// Why the readers do not agree with one another and with the proxy.
    fn disagreement(&self) -> Option<String> {
        let names = ["hyper", "nginx", "python"];
        let meant = |seen: &[String]| {
            seen.len() <= self.row.reads.len() && seen.iter().zip(self.row.reads).all(|(a, b)| a == b)
        };
        let at = self.seen.iter().position(|seen| !meant(seen))?;
        Some(format!("{} saw {:?}, the proxy meant {:?}", names[at], self.seen[at], self.row.reads))
    }
}

fn run(program: Program) -> Vec<Outcome> {
    let mut stage = Stage::new(program).unwrap();
    let lanes: Vec<Lane> = (0..LANES).map(|i| Lane::new(&stage, i)).collect();
    let listens = (0..LANES)
        .map(|i| format!("listen l{i}\n    bind :{}\n    server o {ORIGIN}:{}\n", 8080 + i, 8000 + i));
    stage.start(&format!("{CONFIG}{}", listens.collect::<String>()), 8080).unwrap();
    let judges = Judges::start(&stage.origin);
    let next = Mutex::new(ROWS.iter());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for (i, lane) in lanes.iter().enumerate() {
            let (stage, judges, next, done) = (&stage, &judges, &next, &done);
            scope.spawn(move || {
                while let Some(row) = { next.lock().unwrap().next() } {
                    let outcome = lane.pass(stage, 8080 + i as u16, row, judges);
                    done.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let done = done.into_inner().unwrap();
    assert_eq!(done.len(), ROWS.len());
    done
}

/// A listener of the proxy and the origin behind it: hyper, with every byte on the way to it recorded.
struct Lane {
    hyper: Origin,
    recorded: Arc<Mutex<Vec<u8>>>,
}

impl Lane {
    fn new(stage: &Stage, i: usize) -> Lane {
        let listener = stage.origin.tcp_listen(&format!("{ORIGIN}:{}", 8000 + i)).unwrap();
        let hyper = Origin::local("hyper").unwrap();
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let (to, into) = (hyper.address(), Arc::clone(&recorded));
        std::thread::spawn(move || tee(&listener, to, &into));
        Lane { hyper, recorded }
    }

    fn pass(&self, stage: &Stage, port: u16, row: &'static Row, judges: &Judges) -> Outcome {
        self.recorded.lock().unwrap().clear();
        let before = self.hyper.requests().len();
        let mut client = stage.connect(port).unwrap();
        // The proxy may close before it has taken everything.
        let _ = client.send(row.bytes);
        let answers = client.to_end().unwrap_or_default();
        // The connection to the origin ends with the client's; its last bytes may still be on their way.
        std::thread::sleep(Duration::from_millis(50));
        let forwarded = self.recorded.lock().unwrap().clone();
        let seen_by_hyper = self.hyper.requests().split_off(before);
        let seen = [
            seen_by_hyper.iter().map(|r| format!("{} {}", r.method, path(&r.target))).collect(),
            judges.ask(NGINX, &forwarded),
            judges.ask(PYTHON, &forwarded),
        ];
        Outcome { row, statuses: statuses(&answers), forwarded, seen }
    }
}

/// The path of a target, which is all that some readers report of an absolute one.
fn path(target: &str) -> &str {
    target.split_once("://").and_then(|(_, rest)| rest.find('/').map(|i| &rest[i..])).unwrap_or(target)
}

/// Carries bytes between the proxy and the origin, one connection at a time, and keeps those of the proxy.
fn tee(listener: &TcpListener, to: SocketAddr, into: &Arc<Mutex<Vec<u8>>>) {
    listener.set_nonblocking(false).unwrap();
    while let Ok((mut from, _)) = listener.accept() {
        let into = Arc::clone(into);
        std::thread::spawn(move || -> std::io::Result<()> {
            let mut origin = TcpStream::connect(to)?;
            let (mut back_from, mut back_to) = (origin.try_clone()?, from.try_clone()?);
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut back_from, &mut back_to);
                let _ = back_to.shutdown(Shutdown::Both);
            });
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = from.read(&mut buffer) {
                into.lock().unwrap().extend_from_slice(&buffer[..n]);
                origin.write_all(&buffer[..n])?;
            }
            origin.shutdown(Shutdown::Write)
        });
    }
}

/// The statuses of all answers but the interim ones.
fn statuses(answers: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answers);
    let lines = text.split("HTTP/1.").skip(1);
    lines.filter_map(|l| l.get(2..5)?.parse().ok()).filter(|s| *s >= 200).collect()
}

/// Servers that read what was forwarded, in the origins' host.
struct Judges {
    host: Host,
    processes: Vec<Process>,
}

impl Judges {
    fn start(host: &Host) -> Judges {
        host.mkdir("/run/judges", None).unwrap();
        host.write("/run/judges/nginx.conf", NGINX_CONF).unwrap();
        host.write("/run/judges/judge.py", JUDGE_PY).unwrap();
        let nginx =
            Cmd::new("nginx").args(["-p", "/run/judges", "-e", "stderr", "-c", "/run/judges/nginx.conf"]);
        let python = Cmd::new("python3").args(["/run/judges/judge.py"]);
        let processes = [nginx, python].map(|c| host.spawn(c).expect("nginx and python3 are installed"));
        for port in [NGINX, PYTHON] {
            wait::until_true(&format!("a judge listens on {port}"), PATIENCE, || {
                host.listens(port).unwrap_or(false)
            })
            .unwrap();
        }
        Judges { host: host.clone(), processes: processes.into() }
    }

    /// The requests that this server sees in these bytes.
    fn ask(&self, port: u16, bytes: &[u8]) -> Vec<String> {
        if bytes.is_empty() {
            return Vec::new();
        }
        let mut stream = self.host.tcp_connect(&format!("127.0.0.1:{port}")).unwrap();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let said = Client::over(stream).to_end().unwrap_or_default();
        let text = String::from_utf8_lossy(&said);
        text.split("saw: ").skip(1).filter_map(|s| s.lines().next()).map(str::to_owned).collect()
    }
}

impl Drop for Judges {
    fn drop(&mut self) {
        for p in &self.processes {
            let _ = p.signal(Signal::SIGKILL);
        }
    }
}

/// Says in a header, since answers to HEAD have no body, what it takes the request for.
const NGINX_CONF: &str = "\
daemon off;
worker_processes 1;
pid /run/judges/nginx.pid;
error_log stderr crit;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path /run/judges/body;
    proxy_temp_path /run/judges/proxy;
    fastcgi_temp_path /run/judges/fastcgi;
    uwsgi_temp_path /run/judges/uwsgi;
    scgi_temp_path /run/judges/scgi;
    server {
        listen 127.0.0.1:90;
        add_header X 'saw: $request_method $request_uri';
        location / { return 200; }
    }
}
";

/// Python's server reads heads; bodies are its handler's business, by length or by chunks.
const JUDGE_PY: &str = r#"
import http.server, socketserver

class Judge(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def body(self):
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            while True:
                size = int(self.rfile.readline(), 16)
                self.rfile.read(size)
                if size == 0:
                    while self.rfile.readline().strip():
                        pass
                    return
                self.rfile.readline()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
    def answer(self):
        self.send_response(200)
        path = self.path
        if "://" in path:
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        self.send_header("X", "saw: %s %s" % (self.command, path))
        self.send_header("Content-Length", "0")
        self.end_headers()
        try:
            self.body()
        except ValueError:
            self.close_connection = True
    do_GET = do_HEAD = do_POST = answer
    def log_message(self, *args):
        pass

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

Server(("127.0.0.1", 91), Judge).serve_forever()
"#;
