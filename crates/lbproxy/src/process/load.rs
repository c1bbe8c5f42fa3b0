//! From configuration files to a plan with its certificates.
//!
//! Owns: [`Origin`], which says where the configuration comes from and can travel to the companion, and [`load`],
//! used at start, at reload and by the companion alike. Invariant: the outside world is touched through
//! [`Access`] alone.

use std::{
    io,
    path::{Path, PathBuf},
};

use common::{
    diag::{Diagnostic, Diagnostics, codes},
    haproxy::{self, Config, Env, model::InitAddr},
    source::{At, SourceMap},
};
use serde::{Deserialize, Serialize};

use super::access::{Access, Direct, Outside};
use crate::{
    cli::Cli,
    compile::{
        self,
        plan::{FrontendIx, Plan},
    },
    engine::state::Registry,
    shell::{listen::Spec, tls},
    sys,
};

/// Where the configuration comes from: what of the command line bears on its meaning.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Origin {
    pub files: Vec<PathBuf>,
    /// Set before the configuration is read.
    pub variables: Vec<(String, String)>,
    pub maxconn: Option<u32>,
    pub proxy_maxconn: Option<u32>,
    pub pidfile: Option<PathBuf>,
    pub ignore_resolution: bool,
    pub ipv4_only: bool,
    pub no_server_verify: bool,
}

impl Origin {
    pub fn of(cli: &Cli) -> Origin {
        let host = nix::unistd::gethostname().map(|h| h.to_string_lossy().into_owned()).unwrap_or_default();
        let peer = cli.localpeer.clone().unwrap_or(host);
        let files = cli.files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(";");
        let mut variables =
            vec![("HAPROXY_LOCALPEER".to_owned(), peer), ("HAPROXY_CFGFILES".to_owned(), files)];
        if cli.master {
            variables.push(("HAPROXY_MWORKER".to_owned(), "1".to_owned()));
        }
        Origin {
            files: cli.files.clone(),
            variables,
            maxconn: cli.maxconn,
            proxy_maxconn: cli.proxy_maxconn,
            pidfile: cli.pidfile.clone(),
            ignore_resolution: cli.ignore_resolution,
            ipv4_only: cli.ipv4_only,
            no_server_verify: cli.no_server_verify,
        }
    }

    /// The surroundings in which the files are read.
    pub fn env(&self) -> Env {
        let own =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Env::new(own.chain(self.variables.iter().cloned()))
    }

    pub fn direct(&self) -> Direct {
        Direct { ipv4_only: self.ipv4_only }
    }
}

/// A configuration as far as it could be loaded.
#[derive(Debug, Default)]
pub struct Loaded {
    pub config: Config,
    /// There unless something has to change first.
    pub plan: Option<Plan>,
    pub tls: tls::Store,
    /// The states of the plan, where none were handed in.
    pub registry: Registry,
    pub sources: SourceMap,
    pub diagnostics: Diagnostics,
}

/// Loads the configuration. `registry` has the states that frontends, backends and servers already have (at start
/// there is none, and a new one comes out); `previous` the session ticket keys.
pub fn load(
    origin: &Origin,
    access: &mut dyn Access,
    registry: Option<&Registry>,
    previous: Option<&tls::Store>,
) -> Loaded {
    let mut outside = Outside(access);
    let mut loaded = read(origin, &mut outside);
    let fresh = Registry::new(threads(&loaded.config));
    let registry = registry.unwrap_or(&fresh);
    apply_command_line(&mut loaded.config, origin);
    let compiled = compile::compile(&loaded.config, &mut outside, registry);
    loaded.diagnostics.extend(compiled.diagnostics);
    // Certificates of a refused configuration are looked at, too: all errors are to be said in one run.
    if let Some(mut plan) = compiled.plan.or(compiled.refused) {
        override_by_command_line(&mut plan, origin);
        let (store, said) = tls::Store::load(&plan, &mut outside, previous, origin.no_server_verify);
        loaded.diagnostics.extend(said);
        loaded.tls = store;
        compile::lists::describe(&mut plan, &loaded.sources);
        loaded.plan = Some(plan);
    }
    if loaded.diagnostics.has_alerts() {
        loaded.plan = None;
    }
    loaded.registry = fresh;
    loaded
}

