//! Mixed requests with aborts at every phase: nothing may leak, stick, or be lost from the counters.
//!
//! `LBPROXY_SOAK=20000000 cargo test --release -p lbproxy --lib soak -- --nocapture` runs the long form; without the
//! variable a short one keeps the program itself honest. Owns: the clients and what they saw. The kinds are drawn
//! from a seed per client, so that a run can be repeated.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::harness::{Origin, PATIENCE, Proxy};

/// Connections at a time.
const CLIENTS: u64 = 8;
const SHORT: u64 = 4_000;
/// Resident memory may still settle that much over the second half of a long run.
const SETTLING_BYTES: u64 = 8 << 20;
/// From so many requests on memory is judged.
const LONG_FROM: u64 = 200_000;

const BODY_BYTES: usize = 100_000;

#[derive(Default)]
struct Seen {
    connections: AtomicU64,
    /// By the first digit of the status.
    answers: [AtomicU64; 6],
}

/// One client: draws what to do, does it, notes what came back.
struct Visitor {
    to: SocketAddr,
    seed: u64,
    seen: Arc<Seen>,
}

impl Visitor {
    fn draw(&mut self, below: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % below
    }

    fn connect(&self) -> TcpStream {
        let c = TcpStream::connect(self.to).unwrap();
        c.set_read_timeout(Some(PATIENCE)).unwrap();
        self.seen.connections.fetch_add(1, Relaxed);
        c
    }

    /// Ends a connection as clients do: in order, with unread bytes, or by a reset.
    fn leave(&mut self, c: &TcpStream) {
        match self.draw(3) {
            0 => drop(c.shutdown(Shutdown::Both)),
            1 => drop(socket2::SockRef::from(c).set_linger(Some(Duration::ZERO))),
            _ => {}
        }
    }

