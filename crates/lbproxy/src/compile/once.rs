//! Words that are compiled while the process runs, outside of any configuration (`set var` on the socket).

use common::diag::Diagnostics;

use super::expr::{NoWorld, Scope};

/// Compiles something that names no proxy, no list and no file.
///
/// # Errors
/// What is wrong with the words, as a sentence.
pub fn with_bare_scope<T>(compile: impl FnOnce(&mut Scope<'_>) -> Option<T>) -> Result<T, String> {
    let (config, mut diagnostics, mut cache) = Default::default();
    let mut world = NoWorld;
    let made = compile(&mut Scope {
        config: &config,
        proxy: None,
        world: &mut world,
        diagnostics: &mut diagnostics,
        cache: &mut cache,
    });
    made.ok_or_else(|| first_of(&diagnostics))
}

fn first_of(diagnostics: &Diagnostics) -> String {
    diagnostics
        .iter()
        .next()
        .map_or_else(|| "these words cannot be used here".to_owned(), |d| d.message.clone())
}
