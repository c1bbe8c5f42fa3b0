//! The words between a test and the keeper of a host: one message, one packet of a Unix
//! seqpacket socket, in JSON, with descriptors beside it where there are any.
//!
//! Owns: the message types, sending and receiving. Leaves to others: what the words do.

use std::collections::BTreeMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Address, ProcessInfo};

/// Longest message, bytes. A process list of a few hundred rows stays well below.
const MESSAGE_BYTES_MAX: usize = 160 * 1024;
/// Most descriptors in one message.
const DESCRIPTORS_MAX: usize = 4;

/// How the first process of a namespace is to furnish it; its first message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) name: String,
    /// Directories of the machine that stay visible and writable at their own path.
    pub(crate) shared: Vec<PathBuf>,
    /// Directories to create, empty.
    pub(crate) directories: Vec<PathBuf>,
    /// Users (with a group of the same name) to add where the machine has none.
    pub(crate) users: Vec<(String, u32)>,
    /// Lines of `/etc/hosts`: address and name.
    pub(crate) hosts: Vec<(IpAddr, String)>,
}

/// What a test asks of a keeper.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// Furnish the mount namespace (a host, not the switch).
    Furnish(Setup),
    /// Start the keeper of another host; its control socket is the one descriptor.
    StartHost {
        name: String,
    },
    /// Start a program; its standard input, output and error are the three descriptors.
    Spawn {
        argv: Vec<String>,
        env: BTreeMap<String, String>,
        cwd: PathBuf,
        user: Option<(u32, u32)>,
    },
    /// Make a veth pair: one end on this namespace's bridge, the other in the host `pid`.
    Cable {
        port: String,
        pid: i32,
        interface: String,
    },
    /// Bring a link up or down.
    Link {
        interface: String,
        up: bool,
    },
    /// Add or remove an address.
    Address {
        interface: String,
        address: IpAddr,
        prefix_len: u8,
        add: bool,
    },
    /// Add a default route.
    Gateway {
        gateway: IpAddr,
    },
    /// The addresses of an interface.
    Addresses {
        interface: String,
    },
    Processes,
    Signal {
        pid: i32,
        signal: i32,
    },
    Socket(Socket),
    /// Open a file; the answer carries the descriptor.
    Open {
        path: PathBuf,
        open: Open,
    },
    MakeDirectory {
        path: PathBuf,
        owner: Option<(u32, u32)>,
    },
    Remove {
        path: PathBuf,
    },
    Symlink {
        target: PathBuf,
        link: PathBuf,
    },
    Permissions {
        path: PathBuf,
        mode: u32,
        owner: Option<(u32, u32)>,
    },
    List {
        path: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Open {
    Read,
    Write,
    Append,
    /// Without `O_TRUNC` or `O_CREAT`, as the files of `/proc/sys` want it.
    Existing,
}

/// A socket to be opened inside the host.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Socket {
    TcpListen(SocketAddr),
    /// A TCP socket, bound if an address is given, not yet connected.
    Tcp {
        v6: bool,
        bind: Option<SocketAddr>,
    },
    Udp(SocketAddr),
    UnixListen {
        path: PathBuf,
        mode: u32,
    },
    UnixConnect(PathBuf),
    UnixDatagram {
        path: PathBuf,
        mode: u32,
    },
    /// Sees each Ethernet frame of the host with this EtherType.
    Packet {
        ether_type: u16,
    },
    /// A raw IP socket of this protocol.
    Raw {
        protocol: i32,
    },
    /// A routing netlink socket, member of these groups (`RTMGRP_…` bits).
    Route {
        groups: u32,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Done,
    Pid(i32),
    Addresses(Vec<Address>),
    Processes(Vec<ProcessInfo>),
    Names(Vec<String>),
    /// What had to be left out.
    Dropped(Vec<String>),
    Failed(String),
}

/// A question with the number its answer will carry.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) id: u64,
    pub(crate) ask: Ask,
}

/// What a keeper says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Word {
    /// The keeper stands in its namespaces.
    Ready,
    /// It stands in a user namespace that maps no id yet and waits for a [`Mapped`].
    Unmapped,
    /// It does not; the reason.
    Broken(String),
    Answer {
        id: u64,
        answer: Answer,
    },
    /// A child ended: exit code, or the signal that ended it.
    Ended {
        pid: i32,
        code: Option<i32>,
        signal: Option<i32>,
    },
}

/// Whether the ids of a user namespace were mapped from outside, with all this user is allowed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Mapped(pub(crate) bool);

/// A received message.
pub(crate) struct Received<T> {
    pub(crate) message: T,
    pub(crate) descriptors: Vec<OwnedFd>,
    /// The sender's process id as this process's namespace numbers it, where the socket asks for it.
    pub(crate) pid: Option<i32>,
}

/// Sends one message.
///
/// # Errors
/// The socket's, and `InvalidInput` for a message longer than the limit.
pub(crate) fn send<T: Serialize>(
    socket: BorrowedFd<'_>,
    message: &T,
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let text = serde_json::to_vec(message).map_err(io::Error::other)?;
    if text.len() > MESSAGE_BYTES_MAX || fds.len() > DESCRIPTORS_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "message to a host is too long"));
    }
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &rights[..0] } else { &rights[..] };
    loop {
        match sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(&text)], control, MsgFlags::MSG_NOSIGNAL, None)
        {
            Ok(_) => return Ok(()),
            Err(nix::Error::EINTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Receives one message, `None` at the end of the conversation.
///
/// # Errors
/// The socket's, and those of reading the JSON.
pub(crate) fn receive<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> io::Result<Option<Received<T>>> {
    let mut buffer = vec![0; MESSAGE_BYTES_MAX];
    let mut control = nix::cmsg_space!([RawFd; DESCRIPTORS_MAX], nix::sys::socket::UnixCredentials);
    let (mut descriptors, mut pid) = (Vec::new(), None);
    let length = loop {
        let mut parts = [IoSliceMut::new(&mut buffer)];
        match recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::MSG_CMSG_CLOEXEC) {
            Ok(got) => {
                for item in got.cmsgs().map_err(io::Error::from)? {
                    match item {
                        ControlMessageOwned::ScmRights(list) => {
                            descriptors.extend(list.into_iter().map(crate::sys::own));
                        }
                        ControlMessageOwned::ScmCredentials(c) => pid = Some(c.pid()),
                        _ => {}
                    }
                }
                break got.bytes;
            }
            Err(nix::Error::EINTR) => {}
            Err(nix::Error::ECONNRESET) => return Ok(None),
            Err(e) => return Err(e.into()),
        }
    };
    if length == 0 {
        return Ok(None);
    }
    let message = serde_json::from_slice(&buffer[..length]).map_err(io::Error::other)?;
    Ok(Some(Received { message, descriptors, pid }))
}
