//! Adverts out and in: which sockets are needed, what is sent through them, and which instance a packet is for.
//!
//! Invariants: a socket is open for exactly the links and ways that an instance with a source needs; what failed a
//! receive check is counted, said once per sender and verdict, and goes no further.

use std::{collections::BTreeSet, net::IpAddr};

use super::{Action, COMPLAINTS_MAX, Extra, Note, Parcel, Router, SENDERS_MAX, Socket, Way};
use crate::engine::{
    Time, instance,
    plan::Path,
    wire::{self, Auth, Verdict, ah, ip},
};

impl Router {
    pub(super) fn socket_of(&self, index: usize) -> Option<Socket> {
        let (plan, instance) = (self.plan.instances.get(index)?, self.instances.get(index)?);
        let link = self.links.by_name(&plan.interface)?.index;
        let source = instance.source()?;
        Some(Socket {
            link,
            way: match plan.path {
                Path::Multicast { group } => Way::Multicast(group),
                Path::Unicast { .. } => Way::Unicast(source),
            },
            protocol: plan.dialect.protocol(),
        })
    }

    pub(super) fn refresh_sockets(&mut self) {
        self.routes.clear();
        let mut wanted = BTreeSet::new();
        for index in 0..self.instances.len() {
            let (Some(socket), Some(plan)) = (self.socket_of(index), self.plan.instances.get(index)) else {
                continue;
            };
            self.routes.entry((socket, plan.dialect.vrid)).or_default().push(index);
            wanted.insert(socket);
        }
        for gone in self.sockets.difference(&wanted) {
            self.actions.push_back(Action::Close(*gone));
        }
        for new in wanted.difference(&self.sockets) {
            self.actions.push_back(Action::Open(*new));
        }
        self.sockets = wanted;
    }

    /// The adverts by which every master would resign now, for whoever sends them when we cannot. Signed ones carry
    /// the number of now: a peer that has heard a later advert takes them for a replay and waits out its down timer.
    pub fn resignations(&mut self, now: Time) -> Vec<(Socket, Parcel)> {
        let waiting = self.actions.len();
        for index in 0..self.instances.len() {
            if self.instances.get(index).is_some_and(|i| i.state() == instance::State::Master) {
                self.send(index, 0, now);
            }
        }
        let prepared = self.actions.split_off(waiting).into_iter();
        prepared
            .filter_map(|a| match a {
                Action::Send { socket, parcel } => Some((socket, parcel)),
                _ => None,
            })
            .collect()
    }

