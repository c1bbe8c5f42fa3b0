//! What stands around a proxy that is measured: origin, load, and the kernel's figures of its processes.
//!
//! Owns: the directory of the run, nginx as origin, the certificate. Everything stays on the loopback and ends with
//! the stand.

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::idle::Idle;
use super::work::{Load, Places, Port, Work, config};

/// Bytes of the small answer.
const SMALL_BYTES: usize = 200;
/// Connections before the first look at the memory, so that what is needed once is there.
const WARM_CONNS: usize = 200;

/// A proxy to measure.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) name: String,
    command: String,
}

impl Proxy {
    pub(crate) fn new(name: &str, command: &str) -> Proxy {
        Proxy { name: name.to_owned(), command: command.to_owned() }
    }
}

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Measured {
    /// Microseconds of processor time for a request; bytes of memory for a connection.
    pub(crate) cost: f64,
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) errors: u64,
}

/// The stand; ends what it started when dropped.
#[derive(Debug)]
pub(crate) struct Stand {
    directory: PathBuf,
    origin: Child,
    origin_port: u16,
    log: UdpSocket,
    threads: usize,
    /// Proxy on one processor, the rest on another.
    pinned: bool,
}

impl Stand {
    /// # Errors
    /// A program that is needed is not installed, or does not start.
    pub(crate) fn new(threads: usize) -> Result<Stand, String> {
        for (name, package) in
            [("nginx", "nginx"), ("wrk", "wrk"), ("openssl", "openssl"), ("taskset", "util-linux")]
        {
            program(name).ok_or_else(|| format!("{name} is not installed: apt-get install {package}"))?;
        }
        let directory = std::env::temp_dir().join(format!("lbproxy-bench.{}", std::process::id()));
        let at = |e: std::io::Error| format!("{}: {e}", directory.display());
        fs::create_dir_all(directory.join("www/api")).map_err(at)?;
        fs::write(directory.join("www/big"), vec![b'b'; 1 << 20]).map_err(at)?;
        certificate(&directory)?;
        let origin_port = free_port()?;
        fs::write(directory.join("nginx.conf"), nginx(&directory, origin_port)).map_err(at)?;
        let log = UdpSocket::bind("127.0.0.1:0").map_err(at)?;
        let pinned = threads == 1 && std::thread::available_parallelism().is_ok_and(|n| n.get() > 1);
        let nginx = program("nginx").unwrap_or_default();
        let conf = directory.join("nginx.conf");
        let mut command = on(
            "1",
            pinned,
            &[nginx.as_os_str(), "-e".as_ref(), "stderr".as_ref(), "-c".as_ref(), conf.as_os_str()],
        );
        let origin =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(|e| format!("nginx: {e}"))?;
        let mut stand = Stand { directory, origin, origin_port, log, threads, pinned };
        wait_for(origin_port, &mut stand.origin).map_err(|e| format!("nginx: {e}"))?;
        Ok(stand)
    }

