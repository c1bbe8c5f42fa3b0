//! For tests: a worker thread that serves a configuration text, origins with scripted answers, raw clients.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use common::haproxy;
use tokio::sync::mpsc;

use super::{
    health, log,
    runtime::{Runtime, Shared, WorkerCommand, WorkerListener},
    tls, worker,
};
use crate::{
    compile,
    engine::{
        sample::time::Zone,
        state::{Gauge, Registry},
    },
};

/// How long a test waits for something that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

struct World;

impl compile::World for World {
    fn read(&mut self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }
    fn resolve(&mut self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    }
    fn user(&mut self, _: &str) -> Option<(u32, u32)> {
        None
    }
    fn group(&mut self, _: &str) -> Option<u32> {
        None
    }
    fn hostname(&mut self) -> String {
        "test".to_owned()
    }
    fn env(&mut self, _: &str) -> Option<String> {
        None
    }
    fn processors(&mut self) -> usize {
        1
    }
}

/// A worker that serves a configuration; ends when dropped.
pub(crate) struct Proxy {
    pub(crate) shared: Arc<Shared>,
    pub(crate) runtime: Arc<Runtime>,
    addresses: Vec<SocketAddr>,
    log: std::net::UdpSocket,
    thread: Option<std::thread::JoinHandle<()>>,
    log_thread: Option<std::thread::JoinHandle<()>>,
    /// For a test that runs the thread of the health contract.
    pub(crate) health: Option<mpsc::UnboundedReceiver<health::HealthCommand>>,
}

impl Proxy {
    /// Starts with the text; each `bind` becomes a free port of the loopback address, and `@LOG@` the address of a
    /// log receiver.
    pub(crate) fn start(text: &str) -> Proxy {
        let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(PATIENCE)).unwrap();
        let text = text.replace("@LOG@", &receiver.local_addr().unwrap().to_string());
        let loaded = haproxy::load_text(vec![("test.cfg".to_owned(), text)], &haproxy::Env::default());
        assert!(!loaded.diagnostics.has_alerts(), "{:#?}", loaded.diagnostics);
        let registry = Registry::new(1);
        let compiled = compile::compile(&loaded.config, &mut World, &registry);
        let plan = compiled.plan.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
        let frame = log::wire::Frame { hostname: None, tag: "lbproxy".to_owned(), pid: 1 };
        let (sinks, _) = log::Sinks::open(&plan, frame);
        let runtime = Arc::new(Runtime {
            plan,
            tls: tls::Store::default(),
            log: Arc::new(sinks),
            generation: 1,
            said: String::new(),
        });
        super::check::adopt(&runtime.plan, 0);
        let (commands, receiver_of_commands) = mpsc::unbounded_channel();
        let (process, _) = mpsc::unbounded_channel();
        let hub = Arc::new(log::Hub::default());
        let (life, health_commands) = health::Life::new(1);
        let shared = Arc::new(Shared {
            runtime: ArcSwap::new(runtime.clone()),
            registry,
            workers: vec![commands],
            process,
            log: hub.clone(),
            connections: Gauge::default(),
            life,
            zone: Arc::new(Zone::utc()),
            started: Instant::now(),
            started_us: 0,
        });
        let mut proxy = Proxy {
            runtime: runtime.clone(),
            addresses: Vec::new(),
            log: receiver,
            thread: None,
            log_thread: None,
            health: Some(health_commands),
            shared: shared.clone(),
        };
        proxy.listen();
        proxy.log_thread = Some(std::thread::spawn(move || log::run(&hub)));
        proxy.thread = Some(std::thread::spawn(move || {
            worker::run(worker::WorkerArgs { thread: 0, commands: receiver_of_commands, shared }).unwrap();
        }));
        proxy
    }

    fn listen(&mut self) {
        let mut listeners = Vec::new();
        for f in &self.runtime.plan.frontends {
            for bind in 0..f.binds.len() {
                let l = TcpListener::bind("127.0.0.1:0").unwrap();
                self.addresses.push(l.local_addr().unwrap());
                let key = self.addresses.len() as u64;
                listeners.push(WorkerListener { frontend: f.ix, bind, key, fd: l.into() });
            }
        }
        self.tell(WorkerCommand::Install { runtime: self.runtime.clone(), listeners, keep: Vec::new() });
    }

    pub(crate) fn tell(&self, command: WorkerCommand) {
        assert!(self.shared.workers[0].send(command).is_ok(), "the worker has gone");
    }

    /// The address of the n-th `bind` of the text.
    pub(crate) fn address(&self, n: usize) -> SocketAddr {
        self.addresses[n]
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.addresses[0])
    }

    /// Sends bytes on a connection of their own and gives everything until the proxy closes.
    pub(crate) fn exchange(&self, bytes: &[u8]) -> String {
        let mut c = self.connect();
        c.send(bytes);
        c.rest()
    }

    /// The next log line, without the syslog header.
    pub(crate) fn log_line(&self) -> String {
        let mut b = [0; 8192];
        let n = self.log.recv(&mut b).expect("a log line");
        let text = String::from_utf8_lossy(&b[..n]).into_owned();
        text.split_once("]: ").map_or(text.clone(), |(_, line)| line.trim_end().to_owned())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.shared.workers[0].send(WorkerCommand::Quit);
        if let Some(t) = self.thread.take() {
            let _ = t.join();
        }
        self.shared.log.close();
        if let Some(t) = self.log_thread.take() {
            let _ = t.join();
        }
    }
}