    pub(super) fn send(&mut self, index: usize, priority: u8, now: Time) {
        let wall = self.wall(now);
        let Some(socket) = self.socket_of(index) else { return };
        let (Some(plan), Some(instance)) = (self.plan.instances.get(index), self.instances.get(index)) else {
            return;
        };
        let (Some(source), Some(extra)) = (instance.source(), self.extras.get_mut(index)) else { return };
        let (destinations, ttl): (Vec<IpAddr>, u8) = match &plan.path {
            Path::Multicast { group } => (vec![*group], wire::TTL),
            Path::Unicast { peers, ttl, .. } => (peers.iter().map(|p| p.address).collect(), *ttl),
        };
        for destination in destinations {
            let mut message = plan.dialect.encode(priority, source, destination);
            if matches!(plan.dialect.auth, Auth::Seal(_)) {
                // Grows even when the clock does not.
                extra.sequence = wire::seal::sequence(wall).max(extra.sequence + 1);
                plan.dialect.seal(&mut message, source, destination, extra.sequence);
            }
            let bytes = match (source, destination) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    let id = extra.packet_id.wrapping_add(1).max(1);
                    extra.packet_id = id;
                    match &plan.dialect.auth {
                        Auth::Header(key) => {
                            // After a restart too it must be above what peers have seen (RFC 4302 section 3.4.3).
                            extra.sequence = wall.as_secs().max(extra.sequence + 1);
                            let sequence = extra.sequence as u32;
                            ah::wrap(&message, from, to, ah::Sent { ttl, id, key, sequence })
                        }
                        _ => ip::wrap(&message, from, to, ttl, id),
                    }
                }
                _ => message,
            };
            self.actions
                .push_back(Action::Send { socket, parcel: Parcel { source, destination, ttl, bytes } });
        }
    }

    pub(super) fn packet(&mut self, socket: Socket, bytes: &[u8], now: Time) {
        if socket.protocol == wire::PROTOCOL {
            if let Some(received) = ip::unwrap(bytes) {
                self.message(socket, &received, now);
            }
        } else if let Some(sealed) = ah::unwrap(bytes) {
            self.sealed(socket, &sealed, now);
        }
    }

    pub(super) fn message(&mut self, socket: Socket, received: &wire::Received<'_>, now: Time) {
        for index in self.addressed(socket, received) {
            self.packet_for(index, received, Ok(None), now);
        }
    }

    /// A packet with an authentication header around it.
    fn sealed(&mut self, socket: Socket, sealed: &ah::Sealed<'_>, now: Time) {
        for index in self.addressed(socket, &sealed.received) {
            let auth = self.plan.instances.get(index).map(|p| &p.dialect.auth);
            let known = matches!(auth, Some(Auth::Header(key)) if sealed.is_signed_with(key));
            let sequence = if known { Ok(Some(u64::from(sealed.sequence))) } else { Err(Verdict::Signature) };
            self.packet_for(index, &sealed.received, sequence, now);
        }
    }

    /// The instances that a packet speaks to.
    fn addressed(&self, socket: Socket, received: &wire::Received<'_>) -> Vec<usize> {
        let vrid = received.vrid();
        vrid.and_then(|vrid| self.routes.get(&(socket, vrid))).cloned().unwrap_or_default()
    }

    /// `sequence`: what an authentication header said.
    fn packet_for(
        &mut self,
        index: usize,
        received: &wire::Received<'_>,
        sequence: Result<Option<u64>, Verdict>,
        now: Time,
    ) {
        let wall = self.wall(now);
        let (Some(plan), Some(instance), Some(extra)) = (
            self.plan.instances.get(index).cloned(),
            self.instances.get_mut(index),
            self.extras.get_mut(index),
        ) else {
            return;
        };
        // Our own advert, looped back by a bridge or a switch: to answer it would never end.
        if instance.source() == Some(received.source) {
            return;
        }
        let verdict = match plan.path.cast(received.source) {
            Some(cast) => plan.dialect.decode(received, cast).and_then(|advert| {
                let sequence = sequence?.or(plan.dialect.unseal(received, wall)?);
                extra.fresh(received.source, sequence)?;
                Ok(advert)
            }),
            None => Err(Verdict::NotPeer),
        };
        let from = received.source;
        match verdict {
            Ok(advert) => {
                instance.counters.adverts_received += 1;
                let look = !plan.trust_addresses || extra.checked != Some(from);
                if look && advert.addresses_differ {
                    instance.counters.address_list_errors += 1;
                    // The list is compared each time and said once per sender.
                    if extra.checked != Some(from) {
                        self.actions.push_back(Action::Note {
                            instance: index,
                            note: Note::AddressesDiffer { from },
                        });
                    }
                }
                extra.checked = Some(from);
                let good = advert.priority >= instance.priority();
                if good {
                    for group in &mut self.groups {
                        group.follow(index);
                    }
                }
                self.tell(index, instance::Event::Heard(advert), now);
            }
            Err(verdict) => {
                count(&mut instance.counters, verdict);
                let known = extra.complaints.contains(&(from, verdict));
                if !known && extra.complaints.len() < COMPLAINTS_MAX {
                    extra.complaints.push((from, verdict));
                    let note = Note::Dropped { from, verdict };
                    self.actions.push_back(Action::Note { instance: index, note });
                }
            }
        }
    }
}

impl Extra {
    /// Takes a sequence number that is greater than all before of the same sender.
    fn fresh(&mut self, source: IpAddr, sequence: Option<u64>) -> Result<(), Verdict> {
        let Some(sequence) = sequence else { return Ok(()) };
        match self.sequences.iter_mut().find(|(s, _)| *s == source) {
            Some((_, last)) if sequence <= *last => return Err(Verdict::Replayed),
            Some((_, last)) => *last = sequence,
            None => {
                if self.sequences.len() >= SENDERS_MAX {
                    self.sequences.remove(0);
                }
                self.sequences.push((source, sequence));
            }
        }
        Ok(())
    }
}

/// keepalived's counter for each verdict.
fn count(counters: &mut instance::Counters, verdict: Verdict) {
    let counter = match verdict {
        Verdict::Length => &mut counters.length_errors,
        Verdict::Ttl(_) => &mut counters.ttl_errors,
        Verdict::Version(_) => &mut counters.version_errors,
        Verdict::AuthType(_) => &mut counters.auth_type_errors,
        Verdict::AuthMismatch(_) => &mut counters.auth_mismatches,
        Verdict::AuthFailure => &mut counters.auth_failures,
        Verdict::Interval(_) => &mut counters.interval_errors,
        Verdict::Type(_) | Verdict::Cast | Verdict::NotPeer => &mut counters.type_errors,
        Verdict::Checksum => &mut counters.checksum_errors,
        Verdict::NoTrailer | Verdict::BadTrailer | Verdict::Signature => &mut counters.invalid_signatures,
        Verdict::Stale(_) | Verdict::Replayed => &mut counters.replays,
    };
    *counter += 1;
}
