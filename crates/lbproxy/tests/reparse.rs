//! What is forwarded, read again by ourselves and by hyper, is one and the same request.
//!
//! Requests are made from pieces that parsers are known to differ about. What must hold of them is what the fuzzer
//! checks of any bytes; `tests/fuzz/targets/http.rs` says it.

use proptest::prelude::*;

#[allow(dead_code, reason = "the module holds the checks of other targets too")]
#[path = "../../../tests/fuzz/targets/http.rs"]
mod targets;
use targets::{http_forward, passes};

fn line_end() -> impl Strategy<Value = &'static str> {
    prop_oneof![12 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("\r\r\n"), 1 => Just("\r\n ")]
}

fn start_line() -> impl Strategy<Value = String> {
    let method = prop_oneof![4 => Just("GET"), 4 => Just("POST"), 1 => Just("HEAD"), 1 => Just("DELETE"), 1 => Just("M-X")];
    let target = prop_oneof![
        6 => "/[a-z?=&%;]{0,12}",
        1 => Just("http://a/x".to_owned()),
        1 => Just("http://a:80".to_owned()),
        1 => "/[ -~]{0,8}",
    ];
    let version = prop_oneof![8 => Just("HTTP/1.1"), 1 => Just("HTTP/1.0"), 1 => Just("HTTP/1.3"), 1 => Just("HTTP/2.0"), 1 => Just("")];
    (method, prop_oneof![8 => Just(" "), 1 => Just("  "), 1 => Just("\t")], target, version)
        .prop_map(|(m, gap, t, v)| format!("{m}{gap}{t} {v}"))
}

fn field() -> impl Strategy<Value = String> {
    let length = prop_oneof![Just("3"), Just("0"), Just("03"), Just("3, 3"), Just("+3"), Just("4"), Just("")];
    let coding = prop_oneof![3 => Just("chunked"), 1 => Just("Chunked"), 1 => Just("gzip, chunked"), 1 => Just("\x0bchunked"), 1 => Just("identity")];
    prop_oneof![
        3 => length.prop_map(|v| format!("Content-Length: {v}")),
        3 => coding.prop_map(|v| format!("Transfer-Encoding: {v}")),
        1 => Just("transfer-encoding : chunked".to_owned()),
        1 => Just("Connection: close, X-A".to_owned()),
        1 => Just("TE: gzip, trailers".to_owned()),
        1 => Just("Host: a".to_owned()),
        4 => "[A-Za-z-]{1,8}:[ \t]{0,2}[ -~]{0,12}",
        1 => "[ -~]{0,10}",
    ]
}

fn body() -> impl Strategy<Value = String> {
    let chunk = prop_oneof![
        6 => Just("3\r\nabc\r\n"),
        1 => Just("003;a=b\r\nabc\r\n"),
        1 => Just("3\nabc\r\n"),
        1 => Just("3 \r\nabc\r\n"),
    ];
    let end = prop_oneof![6 => Just("0\r\n\r\n"), 1 => Just("0\r\nT: v \r\n\r\n"), 1 => Just("00;x\r\n\r\n"), 1 => Just("0\n\n")];
    prop_oneof![
        3 => Just(String::new()),
        3 => Just("abc".to_owned()),
        4 => (proptest::collection::vec(chunk, 0..3), end).prop_map(|(c, e)| c.concat() + e),
    ]
}

fn request() -> impl Strategy<Value = String> {
    let fields = proptest::collection::vec((field(), line_end()), 0..5);
    (start_line(), line_end(), fields, body()).prop_map(|(line, end, fields, body)| {
        let fields: String = fields.into_iter().map(|(f, e)| f + e).collect();
        format!("{line}{end}Host: a\r\n{fields}\r\n{body}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_forwarded_is_read_alike(raw in proptest::collection::vec(request(), 1..3)) {
        http_forward(raw.concat().as_bytes());
    }

    /// The same for any bytes behind a good beginning.
    #[test]
    fn whatever_follows_a_good_beginning(
        raw in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b':'), Just(b'0'), Just(b' '), any::<u8>()], 0..60),
    ) {
        let start = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
        http_forward(&[&start[..], &raw].concat());
        http_forward(&[&b"GET / HTTP/1.1\r\n"[..], &raw, b"\r\n\r\n"].concat());
    }
}

/// The strategies make what they are for: requests that pass, and such that do not.
#[test]
fn some_of_the_requests_pass() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let made = (0..500).map(|_| request().new_tree(&mut runner).unwrap().current());
    let passed = made.filter(|r| passes(r.as_bytes())).count();
    assert!((50..450).contains(&passed), "{passed} of 500 pass");
}
