//! `vrrpctl lint`: would the address move? The files of all hosts, run against each other with the real engines.
//!
//! Owns: which failures are tried, and what is said of those that do not move the address. Invariants: what is
//! reported as a failure was seen in the simulation; the reason given is looked up afterwards. Leaves to others: the
//! simulated network (`lan`).

mod lan;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    io::{IsTerminal, stdout},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use common::{
    diag::{Diagnostic, Severity, codes, render},
    haproxy::{self, address as bind_address},
    keepalived::{self, Env, Loaded, model::Config},
    source::{SourceMap, Span},
};

use super::Call;
use crate::{
    compile::{self, World},
    engine::{
        instance::State,
        plan::{InstancePlan, Plan, Target},
    },
    shell::words,
};
use lan::{Failure, Lan};

/// Hosts in one run.
const HOSTS_MAX: usize = 16;
/// How long the hosts may take to agree, beyond the delays that are configured.
const SETTLE: Duration = Duration::from_secs(40);
/// Longest delays that are waited for.
const DELAYS_MAX: Duration = Duration::from_secs(2_000);

/// One host as its file describes it.
struct Host {
    name: String,
    loaded: Loaded,
    plan: Arc<Plan>,
}

/// Something to be said, with the texts that it points into.
struct Finding<'a> {
    diagnostic: Diagnostic,
    sources: &'a SourceMap,
}

/// What was done.
#[derive(Default)]
struct Tally {
    failures: usize,
    moved: usize,
}

pub(super) fn run(call: &Call<'_>) -> Result<(), super::Failure> {
    if call.arguments.is_empty() {
        return Err(super::Failure::Usage("name the keepalived.conf of every host".to_owned()));
    }
    let mut hosts = Vec::new();
    let mut proxies = Vec::new();
    for file in call.arguments {
        if is_haproxy(Path::new(file)) {
            proxies.push((file.clone(), haproxy::load(&[file], &haproxy::Env::default())));
        } else {
            hosts.push(host(file));
        }
    }
    if hosts.is_empty() || hosts.len() > HOSTS_MAX {
        let text =
            format!("1 to {HOSTS_MAX} keepalived.conf files are needed, and {} were given", hosts.len());
        return Err(super::Failure::Usage(text));
    }
    let (text, errors) = report(&hosts, &proxies, stdout().is_terminal());
    super::say(&text)?;
    match errors {
        0 => Ok(()),
        n => Err(super::Failure::Refused(format!("{n} finding(s) would keep an address from moving"))),
    }
}

/// By what stands in it: a keepalived.conf has blocks in braces, a haproxy.cfg sections.
fn is_haproxy(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let sections = ["global", "defaults", "frontend", "backend", "listen"];
    let first = |l: &str| l.split_ascii_whitespace().next().map(str::to_owned);
    text.lines().any(|l| !l.contains('{') && first(l).is_some_and(|w| sections.contains(&w.as_str())))
        && !text.contains("vrrp_instance")
}

/// A host that has whatever its configuration names.
struct AnyHost;

