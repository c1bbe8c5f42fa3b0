//! `vrrp_sync_group`: instances that are master together or not at all.
//!
//! Owns: which members want to be master. Invariants: a group takes over only when every member wants it; one
//! member's fault is every member's. Leaves to others: the members themselves (`instance`), who tells them
//! (`router`).

use super::{
    instance::{Fault, Instance, State},
    plan::GroupPlan,
};

/// What the members have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncGroup {
    plan: GroupPlan,
    /// Parallel to the plan's members: its down timer expired.
    wants: Vec<bool>,
    /// The state that was last told.
    told: State,
}

impl SyncGroup {
    pub fn new(plan: GroupPlan) -> SyncGroup {
        SyncGroup { wants: vec![false; plan.members.len()], plan, told: State::Init }
    }

    pub fn plan(&self) -> &GroupPlan {
        &self.plan
    }

    pub fn holds(&self, instance: usize) -> bool {
        self.plan.members.contains(&instance)
    }

    /// Notes that a member wants to be master. `true`: now all do.
    pub fn want(&mut self, instance: usize, all: &[Instance]) -> bool {
        for (member, wants) in self.plan.members.iter().zip(&mut self.wants) {
            match all.get(*member).map(Instance::state) {
                Some(State::Master) => *wants = true,
                Some(State::Backup) if *member == instance => *wants = true,
                Some(State::Backup) => {}
                _ => *wants = false,
            }
        }
        self.wants.iter().all(|w| *w)
    }

    /// A member hears a master that is good enough.
    pub fn follow(&mut self, instance: usize) {
        if let Some(at) = self.plan.members.iter().position(|m| *m == instance)
            && let Some(wants) = self.wants.get_mut(at)
        {
            *wants = false;
        }
    }

    /// Whether a member other than this one has a fault of its own.
    pub fn others_faulty(&self, instance: usize, all: &[Instance]) -> bool {
        self.plan
            .members
            .iter()
            .filter(|m| **m != instance)
            .filter_map(|m| all.get(*m))
            .any(|i| i.faults().iter().any(|f| *f != Fault::Group) || i.waiting() > 0)
    }

    /// The state to tell, if it is a new one. A group is in a state when all its members are.
    pub fn transition(&mut self, all: &[Instance]) -> Option<State> {
        let mut states = self.plan.members.iter().filter_map(|m| all.get(*m)).map(Instance::state);
        let first = states.next()?;
        if first == self.told || first == State::Init || states.any(|s| s != first) {
            return None;
        }
        self.told = first;
        Some(first)
    }
}
