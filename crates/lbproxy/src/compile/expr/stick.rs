//! Actions and arguments that name stick tables.

use std::sync::Arc;

use common::{
    diag::{Diagnostic, codes},
    haproxy::model::{self, Action as Model},
    source::{At, Span},
};

use super::{RuleSet, Scope};
use crate::engine::{
    action::stick::Change,
    sample::Place,
    stick::{DataType, Table},
};

/// Slots that can be tracked, when `tune.stick-counters` does not say (manual 3.2).
const COUNTERS_DEFAULT: u32 = 3;
/// The most that may be configured.
const COUNTERS_MAX: u32 = 127;

impl Scope<'_> {
    /// A table by name, or the current proxy's; an alert where there is none.
    pub(super) fn table(&mut self, name: Option<&At<String>>, span: Span) -> Option<Arc<Table>> {
        let (wanted, span) = match name {
            Some(n) => (n.value.clone(), n.span),
            None => (self.proxy.map(|p| p.name.value.clone()).unwrap_or_default(), span),
        };
        if let Some(t) = self.cache.tables.get(&wanted) {
            return Some(t.clone());
        }
        let text = match name {
            Some(n) => format!("there is no stick table '{}'", n.value),
            None => format!("proxy '{wanted}' has no stick table of its own, and none is named"),
        };
        let known: Vec<String> = self.cache.tables.keys().cloned().collect();
        let d = Diagnostic::alert(codes::UNRESOLVED_NAME, text).at(span, "used here");
        self.say(d.did_you_mean(&wanted, known.iter().map(String::as_str)));
        None
    }

    /// The actions of this family; `Some(None)` is one of another.
    #[allow(clippy::option_option)] // Wrong words, and another family, are different answers.
    pub(super) fn stick(
        &mut self,
        action: &Model,
        set: RuleSet,
        span: Span,
        places: &[Place],
    ) -> Option<Option<Change>> {
        use DataType as D;
        let index = |i: &u32| *i as usize;
        Some(Some(match action {
            Model::Track(t) => self.track(t, set, span, places)?,
            Model::ScIncGpc { index: i, counter } => {
                self.count(D::Gpc, index(i), *counter, &model::NumberOr::Number(1), span, places)?
            }
            Model::ScIncGpc0 { counter } => {
                self.count(D::Gpc0, 0, *counter, &model::NumberOr::Number(1), span, places)?
            }
            Model::ScIncGpc1 { counter } => {
                self.count(D::Gpc1, 0, *counter, &model::NumberOr::Number(1), span, places)?
            }
            Model::ScAddGpc { index: i, counter, by } => {
                self.count(D::Gpc, index(i), *counter, by, span, places)?
            }
            Model::ScSetGpt { index: i, counter, to } => Change::Set {
                slot: self.slot(*counter, span)?,
                what: D::Gpt,
                index: index(i),
                to: self.number(to, places)?,
            },
            Model::ScSetGpt0 { counter, to } => Change::Set {
                slot: self.slot(*counter, span)?,
                what: D::Gpt0,
                index: 0,
                to: self.number(to, places)?,
            },
            _ => return Some(None),
        }))
    }

    fn count(
        &mut self,
        what: DataType,
        index: usize,
        counter: u32,
        by: &model::NumberOr,
        span: Span,
        places: &[Place],
    ) -> Option<Change> {
        Some(Change::Count { slot: self.slot(counter, span)?, what, index, by: self.number(by, places)? })
    }

    fn track(&mut self, t: &model::Track, set: RuleSet, span: Span, places: &[Place]) -> Option<Change> {
        let slot = self.slot(t.counter, span)?;
        let table = self.table(t.table.as_ref(), span)?;
        let key = self.sample(&t.key, table.spec.key.sample_type(), places)?;
        let session = matches!(set, RuleSet::TcpRequestConnection | RuleSet::TcpRequestSession);
        Some(Change::Track { slot, key, table, session })
    }

    fn slot(&mut self, counter: u32, span: Span) -> Option<usize> {
        let most = self.config.global.tune.stick_counters.unwrap_or(COUNTERS_DEFAULT).min(COUNTERS_MAX);
        if counter < most {
            return Some(counter as usize);
        }
        let text = format!("counter {counter} is beyond the {most} of `tune.stick-counters`");
        self.say(Diagnostic::alert(codes::BAD_ARGUMENT, text).at(span, "this rule"));
        None
    }
}
