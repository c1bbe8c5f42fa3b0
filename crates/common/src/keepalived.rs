//! keepalived.conf: words, tree, typed model.
//!
//! The level followed is keepalived 2.4. The model is what both the text form and the YAML form describe; it
//! never touches the world (interfaces, users, script files are looked up by the daemon's `compile`).

pub mod model;
