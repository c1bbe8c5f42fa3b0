//! Health: what a check is, and how its results move a server up and down.

/// The check of a server, compiled.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Spec {
    pub inter_ms: u32,
    pub fastinter_ms: u32,
    pub downinter_ms: u32,
    pub rise: u32,
    pub fall: u32,
}

/// `agent-check` of a server.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AgentSpec {
    pub inter_ms: u32,
    pub port: u16,
}
