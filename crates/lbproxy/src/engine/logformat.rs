//! Log formats: text with `%X` aliases and `%[…]` samples, compiled to a flat list of steps.

/// A compiled format.
#[derive(Clone, Debug, Default)]
pub struct LogFormat {}
