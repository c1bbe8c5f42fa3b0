//! What rules do (manual 4.3): one file per family, one row per action in [`ACTIONS`].

pub mod answer;
pub mod auth;
pub mod header;
pub mod line;
pub mod normalize;
pub mod redirect;
pub mod stick;
pub mod stream;
pub mod variable;
pub mod whole;

pub use answer::{Answer, AnswerBody, Reply, ReplyBody};

use super::{
    logformat::LogFormat,
    rule::{Verdict, Waiting},
    sample::{Ctx, Expr},
};

/// A number written down or computed.
#[derive(Clone, Debug)]
pub enum Number {
    Is(i64),
    Expr(Expr),
}

impl Number {
    fn eval(&self, ctx: &Ctx<'_>) -> Option<i64> {
        match self {
            Number::Is(n) => Some(*n),
            Number::Expr(expr) => expr.eval(ctx)?.to_int(),
        }
    }
}

/// What an action led to.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// The next rule is evaluated.
    Next,
    Wait(Waiting),
    Final(Verdict),
}

/// A compiled action.
#[derive(Clone, Debug)]
pub enum Action {
    Accept,
    Reject,
    Close,
    SilentDrop {
        rst_ttl: Option<u8>,
    },
    Deny(Reply),
    Tarpit(Reply),
    Return(Reply),
    Auth {
        realm: Option<Box<str>>,
    },
    Redirect(Box<redirect::Redirect>),
    Header(Box<header::Edit>),
    Line(Box<line::Edit>),
    Normalize(normalize::Normalizer),
    Variable(Box<variable::Change>),
    Stick(Box<stick::Change>),
    Stream(Box<stream::Change>),
    Whole(Box<whole::Whole>),
    Wait(Waiting),
    /// What holds here whatever rules say.
    Nothing,
}

impl Action {
    pub fn run(&self, ctx: &mut Ctx<'_>) -> Outcome {
        match self {
            Action::Accept => Outcome::Final(Verdict::Allow),
            Action::Reject => Outcome::Final(Verdict::Reject),
            Action::Close => Outcome::Final(Verdict::Close),
            Action::SilentDrop { rst_ttl } => Outcome::Final(Verdict::SilentDrop { rst_ttl: *rst_ttl }),
            Action::Deny(reply) => Outcome::Final(Verdict::Deny(reply.answer(ctx))),
            Action::Tarpit(reply) => Outcome::Final(Verdict::Tarpit(reply.answer(ctx))),
            Action::Return(reply) => Outcome::Final(Verdict::Return(reply.answer(ctx))),
            Action::Auth { realm } => Outcome::Final(Verdict::Auth(answer::challenge(ctx, realm.as_deref()))),
            Action::Redirect(redirect) => match redirect.answer(ctx) {
                Some(answer) => Outcome::Final(Verdict::Redirect(answer)),
                None => Outcome::Next,
            },
            Action::Header(edit) => {
                edit.run(ctx);
                Outcome::Next
            }
            Action::Line(edit) => {
                edit.run(ctx);
                Outcome::Next
            }
            Action::Normalize(n) => match n.run(ctx) {
                true => Outcome::Next,
                false => Outcome::Final(Verdict::Deny(Reply::page(400).answer(ctx))),
            },
            Action::Nothing => Outcome::Next,
            Action::Variable(change) => {
                change.run(ctx);
                Outcome::Next
            }
            Action::Stick(change) => {
                change.run(ctx);
                Outcome::Next
            }
            Action::Stream(change) => {
                change.run(ctx);
                Outcome::Next
            }
            Action::Wait(what) => Outcome::Wait(*what),
            Action::Whole(rule) => rule.run(ctx).map_or(Outcome::Next, Outcome::Final),
        }
    }
}

