//! Hosts made of namespaces: net, pid, mount and uts each, joined by a switch.
//!
//! Owns: making a [`Lab`] and its [`Host`]s, and everything a test does inside a host: run and
//! kill programs, open sockets and files, change links and addresses.
//!
//! A host is a process tree of its own. Its first process (the keeper) does on request what
//! must happen inside; sockets and files are opened there and passed out, so that a test works
//! with them as with its own. Works as root, and as an ordinary user through a user namespace.
//!
//! Invariants: nothing outlives the [`Lab`], however the test ends; a host cannot write to the
//! machine, apart from the lab's work directory; no program but the test itself is needed.
//! Leaves to others: what runs in the hosts ([`crate::daemon`], [`crate::origin`]).
//!
//! ```no_run
//! # use e2e::netns::{Lab, Cmd};
//! let lab = Lab::new().unwrap();
//! let a = lab.host("a", "10.0.0.1/24").unwrap();
//! let b = lab.host("b", "10.0.0.2/24").unwrap();
//! let listener = b.tcp_listen("10.0.0.2:80").unwrap();
//! let client = a.tcp_connect("10.0.0.2:80").unwrap();
//! let out = a.exec(Cmd::new("cat").arg("/etc/hostname")).unwrap();
//! assert_eq!(out.stdout, "a\n");
//! ```

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

pub use nix::sys::signal::Signal;

mod control;
mod host;
mod ids;
pub(crate) mod keeper;
mod links;
mod program;
mod rootfs;
mod sockets;
mod wire;

pub use host::Host;
pub(crate) use links::read_address;
pub use program::{Cmd, Exit, Output, Process};
pub(crate) use rootfs::hides;

use control::{Keeper, control_pair};
use host::HostInner;
use wire::{Answer, Ask, Setup};

/// Set in the environment of a keeper; says which one it is.
pub(crate) const ROLE: &str = "E2E_NETNS_ROLE";
/// Set for the switch's keeper: the lab's work directory, which it removes when the test has gone
/// without doing so.
pub(crate) const WORK: &str = "E2E_NETNS_WORK";
/// The switch's bridge.
const BRIDGE: &str = "br0";
/// The one interface of a host.
pub const INTERFACE: &str = "eth0";
/// Users that the configurations name, with the ids they get where the machine has no such user.
const USERS: &[(&str, u32)] = &[("haproxy", 990), ("lbproxy", 992)];

/// What went wrong, in a sentence for people.
#[derive(Clone)]
pub struct Error(pub(crate) String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Error {
        Error(e.to_string())
    }
}

/// What everything here returns.
pub type Result<T> = std::result::Result<T, Error>;

/// An address on an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub address: IpAddr,
    pub prefix_len: u8,
    /// `global`, `link`, `host`, `site` or a number.
    pub scope: String,
    pub label: Option<String>,
    pub broadcast: Option<std::net::Ipv4Addr>,
    /// `IFA_PROTO`: who added it, where the kernel says.
    pub protocol: Option<u8>,
    /// The interface's index.
    pub index: u32,
}

/// A process of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessInfo {
    /// As the host numbers it.
    pub pid: i32,
    pub parent: i32,
    /// What the kernel calls it (at most 15 bytes), what `pkill NAME` looks at.
    pub name: String,
    /// `R`, `S`, `Z` …, as in `proc(5)`.
    pub state: char,
}

/// How a lab is to be made; [`Lab::new`] is the usual one.
#[derive(Debug, Clone, Default)]
pub struct LabBuilder {
    shared: Vec<PathBuf>,
    directories: Vec<PathBuf>,
    names: Vec<(IpAddr, String)>,
}

impl LabBuilder {
    /// A directory of the machine that the hosts can write to, at the same path.
    pub fn share(mut self, path: impl Into<PathBuf>) -> LabBuilder {
        self.shared.push(path.into());
        self
    }

    /// A directory that each host has for itself, empty.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> LabBuilder {
        self.directories.push(path.into());
        self
    }

    /// A line of each host's `/etc/hosts`.
    pub fn name(mut self, address: IpAddr, name: impl Into<String>) -> LabBuilder {
        self.names.push((address, name.into()));
        self
    }

    /// Makes the switch.
    ///
    /// # Errors
    /// Where the machine does not let this user make namespaces: the reason and what to do.
    pub fn build(self) -> Result<Lab> {
        let work = tempfile::Builder::new().prefix("lab-").tempdir()?;
        let (ours, theirs) = control_pair()?;
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("lab-switch")
            .env(ROLE, "switch:switch")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null());
        let child = command.spawn().map_err(|e| Error(format!("cannot start the lab's switch: {e}")))?;
        drop(command);
        let switch = Keeper::greet("switch", ours).map_err(|e| {
            Error(format!(
                "{e}. The tests in namespaces need root, or a kernel that lets an ordinary user make user \
                 namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces, on Ubuntu \
                 kernel.apparmor_restrict_unprivileged_userns=0; in a container: --privileged)"
            ))
        })?;
        Ok(Lab { switch: Arc::new(Switch { keeper: switch, child: Mutex::new(child) }), work, wish: self })
    }
}

