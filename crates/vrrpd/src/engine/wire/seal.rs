//! keepalived's `auth_hmac`: a trailer behind the message, with a sequence number and a signature over both.
//!
//! Owns: the bytes of the trailer and what is signed. The layout was read off keepalived 2.4's packets: version 1,
//! key id, two zero bytes, eight bytes of sequence (seconds since 1970, then a fraction in 65536ths, then a
//! count), sixteen bytes of HMAC-SHA256. Signed are family, protocol version, virtual router, a zero, the
//! source in sixteen bytes, the message with a zero checksum, and the trailer with a zero signature.
//! Invariants: a key never reaches a log; signatures are compared in constant time. Leaves to others: which
//! sequence numbers were seen (`router::packets`).

use std::{fmt, net::IpAddr, time::Duration};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{Verdict, equal};

/// Bytes behind the message.
pub const TRAILER_BYTES: usize = HEAD_BYTES + SIGNATURE_BYTES;
const HEAD_BYTES: usize = 12;
const SIGNATURE_BYTES: usize = 16;
/// The only layout there is.
const LAYOUT: u8 = 1;
/// Where the message holds its checksum.
const CHECKSUM: std::ops::Range<usize> = 6..8;

/// How adverts of an instance are signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Seal {
    /// Id and bytes.
    pub keys: Vec<(u8, Vec<u8>)>,
    /// The id of the key that signs ours.
    pub active: u8,
    /// How far clocks may differ; `None` if only the order counts.
    pub window: Option<Duration>,
    pub mode: Mode,
}

/// keepalived.conf(5), `auth_hmac`, `mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Enforce,
    /// What has no trailer is heard.
    Permissive,
    /// And ours have none.
    ReceiveOnly,
}

impl fmt::Debug for Seal {
    /// Ids only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<u8> = self.keys.iter().map(|k| k.0).collect();
        write!(f, "Seal {{ keys {ids:?}, active {}, {:?} }}", self.active, self.mode)
    }
}

/// The sequence number of a moment, in time since 1970.
pub fn sequence(wall: Duration) -> u64 {
    let fraction = (u64::from(wall.subsec_nanos()) << 16) / 1_000_000_000;
    (wall.as_secs() << 32) | (fraction << 16)
}

/// The moment of a sequence number.
fn moment(sequence: u64) -> Duration {
    let nanos = ((sequence & 0xffff_ffff) * 1_000_000_000) >> 32;
    Duration::new(sequence >> 32, nanos as u32)
}

impl Seal {
    /// The trailer for a message of ours; `None` if ours have none.
    pub fn trailer(&self, message: &[u8], source: IpAddr, sequence: u64) -> Option<[u8; TRAILER_BYTES]> {
        if self.mode == Mode::ReceiveOnly {
            return None;
        }
        let mut trailer = [0; TRAILER_BYTES];
        let (head, tail) = trailer.split_at_mut(HEAD_BYTES);
        for (to, from) in head.iter_mut().zip([LAYOUT, self.active, 0, 0]) {
            *to = from;
        }
        for (to, from) in head.iter_mut().skip(4).zip(sequence.to_be_bytes()) {
            *to = from;
        }
        let signature = self.sign(self.active, message, head, source)?;
        tail.copy_from_slice(&signature);
        Some(trailer)
    }

    /// What stands behind a message of somebody else: its sequence number, or `None` where it may be missing.
    pub fn verify(
        &self,
        message: &[u8],
        trailer: &[u8],
        source: IpAddr,
        wall: Duration,
    ) -> Result<Option<u64>, Verdict> {
        if trailer.is_empty() {
            return if self.mode == Mode::Enforce { Err(Verdict::NoTrailer) } else { Ok(None) };
        }
        let (Some(head), Some(signature), true) =
            (trailer.get(..HEAD_BYTES), trailer.get(HEAD_BYTES..), trailer.len() == TRAILER_BYTES)
        else {
            return Err(Verdict::BadTrailer);
        };
        let [LAYOUT, id, 0, 0, s @ ..] = head else { return Err(Verdict::BadTrailer) };
        let expected = self.sign(*id, message, head, source).ok_or(Verdict::Signature)?;
        if !equal(&expected, signature) {
            return Err(Verdict::Signature);
        }
        let sequence = s.try_into().map(u64::from_be_bytes).map_err(|_| Verdict::BadTrailer)?;
        let skew = moment(sequence).abs_diff(wall);
        match self.window {
            Some(window) if skew > window => Err(Verdict::Stale(Duration::from_secs(skew.as_secs()))),
            _ => Ok(Some(sequence)),
        }
    }

    fn sign(&self, id: u8, message: &[u8], head: &[u8], source: IpAddr) -> Option<[u8; SIGNATURE_BYTES]> {
        let (_, key) = self.keys.iter().find(|k| k.0 == id)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        let first = message.first()?;
        let mut place = [0; 16];
        let family = match source {
            IpAddr::V4(a) => {
                place.iter_mut().zip(a.octets()).for_each(|(to, from)| *to = from);
                4
            }
            IpAddr::V6(a) => {
                place = a.octets();
                6
            }
        };
        mac.update(&[family, first >> 4, *message.get(1)?, 0]);
        mac.update(&place);
        mac.update(message.get(..CHECKSUM.start)?);
        mac.update(&[0, 0]);
        mac.update(message.get(CHECKSUM.end..)?);
        mac.update(head);
        mac.update(&[0; SIGNATURE_BYTES]);
        mac.finalize().into_bytes().first_chunk().copied()
    }
}
