//! Programs: whose they are, which file they are, and whether it is safe to run them.
//!
//! Owns: the lookup of users and program files. Invariants: a bare name is looked up in PATH once, here, and
//! not when it runs; with `enable_script_security` a program that root runs is refused when somebody else could
//! change it (keepalived.conf(5), "script_security").

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use common::{
    diag::{Diagnostic, Diagnostics, codes},
    keepalived::model::{self, Command, Config, ScriptUser},
};
use nix::unistd::{Group, User, getgrouplist};

use crate::program::{Notify, Program, RunAs};

/// The user of scripts when it exists and no other is named.
const SCRIPT_USER: &str = "keepalived_script";
/// Where bare names are looked up when the environment has no PATH.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Write bits of group and others.
const WRITE_GROUP: u32 = 0o020;
const WRITE_OTHERS: u32 = 0o002;
const STICKY: u32 = 0o1000;
const EXECUTE: u32 = 0o111;

/// What compiling asks of the host.
pub trait World {
    fn has_interface(&self, name: &str) -> bool;
    /// Uid and gid of a user.
    fn user(&self, name: &str) -> Option<(u32, u32)>;
    fn group(&self, name: &str) -> Option<u32>;
    /// All groups of a user.
    fn groups_of(&self, name: &str, gid: u32) -> Vec<u32>;
    /// The directories of PATH.
    fn search_path(&self) -> Vec<PathBuf>;
}

/// The host itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl World for System {
    fn has_interface(&self, name: &str) -> bool {
        nix::net::if_::if_nametoindex(name).is_ok()
    }

    fn user(&self, name: &str) -> Option<(u32, u32)> {
        let user = match name.parse() {
            Ok(uid) => User::from_uid(nix::unistd::Uid::from_raw(uid)),
            Err(_) => User::from_name(name),
        };
        user.ok().flatten().map(|u| (u.uid.as_raw(), u.gid.as_raw()))
    }

    fn group(&self, name: &str) -> Option<u32> {
        match name.parse() {
            Ok(gid) => Some(gid),
            Err(_) => Group::from_name(name).ok().flatten().map(|g| g.gid.as_raw()),
        }
    }

    fn groups_of(&self, name: &str, gid: u32) -> Vec<u32> {
        let Ok(name) = std::ffi::CString::new(name) else { return Vec::new() };
        let groups = getgrouplist(&name, nix::unistd::Gid::from_raw(gid)).unwrap_or_default();
        groups.into_iter().map(nix::unistd::Gid::as_raw).collect()
    }

    fn search_path(&self) -> Vec<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_else(|| PATH.into());
        std::env::split_paths(&path).collect()
    }
}

/// Resolves the programs of one configuration.
pub(super) struct Programs<'a> {
    world: &'a dyn World,
    security: bool,
    default: Option<&'a ScriptUser>,
    fallback: Option<RunAs>,
    as_root: bool,
    /// The last program was refused because running it would not be safe.
    unsafe_program: bool,
}

