//! Samples: what a rule, an ACL or a log format can ask of a stream.
//!
//! Owns: the context [`Ctx`] that every evaluation borrows. Families of fetches and converters register below.

use super::{conn::ConnInfo, http::Head, txn::Txn};

/// Everything an expression may look at, borrowed for one evaluation.
#[derive(Debug)]
pub struct Ctx<'a> {
    pub conn: &'a ConnInfo,
    pub txn: &'a mut Txn,
    pub req: Option<&'a mut Head>,
    pub res: Option<&'a mut Head>,
    /// The part of the request body that has arrived, where something waited for it.
    pub body: Option<&'a [u8]>,
    pub names: Names<'a>,
    /// Wall clock, microseconds since the epoch, read once per wake-up.
    pub now_us: u64,
    /// A random number drawn by the caller, for `rand` and sampling.
    pub seed: u64,
}

/// The names that logs and samples print.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    pub frontend: &'a str,
    pub backend: Option<&'a str>,
    pub server: Option<&'a str>,
    pub listener: Option<&'a str>,
    pub node: &'a str,
    pub pid: u32,
}
