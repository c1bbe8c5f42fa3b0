//! Tells the world about transitions: notify scripts and FIFOs, in keepalived's forms.
//!
//! Invariants: the script of the state is started before `notify`, then the FIFOs get their line
//! (keepalived.conf(5), "notify scripts"); a FIFO is never waited for: a full one loses the line.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    process::Stdio,
};

use nix::{
    sys::stat::Mode,
    unistd::{Gid, Uid, chown, mkfifo},
};
use tracing::{error, warn};

use super::script::{self, Scripts};
use crate::{
    engine::instance::Told,
    program::{Fifo, Notify},
};

/// What is told.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// `INSTANCE` or `GROUP`.
    pub kind: &'static str,
    pub name: &'a str,
    pub told: Told,
    pub priority: u8,
}

/// The word of a state in arguments and lines.
pub fn word(told: Told, tell_deleted: bool) -> &'static str {
    match told {
        Told::Master => "MASTER",
        Told::Backup => "BACKUP",
        Told::Fault => "FAULT",
        Told::Stop => "STOP",
        Told::Deleted if tell_deleted => "DELETED",
        Told::Deleted => "FAULT",
        Told::MasterRxLowerPri => "MASTER_RX_LOWER_PRI",
        Told::Priority => "PRIORITY",
    }
}

/// Starts the scripts of a transition.
pub fn run(scripts: &mut Scripts, notify: &Notify, telling: Telling<'_>) {
    let word = word(telling.told, notify.tell_deleted);
    if let Some(program) = notify.of(telling.told)
        && let Err(e) = scripts.notify(program, &[])
    {
        error!("({}) cannot run notify script {}: {e}", telling.name, program.path.display());
    }
    // Events that are no state have a script or a line of their own, and `notify` is about states.
    if matches!(telling.told, Told::Priority | Told::MasterRxLowerPri) {
        return;
    }
    let added =
        [telling.kind.to_owned(), telling.name.to_owned(), word.to_owned(), telling.priority.to_string()];
    if let Some(program) = &notify.any
        && let Err(e) = scripts.notify(program, &added)
    {
        error!("({}) cannot run notify script {}: {e}", telling.name, program.path.display());
    }
}

/// Open FIFOs.
#[derive(Debug, Default)]
pub struct Fifos {
    open: Vec<(Fifo, File)>,
}

impl Fifos {
    /// Makes and opens what is new, closes what is gone; readers of new ones are started.
    pub fn set(&mut self, wanted: &[Fifo]) {
        self.open.retain(|(fifo, _)| wanted.contains(fifo));
        for fifo in wanted {
            if self.open.iter().any(|(f, _)| f == fifo) {
                continue;
            }
            match open(fifo) {
                Ok(file) => {
                    self.open.push((fifo.clone(), file));
                    start_reader(fifo);
                }
                Err(e) => error!("cannot open notify FIFO {}: {e}", fifo.path.display()),
            }
        }
    }

    /// Writes one line to each.
    pub fn tell(&mut self, telling: Telling<'_>, state: &str) {
        let line = format!("{} \"{}\" {state} {}\n", telling.kind, telling.name, telling.priority);
        for (fifo, file) in &mut self.open {
            match file.write_all(line.as_bytes()) {
                // Nobody reads: the event is lost, as with keepalived.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => warn!("cannot write to notify FIFO {}: {e}", fifo.path.display()),
                Ok(()) => {}
            }
        }
    }
}

/// Opened for reading too, so that it neither blocks nor breaks when readers come and go.
fn open(fifo: &Fifo) -> io::Result<File> {
    match mkfifo(&fifo.path, Mode::from_bits_truncate(0o600)) {
        Ok(()) => {
            if let Some((uid, gid)) = fifo.owner {
                chown(&fifo.path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
            }
        }
        Err(nix::errno::Errno::EEXIST) => {}
        Err(e) => return Err(e.into()),
    }
    let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(&fifo.path)?;
    if !std::os::unix::fs::FileTypeExt::is_fifo(&file.metadata()?.file_type()) {
        return Err(io::Error::other("it is there and no FIFO"));
    }
    Ok(file)
}

fn start_reader(fifo: &Fifo) {
    let Some(program) = &fifo.reader else { return };
    let path = fifo.path.display().to_string();
    match script::spawn(program, &[path], Stdio::null()) {
        Ok((_, mut child)) => {
            let name = program.path.display().to_string();
            tokio::spawn(async move {
                match child.wait().await {
                    Ok(status) => warn!("FIFO reader {name} ended: {status}"),
                    Err(e) => warn!("FIFO reader {name} is lost: {e}"),
                }
            });
        }
        Err(e) => error!("cannot run FIFO reader {}: {e}", program.path.display()),
    }
}
