//! Watches a host's addresses: what the kernel announced, and when.
//!
//! Owns: a thread on a routing netlink socket of the host. Nothing is polled, so the times are
//! those of the events. Leaves to others: what they mean.

use std::io::Read;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;

use crate::netns::{Host, Result, read_address};
use crate::wait;

/// `RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR` (`rtnetlink(7)`).
const ADDRESS_GROUPS: u32 = 0x10 | 0x100;

/// One change.
#[derive(Debug, Clone)]
pub struct Change {
    pub at: Instant,
    pub added: bool,
    pub address: IpAddr,
    pub prefix_len: u8,
}

/// The changes since the watch began.
#[derive(Debug, Clone)]
pub struct AddressWatch {
    changes: Arc<Mutex<Vec<Change>>>,
}

impl AddressWatch {
    /// Begins to watch. The thread ends with the process.
    ///
    /// # Errors
    /// No netlink socket.
    pub fn start(host: &Host) -> Result<AddressWatch> {
        let mut socket = std::fs::File::from(host.route_socket(ADDRESS_GROUPS)?);
        let changes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&changes);
        std::thread::Builder::new().name(format!("watch-{}", host.name())).spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(n @ 1..) = socket.read(&mut buffer) {
                let at = Instant::now();
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend(read_changes(&buffer[..n], at));
            }
        })?;
        Ok(AddressWatch { changes })
    }

    pub fn changes(&self) -> Vec<Change> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for this address to come (or go) after `since`, and says when it did.
    ///
    /// # Errors
    /// It did not within `patience`.
    pub fn wait_for(
        &self,
        address: IpAddr,
        added: bool,
        since: Instant,
        patience: Duration,
    ) -> Result<Instant> {
        let what = format!("{address} {}", if added { "appears" } else { "goes" });
        wait::until(&what, patience, || {
            let wanted = |c: &Change| c.at >= since && c.added == added && c.address == address;
            self.changes().into_iter().find(wanted).map(|c| c.at)
        })
    }
}

fn read_changes(mut bytes: &[u8], at: Instant) -> Vec<Change> {
    let mut list = Vec::new();
    while let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes) {
        let length = usize::try_from(message.header.length).unwrap_or(0);
        let (added, about) = match message.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewAddress(m)) => (true, Some(m)),
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelAddress(m)) => (false, Some(m)),
            _ => (false, None),
        };
        if let Some(a) = about.as_ref().and_then(read_address) {
            list.push(Change { at, added, address: a.address, prefix_len: a.prefix_len });
        }
        // Messages are aligned to four bytes (`netlink(7)`).
        let next = length.next_multiple_of(4);
        if length == 0 || next >= bytes.len() {
            break;
        }
        bytes = &bytes[next..];
    }
    list
}
