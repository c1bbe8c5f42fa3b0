//! What an operator orders: to hand the address over, to take no part, to take part again.
//!
//! Invariants: members of a sync group are ordered together, since they hold their addresses together; an order
//! outlives a reload and ends with the daemon. Leaves to others: who gives orders (`shell::control`).

use super::{Order, Router};
use crate::engine::{
    Time, instance,
    plan::{Target, Watch},
    track::{Effect, Status, proxy},
};

impl Router {
    /// What an operator wants of an instance.
    pub fn order(&self, instance: usize) -> Option<Order> {
        self.extras.get(instance).and_then(|e| e.order)
    }

    /// What a watch does to its instance now.
    pub fn effect(&self, watch: &Watch) -> Effect {
        self.trackers.effect(watch, &self.links)
    }

    pub fn status(&self, target: &Target) -> Status {
        self.trackers.status(target, &self.links)
    }

    pub(super) fn ordered(&mut self, instance: usize, order: Option<Order>, now: Time) {
        let mut all: Vec<usize> =
            self.groups.iter().filter(|g| g.holds(instance)).flat_map(|g| g.plan().members.clone()).collect();
        all.push(instance);
        all.sort_unstable();
        all.dedup();
        for index in all {
            let Some(extra) = self.extras.get_mut(index) else { continue };
            let before = std::mem::replace(&mut extra.order, order);
            match (before, order) {
                (Some(Order::Stop), Some(Order::Stop)) => {}
                (_, Some(Order::Stop)) => self.tell(index, instance::Event::Stop, now),
                (Some(Order::Stop), _) if self.start_at.is_none() => {
                    self.tell(index, instance::Event::Start, now);
                }
                _ => {}
            }
        }
        self.refresh_all(now);
    }

    /// What an order adds to the weights of an instance.
    pub(super) fn weight_of_order(&self, index: usize) -> i32 {
        match self.order(index) {
            Some(Order::Handover) => proxy::LOWEST,
            Some(Order::Stop) | None => 0,
        }
    }

    /// Whether an instance may be started: not one that was ordered to stop.
    pub(super) fn may_start(&self, index: usize) -> bool {
        self.order(index) != Some(Order::Stop)
    }

    /// Index of the instance of this name.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.instances.iter().position(|i| i.plan().name == name)
    }
}
