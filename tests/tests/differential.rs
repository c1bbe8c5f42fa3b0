//! The same configuration and the same requests to Debian's haproxy and to lbproxy: the same answers, the same
//! requests at the same servers, the same log lines.
//!
//! Configurations and requests are drawn from a grammar of rules, conditions, samples, converters and ways to
//! choose a server; each draw follows from a number. `DIFFERENTIAL_SEED` replays one configuration,
//! `DIFFERENTIAL_CONFIGS` says how many are drawn. What both refuse alike is not drawn: the grammar knows which
//! types fit.

use std::fmt::Write as _;

use e2e::{
    daemon::Program,
    origin::{Origin, Recorded},
    stage::{ORIGIN, PATIENCE, PROXY, Stage},
    wait,
};

/// Without `DIFFERENTIAL_CONFIGS`: 20 times 10 backends times 10 requests are 2,000 cases.
const CONFIGS: u64 = 20;
const BACKENDS: usize = 10;
const REQUESTS_EACH: usize = 10;
const PORT: u16 = 8080;

/// A stream of numbers that follows from its seed (splitmix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}

/// As far as the grammar has to know it.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Number,
    Binary,
    Address,
}

const FETCHES: &[(&str, Kind)] = &[
    ("path", Kind::Text),
    ("pathq", Kind::Text),
    ("query", Kind::Text),
    ("url", Kind::Text),
    ("base", Kind::Text),
    ("method,lower", Kind::Text),
    ("req.ver", Kind::Text),
    ("req.hdr(x-a)", Kind::Text),
    ("req.hdr(x-list)", Kind::Text),
    ("req.hdr(x-list,1)", Kind::Text),
    ("req.hdr(x-list,-2)", Kind::Text),
    ("req.fhdr(x-list)", Kind::Text),
    ("req.hdr_names", Kind::Text),
    ("req.hdr_cnt(x-list)", Kind::Number),
    ("req.fhdr_cnt(x-list)", Kind::Number),
    ("req.hdr_val(x-n)", Kind::Number),
    ("req.hdr_ip(x-ip)", Kind::Address),
    ("url_param(a)", Kind::Text),
    ("url_param(b)", Kind::Text),
    ("req.cook(c1)", Kind::Text),
    ("req.cook_cnt(c1)", Kind::Number),
    ("req.hdr(host),host_only", Kind::Text),
    ("src", Kind::Address),
    ("dst", Kind::Address),
    ("dst_port", Kind::Number),
    ("fe_name", Kind::Text),
    ("be_name", Kind::Text),
    ("nbsrv", Kind::Number),
    ("base32", Kind::Number),
    ("url32", Kind::Number),
    ("str(some-text)", Kind::Text),
    ("int(-42)", Kind::Number),
    ("ipv4(192.0.2.77)", Kind::Address),
    ("bin(00ff1042)", Kind::Binary),
    ("var(txn.x)", Kind::Text),
    ("http_auth(users)", Kind::Number),
];

