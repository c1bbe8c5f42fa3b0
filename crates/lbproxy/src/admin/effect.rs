//! Carrying out what a command asks of the rest of the process: words for the logs, orders to workers.

use crate::{
    engine::state::{Change, LogLine, Severity},
    shell::{
        check::perform,
        log::Logger,
        runtime::{Runtime, Shared, Which, WorkerCommand},
    },
};

/// Says and does what `change` asks of its caller.
pub fn carry_out(shared: &Shared, runtime: &Runtime, change: Change) {
    perform(shared, runtime, &mut logger(shared), change);
}

/// A line for the logs of a backend and for standard error.
pub fn say_of_backend(shared: &Shared, runtime: &Runtime, backend: &str, text: String) {
    let line = LogLine { severity: Severity::Warning, backend: backend.into(), text };
    carry_out(shared, runtime, Change { log: vec![line], ..Change::default() });
}

/// A line for the logs of a frontend.
pub fn say_of_frontend(shared: &Shared, runtime: &Runtime, frontend: usize, text: &str) {
    let Some(f) = runtime.plan.frontends.get(frontend) else { return };
    let up_us = u64::try_from(shared.started.elapsed().as_micros()).unwrap_or(0);
    let level = Severity::Warning as u8;
    logger(shared).send(&runtime.log, &f.log, level, b"", text.as_bytes(), shared.started_us + up_us);
}

/// What is said this way is rare, so that nothing is kept for it.
fn logger(shared: &Shared) -> Logger {
    Logger::new(shared.log.clone(), shared.zone.clone())
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
