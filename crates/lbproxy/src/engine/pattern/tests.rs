use proptest::prelude::*;

use super::{regex::expand, *};

fn set(method: Method, no_case: bool, words: &[&str]) -> Patterns {
    Patterns::build(method, no_case, words).unwrap()
}

fn hit(method: Method, words: &[&str], value: &str) -> bool {
    set(method, false, words).matches(&Value::str(value.as_bytes()))
}

/// The manual's own examples of chapter 7.1.3.
#[test]
fn directories_and_domains_match_between_delimiters_only() {
    let path = "/images/png/logo/32x32.png";
    for yes in ["/images", "/images/png", "images/png", "/png/logo", "logo/32x32.png", "32x32.png"] {
        assert!(hit(Method::Dir, &[yes], path), "{yes}");
    }
    assert!(!hit(Method::Dir, &["32x32"], path));
    let url = "http://www1.dc-eu.example.com:80/blah";
    for yes in ["http", "www1", ".www1", "dc-eu", "example", "com", "80", "dc-eu.example", "blah", ":www1:"] {
        assert!(hit(Method::Dom, &[yes], url), "{yes}");
    }
    assert!(!hit(Method::Dom, &["eu"], url) && !hit(Method::Dom, &["dc"], url));
}

#[test]
fn integers_match_values_ranges_and_operators() {
    let m = |words: &[&str], n| set(Method::Int, false, words).matches(&Value::Int(n));
    assert!(m(&["80", "443"], 443) && !m(&["80", "443"], 81));
    assert!(m(&["1024:65535"], 1024) && m(&[":1023"], 0) && !m(&["1024:"], 1023));
    assert!(
        m(&["lt", "0"], -1)
            && !m(&["lt", "0"], 0)
            && m(&["ge", "5"], 5)
            && !m(&["gt", "5"], 5)
            && m(&["le", "5"], 5)
    );
    assert!(m(&["3:3.1"], 0x30001) || m(&["3.0:3.1"], 0x30001));
    assert_eq!(Patterns::build(Method::Int, false, &["1", "x"]).unwrap_err().0, 1);
}

#[test]
fn networks_match_across_families_and_short_forms() {
    let m =
        |words: &[&str], ip: &str| set(Method::Ip, false, words).matches(&Value::addr(ip.parse().unwrap()));
    assert!(m(&["10.0.0.0/8"], "10.1.2.3") && !m(&["10.0.0.0/8"], "11.1.2.3"));
    assert!(m(&["127.1"], "127.0.0.1") && m(&["192.168.1/22"], "192.168.3.9"));
    assert!(m(&["10.0.0.0/255.0.0.0"], "10.9.9.9"));
    assert!(m(&["::ffff:10.0.0.0/104"], "10.1.2.3") && m(&["10.0.0.0/8"], "::ffff:10.1.2.3"));
    assert!(m(&["2001:db8::/32"], "2001:db8:1::1") && !m(&["2001:db8::/32"], "2001:db9::1"));
    assert!(m(&["0.0.0.0/0"], "1.2.3.4"));
    assert!(Patterns::build(Method::Ip, false, &["10.0.0.256"]).is_err());
    assert!(Patterns::build(Method::Ip, false, &["10.0.0.0/33"]).is_err());
}

#[test]
fn a_longer_network_or_prefix_wins_over_a_shorter_one() {
    let nets = set(Method::Ip, false, &["10.0.0.0/8", "10.1.0.0/16"]);
    assert_eq!(nets.find(&Value::addr("10.1.2.3".parse().unwrap())), Some(1));
    let begs = set(Method::Beg, false, &["/a", "/a/b"]);
    assert_eq!(begs.find(&Value::str(b"/a/b/c")), Some(1));
}

#[test]
fn expressions_that_pcre_reads_compile_and_match() {
    let m = |re: &str, text: &str| Regex::new(re, false).unwrap().is_match(text.as_bytes());
    assert!(m(r"^/a{2}$", "/aa") && m(r"^{x}$", "{x}") && m(r"a{,5}b", "a{,5}b"));
    assert!(m(r"^[[a]$", "[") && m(r"^[a&&b]+$", "a&b") && m(r"^[]x]$", "]") && m(r"^[^]x]$", "y"));
    assert!(m(r"^[[:digit:]]+$", "123") && m(r"\.(gif|png)$", "x.png") && m(r"^(?i)AbC", "aBc"));
    assert!(m(r"^/(?!admin)", "/user") && !m(r"^/(?!admin)", "/admin"));
    assert!(m(r"(a)\1", "aa") && m(r"\/x\/", "/x/"));
    assert!(Regex::new("(", false).is_err());
}

#[test]
fn replacements_take_groups_and_escapes() {
    let re = Regex::new(r"^/(\w+)/(\w+)", false).unwrap();
    let g = re.groups(b"/one/two", 0).unwrap();
    let mut out = Vec::new();
    expand(br"\2-\1-\0-\9-\\-\x41", b"/one/two", &g, &mut out);
    assert_eq!(out, br"two-one-/one/two--\-A");
}

fn naive(method: Method, no_case: bool, patterns: &[String], text: &str) -> bool {
    let fold = |s: &str| if no_case { s.to_ascii_lowercase() } else { s.to_owned() };
    let text = fold(text);
    patterns.iter().map(|p| fold(p)).any(|p| match method {
        Method::Beg => text.starts_with(&p),
        Method::End => text.ends_with(&p),
        Method::Sub => text.contains(&p),
        _ => text == p,
    })
}

proptest! {
    #[test]
    fn text_sets_of_any_size_answer_as_comparing_one_by_one(
        patterns in prop::collection::vec("[abAB/.]{0,4}", 0..20),
        text in "[abAB/.]{0,8}",
        no_case: bool,
        which in 0usize..4,
    ) {
        let method = [Method::Str, Method::Beg, Method::End, Method::Sub][which];
        let set = Patterns::build(method, no_case, &patterns).unwrap();
        prop_assert_eq!(set.matches(&Value::str(text.as_bytes())), naive(method, no_case, &patterns, &text));
    }

    #[test]
    fn no_pattern_text_panics(words in prop::collection::vec(any::<Vec<u8>>(), 0..4), value: Vec<u8>, no_case: bool) {
        for &m in Method::ALL {
            if let Ok(set) = Patterns::build(m, no_case, &words) {
                let _ = set.matches(&Value::bin(&value));
            }
        }
    }

    #[test]
    fn no_expression_panics(re in ".{0,24}", subject: Vec<u8>) {
        if let Ok(re) = Regex::new(&re, true)
            && let Some(g) = re.groups(&subject, 0)
        {
            expand(br"\0\1\x4", &subject, &g, &mut Vec::new());
        }
    }
}
