use proptest::prelude::*;

use super::*;

fn line(text: &str) -> Line {
    Line::new(FileId(0), 0, text.get(..before_comment(text)).unwrap())
}

fn texts(text: &str) -> Vec<String> {
    words(&line(text)).words.into_iter().map(|w| w.text).collect()
}

#[test]
fn quotes_join_blanks_and_vanish_wherever_they_stand() {
    assert_eq!(texts(r#"abcd" efg h jkl "mnop"#), ["abcd efg h jkl mnop"]);
    assert_eq!(texts(r#"abcd "efg h jkl" mnop"#), ["abcd", "efg h jkl", "mnop"]);
    assert_eq!(texts(r#"'a "b" c' d"#), [r#"a "b" c"#, "d"]);
}

#[test]
fn a_comment_begins_anywhere_outside_quotes() {
    assert_eq!(texts("virtual_router_id 51! why"), ["virtual_router_id", "51"]);
    assert_eq!(texts("interface eth0#x"), ["interface", "eth0"]);
    assert_eq!(texts(r#"script "a # b ! c" # d"#), ["script", "a # b ! c"]);
    assert_eq!(texts("   ! all of it"), Vec::<String>::new());
}

#[test]
fn escapes_in_quotes_are_decoded_as_the_manual_lists_them() {
    assert_eq!(texts(r#""\x41\101\t\cC\\\"\q""#), ["AA\t\x03\\\"q"]);
    assert_eq!(texts(r#""\a\b\E\f\n\r\v""#), ["\x07\x08\x1b\x0c\n\r\x0b"]);
    assert_eq!(texts(r"a\b"), [r"a\b"], "outside quotes a backslash is text");
}

#[test]
fn a_brace_is_a_word_of_its_own_unless_it_is_quoted_or_a_parameter() {
    assert_eq!(texts("vrrp_instance VI_1{"), ["vrrp_instance", "VI_1", "{"]);
    assert_eq!(texts("{ 10.1.0.9}}"), ["{", "10.1.0.9", "}", "}"]);
    assert_eq!(texts(r#"script "a { b }""#), ["script", "a { b }"]);
    assert_eq!(texts("10.0.${SUB}.1 {"), ["10.0.${SUB}.1", "{"]);
}

#[test]
fn an_open_quote_takes_the_rest_of_the_line_and_is_told() {
    let found = words(&line("notify \"a b"));
    assert_eq!(found.words.len(), 2);
    assert_eq!(found.open_quote, Some(Span::new(FileId(0), 7, 11)));
}

#[test]
fn a_command_is_split_as_keepalived_splits_it() {
    // What keepalived 2.4 shows for these with --dump-conf.
    assert_eq!(
        command(r#""/usr/bin/echo 'a b' \"c\" d\x41\101 { }""#),
        ["/usr/bin/echo", "a b", "\"c\"", "dAA", "{", "}"]
    );
    assert_eq!(command(r#"'/usr/bin/echo a "b  c" d'"#), ["/usr/bin/echo", "a", "b  c", "d"]);
    assert_eq!(command(r#"/usr/bin/ec"ho a b""#), ["/usr/bin/echo", "a", "b"]);
    assert_eq!(
        command(r#""/usr/bin/echo ' spaces\\x20f\x69le ' '\"s p a c e \"' x.low""#),
        ["/usr/bin/echo", " spaces\\x20file ", "\"s p a c e \"", "x.low"]
    );
    assert_eq!(command(r#""echo a\'b c\\ d""#), ["echo", "a'b", "c\\", "d"]);
    assert_eq!(command(r#""""#), Vec::<String>::new());
}

#[test]
fn replaced_text_points_at_what_it_replaced() {
    let source = line("10.0.${A}.1 dev");
    let mut done = source.part(0..5);
    done.push_replaced("77", source.span(5..9));
    done.push_part(&source, 9..source.text.len());
    assert_eq!(done.text, "10.0.77.1 dev");
    let found = words(&done).words;
    assert_eq!(found[0].span, Span::new(FileId(0), 0, 11));
    assert_eq!(found[1].span, Span::new(FileId(0), 12, 15));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_line_is_read_without_panic(text in "[^\\n]{0,60}") {
        let _ = words(&line(&text));
        let _ = command(&text);
    }

    #[test]
    fn words_that_are_quoted_come_back(list in prop::collection::vec("[^\\n\\r]{1,12}", 1..6)) {
        let quoted: Vec<String> =
            list.iter().map(|w| format!("\"{}\"", w.replace('\\', "\\\\").replace('"', "\\\""))).collect();
        prop_assert_eq!(texts(&quoted.join(" ")), list);
    }

    #[test]
    fn the_span_of_a_plain_word_is_its_text(list in prop::collection::vec("[a-z0-9_./:-]{1,12}", 1..8)) {
        let text = list.join("  ");
        for w in words(&line(&text)).words {
            prop_assert_eq!(&text[w.span.lo as usize..w.span.hi as usize], w.text.as_str());
        }
    }
}
