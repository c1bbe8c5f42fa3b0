use std::sync::Arc;

use super::*;
use crate::engine::{
    action::{Reply, header::Edit},
    conn::ConnInfo,
    logformat::{LogFormat, Mode},
    pattern::{Method, Patterns},
    sample::{
        Names, NoWorld,
        tests::{expr, name, request, text},
    },
    txn::Txn,
};

fn test(fetch: &str, arg: Option<&str>, method: Method, words: &[&str]) -> Arc<Acl> {
    let args = arg.map(|a| vec![name(a)]).unwrap_or_default();
    let patterns = Patterns::build(method, false, words).unwrap();
    Arc::new(Acl { tests: vec![Test { expr: expr(fetch, args, vec![]), patterns }], ..Acl::default() })
}

fn term(acl: &Arc<Acl>, negated: bool) -> Term {
    Term { negated, acl: acl.clone() }
}

fn rule(cond: Option<Cond>, action: Action) -> Rule {
    Rule { cond, action, place: 7 }
}

fn run(rules: &Rules, head: &mut crate::engine::http::Head) -> (Verdict, Txn) {
    let (conn, mut txn) = (ConnInfo::default(), Txn::default());
    let mut ctx = Ctx::new(&conn, &mut txn, Names::default(), &NoWorld);
    ctx.req = Some(head);
    let verdict = rules.run(&mut ctx);
    (verdict, txn)
}

#[test]
fn an_acl_tries_every_value_of_a_header() {
    let acl = test("req.hdr", Some("x"), Method::Str, &["b"]);
    let (conn, mut txn) = (ConnInfo::default(), Txn::default());
    let mut ctx = Ctx::new(&conn, &mut txn, Names::default(), &NoWorld);
    let mut head = request("GET", "/", &[("X", "a, b"), ("x", "c")]);
    ctx.req = Some(&mut head);
    assert_eq!(acl.test(&ctx), Truth::Yes);
    assert_eq!(test("req.hdr", Some("x"), Method::Str, &["d"]).test(&ctx), Truth::No);
}

#[test]
fn alternatives_of_terms_hold_as_written() {
    let (yes, no) =
        (test("always_true", None, Method::Bool, &[]), test("always_false", None, Method::Bool, &[]));
    let cond = |unless, any| Cond { unless, any };
    let (conn, mut txn) = (ConnInfo::default(), Txn::default());
    let ctx = Ctx::new(&conn, &mut txn, Names::default(), &NoWorld);
    assert!(cond(false, vec![vec![term(&yes, false), term(&no, true)]]).eval(&ctx));
    assert!(!cond(false, vec![vec![term(&yes, false), term(&no, false)]]).eval(&ctx));
    assert!(cond(false, vec![vec![term(&no, false)], vec![term(&yes, false)]]).eval(&ctx));
    assert!(cond(true, vec![vec![term(&no, false)]]).eval(&ctx));
    assert!(!cond(true, vec![vec![term(&yes, false)]]).eval(&ctx));
}

#[test]
fn what_may_still_come_is_waited_for_and_missing_once_nothing_comes() {
    let long = test("req.len", None, Method::Int, &["ge", "5"]);
    let cond = Cond { unless: false, any: vec![vec![term(&long, false)]] };
    let rules = Rules { rules: vec![rule(Some(cond), Action::Accept), rule(None, Action::Reject)] };
    let (conn, mut txn) = (ConnInfo::default(), Txn::default());
    let mut ctx = Ctx::new(&conn, &mut txn, Names::default(), &NoWorld);
    (ctx.body, ctx.more) = (Some(&b"abc"[..]), true);
    assert_eq!(rules.run(&mut ctx), Verdict::Wait { resume: 0, what: Waiting::Data });
    ctx.body = Some(b"abcde");
    assert_eq!(rules.resume(&mut ctx, 0), Verdict::Allow);
    (ctx.body, ctx.more) = (Some(&b"abc"[..]), false);
    assert_eq!(rules.resume(&mut ctx, 0), Verdict::Reject);
}

#[test]
fn rules_edit_until_a_final_one_and_its_place_is_kept() {
    let set = |n: &str, v: &str| {
        let f = |t: &str| LogFormat::text(t.as_bytes(), Mode::Header);
        Action::Header(Box::new(Edit::Set { name: f(n), value: f(v) }))
    };
    let rules = Rules {
        rules: vec![
            rule(None, set("X-One", "1")),
            rule(None, Action::Deny(Reply::page(403))),
            rule(None, set("X-Two", "2")),
        ],
    };
    let mut head = request("GET", "/", &[("x-one", "0")]);
    let (verdict, txn) = run(&rules, &mut head);
    assert!(matches!(verdict, Verdict::Deny(Answer { status: 403, .. })));
    assert_eq!(head.headers().collect::<Vec<_>>(), [(&b"X-One"[..], &b"1"[..])]);
    assert_eq!(txn.last_rule, Some(7));
}

#[test]
fn a_value_that_would_split_a_header_is_encoded() {
    let mut value = LogFormat { mode: Mode::Header, ..LogFormat::default() };
    value.items.push(crate::engine::logformat::Item {
        kind: crate::engine::logformat::Kind::Expr(Box::new(expr("str", vec![text("a\r\nX: b")], vec![]))),
        flags: Default::default(),
    });
    let edit = Edit::Set { name: LogFormat::text(b"x-a", Mode::Header), value };
    let rules = Rules { rules: vec![rule(None, Action::Header(Box::new(edit)))] };
    let mut head = request("GET", "/", &[]);
    run(&rules, &mut head);
    assert_eq!(head.header(b"x-a"), Some(&b"a%0D%0AX: b"[..]));
}
