//! Bringing a plan into force for the states it points to.

use std::sync::Arc;

use crate::{
    compile::plan::{Backend, Plan, Server},
    engine::state::ServerConfig,
};

/// Tells every server's and backend's state what the plan says. To be called once for each plan, before its first
/// request; a plan that is compiled but not used must not come here.
pub fn adopt(plan: &Plan, now_ms: u64) {
    for b in &plan.backends {
        for s in &b.servers {
            s.state.configure(config_of(plan, b, s), now_ms);
        }
    }
    // A server may track one that stands below it, so all are configured before anybody looks at the sums.
    for b in &plan.backends {
        for s in b.servers.iter().filter(|s| s.track.is_some()) {
            s.state.configure(config_of(plan, b, s), now_ms);
        }
        let states: Vec<_> = b.servers.iter().map(|s| s.state.clone()).collect();
        b.state.set_listen(b.same_as.is_some());
        b.state.set_members(&states, b.allbackups, now_ms);
    }
}

fn config_of(plan: &Plan, b: &Backend, s: &Server) -> ServerConfig {
    let tracked = s.track.and_then(|(b, s)| plan.backends.get(b)?.servers.get(s));
    ServerConfig {
        weight: s.weight,
        backup: s.backup,
        disabled: s.disabled,
        maxconn: s.maxconn,
        minconn: s.minconn,
        maxqueue: s.maxqueue,
        fullconn: b.fullconn,
        slowstart_ms: s.slowstart_ms,
        check: s.check.as_ref().map(|c| (c.rise, c.fall)),
        init: s.check.as_ref().map(|c| c.init).unwrap_or_default(),
        track: tracked.map(|t| Arc::downgrade(&t.state)),
        on_marked_down_shutdown: s.on_marked_down_shutdown,
        on_marked_up_shutdown_backups: s.on_marked_up_shutdown_backups,
        log_health_checks: b.log_health_checks,
        dynamic_weights: b.lb.is_dynamic(),
        observe: s.observe,
        unresolved: s.resolve.is_some() && s.endpoint.is_none(),
        saved: s.saved.clone(),
    }
}
