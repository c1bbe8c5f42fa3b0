//! Keywords of the server side: servers, balancing, persistence, retries, server timeouts.

use super::{
    cx::{Cx, Status, rows},
    option,
    proxy::{Build, keep},
    scope::{B, DB, NO},
    server as server_line, set,
};
use crate::{
    diag::codes,
    haproxy::model::{
        Balance, Cookie, CookieMode, HashAffinity, HashFunction, HashMethod, HashModifier, HashType,
        HttpReuse, RetryOn, ServerStateFile,
    },
    keyword::ANY,
    source::At,
};

const FULL: Status = Status::FULL;
const PROBES: Status = Status::not_yet("the system's setting counts");

rows! {
    pub(super) const KEYWORDS: [Build];
    "balance", DB, (0, ANY), FULL, balance, "How servers are chosen.";
    "be-unpublished", B, (0, 0), FULL, |b, _| b.proxy.back.unpublished = true, "Starts without being chosen by rules.";
    "contimeout", DB, (1, 1), Status::removed("2.1", "`timeout connect`"), |b, cx| set::ms(&mut b.proxy.timeouts.connect_ms, cx), "How long a connection to a server may take, old spelling.";
    "cookie", DB | NO, (0, ANY), FULL, cookie, "Persistence by cookie.";
    "default-server", DB, (1, ANY), FULL, |b, cx| server_line::parse_default(&mut b.default_server, cx), "Options of the servers below.";
    "dispatch", B, (1, ANY), Status::refused("it was removed from HAProxy in 3.5: write a `server`"), keep, "One destination without a name.";
    "dynamic-cookie-key", DB, (1, 1), FULL, |b, cx| set::text(&mut b.proxy.back.dynamic_cookie_key, cx), "Secret from which cookie values are made.";
    "fullconn", DB, (1, 1), FULL, |b, cx| set::number(&mut b.proxy.back.fullconn, cx), "Load at which servers reach their maxconn.";
    "hash-balance-factor", DB, (1, 1), FULL, hash_balance_factor, "Bound on a server's load when hashing.";
    "hash-preserve-affinity", DB, (1, 1), FULL, hash_affinity, "When a hash goes to another server.";
    "hash-type", DB, (1, 3), FULL, hash_type, "How hashes become servers.";
    "http-reuse", DB, (1, 1), FULL, http_reuse, "Which server connections are shared.";
    "http-send-name-header", DB, (0, 1), Status::not_yet("servers are not told their names"), name_header, "Tells servers their names.";
    "load-server-state-from-file", DB, (1, 1), FULL, state_file, "Whether server states are read at start.";
    "max-keep-alive-queue", DB, (1, 1), Status::not_yet("queues do not look at kept connections"), |b, cx| if let Some(a) = cx.arg(0) { b.proxy.back.max_keep_alive_queue = cx.int(a, -1..=i64::from(i32::MAX)).and_then(|n| i32::try_from(n).ok()) }, "Queue beyond which a kept server is left.";
    "persist rdp-cookie", DB, (0, 0), Status::not_yet("RDP is not understood"), |b, _| b.proxy.back.persist_rdp_cookie = Some("msts".to_owned()), "Persistence by RDP cookie.";
    "redispatch", DB | NO, (0, 0), Status::removed("2.1", "`option redispatch`"), option::redispatch, "Goes to another server when one cannot be reached, old spelling.";
    "retries", DB, (1, 1), FULL, |b, cx| set::number(&mut b.proxy.back.retries, cx), "Attempts after the first that failed.";
    "retry-on", DB, (1, ANY), FULL, retry_on, "Which failures are tried again.";
    "server", B, (2, ANY), FULL, server, "One server.";
    "server-state-file-name", DB, (0, 1), FULL, |b, cx| b.proxy.back.server_state_file_name = Some(cx.text(0).unwrap_or_default()), "File with this backend's server states.";
    "server-template", B, (3, ANY), FULL, template, "Several servers of one form.";
    "source", DB | NO, (0, ANY), FULL, source, "Own address towards servers.";
    "srvtcpka-cnt", DB, (1, 1), PROBES, |b, cx| set::number(&mut b.proxy.back.srvtcpka.cnt, cx), "Lost keepalive probes that end a server connection.";
    "srvtcpka-idle", DB, (1, 1), PROBES, |b, cx| set::seconds32(&mut b.proxy.back.srvtcpka.idle_s, cx), "Silence before the first keepalive probe to a server.";
    "srvtcpka-intvl", DB, (1, 1), PROBES, |b, cx| set::seconds32(&mut b.proxy.back.srvtcpka.intvl_s, cx), "Interval of keepalive probes to a server.";
    "srvtimeout", DB, (1, 1), Status::removed("2.1", "`timeout server`"), |b, cx| set::ms(&mut b.proxy.timeouts.server_ms, cx), "How long a server may be silent, old spelling.";
    "timeout check", DB, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.timeouts.check_ms, cx), "How long a check's answer may take.";
    "timeout connect", DB, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.timeouts.connect_ms, cx), "How long a connection to a server may take.";
    "timeout queue", DB, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.timeouts.queue_ms, cx), "How long a request may wait for a server.";
    "timeout server", DB, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.timeouts.server_ms, cx), "How long a server may be silent.";
    "timeout server-fin", DB, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.timeouts.server_fin_ms, cx), "How long a server may be silent after the request's end.";
    "timeout tunnel", DB, (1, 1), FULL, |b, cx| set::ms(&mut b.proxy.timeouts.tunnel_ms, cx), "How long a tunnel may be silent.";
    "use-fcgi-app", B, (1, 1), Status::refused("FastCGI is not spoken"), |b, cx| set::word(&mut b.proxy.back.fcgi_app, cx), "FastCGI application.";
}

