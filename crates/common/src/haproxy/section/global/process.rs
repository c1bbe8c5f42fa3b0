//! Keywords of the process itself: identity, limits, environment, logs, sockets.

use crate::{
    diag::codes,
    haproxy::{
        model::{
            CaseAdjust, CloseSpread, DefaultPath, EnvChange, ExternalCheckMode, Global, GlobalVar,
            LogHostname,
        },
        section::{
            Cx, Status, bind,
            cx::rows,
            global::keep,
            log,
            scope::{GLOBAL, NO},
            set,
        },
    },
    keyword::ANY,
    source::At,
};

const FULL: Status = Status::FULL;
const LUA: Status = Status::not_yet("Lua is not built in");
const COMPRESSION: Status = Status::not_yet("responses are not compressed");
const RATES: Status = Status::not_yet("TLS connections are not counted apart");

rows! {
    pub(super) const KEYWORDS: [Global];
    "chroot", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.chroot, cx), "Directory that the process locks itself into after start.";
    "close-spread-time", GLOBAL, (1, 1), Status::not_yet("idle connections are closed at once"), close_spread, "Period over which idle connections are closed at a soft stop.";
    "cluster-secret", GLOBAL, (1, 1), Status::not_yet("nothing is derived from it"), |g, cx| set::text(&mut g.cluster_secret, cx), "Secret shared by a cluster.";
    "cpu-map", GLOBAL, (2, ANY), Status::not_yet("threads are not pinned"), |g, cx| g.threads.cpu_maps.push(At::new(cx.joined(), cx.span())), "Pins threads to processors.";
    "cpu-policy", GLOBAL, (1, ANY), Status::not_yet("threads are not pinned"), |g, cx| set::word(&mut g.threads.cpu_policy, cx), "How threads are placed on processors.";
    "cpu-set", GLOBAL, (1, ANY), Status::not_yet("threads are not pinned"), |g, cx| g.threads.cpu_sets.push(At::new(cx.joined(), cx.span())), "Processors that may be used.";
    "daemon", GLOBAL, (0, 0), FULL, |g, cx| set::flag(&mut g.daemon, cx), "Goes to the background.";
    "debug", GLOBAL | NO, (0, 0), Status::gone("2.3", "the option -d on the command line", "use -d"), keep, "Runs in the foreground and shows traffic.";
    "default-path", GLOBAL, (1, 2), Status::not_yet("relative paths start where the process was started"), default_path, "What relative paths in the configuration start from.";
    "description", GLOBAL, (1, ANY), FULL, |g, cx| set::joined(&mut g.description, cx), "Text shown on the statistics page.";
    "dns-accept-family", GLOBAL, (1, 1), Status::not_yet("the system's resolver decides"), |g, cx| set::text(&mut g.dns_accept_family, cx), "Address families taken from name servers.";
    "expose-deprecated-directives", GLOBAL, (0, 0), Status::no_effect("no keyword is hidden"), |g, cx| set::flag(&mut g.expose_deprecated_directives, cx), "Permits keywords that will go away.";
    "expose-experimental-directives", GLOBAL, (0, 0), Status::no_effect("no keyword is hidden"), |g, cx| set::flag(&mut g.expose_experimental_directives, cx), "Permits keywords that may change.";
    "external-check", GLOBAL, (0, 1), FULL, external_check, "Permits health checks by programs.";
    "fd-hard-limit", GLOBAL, (1, 1), Status::not_yet("`ulimit-n` and the system decide"), |g, cx| set::number_at(&mut g.limits.fd_hard_limit, cx), "Most descriptors, whatever the system would allow.";
    "gid", GLOBAL, (1, 1), FULL, |g, cx| set::number_at(&mut g.gid, cx), "Group that the process becomes, by number.";
    "grace", GLOBAL, (1, 1), Status::not_yet("a soft stop begins at once"), |g, cx| set::ms(&mut g.grace_ms, cx), "Delay between the signal and the soft stop.";
    "group", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.group, cx), "Group that the process becomes.";
    "h1-accept-payload-with-any-method", GLOBAL, (0, 0), FULL, |g, cx| set::flag(&mut g.h1_accept_payload_with_any_method, cx), "Takes bodies with GET, HEAD and DELETE in HTTP/1.0.";
    "h1-case-adjust", GLOBAL, (2, 2), FULL, case_adjust, "How a header's name is written towards old applications.";
    "h1-case-adjust-file", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.h1_case_adjust_file, cx), "File with pairs of header names.";
    "h1-do-not-close-on-insecure-transfer-encoding", GLOBAL, (0, 0), FULL, |g, cx| set::flag(&mut g.h1_do_not_close_on_insecure_transfer_encoding, cx), "Keeps connections that sent both a length and chunks.";
    "h2-workaround-bogus-websocket-clients", GLOBAL, (0, 0), Status::not_yet("HTTP/2 is not spoken"), |g, cx| set::flag(&mut g.h2_workaround_bogus_websocket_clients, cx), "Does not offer WebSocket over HTTP/2.";
    "hard-stop-after", GLOBAL, (1, 1), FULL, |g, cx| set::ms(&mut g.hard_stop_after_ms, cx), "Longest time that a soft stop may take.";
    "http-err-codes", GLOBAL, (1, ANY), Status::not_yet("the built-in ranges count"), |g, cx| g.http_err_codes.extend(words(cx)), "Statuses that count as errors in tables.";
    "http-fail-codes", GLOBAL, (1, ANY), Status::not_yet("the built-in ranges count"), |g, cx| g.http_fail_codes.extend(words(cx)), "Statuses that count as failures in tables.";
    "insecure-fork-wanted", GLOBAL | NO, (0, 0), Status::no_effect("programs may always be started as checks where `external-check` is set"), |g, cx| set::flag(&mut g.insecure_fork_wanted, cx), "Permits new processes after start.";
    "insecure-setuid-wanted", GLOBAL | NO, (0, 0), Status::no_effect("nothing is run by the data process"), |g, cx| set::flag(&mut g.insecure_setuid_wanted, cx), "Permits programs that change the user.";
    "localpeer", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.localpeer, cx), "Name of this process among its peers.";
    "log", GLOBAL | NO, (0, ANY), FULL, |g, cx| log::log(&mut g.logs, cx), "Where log lines go.";
    "log-send-hostname", GLOBAL, (0, 1), FULL, |g, cx| g.log_send_hostname = Some(cx.text(0).map_or(LogHostname::Own, LogHostname::Name)), "Puts a host name into log headers.";
    "log-tag", GLOBAL, (1, 1), FULL, |g, cx| set::text(&mut g.log_tag, cx), "Program name in log headers.";
    "lua-load", GLOBAL, (1, ANY), LUA, |g, cx| g.lua.push(cx.directive()), "Loads a Lua file.";
    "lua-load-per-thread", GLOBAL, (1, ANY), LUA, |g, cx| g.lua.push(cx.directive()), "Loads a Lua file in each thread.";
    "lua-prepend-path", GLOBAL, (1, 2), LUA, |g, cx| g.lua.push(cx.directive()), "Where Lua looks for modules.";
    "master-worker", GLOBAL, (0, ANY), Status::gone("3.5", "the option -W or -Ws on the command line", "use -W"), keep, "Runs a master process and its workers.";
    "max-spread-checks", GLOBAL, (1, 1), FULL, |g, cx| set::ms(&mut g.checks.max_spread_ms, cx), "Longest time over which the first checks are spread.";
    "maxcompcpuusage", GLOBAL, (1, 1), COMPRESSION, |g, cx| set::number(&mut g.limits.maxcompcpuusage_percent, cx), "Processor load above which nothing is compressed.";
    "maxcomprate", GLOBAL, (1, 1), COMPRESSION, |g, cx| set::number(&mut g.limits.maxcomprate_kb, cx), "Kilobytes per second given to compression.";
    "maxconn", GLOBAL, (1, 1), FULL, |g, cx| set::number_at(&mut g.limits.maxconn, cx), "Most concurrent connections of the process.";
    "maxconnrate", GLOBAL, (1, 1), FULL, |g, cx| set::number(&mut g.limits.maxconnrate, cx), "Most new connections per second.";
    "maxpipes", GLOBAL, (1, 1), Status::no_effect("pipes are counted with the connections"), |g, cx| set::number(&mut g.limits.maxpipes, cx), "Most pipes used for splicing.";
    "maxsessrate", GLOBAL, (1, 1), FULL, |g, cx| set::number(&mut g.limits.maxsessrate, cx), "Most new sessions per second.";
    "maxsslconn", GLOBAL, (1, 1), RATES, |g, cx| set::number(&mut g.limits.maxsslconn, cx), "Most concurrent TLS connections.";
    "maxsslrate", GLOBAL, (1, 1), FULL, |g, cx| set::number(&mut g.limits.maxsslrate, cx), "Most new TLS connections per second.";
    "maxzlibmem", GLOBAL, (1, 1), COMPRESSION, |g, cx| set::number(&mut g.limits.maxzlibmem_mb, cx), "Megabytes given to compression.";
    "nbproc", GLOBAL, (1, 1), Status::gone("2.5", "nbthread", "there is one process with threads"), keep, "Number of processes.";
    "nbthread", GLOBAL, (1, 1), FULL, nbthread, "Number of worker threads.";
    "node", GLOBAL, (1, 1), FULL, |g, cx| set::text(&mut g.node, cx), "Node's name shown on the statistics page.";
    "nogetaddrinfo", GLOBAL | NO, (0, 0), Status::no_effect("names are resolved one way"), |g, cx| set::flag(&mut g.nogetaddrinfo, cx), "Resolves names the old way.";
    "noreuseport", GLOBAL, (0, 0), Status::not_yet("listeners share their port among threads"), |g, cx| set::flag(&mut g.noreuseport, cx), "Does not share ports between sockets.";
    "nosplice", GLOBAL, (0, 0), Status::no_effect("splicing is chosen by the proxies"), |g, cx| set::flag(&mut g.nosplice, cx), "Does not splice in the kernel.";
    "numa-cpu-mapping", GLOBAL | NO, (0, 0), Status::not_yet("threads are not pinned"), |g, cx| set::tri(&mut g.threads.numa_cpu_mapping, cx), "Keeps to one memory node.";
    "pidfile", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.pidfile, cx), "File that gets the process number.";
    "pp2-never-send-local", GLOBAL, (0, 0), Status::not_yet("checks send LOCAL"), |g, cx| set::flag(&mut g.pp2_never_send_local, cx), "PROXY v2 of checks carries real addresses.";
    "presetenv", GLOBAL, (2, 2), FULL, set_env, "Sets an environment variable that is not set.";
    "quiet", GLOBAL, (0, 0), FULL, |g, cx| set::flag(&mut g.quiet, cx), "Says nothing at start.";
    "resetenv", GLOBAL, (0, ANY), FULL, |g, cx| g.env.push(EnvChange::Keep(words(cx))), "Keeps the named environment variables only.";
    "server-state-base", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.server_state_base, cx), "Directory of server state files.";
    "server-state-file", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.server_state_file, cx), "File with the states of servers.";
    "set-dumpable", GLOBAL | NO, (0, 1), Status::not_yet("the system decides about core dumps"), |g, cx| set::flag(&mut g.set_dumpable, cx), "Permits core dumps.";
    "set-var", GLOBAL, (2, 2), FULL, set_var, "Sets a variable of the process.";
    "set-var-fmt", GLOBAL, (2, 2), FULL, set_var_fmt, "Sets a variable of the process from formatted text.";
    "setcap", GLOBAL, (1, 1), Status::not_yet("capabilities are chosen by what is configured"), setcap, "Capabilities kept after start.";
    "setenv", GLOBAL, (2, 2), FULL, set_env, "Sets an environment variable.";
    "spread-checks", GLOBAL, (1, 1), FULL, spread_checks, "Percent of randomness in the intervals of checks.";
    "stats bind-process", GLOBAL, (1, ANY), Status::gone("2.7", "thread on the stats socket line", "there is one process"), keep, "Processes that serve the runtime socket.";
    "stats maxconn", GLOBAL, (1, 1), FULL, |g, cx| set::number(&mut g.stats.maxconn, cx), "Most connections to the runtime sockets.";
    "stats socket", GLOBAL, (1, ANY), FULL, stats_socket, "A socket on which the process takes commands.";
    "stats timeout", GLOBAL, (1, 1), FULL, |g, cx| set::ms(&mut g.stats.timeout_ms, cx), "How long a runtime connection may be idle.";
    "stats-file", GLOBAL, (1, 1), Status::not_yet("counters are not read from files"), |g, cx| set::word(&mut g.stats_file, cx), "File with counters to start from.";
    "strict-limits", GLOBAL | NO, (0, 0), FULL, |g, cx| set::tri(&mut g.strict_limits, cx), "Fails when the system does not grant the limits.";
    "thread-groups", GLOBAL, (1, 1), Status::no_effect("threads are not grouped"), |g, cx| set::number_at(&mut g.threads.thread_groups, cx), "Number of groups of threads.";
    "thread-hard-limit", GLOBAL, (1, 1), FULL, |g, cx| set::number(&mut g.threads.thread_hard_limit, cx), "Most threads, whatever the machine has.";
    "uid", GLOBAL, (1, 1), FULL, |g, cx| set::number_at(&mut g.uid, cx), "User that the process becomes, by number.";
    "ulimit-n", GLOBAL, (1, 1), FULL, |g, cx| set::number_at(&mut g.limits.ulimit_n, cx), "Most open descriptors.";
    "unix-bind", GLOBAL, (1, ANY), FULL, unix_bind, "What Unix listeners get when they do not say.";
    "unsetenv", GLOBAL, (1, ANY), FULL, |g, cx| g.env.extend(words(cx).into_iter().map(EnvChange::Unset)), "Removes environment variables.";
    "user", GLOBAL, (1, 1), FULL, |g, cx| set::word(&mut g.user, cx), "User that the process becomes.";
    "zero-warning", GLOBAL, (0, 0), FULL, |g, cx| set::flag(&mut g.zero_warning, cx), "Refuses to start when there is a warning.";
}

