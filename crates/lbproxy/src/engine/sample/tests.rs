use proptest::prelude::*;

use super::*;
use crate::engine::conn::Addr;

/// A request head with these fields.
pub(crate) fn request(method: &str, uri: &str, fields: &[(&str, &str)]) -> Head {
    let mut head = Head::default();
    assert!(head.set_method(method.as_bytes()) && head.set_uri(uri.as_bytes()));
    for (name, value) in fields {
        assert!(head.add(name.as_bytes(), value.as_bytes()));
    }
    head
}

pub(crate) fn name(text: &str) -> Arg {
    Arg::Name(crate::engine::http::HeaderId::of(text.as_bytes()), text.as_bytes().into())
}

pub(crate) fn text(text: &str) -> Arg {
    Arg::Str(text.as_bytes().into())
}

/// An expression made by hand, as compile makes it.
pub(crate) fn expr(fetch: &str, args: Vec<Arg>, steps: Vec<(&str, Vec<Arg>)>) -> Expr {
    let row = fetch::find(fetch).unwrap();
    let steps = steps
        .into_iter()
        .map(|(name, args)| {
            let c = convert::find(name).unwrap();
            Step { input: c.input, run: c.run, args: args.into() }
        })
        .collect();
    Expr { fetch: row.run, args: args.into(), steps, out: row.out, scope: row.scope, text: fetch.into() }
}

/// Evaluates against a request and gives the result as text.
pub(crate) fn eval(head: &mut Head, e: &Expr) -> Option<String> {
    let (conn, mut txn) = (ConnInfo::default(), Txn::default());
    let mut ctx = Ctx::new(&conn, &mut txn, Names::default(), &NoWorld);
    ctx.req = Some(head);
    let value = e.eval_as(&ctx, Type::Str)?;
    Some(String::from_utf8_lossy(&value.into_text()).into_owned())
}

fn convert(input: &str, step: &str, args: Vec<Arg>) -> Option<String> {
    eval(&mut Head::default(), &expr("str", vec![text(input)], vec![(step, args)]))
}

#[test]
fn the_request_line_falls_into_its_parts() {
    let mut h = request("GET", "/a/b?c=d&e", &[("Host", "Ex.ample:80")]);
    for (fetch, value) in [
        ("path", Some("/a/b")),
        ("pathq", Some("/a/b?c=d&e")),
        ("query", Some("c=d&e")),
        ("url", Some("/a/b?c=d&e")),
        ("base", Some("Ex.ample:80/a/b")),
        ("method", Some("GET")),
        ("req.ver", Some("1.1")),
        ("status", None),
        ("ssl_fc", Some("0")),
    ] {
        assert_eq!(eval(&mut h, &expr(fetch, vec![], vec![])).as_deref(), value, "{fetch}");
    }
    assert_eq!(eval(&mut request("GET", "/a?", &[]), &expr("query", vec![], vec![])).as_deref(), Some(""));
    assert_eq!(eval(&mut request("GET", "/a", &[]), &expr("query", vec![], vec![])), None);
}

#[test]
fn a_header_has_elements_and_occurrences() {
    let mut h = request("GET", "/", &[("X-A", "1, 2"), ("x-a", "3"), ("Other", "\"a,b\", c")]);
    let mut get = |fetch: &str, n: &str, occ: Option<i64>| {
        let mut args = vec![name(n)];
        args.extend(occ.map(Arg::Int));
        eval(&mut h, &expr(fetch, args, vec![]))
    };
    assert_eq!(get("req.hdr", "x-a", None).as_deref(), Some("3"));
    assert_eq!(get("req.hdr", "x-a", Some(1)).as_deref(), Some("1"));
    assert_eq!(get("req.hdr", "x-a", Some(-2)).as_deref(), Some("2"));
    assert_eq!(get("req.hdr", "x-a", Some(4)), None);
    assert_eq!(get("req.hdr", "x-a", Some(-4)), None);
    assert_eq!(get("req.fhdr", "x-a", Some(1)).as_deref(), Some("1, 2"));
    assert_eq!(get("req.hdr_cnt", "x-a", None).as_deref(), Some("3"));
    assert_eq!(get("req.fhdr_cnt", "x-a", None).as_deref(), Some("2"));
    assert_eq!(get("req.hdr", "other", Some(1)).as_deref(), Some("\"a,b\""));
    assert_eq!(get("req.hdr_cnt", "none", None).as_deref(), Some("0"));
}

