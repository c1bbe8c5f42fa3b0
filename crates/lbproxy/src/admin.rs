//! What people see and steer: the stats socket, the page, exports.
//!
//! Runs on a thread of its own ([`run`]). Reads plan and states, and acts through the methods of the states and
//! through commands to workers and process; it has no state of the data plane in its hands.

pub mod columns;
pub mod command;
pub mod effect;
pub mod export;
pub mod info;
pub mod page;
mod sampler;
pub mod session;
mod socket;
pub mod view;

use std::{io, os::fd::OwnedFd, sync::Arc, time::Duration};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::{compile::plan::Level, shell::runtime::Shared};

/// What the admin thread is started with.
#[derive(Debug)]
pub struct AdminArgs {
    pub shared: Arc<Shared>,
    pub commands: UnboundedReceiver<AdminCommand>,
}

/// What `process` tells the admin thread.
#[derive(Debug)]
pub enum AdminCommand {
    /// Serve these sockets too, and close those whose key is not in `keep`. The first one comes at the start.
    Listen { new: Vec<AdminListener>, keep: Vec<u64> },
    /// End the thread.
    Quit,
}

/// A listening stats socket.
#[derive(Debug)]
pub struct AdminListener {
    /// Identity over reloads.
    pub key: u64,
    pub level: Level,
    /// As `show cli sockets` names it (`unix@/run/haproxy.sock`).
    pub text: String,
    pub fd: OwnedFd,
}

/// Counters are looked at this often to derive rates and averages.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Serves the stats sockets and derives rates until told to quit.
///
/// # Errors
/// When the kernel gives no event queue for the runtime.
pub fn run(args: AdminArgs) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let mut commands = args.commands;
        let mut sockets = socket::Sockets::new(args.shared.clone());
        let mut sampler = sampler::Sampler::default();
        let mut ticks = tokio::time::interval(SAMPLE_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(AdminCommand::Listen { new, keep }) => sockets.listen(new, &keep),
                    Some(AdminCommand::Quit) | None => return,
                },
                _ = ticks.tick() => sampler.sample(&args.shared),
            }
        }
    });
    Ok(())
}