fn words(cx: &Cx<'_>) -> Vec<String> {
    cx.args.iter().map(|a| a.value.clone()).collect()
}

fn close_spread(g: &mut Global, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    g.close_spread_time_ms = match a.as_str() {
        "infinite" => Some(CloseSpread::Infinite),
        _ => cx.ms(a).map(CloseSpread::Ms),
    };
}

fn default_path(g: &mut Global, cx: &mut Cx<'_>) {
    let Some(kind) = cx.arg(0) else { return };
    let path = match (kind.as_str(), cx.arg(1)) {
        ("origin", Some(dir)) => DefaultPath::Origin(dir.value.clone()),
        ("origin", None) => return cx.missing(kind, "a directory"),
        ("current" | "config" | "parent", Some(extra)) => return cx.extra(extra),
        ("current", None) => DefaultPath::Current,
        ("config", None) => DefaultPath::Config,
        ("parent", None) => DefaultPath::Parent,
        _ => return cx.bad_word(kind, ["current", "config", "parent", "origin"]),
    };
    g.default_path = Some(At::new(path, kind.span));
}

fn external_check(g: &mut Global, cx: &mut Cx<'_>) {
    g.checks.external_check = match cx.arg(0) {
        None => Some(ExternalCheckMode::On),
        Some(a) => cx.one_of(a, &[("preserve-env", ExternalCheckMode::PreserveEnv)]),
    };
}

