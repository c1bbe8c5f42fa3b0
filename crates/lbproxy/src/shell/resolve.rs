//! Resolving servers' names while the process runs: sockets to name servers, and what comes of their answers.
//!
//! One task for each `resolvers` section, on the thread of the health checks. When to ask and what counts is
//! `engine::dns`'s; here are the sockets, the timers, and the servers that get their addresses. The numbers of
//! questions come from a keyed hash that nobody outside can guess, and each socket has a port of the kernel's choice.

use std::{
    cell::RefCell,
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use tokio::{net::UdpSocket, sync::mpsc, task::JoinSet};

use super::{
    check::perform,
    log::Logger,
    runtime::{Runtime, Shared},
};
use crate::{
    compile::plan::{Backend, Port, Resolvers, Server},
    engine::{
        dns::{self, Action, Count, Effect, Name, Outcome, wire},
        state::{Change, LogLine, Severity},
    },
};

/// Largest answer over UDP.
const ANSWER_MAX: usize = 65_535;
/// Answers that wait to be looked at.
const WAITING_MAX: usize = 256;

/// Resolves for one section until it is aborted.
pub(super) struct Resolver {
    pub(super) shared: Arc<Shared>,
    pub(super) runtime: Arc<Runtime>,
    /// Index of the section in the plan.
    pub(super) ix: usize,
    pub(super) logger: Rc<RefCell<Logger>>,
}

/// A name, and the servers that bear it.
struct Entry {
    name: Name,
    servers: Vec<(Arc<Backend>, Arc<Server>)>,
}

impl Resolver {
    pub(super) async fn run(self) {
        let Some(section) = self.runtime.plan.resolvers.get(self.ix).cloned() else { return };
        let mut names = self.names();
        if names.is_empty() || section.nameservers.is_empty() {
            return;
        }
        let (answers_tx, mut answers) = mpsc::channel(WAITING_MAX);
        // Dropped with this task, and the readers with it.
        let mut readers = JoinSet::new();
        let sockets = open(&section, &answers_tx, &mut readers).await;
        let chance = RandomState::new();
        let mut questions = 0u64;
        let mut id = move || {
            questions += 1;
            chance.hash_one(questions) as u16
        };
        loop {
            let mut next = u64::MAX;
            for entry in &mut names {
                loop {
                    match entry.name.poll(&section.settings, id(), self.now_ms()) {
                        Action::Ask(message) => send(&section, &sockets, &message),
                        Action::Wait(until) => break next = next.min(until),
                    }
                }
                self.apply(entry, &section, None);
            }
            let wait = Duration::from_millis(next.saturating_sub(self.now_ms()).max(1));
            let Ok(Some((from, message))) = tokio::time::timeout(wait, answers.recv()).await else {
                continue;
            };
            self.take(&mut names, &section, from, &message, &mut id);
        }
    }

    fn now_ms(&self) -> u64 {
        self.shared.started.elapsed().as_millis() as u64
    }

    /// Every name of this section once, by the family that is asked for first.
    fn names(&self) -> Vec<Entry> {
        let mut out: Vec<Entry> = Vec::new();
        let now_ms = self.now_ms();
        for b in self.runtime.plan.backends.iter().filter(|b| !b.disabled) {
            for s in &b.servers {
                let (Some(r), Some(host)) = (&s.resolve, &s.host) else { continue };
                if r.resolvers != self.ix {
                    continue;
                }
                let one = (b.clone(), s.clone());
                let same = |e: &&mut Entry| {
                    let first = e.servers.first().and_then(|(_, s)| s.resolve.as_ref());
                    e.name.host == *host && first.is_some_and(|f| f.prefer == r.prefer)
                };
                match out.iter_mut().find(same) {
                    Some(entry) => entry.servers.push(one),
                    None => {
                        out.push(Entry { name: Name::new(host, r.prefer, now_ms), servers: vec![one] });
                    }
                }
            }
        }
        out
    }

    /// An answer of a name server.
    fn take(
        &self,
        names: &mut [Entry],
        section: &Resolvers,
        from: usize,
        message: &[u8],
        id: &mut impl FnMut() -> u16,
    ) {
        let Some(server) = section.nameservers.get(from) else { return };
        for entry in names {
            let Some(answer) = wire::answer(message, &entry.name.host) else { continue };
            if answer.truncated {
                server.counts.add(Count::Truncated);
            }
            let effect = entry.name.answered(&answer, &section.settings, id(), self.now_ms());
            server.counts.add(match effect {
                Effect::Outdated => Count::Outdated,
                Effect::Taken(Outcome::Valid) => Count::Valid,
                Effect::Taken(Outcome::Nx) => Count::Nx,
                Effect::Taken(Outcome::Refused) => Count::Refused,
                Effect::Taken(Outcome::Timeout) => Count::Timeout,
                Effect::Taken(Outcome::Other) => Count::Other,
            });
            if let Effect::Taken(Outcome::Valid) = effect {
                self.apply(entry, section, Some(from));
            }
            return;
        }
        server.counts.add(Count::Invalid);
    }

    /// Gives the servers of a name their addresses, or takes them out of service when there is none any more.
    fn apply(&self, entry: &Entry, section: &Resolvers, from: Option<usize>) {
        let now_ms = self.now_ms();
        let Some(addresses) = entry.name.addresses(&section.settings, now_ms) else { return };
        for (backend, server) in &entry.servers {
            let Some(resolve) = &server.resolve else { continue };
            let others = entry.servers.iter().filter(|(b, s)| b.ix == backend.ix && s.ix != server.ix);
            let taken: Vec<IpAddr> = match resolve.allow_dup {
                true => Vec::new(),
                false => others.filter_map(|(_, s)| current(s)).collect(),
            };
            let near = |a: &IpAddr| resolve.near.iter().any(|(net, bits)| within(*a, *net, *bits));
            let chosen = dns::choose(addresses, current(server), resolve.prefer, near, &taken);
            let change = match chosen {
                None => server.state.set_unresolved(true, now_ms),
                Some(ip) => self.move_to(backend, server, ip, section, from, now_ms),
            };
            if !change.log.is_empty() || !change.shutdown.is_empty() {
                perform(&self.shared, &self.runtime, &mut self.logger.borrow_mut(), change);
            }
        }
    }

    fn move_to(
        &self,
        backend: &Backend,
        server: &Server,
        ip: IpAddr,
        section: &Resolvers,
        from: Option<usize>,
        now_ms: u64,
    ) -> Change {
        let before = current(server);
        let mut change = Change::default();
        if before != Some(ip) {
            let port = match server.port {
                Port::Fixed(p) if server.state.addr().is_none() => Some(p),
                _ => None,
            };
            server.state.set_addr(server.inet(), Some(ip), port);
            let by = from.and_then(|f| section.nameservers.get(f));
            if let Some(n) = by {
                n.counts.add(Count::Update);
            }
            let was = before.map_or_else(|| "(none)".to_owned(), |b| b.to_string());
            let by = by
                .map_or_else(|| "DNS cache".to_owned(), |n| format!("{}/{}", section.settings.name, n.name));
            let (b, s) = (&backend.name, &server.name);
            change.log.push(LogLine {
                severity: Severity::Notice,
                backend: backend.name.clone(),
                text: format!("{b}/{s}: IP changed from '{was}' to '{ip}' by '{by}'."),
            });
        }
        let back = server.state.set_unresolved(false, now_ms);
        change.log.extend(back.log);
        change
    }
}

fn current(server: &Server) -> Option<IpAddr> {
    server.state.addr().or_else(|| server.inet()).map(|a| a.ip())
}

/// Whether an address lies in a network.
fn within(a: IpAddr, net: IpAddr, bits: u8) -> bool {
    let word = |ip: IpAddr| match ip {
        IpAddr::V4(a) => (u128::from(u32::from(a)) << 96, 32),
        IpAddr::V6(a) => (u128::from(a), 128),
    };
    let ((a, size), (net, of_net)) = (word(a), word(net));
    let bits = u32::from(bits).min(size);
    size == of_net && (bits == 0 || (a ^ net) >> (128 - bits) == 0)
}

/// A socket to each name server, with somebody who reads from it.
async fn open(
    section: &Resolvers,
    answers: &mpsc::Sender<(usize, Vec<u8>)>,
    readers: &mut JoinSet<()>,
) -> Vec<Option<Rc<UdpSocket>>> {
    let mut out = Vec::with_capacity(section.nameservers.len());
    for (ix, n) in section.nameservers.iter().enumerate() {
        let any = match n.addr {
            std::net::SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            std::net::SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        let made = async {
            let socket = UdpSocket::bind((any, 0)).await?;
            socket.connect(n.addr).await?;
            Ok::<_, std::io::Error>(Rc::new(socket))
        };
        match made.await {
            Ok(socket) => {
                readers.spawn_local(read(ix, socket.clone(), answers.clone()));
                out.push(Some(socket));
            }
            Err(e) => {
                tracing::warn!("name server {} cannot be asked: {e}", n.name);
                out.push(None);
            }
        }
    }
    out
}

async fn read(ix: usize, socket: Rc<UdpSocket>, answers: mpsc::Sender<(usize, Vec<u8>)>) {
    /// After an error, such as a port that nobody listens at.
    const PAUSE: Duration = Duration::from_millis(100);
    let mut buf = vec![0; ANSWER_MAX];
    loop {
        match socket.recv(&mut buf).await {
            Ok(n) => {
                let message = buf.get(..n).unwrap_or(&[]).to_vec();
                if answers.send((ix, message)).await.is_err() {
                    return;
                }
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn send(section: &Resolvers, sockets: &[Option<Rc<UdpSocket>>], message: &[u8]) {
    for (n, socket) in section.nameservers.iter().zip(sockets) {
        let sent = socket.as_ref().is_some_and(|s| s.try_send(message).is_ok());
        n.counts.add(if sent { Count::Sent } else { Count::SendError });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_addresses_of_their_family() {
        let ip = |t: &str| t.parse::<IpAddr>().unwrap();
        assert!(within(ip("10.1.2.3"), ip("10.0.0.0"), 8) && !within(ip("11.1.2.3"), ip("10.0.0.0"), 8));
        assert!(within(ip("10.0.0.1"), ip("10.0.0.1"), 32) && within(ip("1.2.3.4"), ip("0.0.0.0"), 0));
        assert!(within(ip("fd00::1"), ip("fd00::"), 8) && !within(ip("10.0.0.1"), ip("::"), 0));
    }
}
