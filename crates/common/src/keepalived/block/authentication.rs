//! `authentication`: the password of VRRPv2 (RFC 2338; gone since RFC 3768).

use super::{Entry, Row, row};
use crate::{diag::codes, keepalived::model::AuthType, source::At};

/// Bytes that a packet has room for.
const PASSWORD_BYTES_MAX: usize = 8;

/// What was read of the block; both parts together make an authentication.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) auth_type: Option<At<AuthType>>,
    pub(super) auth_pass: Option<At<String>>,
}

pub(super) const KEYWORDS: &[Row<Draft>] = &[
    row("auth_pass", (1, 1), "Password, cut to 8 bytes, padded with 0.", auth_pass),
    row("auth_type", (1, 1), "PASS: clear text in the packet; AH: IPsec authentication header.", auth_type),
];

fn auth_type(d: &mut Draft, e: &mut Entry<'_>) {
    let Some(word) = e.word(0) else { return };
    let kind = match word.text.as_str() {
        "PASS" => AuthType::Pass,
        "AH" => AuthType::Ah,
        other => {
            let message = format!("unknown authentication type '{other}'");
            return e.bad(word.span, message, "write PASS or AH; adverts go without authentication");
        }
    };
    d.auth_type = Some(At::new(kind, word.span));
}

fn auth_pass(d: &mut Draft, e: &mut Entry<'_>) {
    let Some(mut password) = e.text(0) else { return };
    if password.value.len() > PASSWORD_BYTES_MAX {
        let end = (0..=PASSWORD_BYTES_MAX).rev().find(|&i| password.value.is_char_boundary(i)).unwrap_or(0);
        password.value.truncate(end);
        e.warn(
            codes::K_ADJUSTED,
            password.span,
            "the password is longer than 8 bytes".to_owned(),
            "only its first 8 count, here and on every other router",
        );
    }
    d.auth_pass = Some(password);
}
