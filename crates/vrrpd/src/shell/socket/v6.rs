//! The sockets of VRRP over IPv6: the kernel writes and takes off the header, control messages carry what matters.
//!
//! Invariant: an advert leaves from exactly the address that the router chose, with the hop limit it chose (RFC
//! 9568 section 5.1.2); what arrives without hop limit or destination is no use and dropped.

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{IpAddr, Ipv6Addr, SocketAddrV6},
    os::fd::AsRawFd,
};

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn6, recvmsg, sendmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, SockAddr, Type};

use super::{Content, PairOf};
use crate::engine::router::{Parcel, Socket};

/// "Internetwork control", as over IPv4.
const TRAFFIC_CLASS: i32 = 0xc0;

pub(super) fn pair(
    socket: Socket,
    interface: &str,
    local: Ipv6Addr,
    group: Option<Ipv6Addr>,
) -> io::Result<PairOf> {
    let raw = || {
        let protocol = Protocol::from(i32::from(socket.protocol));
        let s = socket2::Socket::new(Domain::IPV6, Type::RAW, Some(protocol))?;
        s.set_nonblocking(true)?;
        s.bind_device(Some(interface.as_bytes()))?;
        Ok::<_, io::Error>(s)
    };
    let inward = raw()?;
    setsockopt(&inward, sockopt::Ipv6RecvPacketInfo, &true)?;
    setsockopt(&inward, sockopt::Ipv6RecvHopLimit, &true)?;
    if let Some(group) = group {
        inward.join_multicast_v6(&group, socket.link)?;
    }
    inward.bind(&SockAddr::from(SocketAddrV6::new(local, 0, 0, socket.link)))?;
    let out = raw()?;
    // It would queue every advert of others and never be read.
    out.set_recv_buffer_size(0)?;
    out.set_multicast_loop_v6(false)?;
    out.set_multicast_if_v6(socket.link)?;
    out.set_tclass_v6(TRAFFIC_CLASS as u32)?;
    Ok((inward, out))
}

pub(super) fn send(out: &socket2::Socket, link: u32, to: Ipv6Addr, parcel: &Parcel) -> io::Result<()> {
    let IpAddr::V6(from) = parcel.source else { return Err(io::ErrorKind::InvalidInput.into()) };
    let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: from.octets() }, ipi6_ifindex: link };
    let hops = i32::from(parcel.ttl);
    let control = [ControlMessage::Ipv6PacketInfo(&info), ControlMessage::Ipv6HopLimit(&hops)];
    let to = SockaddrIn6::from(SocketAddrV6::new(to, 0, 0, link));
    let bytes = [IoSlice::new(&parcel.bytes)];
    sendmsg(out.as_raw_fd(), &bytes, &control, MsgFlags::empty(), Some(&to))
        .map(drop)
        .map_err(io::Error::from)
}

/// One message; `None` if the kernel did not say how it came.
pub(super) fn receive(inward: &socket2::Socket, buffer: &mut [u8]) -> io::Result<Option<Content>> {
    let mut control = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int);
    let (source, destination, hops, length) = {
        let mut slices = [IoSliceMut::new(buffer)];
        let message = recvmsg::<SockaddrIn6>(
            inward.as_raw_fd(),
            &mut slices,
            Some(&mut control),
            MsgFlags::MSG_DONTWAIT,
        )?;
        let (mut destination, mut hops) = (None, None);
        for part in message.cmsgs()? {
            match part {
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    destination = Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)));
                }
                ControlMessageOwned::Ipv6HopLimit(limit) => hops = u8::try_from(limit).ok(),
                _ => {}
            }
        }
        let source = message.address.map(|a| IpAddr::V6(a.ip()));
        (source, destination, hops, message.bytes)
    };
    Ok(match (source, destination, hops) {
        (Some(source), Some(destination), Some(hops)) => {
            let bytes = buffer.get(..length).unwrap_or_default().to_vec();
            Some(Content::Message { source, destination, hops, bytes })
        }
        _ => None,
    })
}
