//! Messages for arrays of strings; see `patchcord_signal::fuzz::string_array`. Seeds: `crates/patchcord-signal/tests/corpus/string_array`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patchcord_signal::fuzz::string_array(data));
