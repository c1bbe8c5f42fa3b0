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

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair, sockopt};
use serde::{Deserialize, Serialize};

pub use nix::sys::signal::Signal;

pub(crate) mod keeper;
mod links;
mod rootfs;
mod sockets;
mod wire;

use wire::{Answer, Ask, Open, Question, Setup, Socket, Word};

/// Set in the environment of a keeper; says which one it is.
pub(crate) const ROLE: &str = "E2E_NETNS_ROLE";
/// The switch's bridge.
const BRIDGE: &str = "br0";
/// The one interface of a host.
pub const INTERFACE: &str = "eth0";
/// How long a keeper may take to answer before the lab counts as broken.
const ANSWER_MS_MAX: u64 = 20_000;
/// How long a connection may take to be established.
const CONNECT_MS_MAX: u64 = 5_000;
/// Users that the configurations name, with the ids they get where the machine has no such user.
const USERS: &[(&str, u32)] = &[("haproxy", 990), ("keepalived_script", 991), ("lbproxy", 992)];

/// What went wrong, in a sentence for people.
#[derive(Clone)]
pub struct Error(String);

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

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

impl Exit {
    /// The exit code, `None` if a signal ended it.
    pub fn code(self) -> Option<i32> {
        match self {
            Exit::Code(c) => Some(c),
            Exit::Signal(_) => None,
        }
    }

    pub fn success(self) -> bool {
        self == Exit::Code(0)
    }
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
        let host =
            Host(Arc::new(HostInner { keeper, port, dropped, address, switch: Arc::clone(&self.switch) }));
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

/// A host of a lab. Clones are the same host.
#[derive(Debug, Clone)]
pub struct Host(Arc<HostInner>);

#[derive(Debug)]
struct HostInner {
    keeper: Keeper,
    /// Its port on the switch.
    port: String,
    dropped: Vec<String>,
    address: IpAddr,
    switch: Arc<Switch>,
}

/// A program to run in a host: the arguments, the environment and where its words go.
#[derive(Debug)]
pub struct Cmd {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    cwd: PathBuf,
    user: Option<(u32, u32)>,
    stdin: Option<OwnedFd>,
    output: Option<OwnedFd>,
    errors: Option<OwnedFd>,
}

impl Cmd {
    /// A program by path, or by name along `PATH`.
    pub fn new(program: impl AsRef<Path>) -> Cmd {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let env = [("PATH", path), ("HOME", "/root"), ("LANG", "C.UTF-8")];
        Cmd {
            argv: vec![program.as_ref().to_string_lossy().into_owned()],
            env: env.map(|(k, v)| (k.to_string(), v.to_string())).into(),
            cwd: PathBuf::from("/"),
            user: None,
            stdin: None,
            output: None,
            errors: None,
        }
    }

    /// A line for `sh -c`.
    pub fn shell(line: &str) -> Cmd {
        Cmd::new("sh").arg("-c").arg(line)
    }

    pub fn arg(mut self, argument: impl AsRef<Path>) -> Cmd {
        self.argv.push(argument.as_ref().to_string_lossy().into_owned());
        self
    }

    pub fn args<I: IntoIterator<Item = S>, S: AsRef<Path>>(self, arguments: I) -> Cmd {
        arguments.into_iter().fold(self, Cmd::arg)
    }

    pub fn env(mut self, name: &str, value: &str) -> Cmd {
        self.env.insert(name.to_string(), value.to_string());
        self
    }

    pub fn cwd(mut self, path: impl Into<PathBuf>) -> Cmd {
        self.cwd = path.into();
        self
    }

    /// Runs as this user and group, by number.
    pub fn user(mut self, uid: u32, gid: u32) -> Cmd {
        self.user = Some((uid, gid));
        self
    }

    pub fn stdin(mut self, input: impl Into<OwnedFd>) -> Cmd {
        self.stdin = Some(input.into());
        self
    }

    /// Where its output goes; errors go there too unless [`Cmd::errors`] says otherwise.
    pub fn output(mut self, output: impl Into<OwnedFd>) -> Cmd {
        self.output = Some(output.into());
        self
    }

