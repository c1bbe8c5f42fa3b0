//! One host of a lab: everything a test does inside it.
//!
//! Owns: the calls. Leaves to others: carrying them out (`keeper`), making hosts ([`super::Lab`]).

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::control::Keeper;
use super::program::{Cmd, Output, Process};
use super::wire::{Answer, Ask, Open, Socket};
use super::{Address, Error, INTERFACE, ProcessInfo, Result, Signal, Switch, parse_prefix};

/// How long a connection may take to be established.
const CONNECT_MS_MAX: u64 = 5_000;

/// A host of a lab. Clones are the same host.
#[derive(Debug, Clone)]
pub struct Host(pub(super) Arc<HostInner>);

#[derive(Debug)]
pub(super) struct HostInner {
    pub(super) keeper: Keeper,
    /// Its port on the switch.
    pub(super) port: String,
    pub(super) dropped: Vec<String>,
    pub(super) address: IpAddr,
    /// The lab's work directory.
    pub(super) work: PathBuf,
    pub(super) switch: Arc<Switch>,
}

impl Host {
    pub fn name(&self) -> &str {
        &self.0.keeper.name
    }

    /// The address it was made with.
    pub fn address(&self) -> IpAddr {
        self.0.address
    }

    /// The lab's work directory, at the same path on the machine and in each host.
    pub fn work(&self) -> &Path {
        &self.0.work
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
            Answer::Pid(pid) => Ok(Process::new(self.clone(), pid)),
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

    /// True if a program of the host listens at this TCP port. Nothing is connected for that, so
    /// that no server sees or logs it.
    ///
    /// # Errors
    /// The host does not answer.
    pub fn listens(&self, port: u16) -> Result<bool> {
        // Local address and port in hexadecimal, then the peer's, then the state; 0A is listening.
        let wanted = format!(":{port:04X} ");
        let listed = |table: &str| -> Result<bool> {
            let text = self.read(table)?;
            Ok(text.lines().any(|l| {
                let words: Vec<&str> = l.split_ascii_whitespace().collect();
                words.get(3) == Some(&"0A")
                    && words.get(1).is_some_and(|a| format!("{a} ").ends_with(&wanted))
            }))
        };
        Ok(listed("/proc/net/tcp")? || listed("/proc/net/tcp6")?)
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

    /// A routing netlink socket, member of these `RTMGRP_…` groups.
    pub(crate) fn route_socket(&self, groups: u32) -> Result<OwnedFd> {
        self.socket(Socket::Route { groups })
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

fn parse_socket(text: &str) -> Result<SocketAddr> {
    text.parse().map_err(|_| Error(format!("`{text}` is not an address like 10.0.0.1:80")))
}

fn slurp(file: &mut File) -> Result<String> {
    file.rewind()?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
