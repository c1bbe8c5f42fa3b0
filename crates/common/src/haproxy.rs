//! haproxy.cfg: words, tree, typed model.
//!
//! Owns: [`load`], from the names of files to the model. Reading the named files is its only contact with the
//! world; everything else it needs is handed in as [`Env`].

pub mod address;
pub mod condition;
pub mod env;
pub mod expr;
pub mod lexer;
pub mod model;
pub mod section;
pub mod tree;
pub mod words;

use std::{fs, io::Read as _, path::Path};

pub use env::Env;
pub use model::Config;

use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    source::{At, SourceMap},
};

/// Largest configuration file, in bytes.
pub const FILE_BYTES_MAX: u64 = 64 << 20;

/// A configuration as far as it could be read, and all there is to say about it.
#[derive(Debug, Default, Clone)]
pub struct Loaded {
    pub config: Config,
    pub sources: SourceMap,
    pub diagnostics: Diagnostics,
    /// The surroundings after the `global` section changed them.
    pub env: Env,
}

/// Loads the named files in order; a directory stands for its `*.cfg` files in the order of their names. A single
/// file named `*.yaml` or `*.yml` is the model itself.
pub fn load<P: AsRef<Path>>(paths: &[P], env: &Env) -> Loaded {
    let mut loaded = Loaded { env: env.clone(), ..Loaded::default() };
    let mut files = Vec::new();
    for path in paths {
        expand(path.as_ref(), &mut files, &mut loaded.diagnostics);
    }
    let mut texts = Vec::new();
    for file in files {
        match read_file(Path::new(&file)) {
            Ok(text) => texts.push((file, text)),
            Err(e) => {
                let message = format!("cannot read the configuration file {file}: {e}");
                loaded.diagnostics.push(Diagnostic::alert(codes::FILE_UNREADABLE, message));
            }
        }
    }
    load_texts(texts, loaded)
}

/// Loads texts that are already in memory, each with the name under which messages speak of it.
pub fn load_text(texts: Vec<(String, String)>, env: &Env) -> Loaded {
    load_texts(texts, Loaded { env: env.clone(), ..Loaded::default() })
}

fn load_texts(texts: Vec<(String, String)>, mut loaded: Loaded) -> Loaded {
    let is_yaml = |name: &str| name.ends_with(".yaml") || name.ends_with(".yml");
    if let [(name, text)] = texts.as_slice()
        && is_yaml(name)
    {
        let file = loaded.sources.add(name.clone(), text.clone());
        match crate::yaml::load(&loaded.sources, file) {
            Ok(config) => loaded.config = config,
            Err(d) => loaded.diagnostics.push(*d),
        }
        return loaded;
    }
    let mut tree = tree::Tree::default();
    for (name, text) in texts {
        if is_yaml(&name) {
            let message =
                format!("{name} must be the only configuration file: YAML holds a whole configuration");
            loaded.diagnostics.push(Diagnostic::alert(codes::YAML_MODEL, message));
            continue;
        }
        let file = loaded.sources.add(name, text);
        tree::read(&loaded.sources, file, &mut loaded.env, &mut tree, &mut loaded.diagnostics);
    }
    said_as_text(&tree, &mut loaded.diagnostics);
    loaded.config = section::build(&tree, &mut loaded.diagnostics);
    loaded
}

/// Bytes that are no UTF-8 were replaced when the file was read. In comments that is nobody's business; in a word
/// it would change what the configuration says.
fn said_as_text(tree: &tree::Tree, diags: &mut Diagnostics) {
    let words = |s: &tree::Section| -> Vec<At<String>> {
        s.args.iter().chain(s.lines.iter().flat_map(|l| &l.words)).cloned().collect()
    };
    for word in tree.sections.iter().flat_map(words).filter(|w| w.contains(char::REPLACEMENT_CHARACTER)) {
        let message = "this word holds bytes that are no UTF-8 text";
        diags.push(Diagnostic::alert(codes::FILE_NOT_TEXT, message).at(word.span, ""));
    }
}

fn expand(path: &Path, files: &mut Vec<String>, diags: &mut Diagnostics) {
    if !path.is_dir() {
        files.push(path.display().to_string());
        return;
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) => {
            let message = format!("cannot list the configuration directory {}: {e}", path.display());
            diags.push(Diagnostic::alert(codes::FILE_UNREADABLE, message));
            return;
        }
    };
    let mut found: Vec<String> = entries
        .flatten()
        .filter(|e| {
            let name = e.file_name();
            let name = name.to_string_lossy();
            name.ends_with(".cfg") && !name.starts_with('.') && e.path().is_file()
        })
        .map(|e| e.path().display().to_string())
        .collect();
    found.sort();
    if found.is_empty() {
        let message = format!("the configuration directory {} holds no *.cfg file", path.display());
        diags.push(Diagnostic::alert(codes::FILE_UNREADABLE, message));
    }
    files.append(&mut found);
}

fn read_file(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    // Comments in old encodings are common; words are looked at afterwards.
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
    })
}

#[cfg(test)]
mod tests;
