//! The words between the router and its shell: events, actions, sockets, notes.
//!
//! Data only.

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::Link;
use crate::engine::{
    instance::{self, Told},
    plan::{AddressPlan, Plan},
    track::{proxy, script},
    wire::{Frame, Received, Verdict},
};

/// What happens to a host.
#[derive(Debug)]
pub enum Event<'a> {
    /// An interface is there, or changed.
    Link(Link),
    LinkGone(u32),
    Address {
        link: u32,
        address: IpAddr,
        prefix: u8,
    },
    AddressGone {
        link: u32,
        address: IpAddr,
    },
    /// An address that we wanted removed was not there.
    NotRemoved {
        link: u32,
        address: IpAddr,
    },
    /// The links are known; begin.
    Start,
    /// Resign and go.
    Stop,
    Timeout,
    /// What a raw IPv4 socket delivered, IP header included.
    Packet {
        socket: Socket,
        bytes: &'a [u8],
    },
    /// What a raw IPv6 socket delivered; the kernel took the header off.
    Message {
        socket: Socket,
        received: Received<'a>,
    },
    /// The time since 1970, wanted where adverts are signed; told before what needs it.
    Wall(Duration),
    /// Something about the tracked proxy of this name.
    Proxy {
        name: &'a str,
        event: proxy::Event,
    },
    /// What an operator wants of this instance, and with it of its sync group; `None` ends what was wanted before.
    Order {
        instance: usize,
        order: Option<Order>,
    },
    /// A run of a script ended.
    Exited {
        script: &'a str,
        exit: script::Exit,
    },
    /// So many processes match a pattern of the plan. `first`: none came or went, this is how it begins.
    Processes {
        pattern: usize,
        count: u32,
        first: bool,
    },
    /// The number of a tracked file.
    File {
        index: usize,
        value: i64,
    },
    Reload(Arc<Plan>),
}

/// A raw socket that the shell keeps open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Socket {
    /// The kernel's index of the interface.
    pub link: u32,
    pub way: Way,
    /// The IP protocol: VRRP, or the authentication header around it.
    pub protocol: u8,
}

/// What a socket is bound to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Way {
    /// The multicast group that it joins.
    Multicast(IpAddr),
    /// Our own address.
    Unicast(IpAddr),
}

/// What the shell is to do, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    Open(Socket),
    Close(Socket),
    Send {
        socket: Socket,
        parcel: Parcel,
    },
    AddAddress {
        link: u32,
        address: AddressPlan,
    },
    RemoveAddress {
        link: u32,
        address: AddressPlan,
    },
    /// Put this frame on the link.
    Announce {
        link: u32,
        address: IpAddr,
        frame: Frame,
    },
    /// Look at this proxy of the plan, ping it, or say what came of it.
    Proxy {
        index: usize,
        what: proxy::Action,
    },
    /// Run, terminate or kill this script of the plan.
    Script {
        index: usize,
        what: script::Action,
    },
    Notify {
        who: Who,
        told: Told,
        priority: u8,
    },
    Note {
        instance: usize,
        note: Note,
    },
    /// Say what happened to something tracked.
    Tracked(Tracked),
    /// What follows speaks of the new plan; what came before, of the old one.
    Reloaded,
    Stopped,
}

/// An advert on its way out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parcel {
    pub source: IpAddr,
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Over IPv4 the whole packet, over IPv6 the message.
    pub bytes: Vec<u8>,
}

/// What an operator can want of an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Be worth no more than priority 1, so that whoever can takes over; the address stays where nobody can.
    Handover,
    /// Take no part.
    Stop,
}

impl Order {
    pub fn word(self) -> &'static str {
        match self {
            Order::Handover => "handover",
            Order::Stop => "stop",
        }
    }
}

/// Of whom scripts are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    Instance(usize),
    Group(usize),
}

/// Facts about an instance, for people.
#[derive(Clone, PartialEq, Debug)]
pub enum Note {
    Own(instance::Note),
    /// An advert was dropped. Said once per sender and verdict until the next transition.
    Dropped {
        from: IpAddr,
        verdict: Verdict,
    },
    AddressesDiffer {
        from: IpAddr,
    },
    /// Somebody else removed this address, and it is added again.
    PutBack(IpAddr),
    Removed,
}

/// Facts about trackers, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tracked {
    /// Index into [`Plan::processes`], and whether its quorum holds.
    Process { index: usize, up: bool },
    /// Index into [`Plan::files`], and the number.
    File { index: usize, value: i64 },
}
