//! Units that both languages write: times, sizes, percentages.
