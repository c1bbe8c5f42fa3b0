//! `cargo xtask lab`: the demo's scene without the play, to try things in.
//!
//! Owns: keeping a scene up and saying how to get in (also for `demo --keep`).

use clap::Args;
use e2e::daemon::Program;
use e2e::pair::{PORT, Pair, STATS_PORT, VIP};

use crate::{Outcome, demo};

/// Ports of the machine's loopback that lead inside, where they are free.
const WEB_PORT: u16 = 15_000;
const STATS_PORTS: [u16; 2] = [19_001, 19_002];

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Other daemons than ours, as installed: `--with haproxy,keepalived`.
    #[arg(long, value_delimiter = ',', value_parser = demo::program, value_name = "PROXY,VRRP")]
    with: Vec<Program>,
    /// Do not build the daemons first; use those that are there.
    #[arg(long)]
    no_build: bool,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let players = demo::players(&options.with);
    demo::prepare(players, options.no_build)?;
    let scene = || -> e2e::netns::Result<()> {
        let mut pair = Pair::new(players)?;
        pair.show_stats()?;
        pair.start()?;
        stay(&pair)
    };
    scene().map_err(|e| e.to_string())
}

/// Says how to get in and stays until the program is ended.
pub(crate) fn stay(pair: &Pair) -> e2e::netns::Result<()> {
    let web = demo::relay::start(&pair.client, format!("{VIP}:{PORT}"), WEB_PORT)?;
    let mut stats = Vec::new();
    for (node, wish) in pair.nodes.iter().zip(STATS_PORTS) {
        stats.push(demo::relay::start(&pair.client, format!("{}:{STATS_PORT}", node.host.address()), wish)?);
    }
    demo::ways_in(pair, web, &stats);
    loop {
        std::thread::park();
    }
}
