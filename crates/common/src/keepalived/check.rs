//! What must hold of a configuration as a whole, whichever form it was written in.
//!
//! Owns: the repairs that keepalived makes, each told, and what makes a configuration unusable. Values are
//! adjusted to what the protocol can carry, contradictions are resolved, what names nothing is dropped.
//! Invariant: checking a checked model changes nothing, so that a dumped model reads back the same.
//! What needs the world (interfaces, users, programs) is left to the daemon's `compile`.

mod group;
mod instance;
mod strict;

use std::collections::HashSet;

use super::{
    model::{Config, Tracks},
    support,
};
use crate::{
    diag::{Code, Diagnostic, Diagnostics, Severity, codes},
    source::{At, Span},
};

/// Repairs `config` and tells of each repair. True: it cannot be run.
pub fn finish(config: &mut Config, diags: &mut Diagnostics) -> bool {
    watched(config, diags);
    unique("vrrp_instance", Severity::Alert, &mut config.instances, |i| &i.name, diags);
    let mut unusable = instance::check_all(config, diags);
    unusable |= instance::same_identity(config, diags);
    unique("vrrp_sync_group", Severity::Alert, &mut config.sync_groups, |g| &g.name, diags);
    group::check_all(config, diags);
    support::tell(config, diags);
    unusable
}

/// Scripts, files and processes: each needs a name of its own and something to watch.
fn watched(config: &mut Config, diags: &mut Diagnostics) {
    config.scripts.retain(|s| complete(!s.command.argv.is_empty(), "vrrp_script", "script", &s.name, diags));
    config.track_files.retain(|f| complete(!f.file.is_empty(), "track_file", "file", &f.name, diags));
    config
        .track_processes
        .retain(|p| complete(!p.process.is_empty(), "vrrp_track_process", "process", &p.name, diags));
    config.bfd.retain(|b| complete(b.neighbor_ip.is_some(), "bfd_instance", "neighbor_ip", &b.name, diags));
    // keepalived says nothing of these and takes the first.
    let said = Severity::Notice;
    unique("vrrp_script", said, &mut config.scripts, |s| &s.name, diags);
    unique("track_file", said, &mut config.track_files, |f| &f.name, diags);
    unique("vrrp_track_process", said, &mut config.track_processes, |p| &p.name, diags);
    unique("bfd_instance", said, &mut config.bfd, |b| &b.name, diags);
    for script in &mut config.scripts {
        if !(-253..=253).contains(&script.weight) {
            let message = format!("({}) weight {} is not within -253 to 253", script.name, script.weight);
            alert(diags, codes::K_BAD_ARGUMENT, script.name.span, message, "0 is used");
            script.weight = 0;
        }
        for (what, period) in [("interval", &mut script.interval_us), ("timeout", &mut script.timeout_us)] {
            if *period == Some(0) {
                let message = format!("({}) the {what} must be greater than 0", script.name);
                alert(diags, codes::K_BAD_ARGUMENT, script.name.span, message, "the default stands");
                *period = None;
            }
        }
    }
}

fn complete(is: bool, block: &str, lacks: &str, name: &At<String>, diags: &mut Diagnostics) -> bool {
    if !is {
        let message = format!("{block} {name} has no {lacks}");
        alert(diags, codes::K_INCOMPLETE, name.span, message, "the block is left out");
    }
    is
}

/// Leaves the first of those that share a name.
fn unique<T>(
    block: &str,
    severity: Severity,
    list: &mut Vec<T>,
    name: fn(&T) -> &At<String>,
    diags: &mut Diagnostics,
) {
    let mut seen: HashSet<String> = HashSet::new();
    list.retain(|item| {
        let name = name(item);
        let first = seen.insert(name.value.clone());
        if !first {
            let message = format!("{block} {name} already defined");
            diags.push(
                Diagnostic::new(severity, codes::K_DUPLICATE, message)
                    .at(name.span, "")
                    .help("the first one counts, this one is left out"),
            );
        }
        first
    });
}

/// Names of what can be tracked.
struct Known {
    scripts: HashSet<String>,
    files: HashSet<String>,
    processes: HashSet<String>,
    bfd: HashSet<String>,
}

impl Known {
    fn of(config: &Config) -> Known {
        Known {
            scripts: config.scripts.iter().map(|s| s.name.value.clone()).collect(),
            files: config.track_files.iter().map(|f| f.name.value.clone()).collect(),
            processes: config.track_processes.iter().map(|p| p.name.value.clone()).collect(),
            bfd: config.bfd.iter().map(|b| b.name.value.clone()).collect(),
        }
    }

    /// Drops from `tracks` what nothing defines.
    fn resolve(&self, who: &str, tracks: &mut Tracks, diags: &mut Diagnostics) {
        let lists = [
            ("script", "vrrp_script", &self.scripts, &mut tracks.scripts),
            ("file", "track_file", &self.files, &mut tracks.files),
            ("process", "vrrp_track_process", &self.processes, &mut tracks.processes),
            ("bfd", "bfd_instance", &self.bfd, &mut tracks.bfd),
        ];
        for (what, block, known, list) in lists {
            list.retain(|t| {
                let is = known.contains(&t.name.value);
                if !is {
                    let message = format!("({who}) track {what} {} not found, ignoring", t.name);
                    let d = Diagnostic::alert(codes::K_UNRESOLVED, message)
                        .at(t.name.span, format!("no {block} of this name"))
                        .did_you_mean(&t.name.value, known.iter().map(String::as_str));
                    diags.push(d);
                }
                is
            });
        }
    }
}

fn alert(diags: &mut Diagnostics, code: Code, span: Span, message: String, help: &str) {
    diags.push(Diagnostic::alert(code, message).at(span, "").help(help));
}

fn warn(diags: &mut Diagnostics, code: Code, span: Span, message: String, help: &str) {
    diags.push(Diagnostic::warning(code, message).at(span, "").help(help));
}
