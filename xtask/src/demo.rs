//! `cargo xtask demo`: the pair in action, with a time line.
//!
//! Owns: the play (start, kill, take-over, return) and its figures. The scene is
//! [`e2e::pair`]; how it is told is [`print`]. Leaves to others: being a test (`tests/`).

use std::time::{Duration, Instant};

use clap::Args;
use e2e::daemon::Program;
use e2e::load::{Load, Outcome as Probed, Plan, Probe};
use e2e::pair::{PORT, Pair, Players, VIP, vip};
use e2e::wait;

use crate::{Outcome, run};

mod print;
pub(crate) use print::ways_in;
pub(crate) mod relay;

/// How long a take-over may take before the demo counts as failed.
const TAKE_OVER_S_MAX: u64 = 60;
/// A request that takes longer counts as failed.
const REQUEST_MS_MAX: u64 = 500;
/// How long things are quiet before the kill and after the move.
const QUIET_MS: u64 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Leave everything running afterwards and say how to get in.
    #[arg(long)]
    keep: bool,
    /// The same with other daemons, as installed: `--with haproxy,keepalived`.
    #[arg(long, value_delimiter = ',', value_parser = program, value_name = "PROXY,VRRP")]
    with: Vec<Program>,
    /// Requests per second.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=2000))]
    rate: u32,
    /// Do not build the daemons first; use those that are there.
    #[arg(long)]
    no_build: bool,
}

/// Reads the name of a program that can play.
pub(crate) fn program(name: &str) -> Result<Program, String> {
    let all = [Program::Lbproxy, Program::Vrrpd, Program::Haproxy, Program::Keepalived];
    all.into_iter()
        .find(|p| p.name() == name)
        .ok_or_else(|| "one of lbproxy, vrrpd, haproxy, keepalived".into())
}

/// Who plays, by `--with`; ours where it names nobody.
pub(crate) fn players(with: &[Program]) -> Players {
    let mut players = Players::OURS;
    for program in with {
        match program {
            Program::Lbproxy | Program::Haproxy => players.proxy = *program,
            Program::Vrrpd | Program::Keepalived => players.vrrp = *program,
            // It looks on and plays no part.
            Program::Vrrpctl => {}
        }
    }
    players
}

/// Builds our daemons if they play and points the scene at them.
pub(crate) fn prepare(players: Players, no_build: bool) -> Outcome {
    let ours = players.proxy == Program::Lbproxy || players.vrrp == Program::Vrrpd;
    if ours && !no_build {
        println!("Building lbproxy and vrrpd …");
        run::build_daemons()?;
    }
    Ok(())
}

/// One act: something happened, and what came of it.
struct Act {
    at: Instant,
    events: Vec<print::Event>,
    probes: Vec<Probe>,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let players = players(&options.with);
    prepare(players, options.no_build)?;
    play(options, players).map_err(|e| e.to_string())
}

fn play(options: &Options, players: Players) -> e2e::netns::Result<()> {
    let mut pair = Pair::new(players)?;
    pair.show_stats()?;
    print::scene(&pair);
    pair.start()?;
    print::holders(&pair)?;

    let to = std::net::SocketAddr::new(vip(), PORT);
    let patience = Duration::from_millis(REQUEST_MS_MAX);
    let load = Load::start(&pair.client, Plan { to, target: "/".into(), rate: options.rate, patience })?;
    println!("\n{} requests a second from the client to http://{VIP}:{PORT}/", options.rate);
    answered_since(&load, Instant::now(), options.rate)?;

    let down = act(&pair, &load, options.rate, 1, |pair| pair.nodes[0].kill_proxy())?;
    print::act(
        "the proxy on host1 is killed",
        "SIGKILL to every process called haproxy",
        &down.events,
        down.at,
        &down.probes,
    );
    print::holders(&pair)?;

    let back = act(&pair, &load, options.rate, 0, |pair| {
        let at = Instant::now();
        pair.nodes[0].start_proxy().map(|()| at)
    })?;
    print::act("the proxy on host1 comes back", "the proxy is started", &back.events, back.at, &back.probes);
    print::holders(&pair)?;
    drop(load);

    if options.keep {
        crate::lab::stay(&pair)?;
    }
    Ok(())
}

/// Does something, waits until `holder` alone holds the address and answers come, and collects
/// what was seen from a quiet time before to a quiet time after.
fn act(
    pair: &Pair,
    load: &Load,
    rate: u32,
    holder: usize,
    happen: impl FnOnce(&Pair) -> e2e::netns::Result<Instant>,
) -> e2e::netns::Result<Act> {
    let at = happen(pair)?;
    pair.wait_for_holder(holder, Duration::from_secs(TAKE_OVER_S_MAX))?;
    answered_since(load, Instant::now(), rate)?;
    let from = at - Duration::from_millis(QUIET_MS);
    let probes: Vec<Probe> = load.probes().into_iter().filter(|p| p.at >= from).collect();
    Ok(Act { at, events: print::events(pair, at), probes })
}

/// Waits until a quiet time's worth of requests has been answered after this moment.
fn answered_since(load: &Load, since: Instant, rate: u32) -> e2e::netns::Result<()> {
    let wanted = usize::try_from(u64::from(rate) * QUIET_MS / 1000).unwrap_or(1).max(1);
    wait::until_true("requests are answered", Duration::from_secs(TAKE_OVER_S_MAX), || {
        load.probes().iter().filter(|p| p.at >= since && p.outcome == Probed::Answered).count() >= wanted
    })
}
