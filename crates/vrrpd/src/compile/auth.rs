//! How an instance's adverts are authenticated: `authentication` and `auth_hmac`, with key files read.
//!
//! Invariant: an instance whose key cannot be had does not run; without it, it would be a second master.

use std::{io::Read, os::unix::fs::MetadataExt, sync::Arc, time::Duration};

use common::{
    diag::{Diagnostic, Diagnostics, codes},
    keepalived::model::{
        AntiReplay, AuthHmac, AuthType, Effective, HmacKey, HmacMode, Version, VrrpInstance,
    },
};

use crate::engine::wire::{
    Auth,
    seal::{Mode, Seal},
};

/// keepalived.conf(5), `auth_hmac`: bytes of a key.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 32..=64;
/// What a key file may hold: digits of the longest key, its prefix and line end.
const FILE_BYTES_MAX: u64 = 256;
/// Default of `time_window`: so many intervals, and at least this.
const WINDOW_INTERVALS: u64 = 3;
const WINDOW_LEAST_US: u64 = 5_000_000;

/// `None`: the instance cannot run, which was told.
pub(super) fn of(i: &VrrpInstance, e: &Effective, diags: &mut Diagnostics) -> Option<Auth> {
    if let Some(hmac) = &i.auth_hmac {
        return seal(i, e, hmac, diags).map(|s| Auth::Seal(Arc::new(s)));
    }
    Some(match &i.authentication {
        // Version 3 has none (RFC 9568 section 9).
        Some(a) if e.version == Version::V2 => match a.auth_type.value {
            AuthType::Pass => Auth::pass(a.auth_pass.value.as_bytes()),
            AuthType::Ah => Auth::Header(a.auth_pass.value.as_bytes().to_vec()),
        },
        _ => Auth::None,
    })
}

fn seal(i: &VrrpInstance, e: &Effective, hmac: &AuthHmac, diags: &mut Diagnostics) -> Option<Seal> {
    let mut keys = Vec::new();
    for key in &hmac.keys {
        match bytes(key) {
            Ok(bytes) => keys.push((key.id.value, bytes)),
            Err(why) => {
                let message = format!("({}) auth_hmac key {}: {why}", i.name.value, key.id.value);
                diags.push(Diagnostic::alert(codes::K_BAD_ARGUMENT, message).at(key.value.span, ""));
            }
        }
    }
    let active = hmac.active_key?;
    if !keys.iter().any(|k| k.0 == active.value) {
        let message = format!(
            "vrrp_instance {} does not run: its auth_hmac active_key {} cannot be used",
            i.name.value, active.value
        );
        diags.push(Diagnostic::alert(codes::K_BAD_ARGUMENT, message).at(active.span, ""));
        return None;
    }
    let window_us = match hmac.time_window_s {
        Some(s) => u64::from(s) * 1_000_000,
        None => (e.advert_int_us * WINDOW_INTERVALS).max(WINDOW_LEAST_US),
    };
    Some(Seal {
        keys,
        active: active.value,
        window: (hmac.anti_replay == AntiReplay::Time).then(|| Duration::from_micros(window_us)),
        mode: match hmac.mode.value {
            HmacMode::Enforce => Mode::Enforce,
            HmacMode::Permissive => Mode::Permissive,
            HmacMode::ReceiveOnly => Mode::ReceiveOnly,
        },
    })
}

fn bytes(key: &HmacKey) -> Result<Vec<u8>, String> {
    let text = match key.value.value.strip_prefix("file:") {
        Some(path) => file(path)?,
        None => key.value.value.clone(),
    };
    let bytes = match text.strip_prefix("hex:") {
        Some(digits) => hex(digits).ok_or("what follows hex: is no even number of hexadecimal digits")?,
        None => text.into_bytes(),
    };
    if KEY_BYTES.contains(&bytes.len()) {
        Ok(bytes)
    } else {
        Err(format!("it has {} bytes; 32 to 64 are needed", bytes.len()))
    }
}

fn file(path: &str) -> Result<String, String> {
    let fail = |e: std::io::Error| format!("cannot read {path}: {e}");
    let file = std::fs::File::open(path).map_err(fail)?;
    let meta = file.metadata().map_err(fail)?;
    if meta.mode() & 0o077 != 0 {
        return Err(format!("{path} is readable by group or others; chmod 600"));
    }
    if meta.len() > FILE_BYTES_MAX {
        return Err(format!("{path} is too large for a key"));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(fail)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = digits.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
