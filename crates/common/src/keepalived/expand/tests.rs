use proptest::prelude::*;

use super::*;
use crate::source::FileId;

fn run(text: &str, id: &str) -> (Vec<String>, Vec<String>) {
    let mut env = Env { config_id: id.to_owned(), ..Env::default() };
    env.variables.insert("HOME".to_owned(), "/root".to_owned());
    let mut diags = Diagnostics::default();
    let mut expander = Expander::new(&env);
    expander.directory = "/etc/ka".to_owned();
    let mut lo = 0;
    for line in text.lines() {
        expander.feed(&Line::new(FileId(0), lo, line), &mut diags);
        lo += line.len() + 1;
    }
    expander.finish();
    let said = diags.iter().map(|d| d.message.clone()).collect();
    (expander.lines.into_iter().map(|l| l.text).collect(), said)
}

#[track_caller]
fn check(text: &str, expect: &[&str]) {
    let (lines, said) = run(text, "main");
    assert_eq!(lines, expect);
    assert_eq!(said, Vec::<String>::new());
}

#[test]
fn a_line_for_another_configuration_id_is_dropped() {
    check("@main priority 1\n@backup priority 2\n@^main a\n@^backup b\n@ c\n@main", &["priority 1", "b"]);
}

#[test]
fn a_parameter_is_replaced_when_used_and_not_when_defined() {
    check("$B=10.2.${S}\n$S=0\n${B}.100/32\n$S=10\n${B}.100/32", &["10.2.0.100/32", "10.2.10.100/32"]);
}

#[test]
fn the_bare_form_needs_a_blank_after_it_and_an_undefined_parameter_stays() {
    check("$A=5\nx $A y $A.c ${A}c $A", &["x 5 y $A.c 5c 5"]);
    check("script \"echo $UNDEF ${UNDEF}\"", &["script \"echo $UNDEF ${UNDEF}\""]);
    check("$A = 5", &["$A = 5"]);
    check("$E=\na ${E}b $E", &["a b"]);
}

#[test]
fn a_parameter_may_hold_a_condition() {
    check("$IF=@main\n$NOT=@other\n$IF priority 240\n$NOT priority 1", &["priority 240"]);
    check("@main $P=1\n@other $P=2\npriority $P", &["priority 1"]);
}

#[test]
fn a_definition_of_several_lines_is_read_up_to_a_line_without_backslash() {
    let text = "$V= \\\n vrrp_instance VI_${N} { \\\n \\\n  priority ${P} \\\n }\n$N=1\n$P=7\n$V\n$N=2\n$V";
    check(text, &["vrrp_instance VI_1 {", "priority 7", "}", "vrrp_instance VI_2 {", "priority 7", "}"]);
}

#[test]
fn a_blank_line_or_a_comment_ends_a_definition_as_in_keepalived() {
    check("$V= \\\n a \\\n\n b\n$V", &["b", "a"]);
    check("$V= \\\n a # said \\\n b\n$V", &["b", "a"]);
}

#[test]
fn definitions_nest() {
    let text = "$R= \\\n real ${I}.${J} \\\n end\n$O= \\\n $J=1 \\\n $R \\\n $J=2 \\\n $R\n$I=9\n$O";
    check(text, &["real 9.1", "end", "real 9.2", "end"]);
}

#[test]
fn a_sequence_repeats_the_rest_of_its_line() {
    check("~SEQ(A, 0, 3) 10.0.${A}.1", &["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1"]);
    check("~SEQ(A,3) $A", &["1", "2", "3"]);
    check("~SEQ(A,-2) $A", &["-1", "-2"]);
    check("~SEQ(A,9,-2,5) $A", &["9", "7", "5"]);
    check("~SEQx(A, 0x90, 0x10, 0xb0) fe80::${A}", &["fe80::90", "fe80::a0", "fe80::b0"]);
    check("~SEQ(A,1,2) ~SEQ(B,8,9) $A.${B} ${A}", &["$A.8 1", "$A.9 1", "$A.8 2", "$A.9 2"]);
    check("$N=2\n~SEQ(A,1,${N}) ${A}", &["1", "2"]);
}

#[test]
fn a_list_repeats_the_rest_of_its_line_with_one_or_several_names() {
    check("~LST(IP, 1, 7) 10.${IP}", &["10.1", "10.7"]);
    check("~LST({A, B}, {10,1},{20,4}) ${A}.${B}", &["10.1", "20.4"]);
}

#[test]
fn what_is_predefined_is_replaced_and_not_read_again() {
    check("a ${_HASH} ${_BANG} ${_INSTANCE} ${_PWD} ${_ENV HOME}", &["a # ! main /etc/ka /root"]);
    let (lines, _) = run("${_RANDOM 5 7} ${_RANDOM 3 3}", "main");
    let (number, three) = lines[0].split_once(' ').unwrap();
    assert!((5..=7).contains(&number.parse::<u32>().unwrap()));
    assert_eq!(three, "3");
}

#[test]
fn a_parameter_that_names_itself_is_told_and_the_rest_is_read() {
    let (lines, said) = run("$R=${R}x\na ${R}\nb\n$M= \\\n $M \\\n c\n$M\nd", "main");
    assert_eq!(lines, ["b"], "an endless block stops the reading");
    assert_eq!(said.len(), 2, "{said:?}");
}

#[test]
fn a_malformed_sequence_is_told_and_skipped() {
    let (lines, said) =
        run("~SEQ(I,1,2 x\n~SEQ(I,a,2) x\n~SEQ(I,1,0,2) x\n~SEQ(I,1,-1,2) x\n~LST(I) x\ny", "main");
    assert_eq!(lines, ["y"]);
    assert_eq!(said.len(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_expanded_without_panic(text in "([$~@{}A-C=() ,\\\\SEQLT0-9\\n]|\\PC){0,120}") {
        let _ = run(&text, "A");
    }
}
