//! Destinations of traffic logs, opened with the rights and in the place that they need.
//!
//! Sockets of the Internet and inherited descriptors are opened here; a Unix socket such as `/dev/log` lies outside
//! the jail, so that after the start it is asked for.

use std::{
    cell::RefCell,
    io,
    net::{SocketAddr, UdpSocket},
    os::fd::OwnedFd,
};

use common::haproxy::{Config, model::LogHostname};

use super::{
    access::{Access, Outside},
    report::Report,
};
use crate::{
    compile::{
        World as _,
        plan::{LogSink, Plan},
    },
    shell::log::{Sinks, wire::Frame},
    sys,
};

/// Opens what the plan names. One that cannot be opened now is tried again when there is something to send, and
/// said; it is no reason not to serve.
pub(super) fn open(plan: &Plan, config: &Config, access: &mut dyn Access, report: Report) -> Sinks {
    let mut outside = Outside(access);
    let frame = Frame {
        hostname: config.global.log_send_hostname.as_ref().map(|h| match h {
            LogHostname::Own => outside.hostname(),
            LogHostname::Name(n) => n.clone(),
        }),
        tag: config.global.log_tag.clone().unwrap_or_else(|| "haproxy".to_owned()),
        pid: std::process::id(),
    };
    let outside = RefCell::new(outside);
    Sinks::with_descriptors(plan, frame, |sink| {
        let opened = open_one(sink, &mut outside.borrow_mut());
        if let Err(e) = &opened {
            report.notice(&format!("logs cannot be sent to {} yet: {}", sink.name(), sys::reason(e)));
        }
        opened
    })
}

fn open_one(sink: &LogSink, outside: &mut Outside<'_>) -> io::Result<OwnedFd> {
    match sink {
        LogSink::Udp(to) => {
            let any: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
            let socket = UdpSocket::bind(any)?;
            socket.set_nonblocking(true)?;
            socket.connect(to)?;
            Ok(socket.into())
        }
        LogSink::Unix(path) => outside.datagram(path),
        LogSink::Fd(n) => sys::duplicate_inherited(*n),
        LogSink::Ring(_) => Err(io::Error::other("rings are not built yet")),
    }
}
