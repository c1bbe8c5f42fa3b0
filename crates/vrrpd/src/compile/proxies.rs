//! Which proxies are tracked, and by whom: `track_proxy` blocks, and the proxy of this host without one.

use std::time::Duration;

use common::{
    health,
    keepalived::model::{Config, TrackProxy},
};

use crate::engine::{
    plan::{GroupPlan, InstancePlan, ProxyPlan, Target, Watch},
    track::proxy::LOCAL,
};

/// `hang_timeout` when it is not set.
const HANG_TIMEOUT: Duration = Duration::from_secs(1);

/// Gives every instance its watches of proxies; instances that ask for the same share it.
pub(super) fn attach(
    config: &Config,
    instances: &mut [InstancePlan],
    groups: &[GroupPlan],
) -> Vec<ProxyPlan> {
    let mut proxies: Vec<ProxyPlan> = Vec::new();
    for (index, instance) in instances.iter_mut().enumerate() {
        let own = config.instances.iter().find(|i| i.name.value == instance.name);
        let names = groups.iter().filter(|g| g.members.contains(&index)).map(|g| g.name.as_str());
        let of_groups: Vec<_> = names
            .filter_map(|name| config.sync_groups.iter().find(|g| g.name.value == name))
            .filter_map(|g| g.track.proxy.as_ref())
            .collect();
        let written: Vec<&TrackProxy> =
            own.and_then(|i| i.track.proxy.as_ref()).into_iter().chain(of_groups).collect();
        if written.iter().any(|t| t.off) {
            continue;
        }
        let found = TrackProxy::default();
        let wanted = if written.is_empty() { vec![&found] } else { written };
        for t in wanted {
            let at = enter(&mut proxies, t);
            let weight = t.weight.map_or(0, |w| w.value);
            let watch = Watch { target: Target::Proxy(at), weight, reverse: false };
            if !instance.watches.contains(&watch) {
                instance.watches.push(watch);
            }
        }
    }
    proxies
}

/// The index of the proxy that a block asks for.
fn enter(proxies: &mut Vec<ProxyPlan>, t: &TrackProxy) -> usize {
    let socket = t.socket.as_ref().map(|s| s.value.clone());
    let wanted = ProxyPlan {
        name: socket.clone().unwrap_or_else(|| LOCAL.to_owned()),
        socket,
        require: t.require_backend.iter().map(|b| b.value.clone()).collect(),
        hang_timeout: t.hang_timeout_us.map_or(HANG_TIMEOUT, Duration::from_micros).max(health::BEAT * 3),
    };
    let same = |p: &&ProxyPlan| ProxyPlan { name: wanted.name.clone(), ..(**p).clone() } == wanted;
    if let Some(at) = proxies.iter().position(|p| same(&p)) {
        return at;
    }
    // A name is an identity over reloads: the same proxy under other conditions needs another.
    let others = proxies.iter().filter(|p| p.socket == wanted.socket).count();
    let name = if others == 0 { wanted.name.clone() } else { format!("{}#{}", wanted.name, others + 1) };
    proxies.push(ProxyPlan { name, ..wanted });
    proxies.len() - 1
}
