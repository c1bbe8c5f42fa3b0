//! haproxy.cfg: words, tree, typed model.

pub mod address;
pub mod expr;
pub mod model;
pub mod words;
