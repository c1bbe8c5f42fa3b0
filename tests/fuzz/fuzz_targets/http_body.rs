//! Entry of the fuzzer; what is checked stands in `targets/http.rs`.
#![no_main]

#[allow(dead_code, reason = "the module holds the checks of other targets too")]
#[path = "../targets/http.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::http_body(data));