/// The manual's own examples of chapter 7.3.1, and results that HAProxy 3.5 printed.
#[test]
fn converters_give_what_haproxy_gives() {
    let n = |i| Arg::Int(i);
    for (input, step, args, output) in [
        ("f1_f2_f3__f5", "field", vec![n(4), text("_")], Some("")),
        ("f1_f2_f3__f5", "field", vec![n(5), text("_")], Some("f5")),
        ("f1_f2_f3__f5", "field", vec![n(2), text("_"), n(0)], Some("f2_f3__f5")),
        ("f1_f2_f3__f5", "field", vec![n(2), text("_"), n(2)], Some("f2_f3")),
        ("f1_f2_f3__f5", "field", vec![n(-2), text("_"), n(3)], Some("f2_f3_")),
        ("f1_f2_f3__f5", "field", vec![n(-3), text("_"), n(0)], Some("f1_f2_f3")),
        ("f1_f2_f3__f5", "word", vec![n(4), text("_")], Some("f5")),
        ("f1_f2_f3__f5", "word", vec![n(5), text("_")], None),
        ("f1_f2_f3__f5", "word", vec![n(2), text("_"), n(0)], Some("f2_f3__f5")),
        ("f1_f2_f3__f5", "word", vec![n(3), text("_"), n(2)], Some("f3__f5")),
        ("f1_f2_f3__f5", "word", vec![n(-2), text("_"), n(3)], Some("f1_f2_f3")),
        ("f1_f2_f3__f5", "word", vec![n(-3), text("_"), n(0)], Some("f1_f2")),
        ("a=b&c=d&a=r", "param", vec![text("a")], Some("b")),
        ("a&b=c", "param", vec![text("a")], Some("")),
        ("a=1;b=2;c=4", "param", vec![text("b"), text(";")], Some("2")),
        ("mail.example.com.", "reverse_dom", vec![], Some("com.example.mail")),
        ("a..b", "reverse_dom", vec![], None),
        ("[::1]:80", "host_only", vec![], Some("[::1]")),
        ("HOST:80", "host_only", vec![], Some("host")),
        ("[::1]:80", "port_only", vec![], Some("80")),
        ("Very \"Ugly\" UA 1/2", "json", vec![text("utf8s")], Some("Very \\\"Ugly\\\" UA 1\\/2")),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "date", vec![], Some("784111777")),
        ("Sunday, 06-Nov-94 08:49:37 GMT", "date", vec![], Some("784111777")),
        ("Sun Nov  6 08:49:37 1994", "date", vec![], Some("784111777")),
        ("784111777", "http_date", vec![], Some("Sun, 06 Nov 1994 08:49:37 GMT")),
        ("7", "div", vec![n(0)], Some("9223372036854775807")),
        ("7", "mod", vec![n(0)], Some("0")),
        ("fr-CA,en;q=0.9,de;q=0", "language", vec![text("de;en;fr")], Some("fr")),
        ("de;q=0", "language", vec![text("de;en"), text("en")], Some("en")),
        ("a%20b+c?d+e", "url_dec", vec![], Some("a b+c?d e")),
        ("a b/ü", "url_enc", vec![], Some("a%20b%2F%C3%BC")),
        ("aGVsbG8=", "b64dec", vec![], Some("hello")),
    ] {
        assert_eq!(convert(input, step, args.clone()).as_deref(), output, "{input} {step} {args:?}");
    }
}

#[test]
fn a_variable_set_on_the_way_is_there_for_the_next_expression() {
    let (conn, mut txn) = (ConnInfo::default(), Txn::default());
    let ctx = Ctx::new(&conn, &mut txn, Names::default(), &NoWorld);
    let var = var::Var::parse("txn.v").unwrap();
    let set = expr("str", vec![text("x")], vec![("set-var", vec![Arg::Var(var.clone())]), ("upper", vec![])]);
    assert_eq!(set.eval(&ctx), Some(Value::string("X")));
    assert_eq!(expr("var", vec![Arg::Var(var)], vec![]).eval(&ctx), Some(Value::string("x")));
}

