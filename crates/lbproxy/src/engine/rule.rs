//! Conditions and rule sets (manual 7.2; 4.2 `http-request`, `tcp-request`).
//!
//! Owns: ACLs, conditions in disjunctive form, and the ordered rule sets with their verdicts. What a rule does
//! stands in `action`. Invariants: a condition changes nothing; rules run in order until one is final; a set can
//! be left waiting and resumed at the rule that waits.

use std::sync::Arc;

use super::{
    action::{Action, Answer, Outcome},
    pattern::Patterns,
    sample::{Ctx, Cursor, Expr},
};

/// The result of a test: data that has not arrived yet may still decide it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Truth {
    No,
    NotYet,
    Yes,
}

impl std::ops::Not for Truth {
    type Output = Truth;
    fn not(self) -> Truth {
        match self {
            Truth::No => Truth::Yes,
            Truth::NotYet => Truth::NotYet,
            Truth::Yes => Truth::No,
        }
    }
}

/// One `acl` line: a sample and what it is compared with.
#[derive(Clone, Debug)]
pub struct Test {
    pub expr: Expr,
    pub patterns: Patterns,
}

impl Test {
    /// Holds if any value of the sample matches any pattern.
    pub fn test(&self, ctx: &Ctx<'_>) -> Truth {
        let mut cursor = Cursor { each: true, ..Cursor::default() };
        loop {
            if self.expr.next(ctx, &mut cursor).is_some_and(|v| self.patterns.matches(&v)) {
                return Truth::Yes;
            }
            if !cursor.again {
                return if cursor.unsettled { Truth::NotYet } else { Truth::No };
            }
        }
    }
}

/// An ACL: lines of one name are alternatives.
#[derive(Clone, Debug, Default)]
pub struct Acl {
    pub name: Box<str>,
    pub tests: Vec<Test>,
    /// Of `!name` as an argument of the `acl` fetch.
    pub negated: bool,
}

impl Acl {
    pub fn test(&self, ctx: &Ctx<'_>) -> Truth {
        let mut best = Truth::No;
        for test in &self.tests {
            best = best.max(test.test(ctx));
            if best == Truth::Yes {
                break;
            }
        }
        if self.negated { !best } else { best }
    }
}

/// An ACL in a condition, perhaps negated.
#[derive(Clone, Debug)]
pub struct Term {
    pub negated: bool,
    pub acl: Arc<Acl>,
}

/// A compiled condition: what follows `if` or `unless`. Holds when all terms of any alternative hold.
#[derive(Clone, Debug, Default)]
pub struct Cond {
    pub unless: bool,
    pub any: Vec<Vec<Term>>,
}

impl Cond {
    /// The condition that always holds: unless nothing at all.
    pub fn always() -> Cond {
        Cond { unless: true, any: Vec::new() }
    }

    /// Whether it holds; what has not arrived counts as missing.
    pub fn eval(&self, ctx: &Ctx<'_>) -> bool {
        match self.alternatives(ctx) {
            Truth::Yes => !self.unless,
            _ => self.unless,
        }
    }

    /// Whether it holds, or may still once more data arrives.
    pub fn test(&self, ctx: &Ctx<'_>) -> Truth {
        let t = self.alternatives(ctx);
        if self.unless { !t } else { t }
    }

    fn alternatives(&self, ctx: &Ctx<'_>) -> Truth {
        let mut best = Truth::No;
        for all in &self.any {
            let mut worst = Truth::Yes;
            for term in all {
                let t = term.acl.test(ctx);
                worst = worst.min(if term.negated { !t } else { t });
                if worst == Truth::No {
                    break;
                }
            }
            best = best.max(worst);
            if best == Truth::Yes {
                break;
            }
        }
        best
    }
}

/// What a rule set decided.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// No final rule: go on.
    Continue,
    /// `allow`, `accept`: go on, this set ended early.
    Allow,
    /// Refuse with that answer (403, in responses 502).
    Deny(Answer),
    /// Keep the client waiting for `timeout tarpit`, then refuse with that answer (500).
    Tarpit(Answer),
    /// Answer in place of a server.
    Return(Answer),
    Redirect(Answer),
    /// 401 or 407 with a challenge.
    Auth(Answer),
    /// Close without an answer.
    Reject,
    /// `tcp-response content close`: close the server's side.
    Close,
    /// Close without telling the client, with a TTL for the reset where one is given.
    SilentDrop {
        rst_ttl: Option<u8>,
    },
    /// Come back at rule `resume` when there is more data, or the time for it is over.
    Wait {
        resume: usize,
        what: Waiting,
    },
}

/// What a rule waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// More bytes in the buffer (`tcp-request content` until `inspect-delay`).
    Data,
    /// The body, at most so long, until that many bytes (`None`: all) are there.
    Body { time_ms: u32, at_least: Option<u64> },
    /// `pause`.
    Time { ms: u32 },
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    pub cond: Option<Cond>,
    pub action: Action,
    /// Where it is written, as a number that [`World::place`](super::sample::World::place) understands.
    pub place: u64,
}

/// An ordered rule set.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub rules: Vec<Rule>,
}

/// `http-request`, `http-response` or `http-after-response` rules in order.
pub type HttpRules = Rules;

/// `tcp-request` or `tcp-response` rules of one layer in order.
pub type TcpRules = Rules;

impl Rules {
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Runs the set from its beginning.
    pub fn run(&self, ctx: &mut Ctx<'_>) -> Verdict {
        self.resume(ctx, 0)
    }

    /// Runs the set from rule `from`, where an earlier run said [`Verdict::Wait`]. Once nothing more can come the
    /// caller resumes with `ctx.more` false, and what is missing counts as missing.
    pub fn resume(&self, ctx: &mut Ctx<'_>, from: usize) -> Verdict {
        for (i, rule) in self.rules.iter().enumerate().skip(from) {
            match rule.cond.as_ref().map_or(Truth::Yes, |c| c.test(ctx)) {
                Truth::Yes => {}
                Truth::NotYet if ctx.more => return Verdict::Wait { resume: i, what: Waiting::Data },
                Truth::NotYet | Truth::No => continue,
            }
            match rule.action.run(ctx) {
                Outcome::Next => {}
                Outcome::Wait(what) => return Verdict::Wait { resume: i + 1, what },
                Outcome::Final(verdict) => {
                    ctx.txn.last_rule = Some(rule.place);
                    return verdict;
                }
            }
        }
        Verdict::Continue
    }
}

#[cfg(test)]
mod tests;
