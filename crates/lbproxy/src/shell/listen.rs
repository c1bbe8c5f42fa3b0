//! Listening sockets: made from a description that can travel to another process.
//!
//! Owns: [`Spec`], all that makes one listening socket different from another, and [`Spec::bind`]. Invariants: a
//! spec is complete (whoever binds it needs nothing else), equal specs mean the same socket, and Internet sockets
//! can always be bound to an address that the host does not hold yet (IP_FREEBIND), so that both hosts of a pair
//! can listen on the virtual address. Who may bind what is decided in `process`.

use std::{
    borrow::Cow,
    fmt,
    fs::{self, Permissions},
    hash::{DefaultHasher, Hash, Hasher},
    io,
    net::SocketAddr,
    os::{
        fd::OwnedFd,
        unix::fs::{FileTypeExt as _, PermissionsExt as _, chown},
    },
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::{
    compile::plan::{Bind, Endpoint, Frontend, Tune},
    sys,
};

/// Connections that may wait to be accepted where the configuration sets no limit; the kernel lowers it to
/// `net.core.somaxconn`.
const BACKLOG_DEFAULT: u32 = 1_024;
/// Pending TCP Fast Open requests per socket.
const FASTOPEN_QUEUE: i32 = 1_024;
/// Seconds for which the kernel holds a connection back until data arrive (`defer-accept`).
const DEFER_ACCEPT_S: u32 = 60;
/// Bytes of `sun_path`.
const SUN_PATH_MAX: usize = 108;

/// What a listening socket is bound to.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Place {
    Inet(SocketAddr),
    Unix {
        path: PathBuf,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
    },
    Abstract {
        name: String,
        padded: bool,
    },
    /// A descriptor inherited from whoever started the process.
    Fd(i32),
}

/// Everything that a listening socket is made from.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Spec {
    pub place: Place,
    pub backlog: u32,
    pub transparent: bool,
    pub v6only: Option<bool>,
    pub interface: Option<String>,
    pub defer_accept: bool,
    pub tfo: bool,
    pub mss: Option<i32>,
    /// Accepted connections inherit these.
    pub keepalive: bool,
    pub rcvbuf: Option<u32>,
    pub sndbuf: Option<u32>,
}

impl Spec {
    /// The socket of a `bind` line.
    pub fn of_bind(bind: &Bind, frontend: &Frontend, tune: &Tune) -> Spec {
        let backlog = [bind.backlog.unwrap_or(0), frontend.backlog, frontend.maxconn];
        Spec {
            backlog: backlog.into_iter().find(|&n| n > 0).unwrap_or(BACKLOG_DEFAULT),
            keepalive: frontend.tcp.keepalive,
            rcvbuf: tune.rcvbuf_client,
            sndbuf: tune.sndbuf_client,
            ..Spec::plain(bind)
        }
    }

    /// The socket of a line outside any proxy (`stats socket`).
    pub fn plain(bind: &Bind) -> Spec {
        let place = match &bind.endpoint {
            Endpoint::Inet(a) => Place::Inet(*a),
            Endpoint::Unix(path) => Place::Unix {
                path: path.clone(),
                mode: bind.unix_mode,
                uid: bind.unix_uid,
                gid: bind.unix_gid,
            },
            Endpoint::Abstract { name, padded } => Place::Abstract { name: name.clone(), padded: *padded },
            Endpoint::Fd(fd) => Place::Fd(*fd),
        };
        Spec {
            place,
            backlog: bind.backlog.unwrap_or(BACKLOG_DEFAULT),
            transparent: bind.transparent,
            v6only: bind.v6only,
            interface: bind.interface.clone(),
            defer_accept: bind.defer_accept,
            tfo: bind.tfo,
            mss: bind.mss,
            keepalive: false,
            rcvbuf: None,
            sndbuf: None,
        }
    }

    /// Identity over reloads: the `nth` socket (from 0) of this description within one configuration.
    pub fn key(&self, nth: usize) -> u64 {
        let mut h = DefaultHasher::new();
        (self, nth).hash(&mut h);
        h.finish()
    }

    /// Each thread can have a socket of its own (SO_REUSEPORT); otherwise all share one.
    pub fn per_thread(&self) -> bool {
        matches!(self.place, Place::Inet(_))
    }

    /// Binds and listens.
    ///
    /// # Errors
    /// [`BindError`] with the step that failed and the system's reason.
    pub fn bind(&self) -> Result<OwnedFd, BindError> {
        let fail = |step: &'static str| move |e: io::Error| BindError::new(self, step, e);
        match &self.place {
            Place::Inet(addr) => self.bind_inet(*addr, &fail),
            Place::Unix { path, mode, uid, gid } => {
                self.bind_unix(path, *mode, *uid, *gid).map_err(fail("cannot bind UNIX socket"))
            }
            Place::Abstract { name, padded } => {
                self.bind_abstract(name, *padded).map_err(fail("cannot bind UNIX socket"))
            }
            Place::Fd(fd) => inherited(*fd).map_err(fail("cannot use file descriptor")),
        }
    }

