//! Raw VRRP sockets: one pair (in, out) per interface and way, opened and closed as the router says.
//!
//! Owns: the sockets and the one descriptor that tells when any of them has something. Invariants: what arrives is
//! handed on with the socket it came from; everything that waits can be taken without waiting, so that adverts
//! are heard before timers are served; our own multicast is not looped back (IP_MULTICAST_LOOP 0 on the sender);
//! only the group that was joined is heard (bound to it, IP_MULTICAST_ALL 0). Leaves every check of the packets
//! to `engine::wire`, and IPv6's headers to `socket/v6.rs`.

mod v6;

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::fd::{AsFd, OwnedFd},
};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, Type};
use tokio::io::unix::AsyncFd;

use crate::{
    engine::router::{Parcel, Socket, Way},
    sys,
};

/// An advert with 255 addresses, its IP header and options, its authentication header or trailer.
const PACKET_MAX: usize = 20 + 40 + 64 + 8 + 255 * 16 + 128;
/// Sockets that are looked at in one turn.
const EVENTS_MAX: usize = 32;
/// Packets taken from one socket before the next one has its turn.
const BURST_MAX: usize = 16;
/// The protocol number of a socket that sends whole IP packets and receives none.
const IPPROTO_RAW: i32 = 255;

/// A packet with the socket that it came from.
#[derive(Debug)]
pub struct Arrival {
    pub socket: Socket,
    pub content: Content,
}

/// What a raw socket delivers: over IPv4 the header with it, over IPv6 the message and what the kernel read.
#[derive(Debug)]
pub enum Content {
    Packet(Vec<u8>),
    Message { source: IpAddr, destination: IpAddr, hops: u8, bytes: Vec<u8> },
}

/// All open sockets.
#[derive(Debug)]
pub struct Sockets {
    open: BTreeMap<Socket, Pair>,
    keys: BTreeMap<u64, Socket>,
    next_key: u64,
    poll: Epoll,
    /// The same under the descriptor that the runtime watches.
    watched: AsyncFd<OwnedFd>,
    waiting: VecDeque<Arrival>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Pair {
    key: u64,
    out: socket2::Socket,
    inward: socket2::Socket,
}

impl Sockets {
    /// Needs a runtime.
    pub fn new() -> io::Result<Sockets> {
        let poll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let watched = sys::watch(poll.0.as_fd().try_clone_to_owned()?)?;
        Ok(Sockets {
            open: BTreeMap::new(),
            keys: BTreeMap::new(),
            next_key: 0,
            poll,
            watched,
            waiting: VecDeque::new(),
            buffer: vec![0; PACKET_MAX],
        })
    }

    /// Needs CAP_NET_RAW. `interface` is the name of the socket's link.
    pub fn open(&mut self, socket: Socket, interface: &str) -> io::Result<()> {
        let (inward, out) = pair(socket, interface)?;
        let key = self.next_key;
        self.next_key += 1;
        self.poll.add(&inward, EpollEvent::new(EpollFlags::EPOLLIN, key))?;
        self.keys.insert(key, socket);
        self.open.insert(socket, Pair { key, out, inward });
        Ok(())
    }

    pub fn close(&mut self, socket: Socket) {
        if let Some(pair) = self.open.remove(&socket) {
            self.keys.remove(&pair.key);
            // Closing would do; that it cannot fail otherwise is no news.
            let _ = self.poll.delete(&pair.inward);
        }
        self.waiting.retain(|a| a.socket != socket);
    }

    /// Sends one advert.
    pub fn send(&self, socket: Socket, parcel: &Parcel) -> io::Result<()> {
        let pair = self.open.get(&socket).ok_or(io::ErrorKind::NotConnected)?;
        send_through(&pair.out, socket.link, parcel)
    }

