//! Counters: one cell per thread, written by its thread alone and summed when somebody asks.
//!
//! A counter costs one load and one store of a cache line that no other thread writes: no atomic
//! read-modify-write, no false sharing.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that one thread writes and any thread may read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// To be called by the owning thread only; a second writer would lose counts, nothing worse.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    pub fn inc(&self) {
        self.add(1);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// For `clear counters`.
    pub fn clear(&self) {
        self.0.store(0, Relaxed);
    }
}

macro_rules! counters {
    ($($name:ident: $doc:literal,)*) => {
        /// What is counted for a frontend, backend, server or listener (those that do not apply stay 0).
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct Counters { $(#[doc = $doc] pub $name: Counter,)* }

        /// The sum of [`Counters`] over all threads.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Totals { $(#[doc = $doc] pub $name: u64,)* }

        impl Totals {
            fn add(&mut self, c: &Counters) { $(self.$name = self.$name.wrapping_add(c.$name.get());)* }
        }

        impl Counters {
            fn clear(&self) { $(self.$name.clear();)* }
        }
    };
}

counters! {
    connections: "Connections accepted (frontend, listener) or opened (backend, server).",
    sessions: "Sessions or streams begun.",
    requests: "HTTP requests received (frontend) or processed (backend, server).",
    bytes_in: "Bytes from client to server.",
    bytes_out: "Bytes from server to client.",
    denied_requests: "Requests denied by rules.",
    denied_responses: "Responses denied by rules.",
    denied_connections: "Connections denied by `tcp-request connection` rules.",
    denied_sessions: "Sessions denied by `tcp-request session` rules.",
    request_errors: "Invalid or timed-out requests (`ereq`).",
    connect_errors: "Connections to a server that failed (`econ`).",
    response_errors: "Responses that were invalid or cut (`eresp`).",
    retries: "Connection retries (`wretr`).",
    redispatches: "Requests sent to another server (`wredis`).",
    rewrite_failures: "Header rewrites that did not fit (`wrew`).",
    internal_errors: "Internal errors (`eint`).",
    client_aborts: "Transfers the client aborted (`cli_abrt`).",
    server_aborts: "Transfers the server aborted (`srv_abrt`).",
    status_1xx: "Informational responses.",
    status_2xx: "Successes.",
    status_3xx: "Redirections.",
    status_4xx: "Client errors.",
    status_5xx: "Server errors.",
    status_other: "Responses with another status.",
    intercepted: "Requests answered by the proxy itself (stats, redirects, returns).",
    picked: "Times the balancing algorithm chose it (`lbtot`).",
    connect_attempts: "Server connections begun (`connect`).",
    connection_reuses: "Requests sent on a reused server connection (`reuse`).",
    queue_time_sum_ms: "Sum of queue times.",
    connect_time_sum_ms: "Sum of connect times.",
    response_time_sum_ms: "Sum of response times.",
    total_time_sum_ms: "Sum of total times.",
    timed: "Streams in the time sums.",
}

/// One [`Counters`] per thread.
#[derive(Debug)]
pub struct PerThread {
    cells: Box<[Counters]>,
}

impl PerThread {
    /// `threads` worker threads, and one cell more for everything that runs beside them.
    pub fn new(threads: usize) -> PerThread {
        PerThread { cells: (0..=threads).map(|_| Counters::default()).collect() }
    }

    /// The cell of worker `thread`; threads beyond the workers share the last one.
    pub fn at(&self, thread: u16) -> &Counters {
        static SPARE: std::sync::LazyLock<Counters> = std::sync::LazyLock::new(Counters::default);
        self.cells.get(usize::from(thread)).or_else(|| self.cells.last()).unwrap_or(&SPARE)
    }

    pub fn total(&self) -> Totals {
        let mut t = Totals::default();
        for c in &self.cells {
            t.add(c);
        }
        t
    }

    pub fn clear(&self) {
        for c in &self.cells {
            c.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_the_sum_over_threads_and_clear_empties_all() {
        let p = PerThread::new(2);
        p.at(0).requests.add(3);
        p.at(1).requests.inc();
        p.at(77).requests.inc();
        assert_eq!(p.total().requests, 5);
        p.clear();
        assert_eq!(p.total(), Totals::default());
    }
}