    pub fn errors(mut self, errors: impl Into<OwnedFd>) -> Cmd {
        self.errors = Some(errors.into());
        self
    }
}

/// What a finished program said.
#[derive(Debug, Clone)]
pub struct Output {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
}

/// A program started in a host. It is not ended when this is dropped; the lab's end does that.
#[derive(Debug, Clone)]
pub struct Process {
    host: Host,
    /// As the host numbers it.
    pub pid: i32,
}

impl Process {
    /// How it ended, waiting no longer than this; `None` if it runs on.
    pub fn wait(&self, patience: Duration) -> Option<Exit> {
        self.host.0.keeper.wait_end(self.pid, patience)
    }

    pub fn running(&self) -> bool {
        self.wait(Duration::ZERO).is_none()
    }

    /// Sends a signal to this process alone.
    ///
    /// # Errors
    /// As `kill(2)`.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.host.signal(self.pid, signal)
    }
}

impl Host {
    pub fn name(&self) -> &str {
        &self.0.keeper.name
    }

    /// The address it was made with.
    pub fn address(&self) -> IpAddr {
        self.0.address
    }

    /// What this host had to do without, in sentences for people; usually nothing.
    pub fn dropped(&self) -> &[String] {
        &self.0.dropped
    }

    /// The process id of its first process on the machine, for `nsenter -t PID -m -n -p -u`.
    pub fn machine_pid(&self) -> i32 {
        self.0.keeper.pid
    }

