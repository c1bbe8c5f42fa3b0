//! The log line of a connection that failed before there was a session: PROXY header or TLS handshake.
//!
//! Its format is `error-log-format` or HAProxy's own (manual 8.2.1); with `option dontlognull` a connection that
//! sent nothing is not worth a line.

use super::{Record, Session, around, context};
use crate::{
    engine::{
        conn::ConnError,
        sample::Origin,
        txn::{Cause, Phase},
    },
    shell::worker::with_logger,
};

/// Syslog levels (manual 8.2, `option log-separate-errors`).
const LEVEL_INFO: u8 = 6;
const LEVEL_ERROR: u8 = 3;

/// Logs why the connection came to nothing: `session.conn.error`.
pub(in crate::shell) fn log_failed(session: &Session) {
    let plan = session.frontend.log.clone();
    let error = session.conn.error;
    let empty = matches!(error, ConnError::PROXY_EMPTY | ConnError::TLS_EMPTY);
    let Some(format) = plan.error_format.as_ref().filter(|_| !plan.targets.is_empty()) else { return };
    if empty && plan.dontlognull {
        return;
    }
    let mut record = Record::default();
    record.txn.end(Cause::Proxy, Phase::Request);
    let around = around(session);
    let (mut line, mut sd) = (Vec::new(), Vec::new());
    let mut ctx = context(&mut record, &around, false);
    ctx.origin = Origin::Close;
    format.render(&ctx, &mut line);
    if let Some(format) = &plan.sd {
        format.render(&ctx, &mut sd);
    }
    let level = if plan.separate_errors { LEVEL_ERROR } else { LEVEL_INFO };
    let now_us = session.worker.clock.wall_us();
    let sinks = &session.installed.runtime.log;
    with_logger(|logger| logger.send(sinks, &plan, level, &sd, &line, now_us));
}
