//! The listening sockets of the process: bound before rights are given up, kept over reloads, lent to workers.
//!
//! Invariants: a socket whose description does not change is never closed by a reload; a reload that cannot bind
//! everything it needs changes nothing; closing is left to the workers, which first take what waits in the queue.

use std::{
    collections::HashMap,
    io,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use common::source::SourceMap;

use super::{
    access::{Access, Outside},
    load::{Owner, Wanted},
};
use crate::{
    admin::{AdminCommand, AdminListener},
    compile::plan::Plan,
    shell::{
        listen::BindError,
        runtime::{KeptListener, WorkerListener},
    },
};

/// Pauses between attempts to bind while an older process leaves.
const RETRY_EVERY: Duration = Duration::from_millis(10);
/// How long an older process may take to leave an address. HAProxy gives up after about a second, too.
const RETRY_FOR: Duration = Duration::from_secs(1);

/// What is bound now, by identity.
#[derive(Debug, Default)]
pub struct Listeners {
    bound: HashMap<u64, Owner>,
}

/// What one worker has to do.
#[derive(Debug, Default)]
pub struct Share {
    pub new: Vec<WorkerListener>,
    pub keep: Vec<KeptListener>,
}

/// A set of sockets ready to be taken into use.
#[derive(Debug)]
pub struct Prepared {
    bound: HashMap<u64, Owner>,
    /// By worker.
    pub shares: Vec<Share>,
    /// New command sockets: index of the `stats socket` line, identity, descriptor.
    pub stats: Vec<(usize, u64, OwnedFd)>,
    /// Command sockets that stay: index of the line, identity.
    pub stats_kept: Vec<(usize, u64)>,
}

impl Prepared {
    /// Listening sockets that are newly made.
    pub fn count(&self) -> usize {
        self.shares.iter().map(|s| s.new.len()).sum::<usize>() + self.stats.len()
    }
}

impl Listeners {
    /// Binds what `wanted` has and is not bound yet. `patient`: an older process is about to leave its addresses.
    ///
    /// # Errors
    /// A sentence per socket that cannot be had; nothing has changed then.
    pub fn prepare(
        &self,
        wanted: &[Wanted],
        threads: usize,
        access: &mut dyn Access,
        patient: bool,
        sources: &SourceMap,
    ) -> Result<Prepared, Vec<String>> {
        let mut outside = Outside(access);
        let mut p = Prepared {
            bound: HashMap::new(),
            shares: (0..threads).map(|_| Share::default()).collect(),
            stats: Vec::new(),
            stats_kept: Vec::new(),
        };
        let mut failures = Vec::new();
        let until = patient.then(|| Instant::now() + RETRY_FOR);
        for w in wanted {
            if self.bound.contains_key(&w.key) {
                p.keep(w);
            } else if let Err(e) = p.bind(w, threads, &mut outside, until) {
                failures.push(describe(w, &e, sources));
                continue;
            }
            p.bound.insert(w.key, w.owner.clone());
        }
        if failures.is_empty() { Ok(p) } else { Err(failures) }
    }

    /// Takes a prepared set into use; from now on it is what reloads compare with.
    pub fn commit(&mut self, bound: Bound) {
        self.bound = bound.0;
    }
}

/// The identities of a prepared set.
#[derive(Debug)]
pub struct Bound(HashMap<u64, Owner>);

impl Prepared {
    /// The identities, for [`Listeners::commit`] once the sockets are handed over.
    pub fn bound(&self) -> Bound {
        Bound(self.bound.clone())
    }

    fn keep(&mut self, w: &Wanted) {
        match &w.owner {
            Owner::Stats(i) => self.stats_kept.push((*i, w.key)),
            Owner::Frontend(frontend, bind, _) => {
                for s in &mut self.shares {
                    s.keep.push(KeptListener { key: w.key, frontend: *frontend, bind: *bind });
                }
            }
        }
    }

    fn bind(
        &mut self,
        w: &Wanted,
        threads: usize,
        outside: &mut Outside<'_>,
        until: Option<Instant>,
    ) -> Result<(), BindError> {
        match &w.owner {
            Owner::Stats(i) => {
                let fd = bind_patiently(w, outside, until)?;
                self.stats.push((*i, w.key, fd));
            }
            Owner::Frontend(frontend, bind, _) => {
                let mut fds = Vec::with_capacity(threads);
                for n in 0..threads {
                    fds.push(match fds.first() {
                        Some(first) if !w.spec.per_thread() => duplicate(first, w)?,
                        _ => bind_patiently(w, outside, until.filter(|_| n == 0))?,
                    });
                }
                for (share, fd) in self.shares.iter_mut().zip(fds) {
                    share.new.push(WorkerListener { frontend: *frontend, bind: *bind, key: w.key, fd });
                }
            }
        }
        Ok(())
    }
}

/// What the admin thread is told of the command sockets of a plan.
pub fn command_sockets(plan: &Plan, new: Vec<(usize, u64, OwnedFd)>, kept: &[(usize, u64)]) -> AdminCommand {
    let new = new.into_iter().filter_map(|(line, key, fd)| {
        let s = plan.global.stats_sockets.get(line)?;
        Some(AdminListener { key, level: s.level, text: s.bind.text.clone(), fd })
    });
    AdminCommand::Listen { new: new.collect(), keep: kept.iter().map(|k| k.1).collect() }
}

fn duplicate(fd: &OwnedFd, w: &Wanted) -> Result<OwnedFd, BindError> {
    fd.try_clone().map_err(|e| BindError::new(&w.spec, "cannot be shared among threads", e))
}

fn bind_patiently(
    w: &Wanted,
    outside: &mut Outside<'_>,
    until: Option<Instant>,
) -> Result<OwnedFd, BindError> {
    loop {
        match outside.bind(&w.spec) {
            Err(e) if e.in_use() && until.is_some_and(|u| Instant::now() < u) => {
                std::thread::sleep(RETRY_EVERY)
            }
            other => return other,
        }
    }
}

/// HAProxy's sentence, and what to do where we know.
fn describe(w: &Wanted, e: &BindError, sources: &SourceMap) -> String {
    let place = sources.place(w.place);
    let of = match &w.owner {
        Owner::Frontend(_, _, name) => format!("frontend {name}"),
        Owner::Stats(_) => "proxy GLOBAL".to_owned(),
    };
    let advice = match e.cause.kind() {
        io::ErrorKind::AddrInUse => " Another process listens there.",
        io::ErrorKind::PermissionDenied => " Ports below 1024 and foreign directories need root.",
        _ => "",
    };
    format!("Binding [{place}] for {of}: {e}.{advice}")
}

#[cfg(test)]
mod tests;
