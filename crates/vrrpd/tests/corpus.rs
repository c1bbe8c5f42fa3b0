//! The fuzzer's corpus, replayed: each input that once found something, and one of every kind, with small
//! changes of each.
#![allow(clippy::print_stdout, reason = "the name of an input is shown when its check fails")]

#[path = "../../../tests/fuzz/targets/mutate.rs"]
mod mutate;
#[path = "../../../tests/fuzz/targets/vrrpd.rs"]
mod targets;

#[test]
fn vrrp_packet() {
    mutate::replay("vrrp_packet", ROUNDS, targets::vrrp_packet);
}

/// Small changes that are tried of each input.
const ROUNDS: usize = 3000;