fn server(b: &mut Build, cx: &mut Cx<'_>) {
    let span = cx.span();
    if let Some(server) = server_line::parse(&b.default_server, cx) {
        b.proxy.back.servers.push(At::new(server, span));
    }
}

fn template(b: &mut Build, cx: &mut Cx<'_>) {
    let span = cx.span();
    if let Some(template) = server_line::parse_template(&b.default_server, cx) {
        b.proxy.back.templates.push(At::new(template, span));
    }
}

fn balance(b: &mut Build, cx: &mut Cx<'_>) {
    let span = cx.span();
    // Without an algorithm it always was roundrobin; HAProxy is silent about it.
    let balance = match cx.args {
        [] => Some(Balance::Roundrobin),
        [word, rest @ ..] => algorithm(word, rest, cx),
    };
    b.proxy.back.balance = balance.map(|x| At::new(x, span)).or(b.proxy.back.balance.take());
}

fn algorithm(word: &At<String>, rest: &[At<String>], cx: &mut Cx<'_>) -> Option<Balance> {
    let (name, inside) = match word.split_once('(') {
        Some((name, inside)) => (name, Some(inside.strip_suffix(')').unwrap_or(inside))),
        None => (word.as_str(), None),
    };
    let arg = |text: &str| At::new(text.to_owned(), word.span);
    let simple = match name {
        "roundrobin" => Some(Balance::Roundrobin),
        "static-rr" => Some(Balance::StaticRr),
        "leastconn" => Some(Balance::Leastconn),
        "first" => Some(Balance::First),
        "source" => Some(Balance::Source),
        "sticky" => Some(Balance::Sticky),
        _ => None,
    };
    if let Some(simple) = simple {
        if let Some(extra) = rest.first() {
            cx.ignored(extra);
        }
        return Some(simple);
    }
    match (name, inside) {
        ("random", None) => Some(Balance::Random { draws: None }),
        ("random", Some(n)) => Some(Balance::Random { draws: Some(cx.u32_in(&arg(n), 1, 1_000)?) }),
        ("uri", _) => uri(rest, cx),
        ("url_param", _) => url_param(word, rest, cx),
        ("hdr", Some(header)) => {
            let use_domain_only = match rest {
                [] => false,
                [w] => cx.one_of(w, &[("use_domain_only", true)])?,
                [_, extra, ..] => {
                    cx.extra(extra);
                    return None;
                }
            };
            Some(Balance::Hdr { name: arg(header), use_domain_only })
        }
        ("rdp-cookie", name) => {
            cx.alert(
                codes::REFUSED,
                word.span,
                "`balance rdp-cookie` is not built yet: RDP is not understood",
            );
            Some(Balance::RdpCookie { name: name.map(arg) })
        }
        ("hash", _) => match rest {
            [expr] => cx.expr(expr).map(Balance::Hash),
            _ => {
                cx.missing(word, "one sample expression");
                None
            }
        },
        ("log-hash", _) => Some(Balance::LogHash(rest.to_vec())),
        _ => {
            let known = [
                "roundrobin",
                "static-rr",
                "leastconn",
                "first",
                "source",
                "uri",
                "url_param",
                "hdr(name)",
                "random",
                "hash",
                "rdp-cookie",
                "sticky",
                "log-hash",
            ];
            cx.bad_word(word, known);
            None
        }
    }
}