    fn protocol(&self) -> &'static str {
        match &self.place {
            Place::Inet(a) if a.is_ipv4() => "tcpv4",
            Place::Inet(_) => "tcpv6",
            Place::Unix { .. } => "unix_stream",
            Place::Abstract { .. } => "abns_stream",
            Place::Fd(_) => "fd",
        }
    }

    fn bind_inet<F>(&self, addr: SocketAddr, fail: &impl Fn(&'static str) -> F) -> Result<OwnedFd, BindError>
    where
        F: FnOnce(io::Error) -> BindError,
    {
        let socket =
            Socket::new(Domain::for_address(addr), Type::STREAM.nonblocking(), Some(socket2::Protocol::TCP))
                .map_err(fail("cannot create listening socket"))?;
        self.set_address_options(&socket, addr).map_err(fail("cannot set the options of the socket"))?;
        if let Some(name) = &self.interface {
            socket.bind_device(Some(name.as_bytes())).map_err(fail("cannot bind listener to device"))?;
        }
        socket.bind(&addr.into()).map_err(fail("cannot bind socket"))?;
        self.set_connection_options(&socket).map_err(fail("cannot set the options of the socket"))?;
        socket.listen(self.backlog()).map_err(fail("cannot listen to socket"))?;
        Ok(socket.into())
    }

    fn set_address_options(&self, socket: &Socket, addr: SocketAddr) -> io::Result<()> {
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        if addr.is_ipv4() {
            socket.set_freebind_v4(true)?;
        } else {
            socket.set_freebind_v6(true)?;
            if let Some(only) = self.v6only {
                socket.set_only_v6(only)?;
            }
        }
        if self.transparent {
            // Needs CAP_NET_ADMIN; freebind already allows any address, so that only a refusal to take packets for
            // foreign addresses would be noticed later, and must be said now.
            if addr.is_ipv4() {
                socket.set_ip_transparent_v4(true)?
            } else {
                socket.set_ip_transparent_v6(true)?
            }
        }
        Ok(())
    }

    /// What accepted connections inherit, and when they are handed over.
    fn set_connection_options(&self, socket: &Socket) -> io::Result<()> {
        socket.set_tcp_nodelay(true)?;
        if self.keepalive {
            socket.set_keepalive(true)?;
        }
        if let Some(n) = self.rcvbuf {
            socket.set_recv_buffer_size(n as usize)?;
        }
        if let Some(n) = self.sndbuf {
            socket.set_send_buffer_size(n as usize)?;
        }
        if let Some(n) = self.mss.and_then(|n| u32::try_from(n.abs()).ok()) {
            socket.set_tcp_mss(n)?;
        }
        if self.defer_accept {
            sys::set_defer_accept(socket, DEFER_ACCEPT_S)?;
        }
        if self.tfo {
            sys::set_fastopen(socket, FASTOPEN_QUEUE)?;
        }
        Ok(())
    }

    /// Binds beside the final path and moves the socket there, so that clients never meet a missing or half-made
    /// one; what another process left there is replaced.
    fn bind_unix(
        &self,
        path: &Path,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> io::Result<OwnedFd> {
        match fs::symlink_metadata(path) {
            Ok(m) if !m.file_type().is_socket() => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "a file that is no socket is there",
                ));
            }
            _ => {}
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.tmp", std::process::id()));
        let beside = PathBuf::from(beside);
        if beside.as_os_str().len() >= SUN_PATH_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is too long for a socket"));
        }
        let _ = fs::remove_file(&beside);
        let made = (|| {
            let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
            socket.bind(&SockAddr::unix(&beside)?)?;
            if uid.is_some() || gid.is_some() {
                chown(&beside, uid, gid)?;
            }
            if let Some(mode) = mode {
                fs::set_permissions(&beside, Permissions::from_mode(mode))?;
            }
            socket.listen(self.backlog())?;
            fs::rename(&beside, path)?;
            Ok(socket.into())
        })();
        if made.is_err() {
            let _ = fs::remove_file(&beside);
        }
        made
    }

    fn bind_abstract(&self, name: &str, padded: bool) -> io::Result<OwnedFd> {
        let mut bytes = vec![0];
        bytes.extend_from_slice(name.as_bytes());
        if bytes.len() > SUN_PATH_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name is too long for a socket"));
        }
        if padded {
            bytes.resize(SUN_PATH_MAX, 0);
        }
        let address = {
            use std::os::unix::ffi::OsStrExt as _;
            SockAddr::unix(std::ffi::OsStr::from_bytes(&bytes))?
        };
        let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
        socket.bind(&address)?;
        socket.listen(self.backlog())?;
        Ok(socket.into())
    }

    fn backlog(&self) -> i32 {
        i32::try_from(self.backlog).unwrap_or(i32::MAX)
    }
}

/// A duplicate of an inherited listening descriptor; the original stays for the next reload.
fn inherited(fd: i32) -> io::Result<OwnedFd> {
    let socket = Socket::from(sys::duplicate_inherited(fd)?);
    if !socket.is_listener()? {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not listening"));
    }
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The address in the form of HAProxy's messages.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Inet(a) => write!(f, "{}:{}", a.ip(), a.port()),
            Place::Unix { path, .. } => write!(f, "{}", path.display()),
            Place::Abstract { name, padded: true } => write!(f, "abns@{name}"),
            Place::Abstract { name, padded: false } => write!(f, "abnsz@{name}"),
            Place::Fd(fd) => write!(f, "fd@{fd}"),
        }
    }
}

/// A socket that could not be had. `Display` is what follows "Binding […] for frontend …: " in HAProxy's messages.
#[derive(Debug, thiserror::Error)]
#[error("protocol {protocol}: {step} ({reason}) for [{address}]", reason = sys::reason(cause))]
pub struct BindError {
    pub protocol: &'static str,
    pub step: Cow<'static, str>,
    pub cause: io::Error,
    pub address: String,
}

impl BindError {
    pub fn new(spec: &Spec, step: impl Into<Cow<'static, str>>, cause: io::Error) -> BindError {
        BindError { protocol: spec.protocol(), step: step.into(), cause, address: spec.to_string() }
    }

    /// Another process holds the address; it may leave it soon.
    pub fn in_use(&self) -> bool {
        self.cause.kind() == io::ErrorKind::AddrInUse
    }
}

#[cfg(test)]
mod tests;
