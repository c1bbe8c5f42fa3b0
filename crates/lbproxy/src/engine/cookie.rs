//! Persistence by cookie (`cookie NAME insert|prefix|rewrite …`).

/// The `cookie` line of a backend.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spec {
    pub name: String,
}
