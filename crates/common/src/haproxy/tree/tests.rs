use super::*;

struct Read {
    tree: Tree,
    said: Vec<String>,
}

fn read_text(text: &str) -> Read {
    let mut sources = SourceMap::new();
    let file = sources.add("t.cfg", text);
    let (mut env, mut tree, mut diags) = (Env::default(), Tree::default(), Diagnostics::default());
    read(&sources, file, &mut env, &mut tree, &mut diags);
    let said = diags
        .iter()
        .map(|d| {
            let place = d.primary.as_ref().map_or(0, |p| sources.line_col(p.span).line);
            format!("{:?} {place} {}", d.severity, d.message)
        })
        .collect();
    Read { tree, said }
}

fn shape(tree: &Tree) -> String {
    let mut out = String::new();
    for s in &tree.sections {
        let args: Vec<_> = s.args.iter().map(|a| a.value.as_str()).collect();
        out.push_str(&format!("{}({})", s.kind.value, args.join(" ")));
        for l in &s.lines {
            let words: Vec<_> = l.words.iter().map(|a| a.value.as_str()).collect();
            out.push_str(&format!(" [{}]", words.join(" ")));
        }
        out.push(';');
    }
    out
}

#[test]
fn sections_hold_the_lines_below_them_and_comments_are_gone() {
    let r = read_text("global#x\n daemon#d\nfrontend  foo\nmode http   # or tcp\n\n# c\n");
    assert_eq!(shape(&r.tree), "global() [daemon];frontend(foo) [mode http];");
    assert!(r.said.is_empty());
}

#[test]
fn a_line_before_any_section_is_an_alert_that_names_the_nearest_section() {
    let r = read_text("frontent x\nglobal\n");
    assert_eq!(r.said, ["Alert 1 `frontent` stands before any section"]);
}

#[test]
fn conditional_blocks_choose_lines() {
    let text = "global\n.if 0\n a\n.elif 1\n b\n .if 1\n  c\n .else\n  d\n .endif\n.elif foo(\n e\n.else\n f\n.endif\n g\n";
    let r = read_text(text);
    assert_eq!(shape(&r.tree), "global() [b] [c] [g];");
    assert!(r.said.is_empty(), "{:?}", r.said);
}

#[test]
fn faulty_blocks_are_said_with_their_place_and_reading_goes_on() {
    let r = read_text(
        "global\n.endif\n.if 1\n.else\n.elif 1\n.endif x\n.else\n.endif\n.if nope\n a\n.endif\n.foo\n b\n.if 1\n",
    );
    let lines: Vec<_> = r.said.iter().map(|s| s.split(' ').nth(1).unwrap()).collect();
    assert_eq!(lines, ["2", "5", "6", "7", "9", "12", "14"], "{:?}", r.said);
    assert_eq!(shape(&r.tree), "global() [b];");
}

#[test]
fn messages_of_the_configuration_have_their_own_severity() {
    let r = read_text(".notice n\n.warning w\n.alert a\n.diag d\n.notice a b\n.if 0\n.alert no\n.endif\n");
    assert_eq!(r.said.len(), 5);
    assert_eq!(r.said[..4], ["Notice 1 n", "Warning 2 w", "Alert 3 a", "Diag 4 d"]);
}

#[test]
fn variables_set_in_global_are_seen_by_later_lines() {
    let text = "global\n setenv A 1\n presetenv A 2\n presetenv B 3\n log-tag \"$A$B\"\n unsetenv A\n.if defined(A)\n x\n.endif\n";
    let r = read_text(text);
    assert!(shape(&r.tree).contains("[log-tag 13]") && !shape(&r.tree).contains("[x]"), "{}", shape(&r.tree));
}

#[test]
fn empty_arguments_and_a_cut_off_file_are_alerts() {
    let r = read_text("global\n log-tag \"\"\n\"\" ignored\n daemon");
    assert_eq!(r.said.len(), 2, "{:?}", r.said);
    assert!(r.said[0].starts_with("Alert 2") && r.said[1].starts_with("Alert 4"));
}
