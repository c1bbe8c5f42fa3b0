//! Puts gratuitous ARP frames and neighbour advertisements on the wire through one AF_PACKET socket.

use std::io;

use socket2::{Domain, Protocol, Socket, Type};

use crate::sys;

/// The sending socket. It receives nothing: its protocol is 0.
#[derive(Debug)]
pub struct Announcer {
    socket: Socket,
}

impl Announcer {
    /// Needs CAP_NET_RAW.
    pub fn open() -> io::Result<Announcer> {
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
        socket.set_nonblocking(true)?;
        Ok(Announcer { socket })
    }

    /// Sends one frame on the interface with this index.
    pub fn send(&self, link: u32, frame: &[u8]) -> io::Result<()> {
        let kind = frame.get(12..14).and_then(|kind| kind.try_into().ok()).map_or(0, u16::from_be_bytes);
        self.socket.send_to(frame, &sys::packet_address(link, kind)?).map(drop)
    }
}