    /// Waits until something can be taken. Safe to drop and call again.
    pub async fn readable(&mut self) {
        while self.waiting.is_empty() {
            let Ok(mut guard) = self.watched.readable().await else { return std::future::pending().await };
            let mut events = [EpollEvent::empty(); EVENTS_MAX];
            match self.poll.wait(&mut events, EpollTimeout::ZERO) {
                Ok(0) | Err(_) => guard.clear_ready(),
                Ok(count) => {
                    drop(guard);
                    self.read(events.get(..count).unwrap_or_default());
                }
            }
        }
    }

    /// The next packet that is there already.
    pub fn take(&mut self) -> Option<Arrival> {
        if self.waiting.is_empty() {
            let mut events = [EpollEvent::empty(); EVENTS_MAX];
            let count = self.poll.wait(&mut events, EpollTimeout::ZERO).unwrap_or(0);
            self.read(events.get(..count).unwrap_or_default());
        }
        self.waiting.pop_front()
    }

    fn read(&mut self, events: &[EpollEvent]) {
        for event in events {
            let Some(socket) = self.keys.get(&event.data()).copied() else { continue };
            let Some(pair) = self.open.get_mut(&socket) else { continue };
            for _ in 0..BURST_MAX {
                let content = match socket.way {
                    Way::Multicast(IpAddr::V6(_)) | Way::Unicast(IpAddr::V6(_)) => {
                        v6::receive(&pair.inward, &mut self.buffer)
                    }
                    _ => pair.inward.read(&mut self.buffer).map(|length| {
                        Some(Content::Packet(self.buffer.get(..length).unwrap_or_default().to_vec()))
                    }),
                };
                match content {
                    Ok(Some(content)) => self.waiting.push_back(Arrival { socket, content }),
                    Ok(None) => {}
                    // Nothing more; or the interface went down, which the link event tells.
                    Err(_) => break,
                }
            }
        }
    }
}

type PairOf = (socket2::Socket, socket2::Socket);

/// The sockets in and out.
fn pair(socket: Socket, interface: &str) -> io::Result<PairOf> {
    match socket.way {
        Way::Multicast(IpAddr::V4(group)) => v4_pair(socket, interface, group, Some(group)),
        Way::Unicast(IpAddr::V4(local)) => v4_pair(socket, interface, local, None),
        Way::Multicast(IpAddr::V6(group)) => v6::pair(socket, interface, group, Some(group)),
        Way::Unicast(IpAddr::V6(local)) => v6::pair(socket, interface, local, None),
    }
}

/// A socket that only sends.
pub fn sender(socket: Socket, interface: &str) -> io::Result<socket2::Socket> {
    pair(socket, interface).map(|(_, out)| out)
}

/// Sends one advert through the socket of a link.
pub fn send_through(out: &socket2::Socket, link: u32, parcel: &Parcel) -> io::Result<()> {
    match parcel.destination {
        IpAddr::V4(_) => {
            let to = SockAddr::from(SocketAddr::new(parcel.destination, 0));
            out.send_to(&parcel.bytes, &to).map(drop)
        }
        IpAddr::V6(to) => v6::send(out, link, to, parcel),
    }
}

fn v4_pair(socket: Socket, interface: &str, local: Ipv4Addr, group: Option<Ipv4Addr>) -> io::Result<PairOf> {
    let protocol = Protocol::from(i32::from(socket.protocol));
    let inward = socket2::Socket::new(Domain::IPV4, Type::RAW, Some(protocol))?;
    inward.set_nonblocking(true)?;
    inward.bind_device(Some(interface.as_bytes()))?;
    inward.set_multicast_all_v4(false)?;
    if let Some(group) = group {
        inward.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(socket.link))?;
    }
    inward.bind(&SockAddr::from(SocketAddr::new(IpAddr::V4(local), 0)))?;
    let out = socket2::Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(IPPROTO_RAW)))?;
    out.bind_device(Some(interface.as_bytes()))?;
    out.set_header_included_v4(true)?;
    out.set_multicast_loop_v4(false)?;
    out.set_nonblocking(true)?;
    Ok((inward, out))
}