impl World for AnyHost {
    fn has_interface(&self, _: &str) -> bool {
        true
    }
    fn user(&self, _: &str) -> Option<(u32, u32)> {
        Some((0, 0))
    }
    fn group(&self, _: &str) -> Option<u32> {
        Some(0)
    }
    fn groups_of(&self, _: &str, _: u32) -> Vec<u32> {
        Vec::new()
    }
    fn search_path(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

fn host(file: &str) -> Host {
    from_loaded(file, keepalived::load(Path::new(file), &Env::default()))
}

fn from_loaded(file: &str, loaded: Loaded) -> Host {
    let mut config = loaded.config.clone();
    // Programs are not run here, and need not be on this machine.
    config.global.enable_script_security = false;
    for s in &mut config.scripts {
        s.command.argv.value = vec!["/".to_owned() + "bin/sh"];
        s.command.user = None;
    }
    let plan = compile::compile(&config, &AnyHost).plan;
    Host { name: file.to_owned(), loaded, plan }
}

/// Everything that is found, as text, and how many findings are errors.
fn report(hosts: &[Host], proxies: &[(String, haproxy::Loaded)], color: bool) -> (String, usize) {
    let mut text = String::new();
    let mut findings = Vec::new();
    for h in hosts {
        let (loaded, n) = (&h.loaded, h.plan.instances.len());
        if loaded.fatal.is_some() || (n == 0 && !loaded.config.instances.is_empty()) {
            let d =
                Diagnostic::alert(codes::LINT_UNUSABLE, format!("{}: no instance of it can be run", h.name));
            findings.push(Finding { diagnostic: d.help("vrrpd -t says why"), sources: &loaded.sources });
        }
    }
    unused_scripts(hosts, &mut findings);
    checks_that_need_the_address(hosts, &mut findings);
    binds_that_need_the_address(hosts, proxies, &mut findings);
    let tally = simulate(hosts, &mut findings);
    for f in &findings {
        let _ = writeln!(text, "{}\n", render::rich(&f.diagnostic, f.sources, color));
    }
    let errors = findings.iter().filter(|f| f.diagnostic.severity >= Severity::Warning).count();
    let _ = writeln!(
        text,
        "{} host(s), {} failure(s) simulated: {} move the address, {} do not; {errors} finding(s).",
        hosts.len(),
        tally.failures,
        tally.moved,
        tally.failures - tally.moved
    );
    (text, errors)
}

/// Lets every host run, then breaks one thing after the other.
fn simulate<'a>(hosts: &'a [Host], findings: &mut Vec<Finding<'a>>) -> Tally {
    let plans: Vec<Arc<Plan>> = hosts.iter().map(|h| h.plan.clone()).collect();
    let patience = patience(&plans);
    let steady = || {
        let mut lan = Lan::new(&plans);
        lan.run(patience);
        lan
    };
    let calm = steady();
    let mut tally = Tally::default();
    let addresses: BTreeSet<IpAddr> =
        plans.iter().flat_map(|p| &p.instances).flat_map(|i| i.addresses.iter().map(|a| a.address)).collect();
    // Addresses of one instance move together: the first stands for all.
    let mut done: BTreeSet<(usize, usize)> = BTreeSet::new();
    for address in addresses {
        let members = members(hosts, address);
        let Some(&(first, index)) = members.first() else { continue };
        if hosts[first].plan.instances[index].is_v6() || !done.insert((first, index)) {
            continue;
        }
        if members.len() < 2 {
            findings.push(alone(hosts, address, first, index));
            continue;
        }
        let holders = calm.holders(address);
        let [master] = holders.as_slice() else {
            findings.push(disagree(hosts, &calm, address, &members, &holders));
            continue;
        };
        let Some(&(_, index)) = members.iter().find(|(h, _)| h == master) else { continue };
        for failure in failures(&hosts[*master], index) {
            let mut lan = steady();
            lan.fail(*master, &failure);
            lan.run(patience);
            tally.failures += 1;
            let after = lan.holders(address);
            if after.len() == 1 && after.first() != Some(master) {
                tally.moved += 1;
            } else {
                findings.push(stays(hosts, &lan, address, &members, (*master, index), &failure, &after));
            }
        }
    }
    tally
}

/// Long enough for the slowest of the delays that the files ask for.
fn patience(plans: &[Arc<Plan>]) -> Duration {
    let of_instance = |i: &InstancePlan| {
        i.preempt_delay + i.dialect.interval * (i.down_adverts + 2) + Duration::from_secs(2)
    };
    let of_scripts = |p: &Plan| {
        p.scripts.iter().map(|s| s.interval * (s.fall.max(s.rise).min(1_000) + 1)).max().unwrap_or_default()
    };
    let longest = plans
        .iter()
        .map(|p| {
            let instances = p.instances.iter().map(|i| of_instance(i)).max().unwrap_or_default();
            p.startup_delay + instances + of_scripts(p)
        })
        .max();
    SETTLE + longest.unwrap_or_default().min(DELAYS_MAX)
}

/// Hosts that may hold an address, and by which of their instances.
fn members(hosts: &[Host], address: IpAddr) -> Vec<(usize, usize)> {
    let of_host = |(h, host): (usize, &Host)| {
        let at = host.plan.instances.iter().position(|i| i.addresses.iter().any(|a| a.address == address));
        at.map(|index| (h, index))
    };
    hosts.iter().enumerate().filter_map(of_host).collect()
}

/// What can break on the host that holds the address.
fn failures(host: &Host, index: usize) -> Vec<Failure> {
    let plan = &host.plan.instances[index];
    let watched = plan.watches.iter().map(|w| w.target.clone()).filter(|t| match t {
        // A number of a file means whatever its user wants.
        Target::File(_) => false,
        _ => true,
    });
    let mut all: Vec<Failure> = watched.map(Failure::Watched).collect();
    all.push(Failure::Link(plan.interface.clone()));
    all.push(Failure::Host);
    all
}

fn described(plan: &Plan, failure: &Failure) -> String {
    match failure {
        Failure::Host => "the host or its vrrpd dies".to_owned(),
        Failure::Link(name) => format!("interface {name} loses its link"),
        Failure::Watched(target) => match words::target(plan, target) {
            ("proxy", _) => "the proxy of the host dies".to_owned(),
            (kind, name) => format!("tracked {kind} {name} fails"),
        },
    }
}

/// Where an instance is written.
fn place(host: &Host, index: usize) -> Option<Span> {
    let name = &host.plan.instances[index].name;
    host.loaded.config.instances.iter().find(|i| i.name.value == *name).map(|i| i.name.span)
}

fn finding<'a>(host: &'a Host, span: Option<Span>, d: Diagnostic, label: &str) -> Finding<'a> {
    let diagnostic = match span {
        Some(span) => d.at(span, label),
        None => d,
    };
    Finding { diagnostic, sources: &host.loaded.sources }
}