/// Without `word`, whose result for a word that is not there differs between releases.
const CONVERTERS: &[(&str, Kind, Kind)] = &[
    ("lower", Kind::Text, Kind::Text),
    ("upper", Kind::Text, Kind::Text),
    ("length", Kind::Text, Kind::Number),
    ("hex", Kind::Binary, Kind::Text),
    ("base64", Kind::Binary, Kind::Text),
    ("ub64enc", Kind::Binary, Kind::Text),
    ("bytes(1,3)", Kind::Binary, Kind::Binary),
    ("bytes(2)", Kind::Binary, Kind::Binary),
    ("field(2,/)", Kind::Text, Kind::Text),
    ("field(-1,.)", Kind::Text, Kind::Text),
    ("field(1,-,2)", Kind::Text, Kind::Text),
    ("regsub([aeiou],_)", Kind::Text, Kind::Text),
    ("regsub([aeiou],_,g)", Kind::Text, Kind::Text),
    ("url_dec", Kind::Text, Kind::Text),
    ("url_enc", Kind::Text, Kind::Text),
    ("json(utf8s)", Kind::Text, Kind::Text),
    ("ltrim(/x)", Kind::Text, Kind::Text),
    ("rtrim(e)", Kind::Text, Kind::Text),
    ("concat(<,txn.x,>)", Kind::Text, Kind::Text),
    ("add_item(;,txn.x)", Kind::Text, Kind::Text),
    ("strcmp(txn.x)", Kind::Text, Kind::Number),
    ("sha1,hex", Kind::Binary, Kind::Text),
    ("sha2(384),hex", Kind::Binary, Kind::Text),
    ("crc32", Kind::Binary, Kind::Number),
    ("crc32c(1)", Kind::Binary, Kind::Number),
    ("djb2(1)", Kind::Binary, Kind::Number),
    ("sdbm", Kind::Binary, Kind::Number),
    ("wt6(1)", Kind::Binary, Kind::Number),
    ("xxh32", Kind::Binary, Kind::Number),
    ("xxh64(7)", Kind::Binary, Kind::Number),
    ("add(7)", Kind::Number, Kind::Number),
    ("sub(100)", Kind::Number, Kind::Number),
    ("mul(3)", Kind::Number, Kind::Number),
    ("div(4)", Kind::Number, Kind::Number),
    ("mod(5)", Kind::Number, Kind::Number),
    ("and(12)", Kind::Number, Kind::Number),
    ("or(3)", Kind::Number, Kind::Number),
    ("xor(255)", Kind::Number, Kind::Number),
    ("cpl", Kind::Number, Kind::Number),
    ("neg", Kind::Number, Kind::Number),
    ("even", Kind::Number, Kind::Number),
    ("odd", Kind::Number, Kind::Number),
    ("bool", Kind::Number, Kind::Number),
    ("not", Kind::Number, Kind::Number),
    ("ipmask(20)", Kind::Address, Kind::Address),
    ("set-var(txn.y)", Kind::Text, Kind::Text),
];

/// Whether a value of one kind can be given to a converter of another.
fn fits(from: Kind, to: Kind) -> bool {
    match to {
        Kind::Text | Kind::Binary => true,
        Kind::Number => matches!(from, Kind::Number | Kind::Text),
        Kind::Address => from == Kind::Address,
    }
}

fn expression(d: &mut Draw) -> String {
    let (fetch, mut kind) = FETCHES[d.below(FETCHES.len())];
    let mut out = fetch.to_owned();
    for _ in 0..d.below(4) {
        let (name, input, output) = CONVERTERS[d.below(CONVERTERS.len())];
        if fits(kind, input) {
            let _ = write!(out, ",{name}");
            kind = output;
        }
    }
    // Bytes that no header may hold are shown as digits.
    if kind == Kind::Binary {
        out.push_str(",hex");
    }
    out
}

fn format(d: &mut Draw) -> String {
    match d.below(4) {
        0 => "fixed".to_owned(),
        1 => format!("<%[{}]>", expression(d)),
        2 => format!("%[{}]-%[{}]", expression(d), expression(d)),
        _ => format!("%[{}]", expression(d)),
    }
}

fn test(d: &mut Draw) -> String {
    let texts = ["req.hdr(x-a)", "path", "url_param(a)", "req.cook(c1)", "req.hdr(host)", "var(txn.x)"];
    let words = ["one", "two", "a", "/x", "example", "three", "e"];
    match d.below(9) {
        0 => format!("{{ path_beg /{}/{} }}", d.below(BACKENDS), d.of(&["x", "y", "dir", "%2"])),
        1 => format!(
            "{{ {} -m {} {} {} }}",
            d.of(&texts),
            d.of(&["str", "beg", "end", "sub", "dir", "dom"]),
            d.of(&words),
            d.of(&words)
        ),
        2 => format!("{{ {} -i -m {} {} }}", d.of(&texts), d.of(&["str", "beg", "sub"]), d.of(&["ONE", "X"])),
        3 => format!("{{ {} -m reg {} }}", d.of(&texts), d.of(&["^[a-m]", "e$", "o.*e", "[0-9]+"])),
        4 => format!("{{ req.hdr_cnt(x-list) {} {} }}", d.of(&["gt", "le", "eq"]), d.below(4)),
        5 => format!("{{ {} -m found }}", d.of(&texts)),
        6 => d.of(&["METH_GET", "HTTP_1.1", "LOCALHOST", "HTTP_URL_SLASH"]).to_owned(),
        7 => format!("{{ req.hdr_val(x-n) {}:{} }}", d.below(5), 5 + d.below(50)),
        _ => format!("{{ {} -m len {} }}", d.of(&texts), 2 + d.below(5)),
    }
}

