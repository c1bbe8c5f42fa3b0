//! Counters: one cell per thread, written by its thread alone and summed when somebody asks.
//!
//! A counter costs one load and one store of a cache line that no other thread writes: no atomic
//! read-modify-write, no false sharing.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

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

    /// For numbers that go up and down.
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// Keeps the larger of what it holds and `n`.
    pub fn raise(&self, n: u64) {
        if n > self.0.load(Relaxed) {
            self.0.store(n, Relaxed);
        }
    }

    /// For `clear counters`.
    pub fn clear(&self) {
        self.0.store(0, Relaxed);
    }
}

macro_rules! counters {
    (sums { $($name:ident: $doc:literal,)* } maxima { $($top:ident: $top_doc:literal,)* }) => {
        /// What is counted for a frontend, backend, server or listener (those that do not apply stay 0).
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct Counters {
            $(#[doc = $doc] pub $name: Counter,)*
            $(#[doc = $top_doc] pub $top: Counter,)*
        }

        /// [`Counters`] of all threads together: sums, and the largest of the maxima.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Totals {
            $(#[doc = $doc] pub $name: u64,)*
            $(#[doc = $top_doc] pub $top: u64,)*
        }

        impl Totals {
            fn add(&mut self, c: &Counters) {
                $(self.$name = self.$name.wrapping_add(c.$name.get());)*
                $(self.$top = self.$top.max(c.$top.get());)*
            }
        }

        impl Counters {
            fn clear(&self) {
                $(self.$name.clear();)*
                self.clear_maxima();
            }

            fn clear_maxima(&self) { $(self.$top.clear();)* }
        }
    };
}

counters! {
    sums {
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
    idle_connections: "Idle connections to a server that the thread keeps now.",
    }
    maxima {
    queue_time_max_ms: "Longest queue time.",
    connect_time_max_ms: "Longest connect time.",
    response_time_max_ms: "Longest response time.",
    total_time_max_ms: "Longest total time.",
    }
}

/// Samples that the averages of `show stat` look back on (management guide 9.1, `qtime`).
const AVERAGED_MAX: u64 = 1_024;

/// What happened in the last whole second, and the most that ever happened in one.
#[derive(Debug, Default)]
pub struct Rate {
    now: AtomicU32,
    max: AtomicU32,
    seen: AtomicU64,
}

impl Rate {
    /// To be called once a second with the running total.
    fn sample(&self, total: u64) {
        let seen = self.seen.swap(total, Relaxed);
        // Counters that were cleared in between begin again from 0.
        let new = u32::try_from(total.checked_sub(seen).unwrap_or(total)).unwrap_or(u32::MAX);
        self.now.store(new, Relaxed);
        self.max.fetch_max(new, Relaxed);
    }

    pub fn now(&self) -> u32 {
        self.now.load(Relaxed)
    }

    pub fn max(&self) -> u32 {
        self.max.load(Relaxed)
    }

    fn clear_max(&self) {
        self.max.store(self.now(), Relaxed);
    }
}

/// A mean over about the last [`AVERAGED_MAX`] samples, in thousandths; exact while there were fewer.
#[derive(Debug, Default)]
struct Mean {
    thousandths: AtomicU64,
    seen_sum: AtomicU64,
}

impl Mean {
    /// `new` samples came, `all` in total, and the running sum of all is `sum`.
    fn sample(&self, new: u64, all: u64, sum: u64) {
        let before = self.seen_sum.swap(sum, Relaxed);
        if new == 0 {
            return;
        }
        let mean_of_new = sum.checked_sub(before).unwrap_or(sum) as f64 * 1_000.0 / new as f64;
        let old = self.thousandths.load(Relaxed) as f64;
        let kept = match all <= AVERAGED_MAX {
            true => 1.0 - new as f64 / all.max(1) as f64,
            false => (1.0 - 1.0 / AVERAGED_MAX as f64).powf(new as f64),
        };
        self.thousandths.store((old * kept + mean_of_new * (1.0 - kept)) as u64, Relaxed);
    }

    fn ms(&self) -> u32 {
        u32::try_from(self.thousandths.load(Relaxed) / 1_000).unwrap_or(u32::MAX)
    }
}

/// Rates of the whole process.
#[derive(Debug, Default)]
pub struct Process {
    pub connections: Rate,
    pub sessions: Rate,
    pub bytes_out: Rate,
    busy_percent: AtomicU32,
}

impl Process {
    /// To be called once a second with the running totals.
    pub fn sample(&self, connections: u64, sessions: u64, bytes_out: u64) {
        self.connections.sample(connections);
        self.sessions.sample(sessions);
        self.bytes_out.sample(bytes_out);
    }

    pub fn set_idle_percent(&self, percent: u32) {
        self.busy_percent.store(100u32.saturating_sub(percent), Relaxed);
    }

    /// Percent of the last second in which the worker threads waited.
    pub fn idle_percent(&self) -> u32 {
        100 - self.busy_percent.load(Relaxed)
    }

    /// `clear counters`.
    pub fn clear_maxima(&self) {
        for rate in [&self.connections, &self.sessions, &self.bytes_out] {
            rate.clear_max();
        }
    }
}

/// What is derived from counters once a second, away from the data path.
#[derive(Debug, Default)]
pub struct Derived {
    pub sessions: Rate,
    pub requests: Rate,
    pub connections: Rate,
    queue_time: Mean,
    connect_time: Mean,
    response_time: Mean,
    total_time: Mean,
    timed_seen: AtomicU64,
}

impl Derived {
    fn sample(&self, t: &Totals) {
        self.sessions.sample(t.sessions);
        self.requests.sample(t.requests);
        self.connections.sample(t.connections);
        let seen = self.timed_seen.swap(t.timed, Relaxed);
        let new = t.timed.checked_sub(seen).unwrap_or(t.timed);
        self.queue_time.sample(new, t.timed, t.queue_time_sum_ms);
        self.connect_time.sample(new, t.timed, t.connect_time_sum_ms);
        self.response_time.sample(new, t.timed, t.response_time_sum_ms);
        self.total_time.sample(new, t.timed, t.total_time_sum_ms);
    }

    /// Mean queue, connect, response and total time of recent streams, ms.
    pub fn times_ms(&self) -> [u32; 4] {
        [self.queue_time.ms(), self.connect_time.ms(), self.response_time.ms(), self.total_time.ms()]
    }
}

/// One [`Counters`] per thread.
#[derive(Debug)]
pub struct PerThread {
    cells: Box<[Counters]>,
    derived: Derived,
}

impl PerThread {
    /// `threads` worker threads, and one cell more for everything that runs beside them.
    pub fn new(threads: usize) -> PerThread {
        PerThread { cells: (0..=threads).map(|_| Counters::default()).collect(), derived: Derived::default() }
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

    /// `clear counters all`.
    pub fn clear(&self) {
        for c in &self.cells {
            c.clear();
        }
        self.clear_maxima();
    }

    /// `clear counters`: the maxima only.
    pub fn clear_maxima(&self) {
        for c in &self.cells {
            c.clear_maxima();
        }
        let d = &self.derived;
        for rate in [&d.sessions, &d.requests, &d.connections] {
            rate.clear_max();
        }
    }

    /// To be called once a second, by one thread.
    pub fn sample(&self) {
        self.derived.sample(&self.total());
    }

    pub fn derived(&self) -> &Derived {
        &self.derived
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

    #[test]
    fn maxima_are_the_largest_of_all_threads() {
        let p = PerThread::new(2);
        p.at(0).total_time_max_ms.raise(30);
        p.at(1).total_time_max_ms.raise(50);
        p.at(1).total_time_max_ms.raise(20);
        assert_eq!(p.total().total_time_max_ms, 50);
        p.at(0).sessions.inc();
        p.clear_maxima();
        assert_eq!((p.total().total_time_max_ms, p.total().sessions), (0, 1));
    }

    #[test]
    fn a_rate_is_the_growth_of_a_second_and_survives_cleared_counters() {
        let p = PerThread::new(1);
        p.at(0).sessions.add(7);
        p.sample();
        assert_eq!((p.derived().sessions.now(), p.derived().sessions.max()), (7, 7));
        p.at(0).sessions.add(2);
        p.sample();
        assert_eq!((p.derived().sessions.now(), p.derived().sessions.max()), (2, 7));
        p.clear();
        p.at(0).sessions.add(3);
        p.sample();
        assert_eq!((p.derived().sessions.now(), p.derived().sessions.max()), (3, 3));
    }

    #[test]
    fn an_average_is_exact_at_first_and_later_forgets_what_is_old() {
        let p = PerThread::new(1);
        let add = |n: u64, ms: u64| {
            p.at(0).timed.add(n);
            p.at(0).total_time_sum_ms.add(n * ms);
            p.sample();
        };
        add(10, 100);
        add(30, 20);
        assert_eq!(p.derived().times_ms(), [0, 0, 0, 40]);
        add(100_000, 5);
        assert_eq!(p.derived().times_ms()[3], 5);
    }
}
