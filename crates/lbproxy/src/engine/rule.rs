//! Conditions and rule sets.

/// A compiled condition: what follows `if` or `unless`.
#[derive(Clone, Debug, Default)]
pub struct Cond {}

impl Cond {
    /// The condition that always holds.
    pub fn always() -> Cond {
        Cond {}
    }
}

/// `http-request`, `http-response` or `http-after-response` rules in order.
#[derive(Clone, Debug, Default)]
pub struct HttpRules {}

/// `tcp-request` or `tcp-response` rules of one layer in order.
#[derive(Clone, Debug, Default)]
pub struct TcpRules {}
