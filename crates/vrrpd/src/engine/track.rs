//! What instances watch, and what a watched thing's state does to them.
//!
//! Owns: [`Status`], the effect of weights, and the list of kinds. Each kind is a file below `track/`.
//! Leaves to others: running programs and hearing of links (shell), adding up (`router`).

pub mod file;
pub mod interface;
pub mod process;
pub mod proxy;
pub mod script;

/// The kinds of tracker served, by the name of their block in keepalived.conf.
pub const TRACKS: &[&str] = &[file::NAME, interface::NAME, proxy::NAME, script::NAME, process::NAME];

/// What is known of a watched thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Status {
    /// No result yet.
    #[default]
    Unknown,
    Up,
    Down,
}

/// What a watch does to its instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Added to the priority.
    Weight(i32),
    Fault,
    /// Unweighted and without a result: the instance does not start before it has one.
    Waiting,
}

/// keepalived.conf(5), `vrrp_script` and `track_interface`: without weight failure means FAULT; a positive
/// weight is added while up, a negative one taken off while down; `reverse` turns the direction of a weight
/// round, and with weight 0 the meaning of up and down.
pub fn effect(status: Status, weight: i16, reverse: bool) -> Effect {
    let signed = if reverse { -i32::from(weight) } else { i32::from(weight) };
    match (weight, status) {
        (0, Status::Unknown) => Effect::Waiting,
        (0, Status::Up) if reverse => Effect::Fault,
        (0, Status::Down) if !reverse => Effect::Fault,
        (1.., Status::Up) | (..=-1, Status::Down) => Effect::Weight(signed),
        _ => Effect::Weight(0),
    }
}

#[cfg(test)]
mod tests {
    use super::{Effect::*, Status::*, *};

    #[test]
    fn weight_0_is_fault_on_failure_and_reverse_turns_it_round() {
        assert_eq!(effect(Down, 0, false), Fault);
        assert_eq!(effect(Up, 0, false), Weight(0));
        assert_eq!(effect(Up, 0, true), Fault);
        assert_eq!(effect(Down, 0, true), Weight(0));
        assert_eq!(effect(Unknown, 0, false), Waiting);
    }

    #[test]
    fn a_positive_weight_counts_while_up_and_starts_unadded() {
        assert_eq!(effect(Up, 2, false), Weight(2));
        assert_eq!(effect(Down, 2, false), Weight(0));
        assert_eq!(effect(Unknown, 2, false), Weight(0));
        assert_eq!(effect(Up, 2, true), Weight(-2));
    }

    #[test]
    fn a_negative_weight_counts_while_down() {
        assert_eq!(effect(Down, -10, false), Weight(-10));
        assert_eq!(effect(Up, -10, false), Weight(0));
        assert_eq!(effect(Down, -10, true), Weight(10));
        assert_eq!(effect(Unknown, -10, false), Weight(0));
    }
}