    /// Whether what the work needs is installed.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn can(&self, work: &Work) -> Result<(), String> {
        match work.load {
            Load::H2 { .. } if program("h2load").is_none() => {
                Err("h2load is not installed: apt-get install nghttp2-client".into())
            }
            _ => Ok(()),
        }
    }

    /// One run.
    ///
    /// # Errors
    /// The proxy does not start, or the load cannot be understood.
    pub(crate) fn measure(
        &self,
        proxy: &Proxy,
        work: &Work,
        seconds: u64,
        conns: usize,
    ) -> Result<Measured, String> {
        let mut running = self.start(proxy, work)?;
        match work.load {
            Load::Idle => self.memory(&running, work, conns),
            _ => {
                self.load(&running, work, 1)?;
                let before = cpu_ns(running.child.id());
                let begun = Instant::now();
                let said = self.load(&running, work, seconds)?;
                let mut m = understand(&said).ok_or_else(|| format!("the load said:\n{said}"))?;
                m.seconds = begun.elapsed().as_secs_f64();
                m.cost = (cpu_ns(running.child.id()) - before) as f64 / 1000.0 / m.requests.max(1) as f64;
                running.alive()?;
                Ok(m)
            }
        }
    }

    fn start(&self, proxy: &Proxy, work: &Work) -> Result<Running, String> {
        let (http, tls, relay) = (free_port()?, free_port()?, free_port()?);
        let pem = self.directory.join("pem");
        let log = self.log.local_addr().map_err(|e| e.to_string())?.port();
        let places = Places {
            http,
            tls,
            relay,
            origin: self.origin_port,
            log,
            pem: &pem.to_string_lossy(),
            threads: self.threads,
        };
        let cfg = self.directory.join(format!("{}.cfg", proxy.name));
        fs::write(&cfg, config(work, &places)).map_err(|e| format!("{}: {e}", cfg.display()))?;
        let line = proxy.command.replace("{cfg}", &cfg.to_string_lossy());
        let words: Vec<&std::ffi::OsStr> = line.split_whitespace().map(AsRef::as_ref).collect();
        let errors = self.directory.join(format!("{}.err", proxy.name));
        let stderr = fs::File::create(&errors).map_err(|e| format!("{}: {e}", errors.display()))?;
        let mut command = on("0", self.pinned, &words);
        let child =
            command.stdout(Stdio::null()).stderr(stderr).spawn().map_err(|e| format!("{line}: {e}"))?;
        let mut running = Running { child, http, tls, relay };
        wait_for(http, &mut running.child)
            .map_err(|e| format!("{line}: {e}\n{}", fs::read_to_string(&errors).unwrap_or_default()))?;
        Ok(running)
    }

    fn load(&self, running: &Running, work: &Work, seconds: u64) -> Result<String, String> {
        let port = running.port(work.port);
        let scheme = if work.port == Port::Tls { "https" } else { "http" };
        let words: Vec<String> = match work.load {
            Load::Wrk { conns, target, close } => {
                let mut w = vec![
                    "wrk".into(),
                    "-t1".into(),
                    format!("-c{conns}"),
                    format!("-d{seconds}s"),
                    "--latency".into(),
                ];
                if close {
                    w.extend(["-H".into(), "Connection: close".into()]);
                }
                w.push(format!("{scheme}://127.0.0.1:{port}{target}"));
                w
            }
            Load::H2 { target } => ["h2load", "-c8", "-m16", "-t1"]
                .map(String::from)
                .into_iter()
                .chain([format!("-D{seconds}"), format!("https://127.0.0.1:{port}{target}")])
                .collect(),
            Load::Idle => return Err("an idle work has no load".into()),
        };
        let words: Vec<&std::ffi::OsStr> = words.iter().map(AsRef::as_ref).collect();
        let output = on("1", self.pinned, &words).output().map_err(|e| format!("the load: {e}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn memory(&self, running: &Running, work: &Work, conns: usize) -> Result<Measured, String> {
        let trusted = self.directory.join("c");
        let mut idle = Idle::new((work.port == Port::Tls).then(|| trusted.to_string_lossy()).as_deref())?;
        let port = running.port(work.port);
        idle.add(port, WARM_CONNS)?;
        std::thread::sleep(Duration::from_millis(500));
        let before = pss_kib(running.child.id());
        idle.add(port, conns)?;
        std::thread::sleep(Duration::from_secs(2));
        let grown = pss_kib(running.child.id()).saturating_sub(before);
        Ok(Measured {
            cost: grown as f64 * 1024.0 / conns.max(1) as f64,
            requests: conns as u64,
            seconds: 1.0,
            ..Measured::default()
        })
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        // nginx ends its workers only when it is asked, not when it is killed.
        let _ = Command::new("kill").arg(self.origin.id().to_string()).status();
        let _ = self.origin.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A proxy that runs; ended when dropped.
#[derive(Debug)]
struct Running {
    child: Child,
    http: u16,
    tls: u16,
    relay: u16,
}

impl Running {
    fn port(&self, port: Port) -> u16 {
        match port {
            Port::Http => self.http,
            Port::Tls => self.tls,
            Port::Relay => self.relay,
        }
    }

    fn alive(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            other => Err(format!("the proxy ended during the run: {other:?}")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let until = Instant::now() + Duration::from_secs(3);
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a program is installed.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    places.map(|d| d.join(name)).find(|p| p.exists())
}

fn on(cpu: &str, pinned: bool, words: &[&std::ffi::OsStr]) -> Command {
    let mut all: Vec<&std::ffi::OsStr> = Vec::new();
    if pinned {
        all.extend(["taskset", "-c", cpu].map(std::ffi::OsStr::new));
    }
    all.extend(words);
    let mut command = Command::new(all.first().copied().unwrap_or_default());
    command.args(all.iter().skip(1));
    command
}

fn free_port() -> Result<u16, String> {
    let port = || -> std::io::Result<u16> { Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()) };
    port().map_err(|e| format!("no free port: {e}"))
}

fn wait_for(port: u16, child: &mut Child) -> Result<(), String> {
    for _ in 0..400 {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("ended at start ({status})"));
        }
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    Err("never listened".into())
}

fn certificate(directory: &Path) -> Result<(), String> {
    let (key, cert) = (directory.join("k"), directory.join("c"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .map_err(|e| format!("openssl: {e}"))?;
    if !made.status.success() {
        return Err(format!("openssl: {}", String::from_utf8_lossy(&made.stderr)));
    }
    let both = || -> std::io::Result<()> {
        fs::write(directory.join("pem"), [fs::read(&cert)?, fs::read(&key)?].concat())
    };
    both().map_err(|e| format!("{}: {e}", directory.display()))
}

fn nginx(directory: &Path, port: u16) -> String {
    let (d, body) = (directory.display(), "x".repeat(SMALL_BYTES));
    format!(
        "worker_processes 1; error_log {d}/nginx.err; pid {d}/nginx.pid; daemon off; worker_rlimit_nofile 65536;\n\
         events {{ worker_connections 60000; }}\n\
         http {{ access_log off; keepalive_timeout 120; keepalive_requests 100000000; sendfile on; tcp_nodelay on;\n\
         client_body_temp_path {d}/t1; proxy_temp_path {d}/t2; fastcgi_temp_path {d}/t3; uwsgi_temp_path {d}/t4; scgi_temp_path {d}/t5;\n\
         default_type text/plain;\n\
         server {{ listen 127.0.0.1:{port} backlog=8192; listen 127.0.0.2:{port} backlog=8192; root {d}/www;\n\
         location = /api/small {{ return 200 \"{body}\"; }} location = /small {{ return 200 \"{body}\"; }}\n\
         location = /api/big {{ alias {d}/www/big; }} location = /big {{ }} }} }}\n"
    )
}

/// A process and those it started.
fn tree(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut at = 0;
    while let Some(&parent) = all.get(at) {
        let tasks = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|c| c.parse::<u32>().ok()));
        }
        at += 1;
    }
    all
}

/// Time that all its threads have been on a processor, ns.
fn cpu_ns(pid: u32) -> u64 {
    let mut sum = 0;
    for p in tree(pid) {
        for task in fs::read_dir(format!("/proc/{p}/task")).into_iter().flatten().flatten() {
            let stat = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            sum += stat.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    sum
}

/// Memory that would be free without it, KiB.
fn pss_kib(pid: u32) -> u64 {
    let of = |p: u32| {
        let text = fs::read_to_string(format!("/proc/{p}/smaps_rollup")).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("Pss:")).unwrap_or("");
        line.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0)
    };
    tree(pid).into_iter().map(of).sum()
}

/// Reads what wrk or h2load say.
fn understand(said: &str) -> Option<Measured> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    if let Some(line) = said.lines().find(|l| l.contains(" requests in ")) {
        let quantile = |q: &str| {
            let line = said.lines().find(|l| l.trim_start().starts_with(q))?;
            duration_us(line.split_whitespace().nth(1)?)
        };
        let socket = said.lines().find_map(|l| l.trim().strip_prefix("Socket errors: "));
        let count = |words: &str| words.split_whitespace().nth(1).and_then(number).unwrap_or(0);
        // What is read when a connection ends is no error where each request has its own.
        let socket = socket.map_or(0, |l| l.split(", ").filter(|w| !w.starts_with("read")).map(count).sum());
        let bad =
            said.lines().find_map(|l| l.trim().strip_prefix("Non-2xx or 3xx responses: ")).and_then(number);
        return Some(Measured {
            requests: number(line.split(" requests in ").next()?)?,
            p50_us: quantile("50%").unwrap_or(0.0),
            p99_us: quantile("99%").unwrap_or(0.0),
            errors: socket + bad.unwrap_or(0),
            ..Measured::default()
        });
    }
    let line = said.lines().find_map(|l| l.strip_prefix("requests: "))?;
    let of = |what: &str| line.split(", ").find_map(|w| w.strip_suffix(what)).and_then(number);
    Some(Measured { requests: of(" succeeded")?, errors: of(" failed")?, ..Measured::default() })
}

fn duration_us(text: &str) -> Option<f64> {
    for (unit, factor) in [("us", 1.0), ("ms", 1e3), ("s", 1e6)] {
        if let Some(n) = text.strip_suffix(unit).and_then(|n| n.parse::<f64>().ok()) {
            return Some(n * factor);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_loads_say_is_understood() {
        let wrk = "  Latency Distribution\n     50%  640.00us\n     99%    1.20ms\n  4242 requests in 5.00s, 1.00MB read\n  Socket errors: connect 1, read 7, write 0, timeout 2\n  Non-2xx or 3xx responses: 4\n";
        let m = understand(wrk).unwrap();
        assert_eq!((m.requests, m.p50_us, m.p99_us, m.errors), (4242, 640.0, 1200.0, 7));
        let h2 =
            "requests: 900 total, 900 started, 900 done, 890 succeeded, 10 failed, 0 errored, 0 timeout\n";
        let m = understand(h2).unwrap();
        assert_eq!((m.requests, m.errors), (890, 10));
        assert_eq!(understand("nothing"), None);
    }

    #[test]
    fn own_processor_time_and_memory_are_found() {
        let mut x = 0u64;
        (0..3_000_000u64).for_each(|i| x = x.wrapping_mul(31).wrapping_add(i));
        assert!(x != 1 && cpu_ns(std::process::id()) > 0);
        assert!(pss_kib(std::process::id()) > 100);
    }
}
