//! From the model of keepalived.conf to the engine's plan: the only place that sees both.
//!
//! Owns: looking up names (scripts, members, interfaces, users, program files) and refusing by name what is not
//! built yet. Invariants: what comes out is consistent ([`Plan`]'s invariants); each thing left out has its
//! diagnostic (parts that are not built at all have theirs from `common::keepalived`). Leaves to others: defaults (`model::effective`), ranges (`common::keepalived`), effects (shell).

mod auth;
mod instance;
mod process_check;
mod programs;
mod proxies;
mod trackers;

use std::{sync::Arc, time::Duration};

use common::{
    diag::{Diagnostic, Diagnostics, codes},
    keepalived::model::{Command, Config, SyncGroup},
};
pub use programs::{System, World};

use crate::{
    engine::{
        plan::{GroupPlan, Plan},
        router::Gaps,
    },
    program::{Commands, Fifo, Notify, TimedProgram},
};

/// keepalived.conf(5), `startup_script_timeout` and `shutdown_script_timeout`.
const ONCE_TIMEOUT_S: u32 = 10;

/// A configuration ready to run.
#[derive(Debug)]
pub struct Compiled {
    pub plan: Arc<Plan>,
    pub commands: Commands,
    pub settings: Settings,
    pub diagnostics: Diagnostics,
    /// An instance names an interface that does not exist and may not come later: it cannot be run.
    pub missing_interface: bool,
    /// Scripts run as root without `enable_script_security`: `-t` exits with 6.
    pub security_violation: bool,
}

/// Settings of the process.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    pub dynamic_interfaces: bool,
    /// Nice value.
    pub nice: Option<i32>,
    /// SCHED_RR priority.
    pub realtime: Option<i32>,
    pub no_swap: bool,
    pub umask: Option<u32>,
    /// Seconds that the parent waits for the child at exit.
    pub child_wait_s: u32,
    pub state_dump_file: Option<String>,
    pub stats_dump_file: Option<String>,
    pub json_dump_file: Option<String>,
    /// 1: a bare array; 2: an object.
    pub json_version: u8,
    pub router_id: Option<String>,
    /// `control_socket`: a path, or `off`.
    pub control_socket: Option<String>,
    /// `prometheus_address`.
    pub metrics: Option<std::net::SocketAddr>,
    /// `journal_directory`.
    pub journal_directory: Option<String>,
    /// The companion takes the addresses off when the VRRP process dies, and when it hangs.
    pub fence_on_death: bool,
    pub fence_on_silence: bool,
    /// States are written to the FIFOs again after a reload.
    pub fifo_states_on_reload: bool,
}

/// Turns a model into a plan. Total: what cannot be honoured is told and left out.
pub fn compile(config: &Config, world: &dyn World) -> Compiled {
    let mut diags = Diagnostics::default();
    let mut programs = programs::Programs::new(config, world);
    let (trackers, script_programs) = trackers::trackers(config, &mut programs, &mut diags);
    let mut context = instance::Context { config, world, trackers: &trackers, missing_interface: false };
    let (mut instances, mut notifies) = (Vec::new(), Vec::new());
    for i in &config.instances {
        if let Some(plan) = instance::plan(&mut context, i, &mut diags) {
            instances.push(plan);
            notifies.push(programs.notify(&i.notify, &mut diags));
        }
    }
    let missing_interface = context.missing_interface;
    let (groups, group_notifies) = groups(config, &mut instances, &mut programs, &trackers, &mut diags);
    let fifos = fifos(config, &mut programs, &mut diags);
    let g = &config.global;
    let mut once = |command: &Option<Command>, timeout_s: Option<u32>, what: &str| {
        let program = programs.resolve(command.as_ref()?, what, &mut diags)?;
        let timeout = Duration::from_secs(u64::from(timeout_s.unwrap_or(ONCE_TIMEOUT_S)));
        Some(TimedProgram { program, timeout })
    };
    let startup = once(&g.startup_script, g.startup_script_timeout_s, "startup_script");
    let shutdown = once(&g.shutdown_script, g.shutdown_script_timeout_s, "shutdown_script");
    let proxies = proxies::attach(config, &mut instances, &groups);
    let plan = Plan {
        instances: instances.into_iter().map(Arc::new).collect(),
        groups,
        proxies,
        scripts: trackers.scripts,
        patterns: trackers.patterns,
        processes: trackers.processes,
        files: trackers.files,
        startup_delay: Duration::from_micros(config.global.vrrp_startup_delay_us.unwrap_or(0)),
        gaps: Gaps {
            garp: Duration::from_micros(config.global.vrrp_garp_interval_us.unwrap_or(0)),
            gna: Duration::from_micros(config.global.vrrp_gna_interval_us.unwrap_or(0)),
        },
    };
    let security_violation = programs.violation();
    Compiled {
        plan: Arc::new(plan),
        commands: Commands {
            scripts: script_programs,
            files: trackers::files(config),
            instances: notifies,
            groups: group_notifies,
            fifos,
            startup,
            shutdown,
        },
        settings: settings(config),
        diagnostics: diags,
        missing_interface,
        security_violation,
    }
}

