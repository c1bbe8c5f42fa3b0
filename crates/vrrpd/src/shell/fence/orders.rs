//! What the companion is told: whom to take off the host, what to say to the others, and when.
//!
//! One message is one line-based text, so that the companion needs nothing but this to read it. Invariant: what is
//! written reads back the same; a text that does not is `None`, whole.

use std::{fmt::Write, net::IpAddr, time::Duration};

use crate::engine::router::{Parcel, Socket, Way};

/// A sign of life.
pub(super) const BEAT: &[u8] = b"beat";
/// Go, and do nothing.
pub(super) const QUIT: &[u8] = b"quit";
/// Lines of one message.
const LINES_MAX: usize = 8_192;

/// Everything that the companion holds ready.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Orders {
    pub on_death: bool,
    pub on_silence: bool,
    /// How long the VRRP process may be silent.
    pub silence: Duration,
    /// Netlink requests that take the addresses off.
    pub deletions: Vec<Vec<u8>>,
    /// Adverts of priority 0, with the name of the interface that each leaves by.
    pub adverts: Vec<(String, Socket, Parcel)>,
}

impl Orders {
    pub fn write(&self) -> String {
        let (death, silence) = (u8::from(self.on_death), u8::from(self.on_silence));
        let mut text = format!("orders {death} {silence} {}\n", self.silence.as_micros());
        for message in &self.deletions {
            let _ = writeln!(text, "delete {}", hex(message));
        }
        for (interface, socket, parcel) in &self.adverts {
            let (way, address) = match socket.way {
                Way::Multicast(group) => ("multicast", group),
                Way::Unicast(local) => ("unicast", local),
            };
            let _ = writeln!(
                text,
                "advert {interface} {} {} {way} {address} {} {} {} {}",
                socket.link,
                socket.protocol,
                parcel.source,
                parcel.destination,
                parcel.ttl,
                hex(&parcel.bytes)
            );
        }
        text
    }

    pub fn read(text: &str) -> Option<Orders> {
        let mut lines = text.lines().take(LINES_MAX);
        let mut orders = Orders::default();
        match words(lines.next()?).as_slice() {
            ["orders", death, silence, us] => {
                (orders.on_death, orders.on_silence) = (*death == "1", *silence == "1");
                orders.silence = Duration::from_micros(us.parse().ok()?);
            }
            _ => return None,
        }
        for line in lines {
            match words(line).as_slice() {
                ["delete", bytes] => orders.deletions.push(unhex(bytes)?),
                ["advert", interface, link, protocol, way, address, source, destination, ttl, bytes] => {
                    let address: IpAddr = address.parse().ok()?;
                    let way = match *way {
                        "multicast" => Way::Multicast(address),
                        "unicast" => Way::Unicast(address),
                        _ => return None,
                    };
                    let socket = Socket { link: link.parse().ok()?, way, protocol: protocol.parse().ok()? };
                    let parcel = Parcel {
                        source: source.parse().ok()?,
                        destination: destination.parse().ok()?,
                        ttl: ttl.parse().ok()?,
                        bytes: unhex(bytes)?,
                    };
                    orders.adverts.push(((*interface).to_owned(), socket, parcel));
                }
                _ => return None,
            }
        }
        Some(orders)
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_read_back_as_they_were_written() {
        let parcel = |d: &str| Parcel {
            source: "10.0.0.1".parse().unwrap(),
            destination: d.parse().unwrap(),
            ttl: 255,
            bytes: vec![0, 1, 0xfe, 0xff],
        };
        let socket = |way| Socket { link: 7, way, protocol: 112 };
        let orders = Orders {
            on_death: true,
            on_silence: false,
            silence: Duration::from_micros(3_609_375),
            deletions: vec![vec![1, 2, 3], vec![0xab]],
            adverts: vec![
                ("eth0".into(), socket(Way::Multicast("224.0.0.18".parse().unwrap())), parcel("224.0.0.18")),
                ("eth1".into(), socket(Way::Unicast("fe80::1".parse().unwrap())), parcel("fe80::2")),
            ],
        };
        assert_eq!(Orders::read(&orders.write()), Some(orders));
        assert_eq!(Orders::read(&Orders::default().write()), Some(Orders::default()));
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(text in "(orders 1 1 5\n)?(delete|advert)?[ 0-9a-f.:\n]{0,80}") {
            let _ = Orders::read(&text);
        }
    }
}
