//! The fuzzer's corpus, replayed: each input that once found something, and one of every kind, with small
//! changes of each.
#![allow(clippy::print_stdout, reason = "the name of an input is shown when its check fails")]

use std::path::Path;

#[path = "../../../tests/fuzz/targets/mutate.rs"]
mod mutate;
#[allow(dead_code)]
#[path = "../../../tests/fuzz/targets/lbproxy.rs"]
mod targets;

#[test]
fn proxy_protocol() {
    replay("proxy_protocol", targets::proxy_protocol);
}

#[test]
fn stats_socket() {
    replay("stats_socket", targets::stats_socket);
}

/// Small changes that are tried of each input.
const ROUNDS: usize = 3000;

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
