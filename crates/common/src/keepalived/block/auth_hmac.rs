//! `auth_hmac`: keepalived's own signature of adverts (keepalived.conf(5), since 2.4).

use super::{Entry, Row, row, set};
use crate::{
    diag::codes,
    keepalived::model::{AntiReplay, AuthHmac, HmacKey, HmacMode},
    source::At,
};

/// Keys of one instance; ids are one byte.
const KEYS_MAX: usize = 255;

pub(super) const KEYWORDS: &[Row<AuthHmac>] = &[
    row("active_key", (1, 1), "In auth_hmac: key used for sending.", |h, e| {
        set(&mut h.active_key, e.number(0, 1..=255));
    }),
    row("anti_replay", (1, 1), "In auth_hmac: freshness by clock or only growing sequence.", anti_replay),
    row("key", (2, 2), "In auth_hmac: a key.", key),
    row("mode", (1, 1), "In auth_hmac: migration modes.", mode),
    row("time_window", (1, 1), "In auth_hmac: clock tolerance.", |h, e| {
        set(&mut h.time_window_s, e.number(0, 1..=300).map(|n| n.value));
    }),
];

fn key(h: &mut AuthHmac, e: &mut Entry<'_>) {
    let (Some(id), Some(value)) = (e.number(0, 1..=255_u8), e.text(1)) else { return };
    if h.keys.iter().any(|k| k.id.value == id.value) {
        return e.bad(id.span, format!("duplicate auth_hmac key id {}", id.value), "the first one counts");
    }
    if h.keys.len() < KEYS_MAX {
        h.keys.push(HmacKey { id, value });
    }
}

fn anti_replay(h: &mut AuthHmac, e: &mut Entry<'_>) {
    let Some(word) = e.word(0) else { return };
    h.anti_replay = match word.text.as_str() {
        "time" => AntiReplay::Time,
        "monotonic" => AntiReplay::Monotonic,
        other => {
            let message = format!("auth_hmac anti_replay '{other}' must be time or monotonic");
            return e.bad(word.span, message, "time stands");
        }
    };
}

fn mode(h: &mut AuthHmac, e: &mut Entry<'_>) {
    let Some(word) = e.word(0) else { return };
    let mode = match word.text.as_str() {
        "enforce" => HmacMode::Enforce,
        "permissive" => HmacMode::Permissive,
        "receive-only" => HmacMode::ReceiveOnly,
        other => {
            let message = format!("auth_hmac mode '{other}' must be enforce, permissive or receive-only");
            return e.bad(word.span, message, "enforce stands");
        }
    };
    h.mode = At::new(mode, word.span);
}

/// Takes back a block that nobody could verify.
pub(super) fn complete(h: AuthHmac, e: &mut Entry<'_>) -> Option<AuthHmac> {
    let at = e.span();
    let Some(active) = h.active_key else {
        e.warn(codes::K_INCOMPLETE, at, "auth_hmac has no active_key".to_owned(), "adverts go without it");
        return None;
    };
    if !h.keys.iter().any(|k| k.id.value == active.value) {
        let message = format!("auth_hmac active_key {} is not defined", active.value);
        e.bad(active.span, message, "add the key; adverts go without it");
        return None;
    }
    Some(h)
}
