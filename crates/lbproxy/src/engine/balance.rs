//! Which server gets the next request.

/// The algorithm of a backend with its arguments.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Algorithm {
    #[default]
    RoundRobin,
    StaticRr,
    LeastConn,
    First,
    Source,
    /// `random(draws)`.
    Random {
        draws: u32,
    },
}

/// What compile hands over of `balance` and `hash-type`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Spec {
    pub algorithm: Algorithm,
}
