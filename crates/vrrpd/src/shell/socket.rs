//! Raw VRRP sockets: one pair (in, out) per interface and way, opened and closed as the router says.
//!
//! Invariants: what arrives is handed on with the socket it came from; our own multicast is not looped back
//! (IP_MULTICAST_LOOP 0 on the sender); only the group that was joined is heard (IP_MULTICAST_ALL 0). Leaves
//! every check of the packets to `engine::wire`.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::fd::OwnedFd,
};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, Type};
use tokio::{io::unix::AsyncFd, sync::mpsc, task::JoinHandle};

use crate::{
    engine::{
        router::{Socket, Way},
        wire::PROTOCOL,
    },
    sys,
};

/// An advert with 255 addresses, its IP header and options.
const PACKET_MAX: usize = 20 + 40 + 8 + 255 * 16 + 8;
/// Packets that wait for the engine; beyond it the kernel's buffer fills and drops.
const WAITING_MAX: usize = 256;
/// The protocol number of a socket that sends whole IP packets and receives none.
const IPPROTO_RAW: i32 = 255;

/// A packet with the socket that it came from.
pub type Arrival = (Socket, Vec<u8>);

/// All open sockets.
#[derive(Debug)]
pub struct Sockets {
    open: BTreeMap<Socket, Pair>,
    arrivals: mpsc::Sender<Arrival>,
}

#[derive(Debug)]
struct Pair {
    out: socket2::Socket,
    reader: JoinHandle<()>,
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Sockets {
    pub fn new() -> (Sockets, mpsc::Receiver<Arrival>) {
        let (arrivals, receiver) = mpsc::channel(WAITING_MAX);
        (Sockets { open: BTreeMap::new(), arrivals }, receiver)
    }

    /// Needs CAP_NET_RAW and a runtime. `interface` is the name of the socket's link.
    pub fn open(&mut self, socket: Socket, interface: &str) -> io::Result<()> {
        let (group, local) = match socket.way {
            Way::Multicast(IpAddr::V4(group)) => (Some(group), group),
            Way::Unicast(IpAddr::V4(local)) => (None, local),
            Way::Multicast(IpAddr::V6(_)) | Way::Unicast(IpAddr::V6(_)) => {
                return Err(io::Error::new(io::ErrorKind::Unsupported, "adverts over IPv6"));
            }
        };
        let inward = receiver(socket.link, interface, local, group)?;
        let out = socket2::Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(IPPROTO_RAW)))?;
        out.bind_device(Some(interface.as_bytes()))?;
        out.set_header_included_v4(true)?;
        out.set_multicast_loop_v4(false)?;
        out.set_nonblocking(true)?;
        let watched = sys::watch(OwnedFd::from(inward.try_clone()?))?;
        let reader = tokio::spawn(read(socket, inward, watched, self.arrivals.clone()));
        self.open.insert(socket, Pair { out, reader });
        Ok(())
    }

    pub fn close(&mut self, socket: Socket) {
        self.open.remove(&socket);
    }

    /// Sends a whole IP packet.
    pub fn send(&self, socket: Socket, destination: IpAddr, packet: &[u8]) -> io::Result<()> {
        let pair = self.open.get(&socket).ok_or(io::ErrorKind::NotConnected)?;
        pair.out.send_to(packet, &SockAddr::from(SocketAddr::new(destination, 0))).map(drop)
    }
}

fn receiver(
    link: u32,
    interface: &str,
    local: Ipv4Addr,
    group: Option<Ipv4Addr>,
) -> io::Result<socket2::Socket> {
    let s = socket2::Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(i32::from(PROTOCOL))))?;
    s.set_nonblocking(true)?;
    s.bind_device(Some(interface.as_bytes()))?;
    s.set_multicast_all_v4(false)?;
    if let Some(group) = group {
        s.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(link))?;
    }
    s.bind(&SockAddr::from(SocketAddr::new(IpAddr::V4(local), 0)))?;
    Ok(s)
}

/// Hands packets on until the socket is closed.
async fn read(
    socket: Socket,
    mut inward: socket2::Socket,
    watched: AsyncFd<OwnedFd>,
    arrivals: mpsc::Sender<Arrival>,
) {
    let mut buffer = vec![0; PACKET_MAX];
    loop {
        let Ok(mut guard) = watched.readable().await else { return };
        // An interface that goes down says so by an error on the socket; the link event tells the rest.
        if let Ok(Ok(length)) = guard.try_io(|_| inward.read(&mut buffer)) {
            let packet = buffer.get(..length).unwrap_or_default().to_vec();
            if arrivals.send((socket, packet)).await.is_err() {
                return;
            }
        }
    }
}
