//! Watches the files of `track_file` through inotify and reads their numbers.
//!
//! Owns: one inotify descriptor over the directories of the files, so that files may come, go and be replaced.
//! Invariants: a file is read whole again after each event of its directory; one that cannot be read counts as 0;
//! no more than [`BYTES_MAX`] are read of it. Leaves to others: what a number does (`engine::track::file`).

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::io::unix::AsyncFd;
use tracing::warn;

use crate::{engine::track::file, program::TrackedFile, sys};

/// A number is not longer.
const BYTES_MAX: u64 = 256;

/// The files of one plan.
#[derive(Debug)]
pub struct Files {
    inotify: Inotify,
    watched: AsyncFd<OwnedFd>,
    files: Vec<(PathBuf, Option<i64>)>,
    /// What has changed and was not handed on yet.
    told: Vec<(usize, i64)>,
}

impl Files {
    /// Watches these files, makes those that are to be made, and holds their numbers ready for
    /// [`Files::next`]. Needs a runtime.
    pub fn watch(files: &[TrackedFile]) -> io::Result<Files> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let watched = sys::watch(inotify.as_fd().try_clone_to_owned()?)?;
        let mut all = Files { inotify, watched, files: Vec::new(), told: Vec::new() };
        for f in files {
            if let Err(e) = begin(f) {
                warn!("track_file {}: cannot make {}: {e}", f.name, f.path.display());
            }
            // The directory and not the file: editors replace files.
            let directory = f.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let events = AddWatchFlags::IN_CLOSE_WRITE
                | AddWatchFlags::IN_MOVED_TO
                | AddWatchFlags::IN_MOVED_FROM
                | AddWatchFlags::IN_DELETE
                | AddWatchFlags::IN_MODIFY;
            if let Err(e) = all.inotify.add_watch(directory, events) {
                let place = directory.display();
                warn!("track_file {}: cannot watch {place}: {e}; its number counts as it is now", f.name);
            }
            all.files.push((f.path.clone(), None));
        }
        all.read_all();
        Ok(all)
    }

    /// The next change: index of the file and its number. Safe to drop and call again.
    pub async fn next(&mut self) -> (usize, i64) {
        loop {
            if let Some(change) = self.told.pop() {
                return change;
            }
            let Ok(mut guard) = self.watched.readable().await else { return std::future::pending().await };
            // What happened does not matter: everything is read again.
            while self.inotify.read_events().is_ok_and(|events| !events.is_empty()) {}
            guard.clear_ready();
            self.read_all();
        }
    }

    fn read_all(&mut self) {
        for (index, (path, last)) in self.files.iter_mut().enumerate() {
            // Empty is what a file is for a moment while it is written anew.
            let Some(value) = read(path).or(if last.is_none() { Some(0) } else { None }) else { continue };
            if *last != Some(value) {
                *last = Some(value);
                self.told.retain(|(i, _)| *i != index);
                self.told.push((index, value));
            }
        }
    }
}

/// The number in a file, `None` if the file is empty.
fn read(path: &Path) -> Option<i64> {
    let mut text = String::new();
    let read = File::open(path).and_then(|f| f.take(BYTES_MAX).read_to_string(&mut text));
    Some(match read {
        Ok(_) if text.trim().is_empty() => return None,
        Ok(_) => file::number(&text).unwrap_or_else(|| {
            warn!("track_file {} holds no number, taken as 0", path.display());
            0
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => 0,
        Err(e) => {
            warn!("cannot read track_file {}: {e}; taken as 0", path.display());
            0
        }
    })
}

/// `init_file`
fn begin(f: &TrackedFile) -> io::Result<()> {
    let Some((value, overwrite)) = f.init else { return Ok(()) };
    if overwrite {
        return std::fs::write(&f.path, format!("{value}\n"));
    }
    match File::create_new(&f.path) {
        Ok(mut file) => writeln!(file, "{value}"),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}
