//! What is watched: scripts, processes, files, interfaces; and who watches it.
//!
//! Invariant: a name that nothing defines is told and left out. Leaves to others: programs (`programs`), what a
//! check asks for (`process_check`).

use std::time::Duration;

use common::{
    diag::{Diagnostic, Diagnostics, codes},
    keepalived::model::{Config, ParamMatch, Track, TrackProcess, Tracks},
    source::At,
};

use super::{process_check, programs::Programs};
use crate::{
    engine::{
        plan::{ProcessPlan, ScriptPlan, Target, Watch},
        track::process::{Compare, Pattern},
    },
    program::{Program, TrackedFile},
};

/// Everything that can be watched.
#[derive(Debug, Default)]
pub(super) struct Plans {
    pub scripts: Vec<ScriptPlan>,
    pub patterns: Vec<Pattern>,
    pub processes: Vec<ProcessPlan>,
    pub files: Vec<String>,
}

pub(super) fn trackers(
    config: &Config,
    programs: &mut Programs<'_>,
    diags: &mut Diagnostics,
) -> (Plans, Vec<Program>) {
    let (mut plans, mut found) = (Plans::default(), Vec::new());
    for s in &config.scripts {
        let what = format!("track script {}", s.name.value);
        let program = programs.resolve(&s.command, &what, diags);
        let refused = program.is_none() && programs.refused_for_safety();
        // To go on without the check would be worse than to take it as failed.
        let never = Program { argv: s.command.argv.value.clone(), path: Default::default(), user: None };
        let Some(program) = program.or(refused.then_some(never)) else { continue };
        let pattern = process_check::pattern(&program.argv).map(|p| index(&mut plans.patterns, p));
        plans.scripts.push(ScriptPlan {
            name: s.name.value.clone(),
            interval: Duration::from_micros(s.interval_us()),
            timeout: Duration::from_micros(s.timeout_us()),
            rise: s.rise(),
            fall: s.fall(),
            init_fail: s.init_fail,
            pattern,
            refused,
        });
        found.push(program);
    }
    for p in &config.track_processes {
        let pattern = index(&mut plans.patterns, pattern(p));
        plans.processes.push(ProcessPlan {
            name: p.name.value.clone(),
            pattern,
            quorum: p.quorum.unwrap_or(if p.quorum_max == Some(0) { 0 } else { 1 }),
            quorum_max: p.quorum_max,
            fork_delay: Duration::from_micros(p.fork_delay_us),
            terminate_delay: Duration::from_micros(p.terminate_delay_us),
        });
    }
    plans.files = config.track_files.iter().map(|f| f.name.value.clone()).collect();
    (plans, found)
}

/// The files in the order of the plan's.
pub(super) fn files(config: &Config) -> Vec<TrackedFile> {
    let file = |f: &common::keepalived::model::TrackFile| TrackedFile {
        name: f.name.value.clone(),
        path: f.file.value.clone().into(),
        init: f.init_file.map(|i| (i.value, i.overwrite)),
    };
    config.track_files.iter().map(file).collect()
}

/// Patterns that are the same are watched once.
fn index(patterns: &mut Vec<Pattern>, pattern: Pattern) -> usize {
    patterns.iter().position(|p| *p == pattern).unwrap_or_else(|| {
        patterns.push(pattern);
        patterns.len() - 1
    })
}

/// By the name, unless parameters or `full_command` make it the command line (keepalived.conf(5), "VRRP track
/// processes").
fn pattern(p: &TrackProcess) -> Pattern {
    let argv = p.process.value.clone();
    let compare = match p.param_match {
        ParamMatch::Exact => Compare::Exact,
        ParamMatch::Initial => Compare::Initial,
        ParamMatch::Partial => Compare::Partial,
    };
    if argv.len() > 1 || p.full_command || compare != Compare::Exact {
        return Pattern::Arguments { argv, compare };
    }
    Pattern::Named(argv)
}

/// What an instance or a group watches; weights left out are those of the thing watched.
pub(super) fn watches(
    tracks: &Tracks,
    config: &Config,
    plans: &Plans,
    owner: &str,
    diags: &mut Diagnostics,
) -> Vec<Watch> {
    let mut watches = Vec::new();
    for t in &tracks.interfaces {
        watches.push(watch(t, Target::Interface(t.name.value.clone()), 0, false));
    }
    for t in &tracks.scripts {
        let written = config.scripts.iter().find(|s| s.name.value == t.name.value);
        let at = plans.scripts.iter().position(|s| s.name == t.name.value);
        match (written, at) {
            (Some(s), Some(at)) => watches.push(watch(t, Target::Script(at), s.weight, s.reverse)),
            // It was written and could not be honoured; that has been told.
            (Some(_), None) => {}
            (None, _) => unknown("script", &t.name, owner, config.scripts.iter().map(|s| &s.name), diags),
        }
    }
    for t in &tracks.processes {
        match config.track_processes.iter().position(|p| p.name.value == t.name.value) {
            Some(at) => {
                let (weight, reverse) =
                    config.track_processes.get(at).map_or((0, false), |p| (p.weight, p.reverse));
                watches.push(watch(t, Target::Process(at), weight, reverse));
            }
            None => unknown("process", &t.name, owner, config.track_processes.iter().map(|p| &p.name), diags),
        }
    }
    for t in &tracks.files {
        match config.track_files.iter().position(|f| f.name.value == t.name.value) {
            Some(at) => {
                let file = config.track_files.get(at);
                let weight = file.and_then(|f| f.weight).unwrap_or(1);
                watches.push(watch(t, Target::File(at), weight, file.is_some_and(|f| f.reverse)));
            }
            None => unknown("file", &t.name, owner, config.track_files.iter().map(|f| &f.name), diags),
        }
    }
    watches
}

fn unknown<'a>(
    kind: &str,
    name: &At<String>,
    owner: &str,
    known: impl Iterator<Item = &'a At<String>>,
    diags: &mut Diagnostics,
) {
    let message = format!("({owner}) track {kind} {} not found, ignoring...", name.value);
    let d = Diagnostic::warning(codes::K_UNRESOLVED, message).at(name.span, "");
    diags.push(d.did_you_mean(&name.value, known.map(|n| n.value.as_str())));
}

fn watch(t: &Track, target: Target, weight: i16, reverse: bool) -> Watch {
    Watch { target, weight: t.weight.map_or(weight, |w| w.value), reverse: t.reverse.unwrap_or(reverse) }
}
