use super::*;

fn page() -> StatsPage {
    StatsPage { uri: "/s".into(), refresh_s: 5, ..StatsPage::default() }
}

#[test]
fn options_are_read_behind_the_address_and_written_back() {
    let p = page();
    let o = Options::read(&p, b"/s;up;norefresh;csv?scope=a%26b");
    assert!(o.up && !o.refresh && o.form == Form::Csv);
    assert_eq!(o.scope.as_deref(), Some("a&b"));
    assert_eq!(o.link(&p, |_| {}), "/s;up;norefresh?scope=a%26b");
    assert_eq!(o.link(&p, |o| o.said = Some("DONE".into())), "/s;st=DONE;up;norefresh?scope=a%26b");
    assert_eq!(Options::read(&p, b"/s").link(&p, |_| {}), "/s");
}

#[test]
fn the_password_is_asked_for_and_compared_whole() {
    let mut p = page();
    assert!(is_known(&p, None));
    p.auth = vec![("admin".into(), "a:b".into()), ("x".into(), "y".into())];
    let basic = |s: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(s));
    for (given, known) in
        [("admin:a:b", true), ("x:y", true), ("admin:a", false), ("admin:a:bc", false), ("", false)]
    {
        assert_eq!(is_known(&p, Some(basic(given).as_bytes())), known, "{given}");
    }
    assert!(!is_known(&p, None));
    assert!(!is_known(&p, Some(b"Bearer YWRtaW46YTpi")));
    assert!(!is_known(&p, Some(b"Bas")));
}

#[test]
fn forms_of_other_sites_do_nothing() {
    let mut r = Request {
        method: b"POST",
        target: b"/s",
        authorization: None,
        host: Some(b"lb.example:9000"),
        origin: None,
        body: b"",
        admin: true,
        proxy: "p",
    };
    assert!(!is_foreign(&r));
    for (origin, foreign) in [
        (&b"http://lb.example:9000"[..], false),
        (b"https://LB.example:9000", false),
        (b"http://lb.example", true),
        (b"http://evil.example", true),
        (b"null", true),
    ] {
        r.origin = Some(origin);
        assert_eq!(is_foreign(&r), foreign, "{}", String::from_utf8_lossy(origin));
    }
}

#[test]
fn only_its_methods_and_its_address_are_the_pages() {
    let p = page();
    assert!(is_asked(&p, b"GET", b"/s;csv") && is_asked(&p, b"HEAD", b"/s") && is_asked(&p, b"POST", b"/sx"));
    assert!(!is_asked(&p, b"PUT", b"/s") && !is_asked(&p, b"GET", b"/t/s"));
}

#[test]
fn text_of_the_configuration_cannot_become_markup() {
    assert_eq!(html::escape("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    assert_eq!(html::grouped(1_234_567), "1\u{202f}234\u{202f}567");
    assert_eq!(html::bytes(1_536), "1.5 KiB");
    assert_eq!(html::duration(3_700), "1h 1m");
}

#[test]
fn a_form_is_decoded() {
    let got: Vec<_> = act::fields(b"s=a%20b&s=c+d&action=drain&b=%232&&x").collect();
    let want = [("s", "a b"), ("s", "c d"), ("action", "drain"), ("b", "#2"), ("x", "")];
    assert_eq!(got, want.map(|(a, b)| (a.to_owned(), b.to_owned())));
}
