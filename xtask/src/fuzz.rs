//! `cargo xtask fuzz [TARGET] [--seconds N]`: runs the fuzz targets of `tests/fuzz`, one after the other.
//!
//! Owns: which targets there are (each file of `tests/fuzz/fuzz_targets`), where new inputs go (below `tests/fuzz`,
//! not kept) and what is read besides the corpus in the repository. Needs a nightly toolchain and cargo-fuzz; says
//! how to get what is missing. What a target checks stands in `tests/fuzz/targets`; the corpus is replayed by the
//! crates' own tests, without any of this.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::{Outcome, root};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only this target; without it, all of them.
    target: Option<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// List the targets and run nothing.
    #[arg(long)]
    list: bool,
}

/// Longest input that is tried, bytes.
const INPUT_BYTES_MAX: usize = 4096;

pub(crate) fn run(options: &Options) -> Outcome {
    let all = targets(&root())?;
    if options.list {
        println!("{}", all.join("\n"));
        return Ok(());
    }
    let chosen: Vec<&String> = match &options.target {
        Some(name) => all.iter().filter(|t| *t == name).collect(),
        None => all.iter().collect(),
    };
    if chosen.is_empty() {
        let name = options.target.as_deref().unwrap_or("");
        return Err(format!("there is no target `{name}`; there are {}", all.join(", ")));
    }
    if !cargo_fuzz() {
        return Err(
            "cargo-fuzz is not installed: `cargo install cargo-fuzz --locked`, and a nightly toolchain: \
                    `rustup toolchain install nightly`"
                .into(),
        );
    }
    for target in chosen {
        println!("fuzz: {target}, {} s", options.seconds);
        one(target, options.seconds)?;
    }
    Ok(())
}

fn one(target: &str, seconds: u64) -> Outcome {
    let fuzz = root().join("tests/fuzz");
    let found = fuzz.join("corpus-found").join(target);
    std::fs::create_dir_all(&found).map_err(|e| format!("{}: {e}", found.display()))?;
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz", "run", "--fuzz-dir"]).arg(&fuzz).arg(target);
    // New inputs go to the first directory; the others are only read.
    command.arg(&found).arg(fuzz.join("corpus").join(target)).args(also_read(target));
    command.args(["--", &format!("-max_total_time={seconds}"), &format!("-max_len={INPUT_BYTES_MAX}")]);
    command.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    let status = command.current_dir(root()).status().map_err(|e| format!("cannot run cargo: {e}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!(
            "{target} found an input that breaks it, named above; mend what it found and keep the input in \
             tests/fuzz/corpus/{target}"
        )),
    }
}

/// Texts that the tests have anyway.
fn also_read(target: &str) -> Option<PathBuf> {
    let corpus = match target {
        "haproxy_cfg" => "tests/corpus/haproxy",
        "keepalived_conf" => "tests/corpus/keepalived",
        _ => return None,
    };
    Some(root().join(corpus))
}

fn targets(root: &Path) -> Result<Vec<String>, String> {
    let at = root.join("tests/fuzz/fuzz_targets");
    let files = std::fs::read_dir(&at).map_err(|e| format!("{}: {e}", at.display()))?;
    let paths = files.filter_map(Result::ok).map(|f| f.path());
    let mut names: Vec<String> = paths
        .filter(|p| p.extension().is_some_and(|e| e == "rs"))
        .filter_map(|p| Some(p.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn cargo_fuzz() -> bool {
    let probe = Command::new("cargo").args(["+nightly", "fuzz", "--version"]).output();
    probe.is_ok_and(|o| o.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_corpus_that_is_replayed() {
        let root = root();
        let all = targets(&root).unwrap();
        assert!(all.len() >= 8, "{all:?}");
        let tests: String = [
            "common/tests/corpus.rs",
            "lbproxy/tests/corpus.rs",
            "lbproxy/tests/corpus_http.rs",
            "vrrpd/tests/corpus.rs",
        ]
        .iter()
        .map(|f| std::fs::read_to_string(root.join("crates").join(f)).unwrap())
        .collect();
        let manifest = std::fs::read_to_string(root.join("tests/fuzz/Cargo.toml")).unwrap();
        for target in &all {
            assert!(root.join("tests/fuzz/corpus").join(target).is_dir(), "{target} has no corpus");
            assert!(tests.contains(&format!("replay(\"{target}\"")), "{target} is replayed by no test");
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not in the manifest");
        }
    }
}
