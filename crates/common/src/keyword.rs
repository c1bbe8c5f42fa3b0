//! The row type that both languages share: what a keyword is, where it may stand, and how far it is served.
//!
//! A registry is a `const` slice of rows, sorted by name. `docs/COMPATIBILITY.md`, `-dKall`, "did you mean" and
//! the no-silence rule all come from these rows.

/// How far a keyword is honoured. There is no variant for "ignored": silence is the worst answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Support {
    /// Does what the manual says.
    Full,
    /// Known, accepted, said once: it has no effect here because …
    NoEffect(&'static str),
    /// Known and refused with the reason.
    Refused(&'static str),
    /// Known, accepted, said once: not built yet (nothing unsafe follows from going on without it).
    NotYet(&'static str),
}

/// A row of a keyword registry. `A` is what the language needs to apply the keyword to its model.
#[derive(Clone, Copy, Debug)]
pub struct Keyword<A: 'static> {
    /// One or several words as written, for example `timeout http-request` or `option httplog`.
    pub name: &'static str,
    /// Bit set of the sections (haproxy.cfg) or blocks (keepalived.conf) in which it may stand.
    pub scope: u32,
    /// Fewest and most arguments after the name; [`ANY`] for no upper limit.
    pub arity: (u8, u8),
    /// One sentence for people, ours and not the peers' manual.
    pub doc: &'static str,
    /// For a spelling that the peer removed: the release and what is written today.
    pub removed: Option<Removed>,
    pub support: Support,
    pub apply: A,
}

/// Upper arity without limit.
pub const ANY: u8 = u8::MAX;

/// A removed spelling: since when, and the modern one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Removed {
    /// Release of the peer that began to refuse it, such as "2.1".
    pub since: &'static str,
    pub modern: &'static str,
    /// Whether the peer at the level we follow refuses or warns (then we warn too; otherwise a notice at most).
    pub peer_complains: bool,
}
