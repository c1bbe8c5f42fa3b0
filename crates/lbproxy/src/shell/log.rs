//! Traffic logs: lines leave the workers in batches and the process from a thread of its own.
//!
//! Owns: the opened destinations ([`Sinks`]), a worker's writer ([`Logger`]) and the sending thread ([`run`]).
//! Invariants: a worker never waits for a log destination; its batch is bounded and what does not fit is counted
//! (`DroppedLogs` of `show info`); a lock is taken once per batch, not per line. What a line says is left to
//! `engine::logformat`; how it is framed on the wire is in `log/wire.rs`.

mod send;
pub mod wire;

use std::{
    io,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

pub use send::Sink;

use crate::{
    compile::plan::{LogPlan, LogSink, Plan},
    engine::sample::time::Zone,
};

/// The machine's time zone, as `TZ` or `/etc/localtime` says; UTC when neither can be read. To be called before a
/// chroot hides the files.
pub fn local_zone() -> Zone {
    let path = match std::env::var("TZ").ok().filter(|t| !t.is_empty()) {
        Some(name) => {
            let name = name.trim_start_matches(':');
            match name.strip_prefix('/') {
                Some(_) => PathBuf::from(name),
                None => PathBuf::from("/usr/share/zoneinfo").join(name),
            }
        }
        None => PathBuf::from("/etc/localtime"),
    };
    std::fs::read(path).ok().and_then(|data| Zone::parse_tzif(&data)).unwrap_or_else(Zone::utc)
}

/// A worker's batch is handed over when it holds that many bytes, or when the worker has nothing else to do.
const BATCH_BYTES: usize = 32 * 1024;
/// Most bytes that may wait for the sending thread, over all workers.
const BACKLOG_BYTES_MAX: usize = 16 * 1024 * 1024;
/// While lines keep coming the sending thread looks this often instead of being woken for each batch.
const POLL: Duration = Duration::from_millis(2);

/// The destinations of one configuration, opened before privileges are given up.
#[derive(Debug)]
pub struct Sinks {
    list: Vec<Sink>,
    frame: wire::Frame,
}

impl Sinks {
    /// Opens what the plan names; a destination that cannot be opened is tried again at each batch. `frame` says
    /// who we are in the header of a line. The texts are for people.
    pub fn open(plan: &Plan, frame: wire::Frame) -> (Sinks, Vec<String>) {
        let mut said = Vec::new();
        let list = plan.log_sinks.iter().map(|s| Sink::open(s, &mut said)).collect();
        (Sinks { list, frame }, said)
    }

    /// Destinations whose descriptors somebody else opened (from inside a chroot, by the companion).
    pub fn with_descriptors(
        plan: &Plan,
        frame: wire::Frame,
        open: impl Fn(&LogSink) -> io::Result<OwnedFd>,
    ) -> Sinks {
        let list = plan.log_sinks.iter().map(|s| Sink::from_result(s, open(s))).collect();
        Sinks { list, frame }
    }
}

/// What workers and the sending thread share.
#[derive(Debug, Default)]
pub struct Hub {
    queue: Mutex<Queue>,
    filled: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    batches: Vec<Batch>,
    bytes: usize,
    /// The sending thread waits for a signal; otherwise it will look by itself.
    asleep: bool,
    closed: bool,
}

impl Hub {
    /// Lines that could not be sent since start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Lets the sending thread end once everything handed over is sent.
    pub fn close(&self) {
        lock(&self.queue).closed = true;
        self.filled.notify_one();
    }
}

/// Lines on their way: for each a head of [`LINE_HEAD`] bytes, then the framed text.
#[derive(Debug)]
struct Batch {
    sinks: Arc<Sinks>,
    bytes: Vec<u8>,
    lines: u32,
}

/// Length and sink index before each line of a batch.
const LINE_HEAD: usize = 8;

/// A worker's end. Not shared: each thread has its own.
#[derive(Debug)]
pub struct Logger {
    hub: Arc<Hub>,
    batch: Option<Batch>,
    stamps: wire::Stamps,
    /// Counts lines per target for `sample`.
    sampled: u32,
}

impl Logger {
    pub fn new(hub: Arc<Hub>, zone: Arc<Zone>) -> Logger {
        Logger { hub, batch: None, stamps: wire::Stamps::new(zone), sampled: 0 }
    }

    /// Queues a line for every target of `plan` that takes its level (0 emergency to 7 debug). `message` has no
    /// line end; `sd` is structured data for RFC 5424 or empty.
    pub fn send(
        &mut self,
        sinks: &Arc<Sinks>,
        plan: &LogPlan,
        level: u8,
        sd: &[u8],
        message: &[u8],
        now_us: u64,
    ) {
        if plan.targets.is_empty() {
            return;
        }
        self.sampled = self.sampled.wrapping_add(1);
        if self.batch.as_ref().is_some_and(|b| !Arc::ptr_eq(&b.sinks, sinks)) {
            self.flush();
        }
        self.stamps.advance(now_us);
        let batch = self.batch.get_or_insert_with(|| Batch {
            sinks: sinks.clone(),
            bytes: Vec::with_capacity(BATCH_BYTES),
            lines: 0,
        });
        for target in &plan.targets {
            if level > target.level_max || !in_sample(target.sample_size, &target.sample, self.sampled) {
                continue;
            }
            let start = batch.bytes.len();
            batch.bytes.extend_from_slice(&[0; LINE_HEAD]);
            let line = wire::Line { target, level, tag: plan.tag.as_deref(), sd, message };
            wire::write(&line, &sinks.frame, &self.stamps, &mut batch.bytes);
            let len = (batch.bytes.len() - start - LINE_HEAD) as u32;
            batch.bytes[start..start + 4].copy_from_slice(&len.to_ne_bytes());
            batch.bytes[start + 4..start + 8].copy_from_slice(&(target.sink as u32).to_ne_bytes());
            batch.lines += 1;
        }
        if batch.bytes.len() >= BATCH_BYTES {
            self.flush();
        }
    }

    /// Hands the batch over. The worker calls it before it goes to sleep.
    pub fn flush(&mut self) {
        let Some(batch) = self.batch.take().filter(|b| b.lines > 0) else { return };
        let mut queue = lock(&self.hub.queue);
        if queue.bytes + batch.bytes.len() > BACKLOG_BYTES_MAX {
            self.hub.dropped.fetch_add(u64::from(batch.lines), Relaxed);
            return;
        }
        queue.bytes += batch.bytes.len();
        queue.batches.push(batch);
        if std::mem::take(&mut queue.asleep) {
            drop(queue);
            self.hub.filled.notify_one();
        }
    }
}

impl Drop for Logger {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Whether line number `n` belongs to the sample (manual 3.1, `log … sample`): ranges count from 1 within `size`.
fn in_sample(size: u32, ranges: &[(u32, u32)], n: u32) -> bool {
    if size == 0 || ranges.is_empty() {
        return true;
    }
    let at = (n - 1) % size + 1;
    ranges.iter().any(|&(a, b)| (a..=b).contains(&at))
}

/// The sending thread's loop; returns after [`Hub::close`].
pub fn run(hub: &Hub) {
    let mut sender = send::Sender::default();
    let mut quiet = false;
    loop {
        let mut queue = lock(&hub.queue);
        while queue.batches.is_empty() && !queue.closed {
            if quiet {
                queue.asleep = true;
                queue = hub.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
                quiet = false;
            } else {
                quiet = true;
                queue = hub.filled.wait_timeout(queue, POLL).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        let batches = std::mem::take(&mut queue.batches);
        queue.bytes = 0;
        let closed = queue.closed;
        drop(queue);
        if batches.is_empty() && closed {
            return;
        }
        for batch in &batches {
            hub.dropped.fetch_add(sender.send(&batch.sinks.list, lines(&batch.bytes)), Relaxed);
        }
        quiet = false;
        if !closed {
            // Lines tend to come in crowds: the next look is worth waiting for.
            std::thread::sleep(POLL);
        }
    }
}

/// The lines of a batch with their sinks.
fn lines(mut bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_at_checked(LINE_HEAD)?;
        let len = u32::from_ne_bytes(head[..4].try_into().ok()?) as usize;
        let sink = u32::from_ne_bytes(head[4..].try_into().ok()?) as usize;
        let (line, rest) = rest.split_at_checked(len)?;
        bytes = rest;
        Some((sink, line))
    })
}

/// A poisoned queue is whole: batches are pushed and taken, never half changed.
fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