fn alone<'a>(hosts: &'a [Host], address: IpAddr, h: usize, index: usize) -> Finding<'a> {
    let text = format!("{address} is on one host only: nobody takes it over");
    let d = Diagnostic::warning(codes::LINT_STAYS, text)
        .help("give the keepalived.conf of the other host too, or add the address there");
    finding(&hosts[h], place(&hosts[h], index), d, "no other file has this address")
}

/// More than one holds the address though nothing is wrong, or nobody.
fn disagree<'a>(
    hosts: &'a [Host],
    lan: &Lan,
    address: IpAddr,
    members: &[(usize, usize)],
    holders: &[usize],
) -> Finding<'a> {
    let names: Vec<&str> = holders.iter().map(|h| hosts[*h].name.as_str()).collect();
    let text = match holders {
        [] => format!("nobody ever holds {address}"),
        _ => format!("{address} is held by {} hosts at once: {}", holders.len(), names.join(", ")),
    };
    let plan = |&(h, i): &(usize, usize)| &hosts[h].plan.instances[i];
    let differs = |of: fn(&InstancePlan) -> String| {
        let values: BTreeSet<String> = members.iter().map(|m| of(plan(m))).collect();
        (values.len() > 1).then(|| values.into_iter().collect::<Vec<_>>().join(" and "))
    };
    let reasons: [(&str, Option<String>); 4] = [
        ("virtual_router_id", differs(|p| p.dialect.vrid.to_string())),
        ("vrrp_version", differs(|p| p.dialect.version.number().to_string())),
        ("advert_int", differs(|p| format!("{} s", p.dialect.interval.as_secs_f64()))),
        ("authentication", differs(|p| format!("{:?}", p.dialect.auth).chars().take(4).collect())),
    ];
    let told: Vec<String> =
        reasons.iter().filter_map(|(what, v)| v.as_ref().map(|v| format!("{what} is {v}"))).collect();
    let heard = members.iter().flat_map(|(h, _)| lan.complaints(*h)).next();
    let why = match (told.is_empty(), heard) {
        (false, _) => format!("{}; write the same on every host", told.join(", ")),
        (true, Some(heard)) => format!("a host says: {heard}"),
        (true, None) => "the hosts do not hear each other: look at interface and unicast_peer".to_owned(),
    };
    let &(h, index) = members.last().unwrap_or(&(0, 0));
    let d = Diagnostic::alert(codes::LINT_DISAGREE, text).help(why);
    finding(&hosts[h], place(&hosts[h], index), d, "")
}

