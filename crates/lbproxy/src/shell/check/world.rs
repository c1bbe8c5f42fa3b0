//! What the expressions of a check may ask of the process around it.

use crate::{
    compile::plan::{Backend, Plan, Server},
    engine::sample::{Fact, Names, ProcessFacts, Subject, World},
};

/// The process as the check of one server sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckWorld<'a> {
    pub(super) plan: &'a Plan,
    pub(super) backend: &'a Backend,
    pub(super) server: &'a Server,
    pub(super) facts: &'a ProcessFacts,
}

impl<'a> CheckWorld<'a> {
    pub(super) fn names(&self) -> Names<'a> {
        Names {
            frontend: &self.backend.name,
            backend: Some(&self.backend.name),
            server: Some(&self.server.name),
            listener: None,
            node: &self.plan.global.node,
            pid: std::process::id(),
        }
    }

    fn backend(&self, ix: Option<usize>) -> Option<&Backend> {
        match ix {
            Some(ix) => self.plan.backends.get(ix).map(|b| &**b),
            None => Some(self.backend),
        }
    }

    fn of_backend(&self, fact: Fact, of: Subject) -> Option<i64> {
        let b = match of {
            Subject::Backend(ix) => self.backend(ix)?,
            _ => self.backend,
        };
        let counts = b.state.counts();
        Some(match fact {
            Fact::BackendConn => b.state.sessions.now().into(),
            Fact::BackendId => b.id.into(),
            Fact::NbSrv => i64::from(if counts.active > 0 { counts.active } else { counts.backup }),
            Fact::Queue => b.state.queued_in_all().into(),
            _ => return None,
        })
    }

    fn of_server(&self, fact: Fact, of: Subject) -> Option<i64> {
        match of {
            Subject::Server(backend, ix) => self.backend(backend)?.servers.get(ix)?.fact(fact),
            _ => self.server.fact(fact),
        }
    }
}

impl World for CheckWorld<'_> {
    fn number(&self, fact: Fact, of: Subject) -> Option<i64> {
        self.of_server(fact, of).or_else(|| self.of_backend(fact, of))
    }

    fn facts(&self) -> &ProcessFacts {
        self.facts
    }
}
