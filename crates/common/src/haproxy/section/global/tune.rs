//! `tune.` keywords: those with a meaning of their own here, and all others by name.

use crate::{
    haproxy::{
        model::Global,
        section::{Cx, Status, cx::rows, scope::GLOBAL, set},
    },
    keyword::ANY,
};

const PEERS: Status = Status::not_yet("tables are not sent to peers");
const FULL: Status = Status::FULL;
const H2: Status = Status::not_yet("HTTP/2 is not spoken");
const INSIDE: Status = Status::no_effect("it tunes an inner part of HAProxy that is built differently here");
const LUA: Status = Status::not_yet("Lua is not built in");
const QUIC: Status = Status::not_yet("QUIC is not spoken");
const ZIP: Status = Status::not_yet("responses are not compressed");

rows! {
    pub(super) const KEYWORDS: [Global];
    "tune.applet.zero-copy-forwarding", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: applet zero copy forwarding.";
    "tune.buffers.limit", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: buffers limit.";
    "tune.buffers.reserve", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: buffers reserve.";
    "tune.bufsize", GLOBAL, (1, 1), FULL, |g, cx| set::bytes32_at(&mut g.tune.bufsize_bytes, cx), "Size of a buffer, and so of the largest message head.";
    "tune.bufsize.large", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: bufsize large.";
    "tune.bufsize.small", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: bufsize small.";
    "tune.chksize", GLOBAL, (0, ANY), Status::gone("2.5", "tune.bufsize", "checks use ordinary buffers"), other, "Now: tune.bufsize.";
    "tune.cli.max-payload-size", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: cli max payload size.";
    "tune.comp.maxlevel", GLOBAL, (0, ANY), ZIP, other, "Internal tuning: comp maxlevel.";
    "tune.defaults.purge", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: defaults purge.";
    "tune.disable-fast-forward", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: disable fast forward.";
    "tune.disable-zero-copy-forwarding", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: disable zero copy forwarding.";
    "tune.epoll.mask-events", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: epoll mask events.";
    "tune.events.max-events-at-once", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: events max events at once.";
    "tune.fail-alloc", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: fail alloc.";
    "tune.fd.edge-triggered", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: fd edge triggered.";
    "tune.fd.tables", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: fd tables.";
    "tune.glitches.kill.cpu-usage", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: glitches kill cpu usage.";
    "tune.h1.be.glitches-threshold", GLOBAL, (0, ANY), INSIDE, other, "HTTP/1: be glitches threshold.";
    "tune.h1.fe.glitches-threshold", GLOBAL, (0, ANY), INSIDE, other, "HTTP/1: fe glitches threshold.";
    "tune.h1.zero-copy-fwd-recv", GLOBAL, (0, ANY), INSIDE, other, "HTTP/1: zero copy fwd recv.";
    "tune.h1.zero-copy-fwd-send", GLOBAL, (0, ANY), INSIDE, other, "HTTP/1: zero copy fwd send.";
    "tune.h2.be.glitches-threshold", GLOBAL, (0, ANY), H2, other, "HTTP/2 towards servers: glitches threshold.";
    "tune.h2.be.initial-window-size", GLOBAL, (0, ANY), H2, other, "HTTP/2 towards servers: initial window size.";
    "tune.h2.be.max-concurrent-streams", GLOBAL, (0, ANY), H2, other, "HTTP/2 towards servers: max concurrent streams.";
    "tune.h2.be.max-frames-at-once", GLOBAL, (0, ANY), H2, other, "HTTP/2 towards servers: max frames at once.";
    "tune.h2.be.rxbuf", GLOBAL, (0, ANY), H2, other, "HTTP/2 towards servers: rxbuf.";
    "tune.h2.fe.glitches-threshold", GLOBAL, (0, ANY), H2, other, "HTTP/2 from clients: glitches threshold.";
    "tune.h2.fe.initial-window-size", GLOBAL, (0, ANY), H2, other, "HTTP/2 from clients: initial window size.";
    "tune.h2.fe.max-concurrent-streams", GLOBAL, (0, ANY), H2, other, "HTTP/2 from clients: max concurrent streams.";
    "tune.h2.fe.max-frames-at-once", GLOBAL, (0, ANY), H2, other, "HTTP/2 from clients: max frames at once.";
    "tune.h2.fe.max-rst-at-once", GLOBAL, (0, ANY), H2, other, "HTTP/2 from clients: max rst at once.";
    "tune.h2.fe.max-total-streams", GLOBAL, (0, ANY), H2, other, "HTTP/2 from clients: max total streams.";
    "tune.h2.fe.rxbuf", GLOBAL, (0, ANY), H2, other, "HTTP/2 from clients: rxbuf.";
    "tune.h2.header-table-size", GLOBAL, (0, ANY), H2, other, "HTTP/2: header table size.";
    "tune.h2.initial-window-size", GLOBAL, (0, ANY), H2, other, "HTTP/2 stream window.";
    "tune.h2.log-errors", GLOBAL, (0, ANY), H2, other, "HTTP/2: log errors.";
    "tune.h2.max-concurrent-streams", GLOBAL, (0, ANY), H2, other, "HTTP/2 stream limit.";
    "tune.h2.max-frame-size", GLOBAL, (0, ANY), H2, other, "HTTP/2: max frame size.";
    "tune.h2.zero-copy-fwd-send", GLOBAL, (0, ANY), H2, other, "HTTP/2: zero copy fwd send.";
    "tune.http.cookielen", GLOBAL, (1, 1), FULL, |g, cx| set::number(&mut g.tune.http_cookielen, cx), "Bytes of a captured cookie.";
    "tune.http.logurilen", GLOBAL, (1, 1), FULL, |g, cx| set::number(&mut g.tune.http_logurilen, cx), "Bytes of the request line that are logged.";
    "tune.http.maxhdr", GLOBAL, (1, 1), FULL, |g, cx| set::number_at(&mut g.tune.http_maxhdr, cx), "Most header fields of a message.";
    "tune.idle-pool.shared", GLOBAL, (1, 1), Status::no_effect("idle connections are shared by design"), |g, cx| set::on_off(&mut g.tune.idle_pool_shared, cx), "Threads share idle server connections.";
    "tune.idletimer", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: idletimer.";
    "tune.listener.default-shards", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: listener default shards.";
    "tune.listener.multi-queue", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: listener multi queue.";
    "tune.lua.bool-sample-conversion", GLOBAL, (0, ANY), LUA, other, "Lua: bool sample conversion.";
    "tune.lua.burst-timeout", GLOBAL, (0, ANY), LUA, other, "Lua: burst timeout.";
    "tune.lua.forced-yield", GLOBAL, (0, ANY), LUA, other, "Lua: forced yield.";
    "tune.lua.log.loggers", GLOBAL, (0, ANY), LUA, other, "Lua: log loggers.";
    "tune.lua.log.stderr", GLOBAL, (0, ANY), LUA, other, "Lua: log stderr.";
    "tune.lua.maxmem", GLOBAL, (0, ANY), LUA, other, "Lua: maxmem.";
    "tune.lua.openlibs", GLOBAL, (0, ANY), LUA, other, "Lua: openlibs.";
    "tune.lua.service-timeout", GLOBAL, (0, ANY), LUA, other, "Lua: service timeout.";
    "tune.lua.session-timeout", GLOBAL, (0, ANY), LUA, other, "Lua: session timeout.";
    "tune.lua.task-timeout", GLOBAL, (0, ANY), LUA, other, "Lua: task timeout.";
    "tune.max-checks-per-thread", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: max checks per thread.";
    "tune.max-rules-at-once", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: max rules at once.";
    "tune.maxaccept", GLOBAL, (1, 1), FULL, maxaccept, "Connections accepted per wake-up.";
    "tune.maxpollevents", GLOBAL, (1, 1), Status::no_effect("the runtime decides"), |g, cx| set::number(&mut g.tune.maxpollevents, cx), "Events taken per look at the kernel.";
    "tune.maxrewrite", GLOBAL, (1, 1), FULL, |g, cx| set::bytes32_at(&mut g.tune.maxrewrite_bytes, cx), "Part of a buffer kept free for rewriting.";
    "tune.memory.hot-size", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: memory hot size.";
    "tune.notsent-lowat.client", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: notsent lowat client.";
    "tune.notsent-lowat.server", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: notsent lowat server.";
    "tune.pattern.cache-size", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: pattern cache size.";
    "tune.peers.max-updates-at-once", GLOBAL, (0, ANY), PEERS, other, "Internal tuning: peers max updates at once.";
    "tune.pipesize", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: pipesize.";
    "tune.pool-high-fd-ratio", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: pool high fd ratio.";
    "tune.pool-low-fd-ratio", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: pool low fd ratio.";
    "tune.pt.zero-copy-forwarding", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: pt zero copy forwarding.";
    "tune.quic.be.cc.cubic-min-losses", GLOBAL, (0, ANY), QUIC, other, "QUIC towards servers: cc cubic min losses.";
    "tune.quic.be.cc.hystart", GLOBAL, (0, ANY), QUIC, other, "QUIC towards servers: cc hystart.";
    "tune.quic.be.cc.max-frame-loss", GLOBAL, (0, ANY), QUIC, other, "QUIC towards servers: cc max frame loss.";
    "tune.quic.be.cc.max-win-size", GLOBAL, (0, ANY), QUIC, other, "QUIC towards servers: cc max win size.";
    "tune.quic.be.cc.reorder-ratio", GLOBAL, (0, ANY), QUIC, other, "QUIC towards servers: cc reorder ratio.";
    "tune.quic.be.max-idle-timeout", GLOBAL, (0, ANY), QUIC, other, "QUIC towards servers: max idle timeout.";
    "tune.quic.be.sec.glitches-threshold", GLOBAL, (0, ANY), QUIC, other, "QUIC towards servers: sec glitches threshold.";
    "tune.quic.be.stream.data-ratio", GLOBAL, (0, ANY), QUIC, other, "QUIC towards servers: stream data ratio.";
    "tune.quic.be.stream.max-concurrent", GLOBAL, (0, ANY), QUIC, other, "QUIC towards servers: stream max concurrent.";
    "tune.quic.be.stream.rxbuf", GLOBAL, (0, ANY), QUIC, other, "QUIC towards servers: stream rxbuf.";
    "tune.quic.be.tx.pacing", GLOBAL, (0, ANY), QUIC, other, "QUIC towards servers: tx pacing.";
    "tune.quic.be.tx.udp-gso", GLOBAL, (0, ANY), QUIC, other, "QUIC towards servers: tx udp gso.";
    "tune.quic.fe.cc.cubic-min-losses", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: cc cubic min losses.";
    "tune.quic.fe.cc.hystart", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: cc hystart.";
    "tune.quic.fe.cc.max-frame-loss", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: cc max frame loss.";
    "tune.quic.fe.cc.max-win-size", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: cc max win size.";
    "tune.quic.fe.cc.reorder-ratio", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: cc reorder ratio.";
    "tune.quic.fe.max-idle-timeout", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: max idle timeout.";
    "tune.quic.fe.sec.glitches-threshold", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: sec glitches threshold.";
    "tune.quic.fe.sec.retry-threshold", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: sec retry threshold.";
    "tune.quic.fe.sock-per-conn", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: sock per conn.";
    "tune.quic.fe.stream.data-ratio", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: stream data ratio.";
    "tune.quic.fe.stream.max-concurrent", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: stream max concurrent.";
    "tune.quic.fe.stream.max-total", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: stream max total.";
    "tune.quic.fe.stream.rxbuf", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: stream rxbuf.";
    "tune.quic.fe.tx.pacing", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: tx pacing.";
    "tune.quic.fe.tx.udp-gso", GLOBAL, (0, ANY), QUIC, other, "QUIC from clients: tx udp gso.";
    "tune.quic.listen", GLOBAL, (0, ANY), QUIC, other, "QUIC: listen.";
    "tune.quic.mem.tx-max", GLOBAL, (0, ANY), QUIC, other, "QUIC: mem tx max.";
    "tune.quic.zero-copy-fwd-send", GLOBAL, (0, ANY), QUIC, other, "QUIC: zero copy fwd send.";
    "tune.rcvbuf.backend", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: rcvbuf backend.";
    "tune.rcvbuf.client", GLOBAL, (1, 1), FULL, |g, cx| set::bytes32(&mut g.tune.rcvbuf_client_bytes, cx), "Kernel receive buffer of client connections.";
    "tune.rcvbuf.frontend", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: rcvbuf frontend.";
    "tune.rcvbuf.server", GLOBAL, (1, 1), Status::not_yet("the kernel chooses the buffers of server connections"), |g, cx| set::bytes32(&mut g.tune.rcvbuf_server_bytes, cx), "Kernel receive buffer of server connections.";
    "tune.recv_enough", GLOBAL, (0, ANY), INSIDE, other, "Recv size deemed enough.";
    "tune.renice.runtime", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: renice runtime.";
    "tune.renice.startup", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: renice startup.";
    "tune.ring.queues", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: ring queues.";
    "tune.runqueue-depth", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: runqueue depth.";
    "tune.sched.low-latency", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: sched low latency.";
    "tune.sndbuf.backend", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: sndbuf backend.";
    "tune.sndbuf.client", GLOBAL, (1, 1), FULL, |g, cx| set::bytes32(&mut g.tune.sndbuf_client_bytes, cx), "Kernel send buffer of client connections.";
    "tune.sndbuf.frontend", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: sndbuf frontend.";
    "tune.sndbuf.server", GLOBAL, (1, 1), Status::not_yet("the kernel chooses the buffers of server connections"), |g, cx| set::bytes32(&mut g.tune.sndbuf_server_bytes, cx), "Kernel send buffer of server connections.";
    "tune.ssl.cachesize", GLOBAL, (1, 1), Status::not_yet("the TLS library keeps sessions its own way"), |g, cx| set::bytes32(&mut g.tune.ssl_cachesize, cx), "TLS sessions kept for resumption.";
    "tune.ssl.capture-buffer-size", GLOBAL, (0, ANY), INSIDE, other, "TLS: capture buffer size.";
    "tune.ssl.capture-cipherlist-size", GLOBAL, (0, ANY), INSIDE, other, "TLS: capture cipherlist size.";
    "tune.ssl.certificate-compression", GLOBAL, (0, ANY), INSIDE, other, "TLS: certificate compression.";
    "tune.ssl.default-dh-param", GLOBAL, (1, 1), Status::no_effect("finite-field key exchange is not used"), |g, cx| set::number(&mut g.tune.ssl_default_dh_param, cx), "Size of finite-field key exchange.";
    "tune.ssl.force-private-cache", GLOBAL, (0, ANY), INSIDE, other, "TLS: force private cache.";
    "tune.ssl.hard-maxrecord", GLOBAL, (0, ANY), INSIDE, other, "TLS: hard maxrecord.";
    "tune.ssl.keylog", GLOBAL, (0, ANY), INSIDE, other, "TLS: keylog.";
    "tune.ssl.keyupdate-rate-limit", GLOBAL, (0, ANY), INSIDE, other, "TLS: keyupdate rate limit.";
    "tune.ssl.lifetime", GLOBAL, (1, 1), Status::not_yet("the TLS library keeps sessions its own way"), |g, cx| set::seconds32(&mut g.tune.ssl_lifetime_s, cx), "How long a TLS session may be resumed.";
    "tune.ssl.maxrecord", GLOBAL, (1, 1), Status::not_yet("the TLS library chooses the size of records"), |g, cx| set::bytes32(&mut g.tune.ssl_maxrecord_bytes, cx), "Largest TLS record that is sent.";
    "tune.ssl.ocsp-update.maxdelay", GLOBAL, (0, ANY), INSIDE, other, "TLS: ocsp update maxdelay.";
    "tune.ssl.ocsp-update.mindelay", GLOBAL, (0, ANY), INSIDE, other, "TLS: ocsp update mindelay.";
    "tune.ssl.ssl-ctx-cache-size", GLOBAL, (0, ANY), INSIDE, other, "TLS: ssl ctx cache size.";
    "tune.stick-counters", GLOBAL, (1, 1), FULL, |g, cx| if let Some(n) = cx.arg(0) { g.tune.stick_counters = cx.u32_in(n, 0, 127) }, "Tracked counters per session.";
    "tune.streams-elasticity", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: streams elasticity.";
    "tune.takeover-other-tg-connections", GLOBAL, (0, ANY), INSIDE, other, "Internal tuning: takeover other tg connections.";
    "tune.vars.check-max-size", GLOBAL, (0, ANY), INSIDE, other, "Memory limits of variables: check max size.";
    "tune.vars.global-max-size", GLOBAL, (0, ANY), INSIDE, other, "Memory limit for variables.";
    "tune.vars.proc-max-size", GLOBAL, (0, ANY), INSIDE, other, "Memory limits of variables: proc max size.";
    "tune.vars.reqres-max-size", GLOBAL, (0, ANY), INSIDE, other, "Memory limits of variables: reqres max size.";
    "tune.vars.sess-max-size", GLOBAL, (0, ANY), INSIDE, other, "Memory limits of variables: sess max size.";
    "tune.vars.txn-max-size", GLOBAL, (0, ANY), INSIDE, other, "Memory limits of variables: txn max size.";
    "tune.zlib.memlevel", GLOBAL, (0, ANY), ZIP, other, "Compression: memlevel.";
    "tune.zlib.windowsize", GLOBAL, (0, ANY), ZIP, other, "Compression: windowsize.";
}

fn other(g: &mut Global, cx: &mut Cx<'_>) {
    g.tune.others.push(cx.directive());
}

fn maxaccept(g: &mut Global, cx: &mut Cx<'_>) {
    if let Some(a) = cx.arg(0) {
        g.tune.maxaccept = cx.int(a, -1..=i64::from(i32::MAX)).and_then(|n| i32::try_from(n).ok());
    }
}