impl<'a> Programs<'a> {
    pub(super) fn new(config: &'a Config, world: &'a dyn World) -> Programs<'a> {
        let fallback = world.user(SCRIPT_USER).map(|(uid, gid)| RunAs { uid, gid, groups: Vec::new() });
        Programs {
            world,
            security: config.global.enable_script_security,
            default: config.global.script_user.as_ref(),
            fallback,
            as_root: false,
            unsafe_program: false,
        }
    }

    /// Whether programs run as root without anybody having asked for their paths to be checked.
    pub(super) fn violation(&self) -> bool {
        self.as_root && !self.security
    }

    /// Whether the program looked up last was refused for the sake of safety.
    pub(super) fn refused_for_safety(&self) -> bool {
        self.unsafe_program
    }

    pub(super) fn notify(&mut self, n: &model::Notify, diags: &mut Diagnostics) -> Notify {
        let mut find =
            |c: &Option<Command>, what: &str| c.as_ref().and_then(|c| self.resolve(c, what, diags));
        Notify {
            master: find(&n.master, "notify_master script"),
            backup: find(&n.backup, "notify_backup script"),
            fault: find(&n.fault, "notify_fault script"),
            stop: find(&n.stop, "notify_stop script"),
            deleted: find(&n.deleted, "notify_deleted script"),
            master_rx_lower_pri: find(&n.master_rx_lower_pri, "notify_master_rx_lower_pri script"),
            any: find(&n.any, "notify script"),
            tell_deleted: n.tell_deleted,
        }
    }

    /// The program of a command, or `None` with the reason told.
    pub(super) fn resolve(&mut self, c: &Command, what: &str, diags: &mut Diagnostics) -> Option<Program> {
        let mut refuse = |code, message: String, help: &str| {
            let d = Diagnostic::warning(code, message).at(c.argv.span, "");
            diags.push(if help.is_empty() { d } else { d.help(help) });
        };
        self.unsafe_program = false;
        let name = c.argv.value.first()?;
        let named = c.user.as_ref().or(self.default);
        let user = match named {
            Some(user) => match self.run_as(user) {
                Ok(user) => Some(user),
                Err(e) => {
                    refuse(codes::K_SECURITY, format!("disabling {what}: {e}"), "");
                    return None;
                }
            },
            None => self.fallback.clone(),
        };
        if user.is_none() && self.security {
            let message = format!("disabling {what}: no user to run it as");
            refuse(
                codes::K_SECURITY,
                message,
                "name one with script_user, or add the user keepalived_script",
            );
            self.unsafe_program = true;
            return None;
        }
        let Some(path) = self.find(name) else {
            let message = format!("disabling {what} since {name} is not found or not executable");
            refuse(codes::K_UNRESOLVED, message, "");
            return None;
        };
        let root = user.as_ref().is_none_or(|u| u.uid == 0);
        if root && let Some(unsafe_part) = insecure(&path) {
            let place = unsafe_part.display();
            if self.security {
                let message = format!(
                    "disabling {what} due to insecure path: root would run it, and others can change {place}"
                );
                refuse(
                    codes::K_SECURITY,
                    message,
                    "take the write permission away, or run it as another user",
                );
                self.unsafe_program = true;
                return None;
            }
            let message = format!("{what} runs as root, and others can change {place}");
            refuse(codes::K_SECURITY, message, "take the write permission away, or run it as another user");
        }
        self.as_root |= root;
        Some(Program { argv: c.argv.value.clone(), path, user })
    }

    /// A user named for something other than a program.
    pub(super) fn user(&self, user: Option<&ScriptUser>, diags: &mut Diagnostics) -> Option<RunAs> {
        match self.run_as(user?) {
            Ok(user) => Some(user),
            Err(e) => {
                diags.push(Diagnostic::warning(codes::K_UNRESOLVED, e));
                None
            }
        }
    }

    fn run_as(&self, user: &ScriptUser) -> Result<RunAs, String> {
        let name = &user.user.value;
        let (uid, own) = self.world.user(name).ok_or_else(|| format!("user {name} does not exist"))?;
        let gid = match &user.group {
            Some(g) => {
                self.world.group(&g.value).ok_or_else(|| format!("group {} does not exist", g.value))?
            }
            None => own,
        };
        let groups = if user.supplementary_groups { self.world.groups_of(name, gid) } else { Vec::new() };
        Ok(RunAs { uid, gid, groups })
    }

    /// The file that a name means.
    fn find(&self, name: &str) -> Option<PathBuf> {
        if name.contains('/') {
            return Some(PathBuf::from(name)).filter(|p| executable(p));
        }
        self.world.search_path().into_iter().map(|dir| dir.join(name)).find(|p| executable(p))
    }
}

fn executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| m.is_file() && m.mode() & EXECUTE != 0)
}

/// The part of a path that somebody other than root can change. Symbolic links are followed, and both the way
/// to the link and the way to its target count.
fn insecure(path: &Path) -> Option<PathBuf> {
    let mut ways = vec![path.to_path_buf()];
    if let Ok(real) = path.canonicalize()
        && real != path
    {
        ways.push(real);
    }
    ways.iter().flat_map(|way| way.ancestors()).filter(|p| p.is_absolute()).find_map(|part| {
        let m = part.metadata().ok()?;
        let group = m.mode() & WRITE_GROUP != 0 && m.gid() != 0;
        // In a sticky directory others cannot replace what is not theirs.
        let others = m.mode() & WRITE_OTHERS != 0 && !(m.is_dir() && m.mode() & STICKY != 0);
        (m.uid() != 0 || group || others).then(|| part.to_path_buf())
    })
}
