//! The verbs that run cargo: `test`, `e2e`, `ci`.
//!
//! Owns: in which order, with which profile, and where the tests find the daemons.
//! Leaves to others: installing what tests need (`.ci/run`).

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::{Outcome, bench, root, tidy};

#[derive(Debug, Args)]
pub(crate) struct TestOptions {
    /// Only tests whose name contains this.
    filter: Option<String>,
    /// Do not build the daemons first; use those that are there.
    #[arg(long)]
    no_build: bool,
}

/// Builds both daemons with the profile of the tests and the demo; where they are.
///
/// # Errors
/// The build failed.
pub(crate) fn build_daemons() -> Result<PathBuf, String> {
    cargo(&["build", "--profile", "fast", "--package", "lbproxy", "--package", "vrrpd"])?;
    Ok(target().join("fast"))
}

/// Builds a program as it is shipped; where it is.
///
/// # Errors
/// The build failed.
pub(crate) fn build_shipped(package: &str) -> Result<PathBuf, String> {
    cargo(&["build", "--release", "--package", package])?;
    Ok(target().join("release").join(package))
}

/// Builds a bench with the profile of the tests, whole and not step by step, so that the same sources give the same
/// instructions; where it is.
///
/// # Errors
/// The build failed.
pub(crate) fn build_bench(package: &str, bench: &str) -> Result<PathBuf, String> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--profile", "fast", "--package", package, "--bench", bench, "--message-format=json"])
        .env("CARGO_INCREMENTAL", "0")
        .current_dir(root())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let built = text
        .lines()
        .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok())
        .filter(|m| m["target"]["name"] == bench)
        .find_map(|m| m["executable"].as_str().map(PathBuf::from));
    built
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("the bench {bench} of {package} was not built"))
}

pub(crate) fn test(options: &TestOptions) -> Outcome {
    run_tests(options, &["--workspace"])
}

pub(crate) fn e2e(options: &TestOptions) -> Outcome {
    run_tests(options, &["--package", "e2e"])
}

pub(crate) fn ci() -> Outcome {
    cargo(&["fmt", "--all", "--", "--check"]).map_err(|e| format!("{e}; `cargo fmt --all` mends it"))?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    tidy::run()?;
    test(&TestOptions { filter: None, no_build: false })?;
    bench::gates::run(&bench::gates::Options::default())
}

fn run_tests(options: &TestOptions, what: &[&str]) -> Outcome {
    let mut arguments = if has_nextest() { vec!["nextest", "run"] } else { vec!["test"] };
    arguments.extend_from_slice(what);
    if !has_nextest() {
        // One failure must not hide the others.
        arguments.push("--no-fail-fast");
    }
    arguments.extend(options.filter.as_deref());
    if !options.no_build {
        build_daemons()?;
    }
    cargo(&arguments)
}

fn has_nextest() -> bool {
    let probe = Command::new(env!("CARGO")).args(["nextest", "--version"]).output();
    probe.is_ok_and(|o| o.status.success())
}

pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn cargo(arguments: &[&str]) -> Outcome {
    let fast = target().join("fast");
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root());
    for (variable, name) in [("LBPROXY_BIN", "lbproxy"), ("VRRPD_BIN", "vrrpd")] {
        if std::env::var_os(variable).is_none() {
            command.env(variable, fast.join(name));
        }
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`cargo {}` failed ({status})", arguments.join(" "))),
        Err(e) => Err(format!("cannot run cargo: {e}")),
    }
}
