//! The trackers of a host, one field per kind: how they run, what they say, how a reload carries them over.
//!
//! Invariants: nothing runs before [`Trackers::start`] or after [`Trackers::stop`]; a tracker of the same name
//! keeps its status over a reload. A new kind is a file in `engine/track/`, a [`Target`], a field here and its
//! lines in these functions. Leaves to others: what a status does to an instance (`standing`).

use std::sync::Arc;

use super::{Action, Links, Tracked};
use crate::engine::{
    Time,
    plan::{Plan, Target, Watch},
    track::{self, Effect, Status, file, process, proxy, script},
};

#[derive(Debug, Default)]
pub(super) struct Trackers {
    running: bool,
    proxies: Vec<proxy::Proxy>,
    scripts: Vec<script::Script>,
    processes: Vec<process::Process>,
    files: Vec<File>,
}

/// A tracked file: its name, and its number once it was read.
#[derive(Debug)]
struct File {
    name: String,
    value: Option<i64>,
    changed: bool,
}

impl File {
    fn new(name: &str) -> File {
        File { name: name.to_owned(), value: None, changed: false }
    }
}

impl Trackers {
    pub(super) fn new(plan: &Plan) -> Trackers {
        Trackers {
            running: false,
            proxies: plan.proxies.iter().cloned().map(proxy::Proxy::new).collect(),
            scripts: plan.scripts.iter().cloned().map(script::Script::new).collect(),
            processes: plan.processes.iter().cloned().map(process::Process::new).collect(),
            files: plan.files.iter().map(|name| File::new(name)).collect(),
        }
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
            self.proxies.iter_mut().for_each(|p| p.timeout(now));
            self.processes.iter_mut().for_each(|p| p.timeout(now));
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        if !self.running {
            return None;
        }
        let scripts = self.scripts.iter().filter_map(script::Script::deadline);
        let processes = self.processes.iter().filter_map(process::Process::deadline);
        let proxies = self.proxies.iter().filter_map(proxy::Proxy::deadline);
        scripts.chain(processes).chain(proxies).min()
    }

    /// Something about this proxy.
    pub(super) fn proxy(&mut self, name: &str, event: proxy::Event, now: Time) {
        if let Some(p) = self.proxies.iter_mut().find(|p| p.plan().name == name) {
            p.handle(event, now);
        }
    }

    /// A run of this script ended.
    pub(super) fn exited(&mut self, script: &str, exit: script::Exit) {
        if let Some(s) = self.scripts.iter_mut().find(|s| s.plan().name == script) {
            s.exited(exit);
        }
    }

    /// So many processes match a pattern: checks that ask for them are run, quorums looked at.
    pub(super) fn counted(&mut self, pattern: usize, count: u32, first: bool, now: Time) {
        for p in self.processes.iter_mut().filter(|p| p.plan().pattern == pattern) {
            p.counted(count, now);
        }
        if self.running && !first {
            let asking = self.scripts.iter_mut().filter(|s| s.plan().pattern == Some(pattern));
            asking.for_each(|s| s.poke(now));
        }
    }

    /// A file holds this number.
    pub(super) fn read(&mut self, index: usize, value: i64) {
        if let Some(file) = self.files.get_mut(index).filter(|f| f.value != Some(value)) {
            (file.value, file.changed) = (Some(value), true);
        }
    }

    /// Puts the plan of a reload in; what goes on keeps its status.
    pub(super) fn reload(&mut self, plan: &Arc<Plan>, now: Time) {
        self.reload_proxies(plan);
        let mut old = std::mem::take(&mut self.processes);
        for new in &plan.processes {
            let kept = old.iter().position(|p| p.plan().name == new.name).map(|at| old.swap_remove(at));
            let mut engine = kept.unwrap_or_else(|| process::Process::new(new.clone()));
            engine.reconfigure(new.clone());
            self.processes.push(engine);
        }
        let mut old = std::mem::take(&mut self.files);
        for name in &plan.files {
            let kept = old.iter().position(|f| f.name == *name).map(|at| old.swap_remove(at));
            self.files.push(kept.unwrap_or_else(|| File::new(name)));
        }
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

    fn reload_proxies(&mut self, plan: &Plan) {
        let mut old = std::mem::take(&mut self.proxies);
        for new in &plan.proxies {
            let kept = old.iter().position(|p| p.plan().name == new.name).map(|at| old.swap_remove(at));
            let mut proxy = kept.unwrap_or_else(|| proxy::Proxy::new(new.clone()));
            proxy.reconfigure(new.clone());
            self.proxies.push(proxy);
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
        for (index, p) in self.proxies.iter_mut().enumerate() {
            while let Some(what) = p.poll_action() {
                changed |= matches!(what, proxy::Action::Changed(..));
                act(Action::Proxy { index, what });
            }
        }
        for (index, p) in self.processes.iter_mut().enumerate() {
            while let Some(status) = p.poll_change() {
                changed = true;
                act(Action::Tracked(Tracked::Process { index, up: status == Status::Up }));
            }
        }
        for (index, f) in self.files.iter_mut().enumerate() {
            if let Some(value) = f.value.filter(|_| std::mem::take(&mut f.changed)) {
                changed = true;
                act(Action::Tracked(Tracked::File { index, value }));
            }
        }
        changed
    }

    /// What a watch does to its instance now.
    pub(super) fn effect(&self, watch: &Watch, links: &Links) -> Effect {
        let status = self.status(&watch.target, links);
        match watch.target {
            Target::Proxy(_) => proxy::effect(status, watch.weight),
            Target::File(index) => match self.files.get(index).and_then(|f| f.value) {
                Some(value) => file::effect(value, watch.weight, watch.reverse),
                None => track::effect(Status::Unknown, watch.weight, watch.reverse),
            },
            Target::Interface(_) | Target::Script(_) | Target::Process(_) => {
                track::effect(status, watch.weight, watch.reverse)
            }
        }
    }

    pub(super) fn status(&self, target: &Target, links: &Links) -> Status {
        match target {
            Target::Proxy(index) => self.proxies.get(*index).map_or(Status::Unknown, |p| p.status()),
            Target::Script(index) => self.scripts.get(*index).map_or(Status::Unknown, |s| s.status()),
            Target::Interface(name) => {
                track::interface::status(links.by_name(name).is_some_and(|l| l.running))
            }
            Target::Process(index) => self.processes.get(*index).map_or(Status::Unknown, |p| p.status()),
            // Its number is looked at and not a status.
            Target::File(_) => Status::Unknown,
        }
    }

    pub(super) fn proxies(&self) -> &[proxy::Proxy] {
        &self.proxies
    }

    pub(super) fn processes(&self) -> &[process::Process] {
        &self.processes
    }

    pub(super) fn scripts(&self) -> &[script::Script] {
        &self.scripts
    }
}
