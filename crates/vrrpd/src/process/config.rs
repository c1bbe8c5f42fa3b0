//! Reading the configuration for every use: test, dump, start, reload.

use std::{collections::BTreeMap, io::IsTerminal};

use common::{
    diag::{Diagnostic, Severity, render},
    keepalived::{self, Env, Loaded, model::Config},
    yaml,
};
use nix::unistd::gethostname;

use crate::{
    cli::Options,
    compile::{self, Compiled, System},
};

/// keepalived's sentence; people grep for it.
pub(super) const VIOLATION: &str =
    "SECURITY VIOLATION - scripts are being executed but script_security not enabled.";

/// A file as read and as compiled.
#[derive(Debug)]
pub(super) struct Read {
    pub loaded: Loaded,
    pub compiled: Compiled,
}

/// Reads and compiles the file that the options name; a name that ends in `.yaml` or `.yml` is the YAML form.
pub(super) fn read(options: &Options) -> Read {
    compiled(load(options))
}

fn compiled(loaded: Loaded) -> Read {
    let compiled = compile::compile(&loaded.config, &System);
    Read { loaded, compiled }
}

/// Reads the file for the first time: enters the namespace that it names before interfaces are looked up.
pub(super) fn open(options: &Options) -> Result<Read, String> {
    let loaded = load(options);
    enter_namespace(options, &loaded.config)?;
    Ok(compiled(loaded))
}

fn load(options: &Options) -> Loaded {
    let host = gethostname().map(|h| h.to_string_lossy().into_owned()).unwrap_or_default();
    let short = host.split('.').next().unwrap_or_default().to_owned();
    let env = Env {
        config_id: options.config_id.clone().unwrap_or(short),
        variables: std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect::<BTreeMap<_, _>>(),
        random_seed: crate::shell::clock::wall().as_nanos() as u64,
        strict_includes: options.all_config,
    };
    keepalived::load(&options.config, &env)
}

/// Goes into the network namespace that the command line or the file names, before anything looks at the
/// network. Must be called while the process has one thread.
fn enter_namespace(options: &Options, config: &Config) -> Result<(), String> {
    let Some(name) = options.namespace.as_ref().or(config.net_namespace.as_ref()) else { return Ok(()) };
    // As `ip netns` names them; a path is taken as it is.
    let path = std::path::Path::new("/run/netns").join(name);
    let fail = |e: String| format!("cannot enter the network namespace {name} ({}): {e}", path.display());
    let file = std::fs::File::open(&path).map_err(|e| fail(e.to_string()))?;
    nix::sched::setns(file, nix::sched::CloneFlags::CLONE_NEWNET).map_err(|e| fail(e.to_string()))
}

impl Read {
    /// Every diagnostic, of reading and of compiling.
    pub(super) fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.loaded.diagnostics.iter().chain(&self.compiled.diagnostics)
    }

    pub(super) fn errors(&self) -> usize {
        self.diagnostics().filter(|d| d.severity >= Severity::Warning).count()
    }

    pub(super) fn security_violation(&self) -> bool {
        self.compiled.security_violation
    }

    /// Why it cannot be run, if so.
    pub(super) fn unusable(&self) -> Option<String> {
        if self.loaded.fatal.is_some() {
            return Some("the configuration cannot be run".into());
        }
        if self.compiled.missing_interface {
            return Some("Non-existent interface specified in configuration".into());
        }
        if self.compiled.plan.instances.is_empty() && !self.loaded.config.instances.is_empty() {
            return Some("no vrrp_instance can be run".into());
        }
        None
    }

    /// keepalived's one-line form, for logs.
    pub(super) fn lines(&self) -> impl Iterator<Item = (Severity, String)> + '_ {
        self.diagnostics().map(|d| (d.severity, super::one_line(d, &self.loaded.sources)))
    }

    /// With the words underlined for a terminal, else keepalived's one-line form for whatever reads it.
    pub(super) fn messages_for_people(&self) -> String {
        if std::io::stderr().is_terminal() {
            let text = render::rich_all(self.diagnostics(), &self.loaded.sources, true);
            return if text.is_empty() { text } else { text + "\n" };
        }
        self.lines().map(|(_, line)| line + "\n").collect()
    }

    pub(super) fn yaml(&self) -> Result<String, String> {
        yaml::dump(&self.loaded.config).map_err(|e| e.to_string())
    }
}

/// The JSON Schema of the YAML form.
pub(super) fn schema() -> String {
    yaml::schema::<Config>() + "\n"
}
