//! `auth_type AH`: the authentication header around version 2's adverts (RFC 2338 section 5.3.6.3, RFC 2402).
//!
//! The bytes are keepalived's: the source as SPI, HMAC-MD5-96 over the IP header with type of service, fragment and
//! checksum zero but the TTL as it is, the authentication header with a zero signature, and the message.
//! Invariant: signatures are compared in constant time. Leaves to others: which sequence numbers were seen.

use std::net::Ipv4Addr;

use hmac::{Hmac, Mac};
use md5::Md5;

use super::{PROTOCOL, Received, equal, ip};

/// The IP protocol number of the authentication header.
pub const PROTOCOL_AH: u8 = 51;
/// Fixed part and signature.
const HEADER_BYTES: usize = 12 + SIGNATURE_BYTES;
const SIGNATURE_BYTES: usize = 12;
/// Length of the header in 32-bit words, minus two (RFC 2402 section 2.2).
const LENGTH: u8 = (HEADER_BYTES / 4 - 2) as u8;

/// The whole packet around a message.
pub fn wrap(message: &[u8], source: Ipv4Addr, destination: Ipv4Addr, sent: Sent<'_>) -> Vec<u8> {
    let mut body = vec![PROTOCOL, LENGTH, 0, 0];
    body.extend_from_slice(&source.octets());
    body.extend_from_slice(&sent.sequence.to_be_bytes());
    let mut tail = vec![0; SIGNATURE_BYTES];
    tail.extend_from_slice(message);
    let unsigned = [body.as_slice(), &tail].concat();
    let packet = ip::wrap_as(PROTOCOL_AH, &unsigned, source, destination, sent.ttl, sent.id);
    let (header, content) = packet.split_at(packet.len() - unsigned.len());
    let signature = sign(sent.key, header, content).unwrap_or_default();
    body.extend_from_slice(&signature);
    body.extend_from_slice(message);
    ip::wrap_as(PROTOCOL_AH, &body, source, destination, sent.ttl, sent.id)
}

/// What a packet is sent with.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    pub ttl: u8,
    pub id: u16,
    pub key: &'a [u8],
    pub sequence: u32,
}

/// A packet with an authentication header, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Sealed<'a> {
    pub received: Received<'a>,
    pub sequence: u32,
    header: &'a [u8],
    content: &'a [u8],
}

/// `None` if there is no complete one of ours.
pub fn unwrap(bytes: &[u8]) -> Option<Sealed<'_>> {
    let (header, received) = ip::unwrap_as(PROTOCOL_AH, bytes)?;
    let content = received.message;
    let ([PROTOCOL, LENGTH, _, _, _, _, _, _, s @ ..], true) =
        (content.get(..12)?, content.len() >= HEADER_BYTES)
    else {
        return None;
    };
    let sequence = u32::from_be_bytes(s.try_into().ok()?);
    let message = content.get(HEADER_BYTES..)?;
    Some(Sealed { received: Received { message, ..received }, sequence, header, content })
}

impl Sealed<'_> {
    /// Whether the sender knows the password.
    pub fn is_signed_with(&self, key: &[u8]) -> bool {
        let told = self.content.get(12..HEADER_BYTES).unwrap_or_default();
        sign(key, self.header, self.content).is_some_and(|s| equal(&s, told))
    }
}

fn sign(key: &[u8], header: &[u8], content: &[u8]) -> Option<[u8; SIGNATURE_BYTES]> {
    let mut mac = Hmac::<Md5>::new_from_slice(key).ok()?;
    let header = header.iter().enumerate();
    // Type of service, flags and fragment offset, checksum.
    let header: Vec<u8> =
        header.map(|(at, b)| if matches!(at, 1 | 6 | 7 | 10 | 11) { 0 } else { *b }).collect();
    mac.update(&header);
    mac.update(content.get(..12)?);
    mac.update(&[0; SIGNATURE_BYTES]);
    mac.update(content.get(HEADER_BYTES..)?);
    mac.finalize().into_bytes().first_chunk().copied()
}
