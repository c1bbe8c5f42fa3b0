//! The words between an instance and its router: states, faults, events, actions, notes, counters.
//!
//! Data only; what they do to the state machine is in `instance.rs` and its other parts.

use std::{net::IpAddr, time::Duration};

use crate::engine::wire::Advert;

/// The states of RFC 9568 section 6.3, and keepalived's FAULT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not started, waiting for the first result of an unweighted script, or stopped.
    Init,
    Backup,
    Master,
    Fault,
}

/// Why an instance cannot take part. Several may hold at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// The interface does not exist.
    NoInterface,
    InterfaceDown,
    /// The interface has no address that adverts could come from.
    NoAddress,
    /// `unicast_fault_no_peer`: there is nobody to talk to.
    NoPeer,
    /// An unweighted tracker failed: index into the plan's watches.
    Watch(usize),
    /// Another member of the sync group is in FAULT.
    Group,
}

/// What happens to an instance.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Event {
    /// Take part (RFC 9568 section 6.4.1). Faults and weights known so far were told before.
    Start,
    /// Leave for good (section 6.4.3: Shutdown).
    Stop,
    /// A deadline came.
    Timeout,
    /// Our own loop ran this much after a deadline: nothing was heard or said in between. Told before whatever
    /// ended the stall.
    Late(Duration),
    /// An advert that passed the receive checks.
    Heard(Advert),
    Fault(Fault),
    Clear(Fault),
    /// The sum of all weights now.
    Weight(i32),
    /// How many unweighted trackers have not reported yet.
    Waiting(usize),
    /// The address that adverts come from.
    Source(Option<IpAddr>),
    /// Somebody else removed a virtual address from the interface.
    AddressLost(IpAddr),
    /// The sync group takes over.
    GroupMaster,
    /// Another member of the sync group lost mastership.
    GroupBackup,
}

/// What an instance wants done, in this order.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Action {
    /// Send an advert with this priority.
    Send(u8),
    AddAddresses,
    RemoveAddresses,
    /// Gratuitous ARP for every address, this many times.
    Announce(u32),
    /// Run the notify scripts.
    Notify(Told),
    /// The down timer of a grouped instance expired: the group decides.
    WantMaster,
    /// A grouped instance yielded to a better router.
    Yielded,
    Note(Note),
}

/// What notify scripts are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    Master,
    Backup,
    Fault,
    Stop,
    Deleted,
    Priority,
    MasterRxLowerPri,
}

/// Facts for people; the words are the shell's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Note {
    /// `true`: on start.
    EnteringBackup(bool),
    EnteringMaster,
    EnteringFault,
    Faulty(Fault),
    AdvertTimeout,
    Priority {
        from: u8,
        to: u8,
    },
    HigherHeard {
        from: IpAddr,
        theirs: u8,
        ours: u8,
    },
    EqualHeard {
        from: IpAddr,
        priority: u8,
    },
    LowerHeard {
        from: IpAddr,
        theirs: u8,
        ours: u8,
    },
    LowerDiscarded {
        from: IpAddr,
        theirs: u8,
    },
    MasterIs(IpAddr),
    Preempting {
        delay: Duration,
    },
    AddressLost(IpAddr),
    OwnerKeepsPriority,
    SentZero,
    ZeroHeard(IpAddr),
    /// `theirs`: 0 if it goes, else what it fell to.
    FastTakeover {
        from: IpAddr,
        theirs: u8,
        ours: u8,
    },
    /// A backup that was held up gives the master time to be heard.
    Late(Duration),
    /// A master that was held up for longer than its peers wait.
    Frozen(Duration),
    IntervalLearnt(Duration),
}

/// keepalived's counters (SIGUSR2), per instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    pub adverts_received: u64,
    pub adverts_sent: u64,
    pub became_master: u64,
    pub released_master: u64,
    pub length_errors: u64,
    pub ttl_errors: u64,
    pub type_errors: u64,
    pub interval_errors: u64,
    pub address_list_errors: u64,
    pub version_errors: u64,
    pub checksum_errors: u64,
    pub auth_type_errors: u64,
    pub auth_mismatches: u64,
    pub auth_failures: u64,
    pub invalid_signatures: u64,
    pub replays: u64,
    pub zero_received: u64,
    pub zero_sent: u64,
}
