//! The interfaces of the host as the kernel reported them, and their addresses.

use std::{collections::BTreeMap, net::IpAddr};

/// One interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The kernel's index.
    pub index: u32,
    pub name: String,
    /// Administratively up, and with carrier.
    pub running: bool,
    /// Absent on interfaces without Ethernet addresses.
    pub mac: Option<[u8; 6]>,
    /// Bytes.
    pub mtu: u32,
}

/// All interfaces, by index.
#[derive(Clone, Debug, Default)]
pub struct Links {
    links: BTreeMap<u32, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    link: Link,
    /// In the kernel's order: the first is the primary one.
    addresses: Vec<(IpAddr, u8)>,
}

impl Links {
    pub fn put(&mut self, link: Link) {
        match self.links.get_mut(&link.index) {
            Some(entry) => entry.link = link,
            None => {
                self.links.insert(link.index, Entry { link, addresses: Vec::new() });
            }
        }
    }

    pub fn remove(&mut self, index: u32) {
        self.links.remove(&index);
    }

    pub fn put_address(&mut self, link: u32, address: IpAddr, prefix: u8) {
        let Some(entry) = self.links.get_mut(&link) else { return };
        match entry.addresses.iter_mut().find(|(a, _)| *a == address) {
            Some(known) => known.1 = prefix,
            None => entry.addresses.push((address, prefix)),
        }
    }

    pub fn remove_address(&mut self, link: u32, address: IpAddr) {
        if let Some(entry) = self.links.get_mut(&link) {
            entry.addresses.retain(|(a, _)| *a != address);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        self.links.values().map(|e| &e.link)
    }

    pub fn by_name(&self, name: &str) -> Option<&Link> {
        self.iter().find(|l| l.name == name)
    }

    pub fn mac(&self, link: u32) -> Option<[u8; 6]> {
        self.links.get(&link).and_then(|e| e.link.mac)
    }

    pub fn addresses(&self, link: u32) -> impl Iterator<Item = IpAddr> + '_ {
        self.links.get(&link).into_iter().flat_map(|e| e.addresses.iter().map(|(a, _)| *a))
    }

    pub fn has(&self, link: u32, address: IpAddr) -> bool {
        self.prefix(link, address).is_some()
    }

    pub fn prefix(&self, link: u32, address: IpAddr) -> Option<u8> {
        let entry = self.links.get(&link)?;
        entry.addresses.iter().find(|(a, _)| *a == address).map(|(_, p)| *p)
    }
}
