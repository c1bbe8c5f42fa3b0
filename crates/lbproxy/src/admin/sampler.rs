//! Once a second: rates, averages and idle time from the running counters.

use std::time::Instant;

use nix::time::{ClockId, clock_gettime};

use crate::{compile::plan::Plan, engine::stats::Totals, shell::runtime::Shared};

/// What the last look saw.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    last: Option<(Instant, u64)>,
}

impl Sampler {
    pub(super) fn sample(&mut self, shared: &Shared) {
        let runtime = shared.runtime.load();
        let plan = &runtime.plan;
        for f in &plan.frontends {
            f.state.counters.sample();
            for l in &f.listeners {
                l.counters.sample();
            }
        }
        for b in &plan.backends {
            b.state.counters.sample();
            for s in &b.servers {
                s.state.counters.sample();
            }
        }
        let process = shared.registry.process();
        let all = frontends(plan);
        process.sample(all.connections, all.sessions, all.bytes_out);
        self.idle(plan.global.threads).into_iter().for_each(|p| process.set_idle_percent(p));
    }

    /// Percent of the last interval that the worker threads did not compute.
    fn idle(&mut self, threads: usize) -> Option<u32> {
        let used = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).ok()?;
        let used_us =
            u64::try_from(used.tv_sec()).ok()? * 1_000_000 + u64::try_from(used.tv_nsec()).ok()? / 1_000;
        let now = Instant::now();
        let (then, before_us) = self.last.replace((now, used_us))?;
        let had_us = u64::try_from(now.duration_since(then).as_micros()).ok()? * threads.max(1) as u64;
        let busy = (used_us.saturating_sub(before_us) * 100).checked_div(had_us)?;
        Some(100u32.saturating_sub(u32::try_from(busy).unwrap_or(100)))
    }
}

/// The sums of all frontends.
pub(super) fn frontends(plan: &Plan) -> Totals {
    let mut sum = Totals::default();
    for t in plan.frontends.iter().map(|f| f.state.counters.total()) {
        sum.connections = sum.connections.wrapping_add(t.connections);
        sum.sessions = sum.sessions.wrapping_add(t.sessions);
        sum.requests = sum.requests.wrapping_add(t.requests);
        sum.bytes_in = sum.bytes_in.wrapping_add(t.bytes_in);
        sum.bytes_out = sum.bytes_out.wrapping_add(t.bytes_out);
    }
    sum
}