fn case_adjust(g: &mut Global, cx: &mut Cx<'_>) {
    let (Some(from), Some(to)) = (cx.arg(0), cx.arg(1)) else { return };
    if !from.eq_ignore_ascii_case(to) {
        return cx.bad(to, "the same name in another case");
    }
    let pair = CaseAdjust { from: from.value.clone(), to: to.value.clone() };
    g.h1_case_adjust.push(At::new(pair, cx.span()));
}

fn nbthread(g: &mut Global, cx: &mut Cx<'_>) {
    /// More threads than HAProxy's builds know.
    const THREADS_MAX: u32 = 1_024;
    let Some(a) = cx.arg(0) else { return };
    if let Some(n) = cx.u32_in(a, 1, THREADS_MAX) {
        g.threads.nbthread = Some(At::new(n, a.span));
    }
}

fn set_env(g: &mut Global, cx: &mut Cx<'_>) {
    // What it means for the lines below was done when the tree was read.
    if let (Some(name), Some(value)) = (cx.text(0), cx.text(1)) {
        g.env.push(EnvChange::Set(name, value));
    }
}

fn set_var(g: &mut Global, cx: &mut Cx<'_>) {
    let (Some(name), Some(expr)) = (cx.text(0), cx.arg(1)) else { return };
    if let Some(expr) = cx.expr(expr) {
        g.vars.push(At::new(GlobalVar { name, expr: Some(expr), format: None }, cx.span()));
    }
}

