//! `track_file`: a number in a file moves the priority, or means FAULT.
//!
//! Owns: what the text of a file comes to, and what its number does. Leaves to others: reading it
//! (`shell::files`).

use super::Effect;

/// The word in keepalived.conf.
pub const NAME: &str = "track_file";
/// Below this a product is no weight but a fault (keepalived.conf(5), "Track files").
const WEIGHT_MIN: i64 = -253;
const WEIGHT_MAX: i64 = 253;

/// The number at the beginning of a text; `None` when there is none, which counts as 0.
pub fn number(text: &str) -> Option<i64> {
    text.split_whitespace().next()?.parse().ok()
}

/// With weight 0 a number other than 0 is a fault (with `reverse`, 0 is); else number times weight is added to
/// the priority.
pub fn effect(value: i64, weight: i16, reverse: bool) -> Effect {
    if weight == 0 {
        return if (value != 0) != reverse { Effect::Fault } else { Effect::Weight(0) };
    }
    let product = value.saturating_mul(i64::from(weight));
    let product = if reverse { product.saturating_neg() } else { product };
    if product < WEIGHT_MIN {
        return Effect::Fault;
    }
    Effect::Weight(product.min(WEIGHT_MAX) as i32)
}

#[cfg(test)]
mod tests {
    use super::{Effect::*, *};

    #[test]
    fn the_product_of_number_and_weight_is_added_or_is_a_fault() {
        assert_eq!(effect(5, 2, false), Weight(10));
        assert_eq!(effect(5, 2, true), Weight(-10));
        assert_eq!(effect(-5, 2, false), Weight(-10));
        assert_eq!(effect(-127, 2, false), Fault);
        assert_eq!(effect(-1, 253, false), Weight(-253));
        assert_eq!(effect(-1, 254, false), Fault);
        assert_eq!(effect(i64::MAX, 254, false), Weight(253));
        assert_eq!(effect(i64::MIN, -254, true), Fault);
    }

    #[test]
    fn without_weight_any_number_but_0_is_a_fault_and_reverse_turns_that_round() {
        assert_eq!([effect(0, 0, false), effect(7, 0, false)], [Weight(0), Fault]);
        assert_eq!([effect(0, 0, true), effect(7, 0, true)], [Fault, Weight(0)]);
    }

    #[test]
    fn the_first_word_of_the_file_is_its_number() {
        assert_eq!(
            [number(" -7\n"), number("3 4"), number(""), number("x")],
            [Some(-7), Some(3), None, None]
        );
    }
}
