//! How the demo is told: the scene, who holds the address, the time line, the figures.
//!
//! Owns: every line the demo prints. Leaves to others: making anything happen.

use std::time::Instant;

use e2e::load::{Outcome, Probe, outages};
use e2e::netns::{INTERFACE, Result};
use e2e::pair::{HOSTS, PORT, Pair, VIP, vip};

/// Words of the daemons' logs that tell the story; each is a part of a line. Ours and the
/// peers' old and new wording alike.
const TELLING: &[&str] = &[
    "Entering MASTER STATE",
    "Entering BACKUP STATE",
    "Entering FAULT STATE",
    "chk_haproxy) succeeded",
    "chk_haproxy) failed",
    "chk_haproxy` now returning",
    "Changing effective priority",
];

/// Something that happened, and where.
pub(super) struct Event {
    at: Instant,
    place: String,
    text: String,
}

pub(super) fn scene(pair: &Pair) {
    let (proxy, vrrp) = (pair.players.proxy.name(), pair.players.vrrp.name());
    println!("The pair: {proxy} and {vrrp} on two hosts, the address {VIP} between them\n");
    let role = |name: &str| match name {
        "host1" => format!("{proxy} and {vrrp}, priority 101"),
        "host2" => format!("{proxy} and {vrrp}, priority 100"),
        "origin" => "the web server behind".to_string(),
        _ => "sends the requests".to_string(),
    };
    for (name, address) in HOSTS {
        println!("  {name:<7} {address:<15}  {}", role(name));
    }
    for sentence in pair.nodes[0].host.dropped() {
        println!("\n  Without: {sentence}.");
    }
    println!();
}

pub(super) fn holders(pair: &Pair) -> Result<()> {
    println!("Who holds {VIP}");
    for node in &pair.nodes {
        let v4 = node.host.addresses(INTERFACE)?.into_iter().filter(|a| a.address.is_ipv4());
        let list: Vec<String> = v4.map(|a| format!("{}/{}", a.address, a.prefix_len)).collect();
        let mark = if node.vip_prefix_len()?.is_some() { "  ← holds it" } else { "" };
        println!("  {:<7} {INTERFACE}  {}{mark}", node.host.name(), list.join("  "));
    }
    Ok(())
}

/// What the hosts said and did since a moment, in order.
pub(super) fn events(pair: &Pair, since: Instant) -> Vec<Event> {
    let mut list = Vec::new();
    for node in &pair.nodes {
        let place = node.host.name().to_string();
        for change in node.watch.changes().into_iter().filter(|c| c.at >= since && c.address == vip()) {
            let verb = if change.added { "appears on" } else { "goes from" };
            let text = format!("{VIP}/{} {verb} {INTERFACE}", change.prefix_len);
            list.push(Event { at: change.at, place: place.clone(), text });
        }
        for line in node.vrrp.iter().flat_map(|d| d.lines()).filter(|l| l.at >= since) {
            if let Some(from) =
                TELLING.iter().find_map(|t| line.text.contains(t).then(|| start_of(&line.text)))
            {
                list.push(Event { at: line.at, place: place.clone(), text: line.text[from..].to_string() });
            }
        }
    }
    list.sort_by_key(|e| e.at);
    list
}

/// Where a log line's own words begin, after whatever stamp its daemon puts in front.
fn start_of(line: &str) -> usize {
    ["VRRP_", "(VI_", "Script "].iter().filter_map(|w| line.find(w)).min().unwrap_or(0)
}

/// The time line of one act and its figures.
pub(super) fn act(title: &str, deed: &str, events: &[Event], at: Instant, probes: &[Probe]) {
    println!("\nTime line: {title}");
    let stamp = |t: Instant| match t.checked_duration_since(at) {
        Some(after) => format!("{:+9.3} s", after.as_secs_f64()),
        None => format!("{:+9.3} s", -at.duration_since(t).as_secs_f64()),
    };
    println!("  {}  {:<7} {deed}", stamp(at), "host1");
    let mut rows: Vec<(Instant, &str, String)> =
        events.iter().map(|e| (e.at, e.place.as_str(), e.text.clone())).collect();
    let bad = |p: &&Probe| p.outcome != Outcome::Answered;
    if let Some(first) = probes.iter().find(bad) {
        rows.push((first.at, "client", format!("the first request fails: {}", reason(first.outcome))));
    }
    if let Some(last) = outages(probes).last() {
        rows.push((last.to, "client", "requests are answered again".into()));
    }
    rows.sort_by_key(|r| r.0);
    for (at, place, text) in rows {
        println!("  {}  {place:<7} {text}", stamp(at));
    }
    figures(probes);
}

fn figures(probes: &[Probe]) {
    let list = outages(probes);
    let longest = list.iter().map(e2e::load::Outage::length).max().unwrap_or_default();
    let failed = probes.iter().filter(|p| p.outcome != Outcome::Answered).count();
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for probe in probes.iter().filter(|p| p.outcome != Outcome::Answered) {
        let why = reason(probe.outcome);
        match kinds.iter_mut().find(|k| k.0 == why) {
            Some(kind) => kind.1 += 1,
            None => kinds.push((why, 1)),
        }
    }
    let why: Vec<String> = kinds.into_iter().map(|(why, n)| format!("{n} {why}")).collect();
    let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
    println!(
        "\n  outage           {:.2} s{}",
        longest.as_secs_f64(),
        if list.len() > 1 { format!(", the longest of {}", list.len()) } else { String::new() }
    );
    println!("  failed requests  {failed} of {}{why}\n", probes.len());
}

fn reason(outcome: Outcome) -> String {
    match outcome {
        Outcome::Answered => "answered".into(),
        Outcome::Refused => "refused".into(),
        Outcome::TimedOut => "timed out".into(),
        Outcome::Unreachable => "unreachable".into(),
        Outcome::Status(status) => format!("status {status}"),
        Outcome::Cut => "cut off".into(),
    }
}

/// Where to go when the scene stays up.
pub(crate) fn ways_in(pair: &Pair, web: std::net::SocketAddr, stats: &[std::net::SocketAddr]) {
    println!("The lab is up. Ctrl-C ends it and everything in it.\n");
    println!("  the service through {VIP}:{PORT}   http://{web}/");
    for (node, at) in pair.nodes.iter().zip(stats) {
        println!("  statistics of {}                  http://{at}/haproxy  (admin, admin)", node.host.name());
    }
    println!("\n  into a host:");
    let hosts = pair.nodes.iter().map(|n| &n.host).chain([&pair.origin_host, &pair.client]);
    let user = if pair.nodes[0].host.dropped().iter().any(|d| d.contains("user id")) {
        " -U --preserve-credentials"
    } else {
        ""
    };
    for host in hosts {
        println!("  {:<7} nsenter -t {}{user} -m -n -p -u -r -w", host.name(), host.machine_pid());
    }
    println!("\n  try: pkill haproxy   on host1, and ask who holds the address: ip -4 address show eth0");
}
