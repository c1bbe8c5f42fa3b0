//! The threads of the data process: started together, their ends reported to the main thread.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::sync::mpsc;

use crate::shell::{
    runtime::{Shared, WorkerCommand},
    worker::{self, WorkerArgs},
};

/// Which thread ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// A worker, by number; whether it ended in order.
    Worker(usize, bool),
}

/// Running threads.
#[derive(Debug)]
pub(super) struct Threads {
    pub(super) workers: Vec<Option<JoinHandle<()>>>,
}

/// Tells the main thread, also when the thread unwinds.
struct Farewell {
    ended: mpsc::UnboundedSender<Ended>,
    worker: usize,
    in_order: bool,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let _ = self.ended.send(Ended::Worker(self.worker, self.in_order));
    }
}

impl Threads {
    /// Starts one worker per queue.
    ///
    /// # Errors
    /// No more threads can be had.
    pub(super) fn start(
        shared: &Arc<Shared>,
        commands: Vec<mpsc::UnboundedReceiver<WorkerCommand>>,
        ended: &mpsc::UnboundedSender<Ended>,
    ) -> io::Result<Threads> {
        let mut workers = Vec::with_capacity(commands.len());
        for (n, commands) in commands.into_iter().enumerate() {
            let args = WorkerArgs { thread: n as u16, commands, shared: shared.clone() };
            let ended = ended.clone();
            let body = move || {
                let mut farewell = Farewell { ended, worker: n, in_order: false };
                farewell.in_order = worker::run(args).is_ok();
            };
            workers.push(Some(thread::Builder::new().name(format!("lbp-worker-{n}")).spawn(body)?));
        }
        Ok(Threads { workers })
    }
}
