//! The verbs of daily work: `cargo xtask demo | test | tidy | ci | e2e | lab | docs | bench | gates | fuzz | regtests`.
//!
//! Owns: the command line. Each verb is a file of its own.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal; its output is its purpose")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod demo;
mod docs;
mod fuzz;
mod lab;
mod regtests;
mod run;
mod tidy;

/// The verbs of daily work on lbproxy and vrrpd.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The pair in action: two hosts, one address; the proxy is killed, the other host serves.
    Demo(demo::Options),
    /// All tests, with the daemons built first.
    Test(run::TestOptions),
    /// The end-to-end tests alone.
    E2e(run::TestOptions),
    /// Formatting, lints, tidy, all tests: what continuous integration runs.
    Ci,
    /// The rules that keep the tree readable.
    Tidy,
    /// What a request costs, beside the peers.
    Bench(bench::Options),
    /// The instructions of the hot functions, compared with those that were accepted.
    Gates(bench::gates::Options),
    /// Runs the fuzz targets, one after the other.
    Fuzz(fuzz::Options),
    /// Writes what is generated in docs/ from the registries.
    Docs(docs::Options),
    /// A host of the pair to try things in: starts the scene and leaves it up.
    Lab(lab::Options),
    /// HAProxy's regression suite, as you have it, against lbproxy.
    Regtests(regtests::Options),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().verb {
        Verb::Demo(options) => demo::run(&options),
        Verb::Test(options) => run::test(&options),
        Verb::E2e(options) => run::e2e(&options),
        Verb::Ci => run::ci(),
        Verb::Tidy => tidy::run(),
        Verb::Bench(options) => bench::run(&options),
        Verb::Gates(options) => bench::gates::run(&options),
        Verb::Fuzz(options) => fuzz::run(&options),
        Verb::Docs(options) => docs::run(&options),
        Verb::Lab(options) => lab::run(&options),
        Verb::Regtests(options) => regtests::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// What a verb returns: nothing, or a sentence that says what failed.
type Outcome = Result<(), String>;

/// The root of the workspace.
fn root() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
