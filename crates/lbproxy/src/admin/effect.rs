//! Carrying out what a change of state asks for: words for the logs, streams that end.

use crate::{
    engine::state::{Change, Severity},
    shell::runtime::{Shared, Which, WorkerCommand},
};

/// Says and does what `change` asks of its caller.
pub fn carry_out(shared: &Shared, change: Change) {
    for line in &change.log {
        match line.severity {
            Severity::Emergency | Severity::Alert => tracing::error!("{}", line.text),
            Severity::Warning => tracing::warn!("{}", line.text),
            Severity::Notice => tracing::info!("{}", line.text),
        }
    }
    for s in &change.shutdown {
        end(shared, &s.backend, &s.server);
    }
    let runtime = shared.runtime.load();
    for name in &change.shutdown_backups {
        let Some(b) = runtime.plan.backends.iter().find(|b| b.name == *name) else { continue };
        for s in b.servers.iter().filter(|s| s.backup) {
            end(shared, &b.name, &s.name);
        }
    }
}

/// Ends the streams on a server.
pub fn end(shared: &Shared, backend: &str, server: &str) {
    tell(shared, || WorkerCommand::Shutdown { which: Which::Server(backend.to_owned(), server.to_owned()) });
}

/// Gives each worker a command. A worker that has gone needs none.
pub fn tell(shared: &Shared, command: impl Fn() -> WorkerCommand) {
    for w in &shared.workers {
        let _ = w.send(command());
    }
}