/// A failure after which the address is not on exactly one other host.
fn stays<'a>(
    hosts: &'a [Host],
    lan: &Lan,
    address: IpAddr,
    members: &[(usize, usize)],
    (h, index): (usize, usize),
    failure: &Failure,
    after: &[usize],
) -> Finding<'a> {
    let (host, plan) = (&hosts[h], &hosts[h].plan);
    let what = described(plan, failure);
    let outcome = match after {
        [] => "nobody holds it then".to_owned(),
        [one] if *one == h => format!("it stays on {}", host.name),
        many => format!("{} hosts hold it then", many.len()),
    };
    let text = format!("if {what} on {}, {address} does not move: {outcome}", host.name);
    let others = members.iter().filter(|(o, _)| *o != h);
    let best = others
        .filter_map(|&(o, i)| lan.instance(o, i).map(|(state, priority)| (o, i, state, priority)))
        .filter(|(_, _, state, _)| matches!(state, State::Backup | State::Master))
        .max_by_key(|(.., priority)| *priority);
    let ours = lan.instance(h, index).map(|(_, priority)| priority);
    let help = match (best, ours) {
        (None, _) => {
            "no other host is fit to take over: something that it tracks fails there, or it is not set \
                      up for this address"
                .to_owned()
        }
        (Some((o, _, _, theirs)), Some(ours)) if ours >= theirs => {
            let short = i32::from(ours) - i32::from(theirs) + 1;
            format!(
                "{} still has priority {ours}, and {} has {theirs}: the weight is {short} too small; make it at least \
                 that much greater, or leave the weight out so that a failure means FAULT",
                host.name, hosts[o].name
            )
        }
        (Some((o, i, _, theirs)), Some(ours)) if !hosts[o].plan.instances[i].preempt => format!(
            "{} has {theirs} against {ours}, but nopreempt keeps it from taking over while adverts come; leave the \
             weight out, so that a failure means FAULT, or remove nopreempt",
            hosts[o].name
        ),
        (Some(_), _) => "the daemons do not come to an agreement in time".to_owned(),
    };
    let span = tracked_at(&host.loaded.config, plan, index, failure).or_else(|| place(host, index));
    // Whether there is a proxy that tells how it is, no file says.
    let make =
        if is_found_by_itself(host, index, failure) { Diagnostic::notice } else { Diagnostic::warning };
    finding(host, span, make(codes::LINT_STAYS, text).help(help), "does not decide")
}

/// Whether this is the proxy that is tracked without a word of configuration.
fn is_found_by_itself(host: &Host, index: usize, failure: &Failure) -> bool {
    let Failure::Watched(Target::Proxy(_)) = failure else { return false };
    let config = &host.loaded.config;
    let name = &host.plan.instances[index].name;
    let of_group = config.sync_groups.iter().filter(|g| g.members.iter().any(|m| m.value == *name));
    let own = config.instances.iter().filter(|i| i.name.value == *name);
    own.map(|i| &i.track).chain(of_group.map(|g| &g.track)).all(|t| t.proxy.is_none())
}

