//! A watcher is told the truth about a proxy that runs.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream as StdStream,
    time::Instant,
};

use super::*;
use crate::shell::harness::{Origin, PATIENCE, Proxy};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn proxy(origin: &Origin) -> Proxy {
    Proxy::start(&format!(
        "defaults\n  mode http\n  timeout client 10s\n  timeout server 10s\n  timeout connect 2s\n\
         frontend f\n  bind 127.0.0.1:1\n  use_backend c if {{ path /c }}\n  default_backend b\n\
         backend b\n  server s {0}\n  server t {0}\nbackend c\n  server u {0} disabled\n",
        origin.address
    ))
}

/// Runs the thread with a listener of its own.
struct Watch {
    proxy: Proxy,
    address: SocketAddr,
}

impl Watch {
    fn start(name: &str) -> (Watch, Origin) {
        let origin = Origin::fixed(OK);
        let mut proxy = proxy(&origin);
        let address =
            SocketAddr::from_abstract_name(format!("lbproxy/test/{}/{name}", std::process::id())).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (shared, commands) = (proxy.shared.clone(), proxy.health.take().unwrap());
        std::thread::spawn(move || run(HealthArgs { shared, listener: Some(listener.into()), commands }));
        (Watch { proxy, address }, origin)
    }

    fn connect(&self) -> Reader {
        let stream = StdStream::connect_addr(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Reader { lines: BufReader::new(stream) }
    }
}

struct Reader {
    lines: BufReader<StdStream>,
}

impl Reader {
    fn send(&mut self, request: Request) {
        self.lines.get_mut().write_all(format!("{request}\n").as_bytes()).unwrap();
    }

    fn next(&mut self) -> Message {
        let mut line = String::new();
        assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "the watch ended");
        Message::parse(line.trim_end()).unwrap_or_else(|| panic!("not of the contract: {line}"))
    }

    /// Everything up to and with the first message that `last` accepts.
    fn until(&mut self, last: impl Fn(&Message) -> bool) -> Vec<Message> {
        let begun = Instant::now();
        let mut all = Vec::new();
        while !all.last().is_some_and(&last) {
            assert!(begun.elapsed() < PATIENCE, "{all:?}");
            all.push(self.next());
        }
        all
    }
}

fn is_beat(m: &Message) -> bool {
    matches!(m, Message::Beat { .. })
}

#[test]
fn a_watcher_hears_who_it_is_what_is_able_and_then_beats() {
    let (w, _origin) = Watch::start("whole");
    let mut r = w.connect();
    r.send(Request::Watch);
    let told = r.until(|m| *m == Message::Complete);
    let pid = std::process::id();
    assert_eq!(told[0], Message::Hello { version: VERSION, pid, workers: 1 });
    let able = |side, name: &str, servers, of| Message::Able {
        side,
        name: name.into(),
        able: common::health::Able { servers, of },
    };
    use common::health::Side::{Backend, Frontend};
    for m in [able(Backend, "b", 2, 2), able(Backend, "c", 0, 1), able(Frontend, "f", 2, 3)] {
        assert!(told.contains(&m), "{m:?} in {told:?}");
    }
    // A worker that is quick has answered before everything is told.
    if !told.contains(&Message::Phase(Phase::Ready)) {
        r.until(|m| *m == Message::Phase(Phase::Ready));
    }
    assert!(matches!(r.until(is_beat).pop(), Some(Message::Beat { late_ms: 0, .. })));
}

#[test]
fn a_change_of_a_server_is_told() {
    let (w, _origin) = Watch::start("change");
    let mut r = w.connect();
    r.send(Request::Watch);
    r.until(|m| *m == Message::Complete);
    let server = w.proxy.runtime.plan.backends[0].servers[0].state.clone();
    server.set_state(crate::engine::state::StateWord::Maint, 1);
    let told = r.until(|m| matches!(m, Message::Able { side: common::health::Side::Frontend, .. }));
    let last = told.last().cloned();
    let able = common::health::Able { servers: 1, of: 3 };
    assert_eq!(last, Some(Message::Able { side: common::health::Side::Frontend, name: "f".into(), able }));
}

#[test]
fn draining_and_stopping_are_told_at_once_and_never_taken_back() {
    let (w, _origin) = Watch::start("phase");
    let mut r = w.connect();
    r.send(Request::Watch);
    r.until(|m| *m == Message::Phase(Phase::Ready));
    w.proxy.shared.life.drain();
    r.until(|m| *m == Message::Phase(Phase::Draining));
    w.proxy.shared.life.stop();
    w.proxy.shared.life.drain();
    r.until(|m| *m == Message::Phase(Phase::Stopping));
    let after = r.until(is_beat);
    assert!(!after.iter().any(|m| matches!(m, Message::Phase(_))), "{after:?}");
}

#[test]
fn a_ping_is_answered_and_nonsense_ends_the_watch() {
    let (w, _origin) = Watch::start("ping");
    let mut r = w.connect();
    r.send(Request::Watch);
    r.send(Request::Ping(42));
    r.until(|m| *m == Message::Pong(42));
    let mut stranger = w.connect();
    stranger.lines.get_mut().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut line = String::new();
    assert_eq!(stranger.lines.read_line(&mut line).unwrap(), 0);
}
