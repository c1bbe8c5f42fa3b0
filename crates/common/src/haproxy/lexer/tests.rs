use proptest::prelude::*;

use super::*;

fn lex(line: &str) -> Result<Vec<String>, String> {
    let vars = [("A", "x"), ("EMPTY", ""), ("LIST", "a b  c")];
    let env = Env::new(vars.map(|(k, v)| (k.to_owned(), v.to_owned())));
    let mut diags = Diagnostics::default();
    let here = Here { file_name: "t.cfg", line: 7, section: "web" };
    let origin = Origin { file: FileId(0), offset: 0 };
    match words(line, origin, &env, here, &mut diags) {
        Some(w) => {
            assert!(diags.is_empty());
            Ok(w.into_iter().map(|w| w.value).collect())
        }
        None => Err(diags.iter().map(|d| d.message.clone()).collect()),
    }
}

/// Each line below was also given to HAProxy 3.5, which cuts it the same way.
#[test]
fn words_are_cut_as_haproxy_cuts_them() {
    for (line, expected) in [
        (r"a\x41b", vec!["aAb"]),
        (r"realm HAProxy\ Statistics", vec!["realm", "HAProxy Statistics"]),
        (r#""${EMPTY}"x"#, vec!["x"]),
        ("$A", vec!["$A"]),
        (r#""$A.b" ${A}"#, vec!["x.b", "${A}"]),
        (r"a\qb", vec![r"a\qb"]),
        (r#""a\qb""#, vec![r"a\qb"]),
        (r"a\", vec![r"a\"]),
        (r#"a"b"'c'"#, vec!["abc"]),
        (r#""\$A" \$A"#, vec!["$A", r"\$A"]),
        (r"a\#b #c", vec!["a#b"]),
        ("a#b c", vec!["a"]),
        (r#""a\nb" 'a\nb'"#, vec!["a\nb", r"a\nb"]),
        (r#""a'b""#, vec!["a'b"]),
        (r#""${.LINE} $.FILE ${.SECTION}""#, vec!["7 t.cfg web"]),
        (r#""\x24A""#, vec!["$A"]),
        (r#""${LIST}""#, vec!["a b  c"]),
        (r#""p${LIST[*]}q" z"#, vec!["pa", "b", "cq", "z"]),
        (r#""${EMPTY[*]}" z"#, vec!["z"]),
        (r#""x${NOPE[*]}""#, vec!["x"]),
        (r#""${NOPE-def ault}" "${NOPE-}x" "${EMPTY-d}" "${A-d}""#, vec!["def ault", "x", "", "x"]),
        (r#""${NOPE[*]-d e}""#, vec!["d", "e"]),
        (r#""${NOPE-a[*]}" "${NOPE-$A}" "${NOPE-a"b}""#, vec!["a[*]", "$A", "a\"b"]),
        (r#""" b"#, vec!["", "b"]),
        ("a\tb\r", vec!["a", "b"]),
        (r"\xc3\xa9", vec!["é"]),
    ] {
        assert_eq!(lex(line), Ok(expected.iter().map(|s| s.to_string()).collect()), "{line}");
    }
}

#[test]
fn lines_that_haproxy_refuses_are_refused() {
    for line in [
        r#""$""#,
        r#""${}""#,
        r#""${1x}""#,
        r#""${A""#,
        r#""$1""#,
        r#""${A[*}""#,
        r#""${A }""#,
        r#""${.FOO}""#,
        r#""${A.1}""#,
        r"a\x4g",
        r#""abc"#,
        "'abc",
        "a\0b",
    ] {
        assert!(lex(line).is_err(), "{line}");
    }
    assert!(lex(&"w ".repeat(WORDS_MAX)).is_ok());
    assert!(lex(&"w ".repeat(WORDS_MAX + 1)).is_err());
}

proptest! {
    #[test]
    fn no_line_makes_it_panic_and_plain_words_come_back(line in "[ -~\t\\x00é\"'$\\\\{}]{0,80}") {
        let _ = lex(&line);
    }

    #[test]
    fn strongly_quoted_text_is_one_word(text in "[^'\n\0]{1,40}") {
        prop_assume!(!text.contains('\r'));
        let quoted = format!("'{text}'");
        prop_assert_eq!(lex(&quoted), Ok(vec![text]));
    }
}