fn condition(d: &mut Draw) -> String {
    let mut out = d.of(&["if", "unless"]).to_owned();
    for i in 0..=d.below(3) {
        if i > 0 && d.one_in(3) {
            out.push_str(" ||");
        }
        let _ = write!(out, " {}{}", d.of(&["", "", "!"]), test(d));
    }
    out
}

/// With a condition or, where nothing final follows from it, without.
fn maybe(d: &mut Draw) -> String {
    if d.one_in(2) { String::new() } else { condition(d) }
}

fn header_edit(d: &mut Draw, names: &[&str]) -> String {
    let name = d.of(names);
    match d.below(6) {
        0 | 1 => format!("set-header {name} \"{}\"", format(d)),
        2 => format!("add-header {name} \"{}\"", format(d)),
        3 => format!("del-header {name}"),
        4 => format!("replace-header {name} \"(.)o(.*)\" \"\\2-{}\\1\"", d.below(9)),
        _ => format!("replace-value {name} \"^t(.*)\" \"T\\1{}\"", d.of(&["", "!"])),
    }
}

fn request_rule(d: &mut Draw) -> String {
    let edited = ["x-a", "x-list", "x-new", "x-n"];
    let (rule, cond) = match d.below(14) {
        0..=4 => (header_edit(d, &edited), maybe(d)),
        5 | 6 => (format!("set-var(txn.x) {}", expression(d)), maybe(d)),
        7 => ("set-path \"/new%[path]\"".to_owned(), maybe(d)),
        8 => ("set-query \"%[query]&q=%[req.hdr(x-n)]\"".to_owned(), maybe(d)),
        9 => ("replace-path (.*)/x(.*) \\1/z\\2".to_owned(), maybe(d)),
        10 => (format!("deny deny_status {}", d.of(&["403", "404", "429", "503"])), condition(d)),
        11 => {
            let to = match d.below(3) {
                0 => format!("location \"/to/%[{}]\"", d.of(&["path", "req.hdr(x-a)", "url_param(a)"])),
                1 => format!(
                    "prefix http://other.example{}",
                    d.of(&["", " drop-query", " drop-query append-slash"])
                ),
                _ => "scheme https".to_owned(),
            };
            let more =
                d.of(&["", " code 301", " code 303", " code 307", " set-cookie S=1", " clear-cookie S="]);
            (format!("redirect {to}{more}"), condition(d))
        }
        12 => {
            let text = format!("return status {} content-type text/plain", d.of(&["200", "404", "500"]));
            (format!("{text} hdr x-r \"{}\" lf-string \"<{}>\"", format(d), format(d)), condition(d))
        }
        _ => (
            "auth realm here".to_owned(),
            "unless { http_auth(users) } || { req.hdr(x-a) -m found }".to_owned(),
        ),
    };
    format!("    http-request {rule} {cond}\n")
}

fn response_rule(d: &mut Draw) -> String {
    let edited = ["x-a", "x-new", "content-type", "x-origin"];
    let (rule, cond) = match d.below(7) {
        0..=3 => {
            let edit = header_edit(d, &edited);
            // Samples of the request are gone when the response comes.
            let edit = if edit.contains("%[") {
                "set-header x-v \"%[var(txn.x)]/%[status]\"".to_owned()
            } else {
                edit
            };
            (edit, d.of(&["", "if { status 200 }", "unless { res.hdr(x-new) -m found }"]).to_owned())
        }
        4 => (format!("set-status {}", d.of(&["201", "404", "503"])), "if { status 200 }".to_owned()),
        5 => ("set-header x-names \"%[res.hdr_cnt(content-length)]\"".to_owned(), String::new()),
        _ => ("deny".to_owned(), "if { var(txn.x) -m beg a }".to_owned()),
    };
    format!("    http-response {rule} {cond}\n")
}

