use common::{
    diag::Severity,
    haproxy::{self, Env, model::Action as Model},
    source::SourceMap,
};

use super::*;
use crate::{
    compile::World,
    engine::{
        conn::{Addr, ConnInfo},
        http::Head,
        logformat::LogFormat,
        rule::{Cond, Test, Truth, Verdict},
        sample::{Ctx, Fact, Names, NoWorld, ProcessFacts, Subject, Type, Value, tests::request, var::Var},
        txn::Txn,
    },
};

/// Files and variables by name.
#[derive(Default)]
struct Table {
    files: Vec<(&'static str, &'static str)>,
}

impl World for Table {
    fn read(&mut self, path: &std::path::Path) -> std::io::Result<Vec<u8>> {
        let found = self.files.iter().find(|(name, _)| std::path::Path::new(name) == path);
        found.map(|(_, text)| text.as_bytes().to_vec()).ok_or(std::io::ErrorKind::NotFound.into())
    }
    fn resolve(&mut self, _: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
    fn user(&mut self, _: &str) -> Option<(u32, u32)> {
        None
    }
    fn group(&mut self, _: &str) -> Option<u32> {
        None
    }
    fn hostname(&mut self) -> String {
        "host".to_owned()
    }
    fn env(&mut self, name: &str) -> Option<String> {
        (name == "GOLD").then(|| "envval".to_owned())
    }
    fn processors(&mut self) -> usize {
        1
    }
}

/// The backend of the goldens: `bx` with `s1` up, weight 7, and `s2` disabled.
#[derive(Debug)]
struct Gold;

impl crate::engine::sample::World for Gold {
    fn number(&self, fact: Fact, of: Subject) -> Option<i64> {
        Some(match (fact, of) {
            (Fact::NbSrv, Subject::Backend(Some(0))) => 1,
            (Fact::ServerIsUp, Subject::Server(Some(0), 0)) => 1,
            (Fact::ServerIsUp, Subject::Server(Some(0), 1)) => 0,
            (Fact::ServerWeight, Subject::Server(Some(0), 0)) => 7,
            (Fact::ServerInitialWeight, Subject::Server(Some(0), 1)) => 1,
            (Fact::ServerQueue, Subject::Server(Some(0), 0)) => 0,
            (Fact::ConnSlots, Subject::Backend(Some(0))) => -1,
            (Fact::BackendConn | Fact::Queue | Fact::AvgQueue, Subject::Backend(Some(0))) => 0,
            _ => return None,
        })
    }
    fn facts(&self) -> &ProcessFacts {
        NoWorld.facts()
    }
    fn proxy(&self, name: &[u8]) -> Option<Subject> {
        match name {
            b"bx" => Some(Subject::Backend(Some(0))),
            b"fgold" => Some(Subject::Frontend(Some(0))),
            _ => None,
        }
    }
    fn server(&self, name: &[u8]) -> Option<Subject> {
        match name {
            b"bx/s1" => Some(Subject::Server(Some(0), 0)),
            b"bx/s2" => Some(Subject::Server(Some(0), 1)),
            _ => None,
        }
    }
}

const GOLD: &str = "\
userlist ul
    group g1 users alice
    group g2 users bob
    user alice insecure-password sec:ret
    user bob insecure-password x groups g2
defaults
    mode http
    timeout client 2s
    timeout server 2s
    timeout connect 1s
backend bx
    server s1 127.0.0.1:1 weight 7
    server s2 127.0.0.1:1 disabled
frontend fgold
    bind 127.0.0.1:28155
";

fn gold_request() -> Head {
    request(
        "POST",
        "/dir/Sub/file.gif?a=1&b=two&c=&d&a=3;x=y",
        &[
            ("Host", "WWW.Example.com:8080"),
            ("X-List", "one, two ,\"th,ree\","),
            ("x-list", "four"),
            ("X-Num", "42abc"),
            ("X-IP", "10.1.2.3, 2001:db8::1, [::2]:80, 1.2.3.4:99, bad"),
            ("Cookie", "sess=abc; id=\"q;r\"; empty=; sess=def"),
            ("Cookie", "last=z"),
            ("Authorization", "Basic YWxpY2U6c2VjOnJldA=="),
            ("Accept-Language", "fr-CA,fr;q=0.5,en;q=0.9,de;q=0"),
            ("X-Space", "a b"),
            ("X-Esc", "q\"w\\e]#{|}"),
            ("X-Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("X-Empty", ""),
            ("Content-Length", "5"),
        ],
    )
}

/// A configuration read from text, with what reading it said.
fn read(text: &str) -> haproxy::Loaded {
    haproxy::load_text(vec![("t.cfg".to_owned(), text.to_owned())], &Env::default())
}

/// Runs `f` in the scope of the last proxy of a configuration and gives what was said.
fn scoped<R>(
    text: &str,
    files: &[(&'static str, &'static str)],
    f: impl FnOnce(&mut Scope<'_>) -> R,
) -> (R, Said) {
    let loaded = read(text);
    assert!(!loaded.diagnostics.has_alerts(), "{:?}", loaded.diagnostics);
    let (mut diagnostics, mut cache) = Default::default();
    let mut world = Table { files: files.to_vec() };
    let mut scope = Scope {
        config: &loaded.config,
        proxy: loaded.config.proxies.last(),
        world: &mut world,
        diagnostics: &mut diagnostics,
        cache: &mut cache,
    };
    let result = f(&mut scope);
    (result, Said { diagnostics, sources: loaded.sources })
}

struct Said {
    diagnostics: Diagnostics,
    sources: SourceMap,
}

impl Said {
    /// Message and underlined words of everything of a severity.
    fn of(&self, severity: Severity) -> Vec<(String, String)> {
        let words = |d: &Diagnostic| {
            d.primary.as_ref().map_or(String::new(), |l| self.sources.text(l.span).to_owned())
        };
        self.diagnostics
            .iter()
            .filter(|d| d.severity == severity)
            .map(|d| (d.message.clone(), words(d)))
            .collect()
    }
}

fn with_gold<R>(f: impl FnOnce(&mut Ctx<'_>) -> R) -> R {
    let conn = ConnInfo {
        src: Addr::Inet("127.0.0.1:1".parse().unwrap()),
        dst: Addr::Inet("127.0.0.1:28155".parse().unwrap()),
        ..ConnInfo::default()
    };
    let mut txn = Txn::default();
    let mut head = gold_request();
    let names = Names { frontend: "fgold", ..Names::default() };
    let mut ctx = Ctx::new(&conn, &mut txn, names, &Gold);
    (ctx.req, ctx.body) = (Some(&mut head), Some(&b"hello"[..]));
    Var::parse("txn.n").unwrap().set(&ctx, Value::Int(7));
    Var::parse("txn.s").unwrap().set(&ctx, Value::string("vs"));
    f(&mut ctx)
}

fn escape(bytes: &[u8]) -> String {
    let mut out = String::new();
    for &b in bytes {
        match b {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            32..=126 => out.push(b as char),
            _ => out.push_str(&format!("\\x{b:02x}")),
        }
    }
    out
}

#[test]
fn samples_print_what_haproxy_prints() {
    let mut wrong = Vec::new();
    for line in include_str!("tests/samples.txt").lines().filter(|l| !l.starts_with('#')) {
        let (text, expected) = line.split_once('\t').unwrap();
        let word = common::source::At::from(text.to_owned());
        let (expr, said) = scoped(GOLD, &[], |s| {
            let e = haproxy::expr::SampleExpr::parse(&word).ok()?;
            s.sample(&e, Type::Str, &[Place::FrontendRequest])
        });
        let got = match &expr {
            None => "!".to_owned(),
            // HAProxy was asked with `-m found` first, as ACLs ask: value by value.
            Some(e) => with_gold(|ctx| {
                let patterns = crate::engine::pattern::Patterns::build::<&str>(
                    crate::engine::pattern::Method::Found,
                    false,
                    &[],
                );
                let found = Test { expr: e.clone(), patterns: patterns.unwrap() }.test(ctx) == Truth::Yes;
                match (found, e.eval_as(ctx, Type::Str)) {
                    (false, _) => "-".to_owned(),
                    (true, v) => {
                        format!("={}", escape(&v.map_or(Vec::new(), |v| v.into_text().into_owned())))
                    }
                }
            }),
        };
        if got != expected {
            wrong.push(format!("{text}: {got} instead of {expected} {:?}", said.of(Severity::Alert)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn acls_hold_where_they_hold_in_haproxy() {
    let mut wrong = Vec::new();
    for line in include_str!("tests/acls.txt").lines().filter(|l| !l.starts_with('#')) {
        let (expected, text) = line.split_once(' ').unwrap();
        let (cond, said) = scoped(&format!("{GOLD}    http-request deny if {{ {text} }}\n"), &[], |s| {
            let rule = s.proxy.unwrap().rules.http_request.first().unwrap();
            s.cond_at(rule.cond.as_ref().unwrap(), &[Place::FrontendRequest])
        });
        let got = match &cond {
            None => "!",
            Some(c) => match with_gold(|ctx| c.eval(ctx)) {
                true => "1",
                false => "0",
            },
        };
        if got != expected {
            wrong.push(format!("{text}: {got} instead of {expected} {:?}", said.of(Severity::Alert)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each fault is said at its word.
#[test]
fn faults_are_pointed_at() {
    for (lines, message, words) in [
        ("http-request deny if { pathbeg /x }", "unknown ACL criterion `pathbeg`", "pathbeg"),
        ("http-request deny if nothere", "there is no ACL 'nothere'", "nothere"),
        ("acl a path -m foo /", "unknown match method `foo`", "foo"),
        ("acl a src 10.0.0.256", "`10.0.0.256` is no address or network such as 10.0.0.0/8", "10.0.0.256"),
        ("acl a nbsrv(nope) lt 1", "there is no backend 'nope'", "nope"),
        ("http-request set-header x %[rand(a)]", "`rand`: `a` is no integer", "a"),
        ("http-request set-header x %[src,lowr]", "unknown converter `lowr`", "lowr"),
        (
            "http-request set-header x %[res.hdr(x)]",
            "`res.hdr` needs the HTTP response or its buffer, which a http-request rule does not have",
            "res.hdr",
        ),
        ("http-request deny if { http_auth(nolist) }", "there is no userlist 'nolist'", "nolist"),
        (
            "acl a req.payload(0,5) foo",
            "`req.payload(0,5)` gives bin: say with -m how to compare it",
            "req.payload(0,5",
        ),
        (
            "http-request track-sc0 src",
            "proxy 'fgold' has no stick table of its own, and none is named",
            "http-request track-sc0 src",
        ),
        (
            "http-request set-header x \"%[src_conn_cnt]\"",
            "proxy 'fgold' has no stick table of its own, and none is named",
            "src_conn_cnt",
        ),
    ] {
        let ((), said) = scoped(&format!("{GOLD}    {lines}\n"), &[], |s| {
            let p = s.proxy.unwrap();
            s.check_acls();
            s.http_rules(&p.rules.http_request, RuleSet::HttpRequest);
        });
        assert_eq!(said.of(Severity::Alert), [(message.to_owned(), words.to_owned())], "{lines}");
    }
}

#[test]
fn what_haproxy_warns_of_is_a_warning() {
    for (lines, message, words) in [
        (
            "acl a res.hdr(x) -m found\n    http-request deny if a",
            "this ACL never matches here: `res.hdr(x)` needs the HTTP response or its buffer, which a http-request rule does not have",
            "a",
        ),
        ("acl a path_beg", "no pattern is given, so this ACL never matches", "path_beg"),
        (
            "acl a hdr_beg(host),lower foo",
            "the match method of `hdr_beg` does not hold behind converters",
            "hdr_beg",
        ),
    ] {
        let ((), said) = scoped(&format!("{GOLD}    {lines}\n"), &[], |s| {
            let p = s.proxy.unwrap();
            s.check_acls();
            s.http_rules(&p.rules.http_request, RuleSet::HttpRequest);
        });
        assert_eq!(said.of(Severity::Alert), [], "{lines}");
        assert_eq!(said.of(Severity::Warning), [(message.to_owned(), words.to_owned())], "{lines}");
    }
}

#[test]
fn names_resolve_near_ones_and_are_suggested() {
    let ((), said) = scoped(&format!("{GOLD}    acl a path_bgn /x\n"), &[], |s| s.check_acls());
    let help = said.diagnostics.iter().find_map(|d| d.help.clone());
    assert_eq!(help.as_deref(), Some("did you mean `path_beg`?"));
}

#[test]
fn patterns_and_maps_are_read_from_files() {
    let files =
        [("list", "# comment\n\n  /one\n/dir\n"), ("map", "www.example.com first # x\nwww.other.com\tb\n")];
    let lines = "http-request deny if { path_beg -f list }\n    http-request set-header X-To %[req.hdr(host),host_only,map(map,none)]";
    let (rules, said) = scoped(&format!("{GOLD}    {lines}\n"), &files, |s| {
        let p = s.proxy.unwrap();
        s.http_rules(&p.rules.http_request, RuleSet::HttpRequest)
    });
    assert_eq!(said.of(Severity::Alert), []);
    with_gold(|ctx| {
        assert!(matches!(rules.run(ctx), Verdict::Deny(_)));
        assert_eq!(rules.resume(ctx, 1), Verdict::Continue);
        assert_eq!(ctx.req.as_deref().unwrap().header(b"x-to"), Some(&b"first # x"[..]));
    });
    let ((), said) = scoped(&format!("{GOLD}    acl a src -f missing\n"), &[], |s| s.check_acls());
    let alerts = said.of(Severity::Alert);
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0].0.starts_with("pattern file 'missing'") && alerts[0].1 == "missing", "{alerts:?}");
}

/// Runs the `http-request` rules of these lines on the golden request.
fn run(lines: &str) -> (Verdict, Head, Vec<Option<Vec<u8>>>) {
    let (rules, said) = scoped(&format!("{GOLD}    {}\n", lines.replace('\n', "\n    ")), &[], |s| {
        let p = s.proxy.unwrap();
        s.http_rules(&p.rules.http_request, RuleSet::HttpRequest)
    });
    assert_eq!(said.of(Severity::Alert), [], "{lines}");
    with_gold(|ctx| {
        ctx.txn.prepare_captures(2, 0);
        let verdict = rules.run(ctx);
        (verdict, ctx.req.as_deref().unwrap().clone(), ctx.txn.request_captures.clone())
    })
}

fn answer(v: &Verdict) -> (u16, Vec<(String, String)>) {
    let (Verdict::Deny(a)
    | Verdict::Redirect(a)
    | Verdict::Return(a)
    | Verdict::Auth(a)
    | Verdict::Tarpit(a)) = v
    else {
        panic!("{v:?}")
    };
    let headers = a.headers.iter().map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v).into_owned()));
    (a.status, headers.collect())
}

/// Statuses and headers that HAProxy 3.5 was seen to send.
#[test]
fn redirections_lead_where_haproxys_do() {
    for (line, status, headers) in [
        ("http-request redirect location /x", 302, vec![("location", "/x"), ("cache-control", "no-cache")]),
        (
            "http-request redirect prefix http://p code 301",
            301,
            vec![("location", "http://p/dir/Sub/file.gif?a=1&b=two&c=&d&a=3;x=y")],
        ),
        (
            "http-request redirect prefix http://p drop-query append-slash set-cookie A=1",
            302,
            vec![
                ("location", "http://p/dir/Sub/file.gif/"),
                ("cache-control", "no-cache"),
                ("set-cookie", "A=1; path=/;"),
            ],
        ),
        (
            "http-request redirect prefix / drop-query clear-cookie B=",
            302,
            vec![
                ("location", "/dir/Sub/file.gif"),
                ("cache-control", "no-cache"),
                ("set-cookie", "B=; path=/; Max-Age=0;"),
            ],
        ),
        (
            "http-request redirect scheme https code 308",
            308,
            vec![("location", "https://WWW.Example.com:8080/dir/Sub/file.gif?a=1&b=two&c=&d&a=3;x=y")],
        ),
        (
            "http-request redirect location /k keep-query code 307",
            307,
            vec![("location", "/k?a=1&b=two&c=&d&a=3;x=y"), ("cache-control", "no-cache")],
        ),
    ] {
        let expected: Vec<_> = headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        assert_eq!(answer(&run(line).0), (status, expected), "{line}");
    }
    let (v, ..) = run("http-request redirect location %[var(txn.none)] ignore-empty");
    assert_eq!(v, Verdict::Continue);
}

#[test]
fn denials_and_returns_have_haproxys_statuses_and_bodies() {
    use crate::engine::action::{Answer, AnswerBody};
    let of = |line: &str| match run(line).0 {
        Verdict::Deny(Answer { status, body, .. })
        | Verdict::Return(Answer { status, body, .. })
        | Verdict::Tarpit(Answer { status, body, .. }) => (status, body),
        other => panic!("{other:?}"),
    };
    assert_eq!(of("http-request deny"), (403, AnswerBody::ErrorPage));
    assert_eq!(of("http-request deny deny_status 429"), (429, AnswerBody::ErrorPage));
    assert_eq!(of("http-request deny deny_status 429 hdr Retry-After 5"), (429, AnswerBody::Empty));
    assert_eq!(of("http-request deny status 599"), (599, AnswerBody::Empty));
    assert_eq!(of("http-request tarpit"), (500, AnswerBody::ErrorPage));
    assert_eq!(of("http-request return"), (200, AnswerBody::Empty));
    assert_eq!(of("http-request return status 404"), (404, AnswerBody::Empty));
    assert_eq!(of("http-request return status 503 default-errorfiles"), (503, AnswerBody::ErrorPage));
    let hello = AnswerBody::Bytes(b"hello VS"[..].into());
    assert_eq!(
        of("http-request return content-type text/plain lf-string \"hello %[var(txn.s),upper]\""),
        (200, hello)
    );
}

#[test]
fn headers_paths_variables_and_captures_are_edited() {
    let lines = "http-request set-var(req.host) req.hdr(host),host_only
http-request set-header Host %[var(req.host)]
http-request add-header X-List five
http-request replace-value x-list ^t(.*) T\\1
http-request replace-header x-num ^(\\d+) <\\1>
http-request del-header x-i -m beg
http-request set-path /new%[path]
http-request set-query z=%[urlp(b)]
http-request replace-path /new/dir/(.*) /\\1
http-request set-method PATCH
http-request capture req.hdr(x-space) len 2
http-request capture method len 8
http-request deny if { req.hdr(host) www.example.com } METH_GET";
    let (verdict, head, captures) = run(lines);
    assert_eq!(verdict, Verdict::Continue);
    let all = |name: &str| -> Vec<String> {
        let named = head.headers().filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, v)| String::from_utf8_lossy(v).into_owned()).collect()
    };
    assert_eq!(all("host"), ["www.example.com"]);
    assert_eq!(all("x-list"), ["one,Two,\"th,ree\",", "four", "five"]);
    assert_eq!(all("x-num"), ["<42>"]);
    assert_eq!(all("x-ip"), [] as [&str; 0]);
    assert_eq!((head.method(), head.uri()), (&b"PATCH"[..], &b"/Sub/file.gif?z=two"[..]));
    assert_eq!(captures, [Some(b"a ".to_vec()), Some(b"PATCH".to_vec())]);
}

fn line_of(format: &LogFormat, txn: &mut Txn) -> String {
    let conn = ConnInfo {
        src: Addr::Inet("10.0.1.2:33317".parse().unwrap()),
        dst: Addr::Inet("10.0.3.31:80".parse().unwrap()),
        accept_date_us: 1_795_342_764_969_000,
        ..ConnInfo::default()
    };
    let names = Names {
        frontend: "http-in",
        backend: Some("static"),
        server: Some("srv1"),
        pid: 7,
        ..Names::default()
    };
    let ctx = Ctx::new(&conn, txn, names, &NoWorld);
    String::from_utf8(format.to_vec(&ctx)).unwrap()
}

fn finished() -> Txn {
    use crate::engine::txn::{ConnCounts, Timers};
    Txn {
        request_date_us: 1_795_342_764_969_000,
        timers: Timers {
            idle_ms: 0,
            request_ms: 10,
            wait_ms: 0,
            connect_ms: 30,
            response_ms: 69,
            data_ms: 0,
            active_ms: 109,
            total_ms: 109,
            ..Timers::default()
        },
        status: 200,
        bytes_out: 2750,
        conns: ConnCounts { process: 1, frontend: 1, backend: 1, server: 1 },
        request_line: b"GET /index.html HTTP/1.1".to_vec(),
        request_captures: vec![Some(b"haproxy.1wt.eu".to_vec())],
        response_captures: vec![None],
        ..Txn::default()
    }
}

/// The manual's example of chapter 8.2.3, in 3.5's bytes.
#[test]
fn the_default_formats_give_haproxys_lines() {
    let http = "10.0.1.2:33317 [22/Nov/2026:10:19:24.969] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- \
        1/1/1/1/0 0/0 {haproxy.1wt.eu} {} \"GET /index.html HTTP/1.1\"";
    assert_eq!(line_of(&Scope::builtin_format(Builtin::Http), &mut finished()), http);
    let tcp = "10.0.1.2:33317 [22/Nov/2026:10:19:24.969] http-in static/srv1 0/30/109 2750 -- 1/1/1/1/0 0/0";
    assert_eq!(line_of(&Scope::builtin_format(Builtin::Tcp), &mut finished()), tcp);
    assert_eq!(
        line_of(&Scope::builtin_format(Builtin::Https), &mut finished()),
        format!("{http} 0/-/-/-/0 -/-/-")
    );
    assert_eq!(
        line_of(&Scope::builtin_format(Builtin::Connect { http: true }), &mut finished()),
        "Connect from 10.0.1.2:33317 to 10.0.3.31:80 (http-in/HTTP)"
    );
    assert_eq!(
        line_of(&Scope::builtin_format(Builtin::Error), &mut Txn::default()),
        "10.0.1.2:33317 [22/Nov/2026:10:19:24.969] http-in/1: Success"
    );
    let mut bad = Txn { status: 400, ..Txn::default() };
    (bad.cause, bad.phase) = (crate::engine::txn::Cause::Proxy, crate::engine::txn::Phase::Request);
    assert!(
        line_of(&Scope::builtin_format(Builtin::Http), &mut bad)
            .ends_with("-1/-1/-1/-1/-1 400 0 - - PR-- 0/0/0/0/0 0/0 \"<BADREQ>\"")
    );
}

/// What HAProxy 3.5 printed for the same values.
#[test]
fn flags_quote_and_escape_as_haproxys_do() {
    let mut txn = finished();
    txn.request_captures = vec![Some(b"q\"w{e}|r#t\\y]z\xc3\xa9\t1".to_vec()), None];
    Var::parse("txn.x").unwrap();
    for (format, expected) in [
        ("%hr|%hrl", "{q#22w#7Be#7D#7Cr#23t\\y]z#C3#A9#091|}|q#22w#7Be#7D#7Cr#23t\\y]z#C3#A9#091 -"),
        ("%{+Q}r %{+Q}CC %CC", "\"GET /index.html HTTP/1.1\" \"\" -"),
        ("%{+X}ci %{+X}cp %{+X}Ts %{+X}pid %{+X}rt", "0A000102 8225 6B02C1AC 0007 0000"),
        ("%{+E}[str('a\"b]c')] %{+Q,+E}[str('a\"b]c')]", "a\\\"b\\]c \"a\\\"b\\]c\""),
        ("%{+Q}o%f %{-Q}b %s", "\"http-in\" static \"srv1\""),
        ("a   b  %%  %[var(txn.none)] %{+Q}[var(txn.none)]", "a b % - \"\""),
        ("%HM %HP %HPO %HQ %HU %HV", "GET /index.html /index.html /index.html HTTP/1.1"),
        ("%Tq %TR %Tw %Tc %Tr %Td %Ta %Tt %Tu %Th %Ti", "10 10 0 30 69 0 109 109 109 0 0"),
        (
            "%t|%T|%Tl|%tr|%trg|%ms",
            "22/Nov/2026:10:19:24.969|22/Nov/2026:10:19:24 +0000|22/Nov/2026:10:19:24 +0000|22/Nov/2026:10:19:24.969|22/Nov/2026:10:19:24 +0000|969",
        ),
        ("%[bin(00ff41)] %[bool(true)] %[int(-3)]", "- 1 -3"),
        ("%OG %ST %B %U %rc %ts %tsc %si %sp", "unspec 200 2750 0 0 -- ---- unix -"),
    ] {
        let word = common::source::At::from(format.to_owned());
        let (compiled, said) = scoped(GOLD, &[], |s| s.log_format(&word, FormatKind::Log));
        assert_eq!(said.of(Severity::Alert), [], "{format}");
        assert_eq!(line_of(&compiled.unwrap(), &mut txn), expected, "{format}");
    }
}

#[test]
fn formats_that_haproxy_refuses_are_refused() {
    for (format, message) in [
        ("%zz", "there is no log-format item `%zz`"),
        ("%[path]", "`path` needs the HTTP request or its buffer, which a log format does not have"),
        ("%{+json}o", "log-format flag `json` cannot be used: encoders are not built yet"),
        ("%{+Z}r", "`Z` is no log-format flag: Q, X and E are"),
    ] {
        let word = common::source::At::from(format.to_owned());
        let (compiled, said) = scoped(GOLD, &[], |s| s.log_format(&word, FormatKind::Log));
        assert!(compiled.is_none());
        assert_eq!(said.of(Severity::Alert).iter().map(|(m, _)| m.as_str()).collect::<Vec<_>>(), [message]);
    }
}

/// Every action of the model is compiled or refused with a reason of its own.
#[test]
fn no_action_is_refused_without_a_reason() {
    let refused: Vec<_> = crate::engine::action::ACTIONS.iter().filter(|r| !r.refused.is_empty()).collect();
    for row in refused {
        let named = Model::Other { name: common::source::At::from(row.name.to_owned()), args: Vec::new() };
        let rule = common::source::At::from(haproxy::model::Rule { action: named, cond: None });
        let (rules, said) =
            scoped(GOLD, &[], |s| s.http_rules(std::slice::from_ref(&rule), RuleSet::HttpRequest));
        assert!(rules.is_empty());
        let text = format!("'http-request {}' cannot be honoured: {}", row.name, row.refused);
        assert_eq!(said.of(Severity::Alert)[0].0, text);
    }
}

#[test]
fn a_rule_with_a_wrong_condition_does_not_run_without_it() {
    let (rules, _) = scoped(&format!("{GOLD}    http-request deny if nothere\n"), &[], |s| {
        let p = s.proxy.unwrap();
        s.http_rules(&p.rules.http_request, RuleSet::HttpRequest)
    });
    assert!(rules.is_empty());
    assert!(!Cond::default().eval(&Ctx::new(
        &ConnInfo::default(),
        &mut Txn::default(),
        Names::default(),
        &NoWorld
    )));
}