/// Where the failing thing is tracked.
fn tracked_at(config: &Config, plan: &Plan, index: usize, failure: &Failure) -> Option<Span> {
    let Failure::Watched(target) = failure else { return None };
    let (kind, name) = words::target(plan, target);
    let instance = config.instances.iter().find(|i| i.name.value == plan.instances[index].name)?;
    let list = match kind {
        "script" => &instance.track.scripts,
        "process" => &instance.track.processes,
        "interface" => &instance.track.interfaces,
        _ => return instance.track.proxy.as_ref().map(|p| p.place.span),
    };
    list.iter().find(|t| t.name.value == name).map(|t| t.name.span)
}

/// Scripts that nobody tracks decide nothing.
fn unused_scripts<'a>(hosts: &'a [Host], findings: &mut Vec<Finding<'a>>) {
    for h in hosts {
        let c = &h.loaded.config;
        let lists = c.instances.iter().map(|i| &i.track).chain(c.sync_groups.iter().map(|g| &g.track));
        let used: BTreeSet<&str> =
            lists.flat_map(|t| t.scripts.iter().map(|s| s.name.value.as_str())).collect();
        for s in c.scripts.iter().filter(|s| !used.contains(s.name.value.as_str())) {
            let d = Diagnostic::warning(
                codes::LINT_UNUSED,
                format!("script {} is run and decides nothing: no track_script names it", s.name.value),
            );
            findings.push(finding(h, Some(s.name.span), d.help("add it to track_script"), ""));
        }
    }
}

/// A check that talks to the virtual address succeeds only where the address is, or asks the other host.
fn checks_that_need_the_address<'a>(hosts: &'a [Host], findings: &mut Vec<Finding<'a>>) {
    for h in hosts {
        let vips: Vec<String> =
            h.plan.instances.iter().flat_map(|i| &i.addresses).map(|a| a.address.to_string()).collect();
        for s in &h.loaded.config.scripts {
            let words = s.command.argv.value.join(" ");
            let mut parts = words.split(|c: char| !(c.is_ascii_alphanumeric() || ".:".contains(c)));
            let named = parts.find_map(|p| vips.iter().find(|v| p == **v || p.starts_with(&format!("{v}:"))));
            if let Some(vip) = named {
                let text =
                    format!("script {} asks {vip}, which answers only where the address is", s.name.value);
                let d = Diagnostic::warning(codes::LINT_CHECK, text).help(
                    "on the backup it checks the master's proxy, and nobody's while the address moves: ask 127.0.0.1, \
                     or look at the process",
                );
                findings.push(finding(h, Some(s.command.argv.span), d, ""));
            }
        }
    }
}

/// A proxy bound to the virtual address alone cannot start on the backup.
fn binds_that_need_the_address<'a>(
    hosts: &[Host],
    proxies: &'a [(String, haproxy::Loaded)],
    findings: &mut Vec<Finding<'a>>,
) {
    let vips: BTreeMap<IpAddr, &str> = hosts
        .iter()
        .flat_map(|h| &h.plan.instances)
        .flat_map(|i| i.addresses.iter().map(|a| (a.address, i.name.as_str())))
        .collect();
    for (_, loaded) in proxies {
        for (span, address, transparent) in binds(loaded) {
            if let Some(instance) = vips.get(&address).filter(|_| !transparent) {
                let text = format!("this bind needs {address} of {instance}, which the backup does not hold");
                let d = Diagnostic::warning(codes::LINT_CHECK, text).at(span, "cannot be bound on the backup").help(
                    "set the sysctl net.ipv4.ip_nonlocal_bind to 1, bind to *, or add `transparent`; else the proxy \
                     does not start there and its check never passes",
                );
                findings.push(Finding { diagnostic: d, sources: &loaded.sources });
            }
        }
    }
}

fn binds(loaded: &haproxy::Loaded) -> Vec<(Span, IpAddr, bool)> {
    let mut all = Vec::new();
    for p in &loaded.config.proxies {
        for b in &p.front.binds {
            for a in &b.value.addresses {
                if let bind_address::Target::Inet { host: bind_address::Host::Ip(ip), .. } = &a.value.target {
                    all.push((a.span, *ip, b.value.transparent));
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests;
