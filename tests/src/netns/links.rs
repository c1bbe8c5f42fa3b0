//! Links, addresses and routes of the namespace this process stands in, by rtnetlink.
//!
//! Owns: the netlink conversation of a keeper; the only user of rtnetlink among the tests.
//! Leaves to others: which links there are to be.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use futures_util::TryStreamExt;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use rtnetlink::{Handle, LinkBridge, LinkUnspec, LinkVeth, RouteMessageBuilder};

use super::Address;

/// The open conversation.
pub(crate) struct Bus {
    runtime: tokio::runtime::Runtime,
    handle: Handle,
}

impl Bus {
    pub(crate) fn open() -> io::Result<Bus> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = {
            let _inside = runtime.enter();
            let (connection, handle, _) = rtnetlink::new_connection()?;
            runtime.spawn(connection);
            handle
        };
        Ok(Bus { runtime, handle })
    }

    fn run<T>(&self, what: &str, work: impl Future<Output = Result<T, rtnetlink::Error>>) -> io::Result<T> {
        self.runtime.block_on(work).map_err(|e| io::Error::other(format!("{what}: {e}")))
    }

    fn index(&self, name: &str) -> io::Result<u32> {
        let mut found = self.handle.link().get().match_name(name.to_string()).execute();
        let link = self.run(&format!("interface {name}"), found.try_next())?;
        link.map(|l| l.header.index)
            .ok_or_else(|| io::Error::other(format!("interface {name}: there is none")))
    }

    pub(crate) fn link_up(&self, name: &str) -> io::Result<()> {
        let change = LinkUnspec::new_with_index(self.index(name)?).up().build();
        self.run(&format!("{name} up"), self.handle.link().set(change).execute())
    }

    pub(crate) fn link_down(&self, name: &str) -> io::Result<()> {
        let change = LinkUnspec::new_with_index(self.index(name)?).down().build();
        self.run(&format!("{name} down"), self.handle.link().set(change).execute())
    }

    /// A bridge that floods multicast to each port, as a plain switch does.
    pub(crate) fn add_bridge(&self, name: &str) -> io::Result<()> {
        let bridge = LinkBridge::new(name).mcast_snooping(false).up().build();
        self.run(&format!("bridge {name}"), self.handle.link().add(bridge).execute())
    }

    /// One end of the cable is `port` on the bridge, the other `interface` in the host.
    pub(crate) fn add_cable(&self, bridge: &str, port: &str, pid: i32, interface: &str) -> io::Result<()> {
        let far = format!("{port}-far");
        let what = format!("cable to {interface} of {port}");
        self.run(&what, self.handle.link().add(LinkVeth::new(port, &far).build()).execute())?;
        let near = LinkUnspec::new_with_index(self.index(port)?).controller(self.index(bridge)?).up().build();
        self.run(&what, self.handle.link().set(near).execute())?;
        let moved = LinkUnspec::new_with_index(self.index(&far)?)
            .setns_by_pid(pid.cast_unsigned())
            .name(interface)
            .build();
        self.run(&what, self.handle.link().set(moved).execute())
    }

    pub(crate) fn add_address(&self, interface: &str, address: IpAddr, prefix_len: u8) -> io::Result<()> {
        let add = self.handle.address().add(self.index(interface)?, address, prefix_len);
        self.run(&format!("address {address}/{prefix_len} on {interface}"), add.execute())
    }

    pub(crate) fn del_address(&self, interface: &str, address: IpAddr, prefix_len: u8) -> io::Result<()> {
        let index = self.index(interface)?;
        let mut list = self.messages(index, interface)?;
        list.retain(|m| read_address(m).is_some_and(|a| a.address == address && a.prefix_len == prefix_len));
        let found = list.pop();
        let found = found
            .ok_or_else(|| io::Error::other(format!("{interface} has no address {address}/{prefix_len}")))?;
        self.run(&format!("removing {address} from {interface}"), self.handle.address().del(found).execute())
    }

    pub(crate) fn add_gateway(&self, gateway: IpAddr) -> io::Result<()> {
        let route = match gateway {
            IpAddr::V4(a) => RouteMessageBuilder::<Ipv4Addr>::new().gateway(a).build(),
            IpAddr::V6(a) => RouteMessageBuilder::<std::net::Ipv6Addr>::new().gateway(a).build(),
        };
        self.run(&format!("default route by {gateway}"), self.handle.route().add(route).execute())
    }

    pub(crate) fn addresses(&self, interface: &str) -> io::Result<Vec<Address>> {
        let index = self.index(interface)?;
        Ok(self.messages(index, interface)?.iter().filter_map(read_address).collect())
    }

    fn messages(&self, index: u32, interface: &str) -> io::Result<Vec<AddressMessage>> {
        let get = self.handle.address().get().set_link_index_filter(index).execute().try_collect();
        self.run(&format!("addresses of {interface}"), get)
    }
}

/// Reads what the kernel says about an address, as `ip address` shows it.
pub(crate) fn read_address(message: &AddressMessage) -> Option<Address> {
    let (mut address, mut local, mut label, mut broadcast, mut protocol) = (None, None, None, None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(a) => address = Some(*a),
            AddressAttribute::Local(a) => local = Some(*a),
            AddressAttribute::Label(l) => label = Some(l.clone()),
            AddressAttribute::Broadcast(b) => broadcast = Some(*b),
            AddressAttribute::Protocol(p) => protocol = Some(u8::from(*p)),
            _ => {}
        }
    }
    let scope = match message.header.scope {
        AddressScope::Universe => "global".to_string(),
        AddressScope::Site => "site".to_string(),
        AddressScope::Link => "link".to_string(),
        AddressScope::Host => "host".to_string(),
        other => u8::from(other).to_string(),
    };
    // On a point-to-point link `Address` is the peer; `Local`, where present, is ours.
    let address = local.or(address)?;
    debug_assert!(matches!(message.header.family, AddressFamily::Inet | AddressFamily::Inet6));
    Some(Address {
        address,
        prefix_len: message.header.prefix_len,
        scope,
        label,
        broadcast,
        protocol,
        index: message.header.index,
    })
}
