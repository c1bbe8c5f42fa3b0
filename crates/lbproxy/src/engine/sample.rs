//! Samples: what a rule, an ACL or a log format can ask of a stream.
//!
//! Owns: the context [`Ctx`] that every evaluation borrows, and [`Expr`], a compiled expression: one fetch and a
//! flat list of converters, all plain function pointers with resolved arguments. Families of fetches stand in
//! `fetch`, of converters in `convert`, each with one line in its registry.
//!
//! Invariants: an evaluation reads, it never changes message or record (variables excepted); it allocates only
//! where a value has to be computed. Words become expressions in `compile::expr`.

pub mod arg;
pub mod convert;
pub mod fetch;
pub mod hash;
pub mod list;
pub mod query;
pub mod scope;
pub mod time;
pub mod value;
pub mod var;
pub mod world;

pub use arg::{Arg, ArgType, Args};
pub use convert::Converter;
pub use fetch::Fetch;
pub use scope::{Place, Scope};
pub use value::{Type, Value};
pub use world::{Fact, NoWorld, ProcessFacts, Subject, World};

use super::{conn::ConnInfo, http::Head, txn::Txn};

/// Everything an expression may look at, borrowed for one evaluation.
#[derive(Debug)]
pub struct Ctx<'a> {
    pub conn: &'a ConnInfo,
    pub txn: &'a mut Txn,
    pub req: Option<&'a mut Head>,
    pub res: Option<&'a mut Head>,
    /// The part of the body that has arrived, where something waited for it; in `tcp-request content` rules the
    /// bytes in the buffer. Of the direction that `responding` says.
    pub body: Option<&'a [u8]>,
    /// More of `body` may come: a test that fails now may hold later, and rules wait (`tcp-request content`).
    pub more: bool,
    /// Rules of the response direction run (`hdr` then means the response's headers).
    pub responding: bool,
    /// What a log line is written for (`%OG`, and `+` before unfinished numbers).
    pub origin: Origin,
    pub names: Names<'a>,
    /// Numbers and texts of the process around the stream.
    pub world: &'a dyn World,
    /// Wall clock, microseconds since the epoch, read once per wake-up.
    pub now_us: u64,
    /// The clock that tables, queues and states count on, milliseconds.
    pub now_ms: u64,
    /// A random number drawn by the caller, for `rand` and sampling.
    pub seed: u64,
}

impl<'a> Ctx<'a> {
    /// A context without messages, at the epoch; the caller sets the fields it has.
    pub fn new(conn: &'a ConnInfo, txn: &'a mut Txn, names: Names<'a>, world: &'a dyn World) -> Ctx<'a> {
        Ctx {
            conn,
            txn,
            req: None,
            res: None,
            body: None,
            more: false,
            responding: false,
            origin: Origin::Unspecified,
            names,
            world,
            now_us: 0,
            now_ms: 0,
            seed: 0,
        }
    }

    /// The head that direction-less fetches mean.
    pub fn head(&self, responding: bool) -> Option<&Head> {
        if responding { self.res.as_deref() } else { self.req.as_deref() }
    }
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

/// At which moment a log line is written (manual 8.2.6, `%OG`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Origin {
    #[default]
    Unspecified,
    SessionError,
    SessionKilled,
    Accept,
    Request,
    Connect,
    Response,
    Close,
}

impl Origin {
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Unspecified => "unspec",
            Origin::SessionError => "sess_error",
            Origin::SessionKilled => "sess_killed",
            Origin::Accept => "txn_accept",
            Origin::Request => "txn_request",
            Origin::Connect => "txn_connect",
            Origin::Response => "txn_response",
            Origin::Close => "txn_close",
        }
    }
}

/// Where a fetch stands among several values of one name, and what it found out on the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    /// The caller wants every value in turn (ACLs); otherwise one value, the last unless an argument says which.
    pub each: bool,
    /// There may be another value: ask again with this cursor.
    pub again: bool,
    /// What was found, or not found, may change when more bytes arrive.
    pub unsettled: bool,
    /// Where the next value begins; their meaning is the fetch's.
    pub index: usize,
    pub offset: usize,
}

/// One converter with its arguments.
#[derive(Clone, Debug)]
pub struct Step {
    /// What the converter takes; the value is cast before.
    pub input: Type,
    pub run: convert::Run,
    pub args: Box<[Arg]>,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expr {
    pub fetch: fetch::Run,
    pub args: Box<[Arg]>,
    pub steps: Box<[Step]>,
    /// Type of the value, as far as it is known beforehand.
    pub out: Type,
    /// Where it may be evaluated.
    pub scope: Scope,
    /// The words, for messages and logs of failures.
    pub text: Box<str>,
}

impl Expr {
    /// The value, if there is one now.
    pub fn eval<'c>(&'c self, ctx: &'c Ctx<'_>) -> Option<Value<'c>> {
        self.next(ctx, &mut Cursor::default())
    }

    /// The next value (see [`Cursor`]).
    pub fn next<'c>(&'c self, ctx: &'c Ctx<'_>, cursor: &mut Cursor) -> Option<Value<'c>> {
        cursor.again = false;
        let mut value = (self.fetch)(ctx, Args(&self.args), cursor)?;
        for step in &self.steps {
            value = (step.run)(value.cast(step.input)?, Args(&step.args), ctx)?;
        }
        Some(value)
    }

    /// The value as another type.
    pub fn eval_as<'c>(&'c self, ctx: &'c Ctx<'_>, to: Type) -> Option<Value<'c>> {
        self.eval(ctx)?.cast(to)
    }
}

#[cfg(test)]
pub(crate) mod tests;
