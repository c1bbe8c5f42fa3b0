//! The checks of `vrrp_sync_group`.

use std::collections::{HashMap, HashSet};

use super::{Known, alert, warn};
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    keepalived::model::{Config, SyncGroup, Track, Tracks},
};

/// Checks every group; one without members is left out.
pub(super) fn check_all(config: &mut Config, diags: &mut Diagnostics) {
    let known = Known::of(config);
    let instances: HashSet<String> = config.instances.iter().map(|i| i.name.value.clone()).collect();
    let mut owner: HashMap<String, String> = HashMap::new();
    let mut groups = std::mem::take(&mut config.sync_groups);
    for g in &mut groups {
        known.resolve(&g.name, &mut g.track, diags);
        members(g, &instances, &mut owner, diags);
    }
    groups.retain(|g| {
        if g.members.is_empty() {
            let message = format!("Sync group {} has no members", g.name);
            alert(diags, codes::K_INCOMPLETE, g.name.span, message, "it is left out");
        } else if g.members.len() == 1 {
            let message = format!("Sync group {} has only one member", g.name);
            warn(diags, codes::K_INCOMPLETE, g.name.span, message, "a group of one has no effect");
        }
        !g.members.is_empty()
    });
    for g in groups.iter().filter(|g| !g.sync_group_tracking_weight) {
        weights_of_members(g, config, diags);
    }
    config.sync_groups = groups;
}

fn members(
    g: &mut SyncGroup,
    instances: &HashSet<String>,
    owner: &mut HashMap<String, String>,
    diags: &mut Diagnostics,
) {
    let name = g.name.value.clone();
    g.members.retain(|m| {
        if !instances.contains(&m.value) {
            let message = format!("Virtual router {m} specified in sync group {name} doesn't exist");
            diags.push(
                Diagnostic::alert(codes::K_UNRESOLVED, message)
                    .at(m.span, "no vrrp_instance of this name")
                    .did_you_mean(&m.value, instances.iter().map(String::as_str)),
            );
            return false;
        }
        if let Some(other) = owner.insert(m.value.clone(), name.clone()) {
            let message = format!("Virtual router {m} of sync group {name} belongs to {other} already");
            alert(diags, codes::K_DUPLICATE, m.span, message, "a router can be in one group only");
            owner.insert(m.value.clone(), other);
            return false;
        }
        true
    });
}

/// Members must want the same state, so that weights on one of them are not taken (keepalived.conf(5),
/// "VRRP synchronization group(s)").
fn weights_of_members(g: &SyncGroup, config: &mut Config, diags: &mut Diagnostics) {
    let of_script: HashMap<String, i16> =
        config.scripts.iter().map(|s| (s.name.value.clone(), s.weight)).collect();
    for v in config.instances.iter_mut().filter(|v| g.members.contains(&v.name)) {
        let name = v.name.value.clone();
        let mut keep = |t: &Track, default: i16| {
            let weighted = t.weight.map_or(default, |w| w.value) != 0;
            if weighted {
                let message = format!(
                    "({name}) a weight on {} cannot be used by a member of sync group {}",
                    t.name, g.name
                );
                warn(diags, codes::K_ADJUSTED, t.name.span, message, "this tracker is left out");
            }
            !weighted
        };
        let Tracks { interfaces, scripts, files, processes, bfd, proxy: _ } = &mut v.track;
        scripts.retain(|t| keep(t, of_script.get(&t.name.value).copied().unwrap_or(0)));
        for list in [interfaces, files, processes, bfd] {
            list.retain(|t| keep(t, 0));
        }
    }
}
