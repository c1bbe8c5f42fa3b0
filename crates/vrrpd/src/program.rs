//! Programs that the configuration names: resolved by `compile`, run by the shell.

use std::{path::PathBuf, time::Duration};

use crate::engine::instance::Told;

/// A program with its arguments and the user it runs as. Never passed to a shell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// What the configuration says, for messages.
    pub argv: Vec<String>,
    /// The file that is executed.
    pub path: PathBuf,
    /// `None`: as the daemon itself.
    pub user: Option<RunAs>,
}

/// A program that has to end within a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimedProgram {
    pub program: Program,
    pub timeout: Duration,
}

/// User and groups of a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunAs {
    pub uid: u32,
    pub gid: u32,
    /// Supplementary groups; empty for none.
    pub groups: Vec<u32>,
}

/// What is run when an instance or a group changes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Notify {
    pub master: Option<Program>,
    pub backup: Option<Program>,
    pub fault: Option<Program>,
    pub stop: Option<Program>,
    pub deleted: Option<Program>,
    pub master_rx_lower_pri: Option<Program>,
    /// Run after any of these with kind, name, state and priority added.
    pub any: Option<Program>,
    /// A removal by reload is told as DELETED, not as FAULT.
    pub tell_deleted: bool,
}

impl Notify {
    /// The program of one state.
    pub fn of(&self, told: Told) -> Option<&Program> {
        match told {
            Told::Master => self.master.as_ref(),
            Told::Backup => self.backup.as_ref(),
            Told::Fault => self.fault.as_ref(),
            Told::Stop => self.stop.as_ref(),
            Told::Deleted if self.tell_deleted => self.deleted.as_ref(),
            Told::Deleted => self.fault.as_ref(),
            Told::MasterRxLowerPri => self.master_rx_lower_pri.as_ref(),
            Told::Priority => None,
        }
    }
}

/// A FIFO that receives a line per event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fifo {
    pub path: PathBuf,
    /// Owner of the FIFO, if one is named.
    pub owner: Option<(u32, u32)>,
    /// Started by us; the path is its last argument.
    pub reader: Option<Program>,
}

/// A file whose number is watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrackedFile {
    pub name: String,
    pub path: PathBuf,
    /// `init_file`: the number to begin with, and whether it takes the place of one that is there.
    pub init: Option<(i64, bool)>,
}

/// All programs and files of a configuration, in the order of the plan's scripts, files, instances and groups.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Commands {
    pub scripts: Vec<Program>,
    pub files: Vec<TrackedFile>,
    pub instances: Vec<Notify>,
    pub groups: Vec<Notify>,
    pub fifos: Vec<Fifo>,
    /// `startup_script`: run once before the VRRP process.
    pub startup: Option<TimedProgram>,
    /// `shutdown_script`: run once after it.
    pub shutdown: Option<TimedProgram>,
}
