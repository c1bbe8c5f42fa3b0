//! Where the configured rules meet a request and its answer.

use super::{Answer, End, Failure, Stream, answer::Message};
use crate::{
    compile::plan::{Backend, ForwardFor, SwitchTarget},
    engine::txn::{Cause, Phase},
};

impl Stream<'_> {
    /// Everything of the frontend that may answer before a backend is chosen.
    pub(super) async fn frontend_rules(&mut self) -> Result<(), End> {
        let frontend = self.session.frontend.clone();
        if let (Some(uri), Some(record)) = (&frontend.monitor_uri, &self.record)
            && record.req.uri() == uri.as_bytes()
        {
            return Err(End::Answered(Answer {
                message: Message::Page(200),
                cause: Cause::Local,
                phase: Phase::Request,
                close: false,
            }));
        }
        Ok(())
    }

    pub(super) async fn backend_rules(&mut self) -> Result<(), End> {
        Ok(())
    }

    pub(super) fn response_rules(&mut self, _backend: &Backend) -> Result<(), Failure> {
        Ok(())
    }

    /// The first `use_backend` whose condition holds, else the default backend.
    pub(super) fn switch(&mut self) -> Option<usize> {
        let frontend = &self.session.frontend;
        let unconditional = frontend.switching.iter().find_map(|s| match (&s.target, &s.cond) {
            (SwitchTarget::Fixed(ix), None) => Some(*ix),
            _ => None,
        });
        unconditional.or(frontend.default_backend)
    }

    /// The server that a rule or a cookie names.
    pub(super) fn named_server(&mut self, _backend: &Backend) -> Option<usize> {
        None
    }

    pub(super) fn log(&mut self) {}

    /// `option forwardfor` of frontend and backend (manual 4.2): the backend's header name counts first, `except` of
    /// either excludes, `if-none` holds only where both that are set say so.
    pub(super) fn add_forwarded_for(&mut self) {
        let of_backend = self.backend.as_ref().and_then(|b| b.forwardfor.clone());
        let of_frontend = self.session.frontend.forwardfor.clone();
        let set: Vec<&ForwardFor> = [&of_backend, &of_frontend].into_iter().flatten().map(|f| &**f).collect();
        let (Some(first), Some(ip)) = (set.first(), self.session.conn.src.ip()) else { return };
        if set.iter().any(|f| f.except.iter().any(|(net, bits)| in_network(ip, *net, *bits))) {
            return;
        }
        let Some(record) = &mut self.record else { return };
        let name = first.header.as_bytes();
        if set.iter().all(|f| f.if_none) && record.req.header(name).is_some() {
            return;
        }
        let mut text = [0u8; 45];
        let value = write_ip(ip, &mut text);
        record.req.add(name, value);
    }
}

/// The address in text without an allocation; 45 bytes hold the longest one.
fn write_ip(ip: std::net::IpAddr, into: &mut [u8; 45]) -> &[u8] {
    use std::io::Write as _;
    let mut rest = &mut into[..];
    // 45 bytes suffice, so writing cannot fail; a cut address would be refused by nobody, so none is sent then.
    let left = if write!(rest, "{ip}").is_ok() { rest.len() } else { 45 };
    &into[..45 - left]
}

fn in_network(ip: std::net::IpAddr, net: std::net::IpAddr, bits: u8) -> bool {
    use std::net::IpAddr::{V4, V6};
    let equal = |a: u128, b: u128, width: u32| {
        let shift = width.saturating_sub(u32::from(bits));
        shift >= 128 || a >> shift == b >> shift
    };
    match (ip, net) {
        (V4(a), V4(b)) => equal(u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (V6(a), V6(b)) => equal(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}
