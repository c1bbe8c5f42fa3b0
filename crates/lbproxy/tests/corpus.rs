//! The fuzzer's corpus, replayed: each input that once found something, and one of every kind, with small
//! changes of each.
#![allow(clippy::print_stdout, reason = "the name of an input is shown when its check fails")]

#[path = "../../../tests/fuzz/targets/mutate.rs"]
mod mutate;
#[path = "../../../tests/fuzz/targets/lbproxy.rs"]
mod targets;

#[test]
fn proxy_protocol() {
    mutate::replay("proxy_protocol", ROUNDS, targets::proxy_protocol);
}

#[test]
fn stats_socket() {
    mutate::replay("stats_socket", ROUNDS, targets::stats_socket);
}

/// Small changes that are tried of each input.
const ROUNDS: usize = 3000;
