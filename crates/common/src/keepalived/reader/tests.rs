use std::fs;

use super::*;
use crate::keepalived::Env;

struct Read {
    lines: Vec<String>,
    said: Vec<(Severity, String)>,
    missing: bool,
}

/// Writes the files into a directory of their own and reads the first.
fn read_all(files: &[(&str, &str)]) -> Read {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (mut sources, mut diags, env) = (SourceMap::new(), Diagnostics::default(), Env::default());
    let mut expander = Expander::new(&env);
    let mut reader = Reader {
        sources: &mut sources,
        expander: &mut expander,
        diags: &mut diags,
        missing: false,
        forbidden: false,
        strict: false,
    };
    reader.main(&dir.path().join(files[0].0));
    let missing = reader.missing;
    let root = format!("{}/", dir.path().display());
    Read {
        lines: expander.lines.into_iter().map(|l| l.text.replace(&root, "")).collect(),
        said: diags.iter().map(|d| (d.severity, d.message.replace(&root, ""))).collect(),
        missing,
    }
}

#[test]
fn a_relative_include_is_sought_beside_the_including_file() {
    let got = read_all(&[
        ("main.conf", "a\ninclude sub/one.conf\nd\n"),
        ("sub/one.conf", "b ${_PWD}\ninclude two.conf # comment\n"),
        ("sub/two.conf", "c\n"),
    ]);
    assert_eq!(got.lines, ["a", "b sub", "c", "d"]);
    assert_eq!(got.said, []);
}

#[test]
fn wildcards_and_braces_name_several_files_in_order() {
    let got = read_all(&[
        ("main.conf", "include d/*.conf\ninclude d/{y,x}.txt\n"),
        ("d/2.conf", "two"),
        ("d/1.conf", "one"),
        ("d/x.txt", "x"),
        ("d/y.txt", "y"),
        ("d/sub.conf/keep", ""),
    ]);
    assert_eq!(got.lines, ["one", "two", "y", "x"]);
}

#[test]
fn an_include_without_match_is_only_noted_unless_asked_to_be_strict() {
    let got = read_all(&[("m", "include none.conf\ninclude none/*.conf\nx")]);
    assert_eq!((got.lines.as_slice(), got.missing), (["x".to_owned()].as_slice(), false));
    assert!(got.said.iter().all(|(s, _)| *s == Severity::Notice) && got.said.len() == 2);
    for strict in ["includem a.conf", "includew a/*.conf", "includeb {a,m}", "includea a.conf", "includea a*"]
    {
        // A file that includes itself stops at the limit, so each pattern names what is not there.
        let got = read_all(&[("n", strict), ("m", "")]);
        assert!(got.missing, "{strict}");
    }
}

#[test]
fn include_check_holds_for_the_file_and_those_below_it() {
    let got = read_all(&[
        ("m", "include_check +match\ninclude s\n"),
        ("s", "include none\ninclude_check -match\n"),
    ]);
    assert!(got.missing);
    let got = read_all(&[("m", "include_check\ninclude_check -match -wildcard_match\ninclude none\n")]);
    assert!(!got.missing);
}

#[test]
fn a_file_that_includes_itself_is_told() {
    let got = read_all(&[("m", "x\ninclude m\n")]);
    assert_eq!(got.lines.len(), DEPTH_MAX + 1);
    assert_eq!(got.said, [(Severity::Alert, "files include one another too deeply".to_owned())]);
}

#[test]
fn a_missing_main_file_and_a_directory_are_told() {
    let (mut sources, mut diags, env) = (SourceMap::new(), Diagnostics::default(), Env::default());
    let mut expander = Expander::new(&env);
    let mut reader = Reader {
        sources: &mut sources,
        expander: &mut expander,
        diags: &mut diags,
        missing: false,
        forbidden: false,
        strict: false,
    };
    reader.main(Path::new("/nonexistent/keepalived.conf"));
    reader.main(Path::new("/"));
    assert!(reader.missing);
    assert_eq!(diags.count(Severity::Alert), 2);
}

#[test]
fn braces_nest() {
    assert_eq!(alternatives("{foo/{,cat,dog},bar}"), ["foo/", "foo/cat", "foo/dog", "bar"]);
    assert_eq!(alternatives("a{b"), ["a{b"]);
}
