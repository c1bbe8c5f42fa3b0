//! Variables and captures.

use super::with_text;
use crate::engine::{
    logformat::LogFormat,
    sample::{Ctx, Expr, Type, Value, convert::variable::holds, var::Var},
};

/// A change of what is kept with the stream.
#[derive(Clone, Debug)]
pub enum Change {
    Set {
        var: Var,
        conditions: Vec<Box<str>>,
        value: Expr,
    },
    SetFormat {
        var: Var,
        conditions: Vec<Box<str>>,
        value: LogFormat,
    },
    Unset(Var),
    /// Into the capture slot of that number, at most so many bytes.
    Capture {
        value: Expr,
        slot: usize,
        len: usize,
    },
}

impl Change {
    pub(in crate::engine) fn run(&self, ctx: &mut Ctx<'_>) {
        match self {
            Change::Set { var, conditions, value } => {
                if let Some(value) = value.eval(ctx).map(Value::into_owned) {
                    set(ctx, var, conditions, value);
                }
            }
            Change::SetFormat { var, conditions, value } => {
                let value = with_text(ctx, value, |_, t| Value::string(t));
                set(ctx, var, conditions, value);
            }
            Change::Unset(var) => var.unset(ctx),
            Change::Capture { value, slot, len } => {
                let Some(Value::Str(text)) = value.eval_as(ctx, Type::Str) else { return };
                let text = text.get(..*len).unwrap_or(&text).to_vec();
                let slots = match ctx.responding {
                    true => &mut ctx.txn.response_captures,
                    false => &mut ctx.txn.request_captures,
                };
                if let Some(place) = slots.get_mut(*slot) {
                    *place = Some(text);
                }
            }
        }
    }
}

fn set(ctx: &Ctx<'_>, var: &Var, conditions: &[Box<str>], value: Value<'static>) {
    if conditions.iter().all(|c| holds(c.as_bytes(), var, ctx, &value)) {
        var.set(ctx, value);
    }
}
