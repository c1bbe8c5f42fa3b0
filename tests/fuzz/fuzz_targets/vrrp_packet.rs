//! Entry of the fuzzer; what is checked stands in `targets/vrrpd.rs`.
#![no_main]

#[allow(dead_code, reason = "the module holds the checks of other targets too")]
#[path = "../targets/vrrpd.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::vrrp_packet(data));
