//! The process from inside: descriptors, libraries, versions, limits by rate, what was said at start.

use std::fmt::Write;

use super::{Call, Command, Reply};
use crate::{compile::plan::Level, process::version};

const fn command(
    words: &'static str,
    usage: &'static str,
    level: Level,
    doc: &'static str,
    run: fn(&mut Call<'_>) -> Reply,
) -> Command {
    Command { words, usage, level, doc, run }
}

pub(super) const COMMANDS: &[Command] = &[
    command(
        "set rate-limit",
        "<setting> <value>",
        Level::Admin,
        "change how many connections, sessions or TLS sessions a second may have",
        rate_limit,
    ),
    command(
        "set severity-output",
        "[none|number|string]",
        Level::User,
        "put the severity before each answer, or no longer",
        severity,
    ),
    command("show dev", "", Level::User, "show what helps to understand a report", dev),
    command("show events", "[<sink>]", Level::User, "list the sinks of messages", events),
    command("show fd", "[<num>]", Level::Operator, "list the open descriptors", descriptors),
    command("show libs", "", Level::Operator, "list the loaded objects", libraries),
    command("show pools", "", Level::User, "show the memory in use", pools),
    command("show profiling", "", Level::Admin, "show what is profiled", |_| Reply::text(PROFILING)),
    command(
        "show startup-logs",
        "",
        Level::Operator,
        "show what was said when the configuration was loaded",
        |c| Reply::Text(c.runtime.said.clone()),
    ),
];

const PROFILING: &str =
    "Per-task CPU profiling              : off           # not built: use perf or a profiler
Memory usage profiling              : off           # not built: use perf or a profiler
";

const RATE_LIMIT_HELP: &str = "'set rate-limit' only supports :
   - 'connections global' to set the per-process maximum connection rate
   - 'sessions global' to set the per-process maximum session rate
   - 'ssl-sessions global' to set the per-process maximum SSL session rate
   - 'http-compression global' to set the per-process maximum compression speed in kB/s
";

fn rate_limit(c: &mut Call<'_>) -> Reply {
    if c.arg(1) != "global" {
        return Reply::text(RATE_LIMIT_HELP);
    }
    let rates = c.shared.registry.rates();
    let limit = match c.arg(0) {
        "connections" => &rates.connections,
        "sessions" => &rates.sessions,
        "ssl-sessions" => &rates.tls,
        "http-compression" => {
            return Reply::text("Responses are not compressed, so there is no speed to limit.");
        }
        _ => return Reply::text(RATE_LIMIT_HELP),
    };
    match c.arg(2).parse() {
        Ok(n) => {
            limit.set(n);
            Reply::done()
        }
        // HAProxy takes what is no number for 0, which lifts the limit; that is nobody's wish.
        Err(_) => Reply::text("Expects an integer value."),
    }
}

fn severity(c: &mut Call<'_>) -> Reply {
    match c.arg(0) {
        "none" => Reply::done(),
        "number" | "string" => Reply::text("Answers carry no severity here: only 'none' can be set."),
        _ => Reply::text("one of 'none', 'number', 'string' is a required argument"),
    }
}

fn dev(c: &mut Call<'_>) -> Reply {
    let mut out = version::summary();
    let uname = nix::sys::utsname::uname();
    let field = |f: fn(&nix::sys::utsname::UtsName) -> &std::ffi::OsStr| {
        uname.as_ref().map_or_else(|_| "?".into(), |u| f(u).to_string_lossy().into_owned())
    };
    let args: Vec<_> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap_or((0, 0));
    let global = &c.runtime.plan.global;
    let _ = write!(
        out,
        "Platform info:\n  OS name: {}\n  OS release: {}\n  OS architecture: {}\n  node name: {}\nProcess info:\n  pid: \
         {}\n  cmdline: {}\n  threads: {}\n  generation: {}\n  uid: {}\n  gid: {}\n  fd limit (soft): {}\n  fd limit \
         (hard): {}\n",
        field(|u| u.sysname()),
        field(|u| u.release()),
        field(|u| u.machine()),
        field(|u| u.nodename()),
        std::process::id(),
        args.join(" "),
        global.threads,
        c.runtime.generation,
        nix::unistd::getuid(),
        nix::unistd::getgid(),
        limit.0,
        limit.1,
    );
    Reply::Text(out)
}

fn events(c: &mut Call<'_>) -> Reply {
    if !c.arg(0).is_empty() {
        return Reply::text("No such event sink");
    }
    let mut out = String::from("Supported events sinks are listed below.\n");
    for sink in &c.runtime.plan.log_sinks {
        let _ = writeln!(
            out,
            "    {:<10} : type={}, {} dropped in all",
            sink.name(),
            sink.kind(),
            c.shared.log.dropped()
        );
    }
    Reply::Text(out)
}

/// Numbers and targets as the kernel names them.
fn descriptors(c: &mut Call<'_>) -> Reply {
    let wanted: Option<i32> = c.args.first().and_then(|n| n.parse().ok());
    let Ok(dir) = std::fs::read_dir("/proc/self/fd") else {
        return Reply::text("The kernel does not tell: /proc is not there, or the process is in a chroot.");
    };
    let mut rows: Vec<(i32, String)> = dir
        .filter_map(|e| {
            let e = e.ok()?;
            let number = e.file_name().to_str()?.parse().ok()?;
            Some((number, std::fs::read_link(e.path()).ok()?.display().to_string()))
        })
        .filter(|(n, _)| wanted.is_none_or(|w| w == *n))
        .collect();
    rows.sort();
    Reply::Text(rows.iter().map(|(n, target)| format!("{n:>7} : {target}\n")).collect())
}

fn libraries(_: &mut Call<'_>) -> Reply {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else {
        return Reply::text("The kernel does not tell: /proc is not there, or the process is in a chroot.");
    };
    let mut objects: Vec<(u64, u64, &str)> = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(path)) = (words.next(), words.nth(4)) else { continue };
        let Some((lo, hi)) = range.split_once('-') else { continue };
        let (Ok(lo), Ok(hi)) = (u64::from_str_radix(lo, 16), u64::from_str_radix(hi, 16)) else { continue };
        match objects.iter_mut().find(|o| o.2 == path) {
            Some(known) => known.1 = known.1.max(hi),
            None if path.starts_with('/') => objects.push((lo, hi, path)),
            None => {}
        }
    }
    let line =
        |(lo, hi, path): &(u64, u64, &str)| format!("0x{lo:x}-0x{:x} (0x{:x}) {path}\n", hi - 1, hi - lo);
    Reply::Text(objects.iter().map(line).collect())
}

/// What the kernel says of the process's memory: there are no pools by type to list.
fn pools(_: &mut Call<'_>) -> Reply {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kb = |name: &str| -> u64 {
        let line = status.lines().find_map(|l| l.strip_prefix(name));
        line.and_then(|l| l.trim_start_matches(':').split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    Reply::Text(format!(
        "Memory is allocated by size, not in pools by type.\nTotal: 0 pools, {} bytes allocated, {} used, {} at most.\n",
        kb("VmData") * 1_024,
        kb("VmRSS") * 1_024,
        kb("VmHWM") * 1_024
    ))
}
