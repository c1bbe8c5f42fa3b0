//! `first`: the server of the lowest id that has a free slot.

use super::Choice;

pub(super) fn pick(of: &Choice<'_>) -> Option<u32> {
    of.table.set.iter().copied().find(|&ix| of.is_free(ix))
}
