//! Entry of the fuzzer; what is checked stands in `targets/lbproxy.rs`.
#![no_main]

#[allow(dead_code, reason = "the module holds the checks of other targets too")]
#[path = "../targets/lbproxy.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::stats_socket(data));
