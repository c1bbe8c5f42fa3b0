//! The Prometheus text format (version 0.0.4) of a snapshot.
//!
//! Invariant: the numbers are those of the dumps and of `vrrpctl status`; a label's text is escaped.

use std::fmt::Write;

use super::snapshot::Snapshot;

/// What the answer's `Content-Type` says.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const STATES: [&str; 4] = ["INIT", "BACKUP", "MASTER", "FAULT"];

/// The whole page.
pub fn metrics(s: &Snapshot) -> String {
    let mut page = Page::default();
    page.family("vrrp_up", "gauge", "The daemon answers.");
    page.sample("vrrp_up", &[("host", &s.host), ("version", &s.program)], 1.0);
    instances(&mut page, s);
    page.family("vrrp_tracker_status", "gauge", "1: up, 0: down, -1: no result yet.");
    for t in &s.trackers {
        let value = status(&t.status);
        page.sample("vrrp_tracker_status", &[("kind", &t.kind), ("tracker", &t.name)], value);
    }
    page.family("vrrp_bfd_up", "gauge", "The BFD session is up.");
    for b in &s.bfd {
        let labels = [("session", b.name.as_str()), ("neighbor", b.neighbor.as_str())];
        page.sample("vrrp_bfd_up", &labels, f64::from(u8::from(b.state == "Up")));
    }
    page.text
}

fn instances(page: &mut Page, s: &Snapshot) {
    page.family("vrrp_state", "gauge", "1 for the state that the instance is in.");
    for i in &s.instances {
        for state in STATES {
            let labels = [("instance", i.name.as_str()), ("interface", &i.interface), ("state", state)];
            page.sample("vrrp_state", &labels, f64::from(u8::from(i.state == state)));
        }
    }
    type Read = fn(&super::snapshot::InstanceView) -> f64;
    let gauges: [(&str, &str, Read); 5] = [
        ("vrrp_priority", "Effective priority: what adverts carry.", |i| i.priority.into()),
        ("vrrp_base_priority", "Configured priority.", |i| i.base_priority.into()),
        ("vrrp_state_seconds", "Time in the current state.", |i| i.since_s),
        ("vrrp_addresses_held", "Virtual addresses on the interface.", |i| {
            i.addresses.iter().filter(|a| a.held).count() as f64
        }),
        ("vrrp_ordered", "An operator ordered handover or stop.", |i| f64::from(u8::from(i.order.is_some()))),
    ];
    for (name, doc, read) in gauges {
        page.family(name, "gauge", doc);
        for i in &s.instances {
            page.sample(name, &[("instance", &i.name), ("vrid", &i.vrid.to_string())], read(i));
        }
    }
    let names = s.instances.first().map(|i| i.counters.keys().cloned().collect::<Vec<_>>());
    for counter in names.unwrap_or_default() {
        let name = format!("vrrp_{counter}_total");
        page.family(&name, "counter", &format!("{} since start.", counter.replace('_', " ")));
        for i in &s.instances {
            let value = i.counters.get(&counter).copied().unwrap_or(0);
            page.sample(&name, &[("instance", &i.name), ("vrid", &i.vrid.to_string())], value as f64);
        }
    }
}

fn status(word: &str) -> f64 {
    match word {
        "up" => 1.0,
        "down" => 0.0,
        _ => -1.0,
    }
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, doc: &str) {
        let _ = writeln!(self.text, "# HELP {name} {doc}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{}\"", escaped(v))).collect();
        let _ = writeln!(self.text, "{name}{{{}}} {value}", labels.join(","));
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
