//! The lines of `show info`, in HAProxy's order: positions, names, types and what they say of this process.
//!
//! Lines of features that this process has not (caches, compression, peers, pools) are there and 0.

use super::{
    export::{InfoLine, Value},
    sampler::frontends,
};
use crate::shell::runtime::{Runtime, Shared};

/// What the process calls itself and its version.
pub const NAME: &str = "lbproxy";
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
const RELEASE_DATE: &str = "2026/11/22";

/// What the lines are read from.
struct Facts {
    threads: u32,
    uptime_s: u32,
    files_max: u32,
    maxconn: u32,
    maxconn_hard: u32,
    maxconn_rate: u32,
    maxsess_rate: u32,
    maxssl_rate: u32,
    dropped_logs: u64,
    warnings: u32,
    stopping: bool,
    connections: u32,
    connections_all: u64,
    requests_all: u64,
    sessions_all: u64,
    bytes_out: u64,
    connection_rate: (u32, u32),
    session_rate: (u32, u32),
    bytes_out_rate: u64,
    listeners: u32,
    idle_percent: u32,
    node: String,
    description: Option<String>,
    started_s: u32,
}

/// One line: position, name, tags, what it says, and how it is found.
struct Line(u32, &'static str, &'static str, &'static str, fn(&Facts) -> Option<Value>);

#[rustfmt::skip]
const LINES: &[Line] = &[
    Line(0, "Name", "POSV", "What the program is called", |_| text(NAME)),
    Line(1, "Version", "POSV", "Its version", |_| text(VERSION)),
    Line(2, "Release_date", "POSV", "Day of that version", |_| text(RELEASE_DATE)),
    Line(3, "Nbthread", "CGSV", "Worker threads (nbthread)", |f| n(f.threads)),
    Line(4, "Nbproc", "CGSV", "Worker processes, always 1", |_| n(1)),
    Line(5, "Process_num", "KGPV", "Number of this one among them, always 1", |_| n(1)),
    Line(6, "Pid", "SGPV", "Process id", |_| n(std::process::id())),
    Line(7, "Uptime", "MDPV", "Time since start, in words", |f| uptime(f.uptime_s)),
    Line(8, "Uptime_sec", "MDPV", "Seconds since start", |f| n(f.uptime_s)),
    Line(9, "Memmax_MB", "CLPV", "Limit on memory in MB, 0: none", zero),
    Line(10, "PoolAlloc_MB", "MGPV", "Memory of pools in MB; there are none", zero),
    Line(11, "PoolUsed_MB", "MGPV", "Memory of pools in use; there are none", zero),
    Line(12, "PoolFailed", "MCPV", "Failed allocations of pools; there are none", zero),
    Line(13, "Ulimit-n", "CLPV", "Limit on descriptors", |f| n(f.files_max)),
    Line(14, "Maxsock", "CLPV", "Limit on sockets", |f| n(f.files_max)),
    Line(15, "Maxconn", "CLPV", "Limit on client connections now", |f| n(f.maxconn)),
    Line(16, "Hard_maxconn", "CLPV", "Limit on client connections as configured or as descriptors allow", |f| n(f.maxconn_hard)),
    Line(17, "CurrConns", "MGPV", "Client connections now", |f| n(f.connections)),
    Line(18, "CumConns", "MCPV", "Client connections since start", |f| wrapped(f.connections_all)),
    Line(19, "CumReq", "MCPV", "Requests since start", |f| wrapped(f.requests_all)),
    Line(20, "MaxSslConns", "MMPV", "Limit on TLS connections, 0: none", zero),
    Line(21, "CurrSslConns", "MGPV", "TLS connections now; not counted apart", zero),
    Line(22, "CumSslConns", "MCPV", "TLS connections since start; not counted apart", zero),
    Line(23, "Maxpipes", "CLPV", "Limit on pipes for splicing", zero),
    Line(24, "PipesUsed", "MGPV", "Pipes in use", zero),
    Line(25, "PipesFree", "MGPV", "Pipes kept for use", zero),
    Line(26, "ConnRate", "MRPV", "Connections in the last second", |f| n(f.connection_rate.0)),
    Line(27, "ConnRateLimit", "CLPV", "Limit on connections in a second (maxconnrate)", |f| n(f.maxconn_rate)),
    Line(28, "MaxConnRate", "MMPV", "Most connections in a second", |f| n(f.connection_rate.1)),
    Line(29, "SessRate", "MRPV", "Sessions in the last second", |f| n(f.session_rate.0)),
    Line(30, "SessRateLimit", "CLPV", "Limit on sessions in a second (maxsessrate)", |f| n(f.maxsess_rate)),
    Line(31, "MaxSessRate", "MRPV", "Most sessions in a second", |f| n(f.session_rate.1)),
    Line(32, "SslRate", "MRPV", "TLS connections in the last second; not counted apart", zero),
    Line(33, "SslRateLimit", "CLPV", "Limit on TLS connections in a second (maxsslrate)", |f| n(f.maxssl_rate)),
    Line(34, "MaxSslRate", "MMPV", "Most TLS connections in a second; not counted apart", zero),
    Line(35, "SslFrontendKeyRate", "MGPV", "Keys made with clients in the last second; not counted apart", zero),
    Line(36, "SslFrontendMaxKeyRate", "MMPV", "Most keys made with clients in a second; not counted apart", zero),
    Line(37, "SslFrontendSessionReuse_pct", "MGPV", "Percent of resumed TLS sessions; not counted apart", zero),
    Line(38, "SslBackendKeyRate", "MRPV", "Keys made with servers in the last second; not counted apart", zero),
    Line(39, "SslBackendMaxKeyRate", "MMPV", "Most keys made with servers in a second; not counted apart", zero),
    Line(40, "SslCacheLookups", "MCPV", "Lookups in a TLS session cache; there is none", zero),
    Line(41, "SslCacheMisses", "MCPV", "Misses in a TLS session cache; there is none", zero),
    Line(42, "CompressBpsIn", "MRPV", "Bytes given to compression in the last second", zero),
    Line(43, "CompressBpsOut", "MRPV", "Bytes out of compression in the last second", zero),
    Line(44, "CompressBpsRateLim", "CLPV", "Limit on that", zero),
    Line(45, "ZlibMemUsage", "MGPV", "Memory of compression", zero),
    Line(46, "MaxZlibMemUsage", "CLPV", "Limit on that", zero),
    Line(47, "Tasks", "MGPV", "Tasks: of connections, listeners and threads", |f| n(f.connections + f.listeners + f.threads)),
    Line(48, "Run_queue", "MGPV", "Tasks ready to run; not visible", zero),
    Line(49, "Idle_pct", "MaPV", "Percent of the last second in which the worker threads waited", |f| n(f.idle_percent)),
    Line(50, "node", "COSV", "Name of the node (node)", |f| text(&f.node)),
    Line(51, "description", "COSV", "Its description (description)", |f| text(f.description.as_deref()?)),
    Line(52, "Stopping", "MGPV", "1 while the process is leaving", |f| n(f.stopping.into())),
    Line(53, "Jobs", "MGPV", "Connections and listeners", |f| n(f.connections + f.listeners)),
    Line(54, "Unstoppable Jobs", "MGPV", "Of these, those that do not end by themselves", zero),
    Line(55, "Listeners", "MGPV", "Listeners that accept", |f| n(f.listeners)),
    Line(56, "ActivePeers", "MGPV", "Peers connected", zero),
    Line(57, "ConnectedPeers", "MGPV", "Peers being connected", zero),
    Line(58, "DroppedLogs", "MGPV", "Log lines that could not be sent", |f| Some(Value::U32(f.dropped_logs as u32))),
    Line(59, "BusyPolling", "MGPV", "1 if the threads never wait", zero),
    Line(60, "FailedResolutions", "MGPV", "Names that could not be resolved", zero),
    Line(61, "TotalBytesOut", "MGPV", "Bytes sent to clients since start", |f| Some(Value::U64(f.bytes_out))),
    Line(62, "TotalSplicedBytesOut", "MGPV", "Of these, through pipes of the kernel", zero_long),
    Line(63, "BytesOutRate", "MRPV", "Bytes sent to clients in the last second", |f| Some(Value::U64(f.bytes_out_rate))),
    Line(64, "DebugCommandsIssued", "MGPV", "Debugging commands; there are none", zero),
    Line(65, "CumRecvLogs", "MCPV", "Log lines received to be forwarded", zero),
    Line(66, "Build info", "POSV", "Version as built", |_| text(VERSION)),
    Line(67, "Memmax_bytes", "CLPV", "Limit on memory in bytes, 0: none", zero),
    Line(68, "PoolAlloc_bytes", "MGPV", "Memory of pools; there are none", zero_long),
    Line(69, "PoolUsed_bytes", "MGPV", "Memory of pools in use; there are none", zero_long),
    Line(70, "Start_time_sec", "MDPV", "When it started, seconds since the epoch", |f| n(f.started_s)),
    Line(71, "Tainted", "SGPV", "Experimental features in use", |_| text("0")),
    Line(72, "TotalWarnings", "MCPV", "Warnings when the configuration was loaded", |f| n(f.warnings)),
    Line(73, "MaxconnReached", "MCPV", "Times Maxconn was reached; not counted", zero),
    Line(74, "BootTime_ms", "MDPV", "Time the start took; not measured", zero),
    Line(75, "Niced_tasks", "MGPV", "Tasks with a priority of their own; there are none", zero),
    Line(76, "CurrStreams", "MGPV", "Streams now", |f| Some(Value::U64(f.connections.into()))),
    Line(77, "CumStreams", "MGPV", "Streams since start", |f| Some(Value::U64(f.sessions_all))),
    Line(78, "BlockedTrafficWarnings", "MGPV", "Warnings of tasks that block traffic; not measured", zero),
    Line(79, "PatternsAdded", "MGPV", "Patterns added at run time", zero_long),
    Line(80, "PatternsFreed", "MGPV", "Patterns removed at run time", zero_long),
    Line(81, "NbThreadGroups", "CGSV", "Groups of threads, always 1", |_| n(1)),
];

/// The lines that have a value.
pub fn lines(shared: &Shared, runtime: &Runtime) -> Vec<InfoLine> {
    let facts = facts(shared, runtime);
    LINES
        .iter()
        .filter_map(|Line(pos, name, tags, doc, value)| {
            Some(InfoLine { pos: *pos, name, tags, doc, value: value(&facts)? })
        })
        .collect()
}

fn facts(shared: &Shared, runtime: &Runtime) -> Facts {
    let plan = &runtime.plan;
    let global = &plan.global;
    let all = frontends(plan);
    let process = shared.registry.process();
    let files = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE);
    let open = plan.frontends.iter().filter(|f| !f.disabled && !f.state.is_paused() && !f.state.is_stopped());
    let listeners = open.map(|f| f.binds.len()).sum::<usize>() + global.stats_sockets.len();
    Facts {
        threads: global.threads as u32,
        uptime_s: clamp(shared.started.elapsed().as_secs()),
        files_max: files.map_or(0, |(soft, _)| clamp(soft)),
        maxconn: shared.registry.maxconn(global.maxconn),
        maxconn_hard: global.maxconn,
        maxconn_rate: shared.registry.rates().connections.limit(global.maxconnrate),
        maxsess_rate: shared.registry.rates().sessions.limit(global.maxsessrate),
        maxssl_rate: shared.registry.rates().tls.limit(global.maxsslrate),
        stopping: shared.life.is_leaving(),
        dropped_logs: shared.log.dropped(),
        warnings: runtime.said.lines().filter(|l| l.starts_with("[WARNING]")).count() as u32,
        connections: shared.connections.now(),
        connections_all: all.connections,
        requests_all: all.requests,
        sessions_all: all.sessions,
        bytes_out: all.bytes_out,
        connection_rate: (process.connections.now(), process.connections.max()),
        session_rate: (process.sessions.now(), process.sessions.max()),
        bytes_out_rate: process.bytes_out.now().into(),
        listeners: listeners as u32,
        idle_percent: process.idle_percent(),
        node: global.node.clone(),
        description: global.description.clone(),
        started_s: clamp(shared.started_us / 1_000_000),
    }
}

fn clamp(v: u64) -> u32 {
    u32::try_from(v).unwrap_or(u32::MAX)
}

fn n(v: u32) -> Option<Value> {
    Some(Value::U32(v))
}

/// Counters that are 32 bits wide to readers go round.
fn wrapped(v: u64) -> Option<Value> {
    n(v as u32)
}

fn zero(_: &Facts) -> Option<Value> {
    n(0)
}

fn zero_long(_: &Facts) -> Option<Value> {
    Some(Value::U64(0))
}

fn text(s: &str) -> Option<Value> {
    Some(Value::Str(s.to_owned()))
}

fn uptime(s: u32) -> Option<Value> {
    text(&uptime_text(s))
}

/// `0d 0h00m03s`.
pub fn uptime_text(s: u32) -> String {
    format!("{}d {}h{:02}m{:02}s", s / 86_400, s / 3_600 % 24, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_at_their_positions() {
        for (i, line) in LINES.iter().enumerate() {
            assert_eq!(line.0 as usize, i, "{}", line.1);
            assert_eq!(line.2.len(), 4, "{}", line.1);
        }
        assert_eq!(uptime_text(90_061), "1d 1h01m01s");
    }
}