fn set_var_fmt(g: &mut Global, cx: &mut Cx<'_>) {
    let (Some(name), Some(format)) = (cx.text(0), cx.arg(1)) else { return };
    g.vars.push(At::new(GlobalVar { name, expr: None, format: Some(format.clone()) }, cx.span()));
}

fn setcap(g: &mut Global, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    g.setcap.extend(a.split(',').map(|c| At::new(c.to_owned(), a.span)));
}

fn spread_checks(g: &mut Global, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    if let Some(n) = cx.u32_in(a, 0, 50) {
        g.checks.spread_percent = Some(n);
    }
}

fn stats_socket(g: &mut Global, cx: &mut Cx<'_>) {
    let span = cx.span();
    if let Some(bind) = bind::parse(bind::Purpose::Stats, cx) {
        g.stats.sockets.push(At::new(bind, span));
    }
}

fn unix_bind(g: &mut Global, cx: &mut Cx<'_>) {
    let mut rest = cx.args;
    while let [word, after @ ..] = rest {
        let Some((value, after)) = after.split_first() else { return cx.missing(word, "a value") };
        rest = after;
        let u = &mut g.unix_bind;
        match word.as_str() {
            "prefix" => u.prefix = Some(value.value.clone()),
            "mode" => match u32::from_str_radix(value, 8) {
                Ok(mode) if mode <= 0o7777 => u.mode = Some(mode),
                _ => cx.alert(
                    codes::BAD_ARGUMENT,
                    value.span,
                    "`mode` takes permission bits in octal, such as 660",
                ),
            },
            "user" => u.user = Some(value.value.clone()),
            "group" => u.group = Some(value.value.clone()),
            "uid" => u.uid = cx.u32(value),
            "gid" => u.gid = cx.u32(value),
            _ => return cx.bad_word(word, ["prefix", "mode", "user", "group", "uid", "gid"]),
        }
    }
}
