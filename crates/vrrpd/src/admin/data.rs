//! The text dump of SIGUSR1: plan and state of everything.

use std::fmt::Write;

use crate::{
    engine::{
        Time,
        instance::Instance,
        plan::{AddressPlan, Path, Target},
        router::Router,
        track::Status,
    },
    program::Commands,
    shell::words,
};

/// `wall` is the time since 1970 and `now` the engine's time of the same moment.
pub fn data(router: &Router, commands: &Commands, wall: Time, now: Time) -> String {
    let mut text = String::from("------< VRRP Topology >------\n");
    for (index, instance) in router.instances().iter().enumerate() {
        one(&mut text, router, index, instance, (wall, now));
    }
    text.push_str("------< VRRP Scripts >------\n");
    for (script, program) in router.scripts().iter().zip(&commands.scripts) {
        let plan = script.plan();
        line(&mut text, 1, "VRRP Script", &plan.name);
        line(&mut text, 3, "Command", program.argv.join(" "));
        line(&mut text, 3, "Path", program.path.display());
        line(&mut text, 3, "Interval", format_args!("{} sec", plan.interval.as_secs_f64()));
        line(&mut text, 3, "Timeout", format_args!("{} sec", plan.timeout.as_secs_f64()));
        line(&mut text, 3, "Rise", plan.rise);
        line(&mut text, 3, "Fall", plan.fall);
        line(
            &mut text,
            3,
            "Status",
            match script.status() {
                Status::Unknown => "INIT",
                Status::Up => "GOOD",
                Status::Down => "BAD",
            },
        );
        line(&mut text, 3, "State", if script.is_running() { "running" } else { "idle" });
    }
    text.push_str("------< Interfaces >------\n");
    for link in router.links().iter() {
        line(&mut text, 1, "Name", &link.name);
        line(&mut text, 3, "index", link.index);
        for address in router.links().addresses(link.index) {
            line(&mut text, 3, if address.is_ipv4() { "IPv4 address" } else { "IPv6 address" }, address);
        }
        line(&mut text, 3, "State", if link.running { "UP, RUNNING" } else { "DOWN" });
        line(&mut text, 3, "MTU", link.mtu);
    }
    text
}

fn one(text: &mut String, router: &Router, index: usize, i: &Instance, (wall, now): (Time, Time)) {
    let plan = i.plan();
    let since = wall.saturating_sub(now.saturating_sub(i.last_transition()));
    line(text, 1, "VRRP Instance", &plan.name);
    line(text, 3, "VRRP Version", plan.dialect.version.number());
    line(text, 3, "State", words::state(i.state()));
    line(text, 3, "Last transition", format_args!("{}.{:06}", since.as_secs(), since.subsec_micros()));
    if let Some((master, priority)) = i.master() {
        line(text, 3, "Master router", master);
        line(text, 3, "Master priority", priority);
    }
    for fault in i.faults() {
        line(text, 3, "Fault", words::cause(router.plan(), plan, *fault));
    }
    line(text, 3, "Number of track scripts init", i.waiting());
    line(text, 3, "Master down timer", format_args!("{} usecs", i.down_interval().as_micros()));
    line(text, 3, "Interface", &plan.interface);
    if let Some(source) = i.source() {
        line(text, 3, "Using src_ip", source);
    }
    match &plan.path {
        Path::Multicast { group } => line(text, 3, "Multicast address", group),
        Path::Unicast { peers, ttl, .. } => {
            line(text, 3, "Unicast TTL", ttl);
            for peer in peers {
                line(text, 3, "Unicast peer", peer.address);
            }
        }
    }
    line(text, 3, "Gratuitous ARP delay", plan.garp.master_delay.as_secs_f64());
    line(text, 3, "Gratuitous ARP repeat", plan.garp.master_repeat);
    line(text, 3, "Gratuitous ARP refresh", plan.garp.refresh.as_secs_f64());
    line(text, 3, "Virtual Router ID", plan.dialect.vrid);
    line(text, 3, "Priority", plan.priority);
    line(text, 3, "Effective priority", i.priority());
    line(text, 3, "Total priority", i.total_priority());
    line(text, 3, "Advert interval", format_args!("{} milli-sec", plan.dialect.interval.as_millis()));
    line(text, 3, "Preempt", if plan.preempt { "enabled" } else { "disabled" });
    if !plan.preempt_delay.is_zero() {
        line(text, 3, "Preempt delay", format_args!("{} sec", plan.preempt_delay.as_secs_f64()));
    }
    let _ = writeln!(text, "   Virtual IP ({}):", plan.addresses.len());
    for a in &plan.addresses {
        let _ = writeln!(text, "     {}", address(a, router.holds(index, a.address)));
    }
    for watch in &plan.watches {
        let (kind, name) = match &watch.target {
            Target::Interface(name) => ("Tracked interface", name.as_str()),
            Target::Proxy(at) => {
                ("Tracked proxy", router.plan().proxies.get(*at).map_or("?", |p| p.name.as_str()))
            }
            Target::Script(at) => {
                ("Tracked script", router.plan().scripts.get(*at).map_or("?", |s| s.name.as_str()))
            }
            Target::Process(at) => {
                ("Tracked process", router.plan().processes.get(*at).map_or("?", |p| p.name.as_str()))
            }
            Target::File(at) => ("Tracked file", router.plan().files.get(*at).map_or("?", String::as_str)),
        };
        let reverse = if watch.reverse { " reverse" } else { "" };
        line(text, 3, kind, format_args!("{name} weight {}{reverse}", watch.weight));
    }
}

/// `10.0.0.1/24 dev eth0 scope global set`, as keepalived shows an address.
pub(super) fn address(a: &AddressPlan, held: bool) -> String {
    let mut text = a.address.to_string();
    if a.prefix != if a.address.is_ipv4() { 32 } else { 128 } {
        let _ = write!(text, "/{}", a.prefix);
    }
    let scope = match a.scope {
        0 => "global".to_owned(),
        200 => "site".to_owned(),
        253 => "link".to_owned(),
        254 => "host".to_owned(),
        other => other.to_string(),
    };
    let _ = write!(text, " dev {} scope {scope}", a.interface);
    if let Some(label) = &a.label {
        let _ = write!(text, " label {label}");
    }
    if held {
        text.push_str(" set");
    }
    text
}

fn line(text: &mut String, indent: usize, label: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "{:indent$}{label} = {value}", "");
}
