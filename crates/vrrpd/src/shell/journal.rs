//! The journal's file: one line of JSON for each transition, read at start, cut when it has grown.
//!
//! Invariants: a line is appended whole; a file that cannot be written costs the daemon one warning and nothing
//! else; the file never grows beyond [`FILE_BYTES_MAX`].

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use tracing::warn;

use crate::admin::journal::{ENTRIES_MAX, Entry, Journal};

/// Where journals are kept.
pub const DIRECTORY: &str = "/var/lib/vrrpd";
/// Bytes after which the file is written anew with the last entries.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// Entries that stay then: the file has room to grow again.
const ENTRIES_KEPT: usize = ENTRIES_MAX / 2;

/// A journal and its file.
#[derive(Debug)]
pub struct Keeper {
    journal: Journal,
    path: PathBuf,
    bytes: u64,
    /// Could not be written; said.
    broken: bool,
}

impl Keeper {
    /// Reads what a run before us left. Hosts that share a disk keep apart by name.
    pub fn open(directory: &Path, host: &str) -> Keeper {
        let name: String = host.chars().map(|c| if c == '/' { '_' } else { c }).collect();
        let path = directory.join(format!("journal.{name}"));
        let text = fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(ENTRIES_MAX)..).unwrap_or_default();
        // A line that was cut by a crash is left out.
        let entries = last.iter().filter_map(|l| serde_json::from_str::<Entry>(l).ok()).collect();
        Keeper { journal: Journal::new(host, entries), path, bytes: text.len() as u64, broken: false }
    }

    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    pub fn fact(&mut self, instance: Option<&str>, text: String, now: crate::engine::Time) {
        self.journal.fact(instance, text, now);
    }

    /// Notes a transition and writes it down.
    pub fn moved(
        &mut self,
        instance: &str,
        from: &str,
        to: &str,
        wall: crate::engine::Time,
        now: crate::engine::Time,
    ) {
        let line = line(self.journal.moved(instance, from, to, wall, now));
        let written = if self.bytes + line.len() as u64 > FILE_BYTES_MAX {
            let skipped = self.journal.entries().count().saturating_sub(ENTRIES_KEPT);
            let text: String = self.journal.entries().skip(skipped).map(self::line).collect();
            write_whole(&self.path, &text).map(|()| self.bytes = text.len() as u64)
        } else {
            append(&self.path, &line).map(|()| self.bytes += line.len() as u64)
        };
        if let Err(e) = written
            && !std::mem::replace(&mut self.broken, true)
        {
            warn!("cannot write the journal {}: {e}; it is kept in memory only", self.path.display());
        }
    }
}

fn line(entry: &Entry) -> String {
    serde_json::to_string(entry).map(|l| l + "\n").unwrap_or_default()
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    let open = || OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    let mut file = match open() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            open()?
        }
        other => other?,
    };
    file.write_all(line.as_bytes())
}

/// By way of a second file, so that a crash leaves the old one or the new one.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Time;

    #[test]
    fn entries_outlive_the_daemon_and_the_file_stays_small() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::open(dir.path(), "a/b");
        for n in 0..12_000 {
            let now = Time::from_millis(n);
            keeper.fact(None, format!("{n} {}", "x".repeat(200)), now);
            keeper.moved("VI", "BACKUP", "MASTER", now, now);
        }
        let path = dir.path().join("journal.a_b");
        assert!(fs::metadata(&path).unwrap().len() <= FILE_BYTES_MAX);
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"cut").unwrap();
        let again = Keeper::open(dir.path(), "a/b");
        assert!(again.journal().entries().count() > 10);
        let last = again.journal().entries().last().unwrap().clone();
        assert!(last.because.last().unwrap().fact.starts_with("11999 "), "{last:?}");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_no_reason_to_stop() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut keeper = Keeper::open(file.path(), "h");
        keeper.moved("VI", "BACKUP", "MASTER", Time::ZERO, Time::ZERO);
        assert_eq!(keeper.journal().entries().count(), 1);
    }
}
