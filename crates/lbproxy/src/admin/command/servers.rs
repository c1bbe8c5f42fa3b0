//! Lists of backends and servers for scripts: `show servers state`, `show servers conn`, `show backend`.

use std::{fmt::Write, sync::Arc};

use super::{Call, Command, Reply};
use crate::{
    admin::view::server_address,
    compile::plan::{Backend, Level, Server},
};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "show backend",
        usage: "",
        level: Level::User,
        doc: "list the backends",
        run: |c| {
            let names = c.runtime.plan.backends.iter().map(|b| format!("{}\n", b.name));
            Reply::Text(format!("# name\n{}", names.collect::<String>()))
        },
    },
    Command {
        words: "show servers conn",
        usage: "[<backend>]",
        level: Level::User,
        doc: "show connections to servers, all or of a backend",
        run: conn,
    },
    Command {
        words: "show servers state",
        usage: "[<backend>]",
        level: Level::User,
        doc: "show states of servers, all or of a backend",
        run: state,
    },
];

const STATE_VERSION: u32 = 1;

const STATE_HEADER: &str = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight \
srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port \
srv_check_addr srv_agent_addr srv_agent_port";

/// Of the backends that the argument asks for.
fn each(c: &Call<'_>, out: &mut String, line: impl Fn(&Backend, &Server, &mut String)) -> Result<(), Reply> {
    let chosen: Vec<Arc<Backend>> = match c.arg(0) {
        "" => c.runtime.plan.backends.clone(),
        name => vec![c.backend(name).ok_or_else(|| Reply::text("Can't find backend."))?.clone()],
    };
    for b in chosen.iter().filter(|b| !b.disabled) {
        for s in &b.servers {
            line(b, s, out);
        }
    }
    Ok(())
}

fn state(c: &mut Call<'_>) -> Reply {
    let mut out = format!("{STATE_VERSION}\n{STATE_HEADER}\n");
    let now_ms = c.now_ms;
    match each(c, &mut out, |b, s, out| state_line(b, s, now_ms, out)) {
        Ok(()) => Reply::Text(out),
        Err(r) => r,
    }
}

/// Numbers as in the management guide, 9.3 `show servers state`. Ids are written as not forced: the plan does not
/// tell given ones from counted ones.
fn state_line(b: &Backend, s: &Server, now_ms: u64, out: &mut String) {
    let v = s.state.snapshot(now_ms);
    let (addr, _) = server_address(s);
    let status = v.last_report.status;
    let check_port = s.state.check_port().or(s.check.as_ref().and_then(|c| c.port)).unwrap_or(0);
    // Configured, enabled, an agent (management guide 9.3).
    let agent_state = if s.agent.is_some() { 0x16 } else { 0 };
    let agent_addr = s.agent.as_ref().and_then(|a| a.addr);
    let agent_addr = agent_addr.map_or_else(|| "-".to_owned(), |a| a.to_string());
    let check_addr = s.check.as_ref().and_then(|c| c.addr);
    let _ = writeln!(
        out,
        "{} {} {} {} {} {} {} {} {} {} {} {} {} {} {agent_state} 0 0 {} {} - {} {check_port} {} {agent_addr} {}",
        b.id,
        b.name,
        s.id,
        s.name,
        addr.map_or_else(|| "-".to_owned(), |a| a.ip().to_string()),
        v.op as u8,
        v.admin,
        v.uweight,
        v.iweight,
        v.since_change_ms / 1_000,
        status.number().max(1),
        status.result_number(),
        if v.checked { v.health } else { 1 },
        v.check_state,
        s.host.as_deref().unwrap_or("-"),
        addr.map_or(0, |a| a.port()),
        u8::from(s.tls.is_some()),
        check_addr.map_or_else(|| "-".to_owned(), |a| a.to_string()),
        s.agent.as_ref().map_or(0, |a| a.port),
    );
}

fn conn(c: &mut Call<'_>) -> Reply {
    let threads = c.runtime.plan.global.threads;
    let mut out = format!(
        "# bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est idle_sess unsafe_nb \
         safe_nb idle_lim idle_cur idle_per_thr[{threads}]\n"
    );
    match each(c, &mut out, |b, s, out| conn_line(b, s, threads, out)) {
        Ok(()) => Reply::Text(out),
        Err(r) => r,
    }
}

fn conn_line(b: &Backend, s: &Server, threads: usize, out: &mut String) {
    let (addr, _) = server_address(s);
    let idle: Vec<u64> = (0..threads as u16).map(|t| s.state.counters.at(t).idle_connections.get()).collect();
    let all: u64 = idle.iter().sum();
    let per_thread = idle.iter().map(|n| format!(" {n}")).collect::<String>();
    let (now, most) = (s.state.sessions.now(), s.state.sessions.max());
    let _ = writeln!(
        out,
        "{}/{} {}/{} {} {} - {} {now} {now} {most} {most} 0 0 {all} {} {all}{per_thread}",
        b.name,
        s.name,
        b.id,
        s.id,
        addr.map_or_else(|| "-".to_owned(), |a| a.ip().to_string()),
        addr.map_or(0, |a| a.port()),
        s.pool_purge_delay_ms,
        s.pool_max_conn,
    );
}
