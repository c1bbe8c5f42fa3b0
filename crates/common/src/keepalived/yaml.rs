//! The YAML form of the model, read from a file and checked like the text form.

use std::path::Path;

use super::{Fatal, Loaded, finish, model::Config, reader};
use crate::{
    diag::{Code, Diagnostic, Diagnostics, codes},
    source::{FileId, SourceMap, Span},
};

/// Reads a model from a YAML file. What cannot be read leaves an empty model that cannot be run.
pub(super) fn load(path: &Path) -> Loaded {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::default());
    let mut config = Config::default();
    let mut fatal = None;
    match reader::read(path) {
        Ok((text, _)) => {
            let file = sources.add(path.to_string_lossy(), text.clone());
            match model(&text, file) {
                Ok(read) => config = read,
                Err(d) => {
                    diagnostics.push(*d);
                    fatal = Some(Fatal::Unusable);
                }
            }
        }
        Err(why) => {
            let message = format!("cannot read the configuration file {}: {why}", path.display());
            diagnostics.push(Diagnostic::alert(codes::FILE_UNREADABLE, message));
            fatal = Some(Fatal::NoFile);
        }
    }
    if finish(&mut config, &mut diagnostics) {
        fatal = fatal.or(Some(Fatal::Unusable));
    }
    Loaded { config, sources, diagnostics, fatal }
}

fn model(text: &str, file: FileId) -> Result<Config, Box<Diagnostic>> {
    if text.trim().is_empty() {
        return Ok(Config::default());
    }
    // Told apart so that people know whether to look for a missing colon or for a wrong word.
    serde_yaml::from_str::<serde_yaml::Value>(text)
        .map_err(|e| describe(&e, codes::YAML_SYNTAX, text, file))?;
    serde_yaml::from_str(text).map_err(|e| describe(&e, codes::YAML_MODEL, text, file))
}

fn describe(e: &serde_yaml::Error, code: Code, text: &str, file: FileId) -> Box<Diagnostic> {
    let full = e.to_string();
    // The place is named by the diagnostic itself.
    let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(m, _)| m);
    let lo = e.location().map_or(0, |l| l.index().min(text.len()));
    let lo = (0..=lo).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    let rest = text.get(lo..).unwrap_or("");
    let hi = lo + rest.find('\n').unwrap_or(rest.len());
    Box::new(Diagnostic::alert(code, message).at(Span::new(file, lo as u32, hi as u32), ""))
}