/// Renders a format into the stream's scratch memory for the time of `then`.
pub(crate) fn with_text<R>(
    ctx: &mut Ctx<'_>,
    format: &LogFormat,
    then: impl FnOnce(&mut Ctx<'_>, &[u8]) -> R,
) -> R {
    let mut scratch = std::mem::take(&mut ctx.txn.scratch);
    scratch.clear();
    format.render(ctx, &mut scratch);
    let result = then(ctx, &scratch);
    ctx.txn.scratch = scratch;
    result
}

/// The rule sets, as bits of [`Row::sets`].
pub mod sets {
    pub const CONNECTION: u8 = 1;
    pub const SESSION: u8 = 2;
    pub const CONTENT: u8 = 4;
    pub const RESPONSE_CONTENT: u8 = 8;
    pub const REQUEST: u8 = 16;
    pub const RESPONSE: u8 = 32;
    pub const AFTER: u8 = 64;
    pub const TCP: u8 = CONNECTION | SESSION | CONTENT;
    pub const HTTP: u8 = REQUEST | RESPONSE | AFTER;
}

/// A row of the registry: what `docs/COMPATIBILITY.md` and messages say of an action.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub sets: u8,
    /// No rule behind it in its set is evaluated.
    pub last: bool,
    /// Empty when it does what the manual says; else why it is refused.
    pub refused: &'static str,
    pub doc: &'static str,
}

const fn yes(name: &'static str, sets: u8, last: bool, doc: &'static str) -> Row {
    Row { name, sets, last, refused: "", doc }
}

const fn no(name: &'static str, sets: u8, refused: &'static str) -> Row {
    Row { name, sets, last: false, refused, doc: "" }
}

use sets::{AFTER, CONTENT, HTTP, REQUEST, RESPONSE, RESPONSE_CONTENT, TCP};

const ALL: u8 = TCP | RESPONSE_CONTENT | HTTP;

