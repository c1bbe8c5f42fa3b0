//! What has been told of frontends and backends, and what has changed since.
//!
//! Invariant: looking for changes costs one relaxed load a backend; servers are counted only where it differs.

use std::collections::BTreeMap;

use common::health::{Able, Message, Side};

use crate::{
    compile::plan::{Backend, Frontend, Plan, SwitchTarget},
    shell::runtime::Runtime,
};

/// The counts as last told.
#[derive(Debug, Default)]
pub(super) struct Told {
    backends: BTreeMap<String, Counted>,
    frontends: BTreeMap<String, Able>,
    /// Of the configuration that was looked at.
    generation: u64,
}

#[derive(Debug)]
struct Counted {
    /// The epoch of the backend's state when its servers were counted.
    epoch: u64,
    able: Able,
}

impl Told {
    /// Everything, for somebody who knows nothing.
    pub(super) fn all(&self) -> Vec<Message> {
        let backends = self.backends.iter().map(|(name, c)| able(Side::Backend, name, c.able));
        backends.chain(self.frontends.iter().map(|(name, a)| able(Side::Frontend, name, *a))).collect()
    }

    /// Counts again what may have changed, and gives what did.
    pub(super) fn update(&mut self, runtime: &Runtime) -> Vec<Message> {
        let plan = &runtime.plan;
        let mut news = Vec::new();
        let mut changed = std::mem::replace(&mut self.generation, runtime.generation) != runtime.generation;
        if changed {
            self.forget(plan, &mut news);
        }
        for b in &plan.backends {
            let epoch = b.state.epoch();
            let known = self.backends.get(&*b.name);
            if known.is_some_and(|c| c.epoch == epoch) {
                continue;
            }
            let now = count(b);
            if known.map(|c| c.able) != Some(now) {
                news.push(able(Side::Backend, &b.name, now));
                changed = true;
            }
            self.backends.insert(b.name.to_string(), Counted { epoch, able: now });
        }
        if changed {
            for f in &plan.frontends {
                let now = self.sum(f, plan);
                if self.frontends.insert(f.name.to_string(), now) != Some(now) {
                    news.push(able(Side::Frontend, &f.name, now));
                }
            }
        }
        news
    }

    /// Drops what a reload took away.
    fn forget(&mut self, plan: &Plan, news: &mut Vec<Message>) {
        let mut gone = |side, name: &String| news.push(Message::Gone { side, name: name.clone() });
        self.backends.retain(|name, _| {
            let stays = plan.backends.iter().any(|b| *b.name == **name);
            if !stays {
                gone(Side::Backend, name);
            }
            stays
        });
        self.frontends.retain(|name, _| {
            let stays = plan.frontends.iter().any(|f| *f.name == **name);
            if !stays {
                gone(Side::Frontend, name);
            }
            stays
        });
    }

    /// All backends that a frontend may choose; with a name computed per request, all there are.
    fn sum(&self, f: &Frontend, plan: &Plan) -> Able {
        let dynamic = f.switching.iter().any(|s| matches!(s.target, SwitchTarget::Dynamic(_)));
        let fixed = f.switching.iter().filter_map(|s| match s.target {
            SwitchTarget::Fixed(b) => Some(b),
            SwitchTarget::Dynamic(_) => None,
        });
        let mut chosen: Vec<usize> = match dynamic {
            true => (0..plan.backends.len()).collect(),
            false => fixed.chain(f.default_backend).collect(),
        };
        chosen.sort_unstable();
        chosen.dedup();
        let ables =
            chosen.iter().filter_map(|i| self.backends.get(&*plan.backends.get(*i)?.name)).map(|c| c.able);
        ables.fold(Able::default(), |a, b| Able { servers: a.servers + b.servers, of: a.of + b.of })
    }
}

fn count(b: &Backend) -> Able {
    let c = b.state.counts();
    Able { servers: c.active + c.backup, of: c.servers }
}

fn able(side: Side, name: &str, able: Able) -> Message {
    Message::Able { side, name: name.to_owned(), able }
}
