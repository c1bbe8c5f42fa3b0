use std::{fs, path::PathBuf};

use proptest::prelude::*;

use super::*;
use crate::diag::{Severity, render};

fn corpus() -> Vec<PathBuf> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus/haproxy");
    let mut all: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    all.retain(|p| p.extension().is_some_and(|e| e == "cfg"));
    all.sort();
    assert!(all.len() >= 8, "the corpus is there: {all:?}");
    all
}

#[test]
fn every_golden_loads_without_an_alert() {
    for path in corpus() {
        let loaded = load(&[&path], &Env::default());
        let alerts = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Alert);
        let alerts = render::rich_all(alerts, &loaded.sources, false);
        assert!(alerts.is_empty(), "{alerts}");
        assert!(!loaded.config.proxies.is_empty(), "{path:?}");
    }
}

#[test]
fn every_golden_comes_back_from_yaml_as_the_same_model() {
    for path in corpus() {
        let config = load(&[&path], &Env::default()).config;
        let yaml = crate::yaml::dump(&config).unwrap();
        let again = load_text(vec![("again.yaml".to_owned(), yaml.clone())], &Env::default());
        assert!(again.diagnostics.is_empty(), "{path:?}\n{}\n{yaml}", messages(&again));
        assert!(again.config == config, "{path:?}\n{yaml}\n{}", crate::yaml::dump(&again.config).unwrap());
    }
}

#[test]
fn the_schema_describes_the_model() {
    let schema = crate::yaml::schema::<Config>();
    for word in ["\"proxies\"", "\"use_backend\"", "\"roundrobin\"", "\"http_request\"", "\"addresses\""] {
        assert!(schema.contains(word), "{word}");
    }
}

fn messages(loaded: &Loaded) -> String {
    render::rich_all(loaded.diagnostics.iter(), &loaded.sources, false)
}

#[test]
fn files_are_read_in_order_and_a_directory_stands_for_its_cfg_files() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("20-b.cfg", "frontend two\n bind :82\n");
    write("10-a.cfg", "defaults\n mode http\nfrontend one\n bind :81\n");
    write(".hidden.cfg", "nonsense\n");
    write("note.txt", "nonsense\n");
    let loaded = load(&[dir.path()], &Env::default());
    assert!(loaded.diagnostics.is_empty(), "{}", messages(&loaded));
    let names: Vec<_> = loaded.config.proxies.iter().map(|p| (p.name.as_str(), p.mode)).collect();
    assert_eq!(names, [("one", model::Mode::Http), ("two", model::Mode::Http)]);
}

#[test]
fn a_file_that_cannot_be_read_is_an_alert_and_the_others_are_still_read() {
    let loaded = load(&["/nonexistent/x.cfg", "/dev/null"], &Env::default());
    assert_eq!(loaded.diagnostics.count(Severity::Alert), 1);
    assert!(messages(&loaded).contains("/nonexistent/x.cfg"));
}

#[test]
fn old_encodings_in_comments_are_nobodys_business_but_in_words_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.cfg");
    fs::write(&path, b"global # d\xe9mon\n daemon\n").unwrap();
    assert!(load(&[&path], &Env::default()).diagnostics.is_empty());
    fs::write(&path, b"global\n log-tag d\xe9mon\n").unwrap();
    assert_eq!(load(&[&path], &Env::default()).diagnostics.count(Severity::Alert), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let loaded = load_text(vec![("x.cfg".to_owned(), text)], &Env::default());
        let _ = messages(&loaded);
    }

    /// Lines made of the language's own words go deeper than random bytes.
    #[test]
    fn no_line_of_known_words_makes_it_panic(
        kind in prop::sample::select(vec!["global", "defaults d", "frontend f", "backend b", "listen l", "peers p"]),
        lines in prop::collection::vec((any::<prop::sample::Index>(), "[ -~]{0,24}"), 0..12),
    ) {
        let registry = section::registry();
        let mut text = format!("{kind}\n");
        for (row, args) in &lines {
            text.push_str(&format!(" {} {args}\n", row.get(&registry).name));
        }
        let loaded = load_text(vec![("x.cfg".to_owned(), text)], &Env::default());
        let _ = messages(&loaded);
        let yaml = crate::yaml::dump(&loaded.config).unwrap();
        let again = load_text(vec![("x.yaml".to_owned(), yaml.clone())], &Env::default());
        prop_assert!(again.config == loaded.config, "{}\n{}", yaml, messages(&again));
    }
}