/// A switch with hosts on it. Dropping it ends every process in every host.
#[derive(Debug)]
pub struct Lab {
    switch: Arc<Switch>,
    work: tempfile::TempDir,
    wish: LabBuilder,
}

impl Lab {
    /// A lab with nothing special.
    ///
    /// # Errors
    /// See [`LabBuilder::build`].
    pub fn new() -> Result<Lab> {
        Lab::builder().build()
    }

    pub fn builder() -> LabBuilder {
        LabBuilder::default()
    }

    /// A directory that exists at the same path on the machine and in each host; gone with the lab.
    pub fn work(&self) -> &Path {
        self.work.path()
    }

    /// A new host with this address (`10.0.0.1/24`) on its `eth0`.
    ///
    /// # Errors
    /// An address that cannot be read, a name that is taken, anything the kernel refuses.
    pub fn host(&self, name: &str, address: &str) -> Result<Host> {
        let (address, prefix_len) = parse_prefix(address)?;
        let (ours, theirs) = control_pair()?;
        let start = Ask::StartHost { name: name.to_string() };
        let Answer::Pid(first) = self.switch.keeper.ask_with(start, &[theirs.as_fd()])?.0 else {
            return Err(Error(format!("host {name}: no process")));
        };
        drop(theirs);
        let keeper = Keeper::greet(name, ours)?;
        let mut shared = self.wish.shared.clone();
        shared.push(self.work.path().to_path_buf());
        shared.extend(hidden_programs());
        let setup = Setup {
            name: name.to_string(),
            shared,
            directories: self.wish.directories.clone(),
            users: USERS.iter().map(|(n, id)| ((*n).to_string(), *id)).collect(),
            hosts: self.wish.names.iter().cloned().chain([(address, name.to_string())]).collect(),
        };
        let dropped = match keeper.ask(Ask::Furnish(setup))? {
            Answer::Dropped(list) => list,
            other => return Err(Error(format!("host {name}: unexpected answer {other:?}"))),
        };
        let port = format!("p{name}");
        self.switch.keeper.ask(Ask::Cable { port: port.clone(), pid: first, interface: INTERFACE.into() })?;
        let host = Host(Arc::new(HostInner {
            keeper,
            port,
            dropped,
            address,
            work: self.work.path().to_path_buf(),
            switch: Arc::clone(&self.switch),
        }));
        host.add_address(INTERFACE, &format!("{address}/{prefix_len}"))?;
        host.link(INTERFACE, true)?;
        Ok(host)
    }

    /// What `nsenter` options lead into the switch, for people.
    pub fn switch_pid(&self) -> i32 {
        self.switch.keeper.pid
    }
}

#[derive(Debug)]
struct Switch {
    keeper: Keeper,
    child: Mutex<std::process::Child>,
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.keeper.hang_up();
        // The first stage ends when the second has, and with that one every process of the lab.
        let _ = lock(&self.child).wait();
    }
}

/// Directories with the programs under test that a host would not see otherwise, because they
/// lie below a directory that each host has for itself.
fn hidden_programs() -> Vec<PathBuf> {
    let Ok(exe) = std::env::current_exe() else { return Vec::new() };
    let target = exe.ancestors().find(|d| d.join("CACHEDIR.TAG").exists()).map(Path::to_path_buf);
    target.into_iter().filter(|d| rootfs::hides(d)).collect()
}

fn parse_prefix(text: &str) -> Result<(IpAddr, u8)> {
    let (address, prefix_len) = text.split_once('/').unwrap_or((text, ""));
    let read = || -> Option<(IpAddr, u8)> {
        let address: IpAddr = address.parse().ok()?;
        let full = if address.is_ipv4() { 32 } else { 128 };
        Some((address, if prefix_len.is_empty() { full } else { prefix_len.parse().ok()? }))
    };
    read().ok_or_else(|| Error(format!("`{text}` is not an address like 10.0.0.1/24")))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
