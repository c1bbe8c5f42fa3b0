//! `cargo xtask docs`: what is generated in `docs/`.
//!
//! Owns: the writing and the check that what is there is fresh.
use clap::Args;

use crate::Outcome;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only say whether what is there is fresh.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Outcome {
    Err(format!("no generated pages yet (check: {})", options.check))
}
