//! A new plan under running instances: what is the same virtual router keeps its state and its addresses.
//!
//! Invariants: an instance is the same when interface, virtual router, family and way of sending are; only
//! addresses that differ are touched; a script of the same name keeps its status; nothing is told about
//! instances that stay (keepalived tells nothing either).

use std::sync::Arc;

use super::{Action, Extra, Router, Who};
use crate::engine::{
    Time,
    instance::{Event, Instance, State, Told},
    plan::{InstancePlan, Path, Plan},
    sync_group::SyncGroup,
};

impl Router {
    pub(super) fn reload(&mut self, plan: Arc<Plan>, now: Time) {
        let old_plan = std::mem::replace(&mut self.plan, plan.clone());
        self.announcer.set_gaps(plan.gaps);
        self.drop_deleted(&old_plan, now);
        self.actions.push_back(Action::Reloaded);
        let mut old: Vec<Option<(Instance, Extra)>> = std::mem::take(&mut self.instances)
            .into_iter()
            .zip(std::mem::take(&mut self.extras))
            .map(Some)
            .collect();
        self.groups = plan.groups.iter().cloned().map(SyncGroup::new).collect();
        self.trackers.reload(&plan, now);
        self.drain_trackers(now);
        let mut added = Vec::new();
        for (index, new) in plan.instances.iter().enumerate() {
            let was = old_plan.instances.iter().position(|o| same(o, new));
            let grouped = self.groups.iter().any(|g| g.holds(index));
            let (instance, extra) = match was.and_then(|at| old.get_mut(at)).and_then(Option::take) {
                Some((mut instance, extra)) => {
                    instance.reconfigure(new.clone(), grouped, now);
                    (instance, extra)
                }
                None => {
                    added.push(index);
                    (Instance::new(new.clone(), grouped), Extra::default())
                }
            };
            self.instances.push(instance);
            self.extras.push(extra);
        }
        self.remove_stale();
        self.refresh_all(now);
        for index in 0..self.instances.len() {
            self.reload_addresses(index, now);
        }
        for index in added {
            if self.start_at.is_none() {
                self.tell(index, Event::Start, now);
            }
        }
        for group in &mut self.groups {
            // The state that the members are in already is no news.
            let _ = group.transition(&self.instances);
        }
    }

    /// Instances that the new plan does not know resign. Runs while the old ones still stand in their places.
    fn drop_deleted(&mut self, old: &Arc<Plan>, now: Time) {
        let new = std::mem::replace(&mut self.plan, old.clone());
        for (index, plan) in old.instances.iter().enumerate() {
            if new.instances.iter().any(|n| same(plan, n)) {
                continue;
            }
            self.tell(index, Event::Stop, now);
            // Leaving for good is told as FAULT or DELETED, not as a stop of the daemon.
            for action in &mut self.actions {
                if let Action::Notify { who: Who::Instance(i), told, .. } = action
                    && *i == index
                    && *told == Told::Stop
                {
                    *told = Told::Deleted;
                }
            }
        }
        self.plan = new;
    }

    /// Applies the differences of the addresses, and announces all if one is new.
    fn reload_addresses(&mut self, index: usize, now: Time) {
        let (Some(instance), Some(extra)) = (self.instances.get(index), self.extras.get_mut(index)) else {
            return;
        };
        if instance.state() != State::Master {
            return;
        }
        let plan = instance.plan().clone();
        let garp = plan.garp.master_repeat;
        let (keep, gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut extra.held).into_iter().partition(|(_, a)| plan.addresses.contains(a));
        let kept = keep.len();
        extra.held = keep;
        for (link, address) in gone {
            self.remove_address(link, address);
        }
        self.add_addresses(index);
        if self.extras.get(index).is_some_and(|e| e.held.len() > kept) {
            self.announce(index, garp, now);
        }
    }
}

/// Whether two plans speak of the same virtual router.
fn same(a: &InstancePlan, b: &InstancePlan) -> bool {
    let unicast = |p: &InstancePlan| matches!(p.path, Path::Unicast { .. });
    a.interface == b.interface
        && a.dialect.vrid == b.dialect.vrid
        && a.is_v6() == b.is_v6()
        && unicast(a) == unicast(b)
}
