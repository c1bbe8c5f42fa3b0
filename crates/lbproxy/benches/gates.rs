//! The hot functions, one at a time, for counting their instructions: `gates NAME ROUNDS` runs one of them so often.
//!
//! Counted by `cargo xtask gates` under valgrind, which takes the difference of two numbers of rounds, so that what
//! happens once does not matter. Without arguments the names are printed.
#![allow(clippy::print_stdout, reason = "the names are this program's output")]

use std::{hint::black_box, net::IpAddr, path::Path};

use common::haproxy;
use lbproxy::{
    compile::{self, plan::Plan},
    engine::{
        balance::Key,
        conn::{Addr, ConnInfo},
        http::{
            Head, Version,
            body::Body,
            encode::{self, Transport},
            framing::{self, Facts, Framing, Policy},
            parse::{self, Limits},
        },
        sample::{Ctx, Names, NoWorld},
        state::Registry,
        txn::Txn,
    },
};

const REQUEST: &[u8] = b"GET /api/items?page=2&sort=name HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nReferer: https://www.example.org/api/items\r\nConnection: keep-alive\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark; SRV=s1\r\nUpgrade-Insecure-Requests: 1\r\nPriority: u=0, i\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 200\r\nConnection: keep-alive\r\nCache-Control: private, max-age=0\r\nSet-Cookie: session=0123456789abcdef; Path=/; HttpOnly\r\nVary: Accept-Encoding\r\n\r\n";
const CHUNKS: &[u8] = b"40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n8;ext=1\r\n01234567\r\n0\r\n\r\n";

const CONFIG: &str = "\
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:80
  log 127.0.0.1:514 local0
  option httplog
  http-request set-header X-Request-Start t=%[date()]
  http-request del-header X-Internal
  http-request set-var(txn.host) req.hdr(host),lower
  http-request deny deny_status 403 if { path_sub -i ../ }
  http-request deny if { src 203.0.113.0/24 }
  http-request set-header X-Forwarded-Proto http
  acl host_bad var(txn.host) -m end .invalid
  http-request deny if host_bad
  http-request deny if { path_beg -i /admin /private }
  http-request set-header X-Client %[src]
  default_backend rr
backend rr
  balance roundrobin
  server s1 127.0.0.1:81
  server s2 127.0.0.1:82
  server s3 127.0.0.1:83 weight 3
backend lc
  balance leastconn
  server s1 127.0.0.1:81
  server s2 127.0.0.1:82
  server s3 127.0.0.1:83 weight 3
";

/// What the functions work on.
struct Bench {
    plan: Plan,
    conn: ConnInfo,
    txn: Txn,
    req: Head,
    res: Head,
    asked: Facts,
    out: Vec<u8>,
}

type Gate = fn(&mut Bench);

const GATES: &[(&str, Gate)] = &[
    ("balance-leastconn", |b| pick(b, 1)),
    ("balance-roundrobin", |b| pick(b, 0)),
    ("body-chunked", chunked),
    ("log-line", log_line),
    ("request-framing", |b| b.asked = framing::request(&b.req, Policy::default()).unwrap()),
    ("request-parse", |b| {
        black_box(parse::request(black_box(REQUEST), &Limits::default(), &mut b.req).unwrap());
    }),
    ("request-write", request_write),
    ("response-framing", |b| {
        black_box(framing::response(&b.res, &b.asked, Policy::default()).unwrap());
    }),
    ("response-parse", |b| {
        black_box(parse::response(black_box(RESPONSE), &Limits::default(), &mut b.res).unwrap());
    }),
    ("response-write", response_write),
    ("rules", rules),
];

fn pick(b: &mut Bench, backend: usize) {
    let key =
        Key { src: Some(IpAddr::from([192, 0, 2, 1])), req: Some(&b.req), body: None, sample: None, seed: 7 };
    black_box(b.plan.backends[backend].lb.pick(&key, None));
}

fn chunked(b: &mut Bench) {
    let mut body = Body::new(Framing::Chunked);
    b.out.clear();
    b.out.extend_from_slice(black_box(CHUNKS));
    black_box(body.pass(&mut b.out).unwrap());
}

fn request_write(b: &mut Bench) {
    b.req.add(b"X-Forwarded-For", b"192.0.2.1");
    b.out.clear();
    encode::head(&b.req, &Transport::request(&b.asked, true), &mut b.out);
    b.req.remove(b"X-Forwarded-For");
    black_box(&b.out);
}

fn response_write(b: &mut Bench) {
    let facts = Facts { framing: Framing::Length(200), keep_alive: true, ..Facts::default() };
    b.out.clear();
    encode::head(&b.res, &Transport::response(&facts, true, Version::H11), &mut b.out);
    black_box(&b.out);
}

fn names() -> Names<'static> {
    Names { frontend: "web", backend: Some("rr"), server: Some("s1"), listener: None, node: "node", pid: 1 }
}

fn rules(b: &mut Bench) {
    parse::request(black_box(REQUEST), &Limits::default(), &mut b.req).unwrap();
    let world = NoWorld;
    let mut ctx = Ctx::new(&b.conn, &mut b.txn, names(), &world);
    ctx.req = Some(&mut b.req);
    black_box(b.plan.frontends[0].rules.http_request.run(&mut ctx));
}

fn log_line(b: &mut Bench) {
    let world = NoWorld;
    let mut ctx = Ctx::new(&b.conn, &mut b.txn, names(), &world);
    (ctx.req, ctx.res) = (Some(&mut b.req), Some(&mut b.res));
    b.out.clear();
    b.plan.frontends[0].log.format.as_ref().unwrap().render(&ctx, &mut b.out);
    black_box(&b.out);
}

struct World;

impl compile::World for World {
    fn read(&mut self, _: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
    fn resolve(&mut self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
    fn user(&mut self, _: &str) -> Option<(u32, u32)> {
        None
    }
    fn group(&mut self, _: &str) -> Option<u32> {
        None
    }
    fn hostname(&mut self) -> String {
        "host".to_owned()
    }
    fn env(&mut self, _: &str) -> Option<String> {
        None
    }
    fn processors(&mut self) -> usize {
        1
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (Some(name), Some(rounds)) = (args.first(), args.get(1).and_then(|n| n.parse::<u32>().ok())) else {
        GATES.iter().for_each(|(name, _)| println!("{name}"));
        return;
    };
    let gate = GATES.iter().find(|(n, _)| n == name).expect("a gate of this name").1;
    let env = haproxy::Env::new([]);
    let loaded = haproxy::load_text(vec![("gates.cfg".to_owned(), CONFIG.to_owned())], &env);
    let compiled = compile::compile(&loaded.config, &mut World, &Registry::new(1));
    let mut b = Bench {
        plan: compiled.plan.expect("the configuration compiles"),
        conn: ConnInfo { src: Addr::Inet(([192, 0, 2, 1], 40_000).into()), ..ConnInfo::default() },
        txn: Txn::default(),
        req: Head::default(),
        res: Head::default(),
        asked: Facts::default(),
        out: Vec::with_capacity(65_536),
    };
    parse::request(REQUEST, &Limits::default(), &mut b.req).unwrap();
    parse::response(RESPONSE, &Limits::default(), &mut b.res).unwrap();
    b.asked = framing::request(&b.req, Policy::default()).unwrap();
    b.txn.request_line = b"GET /api/items?page=2&sort=name HTTP/1.1".to_vec();
    (b.txn.status, b.txn.bytes_out) = (200, 500);
    for _ in 0..rounds {
        gate(&mut b);
    }
}