    /// Reads one answer whole and gives its status; 0 when the connection ended before that.
    fn answer(&self, c: &mut TcpStream) -> u16 {
        let mut data = Vec::new();
        let mut b = [0; 16_384];
        loop {
            if let Some(end) = memchr::memmem::find(&data, b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&data[..end]).to_lowercase();
                let body =
                    head.split("content-length: ").nth(1).and_then(|t| t.split("\r\n").next()?.parse().ok());
                let status = head.get(9..12).and_then(|s| s.parse().ok()).unwrap_or(0);
                if data.len() >= end + 4 + body.unwrap_or(0usize) {
                    self.seen.answers[usize::from(status / 100).min(5)].fetch_add(1, Relaxed);
                    return status;
                }
            }
            match c.read(&mut b) {
                Ok(n) if n > 0 => data.extend_from_slice(&b[..n]),
                Ok(_) => return 0,
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => panic!("a connection is stuck"),
                Err(_) => return 0,
            }
        }
    }

    fn visit(&mut self) {
        let mut c = self.connect();
        let kind = self.draw(12);
        // A proxy that has closed already makes writing fail, which is no fault.
        let mut say = |bytes: &[u8]| drop(c.write_all(bytes));
        match kind {
            0 => {}
            1 => say(b"GET / HTTP/1.1\r\nHo"),
            2 => say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nten bytes."),
            3 => say(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"),
            4 => {
                say(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
                let _ = c.read(&mut [0; 500]);
            }
            5 => {
                say(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
                assert_eq!(self.answer(&mut c), 200);
            }
            6 => {
                say(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
                assert_eq!(self.answer(&mut c), 200);
            }
            7 => {
                say(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n");
                assert_eq!(self.answer(&mut c), 400);
            }
            8 => {
                say(b"GET /cut HTTP/1.1\r\nHost: x\r\n\r\n");
                assert_eq!(self.answer(&mut c), 0);
            }
            9 => {
                say(b"POST /empty HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
                assert_eq!(self.answer(&mut c), 502);
            }
            10 => {
                say(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
                assert_eq!(self.answer(&mut c), 200);
            }
            _ => {
                for _ in 0..5 {
                    c.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
                    assert_eq!(self.answer(&mut c), 200);
                }
            }
        }
        self.leave(&c);
    }
}

fn origin() -> Origin {
    let big: Vec<u8> =
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".as_slice(), &[b'x'; BODY_BYTES]].concat();
    Origin::start(move |request, c| {
        let path = request.split(' ').nth(1).unwrap_or("");
        match path {
            "/big" => c.write_all(&big).is_ok(),
            "/cut" => {
                let _ = c.write_all(&big[..5_000]);
                false
            }
            "/empty" => false,
            "/slow" => {
                std::thread::sleep(Duration::from_millis(2));
                c.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok()
            }
            _ => c.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok(),
        }
    })
}

fn run(to: SocketAddr, visits: u64, seed: u64, seen: &Arc<Seen>) {
    std::thread::scope(|scope| {
        for n in 0..CLIENTS {
            let mut v =
                Visitor { to, seed: (seed + n).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, seen: seen.clone() };
            scope.spawn(move || (0..visits / CLIENTS).for_each(|_| v.visit()));
        }
    });
}

/// Waits until nothing is served any more: what is then still counted as present has leaked.
fn settle(p: &Proxy) {
    let plan = &p.runtime.plan;
    let begun = Instant::now();
    loop {
        let (f, b) = (&plan.frontends[0].state, &plan.backends[0]);
        let s = &b.servers[0].state;
        let present = [
            p.shared.connections.now(),
            f.sessions.now(),
            b.state.sessions.now(),
            s.sessions.now(),
            s.queued.now(),
        ];
        if present == [0; 5] {
            return;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "still present (process, frontend, backend, server, queue): {present:?}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap() * 4_096
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures of a long run are what it is for")]
fn aborts_at_every_phase_leak_nothing_and_counters_add_up() {
    let requests = std::env::var("LBPROXY_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(SHORT);
    let o = origin();
    let p = Proxy::start(&format!(
        "defaults\n  mode http\n  timeout client 10s\n  timeout server 10s\n  timeout connect 2s\n  http-reuse always\n\
         frontend f\n  bind 127.0.0.1:1\n  default_backend b\nbackend b\n  server s {}\n",
        o.address
    ));
    let seen = Arc::new(Seen::default());
    run(p.address(0), requests / 2, 1, &seen);
    settle(&p);
    o.forget();
    let half = resident_bytes();
    run(p.address(0), requests / 2, 1_000, &seen);
    settle(&p);
    o.forget();
    let grown = resident_bytes().saturating_sub(half);
    let plan = &p.runtime.plan;
    let (f, b) = (plan.frontends[0].state.counters.total(), plan.backends[0].state.counters.total());
    let s = plan.backends[0].servers[0].state.counters.total();
    let answers: Vec<u64> = seen.answers.iter().map(|n| n.load(Relaxed)).collect();
    println!(
        "connections {} requests {} answers {answers:?} resident +{grown} bytes",
        f.connections, f.requests
    );
    assert_eq!(f.connections, seen.connections.load(Relaxed));
    assert_eq!(b.sessions, s.sessions, "every request of the backend had a server");
    assert_eq!(f.status_2xx, b.status_2xx, "only the server answers with 2xx");
    assert_eq!(b.bytes_out, s.bytes_out);
    assert!(f.status_2xx >= answers[2] && f.status_4xx >= answers[4] && f.status_5xx >= answers[5]);
    assert!(s.connect_attempts + s.connection_reuses >= s.sessions, "each request had a connection");
    assert!(
        f.requests
            <= f.status_1xx + f.status_2xx + f.status_4xx + f.status_5xx + f.client_aborts + f.server_aborts
    );
    if requests >= LONG_FROM {
        assert!(grown < SETTLING_BYTES, "{grown} bytes more after the second half");
    }
}
