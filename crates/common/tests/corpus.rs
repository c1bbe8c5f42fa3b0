//! The fuzzer's corpus, replayed: each input that once found something, and one of every kind, with small
//! changes of each.
#![allow(clippy::print_stdout, reason = "the name of an input is shown when its check fails")]

#[path = "../../../tests/fuzz/targets/mutate.rs"]
mod mutate;
#[path = "../../../tests/fuzz/targets/common.rs"]
mod targets;

#[test]
fn haproxy_cfg() {
    mutate::replay("haproxy_cfg", ROUNDS, targets::haproxy_cfg);
}

#[test]
fn keepalived_conf() {
    mutate::replay("keepalived_conf", ROUNDS, targets::keepalived_conf);
}

/// Small changes that are tried of each input.
const ROUNDS: usize = 60;
