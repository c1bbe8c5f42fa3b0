//! The fuzzer's corpus, replayed: each input that once found something, and one of every kind, with small
//! changes of each.
#![allow(clippy::print_stdout, reason = "the name of an input is shown when its check fails")]

#[path = "../../../tests/fuzz/targets/mutate.rs"]
mod mutate;
#[allow(dead_code, reason = "the module holds what other tests ask for too")]
#[path = "../../../tests/fuzz/targets/http.rs"]
mod targets;

#[test]
fn http_body() {
    mutate::replay("http_body", ROUNDS, targets::http_body);
}

#[test]
fn http_forward() {
    mutate::replay("http_forward", ROUNDS, targets::http_forward);
}

#[test]
fn http_head() {
    mutate::replay("http_head", ROUNDS, targets::http_head);
}

/// Small changes that are tried of each input.
const ROUNDS: usize = 300;