    /// Starts a program.
    ///
    /// # Errors
    /// It cannot be found or run.
    pub fn spawn(&self, cmd: Cmd) -> Result<Process> {
        let null = || File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from);
        let input = cmd.stdin.map_or_else(null, Ok)?;
        let output = cmd.output.map_or_else(null, Ok)?;
        let errors = cmd.errors.map_or_else(|| output.try_clone(), Ok)?;
        let ask = Ask::Spawn { argv: cmd.argv, env: cmd.env, cwd: cmd.cwd, user: cmd.user };
        match self.0.keeper.ask_with(ask, &[input.as_fd(), output.as_fd(), errors.as_fd()])?.0 {
            Answer::Pid(pid) => Ok(Process { host: self.clone(), pid }),
            other => Err(Error(format!("{}: unexpected answer {other:?}", self.name()))),
        }
    }

    /// Runs a program to its end (a minute at most) and returns what it said. What it leaves
    /// running in the background may keep its output open; that is not waited for.
    ///
    /// # Errors
    /// It cannot be run, or does not end.
    pub fn exec(&self, cmd: Cmd) -> Result<Output> {
        let line = cmd.argv.join(" ");
        let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let process = self.spawn(cmd.output(out.try_clone()?).errors(err.try_clone()?))?;
        let Some(exit) = process.wait(Duration::from_secs(60)) else {
            let _ = process.signal(Signal::SIGKILL);
            return Err(Error(format!("{}: `{line}` did not end within a minute", self.name())));
        };
        Ok(Output { exit, stdout: slurp(&mut out)?, stderr: slurp(&mut err)? })
    }

    /// Runs a line of `sh` that must succeed; returns its output.
    ///
    /// # Errors
    /// As [`Host::exec`], and an exit code that is not 0.
    pub fn sh(&self, line: &str) -> Result<String> {
        let out = self.exec(Cmd::shell(line))?;
        match out.exit.success() {
            true => Ok(out.stdout),
            false => {
                Err(Error(format!("{}: `{line}`: {:?}\n{}{}", self.name(), out.exit, out.stdout, out.stderr)))
            }
        }
    }

    /// All its processes but the first.
    pub fn processes(&self) -> Result<Vec<ProcessInfo>> {
        match self.0.keeper.ask(Ask::Processes)? {
            Answer::Processes(list) => Ok(list),
            other => Err(Error(format!("{}: unexpected answer {other:?}", self.name()))),
        }
    }

    /// The processes of this name, oldest number first; without zombies.
    pub fn pids(&self, name: &str) -> Result<Vec<i32>> {
        let list = self.processes()?;
        Ok(list.into_iter().filter(|p| p.name == name && p.state != 'Z').map(|p| p.pid).collect())
    }

    pub fn signal(&self, pid: i32, signal: Signal) -> Result<()> {
        self.done(Ask::Signal { pid, signal: signal as i32 })
    }

    /// Sends a signal to each process of this name; says how many there were.
    pub fn kill_named(&self, name: &str, signal: Signal) -> Result<usize> {
        let pids = self.pids(name)?;
        for pid in &pids {
            self.signal(*pid, signal)?;
        }
        Ok(pids.len())
    }

    /// The addresses of one of its interfaces.
    pub fn addresses(&self, interface: &str) -> Result<Vec<Address>> {
        match self.0.keeper.ask(Ask::Addresses { interface: interface.into() })? {
            Answer::Addresses(list) => Ok(list),
            other => Err(Error(format!("{}: unexpected answer {other:?}", self.name()))),
        }
    }

    /// True if it holds this address on `eth0`.
    pub fn holds(&self, address: IpAddr) -> Result<bool> {
        Ok(self.addresses(INTERFACE)?.iter().any(|a| a.address == address))
    }

    /// Adds an address (`10.0.0.9/24`).
    pub fn add_address(&self, interface: &str, address: &str) -> Result<()> {
        let (address, prefix_len) = parse_prefix(address)?;
        self.done(Ask::Address { interface: interface.into(), address, prefix_len, add: true })
    }

    pub fn del_address(&self, interface: &str, address: &str) -> Result<()> {
        let (address, prefix_len) = parse_prefix(address)?;
        self.done(Ask::Address { interface: interface.into(), address, prefix_len, add: false })
    }

    pub fn gateway(&self, gateway: IpAddr) -> Result<()> {
        self.done(Ask::Gateway { gateway })
    }

    /// Brings an interface up or down, as `ip link set` does.
    pub fn link(&self, interface: &str, up: bool) -> Result<()> {
        self.done(Ask::Link { interface: interface.into(), up })
    }

    /// Pulls its cable out of the switch, or puts it back: the host sees its carrier go.
    pub fn plug(&self, in_: bool) -> Result<()> {
        let ask = Ask::Link { interface: self.0.port.clone(), up: in_ };
        self.0.switch.keeper.ask(ask).map(|_| ())
    }

    /// Sets a kernel parameter by its `sysctl` name, `net.ipv4.ip_nonlocal_bind`.
    pub fn sysctl(&self, key: &str, value: &str) -> Result<()> {
        let path = Path::new("/proc/sys").join(key.replace('.', "/"));
        self.open(&path, Open::Existing)?
            .write_all(value.as_bytes())
            .map_err(|e| Error(format!("sysctl {key}: {e}")))
    }

    /// Writes a file of the host, making the directories on the way.
    pub fn write(&self, path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> Result<()> {
        let path = path.as_ref();
        if let Some(parent) = path.parent() {
            self.mkdir(parent, None)?;
        }
        Ok(self.open(path, Open::Write)?.write_all(contents.as_ref())?)
    }

    pub fn read(&self, path: impl AsRef<Path>) -> Result<String> {
        let mut text = Vec::new();
        self.open(path.as_ref(), Open::Read)?.read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Opens a file of the host to append to it; it is made where it is not there.
    pub fn append(&self, path: impl AsRef<Path>) -> Result<File> {
        self.open(path.as_ref(), Open::Append)
    }

    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        let path = path.as_ref();
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return false };
        self.list(parent).is_ok_and(|names| names.iter().any(|n| Path::new(n) == Path::new(name)))
    }

    /// The names in a directory.
    pub fn list(&self, path: impl Into<PathBuf>) -> Result<Vec<String>> {
        match self.0.keeper.ask(Ask::List { path: path.into() })? {
            Answer::Names(list) => Ok(list),
            other => Err(Error(format!("{}: unexpected answer {other:?}", self.name()))),
        }
    }

    /// Makes a directory and those above it; `owner` is user and group by number.
    pub fn mkdir(&self, path: impl Into<PathBuf>, owner: Option<(u32, u32)>) -> Result<()> {
        self.done(Ask::MakeDirectory { path: path.into(), owner })
    }

    /// Removes a file or a whole directory.
    pub fn remove(&self, path: impl Into<PathBuf>) -> Result<()> {
        self.done(Ask::Remove { path: path.into() })
    }

    pub fn symlink(&self, target: impl Into<PathBuf>, link: impl Into<PathBuf>) -> Result<()> {
        self.done(Ask::Symlink { target: target.into(), link: link.into() })
    }

    pub fn permissions(&self, path: impl Into<PathBuf>, mode: u32, owner: Option<(u32, u32)>) -> Result<()> {
        self.done(Ask::Permissions { path: path.into(), mode, owner })
    }

    /// Listens inside the host, privileged ports too.
    pub fn tcp_listen(&self, address: &str) -> Result<TcpListener> {
        Ok(self.socket(Socket::TcpListen(parse_socket(address)?))?.into())
    }

    /// Connects from inside the host.
    ///
    /// # Errors
    /// As `connect(2)`; the peer must answer within five seconds.
    pub fn tcp_connect(&self, to: &str) -> Result<TcpStream> {
        Ok(self.tcp_connect_from(parse_socket(to)?, None, Duration::from_millis(CONNECT_MS_MAX))?)
    }

    /// Connects with a source address of choice and a patience of choice. The plain
    /// [`io::Error`] tells apart what a client cares about: refused, timed out, unreachable.
    ///
    /// # Errors
    /// As `connect(2)`.
    pub fn tcp_connect_from(
        &self,
        to: SocketAddr,
        from: Option<SocketAddr>,
        patience: Duration,
    ) -> io::Result<TcpStream> {
        let made =
            self.socket(Socket::Tcp { v6: to.is_ipv6(), bind: from }).map_err(|e| io::Error::other(e.0))?;
        let made = socket2::Socket::from(made);
        made.connect_timeout(&to.into(), patience)?;
        Ok(made.into())
    }

    /// A TCP socket of the host that is not connected yet; connect it where and how you like.
    pub fn tcp_socket(&self, v6: bool) -> Result<socket2::Socket> {
        Ok(self.socket(Socket::Tcp { v6, bind: None })?.into())
    }

    pub fn udp_bind(&self, address: &str) -> Result<UdpSocket> {
        Ok(self.socket(Socket::Udp(parse_socket(address)?))?.into())
    }

    pub fn unix_listen(&self, path: impl Into<PathBuf>, mode: u32) -> Result<UnixListener> {
        Ok(self.socket(Socket::UnixListen { path: path.into(), mode })?.into())
    }

    pub fn unix_connect(&self, path: impl Into<PathBuf>) -> Result<UnixStream> {
        Ok(self.socket(Socket::UnixConnect(path.into()))?.into())
    }

    /// A datagram socket at a path, made anew; `/dev/log` for one.
    pub fn unix_datagram(&self, path: impl Into<PathBuf>, mode: u32) -> Result<UnixDatagram> {
        Ok(self.socket(Socket::UnixDatagram { path: path.into(), mode })?.into())
    }

    /// A packet socket that sees each Ethernet frame of this EtherType (3 is all).
    pub fn packet_socket(&self, ether_type: u16) -> Result<socket2::Socket> {
        Ok(self.socket(Socket::Packet { ether_type })?.into())
    }

    /// A raw IPv4 socket of this protocol (112 is VRRP).
    pub fn raw_socket(&self, protocol: i32) -> Result<socket2::Socket> {
        Ok(self.socket(Socket::Raw { protocol })?.into())
    }

    fn socket(&self, spec: Socket) -> Result<OwnedFd> {
        let (_, mut fds) = self.0.keeper.ask_with(Ask::Socket(spec), &[])?;
        fds.pop().ok_or_else(|| Error(format!("{}: no socket came", self.name())))
    }

    fn open(&self, path: &Path, open: Open) -> Result<File> {
        let (_, mut fds) = self.0.keeper.ask_with(Ask::Open { path: path.to_path_buf(), open }, &[])?;
        fds.pop().map(File::from).ok_or_else(|| Error(format!("{}: no file came", self.name())))
    }

    fn done(&self, ask: Ask) -> Result<()> {
        self.0.keeper.ask(ask).map(|_| ())
    }
}

