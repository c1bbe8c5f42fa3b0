//! `cargo xtask bench`: what a request costs, beside the peers, with one configuration for all.
//!
//! Owns: the order of the runs and how they are told. The proxies run in turn (A B A B …) on the first processor,
//! origin and load on the second; the figure to trust is the processor time that the kernel counts for the proxy's
//! threads, per request, as the median over the runs, and its ratio to the first peer. Throughput and latency mostly
//! show the load's side on a small machine. Instruction counts, which do not depend on the machine's mood, are
//! `cargo xtask gates`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::{Outcome, run};

pub(crate) mod gates;
mod idle;
mod stand;
mod work;

use stand::{Measured, Proxy, Stand};
use work::{WORKS, Work};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which works, comma-separated; `list` shows them all.
    #[arg(long, default_value = "W1,W2,W2R,W3,W4,W4B,W4H,W5,W5B")]
    work: String,
    /// Runs of each proxy.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Length of a run.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Worker threads of each proxy.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Idle connections of the works that measure memory.
    #[arg(long, default_value_t = 4000)]
    conns: usize,
    /// Another proxy that reads haproxy.cfg: `NAME=COMMAND`, with `{cfg}` where the file goes. The first one is what
    /// ratios are to; without any, haproxy of the PATH.
    #[arg(long = "peer")]
    peers: Vec<String>,
    /// The lbproxy to measure, instead of one built now as it is shipped.
    #[arg(long)]
    lbproxy: Option<PathBuf>,
    /// Append each result to this file, a line of JSON each.
    #[arg(long)]
    json: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Outcome {
    if options.work == "list" {
        for w in WORKS {
            println!("{:5} {}", w.name, w.what);
        }
        return Ok(());
    }
    let works = chosen(&options.work)?;
    let proxies = proxies(options)?;
    let stand = Stand::new(options.threads)?;
    println!(
        "{} proxies, {} runs of {} s each, {} thread(s); ratios are to {}",
        proxies.len(),
        options.pairs,
        options.seconds,
        options.threads,
        proxies.first().map_or("", |p| &p.name)
    );
    println!(
        "{:5} {:12} {:>10} {:>17} {:>6} {:>9} {:>8} {:>8} {:>7}",
        "work", "proxy", "µs/req", "range", "ratio", "req/s", "p50 µs", "p99 µs", "errors"
    );
    for work in works {
        if let Err(why) = one(&stand, work, &proxies, options) {
            println!("{:5} skipped: {why}", work.name);
        }
    }
    Ok(())
}

fn one(stand: &Stand, work: &Work, proxies: &[Proxy], options: &Options) -> Outcome {
    stand.can(work)?;
    let pairs = if work.is_memory() { 1 } else { options.pairs.max(1) };
    let mut results: Vec<Vec<Measured>> = vec![Vec::new(); proxies.len()];
    for _ in 0..pairs {
        for (proxy, into) in proxies.iter().zip(&mut results) {
            match stand.measure(proxy, work, options.seconds, options.conns) {
                Ok(m) => into.push(m),
                Err(why) => println!("{:5} {:12} failed: {why}", work.name, proxy.name),
            }
        }
    }
    let base = results.first().and_then(|r| median(r, |m| m.cost));
    for (proxy, runs) in proxies.iter().zip(&results) {
        let Some(cost) = median(runs, |m| m.cost) else { continue };
        tell(work, proxy, runs, cost, base, options)?;
    }
    Ok(())
}

fn tell(
    work: &Work,
    proxy: &Proxy,
    runs: &[Measured],
    cost: f64,
    base: Option<f64>,
    options: &Options,
) -> Outcome {
    let of = |what: fn(&Measured) -> f64| median(runs, what).unwrap_or(0.0);
    let low = runs.iter().map(|m| m.cost).fold(f64::INFINITY, f64::min);
    let high = runs.iter().map(|m| m.cost).fold(0.0, f64::max);
    let ratio = base.filter(|b| *b > 0.0).map(|b| cost / b);
    let errors: u64 = runs.iter().map(|m| m.errors).sum();
    println!(
        "{:5} {:12} {cost:>10.2} {:>17} {:>6.2} {:>9.0} {:>8.0} {:>8.0} {errors:>7}",
        work.name,
        proxy.name,
        format!("{low:.2}–{high:.2}"),
        ratio.unwrap_or(0.0),
        of(|m| m.requests as f64 / m.seconds),
        of(|m| m.p50_us),
        of(|m| m.p99_us),
    );
    let Some(file) = &options.json else { return Ok(()) };
    let line = json!({
        "work": work.name, "proxy": proxy.name, "threads": options.threads,
        "unit": if work.is_memory() { "bytes per connection" } else { "microseconds per request" },
        "median": cost, "low": low, "high": high, "ratio": ratio, "runs": runs.len(), "errors": errors,
        "requests_per_second": of(|m| m.requests as f64 / m.seconds), "p50_us": of(|m| m.p50_us), "p99_us": of(|m| m.p99_us),
    });
    let append = || -> std::io::Result<()> {
        use std::io::Write;
        writeln!(std::fs::OpenOptions::new().create(true).append(true).open(file)?, "{line}")
    };
    append().map_err(|e| format!("{}: {e}", file.display()))
}

fn chosen(list: &str) -> Result<Vec<&'static Work>, String> {
    let find = |name: &str| WORKS.iter().find(|w| w.name == name);
    let names = || WORKS.iter().map(|w| w.name).collect::<Vec<_>>().join(", ");
    list.split(',')
        .map(|n| find(n).ok_or_else(|| format!("no work is called `{n}`; there are {}", names())))
        .collect()
}

/// The peers first, so that ratios are to the first of them; then lbproxy.
fn proxies(options: &Options) -> Result<Vec<Proxy>, String> {
    let mut all = Vec::new();
    for peer in &options.peers {
        let (name, command) =
            peer.split_once('=').ok_or_else(|| format!("`{peer}`: expected NAME=COMMAND"))?;
        all.push(Proxy::new(name, command));
    }
    if all.is_empty() {
        match stand::program("haproxy") {
            Some(path) => all.push(Proxy::new("haproxy", &format!("{} -db -f {{cfg}}", path.display()))),
            None => println!(
                "no peer: haproxy is not installed (apt-get install haproxy), and no --peer was named"
            ),
        }
    }
    let lbproxy = match &options.lbproxy {
        Some(path) => path.clone(),
        None => run::build_shipped("lbproxy")?,
    };
    all.push(Proxy::new("lbproxy", &format!("{} -db -f {{cfg}}", lbproxy.display())));
    Ok(all)
}

fn median(runs: &[Measured], what: impl Fn(&Measured) -> f64) -> Option<f64> {
    let mut values: Vec<f64> = runs.iter().map(what).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => values.get(middle).copied(),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let runs = |costs: &[f64]| {
            costs.iter().map(|&cost| Measured { cost, ..Measured::default() }).collect::<Vec<_>>()
        };
        assert_eq!(median(&runs(&[3.0, 1.0, 2.0]), |m| m.cost), Some(2.0));
        assert_eq!(median(&runs(&[4.0, 1.0]), |m| m.cost), Some(2.5));
        assert_eq!(median(&[], |m| m.cost), None);
    }

    #[test]
    fn works_are_chosen_by_name() {
        assert_eq!(chosen("W1,MEM").unwrap().len(), 2);
        assert!(chosen("W1,nope").unwrap_err().contains("W2R"));
    }
}
