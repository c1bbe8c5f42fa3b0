//! Pid files: written at start, locked while the process lives, removed at its end.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::{self, Read, Seek, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use common::keepalived::model::Config;
use nix::fcntl::{FcntlArg, fcntl};

use crate::cli::Options;

/// keepalived's places.
const DIRECTORY: &str = "/run";
const OWN_DIRECTORY: &str = "/run/keepalived";

/// Where the parent's pid goes: `-p`, else a name that tells several daemons of a host apart.
pub(super) fn parent_path(options: &Options, config: &Config) -> PathBuf {
    options.pid_file.clone().unwrap_or_else(|| default(options, config, "keepalived"))
}

/// Where the VRRP process's pid goes.
pub(super) fn vrrp_path(options: &Options, config: &Config) -> PathBuf {
    let name = if config.use_pid_dir { "vrrp" } else { "keepalived_vrrp" };
    options.vrrp_pid_file.clone().unwrap_or_else(|| default(options, config, name))
}

fn default(options: &Options, config: &Config, name: &str) -> PathBuf {
    let mut name = name.to_owned();
    let namespace = options.namespace.as_ref().or(config.net_namespace.as_ref());
    for part in config.instance_name.iter().chain(namespace) {
        name.push('_');
        name.push_str(&part.replace('/', "_"));
    }
    let directory = if config.use_pid_dir {
        // That it is there already is what we want; that it cannot be made, the file tells.
        let _ = std::fs::create_dir(OWN_DIRECTORY);
        let _ = std::fs::set_permissions(OWN_DIRECTORY, Permissions::from_mode(0o755));
        OWN_DIRECTORY
    } else {
        DIRECTORY
    };
    Path::new(directory).join(name + ".pid")
}

/// Why there is no pid file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("daemon is already running (pid {0})")]
    Running(i32),
    #[error("cannot write pid file {0}: {1}")]
    Write(PathBuf, io::Error),
}

/// A file that holds our pid.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    /// Locked by a record lock: it belongs to this process alone and a child does not inherit it, so that a
    /// child that outlives its parent for a moment does not keep the next daemon out.
    file: File,
}

impl PidFile {
    /// Writes the pid of this process, unless a living process holds the file.
    pub(super) fn create(path: &Path) -> Result<PidFile, Error> {
        let fail = |e| Error::Write(path.to_owned(), e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(fail)?;
        let mut text = String::new();
        let _ = file.read_to_string(&mut text);
        let old: i32 = text.trim().parse().unwrap_or(0);
        lock(&file, false).map_err(|_| Error::Running(old))?;
        // keepalived itself does not lock its file.
        if old > 0 && old != std::process::id() as i32 && same_program(old) {
            return Err(Error::Running(old));
        }
        // Service scripts of ordinary users read it, whatever our umask is.
        file.set_permissions(Permissions::from_mode(0o644)).map_err(fail)?;
        let mut pid_file = PidFile { path: path.to_owned(), file };
        pid_file.write().map_err(fail)?;
        Ok(pid_file)
    }

    /// Takes the file over after a fork: the child's pid, and the lock as soon as the process that forked ends.
    pub(super) fn take_over(&mut self) -> io::Result<()> {
        lock(&self.file, true)?;
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{}", std::process::id())
    }

    pub(super) fn remove(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The whole file for this process; another's lock is waited for, or an error.
fn lock(file: &File, wait: bool) -> io::Result<()> {
    let whole = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file, if wait { FcntlArg::F_SETLKW(&whole) } else { FcntlArg::F_SETLK(&whole) })?;
    Ok(())
}

/// Whether a process with this pid lives under the name that we run under.
fn same_program(pid: i32) -> bool {
    let stat = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    let ours = stat("self").and_then(|s| name_and_state(&s).map(|(name, _)| name.to_owned()));
    // One that has died and was not waited for yet holds nothing.
    stat(&pid.to_string())
        .and_then(|s| name_and_state(&s).map(|(name, state)| state != 'Z' && Some(name) == ours.as_deref()))
        .unwrap_or(false)
}

/// From proc(5): the name stands in parentheses and may hold anything.
fn name_and_state(stat: &str) -> Option<(&str, char)> {
    let (head, tail) = stat.rsplit_once(") ")?;
    Some((head.split_once('(')?.1, tail.chars().next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_file_is_taken_and_a_removed_one_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        std::fs::write(&path, "999999999\n").unwrap();
        let first = PidFile::create(&path).unwrap();
        let pid = std::process::id() as i32;
        assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), pid.to_string());
        first.remove();
        assert!(!path.exists());
    }

    #[test]
    fn a_process_is_known_by_its_name_whatever_that_holds() {
        assert_eq!(name_and_state("12 (a) b) S 1 2"), Some(("a) b", 'S')));
        assert_eq!(name_and_state("12 (keepalived) Z 1"), Some(("keepalived", 'Z')));
        assert_eq!(name_and_state("nonsense"), None);
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let e = PidFile::create(Path::new("/nonexistent/dir/pid")).unwrap_err();
        assert!(e.to_string().contains("/nonexistent/dir/pid"));
    }
}
