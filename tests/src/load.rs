//! A steady stream of requests and what became of each: the measure of an outage.
//!
//! Owns: sending at fixed moments whether or not earlier requests were answered (a client that
//! waits would hide an outage), and counting it out. Leaves to others: what happens meanwhile.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::netns::{Host, Result};

/// How to send.
#[derive(Debug, Clone)]
pub struct Plan {
    pub to: SocketAddr,
    pub target: String,
    /// Requests per second, each on a connection of its own.
    pub rate: u32,
    /// How long one may take from the first packet to the last byte.
    pub patience: Duration,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Answered,
    /// The connection was refused or reset.
    Refused,
    TimedOut,
    /// No way to the address.
    Unreachable,
    /// An answer of this status that is not 2xx.
    Status(u16),
    /// The connection ended before the answer did.
    Cut,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    pub at: Instant,
    pub took: Duration,
    pub outcome: Outcome,
}

/// A running stream of requests.
#[derive(Debug)]
pub struct Load {
    probes: Arc<Mutex<Vec<Probe>>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Load {
    /// Begins to send from inside a host.
    ///
    /// # Errors
    /// No thread or runtime.
    pub fn start(host: &Host, plan: Plan) -> Result<Load> {
        let probes = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (kept, stopped, host) = (Arc::clone(&probes), Arc::clone(&stop), host.clone());
        let thread = std::thread::Builder::new().name("load".into()).spawn(move || {
            runtime.block_on(send_steadily(&host, &plan, &kept, &stopped));
        })?;
        Ok(Load { probes, stop, thread: Some(thread) })
    }

    /// The finished requests so far, in the order they were sent.
    pub fn probes(&self) -> Vec<Probe> {
        let mut list = self.probes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        list.sort_by_key(|p| p.at);
        list
    }

    /// Sends no more, waits for what is under way and returns everything.
    pub fn finish(mut self) -> Vec<Probe> {
        self.end();
        self.probes()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

async fn send_steadily(host: &Host, plan: &Plan, kept: &Arc<Mutex<Vec<Probe>>>, stopped: &AtomicBool) {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / plan.rate.max(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut under_way = tokio::task::JoinSet::new();
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            while !stopped.load(Ordering::Relaxed) {
                tick.tick().await;
                let at = Instant::now();
                let Ok(socket) = host.tcp_socket(plan.to.is_ipv6()) else { return };
                let (plan, kept) = (plan.clone(), Arc::clone(kept));
                under_way.spawn_local(async move {
                    let outcome = tokio::time::timeout(plan.patience, ask(socket, &plan)).await;
                    let outcome = outcome.unwrap_or(Outcome::TimedOut);
                    let probe = Probe { at, took: at.elapsed(), outcome };
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(probe);
                });
                while under_way.try_join_next().is_some() {}
            }
            while under_way.join_next().await.is_some() {}
        })
        .await;
}

async fn ask(socket: socket2::Socket, plan: &Plan) -> Outcome {
    let verdict = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::ConnectionReset => Outcome::Refused,
        std::io::ErrorKind::TimedOut => Outcome::TimedOut,
        std::io::ErrorKind::HostUnreachable | std::io::ErrorKind::NetworkUnreachable => Outcome::Unreachable,
        _ => Outcome::Cut,
    };
    let _ = socket.set_nonblocking(true);
    let socket = tokio::net::TcpSocket::from_std_stream(socket.into());
    let mut stream = match socket.connect(plan.to).await {
        Ok(stream) => stream,
        Err(e) => return verdict(e),
    };
    let request = format!("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", plan.target, plan.to);
    if let Err(e) = stream.write_all(request.as_bytes()).await {
        return verdict(e);
    }
    let mut answer = Vec::new();
    if let Err(e) = stream.read_to_end(&mut answer).await {
        return verdict(e);
    }
    let status = answer.get(9..12).and_then(|s| std::str::from_utf8(s).ok()?.parse::<u16>().ok());
    match status {
        Some(200..300) => Outcome::Answered,
        Some(status) => Outcome::Status(status),
        None => Outcome::Cut,
    }
}

/// A time in which requests failed.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    /// The last request before it that was answered was sent then.
    pub from: Instant,
    /// The first one after it.
    pub to: Instant,
    /// Requests that failed meanwhile.
    pub failed: usize,
}

impl Outage {
    pub fn length(&self) -> Duration {
        self.to.saturating_duration_since(self.from)
    }
}

/// The outages in a stream of requests, in order.
pub fn outages(probes: &[Probe]) -> Vec<Outage> {
    let (mut list, mut failed) = (Vec::new(), 0);
    let mut last_good = probes.first().map(|p| p.at);
    for probe in probes {
        if probe.outcome != Outcome::Answered {
            failed += 1;
            continue;
        }
        if let (Some(from), 1..) = (last_good, failed) {
            list.push(Outage { from, to: probe.at, failed });
        }
        (last_good, failed) = (Some(probe.at), 0);
    }
    if let (Some(from), Some(last), 1..) = (last_good, probes.last(), failed) {
        list.push(Outage { from, to: last.at, failed });
    }
    list
}