fn settings(config: &Config) -> Settings {
    let g = &config.global;
    Settings {
        dynamic_interfaces: g.dynamic_interfaces,
        nice: g.vrrp_priority.map(i32::from),
        realtime: g.vrrp_rt_priority.map(i32::from),
        no_swap: g.vrrp_no_swap,
        umask: g.umask.map(u32::from),
        child_wait_s: config.child_wait_s.unwrap_or(5),
        state_dump_file: g.state_dump_file.clone(),
        stats_dump_file: g.stats_dump_file.clone(),
        json_dump_file: g.json_dump_file.clone(),
        json_version: g.json_version.unwrap_or(1),
        router_id: g.router_id.clone(),
        control_socket: g.control_socket.clone(),
        metrics: g.prometheus_address,
        journal_directory: g.journal_directory.clone(),
        fence_on_death: g.fence_on_death.unwrap_or(true),
        fence_on_silence: g.fence_on_silence.unwrap_or(true),
        fifo_states_on_reload: g.fifo_write_vrrp_states_on_reload,
    }
}

fn groups(
    config: &Config,
    instances: &mut [crate::engine::plan::InstancePlan],
    programs: &mut programs::Programs<'_>,
    trackers: &trackers::Plans,
    diags: &mut Diagnostics,
) -> (Vec<GroupPlan>, Vec<Notify>) {
    let (mut plans, mut notifies) = (Vec::new(), Vec::new());
    for g in &config.sync_groups {
        let members = members(g, instances, diags);
        if members.is_empty() {
            diags.push(
                Diagnostic::warning(
                    codes::K_INCOMPLETE,
                    format!("sync group {} has no members; it is skipped", g.name.value),
                )
                .at(g.name.span, ""),
            );
            continue;
        }
        // What a group tracks, each member tracks.
        let watches = trackers::watches(&g.track, config, trackers, &g.name.value, diags);
        for member in &members {
            if let Some(i) = instances.get_mut(*member) {
                i.watches.extend(watches.iter().cloned());
            }
        }
        plans.push(GroupPlan { name: g.name.value.clone(), members });
        notifies.push(programs.notify(&g.notify, diags));
    }
    (plans, notifies)
}

fn members(
    group: &SyncGroup,
    instances: &[crate::engine::plan::InstancePlan],
    diags: &mut Diagnostics,
) -> Vec<usize> {
    let mut members = Vec::new();
    for name in &group.members {
        match instances.iter().position(|i| i.name == name.value) {
            Some(at) => members.push(at),
            None => diags.push(
                Diagnostic::warning(
                    codes::K_UNRESOLVED,
                    format!("sync group {}: no instance {} runs", group.name.value, name.value),
                )
                .at(name.span, "")
                .did_you_mean(&name.value, instances.iter().map(|i| i.name.as_str())),
            ),
        }
    }
    members
}

fn fifos(config: &Config, programs: &mut programs::Programs<'_>, diags: &mut Diagnostics) -> Vec<Fifo> {
    let g = &config.global;
    let pairs = [(&g.notify_fifo, &g.notify_fifo_script), (&g.vrrp_notify_fifo, &g.vrrp_notify_fifo_script)];
    let mut fifos: Vec<Fifo> = Vec::new();
    for (fifo, reader) in pairs {
        let Some(fifo) = fifo else { continue };
        let reader = reader.as_ref().and_then(|r| programs.resolve(r, "notify FIFO script", diags));
        let owner = programs.user(fifo.owner.as_ref(), diags).map(|u| (u.uid, u.gid));
        fifos.push(Fifo { path: fifo.path.value.clone().into(), owner, reader });
    }
    fifos
}

#[cfg(test)]
mod tests;