fn configuration(d: &mut Draw) -> String {
    let mut out = String::from(
        "global\n    log 127.0.0.1:514 local0\nuserlist users\n    user joe insecure-password secret\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 10s\n    timeout server 10s\n",
    );
    let _ = write!(
        out,
        "frontend front\n    bind {PROXY}:{PORT}\n    log global\n    capture request header x-case len 12\n    \
         capture response header x-new len 20\n    capture cookie c1= len 20\n    \
         log-format \"%[capture.req.hdr(0)] %ci %ft %b %s %ST %tsc %CC %CS %hr %hs %HM %HP %HQ %HV %{{+Q}}r\"\n"
    );
    for n in 0..BACKENDS {
        let _ = writeln!(out, "    use_backend b{n} if {{ path_beg /{n}/ }}");
    }
    for n in 0..BACKENDS {
        let _ = writeln!(out, "backend b{n}");
        let balance = ["uri", "uri depth 2", "uri whole", "url_param a", "hdr(x-a)", "source", "uri len 6"];
        // Requests without the parameter or header would go round, which no number repeats.
        let _ = writeln!(out, "    balance {}", balance[d.below(3)]);
        let _ = writeln!(
            out,
            "    hash-type {}",
            d.of(&["map-based", "consistent", "consistent djb2 avalanche"])
        );
        for _ in 0..=d.below(4) {
            out.push_str(&request_rule(d));
        }
        for _ in 0..d.below(3) {
            out.push_str(&response_rule(d));
        }
        if d.one_in(3) {
            let _ = writeln!(out, "    use-server s2 {}", condition(d));
        }
        for s in 1..=3 {
            let _ = writeln!(out, "    server s{s} {ORIGIN}:{} weight {}", 8000 + s, 1 + d.below(4));
        }
    }
    out
}

fn request(d: &mut Draw, backend: usize, case: &str) -> String {
    let path = d.of(&["", "x", "x/one/two", "dir/Sub/file.gif", "y//z", "%2Fa%20b", "x/%7euser", "three"]);
    let query = d.of(&["", "", "?a=1", "?a=two&b=three", "?b=&a=x+y%21", "?a=1&a=2&c"]);
    let method = d.of(&["GET", "GET", "GET", "HEAD", "OPTIONS", "DELETE"]);
    let mut out = format!("{method} /{backend}/{path}{query} HTTP/1.1\r\nx-case: {case}\r\n");
    let _ = write!(out, "Host: {}\r\n", d.of(&["example.com", "WWW.Example.com:8080", "[::1]:80"]));
    let optional = [
        ("X-A", &["one", "two words", "abcde", "o", "three/x"][..]),
        ("X-List", &["one, two,three", "four", "\"a,b\", c", ","]),
        ("x-list", &["five,six"]),
        ("X-N", &["7", "42abc", "-3", "x"]),
        ("X-IP", &["10.1.2.3", "192.0.2.1, 198.51.100.9", "bad"]),
        ("Cookie", &["c1=one", "c0=z; c1=\"q;r\"; c2=y", "c1=a; c1=b"]),
        ("Authorization", &["Basic am9lOnNlY3JldA==", "Basic am9lOm5v"]),
    ];
    for (name, values) in optional {
        if d.one_in(2) {
            let _ = write!(out, "{name}: {}\r\n", d.of(values));
        }
    }
    out + "\r\n"
}

/// What can be seen of one request.
#[derive(PartialEq, Debug)]
struct Seen {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    /// What servers got.
    arrived: Vec<Arrived>,
    log: String,
}

/// Server, method, target and headers of a request that a server got.
type Arrived = (String, String, String, Vec<(String, String)>);

fn arrived(origins: &[Origin], case: &str) -> Vec<Arrived> {
    let of = |(n, o): (usize, &Origin)| {
        let mine = o.requests().into_iter().filter(|r: &Recorded| r.header("x-case") == Some(case));
        mine.map(|r| (format!("s{}", n + 1), r.method, r.target, r.headers)).collect::<Vec<_>>()
    };
    origins.iter().enumerate().flat_map(of).collect()
}

