//! The kernel's interfaces and addresses, through rtnetlink.
//!
//! Owns: the dump at start, the stream of changes, adding and removing of addresses. Invariants: requests are
//! keepalived's (REQUEST and ACK only, IFA_PROTO 18 where the kernel knows it); that an address is there already
//! when it is added is success. Leaves to others: which addresses (`engine::router`).

use std::net::IpAddr;

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressMessage, AddressProtocol, AddressScope, CacheInfo},
    link::{LinkAttribute, LinkFlags, LinkMessage},
};
use rtnetlink::{Handle, MulticastGroup};

use crate::engine::{plan::AddressPlan, router::Link};

/// RTPROT_KEEPALIVED: tools show whose address it is.
const PROTOCOL_KEEPALIVED: u8 = 18;
/// A lifetime that does not end.
const FOREVER: u32 = u32::MAX;

/// What the kernel says.
#[derive(Debug)]
pub enum Change {
    Link(Link),
    LinkGone { index: u32, name: String },
    Address { link: u32, address: IpAddr, prefix: u8 },
    AddressGone { link: u32, address: IpAddr },
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open a netlink socket: {0}")]
    Open(#[from] std::io::Error),
    #[error("netlink: {0}")]
    Request(#[from] rtnetlink::Error),
}

impl Error {
    /// The errno that the kernel answered, positive.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Error::Request(rtnetlink::Error::NetlinkError(e)) => e.code.map(|c| -c.get()),
            _ => None,
        }
    }
}

type Messages = futures_util::stream::BoxStream<'static, NetlinkMessage<RouteNetlinkMessage>>;

/// Two sockets: one for requests, one that listens.
pub struct Netlink {
    handle: Handle,
    messages: Messages,
}

impl std::fmt::Debug for Netlink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Netlink")
    }
}

impl Netlink {
    /// Listens first, so that no change between the dump and the stream is missed. Needs a runtime.
    pub fn open() -> Result<Netlink, Error> {
        let groups = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
        let (listener, _, messages) = rtnetlink::new_multicast_connection(&groups)?;
        let (requests, handle, _) = rtnetlink::new_connection()?;
        tokio::spawn(listener);
        tokio::spawn(requests);
        Ok(Netlink { handle, messages: messages.map(|(m, _)| m).boxed() })
    }

    /// All interfaces and their addresses now.
    pub async fn dump(&self) -> Result<Vec<Change>, Error> {
        let mut changes = Vec::new();
        let mut links = self.handle.link().get().execute();
        while let Some(message) = links.try_next().await? {
            changes.push(Change::Link(link(&message)));
        }
        let mut addresses = self.handle.address().get().execute();
        while let Some(message) = addresses.try_next().await? {
            if let Some((link, address, prefix)) = address(&message) {
                changes.push(Change::Address { link, address, prefix });
            }
        }
        Ok(changes)
    }

    /// The next change; `None` when the kernel closed the socket. Safe to drop and call again.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            let NetlinkPayload::InnerMessage(message) = self.messages.next().await?.payload else { continue };
            match message {
                // A port that joins or leaves a bridge is told in the bridge's family; it did not come or go.
                RouteNetlinkMessage::NewLink(m) if plain(&m) => return Some(Change::Link(link(&m))),
                RouteNetlinkMessage::DelLink(m) if plain(&m) => {
                    let gone = link(&m);
                    return Some(Change::LinkGone { index: gone.index, name: gone.name });
                }
                RouteNetlinkMessage::NewAddress(m) => {
                    if let Some((link, address, prefix)) = address(&m) {
                        return Some(Change::Address { link, address, prefix });
                    }
                }
                RouteNetlinkMessage::DelAddress(m) => {
                    if let Some((link, address, _)) = address(&m) {
                        return Some(Change::AddressGone { link, address });
                    }
                }
                _ => {}
            }
        }
    }

    /// Adds an address. That it is there already is fine.
    pub async fn add(&mut self, link: u32, plan: &AddressPlan) -> Result<(), Error> {
        let message = RouteNetlinkMessage::NewAddress(request(link, plan));
        match self.request(message).await {
            Err(e) if e.errno() == Some(libc::EEXIST) => Ok(()),
            other => other,
        }
    }

    /// Removes an address. `false`: it was not there.
    pub async fn remove(&mut self, link: u32, plan: &AddressPlan) -> Result<bool, Error> {
        let message = RouteNetlinkMessage::DelAddress(request(link, plan));
        match self.request(message).await {
            Ok(()) => Ok(true),
            Err(e) if matches!(e.errno(), Some(libc::EADDRNOTAVAIL | libc::ENODEV)) => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn request(&mut self, message: RouteNetlinkMessage) -> Result<(), Error> {
        let mut request = NetlinkMessage::from(message);
        // No CREATE, EXCL or REPLACE: with them some kernels answer an address that is there differently.
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK;
        let mut answers = self.handle.request(request)?;
        while let Some(answer) = answers.next().await {
            if let NetlinkPayload::Error(e) = answer.payload
                && e.code.is_some()
            {
                return Err(Error::Request(rtnetlink::Error::NetlinkError(e)));
            }
        }
        Ok(())
    }
}

/// The request that takes an address off, as bytes for whoever sends them later. No answer is asked for.
pub fn deletion(link: u32, plan: &AddressPlan) -> Vec<u8> {
    let mut message = NetlinkMessage::from(RouteNetlinkMessage::DelAddress(request(link, plan)));
    message.header.flags = NLM_F_REQUEST;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

fn plain(message: &LinkMessage) -> bool {
    message.header.interface_family == AddressFamily::Unspec
}

fn link(message: &LinkMessage) -> Link {
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        running: message.header.flags.contains(LinkFlags::Up | LinkFlags::Running),
        mac: None,
        mtu: 0,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Address(bytes) => link.mac = bytes.as_slice().try_into().ok(),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            _ => {}
        }
    }
    link
}

/// Index, address and prefix length. The local address is the host's own on point-to-point links.
fn address(message: &AddressMessage) -> Option<(u32, IpAddr, u8)> {
    let mut found = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(a) => found = Some(*a),
            AddressAttribute::Address(a) => found = found.or(Some(*a)),
            _ => {}
        }
    }
    found.map(|a| (message.header.index, a, message.header.prefix_len))
}

fn request(link: u32, plan: &AddressPlan) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = link;
    message.header.prefix_len = plan.peer.map_or(plan.prefix, |(_, prefix)| prefix);
    message.header.scope = AddressScope::from(plan.scope);
    message.header.family = if plan.address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let attributes = &mut message.attributes;
    attributes.push(AddressAttribute::Local(plan.address));
    attributes.push(AddressAttribute::Address(plan.peer.map_or(plan.address, |(peer, _)| peer)));
    if let Some(IpAddr::V4(broadcast)) = plan.broadcast {
        attributes.push(AddressAttribute::Broadcast(broadcast));
    }
    if let Some(label) = &plan.label {
        attributes.push(AddressAttribute::Label(label.clone()));
    }
    if plan.flags != 0 {
        attributes.push(AddressAttribute::Flags(AddressFlags::from_bits_retain(plan.flags)));
    }
    if let Some(preferred) = plan.preferred_lft_s {
        let mut lifetime = CacheInfo::default();
        lifetime.ifa_preferred = preferred;
        lifetime.ifa_valid = FOREVER;
        attributes.push(AddressAttribute::CacheInfo(lifetime));
    }
    attributes.push(AddressAttribute::Protocol(AddressProtocol::Other(PROTOCOL_KEEPALIVED)));
    message
}