/// A raw client.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) fn connect(to: SocketAddr) -> Client {
        let s = TcpStream::connect(to).unwrap();
        s.set_read_timeout(Some(PATIENCE)).unwrap();
        s.set_nodelay(true).unwrap();
        Client(s)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Reads until the bytes seen end with `end`.
    pub(crate) fn until(&mut self, end: &str) -> String {
        let mut seen = Vec::new();
        let mut byte = [0];
        while !seen.ends_with(end.as_bytes()) {
            match self.0.read(&mut byte) {
                Ok(1) => seen.push(byte[0]),
                other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&seen)),
            }
        }
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Everything until the other side closes.
    pub(crate) fn rest(&mut self) -> String {
        let mut seen = Vec::new();
        match self.0.read_to_end(&mut seen) {
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(e) => panic!("{e} after {:?}", String::from_utf8_lossy(&seen)),
        }
        String::from_utf8_lossy(&seen).into_owned()
    }
}

/// An origin: each request head that arrives is recorded and answered by a script.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    pub(crate) accepted: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    /// `answer(request, stream)` writes the answer to a whole request (head and announced body) and tells whether
    /// the connection stays open.
    pub(crate) fn start(answer: impl Fn(&str, &mut TcpStream) -> bool + Send + Sync + 'static) -> Origin {
        let l = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = l.local_addr().unwrap();
        let (accepted, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (a, s, answer) = (accepted.clone(), seen.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for c in l.incoming() {
                let Ok(c) = c else { return };
                a.fetch_add(1, SeqCst);
                let (s, answer) = (s.clone(), answer.clone());
                std::thread::spawn(move || converse(c, &s, &*answer));
            }
        });
        Origin { address, accepted, seen }
    }

    /// Answers every request with these bytes and keeps the connection.
    pub(crate) fn fixed(bytes: &'static [u8]) -> Origin {
        Origin::start(move |_, c| c.write_all(bytes).is_ok())
    }

    /// Gives the memory of the requests so far back.
    pub(crate) fn forget(&self) {
        *self.seen.lock().unwrap() = Vec::new();
    }

    /// The requests so far, as they arrived.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn converse(mut c: TcpStream, seen: &Mutex<Vec<String>>, answer: &dyn Fn(&str, &mut TcpStream) -> bool) {
    let mut data = Vec::new();
    let mut b = [0; 65536];
    loop {
        while let Some(n) = whole(&data) {
            let text = String::from_utf8_lossy(&data[..n]).into_owned();
            data.drain(..n);
            seen.lock().unwrap().push(text.clone());
            if !answer(&text, &mut c) {
                return;
            }
        }
        match c.read(&mut b) {
            Ok(n) if n > 0 => data.extend_from_slice(&b[..n]),
            _ => return,
        }
    }
}

/// The length of the request at the front, once it is whole.
fn whole(data: &[u8]) -> Option<usize> {
    let head = memchr::memmem::find(data, b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&data[..head]).to_lowercase();
    if text.contains("transfer-encoding: chunked") {
        let end = memchr::memmem::find(&data[head..], b"0\r\n\r\n")?;
        return Some(head + end + 5);
    }
    let body =
        text.split("content-length: ").nth(1).and_then(|t| t.split("\r\n").next()?.parse().ok()).unwrap_or(0);
    (data.len() >= head + body).then_some(head + body)
}
