//! What rules and logs may ask of the process around a stream.

use crate::{
    compile::plan::{Backend, Frontend, Server},
    engine::sample::{Fact, Names, ProcessFacts, Subject, Value, World},
    shell::worker::Session,
};

/// The process as one stream sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub(super) session: &'a Session,
    pub(super) backend: Option<&'a Backend>,
    pub(super) server: Option<usize>,
}

impl<'a> Around<'a> {
    pub(super) fn names(&self) -> Names<'a> {
        let bind = self.session.frontend.binds.get(self.session.conn.listener as usize);
        Names {
            frontend: &self.session.frontend.name,
            backend: self.backend.map(|b| &*b.name),
            server: self.server().map(|s| &*s.name),
            listener: bind.map(|b| &*b.name).filter(|n| !n.is_empty()),
            node: &self.session.installed.plan().global.node,
            pid: self.session.worker.pid,
        }
    }

    fn server(&self) -> Option<&'a Server> {
        self.backend?.servers.get(self.server?).map(|s| &**s)
    }

    fn frontend(&self, of: Subject) -> Option<&Frontend> {
        match of {
            Subject::Frontend(Some(ix)) => self.session.installed.plan().frontends.get(ix).map(|f| &**f),
            _ => Some(&self.session.frontend),
        }
    }

    fn backend(&self, ix: Option<usize>) -> Option<&Backend> {
        match ix {
            Some(ix) => self.session.installed.plan().backends.get(ix).map(|b| &**b),
            None => self.backend,
        }
    }

    fn backend_of(&self, of: Subject) -> Option<&Backend> {
        match of {
            Subject::Backend(ix) => self.backend(ix),
            _ => self.backend,
        }
    }

    fn server_of(&self, of: Subject) -> Option<&Server> {
        match of {
            Subject::Server(backend, ix) => self.backend(backend)?.servers.get(ix).map(|s| &**s),
            _ => self.server(),
        }
    }

    fn of_frontend(&self, fact: Fact, of: Subject) -> Option<i64> {
        let f = self.frontend(of)?;
        Some(match fact {
            Fact::FrontendConn => f.state.sessions.now().into(),
            Fact::FrontendId => f.id.into(),
            Fact::ClientTimeout => f.timeouts.client.into(),
            Fact::TarpitTimeout => f.timeouts.tarpit.into(),
            _ => return None,
        })
    }

    fn of_backend(&self, fact: Fact, of: Subject) -> Option<i64> {
        let b = self.backend_of(of)?;
        let counts = b.state.counts();
        let usable = i64::from(if counts.active > 0 { counts.active } else { counts.backup });
        Some(match fact {
            Fact::BackendConn => b.state.sessions.now().into(),
            Fact::BackendId => b.id.into(),
            Fact::NbSrv => usable,
            Fact::Queue => b.state.queued_in_all().into(),
            Fact::AvgQueue => match usable {
                0 => 0,
                n => (i64::from(b.state.queued_in_all()) + n - 1) / n,
            },
            Fact::BackendConnFree | Fact::ConnSlots => free_slots(b, fact == Fact::ConnSlots),
            Fact::ServerTimeout => b.timeouts.server.into(),
            Fact::TunnelTimeout => b.timeouts.tunnel.into(),
            Fact::ConnectTimeout => b.timeouts.connect.into(),
            Fact::QueueTimeout => b.timeouts.queue.into(),
            Fact::Retries => b.retries.into(),
            _ => return None,
        })
    }

    fn of_server(&self, fact: Fact, of: Subject) -> Option<i64> {
        self.server_of(of)?.fact(fact)
    }
}

/// `be_conn_free`, `connslots`: free places of the usable servers (and their queues); -1 where one has no limit.
fn free_slots(b: &Backend, queues: bool) -> i64 {
    let mut sum = 0;
    for s in b.servers.iter().filter(|s| s.state.is_usable()) {
        let (most, waiting) = (i64::from(s.state.maxconn()), i64::from(s.state.maxqueue()));
        if most == 0 || (queues && waiting == 0) {
            return -1;
        }
        sum += most - i64::from(s.state.sessions.now());
        if queues {
            sum += waiting - i64::from(s.state.queued.now());
        }
    }
    sum
}

impl World for Around<'_> {
    fn number(&self, fact: Fact, of: Subject) -> Option<i64> {
        match fact {
            Fact::ActConn => Some(self.session.worker.shared.connections.now().into()),
            Fact::Stopping => Some(self.session.worker.is_draining().into()),
            _ => self
                .of_frontend(fact, of)
                .or_else(|| self.of_backend(fact, of))
                .or_else(|| self.of_server(fact, of)),
        }
    }

    fn facts(&self) -> &ProcessFacts {
        &self.session.worker.facts
    }

    fn process_var(&self, name: &str) -> Option<Value<'static>> {
        self.session.worker.shared.registry.process_var(name)
    }

    fn set_process_var(&self, name: &str, value: Option<Value<'static>>) {
        self.session.worker.shared.registry.set_process_var(name, value);
    }

    fn proxy(&self, name: &[u8]) -> Option<Subject> {
        let plan = self.session.installed.plan();
        let backend = plan.backends.iter().position(|b| b.name.as_bytes() == name);
        let frontend = || plan.frontends.iter().position(|f| f.name.as_bytes() == name);
        backend
            .map(|ix| Subject::Backend(Some(ix)))
            .or_else(|| frontend().map(|ix| Subject::Frontend(Some(ix))))
    }

    fn server(&self, name: &[u8]) -> Option<Subject> {
        let text = std::str::from_utf8(name).ok()?;
        let plan = self.session.installed.plan();
        let (backend, server) = match text.split_once('/') {
            Some((b, s)) => (plan.backends.iter().position(|x| *x.name == *b)?, s),
            None => (self.backend?.ix, text),
        };
        let ix = plan.backends.get(backend)?.servers.iter().position(|x| *x.name == *server)?;
        Some(Subject::Server(Some(backend), ix))
    }
}