/// RFC 8446 section 4.1.2, cut short at every byte: an incomplete hello is waited for, never misread.
#[test]
fn a_client_hello_names_its_server_once_it_is_complete() {
    let mut ext = vec![0, 0, 0, 10, 0, 8, 0, 0, 5];
    ext.extend(b"h.com");
    ext.extend([0, 16, 0, 5, 0, 3, 2, b'h', b'2']);
    let mut body = vec![3, 3];
    body.extend([0; 32]);
    body.extend([0, 0, 2, 19, 1, 1, 0]);
    body.extend((ext.len() as u16).to_be_bytes());
    body.extend(&ext);
    let mut hello = vec![22, 3, 1];
    hello.extend((body.len() as u16 + 4).to_be_bytes());
    hello.extend([1, 0]);
    hello.extend((body.len() as u16).to_be_bytes());
    hello.extend(&body);
    let (conn, mut txn) = (ConnInfo::default(), Txn::default());
    let mut ctx = Ctx::new(&conn, &mut txn, Names::default(), &NoWorld);
    ctx.more = true;
    for cut in 0..=hello.len() {
        ctx.body = Some(&hello[..cut]);
        let mut cursor = Cursor::default();
        let e = expr("req.ssl_sni", vec![], vec![]);
        let found = e.next(&ctx, &mut cursor);
        assert_eq!(found.is_some(), cut == hello.len());
        assert_eq!(cursor.unsettled, cut < hello.len());
        if let Some(v) = found {
            assert_eq!(v, Value::str(b"h.com"));
            assert_eq!(expr("req.ssl_alpn", vec![], vec![]).eval(&ctx), Some(Value::string("h2")));
            assert_eq!(expr("req.ssl_hello_type", vec![], vec![]).eval(&ctx), Some(Value::Int(1)));
            assert_eq!(expr("req.ssl_ver", vec![], vec![]).eval(&ctx), Some(Value::Int(0x30003)));
        }
    }
}

fn any_arg() -> impl Strategy<Value = Arg> {
    prop_oneof![
        any::<i64>().prop_map(Arg::Int),
        (-5i64..6).prop_map(Arg::Int),
        any::<Vec<u8>>().prop_map(|b| Arg::Str(b.into())),
        "[a-z-]{1,6}".prop_map(|t| name(&t)),
        Just(Arg::Var(var::Var::parse("txn.x").unwrap())),
        Just(Arg::None),
        any::<u32>().prop_map(Arg::Mask4),
        Just(Arg::Backend(None)),
    ]
}

proptest! {
    /// Arguments that compile would refuse must do no harm either.
    #[test]
    fn no_fetch_panics(args in prop::collection::vec(any_arg(), 0..4), uri in "[!-~]{1,20}",
        fields in prop::collection::vec(("[a-zA-Z-]{1,8}|cookie|host|authorization", "[ -~]{0,20}"), 0..6),
        body: Vec<u8>, more: bool, responding: bool, seed: u64, each: bool) {
        let (conn, mut txn) = (ConnInfo { src: Addr::Inet("1.2.3.4:5".parse().unwrap()), ..ConnInfo::default() }, Txn::default());
        let mut req = request("GET", &uri, &[]);
        for (n, v) in &fields {
            req.add(n.as_bytes(), v.as_bytes());
        }
        let mut res = req.clone();
        res.status = 200;
        txn.request_line = format!("GET {uri} HTTP/1.1").into_bytes();
        let mut ctx = Ctx::new(&conn, &mut txn, Names::default(), &NoWorld);
        (ctx.req, ctx.res, ctx.body) = (Some(&mut req), Some(&mut res), Some(&body[..]));
        (ctx.more, ctx.responding, ctx.seed) = (more, responding, seed);
        for f in fetch::all() {
            let mut cursor = Cursor { each, ..Cursor::default() };
            for _ in 0..50 {
                cursor.again = false;
                let _ = (f.run)(&ctx, Args(&args), &mut cursor);
                if !cursor.again {
                    break;
                }
            }
            prop_assert!(!cursor.again, "{} goes on for ever", f.name);
        }
    }

    #[test]
    fn no_converter_panics(args in prop::collection::vec(any_arg(), 0..4), bytes: Vec<u8>, n: i64) {
        let (conn, mut txn) = (ConnInfo::default(), Txn::default());
        let ctx = Ctx::new(&conn, &mut txn, Names::default(), &NoWorld);
        for c in convert::all() {
            for v in [Value::str(&bytes), Value::bin(&bytes), Value::Int(n), Value::V4([1, 2, 3, 4].into())] {
                if let Some(v) = v.cast(c.input) {
                    let _ = (c.run)(v, Args(&args), &ctx);
                }
            }
        }
    }

    #[test]
    fn base64_and_percent_encoding_come_back(bytes: Vec<u8>) {
        let (conn, mut txn) = (ConnInfo::default(), Txn::default());
        let ctx = Ctx::new(&conn, &mut txn, Names::default(), &NoWorld);
        for (there, back) in [("base64", "b64dec"), ("ub64enc", "ub64dec")] {
            let e = (convert::find(there).unwrap().run)(Value::bin(&bytes), Args(&[]), &ctx).unwrap();
            let d = (convert::find(back).unwrap().run)(e, Args(&[]), &ctx).unwrap();
            prop_assert_eq!(d, Value::bin(&bytes));
        }
    }
}
