//! Changes of the stream itself: its log level, addresses, time-outs, place in queues.

use std::net::SocketAddr;

use super::Number;
use crate::engine::{
    conn::Addr,
    sample::{Ctx, Expr},
    txn::Overrides,
};

/// Which time-out `set-timeout` changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timeout {
    Client,
    Connect,
    Queue,
    Server,
    Tarpit,
    Tunnel,
}

/// A change of the stream.
#[derive(Clone, Debug)]
pub enum Change {
    /// `None` is silent.
    LogLevel(Option<u8>),
    Src(Expr),
    SrcPort(Expr),
    Timeout(Timeout, Number),
    Retries(Number),
    PriorityClass(Expr),
    PriorityOffset(Expr),
    StrictMode(bool),
}

impl Change {
    pub(super) fn run(&self, ctx: &mut Ctx<'_>) {
        match self {
            Change::LogLevel(level) => ctx.txn.log_level = Some(*level),
            Change::Src(expr) => {
                if let Some(ip) = expr.eval(ctx).and_then(|v| v.to_ip()) {
                    let port = ctx.txn.src(ctx.conn).port();
                    ctx.txn.src_override = Some(Addr::Inet(SocketAddr::new(ip, port)));
                }
            }
            Change::SrcPort(expr) => {
                let port = expr.eval(ctx).and_then(|v| v.to_int()).and_then(|n| u16::try_from(n).ok());
                if let (Some(port), Some(ip)) = (port, ctx.txn.src(ctx.conn).ip()) {
                    ctx.txn.src_override = Some(Addr::Inet(SocketAddr::new(ip, port)));
                }
            }
            Change::Timeout(which, number) => {
                if let Some(ms) = number.eval(ctx).and_then(|n| u32::try_from(n).ok()) {
                    *slot(&mut ctx.txn.overrides, *which) = Some(ms);
                }
            }
            Change::Retries(number) => {
                if let Some(n) = number.eval(ctx).and_then(|n| u32::try_from(n).ok()) {
                    ctx.txn.overrides.retries = Some(n);
                }
            }
            Change::PriorityClass(expr) => {
                if let Some(n) = expr.eval(ctx).and_then(|v| v.to_int()) {
                    ctx.txn.priority_class = n.clamp(-2_047, 2_047) as i32;
                }
            }
            Change::PriorityOffset(expr) => {
                if let Some(n) = expr.eval(ctx).and_then(|v| v.to_int()) {
                    ctx.txn.priority_offset_ms = n.clamp(-524_287, 524_287) as i32;
                }
            }
            Change::StrictMode(on) => ctx.txn.lenient_rewrites = !on,
        }
    }
}

fn slot(o: &mut Overrides, which: Timeout) -> &mut Option<u32> {
    match which {
        Timeout::Client => &mut o.client_ms,
        Timeout::Connect => &mut o.connect_ms,
        Timeout::Queue => &mut o.queue_ms,
        Timeout::Server => &mut o.server_ms,
        Timeout::Tarpit => &mut o.tarpit_ms,
        Timeout::Tunnel => &mut o.tunnel_ms,
    }
}