fn play(program: Program, config: &str, requests: &[(String, String)]) -> Vec<Seen> {
    let mut stage = Stage::new(program).unwrap();
    let origins: Vec<Origin> =
        (1..=3).map(|n| stage.origin(&format!("origin {n}"), 8000 + n).unwrap()).collect();
    origins.iter().for_each(|o| o.set_recording(true));
    stage.start(config, PORT).unwrap();
    let mut seen = Vec::new();
    for (case, text) in requests {
        let mut client = stage.connect(PORT).unwrap();
        client.send(text).unwrap();
        let method = text.split(' ').next().unwrap();
        let response =
            client.response(method).unwrap_or_else(|e| panic!("{program:?}: {e}\n{text}\n{config}"));
        // The words of built-in pages are each program's own.
        let page = response.header("cache-control") == Some("no-cache")
            && response.header("content-type") == Some("text/html");
        let own =
            |n: &str| n.eq_ignore_ascii_case("date") || page && n.eq_ignore_ascii_case("content-length");
        let kept = response.headers.iter().filter(|(n, _)| !own(n));
        let headers = kept.map(|(n, v)| (n.to_ascii_lowercase(), v.clone())).collect();
        seen.push(Seen {
            status: response.status,
            headers,
            body: if page { String::new() } else { response.text() },
            arrived: arrived(&origins, case),
            log: String::new(),
        });
    }
    wait::until_true("every log line", PATIENCE, || stage.log.lines().len() >= requests.len()).unwrap();
    let lines = stage.log.lines();
    for ((case, _), seen) in requests.iter().zip(&mut seen) {
        let of_case = format!("]: {case} ");
        let line = lines.iter().find(|l| l.contains(&of_case)).map_or("", |l| l.as_str());
        // Before 3.0 an item that prints nothing left both spaces around it.
        let text = line.split_once("]: ").map_or("", |l| l.1);
        seen.log = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    seen
}

impl Seen {
    /// What differs, a line each.
    fn differences(&self, ours: &Seen) -> String {
        let mut out = String::new();
        let mut say = |what: &str, theirs: String, ours: String| {
            if theirs != ours {
                let _ = writeln!(out, "{what}\n  haproxy {theirs}\n  lbproxy {ours}");
            }
        };
        say("status", self.status.to_string(), ours.status.to_string());
        say("headers", format!("{:?}", self.headers), format!("{:?}", ours.headers));
        say("body", self.body.clone(), ours.body.clone());
        say("arrived", format!("{:?}", self.arrived), format!("{:?}", ours.arrived));
        say("log", self.log.clone(), ours.log.clone());
        out
    }
}

/// The section of one backend, for the message.
fn section(config: &str, n: usize) -> String {
    let from = config.find(&format!("backend b{n}\n")).unwrap_or(0);
    let text = &config[from..];
    text[..text[1..].find("backend b").map_or(text.len(), |i| i + 1)].to_owned()
}

fn compare(seed: u64) -> (usize, Vec<String>) {
    let mut d = Draw(seed);
    let config = configuration(&mut d);
    let mut requests = Vec::new();
    for n in 0..BACKENDS * REQUESTS_EACH {
        let case = format!("c{n}");
        let text = request(&mut d, n % BACKENDS, &case);
        requests.push((case, text));
    }
    let theirs = play(Program::Haproxy, &config, &requests);
    let ours = play(Program::Lbproxy, &config, &requests);
    let mut differing = Vec::new();
    for (n, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
        if theirs != ours {
            differing.push(format!(
                "seed {seed}\n{}\n{}{}",
                section(&config, n % BACKENDS),
                requests[n].1,
                theirs.differences(ours)
            ));
        }
    }
    (requests.len(), differing)
}

#[test]
fn rules_samples_and_servers_are_haproxys() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("DIFFERENTIAL_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("DIFFERENTIAL_CONFIGS").unwrap_or(CONFIGS)).collect(),
    };
    let (mut cases, mut differing) = (0, Vec::new());
    for seed in seeds {
        let (n, found) = compare(seed);
        cases += n;
        differing.extend(found);
    }
    let first = differing.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(differing.is_empty(), "{} of {cases} cases differ:\n{first}", differing.len());
}