/// The test's end of a keeper's control socket.
#[derive(Debug)]
struct Keeper {
    name: String,
    pid: i32,
    socket: Arc<OwnedFd>,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    asked: u64,
    answers: HashMap<u64, (Answer, Vec<OwnedFd>)>,
    ended: HashMap<i32, Exit>,
    gone: bool,
}

impl Keeper {
    /// Waits for a keeper's first word.
    fn greet(name: &str, socket: OwnedFd) -> Result<Keeper> {
        let first = wire::receive::<Word>(socket.as_fd()).map_err(|e| Error(format!("host {name}: {e}")))?;
        let pid = match first {
            Some(wire::Received { message: Word::Ready, pid: Some(pid), .. }) => pid,
            Some(wire::Received { message: Word::Broken(why), .. }) => {
                return Err(Error(format!("host {name}: {why}")));
            }
            _ => return Err(Error(format!("host {name}: its first process ended without a word"))),
        };
        let socket = Arc::new(socket);
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let (s, st) = (Arc::clone(&socket), Arc::clone(&state));
        std::thread::Builder::new().name(format!("lab-{name}")).spawn(move || listen(&s, &st))?;
        Ok(Keeper { name: name.to_string(), pid, socket, state })
    }

    fn ask(&self, ask: Ask) -> Result<Answer> {
        self.ask_with(ask, &[]).map(|(answer, _)| answer)
    }

