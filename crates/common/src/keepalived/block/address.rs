//! The lines of `virtual_ipaddress`, `virtual_ipaddress_excluded` and `static_ipaddress`.

use std::net::{IpAddr, Ipv4Addr};

use super::Entry;
use crate::{
    diag::codes,
    keepalived::model::{Address, Prefix},
};

/// IFNAMSIZ without its zero byte: the longest label the kernel takes.
const LABEL_BYTES_MAX: usize = 15;

/// Reads one address a line.
pub(super) fn list(addresses: &mut Vec<Address>, e: &mut Entry<'_>) {
    for line in e.lines() {
        let mut entry = Entry::new(e.name, line, e.cx);
        addresses.extend(one(&mut entry));
    }
}

/// `ADDR[/LEN] [brd A] [dev IF] [scope S] …`; `None` if the address is of no use.
fn one(e: &mut Entry<'_>) -> Option<Address> {
    let first = e.node.words.first()?;
    let mut a = Address { address: e.prefix(first)?, ..Address::default() };
    let mut label_too_long = false;
    let mut i = 0;
    while let Some(option) = e.word(i) {
        let takes_word = matches!(
            option.text.as_str(),
            "brd" | "dev" | "scope" | "label" | "peer" | "track_group" | "preferred_lft"
        );
        if takes_word && e.word(i + 1).is_none() {
            e.bad(option.span, format!("'{}' lacks its value", option.text), "it is skipped");
            break;
        }
        match option.text.as_str() {
            "brd" => a.broadcast = broadcast(e, i + 1, a.address.value),
            "dev" => a.dev = e.text(i + 1),
            "scope" => a.scope = scope(e, i + 1),
            "label" => {
                a.label = e.text(i + 1);
                label_too_long = a.label.as_ref().is_some_and(|l| l.len() > LABEL_BYTES_MAX);
            }
            "peer" => a.peer = e.word(i + 1).and_then(|w| e.address(w)).map(|p| Prefix::host(p.value)),
            "track_group" => a.track_group = e.text(i + 1),
            "preferred_lft" if e.word(i + 1).is_some_and(|w| w.text == "forever") => {
                a.preferred_lft_s = Some(u32::MAX);
            }
            "preferred_lft" => a.preferred_lft_s = e.number(i + 1, 0..=u32::MAX).map(|n| n.value),
            "home" => a.home = true,
            "-nodad" => a.dad = true,
            "mngtmpaddr" => a.mngtmpaddr = true,
            "noprefixroute" => a.noprefixroute = true,
            "autojoin" => a.autojoin = true,
            "no_track" => a.no_track = true,
            "use_vmac" => a.use_vmac = true,
            other => e.bad(
                option.span,
                format!("unknown option '{other}' of an IP address"),
                "it is skipped; write one address a line",
            ),
        }
        i += if takes_word { 2 } else { 1 };
    }
    if a.peer.is_some() && !a.address.is_host() {
        let message = format!("{} has a prefix length beside a peer", a.address);
        e.warn(codes::K_ADJUSTED, a.address.span, message, "the length is not used");
        a.address.value = Prefix::host(a.address.address);
    }
    if label_too_long {
        let (text, span) = a.label.map(|l| (l.value, l.span))?;
        e.bad(span, format!("label {text} is longer than 15 bytes"), "the address is skipped");
        return None;
    }
    Some(a)
}

/// A broadcast address, or `+`/`-` for all host bits set or clear.
fn broadcast(e: &mut Entry<'_>, i: usize, own: Prefix) -> Option<Ipv4Addr> {
    let word = e.word(i)?;
    let IpAddr::V4(address) = own.address else {
        e.bad(word.span, "an IPv6 address has no broadcast address".to_owned(), "brd is skipped");
        return None;
    };
    let host = u32::MAX.checked_shr(u32::from(own.len)).unwrap_or(0);
    match word.text.as_str() {
        "+" => Some(Ipv4Addr::from_bits(address.to_bits() | host)),
        "-" => Some(Ipv4Addr::from_bits(address.to_bits() & !host)),
        text => match text.parse() {
            Ok(b) => Some(b),
            Err(_) => {
                e.bad(
                    word.span,
                    format!("'{text}' is no broadcast address"),
                    "write one, + or -; brd is skipped",
                );
                None
            }
        },
    }
}

/// A scope by name or number (ip-address(8)).
pub(super) fn scope(e: &mut Entry<'_>, i: usize) -> Option<u8> {
    let word = e.word(i)?;
    match word.text.as_str() {
        "global" => Some(0),
        "site" => Some(200),
        "link" => Some(253),
        "host" => Some(254),
        "nowhere" => Some(255),
        text => match text.parse() {
            Ok(n) => Some(n),
            Err(_) => {
                let help = "write global, site, link, host, nowhere or a number; the default stands";
                e.bad(word.span, format!("unknown scope '{text}'"), help);
                None
            }
        },
    }
}
