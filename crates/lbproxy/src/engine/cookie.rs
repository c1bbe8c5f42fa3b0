//! Persistence by cookie (`cookie NAME insert|prefix|rewrite …`).

/// What the proxy does with the cookie.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Only looked at.
    #[default]
    Passive,
    Insert,
    Rewrite,
    Prefix,
}

/// The `cookie` line of a backend.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spec {
    pub name: String,
    pub mode: Mode,
    pub indirect: bool,
    pub nocache: bool,
    pub postonly: bool,
    pub preserve: bool,
    pub httponly: bool,
    pub secure: bool,
    /// Values are computed from address and key (`dynamic_value`), not configured.
    pub dynamic: bool,
    pub domains: Vec<String>,
    /// Seconds; 0: none.
    pub maxidle_s: u32,
    pub maxlife_s: u32,
    pub attrs: Vec<String>,
}
