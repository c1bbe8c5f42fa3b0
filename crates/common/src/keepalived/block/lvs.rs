//! The blocks of LVS: parsed, told once, skipped.

use super::Entry;
use crate::{
    diag::{Diagnostic, codes},
    keepalived::model::Config,
};

/// Says of the first such block that none is served.
pub(super) fn skip(_: &mut Config, e: &mut Entry<'_>) {
    if e.cx.diags.iter().any(|d| d.code == codes::K_LVS) {
        return;
    }
    let message = format!("`{}` and all other blocks of LVS load balancing are skipped", e.name);
    e.cx.diags.push(
        Diagnostic::warning(codes::K_LVS, message)
            .at(e.span(), "")
            .help("let lbproxy balance this traffic; VRRP runs"),
    );
}
