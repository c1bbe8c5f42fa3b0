//! Sockets opened inside a host. A socket belongs for life to the network namespace it was
//! made in, so the keeper makes it, binds it with the host's rights and paths, and passes it out.
//!
//! Owns: making and binding. Leaves to others: connecting, reading, writing.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket};
use socket2::{Domain, Protocol, SockAddr, Type};

use super::wire::Socket;

/// Connections that may wait to be accepted by a test's origin.
const BACKLOG: i32 = 1024;

pub(crate) fn open(spec: &Socket) -> io::Result<OwnedFd> {
    match spec {
        Socket::TcpListen(address) => {
            let s = socket2::Socket::new(Domain::for_address(*address), Type::STREAM, None)?;
            s.set_reuse_address(true)?;
            s.bind(&(*address).into()).map_err(at(address))?;
            s.listen(BACKLOG)?;
            Ok(s.into())
        }
        Socket::Tcp { v6, bind } => {
            let s = socket2::Socket::new(if *v6 { Domain::IPV6 } else { Domain::IPV4 }, Type::STREAM, None)?;
            if let Some(address) = bind {
                s.set_reuse_address(true)?;
                s.bind(&(*address).into()).map_err(at(address))?;
            }
            Ok(s.into())
        }
        Socket::Udp(address) => {
            let s = socket2::Socket::new(Domain::for_address(*address), Type::DGRAM, None)?;
            s.bind(&(*address).into()).map_err(at(address))?;
            Ok(s.into())
        }
        Socket::UnixListen { path, mode } => {
            let s = unix(Type::STREAM, path, *mode)?;
            s.listen(BACKLOG)?;
            Ok(s.into())
        }
        Socket::UnixDatagram { path, mode } => Ok(unix(Type::DGRAM, path, *mode)?.into()),
        Socket::UnixConnect(path) => {
            let s = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
            s.connect(&SockAddr::unix(path)?).map_err(at(path.display()))?;
            Ok(s.into())
        }
        Socket::Packet { ether_type } => {
            let protocol = Protocol::from(i32::from(ether_type.to_be()));
            Ok(socket2::Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?.into())
        }
        Socket::Raw { protocol } => {
            Ok(socket2::Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(*protocol)))?.into())
        }
        Socket::Route { groups } => {
            let s = socket(
                AddressFamily::Netlink,
                SockType::Raw,
                SockFlag::SOCK_CLOEXEC,
                SockProtocol::NetlinkRoute,
            )?;
            bind(s.as_raw_fd(), &NetlinkAddr::new(0, *groups))?;
            Ok(s)
        }
    }
}

fn unix(kind: Type, path: &Path, mode: u32) -> io::Result<socket2::Socket> {
    let s = socket2::Socket::new(Domain::UNIX, kind, None)?;
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(at(path.display())(e)),
        _ => {}
    }
    s.bind(&SockAddr::unix(path)?).map_err(at(path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(s)
}

fn at(place: impl ToString) -> impl FnOnce(io::Error) -> io::Error {
    move |e| io::Error::new(e.kind(), format!("{}: {e}", place.to_string()))
}
