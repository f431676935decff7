//! The target `payment` for libFuzzer; what it checks is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| onepoint_fuzz::payment(input));
