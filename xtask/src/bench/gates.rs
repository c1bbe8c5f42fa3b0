//! `cargo xtask gates`: the instructions of the hot functions, compared with those that were accepted.
//!
//! Owns: the baseline (`xtask/gates.txt`) and how much growth it forgives. valgrind counts; a function runs so often
//! and then more often, and the difference counts, so that neither start nor end matter. Counts are exact for one
//! compiler and one kind of processor; elsewhere nothing is compared, and that is said.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use super::stand::program;
use crate::{Outcome, root, run};

/// Growth that is no finding, per cent.
const GROWTH_PERCENT: f64 = 3.0;
/// Rounds of the two runs.
const ROUNDS: [u64; 2] = [200, 1_200];

#[derive(Debug, Default, Args)]
pub(crate) struct Options {
    /// Accept what is counted now: write the baseline anew.
    #[arg(long)]
    bless: bool,
    /// Only gates whose name contains this.
    filter: Option<String>,
}

pub(crate) fn run(options: &Options) -> Outcome {
    if program("valgrind").is_none() {
        println!(
            "gates: skipped, nothing was compared: valgrind is not installed (apt-get install valgrind)"
        );
        return Ok(());
    }
    let file = root().join("xtask/gates.txt");
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    let here = machine();
    let baseline = Baseline::read(&stored);
    if baseline.machine != here && !options.bless {
        println!(
            "gates: skipped, nothing was compared: the baseline is of `{}`, this is `{here}` (`cargo xtask gates --bless` on it makes one)",
            baseline.machine
        );
        return Ok(());
    }
    let program = run::build_bench("lbproxy", "gates")?;
    let names = said(&mut Command::new(&program))?;
    let mut counted = Baseline { machine: here, rows: Vec::new() };
    for name in names.lines().filter(|n| options.filter.as_deref().is_none_or(|f| n.contains(f))) {
        counted.rows.push((name.to_owned(), instructions(&program, name)?));
    }
    if options.bless {
        std::fs::write(&file, counted.text()).map_err(|e| format!("{}: {e}", file.display()))?;
        println!("gates: {} written", file.display());
        return Ok(());
    }
    println!("{:20} {:>9} {:>9} {:>7}", "function", "accepted", "now", "change");
    let grown = compare(&baseline, &counted);
    match grown.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "{} cost over {GROWTH_PERCENT} % more instructions than was accepted; mend it, or accept it with \
             `cargo xtask gates --bless`",
            grown.join(", ")
        )),
    }
}

/// Prints both columns and gives the names that grew too much, or that nobody has accepted yet.
fn compare(baseline: &Baseline, now: &Baseline) -> Vec<String> {
    let mut grown = Vec::new();
    for (name, count) in &now.rows {
        let Some((_, accepted)) = baseline.rows.iter().find(|(n, _)| n == name) else {
            println!("{name:20} {:>9} {count:>9.1} {:>7}", "-", "new");
            grown.push(name.clone());
            continue;
        };
        let percent = (count / accepted - 1.0) * 100.0;
        println!("{name:20} {accepted:>9.1} {count:>9.1} {percent:>+6.1}%");
        if percent > GROWTH_PERCENT {
            grown.push(name.clone());
        }
    }
    grown
}

/// Instructions of one round.
fn instructions(program: &PathBuf, name: &str) -> Result<f64, String> {
    let [few, many] = [count(program, name, ROUNDS[0])?, count(program, name, ROUNDS[1])?];
    Ok(many.saturating_sub(few) as f64 / (ROUNDS[1] - ROUNDS[0]) as f64)
}

fn count(program: &PathBuf, name: &str, rounds: u64) -> Result<u64, String> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]).arg(program);
    let output = command.arg(name).arg(rounds.to_string()).output().map_err(|e| format!("valgrind: {e}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    refs(&text).filter(|_| output.status.success()).ok_or_else(|| format!("valgrind, {name}:\n{text}"))
}

/// `==1== I   refs:      1,234`
fn refs(text: &str) -> Option<u64> {
    let line = text.lines().find(|l| l.contains("I ") && l.contains("refs:"))?;
    let digits: String = line.rsplit(':').next()?.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// What counts depend on: the compiler, and which instructions libraries choose at run time.
fn machine() -> String {
    let rustc = said(Command::new("rustc").arg("--version")).unwrap_or_default();
    let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let has = |flag: &str| flags.lines().any(|l| l.starts_with("flags") && l.split(' ').any(|w| w == flag));
    let vectors = if has("avx2") { "avx2" } else { "no avx2" };
    format!("{}, {}, {vectors}", rustc.trim(), std::env::consts::ARCH)
}

fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|e| format!("{:?}: {e}", command.get_program()))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The accepted counts: a line for the machine, a line for each function.
#[derive(Debug, Default, PartialEq)]
struct Baseline {
    machine: String,
    rows: Vec<(String, f64)>,
}

impl Baseline {
    fn read(text: &str) -> Baseline {
        let mut b = Baseline::default();
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            match line.split_once(": ") {
                Some(("machine", m)) => b.machine = m.to_owned(),
                Some((name, n)) => b.rows.extend(n.trim().parse().ok().map(|n| (name.to_owned(), n))),
                None => {}
            }
        }
        b
    }

    fn text(&self) -> String {
        let mut out = String::from(
            "# Instructions of the hot functions, as accepted. Written by `cargo xtask gates --bless`.\n",
        );
        let _ = writeln!(out, "machine: {}", self.machine);
        for (name, n) in &self.rows {
            let _ = writeln!(out, "{name}: {n:.1}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let b = Baseline {
            machine: "rustc 1, x86_64, avx2".into(),
            rows: vec![("a".into(), 10.5), ("b-c".into(), 2.0)],
        };
        assert_eq!(Baseline::read(&b.text()), b);
    }

    #[test]
    fn growth_beyond_the_limit_and_what_nobody_accepted_are_findings() {
        let rows = |r: &[(&str, f64)]| Baseline {
            machine: String::new(),
            rows: r.iter().map(|(n, c)| ((*n).into(), *c)).collect(),
        };
        let old = rows(&[("same", 100.0), ("little", 100.0), ("much", 100.0), ("less", 100.0)]);
        let new = rows(&[("same", 100.0), ("little", 102.9), ("much", 103.1), ("less", 50.0), ("new", 1.0)]);
        assert_eq!(compare(&old, &new), ["much", "new"]);
    }

    #[test]
    fn valgrinds_count_is_found() {
        assert_eq!(refs("==7== Cachegrind\n==7== \n==7== I refs:        22,151,016\n"), Some(22_151_016));
        assert_eq!(refs("==7== I   refs:      1,234\n"), Some(1_234));
        assert_eq!(refs("nothing"), None);
    }
}