fn uri(mut rest: &[At<String>], cx: &mut Cx<'_>) -> Option<Balance> {
    let (mut whole, mut path_only, mut len, mut depth) = (false, false, None, None);
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        match word.as_str() {
            "whole" => whole = true,
            "path-only" => path_only = true,
            "len" | "depth" => {
                let Some((value, after)) = rest.split_first() else {
                    cx.missing(word, "a number");
                    return None;
                };
                rest = after;
                let n = Some(cx.u32(value)?);
                if word.as_str() == "len" { len = n } else { depth = n }
            }
            _ => {
                cx.bad_word(word, ["whole", "path-only", "len", "depth"]);
                return None;
            }
        }
    }
    Some(Balance::Uri { whole, path_only, len, depth })
}

fn url_param(word: &At<String>, rest: &[At<String>], cx: &mut Cx<'_>) -> Option<Balance> {
    match rest {
        [] => {
            cx.missing(word, "the name of a parameter");
            None
        }
        [name] => Some(Balance::UrlParam { name: name.clone(), check_post: false }),
        [name, post, ..] => {
            // A number of bytes may follow; it counts for nothing since 1.9.
            let check_post = cx.one_of(post, &[("check_post", true)])?;
            Some(Balance::UrlParam { name: name.clone(), check_post })
        }
    }
}

fn cookie(b: &mut Build, cx: &mut Cx<'_>) {
    let (args, span) = (cx.args, cx.span());
    if cx.no {
        b.proxy.back.cookie = None;
        return;
    }
    let Some((name, rest)) = args.split_first() else {
        let keyword = cx.keyword.clone();
        return cx.missing(&keyword, "a name");
    };
    let mut cookie = Cookie { name: name.clone(), ..Cookie::default() };
    if cookie_options(&mut cookie, rest, cx).is_some() && cookie_makes_sense(&cookie, cx) {
        b.proxy.back.cookie = Some(At::new(cookie, span));
    }
}

fn cookie_makes_sense(c: &Cookie, cx: &mut Cx<'_>) -> bool {
    let insert = c.mode == CookieMode::Insert;
    let fault = if c.preserve && !insert && !c.indirect {
        "`preserve` needs `insert` or `indirect`: otherwise the server's cookie is kept anyway"
    } else if c.dynamic && !insert {
        "`dynamic` needs `insert`: the value is made here"
    } else {
        return true;
    };
    cx.alert(codes::INCOMPLETE, c.name.span, fault);
    false
}

fn cookie_options(c: &mut Cookie, mut rest: &[At<String>], cx: &mut Cx<'_>) -> Option<()> {
    let mut mode_word: Option<&At<String>> = None;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        match word.as_str() {
            "rewrite" | "insert" | "prefix" => {
                if let Some(first) = mode_word.filter(|m| m.value != word.value) {
                    cx.bad(
                        word,
                        format!("one of rewrite, insert and prefix: `{}` is already given", first.value),
                    );
                    return None;
                }
                mode_word = Some(word);
                c.mode = match word.as_str() {
                    "rewrite" => CookieMode::Rewrite,
                    "insert" => CookieMode::Insert,
                    _ => CookieMode::Prefix,
                };
            }
            "indirect" => c.indirect = true,
            "nocache" => c.nocache = true,
            "postonly" => c.postonly = true,
            "preserve" => c.preserve = true,
            "httponly" => c.httponly = true,
            "secure" => c.secure = true,
            "dynamic" => c.dynamic = true,
            "domain" | "maxidle" | "maxlife" | "attr" => {
                let Some((value, after)) = rest.split_first() else {
                    cx.missing(word, "an argument");
                    return None;
                };
                rest = after;
                match word.as_str() {
                    "domain" => c.domains.push(value.value.clone()),
                    "attr" => c.attrs.push(value.value.clone()),
                    "maxidle" => c.maxidle_s = Some(cx.seconds(value)?),
                    _ => c.maxlife_s = Some(cx.seconds(value)?),
                }
            }
            _ => {
                let known = [
                    "rewrite", "insert", "prefix", "indirect", "nocache", "postonly", "preserve", "httponly",
                    "secure", "dynamic", "domain", "maxidle", "maxlife", "attr",
                ];
                cx.bad_word(word, known);
                return None;
            }
        }
    }
    Some(())
}

