//! keepalived.conf: words, tree, typed model.
//!
//! The level followed is keepalived 2.4. Text goes through `reader` (files, includes), `expand` (conditions,
//! parameters, sequences), `lexer` and `tree` (words, blocks) and `block` (a registry row per keyword) to the
//! [`model::Config`], which [`finish`] checks as a whole. The model is what both the text form and the YAML form
//! describe; it never touches the world: interfaces, users and script files are looked up by the daemon's
//! `compile`.
//!
//! Invariant: reading never stops at an error. An unknown word is told and skipped, a bad value is told and its
//! default stands, and what is left runs, as keepalived does it; [`Loaded::fatal`] names the two exceptions.

mod block;
mod check;
mod expand;
mod lexer;
pub mod model;
mod reader;
mod support;
mod tree;
mod yaml;

use std::{collections::BTreeMap, path::Path};

pub use block::{CatalogueRow, catalogue};
pub use check::finish;
use model::Config;
pub use support::{FEATURES, Feature};

use crate::{
    diag::{Diagnostic, Diagnostics, Severity},
    source::SourceMap,
};

/// What a configuration may ask about its surroundings, passed in so that a text always means the same.
#[derive(Clone, Debug, Default)]
pub struct Env {
    /// `-i`; else the host name up to its first dot. Compared with `@ID`, and the value of `${_INSTANCE}`.
    pub config_id: String,
    /// The environment, for `${_ENV NAME}`.
    pub variables: BTreeMap<String, String>,
    /// Start of the numbers of `${_RANDOM}`.
    pub random_seed: u64,
    /// `-e`: every `include` must find what it names, as if `include_check` stood first.
    pub strict_includes: bool,
}

/// Why a configuration cannot be run at all, not even in part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fatal {
    /// The file, or one that has to be included, is not there. keepalived exits with 6.
    NoFile,
    /// The file is there and we may not read it. keepalived exits with 6, and with 4 from `-t`.
    Forbidden,
    /// A line ends before a word that its keyword needs. keepalived exits with 2, also from `-t`.
    CutShort,
    /// An instance lacks what it cannot be without. keepalived exits with 2.
    Unusable,
}

/// A configuration with all that is to be said of it.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    pub sources: SourceMap,
    pub diagnostics: Diagnostics,
    pub fatal: Option<Fatal>,
}

impl Loaded {
    /// How many things are wrong: what makes `keepalived -t` exit with 5. Notices are none.
    pub fn errors(&self) -> usize {
        self.diagnostics.count(Severity::Alert) + self.diagnostics.count(Severity::Warning)
    }
}

/// Reads the configuration file `path` with all that it includes. A name that ends in `.yaml` or `.yml` is the
/// YAML form, which includes nothing.
pub fn load(path: &Path, env: &Env) -> Loaded {
    if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
        return yaml::load(path);
    }
    read(env, |reader| reader.main(path))
}

/// Reads a configuration from memory; `name` stands in messages, and its directory is where includes are sought.
pub fn parse(name: &str, text: &str, env: &Env) -> Loaded {
    read(env, |reader| {
        let id = reader.sources.add(name, text);
        reader.text(id, Path::new(name));
    })
}

/// A diagnostic in keepalived's own form: `(file: Line 7) what is wrong`.
pub fn one_line(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let mut line = match &diagnostic.primary {
        Some(label) => {
            let name = sources.file(label.span.file).map_or("?", |f| f.name.as_str());
            format!("({name}: Line {}) {}", sources.line_col(label.span).line, diagnostic.message)
        }
        None => diagnostic.message.clone(),
    };
    if let Some(help) = &diagnostic.help {
        line.push_str(" - ");
        line.push_str(help);
    }
    line
}

fn read(env: &Env, from: impl FnOnce(&mut reader::Reader<'_, '_>)) -> Loaded {
    let mut sources = SourceMap::new();
    let mut diagnostics = Diagnostics::default();
    let mut expander = expand::Expander::new(env);
    let mut reader = reader::Reader {
        sources: &mut sources,
        expander: &mut expander,
        diags: &mut diagnostics,
        missing: false,
        forbidden: false,
        strict: env.strict_includes,
    };
    from(&mut reader);
    let (missing, forbidden) = (reader.missing, reader.forbidden);
    expander.finish();
    let lines = std::mem::take(&mut expander.lines);
    let nodes = tree::build(&lines, block::must_open, &mut diagnostics);
    let (mut config, cut_short) = block::config(&nodes, &mut diagnostics);
    let unusable = finish(&mut config, &mut diagnostics);
    let reasons = [
        (forbidden, Fatal::Forbidden),
        (missing, Fatal::NoFile),
        (cut_short, Fatal::CutShort),
        (unusable, Fatal::Unusable),
    ];
    let fatal = reasons.into_iter().find_map(|(holds, fatal)| holds.then_some(fatal));
    Loaded { config, sources, diagnostics, fatal }
}

#[cfg(test)]
mod tests;
