//! The bridge: the typed model of haproxy.cfg becomes the immutable plan that engines and shells run from.

pub mod plan;
