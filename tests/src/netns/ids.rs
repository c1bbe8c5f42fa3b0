//! User ids for a user namespace, as many as this user may have.
//!
//! Owns: reading `/etc/subuid` and `/etc/subgid`, running `newuidmap` and `newgidmap`.
//! Leaves to others: what is done where that is not possible (one id, and saying so).

use std::fs;
use std::process::{Command, Stdio};

/// Maps the caller's own ids to root and its subordinate ones above; false where the machine
/// has not given it any, or the tools are missing.
pub(super) fn map(pid: i32) -> bool {
    let own = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    let name = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|u| u.name);
    let names = [name.unwrap_or_default(), own.0.to_string()];
    run("newuidmap", pid, own.0, "/etc/subuid", &names) && run("newgidmap", pid, own.1, "/etc/subgid", &names)
}

fn run(tool: &str, pid: i32, own: u32, table: &str, names: &[String]) -> bool {
    let table = fs::read_to_string(table).unwrap_or_default();
    let range = table.lines().find_map(|line| {
        let (user, range) = line.split_once(':')?;
        names.iter().any(|n| n == user).then_some(range)?.split_once(':')
    });
    let Some((first, count)) = range else { return false };
    let (pid, own) = (pid.to_string(), own.to_string());
    let mut command = Command::new(tool);
    command.args([pid.as_str(), "0", &own, "1", "1", first, count]).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}