/// Every action, sorted by name.
pub const ACTIONS: &[Row] = &[
    yes("accept", TCP | RESPONSE_CONTENT, true, "Goes on without looking at further rules."),
    no("add-acl", REQUEST | RESPONSE, "ACL files cannot be changed while running yet"),
    yes("add-header", HTTP, false, "Appends a header field."),
    yes("allow", HTTP, true, "Goes on without looking at further rules."),
    no("attach-srv", sets::SESSION, "reversed connections are not built"),
    yes("auth", REQUEST, true, "Asks for user and password."),
    no("cache-store", RESPONSE, "the cache is not built yet"),
    no("cache-use", REQUEST, "the cache is not built yet"),
    yes("capture", CONTENT | HTTP, false, "Keeps a sample for the log."),
    yes("close", RESPONSE_CONTENT, true, "Closes the server connection."),
    no("del-acl", REQUEST | RESPONSE, "ACL files cannot be changed while running yet"),
    yes("del-header", HTTP, false, "Removes header fields."),
    no("del-map", REQUEST | RESPONSE, "map files cannot be changed while running yet"),
    yes("deny", REQUEST | RESPONSE, true, "Refuses with an error."),
    yes(
        "disable-l7-retry",
        REQUEST,
        false,
        "Requests are retried for connection failures only, with or without.",
    ),
    no("do-log", ALL, "log profiles are not built yet"),
    no("do-resolve", CONTENT | REQUEST, "names are not resolved while running yet"),
    no("early-hint", REQUEST, "early hints are not sent yet"),
    no("expect-netscaler-cip", sets::CONNECTION, "the NetScaler header is not read yet"),
    no("expect-proxy", sets::CONNECTION, "use accept-proxy on the bind line"),
    no("lua", ALL, "Lua is not built yet"),
    yes("normalize-uri", REQUEST, false, "Brings the request target into a normal form."),
    yes("pause", REQUEST | RESPONSE, false, "Waits for a time."),
    yes("redirect", REQUEST | RESPONSE, true, "Answers with a redirection."),
    yes("reject", TCP | RESPONSE_CONTENT | REQUEST, true, "Closes without an answer."),
    yes("replace-header", HTTP, false, "Rewrites whole header values by a regular expression."),
    yes("replace-path", REQUEST, false, "Rewrites the path by a regular expression."),
    yes("replace-pathq", REQUEST, false, "Rewrites path and query by a regular expression."),
    yes("replace-uri", REQUEST, false, "Rewrites the request target by a regular expression."),
    yes("replace-value", HTTP, false, "Rewrites comma-separated values by a regular expression."),
    yes("return", REQUEST | RESPONSE, true, "Answers in place of a server."),
    yes("sc-add-gpc", ALL, false, "Adds to a general counter of the tracked entry."),
    yes("sc-inc-gpc", ALL, false, "Adds one to a general counter of the tracked entry."),
    yes("sc-inc-gpc0", ALL, false, "Adds one to the first general counter of the tracked entry."),
    yes("sc-inc-gpc1", ALL, false, "Adds one to the second general counter of the tracked entry."),
    yes("sc-set-gpt", ALL, false, "Sets a tag of the tracked entry."),
    yes("sc-set-gpt0", ALL, false, "Sets the first tag of the tracked entry."),
    no("send-spoe-group", CONTENT | RESPONSE_CONTENT | REQUEST | RESPONSE, "SPOE is not built yet"),
    no(
        "set-bandwidth-limit",
        CONTENT | RESPONSE_CONTENT | REQUEST | RESPONSE,
        "bandwidth limits are not built yet",
    ),
    no("set-bc-mark", CONTENT | REQUEST, "marks of packets are not set yet"),
    no("set-bc-tos", CONTENT | REQUEST, "marks of packets are not set yet"),
    no("set-dst", TCP | REQUEST, "connections to computed addresses are not built yet"),
    no("set-dst-port", TCP | REQUEST, "connections to computed addresses are not built yet"),
    no("set-fc-mark", ALL, "marks of packets are not set yet"),
    no("set-fc-tos", ALL, "marks of packets are not set yet"),
    yes("set-header", HTTP, false, "Sets a header field, removing others of its name."),
    yes("set-log-level", CONTENT | RESPONSE_CONTENT | HTTP, false, "Changes the level of the log line."),
    no("set-map", REQUEST | RESPONSE, "map files cannot be changed while running yet"),
    yes("set-method", REQUEST, false, "Sets the method."),
    yes(
        "set-nice",
        CONTENT | REQUEST | RESPONSE,
        false,
        "All streams have one priority here, whatever it says.",
    ),
    yes("set-path", REQUEST, false, "Sets the path."),
    yes("set-pathq", REQUEST, false, "Sets path and query."),
    yes("set-priority-class", CONTENT | REQUEST, false, "Sets the class in queues."),
    yes("set-priority-offset", CONTENT | REQUEST, false, "Sets the offset in queues."),
    yes("set-query", REQUEST, false, "Sets the query."),
    yes("set-retries", CONTENT | REQUEST, false, "Sets how often a connection is retried."),
    yes("set-src", TCP | REQUEST, false, "Changes the client's address as rules, logs and servers see it."),
    yes("set-src-port", TCP | REQUEST, false, "Changes the client's port as rules and logs see it."),
    yes("set-status", RESPONSE | AFTER, false, "Sets the status."),
    yes("set-timeout", CONTENT | REQUEST | RESPONSE, false, "Changes a time-out of the stream."),
    yes("set-uri", REQUEST, false, "Sets the request target."),
    yes("set-var", ALL, false, "Sets a variable."),
    yes("set-var-fmt", ALL, false, "Sets a variable to a formatted text."),
    yes(
        "silent-drop",
        TCP | RESPONSE_CONTENT | REQUEST | RESPONSE,
        true,
        "Drops the connection without telling the client.",
    ),
    yes("strict-mode", HTTP, false, "Whether a rewrite that fails is an error."),
    no("switch-mode", CONTENT, "a TCP frontend cannot turn to HTTP yet"),
    yes("tarpit", REQUEST, true, "Keeps the client waiting, then refuses."),
    yes("track-sc", TCP | REQUEST | RESPONSE, false, "Counts in a stick table from here on."),
    yes("unset-var", ALL, false, "Unsets a variable."),
    no("use-service", CONTENT | REQUEST, "no services are built yet"),
    yes("wait-for-body", REQUEST | RESPONSE, false, "Waits for the body."),
    yes("wait-for-handshake", REQUEST, false, "Handshakes are over before any request is read."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_each_is_either_done_or_refused_with_a_reason() {
        assert!(ACTIONS.windows(2).all(|w| w[0].name < w[1].name));
        assert!(ACTIONS.iter().all(|r| r.doc.is_empty() != r.refused.is_empty() && r.sets != 0));
    }
}
