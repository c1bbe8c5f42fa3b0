//! A reload: the configuration is loaded again, and either all of it takes effect or none.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::{
    access::{Access, Request},
    listeners::{Listeners, command_sockets},
    load::{self, Origin},
    logs,
    report::{self, Report, Sentences},
};
use crate::{
    admin::AdminCommand,
    compile::plan::Plan,
    shell::{
        check,
        runtime::{Runtime, Shared, WorkerCommand},
    },
};

/// What a reload works on.
pub(super) struct Reload<'a> {
    pub(super) origin: &'a Origin,
    pub(super) access: &'a mut (dyn Access + Send),
    pub(super) listeners: &'a mut Listeners,
    pub(super) shared: &'a Shared,
    pub(super) admin: &'a UnboundedSender<AdminCommand>,
    pub(super) report: Report,
}

impl Reload<'_> {
    /// Loads and takes into use; an error is sentences that say why the process goes on with the configuration it
    /// has. With it comes what was said about the configuration.
    pub(super) fn run(self) -> (Result<(), Vec<String>>, Sentences) {
        let mut said = Sentences::new();
        let result = self.take_effect(&mut said);
        (result, said)
    }

    fn take_effect(self, said: &mut Sentences) -> Result<(), Vec<String>> {
        let current = self.shared.runtime.load_full();
        if let Err(e) = self.access.ask(&Request::Renew) {
            return Err(vec![format!("the companion does not answer: {}", e.text)]);
        }
        let loaded = load::load(self.origin, self.access, Some(&self.shared.registry), Some(&current.tls));
        self.report.diagnostics(&loaded.diagnostics, &loaded.sources, false);
        said.extend(report::sentences(&loaded.diagnostics, &loaded.sources));
        let lines = report::lines(&loaded.diagnostics, &loaded.sources);
        let Some(mut plan) = loaded.plan else {
            return Err(vec!["the new configuration has errors".to_owned()]);
        };
        self.keep_what_cannot_change(&mut plan, &current.plan);
        let wanted = load::sockets(&plan);
        let prepared = self.listeners.prepare(
            &wanted,
            self.shared.workers.len(),
            self.access,
            false,
            &loaded.sources,
        )?;
        self.listeners.commit(prepared.bound());
        let log = Arc::new(logs::open(&plan, &loaded.config, self.access, self.report));
        let runtime =
            Arc::new(Runtime { plan, tls: loaded.tls, log, generation: current.generation + 1, said: lines });
        // Threads count milliseconds from the start.
        let now_ms = u64::try_from(self.shared.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        check::adopt(&runtime.plan, now_ms);
        for (name, value) in &runtime.plan.global.vars {
            self.shared.registry.set_process_var(name, Some(value.clone()));
        }
        self.shared.runtime.store(runtime.clone());
        for (worker, share) in self.shared.workers.iter().zip(prepared.shares) {
            let command =
                WorkerCommand::Install { runtime: runtime.clone(), listeners: share.new, keep: share.keep };
            // A worker that is gone has been noticed already.
            let _ = worker.send(command);
        }
        // Without the admin thread nobody could see it; the sockets close.
        let _ = self.admin.send(command_sockets(&runtime.plan, prepared.stats, &prepared.stats_kept));
        Ok(())
    }

    /// Threads, user and chroot are settled at start; a change is said, and waits for a restart.
    fn keep_what_cannot_change(&self, plan: &mut Plan, old: &Plan) {
        let (new, old) = (&mut plan.global, &old.global);
        let say = |what: &str| {
            self.report
                .notice(&format!("'{what}' changed; this takes effect when the process is started anew"));
        };
        if new.threads != old.threads {
            say("nbthread");
            new.threads = old.threads;
        }
        if new.chroot != old.chroot {
            say("chroot");
            new.chroot.clone_from(&old.chroot);
        }
        if (new.uid, new.gid) != (old.uid, old.gid) {
            say("user or group");
            (new.uid, new.gid) = (old.uid, old.gid);
        }
        if new.maxconn == 0 {
            new.maxconn = old.maxconn;
        }
    }
}
