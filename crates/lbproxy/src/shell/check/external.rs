//! Checks by a program (manual 4.2, `external-check command`): its exit status is the verdict.

use std::{process::Stdio, time::Duration};

use tokio::process::Command;

use super::probe::{self, Probe};
use crate::{
    compile::plan::Endpoint,
    engine::check::{External, Status, script::Outcome},
};

/// Runs the program once. The time it has is that of any check: `timeout check`, else the interval.
pub(super) async fn run(probe: &Probe<'_>, program: &External) -> Outcome {
    let outcome = |status, code, info: String| Outcome { status, code, info };
    let mut child = match command(probe, program).spawn() {
        Ok(child) => child,
        Err(e) => return outcome(Status::SockErr, 0, crate::sys::reason(&e)),
    };
    let spec = probe.spec;
    let limit = if spec.timeout_check_ms > 0 { spec.timeout_check_ms } else { spec.inter_ms };
    match tokio::time::timeout(Duration::from_millis(u64::from(limit.max(1))), child.wait()).await {
        Err(_) => {
            // It is reaped in the background; what it would say comes too late.
            let _ = child.start_kill();
            outcome(Status::ProcTout, 0, String::new())
        }
        Ok(Err(e)) => outcome(Status::SockErr, 0, crate::sys::reason(&e)),
        Ok(Ok(status)) => match status.code() {
            Some(0) => outcome(Status::ProcOk, 0, String::new()),
            Some(code) => outcome(Status::ProcErr, u16::try_from(code).unwrap_or(u16::MAX), String::new()),
            None => outcome(Status::ProcErr, 0, "it was ended by a signal".to_owned()),
        },
    }
}

/// The program with its four arguments and its environment (manual 4.2, table of `external-check command`).
fn command(probe: &Probe<'_>, program: &External) -> Command {
    let (backend, server) = (probe.backend, probe.server);
    let (address, port) = match (&server.endpoint, probe::address(server)) {
        (_, Some(a)) => {
            let port = probe.spec.port.unwrap_or_else(|| a.port());
            (probe.spec.addr.unwrap_or_else(|| a.ip()).to_string(), port.to_string())
        }
        (Some(Endpoint::Unix(path)), None) => (path.display().to_string(), "NOT_USED".to_owned()),
        _ => ("NOT_USED".to_owned(), "NOT_USED".to_owned()),
    };
    let listener = backend.same_as.and_then(|f| probe.runtime.plan.frontends.get(f)?.binds.first().cloned());
    let (own_address, own_port) = match listener.as_ref().map(|b| &b.endpoint) {
        Some(Endpoint::Inet(a)) => (a.ip().to_string(), a.port().to_string()),
        Some(Endpoint::Unix(path)) => (path.display().to_string(), "NOT_USED".to_owned()),
        _ => ("NOT_USED".to_owned(), "NOT_USED".to_owned()),
    };
    let mut c = Command::new(&program.command);
    if !program.keep_env {
        c.env_clear();
    }
    let path = program.path.clone().or_else(|| std::env::var("PATH").ok()).unwrap_or_default();
    c.args([&own_address, &own_port, &address, &port])
        .env("PATH", path)
        .env("HAPROXY_PROXY_ADDR", &own_address)
        .env("HAPROXY_PROXY_PORT", &own_port)
        .env("HAPROXY_PROXY_NAME", &*backend.name)
        .env("HAPROXY_PROXY_ID", backend.id.to_string())
        .env("HAPROXY_SERVER_ADDR", &address)
        .env("HAPROXY_SERVER_PORT", &port)
        .env("HAPROXY_SERVER_NAME", &*server.name)
        .env("HAPROXY_SERVER_ID", server.id.to_string())
        .env("HAPROXY_SERVER_CURCONN", server.state.sessions.now().to_string())
        .env("HAPROXY_SERVER_MAXCONN", server.state.maxconn().to_string())
        .env("HAPROXY_SERVER_SSL", if server.tls.is_some() { "1" } else { "0" })
        .env("HAPROXY_SERVER_PROTO", "cli")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    c
}