fn hash_balance_factor(b: &mut Build, cx: &mut Cx<'_>) {
    let Some(a) = cx.arg(0) else { return };
    match cx.u32_in(a, 0, 65_535) {
        Some(n) if n != 0 && n <= 100 => cx.bad(a, "0, or more than 100"),
        n => b.proxy.back.hash_balance_factor = n,
    }
}

fn hash_affinity(b: &mut Build, cx: &mut Cx<'_>) {
    let known = [
        ("always", HashAffinity::Always),
        ("maxconn", HashAffinity::Maxconn),
        ("maxqueue", HashAffinity::Maxqueue),
    ];
    if let Some(a) = cx.arg(0) {
        b.proxy.back.hash_preserve_affinity = cx.one_of(a, &known);
    }
}

fn hash_type(b: &mut Build, cx: &mut Cx<'_>) {
    let mut hash = HashType::default();
    let methods = [("map-based", HashMethod::MapBased), ("consistent", HashMethod::Consistent)];
    let functions = [
        ("sdbm", HashFunction::Sdbm),
        ("djb2", HashFunction::Djb2),
        ("wt6", HashFunction::Wt6),
        ("crc32", HashFunction::Crc32),
        ("none", HashFunction::None),
    ];
    let Some(a) = cx.arg(0) else { return };
    // Before 1.5 the modifier stood in the method's place.
    let Some(method) = cx.one_of(a, &methods) else { return };
    hash.method = method;
    if let Some(a) = cx.arg(1) {
        let Some(function) = cx.one_of(a, &functions) else { return };
        hash.function = function;
    } else if method == HashMethod::Consistent {
        // Without a function the ring is given mixed hashes, as HAProxy does.
        hash.modifier = HashModifier::Avalanche;
    }
    if let Some(a) = cx.arg(2) {
        let Some(modifier) = cx.one_of(a, &[("avalanche", HashModifier::Avalanche)]) else { return };
        hash.modifier = modifier;
    }
    b.proxy.back.hash_type = Some(hash);
}

fn http_reuse(b: &mut Build, cx: &mut Cx<'_>) {
    let known = [
        ("never", HttpReuse::Never),
        ("safe", HttpReuse::Safe),
        ("aggressive", HttpReuse::Aggressive),
        ("always", HttpReuse::Always),
    ];
    if let Some(a) = cx.arg(0) {
        b.proxy.back.http_reuse = cx.one_of(a, &known);
    }
}

fn name_header(b: &mut Build, cx: &mut Cx<'_>) {
    b.proxy.back.http_send_name_header = cx.arg(0).cloned();
}

fn state_file(b: &mut Build, cx: &mut Cx<'_>) {
    let known = [
        ("global", ServerStateFile::Global),
        ("local", ServerStateFile::Local),
        ("none", ServerStateFile::None),
    ];
    if let Some(a) = cx.arg(0) {
        b.proxy.back.load_server_state_from_file = cx.one_of(a, &known);
    }
}

fn retry_on(b: &mut Build, cx: &mut Cx<'_>) {
    const STATUSES: &[u16] = &[401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504];
    let known = [
        ("none", RetryOn::None),
        ("conn-failure", RetryOn::ConnFailure),
        ("empty-response", RetryOn::EmptyResponse),
        ("junk-response", RetryOn::JunkResponse),
        ("response-timeout", RetryOn::ResponseTimeout),
        ("0rtt-rejected", RetryOn::ZeroRttRejected),
        ("all-retryable-errors", RetryOn::AllRetryableErrors),
    ];
    let mut list = Vec::new();
    for word in cx.args {
        match word.parse::<u16>() {
            Ok(status) if STATUSES.contains(&status) => list.push(RetryOn::Status(status)),
            Ok(_) => cx
                .bad(word, "a status that may be tried again: 401, 403, 404, 408, 421, 425, 429, 500 to 504"),
            Err(_) => list.extend(cx.one_of(word, &known)),
        }
    }
    b.proxy.back.retry_on = list;
}

fn source(b: &mut Build, cx: &mut Cx<'_>) {
    if cx.no {
        b.proxy.back.source = None;
        return;
    }
    let args = cx.args;
    let (source, rest) = server_line::source(args, cx);
    if let Some(extra) = rest.first() {
        return cx.extra(extra);
    }
    b.proxy.back.source = source;
}