    fn ask_with(&self, ask: Ask, fds: &[BorrowedFd<'_>]) -> Result<(Answer, Vec<OwnedFd>)> {
        let id = {
            let mut state = lock(&self.state.0);
            state.asked += 1;
            state.asked
        };
        wire::send(self.socket.as_fd(), &Question { id, ask }, fds)
            .map_err(|e| Error(format!("{}: {e}", self.name)))?;
        let until = Instant::now() + Duration::from_millis(ANSWER_MS_MAX);
        let mut state = lock(&self.state.0);
        loop {
            if let Some((answer, fds)) = state.answers.remove(&id) {
                return match answer {
                    Answer::Failed(why) => Err(Error(format!("{}: {why}", self.name))),
                    answer => Ok((answer, fds)),
                };
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.gone || left.is_zero() {
                return Err(Error(format!("host {} does not answer any more", self.name)));
            }
            state = self.state.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wait_end(&self, pid: i32, patience: Duration) -> Option<Exit> {
        let until = Instant::now() + patience;
        let mut state = lock(&self.state.0);
        loop {
            if let Some(exit) = state.ended.get(&pid) {
                return Some(*exit);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || state.gone {
                return None;
            }
            state = self.state.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends the conversation; the keeper ends itself and its host at that.
    fn hang_up(&self) {
        use std::os::fd::AsRawFd;
        let _ = nix::sys::socket::shutdown(self.socket.as_raw_fd(), nix::sys::socket::Shutdown::Both);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.hang_up();
    }
}

fn listen(socket: &OwnedFd, state: &(Mutex<State>, Condvar)) {
    loop {
        let word = wire::receive::<Word>(socket.as_fd());
        let mut held = lock(&state.0);
        match word {
            Ok(Some(got)) => match got.message {
                Word::Answer { id, answer } => drop(held.answers.insert(id, (answer, got.descriptors))),
                Word::Ended { pid, code: Some(code), .. } => drop(held.ended.insert(pid, Exit::Code(code))),
                Word::Ended { pid, signal, .. } => {
                    drop(held.ended.insert(pid, Exit::Signal(signal.unwrap_or(0))))
                }
                Word::Ready | Word::Broken(_) => {}
            },
            Ok(None) | Err(_) => held.gone = true,
        }
        state.1.notify_all();
        if held.gone {
            return;
        }
    }
}

fn control_pair() -> Result<(OwnedFd, OwnedFd)> {
    let kind = SockType::SeqPacket;
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).map_err(io::Error::from)?;
    setsockopt(&ours, sockopt::PassCred, &true).map_err(io::Error::from)?;
    Ok((ours, theirs))
}

/// Directories with the programs under test that a host would not see otherwise, because they
/// lie below a directory that each host has for itself.
fn hidden_programs() -> Vec<PathBuf> {
    let Ok(exe) = std::env::current_exe() else { return Vec::new() };
    let target = exe.ancestors().find(|d| d.join("CACHEDIR.TAG").exists()).map(Path::to_path_buf);
    let target = target.or_else(|| exe.parent().map(Path::to_path_buf));
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

fn parse_socket(text: &str) -> Result<SocketAddr> {
    text.parse().map_err(|_| Error(format!("`{text}` is not an address like 10.0.0.1:80")))
}

fn slurp(file: &mut File) -> Result<String> {
    use std::io::Seek;
    file.rewind()?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
