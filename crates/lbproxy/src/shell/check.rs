//! Health checks, run on a thread of their own, away from the traffic.

mod adopt;

pub use adopt::adopt;