/// Options that stand for keywords which proxies and servers could have.
fn apply_command_line(config: &mut Config, origin: &Origin) {
    for p in &mut config.proxies {
        if let Some(limit) = origin.proxy_maxconn
            && p.has_front()
        {
            p.front.maxconn.get_or_insert(limit.into());
        }
        if !origin.ignore_resolution {
            continue;
        }
        for s in &mut p.back.servers {
            // "Appends the none method to the list" (management guide, -dr); what is empty means last, libc.
            let methods = &mut s.resolve.init_addr;
            if methods.is_empty() {
                methods.extend([InitAddr::Last, InitAddr::Libc].map(At::from));
            }
            methods.push(InitAddr::None.into());
        }
    }
}

/// Worker threads that a configuration asks for; counters are laid out for them before anything is compiled.
fn threads(config: &Config) -> usize {
    let asked = config.global.threads.nbthread.as_ref().map(|n| n.value as usize);
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).clamp(1, 256)
}

/// Reads and parses, without compiling (for `--dump`).
pub fn read(origin: &Origin, outside: &mut Outside<'_>) -> Loaded {
    let mut said = Diagnostics::default();
    let mut texts = Vec::new();
    for path in &origin.files {
        for file in expand(path, outside, &mut said) {
            match outside.read_file(&file) {
                // Comments in old encodings are common; the parser looks at words.
                Ok(bytes) => {
                    texts.push((file.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()))
                }
                Err(e) => said.push(unreadable(&file, &e)),
            }
        }
    }
    let parsed = haproxy::load_text(texts, &origin.env());
    said.extend(parsed.diagnostics);
    Loaded { config: parsed.config, sources: parsed.sources, diagnostics: said, ..Loaded::default() }
}

/// The files that one argument stands for: itself, or the `*.cfg` files of a directory that are not hidden.
fn expand(path: &Path, outside: &mut Outside<'_>, said: &mut Diagnostics) -> Vec<PathBuf> {
    let listed = match outside.files(path) {
        Ok(None) => return vec![path.to_owned()],
        Ok(Some(files)) => files,
        Err(e) => {
            said.push(unreadable(path, &e));
            return Vec::new();
        }
    };
    let wanted = |p: &PathBuf| {
        let name = p.file_name().unwrap_or_default().as_encoded_bytes();
        name.ends_with(b".cfg") && !name.starts_with(b".")
    };
    let files: Vec<PathBuf> = listed.into_iter().filter(wanted).collect();
    if files.is_empty() {
        let text = format!("the configuration directory {} holds no *.cfg file", path.display());
        said.push(Diagnostic::alert(codes::FILE_UNREADABLE, text));
    }
    files
}

fn unreadable(path: &Path, e: &io::Error) -> Diagnostic {
    let text = format!("Cannot open configuration file/directory {} : {}", path.display(), sys::reason(e));
    let d = Diagnostic::alert(codes::FILE_UNREADABLE, text);
    match e.kind() {
        io::ErrorKind::NotFound => d.help("check the name after -f, and the directory given with -C"),
        io::ErrorKind::PermissionDenied => d.help("let the user who starts the proxy read the file"),
        _ => d,
    }
}

/// The command line has precedence over the configuration (management guide, chapter 3).
fn override_by_command_line(plan: &mut Plan, origin: &Origin) {
    if let Some(n) = origin.maxconn {
        plan.global.maxconn = n;
    }
    if let Some(path) = &origin.pidfile {
        plan.global.pidfile = Some(path.clone());
    }
}

/// A socket that a plan wants, and what for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub spec: Spec,
    /// Identity over reloads.
    pub key: u64,
    pub owner: Owner,
    /// The place of the line, for messages.
    pub place: common::source::Span,
}

/// Whose socket it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Owner {
    /// A `bind` line of a frontend: index of the frontend, of the bind, and the frontend's name.
    Frontend(FrontendIx, usize, std::sync::Arc<str>),
    /// A `stats socket` line.
    Stats(usize),
}

/// Every listening socket of a plan, each with an identity of its own.
pub fn sockets(plan: &Plan) -> Vec<Wanted> {
    let mut out: Vec<Wanted> = Vec::new();
    let mut seen: std::collections::HashMap<Spec, usize> = std::collections::HashMap::new();
    let mut add = |spec: Spec, owner, place| {
        let nth = seen.entry(spec.clone()).or_insert(0);
        let key = spec.key(*nth);
        *nth += 1;
        out.push(Wanted { spec, key, owner, place });
    };
    for (i, s) in plan.global.stats_sockets.iter().enumerate() {
        add(Spec::plain(&s.bind), Owner::Stats(i), s.bind.place);
    }
    for f in plan.frontends.iter().filter(|f| !f.disabled) {
        for (i, b) in f.binds.iter().enumerate() {
            add(Spec::of_bind(b, f, &plan.global.tune), Owner::Frontend(f.ix, i, f.name.clone()), b.place);
        }
    }
    out
}
