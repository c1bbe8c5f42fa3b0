//! The fuzzer's corpus, replayed: each input that once found something, and one of every kind, with small
//! changes of each.
#![allow(clippy::print_stdout, reason = "the name of an input is shown when its check fails")]

use std::path::Path;

#[path = "../../../tests/fuzz/targets/mutate.rs"]
mod mutate;
#[allow(dead_code)]
#[path = "../../../tests/fuzz/targets/http.rs"]
mod targets;

#[test]
fn http_body() {
    replay("http_body", targets::http_body);
}

#[test]
fn http_forward() {
    replay("http_forward", targets::http_forward);
}

#[test]
fn http_head() {
    replay("http_head", targets::http_head);
}

/// Small changes that are tried of each input.
const ROUNDS: usize = 300;

fn replay(target: &str, check: fn(&[u8])) {
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&at).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "{} holds inputs", at.display());
    for file in files {
        // The name is shown when the check fails.
        println!("{}", file.display());
        let input = std::fs::read(&file).unwrap();
        check(&input);
        mutate::each(&input, ROUNDS, check);
    }
}
