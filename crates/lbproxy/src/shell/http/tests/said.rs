//! What the proxy says itself: pages, log lines before the end and of failures, names in another case; and whom
//! rules may choose.

use std::time::{Duration, Instant};

use super::{DEFAULTS, OK, proxy, untimed};
use crate::{
    admin::{
        command::{Reply, run},
        session::Session,
    },
    compile::plan::Level,
    shell::harness::{Client, Origin, Proxy},
};

const CLOSE: &str = "Connection: close\r\n\r\n";

fn get(p: &Proxy, path: &str) -> String {
    p.exchange(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{CLOSE}").as_bytes())
}

fn console(p: &Proxy, command: &str) -> String {
    let mut session = Session::new(Level::Admin);
    match run(&p.shared, &mut session, command, None) {
        Reply::Text(t) => t.trim_end().to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn an_http_error_line_makes_the_page_of_a_status() {
    let o = Origin::fixed(OK);
    let front = "  http-error status 403 content-type text/plain hdr X-Path %[path] lf-string \"no %[path]\"
  http-error status 404 hdr X-Only header
  http-request deny if { path /a }
  http-request deny deny_status 404 if { path /b }";
    let p = proxy(front, "", &o);
    let answer = get(&p, "/a");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("X-Path: /a\r\n") && answer.contains("content-type: text/plain\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nno /a"), "{answer}");
    let answer = get(&p, "/b");
    assert!(answer.contains("content-length: 0\r\n") && answer.contains("X-Only: header"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "no body was given, so there is none: {answer}");
}

#[test]
fn an_empty_page_ends_the_connection_without_a_word() {
    let o = Origin::fixed(OK);
    let p = proxy("  errorfile 403 /dev/null\n  http-request deny if { path /a }", "", &o);
    assert_eq!(get(&p, "/a"), "");
    assert!(p.log_line().contains(" 403 "), "the log has the status");
}

#[test]
fn logasap_writes_the_line_when_the_answer_begins() {
    let o = Origin::start(|_, c| {
        use std::io::Write as _;
        c.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").is_ok()
    });
    let p = proxy("  option logasap", "", &o);
    let mut c = p.connect();
    c.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    c.until("ab");
    // The body has not ended, and may never do so.
    let line = p.log_line();
    let words: Vec<&str> = line.split(' ').collect();
    assert!(words.iter().any(|w| w.contains("/+")), "the total time will still grow: {line}");
    assert!(words.iter().any(|w| w.starts_with('+')), "so will the bytes: {line}");
    assert!(line.contains("\"GET /slow HTTP/1.1\""));
}

#[test]
fn a_connection_without_its_proxy_header_is_logged_as_haproxy_does() {
    let text = |options: &str| {
        format!(
            "{DEFAULTS}\nfrontend f\n  bind 127.0.0.1:1 accept-proxy name one\n  log @LOG@ local0\n{options}\n"
        )
    };
    let p = Proxy::start(&text(""));
    assert_eq!(p.exchange(b"GET / HTTP/1.0\r\n\r\n"), "");
    let line = p.log_line();
    let wanted = "] f/one: Received something which does not look like a PROXY protocol header";
    assert!(line.ends_with(wanted), "{line}");
    let p = Proxy::start(&text("  error-log-format \"%[fc_err_name] %f\""));
    assert_eq!(p.exchange(b"nonsense\r\n\r\n"), "");
    assert_eq!(p.log_line(), "PRX_NOT_HDR f");
}

#[test]
fn header_names_are_sent_in_the_case_that_is_asked_for() {
    let o = Origin::fixed(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-id: 1\r\n\r\nok");
    let text = format!(
        "global\n  h1-case-adjust content-length Content-Length\n  h1-case-adjust x-id X-ID\n{DEFAULTS}
listen l\n  bind 127.0.0.1:1\n  option h1-case-adjust-bogus-client\n  server s {}\n",
        o.address
    );
    let p = Proxy::start(&text);
    let answer = get(&p, "/");
    assert!(answer.contains("Content-Length: 2\r\nX-ID: 1\r\n"), "{answer}");
}

#[test]
fn a_full_rate_keeps_connections_waiting_instead_of_refusing_them() {
    let text = format!(
        "{DEFAULTS}\nfrontend f\n  bind 127.0.0.1:1\n  rate-limit sessions 2\n  http-request return status 200\n"
    );
    let p = Proxy::start(&text);
    let begun = Instant::now();
    for _ in 0..5 {
        assert!(get(&p, "/").starts_with("HTTP/1.1 200"));
    }
    assert!(begun.elapsed() >= Duration::from_millis(500), "five of two a second take a while");
}

#[test]
fn rules_choose_published_backends_only_and_an_unknown_name_ends_the_search() {
    let text = format!(
        "{DEFAULTS}
frontend f
  bind 127.0.0.1:1
  force-be-switch if {{ hdr(x-force) 1 }}
  use_backend %[req.hdr(x-to)] if {{ req.hdr(x-to) -m found }}
  use_backend hidden
  use_backend off
  use_backend first
  default_backend last
backend hidden\n  be-unpublished\n  http-request return status 200 hdr x-be hidden
backend off\n  disabled\n  http-request return status 200 hdr x-be off
backend first\n  http-request return status 200 hdr x-be first
backend last\n  http-request return status 200 hdr x-be last
"
    );
    let p = Proxy::start(&text);
    let chosen = |header: &str| {
        let mut c = Client::connect(p.address(0));
        c.send(format!("GET / HTTP/1.1\r\n{header}Host: x\r\n{CLOSE}").as_bytes());
        let answer = c.rest();
        let line = answer.lines().find_map(|l| l.strip_prefix("x-be: ")).unwrap_or(&answer);
        line.to_owned()
    };
    assert_eq!(chosen(""), "first");
    assert_eq!(chosen("x-to: nobody\r\n"), "last");
    assert_eq!(chosen("x-to: hidden\r\n"), "first");
    assert_eq!(chosen("x-to: hidden\r\nx-force: 1\r\n"), "hidden");
    assert_eq!(console(&p, "publish backend hidden"), "Backend published.");
    assert_eq!(chosen(""), "hidden");
    assert_eq!(console(&p, "unpublish backend first"), "Backend unpublished.");
    assert_eq!(console(&p, "unpublish backend hidden"), "Backend unpublished.");
    assert_eq!(chosen(""), "last");
}

#[test]
fn a_change_of_a_map_is_seen_by_the_next_request() {
    let text = format!(
        "{DEFAULTS}\nfrontend f\n  bind 127.0.0.1:1\n  acl ok path -u 9 /a\n  http-request deny unless ok
  http-request return status 200 hdr x-v %[path,map(virt@m,none)]\n"
    );
    let p = Proxy::start(&text);
    assert!(get(&p, "/a").contains("x-v: none\r\n"));
    assert_eq!(console(&p, "add map virt@m /a one"), "");
    assert!(get(&p, "/a").contains("x-v: one\r\n"));
    assert_eq!(console(&p, "set map virt@m /a two"), "");
    assert!(get(&p, "/a").contains("x-v: two\r\n"));
    assert!(get(&p, "/b").starts_with("HTTP/1.1 403"));
    assert_eq!(console(&p, "add acl #9 /b"), "");
    assert!(get(&p, "/b").contains("x-v: none\r\n"));
    assert_eq!(console(&p, "clear acl #9"), "");
    assert!(get(&p, "/a").starts_with("HTTP/1.1 403"));
}

#[test]
fn old_rules_rewrite_and_judge_whole_lines() {
    let o = Origin::fixed(OK);
    let front = "  reqrep ^([^\\ ]*)\\ /old/(.*) \\1\\ /new/\\2
  reqidel ^x-secret:
  reqideny ^x-evil:\\ yes
  rspirep ^content-length:(.*) Content-Length:\\1";
    let p = proxy(front, "", &o);
    let answer = p.exchange(format!("GET /old/a HTTP/1.1\r\nHost: x\r\nX-Secret: 1\r\n{CLOSE}").as_bytes());
    assert!(answer.ends_with("ok"), "{answer}");
    let seen = o.requests();
    assert!(
        seen[0].starts_with("GET /new/a HTTP/1.1\r\nHost: x\r\n") && !seen[0].contains("X-Secret"),
        "{seen:?}"
    );
    let _ = untimed(&p.log_line());
    let answer = p.exchange(format!("GET / HTTP/1.1\r\nHost: x\r\nX-Evil: YES\r\n{CLOSE}").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[test]
fn the_address_that_was_called_goes_to_servers_that_ask_for_it() {
    let o = Origin::fixed(OK);
    let p = proxy("  option originalto header X-Called", "", &o);
    assert!(get(&p, "/").ends_with("ok"));
    assert!(o.requests()[0].contains("X-Called: 127.0.0.1\r\n"), "{:?}", o.requests());
    let p = proxy("  option originalto except 127.0.0.0/8", "", &o);
    assert!(get(&p, "/").ends_with("ok"));
    assert!(!o.requests()[1].contains("X-Original-To"), "{:?}", o.requests());
}
