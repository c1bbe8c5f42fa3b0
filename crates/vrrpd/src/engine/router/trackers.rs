//! The trackers of a host, one field per kind: how they run, what they say, how a reload carries them over.
//!
//! Invariants: nothing runs before [`Trackers::start`] or after [`Trackers::stop`]; a tracker of the same name
//! keeps its status over a reload. A new kind is a file in `engine/track/`, a [`Target`], a field here and its
//! lines in these functions. Leaves to others: what a status does to an instance (`standing`).

use std::sync::Arc;

use super::{Action, Links};
use crate::engine::{
    Time,
    plan::{Plan, Target},
    track::{self, Status, script},
};

#[derive(Debug, Default)]
pub(super) struct Trackers {
    running: bool,
    scripts: Vec<script::Script>,
}

impl Trackers {
    pub(super) fn new(plan: &Plan) -> Trackers {
        Trackers { running: false, scripts: plan.scripts.iter().cloned().map(script::Script::new).collect() }
    }

    pub(super) fn start(&mut self, now: Time) {
        self.running = true;
        self.scripts.iter_mut().for_each(|s| s.start(now));
    }

    pub(super) fn stop(&mut self) {
        self.running = false;
    }

    pub(super) fn timeout(&mut self, now: Time) {
        if self.running {
            self.scripts.iter_mut().for_each(|s| s.timeout(now));
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        if !self.running {
            return None;
        }
        self.scripts.iter().filter_map(script::Script::deadline).min()
    }

    /// A run of this script ended.
    pub(super) fn exited(&mut self, script: &str, exit: script::Exit) {
        if let Some(s) = self.scripts.iter_mut().find(|s| s.plan().name == script) {
            s.exited(exit);
        }
    }

    /// Puts the plan of a reload in; what goes on keeps its status.
    pub(super) fn reload(&mut self, plan: &Arc<Plan>, now: Time) {
        let mut old = std::mem::take(&mut self.scripts);
        for new in &plan.scripts {
            let kept = old.iter().position(|s| s.plan().name == new.name).map(|at| old.swap_remove(at));
            let mut engine = match kept {
                Some(mut kept) => {
                    kept.reconfigure(new.clone());
                    kept
                }
                None => script::Script::new(new.clone()),
            };
            if self.running {
                engine.start(now);
            }
            self.scripts.push(engine);
        }
    }

    /// Hands on what the trackers want done. `true`: a status changed.
    pub(super) fn drain(&mut self, mut act: impl FnMut(Action)) -> bool {
        let mut changed = false;
        for (index, s) in self.scripts.iter_mut().enumerate() {
            while let Some(what) = s.poll_action() {
                changed |= matches!(what, script::Action::Changed(..));
                act(Action::Script { index, what });
            }
        }
        changed
    }

    pub(super) fn status(&self, target: &Target, links: &Links) -> Status {
        match target {
            Target::Script(index) => self.scripts.get(*index).map_or(Status::Unknown, |s| s.status()),
            Target::Interface(name) => {
                track::interface::status(links.by_name(name).is_some_and(|l| l.running))
            }
        }
    }

    pub(super) fn scripts(&self) -> &[script::Script] {
        &self.scripts
    }
}
