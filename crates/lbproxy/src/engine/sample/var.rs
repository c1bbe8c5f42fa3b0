//! Variables (manual 2.8): named values with the life of the process, a session, a transaction, or one direction.
//!
//! The store of a stream lives in its [`Txn`](crate::engine::txn::Txn); only process-wide variables live outside
//! of it, behind [`World`](super::World). Setting one while an expression is evaluated is allowed (`set-var` is
//! also a converter), hence the interior mutability; a store belongs to one thread.

use std::{cell::RefCell, sync::Arc};

use super::{Ctx, Value};

/// How long a variable lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// `proc.`
    Process,
    /// `sess.`
    Session,
    /// `txn.`
    Transaction,
    /// `req.`
    Request,
    /// `res.`
    Response,
    /// `check.`
    Check,
}

impl Life {
    pub const fn prefix(self) -> &'static str {
        match self {
            Life::Process => "proc",
            Life::Session => "sess",
            Life::Transaction => "txn",
            Life::Request => "req",
            Life::Response => "res",
            Life::Check => "check",
        }
    }
}

/// The name of a variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Var {
    pub life: Life,
    /// Without its prefix.
    pub name: Arc<str>,
}

/// Why a variable's name is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadVar {
    Empty,
    /// None of `proc.`, `sess.`, `txn.`, `req.`, `res.`, `check.` stands before it.
    NoScope,
    /// Only letters, digits, `.` and `_` make a name.
    BadCharacter,
}

impl Var {
    pub fn parse(text: &str) -> Result<Var, BadVar> {
        if text.is_empty() {
            return Err(BadVar::Empty);
        }
        let (scope, name) = text.split_once('.').ok_or(BadVar::NoScope)?;
        let all =
            [Life::Process, Life::Session, Life::Transaction, Life::Request, Life::Response, Life::Check];
        let life = all.into_iter().find(|l| l.prefix() == scope).ok_or(BadVar::NoScope)?;
        if name.is_empty() {
            return Err(BadVar::Empty);
        }
        match name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.') {
            true => Ok(Var { life, name: name.into() }),
            false => Err(BadVar::BadCharacter),
        }
    }

    /// A copy of the value it has now.
    pub fn get(&self, ctx: &Ctx<'_>) -> Option<Value<'static>> {
        match self.life {
            Life::Process => ctx.world.process_var(&self.name),
            _ => ctx.txn.vars.get(self),
        }
    }

    pub fn set(&self, ctx: &Ctx<'_>, value: Value<'static>) {
        match self.life {
            Life::Process => ctx.world.set_process_var(&self.name, Some(value)),
            _ => ctx.txn.vars.set(self, value),
        }
    }

    pub fn unset(&self, ctx: &Ctx<'_>) {
        match self.life {
            Life::Process => ctx.world.set_process_var(&self.name, None),
            _ => ctx.txn.vars.unset(self),
        }
    }
}

/// The variables of one stream and its session.
#[derive(Clone, Debug, Default)]
pub struct Vars {
    list: RefCell<Vec<(Var, Value<'static>)>>,
}

impl Vars {
    /// Most variables of a stream; a `set-var` beyond that does nothing.
    pub const MAX: usize = 512;

    fn get(&self, var: &Var) -> Option<Value<'static>> {
        self.list.borrow().iter().find(|(v, _)| v == var).map(|(_, value)| value.clone())
    }

    fn set(&self, var: &Var, value: Value<'static>) {
        let mut list = self.list.borrow_mut();
        if let Some((_, old)) = list.iter_mut().find(|(v, _)| v == var) {
            *old = value;
        } else if list.len() < Vars::MAX {
            list.push((var.clone(), value));
        }
    }

    fn unset(&self, var: &Var) {
        self.list.borrow_mut().retain(|(v, _)| v != var);
    }

    /// Forgets all but the session's variables: the next request of the connection begins.
    pub fn end_transaction(&self) {
        self.list.borrow_mut().retain(|(v, _)| v.life == Life::Session);
    }

    /// Forgets one direction's variables.
    pub fn end(&self, life: Life) {
        self.list.borrow_mut().retain(|(v, _)| v.life != life);
    }

    /// Forgets everything: the connection ended.
    pub fn clear(&self) {
        self.list.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_needs_a_scope_and_plain_characters() {
        assert_eq!(Var::parse("txn.a.b_1").map(|v| v.life), Ok(Life::Transaction));
        assert_eq!(Var::parse("nothing"), Err(BadVar::NoScope));
        assert_eq!(Var::parse("foo.bar"), Err(BadVar::NoScope));
        assert_eq!(Var::parse("req."), Err(BadVar::Empty));
        assert_eq!(Var::parse("req.a-b"), Err(BadVar::BadCharacter));
    }

    #[test]
    fn a_transaction_ends_without_taking_the_session_with_it() {
        let vars = Vars::default();
        let (s, t) = (Var::parse("sess.x").unwrap(), Var::parse("txn.x").unwrap());
        vars.set(&s, Value::Int(1));
        vars.set(&t, Value::Int(2));
        vars.end_transaction();
        assert_eq!((vars.get(&s), vars.get(&t)), (Some(Value::Int(1)), None));
    }
}
