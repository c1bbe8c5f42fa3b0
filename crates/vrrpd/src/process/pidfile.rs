//! Pid files: written at start, locked while the process lives, removed at its end.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg};

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
    /// Held, not used: the lock ends with the last process that has it.
    lock: Flock<File>,
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
        let mut lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| Error::Running(old))?;
        // keepalived itself does not lock its file.
        if old > 0 && old != std::process::id() as i32 && same_program(old) {
            return Err(Error::Running(old));
        }
        // Service scripts of ordinary users read it, whatever our umask is.
        lock.set_permissions(Permissions::from_mode(0o644)).map_err(fail)?;
        lock.set_len(0).map_err(fail)?;
        io::Seek::rewind(&mut *lock).map_err(fail)?;
        writeln!(lock, "{}", std::process::id()).map_err(fail)?;
        Ok(PidFile { path: path.to_owned(), lock })
    }

    /// Writes the pid of this process anew, after a fork.
    pub(super) fn rewrite(&mut self) -> io::Result<()> {
        self.lock.set_len(0)?;
        io::Seek::rewind(&mut *self.lock)?;
        writeln!(self.lock, "{}", std::process::id())
    }

    pub(super) fn remove(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether a process with this pid runs under the name that we run under.
fn same_program(pid: i32) -> bool {
    let name = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    let other = name(&pid.to_string());
    other.is_some() && other == name("self")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_told_who_runs_and_a_stale_file_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        std::fs::write(&path, "999999999\n").unwrap();
        let first = PidFile::create(&path).unwrap();
        let pid = std::process::id() as i32;
        assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), pid.to_string());
        assert!(matches!(PidFile::create(&path), Err(Error::Running(p)) if p == pid));
        first.remove();
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let e = PidFile::create(Path::new("/nonexistent/dir/pid")).unwrap_err();
        assert!(e.to_string().contains("/nonexistent/dir/pid"));
    }
}
