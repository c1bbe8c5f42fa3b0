//! The threads of the data process: started together, their ends reported to the main thread.

use std::{
    io,
    os::fd::OwnedFd,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::{
    admin::{self, AdminArgs, AdminCommand},
    shell::{
        check, health, log,
        runtime::{Shared, WorkerCommand},
        worker::{self, WorkerArgs},
    },
};

/// How long the last log lines may take.
const LOG_WITHIN: Duration = Duration::from_millis(500);

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
    log: JoinHandle<()>,
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
        admin: mpsc::UnboundedReceiver<AdminCommand>,
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
        let hub = shared.log.clone();
        let log = thread::Builder::new().name("lbp-log".to_owned()).spawn(move || log::run(&hub))?;
        // Checks end with the process.
        let checked = shared.clone();
        thread::Builder::new().name("lbp-check".to_owned()).spawn(move || {
            if let Err(e) = check::run(&checked) {
                tracing::error!("servers are not checked: {e}");
            }
        })?;
        // So do the stats sockets.
        let args = AdminArgs { shared: shared.clone(), commands: admin };
        thread::Builder::new().name("lbp-admin".to_owned()).spawn(move || {
            if let Err(e) = admin::run(args) {
                tracing::error!("the stats sockets are not served: {e}");
            }
        })?;
        Ok(Threads { workers, log })
    }

    /// Lets what was logged last be sent, without waiting long for a destination that does not take it.
    pub(super) fn finish(&self, shared: &Shared) {
        shared.log.close();
        let until = Instant::now() + LOG_WITHIN;
        while !self.log.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Starts the thread of the health contract; it ends with the process.
///
/// # Errors
/// No more threads can be had.
pub(super) fn tell_health(
    shared: &Arc<Shared>,
    listener: Option<OwnedFd>,
    commands: mpsc::UnboundedReceiver<health::HealthCommand>,
) -> io::Result<()> {
    let args = health::HealthArgs { shared: shared.clone(), listener, commands };
    thread::Builder::new().name("lbp-health".to_owned()).spawn(move || {
        if let Err(e) = health::run(args) {
            tracing::error!("vrrpd is not told of this proxy's health: {e}");
        }
    })?;
    Ok(())
}
