//! The JSON dump: members named and ordered as keepalived's.

use serde_json::{Map, Value, json};

use super::data::address;
use crate::{
    engine::{
        Time,
        instance::{Counters, Instance, State},
        plan::Target,
        router::Router,
        track::Status,
        wire::Auth,
    },
    program::Commands,
};

/// `version` 1 is a bare array, 2 an object (`json_version`).
pub fn json(router: &Router, commands: &Commands, wall: Time, now: Time, version: u8) -> String {
    let list: Vec<Value> = router
        .instances()
        .iter()
        .enumerate()
        .map(|(index, i)| {
            json!({ "data": data(router, commands, index, i, wall, now), "stats": stats(&i.counters) })
        })
        .collect();
    if version < 2 {
        return Value::from(list).to_string();
    }
    let process = |p: &crate::engine::track::process::Process| {
        json!({
            "name": p.plan().name,
            "quorum": p.plan().quorum,
            "quorum_max": p.plan().quorum_max,
            "fork_delay": p.plan().fork_delay.as_secs_f64(),
            "terminate_delay": p.plan().terminate_delay.as_secs_f64(),
            "num_cur_proc": p.count().unwrap_or(0),
            "have_quorum": p.status() == Status::Up,
        })
    };
    let processes: Vec<Value> = router.processes().iter().map(process).collect();
    json!({ "vrrp": list, "track_process": processes }).to_string()
}

fn data(
    router: &Router,
    commands: &Commands,
    index: usize,
    i: &Instance,
    wall: Time,
    now: Time,
) -> Map<String, Value> {
    let p = i.plan();
    let since = wall.saturating_sub(now.saturating_sub(i.last_transition()));
    let number = |n: bool| u8::from(n);
    let scripts: Vec<String> = p
        .watches
        .iter()
        .filter_map(|w| match w.target {
            Target::Script(at) => commands.scripts.get(at).map(|c| c.argv.join(" ")),
            Target::Interface(_) | Target::Process(_) | Target::File(_) | Target::Proxy(_) => None,
        })
        .collect();
    let vips: Vec<String> = p.addresses.iter().map(|a| address(a, router.holds(index, a.address))).collect();
    let pairs = [
        ("iname", json!(p.name)),
        ("dont_track_primary", json!(number(!p.track_primary))),
        ("skip_check_adv_addr", json!(number(p.trust_addresses))),
        ("ifp_ifname", json!(p.interface)),
        ("master_priority", json!(i.master().map_or(0, |(_, priority)| priority))),
        ("last_transition", json!(since.as_secs_f64())),
        ("garp_delay", json!(p.garp.master_delay.as_secs_f64())),
        ("garp_refresh", json!(p.garp.refresh.as_secs_f64())),
        ("garp_rep", json!(p.garp.master_repeat)),
        ("garp_refresh_rep", json!(p.garp.refresh_repeat)),
        ("garp_lower_prio_delay", json!(p.garp.lower_delay.as_secs_f64())),
        ("garp_lower_prio_rep", json!(p.garp.lower_repeat)),
        ("lower_prio_no_advert", json!(number(!p.answer_lower))),
        ("higher_prio_send_advert", json!(number(p.answer_higher))),
        ("vrid", json!(p.dialect.vrid)),
        ("base_priority", json!(p.priority)),
        ("effective_priority", json!(i.priority())),
        ("vipset", json!(i.state() == State::Master)),
        ("adver_int", json!(p.dialect.interval.as_secs_f64())),
        ("master_adver_int", json!(i.master_interval().as_secs_f64())),
        ("nopreempt", json!(!p.preempt)),
        ("preempt_delay", json!(p.preempt_delay.as_secs_f64())),
        ("state", json!(code(i.state()))),
        ("version", json!(p.dialect.version.number())),
        ("vips", json!(vips)),
        ("track_script", json!(scripts)),
        ("auth_type", json!(number(p.dialect.auth != Auth::None))),
    ];
    pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}

/// keepalived's numbers of the states.
fn code(state: State) -> u8 {
    match state {
        State::Init => 0,
        State::Backup => 1,
        State::Master => 2,
        State::Fault => 3,
    }
}

fn stats(c: &Counters) -> Value {
    json!({
        "advert_rcvd": c.adverts_received,
        "advert_sent": c.adverts_sent,
        "become_master": c.became_master,
        "release_master": c.released_master,
        "packet_len_err": c.length_errors,
        "advert_interval_err": c.interval_errors,
        "ip_ttl_err": c.ttl_errors,
        "invalid_type_rcvd": c.type_errors,
        "addr_list_err": c.address_list_errors,
        "invalid_authtype": c.auth_type_errors,
        "authtype_mismatch": c.auth_mismatches,
        "auth_failure": c.auth_failures,
        "pri_zero_rcvd": c.zero_received,
        "pri_zero_sent": c.zero_sent,
    })
}
