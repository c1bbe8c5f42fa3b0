use super::*;

fn at(text: &str) -> At<String> {
    At::new(text.to_owned(), Span::new(crate::source::FileId(0), 100, 100 + text.len() as u32))
}

#[test]
fn an_expression_has_a_fetch_and_converters_each_with_arguments_and_places() {
    let e = SampleExpr::parse(&at("req.hdr(host,-1),lower,map(/a,b)")).unwrap();
    assert_eq!(e.fetch.name.as_str(), "req.hdr");
    assert_eq!(e.fetch.args.iter().map(|a| a.as_str()).collect::<Vec<_>>(), ["host", "-1"]);
    assert_eq!(e.converters.len(), 2);
    assert_eq!(e.converters[0].name.span.lo, 100 + 17);
    assert_eq!(e.to_string(), "req.hdr(host,-1),lower,map(/a,b)");
}

#[test]
fn commas_and_parentheses_stay_in_a_quoted_argument() {
    let e = SampleExpr::parse(&at(r#"str("a,b)"),regsub('(x)',"\"")"#)).unwrap();
    assert_eq!(e.fetch.args[0].as_str(), "a,b)");
    assert_eq!(e.converters[0].args[0].as_str(), "(x)");
    assert_eq!(e.converters[0].args[1].as_str(), "\"");
    assert_eq!(SampleExpr::parse(&at(&e.to_string())).unwrap(), e);
}

#[test]
fn a_missing_parenthesis_is_pointed_at() {
    let e = SampleExpr::parse(&at("src,ipmask(24")).unwrap_err();
    assert_eq!((e.span.lo, e.span.hi), (110, 113));
    assert!(SampleExpr::parse(&at("src,")).is_err());
}

fn words_of(text: &str) -> Vec<At<String>> {
    words::split(text).unwrap().into_iter().map(|(w, _)| At::from(w)).collect()
}

#[test]
fn a_condition_is_alternatives_of_terms() {
    let c = Cond::parse(&words_of("if a !b || { path_beg -i /x /y } or !{ src 10.0.0.0/8 } ! c")).unwrap();
    assert_eq!(c.any.len(), 3);
    assert_eq!(c.to_string(), "if a !b || { path_beg -i /x /y } || !{ src 10.0.0.0/8 } !c");
    assert_eq!(Cond::try_from(c.to_string()).unwrap(), c);
}

#[test]
fn a_condition_without_acl_or_closing_brace_is_an_error() {
    for bad in ["if", "if a ||", "if || a", "if { path /x", "if !", "when a", "if { }"] {
        assert!(Cond::parse(&words_of(bad)).is_err(), "{bad}");
    }
}

#[test]
fn log_format_text_falls_into_literals_aliases_and_expressions() {
    let s = segments(&at("%ci:%cp %% %{+Q}[req.hdr(x),lower] %{+E}o%(n:sint)[src]end")).unwrap();
    let kinds: Vec<String> = s
        .iter()
        .map(|s| match &s.kind {
            SegmentKind::Text(t) => format!("'{t}'"),
            SegmentKind::Alias(a) => a.clone(),
            SegmentKind::Expr(e) => format!("[{e}]"),
            SegmentKind::Options => format!("{{{}}}", s.flags[0].as_str()),
        })
        .collect();
    let expected = ["ci", "':'", "cp", "' % '", "[req.hdr(x),lower]", "' '", "{+E}", "[src]", "'end'"];
    assert_eq!(kinds, expected);
    assert_eq!(s[7].name.as_ref().unwrap().as_str(), "n:sint");
}

#[test]
fn a_bracket_inside_an_argument_does_not_end_the_expression() {
    let s = segments(&at(r#"%[str("a]b")]"#)).unwrap();
    assert_eq!(s.len(), 1);
    assert!(segments(&at("%[src")).is_err());
    assert!(segments(&at("100% sure")).is_err());
}
